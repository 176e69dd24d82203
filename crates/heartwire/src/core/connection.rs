//! The connection's state machine.

#[cfg(feature = "stomp")]
mod stomp;

use std::{collections::VecDeque, time::Duration};

#[cfg(feature = "stomp")]
use super::protocol::PayloadRef;
use super::{
    backoff::Backoff,
    heartbeat::{Heartbeat, Knowledge, Period, Verdict, is_late},
    mark::Marks,
    outbox::{Fate, Full, Guarantee, MAX_BYTES, Message, MessageId, Outbox},
    plain_text::PlainText,
    protocol::{Frame, Meaning, Transmit, Trust},
    reach::Locality,
    silence::{Drops, Learned, Silence},
};
use crate::{Options, Payload};

/// Names one socket among all that were opened.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Epoch(u32);

impl Epoch {
    /// The number, for display.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// A timer that the shell keeps for the connection.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Timer {
    /// When to give up on the handshake.
    Connect,
    /// When to send a heartbeat; repeats until stopped.
    Heartbeat,
    /// When to judge that no reply has come.
    Reply,
    /// When to try again.
    Reconnect,
    /// When a connection has outlived a text that may have ended others.
    Trial,
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    /// The close code of RFC 6455 §7.4.
    pub code: u16,
    /// What the server gave as its reason: anybody's text.
    pub reason: String,
    /// Whether both sides had said that they close.
    pub was_clean: bool,
}

impl Closure {
    /// An end without a close frame: 1006.
    #[must_use]
    pub fn abnormal() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
            was_clean: false,
        }
    }
}

/// The connection or attempt that ended last, not asked to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    /// How it ended.
    pub closure: Closure,
    /// Whether its handshake had succeeded.
    pub was_open: bool,
    /// Whether it was dropped here, because nothing came any more.
    pub was_silent: bool,
    /// What a STOMP server said was wrong, on which it was dropped here: anybody's text.
    pub error: Option<String>,
}

/// Why a connection cannot be, as long as nobody changes something: another attempt would end alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The browser can make nothing of the address.
    BadAddress,
    /// A page that came safely may connect to nothing that is not safe.
    Insecure,
    /// The page's content security policy forbids it.
    Forbidden,
    /// The server has chosen none of the subprotocols offered.
    NoProtocol,
    /// Whoever was asked where to connect knows no place any more.
    Unavailable,
    /// The server lets nobody in with this login.
    Login,
    /// The server ends connections that ask for this source of messages.
    Subscription,
    /// The server ends connections that send to this destination.
    Destination,
    /// What it says is no STOMP, or not in text.
    NoStomp,
}

/// Where a connection is to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destination {
    /// Where the server is.
    pub locality: Locality,
    /// Whether it is another server than that of the last start: nothing that was sent to that one
    /// is sent again, and nothing that is known of it is right any more. What waits and was sent to
    /// nobody goes to the new one.
    pub is_new: bool,
    /// Whether other subprotocols are offered there than before: what is known of its answers is right no
    /// more.
    pub speaks_otherwise: bool,
    /// What is remembered of the path to it.
    pub learned: Option<Learned>,
    /// Whether it was heard before to say replies unasked: see [`Effect::Distrust`].
    pub is_distrusted: bool,
}

/// What happened outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The user or the application wants a connection.
    Open(Destination),
    /// The user or the application wants none any more.
    Close,
    /// The user does not want to wait for the next attempt.
    Retry,
    /// The page became visible, the machine woke, the network came back: an attempt may succeed
    /// that had no chance before.
    Woke,
    /// The page is being left; it may come back out of the back/forward cache.
    Left,
    /// The page came back out of the back/forward cache.
    Returned,
    /// The handshake succeeded.
    Opened(Epoch),
    /// A frame arrived.
    Received(Epoch, Frame),
    /// The socket closed or could not be made.
    Closed(Epoch, Closure),
    /// The socket cannot be made, or not be used, and it is known why.
    Refused(Epoch, Refusal),
    /// The socket did not take this: `send` threw, or would have discarded it silently. Its
    /// [`Closed`](Self::Closed) follows.
    NotTaken(Epoch, Transmit),
    /// The browser has passed on most of what the socket took.
    Drained(Epoch),
    /// A timer expired.
    TimerExpired(Epoch, Timer),
}

impl Input {
    fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::Open(_)
            | Self::Close
            | Self::Retry
            | Self::Woke
            | Self::Left
            | Self::Returned => None,
            Self::Opened(epoch)
            | Self::Received(epoch, _)
            | Self::Closed(epoch, _)
            | Self::Refused(epoch, _)
            | Self::NotTaken(epoch, _)
            | Self::Drained(epoch)
            | Self::TimerExpired(epoch, _) => Some(*epoch),
        }
    }
}

