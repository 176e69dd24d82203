//! A WebSocket server that misbehaves on demand, for the tests of the page and the measurements.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::Error;
use crate::wait::{SOON, eventually};

/// How a server treats those who connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Sends every message back.
    Echo,
    /// Sends every message back, and says `text` again and again besides.
    EchoAndTalk {
        /// What is said.
        text: &'static str,
        /// From one time to the next.
        period: Duration,
    },
    /// Passes every message on to everyone who is connected, also to who sent it.
    Relay,
    /// Listens, says nothing, and knows no subprotocol.
    Unfamiliar,
    /// Listens and says nothing.
    Silent,
    /// Answers each `heartbeat` with this text, and nothing else.
    Answer(&'static str),
    /// Sends every message back behind this text.
    Prefix(&'static str),
    /// Answers each heartbeat `{"event":"ping"}` with a pong that has the time, and sends the rest back.
    Stamp,
    /// Sends every message back, once this was the first; closes with 1008 where it was not.
    Login(&'static str),
    /// Sends every message back, and asks; closes with 1008 where that is not answered.
    Ask(Question),
    /// Says `text` again and again.
    Talk {
        /// What is said.
        text: &'static str,
        /// From one time to the next.
        period: Duration,
    },
    /// Speaks in binary, as an MQTT broker does: answers what connects and what asks whether it lives, and
    /// closes with 1003 where a text comes.
    Mqtt,
    /// Accepts the TCP connection and leaves the handshake unanswered.
    Deaf,
    /// Answers the handshake with HTTP 503.
    Refuse,
    /// Opens and closes at once with this code.
    Dismiss(u16),
}

/// What a server asks, and wants to be answered within [`PATIENCE`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Question {
    /// `{"type":"ping"}`, answered with `{"type":"pong"}`.
    Type,
    /// `{"ping":1492420473027}`, answered with `{"pong":1492420473027}`: the time, as many exchanges ask.
    Time,
    /// `2`, answered with `3`: Engine.IO 4.
    EngineIo,
}

/// How long a server waits for the answer to what it asks.
pub const PATIENCE: Duration = Duration::from_millis(2_500);

/// From one question to the next.
const ASKED_EVERY: Duration = Duration::from_millis(500);

impl Question {
    /// The question of this number, and its answer.
    fn text(self, number: u64) -> (String, String) {
        match self {
            Self::Type => (r#"{"type":"ping"}"#.into(), r#"{"type":"pong"}"#.into()),
            Self::Time => {
                let time = 1_492_420_473_027 + number;
                (
                    format!(r#"{{"ping":{time}}}"#),
                    format!(r#"{{"pong":{time}}}"#),
                )
            }
            Self::EngineIo => ("2".into(), "3".into()),
        }
    }
}

impl Manner {
    /// What is said to a message that came.
    fn answer(self, message: Message) -> Option<Message> {
        match self {
            Self::Prefix(prefix) => {
                let text = message.to_text().ok().filter(|_| is_content(&message));
                text.map(|text| Message::text(format!("{prefix}{text}")))
            }
            Self::Stamp if message == Message::text(r#"{"event":"ping"}"#) => {
                let pong = r#"{"event":"pong","ts":TIME,"cid":1234}"#;
                let since = UNIX_EPOCH.elapsed().unwrap_or_default().as_micros();
                Some(Message::text(pong.replace("TIME", &since.to_string())))
            }
            Self::Echo | Self::EchoAndTalk { .. } | Self::Stamp | Self::Login(_) | Self::Ask(_) => {
                is_content(&message).then_some(message)
            }
            Self::Answer(text) => {
                (message == Message::text("heartbeat")).then(|| Message::text(text))
            }
            Self::Mqtt => match message.into_data().first() {
                // CONNECT and CONNACK, PINGREQ and PINGRESP of MQTT 3.1.1.
                Some(0x10) => Some(Message::binary(vec![0x20, 2, 0, 0])),
                Some(0xc0) => Some(Message::binary(vec![0xd0, 0])),
                _ => None,
            },
            Self::Relay
            | Self::Unfamiliar
            | Self::Silent
            | Self::Talk { .. }
            | Self::Deaf
            | Self::Refuse
            | Self::Dismiss(_) => None,
        }
    }
}

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

async fn accept(listener: TcpListener, journal: Arc<Journal>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (orders, inbox) = unbounded_channel();
        journal
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(orders);
        let number = {
            let mut records = journal.records();
            records.push(Connection {
                reached: Instant::now(),
                opened: None,
                protocols: None,
                frames: Vec::new(),
                binaries: Vec::new(),
                close_code: None,
                ended: None,
            });
            records.len() - 1
        };
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let manner = *journal
                .manner
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            match manner {
                Manner::Deaf => ignore(stream, inbox).await,
                Manner::Refuse => refuse(stream).await,
                Manner::Echo
                | Manner::EchoAndTalk { .. }
                | Manner::Relay
                | Manner::Unfamiliar
                | Manner::Silent
                | Manner::Answer(_)
                | Manner::Prefix(_)
                | Manner::Stamp
                | Manner::Login(_)
                | Manner::Ask(_)
                | Manner::Talk { .. }
                | Manner::Mqtt
                | Manner::Dismiss(_) => {
                    converse(stream, manner, inbox, &journal, number).await;
                }
            }
            journal.note(number, |one| one.ended = Some(Instant::now()));
        });
    }
}

async fn ignore(mut stream: TcpStream, mut inbox: UnboundedReceiver<Order>) {
    let mut buffer = [0; 4096];
    loop {
        select! {
            read = stream.read(&mut buffer) => if !matches!(read, Ok(1..)) { return },
            order = inbox.recv() => if matches!(order, Some(Order::Reset)) {
                return reset(&stream);
            },
        }
    }
}

async fn refuse(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    }
    let answer =
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(answer).await;
}

