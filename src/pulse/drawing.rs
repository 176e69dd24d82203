//! The pulse as a drawing: the paths of an SVG.

use std::time::Duration;

use super::{BUCKET, Beat, Ending, Phase, Pulse, WINDOW, mark};

/// The line, drawn on a tape that is [`Drawing::LENGTH`] long and [`Drawing::HEIGHT`] high.
///
/// One [`WINDOW`] of the tape is to be seen, from [`Drawing::offset`] on, and it ends now. What still
/// goes on is drawn to the tape's end, so while nothing changes the tape is moved, and nothing is drawn
/// anew. Each text is the data of an SVG path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drawing {
    /// The tape begins one [`WINDOW`] before this many of them have passed.
    number: u64,
    /// An open connection, with its heartbeats that were answered.
    pub line: String,
    /// Heartbeats that were answered late, [`SLOW`] or more.
    pub slow: String,
    /// An open connection on which nothing is received, to a server that has never answered.
    pub silent: String,
    /// An open connection on which nothing is received, to a server that has answered.
    pub doubtful: String,
    /// A point for each heartbeat without an answer, to a server that had never answered.
    pub unanswered: String,
    /// A point for each other heartbeat without an answer.
    pub missed: String,
    /// Attempts under way.
    pub trying: String,
    /// A point for each attempt to come back.
    pub attempts: String,
    /// Waits for the next attempt.
    pub waiting: String,
    /// Outages, from top to bottom.
    pub gaps: String,
    /// Messages sent, up from their lane.
    pub sent: String,
    /// Messages received, down from their lane.
    pub received: String,
    /// How outages began.
    pub labels: Vec<Label>,
}

/// How an outage began, to be written before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Label {
    /// Where it ends on the tape.
    pub x: u32,
    /// What it says.
    pub ending: Ending,
    /// Whether it has room also where the tape is narrow.
    pub is_roomy: bool,
}

/// A reply that takes so long is late for whoever waits for it.
pub const SLOW: Duration = Duration::from_secs(1);

impl Pulse {
    /// Draws it for now and for as long as [`Drawing::offset`] gives something.
    #[must_use]
    pub fn draw(&self, now: Duration) -> Drawing {
        let mut drawing = Drawing {
            number: now.as_secs() / WINDOW.as_secs(),
            ..Drawing::default()
        };
        let mut paths = Paths::default();
        let mut room = Room::default();
        let mut gap = None;
        for (index, span) in self.spans.iter().enumerate() {
            let next = self.spans.get(index + 1).map(|next| next.from);
            let from = drawing.x(span.from);
            let until = next.map_or(Drawing::LENGTH, |next| drawing.x(next));
            match span.phase {
                Phase::Open => {
                    let first = self.beats.partition_point(|beat| beat.at < span.from);
                    let last = next.map_or(self.beats.len(), |next| {
                        self.beats.partition_point(|beat| beat.at < next)
                    });
                    let beats = &self.beats[first..last.max(first)];
                    paths.open(&drawing, from, until, beats);
                }
                Phase::Connecting => {
                    paths.trying.stroke((from, BASE), (until, BASE));
                    if span.is_down {
                        paths.attempts.point((from, BASE));
                    }
                }
                Phase::Waiting => paths.waiting.stroke((from, BASE), (until, BASE)),
                Phase::Off | Phase::Ended => {}
            }
            if span.is_down {
                gap.get_or_insert(from);
            }
            let goes_on = self.spans.get(index + 1).is_some_and(|next| next.is_down);
            if !goes_on && let Some(from) = gap.take() {
                paths.gaps.bar(from, until);
            }
            drawing
                .labels
                .extend(span.ending.and_then(|ending| room.label(from, ending)));
        }
        for beat in &self.beats {
            if beat.round_trip.is_none() {
                let path = if beat.is_expected {
                    &mut paths.missed
                } else {
                    &mut paths.unanswered
                };
                path.point((drawing.x(beat.at), BASE));
            }
        }
        for bucket in &self.buckets {
            let x = drawing.x(BUCKET * u32::try_from(bucket.number).unwrap_or(u32::MAX));
            if bucket.sent > 0 {
                paths.sent.stroke((x, SENT), (x, SENT - mark(bucket.sent)));
            }
            if bucket.received > 0 {
                let y = RECEIVED + mark(bucket.received);
                paths.received.stroke((x, RECEIVED), (x, y));
            }
        }
        paths.into(drawing)
    }
}

impl Drawing {
    /// The tape's length: two windows, in tenths of a second.
    pub const LENGTH: u32 = 6_000;

    /// The tape's height.
    pub const HEIGHT: u32 = 100;

