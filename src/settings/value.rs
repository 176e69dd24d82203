//! The values of settings: what is allowed, and how they are read and written.

use std::time::Duration;

use heartwire::millis;

use crate::address::AddressError;

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
    /// Names of subprotocols, separated by commas, none twice, or nothing: tokens of RFC 9110 §5.6.2.
    Protocols,
    /// Texts, separated by commas, none empty.
    Texts,
    /// Texts, separated by commas, none empty, or nothing.
    TextsOrNothing,
    /// A text that is not empty.
    Text,
    /// A value that people could write: no object, and nothing that is null.
    Plain,
    /// An object.
    Object,
    /// Nothing: there is no such setting.
    Unknown,
    /// A value that does not come with a link.
    NotFromLink,
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

/// A timer of a tenth of a second is the shortest that background tabs and servers bear; a day is
/// far below the 24.8 days that browsers' timers can hold.
pub(super) const PERIOD: Limits = Limits {
    least: Duration::from_millis(100),
    most: Duration::from_hours(24),
};

/// Zero doubles to zero: a link must not make a page reconnect without a pause.
pub(super) const CEILING: Limits = Limits {
    least: Duration::from_millis(10),
    most: PERIOD.most,
};

pub(super) const ANY: Limits = Limits {
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

/// A duration, or one of the words in its place.
pub(super) enum Choice {
    Auto,
    Off,
    Duration(Duration),
}

pub(super) fn duration_auto_or_off(value: &str) -> Result<Choice, Allowed> {
    match value {
        "auto" => Ok(Choice::Auto),
        "off" => Ok(Choice::Off),
        _ => match duration(value, PERIOD) {
            Ok(duration) => Ok(Choice::Duration(duration)),
            Err(_) => Err(Allowed::DurationAutoOrOff(PERIOD)),
        },
    }
}

pub(super) fn duration(value: &str, limits: Limits) -> Result<Duration, Allowed> {
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

pub(super) fn count(value: &str, least: u32, most: u32) -> Option<u32> {
    let count = value.parse().ok()?;
    (least..=most).contains(&count).then_some(count)
}

pub(super) fn text(value: &str) -> Result<String, Allowed> {
    if value.is_empty() {
        return Err(Allowed::Text);
    }
    Ok(value.into())
}

pub(super) fn texts(value: &str) -> Option<Vec<String>> {
    list(value, |text| (!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn close_codes(value: &str) -> Result<Vec<u16>, Allowed> {
    list(value, |code| {
        let code = code.parse().ok()?;
        (1000..=4999).contains(&code).then_some(code)
    })
    .ok_or(Allowed::CloseCodes)
}

pub(super) fn protocols(value: &str) -> Result<Vec<String>, Allowed> {
    let names = list(value, |name| is_token(name).then(|| name.to_owned()));
    names
        .filter(|names| (1..names.len()).all(|index| !names[..index].contains(&names[index])))
        .ok_or(Allowed::Protocols)
}

/// Reads what stands between the commas, nothing being no item; `None` if any of it cannot be read.
fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    if value.trim().is_empty() {
        return Some(Vec::new());
    }
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

    proptest! {
        #[test]
        fn a_duration_is_read_as_it_is_written(millis in 0_u64..100_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }
    }
}
