//! What a connection is doing, and how the one before ended.

use std::time::Duration;

use super::{Closure, Refusal};

/// What the connection is doing. Times are those that came with the inputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// No connection was asked for yet.
    Idle,
    /// The handshake is under way.
    Connecting {
        /// When it began.
        since: Duration,
    },
    /// Messages pass.
    Open {
        /// When the handshake succeeded.
        since: Duration,
        /// How long there had been no connection, if there had been one before.
        outage: Option<Duration>,
    },
    /// The next attempt has its time.
    Waiting {
        /// When the wait began.
        since: Duration,
        /// When the attempt is due.
        until: Duration,
    },
    /// The page was left while a connection was wanted.
    Away,
    /// The user or the application ended it.
    Stopped,
    /// An attempt is not allowed any more.
    GaveUp,
    /// The server closed with a code that says it would refuse again.
    TurnedAway,
    /// It cannot be.
    Refused(Refusal),
}

/// The connection or attempt that ended last, not asked to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// How it ended.
    pub closure: Closure,
    /// Whether its handshake had succeeded.
    pub was_open: bool,
    /// Whether it was dropped here, because nothing came any more.
    pub was_silent: bool,
    /// What a STOMP server said was wrong, on which it was dropped here: anybody's text.
    pub error: Option<String>,
}
