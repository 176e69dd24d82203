//! What a payload looks like: in one line, as it is, as JSON, as bytes; and what is found in it. None of it
//! grows beyond what a browser lays out in a moment.

use heartwire::core::json::{Reader, Token};

use crate::address::is_deceptive;

/// How a text begins that may be too long to be shown whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Beginning {
    /// At most [`MOST_SHOWN`] bytes, with what cannot be seen made visible.
    pub text: String,
    /// Whether the text goes on.
    pub is_cut: bool,
}

/// What is shown of a text at most, in bytes: a browser lays out as much in the time of a frame or two.
pub const MOST_SHOWN: usize = 32_000;

/// How the text begins: what cannot be seen, or turns round what stands beside it, is made visible.
#[must_use]
pub fn beginning(text: &str) -> Beginning {
    begin(
        text,
        MOST_SHOWN,
        |shown, before, character| match character {
            '\n' | '\t' => shown.push(character),
            _ => push_visible(shown, before, character),
        },
    )
}

/// The text in one line: what cannot be seen is made visible, also where there is nothing else, and a
/// long one is cut.
#[must_use]
pub fn line(text: &str) -> String {
    const MOST: usize = 200;
    // Laid out for every row in view, many times a second.
    const MOST_WEIGHT: usize = 1_000;
    let end = text.char_indices().nth(MOST).map(|(end, _)| end);
    let head = &text[..end.unwrap_or(text.len())];
    let is_blank = head.trim().is_empty();
    let line = begin(
        head,
        MOST_WEIGHT,
        |line, before, character| match character {
            '\n' => line.push('⏎'),
            '\t' => line.push('⇥'),
            _ if is_blank && !is_hidden(character) => line.push('␣'),
            _ => push_visible(line, before, character),
        },
    );
    if line.is_cut || end.is_some() {
        line.text + "…"
    } else {
        line.text
    }
}

/// As much of a text as fits among other words; what cannot be seen is made visible. Nobody reads on
/// in a longer address, and a link may bring one of a megabyte.
#[must_use]
pub fn excerpt(text: &str) -> String {
    visible(text, 2_000)
}

/// A text among other words that somebody is asked about: nobody decides on the rest of one that is cut.
#[must_use]
pub fn exposed(text: &str) -> String {
    visible(text, MOST_SHOWN)
}

/// Whether a text is [`exposed`] whole.
#[must_use]
pub fn is_whole(text: &str) -> bool {
    !begin(text, MOST_SHOWN, push_visible).is_cut
}

fn visible(text: &str, most: usize) -> String {
    let visible = begin(text, most, push_visible);
    if visible.is_cut {
        visible.text + "…"
    } else {
        visible.text
    }
}

/// Whether a text runs from right to left: its first letter with a direction tells, as for `dir="auto"`.
/// Every other script than those named here is taken to run from left to right.
#[must_use]
pub fn runs_leftwards(text: &str) -> bool {
    let mut directions = text.chars().filter_map(|character| match character {
        // Digits, punctuation and symbols have none: UAX #9, Bidi_Class other than L, R and AL.
        '\0'..='@'
        | '['..='`'
        | '{'..='\u{a9}'
        | '\u{ab}'..='\u{b4}'
        | '\u{b6}'..='\u{b9}'
        | '\u{bb}'..='\u{bf}'
        | '×'
        | '÷'
        | '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}'
        | '\u{600}'..='\u{607}'
        | '\u{60c}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{66c}'
        | '\u{6f0}'..='\u{6f9}'
        | '\u{2000}'..='\u{200d}'
        | '\u{2010}'..='\u{2070}'
        | '\u{2074}'..='\u{207e}'
        | '\u{2080}'..='\u{208f}'
        | '\u{20a0}'..='\u{20ff}'
        | '\u{2190}'..='\u{2bff}'
        | '\u{3000}'..='\u{3004}'
        | '\u{3008}'..='\u{3020}'
        | '\u{fe00}'..='\u{fe6f}'
        | '\u{feff}'..='\u{ff20}'
        | '\u{1f300}'..='\u{1faff}' => None,
        // Hebrew, Arabic, Syriac, Thaana, N’Ko and their like; the mark that says so.
        '\u{590}'..='\u{8ff}'
        | '\u{200f}'
        | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefe}'
        | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}' => Some(true),
        _ => Some(false),
    });
    directions.next().unwrap_or(false)
}

