//! What can happen next.

use heartwire::core::connection::{Status, Timer};

use crate::{Fate, Link, Phase, Socket, State, Step, TIMERS, World, model::bounds::ENDING};

impl State {
    /// All that can happen next.
    pub(crate) fn add_steps(&self, link: &Link, steps: &mut Vec<Step>) {
        let World {
            left,
            socket,
            late,
            epochs,
            ..
        } = &self.world;
        let status = self.connection.status();
        let may_connect = epochs.len() < left.connections;
        if left.texts > 0 {
            steps.extend([Step::Types, Step::Sends]);
        }
        // What has no meaning in a status is left out; `stays_closed` and `tests/connection.rs`
        // show that it changes nothing.
        let (free, whims): (&[Step], &[Step]) = match status {
            Status::Idle
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_)
            | Status::Stopped => (&[Step::Opens], &[]),
            Status::Connecting { .. } => (&[], &[Step::Closes, Step::Leaves, Step::Wakes]),
            Status::Open { .. } => (
                &[],
                &[Step::Closes, Step::Leaves, Step::Wakes, Step::Retries],
            ),
            Status::Waiting { .. } => (
                &[Step::Opens],
                &[Step::Closes, Step::Leaves, Step::Wakes, Step::Retries],
            ),
            Status::Away => (&[Step::Returns], &[Step::Closes, Step::Wakes]),
        };
        if may_connect {
            steps.extend(free);
        }
        if left.whims > 0 {
            steps.extend(whims);
        }
        if !late.is_empty() {
            steps.push(Step::ReadsLate);
        }
        if let Some(socket) = socket {
            let first = steps.len();
            socket.add_steps(left.faults > 0, steps);
            if link.bounds.faults == ENDING[0].faults {
                // One kind of end is enough where it is counted.
                let is_needless = |step: &Step| match step {
                    Step::Ends { code, is_known } => *code != 1006 || *is_known,
                    Step::Dies | Step::Refuses => true,
                    Step::Types
                    | Step::Sends
                    | Step::Opens
                    | Step::Closes
                    | Step::Retries
                    | Step::Wakes
                    | Step::Leaves
                    | Step::Returns
                    | Step::Accepts
                    | Step::Reads { .. }
                    | Step::ReadsLate
                    | Step::Says { .. }
                    | Step::Delivers
                    | Step::TellsEnd
                    | Step::AnswersClose
                    | Step::Expires(_)
                    | Step::Sleeps => false,
                };
                let kept: Vec<_> = steps
                    .drain(first..)
                    .filter(|step| !is_needless(step))
                    .collect();
                steps.extend(kept);
            }
            if left.says > 0 && socket.phase == Phase::Open && socket.fate == Fate::Alive {
                steps.extend((0..link.unasked().len()).map(|which| Step::Says { which }));
            }
        }
        if left.expiries > 0 {
            for timer in TIMERS {
                if self.may_expire(timer) && (timer != Timer::Reconnect || may_connect) {
                    steps.push(Step::Expires(timer));
                }
            }
        }
        if left.sleeps > 0 && self.alarms.iter().any(Option::is_some) {
            steps.push(Step::Sleeps);
        }
    }

    /// Whether a timer is due, or will be before all others.
    pub(crate) fn may_expire(&self, timer: Timer) -> bool {
        let next = self.alarms.iter().flatten().map(|alarm| alarm.due).min();
        self.alarms[timer as usize]
            .is_some_and(|alarm| alarm.due <= self.now || Some(alarm.due) == next)
    }
}

impl Socket {
    fn add_steps(&self, may_fail: bool, steps: &mut Vec<Step>) {
        let is_alive = self.fate == Fate::Alive;
        match self.phase {
            Phase::Connecting => {
                steps.push(Step::Accepts);
                if may_fail {
                    steps.push(Step::Refuses);
                }
                return;
            }
            Phase::Open => {
                if self.fate != Fate::Dead && !self.answers.is_empty() {
                    steps.push(Step::Delivers);
                }
            }
            Phase::Closing => {
                if is_alive && self.wire.is_empty() {
                    steps.push(Step::AnswersClose);
                }
            }
        }
        if !is_alive {
            // Of a dead connection the browser tells in the end.
            steps.push(Step::TellsEnd);
            return;
        }
        if !self.wire.is_empty() {
            steps.extend([true, false].map(|answers| Step::Reads { answers }));
        }
        if may_fail {
            steps.push(Step::Dies);
            for code in ENDS {
                steps.extend([true, false].map(|is_known| Step::Ends { code, is_known }));
            }
        }
    }
}

/// The codes with which a connection ends that was not asked to.
const ENDS: [u16; 3] = [1000, 1006, 1008];
