//! What a frame means where texts are agreed on.

use std::{collections::VecDeque, time::Duration};

use super::{
    mark::{Mark, Template, marks_in},
    protocol::{Frame, Meaning, Transmit, Trust},
};
use crate::{Options, Pattern, Payload};

/// Plain text: a frame is a message unless its text is agreed to be something else.
///
/// A heartbeat that has a mark is answered by any frame that holds it. One without is answered by a
/// text, and that proves nothing once it was heard without a heartbeat before it.
#[derive(Clone, Debug)]
pub struct PlainText {
    heartbeats: Heartbeats,
    replies: Vec<Pattern>,
    server_heartbeats: Vec<Pattern>,
    answers: Vec<(Pattern, Payload)>,
}

#[derive(Clone, Debug)]
enum Heartbeats {
    Marked(Marked),
    Alike(Alike),
}

impl PlainText {
    /// Takes the texts that are agreed on from the options.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            heartbeats: match Template::of(&options.heartbeat_text) {
                Some(template) => Heartbeats::Marked(Marked::new(template)),
                None => Heartbeats::Alike(Alike::new(options.heartbeat_text.clone())),
            },
            replies: options.reply_text.clone(),
            server_heartbeats: options.server_heartbeat_text.clone(),
            answers: options.answers.clone(),
        }
    }

    /// Makes a heartbeat to be sent now, behind `taken` messages of this connection.
    #[must_use]
    pub fn heartbeat(&mut self, mark: Mark, now: Duration, taken: u64) -> Transmit {
        Transmit::Heartbeat(match &mut self.heartbeats {
            Heartbeats::Marked(marked) => marked.heartbeat(mark, now, taken),
            Heartbeats::Alike(alike) => alike.heartbeat(now, taken),
        })
    }

    /// Takes note of an answer to be sent now. What a server asks it hardly echoes: that its reply to a
    /// heartbeat says the same is more likely.
    pub fn note_answer(&mut self, payload: &Payload, now: Duration) {
        if let (Heartbeats::Alike(alike), Payload::Text(text)) = (&self.heartbeats, payload)
            && (alike.echoes == Some(true) || *text == alike.text)
        {
            self.note(payload, now);
        }
    }

    /// Takes note of what is to be sent now, as far as its echo could be mistaken for a reply.
    pub fn note(&mut self, payload: &Payload, now: Duration) {
        if let (Heartbeats::Alike(alike), Payload::Text(text)) = (&mut self.heartbeats, payload) {
            let reply = self.replies.iter().position(|reply| reply.matches(text));
            alike.note(text, reply, now);
        }
    }

    /// What is to be answered to a frame that is a [question](Meaning::Question).
    #[must_use]
    pub fn answer(&self, frame: &Frame) -> Option<Payload> {
        let Frame::Text(text) = frame else {
            return None;
        };
        self.answers
            .iter()
            .find_map(|(question, answer)| match answer {
                Payload::Text(answer) => question.answer(text, answer).map(Payload::Text),
                Payload::Binary(_) => question.matches(text).then(|| answer.clone()),
            })
    }

    /// Tells what a frame means, and counts a reply as given.
    pub fn meaning(&mut self, frame: &Frame, now: Duration) -> Meaning {
        let text = match frame {
            Frame::Text(text) => Some(text),
            Frame::Binary { .. } => None,
        };
        // Whatever else such a frame is like, it is the reply to what nobody else has said.
        if let Heartbeats::Marked(marked) = &mut self.heartbeats
            && let Some(meaning) = marked.own(frame.bytes())
        {
            return meaning;
        }
        let is_like = |pattern: &Pattern| text.is_some_and(|text| pattern.matches(text));
        if self.answers.iter().any(|(question, _)| is_like(question)) {
            return Meaning::Question;
        }
        if self.server_heartbeats.iter().any(is_like) {
            return Meaning::ServerHeartbeat;
        }
        let reply = self.replies.iter().position(is_like);
        match (&mut self.heartbeats, text) {
            (Heartbeats::Marked(marked), _) => marked.meaning(frame.bytes(), reply.is_some()),
            (Heartbeats::Alike(alike), Some(text)) => alike.meaning(text, reply, now),
            (Heartbeats::Alike(_), None) => Meaning::Message,
        }
    }

    /// When the oldest heartbeat was sent that has no reply; long ago if nobody can tell.
    #[must_use]
    pub fn oldest_unanswered(&self) -> Option<Duration> {
        match &self.heartbeats {
            Heartbeats::Marked(marked) => marked.unanswered.front().map(|beat| beat.at),
            Heartbeats::Alike(alike) => alike.oldest_unanswered(),
        }
    }

    /// What replies are worth.
    #[must_use]
    pub fn trust(&self) -> Trust {
        match &self.heartbeats {
            Heartbeats::Marked(marked) if marked.is_misunderstood => Trust::Unmarked,
            Heartbeats::Alike(alike) if !alike.is_trusted => Trust::Withdrawn,
            Heartbeats::Marked(_) | Heartbeats::Alike(_) => Trust::Given,
        }
    }

    /// The server has been heard to say replies unasked. Where heartbeats have marks, that is no matter.
    pub fn withdraw_trust(&mut self) {
        if let Heartbeats::Alike(alike) = &mut self.heartbeats {
            alike.is_trusted = false;
        }
    }

    /// Forgets what was sent: a new connection answers nothing of the old one.
    pub fn reset(&mut self) {
        match &mut self.heartbeats {
            Heartbeats::Marked(marked) => *marked = Marked::new(marked.template.clone()),
            Heartbeats::Alike(alike) => alike.reset(),
        }
    }
}

