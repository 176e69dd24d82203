//! Messages as a stream.

use std::{
    cell::RefCell,
    collections::VecDeque,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

use crate::{Client, Event, Message, Subscription};

/// Every message that comes from now on, in order; see [`Client::messages`].
///
/// **It has no limit**: what is not taken from it stays in memory. It ends when the last handle of the
/// client has gone.
#[must_use = "streams do nothing unless polled"]
#[derive(Debug)]
pub struct Messages {
    queue: Rc<RefCell<Queue>>,
    _subscription: Subscription,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Message>,
    waker: Option<Waker>,
    is_over: bool,
}

/// The client's end; it goes with the client.
struct Source(Rc<RefCell<Queue>>);

impl Messages {
    pub(crate) fn of(client: &Client) -> Self {
        let queue = Rc::<RefCell<Queue>>::default();
        let source = Source(Rc::clone(&queue));
        let subscription = client.subscribe(move |event| {
            if let Event::Message(message) = event {
                source.change(|queue| queue.messages.push_back(message.clone()));
            }
        });
        Self {
            queue,
            _subscription: subscription,
        }
    }
}

impl Stream for Messages {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut queue = self.queue.borrow_mut();
        match queue.messages.pop_front() {
            Some(message) => Poll::Ready(Some(message)),
            None if queue.is_over => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Source {
    /// Nothing is borrowed while who waits is woken.
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let waker = {
            let mut queue = self.0.borrow_mut();
            change(&mut queue);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.change(|queue| queue.is_over = true);
    }
}
