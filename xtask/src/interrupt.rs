use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::Error;

/// Listens for the signals that ask a command to end.
///
/// Listening starts with [`Interrupt::listen`]: from then on no such signal ends the process by
/// itself, and one that comes between two waits is kept for the next.
#[derive(Debug)]
pub struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupt {
    /// Starts to listen for Ctrl-C, `SIGTERM`, and the terminal's end.
    ///
    /// # Errors
    ///
    /// When the system allows no signal handler.
    pub fn listen() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind).map_err(|cause| Error::Failed(format!("cannot handle signals: {cause}")))
        };
        Ok(Self {
            ctrl_c: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal that asks the command to end.
    pub async fn received(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.ctrl_c.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
        }
    }

    /// Does `work` unless a signal comes first; then `work` is dropped, and with it every process
    /// that it owns.
    ///
    /// # Errors
    ///
    /// Those of `work`, and [`Error::Interrupted`].
    pub async fn guard<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            signal = self.received() => Err(Error::Interrupted(signal)),
        }
    }
}
