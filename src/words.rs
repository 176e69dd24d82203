//! What the page says, in each of its languages.

mod en;
mod zh_cn;

pub use crate::lang::Lang;
use crate::{
    address::AddressError,
    messages::{MOST, MOST_BYTES, MOST_FILE_BYTES, MOST_LETTERS, Refusal},
    payload::{MOST_SHOWN, excerpt, line},
    settings::{Allowed, Complaint, Limits, Source, duration_text},
};

impl Lang {
    /// Its words.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &en::WORDS,
            Self::ZhCn => &zh_cn::WORDS,
        }
    }
}

/// Every text of the page in one language. `{name}` is a place to [`fill`].
#[derive(Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "a field's name and its English text say what it is"
)]
pub struct Words {
    pub tagline: &'static str,
    pub skip: &'static str,
    pub language: &'static str,
    pub language_name: &'static str,
    pub connection: &'static str,
    pub url: &'static str,
    pub url_hint: &'static str,
    pub url_locked: &'static str,
    pub facts: &'static str,
    pub uptime: &'static str,
    pub round_trip: &'static str,
    pub sent: &'static str,
    pub answered: &'static str,
    pub confirmed: &'static str,
    pub unconfirmed: &'static str,
    pub received: &'static str,
    pub waiting: &'static str,
    pub merged: &'static str,
    pub reconnects: &'static str,
    pub message: &'static str,
    pub live: &'static str,
    pub live_hint: &'static str,
    pub enter_hint: &'static str,
    pub send: &'static str,
    pub format: &'static str,
    pub text: &'static str,
    pub file: &'static str,
    pub file_hint: &'static str,
    pub file_missing: &'static str,
    pub files_many: &'static str,
    pub file_too_large: &'static str,
    pub file_unreadable: &'static str,
    pub hex_error: &'static str,
    pub base64_error: &'static str,
    pub outbox_full: &'static str,
    pub outbox_full_bytes: &'static str,
    /// How those end that are about what the field holds.
    pub stays_in_field: &'static str,
    pub message_too_long: &'static str,
    pub message_not_text: &'static str,
    pub saved: &'static str,
    pub saved_hint: &'static str,
    pub saved_not_kept: &'static str,
    pub saved_name: &'static str,
    pub saved_field: &'static str,
    pub saved_row: &'static str,
    pub saved_not_row: &'static str,
    pub saved_by_site: &'static str,
    pub saved_as: &'static str,
    pub removed: &'static str,
    pub imported: Plural,
    pub save: &'static str,
    pub insert: &'static str,
    pub remove: &'static str,
    pub export: &'static str,
    pub import: &'static str,
    pub saved_no_name: &'static str,
    pub saved_long_name: &'static str,
    pub saved_of_site: &'static str,
    pub saved_many: &'static str,
    pub saved_large: &'static str,
    pub saved_large_file: &'static str,
    pub saved_no_json: &'static str,
    pub last: &'static str,
    pub last_empty: &'static str,
    pub empty_message: &'static str,
    pub blank_message: &'static str,
    pub last_cut: &'static str,
    pub last_cut_log: &'static str,
    pub copy_last: &'static str,
    pub binary: Plural,
    pub why: &'static str,
    pub why_body: &'static str,
    pub why_login: &'static str,
    pub why_origin: &'static str,
    pub why_local: &'static str,
    pub why_protocols: &'static str,
    pub unanswered: &'static str,
    pub unprovable: &'static str,
    pub distrusted: &'static str,
    pub unmarked: &'static str,
    pub aside: &'static str,
    pub aside_unsendable: &'static str,
    pub send_again: &'static str,
    pub discard: &'static str,
    pub unproved: &'static str,
    pub drops: &'static str,
    pub drops_learned: &'static str,
    pub jumped: &'static str,
    pub privacy: &'static str,
    pub next_server: &'static str,
    pub waits_for: Plural,
    pub drop_waiting: &'static str,
    pub error: &'static str,

