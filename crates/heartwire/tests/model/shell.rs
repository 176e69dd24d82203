//! What happens, and the shell that performs what comes of it.

use std::{mem, time::Duration};

use heartwire::core::{
    connection::{CLOSE_REASON, Closure, Connection, Destination, Effect, Epoch, Input, Timer},
    protocol::{Frame, Transmit, Trust},
    reach::Locality,
};

use crate::{
    Alarm, COUNTED, FINAL_CLOSE, Fate, IN_ORDER, Item, KEPT, Link, ONE_SOCKET, OPEN_ONLY, Phase,
    Resend, Socket, State, Step, UNASKED, World, checking::ORIGIN, model::server::HEARTBEAT, text,
};

impl State {
    pub(crate) fn new(link: &Link) -> Self {
        Self {
            connection: Connection::new(link.options(), [1, 2]),
            now: ORIGIN,
            alarms: [None; 5],
            world: World {
                left: link.bounds,
                socket: None,
                epochs: Vec::new(),
                late: Vec::new(),
                written: 0,
                last_typed: None,
                was_refused: false,
                arrived: Vec::new(),
                answered: Vec::new(),
                confirmed: Vec::new(),
                given_up: Vec::new(),
                merged: Vec::new(),
                ends: Vec::new(),
                is_distrusted: false,
                newest_taken: None,
                is_closed: false,
                broken: Vec::new(),
            },
        }
    }

    pub(crate) fn take(&mut self, step: Step, link: &Link) {
        match step {
            Step::Types | Step::Sends => self.write(step == Step::Types, link),
            Step::Opens => {
                self.world.is_closed = false;
                self.input(
                    Input::Open(Destination {
                        locality: Locality::Remote,
                        is_new: false,
                        speaks_otherwise: false,
                        learned: None,
                        is_distrusted: false,
                    }),
                    link,
                );
            }
            Step::Closes => {
                self.world.is_closed = true;
                self.input(Input::Close, link);
            }
            Step::Retries => self.input(Input::Retry, link),
            Step::Wakes => self.input(Input::Woke, link),
            Step::Leaves => self.input(Input::Left, link),
            Step::Returns => self.input(Input::Returned, link),
            Step::ReadsLate => {
                let number = self.world.late.remove(0);
                self.world.arrive(number);
            }
            Step::Expires(timer) => self.expire(timer, link),
            Step::Sleeps => self.now += Duration::from_secs(3_600),
            Step::Accepts
            | Step::Refuses
            | Step::Reads { .. }
            | Step::Says { .. }
            | Step::Delivers
            | Step::Ends { .. }
            | Step::Dies
            | Step::TellsEnd
            | Step::AnswersClose => self.take_socket(step, link),
        }
    }

    /// Takes a step of the socket or of what is beyond it.
    fn take_socket(&mut self, step: Step, link: &Link) {
        let Some(socket) = &mut self.world.socket else {
            return;
        };
        let epoch = socket.epoch;
        match step {
            Step::Accepts => {
                socket.phase = Phase::Open;
                self.input(Input::Opened(epoch), link);
            }
            Step::Refuses => self.end(1006, link),
            Step::Reads { answers } => {
                let item = socket.wire.remove(0);
                if answers {
                    let answer = link.answer(&item);
                    socket.answers.extend(answer.map(|text| (text, true)));
                }
                if let Item::Message(number) = item {
                    self.world.arrive(number);
                }
            }
            Step::Says { which } => {
                socket
                    .answers
                    .push((link.unasked().swap_remove(which), false));
            }
            Step::Delivers => {
                let (text, is_asked) = socket.answers.remove(0);
                let is_told = is_asked || socket.has_asked || link.has_marks();
                self.input(Input::Received(epoch, Frame::Text(text)), link);
                let trust = self.connection.trust();
                if !is_told && trust != Trust::Withdrawn {
                    self.world.breaks(UNASKED);
                }
                self.world.is_distrusted |= trust == Trust::Withdrawn;
            }
            Step::Ends { code, is_known } => socket.fate = Fate::Ending { code, is_known },
            Step::Dies => socket.fate = Fate::Dead,
            Step::TellsEnd => {
                let code = match socket.fate {
                    Fate::Ending { code, .. } => code,
                    Fate::Alive | Fate::Dead => 1006,
                };
                self.end(code, link);
            }
            Step::AnswersClose => {
                let reason = socket.reason.clone();
                self.end_with(1000, &reason, link);
            }
            Step::Types
            | Step::Sends
            | Step::Opens
            | Step::Closes
            | Step::Retries
            | Step::Wakes
            | Step::Leaves
            | Step::Returns
            | Step::ReadsLate
            | Step::Expires(_)
            | Step::Sleeps => {}
        }
    }

