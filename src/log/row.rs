//! A row of the log: what it tells of, and what is kept of that.

use std::{borrow::Cow, rc::Rc, time::Duration};

use heartwire::core::{connection::Loss, outbox::MessageId};

use super::MAX_BYTES;
use crate::{
    payload::excerpt,
    strip::{loss_text, outage_text},
    words::{Words, fill},
};

/// One row of the log. A clone shares the payload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Its number among all rows there ever were, from 1.
    pub number: u64,
    /// When it came about, in milliseconds since 1970.
    pub at: u64,
    /// What it tells of.
    pub kind: Kind,
    /// What passed; of a connection event, the text that somebody else gave.
    pub payload: Payload,
    /// The size of what passed, in bytes: more than the payload if not all of it is kept.
    pub size: usize,
    /// How the frame's head begins, if the frame is more than the payload.
    pub head: Option<Rc<str>>,
}

/// What a row tells of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A message of this side.
    Sent {
        /// Its name.
        id: MessageId,
        /// How far it got.
        stage: Stage,
        /// Whether it was sent once more after the loss of a connection.
        is_repeat: bool,
    },
    /// A message of the server.
    Received,
    /// A heartbeat of this side.
    Heartbeat {
        /// When, as a time of the connection.
        at: Duration,
        /// What the server replied.
        reply: Option<Reply>,
    },
    /// The server's reply to one that is not kept with it: a second one, a long one, or a late one.
    Reply {
        /// How long after the heartbeat it came; nothing for a second reply.
        round_trip: Option<Duration>,
    },
    /// What looks like a reply, of a server that sends replies unasked.
    Unasked,
    /// A heartbeat of the server.
    ServerHeartbeat,
    /// What every connection begins with.
    Greeting,
    /// What the server sends to get an answer.
    Question,
    /// The answer.
    Answer,
    /// A heartbeat of another client, which the server has passed on.
    OthersHeartbeat,
    /// The connection changed.
    Event(Event),
}

/// What a server replied to a heartbeat.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// What it said.
    pub text: Rc<str>,
    /// How long after the heartbeat that came.
    pub round_trip: Duration,
}

/// How far a message got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It waits in the outbox.
    Queued,
    /// A connection took it.
    Sent {
        /// When, as a time of the connection.
        at: Duration,
    },
    /// The server has answered what was sent after it.
    Answered {
        /// How long after it was sent that was known, in milliseconds.
        after: u64,
    },
    /// It is proven that it arrived.
    Confirmed {
        /// How long after it was sent that was known, in milliseconds.
        after: u64,
    },
    /// A connection had taken it, and there is no proof that it arrived.
    Unconfirmed,
    /// Each connection that took it ended, so it is not sent again by itself.
    SetAside,
    /// A newer text says it all again; it was never sent.
    Merged,
    /// It was dropped on purpose; it was never sent.
    Dropped,
    /// Another page has it.
    HandedOver,
}

/// What became of the connection. Where it goes is the row's payload for the first, and the reason
/// that the server gave for the loss of one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// An attempt began.
    Connecting,
    /// It succeeded.
    Opened {
        /// How long there had been no connection, if there had been one before.
        outage: Option<Duration>,
        /// Whether what was sent meanwhile was kept at the server.
        is_kept: bool,
    },
    /// The connection, or the attempt, ended unasked.
    Lost(Loss),
    /// No other attempt is made.
    GaveUp,
    /// No other attempt is made, for the server would refuse again.
    TurnedAway,
    /// It was ended on purpose.
    Stopped,
    /// It ended with the page.
    Left,
    /// The server was found to send replies unasked.
    Distrusted,
}

/// What passed, as far as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payload {
    /// Text.
    Text(Rc<str>),
    /// The bytes of a binary frame.
    Binary(Rc<[u8]>),
}

impl Row {
    /// Whether less is kept than passed.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.payload.bytes().len() < self.size
    }

    /// What the server replied, of a heartbeat.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        if let Kind::Heartbeat { reply, .. } = &self.kind {
            reply.as_ref()
        } else {
            None
        }
    }

    /// How many bytes are kept.
    pub(super) fn weight(&self) -> usize {
        let reply = self.reply().map_or(0, |reply| reply.text.len());
        self.payload.bytes().len() + reply
    }

    /// What the row says in these words.
    #[must_use]
    pub fn text(&self, words: &Words) -> Cow<'_, str> {
        match (&self.kind, &self.payload) {
            (Kind::Event(event), Payload::Text(text)) => event.text(text, words).into(),
            (_, Payload::Text(text)) => text.as_ref().into(),
            (_, Payload::Binary(_)) => {
                let size = u64::try_from(self.size).unwrap_or(u64::MAX);
                words.binary.of(size).into()
            }
        }
    }
}

impl Kind {
    /// How many beats such a row counts for, if it is about beats: none for an answer, a reply, or what looks
    /// like one, since each may belong to a beat with a row of its own.
    pub(super) fn beats(&self) -> Option<u64> {
        match self {
            Self::Heartbeat { .. }
            | Self::ServerHeartbeat
            | Self::OthersHeartbeat
            | Self::Question => Some(1),
            Self::Reply { .. } | Self::Unasked | Self::Answer => Some(0),
            Self::Sent { .. } | Self::Received | Self::Greeting | Self::Event(_) => None,
        }
    }
}

impl Event {
    fn text(&self, address: &str, words: &Words) -> String {
        match self {
            Self::Connecting => fill(words.connecting.detail, &[("url", &excerpt(address))]),
            Self::Opened { outage: None, .. } => words.open.headline.into(),
            Self::Opened {
                outage: Some(outage),
                is_kept,
            } => {
                let detail = outage_text(*outage, *is_kept, words);
                [words.reopened, words.colon, &detail].concat()
            }
            Self::Lost(loss) => {
                let headline = if loss.was_open {
                    words.lost
                } else {
                    words.refused.headline
                };
                [headline, words.colon, &loss_text(loss, words)].concat()
            }
            Self::GaveUp => words.gave_up.into(),
            Self::TurnedAway => words.refused_final.into(),
            Self::Stopped => words.stopped.headline.into(),
            Self::Left => words.left.into(),
            Self::Distrusted => words.distrusted.into(),
        }
    }
}

impl Payload {
    /// The bytes that are kept.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// What passed, with all of it.
pub(super) enum Content {
    Text(Rc<str>),
    Binary(usize, Vec<u8>),
}

impl From<heartwire::Payload> for Content {
    fn from(payload: heartwire::Payload) -> Self {
        match payload {
            heartwire::Payload::Text(text) => Self::Text(text.into()),
            heartwire::Payload::Binary(bytes) => Self::Binary(bytes.len(), bytes),
        }
    }
}

impl Content {
    /// What is kept of it, and its size.
    pub(super) fn keep(self) -> (Payload, usize) {
        match self {
            Self::Text(text) => {
                let size = text.len();
                let kept = text.floor_char_boundary(MAX_BYTES);
                let text = if kept < size {
                    text[..kept].into()
                } else {
                    text
                };
                (Payload::Text(text), size)
            }
            Self::Binary(size, mut bytes) => {
                bytes.truncate(MAX_BYTES);
                (Payload::Binary(bytes.into()), size)
            }
        }
    }
}