    pub log: &'static str,
    pub log_empty: &'static str,
    pub log_no_match: &'static str,
    pub log_dropped: Plural,
    pub show: &'static str,
    pub all: &'static str,
    pub events: &'static str,
    pub heartbeats: &'static str,
    pub beats_until: &'static str,
    pub search: &'static str,
    pub search_hint: &'static str,
    pub searching: &'static str,
    pub search_wrong: &'static str,
    pub search_refused: &'static str,
    pub search_slow: &'static str,
    pub pause: &'static str,
    pub resume: Plural,
    pub clear: &'static str,
    pub undo: &'static str,
    pub new_session: &'static str,
    pub new_session_hint: &'static str,
    pub download: &'static str,
    pub jump: Plural,
    pub jump_nothing_new: &'static str,
    pub read_aloud: &'static str,
    pub batch: &'static str,
    pub event: &'static str,
    pub heartbeat: &'static str,
    pub reply: &'static str,
    pub unasked: &'static str,
    pub server_heartbeat: &'static str,
    pub others_heartbeat: &'static str,
    pub greeting: &'static str,
    pub question: &'static str,
    pub answer: &'static str,
    pub left: &'static str,
    pub queued: &'static str,
    pub sent_again: &'static str,
    pub answered_after: Plural,
    pub confirmed_after: Plural,
    pub set_aside: &'static str,
    pub merged_into: &'static str,
    pub dropped: &'static str,
    pub handed_over: &'static str,
    pub opened_row: &'static str,
    pub pretty: &'static str,
    pub raw: &'static str,
    pub hex: &'static str,
    pub copy: &'static str,
    pub save_file: &'static str,
    pub copied: &'static str,
    pub not_copied: &'static str,
    pub save_message: &'static str,
    pub close: &'static str,
    pub time: &'static str,
    pub size: &'static str,
    pub bytes: Plural,
    pub bytes_briefly: &'static str,
    pub frame: &'static str,
    pub row_cut: &'static str,
    pub row_cut_log: &'static str,
    pub delivery: &'static str,
    pub colon: &'static str,
    pub settings_name: &'static str,
    pub settings_changed: &'static str,
    pub settings_reconnecting: &'static str,
    pub settings_page: &'static str,
    pub settings_locked: &'static str,
    pub settings_used: &'static str,
    pub settings_not_kept: &'static str,
    pub setting_locked: &'static str,
    pub setting_of_text: &'static str,
    pub url_set_by_site: &'static str,
    pub default_is: &'static str,
    pub nothing: &'static str,
    pub of_the_browser: &'static str,
    pub copy_link: &'static str,
    pub link_refused: &'static str,
    pub link: &'static str,
    pub link_lacks_query: &'static str,
    pub link_lacks_words: &'static str,
    pub passcode: &'static str,
    pub passcode_hint: &'static str,
    pub reset: &'static str,
    pub addresses: &'static str,
    pub addresses_hint: &'static str,
    pub addresses_not_kept: &'static str,
    pub outbox_not_kept: &'static str,
    pub forget: &'static str,
    pub forget_hint: &'static str,
    pub settings: Labels,
    pub options: Options,

    pub connect: &'static str,
    pub disconnect: &'static str,
    pub stop: &'static str,
    pub reconnect_now: &'static str,
    pub retry_now: &'static str,
    pub try_anyway: &'static str,
    pub try_again: &'static str,
    pub ignore: &'static str,
    pub open_alone: &'static str,
    pub framed: &'static str,
    pub confirm_own: &'static str,
    pub use_suggestion: &'static str,
    pub use_wss: &'static str,

    pub idle: State,
    pub confirm: State,
    pub permission: State,
    pub connecting: State,
    pub slow: State,
    pub slow_tick: &'static str,
    pub slow_said: Plural,
    pub open: State,
    pub reopened: &'static str,
    pub reopened_detail: Plural,
    pub reopened_kept: Plural,
    pub stale: State,
    pub stale_broker: State,
    pub stale_tick: &'static str,
    pub stale_said: Plural,
    pub lost: &'static str,
    pub fell_silent: &'static str,
    pub refused: State,
    pub retry_tick: &'static str,
    pub retry_said: Plural,
    pub offline: State,
    pub stopped: State,
    pub stopped_early: State,
    pub gave_up: &'static str,
    pub gave_up_detail: Plural,
    pub refused_final: &'static str,
    pub refused_final_detail: &'static str,
    pub bad_url: &'static str,
    pub blocked: State,
    pub forbidden: State,
    pub unspoken: State,
    pub logging_in: &'static str,
    pub subscribing: &'static str,
    pub login_refused: State,
    pub no_passcode: &'static str,
    pub source_refused: State,
    pub destination_refused: State,
    pub no_stomp: State,
    pub said: &'static str,
    pub unreceipted: &'static str,
    pub close_code: &'static str,
    pub close_code_with_reason: &'static str,

