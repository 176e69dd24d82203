//! How a connection ends, and what is left of it.

use std::time::Duration;

use super::{Closure, Connection, Effect, Loss, Status, Timer, sending::TRIAL};
use crate::core::heartbeat::is_late;

/// How the reason of a close begins that is asked for; a mark follows. Most servers repeat code and
/// reason, and nobody can give this one by himself: a server that repeats it has read our close, and what
/// was sent before.
pub const CLOSE_REASON: &str = "closed by the page";

impl Connection {
    /// The socket closed, or could not be made.
    pub(super) fn closed(&mut self, closure: Closure) {
        if let Status::Open { .. } = self.status {
            if closure.code == 1006 {
                self.silence.dropped(self.now);
            } else {
                self.silence.ended();
            }
        }
        #[cfg(feature = "stomp")]
        if let Some(refusal) = self.struck_by(&closure) {
            self.refuse(refusal, closure);
            return;
        }
        self.lose(closure, false);
    }

    /// The handshake took too long.
    pub(super) fn give_up_on_handshake(&mut self, since: Duration) {
        let has_slept = is_late(since.saturating_add(self.options.connect_timeout), self.now);
        self.lose(Closure::abnormal(), false);
        if has_slept {
            self.hurry();
        }
    }

    pub(super) fn give_up_on_server(&mut self) {
        self.silence.died();
        self.lose(Closure::abnormal(), true);
    }

    /// The connection or the attempt has ended: notes how, and decides what follows.
    pub(super) fn lose(&mut self, closure: Closure, was_silent: bool) {
        // A connection that fell silent lived as long as it was heard of.
        let end = if was_silent {
            self.heartbeat.last_heard()
        } else {
            self.now
        };
        let opened = self.note_outage(end);
        #[cfg(feature = "stomp")]
        let was_of_use = self.was_of_use(was_silent);
        #[cfg(not(feature = "stomp"))]
        let was_of_use = true;
        self.start_over_if_stable(opened.filter(|_| was_of_use), end);
        self.drop_socket();
        // A STOMP server that keeps silent may not have been heard of at all by then.
        if !(was_silent && self.speaks_stomp()) {
            self.outbox.blame(end.saturating_sub(TRIAL));
        }
        self.outbox.lose();
        let code = closure.code;
        #[cfg(feature = "stomp")]
        let error = self.take_error();
        #[cfg(not(feature = "stomp"))]
        let error = None;
        self.is_started_anew = false;
        self.last_loss = Some(Loss {
            closure,
            was_open: opened.is_some(),
            was_silent,
            error,
        });
        if self.options.final_codes.contains(&code) && !was_silent {
            self.status = Status::TurnedAway;
        } else if self.may_retry() {
            let delay = self.backoff.next_delay();
            self.wait(delay);
        } else {
            self.status = Status::GaveUp;
        }
    }

    /// Notes that an open connection ends; returns since when it was open.
    pub(super) fn note_outage(&mut self, end: Duration) -> Option<Duration> {
        let Status::Open { since, .. } = self.status else {
            return None;
        };
        self.lost_at = Some(end);
        Some(since)
    }

    /// A connection that was open from one time to another shows that the failures before it are over.
    pub(super) fn start_over_if_stable(&mut self, opened: Option<Duration>, end: Duration) {
        let is_stable = |since| end.saturating_sub(since) >= self.options.stable_after;
        if opened.is_some_and(is_stable) {
            self.backoff.reset();
        }
    }

    /// Ends what the status has under way. An open socket is asked to close.
    pub(super) fn quit(&mut self) {
        if let Status::Open { .. } = self.status {
            self.stop_timers();
            let reason = [CLOSE_REASON, " ", &self.marks.draw().text()].concat();
            self.closing = Some(reason.clone());
            #[cfg(feature = "stomp")]
            if self.say_goodbye() {
                return;
            }
            self.effects.push_back(Effect::Close(self.epoch, reason));
        } else {
            self.drop_socket();
        }
    }

    /// Ends what the status has under way. The socket is not listened to any more.
    fn drop_socket(&mut self) {
        self.stop_timers();
        if let Status::Connecting { .. } | Status::Open { .. } = self.status {
            self.effects.push_back(Effect::Disconnect);
        }
    }

    pub(super) fn stop_timers(&mut self) {
        let timers: &[Timer] = match self.status {
            Status::Connecting { .. } if self.speaks_stomp() => {
                &[Timer::Connect, Timer::Heartbeat, Timer::Reply]
            }
            Status::Connecting { .. } => &[Timer::Connect],
            Status::Open { .. } => &[Timer::Heartbeat, Timer::Reply, Timer::Trial],
            Status::Waiting { .. } => &[Timer::Reconnect],
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => &[],
        };
        let stops = timers.iter().map(|timer| Effect::StopTimer(*timer));
        self.effects.extend(stops);
    }

    /// A socket that was asked to close has closed so, or is not waited for any longer.
    pub(super) fn finish_closing(&mut self, closure: Option<&Closure>) {
        let Some(reason) = self.closing.take() else {
            return;
        };
        #[cfg(feature = "stomp")]
        self.stops_lingering(true);
        self.effects.push_back(Effect::Disconnect);
        // Without our reason it may be the server that closed first, and that need not read what still
        // comes (RFC 6455 §5.5.1).
        let is_repeated =
            closure.is_some_and(|closure| closure.was_clean && closure.reason == reason);
        // What has read the reason may be in front of the broker.
        if is_repeated && !self.speaks_stomp() {
            self.outbox.confirm(self.outbox.taken());
        }
        self.outbox.lose();
    }
}
