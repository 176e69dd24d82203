//! Messages, from when they are written until it is proven that they arrived.

mod aside;
mod fate;
mod limit;
mod message;
mod stored;

use std::{collections::VecDeque, mem, time::Duration};

use crate::Payload;

pub use aside::MOST_ENDS;
pub use fate::{Delivery, Fate};
pub use limit::{Full, Limit, MAX_BYTES};
#[cfg(feature = "stomp")]
pub use message::Name;
pub use message::{Guarantee, Message, MessageId, Origin};

/// Keeps messages in order until there is an answer that they arrived.
///
/// It is full at its limit of messages or at [`MAX_BYTES`], whichever comes first. When full, a typed
/// text takes the place of the newest typed text that waits, so the last text is never lost, and a
/// message sent on purpose is refused. An empty outbox takes one message of any size.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// What the connection has taken, oldest first.
    sent: VecDeque<Sent>,
    /// What follows.
    waiting: VecDeque<Message>,
    /// What ended each connection that took it.
    aside: VecDeque<Message>,
    limit: usize,
    sent_bytes: usize,
    waiting_bytes: usize,
    /// How many messages the connection has taken, with those that are not kept any more.
    taken: u64,
    merged: u64,
    answered: u64,
    confirmed: u64,
    given_up: u64,
    /// Messages that the server at hand has answered, newest last: of each of them it may turn out that
    /// the answer tells nothing.
    answered_here: VecDeque<MessageId>,
    next_id: MessageId,
    /// Makes names for messages, where they have some.
    #[cfg(feature = "stomp")]
    names: Option<[u64; 2]>,
    fates: VecDeque<(MessageId, Fate)>,
}

/// What a connection has taken.
#[derive(Clone, Debug)]
struct Sent {
    message: Message,
    /// When.
    at: Duration,
}

