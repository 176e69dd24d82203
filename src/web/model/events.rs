//! What the client tells, passed on to what shows it.

use std::{rc::Rc, time::Duration};

use heartwire::{
    Event, Message, Trace as Traced,
    core::{
        connection::{Closure, Loss, Refusal, Status},
        protocol::{Meaning, Transmit},
    },
};

use super::{Model, storage::distrust_name};
use crate::{
    address::{Address, AddressError},
    log::MAX_BYTES,
    web::{browser, frames::Draws},
};

impl Model {
    /// Takes what the client tells; returns when to draw it.
    pub(super) fn take_event(&mut self, event: Event, at: Duration) -> Draws {
        match event {
            Event::Message(Message::Text(text)) => {
                self.trace.pulse.received(at);
                self.log.receive_text(Rc::clone(&text), self.day);
                self.is_echoed |= self.composer.is_echoed(&text);
                self.last_message.take_text(text);
            }
            Event::Message(Message::Binary(binary)) => {
                self.trace.pulse.received(at);
                let kept = binary.beginning(MAX_BYTES);
                self.log.receive_binary(binary.len(), kept, self.day);
                self.last_message.take_binary(binary.len());
            }
            Event::Fate(id, fate) => self.log.log.settle(id, fate, at),
            Event::Trace(traced) => return self.trace(traced, at),
            // Its trace tells more of it.
            Event::Status(_) | Event::Message(_) | _ => return Draws::Nothing,
        }
        Draws::Soon
    }

    fn trace(&mut self, traced: Traced, at: Duration) -> Draws {
        let day = self.day;
        match traced {
            Traced::Turned {
                before,
                after,
                loss,
                heard,
            } => {
                self.turn((before, after), loss.as_ref(), heard, at);
                return Draws::AtOnce;
            }
            Traced::Transmitted(transmit) => {
                let pulse = &mut self.trace.pulse;
                match &transmit {
                    Transmit::Heartbeat(_) => pulse.beat(at),
                    Transmit::Message(_) | Transmit::Greeting(_) | Transmit::Answer(_) => {
                        pulse.sent(at);
                    }
                    Transmit::Control(_) => {}
                }
                self.log.log.send(&transmit, at, day);
            }
            Traced::Head(head) => {
                self.log.log.expect(&head);
                return Draws::Nothing;
            }
            Traced::Noted(frame, meaning) => {
                let pulse = &mut self.trace.pulse;
                match meaning {
                    Meaning::Reply { sent, .. } => pulse.replied(sent, at),
                    Meaning::Message
                    | Meaning::ServerHeartbeat
                    | Meaning::Question
                    | Meaning::SecondReply
                    | Meaning::OthersHeartbeat
                    | Meaning::Unasked
                    | Meaning::Repeat => pulse.heard(at),
                }
                self.log.log.note(frame, meaning, at, day);
            }
            Traced::Queued(message) => self.log.log.queue(message, day),
            Traced::Distrusted => {
                if let Some(started) = self.started.as_ref().filter(|_| !self.is_forgotten) {
                    browser::keep(&distrust_name(started), &self.replies);
                }
                self.log.log.distrust(day);
            }
            Traced::Expired(_) => return Draws::Next,
            Traced::PermissionAsked => return Draws::AtOnce,
            Traced::Problem { what, error } => {
                browser::warn(what, &error.into());
                return Draws::Nothing;
            }
            _ => return Draws::Nothing,
        }
        Draws::Soon
    }

    /// Tells the log, the pulse and the console of a change of the status.
    fn turn(
        &mut self,
        (before, after): (Status, Status),
        loss: Option<&Loss>,
        heard: Duration,
        at: Duration,
    ) {
        self.status_told = after;
        if after == Status::Refused(Refusal::BadAddress) {
            self.address = Err(AddressError::Malformed);
        }
        self.trace.pulse.turn(after, loss, heard, at);
        // A query may hold a secret, and logs are passed on.
        let address = self.address.as_ref().map(Address::without_query);
        let address = address.unwrap_or_default();
        let log = &mut self.log.log;
        self.client.inspect(|core| {
            let stomp = core.options().stomp.as_ref();
            log.change((before, after), loss, &address, stomp, self.day);
        });
        // The browser itself writes nothing but failed handshakes to the console.
        if let (Status::Connecting { .. } | Status::Open { .. }, Some(loss)) = (before, loss)
            && let Status::Waiting { .. } | Status::GaveUp | Status::TurnedAway = after
        {
            let Closure { code, reason, .. } = &loss.closure;
            if loss.was_silent {
                browser::warn("connection dropped", &"no reply to heartbeats".into());
            } else {
                browser::warn(&format!("connection closed with {code}"), &reason.into());
            }
        }
    }
}
