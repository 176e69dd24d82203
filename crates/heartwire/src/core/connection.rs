//! The connection's state machine.

mod effect;
mod ending;
mod heartbeats;
mod input;
mod receiving;
mod sending;
mod status;
#[cfg(feature = "stomp")]
mod stomp;

use std::{collections::VecDeque, time::Duration};

#[cfg(feature = "stomp")]
use super::protocol::PayloadRef;
use super::{
    backoff::Backoff,
    heartbeat::{Heartbeat, Knowledge, Period},
    mark::Marks,
    outbox::{Full, Guarantee, Message, MessageId, Outbox},
    plain_text::PlainText,
    protocol::{Transmit, Trust},
    reach::Locality,
    silence::{Drops, Learned, Silence},
};
use crate::{Options, Payload};
use sending::Trial;

pub use effect::Effect;
pub use ending::CLOSE_REASON;
pub use input::{Closure, Destination, Epoch, Input, Refusal, Timer};
pub use sending::BATCH_BYTES;
pub use status::{Loss, Status};

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
    /// Bytes handed to the socket since it was last known to have drained.
    undrained_bytes: usize,
    awaits_drain: bool,
    /// Messages, and their bytes, handed to the socket since the last heartbeat.
    unasked: (usize, usize),
    /// Of these, messages that a lost connection had taken before.
    replayed: u32,
    /// When a heartbeat is due, whatever comes in: something was sent that has no proof.
    prove_by: Option<Duration>,
    /// Since when answers are counted, and how many were asked for.
    answered: (Duration, u32),
    last_typed: String,
    last_loss: Option<Loss>,
    /// A new start was made since the last loss.
    is_started_anew: bool,
    /// When the last open connection was lost; until it is made good, or a new start is made.
    lost_at: Option<Duration>,
    sent: u64,
    received: u64,
    reconnects: u64,
}

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
            is_started_anew: false,
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

    /// The options that hold from the next [`Input::Open`] on.
    pub(crate) fn next_options(&self) -> &Options {
        self.next_options.as_ref().unwrap_or(&self.options)
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

    /// The connection or attempt that ended last without being stopped, since [`Input::Open`].
    #[must_use]
    pub fn last_loss(&self) -> Option<&Loss> {
        self.last_loss.as_ref().filter(|_| !self.is_started_anew)
    }

    /// The connection or attempt with this server that ended last without being stopped, if none was open since.
    pub(crate) fn last_end(&self) -> Option<&Loss> {
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
                let opened = self.note_outage(self.now);
                self.start_over_if_stable(opened, self.now);
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
        self.is_started_anew = true;
        self.lost_at = None;
        // What was sent waits again before another server is known, with whose predecessor it is forgotten.
        self.finish_closing(None);
        let mut is_distrusted = destination.is_distrusted;
        if let Some(options) = self.next_options.take() {
            // The same words of the same server are as little worth with another option.
            is_distrusted |= self.protocol.trust() == Trust::Withdrawn
                && !(destination.is_new || destination.speaks_otherwise)
                && options.replies() == self.options.replies();
            self.heartbeat = Heartbeat::new(&options);
            self.protocol = PlainText::new(&options);
            self.outbox.limit(options.outbox_limit);
            self.options = options;
        }
        #[cfg(feature = "stomp")]
        self.configure_stomp(destination.is_new);
        self.backoff
            .restart(self.options.ceilings(destination.locality));
        if destination.is_new || self.epoch == Epoch::default() {
            self.silence = Silence::new(destination.learned);
        }
        if destination.is_new {
            self.last_loss = None;
            self.outbox.forget_server();
            self.heartbeat.forget();
            self.protocol = PlainText::new(&self.options);
        } else if destination.speaks_otherwise {
            self.heartbeat.forget();
            self.protocol = PlainText::new(&self.options);
        }
        if is_distrusted {
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
        self.answered = (now, 0);
        self.replayed = 0;
        self.prove_by = None;
        self.trial = Trial::default();
        self.protocol.reset();
        self.heartbeat.opened(now);
        self.silence.opened(now);
        self.effects.push_back(Effect::StopTimer(Timer::Connect));
        #[cfg(feature = "stomp")]
        if self.speaks_stomp() {
            self.watch_anew();
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

    fn wait(&mut self, delay: Duration) {
        self.status = Status::Waiting {
            since: self.now,
            until: self.now + delay,
        };
        self.set_timer(Timer::Reconnect, delay);
    }

    /// Waits for the short delay after an event that only this client knows of.
    fn wait_a_moment(&mut self) {
        let delay = self.backoff.local_delay();
        self.wait(delay);
    }

    /// Cuts a wait to the short delay after an event that only this client knows of.
    fn hurry(&mut self) {
        if let Status::Waiting { until, .. } = self.status {
            let delay = self.backoff.local_delay();
            if self.now + delay < until {
                self.wait(delay);
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
}
