//! The values of settings: what is allowed, and how they are read and written.

use std::time::Duration;

use heartwire::{
    Pattern, Payload,
    core::{
        backoff::LEAST_CEILING,
        json::{self, Reader},
    },
    millis,
};

use crate::{address::AddressError, messages::Refusal, payload::push_json_string};

/// What a setting allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Allowed {
    /// An address; this is wrong with the one given.
    Address(AddressError),
    /// A duration within limits.
    Duration(Limits),
    /// A duration within limits, or `off`.
    DurationOrOff(Limits),
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
    /// Names of subprotocols, separated by commas, none twice, 4000 letters in all, or nothing: tokens of RFC 9110 §5.6.2.
    Protocols,
    /// Texts in a list, none empty, or nothing.
    Texts,
    /// Patterns in a list.
    Patterns,
    /// Patterns in a list, or nothing.
    PatternsOrNothing,
    /// Questions and their answers in a list, or nothing.
    Answers,
    /// An answer with a place that its question has, too; this one it has not.
    NoSuchPlace(String),
    /// A text that is not empty.
    Text,
    /// A line that is not empty.
    Line,
    /// A line, or nothing.
    LineOrNothing,
    /// A destination, where STOMP is spoken.
    Destination,
    /// A value that people could write: no object, and nothing that is null.
    Plain,
    /// An object.
    Object,
    /// Messages under names; this is wrong with those given.
    Messages(Refusal),
    /// Nothing: there is no such setting.
    Unknown,
    /// A value that does not come with a link.
    NotFromLink,
    /// What can be shown whole to whoever is asked about a link.
    ShownWhole,
    /// A duration not below `retry_min`, which is this.
    NotBelowRetryMin(Duration),
    /// A duration only where heartbeats are sent, and `heartbeat` is off.
    NotWithoutHeartbeat,
    /// No pattern that covers one of `reply_text`, as this one does.
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

