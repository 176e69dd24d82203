//! What a client stands on: a browser, a test, or nothing.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod socket;
#[cfg(target_arch = "wasm32")]
mod tab;
#[cfg(target_arch = "wasm32")]
mod timers;

use std::{rc::Rc, time::Duration};

#[cfg(target_arch = "wasm32")]
pub use socket::EarlySocket;

use crate::{
    core::{
        connection::{Epoch, Input, Refusal, Timer},
        protocol::{Frame, PayloadRef},
        reach::Locality,
    },
    event::Trace,
    kept::{Document, Tab},
    message::Binary,
    target::{Asked, Endpoint, Unavailable},
};

/// Owns the socket and the timers.
pub(crate) trait Platform {
    /// How long it had been since an origin of its own as the clock was read last.
    fn now(&self) -> Duration;
    /// Reads the clock.
    fn read_clock(&self) {}
    /// Whether the machine may have slept since this was asked last.
    fn has_slept(&self) -> bool {
        false
    }
    /// When it was noticed last that the machine may have slept.
    fn slept_at(&self) -> Option<Duration> {
        None
    }
    /// What nobody else can guess.
    fn seed(&self) -> [u64; 2];
    /// Whether a connection can be made at all.
    fn has_network(&self) -> bool {
        true
    }
    /// Tells this what happens from now on.
    fn listen(&self, hear: Listener);
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
    /// Whether the browser is asking its user to let the page connect there.
    fn is_permission_asked(&self) -> bool {
        false
    }
    /// Has the next attempt take this socket over, if it goes there.
    #[cfg(target_arch = "wasm32")]
    fn adopt(&self, _early: EarlySocket) {}
    /// The document to use instead of the browser's own, for tests.
    fn document(&self) -> Option<Rc<dyn Document>> {
        None
    }
    /// Lets go of everything: the client is gone.
    fn end(&self) {}
}

/// Whom a platform tells.
pub(crate) type Listener = Box<dyn Fn(PlatformEvent)>;

/// What a platform tells.
pub(crate) enum PlatformEvent {
    /// Something for the core.
    Input(Input),
    /// A frame of bytes came.
    Bytes(Epoch, Frame, Binary),
    /// Something for the subscribers alone.
    #[cfg_attr(
        not(target_arch = "wasm32"),
        expect(dead_code, reason = "only a browser has something to tell")
    )]
    Trace(Trace),
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
    #[cfg(target_arch = "wasm32")]
    let platform = browser::browser();
    #[cfg(not(target_arch = "wasm32"))]
    let platform = Rc::new(Nothing);
    platform
}

/// The tab that this runs in. A [`document`] is one, too, but brings what a keeper alone needs: 0.4 kB of a page.
pub(crate) fn tab() -> Option<Rc<dyn Tab>> {
    #[cfg(target_arch = "wasm32")]
    let tab = Some(Rc::new(tab::Page::new()?) as Rc<dyn Tab>);
    #[cfg(not(target_arch = "wasm32"))]
    let tab = None;
    tab
}

/// The document that this runs in.
pub(crate) fn document() -> Option<Rc<dyn Document>> {
    #[cfg(target_arch = "wasm32")]
    let document = Some(Rc::new(tab::Page::new()?) as Rc<dyn Document>);
    #[cfg(not(target_arch = "wasm32"))]
    let document = None;
    document
}

/// A host without a browser: no connection is ever made, and a client stays as it is.
#[cfg(not(target_arch = "wasm32"))]
struct Nothing;

#[cfg(not(target_arch = "wasm32"))]
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

    fn listen(&self, _: Listener) {}

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
}
