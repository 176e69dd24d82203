//! The page end to end: the built `dist/` on a plain static host, a real browser, real servers.
//!
//! `trunk build --release` comes first; `HEARTWIRE_DIST` names another directory than `dist`.
//! Each test has a window of its own, in a browser that nobody else uses meanwhile and that has forgotten
//! the sites of earlier tests, and servers on ports of their own. Whatever a test starts ends with it,
//! also when it panics, but for a browser that is left to the next one.
//!
//! Times are measured at the server, or at the proxy before it. A heartbeat cannot arrive before it
//! is due, so lower bounds are strict up to [`page::CLOCK`]; upper bounds carry the slack that two
//! busy cores need.

#![allow(clippy::unwrap_used)]

mod page {
    use std::time::Duration;

    use xtask::wait::{self, POLL, SOON};

    mod axe;
    mod binary;
    mod cluster;
    mod composing;
    mod config;
    mod dead;
    mod delivery;
    mod early;
    mod ending;
    mod endurance;
    mod examples;
    mod flapping;
    mod heartbeat;
    mod hidden;
    mod hosting;
    mod keeping;
    mod links;
    mod log;
    mod long;
    mod messages;
    mod policy;
    mod pulse;
    mod receiving;
    mod reconnecting;
    mod sending;
    mod servers;
    mod settings;
    mod starting;
    mod tabs;
    mod translated;
    mod view;
    mod waking;

    mod beside;
    mod echo;
    mod lent;
    mod proxy;
    mod server;
    mod states;
    mod times;
    mod tls;
    mod visit;

    /// Waits until `condition` yields something and returns that.
    ///
    /// # Panics
    ///
    /// If it has not by the deadline; then the message says `what` did not happen.
    async fn eventually<T>(
        what: &str,
        deadline: Duration,
        condition: impl AsyncFn() -> Option<T>,
    ) -> T {
        let met = wait::eventually(what, deadline, condition).await;
        met.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Checks a duration measured at the server.
    fn assert_within(measured: Duration, least: Duration, most: Duration) {
        assert!(
            measured + CLOCK >= least,
            "{measured:?} is less than {least:?}"
        );
        assert!(measured <= most, "{measured:?} is more than {most:?}");
    }

    /// What a duration measured at the server may be short of, since two clocks took part: the
    /// browser's timers have whole milliseconds.
    const CLOCK: Duration = Duration::from_millis(10);
}
