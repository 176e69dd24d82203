//! The server, and who is connected there besides the page.

use std::fmt;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::{HEARTBEAT, SEED};
use crate::Error;
use crate::server::{Connection, Manner, Server};
use crate::wait::SOON;

/// The server that gets what is typed, by what else the page hears from there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backend {
    /// Sends back what it gets and says nothing else.
    Echo,
    /// Sends back what it gets, and a heartbeat of its own again and again.
    BeatingEcho,
    /// Answers nothing, and sends a heartbeat of its own again and again.
    Beating,
    /// Passes on what anybody says to everybody, to a client too that sends the same kind of
    /// heartbeats as the page does, and texts of its own.
    Relay,
}

impl Backend {
    fn manner(self) -> Manner {
        match self {
            Self::Echo => Manner::Echo,
            Self::BeatingEcho => Manner::EchoAndTalk {
                text: HEARTBEAT,
                period: BEAT,
            },
            Self::Beating => Manner::Talk {
                text: HEARTBEAT,
                period: BEAT,
            },
            Self::Relay => Manner::Relay,
        }
    }

    /// Whether what the page sends comes back to it.
    pub(super) fn returns(self) -> bool {
        match self {
            Self::Echo | Self::BeatingEcho | Self::Relay => true,
            Self::Beating => false,
        }
    }
}

impl fmt::Display for Backend {
    /// Fills the column as asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Echo => "echo",
            Self::BeatingEcho => "beating echo",
            Self::Beating => "beating",
            Self::Relay => "relay",
        })
    }
}

/// A server with those who are connected before the page, and what it noted of the page alone.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) server: Server,
    /// How many others there are: theirs are the first connections.
    others: usize,
    _others: JoinSet<()>,
}

impl Scene {
    /// Starts the server and whoever is connected there before the page.
    pub(super) async fn start(backend: Backend, is_marked: bool) -> Result<Self, Error> {
        let server = Server::start(backend.manner())?;
        let mut others = JoinSet::new();
        if backend == Backend::Relay {
            others.spawn(take_part(server.to_string(), is_marked));
        }
        let count = others.len();
        server
            .awaits(SOON, "the others are connected", |_| {
                server.alive() == count
            })
            .await?;
        Ok(Self {
            server,
            others: count,
            _others: others,
        })
    }

    pub(super) fn connections(&self) -> Vec<Connection> {
        self.server.connections().split_off(self.others)
    }

    /// How many connections of the page are open.
    pub(super) fn alive(&self) -> usize {
        self.server.alive() - self.others
    }
}

/// Is a client of a relay as the page is, with heartbeats of its own marks if the page has marks.
async fn take_part(address: String, is_marked: bool) {
    let Ok((socket, _)) = connect_async(address).await else {
        return;
    };
    let (mut says, mut hears) = socket.split();
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut beat = interval(BEAT);
    loop {
        select! {
            // Else what it is sent would fill the server's buffers.
            frame = hears.next() => if !matches!(frame, Some(Ok(_))) { return },
            _ = beat.tick() => {
                let heartbeat = if is_marked {
                    // A mark has 16 digits and is below 2⁵³.
                    format!("{HEARTBEAT} {}", random.u64(1_000_000_000_000_000..1 << 53))
                } else {
                    HEARTBEAT.to_owned()
                };
                for text in [heartbeat, "somebody else's text".to_owned()] {
                    if says.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Whether there is a connection that has been open for several round trips.
pub(super) fn stands(scene: &Scene) -> bool {
    let all = scene.connections();
    let newest = all.last().filter(|one| one.is_alive());
    newest
        .and_then(|one| one.opened)
        .is_some_and(|opened| opened.elapsed() > STANDING)
}

/// Whether there is a connection and nothing has come over it for a long time.
pub(super) fn is_quiet(scene: &Scene) -> bool {
    let all = scene.connections();
    let newest = all.last().filter(|one| one.is_alive());
    newest.is_some_and(|one| {
        let last = one.frames.last().map(|frame| frame.at).max(one.opened);
        last.is_some_and(|at| at.elapsed() > QUIET)
    })
}

/// From one heartbeat to the next of whoever says them besides the page. As often, they once made the page
/// call 92 of 1,000 texts confirmed that were lost.
const BEAT: Duration = Duration::from_millis(100);

/// Ten round trips of 40 ms.
const STANDING: Duration = Duration::from_millis(400);

/// Longer than any client pauses while it sends what it holds: where nothing is answered, Heartwire waits
/// 3 s behind a text that several connections ended after.
const QUIET: Duration = Duration::from_secs(4);
