//! Messages that are kept at hand, under names.

use std::rc::Rc;

use heartwire::core::json::{Reader, members, string};

use crate::payload::push_json_string;

/// Messages in the order in which they were saved, no two of one name. A clone shares their texts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedMessages(Vec<SavedMessage>);

/// A message and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedMessage {
    /// Never empty, and without white space around it.
    pub name: Rc<str>,
    /// What is sent.
    pub text: Rc<str>,
}

/// The most letters of a name: it stands in a line.
pub const MOST_LETTERS: usize = 100;

/// The most messages: nobody finds one in a longer list.
pub const MOST: usize = 200;

/// The most that their names and texts have in all, in bytes: what a browser keeps for an origin is some
/// 5 MB, and other installations share it.
pub const MOST_BYTES: usize = 1_000_000;

/// The most that a file of them has, in bytes: JSON takes six letters for some.
pub const MOST_FILE_BYTES: u32 = 7_000_000;

/// Why messages are not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// One has no name.
    NoName,
    /// This name has more than [`MOST_LETTERS`].
    LongName(String),
    /// The operator has given a message of this name.
    OfSite(String),
    /// There would be more than [`MOST`].
    Count,
    /// They would have more than [`MOST_BYTES`].
    Bytes,
    /// Their file has more than [`MOST_FILE_BYTES`].
    FileBytes,
    /// Their file cannot be read: the browser's words.
    Unreadable(String),
    /// They are no JSON from here on.
    NoJson {
        /// The number of the line, from 1.
        line: usize,
        /// What stands there, to the end of that line.
        found: String,
    },
    /// They are JSON, and no object.
    NoObject,
}

impl SavedMessages {
    /// Reads an object of names and texts, as [`json`](Self::json) writes it. Any other value than a string is
    /// a text that is that value, as it is written.
    ///
    /// # Errors
    ///
    /// Tells what cannot be taken. Then nothing is.
    pub fn read(json: &str) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for (name, value) in members(json).ok_or_else(|| fault(json))? {
            let text = string(value).map_or_else(|| value.into(), Rc::from);
            read.save(&name, text, &Self::default())?;
        }
        Ok(read)
    }

    /// All of it as JSON, a line for each message.
    #[must_use]
    pub fn json(&self) -> String {
        let mut json = String::from("{");
        for (index, SavedMessage { name, text }) in self.0.iter().enumerate() {
            json.push_str(if index > 0 { ",\n  " } else { "\n  " });
            push_json_string(&mut json, name);
            json.push_str(": ");
            push_json_string(&mut json, text);
        }
        json.push_str("\n}\n");
        json
    }

    /// All of them, in order.
    #[must_use]
    pub fn all(&self) -> &[SavedMessage] {
        &self.0
    }

    /// Saves a text, in the place of one of the same name if there is one. The names of the `site` are not to be
    /// had.
    ///
    /// # Errors
    ///
    /// Tells what is wrong with the name, or which limit is met. Then nothing has changed.
    pub fn save(&mut self, name: &str, text: Rc<str>, site: &Self) -> Result<(), Refusal> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Refusal::NoName);
        }
        if name.chars().nth(MOST_LETTERS).is_some() {
            return Err(Refusal::LongName(name.into()));
        }
        if site.place(name).is_some() {
            return Err(Refusal::OfSite(name.into()));
        }
        let place = self.place(name);
        let others = (0..)
            .zip(&self.0)
            .filter(|(other, _)| Some(*other) != place);
        let others: usize = others.map(|(_, message)| message.size()).sum();
        let name = name.into();
        let message = SavedMessage { name, text };
        let count = self.0.len() + usize::from(place.is_none());
        check(count, others + message.size())?;
        match place {
            Some(place) => self.0[place] = message,
            None => self.0.push(message),
        }
        Ok(())
    }

    /// Saves all of these.
    ///
    /// # Errors
    ///
    /// As for [`save`](Self::save). Then nothing has changed.
    pub fn merge(&mut self, others: &Self, site: &Self) -> Result<(), Refusal> {
        let mut merged = self.clone();
        for SavedMessage { name, text } in &others.0 {
            merged.save(name, Rc::clone(text), site)?;
        }
        *self = merged;
        Ok(())
    }

    /// Removes the message of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|message| *message.name != *name);
    }

    /// Takes back what has made `before` into `after`. What has changed otherwise since stays.
    ///
    /// # Errors
    ///
    /// Tells which limit is met. Then nothing has changed.
    pub fn take_back(&mut self, before: &Self, after: &Self) -> Result<(), Refusal> {
        let mut back = self.clone();
        back.0
            .retain(|message| before.place(&message.name).is_some() || !after.0.contains(message));
        for (index, message) in before.0.iter().enumerate() {
            match back.place(&message.name) {
                Some(place) if after.0.contains(&back.0[place]) => {
                    back.0[place] = message.clone();
                }
                None if after.place(&message.name).is_none() => {
                    back.0.insert(index.min(back.0.len()), message.clone());
                }
                Some(_) | None => {}
            }
        }
        self.become_checked(back)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|message| *message.name == *name)
    }

    fn become_checked(&mut self, changed: Self) -> Result<(), Refusal> {
        let bytes = changed.0.iter().map(SavedMessage::size).sum();
        check(changed.0.len(), bytes)?;
        *self = changed;
        Ok(())
    }
}

