//! What happens to a connection.

use std::time::Duration;

use crate::{
    core::{
        connection::{Closure, Loss, Refusal, Status as CoreStatus, Timer},
        outbox::{Fate, MessageId},
        protocol::{Frame, Meaning, Transmit},
    },
    message::Message,
};

/// What a connection is doing. Times are those of [`Client::now`](crate::Client::now).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// No connection was asked for yet.
    Idle,
    /// The handshake is under way.
    Connecting {
        /// How many attempts have failed since the back-off last started over.
        attempt: u32,
    },
    /// Messages pass.
    Open {
        /// Counts connections: another one is another session, time to fetch again.
        epoch: u32,
    },
    /// The next attempt has its time.
    Waiting {
        /// How many attempts have failed since the back-off last started over.
        attempt: u32,
        /// When the next one is due.
        until: Duration,
    },
    /// The page was left while a connection was wanted.
    Away,
    /// It was closed by [`Client::close`](crate::Client::close).
    Closed,
    /// Nothing more is tried by itself; [`Client::retry`](crate::Client::retry) tries.
    Failed(Failure),
}

impl Status {
    /// Whether messages pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    /// Whether nothing is tried before somebody says so.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::Idle | Self::Closed | Self::Failed(_))
    }
}

/// Why nothing more is tried by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// The server closed with one of [`Options::final_codes`](crate::Options::final_codes).
    TurnedAway(Closure),
    /// As many attempts failed as [`Options::retry_limit`](crate::Options::retry_limit) allows, or none is made by
    /// itself.
    GaveUp,
    /// Another attempt would end alike.
    Refused(Refusal),
}

/// What happens to a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Its status is another one.
    Status(Status),
    /// A message came.
    Message(Message),
    /// It is known what became of a message; see [`Fate`] for those that are not final.
    Fate(MessageId, Fate),
    /// What passes besides, for whoever shows more than most.
    Trace(Trace),
}

/// What passes besides messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trace {
    /// The core's status is another one. What it knew then comes with it:
    /// [`Client::inspect`](crate::Client::inspect) shows what it knows now.
    Turned {
        /// What the connection was doing.
        before: CoreStatus,
        /// What it does.
        after: CoreStatus,
        /// How the last one ended.
        loss: Option<Loss>,
        /// When the server was heard of last.
        heard: Duration,
    },
    /// A message waits for a connection, or for what is before it.
    Queued(crate::core::outbox::Message),
    /// The socket took this.
    Transmitted(Transmit),
    /// What stands before a message in its frame: before the one that this or the server sends next.
    #[cfg(feature = "stomp")]
    Head(String),
    /// A frame came that is no message but means this.
    Noted(Frame, Meaning),
    /// The server was heard to say replies unasked: without a mark they prove nothing any more.
    Distrusted,
    /// A timer expired: what depends on the time may be another one.
    Expired(Timer),
    /// The browser asks its user whether the page may connect there: see
    /// [`Client::is_permission_asked`](crate::Client::is_permission_asked).
    PermissionAsked,
    /// The browser did not do what it was told to, or not well.
    Problem {
        /// What went wrong.
        what: &'static str,
        /// What the browser says of it; empty if it says nothing.
        error: String,
    },
}
