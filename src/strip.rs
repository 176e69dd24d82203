//! What the status strip says about the connection.

mod loss;
mod scene;
mod state;

pub(crate) use loss::loss_text;
pub use scene::{LocalAccess, Obstacle, Scene, Unsent};
pub use state::{State, Toggle, Tone};

use std::time::Duration;

use heartwire::core::{
    connection::{Closure, Loss, Refusal, Status},
    heartbeat::{Knowledge, Period},
    protocol::Trust,
    reach::Locality,
    silence::Drops,
    stomp::{SUBPROTOCOL, Step},
};

use crate::{
    address::AddressError,
    payload::{excerpt, exposed},
    words::{self, Words, fill, suggested},
};
use loss::closure_text;
pub(crate) use loss::{is_kept, outage_text};

/// The strip's content in one language.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Strip {
    /// The state that it names.
    pub state: State,
    /// A few words.
    pub headline: String,
    /// A sentence or two.
    pub detail: String,
    /// A count of seconds, to be seen.
    pub tick: Option<String>,
    /// The same for screen readers: it does not change with each second.
    pub said: Option<String>,
    /// What is worth saying again near the end of a wait of more than a minute.
    pub reminder: Option<String>,
    /// Possible reasons, where the browser tells none.
    pub explanation: Option<String>,
    /// Who gets the messages that wait.
    pub waits: Option<String>,
    /// What the button beside the address does.
    pub toggle: Toggle,
    /// What else can be done, with its words.
    pub buttons: Vec<(Press, String)>,
}

/// What a button of the strip does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Press {
    /// End the wait, for an attempt or for a reply.
    Retry,
    /// Connect again.
    Connect,
    /// Leave alone what the link says.
    Ignore,
    /// Open the page in a tab of its own.
    OpenAlone,
    /// Take this address instead, and connect.
    Use(String),
    /// Drop the messages that wait for the next server.
    Drop,
}

impl Strip {
    /// Puts the scene into words.
    #[must_use]
    pub fn new(scene: &Scene<'_>, words: &Words) -> Self {
        let strip = Self::of_connection(scene, words);
        match scene.unsent {
            Some(unsent) if strip.toggle == Toggle::Connect => strip.waiting_for(unsent, words),
            Some(_) | None => strip,
        }
    }