/// What the shell must do, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Make a socket whose events carry this epoch.
    Connect(Epoch),
    /// Close the socket with 1000 and this reason, and go on listening for its `close` alone: a clean
    /// one with the same reason proves that all that was sent before has arrived.
    Close(Epoch, String),
    /// Drop the socket: detach every handler, then close it with 1000. None of its events matter
    /// any more, so nothing waits for its `close`, which can take a minute.
    Disconnect,
    /// Hand this to the socket. If it does not take it, answer with [`Input::NotTaken`] at once and
    /// let an [`Input::Closed`] follow soon, with the socket's own code if it tells one.
    Transmit(Transmit),
    /// Answer with [`Input::Drained`] as soon as the socket's `bufferedAmount` is below
    /// [`BATCH_BYTES`].
    AwaitDrain(Epoch),
    /// Note what stands before the next message in its frame.
    #[cfg(feature = "stomp")]
    Head(String),
    /// Show this message.
    Deliver(Frame),
    /// Note this frame, which is no message but means this.
    Note(Frame, Meaning),
    /// Note that this message waits.
    Queued(Message),
    /// Note what became of a message.
    Settled(MessageId, Fate),
    /// Note that this server says replies unasked, and tell it with the next [`Destination`] too: a reply
    /// without a mark proves nothing there.
    Distrust,
    /// Start a timer, or start it over.
    SetTimer(Epoch, Timer, Duration),
    /// Stop a timer.
    StopTimer(Timer),
}

/// What the connection is doing. Times are those that came with the inputs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// No connection was asked for yet.
    Idle,
    /// The handshake is under way.
    Connecting {
        /// When it began.
        since: Duration,
    },
    /// Messages pass.
    Open {
        /// When the handshake succeeded.
        since: Duration,
        /// How long there had been no connection, if there had been one before.
        outage: Option<Duration>,
    },
    /// The next attempt has its time.
    Waiting {
        /// When the wait began.
        since: Duration,
        /// When the attempt is due.
        until: Duration,
    },
    /// The page was left while a connection was wanted.
    Away,
    /// The user or the application ended it.
    Stopped,
    /// An attempt is not allowed any more.
    GaveUp,
    /// The server closed with a code that says it would refuse again.
    TurnedAway,
    /// It cannot be.
    Refused(Refusal),
}

/// One connection to one server, kept alive.
///
/// **After every call that changes it, drain [`poll_effect`](Self::poll_effect) until `None`.**
///
/// The methods fall into four classes: [`handle_input`](Self::handle_input) takes what happened;
/// [`send`](Self::send) and [`type_text`](Self::type_text) are the application's commands;
/// `poll_effect` gives what to do; the rest are getters. Time is an argument: how long it has been
/// since an origin that the caller chooses once, with the time that the machine slept.
#[derive(Clone, Debug)]
pub struct Connection {
    options: Options,
    /// Those for the next start, where they are others.
    next_options: Option<Options>,
    status: Status,
    epoch: Epoch,
    backoff: Backoff,
    marks: Marks,
    heartbeat: Heartbeat,
    silence: Silence,
    protocol: PlainText,
    /// Where it is there, the server speaks STOMP, and no text is agreed on.
    #[cfg(feature = "stomp")]
    broker: Option<stomp::Broker>,
    outbox: Outbox,
    effects: VecDeque<Effect>,
    /// The reason that a socket was given as it was asked to close, until it says how that went.
    closing: Option<String>,
    trial: Trial,
    /// The newest time that an argument told.
    now: Duration,
    /// Text handed to the socket since it was last known to have drained.
    undrained_bytes: usize,
    awaits_drain: bool,
    /// Messages and text handed to the socket since the last heartbeat.
    unasked: (usize, usize),
    /// Of these, messages that a lost connection had taken before.
    replayed: u32,
    /// When a heartbeat is due, whatever comes in: something was sent that has no proof.
    prove_by: Option<Duration>,
    /// Since when answers are counted, and how many were asked for.
    answered: (Duration, u32),
    last_typed: String,
    last_loss: Option<Loss>,
    /// When the last open connection was lost; until it is made good, or a new start is made.
    lost_at: Option<Duration>,
    sent: u64,
    received: u64,
    reconnects: u64,
}

/// Text handed to a socket at once. Behind it the browser's buffer is looked at first: what waited
/// through an outage is sent by every client at the same time.
pub const BATCH_BYTES: usize = 64 * 1024;

/// What is sent again is proven in parts. Else a connection that lives no longer than the whole takes
/// would prove nothing, and the next one would have to send more.
const REPLAYED_BEFORE_PROOF: u32 = 64;

/// How the reason of a close begins that is asked for; a mark follows. Most servers repeat code and
/// reason, and nobody can give this one by himself: a server that repeats it has read our close, and what
/// was sent before.
pub const CLOSE_REASON: &str = "closed by the page";

/// How a connection is tried that follows others which ended after the same texts: at first it has to
/// answer a heartbeat alone, where the server is known to answer; then each text is sent behind an answer
/// to the one before it, and after two of them twice as many at once each time. So it shows which text
/// ends connections, and a server that ends them by itself is held against no text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Trial {
    has_begun: bool,
    /// Nothing is sent until there is an answer, or for [`TRIAL`].
    awaits_answer: bool,
    /// How many times texts were sent that way.
    rounds: u32,
    /// How many are still sent in this round.
    left: u32,
}

