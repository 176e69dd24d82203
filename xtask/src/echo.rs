//! A WebSocket server that answers every message with the same message.

mod handshake;
mod socket;

use std::fmt;
use std::future::{self, Future};
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use clap::{ArgAction, Args};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{self, Interval, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use self::handshake::Refusal;
use self::socket::{Received, Room, Socket};
use crate::{Error, Interrupt, arguments, console};

/// Runs `cargo xtask echo`.
///
/// # Errors
///
/// When an option cannot be read or the port cannot be had.
pub async fn command(options: Options, interrupt: &mut Interrupt) -> Result<(), Error> {
    let server = Server::bind(options).await?;
    console::say(format_args!(
        "echo server on ws://{}, Ctrl-C ends it",
        server.local_addr()
    ));
    server
        .run(async {
            interrupt.received().await;
        })
        .await;
    Ok(())
}

/// The echo server alone
///
/// Answers each text with the same text (a heartbeat too) and each binary message with the same
/// bytes. Of the subprotocols that a client offers, it takes the first. Whoever is no WebSocket client is
/// told what this is. Ctrl-C closes every client with 1001 and ends the server.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = LOG)]
pub struct Options {
    /// Address or name to listen on
    #[arg(long, default_value = HOST)]
    pub host: String,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = PORT, value_parser = arguments::free_port)]
    pub port: u16,
    /// How often a client gets a ping frame, and how long it has to answer or to take an answer;
    /// one that has not is dropped. 100ms to 1440m, as in 500ms, 30s, 2m, or off
    #[arg(long, value_name = "DURATION", default_value = PING, value_parser = ping_period)]
    pub ping: Period,
    /// The longest message; a client that sends a longer one is closed with 1009.
    /// 125 to 64MiB, as in 512, 64KiB, 16MiB
    #[arg(long, value_name = "SIZE", default_value = MAX_MESSAGE, value_parser = message_size)]
    pub max_message: usize,
    /// Whether each connection and each message is a line on the standard output.
    #[arg(
        long = "quiet",
        action = ArgAction::SetFalse,
        help = "No line for each connection and message"
    )]
    pub log: bool,
}

/// How often something is done; `None` for never.
pub type Period = Option<Duration>;

impl Default for Options {
    fn default() -> Self {
        Self {
            host: HOST.to_owned(),
            port: PORT,
            ping: ping_period(PING).unwrap_or_default(),
            max_message: message_size(MAX_MESSAGE).unwrap_or_default(),
            log: true,
        }
    }
}

const HOST: &str = "127.0.0.1";
const PORT: u16 = 8080;
const PING: &str = "30s";
const MAX_MESSAGE: &str = "16MiB";

/// How the log is read, as the help tells it.
const LOG: &str = "\
Long messages of all clients share 64 MiB. One for which there is no room is not read before there is;
a client that stands still for 10 s in the midst of such a message, or of its answer, is dropped.

Each line of the log holds the time since the start, the client's number, and what happened:
  ←  received from the client        →  sent to the client";

/// An echo server that has its port.
///
/// Dropping the server, or the future of [`Server::run`], cuts every client off without a close
/// frame, as a killed server does.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
}

impl Server {
    /// Takes the port. Clients can connect from now on; [`Server::run`] answers them.
    ///
    /// # Errors
    ///
    /// When the port is in use, or the host is not one of this machine's.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let Options { host, port, .. } = &options;
        let bound = TcpListener::bind((host.as_str(), *port)).await;
        let (listener, address) = bound
            .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
            .map_err(|cause| {
                Error::Failed(if cause.kind() == io::ErrorKind::AddrInUse {
                    format!(
                        "port {port} of {host} is in use: end the program that listens there, or \
                         choose another port with --port"
                    )
                } else {
                    format!("the echo server cannot listen on {host}, port {port}: {cause}")
                })
            })?;
        Ok(Self {
            listener,
            address,
            options,
        })
    }

    /// The address to connect to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers clients until `shutdown`, then closes each of them with 1001.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            listener, options, ..
        } = self;
        let started = Instant::now();
        let (closing, closed) = watch::channel(false);
        let room = Room::new();
        let mut clients = JoinSet::new();
        let mut number = 0;

        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = clients.join_next() => tell_fault(ended),
                accepted = listener.accept(), if clients.len() < MAX_CLIENTS => match accepted {
                    Ok((stream, peer)) => {
                        number += 1;
                        let client = Client { number, started, options: options.clone() };
                        clients.spawn(client.serve(stream, peer, room.clone(), closed.clone()));
                    }
                    // Such as too many open files: it passes when clients leave.
                    Err(cause) => {
                        console::say(format_args!("no client can be accepted: {cause}"));
                        time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }

        drop(listener);
        closing.send_replace(true);
        let gone = async {
            while let Some(ended) = clients.join_next().await {
                tell_fault(ended);
            }
        };
        // Who is still there then is cut off when `clients` is dropped.
        let _ = time::timeout(2 * LINGER, gone).await;
    }
}

