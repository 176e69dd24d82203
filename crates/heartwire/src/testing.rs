//! A test that is server, network and clock: on the host, at once.
//!
//! ```
//! use std::time::Duration;
//! use heartwire::{Fate, Options, testing};
//!
//! let (client, server) = testing::client("ws://example.org", Options::new());
//! client.open();
//! server.accept();
//! let receipt = client.send("order").expect("there is room");
//! assert_eq!(server.received(), ["order"]);
//! server.echo();
//! server.advance(Duration::from_secs(5));
//! assert_eq!(receipt.fate(), Some(Fate::Answered));
//! ```

mod tab;

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(crate) use tab::Page;

use crate::{
    Client, Options, Payload,
    core::{
        connection::{Closure, Epoch, Input, Refusal, Timer},
        protocol::{Frame, MAX_HEAD, PayloadRef},
        reach::Locality,
    },
    kept::{Document, Life},
    message::Binary,
    platform::{Listener, Opened, Platform, PlatformEvent},
    target::{Asked, Endpoint, Target},
};

/// Makes a client, and the other end of it.
#[must_use]
pub fn client(target: impl Into<Target>, options: Options) -> (Client, Server) {
    client_in(Rc::default(), target.into(), options)
}

fn client_in(document: Rc<Page>, target: Target, options: Options) -> (Client, Server) {
    let network = Rc::new(Network {
        document,
        ..Network::default()
    });
    let platform = Rc::clone(&network) as Rc<dyn Platform>;
    (Client::on(platform, target, options), Server(network))
}

/// The server, the network and the clock of one client.
#[derive(Clone)]
pub struct Server(Rc<Network>);

#[derive(Default)]
struct Network {
    state: RefCell<State>,
    hear: RefCell<Option<Listener>>,
    /// Which the client is in.
    document: Rc<Page>,
}

#[derive(Default)]
struct State {
    now: Duration,
    socket: Option<Socket>,
    /// When each expires.
    timers: BTreeMap<Timer, (Epoch, Duration)>,
    received: Vec<Payload>,
    /// Who connected where, in turn.
    endpoints: Vec<Endpoint>,
    asked: Vec<(Epoch, Asked)>,
    echoes: bool,
    is_frozen: bool,
    /// Whether nobody has asked yet whether the machine slept.
    has_slept: bool,
    slept_at: Option<Duration>,
}

struct Socket {
    epoch: Epoch,
    is_open: bool,
    /// The reason that it was given to close.
    reason: Option<String>,
    /// What the server has not answered, and whether it has read it.
    wire: VecDeque<(Payload, bool)>,
}

