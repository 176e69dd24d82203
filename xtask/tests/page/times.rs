use std::fs::OpenOptions;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use xtask::browser::Session;
use xtask::times::Time;

/// Notes how long a test had its browser, for `cargo xtask test --times`.
pub(crate) struct Watch {
    started: Instant,
    begun: Instant,
    /// How long processors had worked for the browser before this test.
    before: Duration,
}

impl Watch {
    /// A test may have a browser: it is started, or was.
    pub(crate) fn start() -> Self {
        let started = Instant::now();
        Self {
            started,
            begun: started,
            before: Duration::ZERO,
        }
    }

    /// The test has it.
    pub(crate) fn begin(&mut self, session: &Session) {
        self.begun = Instant::now();
        if Time::file().is_some() {
            self.before = session.processor_time();
        }
    }

    /// The test is done with it.
    pub(crate) fn end(&self, session: &Session) {
        let Some(file) = Time::file().filter(|_| !thread::panicking()) else {
            return;
        };
        let time = Time {
            test: thread::current().name().unwrap_or_default().to_owned(),
            start: self.begun - self.started,
            took: self.begun.elapsed(),
            busy: session.processor_time().saturating_sub(self.before),
        };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .unwrap();
        file.write_all(time.line().as_bytes()).unwrap();
    }
}
