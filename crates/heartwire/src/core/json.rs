//! JSON (RFC 8259) as it was written. No value is converted, so a number of 64 bits stays what it is.

/// Reads the value that a text begins with, token by token. Behind the last token, or where it is no JSON,
/// there is none: [`rest`](Self::rest) tells which.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    /// Where the newest token begins, and where it ends.
    token: (usize, usize),
    /// What closes the structures that are open, outermost first.
    open: Vec<u8>,
    expects: Expects,
}

/// A part of a value, as it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Token<'a> {
    /// `{` or `[`.
    Open(&'a str),
    /// `}` or `]`.
    Close(&'a str),
    /// The name of a member, in its quotes; the colon behind it is taken.
    Name(&'a str),
    /// A string in its quotes, a number, `true`, `false` or `null`.
    Scalar(&'a str),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expects {
    Value,
    ValueOrClose,
    Name,
    NameOrClose,
    CommaOrClose,
    Nothing,
}

impl<'a> Reader<'a> {
    /// Reads from the beginning of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self {
            text,
            token: (0, 0),
            open: Vec::new(),
            expects: Expects::Value,
        }
    }

    /// How many structures the newest token is in, with those that it opens.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// What is not read yet.
    #[must_use]
    pub fn ahead(&self) -> &'a str {
        &self.text[self.token.1..]
    }

    /// What follows the value; `None` as long as it is not complete.
    #[must_use]
    pub fn rest(&self) -> Option<&'a str> {
        (self.expects == Expects::Nothing).then(|| self.ahead())
    }

    /// Whether the value is complete, and nothing but white space follows it.
    #[must_use]
    pub fn is_all(&self) -> bool {
        let rest = self.rest();
        rest.is_some_and(|rest| rest.bytes().all(|byte| SPACE.contains(&byte)))
    }

    /// Reads a whole value where one begins; returns it as it was written.
    fn value(&mut self) -> Option<&'a str> {
        let depth = self.depth();
        self.next()?;
        let start = self.token.0;
        while self.depth() > depth {
            self.next()?;
        }
        (self.depth() == depth).then(|| &self.text[start..self.token.1])
    }

    /// What is next, behind white space.
    fn peek(&mut self) -> Option<u8> {
        let ahead = &self.text.as_bytes()[self.token.1..];
        let next = ahead.iter().position(|byte| !SPACE.contains(byte));
        self.token.1 += next.unwrap_or(ahead.len());
        Some(ahead[next?])
    }

    fn take(&mut self, length: usize) -> &'a str {
        let start = self.token.1;
        self.token = (start, start + length);
        &self.text[start..start + length]
    }

    fn end_value(&mut self) {
        self.expects = if self.open.is_empty() {
            Expects::Nothing
        } else {
            Expects::CommaOrClose
        };
    }

    fn open(&mut self, close: u8, expects: Expects) -> Token<'a> {
        self.open.push(close);
        self.expects = expects;
        Token::Open(self.take(1))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if self.expects == Expects::Nothing {
            return None;
        }
        let mut next = self.peek()?;
        let closes = match self.expects {
            Expects::ValueOrClose | Expects::NameOrClose | Expects::CommaOrClose => {
                self.open.last() == Some(&next)
            }
            Expects::Value | Expects::Name | Expects::Nothing => false,
        };
        if closes {
            self.open.pop();
            self.end_value();
            return Some(Token::Close(self.take(1)));
        }
        if self.expects == Expects::CommaOrClose {
            if next != b',' {
                return None;
            }
            self.take(1);
            next = self.peek()?;
            let is_object = self.open.last() == Some(&b'}');
            self.expects = if is_object {
                Expects::Name
            } else {
                Expects::Value
            };
        }
        if let Expects::Name | Expects::NameOrClose = self.expects {
            let name = self.take(string_length(self.ahead())?);
            if self.peek()? != b':' {
                return None;
            }
            self.token.1 += 1;
            self.expects = Expects::Value;
            return Some(Token::Name(name));
        }
        match next {
            b'{' => return Some(self.open(b'}', Expects::NameOrClose)),
            b'[' => return Some(self.open(b']', Expects::ValueOrClose)),
            _ => {}
        }
        let scalar = self.take(scalar_length(self.ahead())?);
        self.end_value();
        Some(Token::Scalar(scalar))
    }
}

/// The members of an object, each value as it was written; of several with one name the last counts. `None` if
/// the text is anything else.
#[must_use]
pub fn members(text: &str) -> Option<Vec<(String, &str)>> {
    let mut reader = Reader::new(text);
    reader.next().filter(|token| *token == Token::Open("{"))?;
    let mut members = Vec::new();
    while let Some(Token::Name(name)) = reader.next() {
        members.push((string(name)?, reader.value()?));
    }
    reader.is_all().then_some(members)
}

/// The items of an array, each as it was written. `None` if the text is anything else.
#[must_use]
pub fn items(text: &str) -> Option<Vec<&str>> {
    let mut reader = Reader::new(text);
    reader.next().filter(|token| *token == Token::Open("["))?;
    let mut items = Vec::new();
    while let Some(item) = reader.value() {
        items.push(item);
    }
    reader.is_all().then_some(items)
}

