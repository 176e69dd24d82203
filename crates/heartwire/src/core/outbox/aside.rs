//! Messages that may be what ends connections (poison messages), and those that were set aside for it.

use std::{collections::VecDeque, time::Duration};

use super::{Fate, MAX_BYTES, Message, MessageId, Outbox, Sent, extract};
#[cfg(feature = "stomp")]
use crate::Payload;

/// After so many connections in a row that a message seems to have ended it is set aside.
pub const MOST_ENDS: u8 = 3;

impl Message {
    /// Whether it may be what ended the connections that took it: one more end, and that is settled.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.ends + 1 >= MOST_ENDS
    }
}

impl Outbox {
    /// The connection ended by itself, and before an answer to what it had taken. Any of that may be the
    /// reason which was taken since this time. If but one is suspected by now, it is set aside, and nothing
    /// is held against the others any more. [`lose`](Self::lose) follows.
    pub fn blame(&mut self, since: Duration) {
        for sent in &mut self.sent {
            if sent.at < since {
                sent.message.ends = 0;
            }
        }
        if self.suspects() == 1
            && let Some(index) = self.sent.iter().position(|sent| sent.message.is_suspect())
            && let Some(Sent { message, .. }) = self.sent.remove(index)
        {
            self.sent_bytes -= message.payload.len();
            self.set_aside(message);
            self.acquit_all();
            return;
        }
        for sent in &mut self.sent {
            if sent.at >= since && !sent.message.is_suspect() {
                sent.message.ends += 1;
            }
        }
    }

    /// The connection lives although it has taken all this: nothing of it is the reason for an end.
    pub fn acquit(&mut self) {
        for sent in &mut self.sent {
            sent.message.ends = 0;
        }
    }

    /// How many messages that the connection has taken may be what ended those before.
    #[must_use]
    pub fn suspects(&self) -> usize {
        let is_suspect = |sent: &&Sent| sent.message.is_suspect();
        self.sent.iter().filter(is_suspect).count()
    }

    /// Whether the next message may be what ended the connections that took it.
    #[must_use]
    pub fn is_suspect_next(&self) -> bool {
        self.waiting.front().is_some_and(Message::is_suspect)
    }

    /// Sets aside what waits, unless it can be sent.
    #[cfg(feature = "stomp")]
    pub fn set_aside_unless(&mut self, can_be_sent: &dyn Fn(&Payload) -> bool) {
        let is_stuck = |message: &Message| !can_be_sent(&message.payload);
        for message in extract(&mut self.waiting, &is_stuck) {
            self.waiting_bytes -= message.payload.len();
            self.set_aside(message);
        }
    }

    /// What was set aside, oldest first.
    #[must_use]
    pub fn aside(&self) -> impl ExactSizeIterator<Item = &Message> {
        self.aside.iter()
    }

    /// Lets what was set aside wait behind all others; if it ends one more connection, it is set aside at
    /// once.
    pub fn send_again(&mut self, id: MessageId) {
        if let Some(message) = self.take_aside(id) {
            self.waiting_bytes += message.payload.len();
            self.waiting.push_back(message);
        }
    }

    /// Gives up what was set aside.
    pub fn drop_aside(&mut self, id: MessageId) {
        if self.take_aside(id).is_some() {
            self.give_up(id);
        }
    }

    pub(super) fn acquit_all(&mut self) {
        self.acquit();
        for message in &mut self.waiting {
            message.ends = 0;
        }
    }

    /// Keeps a message that is not sent by itself any more; the oldest such makes room for it.
    pub(super) fn set_aside(&mut self, message: Message) {
        self.fates.push_back((message.id, Fate::SetAside));
        self.aside.push_back(message);
        let bytes = |aside: &VecDeque<Message>| {
            let lengths = aside.iter().map(|message| message.payload.len());
            lengths.sum::<usize>()
        };
        while self.aside.len() > self.limit
            || (self.aside.len() > 1 && bytes(&self.aside) > MAX_BYTES)
        {
            if let Some(oldest) = self.aside.pop_front() {
                self.give_up(oldest.id);
            }
        }
    }

    pub(super) fn give_up_aside(&mut self, is_given_up: &dyn Fn(&Message) -> bool) {
        for message in extract(&mut self.aside, is_given_up) {
            self.give_up(message.id);
        }
    }

    fn take_aside(&mut self, id: MessageId) -> Option<Message> {
        let index = self.aside.iter().position(|message| message.id == id)?;
        self.aside.remove(index)
    }
}
