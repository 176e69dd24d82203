//! What a frame means: the plain text protocol.

use std::{collections::VecDeque, time::Duration};

use crate::{outbox::Message, settings::Settings};

/// What a server sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary {
        /// The size of its payload.
        bytes: usize,
        /// How that begins: at most [`MAX_HEAD`] bytes.
        head: Vec<u8>,
    },
}

/// What is kept of a binary frame, in bytes.
pub const MAX_HEAD: u32 = 64 * 1024;

/// What is sent to a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Transmit {
    /// A message from the outbox.
    Message(Message),
    /// A heartbeat with this text.
    Heartbeat(String),
}

impl Transmit {
    /// The text frame that carries it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Message(message) => &message.text,
            Self::Heartbeat(text) => text,
        }
    }
}

/// What a frame from the server means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// A message for whoever reads the page.
    Message,
    /// The answer to the oldest heartbeat that was still unanswered. A WebSocket keeps the order,
    /// so all that was sent before that heartbeat has arrived.
    Reply {
        /// When that heartbeat was sent.
        sent: Duration,
        /// How many messages had been sent before it, as far as that is known.
        taken: u64,
    },
    /// The server's own heartbeat.
    ServerHeartbeat,
    /// One more answer to a heartbeat: some servers echo it and answer it as well.
    SecondReply,
}

/// Plain text: a frame is a message unless its text is agreed to be something else.
///
/// A server that echoes answers in order, so a reply is told from the echo of the same text typed
/// by a person by what was sent first.
#[derive(Clone, Debug)]
pub struct PlainText {
    heartbeat_text: String,
    reply_texts: Vec<String>,
    server_heartbeat_texts: Vec<String>,
    unanswered: VecDeque<Sent>,
    /// The text of the connection's first reply.
    reply: Option<String>,
    /// More heartbeats are unanswered than are noted, so nobody can tell which one a reply is for.
    has_lost_count: bool,
}

impl PlainText {
    /// Takes the texts that are agreed on from the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            heartbeat_text: settings.heartbeat_text.clone(),
            reply_texts: settings.reply_text.clone(),
            server_heartbeat_texts: settings.server_heartbeat_text.clone(),
            unanswered: VecDeque::new(),
            reply: None,
            has_lost_count: false,
        }
    }

    /// Makes a heartbeat to be sent now, behind `taken` messages of this connection.
    #[must_use]
    pub fn heartbeat(&mut self, now: Duration, taken: u64) -> Transmit {
        self.expect_answer(Sent::Heartbeat { at: now, taken });
        Transmit::Heartbeat(self.heartbeat_text.clone())
    }

    /// Takes note of a message to be sent now, as far as its echo could be mistaken for a reply.
    pub fn note(&mut self, message: &Message) {
        if self.reply_texts.contains(&message.text) {
            self.expect_answer(Sent::Lookalike(message.text.clone()));
        }
    }

    /// Tells what a frame means, and counts a reply as given.
    pub fn meaning(&mut self, frame: &Frame) -> Meaning {
        let Frame::Text(text) = frame else {
            return Meaning::Message;
        };
        if self.server_heartbeat_texts.contains(text) {
            return Meaning::ServerHeartbeat;
        }
        if !self.reply_texts.contains(text) {
            return Meaning::Message;
        }
        let index = self
            .unanswered
            .iter()
            .position(|sent| sent.is_answered_by(text, &self.heartbeat_text));
        let Some(index) = index else {
            return Meaning::Message;
        };
        // To the server a typed heartbeat is one, too, so its answer shows how this one answers.
        let is_heartbeat = match &self.unanswered[index] {
            Sent::Heartbeat { .. } => true,
            Sent::Lookalike(typed) => *typed == self.heartbeat_text,
        };
        if is_heartbeat && self.reply.get_or_insert_with(|| text.clone()) != text {
            return Meaning::SecondReply;
        }
        match self.unanswered.drain(..=index).next_back() {
            Some(Sent::Heartbeat { at, taken }) => Meaning::Reply {
                sent: at,
                taken: if self.has_lost_count { 0 } else { taken },
            },
            Some(Sent::Lookalike(_)) | None => Meaning::Message,
        }
    }

    /// When the oldest heartbeat was sent that has no reply; long ago if nobody can tell.
    #[must_use]
    pub fn oldest_unanswered(&self) -> Option<Duration> {
        if self.has_lost_count {
            return Some(Duration::ZERO);
        }
        self.unanswered.iter().find_map(|sent| match sent {
            Sent::Heartbeat { at, .. } => Some(*at),
            Sent::Lookalike(_) => None,
        })
    }

    /// Forgets what was sent: a new connection answers nothing of the old one.
    pub fn reset(&mut self) {
        self.unanswered.clear();
        self.reply = None;
        self.has_lost_count = false;
    }

    fn expect_answer(&mut self, sent: Sent) {
        if self.unanswered.len() == MAX_UNANSWERED {
            self.unanswered.pop_front();
            self.has_lost_count = true;
        }
        self.unanswered.push_back(sent);
    }
}

