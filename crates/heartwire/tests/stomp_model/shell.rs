//! What happens, and the shell that performs what comes of it.

use std::{collections::BTreeMap, time::Duration};

use heartwire::{
    Options, Stomp,
    core::{
        connection::{Closure, Connection, Destination, Effect, Input, Status, Timer},
        heartbeat::Period,
        outbox::{Fate, Guarantee},
        protocol::{Frame, PayloadRef, Transmit},
        reach::Locality,
        stomp::Step as Reached,
    },
};

use super::broker::ack_of;
use crate::{
    ACKNOWLEDGED, Answer, Item, NOT_LEFT, ONCE, OWN_ACK, OWN_RECEIPT, Outcome, Page, Phase, Place,
    READY, SECRET, Socket, State, Step, World, checking::ORIGIN,
};

impl State {
    pub(crate) fn new(page: &Page) -> Self {
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
    pub(crate) fn add_steps(&self, page: &Page, steps: &mut Vec<Step>) {
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

    pub(crate) fn next_alarm(&self) -> Option<(Timer, Duration)> {
        let alarms = self.alarms.iter();
        let alarms = alarms.map(|(timer, (_, due))| (*timer, *due));
        alarms.min_by_key(|(_, due)| *due)
    }

    pub(crate) fn take(&mut self, step: Step) {
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

    pub(crate) fn expire(&mut self, timer: Timer) {
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
}

impl World {
    fn breaks(&mut self, rule: &'static str) {
        if !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }
}

const PASSCODE: &str = "s3cret";
