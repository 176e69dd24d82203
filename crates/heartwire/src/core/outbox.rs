//! Messages, from when they are written until it is proven that they arrived.

#[cfg(feature = "stomp")]
use std::hash::Hasher as _;
use std::{collections::VecDeque, error, fmt, mem, time::Duration};

#[cfg(feature = "stomp")]
use siphasher::sip::SipHasher24;

use crate::Payload;

/// Names one message among all of an outbox; a later one has a greater name.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct MessageId(u64);

impl MessageId {
    /// The number, to tell it from others.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// What a message is called by whoever gets it: 128 bits.
#[cfg(feature = "stomp")]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name([u64; 2]);

#[cfg(feature = "stomp")]
impl Name {
    /// A keyed hash of the message's number.
    fn of(key: [u64; 2], id: MessageId) -> Self {
        Self([0, 1].map(|half| {
            let mut hasher = SipHasher24::new_with_keys(key[0], key[1]);
            // No mark of a heartbeat is made of so many bytes.
            hasher.write_u64(id.0);
            hasher.write_u8(half);
            hasher.finish()
        }))
    }

    /// As it is written: in 32 hexadecimal digits.
    #[must_use]
    pub fn text(self) -> String {
        let Self([high, low]) = self;
        format!("{high:016x}{low:016x}")
    }

    /// Reads what is written so.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (high, low) = text.split_at_checked(16).filter(|_| text.len() == 32)?;
        let [high, low] = [high, low].map(|half| u64::from_str_radix(half, 16).ok());
        Some(Self([high?, low?]))
    }
}

/// A message and where it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// What is sent.
    pub payload: Payload,
    /// Decides what happens to it when the outbox is full.
    pub origin: Origin,
    /// Decides what happens to it when a connection is lost.
    pub guarantee: Guarantee,
    /// Whether a connection had taken it that was lost: it may have arrived.
    pub is_repeat: bool,
    /// How many connections in a row ended after they had taken it, before any answer: at most
    /// [`MOST_ENDS`].
    pub ends: u8,
    /// What it is called whenever it is sent, where messages have names: also by a page that has
    /// [restored](Outbox::restore) it.
    #[cfg(feature = "stomp")]
    pub name: Option<Name>,
}

/// Where a message came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The whole content of the input field after a change: a newer one says it all again.
    Typed,
    /// Sent on purpose: none replaces another.
    Sent,
}

/// What happens to a message that a lost connection had taken without a proof that it arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Guarantee {
    /// It is sent again until there is an answer: it may arrive twice.
    AtLeastOnce,
    /// It is never sent again: it may be lost.
    AtMostOnce,
    /// It is sent again unless there is a newer one of the same origin, which says it all.
    Latest,
}

/// How many messages are in which state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Delivery {
    /// They wait, and no connection has taken them yet.
    pub queued: usize,
    /// The connection has taken them.
    pub sent: usize,
    /// The server has answered what was sent after them: they very likely arrived.
    pub answered: u64,
    /// It is proven that they arrived.
    pub confirmed: u64,
    /// A connection had taken them and was lost before there was an answer, or its server gives none.
    /// Some of them may be waiting to be sent again.
    pub unconfirmed: u64,
}

/// What became of a message that waited or was sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The server has answered what was sent after it. Should it be heard to say replies unasked, that
    /// is taken back: [`GivenUp`](Self::GivenUp) follows.
    Answered,
    /// It is proven that it arrived.
    Confirmed,
    /// A connection had taken it that was lost, and there is no proof that it arrived. It is sent again.
    Unconfirmed,
    /// A connection had taken it, there is no proof that it arrived, and it is not sent again.
    GivenUp,
    /// Each connection that took it ended, so it is not sent again unless somebody says so.
    SetAside,
    /// A newer one says it all again; it was never sent.
    Merged,
    /// It was dropped on purpose; it was never sent.
    Dropped,
    /// Another outbox has it, and whatever becomes of it is known there.
    HandedOver,
}

impl Fate {
    /// Whether nothing else becomes of the message; but [`Answered`](Self::Answered) may be taken back.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Unconfirmed | Self::SetAside => false,
            Self::Answered
            | Self::Confirmed
            | Self::GivenUp
            | Self::Merged
            | Self::Dropped
            | Self::HandedOver => true,
        }
    }
}

/// The outbox is full, or never takes this; what was to be sent is handed back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Full {
    /// What was to be sent.
    pub payload: Payload,
    /// The limit that it would exceed.
    pub limit: Limit,
}

