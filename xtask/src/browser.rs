//! Browsers under WebDriver, each session with a driver process and a fresh profile of its own.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use axum::http::Method;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, copy, sink};
use tokio::process::ChildStdout;
use tokio::time::timeout;
use url::{ParseError, Url};

use crate::Error;
use crate::leash::{Leash, Pause};
use crate::process::find;

/// A browser that WebDriver can drive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Browser {
    /// Chromium or Chrome, through chromedriver.
    Chromium,
    /// Firefox, through geckodriver.
    Firefox,
}

/// One browser window with a profile that nobody used before; ended when dropped.
#[derive(Debug)]
pub struct Session {
    /// What WebDriver offers for this session.
    pub client: Client,
    driver_port: u16,
    id: String,
    // Dropped in this order.
    driver: Leash,
    _folder: Folder,
}

impl Session {
    /// Starts `browser` without a visible window, with further command-line `arguments`.
    ///
    /// # Errors
    ///
    /// If the browser or its driver is not on the `PATH`, or does not start within
    /// a minute.
    pub async fn start(browser: Browser, arguments: &[&str]) -> Result<Self, Error> {
        Self::begin(browser, arguments, &[]).await
    }

    /// Starts Chromium with the throttling of hidden pages on, as its users have it; its driver
    /// switches that off otherwise.
    ///
    /// # Errors
    ///
    /// Those of [`Session::start`].
    pub async fn start_throttled(arguments: &[&str]) -> Result<Self, Error> {
        Self::begin(Browser::Chromium, arguments, UNTHROTTLED).await
    }

    /// Starts `browser` with `arguments`, and without `excluded` ones of its driver.
    async fn begin(browser: Browser, arguments: &[&str], excluded: &[&str]) -> Result<Self, Error> {
        let program = first(browser.programs())?;
        let driver = first(&[browser.driver()])?;
        let folder = Folder::create()?;
        let (driver, driver_port) = start_driver(browser, &driver, &folder).await?;

        let program = program.to_string_lossy();
        let capabilities = browser.capabilities(&program, arguments, excluded);
        let client = timeout(
            START_LIMIT,
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{driver_port}/")),
        )
        .await
        .map_err(|_| failed(format!("{browser} does not start")))?
        .map_err(|cause| failed(format!("{browser} does not start: {cause}")))?;
        // This value ends the session, also where no runtime is left to do it.
        client.persist().await.map_err(failed)?;
        let id = client.session_id().await.map_err(failed)?;
        let id = id.ok_or_else(|| failed("the driver gave the session no id"))?;
        Ok(Self {
            client,
            driver_port,
            id,
            driver,
            _folder: folder,
        })
    }

    /// Stops the browser's processes, and the driver's, until the value is dropped, as a machine's
    /// sleep does. Commands wait meanwhile.
    ///
    /// # Errors
    ///
    /// If the processes cannot be listed, or the driver has ended.
    pub async fn pause(&self) -> Result<Pause, Error> {
        self.driver.pause().await.map_err(failed)
    }

    /// How long processors have worked for the browser and its driver: [`Leash::processor_time`].
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        self.driver.processor_time()
    }

    /// Performs a command of the Chrome `DevTools` protocol, in Chromium alone.
    ///
    /// # Errors
    ///
    /// If the browser does not know the command or refuses it.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Result<Value, Error> {
        let command = ChromiumCommand {
            path: "goog/cdp/execute",
            body: json!({ "cmd": command, "params": parameters }),
        };
        self.client.issue_cmd(command).await.map_err(failed)
    }

    /// Runs `script` in every page that is opened from now on, before the page's own, in Chromium alone.
    ///
    /// # Errors
    ///
    /// If the browser refuses.
    pub async fn run_first(&self, script: &str) -> Result<(), Error> {
        let script = json!({ "source": script });
        let added = self.devtools("Page.addScriptToEvaluateOnNewDocument", script);
        added.await.map(drop)
    }

    /// The port on this machine where other programs reach Chromium's `DevTools`.
    ///
    /// # Errors
    ///
    /// If the driver does not tell it.
    pub fn devtools_port(&self) -> Result<u16, Error> {
        let options = |all: &Capabilities| all["goog:chromeOptions"]["debuggerAddress"].clone();
        let address = self.client.capabilities().map(options);
        address
            .as_ref()
            .and_then(|address| address.as_str()?.rsplit_once(':')?.1.parse().ok())
            .ok_or_else(|| failed("the driver tells no port of DevTools"))
    }

    /// Takes what the console has shown since it was last asked for, in Chromium alone: a `level`
    /// and a `message` each.
    ///
    /// # Errors
    ///
    /// If the browser does not know the command.
    pub async fn console(&self) -> Result<Value, Error> {
        let command = ChromiumCommand {
            path: "se/log",
            body: json!({ "type": "browser" }),
        };
        self.client.issue_cmd(command).await.map_err(failed)
    }
}

impl Drop for Session {
    /// Lets the browser end in order; the driver's end takes whatever is left.
    fn drop(&mut self) {
        let Ok(mut driver) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.driver_port)) else {
            return;
        };
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.id, self.driver_port,
        );
        let _ = driver.set_read_timeout(Some(END_LIMIT));
        let _ = driver.write_all(request.as_bytes());
        let _ = driver.read(&mut [0; 512]);
    }
}

