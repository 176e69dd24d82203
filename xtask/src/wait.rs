//! Waiting for what somebody else does.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::Error;

/// Waits until `condition` yields something and returns that.
///
/// # Errors
///
/// If it has not by the deadline; then the message says `what` did not happen.
pub async fn eventually<T>(
    what: &str,
    deadline: Duration,
    condition: impl AsyncFn() -> Option<T>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return Ok(value);
        }
        if start.elapsed() >= deadline {
            return Err(Error::Failed(format!("not within {deadline:?}: {what}")));
        }
        sleep(POLL).await;
    }
}

/// What `work` yields within a time.
///
/// # Errors
///
/// Its own, or that the time is over.
pub async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = timeout(limit, work).await;
    done.unwrap_or_else(|_| Err(Error::Failed(format!("not within {limit:?}"))))
}

/// How long anything may take that should take no time at all, on a machine that has much else to do.
pub const SOON: Duration = Duration::from_mins(1);

/// Pause between two looks at a condition; the servers note times themselves.
pub const POLL: Duration = Duration::from_millis(20);
