//! How much an outbox keeps, and what it says when it is full.

use std::{error, fmt};

use crate::Payload;

/// What is kept of payloads, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// The outbox is full, or never takes this; what was to be sent is handed back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Full {
    /// What was to be sent.
    pub payload: Payload,
    /// The limit that it would exceed.
    pub limit: Limit,
}

/// What makes an outbox full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// So many messages are kept.
    Messages(usize),
    /// With so many bytes as are kept, this one would be too much: see [`MAX_BYTES`].
    Bytes(usize),
    /// The server takes messages of at most so many bytes.
    Message(usize),
    /// The server takes texts alone.
    Text,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Limit::Messages(most) => write!(f, "the outbox is full: it keeps {most} messages"),
            Limit::Bytes(kept) => write!(
                f,
                "the outbox has no room: it keeps {kept} bytes, and {MAX_BYTES} are the limit"
            ),
            Limit::Message(most) => write!(f, "a message may have {most} bytes"),
            Limit::Text => f.write_str("the server takes texts, and no bytes"),
        }
    }
}

impl error::Error for Full {}