impl Browser {
    fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
            ],
            Self::Firefox => &[
                "firefox",
                "firefox-esr",
                "/Applications/Firefox.app/Contents/MacOS/firefox",
            ],
        }
    }

    fn driver(self) -> &'static str {
        match self {
            Self::Chromium => "chromedriver",
            Self::Firefox => "geckodriver",
        }
    }

    fn driver_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["--port=0"],
            // Its second port is the browser's; 0 lets the browser choose.
            Self::Firefox => &["--port=0", "--websocket-port=0", "--log=info"],
        }
    }

    fn capabilities(self, program: &str, arguments: &[&str], excluded: &[&str]) -> Capabilities {
        let mut all: Vec<String> = match self {
            Self::Chromium => CHROMIUM_ARGUMENTS
                .iter()
                .copied()
                .map(str::to_owned)
                .collect(),
            Self::Firefox => vec!["-headless".to_owned()],
        };
        if self == Self::Chromium && rustix::process::geteuid().is_root() {
            all.push("--no-sandbox".to_owned());
        }
        for argument in arguments {
            let features = argument.strip_prefix(FEATURES);
            let mut lists = all.iter_mut().filter(|one| one.starts_with(FEATURES));
            // Of two lists, the browser takes the last alone.
            match (features, lists.next()) {
                (Some(features), Some(list)) => list.extend([",", features]),
                _ => all.push((*argument).to_owned()),
            }
        }
        let mut options = json!({ "args": all, "binary": program });
        let mut capabilities = Capabilities::new();
        match self {
            Self::Chromium => {
                options["excludeSwitches"] = json!(excluded);
                let everything = json!({ "browser": "ALL" });
                capabilities.insert("goog:loggingPrefs".to_owned(), everything);
                capabilities.insert("goog:chromeOptions".to_owned(), options)
            }
            Self::Firefox => capabilities.insert("moz:firefoxOptions".to_owned(), options),
        };
        capabilities
    }
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
        })
    }
}

/// A folder for the profile and whatever else a browser would leave behind.
#[derive(Debug)]
struct Folder(TempDir);

impl Folder {
    fn create() -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("heartwire-").tempdir();
        let failed = |cause| failed(format!("no folder for a browser can be created: {cause}"));
        folder.map(Self).map_err(failed)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A browser that is just being killed may still add a file.
        for _ in 0..50 {
            if fs::remove_dir_all(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A command that chromedriver knows and the standard does not.
#[derive(Debug)]
struct ChromiumCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for ChromiumCommand {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

fn first(programs: &[&str]) -> Result<PathBuf, Error> {
    programs
        .iter()
        .find_map(|program| find(program))
        .ok_or_else(|| {
            failed(format!(
                "there is no {} here: `cargo xtask test` installs it",
                programs[0]
            ))
        })
}

/// Starts a driver on a free port, with its temporary files in `folder`.
///
/// A driver asks for a free port on one address and then takes the same port on another, where
/// somebody else may have it: then it ends at once, and another try helps.
async fn start_driver(
    browser: Browser,
    program: &Path,
    folder: &Folder,
) -> Result<(Leash, u16), Error> {
    let variable = format!("TMPDIR={}", folder.0.path().display());
    let mut tries = 1;
    loop {
        let words = [variable.as_ref(), program.as_os_str()];
        let words = words
            .into_iter()
            .chain(browser.driver_arguments().iter().map(OsStr::new));
        let mut driver = Leash::start_with(folder.0.path(), "env", words).map_err(failed)?;
        let port = timeout(START_LIMIT, announced_port(driver.output()))
            .await
            .map_err(|_| failed(format!("{} does not start", browser.driver())))?;
        match port {
            Ok(port) => return Ok((driver, port)),
            Err(_) if tries < DRIVER_TRIES => tries += 1,
            Err(cause) => {
                return Err(failed(format!(
                    "{} does not start: {cause}",
                    browser.driver()
                )));
            }
        }
    }
}

/// Reads the port from what a driver prints when it is ready, and throws the rest away.
async fn announced_port(output: Option<ChildStdout>) -> Result<u16, Error> {
    let mut output = BufReader::new(output.ok_or_else(|| failed("it has no output"))?);
    let mut line = String::new();
    while output.read_line(&mut line).await.map_err(failed)? > 0 {
        let words = line.trim().trim_end_matches('.');
        // "ChromeDriver was started successfully on port 9515." "Listening on 127.0.0.1:4444"
        if words.contains("successfully on port") || words.contains("Listening on") {
            let digits = words.rsplit([' ', ':']).next().unwrap_or_default();
            let port = digits.parse().map_err(failed)?;
            // A driver whose output nobody takes would stop at a full pipe.
            tokio::spawn(async move { copy(&mut output, &mut sink()).await });
            return Ok(port);
        }
        line.clear();
    }
    Err(failed("it ended before it was ready"))
}

fn failed(cause: impl fmt::Display) -> Error {
    Error::Failed(cause.to_string())
}

/// How often a driver may miss a free port; one in about 600 starts was seen to.
const DRIVER_TRIES: u32 = 5;

/// How long a driver and a browser may each take to start: a hundred times what they need.
const START_LIMIT: Duration = Duration::from_mins(1);

/// How long a browser may take to end before it is killed.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What chromedriver starts Chromium with so that a hidden page keeps its timers.
const UNTHROTTLED: &[&str] = &[
    "disable-background-timer-throttling",
    "disable-backgrounding-occluded-windows",
    "disable-renderer-backgrounding",
];

/// No window, no traffic of the browser's own, and none of the two pages that it loads into each window
/// for what is typed into the address bar: they are half of what a start costs.
const CHROMIUM_ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
];

const FEATURES: &str = "--disable-features=";
