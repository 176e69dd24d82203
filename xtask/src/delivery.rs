//! What arrives of texts that are typed while connections are killed, and what the page says of it.
//!
//! A script types, at a steady pace. A proxy resets the connection every 0.3 to 0.9 s, at times
//! that one seed gives to every client alike; with a delay in either direction, something is
//! always on its way. The last texts are typed into a connection that takes nothing any more, and
//! then it is killed too. A text that the server never gets is lost; one that the page calls confirmed
//! and the server does not have is falsely confirmed.

mod client;
mod kills;
mod scene;
mod witness;

use std::fmt;
use std::time::{Duration, Instant};

pub use self::client::{Client, Resend};
use self::kills::Kills;
pub use self::scene::Backend;
use self::scene::{Scene, is_quiet, stands};
use self::witness::Witness;
use crate::Error;
use crate::proxy::Proxy;
use crate::wait::SOON;

/// How much is typed, and what happens to it on the way.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many texts.
    pub texts: usize,
    /// From one text to the next.
    pub pace: Duration,
    /// Of every byte, in either direction.
    pub delay: Duration,
    /// As many kills at least; with fewer, the trial says nothing.
    pub kills: usize,
    /// Whether what one connection had taken must be answered before the next one is killed, where it
    /// can be. Else a busy machine, where a page needs longer to connect than connections live,
    /// makes a text seem to be what ends them, which is then not sent any more. Clients are
    /// compared without: who waits is killed less often.
    pub awaits_answers: bool,
}

/// What came of one client at one server under one load.
#[derive(Debug)]
pub struct Report {
    /// The client.
    pub client: Client,
    /// The server.
    pub backend: Backend,
    /// What it was put under.
    pub load: Load,
    /// How many texts were typed.
    pub typed: usize,
    /// Different texts at the server.
    pub reached: usize,
    /// The numbers of those that the server never got.
    pub lost: Vec<usize>,
    /// Texts at the server beyond the first of each.
    pub repeated: usize,
    /// What the page showed at the end; `None` if it shows no such number.
    pub answered: Option<usize>,
    /// The same.
    pub confirmed: Option<usize>,
    /// How many heartbeats the server got.
    pub heartbeats: usize,
    /// The most texts at once that the page showed as confirmed and the server did not have, or
    /// had without a heartbeat behind them.
    pub falsely: usize,
    /// How often a connection was reset.
    pub kills: usize,
    in_order: bool,
    /// The most texts at once that had been typed and were not confirmed.
    backlog: usize,
    /// What the server noted, in words, and what it had not when the page was false.
    record: String,
}

impl Report {
    /// Takes `client` through `load` on its way to `backend`.
    ///
    /// # Errors
    ///
    /// If the page cannot be opened, or what is awaited does not come within a minute.
    pub async fn of(client: Client, backend: Backend, load: Load) -> Result<Self, Error> {
        let scene = Scene::start(backend, client.is_marked()).await?;
        let proxy = Proxy::to(&scene.server).await?;
        proxy.delay(load.delay);
        let (page, _host) = client.open(&format!("url={proxy}&{QUICK}")).await?;
        scene
            .server
            .awaits(SOON, "a connection", |_| scene.alive() == 1)
            .await?;

        let mut witness = Witness::new(client.promise(backend), &page, &scene);
        let last = load.texts - LAST;
        witness.types(1..=last, load.pace).await?;
        let awaits_answers = load.awaits_answers && client.gets_all_answers(backend);
        let mut kills = Kills::new(&proxy, &scene, awaits_answers);
        let start = Instant::now();
        // With fewer kills by then, the report says so.
        while start.elapsed() < PATIENCE
            && (witness.typed < last || (client.reconnects() && kills.count < load.kills))
        {
            witness.looks().await?;
            kills.go_on(&witness);
        }
        let mut kills = kills.count;
        if client.reconnects() {
            witness
                .sees("a connection that stays", || stands(&scene))
                .await?;
        }
        proxy.black_hole();
        witness.types(last + 1..=load.texts, load.pace).await?;
        witness.sees_typed(load.texts).await?;
        if scene.alive() > 0 {
            proxy.reset();
            kills += 1;
        }
        if client.reconnects() {
            let connections = scene.connections().len();
            witness
                .sees("the end of what arrives", || {
                    scene.connections().len() > connections && is_quiet(&scene)
                })
                .await?;
        }
        Ok(witness.report(client, backend, load, kills))
    }

    /// Says why the load was not what it should be.
    #[must_use]
    pub fn unfairness(&self) -> Option<String> {
        let Self {
            client,
            backend,
            load,
            ..
        } = self;
        // Whoever had texts on the way when a connection died lost them or sent them again.
        let touched = self.lost.len() + self.repeated;
        let reason = if self.typed != load.texts {
            format!("{} typed", self.typed)
        } else if client.reconnects() && self.kills < load.kills {
            format!("{} kills", self.kills)
        } else if touched == 0 {
            "the kills did nothing".to_owned()
        } else {
            return None;
        };
        Some(format!("{client}, {backend}: {reason}"))
    }

    /// Says which promise the client broke, and how that came.
    #[must_use]
    pub fn breach(&self) -> Option<String> {
        let lost_last = self.lost.last() == Some(&self.load.texts);
        let breach = match self.client.promise(self.backend) {
            // Typed texts take each other's place then, and the numbers below mean nothing.
            Resend::Every if self.client.outbox_limit() <= Some(self.backlog) => {
                "had its outbox full: it got no proofs, or the machine is too busy"
            }
            _ if self.falsely > 0 => "confirmed what was not proven",
            _ if self.confirmed > Some(0) && !self.client.gets_proofs(self.backend) => {
                "confirmed without a proof"
            }
            Resend::Every if !self.lost.is_empty() => "lost texts",
            Resend::Every if !self.in_order => "changed the order",
            Resend::Every if self.confirmed == Some(0) => "confirmed nothing",
            Resend::Latest if lost_last => "lost the last text",
            Resend::Every | Resend::Latest | Resend::Off => return None,
        };
        Some(format!(
            "{}, {}, {breach}: {}",
            self.client, self.backend, self.record
        ))
    }
}

/// A row of the table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            |number: Option<usize>| number.map_or_else(|| "none".to_owned(), |n| n.to_string());
        write!(
            f,
            "{:<39} {:<12} {:>5} {:>5} {:>7} {:>5} {:>8} {:>10} {:>8} {:>9} {:>7} {:>5}",
            self.client.to_string(),
            self.backend,
            self.load.delay.as_millis(),
            self.typed,
            self.reached,
            self.lost.len(),
            self.repeated,
            self.heartbeats,
            shown(self.answered),
            shown(self.confirmed),
            shown(self.confirmed.map(|_| self.falsely)),
            self.kills,
        )
    }
}

/// The head of the table; the delay is in milliseconds.
pub const TITLES: &str = "client                                  server       delay typed reached  lost \
                      repeated heartbeats answered confirmed falsely kills";

/// As many texts are typed into the connection that the last kill takes.
const LAST: usize = 10;

/// Reconnecting that costs little of the time in which the kills come.
const QUICK: &str = "retry_min=10ms&retry_max=50ms";

/// How what the page sends as a heartbeat begins.
const HEARTBEAT: &str = "heartbeat";

/// Gives every client the same kills.
const SEED: u64 = 3;

/// How long any part of a trial may take.
const PATIENCE: Duration = Duration::from_mins(1);
