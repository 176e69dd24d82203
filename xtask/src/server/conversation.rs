//! What a server says to one who connects, and what it does to the connection.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::manner::{ASKED_EVERY, Manner, PATIENCE, Question, is_content};
use super::{Connection, Journal, NO_CODE, Order};

pub(super) async fn accept(listener: TcpListener, journal: Arc<Journal>) {
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

/// Lets the end of the stream be an RST.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

const PROTOCOLS: &str = "sec-websocket-protocol";

/// Longer than any test.
const NEVER: Duration = Duration::from_hours(1);