impl Outbox {
    /// Makes an empty outbox for at most `limit` messages, and at least one.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            sent: VecDeque::new(),
            waiting: VecDeque::new(),
            aside: VecDeque::new(),
            limit: limit.max(1),
            sent_bytes: 0,
            waiting_bytes: 0,
            taken: 0,
            merged: 0,
            answered: 0,
            confirmed: 0,
            given_up: 0,
            answered_here: VecDeque::new(),
            next_id: MessageId::default(),
            #[cfg(feature = "stomp")]
            names: None,
            fates: VecDeque::new(),
        }
    }

    /// Takes another limit. What is kept stays, even over it.
    pub fn limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Gives every message a name, of a key that nobody else can guess, or none any more.
    #[cfg(feature = "stomp")]
    pub fn name_messages(&mut self, key: Option<[u64; 2]>) {
        self.names = key;
    }

    /// Adds the input field's whole text behind all others, and returns the message.
    pub fn push_typed(&mut self, text: String, guarantee: Guarantee) -> &Message {
        if guarantee == Guarantee::Latest {
            self.replace_latest(Origin::Typed);
        }
        if self.limit_for(text.len()).is_some() {
            self.forget_newest_typed();
        }
        self.push(text.into(), Origin::Typed, guarantee)
    }

    /// Adds a message sent on purpose behind all others, and returns it. With [`Guarantee::Latest`] it takes
    /// the place of one that waits, and there is always room.
    ///
    /// # Errors
    ///
    /// Hands the payload back when the outbox is full.
    pub fn push_sent(&mut self, payload: Payload, guarantee: Guarantee) -> Result<&Message, Full> {
        if guarantee == Guarantee::Latest {
            self.replace_latest(Origin::Sent);
        } else if let Some(limit) = self.limit_for(payload.len()) {
            return Err(Full { payload, limit });
        }
        Ok(self.push(payload, Origin::Sent, guarantee))
    }

    /// Names a message that can never be sent, and gives it up.
    #[cfg(feature = "stomp")]
    pub fn refuse(&mut self) -> MessageId {
        let id = self.name();
        self.give_up(id);
        id
    }

    /// What became of a message, in the order in which it became known; call it until `None`.
    pub fn next_fate(&mut self) -> Option<(MessageId, Fate)> {
        self.fates.pop_front()
    }

    /// Hands the connection the oldest message that waits.
    pub fn take(&mut self, now: Duration) -> Option<Message> {
        #[cfg_attr(not(feature = "stomp"), expect(unused_mut, reason = "it has no name"))]
        let mut message = self.waiting.pop_front()?;
        #[cfg(feature = "stomp")]
        if let Some(key) = self.names {
            message
                .name
                .get_or_insert_with(|| Name::of(key, message.id));
        }
        if self.waiting.is_empty() {
            self.merged = 0;
        }
        self.waiting_bytes -= message.payload.len();
        self.sent_bytes += message.payload.len();
        self.taken += 1;
        self.sent.push_back(Sent {
            message: message.clone(),
            at: now,
        });
        Some(message)
    }

    /// The connection did not take the message that it was handed last.
    pub fn put_back(&mut self) {
        if let Some(Sent { message, .. }) = self.sent.pop_back() {
            self.taken -= 1;
            self.sent_bytes -= message.payload.len();
            self.wait_first(message);
        }
    }

    /// It is proven that the first `taken` messages that the connection has taken arrived.
    pub fn confirm(&mut self, taken: u64) {
        while let Some(id) = self.let_go(taken) {
            self.confirmed += 1;
            self.fates.push_back((id, Fate::Confirmed));
        }
    }

    /// It is proven that the message of this number arrived, and nothing is known of those before it. Returns when the
    /// connection had taken it, if it is one without a proof.
    #[cfg(feature = "stomp")]
    pub fn confirm_one(&mut self, number: u64) -> Option<Duration> {
        // Nearly always it is the first.
        let mut sent = self.sent.iter();
        let index = sent.position(|sent| sent.message.id.0 == number)?;
        let Sent { message, at } = self.sent.remove(index)?;
        self.sent_bytes -= message.payload.len();
        self.confirmed += 1;
        self.fates.push_back((message.id, Fate::Confirmed));
        if message.is_latest(message.origin) {
            // It says all that an older one does, which must not come after it.
            let is_older = |sent: &Sent| sent.message.is_latest(message.origin);
            let mut before = index;
            while let Some(older) = self.sent.iter().take(before).position(is_older)
                && let Some(Sent { message, .. }) = self.sent.remove(older)
            {
                before -= 1;
                self.sent_bytes -= message.payload.len();
                self.give_up(message.id);
            }
        }
        Some(at)
    }

    /// The server has answered what was sent after the first `taken` messages that the connection has
    /// taken.
    pub fn answer(&mut self, taken: u64) {
        while let Some(id) = self.let_go(taken) {
            self.answered += 1;
            self.fates.push_back((id, Fate::Answered));
            if self.answered_here.len() == MOST_DOUBTED {
                self.answered_here.pop_front();
            }
            self.answered_here.push_back(id);
        }
    }

    /// What the server at hand has answered tells nothing: it answers unasked.
    pub fn doubt_answers(&mut self) {
        for id in mem::take(&mut self.answered_here) {
            // It may have been counted in an earlier session.
            self.answered = self.answered.saturating_sub(1);
            self.give_up(id);
        }
    }

    /// Stops waiting for the proof of the oldest messages until there is room for so many bytes; not of one
    /// that alone would be sent again, unless nothing else is kept. What is before a message that goes
    /// counts as sent later than it was, so its proof may come late, but is never false.
    pub fn give_up_oldest(&mut self, bytes: usize) {
        while self.limit_for(bytes).is_some() {
            let latest = self.latest();
            let is_needed = |index: &usize| latest.contains(&Some(*index));
            let mut sent = 0..self.sent.len();
            let oldest = match sent.find(|index| !is_needed(index)) {
                Some(oldest) => oldest,
                None if self.sent.len() + self.waiting.len() == 1 => 0,
                None => return,
            };
            let Some(Sent { message, .. }) = self.sent.remove(oldest) else {
                return;
            };
            self.sent_bytes -= message.payload.len();
            self.give_up(message.id);
        }
    }

    /// The connection is gone. What it had taken without a proof waits again before all others, as
    /// far as it is to be sent again.
    pub fn lose(&mut self) {
        let latest = self.latest();
        let goes_again = |index, sent: &Sent| match sent.message.guarantee {
            Guarantee::AtLeastOnce => true,
            Guarantee::AtMostOnce => false,
            Guarantee::Latest => latest.contains(&Some(index)),
        };
        let sent = mem::take(&mut self.sent);
        for (index, sent) in sent.iter().enumerate() {
            if goes_again(index, sent) {
                self.fates.push_back((sent.message.id, Fate::Unconfirmed));
            } else {
                self.give_up(sent.message.id);
            }
        }
        for (index, mut sent) in sent.into_iter().enumerate().rev() {
            if goes_again(index, &sent) {
                sent.message.is_repeat = true;
                self.wait_first(sent.message);
            }
        }
        self.sent_bytes = 0;
        self.taken = 0;
    }

    /// Sends nothing again, and holds nothing against the server: it is another one.
    pub fn forget_server(&mut self) {
        self.give_up_waiting(&|message| message.is_repeat);
        self.give_up_aside(&|_| true);
        self.answered_here.clear();
        self.acquit_all();
    }

    /// Drops what waits and was never sent.
    pub fn drop_unsent(&mut self) {
        self.waiting.retain(|message| {
            if !message.is_repeat {
                self.waiting_bytes -= message.payload.len();
                self.fates.push_back((message.id, Fate::Dropped));
            }
            message.is_repeat
        });
        self.merged = 0;
    }

    /// Lets go of all that has no proof: another outbox has restored what this one
    /// [stored](Self::store).
    pub fn hand_over(&mut self) {
        let sent = mem::take(&mut self.sent).into_iter();
        let sent = sent.map(|sent| sent.message);
        let others = [mem::take(&mut self.aside), mem::take(&mut self.waiting)];
        let messages = sent.chain(others.into_iter().flatten());
        let fates = messages.map(|message| (message.id, Fate::HandedOver));
        self.fates.extend(fates);
        (self.sent_bytes, self.waiting_bytes, self.merged) = (0, 0, 0);
    }

    /// Counts from 0 again what was proven, answered or given up.
    pub fn count_anew(&mut self) {
        (self.answered, self.confirmed, self.given_up) = (0, 0, 0);
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

    /// Whether the next message was taken before by a connection that was lost.
    #[must_use]
    pub fn is_repeating(&self) -> bool {
        self.waiting
            .front()
            .is_some_and(|message| message.is_repeat)
    }

    /// How many messages were replaced by newer ones since nothing waited last.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// How many messages the connection has taken that have no proof.
    #[must_use]
    pub fn sent_count(&self) -> usize {
        self.sent.len()
    }

    /// How many bytes without a proof the connection has taken.
    #[must_use]
    pub fn sent_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// How many messages the connection has taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether as much was taken without an answer as can be kept.
    #[must_use]
    pub fn awaits_proof(&self) -> bool {
        self.sent.len() >= self.limit || self.sent_bytes >= MAX_BYTES
    }

    /// When the connection took the oldest message that has no proof.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn oldest_taken(&self) -> Option<Duration> {
        Some(self.sent.front()?.at)
    }

    /// When the connection took the newest message that has no proof.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn newest_taken(&self) -> Option<Duration> {
        Some(self.sent.back()?.at)
    }

    /// How many messages are in which state.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        let repeats = self.waiting.iter().filter(|message| message.is_repeat);
        let repeats = repeats.count();
        Delivery {
            queued: self.waiting.len() - repeats,
            sent: self.sent.len(),
            answered: self.answered,
            confirmed: self.confirmed,
            unconfirmed: self.given_up + (repeats + self.aside.len()) as u64,
        }
    }

    /// The limit that so many more bytes would exceed, if they would.
    fn limit_for(&self, more: usize) -> Option<Limit> {
        let count = self.sent.len() + self.waiting.len();
        let bytes = self.sent_bytes + self.waiting_bytes;
        if count == 0 {
            None
        } else if count >= self.limit {
            Some(Limit::Messages(count))
        } else {
            (bytes + more > MAX_BYTES).then_some(Limit::Bytes(bytes))
        }
    }

    fn forget_newest_typed(&mut self) {
        let newest = self
            .waiting
            .iter()
            .rposition(|message| message.origin == Origin::Typed);
        if let Some(message) = newest.and_then(|index| self.waiting.remove(index)) {
            self.waiting_bytes -= message.payload.len();
            if message.is_repeat {
                self.give_up(message.id);
            } else {
                self.merged += 1;
                self.fates.push_back((message.id, Fate::Merged));
            }
        }
    }

    fn push(&mut self, payload: Payload, origin: Origin, guarantee: Guarantee) -> &Message {
        self.waiting_bytes += payload.len();
        let id = self.name();
        self.waiting.push_back(Message {
            id,
            payload,
            origin,
            guarantee,
            is_repeat: false,
            ends: 0,
            #[cfg(feature = "stomp")]
            name: None,
        });
        &self.waiting[self.waiting.len() - 1]
    }

    fn name(&mut self) -> MessageId {
        let id = self.next_id;
        self.next_id = MessageId(id.0 + 1);
        id
    }

    /// A newer one says it all again; but each keystroke that waits is sent once.
    fn replace_latest(&mut self, origin: Origin) {
        self.give_up_waiting(&|message| message.is_repeat && message.is_latest(origin));
        self.give_up_aside(&|message| message.is_latest(origin));
        if origin == Origin::Sent {
            self.merge(&|message| message.is_latest(origin));
        }
    }

    fn give_up_waiting(&mut self, is_given_up: &dyn Fn(&Message) -> bool) {
        for message in extract(&mut self.waiting, is_given_up) {
            self.waiting_bytes -= message.payload.len();
            self.give_up(message.id);
        }
    }

    /// Forgets what waits and was never sent.
    fn merge(&mut self, is_merged: &dyn Fn(&Message) -> bool) {
        for message in extract(&mut self.waiting, is_merged) {
            self.waiting_bytes -= message.payload.len();
            self.merged += 1;
            self.fates.push_back((message.id, Fate::Merged));
        }
    }

    fn wait_first(&mut self, message: Message) {
        self.waiting_bytes += message.payload.len();
        self.waiting.push_front(message);
    }

    /// Takes the oldest message that the connection has taken, if it is one of the first `taken`.
    fn let_go(&mut self, taken: u64) -> Option<MessageId> {
        if self.first_kept() >= taken {
            return None;
        }
        let Sent { message, .. } = self.sent.pop_front()?;
        self.sent_bytes -= message.payload.len();
        Some(message.id)
    }

    /// The number, counted from 0, of the oldest message of those taken that is still kept.
    fn first_kept(&self) -> u64 {
        self.taken - self.sent.len() as u64
    }

    /// Where among the sent messages the newest are that alone are sent again of theirs, unless a newer one
    /// waits.
    fn latest(&self) -> [Option<usize>; 2] {
        [Origin::Typed, Origin::Sent].map(|origin| {
            if self.waiting.iter().any(|message| message.is_latest(origin)) {
                return None;
            }
            let is_latest = |sent: &Sent| sent.message.is_latest(origin);
            self.sent.iter().rposition(is_latest)
        })
    }

    fn give_up(&mut self, id: MessageId) {
        self.given_up += 1;
        self.fates.push_back((id, Fate::GivenUp));
    }
}