pub(super) const CEILING: Limits = Limits {
    least: LEAST_CEILING,
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

pub(super) fn duration_or_off(value: &str) -> Result<Option<Duration>, Allowed> {
    if value == "off" {
        return Ok(None);
    }
    let duration = duration(value, PERIOD).map_err(|_| Allowed::DurationOrOff(PERIOD))?;
    Ok(Some(duration))
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

/// What a field of one line can hold.
pub(super) fn line(value: &str) -> Result<&str, Allowed> {
    if value.contains(char::is_control) {
        return Err(Allowed::LineOrNothing);
    }
    Ok(value)
}

pub(super) fn text(value: &str) -> Result<String, Allowed> {
    if value.is_empty() {
        return Err(Allowed::Text);
    }
    Ok(value.into())
}

/// Each message is compared with all of a list, and each item of some lists with all of another.
pub(super) const MOST_ITEMS: usize = 100;

/// Reads a list of texts: they stand between commas, or are the items of a JSON array. A JSON object is one
/// text, whatever commas it has.
pub(super) fn texts(value: &str) -> Option<Vec<String>> {
    if let Some(items) = json::items(value) {
        let texts = items.into_iter().map(item).collect::<Option<Vec<_>>>()?;
        return (texts.len() <= MOST_ITEMS).then_some(texts);
    }
    let mut texts = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        if texts.len() == MOST_ITEMS {
            return None;
        }
        let (text, behind) = rest.split_at(item_end(rest, ',')?);
        texts.push(stated(text)?);
        rest = behind_comma(behind)?;
    }
    Some(texts)
}

/// Writes what [`texts`] reads.
pub(super) fn list_text(said: &[String]) -> String {
    let plain = said.join(",");
    if texts(&plain).as_deref() == Some(said) {
        return plain;
    }
    array(said)
}

pub(super) fn patterns(value: &str) -> Option<Vec<Pattern>> {
    texts(value)?.into_iter().map(pattern).collect()
}

pub(super) fn patterns_text(patterns: &[Pattern]) -> String {
    list_text(&patterns.iter().map(Pattern::to_string).collect::<Vec<_>>())
}

/// A pattern as people write it: a text is itself, one that ends with `*` is a beginning, and a JSON object
/// stands for every text that has its members. What is in braces and has a colon is meant to be one.
pub(super) fn pattern(text: String) -> Option<Pattern> {
    if text.starts_with('{') && text.ends_with('}') {
        let members = Pattern::members(text.as_str()).ok();
        if members.is_some() || text.contains(':') {
            return members;
        }
    }
    match text.strip_suffix('*') {
        // That would be every text.
        Some("") => None,
        Some(beginning) => Some(Pattern::beginning(beginning)),
        None => Some(text.into()),
    }
}

/// Reads questions and their answers: `question=answer` between commas, or a JSON array of arrays of two, or a
/// JSON object whose members are called as the server asks.
pub(super) fn answers(value: &str) -> Result<Vec<(Pattern, Payload)>, Allowed> {
    let pairs: Option<Vec<_>> = match (json::items(value), json::members(value)) {
        (Some(items), _) => items.into_iter().map(pair).collect(),
        (_, Some(members)) => {
            let pairs = members.into_iter();
            pairs
                .map(|(question, answer)| Some((question, item(answer)?)))
                .collect()
        }
        (None, None) => written_pairs(value.trim()),
    };
    let pairs = pairs.filter(|pairs| pairs.len() <= MOST_ITEMS);
    let pairs = pairs.ok_or(Allowed::Answers)?;
    let answers = pairs.into_iter().map(|(question, answer)| {
        let question = pattern(question).ok_or(Allowed::Answers)?;
        match question.missing_place(&answer) {
            Some(place) => Err(Allowed::NoSuchPlace(place)),
            None => Ok((question, answer.into())),
        }
    });
    answers.collect()
}

/// Writes what [`answers`] reads.
pub(super) fn answers_text(given: &[(Pattern, Payload)]) -> String {
    let (mut plain, mut json) = (String::new(), String::from("["));
    for (question, answer) in given {
        let pair = [
            question.to_string(),
            answer.text().unwrap_or_default().to_owned(),
        ];
        if json.len() > 1 {
            plain.push(',');
            json.push(',');
        }
        plain.push_str(&pair.join("="));
        json.push_str(&array(&pair));
    }
    if answers(&plain).as_deref() == Ok(given) {
        return plain;
    }
    json + "]"
}

fn written_pairs(mut rest: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (question, behind) = rest.split_at(item_end(rest, '=')?);
        let answer = behind.trim_start().strip_prefix('=')?.trim_start();
        let (answer, behind) = answer.split_at(answer_end(answer)?);
        pairs.push((stated(question)?, stated(answer)?));
        rest = behind_comma(behind)?;
    }
    Some(pairs)
}

fn pair(written: &str) -> Option<(String, String)> {
    let [question, answer] = json::items(written)?.try_into().ok()?;
    Some((item(question)?, item(answer)?))
}

/// A text between commas, if there is any.
fn stated(text: &str) -> Option<String> {
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An item of an array: what a JSON string says, else what was written. Nothing is none, and `null` is none.
fn item(written: &str) -> Option<String> {
    let text = json::string(written).unwrap_or_else(|| written.to_owned());
    (!text.is_empty() && written != "null").then_some(text)
}

/// Where the first text of a list ends: at the separator, or behind a JSON object. There is none that begins
/// like JSON and breaks off behind a separator: no letter is read twice.
fn item_end(list: &str, separator: char) -> Option<usize> {
    let plain = list.find(separator).unwrap_or(list.len());
    if !list.starts_with('{') {
        return Some(plain);
    }
    let mut reader = Reader::new(list);
    while reader.next().is_some() {}
    let end = list.len() - reader.ahead().len();
    let behind = reader.rest().map(str::trim_start);
    if behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(separator)) {
        return Some(end);
    }
    (end <= plain).then_some(plain)
}

