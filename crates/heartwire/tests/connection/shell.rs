//! A shell without a browser: performs every effect at once, and checks that it is allowed.

use std::{collections::HashMap, time::Duration};

use heartwire::{
    Options,
    core::{
        connection::{Closure, Connection, Destination, Effect, Epoch, Input, Status, Timer},
        heartbeat::Knowledge,
        outbox::{
            Guarantee::{self, AtLeastOnce, AtMostOnce, Latest},
            Message, MessageId, Origin,
        },
        protocol::{Frame, PayloadRef, Transmit},
        reach::Locality,
    },
};

/// A shell without a browser: performs every effect at once and checks that it is allowed.
pub(super) struct Shell {
    pub(super) connection: Connection,
    pub(super) now: Duration,
    pub(super) socket: Option<Epoch>,
    pub(super) ready_state: ReadyState,
    /// When each timer that runs expires, and how long it was set for.
    pub(super) timers: HashMap<Timer, (Duration, Duration)>,
    pub(super) wire: Vec<Transmit>,
    /// How much of the wire the server has read, or lost with its connection.
    read: usize,
    /// The messages that the server has read.
    pub(super) arrived: Vec<String>,
    pub(super) shown: Vec<String>,
    pub(super) typed: Vec<String>,
    /// Takes nothing more, and closes with this code.
    pub(super) refuses: Option<u16>,
    /// A `close` is to follow what the socket did not take.
    is_dying: bool,
    pub(super) drains: bool,
    /// The reason that the socket was given to close.
    pub(super) reason: String,
    resend: Resend,
}

/// The state of the shell's socket, if it has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ReadyState {
    Connecting,
    Open,
    Closing,
}

/// What is sent again: all, the newest typed text, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resend {
    Every,
    Latest,
    Off,
}

impl Shell {
    pub(super) fn open(options: Options) -> Self {
        let mut shell = Self::new(options);
        shell.input(open());
        shell.socket_opens();
        shell
    }

    pub(super) fn new(options: Options) -> Self {
        Self::seeded(options, [1, 2])
    }

    /// Open, and its server has answered a heartbeat at once.
    pub(super) fn answered() -> Self {
        Self::answered_with(options())
    }

    pub(super) fn answered_with(options: Options) -> Self {
        let mut shell = Self::open(options);
        shell.advance(30_000);
        shell.receive("heartbeat");
        shell.take_wire();
        shell
    }

    pub(super) fn seeded(options: Options, seed: [u64; 2]) -> Self {
        Self {
            connection: Connection::new(options, seed),
            now: Duration::from_secs(1_000),
            socket: None,
            ready_state: ReadyState::Connecting,
            timers: HashMap::new(),
            wire: Vec::new(),
            read: 0,
            arrived: Vec::new(),
            shown: Vec::new(),
            typed: Vec::new(),
            refuses: None,
            is_dying: false,
            drains: true,
            reason: String::new(),
            resend: Resend::Latest,
        }
    }

    pub(super) fn resends(mut self, resend: Resend) -> Self {
        self.resend = resend;
        self
    }

    pub(super) fn input(&mut self, input: Input) {
        self.connection.handle_input(input, self.now);
        self.drain();
    }

    pub(super) fn type_text(&mut self, text: &str) {
        let guarantee = self.resend.guarantee(Origin::Typed);
        self.connection.type_text(text.into(), guarantee, self.now);
        self.drain();
    }

    /// Sends on purpose what there is room for.
    pub(super) fn send(&mut self, text: &str, guarantee: Guarantee) {
        let sent = self.connection.send(text, guarantee, self.now);
        assert!(sent.is_ok(), "{sent:?}");
        self.drain();
    }

    pub(super) fn receive(&mut self, text: &str) {
        let epoch = self.connection.epoch();
        self.input(Input::Received(epoch, Frame::Text(text.into())));
    }

    /// Lets the server read what is on the wire, and answer the heartbeats in it.
    pub(super) fn answer(&mut self) {
        while let Some(transmit) = self.wire.get(self.read).cloned() {
            self.read += 1;
            match transmit {
                Transmit::Message(message) => self.arrived.push(text(&message)),
                Transmit::Heartbeat(text) => self.receive(&text),
                Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => {}
            }
            self.check_proofs();
        }
    }

    /// No more is said to be confirmed than has arrived.
    fn check_proofs(&self) {
        let distinct: std::collections::HashSet<_> = self.arrived.iter().collect();
        let confirmed = self.connection.outbox().delivery().confirmed;
        assert!(confirmed <= distinct.len() as u64, "{confirmed} confirmed");
    }

