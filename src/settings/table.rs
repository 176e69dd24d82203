//! Every setting by its name. What reads, writes, shows and shares settings goes through this table,
//! so a new one is a field of [`Settings`], a line here, its label in the words and its row in
//! docs/settings.md.

use std::time::Duration;

use heartwire::{
    Pattern, Payload, QueueType,
    core::heartbeat::{Mode, Period, ReplyTimeout},
};

use super::{
    Protocol, Resend, Settings, Storage,
    value::{
        self, ANY, Allowed, CEILING, Choice, Limits, PERIOD, answers, answers_text, close_codes,
        count, duration, duration_auto_or_off, duration_or_off, duration_text, line, list_text,
        patterns, patterns_text, protocols, texts,
    },
};
use crate::{address::AddressError, lang::Lang};

/// A setting: its name, and the kind of value that it has.
#[derive(Debug)]
pub struct Setting {
    /// Its one spelling.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    kind: Kind,
}

/// How people set it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Control {
    /// With a text.
    Text,
    /// With one of two words, `true` and `false`.
    Switch,
    /// With one of these words.
    Choice(&'static [&'static str]),
}

/// What a setting is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Group {
    /// Where to connect, and what is said there first.
    Connection,
    /// How a STOMP server is spoken to. Elsewhere they mean nothing.
    Stomp,
    /// What keeps the connection and tells that it is dead.
    Heartbeat,
    /// What happens after it was lost.
    Reconnecting,
    /// What becomes of messages.
    Delivery,
    /// The page itself.
    Page,
}

impl Group {
    /// Each of them, in the order in which people meet them.
    pub const EACH: [Self; 6] = [
        Self::Connection,
        Self::Stomp,
        Self::Heartbeat,
        Self::Reconnecting,
        Self::Delivery,
        Self::Page,
    ];
}

/// Every setting, in the order in which people meet them.
pub static SETTINGS: [Setting; 31] = [
    setting!(Connection, url, Address),
    setting!(Connection, protocols, Protocols),
    words!(Connection, protocol, "text" => Protocol::Text, "stomp" => Protocol::Stomp),
    setting!(Stomp, destination; stomp, LineOrNothing),
    setting!(Stomp, subscribe; stomp, OptionalLine),
    words!(
        Stomp, queue_type; stomp,
        "none" => None, "quorum" => Some(QueueType::Quorum), "stream" => Some(QueueType::Stream)
    ),
    setting!(Stomp, vhost; stomp, Line),
    setting!(Stomp, receipt_timeout; stomp, Duration, PERIOD),
    setting!(Stomp, login; stomp, OptionalLine),
    setting!(Connection, autoconnect, Switch),
    setting!(Connection, greeting; options, Greeting),
    setting!(Connection, answers; options, Answers),
    setting!(Connection, connect_timeout; options, Duration, PERIOD),
    setting!(Heartbeat, heartbeat; options, Period),
    setting!(Heartbeat, heartbeat_text; options, Text),
    words!(Heartbeat, heartbeat_mode; options, "idle" => Mode::Idle, "always" => Mode::Always),
    setting!(Heartbeat, reply_timeout; options, ReplyTimeout),
    setting!(Heartbeat, reply_text; options, Patterns),
    setting!(Heartbeat, server_heartbeat_text; options, PatternsOrNothing),
    setting!(Heartbeat, prove_within; options, DurationOrOff),
    setting!(Reconnecting, retry; options, Switch),
    setting!(Reconnecting, retry_min; options, Ceiling),
    setting!(Reconnecting, retry_max; options, Ceiling),
    setting!(Reconnecting, retry_limit; options, CountOrOff, 1, u32::MAX),
    setting!(Reconnecting, stable_after; options, Duration, ANY),
    setting!(Reconnecting, final_codes; options, CloseCodes),
    words!(
        Delivery, resend,
        "latest" => Resend::Latest, "every" => Resend::Every, "off" => Resend::Off
    ),
    setting!(Delivery, outbox_limit; options, Count, 1, 1_000_000),
    words!(
        Delivery, outbox_storage,
        "memory" => Storage::Memory, "session" => Storage::Session
    ),
    setting!(Page, log_limit, Count, 1, 100_000),
    setting!(Page, lang, Lang),
];

