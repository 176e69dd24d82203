//! A TCP proxy that fails on demand, for the tests of the page and the measurements.

use std::fmt;
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep_until;
use tokio::try_join;

use crate::Error;
use crate::server::Server;
use crate::wait::eventually;

/// A TCP proxy on 127.0.0.1 that fails on demand and notes every connection.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    link: Arc<Link>,
    acceptor: JoinHandle<()>,
}

/// What the proxy noted about one connection, in the order in which they came.
#[derive(Clone, Copy, Debug)]
pub struct Passage {
    /// When the client reached the proxy.
    pub accepted: Instant,
    /// When neither direction could pass anything any more.
    pub ended: Option<Instant>,
}

impl Proxy {
    /// Passes on to `server`, from a free port.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn to(server: &Server) -> Result<Self, Error> {
        Self::to_port(server.port()).await
    }

    /// Passes on to whoever listens on this `port` of 127.0.0.1 when a connection comes.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub async fn to_port(target: u16) -> Result<Self, Error> {
        let failed = |cause| Error::Failed(format!("the proxy cannot listen: {cause}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let link = Arc::new(Link {
            state: Mutex::new(State {
                delay: Duration::ZERO,
                newcomers: Fate::Pass,
                passages: Vec::new(),
            }),
        });
        let acceptor = tokio::spawn(accept(listener, target, Arc::clone(&link)));
        Ok(Self {
            port,
            link,
            acceptor,
        })
    }

    /// Holds back whatever the present connections send, in both directions, their ends too, and
    /// closes nothing: both sides believe that they are connected. New connections pass.
    pub fn black_hole(&self) {
        self.link.decide(Fate::Hold);
    }

    /// Is a [`Proxy::black_hole`] for the connections to come too: they are accepted and reach
    /// nobody.
    pub fn black_hole_for_all(&self) {
        self.link.state().newcomers = Fate::Hold;
        self.black_hole();
    }

    /// Passes everything again, first what was held back.
    pub fn pass(&self) {
        self.link.state().newcomers = Fate::Pass;
        self.link.decide(Fate::Pass);
    }

    /// Ends the present connections with an RST to either side; what was held back is lost.
    pub fn reset(&self) {
        self.link.decide(Fate::Reset);
    }

    /// Delays every byte from now on by `delay`, in either direction, and keeps their order.
    pub fn delay(&self, delay: Duration) {
        self.link.state().delay = delay;
    }

    /// Every connection so far.
    #[must_use]
    pub fn passages(&self) -> Vec<Passage> {
        let state = self.link.state();
        state.passages.iter().map(|(passage, _)| *passage).collect()
    }

    /// Waits until the connections meet `condition`, and returns them.
    ///
    /// # Errors
    ///
    /// If they do not by the `deadline`; then the message says `what` did not happen.
    pub async fn awaits(
        &self,
        deadline: Duration,
        what: &str,
        condition: impl Fn(&[Passage]) -> bool,
    ) -> Result<Vec<Passage>, Error> {
        eventually(what, deadline, async || {
            let passages = self.passages();
            condition(&passages).then_some(passages)
        })
        .await
    }
}

/// The address to connect to, as the value of a query parameter too.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ws://127.0.0.1:{}", self.port)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// What the proxy and its connections share.
#[derive(Debug)]
struct Link {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    delay: Duration,
    newcomers: Fate,
    passages: Vec<(Passage, watch::Sender<Fate>)>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Pass,
    Hold,
    Reset,
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, fate: Fate) {
        for (_, decision) in &self.state().passages {
            // Who was reset stays so.
            decision.send_if_modified(|old| {
                let changes = *old != Fate::Reset && *old != fate;
                if changes {
                    *old = fate;
                }
                changes
            });
        }
    }

    /// Notes a new connection: its number, and what becomes of it.
    fn enter(&self) -> (usize, watch::Receiver<Fate>) {
        let mut state = self.state();
        let (decision, fate) = watch::channel(state.newcomers);
        let passage = Passage {
            accepted: Instant::now(),
            ended: None,
        };
        state.passages.push((passage, decision));
        (state.passages.len() - 1, fate)
    }

    fn leave(&self, number: usize) {
        self.state().passages[number].0.ended = Some(Instant::now());
    }
}

