//! How often each thing may happen.

use crate::Step;

/// How often each thing may happen. All that can happen within these bounds is explored.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Bounds {
    /// Messages written.
    pub(crate) texts: usize,
    /// Sockets made.
    pub(crate) connections: usize,
    /// What network and server do wrong.
    pub(crate) faults: u32,
    /// What the user does beside writing and opening, and what the page tells.
    pub(crate) whims: u32,
    /// Timers that expire.
    pub(crate) expiries: u32,
    /// Times that the machine sleeps, or its timers do.
    pub(crate) sleeps: u32,
    /// Times that the server says something unasked.
    pub(crate) says: u32,
}

impl Bounds {
    pub(crate) fn pay(&mut self, step: Step) {
        match step {
            Step::Types | Step::Sends => self.texts -= 1,
            Step::Closes | Step::Retries | Step::Wakes | Step::Leaves => self.whims -= 1,
            Step::Refuses | Step::Ends { .. } | Step::Dies => self.faults -= 1,
            Step::Expires(_) => self.expiries -= 1,
            Step::Sleeps => self.sleeps -= 1,
            Step::Says { .. } => self.says -= 1,
            // Each of these follows one of the above, or what was written.
            Step::Opens
            | Step::Returns
            | Step::Accepts
            | Step::Reads { .. }
            | Step::ReadsLate
            | Step::Delivers
            | Step::TellsEnd
            | Step::AnswersClose => {}
        }
    }
}

/// Small enough for the profile of tests, each with more of something else: losses, the user, a dead
/// connection, a sleep, a full outbox, closes that cross.
pub(crate) const SHORT: [Bounds; 6] = [
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 2,
        faults: 0,
        whims: 2,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 0,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 4,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 0,
        whims: 1,
        expiries: 2,
        sleeps: 1,
        says: 0,
    },
    Bounds {
        texts: 3,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 0,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 1,
        whims: 1,
        expiries: 0,
        sleeps: 0,
        says: 0,
    },
];

pub(crate) const DEEP: [Bounds; 3] = [
    Bounds {
        texts: 1,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 4,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 1,
        expiries: 2,
        sleeps: 0,
        says: 0,
    },
    Bounds {
        texts: 3,
        connections: 3,
        faults: 2,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 0,
    },
];

/// What a server that talks can do, in few steps.
pub(crate) const TALK: [Bounds; 3] = [
    Bounds {
        texts: 2,
        connections: 1,
        faults: 0,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 1,
    },
    Bounds {
        texts: 1,
        connections: 1,
        faults: 0,
        whims: 1,
        expiries: 1,
        sleeps: 0,
        says: 2,
    },
    Bounds {
        texts: 1,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 1,
        sleeps: 0,
        says: 1,
    },
];

pub(crate) const DEEP_TALK: [Bounds; 1] = [Bounds {
    texts: 2,
    connections: 2,
    faults: 1,
    whims: 1,
    expiries: 3,
    sleeps: 0,
    says: 3,
}];

/// One connection after the other ends.
pub(crate) const ENDING: [Bounds; 1] = [Bounds {
    texts: 1,
    connections: 4,
    faults: 3,
    whims: 0,
    expiries: 3,
    sleeps: 0,
    says: 0,
}];
