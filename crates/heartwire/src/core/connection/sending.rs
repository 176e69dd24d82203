//! How a connection hands messages to its socket, and finds out which of them end connections.

use std::time::Duration;

use super::{Connection, Effect, Status, Timer};
use crate::{
    Payload,
    core::{
        outbox::{Guarantee, MAX_BYTES},
        protocol::Transmit,
    },
};

/// How many bytes a socket is handed at once. Behind them the browser's buffer is looked at first: what
/// waited through an outage is sent by every client at the same time.
pub const BATCH_BYTES: usize = 64 * 1024;

/// How a connection is tried that follows others which ended after the same texts: at first it has to
/// answer a heartbeat alone, where the server is known to answer; then each text is sent behind an answer
/// to the one before it, and after two of them twice as many at once each time. So it shows which text
/// ends connections, and a server that ends them by itself is held against no text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Trial {
    has_begun: bool,
    /// Nothing is sent until there is an answer, or for [`TRIAL`].
    pub(super) awaits_answer: bool,
    /// How many times texts were sent that way.
    rounds: u32,
    /// How many are still sent in this round.
    left: u32,
}

impl Trial {
    /// How many suspected texts are sent in a round.
    fn size(self) -> u32 {
        match self.rounds {
            0 | 1 => 1,
            rounds => 1 << rounds.min(16) >> 1,
        }
    }
}

impl Connection {
    /// Hands over the next message, or a heartbeat where one has to come before it.
    pub(super) fn next_transmit(&mut self) -> Option<Effect> {
        if self.awaits_drain || !matches!(self.status, Status::Open { .. }) {
            return None;
        }
        let (messages, bytes) = self.unasked;
        let is_half =
            messages >= self.options.outbox_limit.div_ceil(2).max(1) || bytes >= MAX_BYTES / 2;
        let is_replayed = self.replayed > 0
            && (self.replayed >= REPLAYED_BEFORE_PROOF || !self.outbox.is_repeating());
        if (is_half || is_replayed) && self.period().is_some() {
            self.beat();
            return self.effects.pop_front();
        }
        if self.outbox.awaits_proof() && self.heartbeat.is_answered(self.now) {
            return None;
        }
        if self.trial.awaits_answer {
            return None;
        }
        #[cfg(feature = "stomp")]
        if self.awaits_first_receipt() {
            return None;
        }
        if self.trial.left > 0 && !self.outbox.is_suspect_next() {
            self.await_answer();
            return self.effects.pop_front();
        }
        if self.outbox.is_suspect_next() {
            let has_begun = std::mem::replace(&mut self.trial.has_begun, true);
            // A greeting may be the reason, too.
            let is_greeted = !self.options.greeting.is_empty();
            // At a STOMP server what comes before the first message was receipted.
            let is_first = !has_begun && !self.speaks_stomp();
            if is_first && (is_greeted || self.heartbeat.is_answered(self.now)) {
                self.await_answer();
                return self.effects.pop_front();
            }
            if self.trial.left == 0 {
                self.trial.left = self.trial.size();
                self.trial.rounds += 1;
            }
        }
        let message = self.outbox.take(self.now)?;
        let is_suspect = message.is_suspect();
        self.sent += u64::from(!message.is_repeat);
        // Of the latest there is one, and its proof would be another.
        let is_replay = message.is_repeat && message.guarantee == Guarantee::AtLeastOnce;
        self.replayed += u32::from(is_replay);
        self.unasked = (messages + 1, bytes + message.payload.len());
        self.protocol.note(&message.payload, self.now);
        self.hand_over_to_socket(&message.payload);
        self.await_proof();
        #[cfg(feature = "stomp")]
        self.await_receipt();
        self.effects
            .push_front(Effect::Transmit(Transmit::Message(message)));
        if is_suspect {
            self.trial.left -= 1;
            if self.trial.left == 0 {
                self.await_answer();
            }
        }
        self.effects.pop_front()
    }

    /// Asks whether the connection lives, and sends no message before the answer, or for a while.
    fn await_answer(&mut self) {
        self.trial.left = 0;
        self.trial.awaits_answer = true;
        if self.period().is_some() {
            self.beat();
        }
        self.set_timer(Timer::Trial, TRIAL);
    }

    /// An answer came: what was tried is no reason for an end.
    pub(super) fn go_on_trying(&mut self) {
        if self.trial.awaits_answer && self.outbox.suspects() == 0 {
            self.trial.awaits_answer = false;
            self.effects.push_back(Effect::StopTimer(Timer::Trial));
        }
    }

    /// Counts what the socket is handed; behind so much it is asked to drain.
    pub(super) fn hand_over_to_socket(&mut self, payload: &Payload) {
        self.silence.sent(self.now);
        self.undrained_bytes += payload.len();
        if self.undrained_bytes >= BATCH_BYTES && !self.awaits_drain {
            self.awaits_drain = true;
            self.effects.push_back(Effect::AwaitDrain(self.epoch));
        }
    }

    /// Keeps what a dying socket did not take, and gives it no more.
    pub(super) fn take_back(&mut self, transmit: &Transmit) {
        self.awaits_drain = true;
        // Its buffer is empty for good, and a drain would have it given the same again.
        self.effects
            .retain(|effect| !matches!(effect, Effect::AwaitDrain(_)));
        match transmit {
            Transmit::Message(message) => {
                let count = u64::from(!message.is_repeat);
                self.sent = self.sent.saturating_sub(count);
                self.outbox.put_back();
            }
            Transmit::Heartbeat(_) | Transmit::Greeting(_) | Transmit::Answer(_) => {}
            #[cfg(feature = "stomp")]
            Transmit::Control(_) => {}
        }
    }
}

/// What is sent again is proven in parts. Else a connection that lives no longer than the whole takes
/// would prove nothing, and the next one would have to send more.
const REPLAYED_BEFORE_PROOF: u32 = 64;

/// A server that a text ends has done so by then, wherever it is.
pub(super) const TRIAL: Duration = Duration::from_secs(3);
