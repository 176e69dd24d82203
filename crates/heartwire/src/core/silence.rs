//! How long the path to a server bears silence.
//!
//! Proxies close connections over which nothing was sent for a while, most after 55 s to 5 min.
//! A heartbeat has to come earlier than that, and every earlier one is for nothing.

use std::time::Duration;

use crate::millis;

/// Learns how long a path bears silence: from what still came after a long one, and from the
/// connections that ended in one.
#[derive(Clone, Debug)]
pub struct Silence {
    /// When something was sent or received last.
    last_traffic: Duration,
    /// The silence that ended with something sent, of which nobody knows yet whether it arrived.
    unproven: Duration,
    learned: Learned,
    /// The longest silence after which something was received.
    survived: Duration,
    /// Silences as long as the period that were survived since the period was set.
    survivals: u32,
    drops: Option<Drops>,
}

/// What is worth remembering about a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Learned {
    /// The quiet time after which to send a heartbeat.
    pub period: Duration,
    /// The shortest silence that a connection has died of.
    pub limit: Option<Duration>,
}

/// Connections in a row that were dropped after the same silence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drops {
    /// How many.
    pub count: u32,
    /// After which silence the last one was.
    pub silence: Duration,
}

impl Silence {
    /// Starts with what is remembered of the path, or else with nothing known.
    #[must_use]
    pub fn new(learned: Option<Learned>) -> Self {
        Self {
            last_traffic: Duration::ZERO,
            unproven: Duration::ZERO,
            learned: learned.unwrap_or(Learned {
                period: FIRST,
                limit: None,
            }),
            survived: Duration::ZERO,
            survivals: 0,
            drops: None,
        }
    }

    /// A connection opened.
    pub fn opened(&mut self, now: Duration) {
        self.last_traffic = now;
        self.unproven = Duration::ZERO;
    }

    /// Something was sent.
    pub fn sent(&mut self, now: Duration) {
        self.unproven = self.unproven.max(now.saturating_sub(self.last_traffic));
        self.last_traffic = now;
    }

    /// Something was received, so the path has borne the silence before it.
    pub fn received(&mut self, now: Duration) {
        let silence = now.saturating_sub(self.last_traffic).max(self.unproven);
        self.last_traffic = now;
        self.unproven = Duration::ZERO;
        self.survived = self.survived.max(silence);
        self.drops = self.drops.filter(|drops| silence <= drops.silence + SAME);
        if silence >= nearly(self.learned.period) {
            self.survivals += 1;
            if self.survivals == SURVIVALS {
                self.change_period(self.learned.period * 3 / 2);
            }
        }
    }

    /// The connection was dropped without a close message.
    pub fn dropped(&mut self, now: Duration) {
        let silence = now.saturating_sub(self.last_traffic);
        let count = match self.drops {
            Some(drops) if drops.silence.abs_diff(silence) <= SAME => drops.count + 1,
            _ => 1,
        };
        self.drops = (silence >= SHORTEST).then_some(Drops { count, silence });
        // Three are no chance, whatever the path bore before.
        let is_sure = count > 2 || (count > 1 && self.is_longest(silence));
        if silence >= SHORTEST && (is_sure || self.is_reason(silence)) {
            self.limit_to(silence);
        }
    }

    /// The connection ended in another way.
    pub fn ended(&mut self) {
        self.drops = None;
    }

    /// Nothing came any more, not even after heartbeats.
    pub fn died(&mut self) {
        self.ended();
        if self.is_reason(self.unproven) {
            self.limit_to(self.unproven);
        }
    }

    /// What is worth remembering.
    #[must_use]
    pub fn learned(&self) -> Learned {
        self.learned
    }

    /// The connections in a row that were dropped after the same silence, if there are several: a
    /// proxy probably closes idle connections.
    #[must_use]
    pub fn drops(&self) -> Option<Drops> {
        self.drops.filter(|drops| drops.count > 1)
    }

