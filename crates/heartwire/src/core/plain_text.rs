//! What a frame means where texts are agreed on.

mod alike;
mod marked;

use std::time::Duration;

use super::{
    heartbeat::Period,
    mark::{Mark, Template},
    protocol::{Frame, Meaning, Transmit, Trust},
};
use crate::{Options, Pattern, Payload};
use alike::Alike;
use marked::Marked;

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
    /// Whether heartbeats are sent: where none are, nothing is a reply.
    asks: bool,
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
            asks: options.heartbeat != Period::Off,
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
            && (alike.is_echoed() || alike.is_heartbeat(text))
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
        if !self.asks {
            return Meaning::Message;
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
            Heartbeats::Marked(marked) => marked.oldest_unanswered(),
            Heartbeats::Alike(alike) => alike.oldest_unanswered(),
        }
    }

    /// What replies are worth.
    #[must_use]
    pub fn trust(&self) -> Trust {
        match &self.heartbeats {
            Heartbeats::Marked(marked) => marked.trust(),
            Heartbeats::Alike(alike) => alike.trust(),
        }
    }

    /// The server has been heard to say replies unasked. Where heartbeats have marks, that is no matter.
    pub fn withdraw_trust(&mut self) {
        if let Heartbeats::Alike(alike) = &mut self.heartbeats {
            alike.withdraw_trust();
        }
    }

    /// Forgets what was sent: a new connection answers nothing of the old one.
    pub fn reset(&mut self) {
        match &mut self.heartbeats {
            Heartbeats::Marked(marked) => marked.reset(),
            Heartbeats::Alike(alike) => alike.reset(),
        }
    }
}

/// At the default period, eight hours without a reply.
const MAX_UNANSWERED: usize = 1_000;

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
