//! What frames mean where a server speaks STOMP 1.2.

pub mod frame;

use std::{collections::VecDeque, time::Duration};

use super::{
    connection::Refusal,
    heartbeat::SHORTEST,
    outbox::{Message, Name},
    protocol::Control,
};
use crate::{QueueType, Stomp, millis};
use frame::{Frame, Item};

/// The subprotocol that is offered (STOMP 1.2, "WebSocket").
pub const SUBPROTOCOL: &str = "v12.stomp";

/// How many bytes a frame may have, head and all: what Spring's brokers (`messageSizeLimit`) and ActiveMQ's WebSocket
/// (Jetty's `maxTextMessageSize`) take by default.
pub const MAX_FRAME: usize = 64 * 1024;

/// What a frame has beside the destination and the text of its message, in bytes, and some to spare.
const HEAD: usize = 256;

/// How many bytes the longest message has that such a frame carries, in whole kilobytes, as they are told.
pub(super) fn longest_message(settings: &Stomp) -> usize {
    // Each letter of the destination may be escaped.
    let head = HEAD.saturating_add(settings.destination.len().saturating_mul(2));
    MAX_FRAME.saturating_sub(head) / 1_000 * 1_000
}

/// How far a connection to a STOMP server has come.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The socket is opening.
    Socket,
    /// The server was told who logs in.
    Login,
    /// It was told what is wanted.
    Subscription,
    /// Messages pass.
    Ready,
}

/// What is known of one STOMP server, and of the connection to it.
#[derive(Clone, Debug)]
pub struct Session {
    settings: Stomp,
    step: Step,
    /// The beginning of a frame that has not ended.
    rest: String,
    /// How often we beat, and want the server to.
    offered: Option<Duration>,
    beats: Beats,
    seen: Seen,
    /// Where the stream goes on.
    next_offset: Option<u64>,
    /// Whether nothing has come of the stream on this connection that had not come before.
    is_behind: bool,
    strikes: (Step, u32),
    /// Whether a login has succeeded.
    has_logged_in: bool,
}

/// What a frame from the server means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Heard {
    /// Nothing but life.
    LineEnd,
    /// The login has succeeded, and this follows.
    LoggedIn(Control),
    /// The subscription stands.
    Subscribed,
    /// A message came.
    Message {
        /// What stands before the text in its frame.
        head: String,
        text: String,
        /// What it is known by.
        identity: Identity,
        /// What tells the server that it came.
        acknowledgement: Option<Control>,
    },
    /// The server has the message of this number.
    Receipt(u64),
    /// It says what is wrong, and nothing more comes of this connection.
    Error {
        text: String,
        /// Whether it lets nobody in so.
        is_of_login: bool,
    },
    /// It is nothing that a STOMP server says in text.
    Foreign,
}

/// What a message is known by when it comes again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Identity {
    /// What its sender calls it.
    name: Option<Name>,
    /// Its place in the stream.
    offset: Option<u64>,
}

/// How often something is sent at least, each way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Beats {
    ours: Option<Duration>,
    theirs: Option<Duration>,
}

/// What messages were called that came, oldest first, and in their own order to be found in.
#[derive(Clone, Debug, Default)]
struct Seen(VecDeque<Name>, Vec<Name>);

/// The receipt of the subscription.
const SUBSCRIBED: &str = "subscription";

/// What the subscription is called.
const SUBSCRIPTION: &str = "0";

/// What a message is called, by its sender. It is passed on.
const NAME: &str = "x-heartwire-id";

/// How many messages the server sends before it waits for acknowledgements.
const PREFETCH: &str = "100";

/// How many names are remembered: of ten senders as many as each keeps by default until there is a receipt.
const MOST_SEEN: usize = 10_000;

/// A stream comes in chunks of at most so many (RabbitMQ's osiris), and from the beginning of the chunk that has the
/// place that it goes on from.
const MOST_IN_CHUNK: u64 = 4096;

