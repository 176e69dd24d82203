//! How a connection behaves.

use std::{fmt, rc::Rc, time::Duration};

#[cfg(feature = "stomp")]
use crate::Stomp;
use crate::client::keeper::{self, Keeping};
use crate::core::{
    backoff::{Ceilings, LEAST_CEILING},
    heartbeat::{Mode, Period, ReplyTimeout},
    mark,
    reach::Locality,
};
use crate::{Client, Pattern, Payload};

/// How a connection behaves; each has a default.
///
/// ```
/// use std::time::Duration;
/// use heartwire::Options;
///
/// let options = Options::new()
///     .heartbeat(Duration::from_secs(20))
///     .heartbeat_text("ping {n}")
///     .retry_limit(10);
/// ```
///
/// Each is a field, too, to be read and to be changed one by one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// How long it has to be quiet before a heartbeat is sent.
    pub heartbeat: Period,
    /// What a heartbeat says, with [`mark::PLACE`] for its mark.
    pub heartbeat_text: String,
    /// What starts the quiet time over.
    pub heartbeat_mode: Mode,
    /// How long after a heartbeat something must arrive.
    pub reply_timeout: ReplyTimeout,
    /// What answers a heartbeat without a mark.
    pub reply_text: Vec<Pattern>,
    /// What the server sends as heartbeats of its own.
    pub server_heartbeat_text: Vec<Pattern>,
    /// How long a handshake may take.
    pub connect_timeout: Duration,
    /// Whether to connect again after an end that was not asked for.
    pub retry: bool,
    /// The ceiling of the first delay, where it is not the default.
    pub retry_min: Option<Duration>,
    /// The ceiling of every delay, where it is not the default.
    pub retry_max: Option<Duration>,
    /// How many attempts in a row may fail.
    pub retry_limit: Option<u32>,
    /// How long a connection must have been open before delays begin anew.
    pub stable_after: Duration,
    /// The close codes after which no attempt is made by itself.
    pub final_codes: Vec<u16>,
    /// How many messages are kept at most until there is an answer.
    pub outbox_limit: usize,
    /// What every connection begins with.
    pub greeting: Vec<Payload>,
    /// What the server asks, and what is answered.
    pub answers: Vec<(Pattern, Payload)>,
    /// How soon a message has to have a proof.
    pub prove_within: Option<Duration>,
    /// Under which name messages are kept over a reload.
    pub keep_in_tab: Option<KeepInTab>,
    /// How the server is spoken to, if it speaks STOMP.
    #[cfg(feature = "stomp")]
    pub stomp: Option<Stomp>,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The defaults, which the methods name.
    #[must_use]
    pub fn new() -> Self {
        Self {
            heartbeat: Period::Every(Duration::from_secs(30)),
            heartbeat_text: "heartbeat".into(),
            heartbeat_mode: Mode::Idle,
            reply_timeout: ReplyTimeout::Auto,
            reply_text: default_replies("heartbeat"),
            server_heartbeat_text: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            retry: true,
            retry_min: None,
            retry_max: None,
            retry_limit: None,
            stable_after: Duration::from_secs(10),
            final_codes: FINAL_CODES.into(),
            outbox_limit: 1000,
            greeting: Vec::new(),
            answers: Vec::new(),
            prove_within: Some(Duration::from_secs(5)),
            keep_in_tab: None,
            #[cfg(feature = "stomp")]
            stomp: None,
        }
    }

    /// How long it has to be quiet before a heartbeat is sent: 30 s, another duration, what the path to
    /// the server bears, or none at all.
    #[must_use]
    pub fn heartbeat(mut self, period: impl Into<Period>) -> Self {
        self.heartbeat = period.into();
        self
    }

    /// What a heartbeat says: `heartbeat`. In the place of [`mark::PLACE`] it has a mark that no other
    /// one has, so that a server which returns it proves that all before has arrived. The replies become what
    /// [`reply_text`](Self::reply_text) says: other ones are told after this.
    #[must_use]
    pub fn heartbeat_text(mut self, text: impl Into<String>) -> Self {
        self.heartbeat_text = text.into();
        self.reply_text = default_replies(&self.heartbeat_text);
        self.drop_replies_of_others();
        self
    }

    /// What starts the quiet time over: anything received.
    #[must_use]
    pub fn heartbeat_mode(mut self, mode: Mode) -> Self {
        self.heartbeat_mode = mode;
        self
    }

    /// How long after a heartbeat something must arrive: four times the round trip, from 3 s to 10 s,
    /// once the server has answered.
    #[must_use]
    pub fn reply_timeout(mut self, timeout: impl Into<ReplyTimeout>) -> Self {
        self.reply_timeout = timeout.into();
        self
    }

    /// What answers a heartbeat without a mark: `pong`, and the heartbeat's own text where that has none.
    #[must_use]
    pub fn reply_text<T: Into<Pattern>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.reply_text = texts.into_iter().map(Into::into).collect();
        self
    }

    /// What the server sends as heartbeats of its own: life, never messages and never replies; with
    /// [`Mode::Always`] they do not put ours off. None.
    #[must_use]
    pub fn server_heartbeat_text<T: Into<Pattern>>(
        mut self,
        texts: impl IntoIterator<Item = T>,
    ) -> Self {
        self.server_heartbeat_text = texts.into_iter().map(Into::into).collect();
        self.drop_replies_of_others();
        self
    }

    /// How long a handshake may take: 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Whether to connect again after an end that was not asked for: yes.
    #[must_use]
    pub fn retry(mut self, retry: bool) -> Self {
        self.retry = retry;
        self
    }

    /// The ceiling of the first delay before a new attempt: 5 s, as RFC 6455 §7.2.3 spreads it, and 1 s
    /// on this machine; 10 ms at least.
    #[must_use]
    pub fn retry_min(mut self, ceiling: Duration) -> Self {
        self.retry_min = Some(ceiling);
        self
    }

    /// The ceiling of every delay, to which that of the first doubles: 1 min, and 10 s on this machine;
    /// 10 ms at least.
    #[must_use]
    pub fn retry_max(mut self, ceiling: Duration) -> Self {
        self.retry_max = Some(ceiling);
        self
    }

    /// How many attempts in a row may fail that are made by themselves, before no other is: any number. The one that
    /// [`Client::open`](crate::Client::open) makes is none of them.
    #[must_use]
    pub fn retry_limit(mut self, attempts: impl Into<Option<u32>>) -> Self {
        self.retry_limit = attempts.into();
        self
    }

    /// How long a connection must have been open before delays begin anew with the first: 10 s.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.stable_after = time;
        self
    }

    /// The close codes after which no attempt is made by itself: those by which a server finds the client
    /// itself at fault, 1002, 1003 and 1007 to 1010 (RFC 6455 §7.4.1).
    #[must_use]
    pub fn final_codes(mut self, codes: impl IntoIterator<Item = u16>) -> Self {
        self.final_codes = codes.into_iter().collect();
        self
    }

    /// How many messages are kept at most until there is an answer: 1,000.
    #[must_use]
    pub fn outbox_limit(mut self, messages: usize) -> Self {
        self.outbox_limit = messages;
        self
    }

    /// What every connection begins with, before anything else: a login, say. It is no message: nobody
    /// hears what became of it, and it is not kept. Several are sent in the order of the calls.
    #[must_use]
    pub fn greeting(mut self, payload: impl Into<Payload>) -> Self {
        self.greeting.push(payload.into());
        self
    }

    /// What the server asks, and what is answered at once: neither is a message. In an answer `{name}` becomes
    /// the value that the question has at its [place](Pattern::members) of that name, as it was written. Ten are
    /// answered a second, as a server that returns the answers would be asking for ever; what is to be acknowledged
    /// more often is a message, and [`send_once`](crate::Client::send_once) answers it.
    #[must_use]
    pub fn answer(mut self, question: impl Into<Pattern>, answer: impl Into<Payload>) -> Self {
        self.answers.push((question.into(), answer.into()));
        self.drop_replies_of_others();
        self
    }

    /// While a message has no proof, a heartbeat leaves at most so long after it, whatever comes in: 5 s,
    /// and 100 ms at least. Without, a server that talks all the time proves nothing for a long time. A server
    /// that lets heartbeats wait gets one a [period](Self::heartbeat). Where no heartbeat is sent at all, or the
    /// server's replies prove nothing, none is sent for this either.
    #[must_use]
    pub fn prove_within(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.prove_within = time.into();
        self
    }

    /// Keeps in the tab, from one document to the next, what waits and what has no proof: a reload, or going to
    /// another page and back, loses none of it. Each client of a page, each account and each room of one address wants
    /// a name of its own. All names of storage begin with it, and nothing is kept without one.
    ///
    /// The next client of this name that connects takes over what waits for its [target](crate::Target) and, over
    /// STOMP, its destination. Addresses that differ only in their query are one target here, since a query may hold a
    /// secret; so are all that are [asked for](crate::Target::asked).
    ///
    /// - What waits may be secret: it is in `sessionStorage` while the page is hidden and after it has ended, and not
    ///   while it is seen, but for what waits for other targets. If the browser crashes while the page is visible, what
    ///   waits is lost.
    /// - Of a duplicated tab, or a page that comes back out of the browser's cache, only one sends what was kept:
    ///   [`Fate::HandedOver`](crate::Fate::HandedOver) tells the other. Without Web Locks, which browsers have in secure
    ///   contexts alone, a duplicate takes over from a hidden page.
    /// - What was [sent at most once](crate::Client::send_once) is not sent again.
    /// - What was learned of a server is kept as long as the tab lives: that it says replies unasked and, with
    ///   [`Period::Auto`], how long its path bears silence.
    /// - `localStorage` has a list of random numbers: what was kept under one of these was taken over.
    /// - If storage is denied, or not all fits, of which browsers allow some 5 MB, nothing is kept for this target, and
    ///   a [`Trace::Problem`](crate::Trace::Problem) tells.
    /// - A client that is dropped takes what waits with it. In a worker, which is in no tab, nothing is kept.
    ///
    /// ```
    /// use heartwire::{Options, testing};
    ///
    /// let options = Options::new().keep_in_tab("chat of alice");
    /// let (client, server) = testing::client("wss://example.org", options.clone());
    /// client.send("hello").expect("there is room");
    /// let (client, server) = server.reload("wss://example.org", options);
    /// client.open();
    /// server.accept();
    /// assert_eq!(server.received(), ["hello"]);
    /// ```
    #[must_use]
    pub fn keep_in_tab(mut self, name: impl Into<String>) -> Self {
        self.keep_in_tab = Some(KeepInTab {
            name: name.into(),
            begin: keeper::begin,
        });
        self
    }

    /// Speaks STOMP 1.2 instead of plain text. A message is confirmed by the receipt that its server gives for it,
    /// and [`heartbeat`](Self::heartbeat) is offered to the server both ways: the longer time of the two holds.
    /// What is told of the texts of heartbeats, replies, greeting and answers, of [`prove_within`](Self::prove_within),
    /// [`heartbeat_mode`](Self::heartbeat_mode) and [`reply_timeout`](Self::reply_timeout) has no meaning then.
    ///
    /// A message is a text of at most 65,000 bytes, so that its frame has no more than the 64 KiB that ActiveMQ and
    /// Spring take; of less, in steps of 1,000, where the destination has more than 140.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn stomp(mut self, stomp: Stomp) -> Self {
        self.stomp = Some(stomp);
        self
    }

    /// The back-off's ceilings for a server there.
    #[must_use]
    pub fn ceilings(&self, locality: Locality) -> Ceilings {
        // A developer's own server has no herd.
        let (first, last) = match locality {
            Locality::Loopback => (Duration::from_secs(1), Duration::from_secs(10)),
            Locality::Remote => (Duration::from_secs(5), Duration::from_secs(60)),
        };
        let [min, max] = [self.retry_min, self.retry_max].map(|it| Some(it?.max(LEAST_CEILING)));
        match (min, max) {
            (None, None) => Ceilings { first, last },
            (Some(first), None) => Ceilings {
                first,
                last: last.max(first),
            },
            (None, Some(last)) => Ceilings {
                first: first.min(last),
                last,
            },
            (Some(first), Some(last)) => Ceilings { first, last },
        }
    }

    /// What is said, what is a reply to it, and what is none: where these are the same, so is what a server was found
    /// to say of them.
    pub(crate) fn replies(&self) -> (&str, [&[Pattern]; 2]) {
        let patterns = [&*self.reply_text, &self.server_heartbeat_text];
        (&self.heartbeat_text, patterns)
    }

    /// Drops the replies that are like what the server says by itself, or asks: that answers nothing.
    #[doc(hidden)]
    pub fn drop_replies_of_others(&mut self) {
        let (own, answers) = (&self.server_heartbeat_text, &self.answers);
        self.reply_text.retain(|reply| {
            let mut others = own
                .iter()
                .chain(answers.iter().map(|(question, _)| question));
            !others.any(|other| other.covers(reply))
        });
    }
}

/// What [`Options::keep_in_tab`] makes of a name.
#[derive(Clone)]
pub struct KeepInTab {
    name: String,
    /// A page in which no name is given does not load what this leads to.
    begin: fn(&Client, &str) -> Option<Rc<dyn Keeping>>,
}

impl KeepInTab {
    pub(crate) fn begin(&self, client: &Client) -> Option<Rc<dyn Keeping>> {
        (self.begin)(client, &self.name)
    }
}

/// Equal: the same name.
impl PartialEq for KeepInTab {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for KeepInTab {}

impl fmt::Debug for KeepInTab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// What answers a heartbeat of this text at a server that echoes, and at one that answers as protocols with a
/// ping do. The echo of a heartbeat with a mark is known by that.
#[doc(hidden)]
#[must_use]
pub fn default_replies(heartbeat_text: &str) -> Vec<Pattern> {
    let mut replies = vec!["pong".into()];
    if !heartbeat_text.contains(mark::PLACE) {
        replies.insert(0, heartbeat_text.into());
    }
    replies
}

const FINAL_CODES: [u16; 6] = [1002, 1003, 1007, 1008, 1009, 1010];
