//! A message, its name, and what is promised of it.

#[cfg(feature = "stomp")]
use std::hash::Hasher as _;

#[cfg(feature = "stomp")]
use siphasher::sip::SipHasher24;

use crate::Payload;

/// A message and where it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// What is sent.
    pub payload: Payload,
    /// Decides what happens to it when the outbox is full.
    pub origin: Origin,
    /// Decides what happens to it when a connection is lost.
    pub guarantee: Guarantee,
    /// Whether a connection had taken it that was lost: it may have arrived.
    pub is_repeat: bool,
    /// How many connections in a row ended after they had taken it, before any answer: at most
    /// [`MOST_ENDS`](super::MOST_ENDS).
    pub ends: u8,
    /// What it is called whenever it is sent, where messages have names: also by a page that has
    /// [restored](super::Outbox::restore) it.
    #[cfg(feature = "stomp")]
    pub name: Option<Name>,
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The whole content of the input field after a change: a newer one says it all again.
    Typed,
    /// Sent on purpose: none replaces another.
    Sent,
}

/// What happens to a message that a lost connection had taken without a proof that it arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guarantee {
    /// It is sent again until there is an answer: it may arrive twice.
    AtLeastOnce,
    /// It is never sent again: it may be lost.
    AtMostOnce,
    /// It is sent again unless there is a newer one of the same origin, which says it all.
    Latest,
}

/// Names one message among all of an outbox; one that was added later has a greater name.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct MessageId(pub(super) u64);

impl MessageId {
    /// The number, to tell it from others.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// What a message is called by whoever gets it: 128 bits.
#[cfg(feature = "stomp")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name([u64; 2]);

#[cfg(feature = "stomp")]
impl Name {
    /// A keyed hash of the message's number.
    pub(super) fn of(key: [u64; 2], id: MessageId) -> Self {
        Self([0, 1].map(|half| {
            let mut hasher = SipHasher24::new_with_keys(key[0], key[1]);
            // The marks of heartbeats are hashes with this key, too, but of fewer bytes.
            hasher.write_u64(id.0);
            hasher.write_u8(half);
            hasher.finish()
        }))
    }

    /// As it is written: in 32 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        let Self([high, low]) = self;
        format!("{high:016x}{low:016x}")
    }

    /// Reads what is written so.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (high, low) = text.split_at_checked(16).filter(|_| text.len() == 32)?;
        let [high, low] = [high, low].map(|half| u64::from_str_radix(half, 16).ok());
        Some(Self([high?, low?]))
    }
}

impl Message {
    pub(super) fn is_latest(&self, origin: Origin) -> bool {
        self.guarantee == Guarantee::Latest && self.origin == origin
    }
}
