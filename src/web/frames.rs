//! When the page is drawn.

use std::time::Duration;

use gloo_render::{AnimationFrame, request_animation_frame};
use gloo_timers::callback::Timeout;
use yew::Callback;

/// Has the page drawn no more than once a frame, and seldom while somebody types: a frame that draws
/// all of it holds up the next key, or its echo, for as long as it takes.
pub(super) struct Frames {
    emit: Callback<Due>,
    next: Option<AnimationFrame>,
    /// Until nothing was typed for a while.
    typing: Option<Timeout>,
    is_outdated: bool,
    drawn: Duration,
    /// Whether this frame shows a message that came since the last.
    pub(super) shows_message: bool,
}

/// When a happening is drawn, if the connection's status stays the same.
#[derive(Clone, Copy)]
pub(super) enum Draws {
    AtOnce,
    /// In the next frame, with all else that happens until then, unless somebody types.
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
                    return Draws::AtOnce;
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
                self.drawn = now;
                return true;
            }
            Draws::Soon => {
                self.is_outdated = true;
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

/// A pause of typing. What happens within 100 ms seems to happen at once (Nielsen, "Response Times",
/// 1993).
const PAUSE_MILLIS: u32 = 100;

/// A key that is held down is typed all the time.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