    /// How far the window has moved over the tape, in milliseconds; nothing if another drawing is
    /// needed.
    #[must_use]
    pub fn offset(&self, now: Duration) -> Option<u32> {
        let begin = Duration::from_secs(self.number * WINDOW.as_secs());
        let offset = now.checked_sub(begin)?;
        if offset >= WINDOW {
            return None;
        }
        Some(u32::try_from(offset.as_secs()).ok()? * 1_000 + offset.subsec_millis())
    }

    /// Drawings whose tapes begin at the same time have the same number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    fn x(&self, time: Duration) -> u32 {
        let begin = Duration::from_secs(self.number * WINDOW.as_secs());
        let x = (time + WINDOW).saturating_sub(begin).min(2 * WINDOW);
        u32::try_from(x.as_secs()).unwrap_or_default() * 10 + x.subsec_millis() / 100
    }
}

/// How high a heartbeat with this round trip is drawn, counted down from the tape's top: on a
/// logarithmic scale from 1 ms to 10 s.
#[must_use]
pub fn level(round_trip: Duration) -> u32 {
    let micros = round_trip
        .min(Duration::from_secs(10))
        .max(Duration::from_millis(1));
    let micros =
        u32::try_from(micros.as_secs()).unwrap_or_default() * 1_000_000 + micros.subsec_micros();
    // In sixteenths of a doubling, of which 1 ms has 159 and 10 s has 371; linear between doublings.
    let doublings = micros.ilog2();
    let sixteenths = doublings * 16 + (micros >> (doublings - 4)) % 16;
    BASE - LOWEST - (sixteenths - 159) * (HIGHEST - LOWEST) / (371 - 159)
}

#[derive(Default)]
struct Paths {
    line: Path,
    slow: Path,
    silent: Path,
    doubtful: Path,
    unanswered: Path,
    missed: Path,
    trying: Path,
    attempts: Path,
    waiting: Path,
    gaps: Path,
    sent: Path,
    received: Path,
}

impl Paths {
    /// An open connection with its heartbeats.
    fn open(&mut self, drawing: &Drawing, from: u32, until: u32, beats: &[Beat]) {
        let mut pen = from;
        // Until when nothing was received, and whether an answer could be expected.
        let mut doubt = None;
        for (index, beat) in beats.iter().enumerate() {
            let x = drawing.x(beat.at).clamp(from, until);
            let Some(round_trip) = beat.round_trip else {
                self.flat(&mut pen, x, doubt);
                if doubt.is_none_or(|(end, _)| end <= x) {
                    let end = beat.heard.map_or(until, |heard| drawing.x(heard));
                    doubt = Some((end.clamp(x, until), beat.is_expected));
                }
                continue;
            };
            if x == from && x == 0 {
                // Before the tape.
                continue;
            }
            let before = index.checked_sub(1).and_then(|index| beats.get(index));
            let space = before.map_or(from, |before| drawing.x(before.at).clamp(from, x));
            let left = SIDE.min((x - space).div_ceil(2)).min(x - pen.min(x));
            let next = beats.get(index + 1);
            let space = next.map_or(until, |next| drawing.x(next.at).clamp(x, until));
            let right = SIDE.min((space - x) / 2);
            self.flat(&mut pen, x - left, doubt.take());
            let path = if round_trip < SLOW {
                &mut self.line
            } else {
                &mut self.slow
            };
            let dip = |side: u32| side * DIP.0 / DIP.1;
            let points = [
                (x - left, BASE),
                (x - dip(left), BASE + DIPS.0),
                (x, level(round_trip)),
                (x + dip(right), BASE + DIPS.1),
                (x + right, BASE),
            ];
            for pair in points.windows(2) {
                path.stroke(pair[0], pair[1]);
            }
            pen = x + right;
        }
        self.flat(&mut pen, until, doubt);
    }

    /// The line from the pen to `to`; nothing was received until the doubt ends.
    fn flat(&mut self, pen: &mut u32, to: u32, doubt: Option<(u32, bool)>) {
        if let Some((end, is_expected)) = doubt {
            let end = end.min(to);
            if *pen < end {
                let path = if is_expected {
                    &mut self.doubtful
                } else {
                    &mut self.silent
                };
                path.stroke((*pen, BASE), (end, BASE));
                *pen = end;
            }
        }
        if *pen < to {
            self.line.stroke((*pen, BASE), (to, BASE));
            *pen = to;
        }
    }

    fn into(self, drawing: Drawing) -> Drawing {
        Drawing {
            line: self.line.data,
            slow: self.slow.data,
            silent: self.silent.data,
            doubtful: self.doubtful.data,
            unanswered: self.unanswered.data,
            missed: self.missed.data,
            trying: self.trying.data,
            attempts: self.attempts.data,
            waiting: self.waiting.data,
            gaps: self.gaps.data,
            sent: self.sent.data,
            received: self.received.data,
            ..drawing
        }
    }
}

