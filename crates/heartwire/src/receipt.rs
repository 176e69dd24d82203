//! What became of one message.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use crate::core::outbox::{Fate, MessageId};

/// What becomes of one message: an id for lists, a future for flows. Dropping it changes nothing.
///
/// **From a server that answers no heartbeat no answer ever comes**: the future ends when the message is
/// given up, or the client goes.
pub struct Receipt {
    id: MessageId,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    fate: Cell<Option<Fate>>,
    waker: RefCell<Option<Waker>>,
}

/// Those that somebody still holds.
#[derive(Default)]
pub(crate) struct Receipts(RefCell<BTreeMap<MessageId, Weak<State>>>);

impl Receipt {
    /// The message's name, by which [`Event::Fate`](crate::Event::Fate) tells of it.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// What became of it, once that [is final](Fate::is_final). [`Fate::Answered`] may be taken back once.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        self.state.fate.get()
    }
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fate> {
        if let Some(fate) = self.fate() {
            return Poll::Ready(fate);
        }
        self.state.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("id", &self.id)
            .field("fate", &self.fate())
            .finish()
    }
}

impl Receipts {
    /// Makes the receipt of a message.
    pub(crate) fn receipt(&self, id: MessageId) -> Receipt {
        let state = Rc::<State>::default();
        let mut held = self.0.borrow_mut();
        // Who holds none is not waited for.
        if held.len() >= MOST_UNSWEPT {
            held.retain(|_, state| state.strong_count() > 0);
        }
        held.insert(id, Rc::downgrade(&state));
        Receipt { id, state }
    }

    /// It is known what became of a message.
    pub(crate) fn settle(&self, id: MessageId, fate: Fate) {
        if !fate.is_final() {
            return;
        }
        let state = self.0.borrow().get(&id).and_then(Weak::upgrade);
        let Some(state) = state else {
            self.0.borrow_mut().remove(&id);
            return;
        };
        if fate != Fate::Answered {
            self.0.borrow_mut().remove(&id);
        }
        state.settle(fate);
    }
}

/// Nobody can tell any more.
impl Drop for Receipts {
    fn drop(&mut self) {
        for state in self
            .0
            .take()
            .into_values()
            .filter_map(|state| state.upgrade())
        {
            if state.fate.get().is_none() {
                state.settle(Fate::GivenUp);
            }
        }
    }
}

impl State {
    fn settle(&self, fate: Fate) {
        self.fate.set(Some(fate));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// As many as an outbox holds by default.
const MOST_UNSWEPT: usize = 1_000;