impl Server {
    /// Accepts the handshake that is under way.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn accept(&self) {
        self.0.answer_asked();
        let epoch = {
            let mut state = self.0.state.borrow_mut();
            let socket = state.socket.as_mut().filter(|socket| !socket.is_open);
            let socket = socket.expect("a handshake is under way");
            socket.is_open = true;
            socket.epoch
        };
        self.0.tell(Input::Opened(epoch));
        self.read();
    }

    /// Refuses the handshake that is under way, as a server does that is not there.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn refuse(&self) {
        self.0.answer_asked();
        let is_open = self
            .0
            .state
            .borrow()
            .socket
            .as_ref()
            .map(|socket| socket.is_open);
        assert_eq!(is_open, Some(false), "a handshake is under way");
        self.close(1006);
    }

    /// Says a text, or sends bytes.
    ///
    /// # Panics
    ///
    /// If no connection is open.
    pub fn say(&self, payload: impl Into<Payload>) {
        let epoch = self.open_socket();
        self.0.bring(epoch, payload.into());
        self.read();
    }

    /// Ends the connection with this code (RFC 6455 §7.4); 1006 is an end without a word.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn close(&self, code: u16) {
        let socket = self.0.state.borrow_mut().socket.take();
        let socket = socket.expect("there is a connection or a handshake");
        let closure = Closure {
            code,
            reason: String::new(),
            was_clean: code != 1006,
        };
        self.0.tell(Input::Closed(socket.epoch, closure));
    }

    /// Reads nothing and says nothing from now on, and its connections do not end: a network that is gone.
    pub fn freeze(&self) {
        self.0.state.borrow_mut().is_frozen = true;
    }

    /// Goes on after [`freeze`](Self::freeze), with what came meanwhile.
    pub fn thaw(&self) {
        self.0.state.borrow_mut().is_frozen = false;
        self.read();
    }

    /// Sends back what it gets, from now on.
    pub fn echo(&self) {
        self.0.state.borrow_mut().echoes = true;
    }

    /// Lets time pass: timers expire in their order.
    pub fn advance(&self, time: Duration) {
        self.read();
        let end = self.0.state.borrow().now.saturating_add(time);
        loop {
            let next = {
                let state = self.0.state.borrow();
                let timers = state.timers.iter();
                let due = timers.map(|(timer, (epoch, due))| (*due, *timer, *epoch));
                due.min_by_key(|(due, ..)| *due)
                    .filter(|(due, ..)| *due <= end)
            };
            let Some((due, timer, epoch)) = next else {
                break;
            };
            {
                let mut state = self.0.state.borrow_mut();
                state.now = state.now.max(due);
                state.timers.remove(&timer);
            }
            self.0.tell(Input::TimerExpired(epoch, timer));
            self.read();
        }
        self.0.state.borrow_mut().now = end;
        self.read();
    }

    /// Lets the machine sleep: time passes, and no timer expires before it wakes. No browser promises to tell
    /// of that: the client notices with whatever comes next.
    pub fn sleep(&self, time: Duration) {
        {
            let mut state = self.0.state.borrow_mut();
            state.now = state.now.saturating_add(time);
            state.slept_at = Some(state.now);
            state.has_slept = true;
        }
        self.advance(Duration::ZERO);
    }

    /// Has the page reload: its document ends, with all that nobody [kept](Options::keep_in_tab), and this makes a
    /// client in the next one of the same tab. The old one is as in a browser's cache: left, and not gone.
    pub fn reload(&self, target: impl Into<Target>, options: Options) -> (Client, Self) {
        self.turn(Life::Left);
        client_in(self.0.document.next(), target.into(), options)
    }

    /// What the server has read: messages, heartbeats, greetings and answers, in their order.
    #[must_use]
    pub fn received(&self) -> Vec<Payload> {
        self.0.state.borrow().received.clone()
    }

    /// Where each connection went.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.0.state.borrow().endpoints.clone()
    }

    #[cfg(test)]
    pub(crate) fn document(&self) -> &Page {
        &self.0.document
    }

    /// Makes a client in a copy of the tab.
    #[cfg(test)]
    pub(crate) fn duplicate(&self, target: impl Into<Target>, options: Options) -> (Client, Self) {
        client_in(self.0.document.duplicate(), target.into(), options)
    }

    /// Has the document be so, and the client hear of it as a browser tells it.
    pub(crate) fn turn(&self, life: Life) {
        match life {
            Life::Left => self.0.tell(Input::Left),
            Life::Shown => self.0.tell(Input::Returned),
            Life::Hidden => {}
        }
        self.0.document.turn(life);
    }

    fn open_socket(&self) -> Epoch {
        let state = self.0.state.borrow();
        let socket = state.socket.as_ref().filter(|socket| socket.is_open);
        socket.expect("a connection is open").epoch
    }

    /// Reads what is on the wire, and answers as it does; then whatever that brings.
    fn read(&self) {
        self.0.answer_asked();
        loop {
            let (epoch, payload, echoes) = {
                let mut state = self.0.state.borrow_mut();
                let echoes = state.echoes;
                if state.is_frozen {
                    return;
                }
                let Some(socket) = state.socket.as_mut() else {
                    return;
                };
                let Some((payload, is_read)) = socket.wire.pop_front() else {
                    if let Some(reason) = socket.reason.take() {
                        let closure = Closure {
                            code: 1000,
                            reason,
                            was_clean: true,
                        };
                        let epoch = socket.epoch;
                        drop(state);
                        self.0.tell(Input::Closed(epoch, closure));
                    }
                    return;
                };
                let epoch = socket.epoch;
                if !is_read {
                    state.received.push(payload.clone());
                }
                (epoch, payload, echoes)
            };
            if echoes {
                self.0.bring(epoch, payload);
            }
        }
    }
}

impl Network {
    fn tell(&self, input: Input) {
        self.say(PlatformEvent::Input(input));
    }

    /// Brings a frame from the server.
    fn bring(&self, epoch: Epoch, payload: Payload) {
        self.say(match payload {
            Payload::Text(text) => PlatformEvent::Input(Input::Received(epoch, Frame::Text(text))),
            Payload::Binary(bytes) => {
                let binary = Binary::from(bytes.as_slice());
                let frame = Frame::Binary {
                    bytes: binary.len(),
                    head: binary.beginning(MAX_HEAD as usize),
                };
                PlatformEvent::Bytes(epoch, frame, binary)
            }
        });
    }

    fn say(&self, heard: PlatformEvent) {
        if let Some(hear) = &*self.hear.borrow() {
            hear(heard);
        }
    }

    /// Answers that are ready at once are given at once.
    fn answer_asked(&self) {
        let asked = std::mem::take(&mut self.state.borrow_mut().asked);
        for (epoch, mut answer) in asked {
            match answer
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(answer) => self.say(PlatformEvent::Endpoint(epoch, answer)),
                Poll::Pending => self.state.borrow_mut().asked.push((epoch, answer)),
            }
        }
    }
}

