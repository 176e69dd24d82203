//! The last five minutes of a connection as one line.

mod drawing;
mod summary;

pub use drawing::{Drawing, Label, SLOW, level};

use std::time::Duration;

use heartwire::core::connection::{Loss, Status};

use crate::words::{Words, fill};

/// Records what a connection goes through, draws it and says it.
///
/// It holds what happened in the last [`WINDOW`] and never more than [`MOST`] of a kind; the oldest
/// go first. A message costs the same however many there are. Times are those of the connection's
/// inputs.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    spans: Vec<Span>,
    beats: Vec<Beat>,
    buckets: Vec<Bucket>,
    /// How many of the newest heartbeats nothing was received after.
    unheard: usize,
    /// Whether the server has answered since a connection was last asked for.
    answers: bool,
    /// The latest time that was given as an argument.
    now: Duration,
    /// Changes with what is drawn.
    revision: u32,
}

/// How far back it goes.
pub const WINDOW: Duration = Duration::from_mins(5);

/// How many changes of the connection, and how many heartbeats, are kept: two a second.
pub const MOST: usize = 600;

/// How a connection ended that nobody had asked to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// With this close code.
    Code(u16),
    /// It was dropped here, because no reply came.
    Silence,
}

/// A stretch of time in which the connection did one thing; it ends where the next one begins.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Duration,
    phase: Phase,
    /// It belongs to an outage.
    is_down: bool,
    /// The outage began here, so.
    ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No connection is wanted.
    Off,
    Connecting,
    Open,
    Waiting,
    /// There is no connection, and nothing is under way.
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    at: Duration,
    round_trip: Option<Duration>,
    /// When something was first received after it.
    heard: Option<Duration>,
    /// The server had answered before.
    is_expected: bool,
}

/// The messages of half a second.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    number: u64,
    sent: u32,
    received: u32,
}

impl Pulse {
    /// The connection's status may have changed. `loss` is its last one, and `heard` the time at which
    /// something was last received.
    pub fn turn(&mut self, status: Status, loss: Option<&Loss>, heard: Duration, now: Duration) {
        let (phase, before) = (Phase::of(status), self.phase());
        if phase == before {
            return;
        }
        let now = self.advance(now);
        if before == Phase::Off {
            self.answers = false;
        }
        self.unheard = 0;
        let is_lost = matches!(before, Phase::Connecting | Phase::Open)
            && matches!(phase, Phase::Waiting | Phase::Ended);
        let was_down = self.spans.last().is_some_and(|span| span.is_down);
        let mut ending = loss.filter(|_| is_lost && !was_down).map(Ending::of);
        if before == Phase::Open && ending == Some(Ending::Silence) {
            // The outage began when something was last received: the connection counts it so, too.
            let opened = self.spans.last().map_or(heard, |span| span.from);
            self.push(Span {
                from: heard.clamp(opened, now),
                phase: Phase::Ended,
                is_down: true,
                ending: ending.take(),
            });
        }
        let is_wanted = !matches!(phase, Phase::Off | Phase::Open);
        self.push(Span {
            from: now,
            phase,
            is_down: is_wanted && (is_lost || was_down),
            ending,
        });
    }

    /// A heartbeat was sent.
    pub fn beat(&mut self, now: Duration) {
        let at = self.advance(now);
        self.beats.push(Beat {
            at,
            round_trip: None,
            heard: None,
            is_expected: self.answers,
        });
        if self.beats.len() > MOST {
            self.beats.remove(0);
        }
        self.unheard = (self.unheard + 1).min(self.beats.len());
        self.change();
    }

    /// The heartbeat of this time, or the first after it, was answered: a connection's heartbeat has
    /// its time a moment before it is sent.
    pub fn replied(&mut self, sent: Duration, now: Duration) {
        self.heard(now);
        self.answers = true;
        let index = self.beats.partition_point(|beat| beat.at < sent);
        if let Some(beat) = self.beats.get_mut(index) {
            beat.round_trip = Some(self.now.saturating_sub(sent));
            self.change();
        }
    }

    /// Something was received.
    pub fn heard(&mut self, now: Duration) {
        let now = self.advance(now);
        if self.unheard == 0 {
            return;
        }
        for beat in self.beats.iter_mut().rev().take(self.unheard) {
            beat.heard = Some(now);
        }
        self.unheard = 0;
        self.change();
    }

    /// A message was sent.
    pub fn sent(&mut self, now: Duration) {
        self.count(now, |bucket| &mut bucket.sent);
    }