async fn accept(listener: TcpListener, target: u16, link: Arc<Link>) {
    // Ends the connections when the proxy ends.
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                let (number, fate) = link.enter();
                let link = Arc::clone(&link);
                connections.spawn(async move {
                    connect(client, target, &link, fate).await;
                    link.leave(number);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Takes one connection to its end.
async fn connect(client: TcpStream, target: u16, link: &Link, fate: watch::Receiver<Fate>) {
    let mut streams = vec![client];
    let broken = select! {
        passed = pass(&mut streams, target, link, &fate) => passed.is_err(),
        () = decided(&fate, Fate::Reset) => true,
    };
    if broken {
        for stream in streams {
            // Lets the end of the stream be an RST.
            let _ = stream.set_zero_linger();
        }
    }
}

/// Passes both directions until both have ended in order; an error if either broke.
async fn pass(
    streams: &mut Vec<TcpStream>,
    target: u16,
    link: &Link,
    fate: &watch::Receiver<Fate>,
) -> io::Result<()> {
    decided(fate, Fate::Pass).await;
    streams.push(TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?);
    let [client, server] = &mut streams[..] else {
        unreachable!("a connection has two ends")
    };
    // The proxy adds the delay that it was asked for and no other.
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let (up, above) = mpsc::channel(QUEUE);
    let (down, below) = mpsc::channel(QUEUE);
    try_join!(
        take(from_client, up, link),
        give(to_server, above, fate),
        take(from_server, down, link),
        give(to_client, below, fate),
    )?;
    Ok(())
}

/// What came at one side, and when it is due at the other; empty at the end of the stream.
struct Piece {
    due: Instant,
    bytes: io::Result<Vec<u8>>,
}

async fn take(
    mut from: impl AsyncRead + Unpin,
    queue: mpsc::Sender<Piece>,
    link: &Link,
) -> io::Result<()> {
    loop {
        let mut bytes = Vec::with_capacity(PIECE);
        let bytes = from.read_buf(&mut bytes).await.map(|_| bytes);
        let last = !matches!(&bytes, Ok(bytes) if !bytes.is_empty());
        let due = Instant::now() + link.state().delay;
        if queue.send(Piece { due, bytes }).await.is_err() || last {
            return Ok(());
        }
    }
}

async fn give(
    mut to: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Piece>,
    fate: &watch::Receiver<Fate>,
) -> io::Result<()> {
    while let Some(Piece { due, bytes }) = queue.recv().await {
        sleep_until(due.into()).await;
        decided(fate, Fate::Pass).await;
        let bytes = bytes?;
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}

/// Waits until `fate` is what becomes of the connection.
async fn decided(fate: &watch::Receiver<Fate>, awaited: Fate) {
    let mut fate = fate.clone();
    if fate.wait_for(|fate| *fate == awaited).await.is_err() {
        // The proxy is gone, and this connection with it.
        pending::<()>().await;
    }
}

/// The most bytes that are passed at once.
const PIECE: usize = 16 << 10;

/// How many pieces may be on their way in one direction: 4 MiB, more than sockets hold.
const QUEUE: usize = 256;

/// That the proxy does what the tests of the page take for granted, without a browser.
#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use tokio::io::{AsyncBufReadExt, BufReader};
    use tokio::time::{sleep, timeout};
    use tokio_tungstenite::client_async;
    use tokio_tungstenite::tungstenite::Message;

    use super::*;
    use crate::server::Manner;
    use crate::wait::SOON;

    #[tokio::test]
    async fn the_proxy_passes_both_directions_and_notes_the_ends() {
        let (proxy, _server) = proxied().await;

        let mut first = Line::through(&proxy).await;
        first.says("a").await;
        assert_eq!(first.hears().await.unwrap(), "a");
        let second = Line::through(&proxy).await;
        drop(first);

        let all = proxy
            .awaits(SOON, "the first has ended", |all| {
                all.len() == 2 && all[0].ended.is_some()
            })
            .await
            .unwrap();
        assert!(all[0].accepted <= all[1].accepted && all[1].ended.is_none());
        drop(second);
    }

    #[tokio::test]
    async fn a_black_hole_holds_what_there_is_and_closes_nothing() {
        let (proxy, server) = proxied().await;
        let mut old = Line::through(&proxy).await;
        old.says("a").await;
        assert_eq!(old.hears().await.unwrap(), "a");

        proxy.black_hole();
        old.says("b").await;
        let mut new = Line::through(&proxy).await;
        new.says("c").await;
        assert_eq!(new.hears().await.unwrap(), "c");

        // A whole round trip of a later one has not let it through.
        assert!(timeout(QUIET, old.hears()).await.is_err());
        assert_eq!(server.heard(), ["a", "c"]);
        assert_eq!(
            proxy
                .passages()
                .iter()
                .filter(|one| one.ended.is_some())
                .count(),
            0
        );
        proxy.pass();
        assert_eq!(old.hears().await.unwrap(), "b");
    }

    #[tokio::test]
    async fn a_black_hole_for_all_accepts_and_reaches_nobody() {
        let (proxy, server) = proxied().await;

        proxy.black_hole_for_all();
        let mut line = Line::through(&proxy).await;
        line.says("a").await;

        assert!(timeout(QUIET, line.hears()).await.is_err());
        assert_eq!(server.heard(), [""; 0]);
        proxy.pass();
        assert_eq!(line.hears().await.unwrap(), "a");
    }

    #[tokio::test]
    async fn a_black_hole_holds_the_end_of_a_connection_too() {
        let (proxy, server) = proxied().await;
        let mut line = Line::through(&proxy).await;
        line.says("a").await;
        assert_eq!(line.hears().await.unwrap(), "a");

        proxy.black_hole();
        drop(line);

        sleep(QUIET).await;
        assert_eq!(server.ends(), [""; 0]);
        proxy.pass();
        eventually("the end has come", SOON, async || {
            (server.ends() == ["closed"]).then_some(())
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_reset_reaches_both_sides() {
        let (proxy, server) = proxied().await;
        let mut line = Line::through(&proxy).await;
        line.says("a").await;
        assert_eq!(line.hears().await.unwrap(), "a");

        proxy.black_hole();
        proxy.reset();

        assert_eq!(
            line.hears().await.unwrap_err().kind(),
            io::ErrorKind::ConnectionReset
        );
        eventually("the server is told", SOON, async || {
            (server.ends() == ["reset"]).then_some(())
        })
        .await
        .unwrap();
        let all = proxy
            .awaits(SOON, "it has ended", |all| all[0].ended.is_some())
            .await
            .unwrap();
        assert_eq!(all.len(), 1);
    }

    #[tokio::test]
    async fn a_delay_holds_for_both_directions_and_keeps_the_order() {
        let (proxy, _server) = proxied().await;
        let mut line = Line::through(&proxy).await;
        let delay = Duration::from_millis(200);

        proxy.delay(delay);
        let said = Instant::now();
        line.says("1").await;
        assert_eq!(line.hears().await.unwrap(), "1");
        let taken = said.elapsed();
        assert!(taken >= 2 * delay, "{taken:?}");
        assert!(taken < 2 * delay + Duration::from_secs(1), "{taken:?}");

        line.says("2").await;
        // The proxy has taken the first before the delay is gone.
        sleep(delay / 4).await;
        proxy.delay(Duration::ZERO);
        line.says("3").await;
        assert_eq!(line.hears().await.unwrap(), "2");
        assert_eq!(line.hears().await.unwrap(), "3");
    }

    #[tokio::test]
    async fn its_address_is_one_of_a_web_socket_server() {
        let server = Server::start(Manner::Echo).unwrap();
        let proxy = Proxy::to(&server).await.unwrap();

        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port));
        let (mut client, _) = client_async(proxy.to_string(), stream.await.unwrap())
            .await
            .unwrap();
        client.send(Message::text("a")).await.unwrap();

        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("a"));
        assert_eq!(server.texts(), ["a"]);
    }

    /// A server that sends every line back and notes what it got.
    struct Lines {
        notes: Arc<Mutex<Notes>>,
        acceptor: JoinHandle<()>,
    }

    #[derive(Default)]
    struct Notes {
        heard: Vec<String>,
        ends: Vec<&'static str>,
    }

    impl Lines {
        fn heard(&self) -> Vec<String> {
            self.notes.lock().unwrap().heard.clone()
        }

        fn ends(&self) -> Vec<&'static str> {
            self.notes.lock().unwrap().ends.clone()
        }
    }

    impl Drop for Lines {
        fn drop(&mut self) {
            self.acceptor.abort();
        }
    }

    async fn proxied() -> (Proxy, Lines) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Proxy::to_port(port).await.unwrap();
        let notes = Arc::new(Mutex::new(Notes::default()));
        let shared = Arc::clone(&notes);
        let acceptor = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        (proxy, Lines { notes, acceptor })
    }

    async fn answer(stream: TcpStream, notes: Arc<Mutex<Notes>>) {
        let mut line = Line(BufReader::new(stream));
        let end = loop {
            match line.hears().await {
                Ok(text) if text.is_empty() => break "closed",
                Ok(text) => {
                    notes.lock().unwrap().heard.push(text.clone());
                    line.says(&text).await;
                }
                Err(_) => break "reset",
            }
        };
        notes.lock().unwrap().ends.push(end);
    }

    /// One end of a connection over which lines go.
    struct Line(BufReader<TcpStream>);

    impl Line {
        async fn through(proxy: &Proxy) -> Self {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port));
            Self(BufReader::new(stream.await.unwrap()))
        }

        async fn says(&mut self, text: &str) {
            let line = format!("{text}\n");
            self.0.write_all(line.as_bytes()).await.unwrap();
        }

        /// The next line; empty at the end of the connection.
        async fn hears(&mut self) -> io::Result<String> {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            Ok(line.trim_end().to_owned())
        }
    }

    /// How long nothing must come where nothing may.
    const QUIET: Duration = Duration::from_millis(300);
}
