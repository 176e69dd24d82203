//! JSON objects as patterns: whether a text has their members, and what stands at their places.

use crate::core::json;

/// How an object is found in a text, and how what is found goes into an answer. What reads JSON is part of a
/// program only where somebody names members.
pub(super) struct Members {
    pub(super) places_in: fn(&str, &str) -> Option<Places>,
    pub(super) fill: fn(&str, &Places) -> String,
}

pub(super) static MEMBERS: Members = Members { places_in, fill };

/// The values that were found where a pattern has places: their names, and the values as they were written.
pub(super) type Places = Vec<(String, String)>;

/// What is found in a text at the places of an object, if the text has the object's members.
fn places_in(object: &str, text: &str) -> Option<Places> {
    // Most messages need not be read.
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut places = Places::new();
    is_like(object, text, &mut places).then_some(places)
}

fn is_like(pattern: &str, value: &str, places: &mut Places) -> bool {
    if let Some(name) = place(pattern) {
        places.push((name, value.to_owned()));
        return true;
    }
    match pattern.bytes().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {
            let (Some(some), Some(members)) = (json::members(pattern), json::members(value)) else {
                return false;
            };
            (!some.is_empty() || members.is_empty())
                && some.iter().all(|(name, _)| {
                    let pair = last(&some, name).zip(last(&members, name));
                    pair.is_some_and(|(pattern, value)| is_like(pattern, value, places))
                })
        }
        Some(b'[') => {
            let (Some(some), Some(items)) = (json::items(pattern), json::items(value)) else {
                return false;
            };
            let mut pairs = some.iter().zip(&items);
            some.len() == items.len() && pairs.all(|(some, item)| is_like(some, item, places))
        }
        Some(b'"') => json::string(pattern) == json::string(value),
        _ => pattern == value,
    }
}

/// The value that counts of the members with this name.
fn last<'a>(members: &[(String, &'a str)], name: &str) -> Option<&'a str> {
    let mut members = members.iter();
    Some(members.rfind(|(known, _)| known == name)?.1)
}

/// The name of the place that a value is.
pub(super) fn place(written: &str) -> Option<String> {
    let name = written.strip_prefix("\"{")?.strip_suffix("}\"")?;
    is_name(name).then(|| name.to_owned())
}

pub(super) fn is_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_letter)
}

/// Puts the values into an answer. A string that is a place becomes the value, with its quotes, unless it is the
/// name of a member; within a longer one stands what the value says.
fn fill(answer: &str, places: &Places) -> String {
    let mut filled = String::with_capacity(answer.len());
    let (mut is_string, mut is_begun) = (false, false);
    let mut rest = answer;
    while let Some(character) = rest.chars().next() {
        let place = places.iter().find_map(|(name, value)| {
            let behind = rest.strip_prefix('{')?.strip_prefix(name.as_str())?;
            Some((value, behind.strip_prefix('}')?))
        });
        if let Some((value, behind)) = place {
            let whole = behind.strip_prefix('"').filter(|behind| {
                let is_name = behind.trim_start().starts_with(':');
                is_string && !is_begun && !is_name
            });
            rest = whole.unwrap_or(behind);
            if whole.is_some() {
                filled.pop();
                filled.push_str(value);
                is_string = false;
            } else if is_string {
                push_said(&mut filled, value);
            } else {
                filled.push_str(value);
            }
            is_begun = true;
            continue;
        }
        filled.push(character);
        rest = &rest[character.len_utf8()..];
        is_begun = character != '"' || is_string;
        match character {
            '"' => is_string = !is_string,
            '\\' if is_string => {
                let mut letters = rest.chars();
                filled.extend(letters.next());
                rest = letters.as_str();
            }
            _ => {}
        }
    }
    filled
}

/// Writes within a string what a value says: of a string its text, of anything else how it is written.
fn push_said(string: &mut String, value: &str) {
    if let Some(text) = value
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        string.push_str(text);
        return;
    }
    for character in value.chars() {
        match character {
            '"' | '\\' => string.extend(['\\', character]),
            // The white space that may stand between tokens.
            '\n' | '\r' | '\t' => string.push(' '),
            _ => string.push(character),
        }
    }
}
