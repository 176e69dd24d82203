//! The connection's timers.

use std::{rc::Rc, time::Duration};

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{MessageChannel, MessagePort};

use super::browser::{self, BrowserEvent, Emit};
use crate::core::connection::{Epoch, Input, Timer};

/// Owns the timers that run. Setting one anew, stopping it or dropping this cancels it.
pub(super) struct Timers {
    emit: Emit,
    connect: Option<(Timeout, Duration)>,
    heartbeat: Option<Heartbeat>,
    reply: Option<Timeout>,
    reconnect: Option<Timeout>,
    trial: Option<Timeout>,
    /// Where messages go that only come back.
    echo: Option<(MessagePort, EventListener)>,
    metronome: Option<Metronome>,
}

/// The timer of the heartbeat.
struct Heartbeat {
    epoch: Epoch,
    /// [`Duration::MAX`] from when it was due until it is set again.
    due: Duration,
    /// When the timer rings next, perhaps before it is due.
    rings: Duration,
    period: Duration,
    /// `None` until it is started where it keeps its pace.
    timer: Option<Interval>,
}

/// A timer in a worker, which nobody slows down. Made when the page is hidden for the first time.
struct Metronome {
    number: u32,
    _ring: Closure<dyn Fn()>,
}

impl Timers {
    pub(super) fn new(emit: Emit) -> Self {
        Self {
            emit,
            connect: None,
            heartbeat: None,
            reply: None,
            reconnect: None,
            trial: None,
            echo: None,
            metronome: None,
        }
    }

    /// Starts a timer, or starts it over.
    pub(super) fn set(&mut self, epoch: Epoch, timer: Timer, period: Duration, now: Duration) {
        match timer {
            Timer::Connect => self.connect = Some((self.timeout(epoch, timer, period), period)),
            Timer::Heartbeat => self.set_heartbeat(epoch, period, now),
            Timer::Reply => self.reply = Some(self.timeout(epoch, timer, period)),
            Timer::Reconnect => self.reconnect = Some(self.timeout(epoch, timer, period)),
            Timer::Trial => self.trial = Some(self.timeout(epoch, timer, period)),
        }
    }

    /// Gives a handshake its whole time once more.
    pub(super) fn start_connect_over(&mut self, epoch: Epoch) {
        if let Some((_, period)) = self.connect.take() {
            self.connect = Some((self.timeout(epoch, Timer::Connect, period), period));
        }
    }