/// How JSON begins with a line for each value, its numbers and strings as they were written. A short word may
/// stand before it, as in Socket.IO's `42["event",{}]`. Nothing if it is no object or array, or is too deep for
/// anybody to read.
#[must_use]
pub fn pretty(text: &str) -> Option<Beginning> {
    const MOST_DEPTH: usize = 64;
    let (word, json) = text.split_at(json_start(text)?);
    let mut reader = Reader::new(json);
    let (mut printer, mut before) = (Printer::default(), None);
    printer.print(word.trim_start());
    while let Some(token) = reader.next() {
        if reader.depth() > MOST_DEPTH {
            return None;
        }
        printer.token(token, before, reader.depth());
        before = Some(token);
    }
    if !reader.is_all() {
        return None;
    }
    let mut begun = beginning(&printer.printed);
    begun.is_cut |= printer.is_cut;
    Some(begun)
}

/// Where JSON begins: behind a short word at most. Words often have a number in brackets behind them; so an array
/// behind a word is JSON only if a text or a structure is its first item.
fn json_start(text: &str) -> Option<usize> {
    const MOST_BEFORE: usize = 32;
    let start = text.find(['{', '['])?;
    let word = text[..start].trim();
    let inside = text[start..].strip_prefix('[').map(str::trim_start);
    let is_json =
        word.is_empty() || inside.is_none_or(|inside| inside.starts_with(['"', '{', '[']));
    (is_json && word.len() <= MOST_BEFORE && !word.contains(char::is_whitespace)).then_some(start)
}

/// So many bytes make [`MOST_SHOWN`] in [`hex_lines`], or a little less.
pub const MOST_HEX: usize = 6_400;

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

/// A text as a string of JSON, in its quotes.
pub(crate) fn push_json_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            // Some readers of lines take the last two for the end of one.
            '\0'..' ' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                json.push_str("\\u");
                let [.., high, low] = u32::from(character).to_be_bytes();
                push_hex(json, high);
                push_hex(json, low);
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

/// A text that is looked for, whatever the case of its letters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Needle {
    letters: Vec<char>,
    /// For so many letters that were found, how many of them may begin another find: the algorithm of
    /// Knuth, Morris and Pratt, which looks at each letter of a text once.
    others: Vec<usize>,
}

impl Needle {
    /// Nothing is looked for with an empty text.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut needle = Self {
            letters: text.chars().map(fold).collect(),
            others: vec![0],
        };
        let mut found = 0;
        for index in 1..needle.letters.len() {
            found = needle.go_on(found, needle.letters[index]);
            needle.others.push(found);
        }
        Some(needle)
    }

    /// Whether it is somewhere in `text`.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let mut found = 0;
        text.chars().any(|character| {
            found = self.go_on(found, fold(character));
            found == self.letters.len()
        })
    }

    /// How many of its letters are found with one letter more.
    fn go_on(&self, mut found: usize, letter: char) -> usize {
        while self.letters[found] != letter {
            if found == 0 {
                return 0;
            }
            found = self.others[found - 1];
        }
        found + 1
    }
}

/// The small letter of a Latin, Greek or Cyrillic capital. The standard library's tables know every
/// script, and weigh more than all that uses them here.
fn fold(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let code = u32::from(character);
    let folded = match character {
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => code + 32,
        'Ѐ'..='Џ' => code + 80,
        'Ā'..='ķ' | 'Ŋ'..='ŷ' => code | 1,
        'Ĺ'..='ň' | 'Ź'..='ž' => (code + 1) & !1,
        _ => return character,
    };
    char::from_u32(folded).unwrap_or(character)
}

