//! When a heartbeat is due, and how long its reply took.

use std::time::Duration;

use crate::settings::Settings;

/// What starts the period of quiet over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Anything received: nothing is sent to a server that talks.
    Idle,
    /// The heartbeat alone.
    Always,
}

/// Decides when to send a heartbeat and measures its round trip.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    period: Option<Duration>,
    mode: Mode,
    /// When the timer was last set.
    started: Duration,
    sent: bool,
    round_trip: Option<Duration>,
}

impl Heartbeat {
    /// Takes period and mode from the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            period: settings.heartbeat,
            mode: settings.heartbeat_mode,
            started: Duration::ZERO,
            sent: false,
            round_trip: None,
        }
    }

    /// A connection opened: returns the period to wait for, if there is one.
    pub fn opened(&mut self, now: Duration) -> Option<Duration> {
        self.sent = false;
        self.round_trip = None;
        self.started = now;
        self.period
    }

    /// Something was received: returns the period to wait for if it starts over.
    pub fn received(&mut self, now: Duration) -> Option<Duration> {
        match self.mode {
            Mode::Idle => {
                self.started = now;
                self.period
            }
            Mode::Always => None,
        }
    }

    /// The timer expired: returns whether a heartbeat is due. It is not when the expiry was already
    /// under way as the timer was set anew.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        self.period
            .is_some_and(|period| now.saturating_sub(self.started) > period / 2)
    }

    /// A heartbeat was sent.
    pub fn sent(&mut self) {
        self.sent = true;
    }

    /// A heartbeat sent at this time got its reply.
    pub fn replied(&mut self, sent: Duration, now: Duration) {
        self.round_trip = Some(now.saturating_sub(sent));
    }

    /// How long the newest reply of this connection took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Whether heartbeats were sent over this connection and none has been answered.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.sent && self.round_trip.is_none()
    }
}
