//! The connection to a STOMP broker against every order of what page, network and broker can do, within
//! bounds.
//!
//! The page sends to a queue and is its only reader. Each step is one thing that happens; stateright takes all
//! steps in all orders. Time passes in [`Step::Expires`] alone.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

mod checking;

use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    time::Duration,
};

use heartwire::{
    Options, Stomp,
    core::{
        connection::{Closure, Connection, Destination, Effect, Epoch, Input, Status, Timer},
        heartbeat::Period,
        outbox::{Fate, Guarantee},
        protocol::{Frame, PayloadRef, Transmit},
        reach::Locality,
        stomp::{Step as Reached, frame},
    },
};
use stateright::{Expectation, Model, Property};

use checking::{ORIGIN, explore};

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
    let page = |bounds| Page {
        gives_receipts,
        bounds,
    };
    let properties = page(bounds[0]).properties().into_iter();
    let sometimes = properties.filter(|property| property.expectation == Expectation::Sometimes);
    let mut missed: Vec<_> = sometimes.map(|property| property.name).collect();
    for bounds in bounds {
        let name = format!("receipts {gives_receipts}, {bounds:?}");
        let reached = explore(&name, page(*bounds));
        missed.retain(|name| !reached.contains(name));
    }
    assert_eq!(missed, [""; 0], "never reached");
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
    fn new(page: &Page) -> Self {
        let broker = Stomp::new("/queue/a").login("web", PASSCODE);
        let options = Options::new().heartbeat(Period::Off).stomp(broker);
        let mut state = Self {
            connection: Connection::new(options, [1, 2]),
            now: ORIGIN,
            alarms: BTreeMap::new(),
            world: World {
                left: page.bounds,
                written: 0,
                epochs: Vec::new(),
                socket: None,
                late: Vec::new(),
                stored: Vec::new(),
                shown: Vec::new(),
                confirmed: Vec::new(),
                has_receipted: false,
                broken: Vec::new(),
            },
            outcomes: Vec::new(),
        };
        state.take(Step::Opens);
        state
    }

    /// All that can happen next.
    fn add_steps(&self, page: &Page, steps: &mut Vec<Step>) {
        let World {
            left,
            epochs,
            socket,
            late,
            ..
        } = &self.world;
        if left.texts > 0 {
            steps.push(Step::Sends);
        }
        let may_connect = epochs.len() < left.connections;
        let status = self.connection.status();
        if may_connect {
            match status {
                Status::Refused(_) => steps.push(Step::Opens),
                Status::Waiting { .. } if left.whims > 0 => steps.push(Step::Reopens),
                Status::Idle
                | Status::Connecting { .. }
                | Status::Open { .. }
                | Status::Waiting { .. }
                | Status::Away
                | Status::Stopped
                | Status::GaveUp
                | Status::TurnedAway => {}
            }
        }
        if !late.is_empty() {
            steps.push(Step::StoresLate);
        }
        if let Some((timer, _)) = self.next_alarm() {
            let may_expire = match timer {
                Timer::Reconnect => may_connect,
                Timer::Connect | Timer::Reply | Timer::Heartbeat | Timer::Trial => {
                    left.expiries > 0
                }
            };
            if may_expire {
                steps.push(Step::Expires(timer));
            }
        }
        if let Some(socket) = socket {
            self.world.add_steps(socket, page, steps);
        }
    }

    fn next_alarm(&self) -> Option<(Timer, Duration)> {
        let alarms = self.alarms.iter();
        let alarms = alarms.map(|(timer, (_, due))| (*timer, *due));
        alarms.min_by_key(|(_, due)| *due)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Sends => {
                let text = self.world.written.to_string();
                let sent = self.connection.send(text, Guarantee::AtLeastOnce, self.now);
                assert_eq!(sent.unwrap().number(), self.world.written as u64);
                self.world.written += 1;
                self.drain();
            }
            Step::Opens | Step::Reopens => self.input(Input::Open(Destination {
                locality: Locality::Remote,
                is_new: false,
                speaks_otherwise: false,
                learned: None,
                is_distrusted: false,
            })),
            Step::StoresLate => {
                let sent = self.world.late.remove(0);
                self.world.store(&sent);
            }
            Step::Expires(timer) => self.expire(timer),
            Step::Accepts
            | Step::Greets
            | Step::RefusesLogin
            | Step::Subscribes
            | Step::Stores
            | Step::LetsGo
            | Step::Receipts(_)
            | Step::Delivers(_)
            | Step::Redelivers(_)
            | Step::Arrives
            | Step::Breaks
            | Step::TellsEnd => self.take_socket(step),
        }
    }

    /// Takes a step of the socket or of what is beyond it.
    fn take_socket(&mut self, step: Step) {
        let Some(mut socket) = self.world.socket.take() else {
            return;
        };
        let epoch = socket.epoch;
        let mut answer = None;
        let mut input = None;
        match step {
            Step::Accepts => {
                socket.phase = Phase::Open;
                input = Some(Input::Opened(epoch));
            }
            Step::Greets | Step::RefusesLogin | Step::Subscribes | Step::Stores | Step::LetsGo => {
                let item = socket.wire.remove(0);
                self.world.read(item, step, &mut socket);
            }
            Step::Receipts(index) => {
                let receipt = socket.owed.remove(index);
                socket.back.push(Answer::Receipt(receipt));
            }
            Step::Delivers(index) | Step::Redelivers(index) => {
                self.world.stored[index].place = Place::Delivered(epoch);
                socket.back.push(Answer::Message(index));
            }
            Step::Arrives => answer = Some(socket.back.remove(0)),
            Step::Breaks => socket.phase = Phase::Broken,
            Step::TellsEnd => input = Some(Input::Closed(epoch, Closure::abnormal())),
            Step::Sends | Step::Opens | Step::Reopens | Step::StoresLate | Step::Expires(_) => {}
        }
        self.world.socket = Some(socket);
        if let Some(input) = input {
            self.input(input);
        }
        if let Some(answer) = answer {
            self.arrive(&answer);
        }
    }

    /// What the broker has said reaches the page.
    fn arrive(&mut self, answer: &Answer) {
        let Some(socket) = &mut self.world.socket else {
            return;
        };
        let epoch = socket.epoch;
        socket.is_ready |= matches!(answer, Answer::Receipt(_) | Answer::Message(_));
        self.world.has_receipted |= matches!(answer, Answer::Receipt(_));
        let mut expected = Vec::new();
        match answer {
            Answer::Receipt(receipt) => {
                expected.extend(receipt.number.map(Outcome::Confirmed));
            }
            Answer::Message(index) => {
                let number = self.world.stored[*index].number;
                let is_repeat = self.world.shown.contains(&number);
                expected.extend((!is_repeat).then_some(Outcome::Shown(number)));
                expected.push(Outcome::Acknowledged(ack_of(epoch, *index)));
            }
            Answer::Connected | Answer::Refusal => {}
        }
        let text = self.world.text_of(answer, epoch);
        self.input_that_confirms(Input::Received(epoch, Frame::Text(text)), &expected);
        if let Answer::Message(_) = answer
            && self.outcomes != expected
        {
            self.world.breaks(ACKNOWLEDGED);
        }
    }

    fn expire(&mut self, timer: Timer) {
        let Some((epoch, due)) = self.alarms.remove(&timer) else {
            return;
        };
        self.now = self.now.max(due);
        let has_logged_in = self.connection.step() >= Some(Reached::Subscription);
        let has_receipted = self.world.has_receipted;
        if timer == Timer::Reply
            && !has_receipted
            && let Some(socket) = &mut self.world.socket
        {
            // A server that has given no receipt need not give one of the subscription.
            socket.is_ready = true;
        }
        self.input(Input::TimerExpired(epoch, timer));
        let is_left = matches!(self.connection.status(), Status::Waiting { .. });
        if timer != Timer::Reconnect && has_logged_in && !has_receipted && is_left {
            self.world.breaks(NOT_LEFT);
        }
    }

    fn input(&mut self, input: Input) {
        self.input_that_confirms(input, &[]);
    }

    fn input_that_confirms(&mut self, input: Input, expected: &[Outcome]) {
        self.outcomes.clear();
        self.connection.handle_input(input, self.now);
        self.drain();
        let confirmed = |outcomes: &[Outcome]| -> Vec<_> {
            let confirmed = outcomes.iter();
            let confirmed = confirmed.filter(|outcome| matches!(outcome, Outcome::Confirmed(_)));
            confirmed.cloned().collect()
        };
        if confirmed(&self.outcomes) != confirmed(expected) {
            self.world.breaks(OWN_RECEIPT);
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.connection.poll_effect() {
            if format!("{effect:?}").contains(PASSCODE) {
                self.world.breaks(SECRET);
            }
            if let Some(input) = self.perform(effect) {
                self.connection.handle_input(input, self.now);
            }
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        let world = &mut self.world;
        match effect {
            Effect::Connect(epoch) => {
                world.epochs.push(epoch);
                world.socket = Some(Socket::new(epoch));
            }
            Effect::Close(..) | Effect::Disconnect => {
                let wire = world.socket.take().into_iter();
                let items = wire.flat_map(|socket| socket.wire);
                world.late.extend(items.filter_map(|item| match item {
                    Item::Send(sent) => Some(sent),
                    Item::Connect | Item::Subscribe { .. } | Item::Ack { .. } => None,
                }));
            }
            Effect::Transmit(transmit) => return self.transmit(transmit),
            Effect::Deliver(frame) => {
                let Frame::Text(text) = frame else {
                    return None;
                };
                let number = text.parse().unwrap();
                if world.shown.contains(&number) {
                    world.breaks(ONCE);
                }
                world.shown.push(number);
                self.outcomes.push(Outcome::Shown(number));
            }
            Effect::Settled(id, Fate::Confirmed) => {
                let number = usize::try_from(id.number()).unwrap();
                world.confirmed.push(number);
                self.outcomes.push(Outcome::Confirmed(number));
            }
            Effect::SetTimer(epoch, timer, wait) => {
                self.alarms.insert(timer, (epoch, self.now + wait));
            }
            Effect::StopTimer(timer) => {
                self.alarms.remove(&timer);
            }
            Effect::AwaitDrain(epoch) => return Some(Input::Drained(epoch)),
            Effect::Note(..)
            | Effect::Head(_)
            | Effect::Queued(_)
            | Effect::Settled(..)
            | Effect::Distrust => {}
        }
        None
    }

    fn transmit(&mut self, transmit: Transmit) -> Option<Input> {
        let text = self
            .connection
            .frame(&transmit)
            .or_else(|| match transmit.payload() {
                PayloadRef::Text(text) => Some(text.to_owned()),
                PayloadRef::Binary(_) => None,
            });
        let text = text.unwrap();
        let item = Item::read(&text);
        let world = &mut self.world;
        if text.contains(PASSCODE) {
            world.breaks(SECRET);
        }
        let Some(socket) = &mut world.socket else {
            // Nothing else takes a message.
            world.breaks(READY);
            return None;
        };
        let is_early = matches!(item, Item::Send(_)) && !socket.is_ready;
        let mut is_foreign = false;
        if let Item::Ack { id } = &item {
            let mut stored = (0..).zip(&world.stored);
            is_foreign = !stored.any(|(index, stored)| {
                stored.place == Place::Delivered(socket.epoch) && *id == ack_of(socket.epoch, index)
            });
            self.outcomes.push(Outcome::Acknowledged(id.clone()));
        }
        let epoch = socket.epoch;
        let is_taken = socket.phase != Phase::Broken;
        if is_taken {
            socket.wire.push(item);
        }
        if is_early {
            world.breaks(READY);
        }
        if is_foreign {
            world.breaks(OWN_ACK);
        }
        (!is_taken).then_some(Input::NotTaken(epoch, transmit))
    }

    /// No step on the way here broke this rule.
    fn keeps(&self, rule: &str) -> bool {
        !self.world.broken.contains(&rule)
    }

    /// A receipt that nobody waits for does what any frame does that means nothing.
    fn ignores_unknown_receipts(&self) -> bool {
        let socket = self.world.socket.as_ref();
        let Some(socket) = socket.filter(|socket| socket.phase == Phase::Open) else {
            return true;
        };
        let after = |text: String| {
            let mut connection = self.connection.clone();
            let frame = Frame::Text(text);
            connection.handle_input(Input::Received(socket.epoch, frame), self.now);
            let effect = connection.poll_effect();
            (effect, self.text_of(&connection))
        };
        let nothing = after("NOTHING\n\n\0".into());
        let confirmed = self.world.confirmed.first().map(ToString::to_string);
        let mut unknown = ["9".to_owned(), "nonsense".to_owned()]
            .into_iter()
            .chain(confirmed);
        unknown.all(|id| after(format!("RECEIPT\nreceipt-id:{id}\n\n\0")) == nothing)
    }

    /// What comes over a connection after its end is shown to nobody, and acknowledged over no other.
    fn ignores_late_messages(&self) -> bool {
        let Some((_, old)) = self.world.epochs.split_last() else {
            return true;
        };
        old.iter().all(|epoch| {
            let mut connection = self.connection.clone();
            let ack = ack_of(*epoch, 0);
            let late = Frame::Text(format!("MESSAGE\nack:{ack}\n\nlate\0"));
            connection.handle_input(Input::Received(*epoch, late), self.now);
            connection.poll_effect().is_none()
        })
    }

    /// If no receipt comes any more, the server is left that used to give them.
    fn leaves_in_time(&self) -> bool {
        let is_open = |state: &Self| matches!(state.connection.status(), Status::Open { .. });
        let taken = self.connection.outbox().oldest_taken();
        let Some(taken) = taken.filter(|_| self.world.has_receipted && is_open(self)) else {
            return true;
        };
        let mut later = self.clone();
        for _ in 0..MOST_STEPS {
            let timer = later.next_alarm().filter(|_| is_open(&later));
            let Some((timer, _)) = timer else { break };
            later.expire(timer);
        }
        !is_open(&later) && later.now <= self.now.max(taken + RECEIPT_TIMEOUT)
    }

    /// What becomes of it when nothing goes wrong any more.
    fn settled(&self, page: &Page) -> Self {
        let mut state = self.clone();
        for _ in 0..MOST_STEPS {
            let Some(step) = state.next_good_step(page) else {
                break;
            };
            state.take(step);
        }
        state
    }

    fn next_good_step(&self, page: &Page) -> Option<Step> {
        let status = self.connection.status();
        if let Status::Refused(_) = status {
            return Some(Step::Opens);
        }
        let mut steps = Vec::new();
        if let Some(socket) = &self.world.socket {
            self.world.add_steps(socket, page, &mut steps);
        }
        if !self.world.late.is_empty() {
            steps.push(Step::StoresLate);
        }
        // Neither is good.
        steps.retain(|step| !matches!(step, Step::Breaks | Step::RefusesLogin));
        let waits = !matches!(status, Status::Open { .. });
        let timer = self.next_alarm().filter(|_| waits);
        steps.extend(timer.map(|(timer, _)| Step::Expires(timer)));
        steps.first().copied()
    }

    fn has_all(&self, page: &Page) -> bool {
        let World {
            written,
            shown,
            confirmed,
            ..
        } = &self.world;
        (0..*written).all(|number| {
            self.world.has(number)
                && shown.iter().filter(|shown| **shown == number).count() == 1
                && (confirmed.contains(&number) || !page.gives_receipts)
        })
    }

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

impl World {
    fn breaks(&mut self, rule: &'static str) {
        if !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }

    fn has_failed(&self, page: &Page) -> bool {
        self.left.faults < page.bounds.faults
    }

    /// Whether a message is stored.
    fn has(&self, number: usize) -> bool {
        self.stored.iter().any(|stored| stored.number == number)
    }

    fn may_redeliver(&self, stored: &Stored) -> bool {
        let Place::Delivered(epoch) = stored.place else {
            return false;
        };
        self.epochs.last() != Some(&epoch)
    }

    fn store(&mut self, sent: &Sent) {
        self.stored.push(Stored {
            number: sent.number,
            name: sent.name.clone(),
            place: Place::InQueue,
        });
    }

    /// What can happen to a socket and beyond it.
    fn add_steps(&self, socket: &Socket, page: &Page, steps: &mut Vec<Step>) {
        match socket.phase {
            Phase::Connecting => steps.push(Step::Accepts),
            Phase::Open => {}
            Phase::Broken => {
                steps.push(Step::TellsEnd);
                return;
            }
        }
        let may_fail = self.left.faults > 0;
        if !socket.back.is_empty() {
            steps.push(Step::Arrives);
        }
        match socket.wire.first() {
            Some(Item::Connect) => {
                steps.push(Step::Greets);
                if may_fail {
                    steps.push(Step::RefusesLogin);
                }
            }
            Some(Item::Subscribe { .. }) => steps.push(Step::Subscribes),
            Some(Item::Send(_)) => steps.push(Step::Stores),
            Some(Item::Ack { .. }) => steps.push(Step::LetsGo),
            None => {}
        }
        if page.gives_receipts {
            steps.extend((0..socket.owed.len()).map(Step::Receipts));
        }
        if socket.is_subscribed {
            let mut stored = self.stored.iter().enumerate();
            steps.extend(stored.find_map(|(index, stored)| {
                match stored.place {
                    Place::InQueue => Some(Step::Delivers(index)),
                    Place::Delivered(_) => self
                        .may_redeliver(stored)
                        .then_some(Step::Redelivers(index)),
                    Place::Acknowledged => None,
                }
            }));
        }
        if may_fail {
            steps.push(Step::Breaks);
        }
    }

    /// The broker reads what the page has said.
    fn read(&mut self, item: Item, step: Step, socket: &mut Socket) {
        match item {
            Item::Connect => socket.back.push(if step == Step::Greets {
                Answer::Connected
            } else {
                Answer::Refusal
            }),
            Item::Subscribe { receipt } => {
                socket.is_subscribed = true;
                socket.owed.push(Receipt {
                    id: receipt,
                    number: None,
                });
            }
            Item::Send(sent) => {
                self.store(&sent);
                socket.owed.push(Receipt {
                    id: sent.receipt,
                    number: Some(sent.number),
                });
            }
            Item::Ack { id } => {
                for (index, stored) in self.stored.iter_mut().enumerate() {
                    if id == ack_of(socket.epoch, index) {
                        stored.place = Place::Acknowledged;
                    }
                }
            }
        }
    }

    /// The frame that the broker sends.
    fn text_of(&self, answer: &Answer, epoch: Epoch) -> String {
        match answer {
            Answer::Connected => "CONNECTED\nversion:1.2\n\n\0\n".into(),
            Answer::Refusal => "ERROR\nmessage:Bad CONNECT\n\n\0\n".into(),
            Answer::Receipt(receipt) => frame::write("RECEIPT", &[("receipt-id", &receipt.id)], ""),
            Answer::Message(index) => {
                let Stored { number, name, .. } = &self.stored[*index];
                let headers = [("ack", &*ack_of(epoch, *index)), ("x-heartwire-id", name)];
                frame::write("MESSAGE", &headers, &number.to_string())
            }
        }
    }
}

impl Socket {
    fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            phase: Phase::Connecting,
            wire: Vec::new(),
            is_subscribed: false,
            is_ready: false,
            owed: Vec::new(),
            back: Vec::new(),
        }
    }
}

impl Item {
    fn read(text: &str) -> Self {
        // Nothing but the server is shown its frame.
        if text == "CONNECT" {
            return Self::Connect;
        }
        let Ok(Some((frame::Item::Frame(frame), ""))) = frame::split(text) else {
            panic!("no frame: {text:?}");
        };
        let header = |name| frame.header(name).unwrap().to_owned();
        match frame.command {
            "SUBSCRIBE" => Self::Subscribe {
                receipt: header("receipt"),
            },
            "SEND" => Self::Send(Sent {
                number: frame.body.parse().unwrap(),
                receipt: header("receipt"),
                name: header("x-heartwire-id"),
            }),
            "ACK" => Self::Ack { id: header("id") },
            command => panic!("{command} is never sent"),
        }
    }
}

/// What acknowledges a stored message that this connection brings.
fn ack_of(epoch: Epoch, index: usize) -> String {
    format!("{}@{index}", epoch.number())
}

const PASSCODE: &str = "s3cret";

/// As long as a receipt may take if nobody says otherwise.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(15);

/// No state within the bounds needs as many to settle.
const MOST_STEPS: u32 = 100;
