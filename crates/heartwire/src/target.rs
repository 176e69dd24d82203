//! Where to connect.

use std::{fmt, future::Future, pin::Pin, rc::Rc};

use crate::core::connection::Loss;

/// An address, and the subprotocols to offer there.
///
/// ```
/// use heartwire::Endpoint;
///
/// let endpoint = Endpoint::new("wss://example.org/ws").protocol("chat.v2");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    pub(crate) url: String,
    pub(crate) protocols: Vec<String>,
}

impl Endpoint {
    /// The address as the browser's `WebSocket` takes it: `ws:` or `wss:`, or relative to the page.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            protocols: Vec::new(),
        }
    }

    /// Offers one more subprotocol, after those before (RFC 6455 §1.9). Of a server that chooses none of them browsers
    /// make different things: where they tell a page, that is [`NoProtocol`](crate::Refusal::NoProtocol) and not
    /// tried again; Chromium has the handshake fail, as where no server is, and it is.
    #[must_use]
    pub fn protocol(mut self, name: impl Into<String>) -> Self {
        self.protocols.push(name.into());
        self
    }
}

/// A fixed endpoint, or a function that is asked before each attempt.
///
/// Two targets are equal if their endpoints are, or if they are clones of one that asks.
#[derive(Clone)]
pub struct Target(Where);

#[derive(Clone)]
enum Where {
    Fixed(Endpoint),
    Asked(Rc<Ask>),
}

type Ask = dyn Fn(Attempt) -> Asked;

/// The answer to come.
pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<Endpoint, Unavailable>>>>;

impl Target {
    /// Asks before each attempt: for an address, a subprotocol or a token that holds for one connection
    /// only. The time-out of the handshake covers the answer, too.
    pub fn asked<F, A>(ask: F) -> Self
    where
        F: Fn(Attempt) -> A + 'static,
        A: Future<Output = Result<Endpoint, Unavailable>> + 'static,
    {
        Self(Where::Asked(Rc::new(move |attempt| Box::pin(ask(attempt)))))
    }

    /// The endpoint, where it is fixed.
    pub(crate) fn endpoint_now(&self) -> Option<Endpoint> {
        match &self.0 {
            Where::Fixed(endpoint) => Some(endpoint.clone()),
            Where::Asked(_) => None,
        }
    }

    /// The endpoint, or the answer to come.
    pub(crate) fn endpoint(&self, attempt: Attempt) -> Result<Endpoint, Asked> {
        match &self.0 {
            Where::Fixed(endpoint) => Ok(endpoint.clone()),
            Where::Asked(ask) => Err(ask(attempt)),
        }
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Where::Fixed(one), Where::Fixed(other)) => one == other,
            (Where::Asked(one), Where::Asked(other)) => Rc::ptr_eq(one, other),
            (Where::Fixed(_), Where::Asked(_)) | (Where::Asked(_), Where::Fixed(_)) => false,
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Where::Fixed(endpoint) => endpoint.fmt(f),
            Where::Asked(_) => f.write_str("Asked"),
        }
    }
}

impl From<Endpoint> for Target {
    fn from(endpoint: Endpoint) -> Self {
        Self(Where::Fixed(endpoint))
    }
}

impl From<&str> for Target {
    fn from(url: &str) -> Self {
        Endpoint::new(url).into()
    }
}

impl From<String> for Target {
    fn from(url: String) -> Self {
        Endpoint::new(url).into()
    }
}

/// The attempt that asks where to connect.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Attempt {
    /// How many have failed since the back-off last started over.
    pub number: u32,
    /// How the last connection or attempt with this target ended, if it was not closed here: its close code tells
    /// whether a token is to be renewed. It is told after [`Client::retry`](crate::Client::retry), too.
    pub loss: Option<Loss>,
}

impl Attempt {
    pub(crate) fn new(number: u32, loss: Option<Loss>) -> Self {
        Self { number, loss }
    }
}

/// Nobody knows where to connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unavailable {
    /// It is asked again, after the back-off's delay.
    Now,
    /// It is not asked again by itself.
    ForGood,
}
