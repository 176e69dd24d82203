//! The connection to a STOMP broker against every order of what page, network and broker can do, within
//! bounds.
//!
//! The page sends to a queue and is its only reader. Each step is one thing that happens; stateright takes all
//! steps in all orders. Time passes in [`Step::Expires`] alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

mod checking;
mod stomp_model {
    mod broker;
    mod rules;
    mod shell;
}

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    time::Duration,
};

use heartwire::core::connection::{Connection, Epoch, Status, Timer};
use stateright::{Model, Property};

use checking::explore_all;

#[test]
fn a_broker_has_what_is_confirmed_and_each_message_is_shown_once() {
    check(true, &SHORT);
}

#[test]
fn a_server_without_receipts_is_used_like_any_other() {
    check(false, &WITHOUT_RECEIPTS);
}

/// Explores all states within each of the bounds, and fails when something worth a look is never reached.
fn check(gives_receipts: bool, bounds: &[Bounds]) {
    explore_all(bounds.iter().map(|bounds| {
        let page = Page {
            gives_receipts,
            bounds: *bounds,
        };
        (format!("receipts {gives_receipts}, {bounds:?}"), page)
    }));
}

/// Each with more of something else: texts, ends of connections, timers that expire. Fewer end than it takes to set
/// a message aside.
const SHORT: [Bounds; 4] = [
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 0,
    },
    Bounds {
        texts: 2,
        connections: 1,
        faults: 1,
        whims: 0,
        expiries: 2,
    },
    Bounds {
        texts: 1,
        connections: 3,
        faults: 2,
        whims: 1,
        expiries: 0,
    },
    Bounds {
        texts: 1,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 1,
    },
];

/// The wait for the receipt of each subscription has to expire.
const WITHOUT_RECEIPTS: [Bounds; 2] = [
    Bounds {
        texts: 2,
        connections: 2,
        faults: 1,
        whims: 0,
        expiries: 2,
    },
    Bounds {
        texts: 1,
        connections: 3,
        faults: 2,
        whims: 0,
        expiries: 4,
    },
];

/// How often each thing may happen. All that can happen within these bounds is explored.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Bounds {
    /// Messages written.
    texts: usize,
    /// Sockets made.
    connections: usize,
    /// Connections that break, and logins that are refused.
    faults: u32,
    /// Times that the user does not wait.
    whims: u32,
    /// Timers that expire, but those that end a wait.
    expiries: u32,
}

/// A page, and the broker that it meets.
#[derive(Clone, Copy)]
struct Page {
    gives_receipts: bool,
    bounds: Bounds,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// The page sends a message.
    Sends,
    /// The user opens what was refused.
    Opens,
    /// The user opens instead of waiting for the next attempt.
    Reopens,
    /// The handshake of the socket succeeds.
    Accepts,
    /// The broker reads the login, and lets the page in.
    Greets,
    /// It does not.
    RefusesLogin,
    /// It reads what is subscribed to.
    Subscribes,
    /// A message leaves the wire and is stored.
    Stores,
    /// The broker reads an acknowledgement.
    LetsGo,
    /// One of the receipts that it owes is put on the way back.
    Receipts(usize),
    /// A stored message is put on the way back.
    Delivers(usize),
    /// The same, of one that was delivered over an earlier connection and not acknowledged.
    Redelivers(usize),
    /// What is first on the way back reaches the page.
    Arrives,
    /// A message that was on the wire as its connection ended is stored after all.
    StoresLate,
    /// The connection ends, with 1006.
    Breaks,
    /// The socket's `close`, of a connection that has ended.
    TellsEnd,
    /// The timer that is due first expires.
    Expires(Timer),
}

/// A connection, the shell that performs its effects, and the world beyond.
#[derive(Clone, Debug)]
struct State {
    connection: Connection,
    now: Duration,
    alarms: BTreeMap<Timer, (Epoch, Duration)>,
    world: World,
    /// What came of the step that is being taken.
    outcomes: Vec<Outcome>,
}

/// What the page was shown or the broker was told.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    Shown(usize),
    Acknowledged(String),
    Confirmed(usize),
}

/// What the connection does not know. Messages are numbers in the order in which they were written.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct World {
    left: Bounds,
    written: usize,
    epochs: Vec<Epoch>,
    socket: Option<Socket>,
    /// What can still be stored of connections that ended.
    late: Vec<Sent>,
    /// All that was ever stored.
    stored: Vec<Stored>,
    shown: Vec<usize>,
    confirmed: Vec<usize>,
    /// A receipt has reached the page.
    has_receipted: bool,
    /// The rules that were broken on the way here.
    broken: Vec<&'static str>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Socket {
    epoch: Epoch,
    phase: Phase,
    /// What the broker has not read.
    wire: Vec<Item>,
    /// The broker has read what is subscribed to.
    is_subscribed: bool,
    /// The page knows, or need not wait any longer.
    is_ready: bool,
    /// Receipts that the broker has not sent.
    owed: Vec<Receipt>,
    /// What has not reached the page.
    back: Vec<Answer>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Phase {
    Connecting,
    Open,
    /// It takes nothing more, and its `close` is still to come.
    Broken,
}

