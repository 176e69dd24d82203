//! What people configure: names, values, defaults, and what is wrong with a value.

use std::time::Duration;

use crate::{
    address::{Address, AddressError, Locality, Page},
    backoff::Ceilings,
    heartbeat::{Mode, Period, ReplyTimeout},
    outbox::Resend,
    words::Lang,
};

/// The settings. Each field has the name by which a query parameter sets it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where to connect; the page's default address when nothing is said.
    pub url: Option<String>,
    /// Subprotocols to offer.
    pub protocols: Vec<String>,
    /// Whether to connect at the start.
    pub autoconnect: bool,
    /// Quiet time after which a heartbeat is sent.
    pub heartbeat: Period,
    /// What a heartbeat says.
    pub heartbeat_text: String,
    /// What starts the quiet time over.
    pub heartbeat_mode: Mode,
    /// How long after a heartbeat something must arrive.
    pub reply_timeout: ReplyTimeout,
    /// Texts that answer a heartbeat.
    pub reply_text: Vec<String>,
    /// Texts that the server sends as heartbeats of its own.
    pub server_heartbeat_text: Vec<String>,
    /// How long a handshake may take.
    pub connect_timeout: Duration,
    /// Whether to reconnect after a close that was not asked for.
    pub retry: bool,
    /// The back-off's first ceiling, where it is not the default.
    pub retry_min: Option<Duration>,
    /// The back-off's last ceiling, where it is not the default.
    pub retry_max: Option<Duration>,
    /// Consecutive attempts before giving up.
    pub retry_limit: Option<u32>,
    /// How long a connection must have been open before the back-off starts over.
    pub stable_after: Duration,
    /// Close codes after which the page does not retry by itself.
    pub final_codes: Vec<u16>,
    /// Messages kept for sending.
    pub outbox_limit: usize,
    /// Where they are kept.
    pub outbox_storage: Storage,
    /// What is sent again after a reconnect.
    pub resend: Resend,
    /// The page's language, where it is not the browser's.
    pub lang: Option<Lang>,
}

/// Where messages are kept until it is proven that they arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Storage {
    /// In the page's memory.
    Memory,
    /// In the tab's session storage, too, when the page is hidden or left: they survive a reload.
    Session,
}

impl Default for Settings {
    fn default() -> Self {
        let heartbeat_text = "heartbeat".to_owned();
        Self {
            url: None,
            protocols: Vec::new(),
            autoconnect: true,
            heartbeat: Period::Every(Duration::from_secs(30)),
            reply_timeout: ReplyTimeout::Auto,
            reply_text: default_replies(&heartbeat_text),
            heartbeat_text,
            heartbeat_mode: Mode::Idle,
            server_heartbeat_text: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            retry: true,
            retry_min: None,
            retry_max: None,
            retry_limit: None,
            stable_after: Duration::from_secs(10),
            // RFC 6455 §7.4.1: the server found the client itself at fault.
            final_codes: vec![1002, 1003, 1007, 1008, 1009, 1010],
            outbox_limit: 1000,
            outbox_storage: Storage::Memory,
            resend: Resend::Latest,
            lang: None,
        }
    }
}

/// A value that cannot be used. The setting keeps its default.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// The setting's name.
    pub setting: String,
    /// What was given.
    pub value: String,
    /// What would be right.
    pub allowed: Allowed,
}

/// What a setting allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// An address; this is wrong with the one given.
    Address(AddressError),
    /// A duration within limits.
    Duration(Limits),
    /// A duration within limits, `auto` or `off`.
    DurationAutoOrOff(Limits),
    /// A whole number from the first to the second.
    Count(u32, u32),
    /// A whole number from the first to the second, or `off`.
    CountOrOff(u32, u32),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Close codes from 1000 to 4999, separated by commas, or nothing.
    CloseCodes,
    /// Names of subprotocols, separated by commas, none twice: tokens of RFC 9110 §5.6.2.
    Protocols,
    /// Texts, separated by commas, none empty.
    Texts,
    /// A text that is not empty.
    Text,
    /// A duration not below `retry_min`, which is this.
    NotBelowRetryMin(Duration),
    /// A duration only where heartbeats are sent, and `heartbeat` is off.
    NotWithoutHeartbeat,
    /// Texts that are not in `reply_text`, and this one is.
    NotInReplyText(String),
}