/// Says so where a client was dropped without a word, by a fault of this program.
fn tell_fault(ended: Result<(), JoinError>) {
    if let Err(fault) = ended {
        console::say(format_args!("a client is dropped by a fault: {fault}"));
    }
}

/// One connection.
struct Client {
    number: u64,
    started: Instant,
    options: Options,
}

impl Client {
    async fn serve(
        self,
        mut stream: TcpStream,
        peer: SocketAddr,
        room: Room,
        mut closing: watch::Receiver<bool>,
    ) {
        // Answers are small and awaited; a failure costs only time.
        let _ = stream.set_nodelay(true);
        let accepted = tokio::select! {
            accepted = handshake::accept(&mut stream) => accepted,
            () = begun(&mut closing) => return,
        };
        let unread = match accepted {
            Ok(unread) => unread,
            Err(refusal) => {
                self.log(format_args!("no handshake from {peer}: {refusal}"));
                // Whoever does not take it by then needs no answer.
                let _ = time::timeout(LINGER, refuse(stream, &refusal)).await;
                return;
            }
        };

        self.log(format_args!("open, from {peer}"));
        let mut socket = Socket::new(stream, unread, self.options.max_message, room);
        let end = self.echo(&mut socket, &mut closing).await;
        self.log(format_args!("{end}"));
        if let Some(frame) = end.farewell() {
            // Whoever does not end by then, or already has, needs no further answer.
            let _ = time::timeout(LINGER, socket.close(frame)).await;
        }
    }

    /// Answers messages until the connection ends or has to.
    async fn echo(&self, socket: &mut Socket, closing: &mut watch::Receiver<bool>) -> End {
        let mut ping = self.options.ping.map(|period| {
            let mut ping = time::interval_at(time::Instant::now() + period, period);
            ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ping
        });
        let mut ping_unanswered = false;

        loop {
            let received = tokio::select! {
                // What has come is read before anybody is called silent.
                biased;
                () = begun(closing) => return End::Shutdown,
                received = socket.receive() => received,
                () = tick(&mut ping) => {
                    if ping_unanswered {
                        // No answer can come in the midst of a frame.
                        if socket.is_amid() {
                            continue;
                        }
                        return End::Silent;
                    }
                    ping_unanswered = true;
                    self.log(format_args!("→ ping"));
                    if let Err(end) = self.send(socket, &Message::Ping(Bytes::new())).await {
                        return end;
                    }
                    continue;
                }
            };
            match received {
                Ok(Received::Message(message @ (Message::Text(_) | Message::Binary(_)))) => {
                    self.log(format_args!("← {}", Shown(&message)));
                    if let Err(end) = self.send(socket, &message).await {
                        return end;
                    }
                    self.log(format_args!("→ {}", Shown(&message)));
                }
                Ok(Received::Message(Message::Ping(payload))) => {
                    if let Err(end) = self.send(socket, &Message::Pong(payload)).await {
                        return end;
                    }
                }
                Ok(Received::Message(Message::Pong(_))) => {
                    ping_unanswered = false;
                    self.log(format_args!("← pong"));
                }
                Ok(Received::Message(Message::Close(frame))) => return End::Closed(frame),
                // The socket yields none.
                Ok(Received::Message(Message::Frame(_))) => {}
                Ok(Received::Long(bytes)) => tokio::select! {
                    () = begun(closing) => return End::Shutdown,
                    () = socket.make_room(bytes) => {}
                },
                Ok(Received::End) => return End::Lost("no close frame".to_owned()),
                Err(cause) => return self.failed(cause),
            }
        }
    }

