//! What a payload looks like: in one line, as it is, as JSON, as bytes; and what is found in it.

use std::{borrow::Cow, iter};

use crate::address::is_deceptive;

/// The text in one line: what cannot be seen is made visible, and a long one is cut.
#[must_use]
pub fn line(text: &str) -> String {
    const MOST: usize = 200;
    let mut line = String::new();
    let mut before = ' ';
    for (count, character) in text.chars().enumerate() {
        if count == MOST {
            line.push('…');
            break;
        }
        match character {
            '\n' => line.push('⏎'),
            '\t' => line.push('⇥'),
            _ => push_visible(&mut line, before, character),
        }
        before = character;
    }
    line
}

/// The text with what cannot be seen, or turns round what stands beside it, made visible.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| matches!(character, '\n' | '\t') || !is_hidden(character);
    if text.chars().all(is_plain) {
        return text.into();
    }
    let mut visible = String::with_capacity(text.len());
    let mut before = ' ';
    for character in text.chars() {
        match character {
            '\n' | '\t' => visible.push(character),
            _ => push_visible(&mut visible, before, character),
        }
        before = character;
    }
    visible.into()
}

/// JSON with a line for each value, its numbers and strings as they were written. Nothing if it is
/// no object or array, or is too large or too deep for anybody to read.
#[must_use]
pub fn pretty(text: &str) -> Option<String> {
    const MOST_BYTES: usize = 256 * 1024;
    let is_structure = text.trim_start().starts_with(['{', '[']);
    if text.len() > MOST_BYTES || !is_structure {
        return None;
    }
    let mut printer = Printer {
        rest: text,
        printed: String::new(),
    };
    printer.value(0)?;
    printer.skip_space();
    printer.rest.is_empty().then_some(printer.printed)
}

/// The bytes in lines of 16: where they are, each in hexadecimal, and those that ASCII can show.
#[must_use]
pub fn hex_lines(bytes: &[u8]) -> String {
    const WIDTH: usize = 16;
    let mut lines = String::with_capacity(bytes.len().div_ceil(WIDTH) * 79);
    for (index, chunk) in bytes.chunks(WIDTH).enumerate() {
        if index > 0 {
            lines.push('\n');
        }
        let offset = u32::try_from(index * WIDTH).unwrap_or(u32::MAX);
        for byte in offset.to_be_bytes() {
            push_hex(&mut lines, byte);
        }
        for position in 0..WIDTH {
            lines.push_str(if position % 8 == 0 { "  " } else { " " });
            match chunk.get(position) {
                Some(byte) => push_hex(&mut lines, *byte),
                None => lines.push_str("  "),
            }
        }
        lines.push_str("  |");
        lines.extend(chunk.iter().map(|byte| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        }));
        lines.push('|');
    }
    lines
}

/// A byte in hexadecimal.
pub(crate) fn push_hex(text: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 15] {
        text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
    }
}

/// A text that is looked for, whatever the case of its letters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Needle {
    first: char,
    others: Vec<char>,
}

impl Needle {
    /// Nothing is looked for with an empty text.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut folded = text.chars().map(fold);
        Some(Self {
            first: folded.next()?,
            others: folded.collect(),
        })
    }

    /// Whether it is somewhere in `text`.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let mut rest = text.chars();
        while rest.any(|character| fold(character) == self.first) {
            let mut behind = rest.clone().map(fold);
            if self
                .others
                .iter()
                .all(|other| behind.next() == Some(*other))
            {
                return true;
            }
        }
        false
    }
}

/// The small letter of a Latin, Greek or Cyrillic capital. The standard library's tables know every
/// script, and weigh more than all that uses them here.
fn fold(character: char) -> char {
    let code = u32::from(character);
    let folded = match character {
        'A'..='Z' => return character.to_ascii_lowercase(),
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => code + 32,
        'Ѐ'..='Џ' => code + 80,
        'Ā'..='ķ' | 'Ŋ'..='ŷ' => code | 1,
        'Ĺ'..='ň' | 'Ź'..='ž' => (code + 1) & !1,
        _ => return character,
    };
    char::from_u32(folded).unwrap_or(character)
}

