//! What people configure: names, values, defaults, and what is wrong with a value.

mod table;
mod value;

pub use table::{Admission, Control, Group, SETTINGS, Setting};
pub use value::{Allowed, Limits, duration_text};

use heartwire::{
    Options, Pattern, Stomp,
    core::{
        heartbeat::{Period, ReplyTimeout},
        outbox::Guarantee,
    },
    default_replies,
};

use crate::lang::Lang;

/// The settings. Each field has the name by which people set it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where to connect; the page's default address when nothing is said.
    pub url: Option<String>,
    /// Subprotocols to offer.
    pub protocols: Vec<String>,
    /// How the server is spoken to.
    pub protocol: Protocol,
    /// How that is done, if it speaks STOMP. The passcode is no setting: nothing keeps it.
    pub stomp: Stomp,
    /// Whether to connect at the start.
    pub autoconnect: bool,
    /// How the connection behaves.
    pub options: Options,
    /// Where they are kept.
    pub outbox_storage: Storage,
    /// Rows kept in the log.
    pub log_limit: usize,
    /// What is sent again after a reconnect.
    pub resend: Resend,
    /// The page's language, where it is not the browser's.
    pub lang: Option<Lang>,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// Each message is a frame.
    Text,
    /// STOMP 1.2, as RabbitMQ, ActiveMQ and Spring speak it.
    Stomp,
}

/// What is sent again of what a lost connection had taken without a proof that it arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resend {
    /// The newest typed text, unless a newer one waits; nothing that was sent on purpose.
    Latest,
    /// All, in order. What had arrived arrives once more.
    Every,
    /// Nothing.
    Off,
}

impl Resend {
    /// What that is for a typed text.
    #[must_use]
    pub fn typed(self) -> Guarantee {
        match self {
            Self::Latest => Guarantee::Latest,
            Self::Every => Guarantee::AtLeastOnce,
            Self::Off => Guarantee::AtMostOnce,
        }
    }

    /// What that is for a message sent on purpose.
    #[must_use]
    pub fn sent(self) -> Guarantee {
        match self {
            Self::Every => Guarantee::AtLeastOnce,
            Self::Latest | Self::Off => Guarantee::AtMostOnce,
        }
    }
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
        Self {
            url: None,
            protocols: Vec::new(),
            protocol: Protocol::Text,
            stomp: Stomp::new(""),
            autoconnect: true,
            // A page that somebody reads may wait for its receipts.
            options: Options::new().prove_within(None),
            outbox_storage: Storage::Memory,
            log_limit: 1000,
            resend: Resend::Latest,
            lang: None,
        }
    }
}

/// Who gave a value, weakest first. Nobody gave what is built in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The operator, in `config.json`, for everybody who says nothing else.
    Defaults,
    /// The user, on this page before.
    Stored,
    /// The page's address.
    Query,
    /// The operator, in `config.json`, whatever others say.
    Mandatory,
}

/// The names and values that one source gave; the last of several values counts.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// Who gave them.
    pub source: Source,
    /// What they gave. A name that is no setting is left alone: links carry others.
    pub pairs: &'a [(String, String)],
}

/// What came of reading.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reading {
    /// The settings that hold.
    pub settings: Settings,
    /// The values that cannot be used.
    pub complaints: Vec<Complaint>,
    /// Who gave the values that hold, in the order of [`SETTINGS`].
    sources: Vec<Option<Source>>,
}

/// A value that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complaint {
    /// The setting's name.
    pub setting: String,
    /// What was given.
    pub value: String,
    /// Who gave it.
    pub source: Option<Source>,
    /// What would be right.
    pub allowed: Allowed,
    /// What holds in its place, where that is not the default: somebody else gave it.
    pub instead: Option<String>,
}

impl Settings {
    /// The value of the setting of this name as people write it; `None` where the page decides, or if there is
    /// none.
    #[must_use]
    pub fn text(&self, setting: &str) -> Option<String> {
        Setting::named(setting)?.text(self)
    }

    /// Reads what the sources gave, weakest first, on top of what is built in. Where a value cannot be
    /// used, that is said, and the next weaker one holds. A link's wrong `url` holds all the same: it
    /// stays in the field, to be mended there.
    #[must_use]
    pub fn read(built_in: &Self, layers: &[Layer<'_>], admission: &Admission<'_>) -> Reading {
        let mut reading = Reading {
            settings: built_in.clone(),
            complaints: Vec::new(),
            sources: Vec::new(),
        };
        for setting in &SETTINGS {
            let source = reading.take(setting, layers, admission);
            reading.sources.push(source);
        }
        reading.derive_replies(built_in);
        reading.settle_conflicts(built_in);
        reading.derive_stomp();
        reading
    }
}

impl Reading {
    /// Who gave the value that holds; `None` if it is built in.
    #[must_use]
    pub fn source(&self, setting: &str) -> Option<Source> {
        let index = SETTINGS.iter().position(|one| one.name == setting)?;
        self.sources[index]
    }