impl Platform for Network {
    fn now(&self) -> Duration {
        self.state.borrow().now
    }

    fn has_slept(&self) -> bool {
        std::mem::take(&mut self.state.borrow_mut().has_slept)
    }

    fn slept_at(&self) -> Option<Duration> {
        self.state.borrow().slept_at
    }

    fn seed(&self) -> [u64; 2] {
        [1, 2]
    }

    fn listen(&self, hear: Listener) {
        *self.hear.borrow_mut() = Some(hear);
    }

    fn locality(&self, endpoint: &Endpoint) -> Locality {
        host(&endpoint.url).map_or(Locality::Remote, Locality::of)
    }

    fn connect(&self, epoch: Epoch, endpoint: &Endpoint) -> Opened {
        if !is_address(&endpoint.url) {
            return Opened::Refused(Refusal::BadAddress);
        }
        let mut state = self.state.borrow_mut();
        state.endpoints.push(endpoint.clone());
        state.socket = Some(Socket {
            epoch,
            is_open: false,
            reason: None,
            wire: VecDeque::new(),
        });
        Opened::Underway
    }

    fn ask(&self, epoch: Epoch, asked: Asked) {
        self.state.borrow_mut().asked.push((epoch, asked));
    }

    fn send(&self, payload: PayloadRef<'_>) -> bool {
        let payload: Payload = match payload {
            PayloadRef::Text(text) => text.into(),
            PayloadRef::Binary(bytes) => bytes.into(),
        };
        let mut state = self.state.borrow_mut();
        let is_frozen = state.is_frozen;
        // A browser's socket takes nothing more once it is asked to close.
        let is_open = |socket: &&mut Socket| socket.is_open && socket.reason.is_none();
        let Some(socket) = state.socket.as_mut().filter(is_open) else {
            return false;
        };
        // What is read is read in its order.
        let is_read = !is_frozen && socket.wire.iter().all(|(_, is_read)| *is_read);
        socket.wire.push_back((payload.clone(), is_read));
        if is_read {
            state.received.push(payload);
        }
        true
    }

    fn close(&self, epoch: Epoch, reason: &str) {
        let mut state = self.state.borrow_mut();
        if let Some(socket) = state.socket.as_mut().filter(|socket| socket.epoch == epoch) {
            socket.reason = Some(reason.into());
        }
    }

    fn disconnect(&self) {
        self.state.borrow_mut().socket = None;
    }

    fn has_drained(&self, _: Epoch) -> bool {
        true
    }

    fn set_timer(&self, epoch: Epoch, timer: Timer, wait: Duration) {
        let mut state = self.state.borrow_mut();
        let due = state.now.saturating_add(wait);
        state.timers.insert(timer, (epoch, due));
    }

    fn stop_timer(&self, timer: Timer) {
        self.state.borrow_mut().timers.remove(&timer);
    }

    fn document(&self) -> Option<Rc<dyn Document>> {
        Some(Rc::clone(&self.document) as Rc<dyn Document>)
    }

    fn end(&self) {
        let mut state = self.state.borrow_mut();
        state.timers.clear();
        state.socket = None;
    }
}

/// Whether a browser's `WebSocket` takes the address, relative ones too. It is no reading of addresses: names that
/// browsers read as others, and what they find wrong with a name, are not known here.
fn is_address(url: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let is_good = match url.split_once(':') {
        Some((scheme, _)) if is_scheme(scheme) => {
            let mut known = ["ws", "wss", "http", "https"].iter();
            let is_host = |host: &str| !host.is_empty() && !host.contains(char::is_whitespace);
            known.any(|known| known.eq_ignore_ascii_case(scheme)) && host(url).is_some_and(is_host)
        }
        Some(_) | None => true,
    };
    is_good && !url.contains('#')
}

/// The host of an address, without a port.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let end = host.find(']').map_or(0, |bracket| bracket + 1);
    let port = host[end..]
        .find(':')
        .map_or(host.len(), |colon| end + colon);
    Some(&host[..port])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_browsers_take_them() {
        for good in [
            "ws://example.org",
            "WSS://example.org:8080/a b?c",
            "https://example.org",
            "/chat",
            "chat",
            "?room=1",
            "//example.org/chat",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "ftp://example.org",
            "ws:",
            "ws://",
            "ws:///chat",
            "ws://:8080",
            "ws://a b",
            "ws://example.org/#top",
            "mailto:somebody",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_host_has_no_port() {
        for (url, read) in [
            ("ws://localhost:8080/chat", "localhost"),
            ("ws://[::1]:8080?a", "[::1]"),
            ("ws://somebody@localhost", "localhost"),
        ] {
            assert_eq!(host(url), Some(read));
        }
    }
}