    /// A message came.
    pub fn received(&mut self, now: Duration) {
        self.heard(now);
        self.count(now, |bucket| &mut bucket.received);
    }

    /// A number that changes with each change that is to be seen.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Whether anything is left to be seen, or goes on.
    #[must_use]
    pub fn is_moving(&self, now: Duration) -> bool {
        self.spans
            .last()
            .is_some_and(|span| span.phase != Phase::Off || now.saturating_sub(span.from) < WINDOW)
    }

    fn phase(&self) -> Phase {
        self.spans.last().map_or(Phase::Off, |span| span.phase)
    }

    fn push(&mut self, span: Span) {
        self.spans.push(span);
        if self.spans.len() > MOST {
            self.forget_span();
        }
        self.change();
    }

    fn count(&mut self, now: Duration, counter: fn(&mut Bucket) -> &mut u32) {
        let now = self.advance(now);
        let halves = u64::from(now.subsec_nanos() / BUCKET.subsec_nanos());
        let number = now.as_secs() * 2 + halves;
        if self.buckets.last().is_none_or(|last| last.number != number) {
            self.buckets.push(Bucket {
                number,
                sent: 0,
                received: 0,
            });
        }
        if let Some(bucket) = self.buckets.last_mut() {
            let counter = counter(bucket);
            let before = mark(*counter);
            *counter = counter.saturating_add(1);
            if *counter == 1 || mark(*counter) != before {
                self.change();
            }
        }
    }

    /// Forgets what is older than the window; returns a time that is not before any other.
    fn advance(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        let begin = self.now.saturating_sub(WINDOW);
        while self.spans.get(1).is_some_and(|next| next.from <= begin) {
            self.forget_span();
        }
        let old = self.beats.partition_point(|beat| beat.at < begin);
        self.beats.drain(..old);
        self.unheard = self.unheard.min(self.beats.len());
        let number = begin.as_secs() * 2;
        let old = self
            .buckets
            .partition_point(|bucket| bucket.number < number);
        self.buckets.drain(..old);
        self.now
    }

    /// Forgets the oldest span, but not how the outage began that it may belong to.
    fn forget_span(&mut self) {
        let ending = self.spans.remove(0).ending;
        if let Some(next) = self.spans.first_mut()
            && next.is_down
        {
            next.ending = next.ending.or(ending);
        }
    }

    fn change(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }
}

impl Ending {
    /// What is said of it in a few words.
    #[must_use]
    pub fn text(self, words: &Words) -> String {
        match self {
            Self::Code(code) => fill(words.pulse_code, &[("code", &code.to_string())]),
            Self::Silence => words.pulse_no_reply.into(),
        }
    }

    /// What is written on the tape.
    #[must_use]
    pub fn short(self, words: &Words) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Silence => words.pulse_no_reply.into(),
        }
    }

    fn of(loss: &Loss) -> Self {
        if loss.was_silent {
            Self::Silence
        } else {
            Self::Code(loss.closure.code)
        }
    }
}

impl Phase {
    fn of(status: Status) -> Self {
        match status {
            Status::Idle | Status::Away | Status::Stopped | Status::Refused(_) => Self::Off,
            Status::Connecting { .. } => Self::Connecting,
            Status::Open { .. } => Self::Open,
            Status::Waiting { .. } => Self::Waiting,
            Status::GaveUp | Status::TurnedAway => Self::Ended,
        }
    }
}

/// How long the mark of so many messages in a bucket is.
fn mark(count: u32) -> u32 {
    4 + (count.max(1).ilog2() / 2).min(5)
}

