//! What a connection wants done.

use std::time::Duration;

use super::{Epoch, Timer};
use crate::core::{
    outbox::{Fate, Message, MessageId},
    protocol::{Frame, Meaning, Transmit},
};

/// What the shell must do, in order. The shell is [`Client`](crate::Client), or whatever drives the connection
/// in its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Make a socket whose events carry this epoch.
    Connect(Epoch),
    /// Close the socket with 1000 and this reason, and go on listening for its `close` alone: a clean
    /// one with the same reason proves that all that was sent before has arrived.
    Close(Epoch, String),
    /// Drop the socket: detach every handler, then close it with 1000. None of its events matter
    /// any more, so nothing waits for its `close`, which can take a minute.
    Disconnect,
    /// Hand this to the socket. If it does not take it, answer with
    /// [`Input::NotTaken`](super::Input::NotTaken) at once and let an
    /// [`Input::Closed`](super::Input::Closed) follow soon, with the socket's own code if it tells one.
    Transmit(Transmit),
    /// Answer with [`Input::Drained`](super::Input::Drained) as soon as the socket's `bufferedAmount` is
    /// below [`BATCH_BYTES`](super::BATCH_BYTES).
    AwaitDrain(Epoch),
    /// Note what stands before the next message in its frame.
    #[cfg(feature = "stomp")]
    Head(String),
    /// Show this message.
    Deliver(Frame),
    /// Note this frame, which is no message but means this.
    Note(Frame, Meaning),
    /// Note that this message waits.
    Queued(Message),
    /// Note what became of a message.
    Settled(MessageId, Fate),
    /// Note that this server says replies unasked, and tell it with the next [`Destination`](super::Destination)
    /// too: a reply without a mark proves nothing there.
    Distrust,
    /// Start a timer, or start it over.
    SetTimer(Epoch, Timer, Duration),
    /// Stop a timer.
    StopTimer(Timer),
}
