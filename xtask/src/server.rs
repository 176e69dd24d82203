//! A WebSocket server that misbehaves on demand, for the tests of the page and the measurements.

mod conversation;
mod manner;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use self::conversation::accept;
pub use self::manner::{Manner, PATIENCE, Question};
use crate::Error;
use crate::wait::{SOON, eventually};

/// A WebSocket server on 127.0.0.1 that misbehaves on demand and notes all that reaches it.
#[derive(Debug)]
pub struct Server {
    port: u16,
    journal: Arc<Journal>,
    state: State,
}

/// What the server noted about one TCP connection, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Connection {
    /// When it was accepted.
    pub reached: Instant,
    /// When its handshake was done.
    pub opened: Option<Instant>,
    /// The subprotocols offered.
    pub protocols: Option<String>,
    /// The texts that came, in their order.
    pub frames: Vec<Frame>,
    /// The binary frames that came, in their order.
    pub binaries: Vec<Arc<[u8]>>,
    /// The code of the client's close frame.
    pub close_code: Option<u16>,
    /// When it was over, however that came.
    pub ended: Option<Instant>,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it came.
    pub at: Instant,
    /// What it says.
    pub text: String,
}

impl Server {
    /// Starts a server on a free port. The system gives ports far above those that browsers
    /// refuse.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start(manner: Manner) -> Result<Self, Error> {
        let mut server = Self::absent(manner)?;
        server.resume()?;
        Ok(server)
    }

    /// Has a port, where connections are refused until [`Server::resume`].
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn absent(manner: Manner) -> Result<Self, Error> {
        Self::at(0, manner).map_err(failed)
    }

    /// Has this `port`, as [`Server::absent`] does.
    ///
    /// # Errors
    ///
    /// If somebody else has it.
    pub fn at(port: u16, manner: Manner) -> io::Result<Self> {
        let socket = reserve(port)?;
        let port = socket.local_addr()?.port();
        let journal = Journal {
            manner: Mutex::new(manner),
            records: Mutex::default(),
            live: Mutex::default(),
        };
        Ok(Self {
            port,
            journal: Arc::new(journal),
            state: State::Absent(socket),
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Listens.
    ///
    /// # Errors
    ///
    /// If it cannot, or does already.
    pub fn resume(&mut self) -> Result<(), Error> {
        let State::Absent(socket) = std::mem::replace(&mut self.state, State::Changing) else {
            return Err(failed("it listens already"));
        };
        let listener = socket.listen(1024).map_err(failed)?;
        self.state = State::Listening(tokio::spawn(accept(listener, Arc::clone(&self.journal))));
        Ok(())
    }

    /// Stops as a killed process does: every connection is reset and the port refuses.
    ///
    /// # Errors
    ///
    /// If the connections do not end, or the port cannot be kept.
    pub async fn stop(&mut self) -> Result<(), Error> {
        if let State::Listening(acceptor) = std::mem::replace(&mut self.state, State::Changing) {
            acceptor.abort();
            let _ = acceptor.await;
        }
        self.order(&Order::Reset);
        self.awaits(SOON, "the connections are reset", |all| {
            all.iter().all(|one| one.ended.is_some())
        })
        .await?;
        self.state = State::Absent(reserve(self.port).map_err(failed)?);
        Ok(())
    }

    /// Treats those who connect from now on in this `manner`.
    pub fn behave(&self, manner: Manner) {
        *self
            .journal
            .manner
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = manner;
    }

    /// Sends `messages` to everyone who is connected.
    pub fn send(&self, messages: impl IntoIterator<Item = Message>) {
        self.order(&Order::Send(messages.into_iter().collect()));
    }

    /// Sends `texts` to everyone who is connected, in one piece: nothing is encoded while they go.
    ///
    /// # Panics
    ///
    /// If one is longer than 125 bytes, which a short frame holds.
    pub fn pour<'a>(&self, texts: impl IntoIterator<Item = &'a str>) {
        let mut bytes = Vec::new();
        for text in texts {
            let length = u8::try_from(text.len())
                .ok()
                .filter(|length| *length <= 125);
            bytes.extend([FINAL_TEXT, length.expect("the text is short")]);
            bytes.extend_from_slice(text.as_bytes());
        }
        self.order(&Order::Pour(bytes.into()));
    }

    /// Closes every connection with `code` and `reason`; without a code if it is 1005.
    pub fn close(&self, code: u16, reason: &'static str) {
        self.order(&Order::Close(code, reason));
    }

    /// Everything noted so far.
    #[must_use]
    pub fn connections(&self) -> Vec<Connection> {
        self.journal.records().clone()
    }

    /// How many connections were opened so far.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.journal
            .records()
            .iter()
            .filter(|one| one.opened.is_some())
            .count()
    }

    /// How many connections are open.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.journal
            .records()
            .iter()
            .filter(|one| one.is_alive())
            .count()
    }

    /// Every text received so far, on whatever connection.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let connections = self.connections();
        connections
            .into_iter()
            .flat_map(|one| one.frames)
            .map(|frame| frame.text)
            .collect()
    }

    /// Every binary frame received so far, on whatever connection.
    #[must_use]
    pub fn binaries(&self) -> Vec<Arc<[u8]>> {
        let records = self.journal.records();
        let binaries = records.iter().flat_map(|one| one.binaries.iter().cloned());
        binaries.collect()
    }

    /// How many texts were received so far, on whatever connection.
    #[must_use]
    pub fn heard(&self) -> usize {
        let records = self.journal.records();
        records.iter().map(|one| one.frames.len()).sum()
    }

    /// The last text on the newest connection.
    #[must_use]
    pub fn last_text(&self) -> Option<String> {
        let records = self.journal.records();
        Some(records.last()?.frames.last()?.text.clone())
    }

    /// Waits until what was noted meets `condition`, and returns it.
    ///
    /// # Errors
    ///
    /// If it does not by the `deadline`; then the message says `what` did not happen.
    pub async fn awaits(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Result<Vec<Connection>, Error> {
        eventually(what, deadline, async || {
            let connections = self.connections();
            condition(&connections).then_some(connections)
        })
        .await
    }

    fn order(&self, order: &Order) {
        self.journal.order(order);
    }
}