/// Heartbeats that differ by their marks.
#[derive(Clone, Debug)]
struct Marked {
    template: Template,
    /// Oldest first.
    unanswered: VecDeque<Beat>,
    /// Their marks, in their own order, to be found in.
    marks: Vec<Mark>,
    /// The marks answered last: some servers answer twice.
    answered: VecDeque<Mark>,
    /// The server has answered, without a mark.
    is_misunderstood: bool,
}

#[derive(Clone, Debug)]
struct Beat {
    mark: Mark,
    at: Duration,
    taken: u64,
}

impl Marked {
    fn new(template: Template) -> Self {
        Self {
            template,
            unanswered: VecDeque::new(),
            marks: Vec::new(),
            answered: VecDeque::new(),
            is_misunderstood: false,
        }
    }

    fn heartbeat(&mut self, mark: Mark, at: Duration, taken: u64) -> String {
        if self.unanswered.len() == MAX_UNANSWERED {
            // The oldest stays: since when there was no reply is worth knowing.
            if let Some(beat) = self.unanswered.remove(1) {
                self.forget(beat.mark);
            }
        }
        self.unanswered.push_back(Beat { mark, at, taken });
        let place = self.marks.partition_point(|known| *known < mark);
        self.marks.insert(place, mark);
        self.template.fill(mark)
    }

    /// What a frame means that holds the mark of a heartbeat of ours.
    fn own(&mut self, frame: &[u8]) -> Option<Meaning> {
        let mut is_second = false;
        for (_, mark) in marks_in(frame) {
            if self.marks.binary_search(&mark).is_ok() {
                return Some(self.reply(mark));
            }
            is_second |= self.answered.contains(&mark);
        }
        is_second.then_some(Meaning::SecondReply)
    }

    /// What any other frame means.
    fn meaning(&mut self, frame: &[u8], is_reply: bool) -> Meaning {
        if self.template.is_in(frame) {
            Meaning::OthersHeartbeat
        } else if is_reply && !self.unanswered.is_empty() {
            self.is_misunderstood = true;
            Meaning::SecondReply
        } else {
            Meaning::Message
        }
    }

    fn reply(&mut self, mark: Mark) -> Meaning {
        self.is_misunderstood = false;
        while let Some(beat) = self.unanswered.pop_front() {
            self.forget(beat.mark);
            if self.answered.len() == MAX_ANSWERED {
                self.answered.pop_front();
            }
            self.answered.push_back(beat.mark);
            if beat.mark == mark {
                return Meaning::Reply {
                    sent: beat.at,
                    taken: beat.taken,
                    is_marked: true,
                };
            }
        }
        Meaning::SecondReply
    }

    fn forget(&mut self, mark: Mark) {
        if let Ok(place) = self.marks.binary_search(&mark) {
            self.marks.remove(place);
        }
    }
}