/// Where the first answer of a list ends: at the comma, or behind what looks like JSON, where it has places for
/// values.
fn answer_end(list: &str) -> Option<usize> {
    if !list.starts_with(['{', '[', '"']) {
        return Some(list.find(',').unwrap_or(list.len()));
    }
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    let closing = list.bytes().position(|byte| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth += 1,
            b'}' | b']' if !is_string => depth -= 1,
            _ => {}
        }
        depth == 0 && !is_string
    });
    Some(closing? + 1)
}

/// What follows a comma, and is not nothing; nothing if nothing follows. Else there is no list.
fn behind_comma(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Some(rest);
    }
    let behind = rest.strip_prefix(',')?.trim_start();
    (!behind.is_empty()).then_some(behind)
}

/// Texts as a JSON array: an object as it is, anything else as a string.
fn array(texts: &[String]) -> String {
    let mut json = String::from("[");
    for text in texts {
        if json.len() > 1 {
            json.push(',');
        }
        if text.starts_with('{') && text.ends_with('}') && json::members(text).is_some() {
            json.push_str(text);
        } else {
            push_json_string(&mut json, text);
        }
    }
    json + "]"
}

pub(super) fn close_codes(value: &str) -> Result<Vec<u16>, Allowed> {
    list(value, |code| {
        let code = code.parse().ok()?;
        (1000..=4999).contains(&code).then_some(code)
    })
    .ok_or(Allowed::CloseCodes)
}

pub(super) fn protocols(value: &str) -> Result<Vec<String>, Allowed> {
    if value.len() > MOST_PROTOCOLS {
        return Err(Allowed::Protocols);
    }
    let names = list(value, |name| is_token(name).then(|| name.to_owned()));
    names
        .filter(|names| (1..names.len()).all(|index| !names[..index].contains(&names[index])))
        .ok_or(Allowed::Protocols)
}

