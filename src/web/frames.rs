//! When the page is drawn.

use std::time::Duration;

use gloo_render::{AnimationFrame, request_animation_frame};
use gloo_timers::callback::Timeout;
use yew::Callback;

/// Has the page drawn as often as somebody can follow, and seldom while somebody types: a frame that
/// draws all of it holds up the next message, key or echo for as long as it takes.
pub(super) struct Frames {
    emit: Callback<Due>,
    next: Option<AnimationFrame>,
    /// Until nothing was typed for a while.
    typing: Option<Timeout>,
    is_outdated: bool,
    /// Whether the next frame is drawn, however close it is to the last that was.
    is_awaited: bool,
    drawn: Duration,
    /// Whether this frame shows a message that came since the last.
    pub(super) shows_message: bool,
}

/// When a happening is drawn, if the connection's status stays the same.
#[derive(Clone, Copy)]
pub(super) enum Draws {
    AtOnce,
    /// In the next frame, unless somebody types.
    Next,
    /// The same, but no sooner than [`PACE`] after the last drawing.
    Soon,
    Nothing,
}

/// It is time for [`Frames::take`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    Frame,
    Pause,
}

impl Frames {
    pub(super) fn new(emit: Callback<Due>) -> Self {
        Self {
            emit,
            next: None,
            typing: None,
            is_outdated: false,
            is_awaited: false,
            drawn: Duration::ZERO,
            shows_message: false,
        }
    }

    /// Something was typed.
    pub(super) fn type_on(&mut self) {
        let emit = self.emit.clone();
        self.typing = Some(Timeout::new(PAUSE_MILLIS, move || emit.emit(Due::Pause)));
    }

    /// What was waited for is there; returns when to draw what has waited for it.
    pub(super) fn take(&mut self, due: Due, now: Duration) -> Draws {
        match due {
            Due::Frame => {
                self.next = None;
                self.shows_message = false;
                if self.is_outdated && !self.waits(now) {
                    let is_due = self.is_awaited || now >= self.drawn + PACE;
                    return if is_due { Draws::AtOnce } else { Draws::Soon };
                }
            }
            Due::Pause => {
                self.typing = None;
                if self.is_outdated {
                    return Draws::Soon;
                }
            }
        }
        Draws::Nothing
    }

    /// Whether a frame comes without being drawn, because somebody types.
    pub(super) fn waits(&self, now: Duration) -> bool {
        self.typing.is_some() && now < self.drawn + LONGEST_WAIT
    }

    /// Sees to it that something is drawn; returns whether it is at once.
    pub(super) fn draw(&mut self, draws: Draws, now: Duration) -> bool {
        match draws {
            Draws::AtOnce => {
                self.is_outdated = false;
                self.is_awaited = false;
                self.drawn = now;
                return true;
            }
            Draws::Next | Draws::Soon => {
                self.is_outdated = true;
                self.is_awaited |= matches!(draws, Draws::Next);
                let emit = &self.emit;
                self.next.get_or_insert_with(|| {
                    let emit = emit.clone();
                    request_animation_frame(move |_| emit.emit(Due::Frame))
                });
            }
            Draws::Nothing => {}
        }
        false
    }
}

/// Between two drawings of what comes by itself: what happens within 100 ms seems to happen at once
/// (Nielsen, "Response Times", 1993).
const PACE: Duration = Duration::from_millis(100);

/// A pause of typing, as long for the same reason.
const PAUSE_MILLIS: u32 = 100;

/// A key that is held down is typed all the time.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