    /// Whether a connection probably ended because of this silence: it was about to be the longest.
    /// Servers end for other reasons at any other time.
    fn is_reason(&self, silence: Duration) -> bool {
        silence >= SHORTEST && silence >= nearly(self.learned.period) && self.is_longest(silence)
    }

    /// Whether the path has borne no such silence yet.
    fn is_longest(&self, silence: Duration) -> bool {
        silence > self.survived + SAME
    }

    fn limit_to(&mut self, silence: Duration) {
        self.learned.limit = Some(match self.learned.limit {
            Some(limit) => limit.min(silence),
            None => silence,
        });
        self.survived = Duration::ZERO;
        self.change_period(self.learned.period);
    }

    fn change_period(&mut self, period: Duration) {
        let most = self.learned.limit.map_or(LONGEST, |limit| limit * 3 / 4);
        self.learned.period = period.min(most).min(LONGEST);
        self.survivals = 0;
    }
}

impl Learned {
    /// As text, for [`restore`](Self::restore).
    #[must_use]
    pub fn store(&self) -> String {
        let limit = self.limit.map_or(0, millis);
        format!("{} {limit}", millis(self.period))
    }

    /// Reads what was [`store`](Self::store)d; `None` if that cannot be.
    #[must_use]
    pub fn restore(stored: &str) -> Option<Self> {
        let (period, limit) = stored.split_once(' ')?;
        let [period, limit] = [period, limit].map(|millis| millis.parse().ok());
        let period = Duration::from_millis(period?).clamp(SHORTEST * 3 / 4, LONGEST);
        let limit = Duration::from_millis(limit?);
        Some(Self {
            period,
            limit: (!limit.is_zero()).then_some(limit.max(SHORTEST)),
        })
    }
}

/// A heartbeat is sent a little before or after its time.
fn nearly(period: Duration) -> Duration {
    period * 9 / 10
}

/// Where learning begins: half of what nginx and AWS load balancers bear by default.
const FIRST: Duration = Duration::from_secs(30);

/// The longest period that is tried: one heartbeat in it costs next to nothing.
const LONGEST: Duration = Duration::from_secs(240);

/// No proxy is known to close after less.
const SHORTEST: Duration = Duration::from_secs(3);

/// Silences that differ by no more are the same.
const SAME: Duration = Duration::from_secs(2);

