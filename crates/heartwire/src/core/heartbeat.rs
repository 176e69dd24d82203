//! When a heartbeat is due, how long its reply takes, and when a connection is dead.

use std::time::Duration;

use crate::Options;

/// How long it has to be quiet before a heartbeat is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Period {
    /// This long.
    Every(Duration),
    /// As long as the path is known to bear: see [`Silence`](super::silence::Silence).
    Auto,
    /// No heartbeat is sent.
    Off,
}

impl From<Duration> for Period {
    fn from(period: Duration) -> Self {
        Self::Every(period)
    }
}

/// What starts the period of quiet over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Anything received: nothing is sent to a server that talks.
    Idle,
    /// The heartbeat alone.
    Always,
}

/// How long after a heartbeat something must arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyTimeout {
    /// Four times the smoothed round trip, from 3 s to 10 s, once the server has answered; longer behind much that
    /// has no proof.
    Auto,
    /// This long, for every server.
    After(Duration),
    /// For ever.
    Off,
}

impl From<Duration> for ReplyTimeout {
    fn from(timeout: Duration) -> Self {
        Self::After(timeout)
    }
}

/// What is known about a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Knowledge {
    /// No heartbeat was sent to it yet, or not long enough ago.
    Unasked,
    /// It has answered none.
    Silent,
    /// It answers.
    Answers,
    /// It was sent a heartbeat and a second one, and nothing has come since; or its receipt, or its own heart-beat,
    /// is late.
    Lost {
        /// When the second heartbeat was sent, or what is late began to be missed.
        since: Duration,
        /// When the connection will be taken for dead.
        until: Duration,
    },
}

/// What to do when nothing came in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Ask again, and wait so long.
    Probe(Duration),
    /// Take the connection for dead.
    Dead,
}

/// Decides when to send a heartbeat, measures its round trip, and tells a dead connection from a
/// quiet one.
///
/// The period is an argument: [`Silence`](super::silence::Silence) may change it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    mode: Mode,
    reply_timeout: ReplyTimeout,
    /// When the timer was last set, and for how long.
    started: Duration,
    period: Duration,
    /// When something was received last, or the connection opened.
    heard: Duration,
    beaten: Option<Duration>,
    /// When the oldest heartbeat of this connection was sent that has no reply.
    unanswered: Option<Duration>,
    /// The newest round trip of this connection.
    round_trip: Option<Duration>,
    /// Of this server, whatever the connection.
    smoothed: Option<Duration>,
    doubt: Option<Doubt>,
}

/// A heartbeat was sent, and nothing has come since.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// When the timer of the reply expires.
    due: Duration,
    /// When the connection is dead.
    until: Duration,
    /// What is waited in all.
    timeout: Duration,
    /// When the second heartbeat was sent.
    probed: Option<Duration>,
    /// The machine slept meanwhile, so the wait was started over.
    has_slept: bool,
}

