//! A page of any client in a browser.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use fantoccini::wd::TimeoutConfiguration;
use serde_json::Value;

use crate::browser::{Browser, Session};
use crate::{Error, root};

/// A browser in which the page of a client is opened, whatever client that is.
#[derive(Debug)]
pub struct Page {
    /// The browser, with a fresh profile.
    pub session: Session,
}

impl Page {
    /// Starts `browser`; no page is open yet.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn start(browser: Browser) -> Result<Self, Error> {
        let session = Session::start(browser, &[]).await?;
        Ok(Self { session })
    }

    /// Opens the page at `address`, and waits until it is loaded.
    ///
    /// # Errors
    ///
    /// If it cannot be loaded.
    pub async fn go(&self, address: &str) -> Result<(), Error> {
        self.session.client.goto(address).await.map_err(failed)
    }

    /// Runs `script` in the page.
    ///
    /// # Errors
    ///
    /// If it throws, or the page is gone.
    pub async fn evaluate(&self, script: &str) -> Result<Value, Error> {
        let evaluated = self.session.client.execute(script, vec![]);
        evaluated.await.map_err(failed)
    }

    /// Runs `script` in the page, and waits until it calls its last argument, `done`.
    ///
    /// # Errors
    ///
    /// If it throws, or the page is gone.
    pub async fn evaluate_async(&self, script: &str) -> Result<Value, Error> {
        let client = &self.session.client;
        let limit = TimeoutConfiguration::new(Some(SCRIPT_LIMIT), None, None);
        client.update_timeouts(limit).await.map_err(failed)?;
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        let evaluated = client.execute_async(&script, vec![]);
        evaluated.await.map_err(failed)
    }
}

/// The folder of Heartwire's built page: `dist`, or what `HEARTWIRE_DIST` names.
///
/// # Errors
///
/// If it is not built.
pub fn dist() -> Result<PathBuf, Error> {
    let dist = match env::var_os("HEARTWIRE_DIST") {
        Some(dist) => PathBuf::from(dist),
        None => root().join("dist"),
    };
    built(dist, "trunk build --release")
}

/// The `folder`, if there is a built page in it; `builder` is what builds it.
///
/// # Errors
///
/// If there is none.
pub(crate) fn built(folder: PathBuf, builder: &str) -> Result<PathBuf, Error> {
    if folder.join("index.html").is_file() {
        Ok(folder)
    } else {
        Err(Error::Failed(format!(
            "{} is not built: run `{builder}` first",
            folder.display()
        )))
    }
}

fn failed(cause: impl fmt::Display) -> Error {
    Error::Failed(format!("the page cannot be asked: {cause}"))
}

/// How long a script may take: longer than anybody here waits for one.
const SCRIPT_LIMIT: Duration = Duration::from_mins(5);
