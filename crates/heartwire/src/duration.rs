//! Durations as browsers take them.

use std::time::Duration;

/// A duration in whole milliseconds. [`Duration::as_millis`] computes with 128 bits, which costs a page
/// two kilobytes.
#[doc(hidden)]
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000);
    seconds.saturating_add(duration.subsec_millis().into())
}