/// What a string says that is written in its quotes; `None` of anything else. Half of a surrogate pair becomes
/// U+FFFD.
#[must_use]
pub fn string(written: &str) -> Option<String> {
    if string_length(written)? != written.len() {
        return None;
    }
    let mut rest = &written[1..written.len() - 1];
    let mut said = String::with_capacity(rest.len());
    while let Some((before, escape)) = rest.split_once('\\') {
        said.push_str(before);
        let mut letters = escape.chars();
        said.push(match letters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = unit(letters.as_str())?;
                letters = letters.as_str()[4..].chars();
                let low = letters.as_str().strip_prefix("\\u").and_then(unit);
                let pair = char::decode_utf16([high, low.unwrap_or_default()]).next()?;
                if pair.as_ref().is_ok_and(|pair| pair.len_utf16() == 2) {
                    letters = letters.as_str()[6..].chars();
                }
                pair.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            itself => itself,
        });
        rest = letters.as_str();
    }
    said.push_str(rest);
    Some(said)
}

/// White space between tokens: RFC 8259 §2.
const SPACE: [u8; 4] = *b" \t\n\r";

fn scalar_length(text: &str) -> Option<usize> {
    let word = match text.as_bytes().first()? {
        b'"' => return string_length(text),
        b't' => "true",
        b'f' => "false",
        b'n' => "null",
        _ => return number_length(text),
    };
    text.starts_with(word).then_some(word.len())
}

fn string_length(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    bytes.next().filter(|(_, byte)| *byte == b'"')?;
    loop {
        match bytes.next()? {
            (end, b'"') => return Some(end + 1),
            (_, b'\\') => match bytes.next()?.1 {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    for _ in 0..4 {
                        bytes.next().filter(|(_, byte)| byte.is_ascii_hexdigit())?;
                    }
                }
                _ => return None,
            },
            (_, 0..b' ') => return None,
            _ => {}
        }
    }
}

fn number_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        let digits = bytes[from..].iter();
        from + digits.take_while(|byte| byte.is_ascii_digit()).count()
    };
    let is = |at: usize, some: &[u8]| bytes.get(at).is_some_and(|byte| some.contains(byte));
    let start = usize::from(is(0, b"-"));
    let mut end = digits(start);
    if end == start || (is(start, b"0") && end > start + 1) {
        return None;
    }
    if is(end, b".") {
        let fraction = end + 1;
        end = digits(fraction);
        if end == fraction {
            return None;
        }
    }
    if is(end, b"eE") {
        let exponent = end + 1 + usize::from(is(end + 1, b"+-"));
        end = digits(exponent);
        if end == exponent {
            return None;
        }
    }
    Some(end)
}

/// A unit of UTF-16 by its four digits.
fn unit(digits: &str) -> Option<u16> {
    u16::from_str_radix(digits.get(..4)?, 16).ok()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_json_is_what_a_parser_takes() {
        for text in [
            "{}",
            "[]",
            " [ ] ",
            "[1,2]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "{\"a\" : [ {} , [ ] ] }",
            "[}",
            "{]",
            "\"a\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u00e9\"",
            "\"a\nb\"",
            "0",
            "-0",
            "01",
            "1.",
            ".5",
            "1e",
            "1e+5",
            "-",
            "+1",
            "true",
            "tru",
            "nul",
            "null",
            "",
            " ",
            "[1]x",
            "[1][2]",
            "{\"a\":1}}",
            "NaN",
        ] {
            let mut reader = Reader::new(text);
            while reader.next().is_some() {}
            let is_json = serde_json::from_str::<Value>(text).is_ok();
            assert_eq!(reader.is_all(), is_json, "{text}");
        }
    }

    #[test]
    fn members_and_items_are_as_they_were_written() {
        let text = r#" { "a\u0062" : 12345678901234567890 , "c":[1, {"d": 2 }], "c": "x" } "#;
        let expected = [
            ("ab", "12345678901234567890"),
            ("c", "[1, {\"d\": 2 }]"),
            ("c", "\"x\""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(members(text), Some(expected.into()));
        assert_eq!(
            items(r#"[ 1.50 ,"a,b", {"c": [ ]},[ ] ]"#),
            Some(vec!["1.50", "\"a,b\"", "{\"c\": [ ]}", "[ ]"])
        );
        assert_eq!(items("[]"), Some(Vec::new()));
        for text in ["[1] 2", "[1", "[1,]", "{}", "1"] {
            assert_eq!(items(text), None, "{text}");
        }
        for text in ["{} 2", "{\"a\":}", "{\"a\":1", "[]", "\"a\""] {
            assert_eq!(members(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_ends_where_it_ends() {
        let mut reader = Reader::new("{\"a\":1}={\"b\":2}");
        assert_eq!(reader.rest(), None);
        while reader.next().is_some() {}
        assert_eq!(reader.rest(), Some("={\"b\":2}"));
    }

    #[test]
    fn depth_costs_nothing() {
        let deep = "[".repeat(1_000_000);
        let mut reader = Reader::new(&deep);
        while reader.next().is_some() {}
        assert_eq!((reader.depth(), reader.rest()), (1_000_000, None));
    }

    proptest! {
        #[test]
        fn a_string_says_what_was_written(said in any::<String>(), ascii in any::<bool>()) {
            let mut written = serde_json::to_string(&said).unwrap();
            if ascii {
                let units = said.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                written = format!("\"{}\"", units.collect::<String>());
            }
            prop_assert_eq!(string(&written), Some(said));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[\\[\\]{}:,\"\\\\u0-9a-f. -]{0,40}") {
            let mut reader = Reader::new(&text);
            while reader.next().is_some() {}
            let is_json = serde_json::from_str::<Value>(&text).is_ok();
            // A parser refuses numbers beyond its own, and halves of surrogate pairs.
            prop_assert!(reader.is_all() || !is_json);
            let _ = string(&text);
        }
    }
}