/// The shortest and the longest duration allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

impl Settings {
    /// Reads pairs of name and value, and says which values cannot be used. A name that is no
    /// setting is left alone: links carry others.
    #[must_use]
    pub fn read(
        pairs: impl IntoIterator<Item = (String, String)>,
        page: &Page,
    ) -> (Self, Vec<Complaint>) {
        let mut settings = Self::default();
        let mut complaints = Vec::new();
        let mut replies_given = false;
        let pairs: Vec<_> = pairs.into_iter().collect();
        for (index, (name, value)) in pairs.iter().enumerate() {
            // The last of several values counts.
            if pairs[index + 1..].iter().any(|(later, _)| later == name) {
                continue;
            }
            match settings.set(name, value, page) {
                Ok(()) => replies_given |= name == "reply_text",
                Err(allowed) => complaints.push(Complaint {
                    setting: name.clone(),
                    value: value.clone(),
                    allowed,
                }),
            }
        }
        if !replies_given {
            settings.reply_text = default_replies(&settings.heartbeat_text);
            // What the server says by itself answers nothing.
            let own = &settings.server_heartbeat_text;
            settings.reply_text.retain(|text| !own.contains(text));
        }
        complaints.extend(settings.settle_conflicts());
        (settings, complaints)
    }

    /// The back-off's ceilings for a server there.
    #[must_use]
    pub fn ceilings(&self, locality: Locality) -> Ceilings {
        // RFC 6455 §7.2.3 spreads the first attempt over five seconds. A developer's own server
        // has no herd.
        let (first, last) = match locality {
            Locality::Loopback => (Duration::from_secs(1), Duration::from_secs(10)),
            Locality::Remote => (Duration::from_secs(5), Duration::from_mins(1)),
        };
        match (self.retry_min, self.retry_max) {
            (None, None) => Ceilings { first, last },
            (Some(first), None) => Ceilings {
                first,
                last: last.max(first),
            },
            (None, Some(last)) => Ceilings {
                first: first.min(last),
                last,
            },
            (Some(first), Some(last)) => Ceilings { first, last },
        }
    }

