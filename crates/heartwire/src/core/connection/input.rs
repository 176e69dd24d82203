//! What happens to a connection.

use crate::core::{
    protocol::{Frame, Transmit},
    reach::Locality,
    silence::Learned,
};

/// What happened outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The user or the application wants a connection.
    Open(Destination),
    /// The user or the application wants none any more.
    Close,
    /// The user does not want to wait for the next attempt.
    Retry,
    /// The page became visible, the machine woke, the network came back: an attempt may succeed
    /// that had no chance before.
    Woke,
    /// The page is being left; it may come back out of the back/forward cache.
    Left,
    /// The page came back out of the back/forward cache.
    Returned,
    /// The handshake succeeded.
    Opened(Epoch),
    /// A frame arrived.
    Received(Epoch, Frame),
    /// The socket closed or could not be made.
    Closed(Epoch, Closure),
    /// The socket cannot be made, or not be used, and it is known why.
    Refused(Epoch, Refusal),
    /// The socket did not take this: `send` threw, or would have discarded it silently. Its
    /// [`Closed`](Self::Closed) follows.
    NotTaken(Epoch, Transmit),
    /// The browser has passed on most of what the socket took.
    Drained(Epoch),
    /// A timer expired.
    TimerExpired(Epoch, Timer),
}

impl Input {
    pub(super) fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Open(_)
            | Self::Close
            | Self::Retry
            | Self::Woke
            | Self::Left
            | Self::Returned => None,
            Self::Opened(epoch)
            | Self::Received(epoch, _)
            | Self::Closed(epoch, _)
            | Self::Refused(epoch, _)
            | Self::NotTaken(epoch, _)
            | Self::Drained(epoch)
            | Self::TimerExpired(epoch, _) => Some(*epoch),
        }
    }
}

/// Where a connection is to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destination {
    /// Where the server is.
    pub locality: Locality,
    /// Whether it is another server than that of the last start: nothing that was sent to that one
    /// is sent again, and nothing that is known of it is right any more. What waits and was sent to
    /// nobody goes to the new one.
    pub is_new: bool,
    /// Whether other subprotocols are offered there than before: what is known of its answers is right no
    /// more.
    pub speaks_otherwise: bool,
    /// What is remembered of the path to it.
    pub learned: Option<Learned>,
    /// Whether it was heard before to say replies unasked: see [`Effect::Distrust`](super::Effect::Distrust).
    pub is_distrusted: bool,
}

/// Why a connection cannot be, as long as nobody changes something: another attempt would end alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The browser can make nothing of the address.
    BadAddress,
    /// A page that came safely may connect to nothing that is not safe.
    Insecure,
    /// The page's content security policy forbids it.
    Forbidden,
    /// The server has chosen none of the subprotocols offered.
    NoProtocol,
    /// The [target](crate::Target) that was asked for an endpoint has none any more.
    Unavailable,
    /// The server lets nobody in with this login.
    Login,
    /// The server ends connections that ask for this source of messages.
    Subscription,
    /// The server ends connections that send to this destination.
    Destination,
    /// What it says is no STOMP, or not in text.
    NoStomp,
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    /// The close code of RFC 6455 §7.4.
    pub code: u16,
    /// What the server gave as its reason: anybody's text.
    pub reason: String,
    /// Whether both sides had said that they close.
    pub was_clean: bool,
}

impl Closure {
    /// An end without a close frame: 1006.
    #[must_use]
    pub fn abnormal() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
            was_clean: false,
        }
    }
}

/// Names one socket among all that were opened.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Epoch(u32);

impl Epoch {
    /// The number, for display.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// A timer that the shell keeps for the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// When to give up on the handshake.
    Connect,
    /// When to send a heartbeat; repeats until stopped.
    Heartbeat,
    /// When to judge that no reply has come.
    Reply,
    /// When to try again.
    Reconnect,
    /// When a connection has outlived a text that may have ended others.
    Trial,
}