/// What the page has said.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Item {
    Connect,
    Subscribe { receipt: String },
    Send(Sent),
    Ack { id: String },
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Sent {
    number: usize,
    receipt: String,
    /// Its `x-heartwire-id`.
    name: String,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Stored {
    number: usize,
    name: String,
    place: Place,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Place {
    InQueue,
    Delivered(Epoch),
    Acknowledged,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Receipt {
    id: String,
    /// The message that it is for, if it is for one.
    number: Option<usize>,
}

/// What the broker has said.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Answer {
    Connected,
    Refusal,
    Receipt(Receipt),
    /// One of the messages that are stored.
    Message(usize),
}

const READY: &str = "no message leaves before the subscription stands";
const STORED: &str = "confirmed messages are stored";
const OWN_RECEIPT: &str = "a receipt confirms its own message and no other";
const UNKNOWN: &str = "an unknown receipt changes nothing";
const ONCE: &str = "each message is shown once at most";
const ACKNOWLEDGED: &str = "what comes is acknowledged after it was shown, a repeat too";
const OWN_ACK: &str = "a connection acknowledges what it brought and nothing else";
const SECRET: &str = "the passcode is in the frame of the login alone";
const NOT_LEFT: &str = "a server without receipts is not left for that";
const LEFT: &str = "a server whose receipts stop is left in time";
const ARRIVES: &str = "in the end each message is stored and shown, and confirmed by who confirms";

impl Model for Page {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        state.add_steps(self, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.world.left.pay(step);
        next.take(step);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            always(READY, |_, state| state.keeps(READY)),
            always(STORED, |_, state| {
                let mut confirmed = state.world.confirmed.iter();
                confirmed.all(|number| state.world.has(*number))
            }),
            always(OWN_RECEIPT, |_, state| state.keeps(OWN_RECEIPT)),
            always(UNKNOWN, |_, state| state.ignores_unknown_receipts()),
            always(ONCE, |_, state| state.keeps(ONCE)),
            always(ACKNOWLEDGED, |_, state| state.keeps(ACKNOWLEDGED)),
            always(OWN_ACK, |_, state| {
                state.keeps(OWN_ACK) && state.ignores_late_messages()
            }),
            always(SECRET, |_, state| state.keeps(SECRET)),
            always(NOT_LEFT, |_, state| state.keeps(NOT_LEFT)),
            always(LEFT, |_, state| state.leaves_in_time()),
            always(ARRIVES, |page, state| state.settled(page).has_all(page)),
            sometimes("a message is stored twice", |_, state| {
                state.world.stored.len() > state.world.written
            }),
            sometimes("a repeat is acknowledged", |_, state| {
                let stored = &state.world.stored;
                let is_gone = |stored: &&Stored| stored.place == Place::Acknowledged;
                stored.iter().filter(is_gone).count() > state.world.written
            }),
            sometimes("what was delivered is in the queue again", |_, state| {
                let World { socket, stored, .. } = &state.world;
                socket.as_ref().is_some_and(|socket| socket.is_subscribed)
                    && stored
                        .iter()
                        .any(|stored| state.world.may_redeliver(stored))
            }),
            sometimes("a login is refused", |_, state| {
                matches!(state.connection.status(), Status::Refused(_))
            }),
            sometimes("all is shown after a fault", |page, state| {
                state.world.has_failed(page) && state.world.shown.len() == page.bounds.texts
            }),
        ];
        if self.gives_receipts {
            properties.extend([
                sometimes("all is shown and confirmed after a fault", |page, state| {
                    let World {
                        shown, confirmed, ..
                    } = &state.world;
                    state.world.has_failed(page)
                        && [shown, confirmed].map(Vec::len) == [page.bounds.texts; 2]
                }),
                sometimes("receipts come in another order", |_, state| {
                    !state.world.confirmed.is_sorted()
                }),
                sometimes("a silent server is left", |_, state| {
                    let loss = state.connection.last_loss();
                    loss.is_some_and(|loss| loss.was_silent)
                }),
            ]);
        }
        properties
    }
}

fn always(name: &'static str, condition: fn(&Page, &State) -> bool) -> Property<Page> {
    Property::always(name, condition)
}

fn sometimes(name: &'static str, condition: fn(&Page, &State) -> bool) -> Property<Page> {
    Property::sometimes(name, condition)
}

impl Bounds {
    fn pay(&mut self, step: Step) {
        match step {
            Step::Sends => self.texts -= 1,
            Step::RefusesLogin | Step::Breaks => self.faults -= 1,
            Step::Reopens => self.whims -= 1,
            Step::Expires(Timer::Connect | Timer::Reply) => self.expiries -= 1,
            // Each of these follows one of the above, or what was written.
            Step::Opens
            | Step::Accepts
            | Step::Greets
            | Step::Subscribes
            | Step::Stores
            | Step::LetsGo
            | Step::Receipts(_)
            | Step::Delivers(_)
            | Step::Redelivers(_)
            | Step::Arrives
            | Step::StoresLate
            | Step::TellsEnd
            | Step::Expires(_) => {}
        }
    }
}

impl State {
    /// A connection as text, with times as they are from now.
    fn text_of(&self, connection: &Connection) -> String {
        checking::text(connection, |time| self.until(time).to_string())
    }

    /// In milliseconds.
    fn until(&self, time: Duration) -> i128 {
        let millis = |time: Duration| i128::try_from(time.as_millis()).unwrap();
        millis(time) - millis(self.now)
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.text_of(&self.connection).hash(hasher);
        self.world.hash(hasher);
        for (timer, (epoch, due)) in &self.alarms {
            (timer, epoch, self.until(*due)).hash(hasher);
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.world == other.world
            && self.text_of(&self.connection) == other.text_of(&other.connection)
    }
}
