//! What has to hold in every state, and in what becomes of it.

use std::time::Duration;

use heartwire::core::{
    connection::{CLOSE_REASON, Closure, Epoch, Input, Refusal, Status, Timer},
    heartbeat::Knowledge,
    outbox::{Guarantee, Message, MessageId, Origin},
    protocol::{Frame, Transmit, Trust},
};

use crate::{
    Fate, Link, Phase, Server, Socket, State, Step, TIMERS, World, model::server::HEARTBEAT, text,
};

impl State {
    /// No step on the way here broke this rule.
    pub(crate) fn keeps(&self, rule: &str) -> bool {
        !self.world.broken.contains(&rule)
    }

    /// Whatever happens but the close of the socket and an opening by the user changes nothing.
    pub(crate) fn stays_closed(&self) -> bool {
        let World {
            is_closed,
            socket,
            epochs,
            ..
        } = &self.world;
        if !is_closed {
            return true;
        }
        let mut connection = self.connection.clone();
        let events = epochs.last().map(|epoch| socket_events(*epoch));
        let told = [Input::Woke, Input::Retry, Input::Left, Input::Returned];
        for input in events.into_iter().flatten().chain(told) {
            connection.handle_input(input, self.now);
        }
        let is_listened_to = |socket: &Socket| socket.phase == Phase::Closing;
        connection.status() == Status::Stopped
            && connection.poll_effect().is_none()
            && format!("{connection:?}") == format!("{:?}", self.connection)
            && socket.as_ref().is_none_or(is_listened_to)
            && self.alarms.iter().all(Option::is_none)
    }

    pub(crate) fn has_its_timers(&self) -> bool {
        let (needed, allowed): (_, &[Timer]) = match self.connection.status() {
            Status::Connecting { .. } => (Some(Timer::Connect), &[]),
            Status::Open { .. } => (Some(Timer::Heartbeat), &[Timer::Reply, Timer::Trial]),
            Status::Waiting { .. } => (Some(Timer::Reconnect), &[]),
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => (None, &[]),
        };
        TIMERS.into_iter().all(|timer| {
            let is_set = self.alarms[timer as usize].is_some();
            is_set == (Some(timer) == needed) || allowed.contains(&timer)
        })
    }

    /// Nothing that an earlier socket or its timers tell changes anything.
    pub(crate) fn ignores_late_events(&self) -> bool {
        let Some((_, old)) = self.world.epochs.split_last() else {
            return true;
        };
        if old.is_empty() {
            return true;
        }
        let mut connection = self.connection.clone();
        let later = self.now + Duration::from_secs(3_600);
        for epoch in old {
            for input in socket_events(*epoch).into_iter().chain([closed(*epoch)]) {
                connection.handle_input(input, later);
            }
        }
        connection.poll_effect().is_none()
            && format!("{connection:?}") == format!("{:?}", self.connection)
    }

    pub(crate) fn counts_all(&self) -> bool {
        let World {
            written,
            answered,
            confirmed,
            given_up,
            merged,
            ..
        } = &self.world;
        let (kept, repeats) = self.kept();
        let delivery = self.connection.outbox().delivery();
        delivery.answered == answered.len() as u64
            && delivery.confirmed == confirmed.len() as u64
            && delivery.unconfirmed == given_up.len() as u64 + repeats
            && (delivery.queued + delivery.sent) as u64 + repeats == kept.len() as u64
            && answered.len() + confirmed.len() + given_up.len() + merged.len() + kept.len()
                == *written
    }

    pub(crate) fn believes_nothing_after_distrust(&self) -> bool {
        let heartbeat = self.connection.heartbeat();
        !self.world.is_distrusted
            || (self.connection.trust() == Trust::Withdrawn
                && self.connection.outbox().delivery().answered == 0
                && heartbeat.round_trip().is_none()
                && heartbeat.knowledge(self.now) != Knowledge::Answers)
    }

    /// A connection over which nothing comes is left, if its server used to answer.
    pub(crate) fn leaves_the_dead(&self, link: &Link) -> bool {
        let is_dead = |socket: &Socket| socket.phase == Phase::Open && socket.fate == Fate::Dead;
        let answers = matches!(
            self.connection.heartbeat().knowledge(self.now),
            Knowledge::Answers | Knowledge::Lost { .. }
        );
        if !answers || !self.world.socket.as_ref().is_some_and(is_dead) {
            return true;
        }
        let mut later = self.clone();
        let epoch = self.connection.epoch();
        // After a sleep all is due at once, and the wait for the reply starts over.
        let limit = self.now + Duration::from_secs(30 + 10 + 10);
        for _ in 0..MOST_STEPS {
            let next = TIMERS.into_iter().find(|timer| later.may_expire(*timer));
            let Some(timer) = next else { return false };
            later.expire(timer, link);
            if !matches!(later.connection.status(), Status::Open { .. }) {
                return later.connection.epoch() == epoch && later.now <= limit;
            }
        }
        false
    }