impl Trial {
    /// How many suspected texts are sent in a round.
    fn size(self) -> u32 {
        match self.rounds {
            0 | 1 => 1,
            rounds => 1 << rounds.min(16) >> 1,
        }
    }
}

/// Heartbeats that come faster are an attack on the server.
const SHORTEST_PERIOD: Duration = Duration::from_millis(100);

/// No server is known that asks more in [`ANSWERS_COUNTED`]; one that returns our answers would as fast as it can.
const MOST_ANSWERS: u32 = 10;

/// See [`MOST_ANSWERS`].
const ANSWERS_COUNTED: Duration = Duration::from_secs(1);

/// A server that a text ends has done so by then, wherever it is.
const TRIAL: Duration = Duration::from_secs(3);

impl Connection {
    /// Makes a connection that is not asked for yet. The seed decides every random delay and every mark,
    /// so nobody else may be able to guess it.
    #[must_use]
    pub fn new(options: Options, seed: [u64; 2]) -> Self {
        let mut marks = Marks::new(seed);
        #[cfg_attr(
            not(feature = "stomp"),
            expect(unused_mut, reason = "plain text is all it knows")
        )]
        let mut connection = Self {
            status: Status::Idle,
            epoch: Epoch::default(),
            backoff: Backoff::new(options.ceilings(Locality::Remote), marks.draw_bits()),
            marks,
            heartbeat: Heartbeat::new(&options),
            silence: Silence::new(None),
            protocol: PlainText::new(&options),
            #[cfg(feature = "stomp")]
            broker: None,
            outbox: Outbox::new(options.outbox_limit),
            options,
            next_options: None,
            effects: VecDeque::new(),
            closing: None,
            trial: Trial::default(),
            now: Duration::ZERO,
            undrained_bytes: 0,
            awaits_drain: false,
            unasked: (0, 0),
            replayed: 0,
            prove_by: None,
            answered: (Duration::ZERO, 0),
            last_typed: String::new(),
            last_loss: None,
            lost_at: None,
            sent: 0,
            received: 0,
            reconnects: 0,
        };
        #[cfg(feature = "stomp")]
        connection.configure_stomp(true);
        connection
    }

    /// Takes what happened, and when. An event of an older epoch changes nothing.
    pub fn handle_input(&mut self, input: Input, now: Duration) {
        if input.epoch().is_some_and(|epoch| epoch != self.epoch) {
            return;
        }
        self.now = now;
        #[cfg(feature = "stomp")]
        let Some(input) = self.handle_input_of_stomp(input) else {
            return;
        };
        self.take_input(input);
    }

    /// Takes other options, for the next [`Input::Open`]. What waits for a connection stays.
    pub fn configure(&mut self, options: Options) {
        self.next_options = (options != self.options).then_some(options);
    }

    /// Sends the whole content of the input field after a change; an unchanged one is not sent. Returns the
    /// message's name.
    pub fn type_text(
        &mut self,
        text: String,
        guarantee: Guarantee,
        now: Duration,
    ) -> Option<MessageId> {
        if text == self.last_typed {
            return None;
        }
        #[cfg(feature = "stomp")]
        if self.limit_of(PayloadRef::Text(&text)).is_some() {
            return None;
        }
        self.now = now;
        self.last_typed.clone_from(&text);
        self.make_room_for(text.len());
        let message = self.outbox.push_typed(text, guarantee).clone();
        Some(self.queue(message))
    }

    /// Sends a message on purpose. Returns its name.
    ///
    /// # Errors
    ///
    /// Hands the payload back when the outbox is full; with [`Guarantee::Latest`] there is always room.
    pub fn send(
        &mut self,
        payload: impl Into<Payload>,
        guarantee: Guarantee,
        now: Duration,
    ) -> Result<MessageId, Full> {
        let payload = payload.into();
        self.now = now;
        #[cfg(feature = "stomp")]
        if let Some(limit) = self.limit_of((&payload).into()) {
            return Err(Full { payload, limit });
        }
        self.make_room_for(payload.len());
        let message = self.outbox.push_sent(payload, guarantee)?.clone();
        // Behind it the same typed text says something else again.
        self.last_typed.clear();
        Ok(self.queue(message))
    }

    /// Sends once more what was set aside: what else comes of it, it is not sent again by itself.
    pub fn send_again(&mut self, id: MessageId, now: Duration) {
        self.now = now;
        self.outbox.send_again(id);
        #[cfg(feature = "stomp")]
        self.set_aside_what_stomp_cannot_carry();
    }

    /// Gives up what was set aside.
    pub fn drop_aside(&mut self, id: MessageId) {
        self.outbox.drop_aside(id);
    }

    /// Drops what waits and was never sent: nobody is to get it.
    pub fn drop_unsent(&mut self) {
        self.outbox.drop_unsent();
        // The same typed text may be sent after all.
        self.last_typed.clear();
    }

    /// Counts from 0 again what was sent, received, proven and reconnected. What has no proof yet goes on
    /// waiting for one, and the same typed text may be sent again.
    pub fn count_anew(&mut self) {
        (self.sent, self.received, self.reconnects) = (0, 0, 0);
        self.outbox.count_anew();
        self.last_typed.clear();
    }

    /// Sends nothing more of what another page has [restored](Self::restore).
    pub fn hand_over(&mut self) {
        self.outbox.hand_over();
        self.last_typed.clear();
    }

    /// Takes over what the outbox of an earlier page had [`store`](Outbox::store)d. What had been
    /// sent is treated as after the loss of a connection. No socket may be open.
    pub fn restore(&mut self, stored: &str, unsaid: [Guarantee; 2]) {
        self.outbox.restore(stored, unsaid);
        #[cfg(feature = "stomp")]
        self.set_aside_what_stomp_cannot_carry();
    }

    /// Names a message that is not sent at all, since the server never takes it.
    #[cfg(feature = "stomp")]
    pub(crate) fn refuse_message(&mut self) -> MessageId {
        self.outbox.refuse()
    }

    /// What to do next; call it until `None` after every other call.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if let Some((id, fate)) = self.outbox.next_fate() {
            return Some(Effect::Settled(id, fate));
        }
        self.effects.pop_front().or_else(|| self.next_transmit())
    }

    /// The frame that carries what is sent, where it is another than its [payload](Transmit::payload).
    #[must_use]
    pub fn frame(&self, transmit: &Transmit) -> Option<String> {
        #[cfg(feature = "stomp")]
        let frame = self.stomp_frame(transmit);
        #[cfg(not(feature = "stomp"))]
        let frame = {
            let _ = transmit;
            None
        };
        frame
    }

    /// The options in force, which [`Input::Open`] takes from [`configure`](Self::configure).
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the connection is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// The newest socket's epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The number of the attempt that is under way or waited for since the back-off last started
    /// over; 0 before the first failure.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.backoff.attempt()
    }

    /// Whether another attempt is made unasked after a loss.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        let limit = self.options.retry_limit.unwrap_or(u32::MAX);
        self.options.retry && self.backoff.attempt() < limit
    }

    /// The messages without a proof that they arrived.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What is known about the server: it answers, or has stopped to.
    #[must_use]
    pub fn knowledge(&self, now: Duration) -> Knowledge {
        #[cfg(feature = "stomp")]
        if let Some(lost) = self.lost_by_stomp(now) {
            return lost;
        }
        self.heartbeat.knowledge(now)
    }

    /// What is known about the server's answers.
    #[must_use]
    pub fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// What the server's replies to heartbeats are worth.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.protocol.trust()
    }

    /// What is worth remembering of the path to the server; nothing where the heartbeat's period is
    /// given.
    #[must_use]
    pub fn learned(&self) -> Option<Learned> {
        (self.options.heartbeat == Period::Auto).then(|| self.silence.learned())
    }

    /// The connections in a row that were dropped after the same silence, if there are several.
    #[must_use]
    pub fn drops(&self) -> Option<Drops> {
        self.silence.drops()
    }

    /// The connection or attempt that ended last without being stopped.
    #[must_use]
    pub fn last_loss(&self) -> Option<&Loss> {
        self.last_loss.as_ref()
    }

    /// Messages that were handed to a socket, each once; heartbeats are not counted.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Messages received, heartbeats and replies not counted.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// How often a connection was opened after one had been lost.
    #[must_use]
    pub fn reconnects(&self) -> u64 {
        self.reconnects
    }

    fn take_input(&mut self, input: Input) {
        match (self.status, input) {
            (
                Status::Idle
                | Status::Waiting { .. }
                | Status::Stopped
                | Status::GaveUp
                | Status::TurnedAway
                | Status::Refused(_),
                Input::Open(destination),
            ) => self.start(destination),
            (Status::Connecting { .. }, Input::Opened(_)) => self.opened(),
            (Status::Connecting { since }, Input::TimerExpired(_, Timer::Connect)) => {
                self.give_up_on_handshake(since);
            }
            (Status::Connecting { .. } | Status::Open { .. }, Input::Closed(_, closure)) => {
                self.closed(closure);
            }
            (
                Status::Connecting { .. } | Status::Waiting { .. } | Status::GaveUp,
                Input::Refused(_, refusal),
            ) => {
                self.quit();
                self.status = Status::Refused(refusal);
            }
            (Status::Open { .. }, Input::Received(_, frame)) => self.receive(frame),
            (Status::Open { .. }, Input::TimerExpired(_, Timer::Heartbeat)) => {
                self.ring();
            }
            (Status::Open { .. }, Input::TimerExpired(_, Timer::Reply)) => self.judge(),
            (Status::Open { .. }, Input::TimerExpired(_, Timer::Trial)) => {
                self.outbox.acquit();
                self.trial.awaits_answer = false;
            }
            (Status::Open { .. }, Input::Woke) => {
                if self.period().is_some() && self.heartbeat.wakes(self.now) {
                    self.beat();
                }
            }
            (Status::Open { .. }, Input::Retry) => {
                if let Knowledge::Lost { .. } = self.knowledge(self.now) {
                    self.give_up_on_server();
                    // Also where it would not be tried again unasked.
                    self.wait_a_moment();
                }
            }
            (Status::Open { .. }, Input::Drained(_)) => {
                self.undrained_bytes = 0;
                self.awaits_drain = false;
            }
            (Status::Open { .. }, Input::NotTaken(_, transmit)) => self.take_back(&transmit),
            (Status::Waiting { .. }, Input::TimerExpired(_, Timer::Reconnect)) => self.connect(),
            (Status::Waiting { .. }, Input::Retry | Input::Woke) => self.hurry(),
            (
                Status::Connecting { .. } | Status::Open { .. } | Status::Waiting { .. },
                Input::Left,
            ) => {
                self.note_outage(self.now);
                self.quit();
                self.status = Status::Away;
            }
            (Status::Away, Input::Returned | Input::Woke) => self.wait_a_moment(),
            (
                Status::Connecting { .. }
                | Status::Open { .. }
                | Status::Waiting { .. }
                | Status::Away,
                Input::Close,
            ) => {
                self.quit();
                self.status = Status::Stopped;
            }
            (Status::Refused(_), Input::Close) => self.status = Status::Stopped,
            (
                Status::Stopped | Status::Away | Status::Waiting { .. } | Status::Refused(_),
                Input::Closed(_, closure),
            ) if self.closing.is_some() => {
                self.finish_closing(Some(&closure));
            }
            // Nothing else has a meaning in the status that it meets.
            (
                _,
                Input::Open(_)
                | Input::Close
                | Input::Retry
                | Input::Woke
                | Input::Left
                | Input::Returned
                | Input::Opened(_)
                | Input::Received(..)
                | Input::Closed(..)
                | Input::Refused(..)
                | Input::NotTaken(..)
                | Input::Drained(_)
                | Input::TimerExpired(..),
            ) => {}
        }
    }

    /// Starts anew, perhaps with another server.
    fn start(&mut self, destination: Destination) {
        self.last_loss = None;
        self.lost_at = None;
        if let Some(options) = self.next_options.take() {
            self.heartbeat = Heartbeat::new(&options);
            self.protocol = PlainText::new(&options);
            self.outbox.limit(options.outbox_limit);
            self.options = options;
        }
        #[cfg(feature = "stomp")]
        self.configure_stomp(destination.is_new);
        self.backoff
            .restart(self.options.ceilings(destination.locality));
        if destination.is_new {
            self.finish_closing(None);
            self.outbox.forget_server();
            self.heartbeat.forget();
            self.silence = Silence::new(destination.learned);
            self.protocol = PlainText::new(&self.options);
        } else if destination.speaks_otherwise {
            self.heartbeat.forget();
            self.protocol = PlainText::new(&self.options);
        }
        if destination.is_distrusted {
            self.protocol.withdraw_trust();
        }
        self.connect();
    }

    fn connect(&mut self) {
        self.quit();
        self.finish_closing(None);
        #[cfg(feature = "stomp")]
        self.reset_stomp();
        self.epoch = self.epoch.next();
        self.status = Status::Connecting { since: self.now };
        self.effects.push_back(Effect::Connect(self.epoch));
        self.set_timer(Timer::Connect, self.options.connect_timeout);
    }

    fn opened(&mut self) {
        let now = self.now;
        let outage = self
            .lost_at
            .take()
            .map(|lost_at| now.saturating_sub(lost_at));
        self.reconnects += u64::from(outage.is_some());
        self.status = Status::Open { since: now, outage };
        self.last_loss = None;
        self.undrained_bytes = 0;
        self.awaits_drain = false;
        self.unasked = (0, 0);
        self.replayed = 0;
        self.prove_by = None;
        self.trial = Trial::default();
        self.protocol.reset();
        self.heartbeat.opened(now);
        self.silence.opened(now);
        self.effects.push_back(Effect::StopTimer(Timer::Connect));
        #[cfg(feature = "stomp")]
        if self.speaks_stomp() {
            self.begin_beats();
            return;
        }
        self.restart_period();
        for payload in self.options.greeting.clone() {
            self.effects
                .push_back(Effect::Transmit(Transmit::Greeting(payload.clone())));
            self.protocol.note(&payload, now);
            self.hand_over_to_socket(&payload);
        }
    }

    fn receive(&mut self, frame: Frame) {
        let now = self.now;
        if self.heartbeat.heard(now) {
            self.effects.push_back(Effect::StopTimer(Timer::Reply));
        }
        self.silence.received(now);
        let trust = self.protocol.trust();
        let meaning = self.protocol.meaning(&frame, now);
        if self.heartbeat.is_put_off() {
            self.restart_period();
        }
        match meaning {
            Meaning::Message => {
                self.received += 1;
                self.effects.push_back(Effect::Deliver(frame));
                self.prove_in_time();
                return;
            }
            Meaning::Reply {
                sent,
                taken,
                is_marked,
            } => {
                let unanswered = self.protocol.oldest_unanswered();
                self.heartbeat.replied(sent, unanswered, now);
                if is_marked {
                    self.outbox.confirm(taken);
                } else {
                    self.outbox.answer(taken);
                }
                self.go_on_trying();
                if self.outbox.sent_count() > 0 {
                    self.await_proof();
                } else if self.prove_by.take().is_some() {
                    self.restart_period();
                }
            }
            Meaning::Question => {
                if let Some(answer) = self.protocol.answer(&frame)
                    && self.may_answer()
                {
                    self.effects.push_back(Effect::Note(frame, meaning));
                    self.effects
                        .push_back(Effect::Transmit(Transmit::Answer(answer.clone())));
                    self.protocol.note_answer(&answer, now);
                    self.hand_over_to_socket(&answer);
                    self.prove_in_time();
                    return;
                }
            }
            Meaning::ServerHeartbeat
            | Meaning::SecondReply
            | Meaning::OthersHeartbeat
            | Meaning::Unasked => {}
            #[cfg(feature = "stomp")]
            Meaning::Repeat => {}
        }
        self.effects.push_back(Effect::Note(frame, meaning));
        if trust != Trust::Withdrawn && self.protocol.trust() == Trust::Withdrawn {
            self.heartbeat.doubt_replies();
            self.outbox.doubt_answers();
            self.effects.push_back(Effect::Distrust);
        }
        self.prove_in_time();
    }

    /// Whether an answer does not follow too many others: a server that returns it may be asking so for ever.
    fn may_answer(&mut self) -> bool {
        let (since, answers) = &mut self.answered;
        if self.now.saturating_sub(*since) >= ANSWERS_COUNTED {
            (*since, *answers) = (self.now, 0);
        }
        *answers += 1;
        *answers <= MOST_ANSWERS
    }

    /// What comes in does not put off a heartbeat that something waits for.
    fn prove_in_time(&mut self) {
        if self.prove_by.is_some_and(|by| by <= self.now) {
            self.beat();
        }
    }

    /// An answer came: what was tried is no reason for an end.
    fn go_on_trying(&mut self) {
        if self.trial.awaits_answer && self.outbox.suspects() == 0 {
            self.trial.awaits_answer = false;
            self.effects.push_back(Effect::StopTimer(Timer::Trial));
        }
    }

    fn beat(&mut self) {
        let now = self.now;
        self.unasked = (0, 0);
        self.replayed = 0;
        self.prove_by = None;
        self.silence.sent(now);
        let mark = self.marks.draw();
        let heartbeat = self.protocol.heartbeat(mark, now, self.outbox.taken());
        self.effects.push_back(Effect::Transmit(heartbeat));
        let doubt = self.heartbeat.beat(self.outbox.sent_bytes(), now);
        // Its reply may be lost, and the connection live.
        if self.outbox.sent_count() > 0 && self.heartbeat.is_answered(now) {
            self.await_proof();
        }
        self.restart_period();
        if let Some(wait) = doubt {
            self.set_timer(Timer::Reply, wait);
        }
    }

    /// The heartbeat's timer expired, perhaps as it was set anew.
    fn ring(&mut self) {
        let is_due = self.heartbeat.is_due(self.now);
        if is_due || self.prove_by.is_some_and(|by| by <= self.now) {
            self.beat();
        } else {
            let wait = self.heartbeat.due().saturating_sub(self.now);
            self.set_timer(Timer::Heartbeat, wait);
        }
    }

    /// The handshake took too long.
    fn give_up_on_handshake(&mut self, since: Duration) {
        let has_slept = is_late(since + self.options.connect_timeout, self.now);
        self.lose(Closure::abnormal(), false);
        if has_slept {
            self.hurry();
        }
    }

    /// Nothing came in time after a heartbeat.
    fn judge(&mut self) {
        match self.heartbeat.judge(self.now) {
            Some(Verdict::Probe(wait)) => {
                self.beat();
                self.set_timer(Timer::Reply, wait);
            }
            Some(Verdict::Dead) => self.give_up_on_server(),
            None => {}
        }
    }

    fn give_up_on_server(&mut self) {
        self.silence.died();
        self.lose(Closure::abnormal(), true);
    }

    fn closed(&mut self, closure: Closure) {
        if let Status::Open { .. } = self.status {
            if closure.code == 1006 {
                self.silence.dropped(self.now);
            } else {
                self.silence.ended();
            }
        }
        #[cfg(feature = "stomp")]
        if let Some(refusal) = self.struck_by(&closure) {
            self.refuse(refusal, closure);
            return;
        }
        self.lose(closure, false);
    }

    /// Keeps what a dying socket did not take, and gives it no more.
    fn take_back(&mut self, transmit: &Transmit) {
        self.awaits_drain = true;
        match transmit {
            Transmit::Message(message) => {
                let count = u64::from(!message.is_repeat);
                self.sent = self.sent.saturating_sub(count);
                self.outbox.put_back();
            }
            Transmit::Heartbeat(_) | Transmit::Greeting(_) | Transmit::Answer(_) => {}
            #[cfg(feature = "stomp")]
            Transmit::Control(_) => {}
        }
    }

    fn lose(&mut self, closure: Closure, was_silent: bool) {
        // A connection that fell silent lived as long as it was heard of.
        let end = if was_silent {
            self.heartbeat.last_heard()
        } else {
            self.now
        };
        let opened = self.note_outage(end);
        #[cfg(feature = "stomp")]
        let was_of_use = self.was_of_use(was_silent);
        #[cfg(not(feature = "stomp"))]
        let was_of_use = true;
        let is_stable =
            |since| end.saturating_sub(since) >= self.options.stable_after && was_of_use;
        if opened.is_some_and(is_stable) {
            self.backoff.reset();
        }
        self.drop_socket();
        // A STOMP server that keeps silent may not have been heard of at all by then.
        if !(was_silent && self.speaks_stomp()) {
            self.outbox.blame(end.saturating_sub(TRIAL));
        }
        self.outbox.lose();
        let code = closure.code;
        #[cfg(feature = "stomp")]
        let error = self.take_error();
        #[cfg(not(feature = "stomp"))]
        let error = None;
        self.last_loss = Some(Loss {
            closure,
            was_open: opened.is_some(),
            was_silent,
            error,
        });
        if self.options.final_codes.contains(&code) && !was_silent {
            self.status = Status::TurnedAway;
        } else if self.may_retry() {
            let delay = self.backoff.next_delay();
            self.wait(delay);
        } else {
            self.status = Status::GaveUp;
        }
    }

    fn wait(&mut self, delay: Duration) {
        self.status = Status::Waiting {
            since: self.now,
            until: self.now + delay,
        };
        self.set_timer(Timer::Reconnect, delay);
    }

    /// Waits as long as a client that is not in step with others.
    fn wait_a_moment(&mut self) {
        let delay = self.backoff.local_delay();
        self.wait(delay);
    }

    /// Makes a wait as short as that of a client that is not in step with others.
    fn hurry(&mut self) {
        if let Status::Waiting { until, .. } = self.status {
            let delay = self.backoff.local_delay();
            if self.now + delay < until {
                self.wait(delay);
            }
        }
    }

    /// Notes that an open connection ends; returns since when it was open.
    fn note_outage(&mut self, end: Duration) -> Option<Duration> {
        let Status::Open { since, .. } = self.status else {
            return None;
        };
        self.lost_at = Some(end);
        Some(since)
    }

    /// Ends what the status has under way. An open socket is asked to close.
    fn quit(&mut self) {
        if let Status::Open { .. } = self.status {
            self.stop_timers();
            let reason = [CLOSE_REASON, " ", &self.marks.draw().text()].concat();
            self.closing = Some(reason.clone());
            #[cfg(feature = "stomp")]
            if self.say_goodbye() {
                return;
            }
            self.effects.push_back(Effect::Close(self.epoch, reason));
        } else {
            self.drop_socket();
        }
    }

    /// Ends what the status has under way. The socket is not listened to any more.
    fn drop_socket(&mut self) {
        self.stop_timers();
        if let Status::Connecting { .. } | Status::Open { .. } = self.status {
            self.effects.push_back(Effect::Disconnect);
        }
    }

    fn stop_timers(&mut self) {
        let timers: &[Timer] = match self.status {
            Status::Connecting { .. } if self.speaks_stomp() => &[Timer::Connect, Timer::Reply],
            Status::Connecting { .. } => &[Timer::Connect],
            Status::Open { .. } => &[Timer::Heartbeat, Timer::Reply, Timer::Trial],
            Status::Waiting { .. } => &[Timer::Reconnect],
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => &[],
        };
        let stops = timers.iter().map(|timer| Effect::StopTimer(*timer));
        self.effects.extend(stops);
    }

    /// A socket that was asked to close has closed so, or is not waited for any longer.
    fn finish_closing(&mut self, closure: Option<&Closure>) {
        let Some(reason) = self.closing.take() else {
            return;
        };
        #[cfg(feature = "stomp")]
        self.stops_lingering(true);
        self.effects.push_back(Effect::Disconnect);
        // Without our reason it may be the server that closed first, and that need not read what still
        // comes (RFC 6455 §5.5.1).
        let is_repeated =
            closure.is_some_and(|closure| closure.was_clean && closure.reason == reason);
        // What has read the reason may be in front of the broker.
        if is_repeated && !self.speaks_stomp() {
            self.outbox.confirm(self.outbox.taken());
        }
        self.outbox.lose();
    }

    /// What it has to be quiet for before a heartbeat is sent that the server may answer; `None` if none ever is.
    fn period(&self) -> Option<Duration> {
        self.wanted_period().filter(|_| !self.speaks_stomp())
    }

    /// Whether frames are those of STOMP.
    #[cfg_attr(
        not(feature = "stomp"),
        expect(clippy::unused_self, reason = "plain text is all it knows")
    )]
    fn speaks_stomp(&self) -> bool {
        #[cfg(feature = "stomp")]
        let speaks = self.broker.is_some();
        #[cfg(not(feature = "stomp"))]
        let speaks = false;
        speaks
    }

    fn wanted_period(&self) -> Option<Duration> {
        match self.options.heartbeat {
            Period::Every(period) => Some(period.max(SHORTEST_PERIOD)),
            Period::Auto => Some(self.silence.learned().period),
            Period::Off => None,
        }
    }

    fn restart_period(&mut self) {
        if let Some(period) = self.period() {
            let proof = self.prove_by.map(|by| by.saturating_sub(self.now));
            let wait = proof.map_or(period, |proof| period.min(proof));
            self.heartbeat.started(wait, self.now);
            self.set_timer(Timer::Heartbeat, wait);
        }
    }

    /// A message has no proof: a heartbeat is to prove it in time, where the server may answer one.
    fn await_proof(&mut self) {
        if let Some(within) = self.options.prove_within
            && self.prove_by.is_none()
            && self.period().is_some()
            && self.heartbeat.may_be_answered(self.now)
        {
            let by = self.now.saturating_add(within);
            self.prove_by = Some(by);
            if by < self.heartbeat.due() {
                self.restart_period();
            }
        }
    }

    fn set_timer(&mut self, timer: Timer, wait: Duration) {
        self.effects
            .push_back(Effect::SetTimer(self.epoch, timer, wait));
    }

    /// A server that answers nothing cannot hold up what is written.
    fn make_room_for(&mut self, bytes: usize) {
        if !self.heartbeat.is_answered(self.now) {
            self.outbox.give_up_oldest(bytes);
        }
    }

    fn queue(&mut self, message: Message) -> MessageId {
        let id = message.id;
        self.effects.push_back(Effect::Queued(message));
        id
    }

    /// Counts what the socket is handed; behind so much it is asked to drain.
    fn hand_over_to_socket(&mut self, payload: &Payload) {
        self.silence.sent(self.now);
        self.undrained_bytes += payload.len();
        if self.undrained_bytes >= BATCH_BYTES && !self.awaits_drain {
            self.awaits_drain = true;
            self.effects.push_back(Effect::AwaitDrain(self.epoch));
        }
    }

    fn next_transmit(&mut self) -> Option<Effect> {
        if self.awaits_drain || !matches!(self.status, Status::Open { .. }) {
            return None;
        }
        let (messages, bytes) = self.unasked;
        let is_half =
            messages >= self.options.outbox_limit.div_ceil(2).max(1) || bytes >= MAX_BYTES / 2;
        let is_replayed = self.replayed > 0
            && (self.replayed >= REPLAYED_BEFORE_PROOF || !self.outbox.is_repeating());
        if (is_half || is_replayed) && self.period().is_some() {
            self.beat();
            return self.effects.pop_front();
        }
        if self.outbox.awaits_proof() && self.heartbeat.is_answered(self.now) {
            return None;
        }
        if self.trial.awaits_answer {
            return None;
        }
        if self.trial.left > 0 && !self.outbox.is_suspect_next() {
            self.await_answer();
            return self.effects.pop_front();
        }
        if self.outbox.is_suspect_next() {
            let has_begun = std::mem::replace(&mut self.trial.has_begun, true);
            // A greeting may be the reason, too.
            let is_greeted = !self.options.greeting.is_empty();
            // At a STOMP server what comes before the first message was receipted.
            let is_first = !has_begun && !self.speaks_stomp();
            if is_first && (is_greeted || self.heartbeat.is_answered(self.now)) {
                self.await_answer();
                return self.effects.pop_front();
            }
            if self.trial.left == 0 {
                self.trial.left = self.trial.size();
                self.trial.rounds += 1;
            }
        }
        let message = self.outbox.take(self.now)?;
        let is_suspect = message.is_suspect();
        self.sent += u64::from(!message.is_repeat);
        // Of the latest there is one, and its proof would be another.
        let is_replay = message.is_repeat && message.guarantee == Guarantee::AtLeastOnce;
        self.replayed += u32::from(is_replay);
        self.unasked = (messages + 1, bytes + message.payload.len());
        self.protocol.note(&message.payload, self.now);
        self.hand_over_to_socket(&message.payload);
        self.await_proof();
        #[cfg(feature = "stomp")]
        self.await_receipt();
        self.effects
            .push_front(Effect::Transmit(Transmit::Message(message)));
        if is_suspect {
            self.trial.left -= 1;
            if self.trial.left == 0 {
                self.await_answer();
            }
        }
        self.effects.pop_front()
    }

    /// Asks whether the connection lives, and sends no message before the answer, or for a while.
    fn await_answer(&mut self) {
        self.trial.left = 0;
        self.trial.awaits_answer = true;
        if self.period().is_some() {
            self.beat();
        }
        self.set_timer(Timer::Trial, TRIAL);
    }
}