/// The kind of a setting's value, with what it allows and where it is.
#[derive(Debug)]
enum Kind {
    Address(Field<Option<String>>),
    Protocols(Field<Vec<String>>),
    Switch(Field<bool>),
    Period(Field<Period>),
    ReplyTimeout(Field<ReplyTimeout>),
    Duration(Limits, Field<Duration>),
    Ceiling(Field<Option<Duration>>),
    DurationOrOff(Field<Option<Duration>>),
    Text(Field<String>),
    Line(Field<String>),
    LineOrNothing(Field<String>),
    OptionalLine(Field<Option<String>>),
    Patterns(Field<Vec<Pattern>>),
    PatternsOrNothing(Field<Vec<Pattern>>),
    Greeting(Field<Vec<Payload>>),
    Answers(Field<Vec<(Pattern, Payload)>>),
    CloseCodes(Field<Vec<u16>>),
    Count(u32, u32, Field<usize>),
    CountOrOff(u32, u32, Field<Option<u32>>),
    /// One of some words; the field is told and set by the word's index.
    Words(
        &'static [&'static str],
        fn(&Settings) -> usize,
        fn(&mut Settings, usize),
    ),
    Lang(Field<Option<Lang>>),
}

/// A field of [`Settings`].
#[derive(Debug)]
struct Field<T> {
    of: fn(&Settings) -> &T,
    of_mut: fn(&mut Settings) -> &mut T,
}

/// Says what is wrong with an address.
pub type Admission<'a> = dyn Fn(&str) -> Result<(), AddressError> + 'a;

impl Setting {
    /// The setting of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// How people set it.
    #[must_use]
    pub fn control(&self) -> Control {
        match &self.kind {
            Kind::Switch(_) => Control::Switch,
            Kind::Words(words, ..) => Control::Choice(words),
            Kind::Lang(_) => Control::Choice(Lang::TAGS),
            Kind::Address(_)
            | Kind::Protocols(_)
            | Kind::Period(_)
            | Kind::ReplyTimeout(_)
            | Kind::Duration(..)
            | Kind::Ceiling(_)
            | Kind::DurationOrOff(_)
            | Kind::Text(_)
            | Kind::Line(_)
            | Kind::LineOrNothing(_)
            | Kind::OptionalLine(_)
            | Kind::Patterns(_)
            | Kind::PatternsOrNothing(_)
            | Kind::Greeting(_)
            | Kind::Answers(_)
            | Kind::CloseCodes(_)
            | Kind::Count(..)
            | Kind::CountOrOff(..) => Control::Text,
        }
    }

    /// What it allows; `None` for an address, of which every error is another.
    #[must_use]
    pub fn allowed(&self) -> Option<Allowed> {
        Some(match &self.kind {
            Kind::Address(_) => return None,
            Kind::Protocols(_) => Allowed::Protocols,
            Kind::Switch(_) => Allowed::OneOf(SWITCH),
            Kind::Period(_) | Kind::ReplyTimeout(_) => Allowed::DurationAutoOrOff(PERIOD),
            Kind::Duration(limits, _) => Allowed::Duration(*limits),
            Kind::Ceiling(_) => Allowed::Duration(CEILING),
            Kind::Text(_) => Allowed::Text,
            Kind::Line(_) => Allowed::Line,
            Kind::LineOrNothing(_) | Kind::OptionalLine(_) => Allowed::LineOrNothing,
            Kind::DurationOrOff(_) => Allowed::DurationOrOff(PERIOD),
            Kind::Patterns(_) => Allowed::Patterns,
            Kind::PatternsOrNothing(_) => Allowed::PatternsOrNothing,
            Kind::Greeting(_) => Allowed::Texts,
            Kind::Answers(_) => Allowed::Answers,
            Kind::CloseCodes(_) => Allowed::CloseCodes,
            Kind::Count(least, most, _) => Allowed::Count(*least, *most),
            Kind::CountOrOff(least, most, _) => Allowed::CountOrOff(*least, *most),
            Kind::Words(words, ..) => Allowed::OneOf(words),
            Kind::Lang(_) => Allowed::OneOf(Lang::TAGS),
        })
    }