    /// What becomes of it when the user wants a connection and nothing goes wrong any more.
    pub(crate) fn settled(&self, link: &Link) -> Self {
        let mut state = self.clone();
        for _ in 0..MOST_STEPS {
            let Some(step) = state.next_good_step(link) else {
                break;
            };
            state.take(step, link);
        }
        state
    }

    fn next_good_step(&self, link: &Link) -> Option<Step> {
        match self.connection.status() {
            Status::Idle
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => return Some(Step::Opens),
            Status::Away => return Some(Step::Returns),
            Status::Waiting { .. } => return Some(Step::Expires(Timer::Reconnect)),
            Status::Connecting { .. } | Status::Open { .. } => {}
        }
        let socket = self.world.socket.as_ref()?;
        if socket.fate != Fate::Alive {
            return Some(Step::TellsEnd);
        }
        if socket.phase == Phase::Connecting {
            return Some(Step::Accepts);
        }
        if !socket.answers.is_empty() {
            return Some(Step::Delivers);
        }
        if !socket.wire.is_empty() {
            return Some(Step::Reads { answers: true });
        }
        if self.alarms[Timer::Trial as usize].is_some() {
            return Some(Step::Expires(Timer::Trial));
        }
        let kept = self.kept().0.len() - self.connection.outbox().aside().len();
        (kept > 0 && self.is_answered(link)).then_some(Step::Expires(Timer::Heartbeat))
    }

    /// Whether what is sent is answered or confirmed.
    fn is_answered(&self, link: &Link) -> bool {
        link.server != Server::IsMute && !self.world.is_distrusted
    }

    /// Everything arrived but what was given up, merged or set aside, and is proven if the server answers.
    pub(crate) fn has_delivered(&self, link: &Link) -> bool {
        let World {
            written,
            arrived,
            given_up,
            merged,
            ..
        } = &self.world;
        let aside = self.connection.outbox().aside();
        let aside: Vec<_> = aside.map(text).map(Link::number).collect();
        let has_arrived = (0..*written).all(|number| {
            [arrived, given_up, merged, &aside]
                .iter()
                .any(|numbers| numbers.contains(&number))
        });
        has_arrived && (self.kept().0.len() == aside.len() || !self.is_answered(link))
    }
}

impl World {
    /// Whether what arrived is in order, and nothing older is missing but what was given up or
    /// merged. What was given up may still arrive out of order, over the connection before.
    pub(crate) fn skips_none(&self) -> bool {
        let mut arrived = self.arrived.clone();
        arrived.retain(|number| !self.given_up.contains(number));
        let newest = arrived.last().copied().unwrap_or(0);
        arrived.is_sorted()
            && (0..newest).all(|number| {
                [&self.arrived, &self.given_up, &self.merged]
                    .iter()
                    .any(|numbers| numbers.contains(&number))
            })
    }
}

/// Everything but a close that a socket and its timers can tell.
fn socket_events(epoch: Epoch) -> Vec<Input> {
    let message = Message {
        id: MessageId::default(),
        payload: "late".into(),
        origin: Origin::Typed,
        guarantee: Guarantee::AtLeastOnce,
        is_repeat: false,
        ends: 0,
        name: None,
    };
    let mut events = vec![
        Input::Opened(epoch),
        Input::Received(epoch, Frame::Text(HEARTBEAT.into())),
        Input::Received(epoch, Frame::Text("pong".into())),
        Input::NotTaken(epoch, Transmit::Message(message)),
        Input::Refused(epoch, Refusal::Forbidden),
        Input::Drained(epoch),
    ];
    events.extend(TIMERS.map(|timer| Input::TimerExpired(epoch, timer)));
    events
}

/// A clean close, which proves the most.
fn closed(epoch: Epoch) -> Input {
    Input::Closed(
        epoch,
        Closure {
            code: 1000,
            reason: CLOSE_REASON.into(),
            was_clean: true,
        },
    )
}

/// No state within the bounds needs as many to settle.
const MOST_STEPS: u32 = 100;