    /// Whether the operator allows no other value.
    #[must_use]
    pub fn is_locked(&self, setting: &str) -> bool {
        self.source(setting) == Some(Source::Mandatory)
    }

    /// Takes the strongest value of a setting that can be used; returns who gave it.
    fn take(
        &mut self,
        setting: &Setting,
        layers: &[Layer<'_>],
        admission: &Admission<'_>,
    ) -> Option<Source> {
        let first_complaint = self.complaints.len();
        let mut holds = None;
        for layer in layers.iter().rev() {
            let is_it = |(name, _): &&(String, String)| name == setting.name;
            let Some((_, value)) = layer.pairs.iter().rfind(is_it) else {
                continue;
            };
            let source = Some(layer.source);
            let Err(allowed) = setting.set(&mut self.settings, value, admission) else {
                holds = source;
                break;
            };
            let is_to_mend = setting.name == "url" && layer.source == Source::Query;
            self.complaints.push(Complaint {
                setting: setting.name.into(),
                value: value.clone(),
                source,
                allowed,
                instead: None,
            });
            if is_to_mend {
                self.settings.url = Some(value.clone());
                return source;
            }
        }
        if holds.is_some() {
            let text = setting.text(&self.settings);
            for complaint in &mut self.complaints[first_complaint..] {
                complaint.instead.clone_from(&text);
            }
        }
        holds
    }

    /// A heartbeat of another text has other replies, unless they are given.
    fn derive_replies(&mut self, built_in: &Settings) {
        let is_given = self.source("reply_text").is_some()
            || built_in.options.reply_text != default_replies(&built_in.options.heartbeat_text);
        if !is_given {
            let settings = &mut self.settings;
            let replies = default_replies(&settings.options.heartbeat_text).into_iter();
            // What is shown means the same to whoever enters it.
            let read = |reply: Pattern| value::pattern(reply.to_string()).unwrap_or(reply);
            settings.options.reply_text = replies.map(read).collect();
            // What the server says by itself, or asks, answers nothing.
            settings.options.drop_replies_of_others();
        }
    }

    /// A STOMP server wants to be told where a message goes.
    fn derive_stomp(&mut self) {
        let settings = &mut self.settings;
        if settings.protocol == Protocol::Text {
            return;
        }
        settings.options.stomp = Some(settings.stomp.clone());
        if settings.stomp.destination.is_empty() {
            self.complain("destination", String::new(), Allowed::Destination);
        }
    }

    /// Drops what cannot hold together, and says why.
    fn settle_conflicts(&mut self, built_in: &Settings) {
        let [is_min_locked, is_max_locked] =
            ["retry_min", "retry_max"].map(|setting| self.is_locked(setting));
        let settings = &mut self.settings;
        if let (Some(least), Some(most)) = (settings.options.retry_min, settings.options.retry_max)
            && most < least
        {
            // What the operator prescribes stays.
            if !is_min_locked {
                settings.options.retry_min = built_in.options.retry_min;
            }
            if is_min_locked || !is_max_locked {
                settings.options.retry_max = built_in.options.retry_max;
            }
            let allowed = Allowed::NotBelowRetryMin(least);
            self.complain("retry_max", duration_text(most), allowed);
        }
        let is_locked = self.is_locked("reply_timeout");
        let settings = &mut self.settings;
        if let (Period::Off, ReplyTimeout::After(timeout)) =
            (settings.options.heartbeat, settings.options.reply_timeout)
            && !is_locked
        {
            settings.options.reply_timeout = ReplyTimeout::Auto;
            let allowed = Allowed::NotWithoutHeartbeat;
            self.complain("reply_timeout", duration_text(timeout), allowed);
        }
        if let (Period::Off, Some(within)) = (
            self.settings.options.heartbeat,
            self.settings.options.prove_within,
        ) && !self.is_locked("prove_within")
        {
            self.settings.options.prove_within = None;
            let allowed = Allowed::NotWithoutHeartbeat;
            self.complain("prove_within", duration_text(within), allowed);
        }
        for setting in ["server_heartbeat_text", "answers"] {
            self.keep_apart_from_replies(setting);
        }
    }

    /// A reply is a receipt: nothing that the server says by itself, or asks, may be like it.
    fn keep_apart_from_replies(&mut self, setting: &str) {
        let is_locked = self.is_locked(setting);
        let value = self.settings.text(setting);
        let options = &mut self.settings.options;
        let others: Vec<_> = match setting {
            "answers" => {
                let questions = options.answers.iter();
                questions.map(|(question, _)| question.clone()).collect()
            }
            _ => options.server_heartbeat_text.clone(),
        };
        let is_other = |reply: &Pattern| others.iter().any(|other| other.covers(reply));
        let mut replies = options.reply_text.iter();
        let Some(reply) = replies
            .find(|reply| is_other(reply))
            .map(ToString::to_string)
        else {
            return;
        };
        if is_locked {
            options.reply_text.retain(|reply| !is_other(reply));
        } else if setting == "answers" {
            options.answers.clear();
        } else {
            options.server_heartbeat_text.clear();
        }
        self.complain(
            setting,
            value.unwrap_or_default(),
            Allowed::NotInReplyText(reply),
        );
    }

    fn complain(&mut self, setting: &str, value: String, allowed: Allowed) {
        self.complaints.push(Complaint {
            setting: setting.into(),
            value,
            source: self.source(setting),
            allowed,
            instead: None,
        });
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::time::Duration;

    use heartwire::{
        QueueType,
        core::{heartbeat::Mode, reach::Locality},
    };

    use super::*;
    use crate::address::{Address, AddressError, Page};

    #[test]
    fn every_setting_is_read_by_its_name() {
        let (settings, complaints) = read(&[
            ("url", "ws://example.org/a"),
            ("protocols", "chat, v2.chat"),
            ("protocol", "stomp"),
            ("destination", "/queue/a"),
            ("subscribe", "/topic/b"),
            ("queue_type", "quorum"),
            ("vhost", "/c"),
            ("login", "me"),
            ("receipt_timeout", "20s"),
            ("autoconnect", "false"),
            ("heartbeat", "500ms"),
            ("heartbeat_text", "ping"),
            ("heartbeat_mode", "always"),
            ("reply_timeout", "2s"),
            ("reply_text", "pong,alive"),
            ("server_heartbeat_text", "tick"),
            ("greeting", r#"{"op":"login","as":"me"}"#),
            ("answers", "2=3"),
            ("prove_within", "4s"),
            ("connect_timeout", "3s"),
            ("retry", "false"),
            ("retry_min", "10ms"),
            ("retry_max", "2m"),
            ("retry_limit", "7"),
            ("stable_after", "0ms"),
            ("final_codes", "1008,4001"),
            ("outbox_limit", "5"),
            ("outbox_storage", "session"),
            ("log_limit", "20"),
            ("resend", "every"),
            ("lang", "zh-CN"),
        ]);
        assert_eq!(complaints, []);
        let stomp = Stomp::new("/queue/a")
            .subscribe("/topic/b")
            .queue_type(QueueType::Quorum)
            .vhost("/c")
            .login("me", "")
            .receipt_timeout(Duration::from_secs(20));
        let mut expected = Settings {
            url: Some("ws://example.org/a".into()),
            protocols: vec!["chat".into(), "v2.chat".into()],
            protocol: Protocol::Stomp,
            stomp: stomp.clone(),
            autoconnect: false,
            options: Options::new()
                .heartbeat(Duration::from_millis(500))
                .heartbeat_text("ping")
                .heartbeat_mode(Mode::Always)
                .reply_timeout(Duration::from_secs(2))
                .connect_timeout(Duration::from_secs(3))
                .retry(false)
                .retry_min(Duration::from_millis(10))
                .retry_max(Duration::from_mins(2))
                .retry_limit(7)
                .stable_after(Duration::ZERO)
                .final_codes([1008, 4001])
                .outbox_limit(5)
                .greeting(r#"{"op":"login","as":"me"}"#)
                .answer("2", "3")
                .prove_within(Duration::from_secs(4))
                .stomp(stomp),
            outbox_storage: Storage::Session,
            log_limit: 20,
            resend: Resend::Every,
            lang: Some(Lang::ZhCn),
        };
        expected.options.reply_text = vec!["pong".into(), "alive".into()];
        expected.options.server_heartbeat_text = vec!["tick".into()];
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
            ("reply_text", "*"),
            ("server_heartbeat_text", "{type:1}"),
            ("greeting", "a,"),
            ("answers", "ping"),
            ("answers", r#"{"a":"{b}"}={c}"#),
            ("prove_within", "auto"),
            ("prove_within", "1ms"),
            ("connect_timeout", "off"),
            ("protocol", "mqtt"),
            ("queue_type", "classic"),
            ("vhost", ""),
            ("receipt_timeout", "off"),
            ("retry", "1"),
            ("retry_min", "1h"),
            ("retry_max", "0ms"),
            ("retry_limit", "0"),
            ("stable_after", "10"),
            ("final_codes", "1008;1009"),
            ("final_codes", "999"),
            ("outbox_limit", "0"),
            ("log_limit", "-1"),
            ("lang", "fr"),
            ("reply_text", ""),
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
        assert_eq!(replies(&settings), "ping,pong");
        let (settings, _) = read(&[("reply_text", "ok"), ("heartbeat_text", "ping")]);
        assert_eq!(replies(&settings), "ok");
    }

    #[test]
    fn some_settings_can_be_off_or_empty() {
        let (settings, complaints) = read(&[
            ("heartbeat", "off"),
            ("reply_timeout", "off"),
            ("retry_limit", "off"),
            ("final_codes", ""),
            ("greeting", ""),
            ("answers", ""),
            ("prove_within", "off"),
        ]);
        assert_eq!(complaints, []);
        assert_eq!(settings.options.heartbeat, Period::Off);
        assert!(settings.options.greeting.is_empty() && settings.options.answers.is_empty());
        assert_eq!(settings.options.prove_within, None);
        assert_eq!(settings.options.reply_timeout, ReplyTimeout::Off);
        assert_eq!(settings.options.retry_limit, None);
        assert_eq!(settings.options.final_codes, [0_u16; 0]);
    }

    #[test]
    fn the_largest_ceiling_is_never_below_the_first() {
        let (settings, complaints) = read(&[("retry_min", "5s"), ("retry_max", "1s")]);
        assert_eq!(settings, Settings::default());
        assert_eq!(complaints.len(), 1);
        for (name, value) in [("retry_min", "2m"), ("retry_max", "10ms")] {
            let (settings, complaints) = read(&[(name, value)]);
            assert_eq!(complaints, []);
            let ceilings = settings.options.ceilings(Locality::Remote);
            assert_eq!(ceilings.first, ceilings.last);
            assert_eq!(duration_text(ceilings.first), value);
        }
    }

    #[test]
    fn what_cannot_hold_together_is_refused_with_the_reason() {
        let (settings, complaints) = read(&[("heartbeat", "off"), ("reply_timeout", "5s")]);
        assert_eq!(settings.options.reply_timeout, ReplyTimeout::Auto);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].allowed, Allowed::NotWithoutHeartbeat);

        let (settings, complaints) =
            read(&[("server_heartbeat_text", "tick,ok"), ("reply_text", "ok")]);
        assert!(settings.options.server_heartbeat_text.is_empty());
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].allowed, Allowed::NotInReplyText("ok".into()));

        let (settings, complaints) = read(&[("heartbeat", "off"), ("prove_within", "5s")]);
        assert_eq!(settings.options.prove_within, None);
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].allowed, Allowed::NotWithoutHeartbeat);

