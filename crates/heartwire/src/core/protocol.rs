//! What goes over a connection, and what it means.

#[cfg(feature = "stomp")]
use std::fmt;
use std::time::Duration;

use super::outbox::Message;
#[cfg(feature = "stomp")]
use super::stomp::frame;
use crate::Payload;

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
    /// What every connection begins with.
    Greeting(Payload),
    /// The answer to what the server asks.
    Answer(Payload),
    /// What a protocol wants said besides.
    #[cfg(feature = "stomp")]
    Control(Control),
}

impl Transmit {
    /// Whether it tells the server that a message came.
    #[cfg(feature = "stomp")]
    pub(crate) fn is_acknowledgement(&self) -> bool {
        matches!(self, Self::Control(Control { command: "ACK", .. }))
    }

    /// The frame that carries it.
    #[must_use]
    pub fn payload(&self) -> PayloadRef<'_> {
        match self {
            Self::Message(Message { payload, .. })
            | Self::Greeting(payload)
            | Self::Answer(payload) => payload.into(),
            Self::Heartbeat(text) => PayloadRef::Text(text),
            #[cfg(feature = "stomp")]
            Self::Control(control) => control.shown(),
        }
    }

    /// The frame of the protocol's own that it is, for the server alone.
    #[cfg(feature = "stomp")]
    pub(crate) fn control(&self) -> Option<&str> {
        if let Self::Control(control) = self {
            Some(&control.frame)
        } else {
            None
        }
    }
}

/// A frame that carries no message. It may hold a passcode: only its command is shown.
#[cfg(feature = "stomp")]
#[derive(Clone, Eq, PartialEq)]
pub struct Control {
    /// What it is for: `CONNECT`, say.
    pub command: &'static str,
    frame: String,
}

#[cfg(feature = "stomp")]
impl Control {
    pub(super) fn new(command: &'static str, headers: &[(&str, &str)]) -> Self {
        let frame = frame::write(command, headers, "");
        Self { command, frame }
    }

    /// All of it but a login.
    fn shown(&self) -> PayloadRef<'_> {
        PayloadRef::Text(match self.command {
            "CONNECT" => self.command,
            _ => &self.frame,
        })
    }
}

#[cfg(feature = "stomp")]
impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Control").field(&self.command).finish()
    }
}

/// A payload that somebody else owns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PayloadRef<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame.
    Binary(&'a [u8]),
}

impl<'a> From<&'a Payload> for PayloadRef<'a> {
    fn from(payload: &'a Payload) -> Self {
        match payload {
            Payload::Text(text) => Self::Text(text),
            Payload::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

/// What a frame from the server means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// A message for whoever reads the page.
    Message,
    /// The answer to a heartbeat. A WebSocket keeps the order, so all that was sent before that
    /// heartbeat has arrived: for certain where the answer carries the heartbeat's mark, else very
    /// likely.
    Reply {
        /// When that heartbeat was sent.
        sent: Duration,
        /// How many messages had been sent before it, as far as that is known.
        taken: u64,
        /// Whether it carries the heartbeat's mark.
        is_marked: bool,
    },
    /// The server's own heartbeat.
    ServerHeartbeat,
    /// What the server wants an answer to, and gets it: no message.
    Question,
    /// An answer that tells nothing but that the connection lives: one more to a heartbeat, since some
    /// servers echo it and answer it as well; one without the mark; one that may be an echo of the same
    /// text typed by a person.
    SecondReply,
    /// A heartbeat of another client, which the server has passed on.
    OthersHeartbeat,
    /// It looks like a reply, at a server that says so unasked: nothing but a sign of life.
    Unasked,
    /// A message that came before: the server was not told so in time.
    #[cfg(feature = "stomp")]
    Repeat,
}

/// What a server's replies to heartbeats are worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trust {
    /// They count, as far as there are any.
    Given,
    /// It says them unasked, so they tell nothing but that it lives.
    Withdrawn,
    /// They lack the mark, so they tell no more either.
    Unmarked,
}

impl Frame {
    /// The payload, as far as it is kept.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary { head, .. } => head,
        }
    }
}
