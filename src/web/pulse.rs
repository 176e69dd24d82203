//! The last five minutes as a strip: a tape that moves under a window.
//!
//! The browser moves the tape from one tick of the page to the next by itself. What is on it is drawn
//! anew only after something happened, and nothing is while nobody can see it.

use std::time::Duration;

use web_sys::HtmlElement;
use yew::{Html, NodeRef, html};

use super::browser;
use crate::{
    pulse::{Drawing, Pulse, SLOW, WINDOW, level},
    words::{Words, fill},
};

/// The pulse, as far as it is shown.
#[derive(Default)]
pub(super) struct Trace {
    /// What is shown.
    pub(super) pulse: Pulse,
    drawing: Drawing,
    /// The drawing as elements, and the pulse's revision that it is of.
    tape: Html,
    drawn: Option<u32>,
    drawn_at: Duration,
    /// What the drawing tells, and when that was put into words.
    said: String,
    said_at: Option<Duration>,
    element: NodeRef,
    /// The drawing's number and the time that the tape is moving to.
    target: Option<(u64, Duration)>,
}

impl Trace {
    /// Draws what happened, for the next view, or for one of the next if that is soon enough. The words
    /// follow some seconds later.
    pub(super) fn draw(
        &mut self,
        words: &Words,
        now: Duration,
        slept_at: Option<Duration>,
        is_urgent: bool,
    ) {
        if browser::is_hidden() {
            return;
        }
        let revision = Some(self.pulse.revision());
        let is_due = is_urgent || self.drawn.is_none() || now >= self.drawn_at + DRAWN_FOR;
        if (self.drawn != revision && is_due) || self.drawing.offset(now).is_none() {
            self.drawing = self.pulse.draw(now);
            self.tape = tape(words, &self.drawing, &self.element);
            self.drawn = revision;
            self.drawn_at = now;
        }
        let is_old = |at| now.saturating_sub(at) >= SAID_FOR;
        if is_urgent || self.said_at.is_none_or(is_old) {
            self.said = self.pulse.say(words, now);
            if slept_at.is_some_and(|at| at + WINDOW > now) {
                self.said.push(' ');
                self.said.push_str(words.jumped);
            }
            self.said_at = Some(now);
        }
    }

    /// Has everything drawn and said anew: its words have changed.
    pub(super) fn reword(&mut self) {
        self.drawn = None;
        self.said_at = None;
    }

    /// Lets the tape move on to where it has to be at the next tick.
    pub(super) fn advance(&mut self, now: Duration) {
        let Some(offset) = self.drawing.offset(now) else {
            return;
        };
        let number = self.drawing.number();
        let (is_due, is_astray) = match self.target {
            Some((last, target)) if last == number => (now + EARLY >= target, now > target + STEP),
            _ => (true, true),
        };
        if !is_due || browser::is_hidden() {
            return;
        }
        let Some(element) = self.element.cast::<HtmlElement>() else {
            return;
        };
        if is_astray {
            set(&element, "transition", "none");
            set(&element, "transform", &moved(offset));
            // The browser has to note where it is before it may move on from there.
            element.offset_width();
            set(&element, "transition", "");
        }
        set(&element, "transform", &moved(offset + STEP_MILLIS));
        self.target = Some((number, now + STEP));
    }
}

/// The strip with its scales, its text and its signs.
pub(super) fn figure(words: &'static Words, trace: &Trace) -> Html {
    html! {
        <figure class="pulse">
            <div role="img" aria-labelledby="pulse-name" aria-describedby="pulse-said">
                { scale(words) }
                <div class="window">{ trace.tape.clone() }</div>
                <span class="head" />
            </div>
            <div class="minutes" aria-hidden="true">
                for minutes in (1..=MINUTES).rev() {
                    <span ~textContent={if minutes == MINUTES {
                        fill(words.minutes, &[("n", &format!("−{minutes}"))])
                    } else {
                        format!("−{minutes}")
                    }} />
                }
                <span ~textContent={words.pulse_now} />
            </div>
            <figcaption>
                <span id="pulse-name" class="unseen" ~textContent={words.pulse} />
                <p id="pulse-said" ~textContent={&trace.said} />
                <details>
                    <summary ~textContent={words.pulse_signs} />
                    { signs(words) }
                </details>
            </figcaption>
        </figure>
    }
}