/// Something sent whose answer is a reply's text.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Sent {
    /// A heartbeat: when, and behind how many messages.
    Heartbeat { at: Duration, taken: u64 },
    /// A message whose echo looks like a reply.
    Lookalike(String),
}

impl Sent {
    /// Whether a text out of the reply texts can be the answer. To the server a message with the
    /// heartbeat's text is a heartbeat, so any reply can answer it.
    fn is_answered_by(&self, text: &str, heartbeat_text: &str) -> bool {
        match self {
            Self::Heartbeat { .. } => true,
            Self::Lookalike(sent) => sent == text || sent == heartbeat_text,
        }
    }
}

/// At the default period, eight hours without a reply.
const MAX_UNANSWERED: usize = 1_000;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::outbox::{MessageId, Origin};

    #[test]
    fn a_reply_is_one_only_while_a_heartbeat_is_unanswered() {
        let mut protocol = PlainText::new(&Settings::default());
        assert_eq!(receive(&mut protocol, "heartbeat"), Meaning::Message);
        beat(&mut protocol);
        assert_eq!(receive(&mut protocol, "hello"), Meaning::Message);
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
        assert_eq!(receive(&mut protocol, "heartbeat"), Meaning::Message);
        protocol.reset();
        beat(&mut protocol);
        assert_eq!(receive(&mut protocol, "pong"), REPLY);
        assert_eq!(receive(&mut protocol, "pong"), Meaning::Message);
    }

    #[test]
    fn the_echo_of_a_typed_heartbeat_is_matched_in_order() {
        let mut protocol = PlainText::new(&Settings::default());
        note(&mut protocol, "heartbeat");
        beat(&mut protocol);
        note(&mut protocol, "pong");
        assert_eq!(receive(&mut protocol, "heartbeat"), Meaning::Message);
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
        assert_eq!(receive(&mut protocol, "pong"), Meaning::Message);
    }

    #[test]
    fn a_server_that_echoes_nothing_typed_still_answers() {
        let mut protocol = PlainText::new(&Settings::default());
        note(&mut protocol, "pong");
        beat(&mut protocol);
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
    }

    #[test]
    fn a_new_connection_answers_no_old_heartbeat() {
        let mut protocol = PlainText::new(&Settings::default());
        beat(&mut protocol);
        protocol.reset();
        assert_eq!(receive(&mut protocol, "heartbeat"), Meaning::Message);
    }

    #[test]
    fn the_servers_own_heartbeats_are_no_messages() {
        let mut protocol = PlainText::new(&Settings {
            server_heartbeat_text: vec!["ping".into(), "tick".into()],
            ..Settings::default()
        });
        assert_eq!(receive(&mut protocol, "tick"), Meaning::ServerHeartbeat);
        assert_eq!(receive(&mut protocol, "tock"), Meaning::Message);
        let binary = Frame::Binary {
            bytes: 4,
            head: b"beat".into(),
        };
        assert_eq!(protocol.meaning(&binary), Meaning::Message);
    }

    #[test]
    fn a_server_that_never_answers_costs_no_memory() {
        let mut protocol = PlainText::new(&Settings::default());
        for _ in 0..10 * MAX_UNANSWERED {
            beat(&mut protocol);
        }
        assert_eq!(protocol.unanswered.len(), MAX_UNANSWERED);
    }

    #[test]
    fn a_reply_proves_what_was_sent_before_its_heartbeat() {
        let mut protocol = PlainText::new(&Settings::default());
        for taken in [3, 5] {
            let _ = protocol.heartbeat(SENT, taken);
        }
        for taken in [3, 5] {
            let expected = Meaning::Reply { sent: SENT, taken };
            assert_eq!(receive(&mut protocol, "heartbeat"), expected);
        }
    }

    #[test]
    fn a_heartbeat_that_is_answered_twice_proves_nothing_of_the_next() {
        let mut protocol = PlainText::new(&Settings::default());
        let _ = protocol.heartbeat(SENT, 0);
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
        let _ = protocol.heartbeat(SENT, 500);
        assert_eq!(receive(&mut protocol, "pong"), Meaning::SecondReply);
        let expected = Meaning::Reply {
            sent: SENT,
            taken: 500,
        };
        assert_eq!(receive(&mut protocol, "heartbeat"), expected);
        protocol.reset();
        beat(&mut protocol);
        assert_eq!(receive(&mut protocol, "pong"), REPLY);
    }

    #[test]
    fn a_typed_heartbeat_that_is_answered_twice_proves_nothing_either() {
        let mut protocol = PlainText::new(&Settings::default());
        note(&mut protocol, "heartbeat");
        let _ = protocol.heartbeat(SENT, 2);
        assert_eq!(receive(&mut protocol, "heartbeat"), Meaning::Message);
        assert_eq!(receive(&mut protocol, "pong"), Meaning::SecondReply);
    }

    #[test]
    fn the_oldest_heartbeat_without_a_reply_is_known() {
        let mut protocol = PlainText::new(&Settings::default());
        assert_eq!(protocol.oldest_unanswered(), None);
        for seconds in [1, 2] {
            let _ = protocol.heartbeat(Duration::from_secs(seconds), 0);
        }
        note(&mut protocol, "pong");
        let _ = receive(&mut protocol, "heartbeat");
        assert_eq!(protocol.oldest_unanswered(), Some(Duration::from_secs(2)));
        let _ = receive(&mut protocol, "heartbeat");
        assert_eq!(protocol.oldest_unanswered(), None);
    }

    #[test]
    fn who_has_lost_count_proves_nothing() {
        let mut protocol = PlainText::new(&Settings::default());
        for taken in 0..=MAX_UNANSWERED as u64 {
            let _ = protocol.heartbeat(SENT, taken);
        }
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
        assert_eq!(receive(&mut protocol, "heartbeat"), REPLY);
        assert_eq!(protocol.oldest_unanswered(), Some(Duration::ZERO));
    }

    const SENT: Duration = Duration::from_secs(7);
    const REPLY: Meaning = Meaning::Reply {
        sent: SENT,
        taken: 0,
    };

    fn beat(protocol: &mut PlainText) {
        let _ = protocol.heartbeat(SENT, 0);
    }

    fn receive(protocol: &mut PlainText, text: &str) -> Meaning {
        protocol.meaning(&Frame::Text(text.into()))
    }

    fn note(protocol: &mut PlainText, text: &str) {
        protocol.note(&Message {
            id: MessageId::default(),
            text: text.into(),
            origin: Origin::Typed,
            is_repeat: false,
        });
    }
}
