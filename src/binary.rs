//! Bytes as people write them: in hexadecimal, and in Base64.

use crate::{
    payload::{line, push_hex},
    words::{Words, fill},
};

/// How bytes are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Notation {
    /// Two digits for each byte; white space, commas, colons and `0x` may stand between bytes.
    Hex,
    /// RFC 4648 §4 and §5, with padding or without; white space may stand anywhere.
    Base64,
}

/// The first letter of a text that belongs to no byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Misspelling {
    notation: Notation,
    /// The letter.
    pub letter: char,
    /// How many bytes of the text are before it.
    pub start: usize,
    /// Which line it is in, from 1.
    pub line: usize,
    /// Which letter of its line it is, from 1.
    pub column: usize,
}

impl Notation {
    /// The bytes that are written so.
    ///
    /// # Errors
    ///
    /// Names the first letter that belongs to no byte.
    pub fn read(self, text: &str) -> Result<Vec<u8>, Misspelling> {
        let read = match self {
            Self::Hex => read_hex(text),
            Self::Base64 => read_base64(text),
        };
        read.map_err(|start| Misspelling::at(start, text, self))
    }
}

impl Misspelling {
    /// What is wrong, and what is allowed.
    #[must_use]
    pub fn text(&self, words: &Words) -> String {
        let text = match self.notation {
            Notation::Hex => words.hex_error,
            Notation::Base64 => words.base64_error,
        };
        let letter = line(self.letter.encode_utf8(&mut [0; 4]));
        let [row, column] = [self.line, self.column].map(|number| number.to_string());
        let places = [
            ("letter", letter.as_str()),
            ("line", &row),
            ("column", &column),
        ];
        fill(text, &places)
    }

    fn at(start: usize, text: &str, notation: Notation) -> Self {
        let (before, behind) = text.split_at(start);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            notation,
            letter: behind.chars().next().unwrap_or_default(),
            start,
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}

/// Bytes as [`Notation::Hex`] reads them, 16 in a line.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(if index % 16 == 0 { '\n' } else { ' ' });
        }
        push_hex(&mut text, *byte);
    }
    text
}

fn read_hex(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    // The first digit of a byte, and where it is.
    let mut first = None;
    for (place, letter) in text.char_indices() {
        let is_between = letter.is_whitespace() || matches!(letter, ',' | ':');
        let digit = letter
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok());
        first = match (first, digit) {
            (None, Some(high)) => Some((place, high)),
            (Some((_, high)), Some(low)) => {
                bytes.push((high << 4) | low);
                None
            }
            (Some((_, 0)), None) if matches!(letter, 'x' | 'X') => None,
            (Some((alone, _)), None) if is_between => return Err(alone),
            (None, None) if is_between => None,
            (_, None) => return Err(place),
        };
    }
    match first {
        None => Ok(bytes),
        Some((alone, _)) => Err(alone),
    }
}