    fn of_connection(scene: &Scene<'_>, words: &Words) -> Self {
        let address = match scene.address {
            Ok(address) => address,
            Err(error) => return Self::bad_url(error, words),
        };
        let (destination, source) = scene.stomp.map_or(("", ""), |stomp| {
            (stomp.destination.as_str(), stomp.source())
        });
        let protocols = match scene.stomp {
            Some(_) => SUBPROTOCOL.into(),
            None => excerpt(&scene.protocols.join(words.list_separator)),
        };
        let places: &Places<'_> = &[
            ("url", &excerpt(&address.without_query())),
            ("host", &excerpt(address.host())),
            ("protocols", &protocols),
            ("destination", &excerpt(destination)),
            ("source", &excerpt(source)),
        ];
        match (scene.obstacle, scene.status) {
            (Some(Obstacle::Unconfirmed), _) => Self::confirm(scene, words, places),
            (Some(Obstacle::Blocked), _) | (None, Status::Refused(Refusal::Insecure)) => {
                let secured = address.secured().to_string();
                Self::of(State::Mixed, words.blocked, places)
                    .button(Press::Use(secured), words.use_wss)
            }
            (None, Status::Refused(Refusal::Forbidden)) => {
                Self::of(State::Csp, words.forbidden, places)
                    .button(Press::Connect, words.try_again)
            }
            (None, Status::Refused(Refusal::NoProtocol)) => {
                Self::of(State::RefusedFinal, words.unspoken, places)
                    .button(Press::Connect, words.try_again)
            }
            (None, Status::Refused(Refusal::Login)) => {
                let strip = Self::refused_by_broker(scene, words.login_refused, words, places);
                match scene.stomp {
                    Some(stomp) if stomp.login.is_some() && stomp.passcode.reveal().is_empty() => {
                        strip.saying_also(words.no_passcode)
                    }
                    Some(_) | None => strip,
                }
            }
            (None, Status::Refused(Refusal::Subscription)) => {
                Self::refused_by_broker(scene, words.source_refused, words, places)
            }
            (None, Status::Refused(Refusal::Destination)) => {
                if scene
                    .stomp
                    .is_some_and(|stomp| stomp.destination.is_empty())
                {
                    let detail = words.allowed_destination.into();
                    return Self::saying(
                        State::RefusedFinal,
                        words.destination_refused.headline,
                        detail,
                    );
                }
                Self::refused_by_broker(scene, words.destination_refused, words, places)
            }
            (None, Status::Refused(Refusal::NoStomp)) => {
                Self::refused_by_broker(scene, words.no_stomp, words, places)
            }
            (None, Status::Idle) => Self::of(State::Idle, words.idle, places),
            (None, Status::Connecting { .. }) if scene.local_access == LocalAccess::Asked => {
                Self::of(State::Permission, words.permission, places)
            }
            (None, Status::Connecting { since }) => Self::connecting(scene, since, words, places),
            (None, Status::Open { since, outage }) => {
                Self::open(scene, since, outage, words, places)
            }
            (None, Status::Waiting { since, until }) => match scene.last_loss {
                Some(loss) if scene.is_online || address.locality() == Locality::Loopback => {
                    Self::waiting(scene, loss, words, places).counting(scene, since, until, words)
                }
                Some(_) => Self::of(State::Offline, words.offline, places)
                    .button(Press::Retry, words.try_anyway),
                // A page that came back waits for a moment after no loss at all.
                None => Self::of(State::Connecting, words.connecting, places),
            },
            // Nobody looks at a page that was left.
            (None, Status::Away) => Self::of(State::Connecting, words.connecting, places),
            (None, Status::Stopped) if scene.was_open => {
                Self::of(State::Stopped, words.stopped, places)
            }
            // The page knows where to connect, and an address that cannot be read is named before.
            (
                None,
                Status::Stopped | Status::Refused(Refusal::BadAddress | Refusal::Unavailable),
            ) => Self::of(State::Stopped, words.stopped_early, places),
            (None, Status::GaveUp) => Self::gave_up(scene, words, places),
            (None, Status::TurnedAway) => Self::refused_final(scene, words),
        }
    }

    /// Shows all that the link sets, also what would be sent, and what of the user's own goes there.
    fn confirm(scene: &Scene<'_>, words: &Words, places: &Places<'_>) -> Self {
        let mut strip = Self::of(State::Confirm, words.confirm, places);
        for (name, value) in scene.link {
            strip.add(&format!("{name} = {}", exposed(value)));
        }
        if !scene.own.is_empty() {
            strip.add(words.confirm_own);
        }
        for (name, value) in scene.own {
            strip.add(&format!("{name} = {}", exposed(value)));
        }
        if scene.is_framed {
            strip.add(words.framed);
            return strip.button(Press::OpenAlone, words.open_alone);
        }
        strip.button(Press::Ignore, words.ignore)
    }

    fn bad_url(error: &AddressError, words: &Words) -> Self {
        let strip = Self::saying(State::BadUrl, words.bad_url, words.address_error(error));
        match error {
            AddressError::NoScheme { suggestion }
            | AddressError::BadScheme {
                suggestion: Some(suggestion),
                ..
            } => {
                let label = fill(
                    words.use_suggestion,
                    &[("suggestion", &suggested(suggestion))],
                );
                strip.button(Press::Use(suggestion.clone()), &label)
            }
            AddressError::BadScheme {
                suggestion: None, ..
            }
            | AddressError::Empty
            | AddressError::Fragment { .. }
            | AddressError::Credentials
            | AddressError::UnsafePort { .. }
            | AddressError::Malformed
            | AddressError::NotAllowed { .. } => strip,
        }
    }

    fn connecting(scene: &Scene<'_>, since: Duration, words: &Words, places: &Places<'_>) -> Self {
        let elapsed = scene.now.saturating_sub(since);
        if elapsed < SLOW_AFTER {
            return Self::of(State::Connecting, words.connecting, places)
                .saying_step(scene, words, places);
        }
        let most = seconds_rounded_up(scene.connect_timeout);
        let elapsed = elapsed.as_secs().min(most).to_string();
        Self {
            tick: Some(fill(
                words.slow_tick,
                &[("n", &elapsed), ("m", &most.to_string())],
            )),
            said: Some(words.slow_said.of(most)),
            ..Self::of(State::Slow, words.slow, places).saying_step(scene, words, places)
        }
    }

    /// Names the step that is waited for, where that is not the socket.
    fn saying_step(mut self, scene: &Scene<'_>, words: &Words, places: &Places<'_>) -> Self {
        let text = match scene.step {
            Some(Step::Login) => words.logging_in,
            Some(Step::Subscription) => words.subscribing,
            Some(Step::Socket | Step::Ready) | None => return self,
        };
        self.detail = fill(text, places);
        self
    }

    fn saying_also(mut self, text: &str) -> Self {
        self.add(text);
        self
    }

    fn refused_by_broker(
        scene: &Scene<'_>,
        text: words::State,
        words: &Words,
        places: &Places<'_>,
    ) -> Self {
        let strip =
            Self::of(State::RefusedFinal, text, places).button(Press::Connect, words.try_again);
        match scene.last_loss {
            Some(loss) if loss.error.is_some() => strip.saying_also(&loss_text(loss, words)),
            Some(_) | None => strip,
        }
    }

    fn open(
        scene: &Scene<'_>,
        since: Duration,
        outage: Option<Duration>,
        words: &Words,
        places: &Places<'_>,
    ) -> Self {
        if let Knowledge::Lost { since, until } = scene.knowledge {
            let left = seconds_rounded_up(until.saturating_sub(scene.now));
            let whole = seconds_rounded_up(until.saturating_sub(since));
            let text = if scene.step.is_some() {
                words.stale_broker
            } else {
                words.stale
            };
            let mut strip = Self::of(State::Stale, text, places);
            if scene.may_retry {
                strip.tick = Some(fill(words.stale_tick, &[("n", &left.to_string())]));
                strip.said = Some(words.stale_said.of(whole));
            }
            return strip.button(Press::Retry, words.reconnect_now);
        }
        if let Some(outage) = outage
            && scene.now.saturating_sub(since) < REOPENED_FOR
        {
            let detail = outage_text(outage, is_kept(scene.stomp), words);
            let began = since.saturating_sub(outage);
            return Self::saying(State::Reopened, words.reopened, detail)
                .warning_of_jump(scene, began, words);
        }
        let mut strip = Self::of(State::Open, words.open, places);
        match (scene.trust, scene.knowledge) {
            // Each message has a receipt of its own.
            (_, Knowledge::Silent) if scene.step.is_some() => strip.add(words.unreceipted),
            _ if scene.step.is_some() => {}
            _ if scene.heartbeat == Period::Off => strip.add(words.unproved),
            (Trust::Withdrawn, _) => strip.add(words.distrusted),
            (Trust::Unmarked, _) => strip.add(words.unmarked),
            (Trust::Given, Knowledge::Silent) => {
                strip.add(words.unanswered);
                strip.add(words.unprovable);
            }
            (Trust::Given, Knowledge::Unasked | Knowledge::Answers | Knowledge::Lost { .. }) => {}
        }
        strip
            .warning_of_drops(scene, words)
            .warning_of_jump(scene, since, words)
    }

    fn waiting(scene: &Scene<'_>, loss: &Loss, words: &Words, places: &Places<'_>) -> Self {
        let strip = if loss.was_open {
            Self::saying(State::Waiting, words.lost, loss_text(loss, words))
        } else {
            let strip = Self::of(State::Refused, words.refused, places);
            match loss.error {
                Some(_) => strip.saying_also(&loss_text(loss, words)),
                None => strip,
            }
        };
        strip
            .explaining(scene, loss, words, places)
            .warning_of_drops(scene, words)
            .button(Press::Retry, words.retry_now)
    }

    /// Adds possible reasons where the browser tells none. 1015 is Firefox's for a failed TLS handshake.
    fn explaining(
        mut self,
        scene: &Scene<'_>,
        loss: &Loss,
        words: &Words,
        places: &Places<'_>,
    ) -> Self {
        let is_unexplained =
            !loss.was_open || (matches!(loss.closure.code, 1006 | 1015) && !loss.was_silent);
        if is_unexplained {
            let mut explanation = String::new();
            if scene.was_here && !loss.was_open {
                explanation.push_str(words.why_login);
                explanation.push(' ');
            }
            if !scene.has_origin {
                explanation.push_str(words.why_origin);
                explanation.push(' ');
            }
            explanation.push_str(words.why_body);
            if scene.local_access != LocalAccess::Free {
                explanation.push(' ');
                explanation.push_str(words.why_local);
            }
            // Chromium ends such a handshake as any other that failed.
            let offers = !scene.protocols.is_empty() || scene.stomp.is_some();
            if offers && !loss.was_open {
                explanation.push(' ');
                explanation.push_str(&fill(words.why_protocols, places));
            }
            self.explanation = Some(explanation);
        }
        self
    }

    fn warning_of_drops(mut self, scene: &Scene<'_>, words: &Words) -> Self {
        if let Some(Drops { count, silence }) = scene.drops {
            let seconds = (silence + HALF_A_SECOND).as_secs().to_string();
            let text = match scene.heartbeat {
                Period::Auto => words.drops_learned,
                Period::Every(_) | Period::Off => words.drops,
            };
            self.add(&fill(text, &[("k", &count.to_string()), ("n", &seconds)]));
        }
        self
    }

    /// Says that a time counted since then may lack the time asleep.
    fn warning_of_jump(mut self, scene: &Scene<'_>, since: Duration, words: &Words) -> Self {
        if scene.jumped >= Some(since) {
            self.add(words.jumped);
        }
        self
    }

    /// Tells who gets the messages that wait, and offers to drop them.
    fn waiting_for(self, unsent: Unsent<'_>, words: &Words) -> Self {
        let count = u64::try_from(unsent.count).unwrap_or(u64::MAX);
        let host = unsent.host.unwrap_or(words.next_server);
        let waits = fill(&words.waits_for.of(count), &[("host", host)]);
        Self {
            waits: Some(waits),
            ..self.button(Press::Drop, words.drop_waiting)
        }
    }

    /// Adds a sentence on a line of its own.
    fn add(&mut self, sentence: &str) {
        self.detail.push('\n');
        self.detail.push_str(sentence);
    }

    fn counting(self, scene: &Scene<'_>, since: Duration, until: Duration, words: &Words) -> Self {
        let attempt = scene.attempt.to_string();
        let left = seconds_rounded_up(until.saturating_sub(scene.now));
        let whole = seconds_rounded_up(until.saturating_sub(since));
        let said = |seconds| fill(&words.retry_said.of(seconds), &[("k", &attempt)]);
        let reminder = REMINDERS.into_iter().find(|seconds| left <= *seconds);
        Self {
            tick: Some(fill(
                words.retry_tick,
                &[("k", &attempt), ("n", &left.to_string())],
            )),
            said: Some(said(whole)),
            reminder: reminder.filter(|_| whole > LONG_WAIT).map(said),
            ..self
        }
    }

    fn gave_up(scene: &Scene<'_>, words: &Words, places: &Places<'_>) -> Self {
        let abnormal = Closure::abnormal();
        let closure = scene.last_loss.map_or(&abnormal, |loss| &loss.closure);
        if scene.attempt == 0
            && let Some(loss) = scene.last_loss
        {
            let headline = if loss.was_open {
                words.lost
            } else {
                words.refused.headline
            };
            return Self::saying(State::GaveUp, headline, loss_text(loss, words))
                .button(Press::Connect, words.try_again);
        }
        let name = words.close_name(closure.code);
        let detail = fill(
            &words.gave_up_detail.of(scene.attempt.into()),
            &[("code", &closure.code.to_string()), ("name", name)],
        );
        let strip = Self::saying(State::GaveUp, words.gave_up, detail)
            .button(Press::Connect, words.try_again);
        match scene.last_loss {
            Some(loss) => strip.explaining(scene, loss, words, places),
            None => strip,
        }
    }

    fn refused_final(scene: &Scene<'_>, words: &Words) -> Self {
        let closure = scene
            .last_loss
            .map(|loss| closure_text(&loss.closure, words));
        let places: &Places<'_> = &[("closure", &closure.unwrap_or_default())];
        let detail = fill(words.refused_final_detail, places);
        Self::saying(State::RefusedFinal, words.refused_final, detail)
            .button(Press::Connect, words.try_again)
    }

    fn of(state: State, text: words::State, places: &Places<'_>) -> Self {
        Self {
            headline: fill(text.headline, places),
            ..Self::saying(state, "", fill(text.detail, places))
        }
    }

    fn saying(state: State, headline: &str, detail: String) -> Self {
        Self {
            state,
            headline: headline.into(),
            detail,
            tick: None,
            said: None,
            reminder: None,
            explanation: None,
            waits: None,
            toggle: state.toggle(),
            buttons: Vec::new(),
        }
    }

    fn button(mut self, press: Press, label: &str) -> Self {
        self.buttons.push((press, label.into()));
        self
    }
}