/// The length of a [`Bucket`].
const BUCKET: Duration = Duration::from_millis(500);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::Lang;
    use heartwire::core::connection::Closure;

    #[test]
    fn a_flood_changes_little_and_takes_no_room() {
        let mut history = History::open(0);
        let before = history.pulse.revision();
        for _ in 0..100_000 {
            history.pulse.received(ms(1_000));
        }
        assert_eq!(history.pulse.buckets.len(), 1);
        assert!(history.pulse.revision() - before <= 6);
        assert!(history.draw(2_000).received.len() < 20);
    }

    proptest! {
        #[test]
        fn any_history_is_drawn_within_the_box_and_takes_bounded_room(
            steps in prop::collection::vec((0..12_u8, 0..40_000_u64), 0..200),
            is_hasty: bool,
        ) {
            let mut history = History::default();
            let mut now = 0;
            for (step, millis) in steps {
                now += if is_hasty { millis / 100 } else { millis };
                let at = ms(now);
                match step {
                    0 => { history.turn(CONNECTING, now); }
                    1 | 2 => { history.turn(OPEN, now); }
                    3 => { history.lose(now, Some(1006)); }
                    4 => { history.lose(now, None); }
                    5 => { history.turn(Status::Stopped, now); }
                    6 => history.pulse.beat(at),
                    7 => history.pulse.replied(ms(now.saturating_sub(millis)), at),
                    8 => history.pulse.received(at),
                    9 => history.pulse.sent(at),
                    10 => history.pulse.heard(ms(now / 2)),
                    _ => { history.beat(now, Some(millis)); }
                }
                if step % 4 == 0 {
                    assert_in_box(&history.draw(now));
                }
            }
            assert_in_box(&history.draw(now / 2));
            for lang in Lang::ALL {
                prop_assert!(!history.pulse.say(lang.words(), ms(now)).is_empty());
            }
        }
    }

    #[test]
    fn no_more_is_kept_than_is_said() {
        let mut history = History::open(0);
        for second in 0..2_000 {
            let at = second * 50;
            history.beat(at, Some(1)).lose(at + 20, Some(1006));
            history.turn(CONNECTING, at + 30).turn(OPEN, at + 40);
        }
        let Pulse {
            spans,
            beats,
            buckets,
            ..
        } = &history.pulse;
        assert_eq!((spans.len(), beats.len()), (MOST, MOST));
        assert!(buckets.len() <= 601);
        assert_in_box(&history.draw(100_000));
    }

    /// Checks each number of each path.
    fn assert_in_box(drawing: &Drawing) {
        let paths = [
            &drawing.line,
            &drawing.slow,
            &drawing.silent,
            &drawing.doubtful,
            &drawing.unanswered,
            &drawing.missed,
            &drawing.trying,
            &drawing.attempts,
            &drawing.waiting,
            &drawing.gaps,
            &drawing.sent,
            &drawing.received,
        ];
        for path in paths {
            let mut rest = &path[..];
            while let Some(command) = rest.chars().next() {
                let end = rest[1..]
                    .find(char::is_alphabetic)
                    .map_or(rest.len(), |at| at + 1);
                let numbers = rest[1..end].split(' ').filter(|one| !one.is_empty());
                let numbers: Vec<u32> = numbers.map(|one| one.parse().expect("a number")).collect();
                let limits: &[u32] = match command {
                    'M' | 'L' => &[Drawing::LENGTH, Drawing::HEIGHT],
                    'H' => &[Drawing::LENGTH],
                    'V' => &[Drawing::HEIGHT],
                    'Z' => &[],
                    other => panic!("{other} in {path}"),
                };
                assert_eq!(numbers.len(), limits.len(), "{path}");
                let is_inside = numbers.iter().zip(limits).all(|(one, most)| one <= most);
                assert!(is_inside, "{path}");
                rest = &rest[end..];
            }
        }
    }

    #[derive(Default)]
    pub(super) struct History {
        pub(super) pulse: Pulse,
        heard: Duration,
    }

    impl History {
        pub(super) fn open(at: u64) -> Self {
            let mut history = Self::default();
            history.turn(CONNECTING, at).turn(OPEN, at);
            history
        }

        pub(super) fn turn(&mut self, status: Status, at: u64) -> &mut Self {
            self.pulse.turn(status, None, self.heard, ms(at));
            if status == OPEN {
                self.heard = ms(at);
            }
            self
        }

        /// A loss with this code, or by silence.
        pub(super) fn lose(&mut self, at: u64, code: Option<u16>) -> &mut Self {
            let loss = Loss {
                closure: Closure {
                    code: code.unwrap_or(1006),
                    ..Closure::abnormal()
                },
                was_open: true,
                was_silent: code.is_none(),
                error: None,
            };
            let waiting = Status::Waiting {
                since: ms(at),
                until: ms(at),
            };
            self.pulse.turn(waiting, Some(&loss), self.heard, ms(at));
            self
        }

        pub(super) fn beat(&mut self, at: u64, round_trip: Option<u64>) -> &mut Self {
            self.pulse.beat(ms(at));
            if let Some(round_trip) = round_trip {
                self.heard = ms(at + round_trip);
                self.pulse.replied(ms(at), self.heard);
            }
            self
        }

        pub(super) fn draw(&self, at: u64) -> Drawing {
            self.pulse.draw(ms(at))
        }
    }

    pub(super) fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    pub(super) const CONNECTING: Status = Status::Connecting {
        since: Duration::ZERO,
    };

    pub(super) const OPEN: Status = Status::Open {
        since: Duration::ZERO,
        outage: None,
    };
}
