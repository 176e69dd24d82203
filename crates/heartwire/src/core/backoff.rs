//! Delays between attempts: full jitter under a ceiling that doubles.

use std::time::Duration;

use crate::millis;

/// The ceiling of the first delay and of every delay.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ceilings {
    /// The ceiling before the first attempt.
    pub first: Duration,
    /// The ceiling that doubling stops at.
    pub last: Duration,
}

/// The least of either: zero doubles to zero, and a page would try again without a pause.
pub const LEAST_CEILING: Duration = Duration::from_millis(10);

/// Draws the delay before each attempt to reconnect.
///
/// Uniform from zero to the ceiling, since clients that lost one server together must not come
/// back together; RFC 6455 §7.2.3 asks for the same.
#[derive(Clone, Debug)]
pub struct Backoff {
    ceilings: Ceilings,
    attempt: u32,
    rng: fastrand::Rng,
}

impl Backoff {
    /// Starts before the first attempt. The seed decides every delay.
    #[must_use]
    pub fn new(ceilings: Ceilings, seed: u64) -> Self {
        Self {
            ceilings,
            attempt: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Counts one more attempt and draws the delay before it.
    pub fn next_delay(&mut self) -> Duration {
        let doublings = self.attempt.min(MAX_DOUBLINGS);
        let ceiling = self.ceilings.first.saturating_mul(1 << doublings);
        self.attempt = self.attempt.saturating_add(1);
        self.up_to(ceiling.min(self.ceilings.last))
    }

    /// Draws the delay after an event that only this page knows of, such as its waking. The client
    /// is not in step with others, so the spread is small.
    pub fn local_delay(&mut self) -> Duration {
        self.up_to(LOCAL_SPREAD)
    }

    /// Starts over before the first attempt.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// Starts over with other ceilings.
    pub fn restart(&mut self, ceilings: Ceilings) {
        self.ceilings = ceilings;
        self.reset();
    }

    /// How many attempts have been counted since the start.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    fn up_to(&mut self, ceiling: Duration) -> Duration {
        Duration::from_millis(self.rng.u64(0..=millis(ceiling)))
    }
}

/// Keeps `1 << doublings` inside `u32`; 2³¹ times any ceiling in use is over the last one.
const MAX_DOUBLINGS: u32 = 31;

const LOCAL_SPREAD: Duration = Duration::from_millis(300);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn delays_stay_under_a_ceiling_that_doubles_up_to_the_last() {
        let mut longest = [Duration::ZERO; 6];
        for seed in 0..2_000 {
            let mut backoff = Backoff::new(ceilings(), seed);
            for longest in &mut longest {
                *longest = backoff.next_delay().max(*longest);
            }
        }
        for (longest, ceiling) in longest.into_iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
            let ceiling = Duration::from_millis(ceiling);
            assert!(longest <= ceiling, "{longest:?} over {ceiling:?}");
            assert!(
                longest > ceiling * 9 / 10,
                "{longest:?} far below {ceiling:?}"
            );
        }
    }

    #[test]
    fn delays_reach_down_to_zero() {
        let shortest = (0..2_000)
            .map(|seed| Backoff::new(ceilings(), seed).next_delay())
            .min();
        assert!(shortest < Some(Duration::from_millis(5)), "{shortest:?}");
    }

    #[test]
    fn the_attempt_can_count_for_ever() {
        let mut backoff = Backoff::new(ceilings(), 1);
        for _ in 0..100_000 {
            assert!(backoff.next_delay() <= ceilings().last);
        }
        assert_eq!(backoff.attempt(), 100_000);
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = Backoff::new(ceilings(), 7);
        for _ in 0..10 {
            let _ = backoff.next_delay();
        }
        backoff.reset();
        assert_eq!(backoff.attempt(), 0);
        for _ in 0..100 {
            assert!(backoff.next_delay() <= ceilings().first);
            backoff.reset();
        }
    }

    fn ceilings() -> Ceilings {
        Ceilings {
            first: Duration::from_millis(100),
            last: Duration::from_secs(1),
        }
    }
}
