//! The time, which nobody sets.

use std::{cell::Cell, time::Duration};

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Performance;

/// Tells how long the page has been there, and when the machine may have slept.
///
/// All times are those of the clock that never jumps. It stands still on some systems while the machine
/// sleeps, and nothing but the clock of the day tells of that, which is also ahead at once when it is set.
/// So a time that was slept through is in no time told here, and a jump is a reason to ask whether the
/// connection lives, which costs nothing if it does.
pub(super) struct Clock {
    read: Cell<Reading>,
    has_jumped: Cell<bool>,
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
            has_jumped: Cell::new(false),
            jumped: Cell::new(None),
        }
    }

    /// The time since the page began to load, as it was [read](Self::read) last.
    pub(super) fn now(&self) -> Duration {
        let seconds = self.read.get().steady / 1_000.0;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Reads what time it is, once for all that comes of an event.
    pub(super) fn read(&self) {
        let now = Reading::take();
        let before = self.read.replace(now);
        let ahead = (now.day - before.day) - (now.steady - before.steady);
        if ahead > JUMP_MILLIS {
            self.has_jumped.set(true);
            self.jumped.set(Some(self.now()));
        }
    }

    /// Whether the machine may have slept since this was asked last.
    pub(super) fn take_jump(&self) -> bool {
        self.has_jumped.take()
    }

    /// When the machine may have slept last: the time at which that was noticed.
    pub(super) fn jumped(&self) -> Option<Duration> {
        self.jumped.get()
    }
}

impl Reading {
    fn take() -> Self {
        Self {
            steady: steady_millis(),
            day: js_sys::Date::now(),
        }
    }
}

/// The clock that never jumps, in milliseconds since the page or the worker began to load.
fn steady_millis() -> f64 {
    PERFORMANCE.with(|performance| performance.as_ref().map_or(0.0, Performance::now))
}

/// Less is the clock of the day being corrected.
const JUMP_MILLIS: f64 = 1_000.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = performance)]
    static PERFORMANCE: Option<Performance>;
}