/// The names of a text's placeholders, and what is put there.
type Places<'a> = [(&'a str, &'a str)];

pub(crate) fn seconds_rounded_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// A handshake that takes longer than this is called slow.
const SLOW_AFTER: Duration = Duration::from_secs(3);

/// A wait of more seconds than this has reminders.
const LONG_WAIT: u64 = 60;

/// How many seconds are left at a reminder, the fewest first.
const REMINDERS: [u64; 2] = [10, 30];

/// How long the page says that it has reconnected, so that slow readers can read it.
const REOPENED_FOR: Duration = Duration::from_secs(5);

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use heartwire::Stomp;

    use super::*;
    use crate::{
        address::{Address, Page},
        words::Lang,
    };

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of every state's words")]
    fn every_state_has_its_words() {
        let address = address("ws://example.org/a?token=secret");
        let lost = loss(1006, "", true);
        let refused = loss(1006, "", false);
        for (status, last_loss, [english, chinese]) in [
            (
                Status::Idle,
                None,
                [
                    "idle: Not connected / Press Connect to open ws://example.org/a.",
                    "idle: 未连接 / 点击“连接”以打开 ws://example.org/a。",
                ],
            ),
            (
                connecting_at(98),
                None,
                [
                    "connecting: Connecting… / Opening ws://example.org/a.",
                    "connecting: 正在连接…… / 正在打开 ws://example.org/a。",
                ],
            ),
            (
                connecting_at(96),
                None,
                [
                    "slow: Still connecting… / No answer from example.org yet. / 4 of 10 s / This attempt ends after 10 seconds.",
                    "slow: 仍在连接…… / example.org 尚未响应。 / 4/10 秒 / 等待满 10 秒后将结束本次尝试。",
                ],
            ),
            (
                open_at(99, None),
                None,
                [
                    "open: Connected / ws://example.org/a",
                    "open: 已连接 / ws://example.org/a",
                ],
            ),
            (
                open_at(96, Some(1)),
                None,
                [
                    "reopened: Reconnected / The connection was down for 1 second. Messages sent to you in that time may be missing.",
                    "reopened: 已重新连接 / 连接中断了 1 秒，期间发送给您的消息可能已丢失。",
                ],
            ),
            (
                open_at(95, Some(2)),
                None,
                [
                    "open: Connected / ws://example.org/a",
                    "open: 已连接 / ws://example.org/a",
                ],
            ),
            (
                waiting(98, 106),
                Some(&lost),
                [
                    "waiting: Connection lost / Close code 1006 (connection dropped without a close message). / Retry 3 in 6 s / Retry 3 in 8 seconds. / Retry now",
                    "waiting: 连接已断开 / 关闭代码 1006（连接异常中断）。 / 6 秒后第 3 次重试 / 8 秒后将进行第 3 次重试。 / 立即重试",
                ],
            ),
            (
                waiting(100, 101),
                Some(&refused),
                [
                    "refused: Could not connect / No connection to example.org could be made. / Retry 3 in 1 s / Retry 3 in 1 second. / Retry now",
                    "refused: 无法连接 / 未能连接到 example.org。 / 1 秒后第 3 次重试 / 1 秒后将进行第 3 次重试。 / 立即重试",
                ],
            ),
            (
                Status::Stopped,
                None,
                [
                    "stopped: Disconnected / You closed the connection.",
                    "stopped: 已断开 / 您已主动断开连接。",
                ],
            ),
            (
                Status::GaveUp,
                Some(&refused),
                [
                    "gaveUp: Stopped retrying / 3 retries failed. Last close code 1006 (connection dropped without a close message). / Try again",
                    "gaveUp: 已停止重试 / 重试 3 次均未成功。最后的关闭代码为 1006（连接异常中断）。 / 重新尝试",
                ],
            ),
            (
                Status::TurnedAway,
                Some(&loss(1008, "令牌已过期", true)),
                [
                    "refusedFinal: Closed by the server / Close code 1008 (policy violation): 令牌已过期. Not retrying: this code usually means the server would refuse again. / Try again",
                    "refusedFinal: 服务器已关闭连接 / 关闭代码 1008（违反策略）：令牌已过期。此代码通常表示服务器会再次拒绝，因此不再重试。 / 重新尝试",
                ],
            ),
        ] {
            let scene = Scene {
                status,
                last_loss,
                ..scene(Ok(&address))
            };
            assert_eq!(text(&Strip::new(&scene, Lang::En.words())), english);
            assert_eq!(text(&Strip::new(&scene, Lang::ZhCn.words())), chinese);
        }
    }

    #[test]
    fn what_keeps_the_page_from_connecting_comes_first() {
        let address = address("ws://example.org/a");
        let refused = Status::Refused;
        for (obstacle, status, expected) in [
            (
                Some(Obstacle::Unconfirmed),
                Status::Idle,
                "confirm: Connect to example.org? / The link you opened sets what follows. Connect only if you trust where it came from. / Ignore",
            ),
            (
                Some(Obstacle::Blocked),
                Status::Idle,
                "mixed: Blocked by the browser / This page was loaded over https, so the browser does not allow ws://example.org/a. Use wss://, or run this page from http://localhost. / Use wss://",
            ),
            (
                None,
                refused(Refusal::Insecure),
                "mixed: Blocked by the browser / This page was loaded over https, so the browser does not allow ws://example.org/a. Use wss://, or run this page from http://localhost. / Use wss://",
            ),
            (
                None,
                refused(Refusal::Forbidden),
                "csp: Blocked by this page’s security policy / The Content-Security-Policy of this page does not allow example.org. Whoever runs this page can add it to connect-src. / Try again",
            ),
        ] {
            let scene = Scene {
                status,
                obstacle,
                ..scene(Ok(&address))
            };
            let strip = Strip::new(&scene, Lang::En.words());
            assert_eq!(text(&strip), expected);
            assert!(strip.state.is_alert());
        }
        let error = AddressError::NoScheme {
            suggestion: "ws://example.org".into(),
        };
        assert_eq!(
            text(&Strip::new(&scene(Err(&error)), Lang::En.words())),
            "badUrl: Check the WebSocket URL / The URL must start with ws:// or wss://. Did you mean ws://example.org? / Use ws://example.org"
        );
    }

    #[test]
    fn the_question_shows_all_that_the_link_sets_and_the_host_as_the_browser_reads_it() {
        let address = address("ws://аррӏе.com/a?b");
        let long = "x".repeat(3_000);
        let link = [
            ("heartbeat_text", "{\"op\":\n\u{202e}1}".to_owned()),
            ("reply_text", format!("{long},ok")),
            ("retry", "false".to_owned()),
        ];
        let mut asked = Scene {
            obstacle: Some(Obstacle::Unconfirmed),
            link: &link,
            ..scene(Ok(&address))
        };
        let question = text(&Strip::new(&asked, Lang::En.words()));
        let shown = [
            "confirm: Connect to xn--80ak6aa92e.com? / The link you opened sets what follows. Connect only if you trust where it came from.",
            "heartbeat_text = {\"op\":⟨U+000A⟩⟨U+202E⟩1}",
            &format!("reply_text = {long},ok"),
            "retry = false / Ignore",
        ];
        assert_eq!(question, shown.join("\n"));
        let own = [("greeting", "login".to_owned())];
        asked.own = &own;
        let question = text(&Strip::new(&asked, Lang::En.words()));
        let end = "What you have set yourself goes there, too:\ngreeting = login / Ignore";
        assert!(question.ends_with(end), "{question}");
        asked.is_framed = true;
        let framed = text(&Strip::new(&asked, Lang::En.words()));
        let end = "to answer. / Open this page by itself";
        assert!(framed.ends_with(end), "{framed}");
    }

    #[test]
    fn no_network_is_said_unless_the_server_is_this_machine() {
        let lost = loss(1006, "", true);
        for (url, expected) in [
            ("ws://example.org", State::Offline),
            ("ws://localhost:8080", State::Waiting),
        ] {
            let address = address(url);
            let scene = Scene {
                status: waiting(100, 110),
                last_loss: Some(&lost),
                is_online: false,
                ..scene(Ok(&address))
            };
            assert_eq!(
                Strip::new(&scene, Lang::En.words()).state,
                expected,
                "{url}"
            );
        }
    }

    #[test]
    fn what_is_said_does_not_change_while_the_time_passes() {
        let address = address("ws://example.org");
        let lost = loss(1006, "", true);
        let [first, later] = [100, 107].map(|now| {
            let scene = Scene {
                status: waiting(100, 108),
                last_loss: Some(&lost),
                now: Duration::from_secs(now),
                ..scene(Ok(&address))
            };
            Strip::new(&scene, Lang::En.words())
        });
        assert_eq!(first.said, later.said);
        assert_ne!(first.tick, later.tick);
    }

    #[test]
    fn a_long_wait_has_reminders_near_its_end() {
        let address = address("ws://example.org");
        let lost = loss(1006, "", true);
        let reminders = [20, 69, 70, 89, 90, 99].map(|passed| {
            let scene = Scene {
                status: waiting(0, 100),
                last_loss: Some(&lost),
                now: Duration::from_secs(passed),
                ..scene(Ok(&address))
            };
            Strip::new(&scene, Lang::En.words()).reminder
        });
        let thirty = Some("Retry 3 in 30 seconds.".to_owned());
        let ten = Some("Retry 3 in 10 seconds.".to_owned());
        let expected = [None, None, thirty.clone(), thirty, ten.clone(), ten];
        assert_eq!(reminders, expected);
    }

    #[test]
    fn a_browser_that_asks_the_user_is_waited_for() {
        let address = address("ws://localhost:8080");
        let scene = Scene {
            status: connecting_at(90),
            local_access: LocalAccess::Asked,
            ..scene(Ok(&address))
        };
        assert_eq!(
            Lang::ALL.map(|lang| text(&Strip::new(&scene, lang.words()))),
            [
                "permission: Waiting for permission / Your browser may ask to let this page reach your local network. Choose Allow to connect to localhost:8080.",
                "permission: 等待授权 / 浏览器可能会询问是否允许此页面访问本地网络。请选择“允许”以连接 localhost:8080。",
            ]
        );
    }

    #[test]
    fn a_browser_that_may_guard_the_local_network_is_named_as_a_reason() {
        let address = address("ws://localhost:8080");
        let refused = loss(1006, "", false);
        let scene = Scene {
            status: waiting(98, 106),
            last_loss: Some(&refused),
            local_access: LocalAccess::Guarded,
            ..scene(Ok(&address))
        };
        let strip = Strip::new(&scene, Lang::En.words());
        let explanation = strip.explanation.unwrap_or_default();
        assert!(
            explanation.ends_with(Lang::En.words().why_local),
            "{explanation}"
        );
    }

    #[test]
    fn without_heartbeats_nothing_is_said_to_be_provable() {
        let address = address("ws://example.org");
        let scene = Scene {
            status: open_at(10, None),
            heartbeat: Period::Off,
            ..scene(Ok(&address))
        };
        assert_eq!(
            Strip::new(&scene, Lang::En.words()).detail,
            "ws://example.org\nHeartbeats are off: nothing sent can be confirmed."
        );
    }

    #[test]
    fn a_close_reason_is_shown_as_it_is_without_tricks() {
        let address = address("ws://example.org");
        let closed = loss(4001, "{url} <b>go\u{202e}ne</b>\n", true);
        let scene = Scene {
            status: waiting(100, 108),
            last_loss: Some(&closed),
            ..scene(Ok(&address))
        };
        assert_eq!(
            Strip::new(&scene, Lang::En.words()).detail,
            "Close code 4001 (application code): {url} <b>go⟨U+202E⟩ne</b>."
        );
    }

    #[test]
    fn without_a_retry_no_retry_is_said_to_have_failed() {
        let address = address("ws://example.org");
        let closed = loss(1001, "", true);
        let scene = Scene {
            status: Status::GaveUp,
            last_loss: Some(&closed),
            attempt: 0,
            ..scene(Ok(&address))
        };
        assert_eq!(
            text(&Strip::new(&scene, Lang::En.words())),
            "gaveUp: Connection lost / Close code 1001 (going away). / Try again"
        );
    }

    #[test]
    fn a_server_that_answers_no_heartbeat_is_named_so() {
        let address = address("ws://example.org");
        let scene = Scene {
            status: open_at(10, None),
            knowledge: Knowledge::Silent,
            ..scene(Ok(&address))
        };
        assert_eq!(
            Strip::new(&scene, Lang::En.words()).detail,
            "ws://example.org\nHeartbeat sent. This server has not replied to one yet.\nUntil it does, nothing sent can be confirmed."
        );
    }

    #[test]
    fn a_server_that_falls_silent_is_named_so_with_the_time_left() {
        let address = address("ws://example.org");
        let [since, until] = [98_900, 101_400].map(Duration::from_millis);
        let scene = Scene {
            status: open_at(10, None),
            knowledge: Knowledge::Lost { since, until },
            ..scene(Ok(&address))
        };
        let [english, chinese] = Lang::ALL.map(|lang| Strip::new(&scene, lang.words()));
        assert_eq!(
            text(&english),
            "stale: No reply to heartbeat / Nothing received since the last heartbeat. / Reconnecting in 2 s / Reconnecting in 3 seconds. / Reconnect now"
        );
        assert_eq!(
            text(&chinese),
            "stale: 心跳无响应 / 上次心跳发出后未收到任何数据。 / 2 秒后重新连接 / 3 秒后将重新连接。 / 立即重新连接"
        );
        assert_eq!(english.toggle, Toggle::Disconnect);
        let alone = Scene {
            may_retry: false,
            ..scene
        };
        assert_eq!(
            text(&Strip::new(&alone, Lang::En.words())),
            "stale: No reply to heartbeat / Nothing received since the last heartbeat. / Reconnect now"
        );
    }

    #[test]
    fn a_connection_that_fell_silent_has_no_close_code() {
        let address = address("ws://example.org");
        let lost = Loss {
            was_silent: true,
            error: None,
            ..loss(1006, "", true)
        };
        let scene = Scene {
            status: waiting(100, 108),
            last_loss: Some(&lost),
            ..scene(Ok(&address))
        };
        let strip = Strip::new(&scene, Lang::En.words());
        assert_eq!(strip.detail, "The server did not answer in time.");
        assert_eq!(strip.explanation, None);
    }

    #[test]
    fn drops_after_the_same_silence_are_told_with_their_likely_reason() {
        let address = address("ws://example.org");
        let lost = loss(1006, "", true);
        for status in [waiting(100, 108), open_at(10, None)] {
            let scene = Scene {
                status,
                last_loss: Some(&lost),
                drops: Some(Drops {
                    count: 2,
                    silence: Duration::from_millis(59_600),
                }),
                ..scene(Ok(&address))
            };
            let strip = Strip::new(&scene, Lang::En.words());
            assert!(
                strip.detail.ends_with("\nThe last 2 connections each dropped after about 60 quiet seconds. A proxy is probably closing idle connections: send heartbeats more often than that."),
                "{}",
                strip.detail
            );
        }
    }

    #[test]
    fn what_a_broker_refuses_is_named() {
        let address = address("ws://example.org");
        let stomp = Stomp::new("/queue/a")
            .subscribe("/topic/b")
            .login("web", "");
        let said = Loss {
            error: Some("Bad CONNECT: no".into()),
            ..loss(1006, "", false)
        };
        let scene = Scene {
            stomp: Some(&stomp),
            last_loss: Some(&said),
            ..scene(Ok(&address))
        };
        let strip = |status, lang: Lang| {
            let scene = Scene { status, ..scene };
            text(&Strip::new(&scene, lang.words()))
        };
        for (refusal, parts) in [
            (Refusal::Login, ["Log-in refused", "No passcode is entered"]),
            (Refusal::Subscription, ["Subscription refused", "/topic/b"]),
            (Refusal::Destination, ["Destination refused", "/queue/a"]),
            (Refusal::NoStomp, ["No STOMP", "example.org"]),
            (
                Refusal::NoProtocol,
                ["Subprotocol not accepted", "v12.stomp"],
            ),
        ] {
            let english = strip(Status::Refused(refusal), Lang::En);
            let is_named = parts.iter().all(|part| english.contains(part));
            assert!(
                english.starts_with("refusedFinal: ") && is_named,
                "{english}"
            );
            if refusal != Refusal::NoProtocol {
                assert!(
                    english.contains("The server said: Bad CONNECT: no"),
                    "{english}"
                );
            }
            let chinese = strip(Status::Refused(refusal), Lang::ZhCn);
            assert!(!chinese.contains(parts[0]), "{chinese}");
        }
        for (source, part) in [
            ("/amq/queue/a", "comes now"),
            ("/topic/a", "may be missing"),
        ] {
            let stomp = Stomp::new("/queue/a").subscribe(source);
            let scene = Scene {
                status: open_at(99, Some(4)),
                stomp: Some(&stomp),
                step: Some(Step::Ready),
                ..scene
            };
            let said = text(&Strip::new(&scene, Lang::En.words()));
            assert!(
                said.starts_with("reopened: ") && said.contains(part),
                "{said}"
            );
        }
        let nowhere = Stomp::new("");
        let nowhere = Scene {
            status: Status::Refused(Refusal::Destination),
            stomp: Some(&nowhere),
            ..scene
        };
        let nowhere = text(&Strip::new(&nowhere, Lang::En.words()));
        assert!(nowhere.contains("needs a destination"), "{nowhere}");
        for (step, part) in [
            (Step::Login, "Logging in to example.org."),
            (Step::Subscription, "Subscribing to /topic/b."),
        ] {
            let scene = Scene {
                status: connecting_at(0),
                step: Some(step),
                ..scene
            };
            let said = text(&Strip::new(&scene, Lang::En.words()));
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn subprotocols_that_nobody_speaks_are_named() {
        let address = address("ws://example.org");
        let protocols = ["chat".to_owned(), "v2.chat".to_owned()];
        let refused = loss(1006, "", false);
        let scene = Scene {
            protocols: &protocols,
            ..scene(Ok(&address))
        };
        let unspoken = Scene {
            status: Status::Refused(Refusal::NoProtocol),
            ..scene
        };
        assert_eq!(
            text(&Strip::new(&unspoken, Lang::En.words())),
            "refusedFinal: Subprotocol not accepted / example.org accepted the connection but none of the subprotocols offered: chat, v2.chat. / Try again"
        );
        let refused = Scene {
            status: waiting(100, 108),
            last_loss: Some(&refused),
            ..scene
        };
        let explanation = Strip::new(&refused, Lang::En.words()).explanation;
        let expected = "It must also know one of the subprotocols offered: chat, v2.chat.";
        assert!(explanation.is_some_and(|text| text.ends_with(expected)));
    }

    #[test]
    fn a_login_that_may_have_ended_is_a_reason_where_the_page_was_before() {
        let address = address("ws://example.org");
        for (was_here, was_open, is_reason) in [
            (true, false, true),
            (false, false, false),
            (true, true, false),
        ] {
            let loss = loss(1006, "", was_open);
            let scene = Scene {
                status: waiting(100, 108),
                last_loss: Some(&loss),
                was_here,
                ..scene(Ok(&address))
            };
            let explanation = Strip::new(&scene, Lang::En.words()).explanation;
            let names = explanation.is_some_and(|text| text.contains("login"));
            assert_eq!(names, is_reason, "{was_here} {was_open}");
        }
    }

    #[test]
    fn a_page_without_an_origin_names_that_as_a_reason() {
        let address = address("ws://example.org");
        let refused = loss(1006, "", false);
        let scene = Scene {
            status: Status::GaveUp,
            last_loss: Some(&refused),
            has_origin: false,
            ..scene(Ok(&address))
        };
        let explanation = Strip::new(&scene, Lang::En.words()).explanation;
        assert!(explanation.is_some_and(|text| text.contains("“Origin: null”")));
    }

    #[test]
    fn times_that_may_lack_sleep_are_told_as_such() {
        let address = address("ws://example.org");
        for (status, is_told) in [
            (open_at(90, None), true),
            (open_at(95, None), true),
            (open_at(96, None), false),
            // The outage began before.
            (open_at(98, Some(3)), true),
            (open_at(98, Some(2)), false),
        ] {
            let scene = Scene {
                status,
                jumped: Some(Duration::from_secs(95)),
                ..scene(Ok(&address))
            };
            let detail = Strip::new(&scene, Lang::En.words()).detail;
            assert_eq!(detail.contains("Time asleep"), is_told, "{status:?}");
        }
    }

    #[test]
    fn what_waits_for_another_server_is_told_and_can_be_dropped() {
        let address = address("ws://example.org");
        let waits = |status, count, host| {
            let scene = Scene {
                status,
                unsent: Some(Unsent { count, host }),
                ..scene(Ok(&address))
            };
            let strip = Strip::new(&scene, Lang::En.words());
            let drops = strip.buttons.iter().any(|(press, _)| *press == Press::Drop);
            assert_eq!(drops, strip.waits.is_some());
            strip.waits
        };
        let two = waits(Status::Stopped, 2, Some("other.example"));
        let expected = "2 messages wait. Connecting sends them to other.example.";
        assert_eq!(two.as_deref(), Some(expected));
        let one = waits(Status::Idle, 1, None);
        let expected = "1 message waits. Connecting sends it to the next server.";
        assert_eq!(one.as_deref(), Some(expected));
        // Where it goes was decided as the connection was started.
        assert_eq!(waits(open_at(90, None), 1, None), None);
    }

    #[test]
    fn who_stops_before_there_is_a_connection_has_closed_none() {
        let address = address("ws://example.org");
        let scene = Scene {
            status: Status::Stopped,
            was_open: false,
            ..scene(Ok(&address))
        };
        let strip = Strip::new(&scene, Lang::En.words());
        assert_eq!(
            text(&strip),
            "stopped: Not connected / You stopped connecting."
        );
    }

    fn text(strip: &Strip) -> String {
        let labels = strip.buttons.iter().map(|(_, label)| label.clone());
        let parts: Vec<_> = [strip.headline.clone(), strip.detail.clone()]
            .into_iter()
            .chain(strip.tick.clone())
            .chain(strip.said.clone())
            .chain(labels)
            .collect();
        format!("{}: {}", strip.state.id(), parts.join(" / "))
    }

    fn scene<'a>(address: Result<&'a Address, &'a AddressError>) -> Scene<'a> {
        Scene {
            status: Status::Idle,
            last_loss: None,
            attempt: 3,
            may_retry: true,
            knowledge: Knowledge::Answers,
            trust: Trust::Given,
            drops: None,
            protocols: &[],
            step: None,
            stomp: None,
            address,
            obstacle: None,
            local_access: LocalAccess::Free,
            heartbeat: Period::Every(Duration::from_secs(30)),
            is_online: true,
            connect_timeout: Duration::from_secs(10),
            was_here: false,
            jumped: None,
            has_origin: true,
            is_framed: false,
            link: &[],
            own: &[],
            was_open: true,
            unsent: None,
            now: Duration::from_secs(100),
        }
    }

    fn address(text: &str) -> Address {
        let page = Page {
            is_secure: false,
            host: "localhost".into(),
        };
        Address::parse(text, &page).expect("the test gives a good address")
    }

    fn loss(code: u16, reason: &str, was_open: bool) -> Loss {
        let reason = reason.into();
        Loss {
            closure: Closure {
                code,
                reason,
                was_clean: code != 1006,
            },
            was_open,
            was_silent: false,
            error: None,
        }
    }

    fn connecting_at(since: u64) -> Status {
        Status::Connecting {
            since: Duration::from_secs(since),
        }
    }

    fn open_at(since: u64, outage: Option<u64>) -> Status {
        Status::Open {
            since: Duration::from_secs(since),
            outage: outage.map(Duration::from_secs),
        }
    }

    fn waiting(since: u64, until: u64) -> Status {
        Status::Waiting {
            since: Duration::from_secs(since),
            until: Duration::from_secs(until),
        }
    }
}