        let (settings, complaints) = read(&[
            ("answers", r#"{"type":"ping"}=pong"#),
            ("reply_text", r#"{"id":1,"type":"ping"}"#),
        ]);
        assert!(settings.options.answers.is_empty());
        assert_eq!(complaints.len(), 1);
        assert_eq!(complaints[0].setting, "answers");
    }

    #[test]
    fn what_the_server_says_by_itself_is_no_reply_unless_that_was_asked_for() {
        for (setting, value) in [
            ("server_heartbeat_text", "pong"),
            ("server_heartbeat_text", "po*"),
            ("answers", "pong=ping"),
        ] {
            let (settings, complaints) = read(&[(setting, value)]);
            assert_eq!(complaints, []);
            assert_eq!(replies(&settings), "heartbeat", "{setting}={value}");
        }
    }

    #[test]
    fn the_last_of_several_values_counts() {
        let (settings, complaints) = read(&[("heartbeat", "soon"), ("heartbeat", "5s")]);
        assert_eq!(
            settings.options.heartbeat,
            Period::Every(Duration::from_secs(5))
        );
        assert_eq!(complaints, []);
        let (settings, complaints) = read(&[("heartbeat", "5s"), ("heartbeat", "soon")]);
        assert_eq!(settings, Settings::default());
        assert_eq!(complaints.len(), 1);
    }

    #[test]
    fn a_stronger_source_wins_and_the_strongest_locks() {
        let mut layers: Vec<(Source, &[(&str, &str)])> = Vec::new();
        for (source, value, is_locked) in [
            (Source::Defaults, "5s", false),
            (Source::Stored, "6s", false),
            (Source::Query, "7s", false),
            (Source::Mandatory, "8s", true),
        ] {
            let pair = Box::leak(Box::new([("heartbeat", value)]));
            layers.push((source, pair));
            let reading = read_layers(&layers);
            let heartbeat = Setting::named("heartbeat").unwrap();
            assert_eq!(heartbeat.text(&reading.settings).as_deref(), Some(value));
            assert_eq!(reading.source("heartbeat"), Some(source));
            assert_eq!(reading.is_locked("heartbeat"), is_locked);
            assert_eq!(reading.source("retry"), None);
        }
    }

    #[test]
    fn where_a_value_is_bad_the_next_weaker_one_holds() {
        let reading = read_layers(&[
            (Source::Defaults, &[("heartbeat", "5s"), ("retry", "1")]),
            (Source::Query, &[("heartbeat", "6")]),
            (Source::Mandatory, &[("heartbeat", "7")]),
        ]);
        assert_eq!(
            reading.settings.options.heartbeat,
            Period::Every(Duration::from_secs(5))
        );
        assert!(!reading.is_locked("heartbeat"));
        let complaints = reading.complaints.iter();
        let complaints: Vec<_> = complaints
            .map(|it| (it.value.as_str(), it.source, it.instead.as_deref()))
            .collect();
        assert_eq!(
            complaints,
            [
                ("7", Some(Source::Mandatory), Some("5s")),
                ("6", Some(Source::Query), Some("5s")),
                ("1", Some(Source::Defaults), None),
            ]
        );
    }

    #[test]
    fn only_the_bad_url_of_a_link_hides_those_behind_it() {
        let good = [("url", "ws://good.example")];
        let bad = [("url", "bad.example")];
        for (source, url) in [
            (Source::Stored, "ws://good.example"),
            (Source::Query, "bad.example"),
            (Source::Mandatory, "ws://good.example"),
        ] {
            let reading = read_layers(&[(Source::Defaults, &good), (source, &bad)]);
            assert_eq!(reading.settings.url.as_deref(), Some(url), "{source:?}");
            assert_eq!(reading.complaints.len(), 1);
        }
    }

    #[test]
    fn every_setting_is_written_as_it_is_read() {
        let every = [
            ("url", "/ws"),
            ("protocols", "chat,v2.chat"),
            ("protocol", "stomp"),
            ("destination", "/queue/a"),
            ("subscribe", "/topic/b"),
            ("queue_type", "quorum"),
            ("vhost", "/c"),
            ("receipt_timeout", "20s"),
            ("login", "me"),
            ("autoconnect", "false"),
            ("greeting", r#"["a,b","c"]"#),
            ("answers", r#"2=3,{"ping":"{t}"}={"pong":{t}}"#),
            ("connect_timeout", "1500ms"),
            ("heartbeat", "auto"),
            ("heartbeat_text", "ping"),
            ("heartbeat_mode", "always"),
            ("reply_timeout", "off"),
            ("reply_text", "pong,alive"),
            (
                "server_heartbeat_text",
                r#"tick,up *,{"type":"ping","v":2}"#,
            ),
            ("prove_within", "4s"),
            ("retry", "false"),
            ("retry_min", "10ms"),
            ("retry_max", "2m"),
            ("retry_limit", "7"),
            ("stable_after", "0ms"),
            ("final_codes", "1008,4001"),
            ("resend", "off"),
            ("outbox_limit", "5"),
            ("outbox_storage", "session"),
            ("log_limit", "20"),
            ("lang", "zh-CN"),
        ];
        assert_eq!(
            SETTINGS.each_ref().map(|one| one.name),
            every.map(|it| it.0)
        );
        let (settings, complaints) = read(&every);
        assert_eq!(complaints, []);
        let defaults = Settings::default();
        for (setting, (name, value)) in SETTINGS.iter().zip(every) {
            assert_eq!(setting.text(&settings).as_deref(), Some(value), "{name}");
            // The default is a value that people could have given.
            if let Some(text) = setting.text(&defaults) {
                let mut again = settings.clone();
                assert_eq!(setting.set(&mut again, &text, &admit), Ok(()), "{name}");
                assert_eq!(setting.text(&again), Some(text), "{name}");
            }
            let is_emptied = setting.set(&mut settings.clone(), "", &admit).is_ok();
            assert_eq!(is_emptied, setting.can_be_empty(), "{name}");
        }
    }

    #[test]
    fn what_is_built_in_can_be_something_else() {
        let mut built_in = Settings::default();
        built_in.options.heartbeat_text = "beat".into();
        built_in.options.reply_text = vec!["ok".into()];
        built_in.options.retry_min = Some(Duration::ZERO);
        let reading = Settings::read(&built_in, &[], &admit);
        assert_eq!(reading.settings, built_in);
    }

    #[test]
    fn what_is_no_setting_is_left_alone() {
        assert_eq!(
            read(&[("utm_source", "x"), ("Heartbeat", "1s")]),
            (Settings::default(), Vec::new())
        );
    }

    #[test]
    fn what_the_operator_prescribes_outlives_what_it_cannot_hold_together_with() {
        let read = |mandatory, query| {
            let mandatory: &[_] = &[mandatory];
            let query: &[_] = &[query];
            let reading = read_layers(&[(Source::Query, query), (Source::Mandatory, mandatory)]);
            reading.settings
        };
        let settings = read(("retry_min", "30s"), ("retry_max", "1s"));
        assert_eq!(settings.options.retry_min, Some(Duration::from_secs(30)));
        assert_eq!(settings.options.retry_max, None);
        let settings = read(("retry_max", "1s"), ("retry_min", "30s"));
        assert_eq!(settings.options.retry_max, Some(Duration::from_secs(1)));
        assert_eq!(settings.options.retry_min, None);
        let settings = read(("reply_timeout", "5s"), ("heartbeat", "off"));
        let timeout = ReplyTimeout::After(Duration::from_secs(5));
        assert_eq!(settings.options.reply_timeout, timeout);
        let settings = read(("server_heartbeat_text", "tick"), ("reply_text", "tick,ok"));
        assert_eq!(settings.options.server_heartbeat_text, ["tick".into()]);
        assert_eq!(replies(&settings), "ok");
        // It drops what it is about, and nothing for others.
        let query: &[_] = &[("reply_text", "tick,ok"), ("answers", "ok=x")];
        let mandatory: &[_] = &[("server_heartbeat_text", "tick")];
        let reading = read_layers(&[(Source::Query, query), (Source::Mandatory, mandatory)]);
        assert_eq!(replies(&reading.settings), "ok");
        let named: Vec<_> = reading
            .complaints
            .iter()
            .map(|it| it.setting.as_str())
            .collect();
        assert_eq!(named, ["server_heartbeat_text", "answers"]);
    }

    /// Of two long lists each item is compared with each.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the host has a clock")]
    fn no_link_takes_long_to_be_read() {
        let many = |item: &str| vec![item; 100_000].join(",");
        let places = (0..40_000).map(|n| format!(r#""k{n}":"{{a{n}}}""#));
        let places = places.collect::<Vec<_>>().join(",");
        let answers = format!(r#"{{{places},"k":"{{z}}"}}={}"#, "{z}".repeat(100_000));
        let (replies, beats) = (many(r#"{"a":1}"#), many(r#"{"b":1}"#));
        let started = std::time::Instant::now();
        let _ = read(&[("reply_text", &replies), ("server_heartbeat_text", &beats)]);
        let _ = read(&[("answers", &answers)]);
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    fn replies(settings: &Settings) -> String {
        settings.text("reply_text").expect("a text")
    }

    fn read(pairs: &[(&str, &str)]) -> (Settings, Vec<Complaint>) {
        let reading = read_layers(&[(Source::Query, pairs)]);
        (reading.settings, reading.complaints)
    }

    fn read_layers(layers: &[(Source, &[(&str, &str)])]) -> Reading {
        let owned: Vec<_> = layers
            .iter()
            .map(|(source, pairs)| {
                let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
                (*source, pairs.iter().map(own).collect::<Vec<_>>())
            })
            .collect();
        let layers: Vec<_> = owned
            .iter()
            .map(|(source, pairs)| Layer {
                source: *source,
                pairs,
            })
            .collect();
        Settings::read(&Settings::default(), &layers, &admit)
    }

    fn admit(url: &str) -> Result<(), AddressError> {
        let page = Page {
            is_secure: false,
            host: "localhost:3000".into(),
        };
        Address::parse(url, &page).map(drop)
    }
}