/// Writes a text as far as it is light enough to be laid out. It is cut between words or signs, if
/// these are not too long.
fn begin(text: &str, most: usize, mut push: impl FnMut(&mut String, char, char)) -> Beginning {
    /// The longest beginning of a word or sign that is left out where the text is cut, in bytes.
    const MOST_LEFT_OUT: usize = 256;
    let mut begun = String::with_capacity(text.len().min(most));
    let (mut scale, mut before, mut seam) = (Scale::default(), ' ', 0);
    for character in text.chars() {
        let start = begun.len();
        if is_seam(before, character) {
            seam = start;
        }
        push(&mut begun, before, character);
        scale.weigh(character, begun.len() - start);
        if scale.weight > most {
            let is_near = start - seam <= MOST_LEFT_OUT;
            begun.truncate(if is_near { seam } else { start });
            return Beginning {
                text: begun,
                is_cut: true,
            };
        }
        before = character;
    }
    Beginning {
        text: begun,
        is_cut: false,
    }
}

/// How much work a text is for a browser that lays it out, in bytes of plain letters.
///
/// What stands together without a space in a script that joins its letters, stacks marks on them or
/// runs from right to left costs Chromium the square of its length: 2,000 modifiers of emoji took 2 s,
/// 16,000 Arabic letters as long. So does an exchange of such scripts with others, in the number of
/// exchanges. A line costs as much as some ten letters.
#[derive(Default)]
struct Scale {
    weight: usize,
    /// How many intricate characters stand together.
    run: usize,
    /// Whether the last character that is no space was intricate.
    is_intricate: bool,
}

impl Scale {
    fn weigh(&mut self, character: char, shown: usize) {
        const LINE: usize = 8;
        const EXCHANGE: usize = 8;
        self.weight += shown;
        if character.is_whitespace() {
            self.run = 0;
            self.weight += if character == '\n' { LINE } else { 0 };
            return;
        }
        let is_intricate = is_intricate(character);
        if is_intricate != self.is_intricate {
            self.weight += EXCHANGE;
            self.is_intricate = is_intricate;
        }
        self.run = if is_intricate { self.run + 1 } else { 0 };
        self.weight += self.run / 4;
    }
}

/// Whether a text can be cut between these: within no sign, and within no word of a script that joins
/// its letters.
fn is_seam(before: char, character: char) -> bool {
    !is_intricate(character) && before != ZERO_WIDTH_JOINER || before.is_whitespace()
}

/// Whether a character depends on those beside it. Where that is not known, it does.
fn is_intricate(character: char) -> bool {
    !matches!(character,
        // Latin, Greek, Cyrillic, Armenian
        '\0'..='\u{2af}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{58f}' | '\u{1e00}'..='\u{200b}'
        // punctuation, symbols
        | '\u{200e}'..='\u{20cf}' | '\u{2100}'..='\u{2cee}'
        // Chinese, Japanese, Korean, without the marks
        | '\u{2e00}'..='\u{3029}' | '\u{3030}'..='\u{3098}' | '\u{309b}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{e000}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff9d}' | '\u{ffa0}'..='\u{ffff}' | '\u{20000}'..='\u{3ffff}'
        // emoji, without the letters of flags and the modifiers
        | '\u{1f000}'..='\u{1f1e5}' | '\u{1f200}'..='\u{1f3fa}' | '\u{1f400}'..='\u{1faff}'
    )
}