/// The address to connect to, as the value of a query parameter too.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let State::Listening(acceptor) = &self.state {
            acceptor.abort();
        }
    }
}

impl Connection {
    /// Whether it is open.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.opened.is_some() && self.ended.is_none()
    }

    /// The times between one frame and the next.
    #[must_use]
    pub fn gaps(&self) -> Vec<Duration> {
        self.frames
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .collect()
    }
}

#[derive(Debug)]
enum State {
    /// The port is held, and nobody listens.
    Absent(TcpSocket),
    Listening(JoinHandle<()>),
    Changing,
}

#[derive(Debug)]
struct Journal {
    manner: Mutex<Manner>,
    records: Mutex<Vec<Connection>>,
    live: Mutex<Vec<UnboundedSender<Order>>>,
}

#[derive(Clone, Debug)]
enum Order {
    Send(Vec<Message>),
    Pour(Arc<[u8]>),
    Close(u16, &'static str),
    Reset,
}

impl Journal {
    fn records(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut Connection)) {
        change(&mut self.records()[number]);
    }

    fn order(&self, order: &Order) {
        self.live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|one| one.send(order.clone()).is_ok());
    }
}

/// Holds the port without listening: who connects is refused, and nobody else can take it.
fn reserve(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

impl Connection {
    fn receive(&mut self, message: &Message) {
        if let Message::Text(text) = message {
            self.frames.push(Frame {
                at: Instant::now(),
                text: text.to_string(),
            });
        }
        if let Message::Binary(bytes) = message {
            self.binaries.push(bytes[..].into());
        }
        if let Message::Close(frame) = message {
            self.close_code = Some(frame.as_ref().map_or(NO_CODE, |frame| frame.code.into()));
        }
    }
}

fn failed(cause: impl fmt::Display) -> Error {
    Error::Failed(format!("the server on 127.0.0.1 fails: {cause}"))
}

/// RFC 6455 §5.2: the first byte of a text that is one frame.
const FINAL_TEXT: u8 = 0x81;

/// RFC 6455 §7.1.5: a close frame without a code.
const NO_CODE: u16 = 1005;