/// Heartbeats that all have the same text. A reply is told from the echo of the same text typed by a
/// person by what was sent first, at a server that is known to echo.
#[derive(Clone, Debug)]
struct Alike {
    text: String,
    unanswered: VecDeque<Sent>,
    /// What the connection's first reply was like.
    reply: Option<Likeness>,
    /// Replies of another kind that are still to come: the server may answer each heartbeat twice.
    second_replies: usize,
    /// Replies that may still come to a heartbeat whose reply may have come.
    late_replies: usize,
    /// More heartbeats are unanswered than are noted, so nobody can tell which one a reply is for.
    has_lost_count: bool,
    /// Whether the server sends back what it is sent, once that is known.
    echoes: Option<bool>,
    /// The newest message that looks like no reply, until its echo comes.
    newest: Option<Digest>,
    /// Whether the server was never heard to say a reply unasked.
    is_trusted: bool,
}

impl Alike {
    fn new(text: String) -> Self {
        Self {
            text,
            unanswered: VecDeque::new(),
            reply: None,
            second_replies: 0,
            late_replies: 0,
            has_lost_count: false,
            echoes: None,
            newest: None,
            is_trusted: true,
        }
    }

    fn reset(&mut self) {
        *self = Self {
            echoes: self.echoes,
            is_trusted: self.is_trusted,
            ..Self::new(std::mem::take(&mut self.text))
        };
    }

    fn heartbeat(&mut self, at: Duration, taken: u64) -> String {
        self.expect_answer(Sent::Heartbeat { at, taken });
        self.text.clone()
    }

    /// `reply` tells which of the patterns of replies the text is like.
    fn note(&mut self, text: &str, reply: Option<usize>, now: Duration) {
        if !self.is_trusted {
            return;
        }
        let is_beat = text == self.text;
        if is_beat || (reply.is_some() && self.echoes != Some(false)) {
            self.expect_answer(Sent::Lookalike {
                like: Likeness { reply, is_beat },
                at: now,
                behind: self.newest,
            });
        } else if reply.is_none() {
            self.newest = Some(Digest::of(text));
        }
    }

    /// `reply` tells which of the patterns of replies the text is like.
    fn meaning(&mut self, text: &str, reply: Option<usize>, now: Duration) -> Meaning {
        if reply.is_none() {
            self.notice_echo(text);
            return Meaning::Message;
        }
        if !self.is_trusted {
            return Meaning::Unasked;
        }
        let is_beat = text == self.text;
        let like = Likeness { reply, is_beat };
        let is_other = self.reply.is_some_and(|first| first != like);
        let mut asked = self.asked(like);
        if let (Some(echo), Some(beat)) = asked
            && echo < beat
            && !is_other
            && self.echoes != Some(true)
        {
            // Else the echo of what was sent before it had come first, and at once.
            if self.is_no_echo(echo, now) {
                self.echoes = Some(false);
                self.unanswered.retain(Sent::is_beat);
                asked = self.asked(like);
            } else {
                self.unanswered.remove(beat);
                self.late_replies += 1;
                return Meaning::SecondReply;
            }
        }
        match asked {
            (Some(echo), beat) if beat.is_none_or(|beat| echo < beat || is_other) => {
                self.unanswered.drain(..=echo);
                Meaning::Message
            }
            (_, Some(_)) if is_other => Meaning::SecondReply,
            (_, Some(beat)) => self.answer(beat, like),
            (_, None) => self.unasked(is_other),
        }
    }

    /// The first of what was sent that a text like this may echo, as it is or with something added, and the first
    /// that it may reply to.
    fn asked(&self, text: Likeness) -> (Option<usize>, Option<usize>) {
        let is_echo = |sent: &Sent| match sent {
            Sent::Heartbeat { .. } => false,
            Sent::Lookalike { like, .. } => *like == text && !text.is_beat,
        };
        let mut sent = self.unanswered.iter();
        let echo = sent.position(is_echo);
        let mut sent = self.unanswered.iter();
        (echo, sent.position(Sent::is_beat))
    }

