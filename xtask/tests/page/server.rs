use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

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

use super::{SOON, eventually};

/// How a server treats those who connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Manner {
    /// Sends every message back.
    Echo,
    /// Listens, says nothing, and knows no subprotocol.
    Unfamiliar,
    /// Listens and says nothing.
    Silent,
    /// Answers each `heartbeat` with this text, and nothing else.
    Answer(&'static str),
    /// Says `text` again and again.
    Talk {
        text: &'static str,
        period: Duration,
    },
    /// Accepts the TCP connection and leaves the handshake unanswered.
    Deaf,
    /// Answers the handshake with HTTP 503.
    Refuse,
    /// Opens and closes at once with this code.
    Dismiss(u16),
}

impl Manner {
    /// What is said to a message that came.
    fn answer(self, message: Message) -> Option<Message> {
        match self {
            Self::Echo => (message.is_text() || message.is_binary()).then_some(message),
            Self::Answer(text) => {
                (message == Message::text("heartbeat")).then(|| Message::text(text))
            }
            Self::Unfamiliar
            | Self::Silent
            | Self::Talk { .. }
            | Self::Deaf
            | Self::Refuse
            | Self::Dismiss(_) => None,
        }
    }
}

/// A WebSocket server on 127.0.0.1 that misbehaves on demand and notes all that reaches it.
pub(crate) struct Server {
    port: u16,
    journal: Arc<Journal>,
    state: State,
}

/// What the server noted about one TCP connection, in the order in which they came.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) reached: Instant,
    pub(crate) opened: Option<Instant>,
    /// The subprotocols offered.
    pub(crate) protocols: Option<String>,
    pub(crate) frames: Vec<Frame>,
    /// The code of the client's close frame.
    pub(crate) close_code: Option<u16>,
    pub(crate) ended: Option<Instant>,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Instant,
    pub(crate) text: String,
}

impl Server {
    /// Starts a server on a free port. The system gives ports far above those that browsers
    /// refuse.
    pub(crate) fn start(manner: Manner) -> Self {
        let mut server = Self::absent(manner);
        server.resume();
        server
    }

    /// Has a port, where connections are refused until [`Server::resume`].
    pub(crate) fn absent(manner: Manner) -> Self {
        Self::at(0, manner).unwrap()
    }

    /// Has this `port`, as [`Server::absent`] does.
    pub(crate) fn at(port: u16, manner: Manner) -> std::io::Result<Self> {
        let socket = reserve(port)?;
        let port = socket.local_addr()?.port();
        let records = Mutex::default();
        let journal = Journal {
            manner: Mutex::new(manner),
            records,
            live: Mutex::default(),
        };
        Ok(Self {
            port,
            journal: Arc::new(journal),
            state: State::Absent(socket),
        })
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Listens.
    pub(crate) fn resume(&mut self) {
        let socket = match std::mem::replace(&mut self.state, State::Changing) {
            State::Absent(socket) => socket,
            State::Listening(_) | State::Changing => panic!("the server listens already"),
        };
        let listener = socket.listen(1024).unwrap();
        self.state = State::Listening(tokio::spawn(accept(listener, Arc::clone(&self.journal))));
    }

    /// Stops as a killed process does: every connection is reset and the port refuses.
    pub(crate) async fn stop(&mut self) {
        if let State::Listening(acceptor) = std::mem::replace(&mut self.state, State::Changing) {
            acceptor.abort();
            let _ = acceptor.await;
        }
        self.order(&Order::Reset);
        self.until("the connections are reset", |all| {
            all.iter().all(|one| one.ended.is_some())
        })
        .await;
        self.state = State::Absent(reserve(self.port).unwrap());
    }

    /// Treats those who connect from now on in this `manner`.
    pub(crate) fn behave(&self, manner: Manner) {
        *self.journal.manner.lock().unwrap() = manner;
    }

    /// Sends `messages` to everyone who is connected.
    pub(crate) fn send(&self, messages: impl IntoIterator<Item = Message>) {
        self.order(&Order::Send(messages.into_iter().collect()));
    }

    /// Closes every connection with `code` and `reason`; without a code if it is 1005.
    pub(crate) fn close(&self, code: u16, reason: &'static str) {
        self.order(&Order::Close(code, reason));
    }

    /// Everything noted so far.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.journal.records().clone()
    }

