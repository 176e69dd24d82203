//! Who is told what happens.

use std::{
    fmt,
    ops::Range,
    rc::{Rc, Weak},
};

use super::{Client, Shared};
#[cfg(feature = "stomp")]
use crate::{core::connection::Connection, event::Trace};
use crate::{
    core::outbox::{Fate, MessageId},
    event::Event,
};

/// Ends its subscription when it is dropped.
#[must_use = "dropping a subscription ends it"]
pub struct Subscription {
    pub(super) client: Weak<Shared>,
    pub(super) number: u64,
}

/// What a subscriber gave.
pub(super) type Hear = Rc<dyn Fn(&Event)>;

impl Client {
    /// Tells all subscribers what happened. Nothing is borrowed while they hear it.
    pub(super) fn tell_all(&self) {
        if self.0.is_telling.replace(true) {
            return;
        }
        loop {
            let event = self.0.events.borrow_mut().pop_front();
            let Some(event) = event else {
                #[cfg(feature = "stomp")]
                if self.acknowledge() {
                    continue;
                }
                break;
            };
            if let Event::Fate(id, fate) = event
                && (fate != Fate::SetAside || self.is_aside(id))
            {
                self.0.receipts.settle(id, fate);
            }
            // One may end another, or its own, and a new one hears what comes after.
            let new = self.0.subscribed.get();
            let mut next = 0;
            while let Some((number, hear)) = self.subscriber(next..new) {
                hear(&event);
                next = number + 1;
            }
        }
        self.0.is_telling.set(false);
    }

    /// Whether a message is set aside still: who was told of something before may have sent it again.
    fn is_aside(&self, id: MessageId) -> bool {
        self.inspect(|core| core.outbox().aside().any(|message| message.id == id))
    }

    fn subscriber(&self, numbers: Range<u64>) -> Option<(u64, Hear)> {
        let subscribers = self.0.subscribers.borrow();
        let mut subscribers = subscribers.iter();
        subscribers
            .find(|(number, _)| numbers.contains(number))
            .cloned()
    }

    /// Tells the server what all subscribers have heard, on the connection that brought it; returns whether there was
    /// any. It brings it again if that does not arrive.
    #[cfg(feature = "stomp")]
    pub(super) fn acknowledge(&self) -> bool {
        let acknowledgements = self.0.acknowledgements.take();
        let epoch = self.inspect(Connection::epoch);
        let is_owed = !acknowledgements.is_empty();
        for (of, transmit) in acknowledgements {
            if of == epoch && self.0.platform.send(transmit.payload()) {
                self.note(Event::Trace(Trace::Transmitted(transmit)));
            }
        }
        is_owed
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(client) = self.client.upgrade() {
            let ended = {
                let mut subscribers = client.subscribers.borrow_mut();
                let mut numbers = subscribers.iter().map(|(number, _)| *number);
                let index = numbers.position(|number| number == self.number);
                index.map(|index| subscribers.remove(index))
            };
            // Nothing is borrowed while what it holds goes.
            drop(ended);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.number).finish()
    }
}