impl SavedMessage {
    /// What it counts for, in bytes.
    fn size(&self) -> usize {
        self.name.len() + self.text.len()
    }
}

/// Tells which limit so many messages of so many bytes meet.
fn check(count: usize, bytes: usize) -> Result<(), Refusal> {
    if count > MOST {
        return Err(Refusal::Count);
    }
    if bytes > MOST_BYTES {
        return Err(Refusal::Bytes);
    }
    Ok(())
}

/// What is wrong with a text that is no object of JSON.
fn fault(json: &str) -> Refusal {
    let mut reader = Reader::new(json);
    while reader.next().is_some() {}
    if reader.is_all() {
        return Refusal::NoObject;
    }
    let ahead = reader.ahead().trim_start();
    let before = &json[..json.len() - ahead.len()];
    Refusal::NoJson {
        line: before.matches('\n').count() + 1,
        found: ahead.lines().next().unwrap_or_default().into(),
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_name_that_exists_gets_the_new_text_in_its_place() {
        let mut saved = of(&[("a", "1"), ("b", "2")]);
        saved
            .save(" a\n", "3".into(), &SavedMessages::default())
            .unwrap();
        assert_eq!(saved, of(&[("a", "3"), ("b", "2")]));
        saved.remove("a");
        assert_eq!(saved, of(&[("b", "2")]));
    }

    #[test]
    fn a_name_is_something_short_that_is_not_the_sites() {
        let site = of(&[("login", "")]);
        let long = "好".repeat(MOST_LETTERS + 1);
        for (name, refusal) in [
            ("", Refusal::NoName),
            (" \n", Refusal::NoName),
            ("login", Refusal::OfSite("login".into())),
            (" login ", Refusal::OfSite("login".into())),
            (&long, Refusal::LongName(long.clone())),
        ] {
            let mut saved = of(&[("a", "1")]);
            assert_eq!(saved.save(name, "2".into(), &site), Err(refusal));
            assert_eq!(saved, of(&[("a", "1")]));
        }
        let mut saved = SavedMessages::default();
        saved
            .save(&long[3..], "".into(), &site)
            .expect("as long as it may be");
    }

    #[test]
    fn a_limit_that_is_met_is_named_and_nothing_is_lost() {
        let none = SavedMessages::default();
        let mut saved = none.clone();
        for number in 0..MOST {
            saved.save(&number.to_string(), "".into(), &none).unwrap();
        }
        let before = saved.clone();
        assert_eq!(saved.save("more", "".into(), &none), Err(Refusal::Count));
        assert_eq!(saved, before);
        saved.save("0", "replaced".into(), &none).unwrap();

        let mut saved = of(&[("a", "1")]);
        let large: Rc<str> = "x".repeat(MOST_BYTES - 3).into();
        saved.save("b", Rc::clone(&large), &none).unwrap();
        assert_eq!(saved.save("a", "12".into(), &none), Err(Refusal::Bytes));
        saved.save("b", "".into(), &none).unwrap();
        saved.save("a", "12".into(), &none).unwrap();
    }

    #[test]
    fn what_is_imported_is_added_and_replaces_what_has_its_name() {
        let none = SavedMessages::default();
        let mut saved = of(&[("a", "1"), ("b", "2")]);
        saved.merge(&of(&[("c", "3"), ("a", "4")]), &none).unwrap();
        assert_eq!(saved, of(&[("a", "4"), ("b", "2"), ("c", "3")]));

        let before = saved.clone();
        let site = of(&[("login", "")]);
        let refused = saved.merge(&of(&[("d", "5"), ("login", "6")]), &site);
        assert_eq!(refused, Err(Refusal::OfSite("login".into())));
        assert_eq!(saved, before);
    }

    #[test]
    fn a_change_is_taken_back_and_what_came_since_stays() {
        let (before, after) = (
            of(&[("a", "1"), ("b", "2"), ("c", "3")]),
            of(&[("b", "4"), ("c", "3"), ("d", "5")]),
        );
        let mut saved = after.clone();
        saved.take_back(&before, &after).unwrap();
        assert_eq!(saved, before);

        let mut saved = of(&[("b", "6"), ("e", "7")]);
        saved.take_back(&before, &after).unwrap();
        assert_eq!(saved, of(&[("a", "1"), ("b", "6"), ("e", "7")]));
    }

    #[test]
    fn json_is_read_as_it_is_written() {
        let written = r#"{
  "2": "\u00e9\n\"",
  "1": {"op": "login", "id": 12345678901234567890},
  "list": [1.0, null],
  "": "unnamed"
}"#;
        assert_eq!(SavedMessages::read(written), Err(Refusal::NoName));
        let named = written.replace("\"\": ", "\"empty\": ");
        let read = SavedMessages::read(&named).unwrap();
        let expected = of(&[
            ("2", "é\n\""),
            ("1", r#"{"op": "login", "id": 12345678901234567890}"#),
            ("list", "[1.0, null]"),
            ("empty", "unnamed"),
        ]);
        assert_eq!(read, expected);
        assert_eq!(SavedMessages::read(&read.json()), Ok(expected));
        let none = SavedMessages::default();
        assert_eq!(SavedMessages::read(&none.json()), Ok(none));
    }

    #[test]
    fn what_is_no_object_of_json_is_told_with_its_place() {
        for json in ["[]", "1", "\"a\"", " null "] {
            assert_eq!(SavedMessages::read(json), Err(Refusal::NoObject), "{json}");
        }
        for (json, line, found) in [
            ("", 1, ""),
            ("hello\nworld", 1, "hello"),
            ("{\n\"a\": \"1\",\n\"b\" 2\n}", 3, "2"),
            ("{\"a\": \"1\"\n", 2, ""),
            ("{\"a\": \"1\"}\n{}", 2, "{}"),
            ("{\"a\": \"\n\"}", 1, "\""),
        ] {
            let found = found.into();
            let refusal = Refusal::NoJson { line, found };
            assert_eq!(SavedMessages::read(json), Err(refusal), "{json}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_saved_comes_back_from_json_in_order(
            pairs in vec((letters(1..8), letters(0..40)), 0..20),
        ) {
            let mut saved = SavedMessages::default();
            for (name, text) in &pairs {
                let result = saved.save(name, text.as_str().into(), &SavedMessages::default());
                prop_assert_eq!(result.is_err(), name.trim().is_empty());
            }
            let json = saved.json();
            prop_assert!(json.len() <= MOST_FILE_BYTES as usize);
            prop_assert_eq!(SavedMessages::read(&json), Ok(saved));
        }

        #[test]
        fn whatever_has_changed_is_taken_back(before in some(), after in some()) {
            let mut saved = after.clone();
            saved.take_back(&before, &after).unwrap();
            for message in before.all() {
                prop_assert!(saved.all().contains(message));
            }
            prop_assert_eq!(saved.all().len(), before.all().len());
        }

        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\]{},:"a1\\\n ]{0,30}"#) {
            match SavedMessages::read(&text) {
                Ok(read) => prop_assert_eq!(SavedMessages::read(&read.json()), Ok(read)),
                Err(Refusal::NoJson { line, .. }) => {
                    prop_assert!(line <= text.matches('\n').count() + 1);
                }
                Err(refusal) => {
                    prop_assert!(matches!(refusal, Refusal::NoObject | Refusal::NoName));
                }
            }
        }
    }

    fn letters(count: std::ops::Range<usize>) -> impl Strategy<Value = String> {
        vec(any::<char>(), count).prop_map(String::from_iter)
    }

    /// Messages of few names, each once.
    fn some() -> impl Strategy<Value = SavedMessages> {
        vec(("[a-d]", "[12]"), 0..6).prop_map(|pairs| {
            let mut some = SavedMessages::default();
            for (name, text) in pairs {
                some.save(&name, text.into(), &SavedMessages::default())
                    .expect("there is room for a few");
            }
            some
        })
    }

    fn of(pairs: &[(&str, &str)]) -> SavedMessages {
        let message = |(name, text): &(&str, &str)| SavedMessage {
            name: (*name).into(),
            text: (*text).into(),
        };
        SavedMessages(pairs.iter().map(message).collect())
    }
}
