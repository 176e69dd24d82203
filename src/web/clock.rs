//! The time, which nobody sets.

use std::{cell::Cell, time::Duration};

use super::browser;

/// Tells how long the page has been there, and when the machine may have slept.
///
/// All times of the page are those of the clock that never jumps. It stands still on some systems
/// while the machine sleeps, and nothing but the clock of the day tells of that, which is also ahead at
/// once when it is set. So a time that was slept through is in no time of the page, and a jump is a
/// reason to ask whether the connection lives, which costs nothing if it does.
pub(super) struct Clock {
    read: Cell<Reading>,
    jumped: Cell<Option<Duration>>,
}

/// Two clocks in milliseconds.
#[derive(Clone, Copy)]
struct Reading {
    steady: f64,
    day: f64,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            read: Cell::new(Reading::take()),
            jumped: Cell::new(None),
        }
    }

    /// The time since the page began to load, as it was [read](Self::read) last.
    pub(super) fn now(&self) -> Duration {
        let seconds = self.read.get().steady / 1_000.0;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Reads what time it is, once for all that comes of an event. Returns whether the machine may have
    /// slept since it was read last.
    pub(super) fn read(&self) -> bool {
        let now = Reading::take();
        let before = self.read.replace(now);
        let ahead = (now.day - before.day) - (now.steady - before.steady);
        let has_jumped = ahead > JUMP_MILLIS;
        if has_jumped {
            self.jumped.set(Some(self.now()));
        }
        has_jumped
    }

    /// When the machine may have slept last: the time at which that was noticed.
    pub(super) fn jumped(&self) -> Option<Duration> {
        self.jumped.get()
    }

    /// The time of the day when the time was last read, in milliseconds since 1970.
    pub(super) fn day(&self) -> u64 {
        whole(self.read.get().day)
    }
}

/// The time of the day, in milliseconds since 1970.
pub(super) fn day() -> u64 {
    whole(js_sys::Date::now())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole milliseconds; before 1970 it is 0"
)]
fn whole(millis: f64) -> u64 {
    millis as u64
}

impl Reading {
    fn take() -> Self {
        Self {
            steady: browser::steady_millis(),
            day: js_sys::Date::now(),
        }
    }
}

/// Less is the clock of the day being corrected.
const JUMP_MILLIS: f64 = 1_000.0;
