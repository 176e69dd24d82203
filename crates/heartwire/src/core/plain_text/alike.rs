//! Heartbeats that all have the same text.

use std::{collections::VecDeque, time::Duration};

use super::MAX_UNANSWERED;
use crate::core::protocol::{Meaning, Trust};

/// Heartbeats that all have the same text. A reply is told from the echo of the same text typed by a
/// person by what was sent first, at a server that is known to echo.
#[derive(Clone, Debug)]
pub(super) struct Alike {
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

/// Enough of a text to know it again, if not for certain: FNV-1a.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Digest {
    length: usize,
    hash: u64,
}

impl Alike {
    pub(super) fn new(text: String) -> Self {
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

    pub(super) fn heartbeat(&mut self, at: Duration, taken: u64) -> String {
        self.expect_answer(Sent::Heartbeat { at, taken });
        self.text.clone()
    }

    /// Takes note of a text that is sent. `reply` tells which of the patterns of replies it is like.
    pub(super) fn note(&mut self, text: &str, reply: Option<usize>, now: Duration) {
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

    /// What a text means that came. `reply` tells which of the patterns of replies it is like.
    pub(super) fn meaning(&mut self, text: &str, reply: Option<usize>, now: Duration) -> Meaning {
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

    pub(super) fn oldest_unanswered(&self) -> Option<Duration> {
        if self.has_lost_count {
            return Some(Duration::ZERO);
        }
        self.unanswered.iter().find_map(|sent| match sent {
            Sent::Heartbeat { at, .. } => Some(*at),
            Sent::Lookalike { .. } => None,
        })
    }

    /// Whether the server is known to send back what it is sent.
    pub(super) fn is_echoed(&self) -> bool {
        self.echoes == Some(true)
    }

    pub(super) fn is_heartbeat(&self, text: &str) -> bool {
        text == self.text
    }

    pub(super) fn trust(&self) -> Trust {
        if self.is_trusted {
            Trust::Given
        } else {
            Trust::Withdrawn
        }
    }

    pub(super) fn withdraw_trust(&mut self) {
        self.is_trusted = false;
    }

    pub(super) fn reset(&mut self) {
        *self = Self {
            echoes: self.echoes,
            is_trusted: self.is_trusted,
            ..Self::new(std::mem::take(&mut self.text))
        };
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

    /// The text answers this of what was sent. Nothing before it is waited for any more.
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

    /// The text is like a reply, and no heartbeat waits for one.
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

/// An echo takes no longer: as long as a server may let a heartbeat wait for its reply.
const LONGEST_ECHO: Duration = Duration::from_secs(10);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_never_answers_costs_no_memory() {
        let mut alike = Alike::new("heartbeat".into());
        for second in 0..10 * MAX_UNANSWERED as u64 {
            let _ = alike.heartbeat(Duration::from_secs(second), 0);
        }
        assert_eq!(alike.unanswered.len(), MAX_UNANSWERED);
    }
}
