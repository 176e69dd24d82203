//! The connection's timers.

use std::time::Duration;

use gloo_timers::callback::{Interval, Timeout};

use crate::{connection::Timer, settings};

/// Owns the timers that run. Setting one anew, stopping it or dropping this cancels it.
#[derive(Default)]
pub(super) struct Timers {
    connect: Option<Timeout>,
    heartbeat: Option<Interval>,
    reconnect: Option<Timeout>,
}

impl Timers {
    /// Starts a timer, or starts it over.
    pub(super) fn set(&mut self, timer: Timer, period: Duration, fire: impl Fn() + 'static) {
        let millis = millis(period);
        match timer {
            Timer::Connect => self.connect = Some(Timeout::new(millis, fire)),
            Timer::Heartbeat => self.heartbeat = Some(Interval::new(millis, fire)),
            Timer::Reconnect => self.reconnect = Some(Timeout::new(millis, fire)),
        }
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.connect = None,
            Timer::Heartbeat => self.heartbeat = None,
            Timer::Reconnect => self.reconnect = None,
        }
    }
}

/// A timer's period in milliseconds. Browsers keep it in an `i32`, and what does not fit fires at
/// once.
fn millis(period: Duration) -> u32 {
    const LONGEST: u32 = i32::MAX.unsigned_abs();
    u32::try_from(settings::millis(period)).map_or(LONGEST, |millis| millis.min(LONGEST))
}