type Point = (u32, u32);

/// An SVG path that grows.
#[derive(Default)]
struct Path {
    data: String,
    pen: Option<Point>,
}

impl Path {
    /// A line, which goes on where the last one ended if that is here.
    fn stroke(&mut self, from: Point, to: Point) {
        if from == to {
            return;
        }
        if self.pen != Some(from) {
            self.put('M', &[from.0, from.1]);
        }
        if from.1 == to.1 {
            self.put('H', &[to.0]);
        } else {
            self.put('L', &[to.0, to.1]);
        }
        self.pen = Some(to);
    }

    /// A line without length, which a round cap makes a point; none at the tape's begin.
    fn point(&mut self, at: Point) {
        if at.0 > 0 {
            self.put('M', &[at.0, at.1]);
            self.put('H', &[at.0]);
        }
    }

    /// An area from top to bottom.
    fn bar(&mut self, from: u32, until: u32) {
        if from < until {
            self.put('M', &[from, 0]);
            self.put('H', &[until]);
            self.put('V', &[Drawing::HEIGHT]);
            self.put('H', &[from]);
            self.data.push('Z');
        }
    }

    fn put(&mut self, command: char, numbers: &[u32]) {
        self.data.push(command);
        for (index, number) in numbers.iter().enumerate() {
            if index > 0 {
                self.data.push(' ');
            }
            self.data.push_str(&number.to_string());
        }
    }
}

/// Where the last labels end, on a wide page and on a narrow one.
#[derive(Default)]
struct Room {
    wide: u32,
    narrow: u32,
}

impl Room {
    /// A label before `x`, if there is room for it.
    fn label(&mut self, x: u32, ending: Ending) -> Option<Label> {
        // In tenths of a second: a code of four digits, the words of silence, each at 3 px a second.
        let length = match ending {
            Ending::Code(_) => 110,
            Ending::Silence => 180,
        };
        if x < self.wide + length {
            return None;
        }
        self.wide = x;
        let is_roomy = x >= self.narrow + 4 * length;
        if is_roomy {
            self.narrow = x;
        }
        Some(Label {
            x,
            ending,
            is_roomy,
        })
    }
}

/// Where the line lies when nothing happens.
const BASE: u32 = 70;

/// How high the quickest and the slowest heartbeats are.
const LOWEST: u32 = 18;
const HIGHEST: u32 = 64;

/// How deep the line dips before and behind a heartbeat.
const DIPS: (u32, u32) = (4, 7);

/// How long the line takes for a heartbeat on each side, in tenths of a second, and how far the dips
/// are from it, in parts of that.
const SIDE: u32 = 20;
const DIP: (u32, u32) = (9, 20);

