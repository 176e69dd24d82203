//! A handle to one kept connection.

mod driver;
pub(crate) mod keeper;
mod subscription;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::VecDeque,
    fmt,
    rc::{Rc, Weak},
    time::Duration,
};

#[cfg(feature = "stomp")]
use crate::core::{connection::Epoch, protocol::Transmit};
#[cfg(target_arch = "wasm32")]
use crate::platform::EarlySocket;
use crate::{
    Options, Payload,
    core::{
        connection::{Closure, Connection, Destination, Input, Loss, Status as CoreStatus},
        outbox::{Delivery, Full, Guarantee, MessageId},
        reach::Locality,
    },
    event::{Event, Failure, Status},
    message::Binary,
    platform::{Platform, PlatformEvent},
    receipt::{Receipt, Receipts},
    target::Target,
};
use keeper::Keeping;
use subscription::Hear;

pub use subscription::Subscription;

/// A handle to one kept connection. Clones share it; dropping the last one ends it.
///
/// Everything lives on the page's one thread. On a host without a browser a client exists and stays
/// [`Status::Idle`]: a server can render a page that has one.
///
/// ```
/// use heartwire::{Client, Event};
///
/// let client = Client::connect("wss://example.org/ws");
/// let subscription = client.subscribe(|event| {
///     if let Event::Message(message) = event {
///         println!("{:?}", message.text());
///     }
/// });
/// // It waits for the connection, and is sent again if that is lost before there is an answer.
/// let receipt = client.send("hello").expect("there is room");
/// assert_eq!(receipt.fate(), None);
/// ```
#[derive(Clone)]
pub struct Client(Rc<Shared>);

/// The outbox is full; what was to be sent is handed back.
pub type OutboxFull = Full;

type Prepare = Box<dyn Fn(&mut Connection)>;

struct Shared {
    core: RefCell<Connection>,
    target: RefCell<Target>,
    /// Whether nothing was started since the target was set.
    is_new_target: Cell<bool>,
    platform: Rc<dyn Platform>,
    /// What is still to be taken, while something else is.
    waiting: RefCell<VecDeque<PlatformEvent>>,
    /// See the core before each thing that is taken.
    prepare: RefCell<Vec<Prepare>>,
    keeper: OnceCell<Rc<dyn Keeping>>,
    /// The bytes of the frame that is being taken.
    bytes: RefCell<Option<Binary>>,
    is_driving: Cell<bool>,
    events: RefCell<VecDeque<Event>>,
    /// What tells the server that messages came which are still to be told.
    #[cfg(feature = "stomp")]
    acknowledgements: RefCell<Vec<(Epoch, Transmit)>>,
    is_telling: Cell<bool>,
    subscribers: RefCell<Vec<(u64, Hear)>>,
    subscribed: Cell<u64>,
    /// The status as it was told last.
    told: Cell<CoreStatus>,
    receipts: Receipts,
}

impl Client {
    /// Makes a client that does nothing yet.
    #[must_use]
    pub fn new(target: impl Into<Target>, options: Options) -> Self {
        Self::on(crate::platform::platform(), target.into(), options)
    }

    /// Makes a client with the defaults, and connects.
    #[must_use]
    pub fn connect(target: impl Into<Target>) -> Self {
        let client = Self::new(target, Options::new());
        client.open();
        client
    }

    pub(crate) fn on(platform: Rc<dyn Platform>, target: Target, options: Options) -> Self {
        let seed = platform.seed();
        let keep_in_tab = options.keep_in_tab.clone();
        let client = Self(Rc::new_cyclic(|shared: &Weak<Shared>| {
            let heard = shared.clone();
            platform.listen(Box::new(move |heard_of| {
                if let Some(shared) = heard.upgrade() {
                    Self(shared).hear(heard_of);
                }
            }));
            Shared {
                core: RefCell::new(Connection::new(options, seed)),
                target: RefCell::new(target),
                is_new_target: Cell::new(false),
                platform,
                waiting: RefCell::default(),
                prepare: RefCell::default(),
                keeper: OnceCell::new(),
                bytes: RefCell::default(),
                is_driving: Cell::new(false),
                events: RefCell::default(),
                #[cfg(feature = "stomp")]
                acknowledgements: RefCell::default(),
                is_telling: Cell::new(false),
                subscribers: RefCell::default(),
                subscribed: Cell::new(0),
                told: Cell::new(CoreStatus::Idle),
                receipts: Receipts::default(),
            }
        }));
        if let Some(keeper) = keep_in_tab.and_then(|keep| keep.begin(&client)) {
            let _ = client.0.keeper.set(keeper);
        }
        client
    }

    /// Connects, unless it is connected or about to be.
    pub fn open(&self) {
        if self.status().is_over() {
            self.start();
        }
    }