fn push_visible(text: &mut String, before: char, character: char) {
    // Joiners belong to many scripts and to emoji; in others they only hide something.
    let joins = matches!(character, '\u{200c}' | '\u{200d}') && !before.is_ascii();
    if joins || !is_hidden(character) {
        text.push(character);
    } else {
        text.push_str("⟨U+");
        let start = text.len();
        let digits = u32::from(character).to_be_bytes();
        let leading = usize::from(character <= '\u{ffff}') + 1;
        for byte in &digits[leading..] {
            push_hex(text, *byte);
        }
        text[start..].make_ascii_uppercase();
        text.push('⟩');
    }
}

fn is_hidden(character: char) -> bool {
    is_deceptive(character)
        || matches!(
            character,
            '\u{ad}'
                | '\u{180e}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Reads JSON (RFC 8259) and prints it again. Each method reads what it is named after and prints it,
/// or gives up.
struct Printer<'a> {
    rest: &'a str,
    printed: String,
}

impl Printer<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        const MOST_DEPTH: usize = 64;
        const MOST_PRINTED: usize = 1024 * 1024;
        self.skip_space();
        if depth > MOST_DEPTH || self.printed.len() > MOST_PRINTED {
            return None;
        }
        match self.rest.bytes().next()? {
            b'{' => self.structure(depth, "{", "}"),
            b'[' => self.structure(depth, "[", "]"),
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number(),
        }
    }

    fn structure(&mut self, depth: usize, open: &str, close: &str) -> Option<()> {
        self.literal(open)?;
        self.skip_space();
        if self.literal(close).is_some() {
            return Some(());
        }
        loop {
            self.break_line(depth + 1);
            if open == "{" {
                self.skip_space();
                self.string()?;
                self.skip_space();
                self.literal(":")?;
                self.printed.push(' ');
            }
            self.value(depth + 1)?;
            self.skip_space();
            if self.literal(",").is_none() {
                break;
            }
        }
        self.break_line(depth);
        self.literal(close)
    }

    fn string(&mut self) -> Option<()> {
        let mut bytes = self.rest.bytes().enumerate();
        bytes.next().filter(|(_, byte)| *byte == b'"')?;
        loop {
            match bytes.next()? {
                (end, b'"') => return self.take(end + 1),
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

    fn number(&mut self) -> Option<()> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| {
            let digits = bytes[from..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit());
            from + digits.count()
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
        self.take(end)
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        let length = self.rest.starts_with(text).then_some(text.len())?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Option<()> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.printed.push_str(taken);
        self.rest = rest;
        Some(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn break_line(&mut self, depth: usize) {
        self.printed.push('\n');
        self.printed.extend(iter::repeat_n("  ", depth));
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_shows_what_cannot_be_seen() {
        for (text, expected) in [
            ("plain", "plain"),
            ("two\nlines\tand a tab", "two⏎lines⇥and a tab"),
            ("\u{202e}gpj.exe\u{0}", "⟨U+202E⟩gpj.exe⟨U+0000⟩"),
            ("\u{feff}a\u{ad}b\u{2066}", "⟨U+FEFF⟩a⟨U+00AD⟩b⟨U+2066⟩"),
            ("a\u{200d}b 👩\u{200d}🚀", "a⟨U+200D⟩b 👩\u{200d}🚀"),
            ("\u{e0041}", "⟨U+0E0041⟩"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        assert_eq!(line(&"好".repeat(1_000)), "好".repeat(200) + "…");
    }

    #[test]
    fn a_text_keeps_its_lines_and_shows_what_cannot_be_seen() {
        assert_eq!(visible("a\n\tb\r"), "a\n\tb⟨U+000D⟩");
        assert!(matches!(visible("a\n\tb"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_indented_and_its_values_are_left_as_they_are() {
        let text = r#" {"a":[1,-2.50e+10,[]],"b":{"c":"\"\u00e9, {","d":{}}, "e":[true,null]} "#;
        let expected = r#"{
  "a": [
    1,
    -2.50e+10,
    []
  ],
  "b": {
    "c": "\"\u00e9, {",
    "d": {}
  },
  "e": [
    true,
    null
  ]
}"#;
        assert_eq!(pretty(text).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in [
            "",
            "hello",
            "5",
            "\"text\"",
            "{",
            "{]",
            "[1 2]",
            "[1,]",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "[01]",
            "[1.]",
            "[-]",
            "[1e]",
            "[nul]",
            "[\"\\x\"]",
            "[\"\\u12\"]",
            "[\"a\nb\"]",
            "[] []",
        ] {
            assert_eq!(pretty(text), None, "{text}");
        }
        assert!(pretty(&("[".repeat(65) + &"]".repeat(65))).is_some());
        assert_eq!(pretty(&("[".repeat(66) + &"]".repeat(66))), None);
        assert_eq!(pretty(&format!("[{}1]", "1,".repeat(200_000))), None);
        // Small as it is, this would be 16 times as large.
        let deep = "[".repeat(60) + &"1,".repeat(100_000) + "1" + &"]".repeat(60);
        assert_eq!(pretty(&deep), None);
    }

    #[test]
    fn bytes_are_dumped_in_lines() {
        let bytes: Vec<u8> = (0..18).chain("héllo".bytes()).collect();
        assert_eq!(
            hex_lines(&bytes),
            "00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  |................|\n\
             00000010  10 11 68 c3 a9 6c 6c 6f                           |..h..llo|"
        );
        assert_eq!(hex_lines(&[]), "");
    }

    #[test]
    fn a_text_is_found_whatever_its_case() {
        for (needle, text) in [
            ("HEART", "a heartbeat"),
            ("beat", "HEARTBEAT"),
            ("ärger", "ÄRGER"),
            ("λόγος", "Λόγος"),
            ("ЖУК", "жук"),
            ("łódź", "ŁÓDŹ"),
            ("aab", "aaab"),
            ("消息", "新消息"),
        ] {
            assert!(Needle::new(needle).unwrap().is_in(text), "{needle}");
        }
        assert!(!Needle::new("beats").unwrap().is_in("a heartbeat"));
        assert_eq!(Needle::new(""), None);
    }

    #[test]
    fn letters_are_folded_as_unicode_does() {
        for character in ('A'..='\u{45f}').filter(|character| *character != 'İ') {
            let folded = fold(character);
            let lower: Vec<_> = character.to_lowercase().collect();
            assert!(folded == character || [folded] == lower[..], "{character}");
        }
        for character in ('À'..='Þ')
            .chain('Ā'..='ŷ')
            .chain('А'..='Я')
            .filter(|c| *c != '×')
        {
            let lower: Vec<_> = character.to_lowercase().collect();
            assert!(
                lower.len() > 1 || [fold(character)] == lower[..],
                "{character}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_shows_more_than_letters(text in any::<String>()) {
            let is_kept = |character| matches!(character, '\n' | '\t' | '\u{200c}' | '\u{200d}');
            let visible = visible(&text);
            prop_assert!(visible.chars().all(|character| is_kept(character) || !is_hidden(character)));
            prop_assert!(!line(&text).contains(['\n', '\t']));
        }

        #[test]
        fn json_printed_once_more_is_the_same(text in r#"[\[\]{},:"a1 ]{0,30}"#) {
            if let Some(printed) = pretty(&text) {
                prop_assert_eq!(pretty(&printed), Some(printed));
            }
        }

        #[test]
        fn what_is_in_a_text_is_found(text in "[a-cA-C]{0,20}", from in 0..20_usize, length in 1..5_usize) {
            let needle: String = text.chars().skip(from).take(length).collect();
            if let Some(needle) = Needle::new(&needle) {
                prop_assert!(needle.is_in(&text.to_uppercase()));
            }
        }
    }
}
