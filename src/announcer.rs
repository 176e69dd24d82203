//! What is read aloud about the connection, and when.

use std::time::Duration;

use crate::strip::{State, Strip, Toggle};

/// Decides what of the strip's changes a screen reader is told: WCAG 2.2, 4.1.3 wants them told, and
/// a connection that comes and goes must not talk all the time.
///
/// A state is told once, after it has lasted a second, and while the page reconnects no sooner than
/// three seconds after the last one and, from the fourth attempt on, at every fifth. What waits for
/// the user is told at once. A long wait is told again near its end, and what turns out while a connection is open
/// once it has lasted, too.
#[derive(Clone, Debug, Default)]
pub struct Announcer {
    polite: String,
    urgent: String,
    state: Option<State>,
    since: Duration,
    is_pending: bool,
    /// What was said of the state as it was told.
    detail: String,
    /// What was told of a connection while it was open.
    news: String,
    /// What is said of the state instead of that, and since when.
    changed: Option<(String, Duration)>,
    /// When something polite was told last.
    told: Option<Duration>,
    reminder: Option<String>,
}

impl Announcer {
    /// Takes what the strip shows now, at this attempt. Call it whenever the strip is drawn.
    pub fn notice(&mut self, strip: &Strip, attempt: u32, now: Duration) {
        let state = strip.state;
        let before = self.state.replace(state);
        let is_urgent = state.is_alert();
        if before != Some(state) {
            self.since = now;
            // It is over that the connection was down; that it is open was said.
            self.is_pending = (before, state) != (Some(State::Reopened), State::Open);
            self.reminder = None;
            self.changed = None;
            if !self.is_pending {
                // The rest of it may be new.
                let known = strip.detail.lines().next().unwrap_or_default();
                self.detail = [known, "\n", &self.news].concat();
            }
            // What was told of another state is wrong now, and to take it away is silent.
            self.polite.clear();
            self.urgent.clear();
        }
        if is_urgent {
            let text = sentence(strip);
            // It may follow what somebody types.
            if before != Some(state) || self.has_changed(&text, self.urgent == text, now) {
                self.urgent = text;
            }
            self.is_pending = false;
        } else if self.is_pending && self.may_tell(strip, attempt, now) {
            self.is_pending = false;
            self.detail.clone_from(&strip.detail);
            self.tell(sentence(strip), now);
        } else if !self.is_pending && strip.toggle == Toggle::Disconnect {
            self.tell_news(&strip.detail, now);
        } else if strip.reminder.is_some() && strip.reminder != self.reminder {
            self.reminder.clone_from(&strip.reminder);
            self.tell(strip.reminder.clone().unwrap_or_default(), now);
        }
    }

    /// What a region of the role `status` holds.
    #[must_use]
    pub fn polite(&self) -> &str {
        &self.polite
    }

    /// What a region of the role `alert` holds.
    #[must_use]
    pub fn urgent(&self) -> &str {
        &self.urgent
    }

    fn may_tell(&self, strip: &Strip, attempt: u32, now: Duration) -> bool {
        match strip.toggle {
            Toggle::Connect => true,
            Toggle::Disconnect => self.has_lasted(now),
            Toggle::Stop => {
                let is_pause = (self.told).is_none_or(|told| now.saturating_sub(told) >= PAUSE);
                let is_worth_it = attempt <= TOLD_ATTEMPTS || attempt.is_multiple_of(5);
                self.has_lasted(now) && is_pause && is_worth_it
            }
        }
    }

    /// Whether something else is about to be told that has to last until then.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.changed.is_some()
    }

    /// Tells what is said of an open connection and was not before.
    fn tell_news(&mut self, detail: &str, now: Duration) {
        if !self.has_changed(detail, detail == self.detail, now) {
            return;
        }
        let is_news = |line: &&str| !self.detail.lines().any(|known| known == *line);
        let news: Vec<_> = detail.lines().filter(is_news).collect();
        self.detail = detail.into();
        if !news.is_empty() {
            self.news = news.join("\n");
            self.tell(news.join(" "), now);
        }
    }

    /// Whether this is said instead of what was told, and has lasted.
    fn has_changed(&mut self, text: &str, is_told: bool, now: Duration) -> bool {
        if is_told {
            self.changed = None;
            return false;
        }
        match &self.changed {
            Some((said, since)) if said == text => {
                let has_lasted = now.saturating_sub(*since) >= LASTING;
                if has_lasted {
                    self.changed = None;
                }
                has_lasted
            }
            Some(_) | None => {
                self.changed = Some((text.into(), now));
                false
            }
        }
    }

    fn has_lasted(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= LASTING
    }

    fn tell(&mut self, text: String, now: Duration) {
        self.polite = text;
        self.told = Some(now);
    }
}

/// What is over sooner is not worth a word.
const LASTING: Duration = Duration::from_secs(1);

/// Between two announcements while the page reconnects.
const PAUSE: Duration = Duration::from_secs(3);

/// So many attempts in a row are each told.
const TOLD_ATTEMPTS: u32 = 3;