    /// Ends the connection with 1000; it stays so until [`open`](Self::open).
    pub fn close(&self) {
        // Whoever closes as it hears a message has heard it.
        #[cfg(feature = "stomp")]
        self.acknowledge();
        self.take(Input::Close);
    }

    /// Ends a wait early, or opens what has ended: what a button "Reconnect" calls.
    pub fn retry(&self) {
        if self.status().is_over() {
            self.start();
        } else {
            self.take(Input::Retry);
        }
    }

    /// Goes to another target from now on, at once unless it was [closed](Self::close) or never opened. What was sent
    /// to the old one is never sent to the new; what was sent to nobody yet is.
    pub fn set_target(&self, target: impl Into<Target>) {
        let target = target.into();
        if *self.0.target.borrow() == target {
            return;
        }
        // One that failed is wanted, too: the old target may have been the reason.
        let was_wanted = !matches!(self.status(), Status::Idle | Status::Closed);
        self.close();
        self.0.target.replace(target);
        self.0.is_new_target.set(true);
        // Who was told of the close may have opened the old one again.
        if was_wanted || !self.status().is_over() {
            self.close();
            self.start();
        }
    }

    /// Sends at least once: now, or as soon as there is a connection, and again after a loss until there is
    /// an answer. **It may arrive twice; at a server that answers no heartbeat, once more after each loss**: nothing
    /// tells what has arrived there, and [`send_once`](Self::send_once) is for what must not be repeated. A message
    /// after which the connection ended three times in a row, before any answer, is [set
    /// aside](crate::Fate::SetAside): see [`send_again`](Self::send_again).
    ///
    /// # Errors
    ///
    /// Hands the payload back when the outbox is full.
    pub fn send(&self, payload: impl Into<Payload>) -> Result<Receipt, OutboxFull> {
        self.enqueue(payload.into(), Guarantee::AtLeastOnce)
    }

    /// Sends at most once: never again after a loss. **It may be lost.**
    ///
    /// # Errors
    ///
    /// Hands the payload back when the outbox is full.
    pub fn send_once(&self, payload: impl Into<Payload>) -> Result<Receipt, OutboxFull> {
        self.enqueue(payload.into(), Guarantee::AtMostOnce)
    }

    /// Sends what makes an older one pointless: it takes the place of one that waits, and only the newest is
    /// sent again after a loss. There is always room.
    pub fn send_latest(&self, payload: impl Into<Payload>) -> Receipt {
        match self.enqueue(payload.into(), Guarantee::Latest) {
            Ok(receipt) => receipt,
            #[cfg(feature = "stomp")]
            Err(_) => {
                let id = self.now_with(|core, _| core.refuse_message());
                let receipt = self.0.receipts.receipt(id);
                self.drive();
                receipt
            }
            #[cfg(not(feature = "stomp"))]
            Err(_) => unreachable!("there is always room for the latest"),
        }
    }

