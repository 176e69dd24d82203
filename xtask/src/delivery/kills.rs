//! The resets on the way.

use std::time::{Duration, Instant};

use super::SEED;
use super::scene::Scene;
use super::witness::Witness;
use crate::proxy::Proxy;

/// Resets the connection again and again, and counts how often there was one.
pub(super) struct Kills<'a> {
    proxy: &'a Proxy,
    scene: &'a Scene,
    random: fastrand::Rng,
    due: Instant,
    awaits_answers: bool,
    /// How many texts are answered when all are that the connection had taken before.
    awaited: usize,
    pub(super) count: usize,
}

impl<'a> Kills<'a> {
    pub(super) fn new(proxy: &'a Proxy, scene: &'a Scene, awaits_answers: bool) -> Self {
        let mut kills = Self {
            proxy,
            scene,
            random: fastrand::Rng::with_seed(SEED),
            due: Instant::now(),
            awaits_answers,
            awaited: 0,
            count: 0,
        };
        kills.draw();
        kills
    }

    /// Resets the connection if it is time.
    pub(super) fn go_on(&mut self, seen: &Witness<'_>) {
        let answered = seen.answered.unwrap_or_default() + seen.confirmed.unwrap_or_default();
        let is_answered = !self.awaits_answers || answered >= self.awaited;
        if self.due > Instant::now() || !is_answered {
            return;
        }
        if self.scene.alive() > 0 {
            self.proxy.reset();
            self.count += 1;
            self.awaited = answered + seen.sent;
        }
        self.draw();
    }

    fn draw(&mut self) {
        // From when it was due, so that all clients get it at the same times; but not at once again.
        let wait = Duration::from_millis(self.random.u64(300..=900));
        self.due = (self.due + wait).max(Instant::now() + Duration::from_millis(300));
    }
}
