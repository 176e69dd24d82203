//! The connection's timers.

use std::{mem, time::Duration};

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use heartwire::core::connection::{Epoch, Timer};
use wasm_bindgen::JsValue;
use web_sys::{MessageChannel, MessagePort, Worker};
use yew::Callback;

use super::browser;

/// Owns the timers that run. Setting one anew, stopping it or dropping this cancels it.
pub(super) struct Timers {
    emit: Callback<Rang>,
    connect: Option<Timeout>,
    heartbeat: Option<Heartbeat>,
    reply: Option<Timeout>,
    reconnect: Option<Timeout>,
    trial: Option<Timeout>,
    /// Where messages go that only come back.
    echo: Option<MessagePort>,
    _listener: Option<EventListener>,
    metronome: Option<Metronome>,
}

/// The timer of the heartbeat.
struct Heartbeat {
    epoch: Epoch,
    due: Duration,
    /// When the timer rings, perhaps before it is due.
    rings: Duration,
    /// `None` until it is started where it keeps its pace.
    timer: Option<Timeout>,
}

/// A timer in a worker, which nobody slows down. Made when the page is hidden for the first time.
struct Metronome {
    worker: Worker,
    _listener: EventListener,
    is_set: bool,
}

/// What comes of timers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rang {
    /// A timer expired.
    Expired(Epoch, Timer),
    /// It is time for [`Timers::start_asked`].
    Asked,
    /// It is time for [`Timers::rung`].
    Heartbeat,
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
            trial: None,
            echo,
            _listener: listener,
            metronome: None,
        }
    }

    /// Starts a timer, or starts it over.
    pub(super) fn set(&mut self, epoch: Epoch, timer: Timer, period: Duration, now: Duration) {
        match timer {
            Timer::Connect => self.connect = Some(self.timeout(epoch, timer, period)),
            Timer::Heartbeat => self.set_heartbeat(epoch, now + period, now),
            Timer::Reply => self.reply = Some(self.timeout(epoch, timer, period)),
            Timer::Reconnect => self.reconnect = Some(self.timeout(epoch, timer, period)),
            Timer::Trial => self.trial = Some(self.timeout(epoch, timer, period)),
        }
    }

    /// Starts what could not be started where it was asked for.
    pub(super) fn start_asked(&mut self, now: Duration) {
        let emit = self.emit.clone();
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.timer.get_or_insert_with(|| {
                let wait = heartbeat.due.saturating_sub(now);
                Timeout::new(millis(wait), move || emit.emit(Rang::Heartbeat))
            });
        }
    }

    /// The heartbeat's timer or the metronome has rung: returns for which socket a heartbeat is due.
    pub(super) fn rung(&mut self, now: Duration) -> Option<Epoch> {
        let Heartbeat { epoch, due, .. } = self.heartbeat.take()?;
        let is_due = due.saturating_sub(now) < TIMER_STEP;
        if !is_due {
            self.start_heartbeat(epoch, due, now);
        }
        is_due.then_some(epoch)
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.connect = None,
            Timer::Heartbeat => {
                self.heartbeat = None;
                if let Some(metronome) = &mut self.metronome {
                    metronome.stop();
                }
            }
            Timer::Reply => self.reply = None,
            Timer::Reconnect => self.reconnect = None,
            Timer::Trial => self.trial = None,
        }
    }

    fn timeout(&self, epoch: Epoch, timer: Timer, period: Duration) -> Timeout {
        let emit = self.emit.clone();
        Timeout::new(millis(period), move || {
            emit.emit(Rang::Expired(epoch, timer));
        })
    }

    /// Only notes when the heartbeat is due where its timer rings before, and goes on then: stopping a
    /// timer and starting another took a third of the script that a message costs.
    fn set_heartbeat(&mut self, epoch: Epoch, due: Duration, now: Duration) {
        match &mut self.heartbeat {
            Some(heartbeat) if heartbeat.epoch == epoch && heartbeat.rings <= due => {
                heartbeat.due = due;
            }
            _ => self.start_heartbeat(epoch, due, now),
        }
    }

    /// In a page that has been hidden for a minute Chromium lets timers expire once a minute if each
    /// was set as the last one expired. One set as a message comes mostly keeps its pace, so a message
    /// is sent for that; a worker's always does, where the page's policy allows one.
    fn start_heartbeat(&mut self, epoch: Epoch, due: Duration, now: Duration) {
        self.stop(Timer::Heartbeat);
        self.heartbeat = Some(Heartbeat {
            epoch,
            due,
            rings: due,
            timer: None,
        });
        let wait = due.saturating_sub(now);
        let mut is_asked = false;
        if may_be_late(wait) {
            if self.metronome.is_none() {
                self.metronome = Metronome::start(&self.emit);
            }
            if let Some(metronome) = &mut self.metronome {
                metronome.set(millis(wait));
            }
            is_asked =
                (self.echo.as_ref()).is_some_and(|echo| echo.post_message(&JsValue::NULL).is_ok());
        }
        if !is_asked {
            self.start_asked(now);
        }
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
        let listener = EventListener::new(&worker, "message", move |_| emit.emit(Rang::Heartbeat));
        Some(Self {
            worker,
            _listener: listener,
            is_set: false,
        })
    }

    fn set(&mut self, millis: u32) {
        self.is_set = true;
        self.tell(millis.into());
    }

    fn stop(&mut self) {
        if mem::take(&mut self.is_set) {
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
    u32::try_from(heartwire::millis(period)).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// Whether the page is hidden, or can be hidden for long enough to be throttled, before a timer
/// expires.
fn may_be_late(wait: Duration) -> bool {
    wait >= TIME_TO_THROTTLING || browser::is_hidden()
}

/// Chromium throttles a page's timers a minute after it was hidden.
const TIME_TO_THROTTLING: Duration = Duration::from_mins(1);

/// Timers count whole milliseconds.
const TIMER_STEP: Duration = Duration::from_millis(1);