    /// How many connections were opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.journal
            .records()
            .iter()
            .filter(|one| one.opened.is_some())
            .count()
    }

    /// How many connections are open.
    pub(crate) fn alive(&self) -> usize {
        self.journal
            .records()
            .iter()
            .filter(|one| one.is_alive())
            .count()
    }

    /// Every text received so far, on whatever connection.
    pub(crate) fn texts(&self) -> Vec<String> {
        let connections = self.connections();
        connections
            .into_iter()
            .flat_map(|one| one.frames)
            .map(|frame| frame.text)
            .collect()
    }

    /// Waits until what was noted meets `condition`, and returns it.
    pub(crate) async fn until(
        &self,
        what: &str,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Vec<Connection> {
        self.until_within(SOON, what, condition).await
    }

    /// [`Server::until`] with another deadline.
    pub(crate) async fn until_within(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&[Connection]) -> bool,
    ) -> Vec<Connection> {
        eventually(what, deadline, async || {
            let connections = self.connections();
            condition(&connections).then_some(connections)
        })
        .await
    }

    /// Waits until exactly `texts` have arrived.
    pub(crate) async fn receives(&self, texts: &[&str]) {
        eventually("all texts have arrived", SOON, async || {
            (self.texts().len() >= texts.len()).then_some(())
        })
        .await;
        assert_eq!(self.texts(), texts);
    }

    fn order(&self, order: &Order) {
        self.journal
            .live
            .lock()
            .unwrap()
            .retain(|one| one.send(order.clone()).is_ok());
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
    pub(crate) fn is_alive(&self) -> bool {
        self.opened.is_some() && self.ended.is_none()
    }

    /// The times between one frame and the next.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        self.frames
            .windows(2)
            .map(|pair| pair[1].at - pair[0].at)
            .collect()
    }
}

enum State {
    /// The port is held, and nobody listens.
    Absent(TcpSocket),
    Listening(JoinHandle<()>),
    Changing,
}

struct Journal {
    manner: Mutex<Manner>,
    records: Mutex<Vec<Connection>>,
    live: Mutex<Vec<UnboundedSender<Order>>>,
}

#[derive(Clone)]
enum Order {
    Send(Vec<Message>),
    Close(u16, &'static str),
    Reset,
}

impl Journal {
    fn records(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.records.lock().unwrap()
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut Connection)) {
        change(&mut self.records()[number]);
    }
}

/// Holds the port without listening: who connects is refused, and nobody else can take it.
fn reserve(port: u16) -> std::io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

async fn accept(listener: TcpListener, journal: Arc<Journal>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (orders, inbox) = unbounded_channel();
        journal.live.lock().unwrap().push(orders);
        let number = {
            let mut records = journal.records();
            records.push(Connection {
                reached: Instant::now(),
                opened: None,
                protocols: None,
                frames: Vec::new(),
                close_code: None,
                ended: None,
            });
            records.len() - 1
        };
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            let manner = *journal.manner.lock().unwrap();
            match manner {
                Manner::Deaf => ignore(stream, inbox).await,
                Manner::Refuse => refuse(stream).await,
                Manner::Echo
                | Manner::Unfamiliar
                | Manner::Silent
                | Manner::Answer(_)
                | Manner::Talk { .. }
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
    stream.set_nodelay(true).unwrap();
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
        Manner::Talk { text, period } => (Some(text), period),
        Manner::Dismiss(code) => {
            let _ = close(&mut socket, code, "").await;
            (None, NEVER)
        }
        Manner::Echo
        | Manner::Unfamiliar
        | Manner::Silent
        | Manner::Answer(_)
        | Manner::Deaf
        | Manner::Refuse => (None, NEVER),
    };
    let mut period = interval(period);
    period.tick().await;
    loop {
        let sent = select! {
            frame = socket.next() => {
                let Some(Ok(message)) = frame else { return };
                journal.note(number, |one| one.receive(&message));
                match manner.answer(message) {
                    Some(answer) => socket.send(answer).await,
                    None => Ok(()),
                }
            }
            _ = period.tick(), if says.is_some() => {
                socket.send(Message::text(says.unwrap_or_default())).await
            }
            order = inbox.recv() => match order {
                Some(Order::Send(messages)) => send(&mut socket, messages).await,
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
        let offered = offered.map(|names| names.to_str().unwrap().to_owned());
        if self.takes_first
            && let Some(first) = offered.as_deref().and_then(|names| names.split(',').next())
        {
            response
                .headers_mut()
                .insert(PROTOCOLS, first.parse().unwrap());
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

/// Lets the end of the stream be an RST.
fn reset(stream: &TcpStream) {
    stream.set_zero_linger().unwrap();
}

impl Connection {
    fn receive(&mut self, message: &Message) {
        if let Message::Text(text) = message {
            self.frames.push(Frame {
                at: Instant::now(),
                text: text.to_string(),
            });
        }
        if let Message::Close(frame) = message {
            self.close_code = Some(frame.as_ref().map_or(NO_CODE, |frame| frame.code.into()));
        }
    }
}

const PROTOCOLS: &str = "sec-websocket-protocol";

/// RFC 6455 §7.1.5: a close frame without a code.
const NO_CODE: u16 = 1005;

/// Longer than any test.
const NEVER: Duration = Duration::from_hours(1);