    pub pulse: &'static str,
    pub pulse_now: &'static str,
    pub pulse_nothing: &'static str,
    pub pulse_told: &'static str,
    pub pulse_separator: &'static str,
    pub pulse_comma: &'static str,
    pub pulse_end: &'static str,
    pub pulse_open: &'static str,
    pub pulse_beats: Plural,
    pub pulse_all_answered: &'static str,
    pub pulse_unanswered: &'static str,
    pub pulse_round_trips: &'static str,
    pub pulse_messages: &'static str,
    pub pulse_outages: Plural,
    pub pulse_causes: &'static str,
    pub pulse_code: &'static str,
    pub pulse_no_reply: &'static str,
    pub pulse_attempts: Plural,
    pub pulse_signs: &'static str,
    pub sign_beat: &'static str,
    pub sign_slow: &'static str,
    pub sign_unanswered: &'static str,
    pub sign_silent: &'static str,
    pub sign_doubtful: &'static str,
    pub sign_gap: &'static str,
    pub sign_waiting: &'static str,
    pub sign_attempt: &'static str,
    pub sign_messages: &'static str,
    pub millis: &'static str,
    pub seconds: &'static str,
    pub minutes: &'static str,

    pub url_empty: &'static str,
    pub url_no_scheme: &'static str,
    pub url_bad_scheme: &'static str,
    pub url_fragment: &'static str,
    pub url_credentials: &'static str,
    pub url_unsafe_port: &'static str,
    pub url_malformed: &'static str,
    pub url_not_allowed: &'static str,
    pub url_not_from_link: &'static str,
    /// With a place for `{most}`, a size.
    pub allowed_shown_whole: &'static str,

    pub setting_refused: &'static str,
    pub default_used: &'static str,
    pub other_used: &'static str,
    pub setting_unknown: &'static str,
    pub config_fail: &'static str,
    pub config_fail_last: &'static str,
    pub config_late: &'static str,
    pub config_says: &'static str,
    pub allowed_duration: &'static str,
    pub allowed_duration_or_off: &'static str,
    pub allowed_duration_auto_or_off: &'static str,
    pub allowed_count: &'static str,
    pub allowed_count_or_off: &'static str,
    pub allowed_words: &'static str,
    pub list_separator: &'static str,
    pub allowed_close_codes: &'static str,
    pub allowed_protocols: &'static str,
    pub allowed_texts: &'static str,
    pub allowed_patterns: &'static str,
    pub allowed_nothing: &'static str,
    pub allowed_answers: &'static str,
    pub allowed_place: &'static str,
    pub allowed_text: &'static str,
    pub allowed_line: &'static str,
    pub allowed_destination: &'static str,
    pub allowed_plain: &'static str,
    pub allowed_object: &'static str,
    pub allowed_not_below_retry_min: &'static str,
    pub allowed_not_without_heartbeat: &'static str,
    pub allowed_not_in_reply_text: &'static str,

    pub close_1000: &'static str,
    pub close_1001: &'static str,
    pub close_1002: &'static str,
    pub close_1003: &'static str,
    pub close_1005: &'static str,
    pub close_1006: &'static str,
    pub close_1007: &'static str,
    pub close_1008: &'static str,
    pub close_1009: &'static str,
    pub close_1010: &'static str,
    pub close_1011: &'static str,
    pub close_1012: &'static str,
    pub close_1013: &'static str,
    pub close_1014: &'static str,
    pub close_1015: &'static str,
    pub close_library: &'static str,
    pub close_application: &'static str,
    pub close_unknown: &'static str,
}

/// Makes [`Labels`] of the names of settings.
macro_rules! labels {
    ($($setting:ident,)*) => {
        /// What people call each setting.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[expect(missing_docs, reason = "a field has its setting's name")]
        pub struct Labels {
            $(pub $setting: &'static str,)*
        }

        impl Labels {
            /// What people call the setting of this name; nothing, if there is none.
            #[must_use]
            pub fn of(&self, setting: &str) -> &'static str {
                match setting {
                    $(stringify!($setting) => self.$setting,)*
                    _ => "",
                }
            }
        }
    };
}