    /// What the connection is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.inspect(status)
    }

    /// How many messages are in which state.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.inspect(|core| core.outbox().delivery())
    }

    /// How long the newest reply to a heartbeat of this connection took.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.inspect(|core| core.heartbeat().round_trip())
    }

    /// The connection or attempt that ended last without being closed, until the next one is open or a new start is
    /// made.
    #[must_use]
    pub fn last_loss(&self) -> Option<Loss> {
        self.inspect(|core| core.last_loss().cloned())
    }

    /// The clock of [`Status::Waiting`], for a countdown. To a subscriber it tells when that happened which is
    /// being told.
    #[must_use]
    pub fn now(&self) -> Duration {
        if !self.is_at_work() {
            self.0.platform.read_clock();
        }
        self.0.platform.now()
    }

    /// When it was noticed last that the machine may have slept, by the clock of [`now`](Self::now).
    #[must_use]
    pub fn slept_at(&self) -> Option<Duration> {
        self.0.platform.slept_at()
    }

    /// Whether the browser is asking its user to let the page connect to this machine or its network
    /// (<https://wicg.github.io/local-network-access/>). The handshake has time until there is an answer.
    #[must_use]
    pub fn is_permission_asked(&self) -> bool {
        self.0.platform.is_permission_asked()
    }

    /// Uses other options from the next [`open`](Self::open) on, or [`retry`](Self::retry) of what has ended;
    /// but [`keep_in_tab`](Options::keep_in_tab) is of the client, and stays.
    pub fn configure(&self, options: Options) {
        self.change(|core, _| core.configure(options));
    }

    /// Looks at the core, for whoever shows more than most.
    ///
    /// # Panics
    ///
    /// If `look` calls something of the client that changes it.
    pub fn inspect<T>(&self, look: impl FnOnce(&Connection) -> T) -> T {
        look(&self.0.core.borrow())
    }

    /// Calls a function with all that happens from now on, at once and in order, until the subscription is
    /// dropped. It may call anything of the client: what comes of that is told after.
    pub fn subscribe(&self, hear: impl Fn(&Event) + 'static) -> Subscription {
        let number = self.0.subscribed.get();
        self.0.subscribed.set(number + 1);
        let mut subscribers = self.0.subscribers.borrow_mut();
        subscribers.push((number, Rc::new(hear)));
        Subscription {
            client: Rc::downgrade(&self.0),
            number,
        }
    }

    /// Changes the core, for whoever does more than most, and does what comes of it. The second argument is
    /// the time.
    ///
    /// # Panics
    ///
    /// If `change` calls something of the client.
    pub fn change<T>(&self, change: impl FnOnce(&mut Connection, Duration) -> T) -> T {
        let changed = self.now_with(change);
        self.notice_turn();
        self.drive();
        changed
    }

    /// Connects to a target with what is known of it from before.
    pub fn open_at(&self, target: impl Into<Target>, destination: Destination) {
        self.0.target.replace(target.into());
        self.0.is_new_target.set(false);
        self.begin(destination);
    }

    /// Has a function see the core before each thing that is taken, for code that stores the outbox elsewhere too.
    /// Several may be added.
    ///
    /// # Panics
    ///
    /// If `prepare` calls something of the client.
    pub fn prepare(&self, prepare: impl Fn(&mut Connection) + 'static) {
        self.0.prepare.borrow_mut().push(Box::new(prepare));
    }

    /// Sends a message again that was [set aside](crate::Fate::SetAside).
    pub fn send_again(&self, id: MessageId) {
        self.0.receipts.reopen(id);
        self.change(|core, now| core.send_again(id, now));
    }

    /// Drops a message that was [set aside](crate::Fate::SetAside).
    pub fn drop_aside(&self, id: MessageId) {
        self.change(|core, _| core.drop_aside(id));
    }

    /// Has the next attempt take over a socket that a script of the page opened before the WebAssembly was
    /// there, if it goes to the same address and offers no subprotocols; else it is closed.
    #[cfg(target_arch = "wasm32")]
    pub fn adopt(&self, early: EarlySocket) {
        self.0.platform.adopt(early);
    }

    /// Every message that comes from now on, as a stream.
    #[cfg(feature = "futures")]
    pub fn messages(&self) -> crate::Messages {
        crate::Messages::of(self)
    }

    fn enqueue(&self, payload: Payload, guarantee: Guarantee) -> Result<Receipt, OutboxFull> {
        let sent = self.now_with(|core, now| core.send(payload, guarantee, now));
        let receipt = sent.map(|id| self.0.receipts.receipt(id));
        self.drive();
        receipt
    }

    fn now_with<T>(&self, change: impl FnOnce(&mut Connection, Duration) -> T) -> T {
        self.read_clock();
        let now = self.0.platform.now();
        self.prepare_core();
        change(&mut self.0.core.borrow_mut(), now)
    }

    fn start(&self) {
        let endpoint = self.0.target.borrow().endpoint_now();
        let locality = endpoint.map_or(Locality::Remote, |endpoint| {
            self.0.platform.locality(&endpoint)
        });
        let destination = Destination {
            locality,
            is_new: self.0.is_new_target.take(),
            speaks_otherwise: false,
            learned: None,
            is_distrusted: false,
        };
        self.begin(match self.0.keeper.get() {
            Some(keeper) => keeper.recall(destination),
            None => destination,
        });
    }

    fn begin(&self, destination: Destination) {
        if self.0.platform.has_network() {
            self.take(Input::Open(destination));
        }
    }

    fn take(&self, input: Input) {
        self.hear(PlatformEvent::Input(input));
    }
}

/// Equal: the same connection.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.status()).finish()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The socket is closed with 1000 as it is dropped.
        self.platform.end();
    }
}

fn status(core: &Connection) -> Status {
    let attempt = core.attempt();
    match core.status() {
        CoreStatus::Idle => Status::Idle,
        CoreStatus::Connecting { .. } => Status::Connecting { attempt },
        CoreStatus::Open { .. } => Status::Open {
            epoch: core.epoch().number(),
        },
        CoreStatus::Waiting { until, .. } => Status::Waiting { attempt, until },
        CoreStatus::Away => Status::Away,
        CoreStatus::Stopped => Status::Closed,
        CoreStatus::GaveUp => Status::Failed(Failure::GaveUp),
        CoreStatus::Refused(refusal) => Status::Failed(Failure::Refused(refusal)),
        CoreStatus::TurnedAway => {
            let closure = core.last_loss().map(|loss| loss.closure.clone());
            Status::Failed(Failure::TurnedAway(
                closure.unwrap_or_else(Closure::abnormal),
            ))
        }
    }
}