    /// The server's own reason is one that a page could give, as far as anybody can know.
    fn end(&mut self, code: u16, link: &Link) {
        self.end_with(code, CLOSE_REASON, link);
    }

    fn end_with(&mut self, code: u16, reason: &str, link: &Link) {
        if let Some(socket) = &self.world.socket {
            let closure = Closure {
                code,
                reason: reason.into(),
                was_clean: code != 1006,
            };
            self.input(Input::Closed(socket.epoch, closure), link);
        }
    }

    pub(crate) fn expire(&mut self, timer: Timer, link: &Link) {
        if let Some(alarm) = &mut self.alarms[timer as usize] {
            self.now = self.now.max(alarm.due);
            let epoch = alarm.epoch;
            if timer == Timer::Heartbeat {
                alarm.due = self.now + alarm.period;
            } else {
                self.alarms[timer as usize] = None;
            }
            self.input(Input::TimerExpired(epoch, timer), link);
        }
    }

    fn write(&mut self, is_typed: bool, link: &Link) {
        let (kept, _) = self.kept();
        // A typed text takes the place of another.
        let may_give_up = kept.len() >= link.outbox_limit
            && (is_typed || !self.connection.heartbeat().is_answered(self.now));
        let (text, now) = (Link::text(self.world.written), self.now);
        let mut is_refused = false;
        let given_up = self.account(|connection| {
            if is_typed {
                let _ = connection.type_text(text, link.resend.typed(), now);
            } else {
                is_refused = connection.send(text, link.resend.sent(), now).is_err();
            }
        });
        if given_up > 0 && !may_give_up && link.resend == Resend::Every {
            self.world.breaks(KEPT);
        }
        self.world.was_refused |= is_refused;
        if !is_refused {
            if is_typed {
                self.world.last_typed = Some(self.world.written);
            }
            self.world.written += 1;
            self.world.ends.push(0);
        }
        self.drain(link);
    }

    fn input(&mut self, input: Input, link: &Link) {
        self.handle(input, link);
        self.drain(link);
    }

    fn handle(&mut self, input: Input, link: &Link) {
        let now = self.now;
        let given_up = self.account(|connection| connection.handle_input(input, now));
        if given_up > 0 && link.resend == Resend::Every {
            self.world.breaks(KEPT);
        }
    }

    /// Makes a call and notes which messages left the outbox by it, and how; returns how many were
    /// given up.
    fn account(&mut self, call: impl FnOnce(&mut Connection)) -> usize {
        let (before, repeats_before) = self.kept();
        let old = self.connection.outbox().delivery();
        let merged_before = self.connection.outbox().merged();
        call(&mut self.connection);
        let (after, repeats_after) = self.kept();
        let new = self.connection.outbox().delivery();
        let merged = self
            .connection
            .outbox()
            .merged()
            .saturating_sub(merged_before);
        // Answers that turned out to tell nothing.
        let doubted = old.answered.saturating_sub(new.answered);
        let answered = (new.answered + doubted) - old.answered;
        let confirmed = new.confirmed - old.confirmed;
        let given_up =
            (new.unconfirmed - repeats_after) - (old.unconfirmed - repeats_before) - doubted;
        if doubted > 0 {
            let doubted = mem::take(&mut self.world.answered);
            self.world.given_up.extend(doubted);
            self.world.given_up.sort_unstable();
        }
        let mut left = before;
        left.retain(|number| !after.contains(number));
        if answered + confirmed + given_up + merged != left.len() as u64 {
            self.world.breaks(COUNTED);
        }
        // What is answered or confirmed is older than what is given up, and that is older than what is
        // merged.
        for (index, number) in (0..).zip(left) {
            let numbers = if index < answered {
                &mut self.world.answered
            } else if index < answered + confirmed {
                &mut self.world.confirmed
            } else if index < answered + confirmed + given_up {
                &mut self.world.given_up
            } else {
                &mut self.world.merged
            };
            numbers.push(number);
            numbers.sort_unstable();
        }
        usize::try_from(given_up).unwrap()
    }