    /// Starts what could not be started where it was asked for.
    pub(super) fn start_asked(&mut self, now: Duration) {
        let emit = &self.emit;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.timer.get_or_insert_with(|| {
                let emit = Rc::clone(emit);
                heartbeat.period = heartbeat.due.saturating_sub(now);
                heartbeat.rings = heartbeat.due;
                Interval::new(millis(heartbeat.period), move || emit(BrowserEvent::Rang))
            });
        }
    }

    /// The heartbeat's timer or the metronome has rung: returns for which socket a heartbeat is due.
    pub(super) fn rung(&mut self, now: Duration) -> Option<Epoch> {
        let heartbeat = self.heartbeat.as_mut()?;
        let (epoch, due) = (heartbeat.epoch, heartbeat.due);
        let wait = due.saturating_sub(now);
        if due == Duration::MAX {
            heartbeat.rings = now.saturating_add(heartbeat.period);
            return None;
        }
        if wait >= SLACK {
            self.start_heartbeat(epoch, wait, now);
            return None;
        }
        if may_be_late(heartbeat.period) {
            self.stop(Timer::Heartbeat);
        } else {
            heartbeat.rings = now.saturating_add(heartbeat.period);
            heartbeat.due = Duration::MAX;
        }
        Some(epoch)
    }

    /// Stops a timer.
    pub(super) fn stop(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.connect = None,
            Timer::Heartbeat => {
                self.heartbeat = None;
                if let Some(metronome) = &self.metronome {
                    unset(metronome.number);
                }
            }
            Timer::Reply => self.reply = None,
            Timer::Reconnect => self.reconnect = None,
            Timer::Trial => self.trial = None,
        }
    }

    fn timeout(&self, epoch: Epoch, timer: Timer, period: Duration) -> Timeout {
        let emit = Rc::clone(&self.emit);
        Timeout::new(millis(period), move || {
            emit(BrowserEvent::Input(Input::TimerExpired(epoch, timer)));
        })
    }

    /// Only notes when the heartbeat is due where its timer rings before, and goes on then: stopping a
    /// timer and starting another took a third of the script that a message costs. One that has just rung
    /// goes on if it has the right period.
    fn set_heartbeat(&mut self, epoch: Epoch, period: Duration, now: Duration) {
        let due = now.saturating_add(period);
        if let Some(heartbeat) = &mut self.heartbeat
            && heartbeat.epoch == epoch
            && heartbeat.rings <= due
            && (heartbeat.due < Duration::MAX || heartbeat.period == period)
        {
            heartbeat.due = due;
        } else {
            self.start_heartbeat(epoch, period, now);
        }
    }

    /// In a page that has been hidden for a minute Chromium lets timers expire once a minute if each
    /// was set as the last one expired, as an interval's are. One set as a message comes mostly keeps its
    /// pace, so a message is sent for that; a worker's always does, where the page's policy allows one.
    fn start_heartbeat(&mut self, epoch: Epoch, period: Duration, now: Duration) {
        self.stop(Timer::Heartbeat);
        let due = now.saturating_add(period);
        self.heartbeat = Some(Heartbeat {
            epoch,
            due,
            rings: due,
            period,
            timer: None,
        });
        let is_asked = may_be_late(period) && {
            self.start_metronome(period);
            let echo = self.echo();
            echo.is_some_and(|echo| echo.post_message(&JsValue::NULL).is_ok())
        };
        if !is_asked {
            self.start_asked(now);
        }
    }

    fn start_metronome(&mut self, period: Duration) {
        let emit = &self.emit;
        let metronome = self.metronome.get_or_insert_with(|| {
            let emit = Rc::clone(emit);
            let ring = Closure::<dyn Fn()>::new(move || emit(BrowserEvent::Rang));
            Metronome {
                number: add(&ring),
                _ring: ring,
            }
        });
        if let Err(error) = set(metronome.number, millis(period)) {
            emit(BrowserEvent::Problem(
                "heartbeats of a hidden page may be late",
                error,
            ));
        }
    }

    /// Made when it is needed for the first time.
    fn echo(&mut self) -> Option<&MessagePort> {
        if self.echo.is_none() {
            let emit = Rc::clone(&self.emit);
            match MessageChannel::new() {
                Ok(channel) => {
                    let back = channel.port1();
                    let listener =
                        EventListener::new(&back, "message", move |_| emit(BrowserEvent::Asked));
                    back.start();
                    self.echo = Some((channel.port2(), listener));
                }
                Err(error) => emit(BrowserEvent::Problem(
                    "heartbeats of a hidden page will be late",
                    error,
                )),
            }
        }
        self.echo.as_ref().map(|(echo, _)| echo)
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        if let Some((echo, _)) = &self.echo {
            echo.close();
        }
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        remove(self.number);
    }
}

/// A timer's period in milliseconds. Browsers keep it in an `i32`, and what does not fit fires at
/// once.
fn millis(period: Duration) -> u32 {
    const LONGEST: u32 = i32::MAX.unsigned_abs();
    u32::try_from(crate::millis(period)).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// Whether the page is hidden, or can be hidden for long enough to be throttled, before a timer
/// expires.
fn may_be_late(wait: Duration) -> bool {
    wait >= TIME_TO_THROTTLING || browser::is_hidden()
}

/// Chromium throttles a page's timers a minute after it was hidden.
const TIME_TO_THROTTLING: Duration = Duration::from_secs(60);

/// An interval that rang late rings in time again: a heartbeat leaves up to so much before it is due.
const SLACK: Duration = Duration::from_millis(10);

#[wasm_bindgen(module = "/src/platform/metronome.js")]
extern "C" {
    fn add(ring: &Closure<dyn Fn()>) -> u32;

    #[wasm_bindgen(catch)]
    fn set(number: u32, millis: u32) -> Result<(), JsValue>;

    fn unset(number: u32);

    fn remove(number: u32);
}