    /// Whether the server echoes nothing: it has let pass what was sent before this, or too long a time.
    fn is_no_echo(&self, lookalike: usize, now: Duration) -> bool {
        match &self.unanswered[lookalike] {
            Sent::Heartbeat { .. } => false,
            Sent::Lookalike { at, behind, .. } => {
                behind.is_some() || now.saturating_sub(*at) > LONGEST_ECHO
            }
        }
    }

    fn answer(&mut self, index: usize, like: Likeness) -> Meaning {
        self.reply.get_or_insert(like);
        self.second_replies += 1;
        match self.unanswered.drain(..=index).next_back() {
            Some(Sent::Heartbeat { at, taken }) => Meaning::Reply {
                sent: at,
                taken: if self.has_lost_count { 0 } else { taken },
                is_marked: false,
            },
            // To the server a typed heartbeat is one, too, so its answer shows how this one answers.
            Some(Sent::Lookalike { .. }) | None => Meaning::Message,
        }
    }

    fn unasked(&mut self, is_other: bool) -> Meaning {
        let expected = if is_other && self.second_replies > 0 {
            &mut self.second_replies
        } else {
            &mut self.late_replies
        };
        if *expected > 0 {
            *expected -= 1;
        } else if !self.has_lost_count {
            self.is_trusted = false;
            self.unanswered.clear();
            return Meaning::Unasked;
        }
        Meaning::SecondReply
    }

    fn notice_echo(&mut self, text: &str) {
        let behind = self.unanswered.iter_mut().filter_map(|sent| match sent {
            Sent::Heartbeat { .. } => None,
            Sent::Lookalike { behind, .. } => Some(behind),
        });
        for awaited in behind.chain([&mut self.newest]) {
            if awaited.is_some_and(|awaited| awaited.is_of(text)) {
                *awaited = None;
                self.echoes = Some(true);
            }
        }
    }

    fn oldest_unanswered(&self) -> Option<Duration> {
        if self.has_lost_count {
            return Some(Duration::ZERO);
        }
        self.unanswered.iter().find_map(|sent| match sent {
            Sent::Heartbeat { at, .. } => Some(*at),
            Sent::Lookalike { .. } => None,
        })
    }

    fn expect_answer(&mut self, sent: Sent) {
        if !self.is_trusted {
            return;
        }
        if self.unanswered.len() == MAX_UNANSWERED {
            // No echo comes so late.
            let now = sent.at();
            let is_over = |sent: &Sent| !sent.is_beat() && sent.at() + LONGEST_ECHO < now;
            let over = self.unanswered.iter().position(is_over);
            self.unanswered.remove(over.unwrap_or_default());
            self.has_lost_count |= over.is_none();
        }
        self.unanswered.push_back(sent);
    }
}

/// Something sent whose answer is a reply's text.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Sent {
    /// A heartbeat: when, and behind how many messages.
    Heartbeat { at: Duration, taken: u64 },
    /// A message whose echo looks like a reply: when it was sent, and behind which message that has no
    /// echo yet.
    Lookalike {
        like: Likeness,
        at: Duration,
        behind: Option<Digest>,
    },
}

/// What tells one text that looks like a reply from another: which of the patterns it is like, and whether it is
/// the heartbeat's own text. Servers answer with another text each time, and some echo a heartbeat as well.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Likeness {
    reply: Option<usize>,
    is_beat: bool,
}

impl Sent {
    /// When it was sent.
    fn at(&self) -> Duration {
        match self {
            Self::Heartbeat { at, .. } | Self::Lookalike { at, .. } => *at,
        }
    }

    /// Whether the server takes it for a heartbeat.
    fn is_beat(&self) -> bool {
        match self {
            Self::Heartbeat { .. } => true,
            Self::Lookalike { like, .. } => like.is_beat,
        }
    }
}

/// Enough of a text to know it again, if not for certain: FNV-1a.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Digest {
    length: usize,
    hash: u64,
}

impl Digest {
    fn of(text: &str) -> Self {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        let length = text.len();
        Self { length, hash }
    }

    fn is_of(self, text: &str) -> bool {
        self.length == text.len() && self == Self::of(text)
    }
}

/// At the default period, eight hours without a reply.
const MAX_UNANSWERED: usize = 1_000;

