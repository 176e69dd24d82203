//! What all measurements share: the pages, where they are served, and the machine.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Subject;
use crate::Error;
use crate::browser::Browser;
use crate::host::{Content, Host};
use crate::page::Page;
use crate::server::Server;
use crate::wait::SOON;

/// The pages, each at a host of its own.
#[derive(Debug)]
pub(super) struct Field {
    contents: Vec<Content>,
    hosts: Vec<Host>,
    /// What it is measured on, in words.
    pub(super) machine: String,
    is_quick: bool,
}

impl Field {
    /// Compresses every page and serves it. A quick one has one round of everything.
    pub(super) async fn start(is_quick: bool) -> Result<Self, Error> {
        let mut contents = Vec::new();
        let mut hosts = Vec::new();
        for subject in Subject::ALL {
            let content = Content::of(&subject.dist()?)?;
            hosts.push(Host::start(&content).await?);
            contents.push(content);
        }
        Ok(Self {
            contents,
            hosts,
            machine: machine().await?,
            is_quick,
        })
    }

    /// How many rounds to take where `enough` make a median.
    pub(super) fn rounds(&self, enough: usize) -> usize {
        if self.is_quick { 1 } else { enough }
    }

    /// The files of a page.
    pub(super) fn content(&self, subject: Subject) -> &Content {
        &self.contents[subject.index()]
    }

    /// Where a page is served.
    pub(super) fn host(&self, subject: Subject) -> &Host {
        &self.hosts[subject.index()]
    }

    /// Opens a page with `query` in a browser of its own, and waits for its connection to `server`.
    pub(super) async fn open(
        &self,
        subject: Subject,
        server: &Server,
        query: &str,
    ) -> Result<Page, Error> {
        let page = Page::start(Browser::Chromium).await?;
        self.open_in(&page, subject, server, query).await?;
        Ok(page)
    }

    /// [`Field::open`] in a browser that is there.
    pub(super) async fn open_in(
        &self,
        page: &Page,
        subject: Subject,
        server: &Server,
        query: &str,
    ) -> Result<(), Error> {
        let query = format!("url={server}&{query}");
        page.go(&self.host(subject).address(&query)).await?;
        server
            .awaits(SOON, "a connection", |_| server.alive() == 1)
            .await?;
        page.evaluate_async(FIELD).await.map(drop)
    }
}

/// Reads the cores and the browser.
async fn machine() -> Result<String, Error> {
    let page = Page::start(Browser::Chromium).await?;
    let agent = page.evaluate("return navigator.userAgent").await?;
    let version = agent
        .as_str()
        .and_then(|agent| agent.split("Chrome/").nth(1)?.split('.').next());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Ok(format!(
        "{cores} cores, {}, Chromium {} without a window",
        std::env::consts::OS,
        version.unwrap_or("of an unknown version"),
    ))
}

/// The server's clock in the page's terms.
pub(super) struct Clock {
    instant: Instant,
    since_epoch: Duration,
}

impl Clock {
    /// Compares the two clocks of this machine.
    pub(super) fn now() -> Self {
        Self {
            instant: Instant::now(),
            since_epoch: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// A moment as the page has it: `performance.timeOrigin + performance.now()`, in milliseconds.
    pub(super) fn millis(&self, at: Instant) -> f64 {
        let since_epoch = if at >= self.instant {
            self.since_epoch + (at - self.instant)
        } else {
            self.since_epoch.saturating_sub(self.instant - at)
        };
        since_epoch.as_secs_f64() * 1000.0
    }
}

/// Reads a number that a script returned.
pub(super) fn number(value: &Value) -> Result<f64, Error> {
    value
        .as_f64()
        .ok_or_else(|| Error::Failed(format!("the page measures {value}")))
}

/// Waits for the field and the last message to be there.
const FIELD: &str = "
    const look = () => {
        if (document.querySelector('#message') && document.querySelector('#received')) done();
        else setTimeout(look, 10);
    };
    look();";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_distance() {
        let clock = Clock::now();
        let before = clock.instant.checked_sub(Duration::from_millis(5)).unwrap();
        let after = clock.instant + Duration::from_millis(7);

        let distance = clock.millis(after) - clock.millis(before);
        assert!((distance - 12.0).abs() < 0.01, "{distance}");
    }
}
