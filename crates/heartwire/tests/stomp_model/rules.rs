//! What has to hold in every state, and in what becomes of it.

use std::time::Duration;

use heartwire::core::{
    connection::{Input, Status},
    protocol::Frame,
};

use super::broker::ack_of;
use crate::{Page, Phase, State, Step, World};

impl State {
    /// No step on the way here broke this rule.
    pub(crate) fn keeps(&self, rule: &str) -> bool {
        !self.world.broken.contains(&rule)
    }

    /// A receipt that nobody waits for does what any frame does that means nothing.
    pub(crate) fn ignores_unknown_receipts(&self) -> bool {
        let socket = self.world.socket.as_ref();
        let Some(socket) = socket.filter(|socket| socket.phase == Phase::Open) else {
            return true;
        };
        let after = |text: String| {
            let mut connection = self.connection.clone();
            let frame = Frame::Text(text);
            connection.handle_input(Input::Received(socket.epoch, frame), self.now);
            let effect = connection.poll_effect();
            (effect, self.text_of(&connection))
        };
        let nothing = after("NOTHING\n\n\0".into());
        let confirmed = self.world.confirmed.first().map(ToString::to_string);
        let mut unknown = ["9".to_owned(), "nonsense".to_owned()]
            .into_iter()
            .chain(confirmed);
        unknown.all(|id| after(format!("RECEIPT\nreceipt-id:{id}\n\n\0")) == nothing)
    }

    /// What comes over a connection after its end is shown to nobody, and acknowledged over no other.
    pub(crate) fn ignores_late_messages(&self) -> bool {
        let Some((_, old)) = self.world.epochs.split_last() else {
            return true;
        };
        old.iter().all(|epoch| {
            let mut connection = self.connection.clone();
            let ack = ack_of(*epoch, 0);
            let late = Frame::Text(format!("MESSAGE\nack:{ack}\n\nlate\0"));
            connection.handle_input(Input::Received(*epoch, late), self.now);
            connection.poll_effect().is_none()
        })
    }

    /// If no receipt comes any more, the server is left that used to give them.
    pub(crate) fn leaves_in_time(&self) -> bool {
        let is_open = |state: &Self| matches!(state.connection.status(), Status::Open { .. });
        let taken = self.connection.outbox().oldest_taken();
        let Some(taken) = taken.filter(|_| self.world.has_receipted && is_open(self)) else {
            return true;
        };
        let mut later = self.clone();
        for _ in 0..MOST_STEPS {
            let timer = later.next_alarm().filter(|_| is_open(&later));
            let Some((timer, _)) = timer else { break };
            later.expire(timer);
        }
        !is_open(&later) && later.now <= self.now.max(taken + RECEIPT_TIMEOUT)
    }

    /// What becomes of it when nothing goes wrong any more.
    pub(crate) fn settled(&self, page: &Page) -> Self {
        let mut state = self.clone();
        for _ in 0..MOST_STEPS {
            let Some(step) = state.next_good_step(page) else {
                break;
            };
            state.take(step);
        }
        state
    }

    fn next_good_step(&self, page: &Page) -> Option<Step> {
        let status = self.connection.status();
        if let Status::Refused(_) = status {
            return Some(Step::Opens);
        }
        let mut steps = Vec::new();
        if let Some(socket) = &self.world.socket {
            self.world.add_steps(socket, page, &mut steps);
        }
        if !self.world.late.is_empty() {
            steps.push(Step::StoresLate);
        }
        // Neither is good.
        steps.retain(|step| !matches!(step, Step::Breaks | Step::RefusesLogin));
        let waits = !matches!(status, Status::Open { .. });
        let timer = self.next_alarm().filter(|_| waits);
        steps.extend(timer.map(|(timer, _)| Step::Expires(timer)));
        steps.first().copied()
    }

    pub(crate) fn has_all(&self, page: &Page) -> bool {
        let World {
            written,
            shown,
            confirmed,
            ..
        } = &self.world;
        (0..*written).all(|number| {
            self.world.has(number)
                && shown.iter().filter(|shown| **shown == number).count() == 1
                && (confirmed.contains(&number) || !page.gives_receipts)
        })
    }
}

impl World {
    pub(crate) fn has_failed(&self, page: &Page) -> bool {
        self.left.faults < page.bounds.faults
    }

    /// Whether a message is stored.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.stored.iter().any(|stored| stored.number == number)
    }
}

/// As long as a receipt may take if nobody says otherwise.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(15);

/// No state within the bounds needs as many to settle.
const MOST_STEPS: u32 = 100;
