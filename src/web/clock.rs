//! The time, with that which the machine slept.

use std::{cell::Cell, time::Duration};

use super::browser;

/// Tells how long the page has been there.
///
/// The clock that never jumps stands still on some systems while the machine sleeps; the clock of
/// the day goes on, but may be set. What the second is ahead of the first at once was a sleep.
pub(super) struct Clock {
    read: Cell<Reading>,
    /// In milliseconds.
    slept: Cell<f64>,
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
            slept: Cell::new(0.0),
        }
    }

    /// The time since the page began to load, as it was [read](Self::read) last.
    pub(super) fn now(&self) -> Duration {
        let seconds = (self.read.get().steady + self.slept.get()) / 1_000.0;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Reads what time it is. Once for all that comes of an event.
    pub(super) fn read(&self) {
        let now = Reading::take();
        let before = self.read.replace(now);
        let ahead = (now.day - before.day) - (now.steady - before.steady);
        if ahead > SLEEP_MILLIS {
            self.slept.set(self.slept.get() + ahead);
        }
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
const SLEEP_MILLIS: f64 = 1_000.0;