    /// Whether it is of no concern to a connection, and can change while there is one.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(self.name, "autoconnect" | "log_limit" | "lang")
    }

    /// Whether it is about texts that are agreed on, so that it means nothing where STOMP is spoken.
    #[must_use]
    pub fn is_of_text(&self) -> bool {
        matches!(
            self.name,
            "greeting"
                | "answers"
                | "heartbeat_text"
                | "heartbeat_mode"
                | "reply_timeout"
                | "reply_text"
                | "server_heartbeat_text"
                | "prove_within"
        )
    }

    /// Whether nothing is a value of its own, and not the absence of one.
    #[must_use]
    pub fn can_be_empty(&self) -> bool {
        matches!(
            self.kind,
            Kind::Protocols(_)
                | Kind::LineOrNothing(_)
                | Kind::OptionalLine(_)
                | Kind::PatternsOrNothing(_)
                | Kind::Greeting(_)
                | Kind::Answers(_)
                | Kind::CloseCodes(_)
        )
    }

    /// Whether its value can be written as JSON.
    #[must_use]
    pub fn takes_json(&self) -> bool {
        matches!(
            self.kind,
            Kind::Text(_)
                | Kind::Patterns(_)
                | Kind::PatternsOrNothing(_)
                | Kind::Greeting(_)
                | Kind::Answers(_)
        )
    }

    /// The value as people write it; `None` where the page decides.
    #[must_use]
    pub fn text(&self, settings: &Settings) -> Option<String> {
        let text = match &self.kind {
            Kind::Address(field) => return field.of(settings).clone(),
            Kind::Protocols(field) => field.of(settings).join(","),
            Kind::Patterns(field) | Kind::PatternsOrNothing(field) => {
                patterns_text(field.of(settings))
            }
            Kind::Greeting(field) => {
                let messages = field.of(settings).iter();
                let texts = messages.map(|message| message.text().unwrap_or_default().to_owned());
                list_text(&texts.collect::<Vec<_>>())
            }
            Kind::Answers(field) => answers_text(field.of(settings)),
            Kind::DurationOrOff(field) => match field.of(settings) {
                Some(duration) => duration_text(*duration),
                None => "off".into(),
            },
            Kind::Switch(field) => SWITCH[usize::from(!field.of(settings))].into(),
            Kind::Period(field) => match field.of(settings) {
                Period::Every(period) => duration_text(*period),
                Period::Auto => "auto".into(),
                Period::Off => "off".into(),
            },
            Kind::ReplyTimeout(field) => match field.of(settings) {
                ReplyTimeout::After(timeout) => duration_text(*timeout),
                ReplyTimeout::Auto => "auto".into(),
                ReplyTimeout::Off => "off".into(),
            },
            Kind::Duration(_, field) => duration_text(*field.of(settings)),
            Kind::Ceiling(field) => duration_text((*field.of(settings))?),
            Kind::Text(field) | Kind::Line(field) | Kind::LineOrNothing(field) => {
                field.of(settings).clone()
            }
            Kind::OptionalLine(field) => field.of(settings).clone().unwrap_or_default(),
            Kind::CloseCodes(field) => {
                let codes = field.of(settings).iter().map(u16::to_string);
                codes.collect::<Vec<_>>().join(",")
            }
            Kind::Count(.., field) => field.of(settings).to_string(),
            Kind::CountOrOff(.., field) => match field.of(settings) {
                Some(count) => count.to_string(),
                None => "off".into(),
            },
            Kind::Words(words, index, _) => words[index(settings)].into(),
            Kind::Lang(field) => (*field.of(settings))?.tag().into(),
        };
        Some(text)
    }

    /// Takes the value that somebody wrote. An address has to be one that may be connected to.
    ///
    /// # Errors
    ///
    /// Says what is allowed instead; the settings stay as they are.
    pub fn set(
        &self,
        settings: &mut Settings,
        value: &str,
        admission: &Admission<'_>,
    ) -> Result<(), Allowed> {
        match &self.kind {
            Kind::Address(field) => {
                admission(value).map_err(Allowed::Address)?;
                *field.of_mut(settings) = Some(value.into());
            }
            Kind::Protocols(field) => *field.of_mut(settings) = protocols(value)?,
            Kind::Switch(field) => *field.of_mut(settings) = index(SWITCH, value)? == 0,
            Kind::Period(field) => {
                *field.of_mut(settings) = match duration_auto_or_off(value)? {
                    Choice::Auto => Period::Auto,
                    Choice::Off => Period::Off,
                    Choice::Duration(period) => Period::Every(period),
                }
            }
            Kind::ReplyTimeout(field) => {
                *field.of_mut(settings) = match duration_auto_or_off(value)? {
                    Choice::Auto => ReplyTimeout::Auto,
                    Choice::Off => ReplyTimeout::Off,
                    Choice::Duration(timeout) => ReplyTimeout::After(timeout),
                }
            }
            Kind::Duration(limits, field) => *field.of_mut(settings) = duration(value, *limits)?,
            Kind::Ceiling(field) => *field.of_mut(settings) = Some(duration(value, CEILING)?),
            Kind::Text(field) => *field.of_mut(settings) = value::text(value)?,
            Kind::Line(field) => {
                let line = line(value).ok().filter(|line| !line.is_empty());
                *field.of_mut(settings) = line.ok_or(Allowed::Line)?.into();
            }
            Kind::LineOrNothing(field) => *field.of_mut(settings) = line(value)?.into(),
            Kind::OptionalLine(field) => {
                *field.of_mut(settings) = (!line(value)?.is_empty()).then(|| value.into());
            }
            Kind::DurationOrOff(field) => *field.of_mut(settings) = duration_or_off(value)?,
            Kind::Patterns(field) => {
                let patterns = patterns(value).filter(|patterns| !patterns.is_empty());
                *field.of_mut(settings) = patterns.ok_or(Allowed::Patterns)?;
            }
            Kind::PatternsOrNothing(field) => {
                *field.of_mut(settings) = patterns(value).ok_or(Allowed::PatternsOrNothing)?;
            }
            Kind::Greeting(field) => {
                let texts = texts(value).ok_or(Allowed::Texts)?;
                *field.of_mut(settings) = texts.into_iter().map(Into::into).collect();
            }
            Kind::Answers(field) => *field.of_mut(settings) = answers(value)?,
            Kind::CloseCodes(field) => *field.of_mut(settings) = close_codes(value)?,
            Kind::Count(least, most, field) => {
                let count = count(value, *least, *most).ok_or(Allowed::Count(*least, *most))?;
                *field.of_mut(settings) = count as usize;
            }
            Kind::CountOrOff(least, most, field) => {
                *field.of_mut(settings) = match value {
                    "off" => None,
                    _ => Some(
                        count(value, *least, *most).ok_or(Allowed::CountOrOff(*least, *most))?,
                    ),
                }
            }
            Kind::Words(words, _, set) => set(settings, index(words, value)?),
            Kind::Lang(field) => {
                *field.of_mut(settings) = Some(Lang::ALL[index(Lang::TAGS, value)?]);
            }
        }
        Ok(())
    }
}