labels! {
    url,
    protocols,
    protocol,
    destination,
    subscribe,
    queue_type,
    vhost,
    login,
    receipt_timeout,
    autoconnect,
    heartbeat,
    heartbeat_text,
    heartbeat_mode,
    reply_timeout,
    reply_text,
    server_heartbeat_text,
    greeting,
    answers,
    prove_within,
    connect_timeout,
    retry,
    retry_min,
    retry_max,
    retry_limit,
    stable_after,
    final_codes,
    outbox_limit,
    outbox_storage,
    log_limit,
    resend,
    lang,
}

/// What the words mean that some settings take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "a field has the word's name")]
pub struct Options {
    pub idle: &'static str,
    pub always: &'static str,
    pub memory: &'static str,
    pub session: &'static str,
    pub latest: &'static str,
    pub every: &'static str,
    pub off: &'static str,
    pub text: &'static str,
    pub stomp: &'static str,
    pub quorum: &'static str,
    pub stream: &'static str,
}

/// What a state of the connection is called and what it means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct State {
    /// A few words.
    pub headline: &'static str,
    /// A sentence or two.
    pub detail: &'static str,
}

/// A text with a number `{n}` in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plural {
    /// For 1.
    pub one: &'static str,
    /// For any other number.
    pub other: &'static str,
}

impl Plural {
    /// The text for this number, with the number in it.
    #[must_use]
    pub fn of(self, number: u64) -> String {
        let text = if number == 1 { self.one } else { self.other };
        fill(text, &[("n", &number.to_string())])
    }
}

