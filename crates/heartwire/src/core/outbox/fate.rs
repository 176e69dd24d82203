//! What became of messages, of each and of all.

/// What became of a message that waited or was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The server has answered what was sent after it. Should it be heard to say replies unasked, that
    /// is taken back: [`GivenUp`](Self::GivenUp) follows.
    Answered,
    /// It is proven that it arrived.
    Confirmed,
    /// A connection had taken it that was lost, and there is no proof that it arrived. It is sent again.
    Unconfirmed,
    /// A connection had taken it, there is no proof that it arrived, and it is not sent again. Or nobody will send it:
    /// its client is gone, or its server never takes it.
    GivenUp,
    /// Each connection that took it ended, so it is not sent again unless somebody says so.
    SetAside,
    /// A newer one says it all again; it was never sent.
    Merged,
    /// It was dropped on purpose; it was never sent.
    Dropped,
    /// Another outbox has it, and whatever becomes of it is known there.
    HandedOver,
}

impl Fate {
    /// Whether nothing else becomes of the message; but [`Answered`](Self::Answered) may be taken back.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Unconfirmed | Self::SetAside => false,
            Self::Answered
            | Self::Confirmed
            | Self::GivenUp
            | Self::Merged
            | Self::Dropped
            | Self::HandedOver => true,
        }
    }
}

/// How many messages are in which state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Delivery {
    /// They wait, and no connection has taken them yet.
    pub queued: usize,
    /// The connection has taken them.
    pub sent: usize,
    /// The server has answered what was sent after them: they very likely arrived.
    pub answered: u64,
    /// It is proven that they arrived.
    pub confirmed: u64,
    /// A connection had taken them and was lost before there was an answer, or its server gives none.
    /// Some of them may be waiting to be sent again.
    pub unconfirmed: u64,
}