    /// Sends one message. A client that takes nothing of it within a ping's period is given up: the
    /// ping that would tell waits behind the message.
    async fn send(&self, socket: &mut Socket, message: &Message) -> Result<(), End> {
        let patience = self.options.ping.unwrap_or(Duration::MAX);
        let sent = socket.send(message, patience).await;
        sent.map_err(|cause| self.failed(cause))
    }

    /// What follows from an error of the library: its close code (RFC 6455 §7.4.1), if the client
    /// is to be told.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's own enum")]
    fn failed(&self, cause: tungstenite::Error) -> End {
        use tungstenite::error::Error;

        match cause {
            Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut => End::Stalled,
            Error::Capacity(_) => End::Refused(
                CloseCode::Size,
                format!("message longer than {} bytes", self.options.max_message),
            ),
            Error::Utf8(_) => End::Refused(CloseCode::Invalid, "text is not UTF-8".to_owned()),
            Error::Protocol(cause) => End::Refused(CloseCode::Protocol, cause.to_string()),
            lost => End::Lost(lost.to_string()),
        }
    }

    fn log(&self, what: fmt::Arguments<'_>) {
        if self.options.log {
            let seconds = self.started.elapsed().as_secs_f64();
            console::say(format_args!("{seconds:>10.3} s  #{} {what}", self.number));
        }
    }
}

/// How a connection came to its end.
enum End {
    /// The client closed it.
    Closed(Option<CloseFrame>),
    /// It broke.
    Lost(String),
    /// The client left a ping unanswered.
    Silent,
    /// The client took nothing of a message in time, or stood still while it sent one.
    Stalled,
    /// The client sent what it may not.
    Refused(CloseCode, String),
    /// The server ends.
    Shutdown,
}

impl End {
    /// The close frame that the client gets, if it gets one; one without a code has none inside.
    #[expect(clippy::option_option, reason = "a close frame may have no code")]
    fn farewell(self) -> Option<Option<CloseFrame>> {
        let frame = |code, reason: String| {
            Some(CloseFrame {
                code,
                reason: reason.into(),
            })
        };
        match self {
            Self::Closed(answered) => Some(answered),
            Self::Refused(code, reason) => Some(frame(code, reason)),
            Self::Shutdown => Some(frame(CloseCode::Away, "the server ends".to_owned())),
            Self::Lost(_) | Self::Silent | Self::Stalled => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(None) => write!(formatter, "closed by the client, without a code"),
            Self::Closed(Some(frame)) => {
                let code = u16::from(frame.code);
                write!(
                    formatter,
                    "closed by the client with {code} {:?}",
                    frame.reason.as_str()
                )
            }
            Self::Lost(cause) => write!(formatter, "lost: {cause}"),
            Self::Silent => write!(formatter, "dropped: the last ping is unanswered"),
            Self::Stalled => write!(
                formatter,
                "dropped: the client stands still in the midst of a message"
            ),
            Self::Refused(code, reason) => {
                write!(
                    formatter,
                    "closed by the server with {}: {reason}",
                    u16::from(*code)
                )
            }
            Self::Shutdown => write!(formatter, "closed by the server with 1001"),
        }
    }
}

/// A message as the log shows it: in one line, escaped, and short.
struct Shown<'a>(&'a Message);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_text() {
            Ok(text) if self.0.is_text() => {
                let end = text
                    .char_indices()
                    .nth(SHOWN_CHARS)
                    .map_or(text.len(), |(at, _)| at);
                let (shown, rest) = text.split_at(end);
                let dots = if rest.is_empty() { "" } else { "…" };
                write!(formatter, "{shown:?}{dots} {} B", text.len())
            }
            _ => write!(formatter, "binary {} B", self.0.len()),
        }
    }
}

/// Tells who is no WebSocket client what this is.
async fn refuse(mut stream: TcpStream, refusal: &Refusal) -> io::Result<()> {
    let address = format!("ws://{}", stream.local_addr()?);
    if let Some(answer) = refusal.answer(&address) {
        stream.write_all(answer.as_bytes()).await?;
        socket::end(stream).await?;
    }
    Ok(())
}

