//! What was sent, to be sent again.

use std::{collections::VecDeque, mem};

/// The last messages sent on purpose, and which of them the message field shows.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    /// Oldest first.
    sent: VecDeque<String>,
    /// How far back the shown one is, if one is shown; 0 is the newest.
    shown: Option<usize>,
    /// What the field held before.
    draft: String,
}

impl Recall {
    /// Notes a message that was sent. The same one twice in a row is noted once, and an empty one never:
    /// it is written as fast as it is found.
    pub fn note(&mut self, text: String) {
        self.leave();
        if !text.is_empty() && self.sent.back() != Some(&text) {
            if self.sent.len() == MOST {
                self.sent.pop_front();
            }
            self.sent.push_back(text);
        }
    }

    /// Something else takes the place of `current` in the field, which was not sent: what the user has
    /// written there is called back as if it had been.
    pub fn give_way(&mut self, current: String) {
        let is_draft = self.shown.is_none();
        let draft = mem::take(&mut self.draft);
        self.note(if is_draft { current } else { draft });
    }

    /// The field was written in: it shows no message of these any more.
    pub fn leave(&mut self) {
        self.shown = None;
        self.draft.clear();
    }

    /// The message before the one that is shown, where there is one. `current` is what the field holds.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        let back = self.shown.map_or(0, |shown| shown + 1);
        let index = self.sent.len().checked_sub(back + 1)?;
        if self.shown.replace(back).is_none() {
            current.clone_into(&mut self.draft);
        }
        self.sent.get(index).map(String::as_str)
    }

    /// The message after the one that is shown, and what the field held at first after the last.
    pub fn newer(&mut self) -> Option<String> {
        let Some(back) = self.shown?.checked_sub(1) else {
            self.shown = None;
            return Some(mem::take(&mut self.draft));
        };
        self.shown = Some(back);
        self.sent.get(self.sent.len() - 1 - back).cloned()
    }
}

/// More are not found again by going back one by one.
const MOST: usize = 50;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn an_empty_message_is_not_called_back() {
        let mut recall = Recall::default();
        recall.note("a".into());
        recall.note(String::new());
        assert_eq!(recall.older(""), Some("a"));
    }

    #[test]
    fn going_back_and_forth_ends_where_it_began() {
        let mut recall = Recall::default();
        for text in ["a", "b", "b"] {
            recall.note(text.into());
        }
        assert_eq!(recall.older("draft"), Some("b"));
        assert_eq!(recall.older("b"), Some("a"));
        assert_eq!(recall.older("a"), None);
        assert_eq!(recall.newer().as_deref(), Some("b"));
        assert_eq!(recall.newer().as_deref(), Some("draft"));
        assert_eq!(recall.newer(), None);
    }

    #[test]
    fn what_was_written_over_a_message_is_not_lost() {
        let mut recall = Recall::default();
        recall.note("a".into());
        assert_eq!(recall.older(""), Some("a"));
        recall.leave();
        assert_eq!(recall.newer(), None);
        assert_eq!(recall.older("a, and more"), Some("a"));
        assert_eq!(recall.newer().as_deref(), Some("a, and more"));
    }

    #[test]
    fn what_gives_way_is_called_back() {
        let mut recall = Recall::default();
        recall.note("a".into());
        recall.give_way("draft".into());
        assert_eq!(recall.older("saved"), Some("draft"));
        assert_eq!(recall.older("draft"), Some("a"));
        recall.give_way("a".into());
        assert_eq!(recall.older("another"), Some("saved"));
    }

    #[test]
    fn what_is_sent_next_starts_over() {
        let mut recall = Recall::default();
        assert_eq!(recall.older(""), None);
        recall.note("a".into());
        assert_eq!(recall.older("draft"), Some("a"));
        recall.note("c".into());
        assert_eq!(recall.newer(), None);
        assert_eq!(recall.older(""), Some("c"));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut recall = Recall::default();
        for number in 0..2 * MOST {
            recall.note(number.to_string());
        }
        let mut seen = 0;
        while recall.older("").is_some() {
            seen += 1;
        }
        assert_eq!(seen, MOST);
    }
}
