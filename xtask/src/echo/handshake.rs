//! What a client is answered before it has a WebSocket, or in its place.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::headers::MAX_HEADERS;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{
    Request, Response, create_response, write_response,
};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

/// Reads a client's request and accepts it. Returns what the client has sent behind it.
///
/// # Errors
///
/// When that is no request for a WebSocket. Nothing is answered then.
pub(super) async fn accept(stream: &mut TcpStream) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    let request = async {
        loop {
            if !matches!(stream.read_buf(&mut head).await, Ok(1..)) {
                return Err(Refusal::Gone);
            }
            match Request::try_parse(&head) {
                Ok(Some((length, request))) => return Ok((length, request)),
                Ok(None) if head.len() < MAX_HEAD => {}
                Ok(None) => return Err(Refusal::TooLong),
                Err(cause) => return Err(Refusal::of(&cause, &head)),
            }
        }
    };
    let (length, request) = time::timeout(TIMEOUT, request)
        .await
        .unwrap_or(Err(Refusal::Late))?;
    let mut response = create_response(&request).map_err(|cause| Refusal::of(&cause, &head))?;
    take_first_protocol(&request, &mut response);
    let mut answer = Vec::new();
    write_response(&mut answer, &response).map_err(|cause| Refusal::of(&cause, &head))?;
    match stream.write_all(&answer).await {
        Ok(()) => Ok(head.split_off(length)),
        Err(_) => Err(Refusal::Gone),
    }
}

/// Why a client has no WebSocket.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// It has left before its request was there.
    Gone,
    /// Its request is HTTP and asks for no WebSocket, or for one of another version.
    NoWebSocket {
        /// What it lacks.
        lack: String,
        /// Whether HTTP forbids a body in the answer.
        is_head: bool,
    },
    /// It begins TLS.
    Tls,
    /// What it sends is no HTTP, or a handshake that breaks the rules.
    Malformed(String),
    /// Its request is longer than [`MAX_HEAD`], or has too many header fields.
    TooLong,
    /// Its request was not there within [`TIMEOUT`].
    Late,
}

impl Refusal {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what else the library may find malformed is its own business"
    )]
    fn of(cause: &Error, head: &[u8]) -> Self {
        use ProtocolError::{
            HttparseError, InvalidSecWebSocketKey, MissingConnectionUpgradeHeader,
            MissingSecWebSocketVersionHeader, MissingUpgradeWebSocketHeader, WrongHttpMethod,
            WrongHttpVersion,
        };

        let lines = head.split(|byte| *byte == b'\n').count() - 1;
        match cause {
            Error::Protocol(
                WrongHttpMethod
                | WrongHttpVersion
                | MissingConnectionUpgradeHeader
                | MissingUpgradeWebSocketHeader
                | MissingSecWebSocketVersionHeader,
            ) => Self::NoWebSocket {
                lack: cause.to_string(),
                is_head: head.starts_with(b"HEAD "),
            },
            Error::Protocol(InvalidSecWebSocketKey) => Self::Malformed(cause.to_string()),
            Error::Protocol(HttparseError(_)) if lines > MAX_HEADERS => Self::TooLong,
            _ if head.starts_with(&TLS_HANDSHAKE) => Self::Tls,
            other => Self::Malformed(other.to_string()),
        }
    }

    /// The answer, in which `address` is the one to connect to; none for who has gone.
    pub(super) fn answer(&self, address: &str) -> Option<String> {
        let (status, says) = match self {
            Self::Gone => return None,
            Self::NoWebSocket { .. } => ("426 Upgrade Required", "is for WebSockets"),
            Self::Tls => ("400 Bad Request", "does without TLS: ws://, not wss://"),
            Self::Malformed(_) => ("400 Bad Request", "understands WebSocket handshakes alone"),
            Self::TooLong => (
                "431 Request Header Fields Too Large",
                "takes shorter requests",
            ),
            Self::Late => ("408 Request Timeout", "has waited for a request"),
        };
        let body = format!(
            "This is Heartwire's echo server, which {says}.\n\
             It sends back every message. Connect to {address} with a WebSocket client: Heartwire's \
             page, or new WebSocket(\"{address}\") in a browser's console.\n"
        );
        // RFC 9110 §15.5.22 and §7.8: what to change to, here and now; RFC 6455 §4.4: which version.
        let (upgrade, connection) = match self {
            Self::NoWebSocket { .. } => (
                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "Upgrade, close",
            ),
            Self::Gone | Self::Tls | Self::Malformed(_) | Self::TooLong | Self::Late => {
                ("", "close")
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\n{upgrade}Connection: {connection}\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len(),
        );
        let is_head = matches!(self, Self::NoWebSocket { is_head: true, .. });
        Some(if is_head { head } else { head + &body })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => formatter.write_str("it has left"),
            Self::NoWebSocket { lack, .. } => write!(formatter, "{lack}; answered 426"),
            Self::Tls => formatter.write_str("TLS, where ws:// has none; answered 400"),
            Self::Malformed(cause) => write!(formatter, "{cause}; answered 400"),
            Self::TooLong => formatter.write_str("its request is too long; answered 431"),
            Self::Late => write!(
                formatter,
                "no request within {} s; answered 408",
                TIMEOUT.as_secs()
            ),
        }
    }
}

/// Browsers fail a connection when they offered subprotocols and the server took none
/// (WHATWG `WebSockets`, "establish a WebSocket connection").
fn take_first_protocol(request: &Request, response: &mut Response) {
    let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL);
    let first = offered.and_then(|offered| {
        offered
            .to_str()
            .ok()?
            .split(',')
            .next()?
            .trim()
            .parse()
            .ok()
    });
    if let Some(first) = first {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
}

/// How long a client may take for its request, as browsers give up far later.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest request, in bytes: cookies of all that runs on this machine's other ports are in it.
const MAX_HEAD: usize = 64 << 10;

/// RFC 8446 §5.1: a record of type handshake, of a version that begins with 3.
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];
