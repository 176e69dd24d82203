//! Browsers that one test leaves to the next.

use std::ops::Deref;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use fantoccini::error::CmdError;
use fantoccini::wd::TimeoutConfiguration;
use serde_json::json;
use tokio::runtime::{self, Runtime};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use xtask::Error;
use xtask::browser::{Browser, Session};
use xtask::wait::SOON;

use super::times::Watch;

/// A browser for the time of a test.
///
/// A Chromium without arguments of a test is left to a later one with one window, which is new, and with
/// nothing that a site has stored; what was copied can still be pasted. A start takes a core 1.5 s, four
/// times as long as a window does.
pub(crate) struct Lent {
    /// There until the value is dropped.
    session: Option<Session>,
    is_plain: bool,
    watch: Watch,
    // Given back when the browser is.
    _turn: SemaphorePermit<'static>,
}

impl Lent {
    /// Takes `browser`, which is started with `arguments` unless one is there.
    pub(crate) async fn of(browser: Browser, arguments: &[&str]) -> Self {
        if browser != Browser::Chromium || !arguments.is_empty() {
            return Self::own(Session::start(browser, arguments)).await;
        }
        let turn = turn().await;
        let watch = Watch::start();
        let waiting = idle().pop();
        let session = match waiting {
            Some(session) => Ok(session),
            // What a session does in the background ends with the runtime that began it.
            None => (RUNTIME.spawn(Session::start(browser, &[])).await).unwrap(),
        };
        Self::new(session, true, watch, turn)
    }

    /// Takes a browser of the test's own, which `session` starts when it is the test's turn.
    pub(crate) async fn own(session: impl Future<Output = Result<Session, Error>>) -> Self {
        let turn = turn().await;
        let watch = Watch::start();
        Self::new(session.await, false, watch, turn)
    }

    fn new(
        session: Result<Session, Error>,
        is_plain: bool,
        mut watch: Watch,
        turn: SemaphorePermit<'static>,
    ) -> Self {
        let session = session.unwrap_or_else(|error| panic!("{error}"));
        watch.begin(&session);
        Self {
            session: Some(session),
            is_plain,
            watch,
            _turn: turn,
        }
    }
}

impl Deref for Lent {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("it is not dropped")
    }
}

impl Drop for Lent {
    /// Ends the browser, or leaves it to another test. After a failure nobody knows what it is like.
    fn drop(&mut self) {
        if let Some(session) = &self.session {
            self.watch.end(session);
        }
        if !self.is_plain || thread::panicking() {
            return;
        }
        let session = self.session.take().expect("it is dropped once");
        let (tell, told) = mpsc::channel();
        RUNTIME.spawn(async move {
            let renewed = match timeout(SOON, renew(&session)).await {
                Ok(renewed) => renewed.map_err(|error| error.to_string()),
                Err(late) => Err(late.to_string()),
            };
            let _ = tell.send((session, renewed));
        });
        // A page that outlived the test's servers might connect to another one's.
        match told.recv() {
            Ok((session, Ok(()))) => idle().push(session),
            Ok((_, Err(error))) => eprintln!("the browser cannot be used again: {error}"),
            Err(_) => eprintln!("the browser cannot be used again"),
        }
    }
}

/// Waits for one's turn to start a browser.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    TURNS.acquire().await.unwrap()
}

/// Closes all windows but a new one, and forgets what sites have stored.
async fn renew(session: &Session) -> Result<(), Error> {
    let failed = |cause: CmdError| Error::Failed(cause.to_string());
    let client = &session.client;
    let new = client.new_window(false).await.map_err(failed)?.handle;
    for handle in client.windows().await.map_err(failed)? {
        if handle != new {
            client.switch_to_window(handle).await.map_err(failed)?;
            client.close_window().await.map_err(failed)?;
        }
    }
    client.switch_to_window(new).await.map_err(failed)?;
    let times = TimeoutConfiguration::default();
    client.update_timeouts(times).await.map_err(failed)?;
    let all = json!({ "origin": "*", "storageTypes": "all" });
    for (command, parameters) in [
        ("Storage.clearDataForOrigin", all),
        ("Network.clearBrowserCache", json!({})),
        // A window that was opened for another does not have the focus.
        ("Page.bringToFront", json!({})),
    ] {
        session.devtools(command, parameters).await?;
    }
    session.console().await.map(drop)
}

/// Browsers that wait for a test, and do nothing meanwhile; the end of the process ends them.
fn idle() -> MutexGuard<'static, Vec<Session>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

static IDLE: Mutex<Vec<Session>> = Mutex::new(Vec::new());

/// Outlives the runtimes of the tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("the system has a thread for it")
});

/// As many browsers at work as two cores can run without blurring the times.
static TURNS: Semaphore = Semaphore::const_new(4);
