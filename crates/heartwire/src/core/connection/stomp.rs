//! What a connection does whose server speaks STOMP.

use std::time::Duration;

use super::{Closure, Connection, Effect, Input, Refusal, Status, Timer, sending::TRIAL};
use crate::{
    Options, Payload,
    core::{
        heartbeat::{Knowledge, is_late},
        outbox::Limit,
        protocol::{Control, Frame, Meaning, PayloadRef, Transmit},
        stomp::{Heard, Session, Step, longest_message},
    },
};

/// The server, and when it was spoken to.
#[derive(Clone, Debug)]
pub(super) struct Broker {
    session: Session,
    /// When something was sent last.
    said: Duration,
    /// When the subscription was sent whose receipt has not come.
    subscribed: Option<Duration>,
    /// How long such a receipt is waited for, once one has not come in time.
    receipt_wait: Option<Duration>,
    /// When it is looked whether the server is there.
    judged: Option<Duration>,
    /// Whether the connection is to be closed, but for receipts that are still to come.
    lingers: bool,
    /// Whether the server has taken a message for the destination: connections that end behind another one do not
    /// end because of the destination.
    destination_works: bool,
    /// Whether this connection has brought a receipt of a message.
    had_receipt: bool,
    /// What it said was wrong.
    error: Option<String>,
}

impl Broker {
    /// The server that the options name, if it speaks STOMP.
    fn of(options: &Options) -> Option<Self> {
        Some(Self {
            session: Session::new(options.stomp.as_ref()?),
            said: Duration::ZERO,
            subscribed: None,
            receipt_wait: None,
            judged: None,
            lingers: false,
            destination_works: false,
            had_receipt: false,
            error: None,
        })
    }
}

