//! What drives the core: takes what happens, and does what comes of it.

use super::Client;
use crate::{
    core::{
        connection::{Closure, Connection, Effect, Epoch, Input, Refusal, Status as CoreStatus},
        protocol::{Frame, PayloadRef},
    },
    event::{Event, Trace},
    message::Message,
    platform::{Opened, PlatformEvent},
    target::{Attempt, Endpoint, Unavailable},
};
#[cfg(feature = "stomp")]
use crate::{
    core::{protocol::Transmit, stomp::SUBPROTOCOL},
    message::Binary,
};

impl Client {
    /// Takes what the platform tells, or what is called for.
    pub(super) fn hear(&self, event: PlatformEvent) {
        self.read_clock();
        self.0.waiting.borrow_mut().push_back(event);
        self.drive();
    }

    /// Reads the clock, once for all that comes of an event. A sleep that it shows is taken first.
    pub(super) fn read_clock(&self) {
        if self.is_at_work() {
            return;
        }
        self.0.platform.read_clock();
        if self.0.platform.has_slept() {
            let woke = PlatformEvent::Input(Input::Woke);
            self.0.waiting.borrow_mut().push_back(woke);
            self.drive();
        }
    }

    /// Whether an event is being taken or told. All that comes of it has one time.
    pub(super) fn is_at_work(&self) -> bool {
        self.0.is_driving.get() || self.0.is_telling.get()
    }

    /// Has the core take what is to be taken, and does what it says. What is called meanwhile comes after.
    pub(super) fn drive(&self) {
        if self.0.is_driving.replace(true) {
            return;
        }
        loop {
            let effect = self.0.core.borrow_mut().poll_effect();
            if let Some(effect) = effect {
                if let Some(input) = self.perform(effect) {
                    // It belongs to the effect, and to nothing that came meanwhile.
                    self.handle(input);
                }
                continue;
            }
            let next = self.0.waiting.borrow_mut().pop_front();
            let Some(event) = next else {
                break;
            };
            self.prepare_core();
            match event {
                PlatformEvent::Input(input) => self.handle(input),
                PlatformEvent::Bytes(epoch, frame, bytes) => {
                    #[cfg(feature = "stomp")]
                    let frame = self.as_stomp(frame, &bytes);
                    self.0.bytes.replace(Some(bytes));
                    self.handle(Input::Received(epoch, frame));
                }
                PlatformEvent::Trace(trace) => self.note(Event::Trace(trace)),
                PlatformEvent::Endpoint(epoch, answer) => {
                    if let Some(input) = self.go_to(epoch, answer) {
                        self.handle(input);
                    }
                }
            }
        }
        self.0.is_driving.set(false);
        self.tell_all();
    }

    /// STOMP is text in binary frames, too: Artemis speaks so unless it is told otherwise, and RabbitMQ where it is
    /// told to.
    #[cfg(feature = "stomp")]
    fn as_stomp(&self, frame: Frame, bytes: &Binary) -> Frame {
        if self.inspect(Connection::step).is_none() {
            return frame;
        }
        String::from_utf8(bytes.to_vec()).map_or(frame, Frame::Text)
    }

    fn handle(&self, input: Input) {
        let platform = &self.0.platform;
        let expired = if let Input::TimerExpired(_, timer) = &input {
            Some(*timer)
        } else {
            None
        };
        // A handshake that was slept through says nothing about the next one.
        if expired.is_some()
            && let CoreStatus::Connecting { since } = self.inspect(Connection::status)
            && platform.slept_at() >= Some(since)
        {
            let woke = PlatformEvent::Input(Input::Woke);
            self.0.waiting.borrow_mut().push_front(woke);
        }
        let now = platform.now();
        self.0.core.borrow_mut().handle_input(input, now);
        self.notice_turn();
        if let Some(timer) = expired {
            self.note(Event::Trace(Trace::Expired(timer)));
        }
    }

    /// Notes the status if it has changed.
    pub(super) fn notice_turn(&self) {
        let after = self.inspect(Connection::status);
        let before = self.0.told.replace(after);
        if before == after {
            return;
        }
        let turned = self.inspect(|core| Trace::Turned {
            before,
            after,
            loss: core.last_loss().cloned(),
            heard: core.heartbeat().last_heard(),
        });
        self.note(Event::Trace(turned));
        self.note(Event::Status(self.status()));
    }

