//! Marks: what only one heartbeat has, so that a reply which carries it proves that heartbeat's arrival.

use siphasher::sip::SipHasher24;
use std::hash::Hasher as _;

/// Stands for the mark in a heartbeat's text.
pub const PLACE: &str = "{n}";

/// A number of 16 decimal digits. It survives a change of case, a prefix, quotation marks, and a server
/// that reads JSON: it is below 2⁵³, so a number of double precision holds it exactly.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mark(u64);

/// Draws marks that nobody can guess who knows all those before: a keyed hash of a counter.
#[derive(Clone, Debug)]
pub struct Marks {
    key: [u64; 2],
    drawn: u64,
}

impl Marks {
    /// The key must come from a random source that others cannot predict.
    #[must_use]
    pub fn new(key: [u64; 2]) -> Self {
        Self { key, drawn: 0 }
    }

    /// What makes them.
    #[cfg(feature = "stomp")]
    pub(super) fn key(&self) -> [u64; 2] {
        self.key
    }

    /// Draws the next one.
    pub fn draw(&mut self) -> Mark {
        Mark(LEAST + self.draw_bits() % (END - LEAST))
    }

    /// Draws 64 bits for another use.
    pub fn draw_bits(&mut self) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.key[0], self.key[1]);
        hasher.write_u64(self.drawn);
        self.drawn += 1;
        hasher.finish()
    }
}

impl Mark {
    /// As it is written.
    #[must_use]
    pub fn text(self) -> String {
        self.0.to_string()
    }
}

/// A heartbeat's text around its mark.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Vec<String>);

impl Template {
    /// Reads a heartbeat's text; `None` if it has no place for a mark.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split(PLACE).map(str::to_owned).collect();
        (parts.len() > 1).then_some(Self(parts))
    }

    /// The text with a mark in each of its places.
    #[must_use]
    pub fn fill(&self, mark: Mark) -> String {
        self.0.join(&mark.text())
    }

    /// Whether a frame holds this text with any mark. Where nothing stands around the mark, the frame must
    /// be a mark and no more: many a message has a number of 16 digits.
    #[must_use]
    pub fn is_in(&self, frame: &[u8]) -> bool {
        let before = self.0[0].as_bytes();
        let is_bare = self.0.iter().all(String::is_empty);
        marks_in(frame).any(|(start, mark)| {
            let Some(from) = start.checked_sub(before.len()) else {
                return false;
            };
            frame[from..].starts_with(before) && {
                let text = self.fill(mark);
                frame[from..].starts_with(text.as_bytes())
                    && (!is_bare || text.len() == frame.len())
            }
        })
    }
}

/// Every number in a frame that could be a mark, with where it begins: also within a longer number, since a
/// server may put another one right before it. One pass, whatever the frame holds.
pub fn marks_in(frame: &[u8]) -> impl Iterator<Item = (usize, Mark)> {
    let mut digits = 0;
    let mut number = 0;
    frame.iter().enumerate().filter_map(move |(index, byte)| {
        if !byte.is_ascii_digit() {
            digits = 0;
            return None;
        }
        digits += 1;
        number = (number * 10 + u64::from(byte - b'0')) % MODULUS;
        let is_mark = digits >= DIGITS && (LEAST..END).contains(&number);
        is_mark.then(|| (index + 1 - DIGITS, Mark(number)))
    })
}

/// The digits of each mark.
const DIGITS: usize = 16;

const MODULUS: u64 = 10_000_000_000_000_000;

/// The least number with so many digits.
const LEAST: u64 = MODULUS / 10;

/// 2⁵³: the first whole number that double precision cannot tell from the next.
const END: u64 = 1 << 53;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_differ_and_depend_on_the_key() {
        let [mut one, mut other] = [[1, 2], [1, 3]].map(Marks::new);
        let drawn: HashSet<_> = (0..1_000)
            .flat_map(|_| [one.draw(), other.draw()])
            .collect();
        assert_eq!(drawn.len(), 2_000);
    }

    #[test]
    fn a_mark_is_found_whatever_stands_around_it() {
        let mark = Marks::new([1, 2]).draw();
        let text = mark.text();
        for frame in [
            text.clone(),
            format!("server got: {text}"),
            format!("42{text}"),
            format!("{text}7"),
            format!(r#"{{"pong":{text}}}"#),
            format!("1234567890123456{text}9999999999999999"),
        ] {
            assert!(holds(&frame, mark), "{frame}");
        }
        for frame in [
            "",
            "123456789012345",
            &text[1..],
            &format!("{} {}", &text[..8], &text[8..]),
        ] {
            assert!(!holds(frame, mark), "{frame}");
        }
    }

    #[test]
    fn a_heartbeat_is_known_by_its_shape_whatever_its_mark() {
        let mark = Marks::new([1, 2]).draw().text();
        for (text, frame, expected) in [
            ("beat {n}", format!("beat {mark}"), true),
            ("beat {n}", format!("bob: beat {mark}"), true),
            ("beat {n}", format!("beat{mark}"), false),
            ("beat {n}", "beat 12".into(), false),
            ("{n}", mark.clone(), true),
            ("{n}", format!("order {mark}"), false),
            (r#"{"ping":{n}}"#, format!(r#"{{"ping":{mark}}}"#), true),
            (r#"{"ping":{n}}"#, format!(r#"{{"trade":{mark}}}"#), false),
            ("{n}/{n}", format!("{mark}/{mark}"), true),
            ("{n}/{n}", format!("{mark}/1234567890123456"), false),
        ] {
            let template = Template::of(text).unwrap();
            assert_eq!(
                template.is_in(frame.as_bytes()),
                expected,
                "{text}: {frame}"
            );
        }
        assert_eq!(Template::of("beat {m}"), None);
    }

    proptest! {
        #[test]
        fn a_mark_is_a_json_number_that_double_precision_holds(key in any::<[u64; 2]>()) {
            let mark = Marks::new(key).draw();
            let text = mark.text();
            prop_assert_eq!(text.len(), DIGITS);
            let number: f64 = text.parse().unwrap();
            prop_assert_eq!(format!("{number}"), text);
        }

        #[test]
        fn any_frame_is_searched(frame in any::<Vec<u8>>(), text in "[0-9a]{0,3}\\{n\\}[0-9a]{0,3}") {
            let _ = Template::of(&text).unwrap().is_in(&frame);
        }
    }

    fn holds(frame: &str, mark: Mark) -> bool {
        marks_in(frame.as_bytes()).any(|(_, found)| found == mark)
    }
}