impl Heartbeat {
    /// Takes mode and reply timeout from the options.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            mode: options.heartbeat_mode,
            reply_timeout: options.reply_timeout,
            started: Duration::ZERO,
            period: Duration::ZERO,
            heard: Duration::ZERO,
            beaten: None,
            unanswered: None,
            round_trip: None,
            smoothed: None,
            doubt: None,
        }
    }

    /// Forgets what is known about the server: another one may follow.
    pub fn forget(&mut self) {
        self.smoothed = None;
    }

    /// The server's replies tell nothing: it says them unasked.
    pub fn doubt_replies(&mut self) {
        self.forget();
        self.round_trip = None;
    }

    /// A connection opened.
    pub fn opened(&mut self, now: Duration) {
        self.heard = now;
        self.beaten = None;
        self.unanswered = None;
        self.round_trip = None;
        self.doubt = None;
    }

    /// The timer was set.
    pub fn started(&mut self, period: Duration, now: Duration) {
        self.started = now;
        self.period = period;
    }

    /// Something was received, so the connection lives: returns whether that was in doubt.
    pub fn heard(&mut self, now: Duration) -> bool {
        self.heard = now;
        self.doubt.take().is_some()
    }

    /// Whether a message received starts the period over.
    #[must_use]
    pub fn is_put_off(&self) -> bool {
        self.mode == Mode::Idle
    }

    /// When the timer expires.
    #[must_use]
    pub fn due(&self) -> Duration {
        self.started.saturating_add(self.period)
    }

    /// Whether the server may be expected to answer a heartbeat that is sent now: one that answers, and one that was
    /// not asked yet.
    #[must_use]
    pub fn may_be_answered(&self, now: Duration) -> bool {
        match self.knowledge(now) {
            Knowledge::Silent => false,
            Knowledge::Answers | Knowledge::Lost { .. } => self.is_answered(now),
            Knowledge::Unasked => self.unanswered.is_none(),
        }
    }

    /// The timer expired: returns whether a heartbeat is due. It is not when the expiry was already
    /// under way as the timer was set anew.
    #[must_use]
    pub fn is_due(&self, now: Duration) -> bool {
        now.saturating_sub(self.started) > self.period / 2
    }

    /// A heartbeat is sent, behind so much text without a proof, or one whose reply nobody waits for: returns how long
    /// to wait until [`judge`](Self::judge), if that wait starts now.
    pub fn beat(&mut self, unproven_bytes: Option<usize>, now: Duration) -> Option<Duration> {
        self.beaten = Some(now);
        self.unanswered.get_or_insert(now);
        if self.doubt.is_some() {
            return None;
        }
        let timeout = self.timeout(unproven_bytes?)?;
        Some(self.begin_doubt(timeout, now, false))
    }

    /// Whether the server has ever answered.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.smoothed.is_some()
    }

    /// Something was sent that the server answers by itself.
    #[cfg(feature = "stomp")]
    pub fn asked(&mut self, now: Duration) {
        self.unanswered.get_or_insert(now);
    }

    /// A heartbeat sent at this time got its reply; the oldest that still has none was sent at that
    /// time.
    pub fn replied(&mut self, sent: Duration, unanswered: Option<Duration>, now: Duration) {
        let round_trip = now.saturating_sub(sent);
        self.unanswered = unanswered;
        // It may be the reply to a later heartbeat, where one before was not answered.
        let is_doubtful = unanswered.is_some() && round_trip > LONGEST;
        self.round_trip = (!is_doubtful).then_some(round_trip);
        let round_trip = round_trip.min(LONGEST);
        // As RFC 6298 §2.3 smooths it.
        self.smoothed = Some(match self.smoothed {
            Some(smoothed) => (smoothed * 7 + round_trip) / 8,
            None => round_trip,
        });
    }

    /// The wait for a reply is over, and nothing has come: returns what to do. It is nothing when
    /// something came as the timer was expiring.
    pub fn judge(&mut self, now: Duration) -> Option<Verdict> {
        let doubt = self.doubt.as_mut()?;
        if is_late(doubt.due, now) && !doubt.has_slept {
            // The machine slept, and what came meanwhile is still to be read.
            let timeout = doubt.timeout;
            return Some(Verdict::Probe(self.begin_doubt(timeout, now, true)));
        }
        if doubt.probed.is_some() {
            return Some(Verdict::Dead);
        }
        doubt.probed = Some(now);
        doubt.until = doubt.until.max(now + doubt.timeout / 2);
        doubt.due = doubt.until;
        Some(Verdict::Probe(doubt.until.saturating_sub(now)))
    }

    /// The page woke: returns whether to ask at once if the connection still lives. That is not so
    /// if it was asked a moment ago: several signs tell of one waking.
    pub fn wakes(&mut self, now: Duration) -> bool {
        let asks = match (self.doubt, self.beaten) {
            (Some(doubt), _) => is_late(doubt.due, now),
            (None, Some(beaten)) => is_late(beaten, now),
            (None, None) => true,
        };
        if asks {
            self.doubt = None;
        }
        asks
    }

    /// What is known about the server.
    #[must_use]
    pub fn knowledge(&self, now: Duration) -> Knowledge {
        match self.doubt {
            Some(Doubt {
                probed: Some(since),
                until,
                ..
            }) => Knowledge::Lost { since, until },
            _ if self.smoothed.is_some() => Knowledge::Answers,
            _ if self.is_unanswered_for(SHORTEST, now) => Knowledge::Silent,
            _ => Knowledge::Unasked,
        }
    }

    /// Whether the server can be expected to answer, so that what it was sent will be confirmed. One
    /// that has let the longest timeout pass must not hold up what follows, though it may live.
    #[must_use]
    pub fn is_answered(&self, now: Duration) -> bool {
        self.smoothed.is_some() && !self.is_unanswered_for(LONGEST, now)
    }

    /// When something was received last, or the connection opened.
    #[must_use]
    pub fn last_heard(&self) -> Duration {
        self.heard
    }

    /// How long the newest reply of this connection took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Doubts the connection from now on; returns when to ask again.
    fn begin_doubt(&mut self, timeout: Duration, now: Duration, has_slept: bool) -> Duration {
        self.doubt = Some(Doubt {
            due: now.saturating_add(timeout / 2),
            until: now.saturating_add(timeout),
            timeout,
            probed: None,
            has_slept,
        });
        timeout / 2
    }

    fn is_unanswered_for(&self, time: Duration, now: Duration) -> bool {
        self.unanswered
            .is_some_and(|since| now.saturating_sub(since) > time)
    }

    fn timeout(&self, unproven_bytes: usize) -> Option<Duration> {
        match self.reply_timeout {
            ReplyTimeout::Auto => {
                let timeout = (self.smoothed? * 4).clamp(SHORTEST, LONGEST);
                let bytes = unproven_bytes.saturating_sub(BYTES_IN_NO_TIME);
                let sending = bytes as u64 / SLOWEST_BYTES_PER_MILLI;
                Some(timeout + Duration::from_millis(sending))
            }
            ReplyTimeout::After(timeout) => Some(timeout),
            ReplyTimeout::Off => None,
        }
    }
}

