use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use xtask::proxy::{self, Passage};

use super::SOON;
use super::server::Server;

/// The proxy of the library, which fails no test in silence.
pub(crate) struct Proxy(proxy::Proxy);

impl Proxy {
    pub(crate) async fn to(server: &Server) -> Self {
        Self(proxy::Proxy::to(server).await.unwrap())
    }

    pub(crate) async fn to_port(target: u16) -> Self {
        Self(proxy::Proxy::to_port(target).await.unwrap())
    }

    /// Waits until the connections meet `condition`, and returns them.
    pub(crate) async fn until(
        &self,
        what: &str,
        condition: impl Fn(&[Passage]) -> bool,
    ) -> Vec<Passage> {
        self.until_within(SOON, what, condition).await
    }

    /// [`Proxy::until`] with another deadline.
    pub(crate) async fn until_within(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&[Passage]) -> bool,
    ) -> Vec<Passage> {
        let met = self.0.awaits(deadline, what, condition).await;
        met.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Deref for Proxy {
    type Target = proxy::Proxy;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
