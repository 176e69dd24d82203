//! What a person at the terminal reads.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Prints one line.
///
/// Unlike `println!` it does not panic when the reader has gone, as with `| head`: what was
/// started still has to be ended in order.
pub fn say(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Writes a time as a person would: `0.4 s`, `12.3 s`, `6 min 30 s`.
#[must_use]
pub fn time(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round();
    if seconds < 60.0 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!(
            "{:.0} min {:02.0} s",
            (seconds / 60.0).floor(),
            seconds % 60.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(time(Duration::from_millis(412)), "0.4 s");
        assert_eq!(time(Duration::from_millis(59_400)), "59.4 s");
        assert_eq!(time(Duration::from_millis(59_600)), "1 min 00 s");
        assert_eq!(time(Duration::from_secs(390)), "6 min 30 s");
    }
}