    /// Connects to a server that reads everything.
    pub(super) fn settle(&mut self) {
        self.refuses = None;
        self.drains = true;
        self.bring_up();
        for _ in 0..20 {
            let epoch = self.connection.epoch();
            self.input(Input::Drained(epoch));
            self.answer();
            // As long as a text is waited for that may end connections.
            self.advance(3_000);
        }
        self.answer();
    }

    /// Lets a server read what is on the wire which drops the connection at a text that begins with
    /// `bad`, and comes back at once. It answers heartbeats or does not.
    pub(super) fn is_read_by_a_server_that_drops_the_bad(
        &mut self,
        answers: bool,
        sent: &mut HashMap<String, u32>,
    ) {
        if self.status() == "waiting" {
            self.reconnect();
        }
        while let Some(transmit) = self.wire.get(self.read).cloned() {
            self.read += 1;
            match transmit {
                Transmit::Message(message) => {
                    *sent.entry(text(&message)).or_default() += 1;
                    if text(&message).starts_with("bad") {
                        self.socket_closes(1006);
                        return;
                    }
                    self.arrived.push(text(&message));
                }
                Transmit::Heartbeat(text) if answers => self.receive(&text),
                Transmit::Heartbeat(_)
                | Transmit::Greeting(_)
                | Transmit::Answer(_)
                | Transmit::Control(_) => {}
            }
        }
    }

    pub(super) fn knowledge(&self) -> Knowledge {
        self.connection.heartbeat().knowledge(self.now)
    }

    pub(super) fn socket_opens(&mut self) {
        if self.status() == "connecting" {
            self.ready_state = ReadyState::Open;
        }
        let epoch = self.connection.epoch();
        self.input(Input::Opened(epoch));
    }

    pub(super) fn socket_closes(&mut self, code: u16) {
        if code == 1000 && self.ready_state == ReadyState::Closing {
            // The server has read everything up to our close, and answered that.
            let unread = self.wire[self.read..].iter().cloned();
            self.arrived.extend(unread.filter_map(message_text));
            self.read = self.wire.len();
        }
        let repeats = code == 1000 && self.ready_state == ReadyState::Closing;
        let closure = Closure {
            code,
            reason: if repeats {
                self.reason.clone()
            } else {
                String::new()
            },
            was_clean: code != 1006,
        };
        let epoch = self.connection.epoch();
        self.input(Input::Closed(epoch, closure));
    }

    pub(super) fn reconnect_attempt(&mut self) {
        let (due, _) = self.timers[&Timer::Reconnect];
        self.advance_by(due.saturating_sub(self.now));
    }

    pub(super) fn reconnect(&mut self) {
        self.reconnect_attempt();
        self.socket_opens();
    }

    fn bring_up(&mut self) {
        self.input(Input::Returned);
        self.input(open());
        self.socket_opens();
    }

    pub(super) fn advance(&mut self, millis: u64) {
        self.advance_by(Duration::from_millis(millis));
    }

    /// Lets the time pass, and every timer expire that is due by then, in order.
    pub(super) fn advance_by(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((&timer, &(due, period))) = self
            .timers
            .iter()
            .filter(|(_, (due, _))| *due <= end)
            .min_by_key(|(_, (due, _))| *due)
        {
            self.now = due.max(self.now);
            match timer {
                Timer::Heartbeat => self.timers.insert(timer, (due + period, period)),
                Timer::Connect | Timer::Reply | Timer::Reconnect | Timer::Trial => {
                    self.timers.remove(&timer)
                }
            };
            let epoch = self.connection.epoch();
            self.input(Input::TimerExpired(epoch, timer));
        }
        self.now = end;
    }