    /// The messages in the outbox, and how many of them wait to be sent again or are set aside.
    pub(crate) fn kept(&self) -> (Vec<usize>, u64) {
        let outbox = self.connection.outbox();
        let stored = outbox.store();
        let mut rest = stored.as_str();
        let mut numbers = Vec::new();
        let mut repeats = outbox.aside().len() as u64;
        let taken = outbox.aside().len() + outbox.delivery().sent;
        while let Some((mark, behind)) = rest.split_once(':') {
            let (kind, length) = mark.split_at(1);
            // The letters tell what is sent again.
            let length = length.trim_start_matches(char::is_alphabetic);
            let (text, behind) = behind.split_at(length.parse().unwrap());
            let is_waiting = numbers.len() >= taken;
            repeats += u64::from(is_waiting && kind.chars().all(char::is_uppercase));
            numbers.push(Link::number(text));
            rest = behind;
        }
        (numbers, repeats)
    }

    fn drain(&mut self, link: &Link) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(effect) {
                self.handle(input, link);
            }
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        let world = &mut self.world;
        if world.is_closed
            && let Effect::Connect(_)
            | Effect::Transmit(_)
            | Effect::Deliver(_)
            | Effect::SetTimer(..) = effect
        {
            world.breaks(FINAL_CLOSE);
        }
        match effect {
            Effect::Connect(epoch) => {
                world.epochs.push(epoch);
                if world.socket.replace(Socket::new(epoch)).is_some() {
                    world.breaks(ONE_SOCKET);
                }
            }
            Effect::Close(_, reason) => {
                if let Some(socket) = &mut world.socket {
                    socket.phase = Phase::Closing;
                    socket.answers.clear();
                    socket.reason = reason;
                }
            }
            Effect::Disconnect => {
                if let Some(socket) = world.socket.take() {
                    if socket.phase == Phase::Open {
                        for number in &socket.taken {
                            world.ends[*number] += 1;
                        }
                    }
                    world.late = socket.into_late();
                }
            }
            Effect::Transmit(transmit) => return self.transmit(transmit),
            Effect::AwaitDrain(epoch) => return Some(Input::Drained(epoch)),
            Effect::Deliver(_)
            | Effect::Note(..)
            | Effect::Queued(_)
            | Effect::Settled(..)
            | Effect::Head(_)
            | Effect::Distrust => {}
            Effect::SetTimer(epoch, timer, period) => {
                self.alarms[timer as usize] = Some(Alarm {
                    epoch,
                    due: self.now + period,
                    period,
                });
            }
            Effect::StopTimer(timer) => self.alarms[timer as usize] = None,
        }
        None
    }

    fn transmit(&mut self, transmit: Transmit) -> Option<Input> {
        let world = &mut self.world;
        let Some(socket) = &mut world.socket else {
            world.breaks(OPEN_ONLY);
            return None;
        };
        // The connection has asked, whether or not that leaves.
        socket.has_asked |= match &transmit {
            Transmit::Message(message) => text(message) == HEARTBEAT,
            Transmit::Heartbeat(_) => true,
            Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => false,
        };
        if let Fate::Ending { is_known: true, .. } = socket.fate {
            return Some(Input::NotTaken(socket.epoch, transmit));
        }
        let is_open = socket.phase == Phase::Open;
        let mut is_in_order = true;
        match transmit {
            Transmit::Message(message) => {
                let number = Link::number(text(&message));
                is_in_order = socket.newest < Some(number);
                socket.newest = Some(number);
                world.newest_taken = world.newest_taken.max(socket.newest);
                socket.has_repeated |= message.is_repeat;
                socket.taken.push(number);
                socket.wire.push(Item::Message(number));
            }
            Transmit::Heartbeat(text) => socket.wire.push(Item::Heartbeat(text)),
            // The options know none.
            Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => {}
        }
        if !is_open {
            world.breaks(OPEN_ONLY);
        }
        if !is_in_order {
            world.breaks(IN_ORDER);
        }
        None
    }
}

impl World {
    fn breaks(&mut self, rule: &'static str) {
        if !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }

    fn arrive(&mut self, number: usize) {
        if !self.arrived.contains(&number) {
            self.arrived.push(number);
        }
    }
}

impl Socket {
    fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            phase: Phase::Connecting,
            fate: Fate::Alive,
            wire: Vec::new(),
            answers: Vec::new(),
            has_asked: false,
            reason: String::new(),
            newest: None,
            taken: Vec::new(),
            has_repeated: false,
        }
    }

    /// The messages that can still arrive. A server that has closed reads no more.
    fn into_late(self) -> Vec<usize> {
        if let Fate::Ending {
            code: 1000 | 1008, ..
        } = self.fate
        {
            return Vec::new();
        }
        let numbers = self.wire.into_iter().filter_map(|item| match item {
            Item::Message(number) => Some(number),
            Item::Heartbeat(_) => None,
        });
        numbers.collect()
    }
}