    /// Drops what cannot hold together, and says why.
    fn settle_conflicts(&mut self) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let mut complain = |setting: &str, value, allowed| {
            complaints.push(Complaint {
                setting: setting.into(),
                value,
                allowed,
            });
        };
        if let (Some(least), Some(most)) = (self.retry_min, self.retry_max)
            && most < least
        {
            self.retry_min = None;
            self.retry_max = None;
            let allowed = Allowed::NotBelowRetryMin(least);
            complain("retry_max", duration_text(most), allowed);
        }
        if let (Period::Off, ReplyTimeout::After(timeout)) = (self.heartbeat, self.reply_timeout) {
            self.reply_timeout = ReplyTimeout::Auto;
            let allowed = Allowed::NotWithoutHeartbeat;
            complain("reply_timeout", duration_text(timeout), allowed);
        }
        let own = &mut self.server_heartbeat_text;
        if let Some(text) = own.iter().find(|text| self.reply_text.contains(text)) {
            // A reply is a receipt: nothing else may look like it.
            let allowed = Allowed::NotInReplyText(text.clone());
            complain("server_heartbeat_text", own.join(","), allowed);
            own.clear();
        }
        complaints
    }

    fn set(&mut self, setting: &str, value: &str, page: &Page) -> Result<(), Allowed> {
        match setting {
            "url" => {
                // Kept even when it is wrong: it stays in the field, to be mended there.
                self.url = Some(value.into());
                Address::parse(value, page).map_err(Allowed::Address)?;
            }
            "protocols" => self.protocols = protocols(value)?,
            "autoconnect" => self.autoconnect = switch(value)?,
            "heartbeat" => {
                self.heartbeat = match duration_auto_or_off(value)? {
                    Choice::Auto => Period::Auto,
                    Choice::Off => Period::Off,
                    Choice::Duration(period) => Period::Every(period),
                }
            }
            "heartbeat_text" => self.heartbeat_text = text(value)?,
            "heartbeat_mode" => {
                self.heartbeat_mode = match value {
                    "idle" => Mode::Idle,
                    "always" => Mode::Always,
                    _ => return Err(Allowed::OneOf(&["idle", "always"])),
                }
            }
            "reply_timeout" => {
                self.reply_timeout = match duration_auto_or_off(value)? {
                    Choice::Auto => ReplyTimeout::Auto,
                    Choice::Off => ReplyTimeout::Off,
                    Choice::Duration(timeout) => ReplyTimeout::After(timeout),
                }
            }
            "reply_text" => self.reply_text = texts(value)?,
            "server_heartbeat_text" => self.server_heartbeat_text = texts(value)?,
            "connect_timeout" => self.connect_timeout = duration(value, PERIOD)?,
            "retry" => self.retry = switch(value)?,
            "retry_min" => self.retry_min = Some(duration(value, CEILING)?),
            "retry_max" => self.retry_max = Some(duration(value, CEILING)?),
            "retry_limit" => {
                self.retry_limit = match value {
                    "off" => None,
                    _ => Some(count(value, 1, u32::MAX).ok_or(Allowed::CountOrOff(1, u32::MAX))?),
                }
            }
            "stable_after" => self.stable_after = duration(value, ANY)?,
            "final_codes" => self.final_codes = close_codes(value)?,
            "outbox_limit" => {
                let limit = count(value, 1, 1_000_000).ok_or(Allowed::Count(1, 1_000_000))?;
                self.outbox_limit = limit as usize;
            }
            "outbox_storage" => {
                self.outbox_storage = match value {
                    "memory" => Storage::Memory,
                    "session" => Storage::Session,
                    _ => return Err(Allowed::OneOf(&["memory", "session"])),
                }
            }
            "resend" => {
                self.resend = match value {
                    "latest" => Resend::Latest,
                    "every" => Resend::Every,
                    "off" => Resend::Off,
                    _ => return Err(Allowed::OneOf(&["latest", "every", "off"])),
                }
            }
            "lang" => {
                self.lang = Some(Lang::of(value).ok_or(Allowed::OneOf(Lang::TAGS))?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A timer of a tenth of a second is the shortest that background tabs and servers bear; a day is
/// far below the 24.8 days that browsers' timers can hold.
const PERIOD: Limits = Limits {
    least: Duration::from_millis(100),
    most: Duration::from_hours(24),
};

/// Zero doubles to zero: a link must not make a page reconnect without a pause.
const CEILING: Limits = Limits {
    least: Duration::from_millis(10),
    most: PERIOD.most,
};

const ANY: Limits = Limits {
    least: Duration::ZERO,
    most: PERIOD.most,
};

/// Writes a duration with the largest unit that leaves it whole.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let millis = millis(duration);
    if millis == 0 || !millis.is_multiple_of(1_000) {
        format!("{millis}ms")
    } else if !millis.is_multiple_of(60_000) {
        format!("{}s", millis / 1_000)
    } else {
        format!("{}m", millis / 60_000)
    }
}

/// A duration in whole milliseconds. [`Duration::as_millis`] computes with 128 bits, which costs the
/// page two kilobytes.
#[must_use]
pub(crate) fn millis(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000);
    seconds.saturating_add(duration.subsec_millis().into())
}

/// A server that echoes, and one that answers as protocols with a ping do.
fn default_replies(heartbeat_text: &str) -> Vec<String> {
    vec![heartbeat_text.to_owned(), "pong".to_owned()]
}

/// A duration, or one of the words in its place.
enum Choice {
    Auto,
    Off,
    Duration(Duration),
}

fn duration_auto_or_off(value: &str) -> Result<Choice, Allowed> {
    match value {
        "auto" => Ok(Choice::Auto),
        "off" => Ok(Choice::Off),
        _ => match duration(value, PERIOD) {
            Ok(duration) => Ok(Choice::Duration(duration)),
            Err(_) => Err(Allowed::DurationAutoOrOff(PERIOD)),
        },
    }
}

fn duration(value: &str, limits: Limits) -> Result<Duration, Allowed> {
    parse_duration(value)
        .filter(|duration| (limits.least..=limits.most).contains(duration))
        .ok_or(Allowed::Duration(limits))
}

fn parse_duration(value: &str) -> Option<Duration> {
    let unit_start = value.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = value.split_at(unit_start);
    let number = number.parse::<u64>().ok()?;
    let unit_millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.checked_mul(unit_millis).map(Duration::from_millis)
}

fn switch(value: &str) -> Result<bool, Allowed> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Allowed::OneOf(&["true", "false"])),
    }
}

