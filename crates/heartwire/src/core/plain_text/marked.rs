//! Heartbeats that are told from one another by their marks.

use std::{collections::VecDeque, time::Duration};

use super::MAX_UNANSWERED;
use crate::core::{
    mark::{Mark, Template, marks_in},
    protocol::{Meaning, Trust},
};

/// Heartbeats that differ by their marks.
#[derive(Clone, Debug)]
pub(super) struct Marked {
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
    pub(super) fn new(template: Template) -> Self {
        Self {
            template,
            unanswered: VecDeque::new(),
            marks: Vec::new(),
            answered: VecDeque::new(),
            is_misunderstood: false,
        }
    }

    pub(super) fn heartbeat(&mut self, mark: Mark, at: Duration, taken: u64) -> String {
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
    pub(super) fn own(&mut self, frame: &[u8]) -> Option<Meaning> {
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
    pub(super) fn meaning(&mut self, frame: &[u8], is_reply: bool) -> Meaning {
        if self.template.is_in(frame) {
            Meaning::OthersHeartbeat
        } else if is_reply && !self.unanswered.is_empty() {
            self.is_misunderstood = true;
            Meaning::SecondReply
        } else {
            Meaning::Message
        }
    }

    pub(super) fn oldest_unanswered(&self) -> Option<Duration> {
        self.unanswered.front().map(|beat| beat.at)
    }

    pub(super) fn trust(&self) -> Trust {
        if self.is_misunderstood {
            Trust::Unmarked
        } else {
            Trust::Given
        }
    }

    pub(super) fn reset(&mut self) {
        *self = Self::new(self.template.clone());
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

/// No server is known that answers as often.
const MAX_ANSWERED: usize = 16;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::core::mark::Marks;

    #[test]
    fn a_server_that_never_answers_costs_no_memory() {
        let mut marked = Marked::new(Template::of("{n}").expect("it has a place"));
        let mut marks = Marks::new([1, 2]);
        for second in 0..10 * MAX_UNANSWERED as u64 {
            let _ = marked.heartbeat(marks.draw(), Duration::from_secs(second), 0);
        }
        assert_eq!(marked.unanswered.len(), MAX_UNANSWERED);
        assert_eq!(marked.marks.len(), MAX_UNANSWERED);
        assert_eq!(marked.oldest_unanswered(), Some(Duration::ZERO));
    }
}