/// The levels of some round trips, and the minutes.
fn scale(words: &Words) -> Html {
    let levels = [
        (Duration::from_millis(10), words.millis, "10"),
        (Duration::from_millis(100), words.millis, "100"),
        (SLOW, words.seconds, "1"),
    ];
    html! {
        <svg class="scale" translate="no">
            for minute in 0..MINUTES {
                <line x1={percent(minute * 100 / MINUTES)} x2={percent(minute * 100 / MINUTES)} y2="100%" />
            }
            for (time, unit, number) in levels {
                <line
                    class={(time == SLOW).then_some("limit")}
                    x2="100%"
                    y1={percent(level(time))}
                    y2={percent(level(time))}
                />
                <text
                    x="4"
                    y={percent(level(time))}
                    dy="-3"
                    ~textContent={fill(unit, &[("n", number)])}
                />
            }
        </svg>
    }
}

/// What is drawn, stretched, and the labels, which are not.
fn tape(words: &Words, drawing: &Drawing, element: &NodeRef) -> Html {
    let layers = [
        ("gap", &drawing.gaps),
        ("received", &drawing.received),
        ("sent", &drawing.sent),
        ("waiting", &drawing.waiting),
        ("trying", &drawing.trying),
        ("silent", &drawing.silent),
        ("doubtful", &drawing.doubtful),
        ("line", &drawing.line),
        ("slow", &drawing.slow),
        ("attempt", &drawing.attempts),
        ("ring", &drawing.unanswered),
        ("ring missed", &drawing.missed),
        ("hole", &drawing.unanswered),
        ("hole", &drawing.missed),
    ];
    let view_box = format!("0 0 {} {}", Drawing::LENGTH, Drawing::HEIGHT);
    html! {
        <div class="tape" ref={element.clone()}>
            <svg viewBox={view_box} preserveAspectRatio="none">
                for (class, data) in layers {
                    <path {class} d={data.clone()} />
                }
            </svg>
            <svg translate="no">
                for label in &drawing.labels {
                    <text
                        class={(!label.is_roomy).then_some("tight")}
                        x={percent_of_tape(label.x)}
                        dx="-5"
                        y="15"
                        ~textContent={label.ending.short(words)}
                    />
                }
            </svg>
        </div>
    }
}

/// The legend.
fn signs(words: &Words) -> Html {
    let signs = [
        ("line", BEAT, words.sign_beat),
        ("slow", BEAT, words.sign_slow),
        ("ring", POINT, words.sign_unanswered),
        ("silent", LINE, words.sign_silent),
        ("doubtful", LINE, words.sign_doubtful),
        ("gap", "M9 0H23V18H9Z", words.sign_gap),
        ("waiting", LINE, words.sign_waiting),
        ("attempt", POINT, words.sign_attempt),
        ("sent", "M12 8V2M16 8V4", words.sign_messages),
    ];
    html! {
        <ul>
            for (class, data, text) in signs {
                <li>
                    <svg viewBox="0 0 32 18" aria-hidden="true">
                        <path {class} d={data} />
                        if class == "ring" { <path class="hole" d={data} /> }
                        if class == "sent" { <path class="received" d="M14 10V14M20 10V16" /> }
                    </svg>
                    <span ~textContent={text} />
                </li>
            }
        </ul>
    }
}

/// The tape's place after so many milliseconds; the tape is as long as two windows.
fn moved(millis: u32) -> String {
    let window = u32::try_from(WINDOW.as_secs()).unwrap_or(u32::MAX) * 1_000;
    // In thousandths of a percent of the tape.
    let part = millis.min(window) / 6;
    format!("translateX(-{}.{:03}%)", part / 1_000, part % 1_000)
}

fn percent(part: u32) -> String {
    format!("{part}%")
}

fn percent_of_tape(x: u32) -> String {
    let part = x * 100 / (Drawing::LENGTH / 100);
    format!("{}.{:02}%", part / 100, part % 100)
}

fn set(element: &HtmlElement, property: &str, value: &str) {
    if let Err(error) = element.style().set_property(property, value) {
        browser::warn("the strip could not be moved", &error);
    }
}

/// The minutes of the window.
const MINUTES: u32 = 5;

/// How far the tape moves on at once: from one tick to the next.
const STEP_MILLIS: u32 = 1_000;
const STEP: Duration = Duration::from_millis(STEP_MILLIS as u64);

/// Ticks are some milliseconds early or late.
const EARLY: Duration = Duration::from_millis(50);

/// How long a drawing stands, unless the connection's status changes. A new one has the browser lay out
/// the page twice, and the tape moves by two pixels meanwhile.
const DRAWN_FOR: Duration = Duration::from_millis(500);

/// How long a text stands, unless the connection's status changes.
const SAID_FOR: Duration = Duration::from_secs(5);

const BEAT: &str = "M2 12H9L12 14L16 2L20 16L23 12H30";
const LINE: &str = "M2 9H30";
const POINT: &str = "M16 9H16";