/// Puts values into the places of a text.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else {
            break;
        };
        filled.push_str(before);
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            filled.push_str(value);
        } else {
            filled.extend(["{", name, "}"]);
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

impl Words {
    /// A size in bytes as people say it; the symbols of units belong to no language.
    #[must_use]
    pub fn size(&self, bytes: usize) -> String {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        match bytes {
            0..10_000 => self.bytes.of(bytes),
            10_000..999_500 => format!("{} kB", (bytes + 500) / 1_000),
            _ => {
                let tenths = bytes.saturating_add(50_000) / 100_000;
                format!("{}.{} MB", tenths / 10, tenths % 10)
            }
        }
    }

    /// What a close code means: RFC 6455 §7.4.1 and the registry that it founds.
    #[must_use]
    pub fn close_name(&self, code: u16) -> &'static str {
        match code {
            1000 => self.close_1000,
            1001 => self.close_1001,
            1002 => self.close_1002,
            1003 => self.close_1003,
            1005 => self.close_1005,
            1006 => self.close_1006,
            1007 => self.close_1007,
            1008 => self.close_1008,
            1009 => self.close_1009,
            1010 => self.close_1010,
            1011 => self.close_1011,
            1012 => self.close_1012,
            1013 => self.close_1013,
            1014 => self.close_1014,
            1015 => self.close_1015,
            3000..=3999 => self.close_library,
            4000..=4999 => self.close_application,
            _ => self.close_unknown,
        }
    }

    /// What is wrong with an address.
    #[must_use]
    pub fn address_error(&self, error: &AddressError) -> String {
        match error {
            AddressError::Empty => self.url_empty.into(),
            AddressError::NoScheme { suggestion } => fill(
                self.url_no_scheme,
                &[("suggestion", &suggested(suggestion))],
            ),
            AddressError::BadScheme { scheme, .. } => {
                fill(self.url_bad_scheme, &[("scheme", &shortened(scheme))])
            }
            AddressError::Fragment { fragment } => {
                fill(self.url_fragment, &[("fragment", &shortened(fragment))])
            }
            AddressError::Credentials => self.url_credentials.into(),
            AddressError::UnsafePort { port } => {
                fill(self.url_unsafe_port, &[("port", &port.to_string())])
            }
            AddressError::Malformed => self.url_malformed.into(),
            AddressError::NotAllowed { hosts } => fill(
                self.url_not_allowed,
                &[("hosts", &excerpt(&hosts.join(self.list_separator)))],
            ),
        }
    }

    /// A message in a line, or the words for an empty one.
    #[must_use]
    pub fn line(&self, text: &str) -> String {
        if text.is_empty() {
            self.empty_message.into()
        } else {
            line(text)
        }
    }

    /// Why messages are not saved.
    #[must_use]
    pub fn refusal(&self, refusal: &Refusal) -> String {
        let (text, n, value) = match refusal {
            Refusal::NoName => (self.saved_no_name, 0, String::new()),
            Refusal::LongName(name) => (self.saved_long_name, MOST_LETTERS, shortened(name)),
            Refusal::OfSite(name) => (self.saved_of_site, 0, shortened(name)),
            Refusal::Count => (self.saved_many, MOST, String::new()),
            Refusal::Bytes => (self.saved_large, 0, self.size(MOST_BYTES)),
            Refusal::FileBytes => (
                self.saved_large_file,
                0,
                self.size(MOST_FILE_BYTES as usize),
            ),
            Refusal::Unreadable(error) => ("{value}", 0, excerpt(error)),
            Refusal::NoJson { line, found } => (self.saved_no_json, *line, shortened(found)),
            Refusal::NoObject => (self.allowed_object, 0, String::new()),
        };
        fill(text, &[("n", &n.to_string()), ("value", &value)])
    }

    /// What is wrong with a setting, and what it allows.
    #[must_use]
    pub fn complaint(&self, complaint: &Complaint) -> String {
        let text = self.complaint_about_value(complaint);
        match complaint.source {
            Some(Source::Defaults | Source::Mandatory) => {
                fill(self.config_says, &[("complaint", &text)])
            }
            Some(Source::Stored | Source::Query) | None => text,
        }
    }

    fn complaint_about_value(&self, complaint: &Complaint) -> String {
        let setting = complaint.setting.as_str();
        let allowed = self.allowed(&complaint.allowed);
        match complaint.allowed {
            // An address may hold a secret; the field shows it.
            Allowed::Address(_)
            | Allowed::NotFromLink
            | Allowed::ShownWhole
            | Allowed::Messages(_)
            | Allowed::Destination => {
                format!("{setting}: {allowed}")
            }
            Allowed::Unknown => fill(&allowed, &[("setting", &shortened(setting))]),
            Allowed::Duration(_)
            | Allowed::DurationOrOff(_)
            | Allowed::DurationAutoOrOff(_)
            | Allowed::Count(..)
            | Allowed::CountOrOff(..)
            | Allowed::OneOf(_)
            | Allowed::CloseCodes
            | Allowed::Protocols
            | Allowed::Texts
            | Allowed::Patterns
            | Allowed::PatternsOrNothing
            | Allowed::Answers
            | Allowed::NoSuchPlace(_)
            | Allowed::Text
            | Allowed::Line
            | Allowed::LineOrNothing
            | Allowed::Plain
            | Allowed::Object
            | Allowed::NotBelowRetryMin(_)
            | Allowed::NotWithoutHeartbeat
            | Allowed::NotInReplyText(_) => {
                let value = shortened(&complaint.value);
                let places = [("setting", setting), ("value", &value)];
                let instead = match &complaint.instead {
                    Some(instead) => fill(self.other_used, &[("value", &shortened(instead))]),
                    None => self.default_used.into(),
                };
                fill(self.setting_refused, &places) + &allowed + &instead
            }
        }
    }

    /// What one of the words means that a setting takes; the word itself where that says it.
    #[must_use]
    pub fn option(&self, word: &'static str) -> &'static str {
        match word {
            "idle" => self.options.idle,
            "always" => self.options.always,
            "memory" => self.options.memory,
            "session" => self.options.session,
            "latest" => self.options.latest,
            "every" => self.options.every,
            "off" => self.options.off,
            "text" => self.options.text,
            "stomp" => self.options.stomp,
            "none" => self.nothing,
            "quorum" => self.options.quorum,
            "stream" => self.options.stream,
            _ => word,
        }
    }

    /// What a setting allows.
    #[must_use]
    pub fn allowed(&self, allowed: &Allowed) -> String {
        let duration = |text, limits: &Limits| {
            let (least, most) = (duration_text(limits.least), duration_text(limits.most));
            fill(text, &[("least", &least), ("most", &most)])
        };
        let count = |text, least: u32, most: u32| {
            fill(
                text,
                &[("least", &least.to_string()), ("most", &most.to_string())],
            )
        };
        match allowed {
            Allowed::Address(error) => self.address_error(error),
            Allowed::Duration(limits) => duration(self.allowed_duration, limits),
            Allowed::DurationOrOff(limits) => duration(self.allowed_duration_or_off, limits),
            Allowed::DurationAutoOrOff(limits) => {
                duration(self.allowed_duration_auto_or_off, limits)
            }
            Allowed::Count(least, most) => count(self.allowed_count, *least, *most),
            Allowed::CountOrOff(least, most) => count(self.allowed_count_or_off, *least, *most),
            Allowed::OneOf(words) => fill(
                self.allowed_words,
                &[("words", &words.join(self.list_separator))],
            ),
            Allowed::CloseCodes => self.allowed_close_codes.into(),
            Allowed::Protocols => self.allowed_protocols.into(),
            Allowed::Texts => self.allowed_texts.into(),
            Allowed::Patterns => self.allowed_patterns.into(),
            Allowed::PatternsOrNothing => [self.allowed_patterns, self.allowed_nothing].concat(),
            Allowed::Answers => self.allowed_answers.into(),
            Allowed::NoSuchPlace(place) => {
                let place = ["{", &shortened(place), "}"].concat();
                fill(self.allowed_place, &[("place", &place)])
            }
            Allowed::Text => self.allowed_text.into(),
            Allowed::Line => self.allowed_line.into(),
            Allowed::LineOrNothing => [self.allowed_line, self.allowed_nothing].concat(),
            Allowed::Destination => self.allowed_destination.into(),
            Allowed::Plain => self.allowed_plain.into(),
            Allowed::Object => self.allowed_object.into(),
            Allowed::Messages(refusal) => self.refusal(refusal),
            Allowed::Unknown => self.setting_unknown.into(),
            Allowed::NotFromLink => self.url_not_from_link.into(),
            Allowed::ShownWhole => fill(
                self.allowed_shown_whole,
                &[("most", &self.size(MOST_SHOWN))],
            ),
            Allowed::NotBelowRetryMin(least) => {
                let least = duration_text(*least);
                fill(self.allowed_not_below_retry_min, &[("least", &least)])
            }
            Allowed::NotWithoutHeartbeat => self.allowed_not_without_heartbeat.into(),
            Allowed::NotInReplyText(text) => fill(
                self.allowed_not_in_reply_text,
                &[("text", &shortened(text))],
            ),
        }
    }
}

/// A link can carry any amount of text; an error shows enough of it to be found again, in one line, with what
/// would hide in it made visible.
pub(crate) fn shortened(value: &str) -> String {
    const MOST: usize = 80;
    let value = line(value);
    match value.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    }
}