impl<T> Field<T> {
    fn of<'a>(&self, settings: &'a Settings) -> &'a T {
        (self.of)(settings)
    }

    fn of_mut<'a>(&self, settings: &'a mut Settings) -> &'a mut T {
        (self.of_mut)(settings)
    }
}

const SWITCH: &[&str] = &["true", "false"];

fn index(words: &'static [&'static str], value: &str) -> Result<usize, Allowed> {
    let index = words.iter().position(|word| *word == value);
    index.ok_or(Allowed::OneOf(words))
}

/// A setting by its group, its field, its kind and what that takes besides.
macro_rules! setting {
    ($group:ident, $name:ident $(; $part:ident)?, $kind:ident $(, $limit:expr)*) => {
        Setting {
            name: stringify!($name),
            group: Group::$group,
            kind: Kind::$kind($($limit,)* Field {
                of: |settings| &settings.$($part.)?$name,
                of_mut: |settings| &mut settings.$($part.)?$name,
            }),
        }
    };
}

/// A setting by its group, its field and the words for the field's values.
macro_rules! words {
    ($group:ident, $name:ident $(; $part:ident)?, $($word:literal => $value:expr),+) => {
        Setting {
            name: stringify!($name),
            group: Group::$group,
            kind: Kind::Words(
                &[$($word),+],
                |settings| {
                    let values = [$($value),+];
                    values.iter().position(|value| *value == settings.$($part.)?$name).unwrap_or_default()
                },
                |settings, index| settings.$($part.)?$name = [$($value),+][index],
            ),
        }
    };
}

use {setting, words};
