//! Which rows are shown.

use super::Kind;
use crate::payload::Needle;

/// Which rows are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Show {
    /// Every row.
    All,
    /// Messages of this side, and what connections begin with.
    Sent,
    /// Messages of the server.
    Received,
    /// What became of the connection.
    Events,
    /// Heartbeats of both sides, what the server asks, and replies to them.
    Heartbeats,
}

impl Show {
    /// Each of them, in the order in which they are offered.
    pub const EACH: [Self; 5] = [
        Self::All,
        Self::Sent,
        Self::Received,
        Self::Events,
        Self::Heartbeats,
    ];

    pub(super) fn covers(self, kind: &Kind) -> bool {
        self == Self::All
            || self
                == match kind {
                    Kind::Sent { .. } | Kind::Greeting => Self::Sent,
                    Kind::Received => Self::Received,
                    Kind::Heartbeat { .. }
                    | Kind::Reply { .. }
                    | Kind::Unasked
                    | Kind::ServerHeartbeat
                    | Kind::OthersHeartbeat
                    | Kind::Question
                    | Kind::Answer => Self::Heartbeats,
                    Kind::Event(_) => Self::Events,
                }
    }
}

/// What is looked for in the rows.
#[derive(Clone, Debug)]
pub enum Search {
    /// Nothing: every row is shown.
    Off,
    /// A text.
    Text(Needle),
    /// A search that is run elsewhere: it found the rows with these numbers, in order.
    Found(Vec<u64>),
}