    /// Does what the core wants; returns what it must know at once.
    fn perform(&self, effect: Effect) -> Option<Input> {
        let platform = &self.0.platform;
        match effect {
            Effect::Connect(epoch) => {
                let attempt =
                    self.inspect(|core| Attempt::new(core.attempt(), core.last_end().cloned()));
                // Nothing is borrowed while the user's function is called.
                let target = self.0.target.borrow().clone();
                let endpoint = target.endpoint(attempt);
                let endpoint = match self.0.keeper.get() {
                    Some(keeper) => keeper.await_claim(endpoint),
                    None => endpoint,
                };
                match endpoint {
                    Ok(endpoint) => return self.connect_to(epoch, &endpoint),
                    Err(asked) => platform.ask(epoch, asked),
                }
            }
            Effect::Close(epoch, reason) => platform.close(epoch, &reason),
            Effect::Disconnect => platform.disconnect(),
            #[cfg(feature = "stomp")]
            Effect::Transmit(transmit) if transmit.is_acknowledgement() => {
                let epoch = self.inspect(Connection::epoch);
                let mut acknowledgements = self.0.acknowledgements.borrow_mut();
                acknowledgements.push((epoch, transmit));
            }
            Effect::Transmit(transmit) => {
                let frame = self.inspect(|core| core.frame(&transmit));
                let frame = frame.as_deref();
                #[cfg(feature = "stomp")]
                let frame = frame.or_else(|| transmit.control());
                let frame = frame.map(PayloadRef::Text);
                if !platform.send(frame.unwrap_or_else(|| transmit.payload())) {
                    let epoch = self.inspect(Connection::epoch);
                    return Some(Input::NotTaken(epoch, transmit));
                }
                #[cfg(feature = "stomp")]
                if let (Transmit::Message(_), Some(PayloadRef::Text(frame))) = (&transmit, frame) {
                    let head = frame.split("\n\n").next().unwrap_or_default();
                    self.note(Event::Trace(Trace::Head(head.into())));
                }
                self.note(Event::Trace(Trace::Transmitted(transmit)));
            }
            Effect::AwaitDrain(epoch) => {
                return platform.has_drained(epoch).then_some(Input::Drained(epoch));
            }
            #[cfg(feature = "stomp")]
            Effect::Head(head) => self.note(Event::Trace(Trace::Head(head))),
            Effect::Deliver(Frame::Text(text)) => {
                self.note(Event::Message(Message::Text(text.into())));
            }
            Effect::Deliver(Frame::Binary { .. }) => {
                if let Some(bytes) = self.0.bytes.take() {
                    self.note(Event::Message(Message::Binary(bytes)));
                }
            }
            Effect::Note(frame, meaning) => self.note(Event::Trace(Trace::Noted(frame, meaning))),
            Effect::Queued(message) => self.note(Event::Trace(Trace::Queued(message))),
            Effect::Settled(id, fate) => self.note(Event::Fate(id, fate)),
            Effect::Distrust => self.note(Event::Trace(Trace::Distrusted)),
            Effect::SetTimer(epoch, timer, wait) => platform.set_timer(epoch, timer, wait),
            Effect::StopTimer(timer) => platform.stop_timer(timer),
        }
        None
    }

    fn connect_to(&self, epoch: Epoch, endpoint: &Endpoint) -> Option<Input> {
        #[cfg(feature = "stomp")]
        let endpoint = &self.offering_stomp(endpoint);
        let opened = self.0.platform.connect(epoch, endpoint);
        match opened {
            Opened::Underway => None,
            Opened::Refused(refusal) => Some(Input::Refused(epoch, refusal)),
            Opened::Failed => Some(Input::Closed(epoch, Closure::abnormal())),
        }
    }

    /// The endpoint, where STOMP is offered if it is to be spoken.
    #[cfg(feature = "stomp")]
    fn offering_stomp(&self, endpoint: &Endpoint) -> Endpoint {
        let mut endpoint = endpoint.clone();
        if self.inspect(Connection::step).is_some() {
            // A server that chose another one would be told the passcode all the same.
            endpoint.protocols = vec![SUBPROTOCOL.into()];
        }
        endpoint
    }

    /// Connects to the endpoint that an attempt has asked for; returns what the core must know at once.
    fn go_to(&self, epoch: Epoch, answer: Result<Endpoint, Unavailable>) -> Option<Input> {
        let is_awaited = self.inspect(|core| {
            core.epoch() == epoch && matches!(core.status(), CoreStatus::Connecting { .. })
        });
        if !is_awaited {
            return None;
        }
        match answer {
            Ok(endpoint) => self.connect_to(epoch, &endpoint),
            Err(Unavailable::Now) => Some(Input::Closed(epoch, Closure::abnormal())),
            Err(Unavailable::ForGood) => Some(Input::Refused(epoch, Refusal::Unavailable)),
        }
    }

    /// Lets those see the core who want to before it takes something.
    pub(super) fn prepare_core(&self) {
        for prepare in &*self.0.prepare.borrow() {
            prepare(&mut self.0.core.borrow_mut());
        }
    }

    /// Notes that something did not work.
    pub(super) fn report(&self, what: &'static str) {
        let error = String::new();
        self.note(Event::Trace(Trace::Problem { what, error }));
    }

    pub(super) fn note(&self, event: Event) {
        #[cfg(feature = "log")]
        crate::records::tell(&event);
        self.0.events.borrow_mut().push_back(event);
    }
}
