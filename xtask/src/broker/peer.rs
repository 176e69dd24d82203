//! Another client of the cluster.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use heartwire::core::stomp::{
    SUBPROTOCOL,
    frame::{self, Item},
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{LOGIN, PASSCODE, START};
use crate::Error;

/// Another client of the cluster.
pub struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    receipts: u64,
}

impl Peer {
    /// Connects, and logs in.
    ///
    /// # Errors
    ///
    /// When it is not let in.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let lost = |cause: tungstenite::Error| Error::Failed(format!("{url}: {cause}"));
        let mut request = url.into_client_request().map_err(lost)?;
        let offered = HeaderValue::from_static(SUBPROTOCOL);
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", offered);
        let (socket, _) = connect_async(request).await.map_err(lost)?;
        let mut peer = Self {
            socket,
            receipts: 0,
        };
        let headers = [
            ("accept-version", "1.2"),
            ("host", "/"),
            ("login", LOGIN),
            ("passcode", PASSCODE),
        ];
        peer.say("CONNECT", &headers, "").await?;
        peer.hear("CONNECTED", START).await?;
        Ok(peer)
    }

    /// Sends a text, and waits for its receipt.
    ///
    /// # Errors
    ///
    /// When none comes.
    pub async fn send(&mut self, destination: &str, text: &str) -> Result<(), Error> {
        self.receipts += 1;
        let receipt = self.receipts.to_string();
        let headers = [("destination", destination), ("receipt", &receipt)];
        self.say("SEND", &headers, text).await?;
        self.hear("RECEIPT", START).await.map(drop)
    }

    /// Takes all that a queue holds: until nothing comes for a while.
    ///
    /// # Errors
    ///
    /// When the connection is lost.
    pub async fn drain(mut self, destination: &str) -> Result<Vec<String>, Error> {
        let headers = [("id", "drain"), ("destination", destination)];
        self.say("SUBSCRIBE", &headers, "").await?;
        let mut texts = Vec::new();
        while let Ok(text) = self.hear("MESSAGE", QUIET).await {
            texts.push(text);
        }
        self.end().await?;
        Ok(texts)
    }

    /// Closes the connection, and waits until the broker has.
    ///
    /// # Errors
    ///
    /// When it is lost before.
    pub async fn end(mut self) -> Result<(), Error> {
        let lost = |cause: tungstenite::Error| Error::Failed(format!("a peer's end: {cause}"));
        self.socket.close(None).await.map_err(lost)?;
        while let Some(Ok(_)) = self.socket.next().await {}
        Ok(())
    }

    async fn say(
        &mut self,
        command: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<(), Error> {
        let frame = Message::text(frame::write(command, headers, body));
        let said = self.socket.send(frame).await;
        said.map_err(|cause| Error::Failed(format!("{command}: {cause}")))
    }

    /// Waits for a frame with this command; returns what it carries.
    async fn hear(&mut self, command: &str, patience: Duration) -> Result<String, Error> {
        let heard = timeout(patience, async {
            while let Some(Ok(message)) = self.socket.next().await {
                if let Ok(text) = message.to_text()
                    && let Ok(Some((Item::Frame(frame), _))) = frame::split(text)
                {
                    if frame.command == command {
                        return Ok(frame.body.to_owned());
                    }
                    if frame.command == "ERROR" {
                        return Err(Error::Failed(text.to_owned()));
                    }
                }
            }
            Err(Error::Failed(format!("it ended before {command}")))
        });
        let late = |_| Err(Error::Failed(format!("no {command} came")));
        heard.await.unwrap_or_else(late)
    }
}

/// What a queue is empty after.
const QUIET: Duration = Duration::from_secs(2);