/// What is shown of an error, in bytes: a close has no room for more (RFC 6455 §5.5).
const MAX_ERROR: usize = 123;

/// Who wants to be heard of less often may as well say that he wants nothing.
const RAREST_BEAT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a server takes for a frame that has no end.
const MAX_REST: usize = 64 * 1024 * 1024;

/// After so many ends in a row at the same step another would end alike.
const MOST_STRIKES: u32 = 3;

impl Session {
    /// Begins with what is told.
    pub(super) fn new(settings: &Stomp) -> Self {
        Self {
            settings: settings.clone(),
            step: Step::Socket,
            rest: String::new(),
            offered: None,
            beats: Beats::default(),
            seen: Seen::default(),
            next_offset: settings.offset,
            is_behind: false,
            strikes: (Step::Socket, 0),
            has_logged_in: false,
        }
    }

    /// Goes on with other settings. What came from the same source is still known. Returns whether messages go to the
    /// same destination.
    pub(super) fn configure(&mut self, settings: &Stomp) -> bool {
        let before = &self.settings;
        let is_same_vhost = settings.vhost == before.vhost;
        let is_same = is_same_vhost && settings.destination == before.destination;
        let mut session = Self::new(settings);
        if is_same_vhost && settings.source() == before.source() {
            session.seen = std::mem::take(&mut self.seen);
            session.next_offset = self.next_offset.or(settings.offset);
        }
        *self = session;
        is_same
    }

    /// How far it has come.
    #[must_use]
    pub fn step(&self) -> Step {
        self.step
    }