/// A suggested address as it is shown: its query may hold a secret.
pub(crate) fn suggested(address: &str) -> String {
    shortened(address.split('?').next().unwrap_or_default())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::{fs, path::Path, time::Duration};

    use super::*;
    use crate::settings::{SETTINGS, Setting};

    #[test]
    fn every_setting_has_a_label() {
        for setting in &SETTINGS {
            for lang in Lang::ALL {
                let label = lang.words().settings.of(setting.name);
                assert!(!label.is_empty(), "{} {lang:?}", setting.name);
            }
        }
    }

    #[test]
    fn places_are_filled_and_values_are_left_alone() {
        let filled = fill("{a} and {b}, {a}", &[("a", "{b}"), ("b", "two")]);
        assert_eq!(filled, "{b} and two, {b}");
        assert_eq!(fill("{unknown} {open", &[("a", "x")]), "{unknown} {open");
    }

    #[test]
    fn what_is_said_of_the_field_can_be_left_out() {
        for words in Lang::ALL.map(Lang::words) {
            for text in [
                words.outbox_full,
                words.outbox_full_bytes,
                words.message_too_long,
            ] {
                assert!(text.ends_with(words.stays_in_field), "{text}");
            }
        }
    }

    #[test]
    fn a_size_is_said_as_people_say_it() {
        let words = Lang::En.words();
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (9_999, "9999 bytes"),
            (10_000, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_100_000, "1.1 MB"),
            (12_345_678, "12.3 MB"),
        ] {
            assert_eq!(words.size(bytes), expected);
        }
        assert_eq!(Lang::ZhCn.words().size(5), "5 字节");
    }

    #[test]
    fn what_an_operator_allows_is_said_in_part_if_it_is_long() {
        let hosts = vec!["example.org".to_owned(); 100_000];
        let text = Lang::En
            .words()
            .address_error(&AddressError::NotAllowed { hosts });
        assert!(text.len() < 3_000, "{}", text.len());
    }

    #[test]
    fn a_complaint_names_the_setting_the_value_and_what_is_allowed() {
        let limits = Limits {
            least: Duration::from_millis(100),
            most: Duration::from_hours(24),
        };
        let complaint = Complaint {
            setting: "heartbeat".into(),
            value: "soon".into(),
            source: Some(Source::Query),
            instead: None,
            allowed: Allowed::DurationAutoOrOff(limits),
        };
        assert_eq!(
            Lang::En.words().complaint(&complaint),
            "The setting heartbeat cannot be “soon”. It takes a duration with its unit from 100ms to 1440m, such as 500ms, 30s or 2m, or auto, or off. The default is used instead."
        );
        assert_eq!(
            Lang::ZhCn.words().complaint(&complaint),
            "设置 heartbeat 的值不能是“soon”。请使用带单位的时长，范围为 100ms 至 1440m，例如 500ms、30s 或 2m；也可以使用 auto 或 off。已改用默认值。"
        );
        let of_config = Complaint {
            source: Some(Source::Mandatory),
            instead: Some("5s".into()),
            ..complaint.clone()
        };
        let text = Lang::En.words().complaint(&of_config);
        assert!(
            text.starts_with("config.json: The setting heartbeat"),
            "{text}"
        );
        assert!(text.ends_with(" “5s” is used instead."), "{text}");
        let long = Complaint {
            value: "好".repeat(1_000),
            ..complaint
        };
        let text = Lang::En.words().complaint(&long);
        assert!(text.contains(&format!("“{}…”", "好".repeat(80))), "{text}");
    }

    #[test]
    fn every_language_has_the_same_places_and_its_own_words() {
        let english = texts(Lang::En.words());
        for lang in Lang::ALL.into_iter().filter(|lang| *lang != Lang::En) {
            let others = texts(lang.words());
            assert_eq!(english.len(), others.len());
            for ((name, english), (_, other)) in english.iter().zip(&others) {
                assert_eq!(
                    places(english),
                    places(other),
                    "{name}: {english} / {other}"
                );
                assert!(!other.is_empty() && !english.is_empty(), "{name}");
                let is_neutral = places(english).concat() == english.replace(['{', '}'], "");
                assert!(
                    english != other || is_neutral,
                    "{name} is not translated: {english}"
                );
            }
        }
    }

    #[test]
    fn every_text_is_used() {
        let mut code = String::new();
        read_code(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")),
            &mut code,
        );
        for (name, _) in texts(Lang::ALL[0].words()) {
            let is_part = ["headline", "detail", "one", "other"].contains(&name.as_str());
            let is_used = ["words", "words()"]
                .iter()
                .any(|owner| says(&code, &format!("{owner}.{name}")))
                // A setting's label, which is shown by the setting's name.
                || (Setting::named(&name).is_some() && code.contains("words.settings.of("))
                || ["self", "self.options"]
                    .iter()
                    .any(|owner| says(include_str!("words.rs"), &format!("{owner}.{name}")));
            assert!(is_used || is_part, "no code says {name}");
        }
    }

    /// Whether a field is read, and not one whose name begins so.
    fn says(code: &str, field: &str) -> bool {
        code.match_indices(field).any(|(start, _)| {
            let behind = code[start + field.len()..].chars().next();
            !behind.is_some_and(|next| next.is_alphanumeric() || next == '_')
        })
    }

    /// All code but the languages' own.
    fn read_code(folder: &Path, code: &mut String) {
        for entry in fs::read_dir(folder).expect("the sources are there") {
            let path = entry.expect("the sources can be listed").path();
            if path.is_dir() && !path.ends_with("words") {
                read_code(&path, code);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                code.push_str(&fs::read_to_string(path).expect("a source can be read"));
            }
        }
    }

    /// Every field's text by name, read from the derived `Debug`, which no field escapes.
    fn texts(words: &Words) -> Vec<(String, String)> {
        let debug = format!("{words:#?}");
        let texts = debug.lines().filter_map(|line| {
            let (name, text) = line.trim().split_once(": \"")?;
            Some((name.to_owned(), text.strip_suffix("\",")?.to_owned()))
        });
        texts.collect()
    }

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<_> = text
            .split('{')
            .skip(1)
            .filter_map(|rest| Some(rest.split_once('}')?.0))
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}
