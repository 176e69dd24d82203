//! What a client stands on: a browser, a test, or nothing.

use std::{rc::Rc, time::Duration};

use crate::{
    core::{
        connection::{Epoch, Input, Refusal, Timer},
        protocol::{Frame, PayloadRef},
        reach::Locality,
    },
    message::{Binary, Message},
    target::{Asked, Endpoint, Unavailable},
};

/// Owns the socket and the timers.
pub(crate) trait Platform {
    /// How long it has been since an origin of its own, with the time that the machine slept.
    fn now(&self) -> Duration;
    /// What nobody else can guess.
    fn seed(&self) -> [u64; 2];
    /// Whether a connection can be made at all.
    fn has_network(&self) -> bool {
        true
    }
    /// Tells this what happens from now on.
    fn listen(&self, hear: Box<dyn Fn(Heard)>);
    /// Where the endpoint's server is.
    fn locality(&self, endpoint: &Endpoint) -> Locality;
    /// Makes a socket whose events carry this epoch.
    fn connect(&self, epoch: Epoch, endpoint: &Endpoint) -> Opened;
    /// Waits for the endpoint, and tells it.
    fn ask(&self, epoch: Epoch, asked: Asked);
    /// Hands the socket a frame; returns whether it took it.
    fn send(&self, payload: PayloadRef<'_>) -> bool;
    /// Begins to close the socket of this epoch.
    fn close(&self, epoch: Epoch, reason: &str);
    /// Drops the socket.
    fn disconnect(&self);
    /// Whether little is buffered; else [`Input::Drained`] follows.
    fn has_drained(&self, epoch: Epoch) -> bool;
    /// Starts a timer, or starts it over.
    fn set_timer(&self, epoch: Epoch, timer: Timer, wait: Duration);
    /// Stops a timer.
    fn stop_timer(&self, timer: Timer);
    /// Lets go of everything: the client is gone.
    fn end(&self);

    /// The message that a frame carries.
    fn message(&self, frame: Frame) -> Message {
        match frame {
            Frame::Text(text) => Message::Text(text.into()),
            Frame::Binary { head, .. } => Message::Binary(Binary::new(&head)),
        }
    }
}

/// What a platform tells.
pub(crate) enum Heard {
    /// Something for the core.
    Input(Input),
    /// Where the attempt of this epoch is to go.
    Endpoint(Epoch, Result<Endpoint, Unavailable>),
}

/// What came of making a socket.
pub(crate) enum Opened {
    /// The handshake is under way.
    Underway,
    /// Another attempt would end alike.
    Refused(Refusal),
    /// It failed at once.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only a browser fails so")
    )]
    Failed,
}

/// The platform of this build.
pub(crate) fn platform() -> Rc<dyn Platform> {
    Rc::new(Nothing)
}

/// A host without a browser: no connection is ever made, and a client stays as it is.
struct Nothing;

impl Platform for Nothing {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn seed(&self) -> [u64; 2] {
        [0; 2]
    }

    fn has_network(&self) -> bool {
        false
    }

    fn listen(&self, _: Box<dyn Fn(Heard)>) {}

    fn locality(&self, _: &Endpoint) -> Locality {
        Locality::Remote
    }

    fn connect(&self, _: Epoch, _: &Endpoint) -> Opened {
        Opened::Underway
    }

    fn ask(&self, _: Epoch, _: Asked) {}

    fn send(&self, _: PayloadRef<'_>) -> bool {
        false
    }

    fn close(&self, _: Epoch, _: &str) {}

    fn disconnect(&self) {}

    fn has_drained(&self, _: Epoch) -> bool {
        true
    }

    fn set_timer(&self, _: Epoch, _: Timer, _: Duration) {}

    fn stop_timer(&self, _: Timer) {}

    fn end(&self) {}
}
