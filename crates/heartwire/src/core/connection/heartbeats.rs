//! When a connection sends heartbeats, and when it takes the server for gone.

use std::time::Duration;

use super::{Connection, Effect, Timer};
use crate::core::{
    heartbeat::{Period, Verdict},
    protocol::Trust,
};

impl Connection {
    /// What it has to be quiet for before a heartbeat is sent that the server may answer; `None` if none ever is.
    pub(super) fn period(&self) -> Option<Duration> {
        self.wanted_period().filter(|_| !self.speaks_stomp())
    }

    pub(super) fn wanted_period(&self) -> Option<Duration> {
        match self.options.heartbeat {
            Period::Every(period) => Some(period.max(SHORTEST_PERIOD)),
            Period::Auto => Some(self.silence.learned().period),
            Period::Off => None,
        }
    }

    /// Sets the timer of the next heartbeat, which a message without a proof may need sooner.
    pub(super) fn restart_period(&mut self) {
        if let Some(period) = self.period() {
            let proof = self.prove_by.map(|by| by.saturating_sub(self.now));
            let wait = proof.map_or(period, |proof| period.min(proof));
            self.heartbeat.started(wait, self.now);
            self.set_timer(Timer::Heartbeat, wait);
        }
    }

    /// A message has no proof: a heartbeat is to prove it in time. A server that lets them wait is asked no more
    /// often than in silence, and one whose replies prove nothing is not asked for that.
    pub(super) fn await_proof(&mut self) {
        let (Some(within), Some(period)) = (self.options.prove_within, self.period()) else {
            return;
        };
        if self.protocol.trust() != Trust::Given {
            return;
        }
        let shortest = if self.heartbeat.may_be_answered(self.now) {
            SHORTEST_PERIOD
        } else {
            period
        };
        let by = self.now.saturating_add(within.max(shortest));
        if self.prove_by.is_none_or(|earlier| by < earlier) {
            self.prove_by = Some(by);
            if by < self.heartbeat.due() {
                self.restart_period();
            }
        }
    }

    /// What comes in does not put off a heartbeat that something waits for.
    pub(super) fn prove_in_time(&mut self) {
        if self.prove_by.is_some_and(|by| by <= self.now) {
            self.ask_for_proof();
        }
    }

    /// The heartbeat's timer expired, perhaps as it was set anew.
    pub(super) fn ring(&mut self) {
        if self.prove_by.is_some_and(|by| by <= self.now) {
            self.ask_for_proof();
        } else if self.heartbeat.is_due(self.now) {
            self.beat();
        } else {
            let wait = self.heartbeat.due().saturating_sub(self.now);
            self.set_timer(Timer::Heartbeat, wait);
        }
    }

    /// Sends a heartbeat that a proof needs. A server that lets heartbeats wait and goes on talking is not doubted for
    /// one more of them.
    fn ask_for_proof(&mut self) {
        let quiet = self.now.saturating_sub(self.heartbeat.last_heard());
        let talks =
            self.heartbeat.is_put_off() && self.period().is_some_and(|period| quiet < period);
        self.beat_with(self.heartbeat.may_be_answered(self.now) || !talks);
    }

    /// Sends a heartbeat, and waits for its reply.
    pub(super) fn beat(&mut self) {
        self.beat_with(true);
    }

    fn beat_with(&mut self, doubts: bool) {
        let now = self.now;
        self.unasked = (0, 0);
        self.replayed = 0;
        self.prove_by = None;
        self.silence.sent(now);
        let mark = self.marks.draw();
        let heartbeat = self.protocol.heartbeat(mark, now, self.outbox.taken());
        self.effects.push_back(Effect::Transmit(heartbeat));
        let unproven = doubts.then(|| self.outbox.sent_bytes());
        let doubt = self.heartbeat.beat(unproven, now);
        // Its reply may be lost, and the connection live.
        if self.outbox.sent_count() > 0 {
            self.await_proof();
        }
        self.restart_period();
        if let Some(wait) = doubt {
            self.set_timer(Timer::Reply, wait);
        }
    }

    /// Nothing came in time after a heartbeat.
    pub(super) fn judge(&mut self) {
        match self.heartbeat.judge(self.now) {
            Some(Verdict::Probe(wait)) => {
                self.beat();
                self.set_timer(Timer::Reply, wait);
            }
            Some(Verdict::Dead) => self.give_up_on_server(),
            None => {}
        }
    }
}

/// Heartbeats that come faster are an attack on the server.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);
