//! What the values of options may be, each read as clap wants it: a refusal says what is allowed.

use std::ops::RangeInclusive;
use std::time::Duration;

use heartwire_page::address::{Address, Page};

/// Reads a port that browsers connect to.
///
/// # Errors
///
/// When it is none.
pub fn port(text: &str) -> Result<u16, String> {
    readable_port(text)
        .filter(|port| *port != 0)
        .ok_or_else(|| "not a port that browsers connect to, 1 to 65535, such as 8080".to_owned())
}

/// Reads the same, or 0 for one that the system chooses.
///
/// # Errors
///
/// When it is neither.
pub fn free_port(text: &str) -> Result<u16, String> {
    readable_port(text).ok_or_else(|| {
        "not a port that browsers connect to, 0 to 65535, such as 8080; 0 takes a free one"
            .to_owned()
    })
}

fn readable_port(text: &str) -> Option<u16> {
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
    fn ports_are_those_that_browsers_connect_to() {
        for text in ["1024", "3000", "8080", "65535", "80", "443"] {
            assert_eq!(port(text).ok(), text.parse().ok());
            assert_eq!(free_port(text).ok(), text.parse().ok());
        }
        for unreadable in [
            "", "-1", "+80", " 80", "80 ", "8080.0", "65536", "0x50", "http", "١",
        ] {
            assert!(port(unreadable).is_err(), "{unreadable}");
            assert!(free_port(unreadable).is_err(), "{unreadable}");
        }
        // An X server's, an FTP server's, an IRC server's, a SIP server's.
        for refused_by_browsers in ["6000", "21", "6667", "5060"] {
            assert!(port(refused_by_browsers).is_err(), "{refused_by_browsers}");
            assert!(free_port(refused_by_browsers).is_err());
        }
        assert_eq!((port("0").ok(), free_port("0")), (None, Ok(0)));
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
}
