use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use xtask::server;
pub(crate) use xtask::server::{Connection, Frame, Manner};

use super::{SOON, eventually};

/// The server of the library, which fails no test in silence.
pub(crate) struct Server(server::Server);

impl Server {
    pub(crate) fn start(manner: Manner) -> Self {
        Self(server::Server::start(manner).unwrap())
    }

    pub(crate) fn absent(manner: Manner) -> Self {
        Self(server::Server::absent(manner).unwrap())
    }

    pub(crate) fn at(port: u16, manner: Manner) -> io::Result<Self> {
        server::Server::at(port, manner).map(Self)
    }

    pub(crate) fn resume(&mut self) {
        self.0.resume().unwrap();
    }

    pub(crate) async fn stop(&mut self) {
        self.0.stop().await.unwrap();
    }

    /// Waits until what was noted meets `condition`, and returns it.
    pub(crate) async fn until(
        &self,
        what: &str,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Vec<Connection> {
        self.until_within(SOON, what, condition).await
    }

    /// [`Server::until`] with another deadline.
    pub(crate) async fn until_within(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Vec<Connection> {
        let met = self.0.awaits(deadline, what, condition).await;
        met.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until exactly `texts` have arrived.
    pub(crate) async fn receives(&self, texts: &[&str]) {
        eventually("all texts have arrived", SOON, async || {
            (self.heard() >= texts.len()).then_some(())
        })
        .await;
        assert_eq!(self.texts(), texts);
    }
}

impl Deref for Server {
    type Target = server::Server;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