/// Where the marks of messages sent end and those of messages received begin.
const SENT: u32 = 88;
const RECEIVED: u32 = 90;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use heartwire::core::connection::Status;

    use super::*;
    use crate::pulse::tests::{CONNECTING, History, OPEN, ms};

    #[test]
    fn a_heartbeat_is_a_spike_as_high_as_its_reply_is_slow() {
        let mut history = History::open(0);
        history.beat(10_000, Some(5));
        let quick = history.draw(20_000);
        assert_eq!(
            quick.line,
            "M3000 70H3080L3091 74L3100 45L3109 77L3120 70H6000"
        );
        assert_eq!(quick.slow, "");

        history.beat(30_000, Some(2_500));
        let slow = history.draw(40_000);
        assert_eq!(slow.slow, "M3280 70L3291 74L3300 13L3309 77L3320 70");
        assert!(
            slow.line.ends_with("L3120 70H3280M3320 70H6000"),
            "{}",
            slow.line
        );
        assert_eq!(slow.unanswered, "");
    }

    #[test]
    fn the_scale_is_logarithmic() {
        let levels = [0, 1, 10, 100, 1_000, 10_000, 99_999].map(|millis| level(ms(millis)));
        assert_eq!(levels, [52, 52, 41, 30, 18, 6, 6]);
    }

    #[test]
    fn a_silent_server_and_one_that_has_fallen_silent_are_drawn_apart() {
        let mut silent = History::open(0);
        silent.beat(30_000, None).beat(60_000, None);
        let drawing = silent.draw(70_000);
        assert_eq!(drawing.line, "M3000 70H3300");
        assert_eq!(drawing.silent, "M3300 70H3600H6000");
        assert_eq!(drawing.unanswered, "M3300 70H3300M3600 70H3600");
        assert_eq!((&*drawing.doubtful, &*drawing.gaps), ("", ""));

        let mut dead = History::open(0);
        dead.beat(30_000, Some(5)).beat(60_000, None);
        let drawing = dead.draw(63_000);
        assert_eq!(drawing.doubtful, "M3600 70H6000");
        assert_eq!(drawing.silent, "");

        // It is over since it was last heard of, and what was asked after that stays to be seen.
        dead.lose(70_000, None);
        let drawing = dead.draw(71_000);
        assert_eq!(drawing.gaps, "M3300 0H6000V100H3300Z");
        assert_eq!(drawing.waiting, "M3700 70H6000");
        assert_eq!(drawing.missed, "M3600 70H3600");
        assert_eq!(drawing.unanswered, "");
        assert_eq!((&*drawing.doubtful, &*drawing.silent), ("", ""));
        assert_eq!(drawing.labels[0].ending, Ending::Silence);
    }

    #[test]
    fn whatever_is_heard_ends_the_doubt() {
        let mut history = History::open(0);
        history.beat(10_000, Some(5)).beat(40_000, None);
        history.pulse.received(ms(50_000));
        let drawing = history.draw(60_000);
        assert_eq!(drawing.doubtful, "M3400 70H3500");
        assert!(drawing.line.ends_with("M3500 70H6000"), "{}", drawing.line);
    }

    #[test]
    fn an_outage_is_a_gap_with_its_code_its_waits_and_its_attempts() {
        let mut history = History::open(0);
        history.lose(20_000, Some(1012));
        history.turn(CONNECTING, 24_000).lose(25_000, Some(1006));
        history.turn(CONNECTING, 29_000).turn(OPEN, 30_000);
        let drawing = history.draw(40_000);
        assert_eq!(drawing.line, "M3000 70H3200M3300 70H6000");
        assert_eq!(drawing.gaps, "M3200 0H3300V100H3200Z");
        assert_eq!(drawing.waiting, "M3200 70H3240M3250 70H3290");
        assert_eq!(drawing.trying, "M3240 70H3250M3290 70H3300");
        assert_eq!(drawing.attempts, "M3240 70H3240M3290 70H3290");
        let ending = Ending::Code(1012);
        let (x, is_roomy) = (3_200, true);
        assert_eq!(
            drawing.labels,
            [Label {
                x,
                ending,
                is_roomy
            }]
        );
    }

    #[test]
    fn a_label_needs_room() {
        let mut history = History::open(0);
        for at in [20_000, 24_000, 40_000, 90_000] {
            history.lose(at, Some(1006)).turn(CONNECTING, at + 1_000);
            history.turn(OPEN, at + 2_000);
        }
        let labels = history.draw(100_000).labels;
        let labels: Vec<_> = labels.iter().map(|one| (one.x, one.is_roomy)).collect();
        assert_eq!(labels, [(3_200, true), (3_400, false), (3_900, true)]);
    }

    #[test]
    fn a_first_attempt_that_fails_begins_an_outage_and_a_stop_ends_it() {
        let mut history = History::default();
        history.turn(CONNECTING, 0).lose(1_000, Some(1006));
        history.turn(Status::Stopped, 5_000);
        let drawing = history.draw(9_000);
        assert_eq!(drawing.gaps, "M3010 0H3050V100H3010Z");
        assert_eq!((&*drawing.line, &*drawing.waiting), ("", "M3010 70H3050"));
        assert!(history.pulse.is_moving(ms(304_000)));
        assert!(!history.pulse.is_moving(ms(305_000)));
    }

    #[test]
    fn messages_are_marks_up_and_down() {
        let mut history = History::open(0);
        for _ in 0..20 {
            history.pulse.sent(ms(1_200));
        }
        history.pulse.received(ms(1_900));
        let drawing = history.draw(3_000);
        assert_eq!(drawing.sent, "M3010 88L3010 82");
        assert_eq!(drawing.received, "M3015 90L3015 94");
    }

    #[test]
    fn a_tape_serves_until_the_window_has_moved_over_it() {
        let history = History::open(0);
        for (at, number, offset, x) in [
            (0, 0, 0, 3_000),
            (299_999, 0, 299_999, 3_000),
            (300_000, 1, 0, 0),
            (601_500, 2, 1_500, 0),
        ] {
            let drawing = history.draw(at);
            assert_eq!(drawing.number(), number);
            assert_eq!(drawing.offset(ms(at)), Some(offset));
            assert_eq!(drawing.line, format!("M{x} 70H6000"));
            assert_eq!(drawing.offset(ms((number + 1) * 300_000)), None);
        }
        assert_eq!(history.draw(300_000).offset(ms(299_999)), None);
    }
}