/// How often a silence is survived before a longer one is tried.
const SURVIVALS: u32 = 3;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn on_a_patient_path_the_period_grows_to_four_minutes() {
        let mut path = Path::with_limit(u64::MAX);
        let mut periods = vec![path.silence.learned().period.as_secs()];
        for _ in 0..30 {
            path.beat();
            let period = path.silence.learned().period.as_secs();
            if periods.last() != Some(&period) {
                periods.push(period);
            }
        }
        assert_eq!(periods, [30, 45, 67, 101, 151, 227, 240]);
        assert_eq!(path.drops, 0);
    }

    #[test]
    fn a_limit_is_found_once_and_kept_clear_of() {
        for (limit, period) in [(60, 45), (100, 75), (20, 15)] {
            for falls_silent in [false, true] {
                let mut path = Path::with_limit(limit);
                path.falls_silent = falls_silent;
                for _ in 0..200 {
                    path.beat();
                }
                let learned = path.silence.learned().period.as_secs();
                let is_near = learned < limit && learned * 2 > period;
                assert!(is_near, "{limit}: {learned}");
                assert!(path.drops <= 3, "{limit}: {} drops", path.drops);
            }
        }
    }

    #[test]
    fn a_server_that_ends_at_another_time_teaches_nothing() {
        let mut silence = Silence::new(None);
        silence.opened(at(0));
        silence.dropped(at(12));
        assert_eq!(silence.learned(), Silence::new(None).learned());
        // Nor does one that closes at once, again and again.
        for now in 20..30 {
            silence.opened(at(now));
            silence.dropped(at(now));
        }
        assert_eq!(silence.drops(), None);
        assert_eq!(silence.learned(), Silence::new(None).learned());
    }

    #[test]
    fn what_was_survived_is_no_reason() {
        let mut silence = Silence::new(None);
        silence.opened(at(0));
        silence.sent(at(70));
        silence.received(at(71));
        let before = silence.learned();
        for now in [100, 200] {
            silence.opened(at(now));
            silence.dropped(at(now + 5));
        }
        assert_eq!(silence.learned(), before);
        silence.opened(at(300));
        silence.sent(at(370) + Duration::from_millis(3));
        silence.died();
        assert_eq!(silence.learned(), before);
        for now in [400, 500, 600] {
            silence.opened(at(now));
            silence.dropped(at(now + 25));
        }
        assert_eq!(silence.learned().limit, Some(at(25)));
    }

    #[test]
    fn drops_are_not_told_any_more_when_something_else_happened() {
        let mut silence = Silence::new(None);
        let drop_twice = |silence: &mut Silence| {
            for now in [0, 100] {
                silence.opened(at(now));
                silence.dropped(at(now + 60));
            }
            assert!(silence.drops().is_some());
        };
        drop_twice(&mut silence);
        silence.ended();
        assert_eq!(silence.drops(), None);
        drop_twice(&mut silence);
        silence.opened(at(200));
        silence.received(at(263));
        assert_eq!(silence.drops(), None);
    }

    #[test]
    fn two_drops_after_the_same_silence_are_told() {
        let mut silence = Silence::new(None);
        for (opened, dropped, expected) in [
            (0, 60, None),
            (100, 130, None),
            (200, 231, Some((2, 31))),
            (300, 330, Some((3, 30))),
            (400, 410, None),
        ] {
            silence.opened(at(opened));
            silence.dropped(at(dropped));
            let drops = silence.drops();
            let drops = drops.map(|drops| (drops.count, drops.silence.as_secs()));
            assert_eq!(drops, expected);
        }
    }

    #[test]
    fn traffic_in_either_direction_ends_a_silence() {
        let mut silence = Silence::new(None);
        for round in 0..2 {
            silence.opened(at(100 * round));
            silence.sent(at(100 * round + 2));
            silence.received(at(100 * round + 4));
            silence.dropped(at(100 * round + 14));
        }
        assert_eq!(silence.drops().map(|drops| drops.silence), Some(at(10)));
    }

    #[test]
    fn what_was_learned_can_be_stored() {
        for limit in [None, Some(at(60))] {
            let learned = Learned {
                period: at(45),
                limit,
            };
            assert_eq!(Learned::restore(&learned.store()), Some(learned));
        }
        for stored in ["", "1", "a b", "1 2 3"] {
            assert_eq!(Learned::restore(stored), None, "{stored}");
        }
        let shortest = Learned::restore("0 0").map(|learned| learned.period);
        assert!(shortest > Some(Duration::from_secs(2)));
    }

    /// A path to a server that answers, on which a silence of `limit` seconds ends the connection.
    struct Path {
        silence: Silence,
        now: Duration,
        limit: u64,
        falls_silent: bool,
        drops: u32,
    }

    impl Path {
        fn with_limit(limit: u64) -> Self {
            Self {
                silence: Silence::new(None),
                now: Duration::ZERO,
                limit,
                falls_silent: false,
                drops: 0,
            }
        }

        /// Lets a period pass.
        fn beat(&mut self) {
            let period = self.silence.learned().period;
            let limit = Duration::from_secs(self.limit);
            if period < limit {
                self.now += period;
                self.silence.sent(self.now);
                self.silence.received(self.now);
                return;
            }
            if self.falls_silent {
                self.now += period;
                self.silence.sent(self.now);
                self.silence.died();
            } else {
                self.now += limit;
                self.silence.dropped(self.now);
            }
            self.drops += 1;
            self.silence.opened(self.now);
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
}
