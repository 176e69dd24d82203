//! The last five minutes of a connection as one line.

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
    /// So many of the newest heartbeats have heard nothing after them.
    unheard: usize,
    /// The server has answered since it was last turned to.
    answers: bool,
    /// The newest time that an argument told.
    now: Duration,
    revision: u32,
}

/// So far back it goes.
pub const WINDOW: Duration = Duration::from_mins(5);

/// So many changes of the connection, and so many heartbeats, are kept: two a second.
pub const MOST: usize = 600;

/// The line, drawn on a tape that is [`Drawing::LENGTH`] long and [`Drawing::HEIGHT`] high.
///
/// Whatever goes on reaches to the tape's end: only what lies before [`Drawing::offset`] is to be
/// seen, so the tape moves, and nothing is drawn anew, while nothing happens. Each text is the data of
/// an SVG path.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drawing {
    /// The time at which the tape begins, in [`WINDOW`]s, is one before this.
    number: u64,
    /// An open connection, with its heartbeats that were answered.
    pub line: String,
    /// Heartbeats that were answered late, [`SLOW`] or more.
    pub slow: String,
    /// An open connection, nothing heard, to a server that was never heard to answer.
    pub silent: String,
    /// An open connection, nothing heard, to a server that did answer.
    pub doubtful: String,
    /// A point for each heartbeat without an answer, of a server that was never heard to answer.
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
    /// When something was heard after it.
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
    /// The connection may have got another status. The loss is its last one, and `heard` the time at
    /// which it last heard of the server.
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
            // It is over since it was last heard of, as the connection counts it, too.
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

    /// Something came from the server.
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

    /// Another number after each change that is to be seen.
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

    /// Says what is drawn.
    #[must_use]
    pub fn say(&self, words: &Words, now: Duration) -> String {
        let begin = now.saturating_sub(WINDOW);
        let Some(first) = self.spans.first() else {
            return words.pulse_nothing.into();
        };
        let told = now.saturating_sub(first.from).min(WINDOW);
        let (mut open, mut down) = (Duration::ZERO, Duration::ZERO);
        let (mut outages, mut attempts, mut endings) = (0, 0, Vec::new());
        let mut was_down = false;
        for (index, span) in self.spans.iter().enumerate() {
            let until = self.spans.get(index + 1).map_or(now, |next| next.from);
            let time = until.saturating_sub(span.from.max(begin));
            if span.phase == Phase::Open {
                open += time;
            }
            if span.is_down {
                down += time;
                attempts += u64::from(span.phase == Phase::Connecting);
                outages += u64::from(!was_down);
            }
            was_down = span.is_down;
            endings.extend(span.ending.filter(|ending| !endings.contains(ending)));
        }
        let mut said = fill(words.pulse_told, &[("time", &time_text(words, told))]);
        let part = |said: &mut String, text: &str| {
            said.push_str(words.pulse_separator);
            said.push_str(text);
        };
        said.push_str(&fill(
            words.pulse_open,
            &[("time", &time_text(words, open))],
        ));
        part(&mut said, &self.say_beats(words, now));
        let (mut sent, mut received) = (0_u64, 0_u64);
        for bucket in &self.buckets {
            sent += u64::from(bucket.sent);
            received += u64::from(bucket.received);
        }
        let messages = [("out", &*sent.to_string()), ("in", &*received.to_string())];
        part(&mut said, &fill(words.pulse_messages, &messages));
        if outages > 0 {
            let text = words.pulse_outages.of(outages);
            let mut causes = String::new();
            for ending in endings {
                if !causes.is_empty() {
                    causes.push_str(words.list_separator);
                }
                causes.push_str(&ending.text(words));
            }
            part(
                &mut said,
                &fill(&text, &[("time", &time_text(words, down))]),
            );
            if !causes.is_empty() {
                said.push_str(&fill(words.pulse_causes, &[("causes", &causes)]));
            }
            if attempts > 0 {
                said.push_str(words.pulse_comma);
                said.push_str(&words.pulse_attempts.of(attempts));
            }
        }
        said.push_str(words.pulse_end);
        said
    }

    /// A heartbeat whose reply may be under way is not told.
    fn say_beats(&self, words: &Words, now: Duration) -> String {
        let begin = now.saturating_sub(WINDOW);
        let (mut all, mut answered) = (0_u64, 0_u32);
        let (mut total, mut slowest) = (Duration::ZERO, Duration::ZERO);
        for beat in self.beats.iter().filter(|beat| beat.at >= begin) {
            if beat.round_trip.is_none() && now.saturating_sub(beat.at) < UNDER_WAY {
                continue;
            }
            all += 1;
            if let Some(round_trip) = beat.round_trip {
                answered += 1;
                total = total.saturating_add(round_trip);
                slowest = slowest.max(round_trip);
            }
        }
        let mut said = words.pulse_beats.of(all);
        if all == 0 {
            return said;
        }
        let unanswered = all - u64::from(answered);
        said.push_str(words.pulse_comma);
        if unanswered == 0 {
            said.push_str(words.pulse_all_answered);
        } else {
            said.push_str(&fill(
                words.pulse_unanswered,
                &[("n", &unanswered.to_string())],
            ));
        }
        if answered > 0 {
            let mean = round_trip_text(words, total / answered);
            let most = round_trip_text(words, slowest);
            said.push_str(words.pulse_comma);
            said.push_str(&fill(
                words.pulse_round_trips,
                &[("mean", &mean), ("most", &most)],
            ));
        }
        said
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

/// A reply that takes so long is late for whoever waits for it.
pub const SLOW: Duration = Duration::from_secs(1);

/// So long nothing is said of a reply that is missing.
const UNDER_WAY: Duration = Duration::from_secs(3);

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

/// Messages are counted in such.
const BUCKET: Duration = Duration::from_millis(500);

/// How long the mark of so many messages in a bucket is.
fn mark(count: u32) -> u32 {
    4 + (count.max(1).ilog2() / 2).min(5)
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
        // Until when nothing was heard, and whether something could be expected.
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

    /// The line from the pen to `to`, in which something was heard only after the doubt.
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

/// A stretch of time. From a minute on it is rounded to ten seconds, so that what is said of a quiet
/// connection stays the same.
fn time_text(words: &Words, time: Duration) -> String {
    let seconds = (time + Duration::from_millis(500)).as_secs();
    if seconds < 60 {
        return fill(words.seconds, &[("n", &seconds.to_string())]);
    }
    let seconds = (seconds + 5) / 10 * 10;
    let minutes = fill(words.minutes, &[("n", &(seconds / 60).to_string())]);
    match seconds % 60 {
        0 => minutes,
        rest => minutes + " " + &fill(words.seconds, &[("n", &rest.to_string())]),
    }
}

/// A round trip with two digits or more.
fn round_trip_text(words: &Words, time: Duration) -> String {
    let (seconds, micros) = (time.as_secs(), time.subsec_micros());
    if seconds > 0 {
        let tenths = (micros / 100_000).to_string();
        return fill(
            words.seconds,
            &[("n", &(seconds.to_string() + "." + &tenths))],
        );
    }
    let mut millis = (micros / 1_000).to_string();
    if micros < 10_000 {
        millis.push('.');
        millis.push_str(&(micros % 1_000 / 100).to_string());
    }
    fill(words.millis, &[("n", &millis)])
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words::Lang;
    use heartwire::core::connection::Closure;

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

    #[test]
    fn what_is_said_is_what_is_drawn() {
        let [english, chinese] = Lang::ALL.map(Lang::words);
        let mut history = History::default();
        assert_eq!(history.pulse.say(english, ms(0)), "No connection yet.");
        assert_eq!(history.pulse.say(chinese, ms(0)), "尚未建立过连接。");

        history.turn(CONNECTING, 0).turn(OPEN, 0);
        let said = history.pulse.say(english, ms(20_000));
        assert_eq!(
            said,
            "Last 20 s: connected for 20 s; 0 heartbeats; messages: 0 in, 0 out."
        );

        history.beat(30_000, Some(4)).beat(60_000, Some(41));
        history.pulse.sent(ms(61_000));
        history.pulse.received(ms(61_500));
        let said = history.pulse.say(english, ms(300_000));
        assert_eq!(
            said,
            "Last 5 min: connected for 5 min; 2 heartbeats, all answered, replies in 22 ms on average, 41 ms at most; messages: 1 in, 1 out."
        );

        history.beat(299_000, None);
        assert_eq!(history.pulse.say(english, ms(300_000)), said);

        history.lose(301_000, Some(1006));
        history.turn(CONNECTING, 311_000).lose(312_000, Some(1006));
        history.turn(CONNECTING, 320_000).turn(OPEN, 321_000);
        let said = [english, chinese].map(|words| history.pulse.say(words, ms(325_000)));
        assert_eq!(
            said,
            [
                "Last 5 min: connected for 4 min 40 s; 3 heartbeats, 1 unanswered, replies in 22 ms on average, 41 ms at most; messages: 1 in, 1 out; 1 outage of 20 s (close code 1006), 2 attempts to reconnect.",
                "最近 5 分钟：连接时长 4 分钟 40 秒；3 次心跳，1 次未得到响应，响应平均 22 毫秒、最慢 41 毫秒；消息：接收 1 条，发送 1 条；中断 1 次，共 20 秒（关闭代码 1006），尝试重连 2 次。",
            ]
        );
    }

    #[test]
    fn round_trips_are_said_with_two_digits_or_more() {
        let words = Lang::En.words();
        for (micros, said) in [
            (300, "0.3 ms"),
            (9_990, "9.9 ms"),
            (12_700, "12 ms"),
            (2_340_000, "2.3 s"),
        ] {
            assert_eq!(round_trip_text(words, Duration::from_micros(micros)), said);
        }
    }

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

    #[test]
    fn an_outage_longer_than_the_window_is_still_said() {
        let mut history = History::open(0);
        history.lose(10_000, Some(1013));
        for at in (20..700).step_by(10) {
            history.turn(CONNECTING, at * 1_000);
            history.lose(at * 1_000 + 500, Some(1006));
        }
        let said = history.pulse.say(Lang::En.words(), ms(700_000));
        assert!(said.contains("connected for 0 s"), "{said}");
        assert!(
            said.contains("1 outage of 5 min (close code 1013)"),
            "{said}"
        );
        assert_eq!(history.draw(700_000).gaps, "M905 0H6000V100H905Z");
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
    struct History {
        pulse: Pulse,
        heard: Duration,
    }

    impl History {
        fn open(at: u64) -> Self {
            let mut history = Self::default();
            history.turn(CONNECTING, at).turn(OPEN, at);
            history
        }

        fn turn(&mut self, status: Status, at: u64) -> &mut Self {
            self.pulse.turn(status, None, self.heard, ms(at));
            if status == OPEN {
                self.heard = ms(at);
            }
            self
        }

        /// A loss with this code, or by silence.
        fn lose(&mut self, at: u64, code: Option<u16>) -> &mut Self {
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

        fn beat(&mut self, at: u64, round_trip: Option<u64>) -> &mut Self {
            self.pulse.beat(ms(at));
            if let Some(round_trip) = round_trip {
                self.heard = ms(at + round_trip);
                self.pulse.replied(ms(at), self.heard);
            }
            self
        }

        fn draw(&self, at: u64) -> Drawing {
            self.pulse.draw(ms(at))
        }
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const CONNECTING: Status = Status::Connecting {
        since: Duration::ZERO,
    };

    const OPEN: Status = Status::Open {
        since: Duration::ZERO,
        outage: None,
    };
}