    /// Where a stream goes on, once that is known.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.next_offset
    }

    /// How long a receipt may take.
    pub(super) fn receipt_timeout(&self) -> Duration {
        self.settings.receipt_timeout
    }

    /// Nothing of this connection is opened yet.
    pub(super) fn reset(&mut self) {
        self.step = Step::Socket;
        self.is_behind = true;
        self.rest.clear();
        self.beats = Beats::default();
    }

    /// The socket is open: what is said first.
    ///
    /// # Errors
    ///
    /// When a setting cannot be said, the refusal that would come of it.
    pub(super) fn greet(&mut self, period: Option<Duration>) -> Result<Control, Refusal> {
        let Stomp {
            destination,
            vhost,
            login,
            passcode,
            ..
        } = &self.settings;
        let is_place = |place: &str| !place.is_empty() && !place.contains(frame::NUL);
        if !is_place(destination) || longest_message(&self.settings) == 0 {
            return Err(Refusal::Destination);
        }
        if !is_place(self.settings.source()) {
            return Err(Refusal::Subscription);
        }
        self.offered = period;
        let period = period.map_or(0, millis).to_string();
        let beats = [&*period, &period].join(",");
        let mut headers = vec![
            ("accept-version", "1.2"),
            ("host", vhost),
            ("heart-beat", &beats),
        ];
        if let Some(login) = login {
            headers.extend([("login", &**login), ("passcode", passcode.reveal())]);
        }
        // Nothing is escaped in this frame.
        let is_said = |(_, value): &(&str, &str)| !value.contains(['\n', '\r', frame::NUL]);
        if !headers.iter().all(is_said) {
            return Err(Refusal::Login);
        }
        self.step = Step::Login;
        Ok(Control::new("CONNECT", &headers))
    }

    /// The subscription stands, or nobody waits for its receipt any longer.
    pub(super) fn take_for_subscribed(&mut self) {
        self.reach(Step::Ready);
    }

    /// What ended connections before this step does so no more.
    fn reach(&mut self, step: Step) {
        self.step = step;
        if self.strikes.0 < step {
            self.acquit();
        }
    }

    /// Reads what came.
    pub(super) fn hear(&mut self, text: &str) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut begun = std::mem::take(&mut self.rest);
        let mut rest = text;
        if !begun.is_empty() {
            begun.push_str(text);
            if !text.contains(frame::NUL) && begun.len() <= MAX_REST {
                // No frame ends here.
                self.rest = begun;
                return heard;
            }
            rest = &begun;
        }
        loop {
            match frame::split(rest) {
                Ok(Some((Item::LineEnd, behind))) => {
                    // The one behind a frame is no heart-beat of its own.
                    if heard.is_empty() {
                        heard.push(Heard::LineEnd);
                    }
                    rest = behind;
                }
                Ok(Some((Item::Frame(frame), behind))) => {
                    // A NUL ends the body.
                    let before = &rest[..rest.len() - behind.len() - frame.body.len() - 1];
                    heard.extend(self.read(&frame, before.trim_end()));
                    rest = behind;
                }
                Ok(None) if rest.len() <= MAX_REST => {
                    self.rest.push_str(rest);
                    return heard;
                }
                Ok(None) | Err(_) => {
                    heard.push(Heard::Foreign);
                    return heard;
                }
            }
        }
    }

    /// The frame that carries a message.
    pub(super) fn carry(&self, message: &Message) -> String {
        let receipt = message.id.number().to_string();
        let name = message.name.map(Name::text).unwrap_or_default();
        let mut headers = vec![
            ("destination", &*self.settings.destination),
            ("receipt", &receipt),
            ("persistent", "true"),
            (NAME, &name),
        ];
        headers.extend(self.queue_type(&self.settings.destination));
        frame::write("SEND", &headers, message.payload.text().unwrap_or_default())
    }

    /// How long nothing may be sent: less than was promised, since it takes a while to arrive.
    pub(super) fn beats_after(&self) -> Option<Duration> {
        self.beats.ours.map(|ours| ours.saturating_mul(7) / 10)
    }

    /// How long nothing may come before the connection is dead. A server that looks once a period whether it has sent
    /// something lets two go by (ActiveMQ 5.17: 2.06 measured; Spring's simple broker looks as rarely), and what it
    /// sends is on its way for as long as a reply may be, or half a period.
    pub(super) fn patience(&self) -> Option<Duration> {
        let theirs = self.beats.theirs?;
        Some(
            theirs
                .saturating_mul(2)
                .saturating_add(SHORTEST.max(theirs / 2)),
        )
    }

    /// The server has ended the connection, and not by chance. Returns whether it would do so again.
    pub(super) fn strike(&mut self) -> bool {
        let (step, count) = self.strikes;
        let count = if step == self.step { count + 1 } else { 1 };
        self.strikes = (self.step, count);
        count >= MOST_STRIKES
    }

    /// Whether a login has ever succeeded.
    pub(super) fn has_logged_in(&self) -> bool {
        self.has_logged_in
    }

    /// The server does not end connections at every such step.
    pub(super) fn acquit(&mut self) {
        self.strikes = (Step::Socket, 0);
    }

    fn read(&mut self, frame: &Frame<'_>, head: &str) -> Option<Heard> {
        match frame.command {
            "CONNECTED" if self.step == Step::Login => {
                self.agree_on_beats(frame.header("heart-beat").unwrap_or_default());
                self.has_logged_in = true;
                self.reach(Step::Subscription);
                Some(Heard::LoggedIn(self.subscribe()))
            }
            "RECEIPT" if self.step >= Step::Subscription => {
                let receipt = frame.header("receipt-id")?;
                if receipt != SUBSCRIBED {
                    return Some(Heard::Receipt(receipt.parse().ok()?));
                }
                self.reach(Step::Ready);
                Some(Heard::Subscribed)
            }
            "MESSAGE" if self.step >= Step::Subscription => {
                let acknowledgement = frame.header("ack");
                Some(Heard::Message {
                    head: head.into(),
                    text: frame.body.into(),
                    identity: Identity {
                        name: frame.header(NAME).and_then(Name::read),
                        offset: frame
                            .header("x-stream-offset")
                            .and_then(|offset| offset.parse().ok()),
                    },
                    acknowledgement: acknowledgement.map(|ack| Control::new("ACK", &[("id", ack)])),
                })
            }
            "ERROR" => {
                let message = frame.header("message").unwrap_or_default();
                let detail = frame.body.lines().next().unwrap_or_default();
                // ActiveMQ says the same twice, perhaps with the exception's name before.
                let ends = |whole: &str, end: &str| {
                    let before = whole.strip_suffix(end);
                    before.is_some_and(|it| end.is_empty() || it.is_empty() || it.ends_with(": "))
                };
                let mut text = if ends(message, detail) {
                    message.to_owned()
                } else if ends(detail, message) {
                    detail.to_owned()
                } else {
                    [message, detail].join(": ")
                };
                // RabbitMQ's, and the one that it has for versions.
                let is_of_login = self.step == Step::Login
                    && ["Bad CONNECT", "Version mismatch"].contains(&message);
                let end = (0..=MAX_ERROR)
                    .rev()
                    .find(|end| text.is_char_boundary(*end));
                text.truncate(end.unwrap_or_default());
                Some(Heard::Error { text, is_of_login })
            }
            _ => None,
        }
    }

    /// What both promise holds for both ("Heart-beating"): the longer time of the two, if both beat at all.
    fn agree_on_beats(&mut self, theirs: &str) {
        let mut theirs = theirs
            .split(',')
            .map(|part| part.trim().parse().unwrap_or(0));
        let [sends, wants] = [(); 2].map(|()| theirs.next().unwrap_or(0));
        let agreed = |theirs: u64| {
            let theirs = (theirs > 0).then(|| Duration::from_millis(theirs).min(RAREST_BEAT));
            Some(self.offered?.max(theirs?))
        };
        self.beats = Beats {
            ours: agreed(wants),
            theirs: agreed(sends),
        };
    }

    fn subscribe(&self) -> Control {
        let source = self.settings.source();
        let place = match self.next_offset {
            None => "next".to_owned(),
            Some(offset) => ["offset=", &offset.to_string()].concat(),
        };
        let mut headers = vec![
            ("id", SUBSCRIPTION),
            ("destination", source),
            ("ack", "client-individual"),
            ("receipt", SUBSCRIBED),
            ("prefetch-count", PREFETCH),
        ];
        if self.settings.queue_type == Some(QueueType::Stream) {
            headers.push(("x-stream-offset", &place));
        }
        headers.extend(self.queue_type(source));
        Control::new("SUBSCRIBE", &headers)
    }

    /// What a queue is that is made where it is missing.
    fn queue_type(&self, destination: &str) -> Option<(&'static str, &'static str)> {
        let kind = self.settings.queue_type?;
        destination
            .starts_with("/queue/")
            .then_some(("x-queue-type", kind.name()))
    }

    /// Whether a message came before; from now on it did.
    pub(super) fn is_repeat(&mut self, message: Identity) -> bool {
        // Another sender may have written the header where there is no stream.
        if self.settings.queue_type == Some(QueueType::Stream)
            && let Some(offset) = message.offset
        {
            let known = self.next_offset.and_then(|next| next.checked_sub(offset));
            // Else it is another stream by now.
            let is_in_chunk = known.is_some_and(|known| (1..=MOST_IN_CHUNK).contains(&known));
            if is_in_chunk && self.is_behind {
                return true;
            }
            self.is_behind = false;
            self.next_offset = Some(offset.saturating_add(1));
        }
        message.name.is_some_and(|name| self.seen.has(name))
    }
}

impl Seen {
    /// Whether a name was heard before; from now on it was.
    fn has(&mut self, name: Name) -> bool {
        let Err(place) = self.1.binary_search(&name) else {
            return true;
        };
        self.1.insert(place, name);
        self.0.push_back(name);
        if self.0.len() > MOST_SEEN
            && let Some(oldest) = self.0.pop_front()
            && let Ok(place) = self.1.binary_search(&oldest)
        {
            self.1.remove(place);
        }
        false
    }
}
