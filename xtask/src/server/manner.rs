//! How a server treats those who connect.

use std::time::{Duration, UNIX_EPOCH};

use tokio_tungstenite::tungstenite::Message;

/// How a server treats those who connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Sends every message back.
    Echo,
    /// Sends every message back, and says `text` again and again besides.
    EchoAndTalk {
        /// What is said.
        text: &'static str,
        /// From one time to the next.
        period: Duration,
    },
    /// Passes every message on to everyone who is connected, also to who sent it.
    Relay,
    /// Listens, says nothing, and knows no subprotocol.
    Unfamiliar,
    /// Listens and says nothing.
    Silent,
    /// Answers each `heartbeat` with this text, and nothing else.
    Answer(&'static str),
    /// Sends every message back behind this text.
    Prefix(&'static str),
    /// Answers each heartbeat `{"event":"ping"}` with a pong that has the time, and sends the rest back.
    Stamp,
    /// Sends every message back, once this was the first; closes with 1008 where it was not.
    Login(&'static str),
    /// Sends every message back, and asks; closes with 1008 where that is not answered.
    Ask(Question),
    /// Says `text` again and again.
    Talk {
        /// What is said.
        text: &'static str,
        /// From one time to the next.
        period: Duration,
    },
    /// Speaks in binary, as an MQTT broker does: answers what connects and what asks whether it lives, and
    /// closes with 1003 where a text comes.
    Mqtt,
    /// Accepts the TCP connection and leaves the handshake unanswered.
    Deaf,
    /// Answers the handshake with HTTP 503.
    Refuse,
    /// Opens and closes at once with this code.
    Dismiss(u16),
}

/// What a server asks, and wants to be answered within [`PATIENCE`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Question {
    /// `{"type":"ping"}`, answered with `{"type":"pong"}`.
    Type,
    /// `{"ping":1492420473027}`, answered with `{"pong":1492420473027}`: the time, as many exchanges ask.
    Time,
    /// `2`, answered with `3`: Engine.IO 4.
    EngineIo,
}

/// How long a server waits for the answer to what it asks.
pub const PATIENCE: Duration = Duration::from_millis(2_500);

/// From one question to the next.
pub(super) const ASKED_EVERY: Duration = Duration::from_millis(500);

impl Question {
    /// The question of this number, and its answer.
    pub(super) fn text(self, number: u64) -> (String, String) {
        match self {
            Self::Type => (r#"{"type":"ping"}"#.into(), r#"{"type":"pong"}"#.into()),
            Self::Time => {
                let time = 1_492_420_473_027 + number;
                (
                    format!(r#"{{"ping":{time}}}"#),
                    format!(r#"{{"pong":{time}}}"#),
                )
            }
            Self::EngineIo => ("2".into(), "3".into()),
        }
    }
}

impl Manner {
    /// What is said to a message that came.
    pub(super) fn answer(self, message: Message) -> Option<Message> {
        match self {
            Self::Prefix(prefix) => {
                let text = message.to_text().ok().filter(|_| is_content(&message));
                text.map(|text| Message::text(format!("{prefix}{text}")))
            }
            Self::Stamp if message == Message::text(r#"{"event":"ping"}"#) => {
                let pong = r#"{"event":"pong","ts":TIME,"cid":1234}"#;
                let since = UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
                Some(Message::text(pong.replace("TIME", &since.to_string())))
            }
            Self::Echo | Self::EchoAndTalk { .. } | Self::Stamp | Self::Login(_) | Self::Ask(_) => {
                is_content(&message).then_some(message)
            }
            Self::Answer(text) => {
                (message == Message::text("heartbeat")).then(|| Message::text(text))
            }
            Self::Mqtt => match message.into_data().first() {
                // CONNECT and CONNACK, PINGREQ and PINGRESP of MQTT 3.1.1.
                Some(0x10) => Some(Message::binary(vec![0x20, 2, 0, 0])),
                Some(0xc0) => Some(Message::binary(vec![0xd0, 0])),
                _ => None,
            },
            Self::Relay
            | Self::Unfamiliar
            | Self::Silent
            | Self::Talk { .. }
            | Self::Deaf
            | Self::Refuse
            | Self::Dismiss(_) => None,
        }
    }
}

/// Whether it is a message, and no ping, pong or close.
pub(super) fn is_content(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