/// No server is known that answers as often.
const MAX_ANSWERED: usize = 16;

/// An echo takes no longer: as long as a server may let a heartbeat wait for its reply.
const LONGEST_ECHO: Duration = Duration::from_secs(10);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::core::{mark::Marks, protocol::PayloadRef};

    #[test]
    fn a_reply_that_nobody_asked_for_ends_the_trust_in_replies() {
        let mut line = Line::plain();
        assert_eq!(line.hear("hello"), Meaning::Message);
        line.beat();
        assert_eq!(line.hear("hello"), Meaning::Message);
        assert_eq!(line.hear("heartbeat"), REPLY);
        assert_eq!(line.protocol.trust(), Trust::Given);
        assert_eq!(line.hear("heartbeat"), Meaning::Unasked);
        assert_eq!(line.protocol.trust(), Trust::Withdrawn);
        for _ in 0..2 {
            line.beat();
            assert_eq!(line.hear("heartbeat"), Meaning::Unasked);
            assert_eq!(line.hear("pong"), Meaning::Unasked);
            line.protocol.reset();
        }
        assert_eq!(line.protocol.trust(), Trust::Withdrawn);
        assert_eq!(line.hear("hello"), Meaning::Message);
    }

    #[test]
    fn the_echo_of_a_typed_heartbeat_is_matched_in_order() {
        let mut line = Line::plain();
        line.type_in("heartbeat");
        line.beat();
        line.type_in("pong");
        assert_eq!(line.hear("heartbeat"), Meaning::Message);
        assert_eq!(line.hear("heartbeat"), REPLY);
        assert_eq!(line.hear("pong"), Meaning::Message);
        assert_eq!(line.protocol.trust(), Trust::Given);
    }

    /// Whatever is typed before, at once or letter by letter.
    #[test]
    fn a_server_that_echoes_nothing_is_understood_whatever_is_typed() {
        for typed in [
            &["p", "po", "pon", "pong"][..],
            &["pong"],
            &["heartbeat"],
            &["pong", "pong"],
        ] {
            let mut line = Line::plain();
            for _ in 0..2 {
                line.beat();
                assert_eq!(line.hear("pong"), REPLY);
            }
            for text in typed {
                line.type_in(text);
                if *text == "heartbeat" {
                    assert_eq!(line.hear("pong"), Meaning::Message);
                }
            }
            let mut meanings = Vec::new();
            for _ in 0..20 {
                line.now += Duration::from_secs(1);
                line.beat();
                meanings.push(line.hear("pong"));
            }
            let replied = Meaning::Reply {
                sent: line.now,
                taken: 0,
                is_marked: false,
            };
            assert!(
                !meanings.contains(&Meaning::Message),
                "{typed:?}: {meanings:?}"
            );
            assert_eq!(meanings.last(), Some(&replied), "{typed:?}");
            assert_eq!(line.protocol.trust(), Trust::Given, "{typed:?}");
        }
    }

    #[test]
    fn a_server_that_echoes_is_understood_whatever_is_typed() {
        for typed in [
            &["p", "po", "pon", "pong"][..],
            &["pong"],
            &["heartbeat", "pong"],
        ] {
            for beats_before in [0, 2] {
                let mut line = Line::plain();
                for _ in 0..beats_before {
                    line.beat();
                    assert_eq!(line.hear("heartbeat"), REPLY);
                }
                for text in typed {
                    line.type_in(text);
                }
                line.beat();
                for text in typed {
                    let _ = line.hear(text);
                }
                let _ = line.hear("heartbeat");
                line.now += Duration::from_secs(30);
                line.beat();
                let replied = Meaning::Reply {
                    sent: line.now,
                    taken: 0,
                    is_marked: false,
                };
                assert_eq!(line.hear("heartbeat"), replied, "{typed:?}");
                line.type_in("hello");
                assert_eq!(line.hear("hello"), Meaning::Message);
                line.type_in("pong");
                line.beat();
                assert_eq!(line.hear("pong"), Meaning::Message, "{typed:?}");
                assert_eq!(line.protocol.trust(), Trust::Given, "{typed:?}");
            }
        }
    }

    #[test]
    fn a_server_that_echoes_heartbeats_and_answers_them_too_is_trusted() {
        let mut line = Line::plain();
        for _ in 0..3 {
            line.beat();
            assert_eq!(line.hear("heartbeat"), REPLY);
            assert_eq!(line.hear("pong"), Meaning::SecondReply);
        }
        assert_eq!(line.hear("pong"), Meaning::Unasked);
    }

    #[test]
    fn a_new_connection_answers_no_old_heartbeat() {
        let mut line = Line::plain();
        line.beat();
        line.protocol.reset();
        assert_eq!(line.hear("heartbeat"), Meaning::Unasked);
    }

    #[test]
    fn the_servers_own_heartbeats_are_no_messages_and_no_replies() {
        for heartbeat_text in ["heartbeat", "beat {n}"] {
            let mut line = Line::with(
                &Options::new()
                    .heartbeat_text(heartbeat_text)
                    .server_heartbeat_text(["ping", "tick"]),
            );
            line.beat();
            assert_eq!(line.hear("tick"), Meaning::ServerHeartbeat);
            assert_eq!(line.hear("tock"), Meaning::Message);
            assert_eq!(line.hear_bytes(b"tick"), Meaning::Message);
        }
    }

    #[test]
    fn a_server_that_never_answers_costs_no_memory() {
        for mut line in [Line::plain(), Line::marked("{n}")] {
            for _ in 0..10 * MAX_UNANSWERED {
                line.beat();
            }
            match &line.protocol.heartbeats {
                Heartbeats::Alike(alike) => assert_eq!(alike.unanswered.len(), MAX_UNANSWERED),
                Heartbeats::Marked(marked) => {
                    assert_eq!(marked.unanswered.len(), MAX_UNANSWERED);
                    assert_eq!(marked.marks.len(), MAX_UNANSWERED);
                    assert_eq!(line.protocol.oldest_unanswered(), Some(SENT));
                }
            }
        }
    }

    #[test]
    fn a_reply_tells_of_what_was_sent_before_its_heartbeat() {
        let mut line = Line::plain();
        for taken in [3, 5] {
            line.beat_behind(taken);
        }
        for taken in [3, 5] {
            assert_eq!(line.hear("heartbeat"), replied(taken, false));
        }
    }

    #[test]
    fn a_heartbeat_that_is_answered_twice_tells_nothing_of_the_next() {
        let mut line = Line::plain();
        line.beat_behind(0);
        assert_eq!(line.hear("heartbeat"), REPLY);
        line.beat_behind(500);
        assert_eq!(line.hear("pong"), Meaning::SecondReply);
        assert_eq!(line.hear("heartbeat"), replied(500, false));
        line.protocol.reset();
        line.beat();
        assert_eq!(line.hear("pong"), REPLY);
    }

    #[test]
    fn a_typed_heartbeat_that_is_answered_twice_tells_nothing_either() {
        let mut line = Line::plain();
        line.type_in("heartbeat");
        line.beat_behind(2);
        assert_eq!(line.hear("heartbeat"), Meaning::Message);
        assert_eq!(line.hear("pong"), Meaning::SecondReply);
    }

    #[test]
    fn the_oldest_heartbeat_without_a_reply_is_known() {
        let mut line = Line::plain();
        assert_eq!(line.protocol.oldest_unanswered(), None);
        for seconds in [1, 2] {
            line.now = Duration::from_secs(seconds);
            line.beat();
        }
        line.type_in("pong");
        let _ = line.hear("heartbeat");
        assert_eq!(
            line.protocol.oldest_unanswered(),
            Some(Duration::from_secs(2))
        );
        let _ = line.hear("heartbeat");
        assert_eq!(line.protocol.oldest_unanswered(), None);
    }

    #[test]
    fn who_has_lost_count_is_told_nothing_and_distrusts_nobody() {
        let mut line = Line::plain();
        for taken in 0..=MAX_UNANSWERED as u64 {
            line.beat_behind(taken);
        }
        for _ in 0..=MAX_UNANSWERED {
            let meaning = line.hear("heartbeat");
            assert!(
                [REPLY, Meaning::SecondReply].contains(&meaning),
                "{meaning:?}"
            );
            assert_eq!(line.protocol.oldest_unanswered(), Some(Duration::ZERO));
        }
        assert_eq!(line.protocol.trust(), Trust::Given);
    }

    #[test]
    fn a_frame_with_the_mark_is_the_reply_whatever_stands_around_it() {
        let wraps: [fn(&str) -> String; 5] = [
            str::to_owned,
            |beat| format!("server got: {beat}"),
            str::to_uppercase,
            |beat| format!(r#"{{"echo":"{beat}"}}"#),
            |beat| format!("1{}2", &beat["beat ".len()..]),
        ];
        for wrap in wraps {
            let mut line = Line::marked("beat {n}");
            let [_, second, third] = [1, 2, 3].map(|taken| line.beat_behind(taken));
            assert_eq!(line.hear(&wrap(&second)), replied(2, true), "{second}");
            assert_eq!(line.hear(&wrap(&second)), Meaning::SecondReply);
            assert_eq!(line.hear_bytes(wrap(&third).as_bytes()), replied(3, true));
            assert_eq!(line.protocol.oldest_unanswered(), None);
        }
    }

    #[test]
    fn with_marks_nothing_else_is_a_reply_and_nothing_is_distrusted() {
        let mut line = Line::marked("beat {n}");
        let other = Line::marked("beat {n}").beat_from([7, 7]);
        assert_eq!(line.hear("pong"), Meaning::Message);
        let mine = line.beat();
        for _ in 0..3 {
            assert_eq!(line.hear(&other), Meaning::OthersHeartbeat);
            assert_eq!(
                line.hear(&format!("bob: {other}")),
                Meaning::OthersHeartbeat
            );
            assert_eq!(line.hear("heartbeat"), Meaning::Message);
            assert_eq!(line.hear("beat {n}"), Meaning::Message);
            assert_eq!(line.hear("order 1234567890123456"), Meaning::Message);
        }
        assert_eq!(line.protocol.trust(), Trust::Given);
        assert_eq!(line.hear("pong"), Meaning::SecondReply);
        assert_eq!(line.protocol.trust(), Trust::Unmarked);
        assert_eq!(line.hear(&mine), REPLIED_MARKED);
        assert_eq!(line.protocol.trust(), Trust::Given);
        line.protocol.reset();
        assert_eq!(line.hear(&mine), Meaning::OthersHeartbeat);
    }

    /// A protocol, and what drives it.
    struct Line {
        protocol: PlainText,
        marks: Marks,
        now: Duration,
    }

    const SENT: Duration = Duration::from_secs(7);
    const REPLY: Meaning = replied(0, false);
    const REPLIED_MARKED: Meaning = replied(0, true);

    const fn replied(taken: u64, is_marked: bool) -> Meaning {
        Meaning::Reply {
            sent: SENT,
            taken,
            is_marked,
        }
    }

    impl Line {
        fn plain() -> Self {
            Self::with(&Options::new())
        }

        fn marked(heartbeat_text: &str) -> Self {
            Self::with(
                &Options::new()
                    .heartbeat_text(heartbeat_text)
                    .reply_text(["pong"]),
            )
        }

        fn with(options: &Options) -> Self {
            Self {
                protocol: PlainText::new(options),
                marks: Marks::new([1, 2]),
                now: SENT,
            }
        }

        fn beat(&mut self) -> String {
            self.beat_behind(0)
        }

        fn beat_from(&mut self, key: [u64; 2]) -> String {
            self.marks = Marks::new(key);
            self.beat()
        }

        fn beat_behind(&mut self, taken: u64) -> String {
            let transmit = self.protocol.heartbeat(self.marks.draw(), self.now, taken);
            let PayloadRef::Text(text) = transmit.payload() else {
                panic!("a heartbeat is a text");
            };
            text.to_owned()
        }

        fn hear(&mut self, text: &str) -> Meaning {
            self.protocol.meaning(&Frame::Text(text.into()), self.now)
        }

        fn hear_bytes(&mut self, bytes: &[u8]) -> Meaning {
            let frame = Frame::Binary {
                bytes: bytes.len(),
                head: bytes.into(),
            };
            self.protocol.meaning(&frame, self.now)
        }

        fn type_in(&mut self, text: &str) {
            self.protocol.note(&text.into(), self.now);
        }
    }
}
