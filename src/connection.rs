//! The connection's state machine.

use std::{collections::VecDeque, time::Duration};

use crate::{
    address::Locality,
    backoff::Backoff,
    heartbeat::Heartbeat,
    outbox::{Full, Outbox},
    protocol::{Frame, Meaning, PlainText, Transmit},
    settings::Settings,
};

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
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Timer {
    /// When to give up on the handshake.
    Connect,
    /// When to send a heartbeat; repeats until stopped.
    Heartbeat,
    /// When to try again.
    Reconnect,
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closure {
    /// The close code of RFC 6455 §7.4.
    pub code: u16,
    /// What the server gave as its reason: anybody's text.
    pub reason: String,
}

impl Closure {
    /// An end without a close frame: 1006.
    #[must_use]
    pub fn abnormal() -> Self {
        Self {
            code: 1006,
            reason: String::new(),
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
}

/// What happened outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The user or the application wants a connection.
    Open(Locality),
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
    /// The socket closed, could not be made or was found dead.
    Closed(Epoch, Closure),
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
    /// Drop the socket: detach every handler, then close it with 1000. None of its events matter
    /// any more, so nothing waits for its `close`, which can take a minute.
    Disconnect,
    /// Hand this to the socket. If it does not take it, answer with [`Input::NotTaken`] and let an
    /// [`Input::Closed`] follow soon, with the socket's own code if it tells one.
    Transmit(Transmit),
    /// Answer with [`Input::Drained`] as soon as the socket's `bufferedAmount` is below
    /// [`BATCH_BYTES`].
    AwaitDrain(Epoch),
    /// Show this message.
    Deliver(Frame),
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
}

/// One connection to one server, kept alive.
///
/// **After every call that changes it, drain [`poll_effect`](Self::poll_effect) until `None`.**
///
/// The methods fall into four classes: [`handle_input`](Self::handle_input) takes what happened;
/// [`send`](Self::send) and [`type_text`](Self::type_text) are the application's commands;
/// `poll_effect` gives what to do; the rest are getters. Time is an argument: how long it has been
/// since an origin that the caller chooses once.
#[derive(Debug)]
pub struct Connection {
    settings: Settings,
    status: Status,
    epoch: Epoch,
    backoff: Backoff,
    heartbeat: Heartbeat,
    protocol: PlainText,
    outbox: Outbox,
    effects: VecDeque<Effect>,
    /// Text handed to the socket since it was last known to have drained.
    undrained_bytes: usize,
    awaits_drain: bool,
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

impl Connection {
    /// Makes a connection that is not asked for yet. The seed decides every random delay.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            status: Status::Idle,
            epoch: Epoch::default(),
            backoff: Backoff::new(settings.ceilings(Locality::Remote), seed),
            heartbeat: Heartbeat::new(&settings),
            protocol: PlainText::new(&settings),
            outbox: Outbox::new(settings.outbox_limit),
            settings,
            effects: VecDeque::new(),
            undrained_bytes: 0,
            awaits_drain: false,
            last_typed: String::new(),
            last_loss: None,
            lost_at: None,
            sent: 0,
            received: 0,
            reconnects: 0,
        }
    }

    /// Takes what happened, and when. An event of an older epoch changes nothing.
    pub fn handle_input(&mut self, input: Input, now: Duration) {
        if input.epoch().is_some_and(|epoch| epoch != self.epoch) {
            return;
        }
        match (self.status, input) {
            (
                Status::Idle
                | Status::Waiting { .. }
                | Status::Stopped
                | Status::GaveUp
                | Status::TurnedAway,
                Input::Open(locality),
            ) => {
                // A new start, perhaps with another server.
                self.last_loss = None;
                self.lost_at = None;
                self.backoff.restart(self.settings.ceilings(locality));
                self.connect(now);
            }
            (Status::Connecting { .. }, Input::Opened(_)) => self.opened(now),
            (Status::Connecting { .. }, Input::TimerExpired(_, Timer::Connect)) => {
                self.lose(Closure::abnormal(), now);
            }
            (Status::Connecting { .. } | Status::Open { .. }, Input::Closed(_, closure)) => {
                self.lose(closure, now);
            }
            (Status::Open { .. }, Input::Received(_, frame)) => self.receive(frame, now),
            (Status::Open { .. }, Input::TimerExpired(_, Timer::Heartbeat)) => self.beat(now),
            (Status::Open { .. }, Input::Drained(_)) => {
                self.undrained_bytes = 0;
                self.awaits_drain = false;
            }
            (Status::Open { .. }, Input::NotTaken(_, transmit)) => self.take_back(transmit),
            (Status::Waiting { .. }, Input::TimerExpired(_, Timer::Reconnect)) => {
                self.connect(now);
            }
            (Status::Waiting { until, .. }, Input::Retry | Input::Woke) => {
                let delay = self.backoff.local_delay();
                if now + delay < until {
                    self.wait(delay, now);
                }
            }
            (
                Status::Connecting { .. } | Status::Open { .. } | Status::Waiting { .. },
                Input::Left,
            ) => self.leave(now),
            (Status::Away, Input::Returned | Input::Woke) => {
                let delay = self.backoff.local_delay();
                self.wait(delay, now);
            }
            (
                Status::Connecting { .. }
                | Status::Open { .. }
                | Status::Waiting { .. }
                | Status::Away,
                Input::Close,
            ) => self.stop(),
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
                | Input::NotTaken(..)
                | Input::Drained(_)
                | Input::TimerExpired(..),
            ) => {}
        }
    }

    /// Sends the whole content of the input field after a change; an unchanged one is not sent.
    pub fn type_text(&mut self, text: String) {
        if text == self.last_typed {
            return;
        }
        self.last_typed.clone_from(&text);
        self.outbox.push_typed(text);
    }

    /// Sends a message on purpose.
    ///
    /// # Errors
    ///
    /// Hands the text back when the outbox is full.
    pub fn send(&mut self, text: String) -> Result<(), Full> {
        self.outbox.push_sent(text)
    }

    /// What to do next; call it until `None` after every other call.
    #[must_use]
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects
            .pop_front()
            .or_else(|| self.transmit_next().map(Effect::Transmit))
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

    /// Messages that wait to be sent.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The heartbeat's measurements.
    #[must_use]
    pub fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// The connection or attempt that ended last without being stopped.
    #[must_use]
    pub fn last_loss(&self) -> Option<&Loss> {
        self.last_loss.as_ref()
    }

    /// Messages handed to a socket, heartbeats not counted.
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

    fn connect(&mut self, now: Duration) {
        self.quit();
        self.epoch = self.epoch.next();
        self.status = Status::Connecting { since: now };
        self.effects.extend([
            Effect::Connect(self.epoch),
            Effect::SetTimer(self.epoch, Timer::Connect, self.settings.connect_timeout),
        ]);
    }

    fn opened(&mut self, now: Duration) {
        let outage = self
            .lost_at
            .take()
            .map(|lost_at| now.saturating_sub(lost_at));
        self.reconnects += u64::from(outage.is_some());
        self.status = Status::Open { since: now, outage };
        self.last_loss = None;
        self.undrained_bytes = 0;
        self.awaits_drain = false;
        self.protocol.reset();
        self.effects.push_back(Effect::StopTimer(Timer::Connect));
        let period = self.heartbeat.opened(now);
        self.set_heartbeat(period);
    }

    fn receive(&mut self, frame: Frame, now: Duration) {
        let period = self.heartbeat.received(now);
        self.set_heartbeat(period);
        match self.protocol.meaning(&frame) {
            Meaning::Message => {
                self.received += 1;
                self.effects.push_back(Effect::Deliver(frame));
            }
            Meaning::Reply { sent } => self.heartbeat.replied(sent, now),
            Meaning::ServerHeartbeat => {}
        }
    }

    fn beat(&mut self, now: Duration) {
        if self.heartbeat.is_due(now) {
            self.heartbeat.sent();
            let heartbeat = self.protocol.heartbeat(now);
            self.effects.push_back(Effect::Transmit(heartbeat));
        }
    }

    /// Keeps what a dying socket did not take, and gives it no more.
    fn take_back(&mut self, transmit: Transmit) {
        self.awaits_drain = true;
        match transmit {
            Transmit::Message(message) => {
                self.sent -= 1;
                self.outbox.put_back(message);
            }
            Transmit::Heartbeat(_) => {}
        }
    }

    fn lose(&mut self, closure: Closure, now: Duration) {
        let opened = self.note_outage(now);
        if opened.is_some_and(|since| now.saturating_sub(since) >= self.settings.stable_after) {
            self.backoff.reset();
        }
        self.quit();
        let code = closure.code;
        self.last_loss = Some(Loss {
            closure,
            was_open: opened.is_some(),
        });
        if self.settings.final_codes.contains(&code) {
            self.status = Status::TurnedAway;
        } else if self.may_retry() {
            let delay = self.backoff.next_delay();
            self.wait(delay, now);
        } else {
            self.status = Status::GaveUp;
        }
    }

    fn may_retry(&self) -> bool {
        let limit = self.settings.retry_limit.unwrap_or(u32::MAX);
        self.settings.retry && self.backoff.attempt() < limit
    }

    fn wait(&mut self, delay: Duration, now: Duration) {
        self.status = Status::Waiting {
            since: now,
            until: now + delay,
        };
        self.effects
            .push_back(Effect::SetTimer(self.epoch, Timer::Reconnect, delay));
    }

    fn leave(&mut self, now: Duration) {
        self.note_outage(now);
        self.quit();
        self.status = Status::Away;
    }

    fn stop(&mut self) {
        self.quit();
        self.status = Status::Stopped;
    }

    /// Notes that an open connection ends; returns since when it was open.
    fn note_outage(&mut self, now: Duration) -> Option<Duration> {
        let Status::Open { since, .. } = self.status else {
            return None;
        };
        self.lost_at = Some(now);
        Some(since)
    }

    /// Drops the socket and the timer that the status has.
    fn quit(&mut self) {
        let (timer, has_socket) = match self.status {
            Status::Connecting { .. } => (Timer::Connect, true),
            Status::Open { .. } => (Timer::Heartbeat, true),
            Status::Waiting { .. } => (Timer::Reconnect, false),
            Status::Idle | Status::Away | Status::Stopped | Status::GaveUp | Status::TurnedAway => {
                return;
            }
        };
        self.effects.push_back(Effect::StopTimer(timer));
        if has_socket {
            self.effects.push_back(Effect::Disconnect);
        }
    }

    fn set_heartbeat(&mut self, period: Option<Duration>) {
        if let Some(period) = period {
            self.effects
                .push_back(Effect::SetTimer(self.epoch, Timer::Heartbeat, period));
        }
    }

    fn transmit_next(&mut self) -> Option<Transmit> {
        if self.awaits_drain || !matches!(self.status, Status::Open { .. }) {
            return None;
        }
        let message = self.outbox.take()?;
        self.sent += 1;
        self.protocol.note(&message);
        self.undrained_bytes += message.text.len();
        if self.undrained_bytes >= BATCH_BYTES {
            self.awaits_drain = true;
            self.effects.push_back(Effect::AwaitDrain(self.epoch));
        }
        Some(Transmit::Message(message))
    }
}