/// What makes an outbox full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// So many messages are kept.
    Messages(usize),
    /// With so many bytes as are kept, this one would be too much: see [`MAX_BYTES`].
    Bytes(usize),
    /// The server takes messages of at most so many bytes.
    Message(usize),
    /// The server takes texts alone.
    Text,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Limit::Messages(most) => write!(f, "the outbox is full: it keeps {most} messages"),
            Limit::Bytes(kept) => write!(
                f,
                "the outbox has no room: it keeps {kept} bytes, and {MAX_BYTES} are the limit"
            ),
            Limit::Message(most) => write!(f, "a message may have {most} bytes"),
            Limit::Text => f.write_str("the server takes texts, and no bytes"),
        }
    }
}

impl error::Error for Full {}

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

/// What is kept of payloads, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// After so many connections in a row that a message seems to have ended it is set aside.
pub const MOST_ENDS: u8 = 3;

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

    /// Gives every message a name, of a key that nobody else can guess, or none any more.
    #[cfg(feature = "stomp")]
    pub fn name_messages(&mut self, key: Option<[u64; 2]>) {
        self.names = key;
    }

    /// Takes another limit. What is kept stays, even over it.
    pub fn limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Adds the input field's whole text behind all others, and returns the message.
    pub fn push_typed(&mut self, text: String, guarantee: Guarantee) -> &Message {
        if guarantee == Guarantee::Latest {
            self.give_up_latest(Origin::Typed);
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
            self.give_up_latest(Origin::Sent);
            self.merge(&|message| message.is_latest(Origin::Sent));
        } else if let Some(limit) = self.limit_for(payload.len()) {
            return Err(Full { payload, limit });
        }
        Ok(self.push(payload, Origin::Sent, guarantee))
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

    /// How many messages the connection has taken that have no proof.
    #[must_use]
    pub fn sent_count(&self) -> usize {
        self.sent.len()
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
            let (id, origin) = (message.id, message.origin);
            let is_older = |sent: &Sent| sent.message.is_latest(origin) && sent.message.id < id;
            while let Some(older) = self.sent.iter().position(is_older)
                && let Some(Sent { message, .. }) = self.sent.remove(older)
            {
                self.sent_bytes -= message.payload.len();
                self.give_up(message.id);
            }
        }
        Some(at)
    }

    /// When the connection took the newest message that has no proof.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn newest_taken(&self) -> Option<Duration> {
        Some(self.sent.back()?.at)
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

    /// Names a message that can never be sent, and gives it up.
    #[cfg(feature = "stomp")]
    pub fn refuse(&mut self) -> MessageId {
        let id = self.name();
        self.give_up(id);
        id
    }

    /// When the connection took the oldest message that has no proof.
    #[cfg(feature = "stomp")]
    #[must_use]
    pub fn oldest_taken(&self) -> Option<Duration> {
        Some(self.sent.front()?.at)
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
    /// counts as sent later: a proof that comes too late is none that is false.
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

    /// Whether the next message was taken before by a connection that was lost.
    #[must_use]
    pub fn is_repeating(&self) -> bool {
        self.waiting
            .front()
            .is_some_and(|message| message.is_repeat)
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

    /// How many messages were replaced by newer ones since nothing waited last.
    #[must_use]
    pub fn merged(&self) -> u64 {
        self.merged
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

    /// Counts from 0 again what was proven, answered or given up.
    pub fn count_anew(&mut self) {
        (self.answered, self.confirmed, self.given_up) = (0, 0, 0);
    }

    /// All that has no proof yet, for [`restore`](Self::restore); empty if there is nothing.
    #[must_use]
    pub fn store(&self) -> String {
        let mut stored = String::new();
        let mut store = |message: &Message, [typed, sent]: [&str; 2]| {
            let mark = match message.origin {
                Origin::Typed => typed,
                Origin::Sent => sent,
            };
            let (is_binary, text) = match &message.payload {
                Payload::Text(text) => (false, text.clone()),
                Payload::Binary(bytes) => {
                    (true, bytes.iter().map(|byte| char::from(*byte)).collect())
                }
            };
            let mut kinds = KINDS.iter();
            let kind = kinds.find(|kind| (kind.1, kind.2) == (message.guarantee, is_binary));
            let kind = kind.map_or("", |kind| kind.0);
            stored.extend([mark, kind, &text.len().to_string()]);
            #[cfg(feature = "stomp")]
            if let Some(name) = message.name {
                stored.extend([NAMED, &name.text()]);
            }
            stored.extend([":", &text]);
        };
        for message in &self.aside {
            store(message, ASIDE);
        }
        for sent in &self.sent {
            store(&sent.message, REPEAT);
        }
        for message in &self.waiting {
            store(message, if message.is_repeat { REPEAT } else { FRESH });
        }
        stored
    }

    /// Takes over what another outbox [`store`](Self::store)d, up to where that cannot be read, before
    /// what waits. What had been sent is treated as after the loss of a connection. No connection may
    /// have taken anything yet. Earlier releases did not store what is sent again: for theirs it is told of
    /// a typed text, and of one sent on purpose.
    pub fn restore(&mut self, stored: &str, unsaid: [Guarantee; 2]) {
        let newer = mem::take(&mut self.waiting);
        let mut rest = stored;
        while let Some((mut message, behind)) = split_stored(rest, unsaid) {
            message.id = self.name();
            if message.is_suspect() {
                self.set_aside(message);
            } else if message.is_repeat {
                self.sent_bytes += message.payload.len();
                self.sent.push_back(Sent::long_ago(message));
            } else {
                self.waiting_bytes += message.payload.len();
                self.waiting.push_back(message);
            }
            rest = behind;
        }
        self.waiting.extend(newer);
        self.lose();
    }

    /// The text without an answer that the connection has taken, in bytes.
    #[must_use]
    pub fn sent_bytes(&self) -> usize {
        self.sent_bytes
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

    fn wait_first(&mut self, message: Message) {
        self.waiting_bytes += message.payload.len();
        self.waiting.push_front(message);
    }

    fn give_up(&mut self, id: MessageId) {
        self.given_up += 1;
        self.fates.push_back((id, Fate::GivenUp));
    }

    /// A newer one says it all again.
    fn give_up_latest(&mut self, origin: Origin) {
        self.give_up_waiting(&|message| message.is_repeat && message.is_latest(origin));
        self.give_up_aside(&|message| message.is_latest(origin));
    }

    fn give_up_waiting(&mut self, is_given_up: &dyn Fn(&Message) -> bool) {
        for message in extract(&mut self.waiting, is_given_up) {
            self.waiting_bytes -= message.payload.len();
            self.give_up(message.id);
        }
    }

    fn give_up_aside(&mut self, is_given_up: &dyn Fn(&Message) -> bool) {
        for message in extract(&mut self.aside, is_given_up) {
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

    /// Takes the oldest message that the connection has taken, if it is one of the first `taken`.
    fn let_go(&mut self, taken: u64) -> Option<MessageId> {
        if self.first_kept() >= taken {
            return None;
        }
        let Sent { message, .. } = self.sent.pop_front()?;
        self.sent_bytes -= message.payload.len();
        Some(message.id)
    }

    fn acquit_all(&mut self) {
        self.acquit();
        for message in &mut self.waiting {
            message.ends = 0;
        }
    }

    /// Keeps a message that is not sent by itself any more; the oldest such makes room for it.
    fn set_aside(&mut self, message: Message) {
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

    fn take_aside(&mut self, id: MessageId) -> Option<Message> {
        let index = self.aside.iter().position(|message| message.id == id)?;
        self.aside.remove(index)
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
}

impl Sent {
    /// Of an earlier page, or of a connection that is gone.
    fn long_ago(message: Message) -> Self {
        let at = Duration::ZERO;
        Self { message, at }
    }
}

impl Message {
    /// Whether it may be what ended the connections that took it: one more end, and that is settled.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.ends + 1 >= MOST_ENDS
    }

    fn is_latest(&self, origin: Origin) -> bool {
        self.guarantee == Guarantee::Latest && self.origin == origin
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

/// What stands before a message in what is stored: one typed, and one sent on purpose.
const FRESH: [&str; 2] = ["t", "s"];
const REPEAT: [&str; 2] = ["T", "S"];
const ASIDE: [&str; 2] = ["x", "X"];

/// What stands before the length of what was stored: which guarantee it has, and whether its characters are
/// bytes.
const KINDS: [(&str, Guarantee, bool); 6] = [
    ("a", Guarantee::AtLeastOnce, false),
    ("o", Guarantee::AtMostOnce, false),
    ("l", Guarantee::Latest, false),
    ("A", Guarantee::AtLeastOnce, true),
    ("O", Guarantee::AtMostOnce, true),
    ("L", Guarantee::Latest, true),
];

/// Stands before a message's name.
const NAMED: &str = "#";

/// Answers that are remembered, to be taken back: as many as the log has rows by default.
const MOST_DOUBTED: usize = 1_000;

/// Splits off the first message of what an outbox stored.
fn split_stored(stored: &str, unsaid: [Guarantee; 2]) -> Option<(Message, &str)> {
    let mark = stored.get(..1)?;
    let kinds = [FRESH, REPEAT, ASIDE];
    let kind = kinds.iter().find(|kind| kind.contains(&mark))?;
    let origin = if kind[0] == mark {
        Origin::Typed
    } else {
        Origin::Sent
    };
    let (header, behind) = stored[1..].split_once(':')?;
    // Also what a page has stored that knows of names.
    let (header, name) = header.split_once(NAMED).unwrap_or((header, ""));
    #[cfg(not(feature = "stomp"))]
    let _ = name;
    let mut kinds = KINDS.iter();
    let kept = kinds.find_map(|(letter, guarantee, is_binary)| {
        Some((*guarantee, *is_binary, header.strip_prefix(letter)?))
    });
    let (guarantee, is_binary, length) = kept.unwrap_or(match origin {
        Origin::Typed => (unsaid[0], false, header),
        Origin::Sent => (unsaid[1], false, header),
    });
    let (text, rest) = behind.split_at_checked(length.parse().ok()?)?;
    let message = Message {
        id: MessageId::default(),
        payload: if is_binary {
            let bytes = text.chars().map(|letter| u8::try_from(letter).ok());
            Payload::Binary(bytes.collect::<Option<_>>()?)
        } else {
            text.into()
        },
        origin,
        guarantee,
        is_repeat: *kind != FRESH,
        ends: if *kind == ASIDE { MOST_ENDS - 1 } else { 0 },
        #[cfg(feature = "stomp")]
        name: Name::read(name),
    };
    Some((message, rest))
}

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

    #[test]
    fn what_is_stored_comes_back_as_after_a_loss() {
        let mut outbox = typed(10, ["", "ä:1", "t2:x"]);
        assert!(outbox.push_sent("order".into(), AtMostOnce).is_ok());
        assert!(outbox.push_sent(vec![0, 255].into(), Latest).is_ok());
        let _ = outbox.take(Duration::ZERO);
        let _ = outbox.take(Duration::ZERO);
        let stored = outbox.store();
        let mut restored = empty(10);
        restored.restore(&stored, [Latest, AtMostOnce]);
        assert_eq!(states(&restored), [3, 0, 0, 2]);
        assert_eq!(restored.store(), {
            outbox.lose();
            outbox.store()
        });
        let bytes = restored.waiting.pop_back().map(|message| message.payload);
        assert_eq!(bytes, Some(vec![0, 255].into()));
        assert_eq!(take_all(&mut restored), ["", "ä:1", "t2:x", "order"]);
        restored.lose();
        assert_eq!(take_all(&mut restored), ["", "ä:1", "t2:x"]);
        assert_eq!(empty(10).store(), "");
    }

    /// What an earlier release of the page stored.
    #[test]
    fn what_was_stored_without_a_guarantee_comes_back() {
        let mut restored = empty(10);
        restored.push_typed("newer".into(), AtLeastOnce);
        restored.restore("T1:aT2:abS5:ordert3:abcs4:more", [Latest, AtMostOnce]);
        assert_eq!(states(&restored), [3, 0, 0, 3]);
        assert_eq!(take_all(&mut restored), ["abc", "more", "newer"]);
        let mut restored = empty(10);
        restored.restore("T1:aT2:abS5:order", [Latest, AtMostOnce]);
        assert_eq!(take_all(&mut restored), ["ab"]);
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

        #[test]
        fn what_was_stored_by_somebody_else_does_no_harm(stored in "[tTsSxXaolAL0-9:äĀ]*") {
            empty(3).restore(&stored, [Latest, AtMostOnce]);
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

    fn empty(limit: usize) -> Outbox {
        Outbox::new(limit)
    }

    fn typed<const N: usize>(limit: usize, texts: [&str; N]) -> Outbox {
        let mut outbox = empty(limit);
        for text in texts {
            outbox.push_typed(text.into(), AtLeastOnce);
        }
        outbox
    }

    fn states(outbox: &Outbox) -> [u64; 4] {
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

    fn take_all(outbox: &mut Outbox) -> Vec<String> {
        iter::from_fn(|| outbox.take(Duration::ZERO))
            .map(|message| text(&message))
            .collect()
    }
}