fn count(value: &str, least: u32, most: u32) -> Option<u32> {
    let count = value.parse().ok()?;
    (least..=most).contains(&count).then_some(count)
}

fn text(value: &str) -> Result<String, Allowed> {
    if value.is_empty() {
        return Err(Allowed::Text);
    }
    Ok(value.into())
}

fn texts(value: &str) -> Result<Vec<String>, Allowed> {
    list(value, |text| (!text.is_empty()).then(|| text.to_owned())).ok_or(Allowed::Texts)
}

fn close_codes(value: &str) -> Result<Vec<u16>, Allowed> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    list(value, |code| {
        let code = code.parse().ok()?;
        (1000..=4999).contains(&code).then_some(code)
    })
    .ok_or(Allowed::CloseCodes)
}

fn protocols(value: &str) -> Result<Vec<String>, Allowed> {
    let names = list(value, |name| is_token(name).then(|| name.to_owned()));
    names
        .filter(|names| (1..names.len()).all(|index| !names[..index].contains(&names[index])))
        .ok_or(Allowed::Protocols)
}

/// Reads what stands between the commas; `None` if any of it cannot be read.
fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(|item| read(item.trim())).collect()
}

fn is_token(name: &str) -> bool {
    let is_token_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token_byte)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_setting_is_read_by_its_name() {
        let (settings, complaints) = read(&[
            ("url", "ws://example.org/a"),
            ("protocols", "chat, v2.chat"),
            ("autoconnect", "false"),
            ("heartbeat", "500ms"),
            ("heartbeat_text", "ping"),
            ("heartbeat_mode", "always"),
            ("reply_timeout", "2s"),
            ("reply_text", "pong,alive"),
            ("server_heartbeat_text", "tick"),
            ("connect_timeout", "3s"),
            ("retry", "false"),
            ("retry_min", "10ms"),
            ("retry_max", "2m"),
            ("retry_limit", "7"),
            ("stable_after", "0ms"),
            ("final_codes", "1008,4001"),
            ("outbox_limit", "5"),
            ("outbox_storage", "session"),
            ("resend", "every"),
            ("lang", "zh-CN"),
        ]);
        assert_eq!(complaints, []);
        let expected = Settings {
            url: Some("ws://example.org/a".into()),
            protocols: vec!["chat".into(), "v2.chat".into()],
            autoconnect: false,
            heartbeat: Period::Every(Duration::from_millis(500)),
            heartbeat_text: "ping".into(),
            heartbeat_mode: Mode::Always,
            reply_timeout: ReplyTimeout::After(Duration::from_secs(2)),
            reply_text: vec!["pong".into(), "alive".into()],
            server_heartbeat_text: vec!["tick".into()],
            connect_timeout: Duration::from_secs(3),
            retry: false,
            retry_min: Some(Duration::from_millis(10)),
            retry_max: Some(Duration::from_mins(2)),
            retry_limit: Some(7),
            stable_after: Duration::ZERO,
            final_codes: vec![1008, 4001],
            outbox_limit: 5,
            outbox_storage: Storage::Session,
            resend: Resend::Every,
            lang: Some(Lang::ZhCn),
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_bad_value_is_named_and_the_default_holds() {
        for (setting, value) in [
            ("protocols", "a,a"),
            ("protocols", "a b"),
            ("autoconnect", "yes"),
            ("heartbeat", "soon"),
            ("heartbeat", "30"),
            ("heartbeat", "-1s"),
            ("heartbeat", "1ms"),
            ("heartbeat", "99999999999999999999s"),
            ("heartbeat", "18446744073709551615m"),
            ("heartbeat_text", ""),
            ("heartbeat_mode", "busy"),
            ("reply_timeout", "never"),
            ("outbox_storage", "local"),
            ("resend", "all"),
            ("reply_text", "a,,b"),
            ("connect_timeout", "off"),
            ("retry", "1"),
            ("retry_min", "1h"),
            ("retry_max", "0ms"),
            ("retry_limit", "0"),
            ("stable_after", "10"),
            ("final_codes", "1008;1009"),
            ("final_codes", "999"),
            ("outbox_limit", "0"),
            ("lang", "fr"),
        ] {
            let (settings, complaints) = read(&[(setting, value)]);
            assert_eq!(settings, Settings::default(), "{setting}={value}");
            let [complaint] = complaints.as_slice() else {
                panic!("{setting}={value}: {complaints:?}");
            };
            assert_eq!(
                (complaint.setting.as_str(), complaint.value.as_str()),
                (setting, value)
            );
        }
    }

    #[test]
    fn a_bad_url_is_kept_to_be_mended() {
        let (settings, complaints) = read(&[("url", "example.org")]);
        assert_eq!(settings.url.as_deref(), Some("example.org"));
        let [complaint] = complaints.as_slice() else {
            panic!("{complaints:?}");
        };
        assert_eq!(complaint.setting, "url");
        assert!(matches!(
            &complaint.allowed,
            Allowed::Address(AddressError::NoScheme { .. })
        ));
    }

    #[test]
    fn a_heartbeat_of_another_text_is_answered_by_its_echo() {
        let (settings, _) = read(&[("heartbeat_text", "ping")]);
        assert_eq!(settings.reply_text, ["ping", "pong"]);
        let (settings, _) = read(&[("reply_text", "ok"), ("heartbeat_text", "ping")]);
        assert_eq!(settings.reply_text, ["ok"]);
    }

    #[test]
    fn some_settings_can_be_off_or_empty() {
        let (settings, complaints) = read(&[
            ("heartbeat", "off"),
            ("reply_timeout", "off"),
            ("retry_limit", "off"),
            ("final_codes", ""),
        ]);
        assert_eq!(complaints, []);
        assert_eq!(settings.heartbeat, Period::Off);
        assert_eq!(settings.reply_timeout, ReplyTimeout::Off);
        assert_eq!(settings.retry_limit, None);
        assert_eq!(settings.final_codes, [0_u16; 0]);
    }

    #[test]
    fn the_largest_ceiling_is_never_below_the_first() {
        let (settings, complaints) = read(&[("retry_min", "5s"), ("retry_max", "1s")]);
        assert_eq!(settings, Settings::default());
        assert_eq!(complaints.len(), 1);
        for (name, value) in [("retry_min", "2m"), ("retry_max", "10ms")] {
            let (settings, complaints) = read(&[(name, value)]);
            assert_eq!(complaints, []);
            let ceilings = settings.ceilings(Locality::Remote);
            assert_eq!(ceilings.first, ceilings.last);
            assert_eq!(duration_text(ceilings.first), value);
        }
    }

    #[test]
    fn what_cannot_hold_together_is_refused_with_the_reason() {
        let (settings, complaints) = read(&[("heartbeat", "off"), ("reply_timeout", "5s")]);
        assert_eq!(settings.reply_timeout, ReplyTimeout::Auto);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].allowed, Allowed::NotWithoutHeartbeat);

        let (settings, complaints) =
            read(&[("server_heartbeat_text", "tick,ok"), ("reply_text", "ok")]);
        assert_eq!(settings.server_heartbeat_text, [""; 0]);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].allowed, Allowed::NotInReplyText("ok".into()));
    }

    #[test]
    fn what_the_server_says_by_itself_is_no_reply_unless_that_was_asked_for() {
        let (settings, complaints) = read(&[("server_heartbeat_text", "pong")]);
        assert_eq!(complaints, []);
        assert_eq!(settings.reply_text, ["heartbeat"]);
    }

    #[test]
    fn the_last_of_several_values_counts() {
        let (settings, complaints) = read(&[("heartbeat", "soon"), ("heartbeat", "5s")]);
        assert_eq!(settings.heartbeat, Period::Every(Duration::from_secs(5)));
        assert_eq!(complaints, []);
        let (settings, complaints) = read(&[("heartbeat", "5s"), ("heartbeat", "soon")]);
        assert_eq!(settings, Settings::default());
        assert_eq!(complaints.len(), 1);
    }

    #[test]
    fn what_is_no_setting_is_left_alone() {
        assert_eq!(
            read(&[("utm_source", "x"), ("Heartbeat", "1s")]),
            (Settings::default(), Vec::new())
        );
    }

    proptest! {
        #[test]
        fn a_duration_is_read_as_it_is_written(millis in 0_u64..100_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }
    }

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<Complaint>) {
        let page = Page {
            is_secure: false,
            host: "localhost:3000".into(),
        };
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Settings::read(pairs, &page)
    }
}
