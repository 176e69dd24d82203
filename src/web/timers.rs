//! The connection's timers.

use std::time::Duration;

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::JsValue;
use web_sys::{MessageChannel, MessagePort, Worker};
use yew::Callback;

use super::browser;
use crate::{
    connection::{Epoch, Timer},
    settings,
};

/// Owns the timers that run. Setting one anew, stopping it or dropping this cancels it.
pub(super) struct Timers {
    emit: Callback<Rang>,
    connect: Option<Timeout>,
    heartbeat: Option<Interval>,
    reply: Option<Timeout>,
    reconnect: Option<Timeout>,
    /// The heartbeat's timer that is to be started where it keeps its pace.
    asked: Option<(Epoch, u32)>,
    /// Where messages go that only come back.
    echo: Option<MessagePort>,
    _listener: Option<EventListener>,
    metronome: Option<Metronome>,
}

/// A timer in a worker, which nobody slows down. Made when the page is hidden for the first time.
struct Metronome {
    worker: Worker,
    _listener: EventListener,
    /// The socket for whose heartbeat it is to ring.
    epoch: Option<Epoch>,
}

/// What comes of timers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rang {
    /// A timer expired.
    Expired(Epoch, Timer),
    /// It is time for [`Timers::start_asked`].
    Asked,
    /// It is time for [`Timers::rung`].
    Metronome,
}

impl Timers {
    pub(super) fn new(emit: Callback<Rang>) -> Self {
        let (echo, listener) = match MessageChannel::new() {
            Ok(channel) => {
                let back = channel.port1();
                let emit = emit.clone();
                let listener =
                    EventListener::new(&back, "message", move |_| emit.emit(Rang::Asked));
                back.start();
                (Some(channel.port2()), Some(listener))
            }
            Err(error) => {
                browser::warn("heartbeats of a hidden page will be late", &error);
                (None, None)
            }
        };
        Self {
            emit,
            connect: None,
            heartbeat: None,
            reply: None,
            reconnect: None,
            asked: None,
            echo,
            _listener: listener,
            metronome: None,
        }
    }

    /// Starts a timer, or starts it over.
    pub(super) fn set(&mut self, epoch: Epoch, timer: Timer, period: Duration) {
        let millis = millis(period);
        match timer {
            Timer::Connect => self.connect = Some(self.timeout(epoch, timer, millis)),
            Timer::Heartbeat => self.set_heartbeat(epoch, millis),
            Timer::Reply => self.reply = Some(self.timeout(epoch, timer, millis)),
            Timer::Reconnect => self.reconnect = Some(self.timeout(epoch, timer, millis)),
        }
    }

    /// Starts what could not be started where it was asked for.
    pub(super) fn start_asked(&mut self) {
        if let Some((epoch, millis)) = self.asked.take() {
            self.start_heartbeat(epoch, millis);
        }
    }

    /// The metronome has rung: returns for the heartbeat of which socket. It may be a ring that was
    /// under way as the metronome was set anew, so this takes nothing of the next one's.
    pub(super) fn rung(&self) -> Option<Epoch> {
        self.metronome.as_ref()?.epoch
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.connect = None,
            Timer::Heartbeat => {
                self.heartbeat = None;
                self.asked = None;
                if let Some(metronome) = &mut self.metronome {
                    metronome.stop();
                }
            }
            Timer::Reply => self.reply = None,
            Timer::Reconnect => self.reconnect = None,
        }
    }

    fn timeout(&self, epoch: Epoch, timer: Timer, millis: u32) -> Timeout {
        let emit = self.emit.clone();
        Timeout::new(millis, move || emit.emit(Rang::Expired(epoch, timer)))
    }

    /// In a page that has been hidden for a minute Chromium lets timers expire once a minute if each
    /// was set as the last one expired. One set as a message comes mostly keeps its pace, so a message
    /// is sent for that; a worker's always does, where the page's policy allows one.
    fn set_heartbeat(&mut self, epoch: Epoch, millis: u32) {
        self.stop(Timer::Heartbeat);
        let may_be_late = browser::is_hidden() || millis >= MILLIS_TO_THROTTLING;
        if !may_be_late {
            self.start_heartbeat(epoch, millis);
            return;
        }
        if self.metronome.is_none() {
            self.metronome = Metronome::start(&self.emit);
        }
        if let Some(metronome) = &mut self.metronome {
            metronome.set(epoch, millis);
        }
        let is_asked =
            (self.echo.as_ref()).is_some_and(|echo| echo.post_message(&JsValue::NULL).is_ok());
        if is_asked {
            self.asked = Some((epoch, millis));
        } else {
            self.start_heartbeat(epoch, millis);
        }
    }

    fn start_heartbeat(&mut self, epoch: Epoch, millis: u32) {
        let emit = self.emit.clone();
        self.heartbeat = Some(Interval::new(millis, move || {
            emit.emit(Rang::Expired(epoch, Timer::Heartbeat));
        }));
    }
}

impl Metronome {
    fn start(emit: &Callback<Rang>) -> Option<Self> {
        let worker = match Worker::new("./metronome.js") {
            Ok(worker) => worker,
            Err(error) => {
                browser::warn("heartbeats of a hidden page may be late", &error);
                return None;
            }
        };
        let emit = emit.clone();
        let listener = EventListener::new(&worker, "message", move |_| emit.emit(Rang::Metronome));
        Some(Self {
            worker,
            _listener: listener,
            epoch: None,
        })
    }

    fn set(&mut self, epoch: Epoch, millis: u32) {
        self.epoch = Some(epoch);
        self.tell(millis.into());
    }

    fn stop(&mut self) {
        if self.epoch.take().is_some() {
            self.tell(-1.0);
        }
    }

    fn tell(&self, millis: f64) {
        if let Err(error) = self.worker.post_message(&millis.into()) {
            browser::warn("a heartbeat may be late", &error);
        }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

/// A timer's period in milliseconds. Browsers keep it in an `i32`, and what does not fit fires at
/// once.
fn millis(period: Duration) -> u32 {
    const LONGEST: u32 = i32::MAX.unsigned_abs();
    u32::try_from(settings::millis(period)).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// A page that is hidden while a timer of at least this runs can be throttled before it expires.
const MILLIS_TO_THROTTLING: u32 = 60 * 1_000;
