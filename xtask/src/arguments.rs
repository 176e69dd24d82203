//! The words of a command line.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use heartwire_page::address::{Address, Page};

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

/// Reads a port that browsers connect to: [`PORT`].
#[must_use]
pub fn port(text: &str) -> Option<u16> {
    free_port(text).filter(|port| *port != 0)
}

/// Reads the same, or 0 for one that the system chooses: [`FREE_PORT`].
#[must_use]
pub fn free_port(text: &str) -> Option<u16> {
    // `parse` takes a sign, too.
    let port = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    port.parse()
        .ok()
        .filter(|port| *port == 0 || is_reachable(*port))
}

/// Whether browsers connect to this port: they never do to the "bad ports" of the Fetch standard, be
/// it for a page or for a WebSocket.
#[must_use]
pub fn is_reachable(port: u16) -> bool {
    let page = Page {
        is_secure: false,
        host: String::new(),
    };
    Address::parse(&format!("ws://localhost:{port}"), &page).is_ok()
}

/// What [`port`] reads, as a refusal says it.
pub const PORT: &str = "a port that browsers connect to, 1 to 65535, such as 8080";

/// What [`free_port`] reads, as a refusal says it.
pub const FREE_PORT: &str =
    "a port that browsers connect to, 0 to 65535, such as 8080; 0 takes a free one";

/// Reads a duration with its unit, `500ms`, `30s`, or `2m`, that is `allowed`.
#[must_use]
pub fn duration(text: &str, allowed: &RangeInclusive<Duration>) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    };
    allowed.contains(&duration).then_some(duration)
}

/// Reads a number of bytes, with or without a unit, `512`, `64KiB`, or `16MiB`, that is `allowed`.
#[must_use]
pub fn bytes(text: &str, allowed: &RangeInclusive<usize>) -> Option<usize> {
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
    let bytes = number.parse::<usize>().ok()?.checked_mul(unit)?;
    allowed.contains(&bytes).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_in_both_spellings_and_the_last_one_counts() {
        let mut arguments = given("--port 3000 --quiet --port=3001 fmt");

        assert_eq!(arguments.option("--port", "a port", port), Ok(Some(3001)));
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
    fn ports_are_those_that_browsers_connect_to() {
        for text in ["1024", "3000", "8080", "65535", "80", "443"] {
            assert_eq!(port(text), text.parse().ok());
            assert_eq!(free_port(text), text.parse().ok());
        }
        for unreadable in [
            "", "-1", "+80", " 80", "80 ", "8080.0", "65536", "0x50", "http", "١",
        ] {
            assert_eq!(port(unreadable), None, "{unreadable}");
            assert_eq!(free_port(unreadable), None, "{unreadable}");
        }
        // An X server's, an FTP server's, an IRC server's, a SIP server's.
        for refused_by_browsers in ["6000", "21", "6667", "5060"] {
            assert_eq!(port(refused_by_browsers), None, "{refused_by_browsers}");
            assert_eq!(free_port(refused_by_browsers), None);
        }
        assert_eq!((port("0"), free_port("0")), (None, Some(0)));
    }

    #[test]
    fn durations_need_a_unit() {
        let any = Duration::ZERO..=Duration::MAX;
        let read = |text: &str| duration(text, &any);

        assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read("30s"), Some(Duration::from_secs(30)));
        assert_eq!(read("2m"), Some(Duration::from_mins(2)));
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
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
        assert_eq!(read(&format!("{}m", u64::MAX)), None);
    }

    #[test]
    fn sizes_are_read_in_powers_of_1024() {
        let read = |text: &str| bytes(text, &(0..=usize::MAX));

        assert_eq!(read("512"), Some(512));
        assert_eq!(read("64KiB"), Some(65_536));
        assert_eq!(read("16MiB"), Some(16_777_216));
        for unreadable in ["", "MiB", "-1", "1GB", "1kb"] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
        assert_eq!(read(&format!("{}MiB", usize::MAX)), None);
    }

    #[test]
    fn what_is_not_allowed_is_not_read() {
        let seconds = Duration::from_secs(1)..=Duration::from_mins(1);
        assert_eq!(duration("1m", &seconds), Some(Duration::from_mins(1)));
        for refused in ["0s", "999ms", "61s", "18446744073709551615s"] {
            assert_eq!(duration(refused, &seconds), None, "{refused}");
        }
        assert_eq!(bytes("2KiB", &(1024..=2048)), Some(2048));
        for refused in ["0", "1023", "2049"] {
            assert_eq!(bytes(refused, &(1024..=2048)), None, "{refused}");
        }
    }

    fn given(words: &str) -> Arguments {
        Arguments::new("echo", words.split_whitespace().map(str::to_owned))
    }
}