impl Connection {
    /// How far a connection to a STOMP server has come; `None` where plain text is spoken.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        Some(self.broker.as_ref()?.session.step())
    }

    /// Where a stream goes on, once that is known: see [`Stomp::offset`](crate::Stomp::offset).
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.broker.as_ref()?.session.offset()
    }

    /// What the server never takes, however empty the outbox is: the next one, as long as none is connected to.
    #[must_use]
    pub fn limit_of(&self, payload: PayloadRef<'_>) -> Option<Limit> {
        limit_of_stomp(payload, self.max_message()?)
    }

    /// How many bytes a message may have, if that server takes texts alone: it speaks STOMP.
    #[must_use]
    pub fn max_message(&self) -> Option<usize> {
        let is_over = matches!(
            self.status,
            Status::Idle
                | Status::Stopped
                | Status::GaveUp
                | Status::TurnedAway
                | Status::Refused(_)
        );
        let options = self.next_options.as_ref().filter(|_| is_over);
        let options = options.unwrap_or(&self.options);
        options.stomp.as_ref().map(longest_message)
    }

    /// Takes what means something else where STOMP is spoken, and hands back what does not.
    pub(super) fn handle_input_of_stomp(&mut self, input: Input) -> Option<Input> {
        if self.broker.is_none() {
            return Some(input);
        }
        match (self.status, input) {
            (Status::Connecting { .. }, Input::Opened(_)) => self.log_in(),
            (_, Input::Received(_, frame)) => self.hear(&frame),
            (
                Status::Connecting { .. } | Status::Open { .. },
                Input::TimerExpired(_, Timer::Heartbeat),
            ) => self.ring_stomp(),
            (_, Input::TimerExpired(_, Timer::Reply)) => self.judge_stomp(),
            (Status::Open { .. }, Input::Woke) => self.wake(),
            (_, input) => {
                if input == Input::Close {
                    self.linger();
                }
                return Some(input);
            }
        }
        None
    }

    /// The frame around a message.
    pub(super) fn stomp_frame(&self, transmit: &Transmit) -> Option<String> {
        match (transmit, &self.broker) {
            (Transmit::Message(message), Some(broker)) => Some(broker.session.carry(message)),
            _ => None,
        }
    }

    /// Other options hold, or another server is meant.
    pub(super) fn configure_stomp(&mut self, is_new: bool) {
        let is_same = match (&mut self.broker, &self.options.stomp) {
            (Some(broker), Some(settings)) if !is_new => {
                let is_same = broker.session.configure(settings);
                broker.destination_works &= is_same;
                is_same
            }
            (before, settings) => {
                let is_same = before.is_none() && settings.is_none();
                self.broker = Broker::of(&self.options);
                is_same
            }
        };
        if !is_same {
            // What was sent to somebody is for nobody else.
            self.outbox.forget_server();
        }
        self.set_aside_what_stomp_cannot_carry();
        // Who knows how a message will be called can have it taken for a repeat.
        let key = self.marks.key();
        self.outbox
            .name_messages(self.broker.is_some().then_some(key));
    }

    /// What waits may come from before STOMP was to be spoken.
    pub(super) fn set_aside_what_stomp_cannot_carry(&mut self) {
        if let Some(most) = self.options.stomp.as_ref().map(longest_message) {
            let is_carried = |payload: &Payload| limit_of_stomp(payload.into(), most).is_none();
            self.outbox.set_aside_unless(&is_carried);
        }
    }

    /// A socket is about to be made.
    pub(super) fn reset_stomp(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.session.reset();
            broker.judged = None;
            broker.lingers = false;
            broker.had_receipt = false;
            broker.subscribed = None;
        }
    }

    /// The socket is open. The server has no time-out for what follows: that of the handshake holds for all of it.
    fn log_in(&mut self) {
        let period = self.wanted_period();
        // No silence is over that was before this connection.
        self.silence.opened(self.now);
        let Some(broker) = &mut self.broker else {
            return;
        };
        match broker.session.greet(period) {
            Ok(connect) => self.say(connect),
            Err(refusal) => self.refuse(refusal, Closure::abnormal()),
        }
    }

    /// Messages pass from now on: looks after their receipts and the server's heart-beats.
    pub(super) fn watch_anew(&mut self) {
        self.effects.push_back(Effect::StopTimer(Timer::Reply));
        if let Some(broker) = &mut self.broker {
            broker.judged = None;
        }
        self.watch();
    }

    /// Takes what came.
    fn hear(&mut self, frame: &Frame) {
        let now = self.now;
        let Some(broker) = &mut self.broker else {
            return;
        };
        let heard = match frame {
            Frame::Text(text) => broker.session.hear(text),
            // Of bytes that are text the text comes here.
            Frame::Binary { .. } => vec![Heard::Foreign],
        };
        let is_heard = |status| matches!(status, Status::Connecting { .. } | Status::Open { .. });
        if is_heard(self.status) {
            let _ = self.heartbeat.heard(now);
            self.silence.received(now);
        }
        for heard in heard {
            if let Heard::Receipt(number) = heard {
                self.take_receipt(number);
            } else if is_heard(self.status) {
                self.take(heard);
            }
        }
        self.end_lingering(false);
    }

    /// Whether the first message of this connection waits for its receipt, and all others for that. RabbitMQ drops what
    /// it is sent for a queue whose leader has just died, tells nobody, and gives the receipts of what it dropped with
    /// that of the next message which it takes (3.10.8: some 30 messages after a killed node, in 3 of 9 runs).
    pub(super) fn awaits_first_receipt(&self) -> bool {
        let is_first = |broker: &Broker| !broker.had_receipt;
        self.broker.as_ref().is_some_and(is_first)
            && self.heartbeat.has_answered()
            && self.outbox.sent_count() > 0
    }

    /// A message was handed to the socket.
    pub(super) fn await_receipt(&mut self) {
        if let Some(broker) = &mut self.broker {
            broker.said = self.now;
            self.heartbeat.asked(self.now);
            self.watch();
        }
    }

    /// The heartbeat's timer expired.
    fn ring_stomp(&mut self) {
        let Some(broker) = &self.broker else {
            return;
        };
        let Some(after) = broker.session.beats_after() else {
            return;
        };
        let left = (broker.said + after).saturating_sub(self.now);
        if left <= MOMENT {
            self.beat_stomp();
            self.set_timer(Timer::Heartbeat, after);
        } else {
            self.set_timer(Timer::Heartbeat, left);
        }
    }

    /// The machine may have slept: the server hears at once that somebody is there.
    fn wake(&mut self) {
        let beats = |broker: &Broker| broker.session.beats_after().is_some();
        if self
            .broker
            .as_ref()
            .is_some_and(|broker| beats(broker) && is_late(broker.said, self.now))
        {
            self.beat_stomp();
        }
    }

    /// It is time to look whether the server is there.
    fn judge_stomp(&mut self) {
        let now = self.now;
        let Some(broker) = &mut self.broker else {
            return;
        };
        let was_late = broker
            .judged
            .take()
            .is_some_and(|judged| is_late(judged, now));
        if let Status::Connecting { .. } = self.status
            && broker.session.step() == Step::Subscription
        {
            // It sends no receipts.
            broker.receipt_wait = Some(SHORT);
            broker.session.take_for_subscribed();
            self.opened();
        } else if !matches!(self.status, Status::Open { .. }) {
            self.end_lingering(true);
        } else if was_late {
            // The machine slept, and what came meanwhile is still to be read.
            let patience = broker.session.patience().map(|patience| patience / 2);
            self.judge_after(patience.unwrap_or(LINGER));
        } else if self.stomp_due().is_some_and(|(due, _)| due <= now) {
            self.give_up_on_server();
        } else {
            self.watch();
        }
    }

    /// An open connection is to be closed, and receipts are still to come.
    fn linger(&mut self) {
        if let (Status::Open { .. }, Some(broker)) = (self.status, &mut self.broker) {
            broker.lingers = self.outbox.sent_count() > 0 && self.heartbeat.has_answered();
        }
    }

    /// Says that the connection ends; returns whether something is waited for before.
    pub(super) fn say_goodbye(&mut self) -> bool {
        match &self.broker {
            Some(broker) if broker.lingers => {
                self.set_timer(Timer::Reply, LINGER);
                true
            }
            Some(_) => {
                self.say(Control::new("DISCONNECT", &[]));
                false
            }
            None => false,
        }
    }

    /// Closes what was to be closed once its receipts are there, or are waited for no longer.
    fn end_lingering(&mut self, is_over: bool) {
        if !self.stops_lingering(is_over || self.outbox.sent_count() == 0) {
            return;
        }
        if let Some(reason) = self.closing.clone() {
            self.say(Control::new("DISCONNECT", &[]));
            self.effects.push_back(Effect::Close(self.epoch, reason));
        }
    }

    /// Waits for receipts no longer, if it is so; returns whether it did.
    pub(super) fn stops_lingering(&mut self, is_over: bool) -> bool {
        let Some(broker) = self
            .broker
            .as_mut()
            .filter(|broker| broker.lingers && is_over)
        else {
            return false;
        };
        broker.lingers = false;
        self.effects.push_back(Effect::StopTimer(Timer::Reply));
        true
    }

    /// Whether a receipt, or a heart-beat, is missing for so long that the connection may be left soon: since when, and
    /// until when.
    pub(super) fn lost_by_stomp(&self, now: Duration) -> Option<Knowledge> {
        let Status::Open { .. } = self.status else {
            return None;
        };
        let (due, doubted) = self.stomp_due()?;
        // After a sleep it is judged later.
        let until = self
            .broker
            .as_ref()?
            .judged
            .map_or(due, |judged| due.max(judged));
        let since = until.saturating_sub(doubted);
        (now > since).then_some(Knowledge::Lost { since, until })
    }

    /// Whether the server will end every connection so; returns what it does not want.
    pub(super) fn struck_by(&mut self, closure: &Closure) -> Option<Refusal> {
        let broker = self.broker.as_mut()?;
        let step = broker.session.step();
        let (refusal, is_meant) = match step {
            Step::Socket => return None,
            Step::Login => (Refusal::Login, true),
            Step::Subscription => (Refusal::Subscription, true),
            Step::Ready => {
                let taken = self.outbox.newest_taken();
                let is_at_once = taken.is_some_and(|taken| self.now <= taken + TRIAL);
                if !is_at_once {
                    broker.session.acquit();
                }
                (
                    Refusal::Destination,
                    !broker.destination_works && is_at_once,
                )
            }
        };
        // A node that dies says nothing.
        let is_meant = is_meant && (closure.code == SAID || broker.error.is_some());
        (is_meant && broker.session.strike()).then_some(refusal)
    }

    /// Whether a connection that ends was worth anything: one that is left for receipts may live for as long as its
    /// server beats.
    pub(super) fn was_of_use(&self, was_silent: bool) -> bool {
        let had_receipt = |broker: &Broker| broker.had_receipt;
        !was_silent || self.broker.as_ref().is_none_or(had_receipt)
    }

    /// What the server said of the end of a connection.
    pub(super) fn take_error(&mut self) -> Option<String> {
        self.broker.as_mut()?.error.take()
    }

    /// Another attempt would end alike.
    pub(super) fn refuse(&mut self, refusal: Refusal, closure: Closure) {
        // Nothing that was sent is the reason.
        self.outbox.acquit();
        self.lose(closure, false);
        self.stop_timers();
        self.status = Status::Refused(refusal);
    }

    fn take(&mut self, heard: Heard) {
        let now = self.now;
        match heard {
            Heard::LineEnd => {
                let beat = Frame::Text(BEAT.into());
                self.effects
                    .push_back(Effect::Note(beat, Meaning::ServerHeartbeat));
            }
            Heard::LoggedIn(subscribe) => {
                self.say(subscribe);
                if let Some(broker) = &mut self.broker {
                    broker.subscribed = Some(now);
                    // What was promised holds from now on, however long the subscription takes.
                    if let Some(after) = broker.session.beats_after() {
                        self.set_timer(Timer::Heartbeat, after);
                    }
                }
                if let Status::Connecting { since } = self.status
                    && !self.heartbeat.has_answered()
                {
                    // What is left of the handshake's time has to do for the rest of it, too.
                    let passed = now.saturating_sub(since);
                    let left = self.options.connect_timeout.saturating_sub(passed);
                    let wait = left / 2;
                    let known = self.broker.as_ref().and_then(|broker| broker.receipt_wait);
                    self.judge_after(known.map_or(wait, |known| wait.min(known)));
                }
            }
            Heard::Subscribed => {
                self.be_ready();
                let broker = self.broker.as_mut();
                if let Some(subscribed) = broker.and_then(|broker| broker.subscribed.take()) {
                    self.replied(subscribed);
                }
            }
            Heard::Message {
                head,
                text,
                identity,
                acknowledgement,
            } => {
                // Nothing comes where nothing is subscribed to.
                self.be_ready();
                let broker = self.broker.as_mut();
                let is_repeat = broker.is_some_and(|broker| broker.session.is_repeat(identity));
                let frame = Frame::Text(text);
                if is_repeat {
                    self.effects.push_back(Effect::Note(frame, Meaning::Repeat));
                } else {
                    self.received += 1;
                    self.effects
                        .extend([Effect::Head(head), Effect::Deliver(frame)]);
                }
                if let Some(acknowledgement) = acknowledgement {
                    self.say(acknowledgement);
                }
            }
            Heard::Receipt(number) => self.take_receipt(number),
            Heard::Error { text, is_of_login } => {
                let broker = self.broker.as_mut();
                let is_final = broker.is_some_and(|broker| {
                    broker.error = Some(text);
                    is_of_login && !broker.session.has_logged_in()
                });
                self.silence.ended();
                let closure = Closure::abnormal();
                let struck = self.struck_by(&closure);
                match struck.or(is_final.then_some(Refusal::Login)) {
                    Some(refusal) => self.refuse(refusal, closure),
                    None => self.lose(closure, false),
                }
            }
            Heard::Foreign => {
                self.silence.ended();
                let broker = self.broker.as_mut();
                if broker.is_some_and(|broker| broker.session.strike()) {
                    self.refuse(Refusal::NoStomp, Closure::abnormal());
                } else {
                    self.lose(Closure::abnormal(), false);
                }
            }
        }
    }

    fn be_ready(&mut self) {
        if let (Status::Connecting { .. }, Some(broker)) = (self.status, &mut self.broker) {
            broker.session.take_for_subscribed();
            self.opened();
        }
    }

    /// The server has a message. One that is not waited for tells nothing.
    fn take_receipt(&mut self, number: u64) {
        let Some(sent) = self.outbox.confirm_one(number) else {
            return;
        };
        if let Some(broker) = &mut self.broker {
            broker.destination_works = true;
            broker.had_receipt = true;
            broker.session.acquit();
        }
        self.replied(sent);
        self.go_on_trying();
    }

    /// What was sent at this time has its receipt: from now on one that does not come is a reason to leave, also of
    /// what was sent before it was known that any come.
    fn replied(&mut self, sent: Duration) {
        self.heartbeat
            .replied(sent, self.outbox.oldest_taken(), self.now);
        if let Status::Open { .. } = self.status {
            self.watch();
        }
    }

    fn say(&mut self, control: Control) {
        self.transmit(Transmit::Control(control));
    }

    fn beat_stomp(&mut self) {
        self.transmit(Transmit::Heartbeat(BEAT.into()));
    }

    /// Sends what is no message.
    fn transmit(&mut self, transmit: Transmit) {
        self.silence.sent(self.now);
        if let Some(broker) = &mut self.broker {
            broker.said = self.now;
        }
        self.effects.push_back(Effect::Transmit(transmit));
    }

    /// Looks after the server in time; no timer is set for each message.
    fn watch(&mut self) {
        let due = self.stomp_due();
        if let (Some((due, _)), Some(broker)) = (due, &self.broker)
            && broker.judged.is_none_or(|judged| due < judged)
        {
            self.judge_after(due.saturating_sub(self.now));
        }
    }

    fn judge_after(&mut self, wait: Duration) {
        if let Some(broker) = &mut self.broker {
            broker.judged = Some(self.now.saturating_add(wait));
        }
        self.set_timer(Timer::Reply, wait);
    }

    /// When the server is not there any more, and for how long before that it is doubted: it is silent, or gives no
    /// receipts though it has given some.
    fn stomp_due(&self) -> Option<(Duration, Duration)> {
        let session = &self.broker.as_ref()?.session;
        let heard = self.heartbeat.last_heard();
        // The last sixth of it: who beats late and lives was heard of before ([`Session::patience`]).
        let silent = session
            .patience()
            .map(|patience| (heard.saturating_add(patience), patience / 6));
        let taken = self.outbox.oldest_taken();
        let taken = taken.filter(|_| self.heartbeat.has_answered());
        let timeout = session.receipt_timeout();
        let unreceipted = taken.map(|taken| (taken.saturating_add(timeout), timeout / 3));
        [silent, unreceipted].into_iter().flatten().min()
    }
}

fn limit_of_stomp(payload: PayloadRef<'_>, most: usize) -> Option<Limit> {
    match payload {
        PayloadRef::Text(text) => (text.len() > most).then_some(Limit::Message(most)),
        PayloadRef::Binary(_) => Some(Limit::Text),
    }
}

/// A heart-beat ("Heart-beating").
const BEAT: &str = "\n";

/// How long receipts are waited for at the end.
const LINGER: Duration = Duration::from_secs(2);

/// How long a subscription's receipt is waited for at a server that has sent none before, such as Spring's own broker.
const SHORT: Duration = Duration::from_secs(1);

/// A message tells as much as a heart-beat does, so one that is due in less is not worth another.
const MOMENT: Duration = Duration::from_millis(100);

/// RabbitMQ ends connections so, with the reason "STOMP died", if it does not say an error before.
const SAID: u16 = 1000;
