//! What a connection makes of what comes in.

use std::time::Duration;

use super::{Connection, Effect, Timer};
use crate::core::protocol::{Frame, Meaning, Transmit, Trust};

impl Connection {
    pub(super) fn receive(&mut self, frame: Frame) {
        let now = self.now;
        if self.heartbeat.heard(now) {
            self.effects.push_back(Effect::StopTimer(Timer::Reply));
        }
        self.silence.received(now);
        let trust = self.protocol.trust();
        let meaning = self.protocol.meaning(&frame, now);
        if self.heartbeat.is_put_off() {
            self.restart_period();
        }
        match meaning {
            Meaning::Message => {
                self.received += 1;
                self.effects.push_back(Effect::Deliver(frame));
                self.prove_in_time();
                return;
            }
            Meaning::Reply {
                sent,
                taken,
                is_marked,
            } => {
                let unanswered = self.protocol.oldest_unanswered();
                self.heartbeat.replied(sent, unanswered, now);
                if is_marked {
                    self.outbox.confirm(taken);
                } else {
                    self.outbox.answer(taken);
                }
                self.go_on_trying();
                if self.outbox.sent_count() > 0 {
                    self.await_proof();
                } else if self.prove_by.take().is_some() {
                    self.restart_period();
                }
            }
            Meaning::Question => {
                if let Some(answer) = self.protocol.answer(&frame)
                    && self.may_answer()
                {
                    self.effects.push_back(Effect::Note(frame, meaning));
                    self.effects
                        .push_back(Effect::Transmit(Transmit::Answer(answer.clone())));
                    self.protocol.note_answer(&answer, now);
                    self.hand_over_to_socket(&answer);
                    self.prove_in_time();
                    return;
                }
            }
            Meaning::ServerHeartbeat
            | Meaning::SecondReply
            | Meaning::OthersHeartbeat
            | Meaning::Unasked => {}
            #[cfg(feature = "stomp")]
            Meaning::Repeat => {}
        }
        self.effects.push_back(Effect::Note(frame, meaning));
        if self.protocol.trust() != Trust::Given && self.prove_by.take().is_some() {
            self.restart_period();
        }
        if trust != Trust::Withdrawn && self.protocol.trust() == Trust::Withdrawn {
            self.heartbeat.doubt_replies();
            self.outbox.doubt_answers();
            self.effects.push_back(Effect::Distrust);
        }
        self.prove_in_time();
    }

    /// Whether an answer does not follow too many others: a server that returns it may be asking so for ever.
    fn may_answer(&mut self) -> bool {
        let (since, answers) = &mut self.answered;
        if self.now.saturating_sub(*since) >= ANSWERS_COUNTED {
            (*since, *answers) = (self.now, 0);
        }
        *answers += 1;
        *answers <= MOST_ANSWERS
    }
}

/// No server is known that asks more in [`ANSWERS_COUNTED`]; one that returns our answers would as fast as it can.
const MOST_ANSWERS: u32 = 10;

/// See [`MOST_ANSWERS`].
const ANSWERS_COUNTED: Duration = Duration::from_secs(1);