    pub(super) fn drain(&mut self) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(effect) {
                self.connection.handle_input(input, self.now);
            }
        }
        if let Some(code) = self.refuses
            && std::mem::take(&mut self.is_dying)
        {
            self.socket_closes(code);
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Connect(epoch) => {
                assert_eq!(self.socket, None, "two sockets");
                assert_eq!(epoch, self.connection.epoch());
                self.socket = Some(epoch);
            }
            Effect::Close(epoch, reason) => {
                self.reason = reason;
                assert_eq!(self.socket, Some(epoch), "no socket to close");
                self.ready_state = ReadyState::Closing;
            }
            Effect::Disconnect => {
                assert!(self.socket.take().is_some(), "no socket to drop");
                self.ready_state = ReadyState::Connecting;
                // What the server has not read yet never arrives.
                self.read = self.wire.len();
            }
            Effect::Transmit(transmit) => {
                assert_eq!(
                    self.ready_state,
                    ReadyState::Open,
                    "{transmit:?} without an open socket"
                );
                if self.refuses.is_some() {
                    self.is_dying = true;
                    return Some(Input::NotTaken(self.connection.epoch(), transmit));
                }
                self.wire.push(transmit);
            }
            Effect::AwaitDrain(epoch) => return self.drains.then_some(Input::Drained(epoch)),
            Effect::Deliver(Frame::Text(text)) => self.shown.push(text),
            Effect::Deliver(Frame::Binary { .. })
            | Effect::Note(..)
            | Effect::Queued(_)
            | Effect::Settled(..)
            | Effect::Head(_)
            | Effect::Distrust => {}
            Effect::SetTimer(epoch, timer, period) => {
                assert_eq!(epoch, self.connection.epoch());
                let due = self.now.saturating_add(period);
                self.timers.insert(timer, (due, period));
            }
            Effect::StopTimer(timer) => {
                self.timers.remove(&timer);
            }
        }
        None
    }

    pub(super) fn take_wire(&mut self) -> Vec<String> {
        let texts = self.wire.iter().map(|transmit| match transmit.payload() {
            PayloadRef::Text(text) => text.to_owned(),
            PayloadRef::Binary(bytes) => format!("{bytes:?}"),
        });
        let texts = texts.collect();
        self.wire.clear();
        self.read = 0;
        texts
    }

    /// How many messages are queued, sent, answered or confirmed, and unconfirmed.
    pub(super) fn states(&self) -> [u64; 4] {
        let delivery = self.connection.outbox().delivery();
        [
            delivery.queued as u64,
            delivery.sent as u64,
            delivery.answered + delivery.confirmed,
            delivery.unconfirmed,
        ]
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.wire.iter().cloned().filter_map(message_text).collect()
    }

    pub(super) fn status(&self) -> &'static str {
        match self.connection.status() {
            Status::Idle => "idle",
            Status::Connecting { .. } => "connecting",
            Status::Open { .. } => "open",
            Status::Waiting { .. } => "waiting",
            Status::Away => "away",
            Status::Stopped => "stopped",
            Status::GaveUp => "gave up",
            Status::TurnedAway => "turned away",
            Status::Refused(_) => "refused",
        }
    }
}

impl Resend {
    fn guarantee(self, origin: Origin) -> Guarantee {
        match (self, origin) {
            (Self::Every, _) => AtLeastOnce,
            (Self::Latest, Origin::Typed) => Latest,
            (Self::Latest, Origin::Sent) | (Self::Off, _) => AtMostOnce,
        }
    }
}

/// Without heartbeats that only a message causes.
pub(super) fn options() -> Options {
    Options::new().prove_within(None)
}

pub(super) fn open() -> Input {
    open_at(Locality::Loopback)
}

pub(super) fn open_at(locality: Locality) -> Input {
    Input::Open(Destination {
        locality,
        is_new: false,
        speaks_otherwise: false,
        learned: None,
        is_distrusted: false,
    })
}

/// Somewhere far away.
pub(super) fn destination(is_new: bool, is_distrusted: bool) -> Input {
    Input::Open(Destination {
        locality: Locality::Remote,
        is_new,
        speaks_otherwise: false,
        learned: None,
        is_distrusted,
    })
}

/// Everything that a dead socket or an old timer can still send.
pub(super) fn late_inputs(epoch: Epoch) -> Vec<Input> {
    let message = Message {
        id: MessageId::default(),
        payload: "late".into(),
        origin: Origin::Typed,
        guarantee: AtLeastOnce,
        is_repeat: false,
        ends: 0,
        name: None,
    };
    vec![
        Input::Opened(epoch),
        Input::Received(epoch, Frame::Text("late".into())),
        Input::Closed(epoch, Closure::abnormal()),
        Input::NotTaken(epoch, Transmit::Message(message)),
        Input::Drained(epoch),
        Input::TimerExpired(epoch, Timer::Connect),
        Input::TimerExpired(epoch, Timer::Heartbeat),
        Input::TimerExpired(epoch, Timer::Reply),
        Input::TimerExpired(epoch, Timer::Reconnect),
        Input::TimerExpired(epoch, Timer::Trial),
    ]
}

fn message_text(transmit: Transmit) -> Option<String> {
    match transmit {
        Transmit::Message(message) => Some(text(&message)),
        Transmit::Heartbeat(_)
        | Transmit::Greeting(_)
        | Transmit::Answer(_)
        | Transmit::Control(_) => None,
    }
}

pub(super) fn text(message: &Message) -> String {
    message.payload.text().unwrap_or_default().into()
}
