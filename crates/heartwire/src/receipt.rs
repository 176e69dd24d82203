//! What became of one message.

use std::{
    cell::{Cell, RefCell},
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
/// given up, or the client goes. Nor does it end while a message is [set aside](Fate::SetAside), which only
/// [`fate`](Self::fate) tells: that ends with [`Client::send_again`](crate::Client::send_again) or
/// [`drop_aside`](crate::Client::drop_aside).
#[derive(Clone)]
pub struct Receipt {
    id: MessageId,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    fate: Cell<Option<Fate>>,
    wakers: RefCell<Vec<Waker>>,
    watchers: RefCell<Vec<Weak<dyn Fn()>>>,
}

/// Calls its function each time that something becomes of a message, until it is dropped.
#[cfg(feature = "yew")]
pub(crate) struct Watch(#[expect(dead_code, reason = "its life is what matters")] Rc<dyn Fn()>);

/// Those that somebody may still hold, oldest first.
#[derive(Default)]
pub(crate) struct Receipts {
    held: RefCell<Vec<(MessageId, Weak<State>)>>,
    /// How many there are when those are looked for that nobody holds any more.
    most: Cell<usize>,
}

impl Receipt {
    /// The message's name, by which [`Event::Fate`](crate::Event::Fate) tells of it.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// What became of it, once that [is final](Fate::is_final), or as long as it is [set aside](Fate::SetAside).
    /// [`Fate::Answered`] may be taken back once.
    #[must_use]
    pub fn fate(&self) -> Option<Fate> {
        self.state.fate.get()
    }
}

/// Equal: the same message of the same client.
impl PartialEq for Receipt {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.state, &other.state)
    }
}

#[cfg(feature = "yew")]
impl Receipt {
    pub(crate) fn watch(&self, look: impl Fn() + 'static) -> Watch {
        let look: Rc<dyn Fn()> = Rc::new(look);
        let mut watchers = self.state.watchers.borrow_mut();
        watchers.retain(|look| look.strong_count() > 0);
        watchers.push(Rc::downgrade(&look));
        Watch(look)
    }
}

impl Future for Receipt {
    type Output = Fate;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fate> {
        if let Some(fate) = self.fate().filter(|fate| fate.is_final()) {
            return Poll::Ready(fate);
        }
        let mut wakers = self.state.wakers.borrow_mut();
        let waker = context.waker();
        if !wakers.iter().any(|other| other.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("id", &self.id)
            .field("fate", &self.fate())
            .finish_non_exhaustive()
    }
}

impl Receipts {
    /// Makes the receipt of a message.
    pub(crate) fn receipt(&self, id: MessageId) -> Receipt {
        let state = Rc::<State>::default();
        let mut held = self.held.borrow_mut();
        if held.len() >= self.most.get() {
            held.retain(|(_, state)| state.strong_count() > 0);
            self.most.set((2 * held.len()).max(FEWEST_SWEPT));
        }
        held.push((id, Rc::downgrade(&state)));
        Receipt { id, state }
    }

    /// It is known what became of a message.
    pub(crate) fn settle(&self, id: MessageId, fate: Fate) {
        if fate == Fate::Unconfirmed {
            // It is sent again: nothing has become of it.
            return;
        }
        let mut held = self.held.borrow_mut();
        let Ok(index) = held.binary_search_by_key(&id, |(id, _)| *id) else {
            return;
        };
        let may_change = !fate.is_final() || fate == Fate::Answered;
        let state = if may_change {
            held[index].1.upgrade()
        } else {
            held.remove(index).1.upgrade()
        };
        drop(held);
        if let Some(state) = state {
            state.turn(Some(fate));
        }
    }

    /// A message that was set aside is sent again.
    pub(crate) fn reopen(&self, id: MessageId) {
        let state = {
            let held = self.held.borrow();
            let index = held.binary_search_by_key(&id, |(id, _)| *id);
            index.ok().and_then(|index| held[index].1.upgrade())
        };
        if let Some(state) = state.filter(|state| state.fate.get() == Some(Fate::SetAside)) {
            state.turn(None);
        }
    }
}

/// Nobody can tell any more.
impl Drop for Receipts {
    fn drop(&mut self) {
        for (_, state) in self.held.take() {
            let state = state.upgrade();
            if let Some(state) = state.filter(|state| !state.fate.get().is_some_and(Fate::is_final))
            {
                state.turn(Some(Fate::GivenUp));
            }
        }
    }
}

impl State {
    fn turn(&self, fate: Option<Fate>) {
        self.fate.set(fate);
        if fate.is_some_and(Fate::is_final) {
            for waker in self.wakers.take() {
                waker.wake();
            }
        }
        let watchers = self.watchers.borrow().clone();
        for look in watchers.iter().filter_map(Weak::upgrade) {
            look();
        }
    }
}

/// As many as an outbox holds by default.
const FEWEST_SWEPT: usize = 1_000;