/// Whether a timer expired so late that the machine must have slept, or the browser put it off.
#[must_use]
pub fn is_late(due: Duration, now: Duration) -> bool {
    now.saturating_sub(due) > LATE
}

/// Timers of a hidden page are up to a second late (Chromium aligns them to whole seconds).
const LATE: Duration = Duration::from_secs(1);

/// A radio that sleeps needs up to two seconds to wake.
pub(super) const SHORTEST: Duration = Duration::from_secs(3);

/// Centrifugo's slack, the longest among the clients that were compared.
const LONGEST: Duration = Duration::from_secs(10);

/// So much reaches a server within the shortest timeout over any link worth the name.
const BYTES_IN_NO_TIME: usize = 64 * 1024;

/// No reply can come before what stands in front of its heartbeat has arrived: 128 kbit/s, a weak
/// mobile link.
const SLOWEST_BYTES_PER_MILLI: u64 = 16;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_answered_is_given_all_the_time() {
        let mut heartbeat = Heartbeat::new(&Options::new());
        heartbeat.opened(at(0));
        assert_eq!(heartbeat.beat(Some(0), at(30_000)), None);
        assert_eq!(heartbeat.knowledge(at(33_000)), Knowledge::Unasked);
        assert_eq!(heartbeat.knowledge(at(33_001)), Knowledge::Silent);
        assert_eq!(heartbeat.judge(at(90_000)), None);
    }

    #[test]
    fn the_timeout_follows_the_round_trip_within_its_bounds() {
        for (round_trip, timeout) in [(1, 3_000), (1_500, 6_000), (9_000, 10_000)] {
            let mut heartbeat = answered(ReplyTimeout::Auto, round_trip);
            assert_eq!(
                heartbeat.beat(Some(0), at(60_000)),
                Some(millis(timeout / 2))
            );
        }
    }

    #[test]
    fn the_round_trip_is_smoothed() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 800);
        heartbeat.replied(at(50_000), None, at(54_000));
        assert_eq!(heartbeat.round_trip(), Some(millis(4_000)));
        assert_eq!(
            heartbeat.beat(Some(0), at(60_000)),
            Some(millis(4 * 1_200 / 2))
        );
    }

    #[test]
    fn a_dead_connection_is_probed_once_and_dropped_in_time() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        assert_eq!(heartbeat.beat(Some(0), at(60_000)), Some(millis(1_500)));
        assert_eq!(heartbeat.knowledge(at(61_500)), Knowledge::Answers);
        assert_eq!(
            heartbeat.judge(at(61_500)),
            Some(Verdict::Probe(millis(1_500)))
        );
        assert_eq!(heartbeat.beat(Some(0), at(61_500)), None);
        assert_eq!(
            heartbeat.knowledge(at(61_500)),
            Knowledge::Lost {
                since: at(61_500),
                until: at(63_000)
            }
        );
        assert_eq!(heartbeat.judge(at(63_000)), Some(Verdict::Dead));
    }

    #[test]
    fn anything_received_ends_the_doubt() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        let _ = heartbeat.beat(Some(0), at(60_000));
        assert!(heartbeat.heard(at(61_400)));
        assert_eq!(heartbeat.judge(at(61_500)), None);
        assert_eq!(heartbeat.beat(Some(0), at(90_000)), Some(millis(1_500)));
    }

    #[test]
    fn a_timeout_that_was_asked_for_holds_for_every_server() {
        let mut heartbeat = fresh(ReplyTimeout::After(millis(800)));
        assert_eq!(heartbeat.beat(Some(0), at(30_000)), Some(millis(400)));
        let mut heartbeat = answered(ReplyTimeout::Off, 10);
        assert_eq!(heartbeat.beat(Some(0), at(60_000)), None);
    }

    #[test]
    fn after_a_sleep_the_wait_starts_over_once() {
        for judged_before in [false, true] {
            let mut heartbeat = answered(ReplyTimeout::Auto, 10);
            let _ = heartbeat.beat(Some(0), at(60_000));
            if judged_before {
                let _ = heartbeat.judge(at(61_500));
            }
            assert_eq!(
                heartbeat.judge(at(600_000)),
                Some(Verdict::Probe(millis(1_500)))
            );
            assert_eq!(heartbeat.knowledge(at(61_500)), Knowledge::Answers);
            assert!(matches!(
                heartbeat.judge(at(700_000)),
                Some(Verdict::Probe(_))
            ));
            assert_eq!(heartbeat.judge(at(800_000)), Some(Verdict::Dead));
        }
    }

    #[test]
    fn several_signs_of_one_waking_ask_once() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        assert!(heartbeat.wakes(at(60_000)));
        let _ = heartbeat.beat(Some(0), at(60_000));
        assert!(!heartbeat.wakes(at(60_010)));
        assert!(heartbeat.heard(at(60_020)));
        assert!(!heartbeat.wakes(at(60_030)));
        assert!(heartbeat.wakes(at(62_000)));
        // What was asked before a sleep does not count.
        let _ = heartbeat.beat(Some(0), at(62_000));
        assert!(heartbeat.wakes(at(600_000)));
        assert_eq!(heartbeat.beat(Some(0), at(600_000)), Some(millis(1_500)));
    }

    #[test]
    fn what_is_sent_slowly_is_waited_for() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        let wait = heartbeat.beat(Some(64 * 1024 + 160_000), at(60_000));
        assert_eq!(wait, Some(millis(6_500)));
        let mut heartbeat = answered(ReplyTimeout::After(millis(800)), 10);
        assert_eq!(heartbeat.beat(Some(1 << 20), at(60_000)), Some(millis(400)));
    }

    #[test]
    fn a_reply_that_comes_after_a_sleep_is_no_measure() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        let _ = heartbeat.beat(Some(0), at(60_000));
        heartbeat.replied(at(60_000), Some(at(30_000_000)), at(30_000_010));
        assert_eq!(heartbeat.round_trip(), None);
        for _ in 0..20 {
            heartbeat.replied(at(0), None, at(10));
        }
        let _ = heartbeat.heard(at(30_000_020));
        assert_eq!(heartbeat.beat(Some(0), at(30_000_020)), Some(millis(1_500)));
    }

    #[test]
    fn a_second_sleep_in_one_doubt_leaves_time_to_read() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        let _ = heartbeat.beat(Some(0), at(60_000));
        let _ = heartbeat.judge(at(600_000));
        assert_eq!(
            heartbeat.judge(at(900_000)),
            Some(Verdict::Probe(millis(1_500)))
        );
    }

    #[test]
    fn another_server_is_not_expected_to_answer() {
        let mut heartbeat = answered(ReplyTimeout::Auto, 10);
        heartbeat.opened(at(1_000));
        assert!(heartbeat.is_answered(at(1_000)));
        heartbeat.forget();
        assert!(!heartbeat.is_answered(at(1_000)));
        assert_eq!(heartbeat.beat(Some(0), at(60_000)), None);
    }

    #[test]
    fn a_server_that_has_stopped_to_answer_holds_up_nothing() {
        let mut heartbeat = answered(ReplyTimeout::Off, 10);
        for sent in [60_000, 65_000] {
            let _ = heartbeat.beat(Some(0), at(sent));
        }
        assert!(heartbeat.is_answered(at(70_000)));
        assert!(!heartbeat.is_answered(at(70_001)));
        heartbeat.replied(at(60_000), Some(at(65_000)), at(70_002));
        assert!(heartbeat.is_answered(at(75_000)));
        assert!(!heartbeat.is_answered(at(75_001)));
    }

    /// Open, and answered once after this round trip in milliseconds.
    fn answered(reply_timeout: ReplyTimeout, round_trip: u64) -> Heartbeat {
        let mut heartbeat = fresh(reply_timeout);
        let _ = heartbeat.beat(Some(0), at(0));
        let _ = heartbeat.heard(at(round_trip));
        heartbeat.replied(at(0), None, at(round_trip));
        heartbeat
    }

    fn fresh(reply_timeout: ReplyTimeout) -> Heartbeat {
        let mut heartbeat = Heartbeat::new(&Options::new().reply_timeout(reply_timeout));
        heartbeat.opened(at(0));
        heartbeat
    }

    fn at(millis: u64) -> Duration {
        self::millis(millis)
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