fn push_visible(text: &mut String, before: char, character: char) {
    // Joiners belong to many scripts and to emoji, and selectors to emoji and ideographs; elsewhere, and
    // behind their like, they only hide something.
    let belongs = !before.is_ascii() || matches!(before, '0'..='9' | '#' | '*');
    let is_kept = match character {
        '\u{200c}' | ZERO_WIDTH_JOINER => {
            !before.is_ascii() && !matches!(before, '\u{200b}'..='\u{200f}')
        }
        '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            belongs && !is_hidden(before)
        }
        _ => !is_hidden(character),
    };
    if is_kept {
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

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Whether a character cannot be seen, or turns round what stands beside it: also what Unicode calls
/// `Default_Ignorable_Code_Point`.
fn is_hidden(character: char) -> bool {
    is_deceptive(character)
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// As much of what is printed as is shown.
#[derive(Default)]
struct Printer {
    printed: String,
    is_cut: bool,
}

impl Printer {
    fn token(&mut self, token: Token<'_>, before: Option<Token<'_>>, depth: usize) {
        let is_first = matches!(before, Some(Token::Open(_)));
        let (text, depth) = match token {
            Token::Open(text) => (text, depth - 1),
            Token::Close(text) | Token::Name(text) | Token::Scalar(text) => (text, depth),
        };
        match (token, before) {
            (Token::Close(_), _) if is_first => {}
            (_, None | Some(Token::Name(_))) => {}
            (Token::Close(_), _) => self.break_line(depth),
            _ => {
                if !is_first {
                    self.print(",");
                }
                self.break_line(depth);
            }
        }
        self.print(text);
        if let Token::Name(_) = token {
            self.print(": ");
        }
    }

    fn break_line(&mut self, depth: usize) {
        self.print("\n");
        for _ in 0..depth {
            self.print("  ");
        }
    }

    fn print(&mut self, text: &str) {
        if self.is_cut {
            return;
        }
        let end = text.floor_char_boundary(MOST_SHOWN - self.printed.len());
        self.printed.push_str(&text[..end]);
        self.is_cut = end < text.len();
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::time::Instant;

    use proptest::{collection::vec, prelude::*};

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
    fn what_only_hides_something_is_shown_and_what_belongs_to_a_sign_is_left() {
        for (text, expected) in [
            ("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("葛\u{e0100}", "葛\u{e0100}"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("a\u{fe0f}", "a⟨U+FE0F⟩"),
            ("😀\u{e0101}\u{e0102}", "😀\u{e0101}⟨U+0E0102⟩"),
            ("好\u{200d}\u{200d}", "好\u{200d}⟨U+200D⟩"),
            ("\u{3164}\u{115f}\u{34f}", "⟨U+3164⟩⟨U+115F⟩⟨U+034F⟩"),
        ] {
            assert_eq!(beginning(text).text, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_of_nothing_but_spaces_shows_them() {
        assert_eq!(line("  \n\u{a0}\r"), "␣␣⏎␣⟨U+000D⟩");
        assert_eq!(line(" a "), " a ");
        assert_eq!(line(""), "");
    }

    #[test]
    fn a_text_keeps_its_lines_and_shows_what_cannot_be_seen() {
        assert_eq!(begun("a\n\tb\r"), ("a\n\tb⟨U+000D⟩".to_owned(), false));
        assert_eq!(begun(""), (String::new(), false));
    }

    #[test]
    fn of_a_long_text_32_kb_are_shown() {
        let whole = "a".repeat(MOST_SHOWN);
        assert_eq!(begun(&whole), (whole.clone(), false));
        assert_eq!(begun(&format!("{whole}b")), (whole.clone(), true));
        // Also of what becomes longer as it is made visible.
        let (hidden, is_cut) = begun(&"\u{202e}".repeat(MOST_SHOWN));
        assert!(is_cut && hidden.len() <= MOST_SHOWN && hidden.len() > MOST_SHOWN / 2);
        assert!(hidden.ends_with("⟨U+202E⟩"));
        let chinese = begun(&"好".repeat(MOST_SHOWN)).0;
        assert_eq!(chinese, "好".repeat(MOST_SHOWN / 3));
    }

    #[test]
    fn a_text_is_cut_between_signs() {
        let lead = "a".repeat(MOST_SHOWN - 40);
        for sign in [
            "e\u{301}\u{302}",
            "👩\u{200d}👩\u{200d}👧\u{200d}👦",
            "👍\u{1f3fd}",
            "🇩🇪",
            "1\u{fe0f}\u{20e3}",
            "\u{1100}\u{1161}\u{11a8}",
        ] {
            for shift in 0..40 {
                let text = ["b".repeat(shift), lead.clone(), sign.repeat(40)].concat();
                let (shown, is_cut) = begun(&text);
                assert!(is_cut, "{sign}");
                let signs = shown.get(shift + lead.len()..).unwrap_or_default();
                // Of flags, which have no seam between them, whole ones may be missing.
                assert!(
                    signs.len() % sign.len() == 0,
                    "{sign} is cut: {}",
                    signs.escape_unicode()
                );
            }
        }
    }

    /// What a browser takes the longest for is shown in part, however short it is; what people write is
    /// not.
    #[test]
    fn a_text_is_cut_where_its_layout_would_take_long() {
        for (sign, most) in [
            ("\u{1f3fb}", 600),
            ("\u{1038}", 600),
            ("\u{628}", 600),
            ("\u{5d0}a", 4_000),
            ("\n", 4_000),
        ] {
            let (shown, is_cut) = begun(&sign.repeat(10_000 / sign.len()));
            let is_short = shown.chars().count() <= most;
            assert_eq!(is_cut, is_short, "{sign:?}: {}", shown.len());
            let (shown, is_cut) = begun(&sign.repeat(32_000 / sign.len()));
            assert!(is_cut && shown.chars().count() <= most, "{sign:?}");
            let row = line(&sign.repeat(200));
            assert!(row.chars().count() <= 201, "{sign:?}");
        }
        for text in [
            "The quick brown fox jumps over the lazy dog. ",
            "Franz jagt im komplett verwahrlosten Taxi quer durch Bayern. ",
            "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
            "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。",
            "いろはにほへと　ちりぬるを　わかよたれそ　つねならむ",
            "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. ",
            "😀😃😄😁 ",
            "{\"id\":1,\"name\":\"item 1\",\"v\":[1.5,true,null]},",
        ] {
            let whole = text.repeat(30_000 / text.len());
            assert_eq!(begun(&whole), (whole, false));
        }
        for text in [
            "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر ومغلف بجلد أزرق. ",
            "דג סקרן שט בים מאוכזב ולפתע מצא לו חברה. ",
            "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार। ",
            "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ",
        ] {
            let whole = text.repeat(8_000 / text.len());
            assert_eq!(begun(&whole), (whole, false));
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn an_excerpt_fits_among_other_words() {
        assert_eq!(excerpt("wss://example.org/a"), "wss://example.org/a");
        let long = excerpt(&"a".repeat(1_000_000));
        assert_eq!(long, "a".repeat(2_000) + "…");
        assert!(excerpt(&"\u{628}".repeat(2_000)).chars().count() < 200);
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
        assert_eq!(printed(text).as_deref(), Some(expected));
    }

    #[test]
    fn a_short_word_may_stand_before_json() {
        for (text, expected) in [
            (
                r#"42["event",{"a":1}]"#,
                "42[\n  \"event\",\n  {\n    \"a\": 1\n  }\n]",
            ),
            (r#" data: {"a":1} "#, "data: {\n  \"a\": 1\n}"),
            ("0{}", "0{}"),
        ] {
            assert_eq!(printed(text).as_deref(), Some(expected), "{text}");
        }
        let long = "a".repeat(33) + "{}";
        for text in [
            "Hello [1]",
            r#"see ["a"] there"#,
            "two words {}",
            "0{} 1",
            &long,
        ] {
            assert_eq!(pretty(text), None, "{text}");
        }
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
        assert!(pretty(&("[".repeat(64) + &"]".repeat(64))).is_some());
        assert_eq!(pretty(&("[".repeat(65) + &"]".repeat(65))), None);
    }

    #[test]
    fn of_much_json_the_beginning_is_printed() {
        let long = format!("[{}1]", "1,".repeat(200_000));
        let begun = pretty(&long).unwrap();
        assert!(begun.is_cut && begun.text.starts_with("[\n  1,\n  1,"));
        assert!(begun.text.len() <= MOST_SHOWN);
        // Its end is read, too.
        assert_eq!(pretty(&long[..long.len() - 1]), None);
        // Printed whole, this would be 60 times as large.
        let deep = "[".repeat(60) + &"1,".repeat(100_000) + "1" + &"]".repeat(60);
        let begun = pretty(&deep).unwrap();
        assert!(begun.is_cut && begun.text.len() <= MOST_SHOWN);
        let word = pretty(&format!("[\"{}\"]", "é".repeat(MOST_SHOWN))).unwrap();
        assert!(word.is_cut && word.text.ends_with('é'));
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
        let most = hex_lines(&[0; MOST_HEX]);
        assert!((MOST_SHOWN - 1_000..=MOST_SHOWN).contains(&most.len()));
    }

    #[test]
    fn the_first_letter_tells_the_direction() {
        for text in [
            "שלום",
            "42 ١٢ (سلام)",
            "\n\u{301}…👍🏽 ܫܠܡܐ hello",
            "\u{200f}abc",
            "ﷺ a",
        ] {
            assert!(runs_leftwards(text), "{text}");
        }
        for text in [
            "",
            "1, 2 ١٢",
            "abc שלום",
            "— é שלום",
            "消息 שלום",
            "안녕 سلام",
            "ª س",
            "\u{200e}س",
        ] {
            assert!(!runs_leftwards(text), "{text}");
        }
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

    /// Beside a needle of one letter in the same text: a machine that is busy is so for both.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the host has a clock")]
    fn a_search_takes_no_longer_for_a_long_needle() {
        let text = "a".repeat(500_000);
        let took = |needle: &str| {
            let needle = Needle::new(needle).unwrap();
            let times = (0..5).map(|_| {
                let start = Instant::now();
                assert!(!needle.is_in(&text));
                start.elapsed()
            });
            times.min().unwrap()
        };
        let short = took("b");
        for needle in [
            "a".repeat(1_000) + "b",
            "a".repeat(500_001),
            "ab".repeat(500),
        ] {
            let long = took(&needle);
            assert!(long < short * 20, "{short:?}, {long:?}");
        }
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
            let is_kept = |character| {
                matches!(
                    character,
                    '\n' | '\t' | '\u{200c}' | '\u{200d}' | '\u{180b}'..='\u{180d}'
                        | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
                )
            };
            let shown = beginning(&text).text;
            prop_assert!(shown.chars().all(|character| is_kept(character) || !is_hidden(character)));
            prop_assert!(!line(&text).contains(['\n', '\t']));
        }

        #[test]
        fn a_text_of_anything_is_bounded_and_begins_as_it_is(
            parts in vec(("[\\PC\u{202e}\n]{0,4}", 0..4_000_usize), 1..6),
        ) {
            let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let begun = beginning(&text);
            prop_assert!(begun.text.len() <= MOST_SHOWN);
            let plain = begun.text.replace("⟨U+202E⟩", "\u{202e}");
            if plain.contains('⟨') {
                return Ok(());
            }
            prop_assert!(text.starts_with(&plain));
            prop_assert_eq!(begun.is_cut, plain.len() < text.len());
            prop_assert!(line(&text).chars().count() <= 201 * 12);
        }

        #[test]
        fn json_printed_once_more_is_the_same(text in r#"[\[\]{},:"a1 ]{0,30}"#) {
            if let Some(once) = printed(&text) {
                prop_assert_eq!(printed(&once), Some(once));
            }
        }

        #[test]
        fn a_needle_is_found_where_the_standard_library_finds_it(
            text in "[ab]{0,40}", needle in "[ab]{1,6}",
        ) {
            let is_there = text.contains(&needle);
            prop_assert_eq!(Needle::new(&needle).unwrap().is_in(&text), is_there);
        }

        #[test]
        fn what_is_in_a_text_is_found(text in "[a-cA-C]{0,20}", from in 0..20_usize, length in 1..5_usize) {
            let needle: String = text.chars().skip(from).take(length).collect();
            if let Some(needle) = Needle::new(&needle) {
                prop_assert!(needle.is_in(&text.to_uppercase()));
            }
        }
    }

    fn begun(text: &str) -> (String, bool) {
        let begun = beginning(text);
        (begun.text, begun.is_cut)
    }

    fn printed(text: &str) -> Option<String> {
        pretty(text).map(|printed| printed.text)
    }
}