fn sentence(strip: &Strip) -> String {
    let mut text = strip.headline.clone();
    let ends = text.ends_with(['?', '？', '…', '.', '。']);
    text.push_str(if ends { " " } else { ". " });
    text.push_str(&strip.detail.replace('\n', " "));
    if let Some(said) = &strip.said {
        text.push(' ');
        text.push_str(said);
    }
    text
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_once_it_has_lasted() {
        let mut told = Told::default();
        told.sees(State::Connecting, 0, 0);
        told.sees(State::Open, 0, 200);
        assert_eq!(told.polite(), "");
        told.sees(State::Open, 0, 1_200);
        assert_eq!(told.polite(), "Open. detail said");
    }

    #[test]
    fn what_needs_the_user_is_told_at_once_and_alone() {
        let mut told = Told::default();
        told.sees(State::Waiting, 1, 0);
        told.sees(State::Waiting, 1, 1_000);
        told.sees(State::GaveUp, 3, 1_100);
        assert_eq!(told.announcer.urgent(), "GaveUp. detail said");
        assert_eq!(told.polite(), "");
        told.sees(State::Connecting, 0, 1_200);
        assert_eq!(told.announcer.urgent(), "");
    }

    #[test]
    fn what_the_user_did_is_told_at_once() {
        let mut told = Told::default();
        told.sees(State::Open, 0, 0);
        told.sees(State::Stopped, 0, 10);
        assert_eq!(told.polite(), "Stopped. detail said");
    }

    #[test]
    fn attempts_in_a_row_are_not_all_told() {
        let mut told = Told::default();
        let mut attempts = Vec::new();
        for attempt in 1..=20 {
            let start = u64::from(attempt) * 5_000;
            told.sees(State::Connecting, attempt, start);
            told.sees(State::Refused, attempt, start + 100);
            told.sees(State::Refused, attempt, start + 1_100);
            if !told.polite().is_empty() {
                attempts.push(attempt);
            }
        }
        assert_eq!(attempts, [1, 2, 3, 5, 10, 15, 20]);
    }

    #[test]
    fn quick_changes_keep_a_pause() {
        let mut told = Told::default();
        told.sees(State::Waiting, 1, 0);
        told.sees(State::Waiting, 1, 1_000);
        told.sees(State::Refused, 2, 1_500);
        told.sees(State::Refused, 2, 2_900);
        assert_eq!(told.polite(), "");
        told.sees(State::Refused, 2, 4_000);
        assert_eq!(told.polite(), "Refused. detail said");
    }

    #[test]
    fn the_end_of_the_news_of_a_recovery_is_none() {
        let mut told = Told::default();
        told.sees(State::Reopened, 0, 0);
        told.sees(State::Reopened, 0, 1_000);
        told.sees(State::Open, 0, 5_000);
        told.sees(State::Open, 0, 7_000);
        assert_eq!(told.polite(), "");
    }

    #[test]
    fn what_turns_out_while_it_is_open_is_told_once_it_has_lasted() {
        let mut told = Told::default();
        told.sees(State::Open, 0, 0);
        told.sees(State::Open, 0, 1_000);
        for (detail, millis, expected) in [
            ("detail\nproves nothing", 2_000, "Open. detail said"),
            ("detail", 2_500, "Open. detail said"),
            ("detail\nproves nothing", 3_000, "Open. detail said"),
            ("detail\nproves nothing", 4_000, "proves nothing"),
            ("detail", 6_000, "proves nothing"),
            ("detail", 8_000, "proves nothing"),
        ] {
            told.sees_detail(State::Open, detail, millis);
            assert_eq!(told.polite(), expected, "{detail} {millis}");
        }
    }

    #[test]
    fn what_turned_out_as_it_was_reopened_is_told_and_what_was_known_is_not() {
        let mut told = Told::default();
        for start in [0, 100_000] {
            told.sees_detail(State::Reopened, "back", start);
            told.sees_detail(State::Reopened, "back", start + 1_000);
            told.sees_detail(State::Open, "detail\nnews", start + 5_000);
            assert_eq!(told.polite(), "");
            told.sees_detail(State::Open, "detail\nnews", start + 6_000);
            assert_eq!(told.polite(), if start == 0 { "news" } else { "" });
        }
    }

    #[test]
    fn a_question_that_follows_what_is_typed_is_told_once_it_has_lasted() {
        let mut told = Told::default();
        for (detail, millis, expected) in [
            ("ws://a", 0, "Confirm. ws://a said"),
            ("ws://ab", 1_000, "Confirm. ws://a said"),
            ("ws://abc", 1_500, "Confirm. ws://a said"),
            ("ws://abc", 2_000, "Confirm. ws://a said"),
            ("ws://abc", 2_500, "Confirm. ws://abc said"),
        ] {
            told.sees_detail(State::Confirm, detail, millis);
            assert_eq!(told.announcer.urgent(), expected);
            assert_eq!(told.announcer.waits(), detail != "ws://a" && millis < 2_500);
        }
    }

    #[test]
    fn a_long_wait_is_told_again_near_its_end() {
        let mut told = Told::default();
        told.sees(State::Waiting, 1, 0);
        told.sees(State::Waiting, 1, 1_000);
        for (reminder, now) in [("30", 50_000), ("30", 51_000), ("10", 70_000)] {
            let strip = Strip {
                reminder: Some(reminder.into()),
                ..strip(State::Waiting)
            };
            told.announcer.notice(&strip, 1, Duration::from_millis(now));
            assert_eq!(told.polite(), reminder);
        }
    }

    #[derive(Default)]
    struct Told {
        announcer: Announcer,
    }

    impl Told {
        fn sees(&mut self, state: State, attempt: u32, millis: u64) {
            let now = Duration::from_millis(millis);
            self.announcer.notice(&strip(state), attempt, now);
        }

        fn sees_detail(&mut self, state: State, detail: &str, millis: u64) {
            let strip = Strip {
                detail: detail.into(),
                ..strip(state)
            };
            let now = Duration::from_millis(millis);
            self.announcer.notice(&strip, 0, now);
        }

        fn polite(&self) -> &str {
            self.announcer.polite()
        }
    }

    fn strip(state: State) -> Strip {
        Strip {
            state,
            headline: format!("{state:?}"),
            detail: "detail".into(),
            tick: None,
            said: Some("said".into()),
            reminder: None,
            explanation: None,
            waits: None,
            toggle: state.toggle(),
            buttons: Vec::new(),
        }
    }
}