/// Takes out those that are wanted.
fn extract(
    messages: &mut VecDeque<Message>,
    is_wanted: &dyn Fn(&Message) -> bool,
) -> VecDeque<Message> {
    let (wanted, rest) = mem::take(messages).into_iter().partition(is_wanted);
    *messages = rest;
    wanted
}

/// Answers that are remembered, to be taken back: as many as the log has rows by default.
const MOST_DOUBTED: usize = 1_000;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::iter;

    use proptest::prelude::*;

    use super::{
        Guarantee::{AtLeastOnce, AtMostOnce, Latest},
        *,
    };

    #[test]
    fn a_full_outbox_merges_typing_and_refuses_the_rest() {
        let mut outbox = empty(3);
        for text in ["h", "he"] {
            outbox.push_typed(text.into(), AtLeastOnce);
        }
        assert!(outbox.push_sent("order 1".into(), AtLeastOnce).is_ok());
        outbox.push_typed("hel".into(), AtLeastOnce);
        assert_eq!(
            refused(&mut outbox, "order 2"),
            Full {
                payload: "order 2".into(),
                limit: Limit::Messages(3)
            }
        );
        assert_eq!(outbox.merged(), 1);
        assert_eq!(take_all(&mut outbox), ["h", "order 1", "hel"]);
        assert_eq!(outbox.merged(), 0);
    }

    #[test]
    fn the_last_text_is_kept_even_when_only_orders_wait() {
        let mut outbox = empty(1);
        assert!(outbox.push_sent("order".into(), AtLeastOnce).is_ok());
        for text in ["h", "he"] {
            outbox.push_typed(text.into(), AtLeastOnce);
        }
        assert_eq!(take_all(&mut outbox), ["order", "he"]);
    }

    #[test]
    fn the_fate_of_each_message_is_told() {
        let mut outbox = empty(2);
        let [first, merged, second] =
            ["a", "b", "c"].map(|text| outbox.push_typed(text.into(), AtLeastOnce).id);
        assert_eq!(take_all(&mut outbox), ["a", "c"]);
        outbox.confirm(1);
        outbox.lose();
        assert_eq!(take_all(&mut outbox), ["c"]);
        outbox.confirm(1);
        let fates: Vec<_> = iter::from_fn(|| outbox.next_fate()).collect();
        assert_eq!(
            fates,
            [
                (merged, Fate::Merged),
                (first, Fate::Confirmed),
                (second, Fate::Unconfirmed),
                (second, Fate::Confirmed),
            ]
        );
    }

    #[test]
    fn bytes_count_as_well_as_messages() {
        let mut outbox = empty(1_000);
        let half = "x".repeat(MAX_BYTES / 2);
        assert!(outbox.push_sent(half.as_str().into(), AtLeastOnce).is_ok());
        assert!(outbox.push_sent(half.as_str().into(), AtLeastOnce).is_ok());
        assert!(outbox.take(Duration::ZERO).is_some());
        assert_eq!(refused(&mut outbox, "y").limit, Limit::Bytes(MAX_BYTES));
        outbox.confirm(1);
        assert!(outbox.push_sent("y".into(), AtLeastOnce).is_ok());
    }

    #[test]
    fn an_empty_outbox_takes_one_message_of_any_size() {
        let mut outbox = empty(1_000);
        assert!(
            outbox
                .push_sent("x".repeat(2 * MAX_BYTES).into(), AtLeastOnce)
                .is_ok()
        );
        assert_eq!(refused(&mut outbox, "y").limit, Limit::Bytes(2 * MAX_BYTES));
    }

    #[test]
    fn what_was_taken_is_kept_until_it_is_confirmed() {
        let mut outbox = typed(10, ["a", "b", "c"]);
        assert_eq!(take_all(&mut outbox), ["a", "b", "c"]);
        outbox.confirm(2);
        assert_eq!(states(&outbox), [0, 1, 2, 0]);
        outbox.confirm(1);
        assert_eq!(states(&outbox), [0, 1, 2, 0]);
        outbox.lose();
        assert_eq!(states(&outbox), [0, 0, 2, 1]);
        assert_eq!(take_all(&mut outbox), ["c"]);
        outbox.confirm(1);
        assert_eq!(states(&outbox), [0, 0, 3, 0]);
    }

    #[test]
    fn a_lost_connection_is_made_good_as_each_message_says() {
        for (guarantee, expected) in [
            (AtLeastOnce, &["a", "b", "order"][..]),
            (Latest, &["b", "order"][..]),
            (AtMostOnce, &[][..]),
        ] {
            let mut outbox = lost(guarantee);
            assert_eq!(states(&outbox), [0, 0, 0, 3], "{guarantee:?}");
            let fates: Vec<_> = iter::from_fn(|| outbox.next_fate()).collect();
            let fates = fates.into_iter().map(|(id, fate)| (id.number(), fate));
            let again = take_all(&mut outbox);
            assert_eq!(again, expected, "{guarantee:?}");
            // What is final is told as such.
            let expected = ["a", "b", "order"].into_iter().zip(0..).map(|(text, id)| {
                let goes_again = again.iter().any(|one| one == text);
                (
                    id,
                    if goes_again {
                        Fate::Unconfirmed
                    } else {
                        Fate::GivenUp
                    },
                )
            });
            assert!(fates.eq(expected), "{guarantee:?}");
        }
    }

    #[test]
    fn a_newer_text_makes_the_latest_one_needless() {
        let mut before = empty(10);
        before.push_typed("a".into(), Latest);
        let _ = take_all(&mut before);
        before.push_typed("b".into(), Latest);
        before.lose();
        let mut after = empty(10);
        after.push_typed("a".into(), Latest);
        let _ = take_all(&mut after);
        after.lose();
        after.push_typed("b".into(), Latest);
        for mut outbox in [before, after] {
            assert_eq!(outbox.delivery().queued, 1);
            assert_eq!(take_all(&mut outbox), ["b"]);
        }
    }

    #[test]
    fn the_latest_has_always_room_and_replaces_what_waits() {
        let mut outbox = empty(1);
        assert!(outbox.push_sent("order".into(), AtLeastOnce).is_ok());
        let big = "x".repeat(2 * MAX_BYTES);
        for text in [&big, "b", "c"] {
            assert!(outbox.push_sent(text.into(), Latest).is_ok());
        }
        // Typed texts are another matter.
        outbox.push_typed("typed".into(), Latest);
        assert_eq!(take_all(&mut outbox), ["order", "c", "typed"]);
        assert_eq!(outbox.sent_bytes(), "ordertyped".len() + 1);
    }

    #[test]
    fn another_server_gets_nothing_again() {
        let mut outbox = lost(AtLeastOnce);
        outbox.push_typed("c".into(), AtLeastOnce);
        outbox.forget_server();
        assert_eq!(states(&outbox), [1, 0, 0, 3]);
        assert_eq!(take_all(&mut outbox), ["c"]);
    }

    #[test]
    fn what_no_connection_took_was_not_sent() {
        let mut outbox = typed(10, ["a", "b"]);
        let _ = outbox.take(Duration::ZERO);
        let _ = outbox.take(Duration::ZERO);
        outbox.put_back();
        outbox.confirm(2);
        assert_eq!(states(&outbox), [1, 0, 1, 0]);
        assert_eq!(take_all(&mut outbox), ["b"]);
        outbox.confirm(1);
        assert_eq!(outbox.delivery().sent, 1);
    }

    #[test]
    fn without_proofs_the_oldest_is_given_up_and_the_count_stays_right() {
        let mut outbox = typed(2, ["a", "b"]);
        let _ = take_all(&mut outbox);
        assert!(outbox.awaits_proof());
        outbox.give_up_oldest(1);
        outbox.push_typed("c".into(), AtLeastOnce);
        assert_eq!(take_all(&mut outbox), ["c"]);
        assert_eq!(states(&outbox), [0, 2, 0, 1]);
        outbox.confirm(2);
        assert_eq!(states(&outbox), [0, 1, 1, 1]);
    }

    #[test]
    fn the_latest_text_is_not_given_up_for_orders() {
        let mut outbox = empty(2);
        outbox.push_typed("a".into(), Latest);
        for order in ["1", "2", "3"] {
            let _ = take_all(&mut outbox);
            outbox.give_up_oldest(order.len());
            assert!(outbox.push_sent(order.into(), AtMostOnce).is_ok());
        }
        let _ = take_all(&mut outbox);
        outbox.confirm(3);
        assert_eq!(outbox.delivery().confirmed, 1);
        outbox.lose();
        assert_eq!(take_all(&mut outbox), [""; 0]);

        let mut outbox = empty(2);
        outbox.push_typed("a".into(), Latest);
        for order in ["1", "2"] {
            let _ = take_all(&mut outbox);
            outbox.give_up_oldest(order.len());
            assert!(outbox.push_sent(order.into(), AtMostOnce).is_ok());
        }
        let _ = take_all(&mut outbox);
        outbox.lose();
        assert_eq!(take_all(&mut outbox), ["a"]);

        let mut outbox = empty(1);
        outbox.push_typed("a".into(), Latest);
        let _ = take_all(&mut outbox);
        outbox.give_up_oldest(1);
        assert!(outbox.push_sent("1".into(), AtMostOnce).is_ok());
    }

    #[test]
    fn what_alone_is_sent_again_is_not_given_up_for_the_rest() {
        let mut outbox = empty(3);
        outbox.push_typed("typed".into(), Latest);
        assert!(outbox.push_sent("sent".into(), Latest).is_ok());
        assert!(outbox.push_sent("once".into(), AtMostOnce).is_ok());
        let _ = take_all(&mut outbox);
        outbox.give_up_oldest(1);
        outbox.lose();
        assert_eq!(take_all(&mut outbox), ["typed", "sent"]);
    }

    #[test]
    fn what_was_never_sent_can_be_dropped() {
        let mut outbox = lost(AtLeastOnce);
        let _ = iter::from_fn(|| outbox.next_fate()).count();
        outbox.push_typed("c".into(), AtLeastOnce);
        assert!(outbox.push_sent("second".into(), AtLeastOnce).is_ok());

        outbox.drop_unsent();

        let fates: Vec<_> = iter::from_fn(|| outbox.next_fate()).collect();
        assert!(fates.iter().all(|(_, fate)| *fate == Fate::Dropped));
        assert_eq!((fates.len(), outbox.delivery().queued), (2, 0));
        assert_eq!(take_all(&mut outbox), ["a", "b", "order"]);
        let mut outbox = typed(1, ["long"]);
        outbox.push_typed("longer".into(), AtLeastOnce);
        outbox.drop_unsent();
        assert_eq!((outbox.merged(), outbox.store().as_str()), (0, ""));
        assert!(
            outbox
                .push_sent("x".repeat(MAX_BYTES).into(), AtLeastOnce)
                .is_ok()
        );
    }

    proptest! {
        #[test]
        fn it_stays_bounded_ordered_and_ends_with_the_last_text(
            limit in 1_usize..8,
            steps in proptest::collection::vec(0_u8..8, 1..64),
        ) {
            let mut outbox = empty(limit);
            let mut last_typed = None;
            let mut taken = Vec::new();
            for (index, step) in steps.into_iter().enumerate() {
                let text = format!("{index:04}");
                match step {
                    0..=2 => {
                        outbox.push_typed(text.clone(), AtLeastOnce);
                        last_typed = Some(text);
                    }
                    3 => {
                        let _ = outbox.push_sent(text.into(), AtLeastOnce);
                    }
                    4 | 5 if !outbox.awaits_proof() => {
                        taken.extend(outbox.take(Duration::ZERO).iter().map(self::text));
                    }
                    6 => outbox.confirm(outbox.taken()),
                    _ => {}
                }
                let Delivery { queued, sent, .. } = outbox.delivery();
                prop_assert!(queued + sent <= limit + 1);
            }
            taken.extend(take_all(&mut outbox));
            prop_assert!(taken.is_sorted());
            if let Some(last_typed) = last_typed {
                prop_assert!(taken.contains(&last_typed));
            }
        }

    }

    /// Has sent two texts and an order, and lost the connection.
    fn lost(guarantee: Guarantee) -> Outbox {
        let mut outbox = empty(10);
        for text in ["a", "b"] {
            outbox.push_typed(text.into(), guarantee);
        }
        assert!(outbox.push_sent("order".into(), guarantee).is_ok());
        let _ = take_all(&mut outbox);
        outbox.lose();
        outbox
    }

    fn refused(outbox: &mut Outbox, text: &str) -> Full {
        outbox
            .push_sent(text.into(), AtLeastOnce)
            .expect_err("there is no room")
    }

    pub(super) fn empty(limit: usize) -> Outbox {
        Outbox::new(limit)
    }

    pub(super) fn typed<const N: usize>(limit: usize, texts: [&str; N]) -> Outbox {
        let mut outbox = empty(limit);
        for text in texts {
            outbox.push_typed(text.into(), AtLeastOnce);
        }
        outbox
    }

    pub(super) fn states(outbox: &Outbox) -> [u64; 4] {
        let delivery = outbox.delivery();
        [
            delivery.queued as u64,
            delivery.sent as u64,
            delivery.confirmed,
            delivery.unconfirmed,
        ]
    }

    fn text(message: &Message) -> String {
        message.payload.text().unwrap_or_default().into()
    }

    pub(super) fn take_all(outbox: &mut Outbox) -> Vec<String> {
        iter::from_fn(|| outbox.take(Duration::ZERO))
            .map(|message| text(&message))
            .collect()
    }
}