async fn converse(
    stream: TcpStream,
    manner: Manner,
    mut inbox: UnboundedReceiver<Order>,
    journal: &Journal,
    number: usize,
) {
    // Answers at once, so that times tell about the page alone.
    let _ = stream.set_nodelay(true);
    let accept = accept_hdr_async(
        stream,
        Choose {
            journal,
            number,
            takes_first: manner != Manner::Unfamiliar,
        },
    );
    let Ok(mut socket) = accept.await else { return };
    journal.note(number, |one| one.opened = Some(Instant::now()));

    let (says, period) = match manner {
        Manner::Talk { text, period } | Manner::EchoAndTalk { text, period } => {
            (Some(text), period)
        }
        Manner::Dismiss(code) => {
            let _ = close(&mut socket, code, "").await;
            (None, NEVER)
        }
        Manner::Echo
        | Manner::Relay
        | Manner::Unfamiliar
        | Manner::Silent
        | Manner::Answer(_)
        | Manner::Prefix(_)
        | Manner::Stamp
        | Manner::Login(_)
        | Manner::Mqtt
        | Manner::Deaf
        | Manner::Refuse => (None, NEVER),
        Manner::Ask(_) => (Some(""), ASKED_EVERY),
    };
    let mut period = interval(period);
    period.tick().await;
    let mut is_first = true;
    let mut asked = 0;
    // What is to be answered, the oldest first.
    let mut awaited: VecDeque<(String, Instant)> = VecDeque::new();
    loop {
        let sent = select! {
            frame = socket.next() => {
                let Some(Ok(message)) = frame else { return };
                journal.note(number, |one| one.receive(&message));
                let is_login = std::mem::take(&mut is_first);
                if let Manner::Login(login) = manner
                    && is_login
                {
                    if message != Message::text(login) {
                        let _ = close(&mut socket, 1008, "log in first").await;
                    }
                    continue;
                }
                if awaited.front().is_some_and(|(answer, _)| message == Message::text(answer)) {
                    awaited.pop_front();
                    continue;
                }
                if manner == Manner::Ask(Question::EngineIo) && !is_packet(&message) {
                    let _ = close(&mut socket, 1008, "parse error").await;
                    continue;
                }
                if manner == Manner::Mqtt && message.is_text() {
                    let _ = close(&mut socket, 1003, "no text").await;
                    continue;
                }
                if manner == Manner::Relay && is_content(&message) {
                    journal.order(&Order::Send(vec![message.clone()]));
                }
                match manner.answer(message) {
                    Some(answer) => socket.send(answer).await,
                    None => Ok(()),
                }
            }
            _ = period.tick(), if says.is_some() => {
                if let Manner::Ask(question) = manner {
                    let (question, answer) = question.text(asked);
                    asked += 1;
                    awaited.push_back((answer, Instant::now()));
                    if awaited.front().is_some_and(|(_, at)| at.elapsed() > PATIENCE) {
                        close(&mut socket, 1008, "no answer").await
                    } else {
                        socket.send(Message::text(question)).await
                    }
                } else {
                    socket.send(Message::text(says.unwrap_or_default())).await
                }
            }
            order = inbox.recv() => match order {
                Some(Order::Send(messages)) => send(&mut socket, messages).await,
                // Nothing else is on its way: whatever was sent was flushed.
                Some(Order::Pour(bytes)) => {
                    socket.get_mut().write_all(&bytes).await.map_err(Into::into)
                }
                Some(Order::Close(code, reason)) => close(&mut socket, code, reason).await,
                Some(Order::Reset) => return reset(socket.get_ref()),
                None => return,
            },
        };
        // What follows a failed send is the end of the stream.
        let _ = sent;
    }
}

/// Notes the subprotocols offered and takes the first, or none.
struct Choose<'a> {
    journal: &'a Journal,
    number: usize,
    takes_first: bool,
}

impl Callback for Choose<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let offered = request.headers().get(PROTOCOLS);
        let offered = offered.map(|names| String::from_utf8_lossy(names.as_bytes()).into_owned());
        if self.takes_first
            && let Some(first) = offered.as_deref().and_then(|names| names.split(',').next())
            && let Ok(first) = first.parse()
        {
            response.headers_mut().insert(PROTOCOLS, first);
        }
        self.journal
            .note(self.number, |one| one.protocols = offered);
        Ok(response)
    }
}

async fn send(
    socket: &mut WebSocketStream<TcpStream>,
    messages: Vec<Message>,
) -> tokio_tungstenite::tungstenite::Result<()> {
    for message in messages {
        socket.feed(message).await?;
    }
    socket.flush().await
}

async fn close(
    socket: &mut WebSocketStream<TcpStream>,
    code: u16,
    reason: &'static str,
) -> tokio_tungstenite::tungstenite::Result<()> {
    let frame = CloseFrame {
        code: code.into(),
        reason: reason.into(),
    };
    socket.close((code != NO_CODE).then_some(frame)).await
}

/// Whether it is a packet of Engine.IO 4 as text: it begins with its type.
fn is_packet(message: &Message) -> bool {
    let is_text = |text: &str| text.starts_with(|first| ('0'..='6').contains(&first));
    !is_content(message) || message.to_text().is_ok_and(is_text)
}

/// Whether it is a message, and no ping, pong or close.
fn is_content(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

/// Lets the end of the stream be an RST.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
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

const PROTOCOLS: &str = "sec-websocket-protocol";

/// RFC 6455 §7.1.5: a close frame without a code.
const NO_CODE: u16 = 1005;

/// Longer than any test.
const NEVER: Duration = Duration::from_hours(1);
