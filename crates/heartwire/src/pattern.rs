//! What a text is recognised by.

mod members;

use std::{error, fmt, mem};

use crate::core::json;
use members::{MEMBERS, Members, is_name, place};

/// What a text is recognised by: itself, its beginning, or members of a JSON object.
///
/// ```
/// use heartwire::{Options, Pattern};
///
/// # fn main() -> Result<(), heartwire::NoObject> {
/// let options = Options::new()
///     .heartbeat_text(r#"{"event":"ping"}"#)
///     .reply_text([Pattern::members(r#"{"event":"pong"}"#)?])
///     .server_heartbeat_text(["tick".into(), Pattern::beginning("uptime ")])
///     .answer(Pattern::members(r#"{"ping":"{time}"}"#)?, r#"{"pong":{time}}"#);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Beginning,
    Members(&'static Members),
}

impl Pattern {
    /// Every text that begins so.
    #[must_use]
    pub fn beginning(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            kind: Kind::Beginning,
        }
    }

    /// Every text that is a JSON object and has at least the members of this one, in any order; so it is with
    /// an object that is a member's value. One without members is that alone. Numbers are compared as they are
    /// written. A value `"{name}"` is a place: it stands for any value, which
    /// [`Options::answer`](crate::Options::answer) can give back.
    ///
    /// # Errors
    ///
    /// If `object` is no JSON object (RFC 8259), or has more than 4,096 bytes or 64 structures in one another:
    /// messages are compared with it at once.
    pub fn members(object: impl Into<String>) -> Result<Self, NoObject> {
        const MOST_DEPTH: usize = 64;
        const MOST_BYTES: usize = 4_096;
        let text = object.into();
        if text.len() > MOST_BYTES {
            return Err(NoObject);
        }
        let mut reader = json::Reader::new(&text);
        let is_object = reader.next() == Some(json::Token::Open("{"));
        let mut depth = reader.depth();
        while reader.next().is_some() {
            depth = depth.max(reader.depth());
        }
        if !is_object || depth > MOST_DEPTH || !reader.is_all() {
            return Err(NoObject);
        }
        Ok(Self {
            text,
            kind: Kind::Members(&MEMBERS),
        })
    }

    /// Whether a text is like this.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self.kind {
            Kind::Text => text == self.text,
            Kind::Beginning => text.starts_with(&self.text),
            Kind::Members(members) => (members.places_in)(&self.text, text).is_some(),
        }
    }

    /// Whether every text that is like `other` is like this, too, as far as that can be told.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (_, Kind::Text)
            | (Kind::Beginning, Kind::Beginning)
            | (Kind::Members(_), Kind::Members(_)) => self.matches(&other.text),
            (Kind::Text, Kind::Beginning | Kind::Members(_))
            | (Kind::Beginning, Kind::Members(_))
            | (Kind::Members(_), Kind::Beginning) => false,
        }
    }

    /// The first place of an answer that this has not. Without any place, braces are braces.
    #[must_use]
    pub fn missing_place(&self, answer: &str) -> Option<String> {
        let Kind::Members(_) = self.kind else {
            return None;
        };
        let places: Vec<_> = json::Reader::new(&self.text)
            .filter_map(|token| match token {
                json::Token::Scalar(written) => place(written),
                json::Token::Open(_) | json::Token::Close(_) | json::Token::Name(_) => None,
            })
            .collect();
        let mut named = answer.split('{').skip(1).filter_map(|behind| {
            let (name, _) = behind.split_once('}')?;
            is_name(name).then_some(name)
        });
        let missing = named.find(|name| !places.iter().any(|place| place == name));
        missing.filter(|_| !places.is_empty()).map(str::to_owned)
    }

    /// The answer to a text that is like this, with what it has at the places.
    pub(crate) fn answer(&self, text: &str, answer: &str) -> Option<String> {
        if let Kind::Members(members) = self.kind {
            let places = (members.places_in)(&self.text, text)?;
            return Some((members.fill)(answer, &places));
        }
        self.matches(text).then(|| answer.to_owned())
    }
}