/// In bytes: nginx and Apache take header lines of 8 kB.
const MOST_PROTOCOLS: usize = 4_000;

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
    use std::time::Instant;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Texts of what lists, patterns and JSON are made with.
    fn text_with_signs() -> impl Strategy<Value = String> {
        prop_oneof![
            "[\\[\\]{}:,\"\\\\=* a1é]{1,8}",
            Just(r#"{"a":1,"b":2}"#.to_owned()),
            Just("null".to_owned()),
        ]
    }

    #[test]
    fn a_list_is_what_stands_between_commas_or_is_in_an_array() {
        for (list, expected) in [
            ("", &[][..]),
            ("[]", &[]),
            ("a", &["a"]),
            (" a , b c,{d ", &["a", "b c", "{d"]),
            (r#"{"a":1,"b":2}"#, &[r#"{"a":1,"b":2}"#]),
            (
                r#"x, { "a" : [1,2] } ,y"#,
                &["x", r#"{ "a" : [1,2] }"#, "y"],
            ),
            (
                r#"["a,b", 2, {"c": [1,2]}, "\u00e9", true]"#,
                &["a,b", "2", r#"{"c": [1,2]}"#, "é", "true"],
            ),
            ("[a], b]", &["[a]", "b]"]),
            ("{n},{}x", &["{n}", "{}x"]),
        ] {
            let expected = expected.iter().map(|text| (*text).to_owned());
            assert_eq!(texts(list), Some(expected.collect()), "{list}");
        }
        for list in [
            ",",
            "a,",
            ",a",
            "a,,b",
            "[\"\"]",
            "[null]",
            r#"{"a":1,b"#,
            r#"{"a":1,"b":2}x"#,
        ] {
            assert_eq!(texts(list), None, "{list}");
        }
    }

    #[test]
    fn subprotocols_are_as_many_as_a_handshake_takes() {
        let names = |count| {
            let names: Vec<_> = (1000..1000 + count).map(|name| name.to_string()).collect();
            names.join(",")
        };
        assert_eq!(protocols(&names(800)).map(|names| names.len()), Ok(800));
        assert_eq!(protocols(&names(801)), Err(Allowed::Protocols));
        assert_eq!(protocols("a,b,a"), Err(Allowed::Protocols));
    }

    #[test]
    fn a_pattern_is_a_text_or_a_beginning_or_an_object() {
        let members = Pattern::members(r#"{"a":1,"b":2}"#).expect("an object");
        assert_eq!(
            patterns(r#"tick,tock *,{"a":1,"b":2}"#),
            Some(vec!["tick".into(), Pattern::beginning("tock "), members])
        );
        assert_eq!(patterns("{ping}"), Some(vec!["{ping}".into()]));
        for list in ["*", "{a:1}", r#"["{\"a\":}"]"#] {
            assert_eq!(patterns(list), None, "{list}");
        }
    }

    #[test]
    fn answers_stand_behind_their_questions() {
        let members = |object| Pattern::members(object).expect("an object");
        for (list, expected) in [
            ("", vec![]),
            ("2=3", vec![("2".into(), "3")]),
            (
                "ping = pong=, who*=me",
                vec![("ping".into(), "pong="), (Pattern::beginning("who"), "me")],
            ),
            (
                r#"{"ping":"{t}","a":"="} = {"pong":{t},"b":[1,2]} ,x={y}"#,
                vec![
                    (
                        members(r#"{"ping":"{t}","a":"="}"#),
                        r#"{"pong":{t},"b":[1,2]}"#,
                    ),
                    ("x".into(), "{y}"),
                ],
            ),
            (
                r#"[["a=b",2],[{"c":1},{"d":2}]]"#,
                vec![("a=b".into(), "2"), (members(r#"{"c":1}"#), r#"{"d":2}"#)],
            ),
            (
                r#"{"ping":"pong","2":3}"#,
                vec![("ping".into(), "pong"), ("2".into(), "3")],
            ),
        ] {
            let expected = expected.into_iter();
            let expected = expected.map(|(question, answer)| (question, answer.into()));
            assert_eq!(answers(list), Ok(expected.collect()), "{list}");
        }
        for list in [
            "ping",
            "=pong",
            "ping=",
            "ping=pong,",
            "a={b",
            "a={b}c",
            "*=a",
            "[[\"a\"]]",
            "[\"a=b\"]",
        ] {
            assert_eq!(answers(list), Err(Allowed::Answers), "{list}");
        }
        assert_eq!(
            answers(r#"{"ping":"{t}"}={"pong":{time}}"#),
            Err(Allowed::NoSuchPlace("time".into()))
        );
    }

    /// Links bring as much as two megabytes.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the host has a clock")]
    fn no_list_takes_longer_than_its_length() {
        for part in [
            r#"{"a":[1,"#,
            "{,",
            "x=[,",
            "x={\"a\":1},",
            "{\"a\":1}=b,",
            "[",
            "\",",
        ] {
            let list = part.repeat(200_000);
            let started = Instant::now();
            let _ = (texts(&list), answers(&list));
            assert!(started.elapsed() < Duration::from_secs(20), "{part}");
        }
    }

    proptest! {
        #[test]
        fn a_list_is_read_as_it_is_written(said in vec(text_with_signs(), 0..4)) {
            let written = list_text(&said);
            prop_assert_eq!(texts(&written), Some(said));
        }

        #[test]
        fn answers_are_read_as_they_are_written(pairs in vec((text_with_signs(), text_with_signs()), 0..3)) {
            let pattern = |(question, answer): (String, String)| Some((pattern(question)?, answer.into()));
            if let Some(said) = pairs.into_iter().map(pattern).collect::<Option<Vec<_>>>() {
                let written = answers_text(&said);
                prop_assert_eq!(answers(&written), Ok(said), "{}", written);
            }
        }

        #[test]
        fn a_duration_is_read_as_it_is_written(millis in 0_u64..100_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&duration_text(duration)), Some(duration));
        }
    }
}