/// Waits until the server closes, or is gone.
async fn begun(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Waits for the next ping; forever where there is none.
async fn tick(ping: &mut Option<Interval>) {
    match ping {
        Some(ping) => {
            ping.tick().await;
        }
        None => future::pending().await,
    }
}

/// Reads the value of `--ping`.
fn ping_period(text: &str) -> Result<Period, String> {
    match text {
        "off" => Ok(None),
        _ => arguments::duration(text, &PING_PERIODS)
            .map(Some)
            .ok_or_else(|| {
                "not a duration from 100ms to 1440m, such as 500ms, 30s, 2m, or off".to_owned()
            }),
    }
}

/// Reads the value of `--max-message`.
fn message_size(text: &str) -> Result<usize, String> {
    arguments::bytes(text, &MAX_MESSAGES)
        .ok_or_else(|| "not a size from 125 to 64MiB, such as 512, 64KiB, 16MiB".to_owned())
}

/// The periods of pings that can be asked for. A client cannot answer in less, and the clock has no
/// time for much more; the page's own settings end at a day, too.
const PING_PERIODS: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_hours(24);

/// The longest messages that can be asked for, in bytes: no less than a control frame, which has the
/// same limit, and no more than there is room for.
const MAX_MESSAGES: RangeInclusive<usize> = 125..=socket::ROOM;

/// Clients at one time; more wait to be accepted. Far above what one page needs, and with less than
/// 64 KiB for each, beside the long messages, it bounds the memory of all.
const MAX_CLIENTS: usize = 1000;

/// How long a client that is being closed may take to answer.
const LINGER: Duration = Duration::from_secs(1);

/// How long to wait after a connection could not be accepted, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much of a text stands in the log, in characters.
const SHOWN_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpSocket;
    use tokio::sync::oneshot;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
    use tokio_tungstenite::{WebSocketStream, client_async};

    use super::*;

    #[tokio::test]
    async fn texts_and_bytes_come_back_as_they_were() {
        let server = Running::start(Options::default()).await;
        let mut client = server.connect().await;

        for message in [
            Message::text("hello"),
            Message::text("heartbeat"),
            Message::text("<b>你</b>"),
            Message::text(""),
            Message::binary(vec![0, 255, 10]),
            Message::text("x".repeat(4 << 20)),
        ] {
            client.send(message.clone()).await.unwrap();
            assert_eq!(client.next().await.unwrap().unwrap(), message);
        }
    }

    #[tokio::test]
    async fn a_client_that_answers_pings_stays() {
        let server = Running::start(Options {
            ping: Some(SHORT),
            ..Options::default()
        })
        .await;
        let mut client = server.connect().await;

        // Reading is what makes this client answer.
        for _ in 0..3 {
            assert!(client.next().await.unwrap().unwrap().is_ping());
        }
        client.send(Message::text("still here")).await.unwrap();

        let mut answer = client.next().await.unwrap().unwrap();
        while answer.is_ping() {
            answer = client.next().await.unwrap().unwrap();
        }
        assert_eq!(answer, Message::text("still here"));
    }

    #[tokio::test]
    async fn a_client_that_answers_no_ping_is_dropped_at_the_next() {
        let server = Running::start(Options {
            ping: Some(SHORT),
            ..Options::default()
        })
        .await;
        let mut client = server.connect().await.into_inner();

        let connected = Instant::now();
        let mut received = Vec::new();
        soon(client.read_to_end(&mut received)).await.unwrap();

        assert_eq!(received, PING_FRAME);
        assert!(connected.elapsed() >= SHORT, "{:?}", connected.elapsed());
    }

    #[tokio::test]
    async fn no_ping_is_sent_where_pings_are_off() {
        let server = Running::start(Options {
            ping: None,
            ..Options::default()
        })
        .await;
        let mut client = server.connect().await;

        assert!(time::timeout(2 * SHORT, client.next()).await.is_err());
    }

    #[tokio::test]
    async fn a_client_that_takes_no_data_is_dropped_and_blocks_no_one() {
        let period = 2 * SHORT;
        let server = Running::start(Options {
            ping: Some(period),
            ..Options::default()
        })
        .await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut greedy = server.connect_with(socket).await;
        // More than the system keeps for the server on its way to a client that does not read.
        let message = Message::binary(vec![0; 8 << 20]);
        greedy.send(message.clone()).await.unwrap();

        let mut other = server.connect().await;
        other.send(Message::text("hello")).await.unwrap();
        assert_eq!(other.next().await.unwrap().unwrap(), Message::text("hello"));

        // By the second ping a whole period has passed since the answer began.
        for _ in 0..2 {
            assert!(other.next().await.unwrap().unwrap().is_ping());
        }
        let mut received = Vec::new();
        let _ = soon(greedy.into_inner().read_to_end(&mut received)).await;
        assert!(received.len() < message.len(), "{}", received.len());
    }

    #[tokio::test]
    async fn a_message_over_the_limit_is_answered_with_1009() {
        let server = Running::start(Options {
            max_message: 1000,
            ..Options::default()
        })
        .await;

        let mut client = server.connect().await;
        client.send(Message::text("x".repeat(1000))).await.unwrap();
        assert_eq!(
            client.next().await.unwrap().unwrap(),
            Message::text("x".repeat(1000))
        );
        client.send(Message::text("x".repeat(1001))).await.unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Size);

        // So far above the limit that most of it was never read when the close frame is sent.
        let mut client = server.connect().await;
        client
            .send(Message::text("x".repeat(8 << 20)))
            .await
            .unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Size);
    }

    #[tokio::test]
    async fn the_limit_holds_for_fragments_and_before_a_payload_comes() {
        let server = Running::start(Options {
            max_message: 1000,
            ..Options::default()
        })
        .await;
        let fragment = |first_byte: u8| {
            let header = [first_byte, 0x80 | 0x7e, 0x02, 0x58, 0, 0, 0, 0];
            [&header[..], &[b'x'; 600]].concat()
        };

        let mut client = server.connect().await;
        client
            .get_mut()
            .write_all(&[fragment(0x01), fragment(0x80)].concat())
            .await
            .unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Size);

        // Announces 1 TiB and sends none of it.
        let mut client = server.connect().await;
        let header = [0x82, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        client.get_mut().write_all(&header).await.unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Size);
    }

    #[tokio::test]
    async fn what_is_no_websocket_is_refused_with_its_code() {
        let server = Running::start(Options::default()).await;
        let masked_text = |payload: u8| [0x81, 0x81, 0, 0, 0, 0, payload];
        let reserved_opcode = [0x83, 0x80, 0, 0, 0, 0];

        let mut client = server.connect().await;
        client
            .get_mut()
            .write_all(&masked_text(0xff))
            .await
            .unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Invalid);

        let mut client = server.connect().await;
        client.get_mut().write_all(&reserved_opcode).await.unwrap();
        assert_eq!(close_code(&mut client).await, CloseCode::Protocol);
    }

    #[tokio::test]
    async fn no_client_harms_another() {
        let server = Running::start(Options::default()).await;
        let mut client = server.connect().await;

        let mut garbage = TcpStream::connect(server.address).await.unwrap();
        garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let _ = garbage.read(&mut [0; 64]).await;
        let mut bytes = TcpStream::connect(server.address).await.unwrap();
        bytes.write_all(&[0; 4096]).await.unwrap();
        let _ = bytes.read(&mut [0; 64]).await;
        let _half_open = TcpStream::connect(server.address).await.unwrap();
        drop(server.connect().await);
        let reset = server.connect().await.into_inner();
        reset.set_zero_linger().unwrap();
        drop(reset);

        client.send(Message::text("hello")).await.unwrap();
        assert_eq!(
            client.next().await.unwrap().unwrap(),
            Message::text("hello")
        );
        let mut newcomer = server.connect().await;
        newcomer.send(Message::text("hello")).await.unwrap();
        assert_eq!(
            newcomer.next().await.unwrap().unwrap(),
            Message::text("hello")
        );
    }

    #[tokio::test]
    async fn shutdown_closes_every_client_with_1001_and_returns() {
        let server = Running::start(Options::default()).await;
        let mut clients = [server.connect().await, server.connect().await];
        let _half_open = TcpStream::connect(server.address).await.unwrap();

        server.shutdown.send(()).unwrap();

        for client in &mut clients {
            assert_eq!(close_code(client).await, CloseCode::Away);
            assert!(client.next().await.is_none());
        }
        soon(server.task).await.unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    #[tokio::test]
    async fn a_server_that_is_dropped_leaves_its_port_and_closes_nothing() {
        let server = Running::start(Options::default()).await;
        let mut client = server.connect().await;
        let port = server.address.port();

        server.task.abort();

        assert!(client.next().await.unwrap().is_err());
        Server::bind(Options {
            port,
            ..Options::default()
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn the_first_subprotocol_is_taken() {
        let server = Running::start(Options::default()).await;
        let mut request = format!("ws://{}", server.address)
            .into_client_request()
            .unwrap();
        let offered = "v12.stomp, v11.stomp".parse().unwrap();
        request
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, offered);

        let stream = TcpStream::connect(server.address).await.unwrap();
        let (_, response) = client_async(request, stream).await.unwrap();

        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "v12.stomp");
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let server = Running::start(Options::default()).await;
        let port = server.address.port();

        let refused = Server::bind(Options {
            port,
            ..Options::default()
        })
        .await
        .unwrap_err();

        let refused = refused.to_string();
        assert!(
            refused.starts_with(&format!("port {port} of 127.0.0.1 is in use: ")),
            "{refused}"
        );
    }

    #[test]
    fn messages_are_shown_in_one_short_line() {
        let shown = |message| Shown(&message).to_string();

        assert_eq!(
            shown(Message::text("say \"hi\"\n你")),
            r#""say \"hi\"\n你" 12 B"#
        );
        assert_eq!(
            shown(Message::text("你".repeat(60))),
            format!("\"{}\" 180 B", "你".repeat(60))
        );
        assert_eq!(
            shown(Message::text("你".repeat(61))),
            format!("\"{}\"… 183 B", "你".repeat(60))
        );
        assert_eq!(shown(Message::binary(&b"hi"[..])), "binary 2 B");
    }

    #[test]
    fn pings_have_a_period_or_are_off() {
        assert_eq!(ping_period("off"), Ok(None));
        for (text, period) in [
            ("100ms", Duration::from_millis(100)),
            ("30s", Duration::from_secs(30)),
            ("1440m", Duration::from_hours(24)),
        ] {
            assert_eq!(ping_period(text), Ok(Some(period)), "{text}");
        }
        for refused in ["0s", "1ms", "1441m", "18446744073709551615s", "never", ""] {
            assert!(ping_period(refused).is_err(), "{refused}");
        }
    }

    struct Running {
        address: SocketAddr,
        shutdown: oneshot::Sender<()>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Running {
        /// Starts a server without a log on a free port, unless `options` name one.
        async fn start(options: Options) -> Self {
            let port = if options.port == Options::default().port {
                0
            } else {
                options.port
            };
            let server = Server::bind(Options {
                port,
                log: false,
                ..options
            })
            .await
            .unwrap();
            let (shutdown, asked) = oneshot::channel();
            Self {
                address: server.local_addr(),
                shutdown,
                task: tokio::spawn(server.run(async { asked.await.unwrap() })),
            }
        }

        async fn connect(&self) -> WebSocketStream<TcpStream> {
            self.connect_with(TcpSocket::new_v4().unwrap()).await
        }

        async fn connect_with(&self, socket: TcpSocket) -> WebSocketStream<TcpStream> {
            let stream = socket.connect(self.address).await.unwrap();
            client_async(format!("ws://{}", self.address), stream)
                .await
                .unwrap()
                .0
        }
    }

    /// The code with which the server closes, pings aside.
    async fn close_code(client: &mut WebSocketStream<TcpStream>) -> CloseCode {
        let mut last = soon(client.next()).await.unwrap().unwrap();
        while last.is_ping() {
            last = soon(client.next()).await.unwrap().unwrap();
        }
        let Message::Close(frame) = last else {
            panic!("{last} instead of a close frame");
        };
        frame.unwrap().code
    }

    /// Ends a test that would wait forever.
    async fn soon<T>(event: impl Future<Output = T>) -> T {
        time::timeout(Duration::from_secs(20), event)
            .await
            .expect("it does not happen")
    }

    /// A period that tests can wait for.
    const SHORT: Duration = Duration::from_millis(500);

    /// RFC 6455 §5.2: final, opcode 9; no mask, no payload.
    const PING_FRAME: [u8; 2] = [0x89, 0];
}