impl From<String> for Pattern {
    /// This text alone.
    fn from(text: String) -> Self {
        Self {
            text,
            kind: Kind::Text,
        }
    }
}

impl From<&str> for Pattern {
    /// This text alone.
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Eq for Pattern {}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && mem::discriminant(&self.kind) == mem::discriminant(&other.kind)
    }
}

/// The text, with `*` behind a beginning.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        match self.kind {
            Kind::Beginning => formatter.write_str("*"),
            Kind::Text | Kind::Members(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Pattern({self})")
    }
}

/// A text that was to be a JSON object and is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoObject;

impl fmt::Display for NoObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no JSON object, or too long or deep a one")
    }
}

impl error::Error for NoObject {}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_and_a_beginning_is_what_begins_so() {
        let text = Pattern::from("pong");
        assert!(text.matches("pong"));
        assert!(!text.matches("pong ") && !text.matches("") && !text.matches("Pong"));
        let beginning = Pattern::beginning("pong ");
        assert!(beginning.matches("pong 17") && beginning.matches("pong "));
        assert!(!beginning.matches("pong") && !beginning.matches(" pong 17"));
        // No text is a pattern by what stands in it.
        assert!(!Pattern::from("a*").matches("ab"));
        assert!(!Pattern::from("{}").matches("{ }"));
    }

    #[test]
    fn an_object_is_every_object_with_its_members() {
        for (pattern, likes, unlike) in [
            (
                r#"{"type":"ping"}"#,
                &[
                    r#"{"type":"ping"}"#,
                    "\n{ \"id\" : [1, {\"type\": 2}],\t\"type\" : \"ping\" }\r\n",
                    r#"{"\u0074ype":"p\u0069ng"}"#,
                    r#"{"type":"pong","type":"ping"}"#,
                ][..],
                &[
                    r#"{"type":"pong"}"#,
                    r#"{"type":"ping","type":"pong"}"#,
                    r#"{"data":{"type":"ping"}}"#,
                    r#"[{"type":"ping"}]"#,
                    r#"{"type":"ping"} {}"#,
                    r#"{"type":"ping""#,
                    r#"{"type":ping}"#,
                    r#"{"Type":"ping"}"#,
                    "ping",
                    "",
                ][..],
            ),
            (
                r#"{"op":1,"d":null,"ok":true}"#,
                &[r#"{"ok":true,"d":null,"op":1}"#],
                &[
                    r#"{"op":"1","d":null,"ok":true}"#,
                    r#"{"op":1,"ok":true}"#,
                    r#"{"op":1,"d":null,"ok":"true"}"#,
                    r#"{"op":11,"d":null,"ok":true}"#,
                ],
            ),
            (
                r#"{"a":{"b":1},"c":[1,{"d":2}]}"#,
                &[r#"{"a":{"x":0,"b":1},"c":[1,{"d":2,"e":3}]}"#],
                &[
                    r#"{"a":{"b":2},"c":[1,{"d":2}]}"#,
                    r#"{"a":{"b":1},"c":[1,{"d":2},3]}"#,
                    r#"{"a":{"b":1},"c":[{"d":2},1]}"#,
                    r#"{"a":1,"c":[1,{"d":2}]}"#,
                ],
            ),
            ("{}", &["{}", " { } "], &[r#"{"a":1}"#, "[]"]),
            (
                r#"{"a":{}}"#,
                &[r#"{"a":{ },"b":1}"#],
                &[r#"{"a":{"b":1}}"#],
            ),
            (
                r#"{"ping":"{t}"}"#,
                &[r#"{"ping":1}"#, r#"{"ping":null}"#, r#"{"ping":{"a":[]}}"#],
                &[r#"{"pong":1}"#, "{}"],
            ),
        ] {
            let pattern = Pattern::members(pattern).expect("an object");
            for text in likes {
                assert!(pattern.matches(text), "{pattern}: {text}");
            }
            for text in unlike {
                assert!(!pattern.matches(text), "{pattern}: {text}");
            }
        }
        let deep = |depth: usize| r#"{"a":"#.repeat(depth) + "1" + &"}".repeat(depth);
        assert!(Pattern::members(deep(64)).is_ok());
        let long = format!(r#"{{"a":"{}"}}"#, "a".repeat(4_096));
        for text in ["ping", "[]", "{", r#"{"a":1} x"#, "{a:1}", &deep(65), &long] {
            assert_eq!(Pattern::members(text), Err(NoObject), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_read_once_and_a_deep_one_too() {
        let pattern = Pattern::members(r#"{"type":"ping"}"#).expect("an object");
        let long = format!(r#"{{"type":"pong","data":"{}"}}"#, "a".repeat(1_000_000));
        let deep = format!(r#"{{"type":"ping","data":{}"#, "[".repeat(1_000_000));
        assert!(!pattern.matches(&long) && !pattern.matches(&deep));
    }

    #[test]
    fn one_covers_another() {
        let members = |object| Pattern::members(object).expect("an object");
        let (text, other) = (Pattern::from("tick 1"), Pattern::from("tock"));
        let beginning = Pattern::beginning("tick");
        let (ping, stamped) = (members(r#"{"a":1}"#), members(r#"{"a":1,"t":"{t}"}"#));
        for (one, another, covers) in [
            (&text, &text, true),
            (&text, &other, false),
            (&beginning, &text, true),
            (&text, &beginning, false),
            (&beginning, &Pattern::beginning("tick "), true),
            (&beginning, &Pattern::beginning("t"), false),
            (&ping, &stamped, true),
            (&stamped, &ping, false),
            (&ping, &Pattern::from(r#"{"b":2,"a":1}"#), true),
            (&beginning, &ping, false),
            (&ping, &beginning, false),
        ] {
            assert_eq!(one.covers(another), covers, "{one} {another}");
        }
    }

    #[test]
    fn what_was_found_is_given_back_as_it_was_written() {
        for (question, text, answer, filled) in [
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":1492420473027}"#,
                r#"{"pong":{t}}"#,
                r#"{"pong":1492420473027}"#,
            ),
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":1492420473027}"#,
                r#"{"pong":"{t}"}"#,
                r#"{"pong":1492420473027}"#,
            ),
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":"a\"b"}"#,
                r#"{"pong": "{t}"}"#,
                r#"{"pong": "a\"b"}"#,
            ),
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":"ab"}"#,
                r#"{"pong":"re {t}!"}"#,
                r#"{"pong":"re ab!"}"#,
            ),
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":12345678901234567890}"#,
                "pong {t}",
                "pong 12345678901234567890",
            ),
            (
                r#"{"id":"{a}","to":{"n":"{b}"}}"#,
                r#"{"to":{"n":[1, 2]},"id":1.50}"#,
                "[{b},{a},{c}]",
                "[[1, 2],1.50,{c}]",
            ),
            (
                r#"{"ping":"{t}"}"#,
                r#"{"ping":"好"}"#,
                r#"{"\"{t}":"{t}{t}"}"#,
                r#"{"\"好":"好好"}"#,
            ),
            (r#"{"ping":"{t}"}"#, r#"{"ping":"{t}"}"#, "{t}", r#""{t}""#),
        ] {
            let question = Pattern::members(question).expect("an object");
            let answered = question.answer(text, answer);
            assert_eq!(answered.as_deref(), Some(filled), "{text}");
            assert_eq!(question.answer("pong", answer), None);
        }
        assert_eq!(
            Pattern::from("ping").answer("ping", "{t}").as_deref(),
            Some("{t}")
        );
    }

    #[test]
    fn a_place_that_the_question_lacks_is_named() {
        let stamped = Pattern::members(r#"{"ping":"{t}"}"#).expect("an object");
        for (answer, missing) in [
            (r#"{"pong":{t}}"#, None),
            (r#"{"pong":"{time}","a":{}}"#, Some("time")),
            ("{t} {u}", Some("u")),
        ] {
            assert_eq!(
                stamped.missing_place(answer).as_deref(),
                missing,
                "{answer}"
            );
        }
        let plain = Pattern::members(r#"{"ping":1}"#).expect("an object");
        assert_eq!(plain.missing_place("{t}"), None);
        assert_eq!(Pattern::from("ping").missing_place("{t}"), None);
    }
}
