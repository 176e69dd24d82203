//! How a STOMP server is spoken to.

use std::{fmt, time::Duration};

/// How a server is spoken to that speaks STOMP 1.2 over WebSocket: see [`Options::stomp`](crate::Options::stomp).
///
/// ```
/// use heartwire::{Client, Options, QueueType, Stomp};
///
/// let broker = Stomp::new("/queue/orders")
///     .queue_type(QueueType::Quorum)
///     .login("web", "s3cret");
/// let client = Client::new("wss://broker.example.org/ws", Options::new().stomp(broker));
/// ```
///
/// Each is a field, too.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stomp {
    /// Where messages go.
    pub destination: String,
    /// Where they come from, if not from there.
    pub subscribe: Option<String>,
    /// What kind of queue stands behind a destination.
    pub queue_type: Option<QueueType>,
    /// The virtual host.
    pub vhost: String,
    /// Who logs in.
    pub login: Option<String>,
    /// How.
    pub passcode: Secret,
    /// How long a receipt may take from a server that has sent some.
    pub receipt_timeout: Duration,
    /// Where a stream is begun.
    pub offset: Option<u64>,
}

/// What kind of queue RabbitMQ keeps messages in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueueType {
    /// A majority of nodes has what is receipted.
    Quorum,
    /// The same; and any number of readers, each from its own place: what was sent while there was no
    /// connection comes after it.
    Stream,
}

impl QueueType {
    /// As RabbitMQ's header `x-queue-type` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Stream => "stream",
        }
    }
}

/// What nobody is to read who reads what is logged.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// What it is.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(secret: T) -> Self {
        Self(secret.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Stomp {
    /// Sends to this destination and subscribes to it, without a login.
    #[must_use]
    pub fn new(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            subscribe: None,
            queue_type: None,
            vhost: "/".into(),
            login: None,
            passcode: Secret::default(),
            receipt_timeout: Duration::from_secs(15),
            offset: None,
        }
    }

    /// Subscribes to another destination.
    #[must_use]
    pub fn subscribe(mut self, destination: impl Into<String>) -> Self {
        self.subscribe = Some(destination.into());
        self
    }

    /// What kind of queue stands behind a destination. RabbitMQ makes one of this kind for `/queue/…` that is not
    /// there yet, and refuses one that is of another. A stream is read on from where it was left, which takes that
    /// it is told here.
    #[must_use]
    pub fn queue_type(mut self, kind: QueueType) -> Self {
        self.queue_type = Some(kind);
        self
    }

    /// The virtual host: `/`.
    #[must_use]
    pub fn vhost(mut self, vhost: impl Into<String>) -> Self {
        self.vhost = vhost.into();
        self
    }

    /// Logs in. The passcode is shown by nothing here, and sent to the server alone.
    ///
    /// It may be a token, as of RabbitMQ's OAuth 2. One that has expired is refused: at once if no login has succeeded
    /// before, and else the third time. What is sent waits until somebody tries again with another:
    ///
    /// ```
    /// use std::cell::RefCell;
    ///
    /// use heartwire::{
    ///     Event, Failure, Options, Status, Stomp, core::connection::Refusal, testing,
    /// };
    ///
    /// fn options(token: &str) -> Options {
    ///     Options::new().stomp(Stomp::new("/queue/orders").login("web", token))
    /// }
    ///
    /// let (client, server) = testing::client("wss://broker.example.org/ws", options("old"));
    /// let (again, used) = (client.clone(), RefCell::new("old"));
    /// let refused = Status::Failed(Failure::Refused(Refusal::Login));
    /// let _subscription = client.subscribe(move |event| match event {
    ///     Event::Status(status) if *status == refused => {
    ///         let token = "new"; // which a page fetches
    ///         if used.replace(token) != token {
    ///             again.configure(options(token));
    ///             again.retry();
    ///         }
    ///     }
    ///     _ => {}
    /// });
    /// client.open();
    /// server.accept();
    /// server.say("ERROR\nmessage:Bad CONNECT\n\n\0");
    /// server.accept();
    /// let [.., connect] = &server.received()[..] else {
    ///     panic!("nothing was said")
    /// };
    /// assert!(connect.text().unwrap().contains("passcode:new"));
    /// ```
    #[must_use]
    pub fn login(mut self, login: impl Into<String>, passcode: impl Into<Secret>) -> Self {
        self.login = Some(login.into());
        self.passcode = passcode.into();
        self
    }

    /// How long a receipt may take from a server that has sent some, before another node is looked for: 15 s. A
    /// queue whose leader hangs was measured to take 8 s.
    #[must_use]
    pub fn receipt_timeout(mut self, timeout: Duration) -> Self {
        self.receipt_timeout = timeout;
        self
    }

    /// Where a stream is begun: with what comes next. [`Connection::offset`](crate::core::connection::Connection::offset)
    /// tells where it goes on, to be kept for another page; until something has come, nobody knows.
    #[must_use]
    pub fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Where messages come from: what is [subscribed](Self::subscribe) to, or where they go.
    #[must_use]
    pub fn source(&self) -> &str {
        self.subscribe.as_deref().unwrap_or(&self.destination)
    }
}
