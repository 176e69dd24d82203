//! Messages that wait to be sent.

use std::collections::VecDeque;

/// A message and where it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// What is sent.
    pub text: String,
    /// Decides what happens to it when the outbox is full.
    pub origin: Origin,
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The whole content of the input field after a change: a newer one says it all again.
    Typed,
    /// Sent on purpose: none replaces another.
    Sent,
}

/// The outbox is full; the text is handed back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Full(pub String);

/// Keeps messages in order until a connection takes them.
///
/// It is full at its limit of messages or at [`MAX_BYTES`] of text, whichever comes first. When
/// full, a typed text takes the place of the newest typed text that waits, so the last text is
/// never lost, and a message sent on purpose is refused. An empty outbox takes one message of any
/// size.
#[derive(Clone, Debug)]
pub struct Outbox {
    waiting: VecDeque<Message>,
    limit: usize,
    bytes: usize,
    merged: u64,
}

/// Text kept for sending, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

impl Outbox {
    /// Makes an empty outbox for at most `limit` messages.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            limit,
            bytes: 0,
            merged: 0,
        }
    }

    /// Adds the input field's whole text behind all others.
    pub fn push_typed(&mut self, text: String) {
        if !self.has_room_for(&text) {
            self.forget_newest_typed();
        }
        self.push(text, Origin::Typed);
    }

    /// Adds a message sent on purpose behind all others.
    ///
    /// # Errors
    ///
    /// Hands the text back when the outbox is full.
    pub fn push_sent(&mut self, text: String) -> Result<(), Full> {
        if !self.has_room_for(&text) {
            return Err(Full(text));
        }
        self.push(text, Origin::Sent);
        Ok(())
    }

    /// Takes the oldest message out.
    pub fn take(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        self.bytes -= message.text.len();
        if self.waiting.is_empty() {
            self.merged = 0;
        }
        Some(message)
    }

    /// Puts a message that was taken back before all others.
    pub fn put_back(&mut self, message: Message) {
        self.bytes += message.text.len();
        self.waiting.push_front(message);
    }

    /// How many messages wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many typed texts were replaced by newer ones since the outbox was last empty.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
    }

    fn push(&mut self, text: String, origin: Origin) {
        self.bytes += text.len();
        self.waiting.push_back(Message { text, origin });
    }

    fn has_room_for(&self, text: &str) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < self.limit && self.bytes + text.len() <= MAX_BYTES)
    }

    fn forget_newest_typed(&mut self) {
        let newest = self
            .waiting
            .iter()
            .rposition(|message| message.origin == Origin::Typed);
        if let Some(message) = newest.and_then(|index| self.waiting.remove(index)) {
            self.bytes -= message.text.len();
            self.merged += 1;
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_outbox_merges_typing_and_refuses_the_rest() {
        let mut outbox = Outbox::new(3);
        for text in ["h", "he"] {
            outbox.push_typed(text.into());
        }
        assert_eq!(outbox.push_sent("order 1".into()), Ok(()));
        outbox.push_typed("hel".into());
        assert_eq!(
            outbox.push_sent("order 2".into()),
            Err(Full("order 2".into()))
        );
        assert_eq!(outbox.merged(), 1);
        assert_eq!(drain(&mut outbox), ["h", "order 1", "hel"]);
        assert_eq!(outbox.merged(), 0);
    }

    #[test]
    fn the_last_text_is_kept_even_when_only_orders_wait() {
        let mut outbox = Outbox::new(1);
        assert_eq!(outbox.push_sent("order".into()), Ok(()));
        for text in ["h", "he"] {
            outbox.push_typed(text.into());
        }
        assert_eq!(drain(&mut outbox), ["order", "he"]);
    }

    #[test]
    fn bytes_count_as_well_as_messages() {
        let mut outbox = Outbox::new(1_000);
        let half = "x".repeat(MAX_BYTES / 2);
        assert_eq!(outbox.push_sent(half.clone()), Ok(()));
        assert_eq!(outbox.push_sent(half.clone()), Ok(()));
        assert_eq!(outbox.push_sent("y".into()), Err(Full("y".into())));
        assert!(outbox.take().is_some());
        assert_eq!(outbox.push_sent("y".into()), Ok(()));
    }

    #[test]
    fn an_empty_outbox_takes_one_message_of_any_size() {
        let mut outbox = Outbox::new(1_000);
        assert_eq!(outbox.push_sent("x".repeat(2 * MAX_BYTES)), Ok(()));
        assert_eq!(outbox.push_sent("y".into()), Err(Full("y".into())));
    }

    proptest! {
        #[test]
        fn it_stays_bounded_ordered_and_ends_with_the_last_text(
            limit in 1_usize..8,
            typing in proptest::collection::vec(any::<bool>(), 1..64),
        ) {
            let mut outbox = Outbox::new(limit);
            let mut last_typed = None;
            for (index, typing) in typing.into_iter().enumerate() {
                let text = format!("{index:04}");
                if typing {
                    outbox.push_typed(text.clone());
                    last_typed = Some(text);
                } else {
                    let _ = outbox.push_sent(text);
                }
                prop_assert!(outbox.len() <= limit + 1);
            }
            let texts = drain(&mut outbox);
            prop_assert!(texts.is_sorted());
            if let Some(last_typed) = last_typed {
                prop_assert!(texts.contains(&last_typed));
            }
        }
    }

    fn drain(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.take())
            .map(|message| message.text)
            .collect()
    }
}
