//! The words of a command line.

use std::collections::VecDeque;
use std::time::Duration;

use crate::Error;

/// The words of a command line that no one has read yet.
///
/// Each command takes the options that it knows and ends with [`Arguments::finish`], which
/// refuses what is left.
#[derive(Clone, Debug)]
pub struct Arguments {
    command: &'static str,
    words: VecDeque<String>,
}

impl Arguments {
    /// Holds what was written after the name of `command`.
    pub fn new(command: &'static str, words: impl IntoIterator<Item = String>) -> Self {
        Self {
            command,
            words: words.into_iter().collect(),
        }
    }

    /// Takes the option `name`, which has no value; `true` if it was given.
    pub fn flag(&mut self, name: &str) -> bool {
        let given = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < given
    }

    /// Takes the option `name` with its value, `--name value` or `--name=value`, and reads it
    /// with `read`. The last one counts when it was given more than once.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when the value is missing or `read` does not know it; `allowed` says what
    /// it may be.
    pub fn option<T>(
        &mut self,
        name: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut last = None;
        while let Some(at) = self.words.iter().position(|word| {
            word.strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        }) {
            let word = self.words.remove(at).unwrap_or_default();
            let value = match word.split_once('=') {
                Some((_, value)) => value.to_owned(),
                None => self.words.remove(at).unwrap_or_default(),
            };
            let Some(value_read) = read(&value) else {
                return Err(Error::Usage(format!("{name} \"{value}\" is not {allowed}")));
            };
            last = Some(value_read);
        }
        Ok(last)
    }

    /// Takes the words that are not options.
    pub fn words(&mut self) -> Vec<String> {
        let (options, words) = self.words.drain(..).partition(|word| word.starts_with('-'));
        self.words = options;
        words.into_iter().collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] when a word is left that nothing has taken.
    pub fn finish(self) -> Result<(), Error> {
        let command = self.command;
        match self.words.front() {
            None => Ok(()),
            Some(word) => Err(Error::Usage(format!(
                "{command} does not know {word}; see `cargo xtask {command} --help`"
            ))),
        }
    }
}

/// Reads a duration with its unit, `500ms`, `30s`, or `2m`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}

/// Reads a number of bytes, with or without a unit: `512`, `64KiB`, or `16MiB`.
#[must_use]
pub fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let unit: usize = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_in_both_spellings_and_the_last_one_counts() {
        let mut arguments = given("--port 1 --quiet --port=2 fmt");

        assert_eq!(arguments.option("--port", "a port", port), Ok(Some(2)));
        assert_eq!(arguments.option("--host", "a host", port), Ok(None));
        assert!(arguments.flag("--quiet"));
        assert!(!arguments.flag("--loud"));
        assert_eq!(arguments.words(), ["fmt"]);
        assert_eq!(arguments.finish(), Ok(()));
    }

    #[test]
    fn a_bad_value_is_named_with_its_option_and_what_is_allowed() {
        let refused = |words| given(words).option("--port", "a port", port).unwrap_err();

        assert_eq!(
            refused("--port many").to_string(),
            "--port \"many\" is not a port"
        );
        assert_eq!(refused("--port").to_string(), "--port \"\" is not a port");
        assert_eq!(refused("--port=").exit_code(), 2);
    }

    #[test]
    fn what_nothing_takes_is_refused() {
        let refused = given("--prot 1").finish().unwrap_err();

        assert_eq!(
            refused.to_string(),
            "echo does not know --prot; see `cargo xtask echo --help`"
        );
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        for unreadable in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "1h",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(unreadable), None, "{unreadable}");
        }
        assert_eq!(duration(&format!("{}m", u64::MAX)), None);
    }

    #[test]
    fn sizes_are_read_in_powers_of_1024() {
        assert_eq!(bytes("512"), Some(512));
        assert_eq!(bytes("64KiB"), Some(65_536));
        assert_eq!(bytes("16MiB"), Some(16_777_216));
        for unreadable in ["", "MiB", "-1", "1GB", "1kb"] {
            assert_eq!(bytes(unreadable), None, "{unreadable}");
        }
        assert_eq!(bytes(&format!("{}MiB", usize::MAX)), None);
    }

    fn given(words: &str) -> Arguments {
        Arguments::new("echo", words.split_whitespace().map(str::to_owned))
    }

    fn port(text: &str) -> Option<u16> {
        text.parse().ok()
    }
}