fn read_base64(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    // Of a group of four letters: their bits, how many there are, and where the last of them is.
    let (mut bits, mut count, mut last) = (0_u32, 0, 0);
    let mut padding = 0;
    for (place, letter) in text.char_indices() {
        let from = |first: char, value| u32::from(letter) - u32::from(first) + value;
        let value = match letter {
            'A'..='Z' => from('A', 0),
            'a'..='z' => from('a', 26),
            '0'..='9' => from('0', 52),
            '+' | '-' => 62,
            '/' | '_' => 63,
            '=' if count >= 2 && count + padding < 4 => {
                padding += 1;
                continue;
            }
            _ if letter.is_whitespace() => continue,
            _ => return Err(place),
        };
        if padding > 0 {
            return Err(place);
        }
        bits = (bits << 6) | value;
        count += 1;
        last = place;
        if count == 4 {
            bytes.extend(&bits.to_be_bytes()[1..]);
            count = 0;
        }
    }
    match count {
        0 => {}
        1 => return Err(last),
        _ => bytes.extend(&(bits << (24 - 6 * count)).to_be_bytes()[1..count]),
    }
    Ok(bytes)
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{
        Notation::{Base64, Hex},
        *,
    };
    use crate::words::Lang;

    #[test]
    fn hex_is_read_as_people_and_programs_write_it() {
        for text in [
            "00ff1a",
            "00 FF 1a",
            "00:ff:1A",
            " 0x00, 0xff,\n\t0X1a,\n",
            "0x00ff1a",
            "0x000xff0x1a",
            "00\u{a0}ff\u{3000}1a",
        ] {
            assert_eq!(Hex.read(text), Ok(vec![0, 0xff, 0x1a]), "{text:?}");
        }
        for text in ["", " \n", "0x"] {
            assert_eq!(Hex.read(text), Ok(vec![]), "{text:?}");
        }
    }

    /// RFC 4648 §10, without padding too; and the letters that two alphabets differ in.
    #[test]
    fn base64_is_read_as_its_standard_writes_it() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            for text in [text, text.trim_end_matches('=')] {
                assert_eq!(Base64.read(text), Ok(bytes.into()), "{text}");
            }
        }
        for text in ["+/+/", "-_-_", " -/\n+_ "] {
            assert_eq!(Base64.read(text), Ok(vec![0xfb, 0xff, 0xbf]), "{text:?}");
        }
        assert_eq!(Base64.read("Z g\n=\t= "), Ok(b"f".into()));
    }

    #[test]
    fn what_is_no_byte_is_named_with_its_place() {
        for (notation, text, letter, place) in [
            (Hex, "00 fg", 'g', (1, 5)),
            (Hex, "00\n好 ff", '好', (2, 1)),
            (Hex, "00 f 0f", 'f', (1, 4)),
            (Hex, "00 fff", 'f', (1, 6)),
            (Hex, "0 x41", '0', (1, 1)),
            (Hex, "1x41", 'x', (1, 2)),
            (Hex, "\"00\"", '"', (1, 1)),
            (Hex, "好", '好', (1, 1)),
            (Base64, "Zm9v\nYm*v", '*', (2, 3)),
            (Base64, "=", '=', (1, 1)),
            (Base64, "Z===", '=', (1, 2)),
            (Base64, "Zm9v=", '=', (1, 5)),
            (Base64, "Zg===", '=', (1, 5)),
            (Base64, "Zg==Zg==", 'Z', (1, 5)),
            (Base64, "Zg=v", 'v', (1, 4)),
            (Base64, "Zm9vY \n", 'Y', (1, 5)),
            (Base64, "data:text/plain;base64,Zg==", ':', (1, 5)),
        ] {
            let error = notation.read(text).unwrap_err();
            let found = (error.letter, (error.line, error.column));
            assert_eq!(found, (letter, place), "{text:?}");
            assert!(text[error.start..].starts_with(letter), "{text:?}");
        }
    }

    #[test]
    fn an_error_says_what_is_allowed() {
        let words = Lang::En.words();
        let error = Hex.read("00\n0\u{202e}").unwrap_err();
        let said = error.text(words);
        let begin = "Not sent: “⟨U+202E⟩” in line 2, column 2 belongs to no byte.";
        assert!(said.starts_with(begin), "{said}");
        assert!(said.contains("0–9 or a–f"), "{said}");
        let said = Base64.read("Zm9v!").unwrap_err().text(words);
        assert!(said.contains("“!” in line 1, column 5"), "{said}");
        assert!(said.contains("A–Z, a–z, 0–9"), "{said}");
    }

    #[test]
    fn bytes_are_written_16_in_a_line() {
        let bytes: Vec<u8> = (0..18).collect();
        assert_eq!(
            hex(&bytes),
            "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n10 11"
        );
        assert_eq!(hex(&[]), "");
    }

    proptest! {
        #[test]
        fn bytes_that_are_written_and_read_are_the_same(
            bytes in vec(any::<u8>(), 0..100),
            between in select(vec!["", " ", ":", ", 0x", "\n"]),
            is_padded in any::<bool>(),
        ) {
            prop_assert_eq!(Hex.read(&hex(&bytes)), Ok(bytes.clone()));
            let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            prop_assert_eq!(Hex.read(&pairs.join(between)), Ok(bytes.clone()));
            for [high, low] in [['+', '/'], ['-', '_']] {
                let text = base64(&bytes, [high, low], is_padded);
                prop_assert_eq!(Base64.read(&text), Ok(bytes.clone()), "{}", text);
            }
        }

        #[test]
        fn a_letter_that_does_not_belong_is_found_wherever_it_stands(
            bytes in vec(any::<u8>(), 0..50), place in any::<prop::sample::Index>(),
            letter in select(vec!['g', 'x', '!', '.', '"', '好', '\0', '\u{feff}']),
        ) {
            // Neither has a place where this one may stand: no byte is 0.
            let bytes: Vec<_> = bytes.iter().map(|byte| byte | 0x11).collect();
            let texts = [(Hex, hex(&bytes)), (Base64, base64(&bytes, ['+', '/'], true))];
            for (notation, mut text) in texts {
                if notation == Base64 && letter.is_ascii_alphabetic() {
                    continue;
                }
                let place = place.index(text.len() + 1);
                let lines = text[..place].matches('\n').count();
                text.insert(place, letter);
                let error = notation.read(&text).unwrap_err();
                prop_assert_eq!((error.letter, error.start), (letter, place), "{}", text);
                prop_assert_eq!(error.line, lines + 1);
            }
        }

        #[test]
        fn any_text_is_read_or_its_first_fault_is_named(text in "[0-9a-fx:, =\nZ+_好]{0,20}") {
            for notation in [Hex, Base64] {
                if let Err(error) = notation.read(&text) {
                    prop_assert!(text[error.start..].starts_with(error.letter));
                    let line = text.split('\n').nth(error.line - 1).unwrap();
                    prop_assert_eq!(line.chars().nth(error.column - 1), Some(error.letter));
                }
            }
        }
    }

    /// Written bit by bit, as RFC 4648 §4 describes it.
    fn base64(bytes: &[u8], last: [char; 2], is_padded: bool) -> String {
        let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(last);
        let letters: Vec<char> = letters.collect();
        let bit = |index: usize| {
            let byte = bytes.get(index / 8).copied().unwrap_or_default();
            usize::from((byte >> (7 - index % 8)) & 1)
        };
        let groups = 0..(bytes.len() * 8).div_ceil(6);
        let mut text: String = groups
            .map(|group| letters[(0..6).fold(0, |value, place| value * 2 + bit(group * 6 + place))])
            .collect();
        while is_padded && !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }
}
