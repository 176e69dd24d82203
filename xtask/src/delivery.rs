//! What arrives of texts that are typed while connections are killed, and what the page says of it.
//!
//! A script types, at a steady pace. A proxy resets the connection every 0.3 to 0.9 s, at times
//! that one seed gives to every client alike; with a delay in either direction, something is
//! always on its way. The last texts are typed into a connection that takes nothing any more, and
//! then it is killed too. A text that the server never gets is lost; one that the page calls confirmed
//! and the server does not have is falsely confirmed.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::browser::Browser;
use crate::host::{Content, Host};
use crate::page::{self, Page};
use crate::peers::Peer;
use crate::proxy::Proxy;
use crate::server::{Connection, Manner, Server};
use crate::wait::{POLL, SOON};
use crate::{Error, examples};

/// A page, and how it is opened.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// Heartwire's own.
    Heartwire {
        /// Where it is opened.
        browser: Browser,
        /// Its setting of this name.
        resend: Resend,
        /// Its setting of this name.
        outbox_limit: usize,
        /// Whether each of its heartbeats has a mark, `{n}`: without one nothing is promised.
        is_marked: bool,
    },
    /// What is made with Heartwire's crate, in Chromium. It keeps the newest text.
    Seed,
    /// One that it is measured beside, in Chromium.
    Peer(Peer),
}

/// The setting of this name, and so the promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resend {
    /// Everything arrives, in order; repeats are possible.
    Every,
    /// The last text arrives.
    Latest,
    /// Nothing is promised.
    Off,
}

impl Client {
    /// Heartwire in Chromium, with marks.
    #[must_use]
    pub fn heartwire(resend: Resend, outbox_limit: usize) -> Self {
        Self::Heartwire {
            browser: Browser::Chromium,
            resend,
            outbox_limit,
            is_marked: true,
        }
    }

    /// Heartwire in Chromium, without marks.
    #[must_use]
    pub fn unmarked(resend: Resend, outbox_limit: usize) -> Self {
        Self::Heartwire {
            browser: Browser::Chromium,
            resend,
            outbox_limit,
            is_marked: false,
        }
    }

    /// Opens its page with `query`, which means the same to all of them.
    async fn open(self, query: &str) -> Result<(Page, Host), Error> {
        let (browser, dist, query) = match self {
            Self::Heartwire {
                browser,
                resend,
                outbox_limit,
                is_marked,
            } => {
                let heartbeat = if is_marked { MARKED } else { HEARTBEAT };
                let own = format!(
                    "resend={resend}&outbox_limit={outbox_limit}&heartbeat_text={heartbeat}"
                );
                (browser, page::dist()?, format!("{query}&{own}"))
            }
            Self::Seed => (
                Browser::Chromium,
                examples::measured_seed()?,
                query.to_owned(),
            ),
            Self::Peer(peer) => (Browser::Chromium, peer.dist()?, query.to_owned()),
        };
        let host = Host::start(&Content::of(&dist)?).await?;
        let page = Page::start(browser).await?;
        page.go(&host.address(&query)).await?;
        let refused = "const alerts = [...document.querySelectorAll('[role=alert]')];
            return alerts.map((one) => one.textContent).join(' ')";
        let refused = page.evaluate(refused).await?;
        let refused = refused.as_str().unwrap_or_default();
        // It would go on with the default.
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        match names.into_iter().find(|name| refused.contains(name)) {
            None => Ok((page, host)),
            Some(name) => Err(Error::Failed(format!("{self} refuses {name}: {refused}"))),
        }
    }

    /// Whether it connects again by itself.
    fn reconnects(self) -> bool {
        match self {
            Self::Heartwire { .. } | Self::Seed => true,
            Self::Peer(peer) => peer.reconnects(),
        }
    }

    fn outbox_limit(self) -> Option<usize> {
        match self {
            Self::Heartwire { outbox_limit, .. } => Some(outbox_limit),
            Self::Seed | Self::Peer(_) => None,
        }
    }

    /// What its setting promises at this server.
    fn promise(self, backend: Backend) -> Resend {
        match self {
            Self::Heartwire { resend, .. } if self.gets_proofs(backend) => resend,
            Self::Heartwire { .. } | Self::Seed | Self::Peer(_) => Resend::Off,
        }
    }

    /// Whether there are proofs at this server. Without marks there is one in a clean close alone,
    /// and no connection of a trial closes so.
    fn gets_proofs(self, backend: Backend) -> bool {
        self.is_marked() && backend.returns()
    }

    /// Whether each text is answered or confirmed at this server, one after the other.
    fn gets_all_answers(self, backend: Backend) -> bool {
        let has_answers = self.gets_proofs(backend) || backend == Backend::Echo;
        match self {
            Self::Heartwire { resend, .. } => resend == Resend::Every && has_answers,
            Self::Seed | Self::Peer(_) => false,
        }
    }

    fn is_marked(self) -> bool {
        match self {
            Self::Heartwire { is_marked, .. } => is_marked,
            Self::Seed | Self::Peer(_) => false,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartwire {
                browser,
                resend,
                outbox_limit,
                is_marked,
            } => {
                write!(f, "Heartwire, {resend}, outbox {outbox_limit}")?;
                if !is_marked {
                    f.write_str(", no {n}")?;
                }
                match browser {
                    Browser::Chromium => Ok(()),
                    Browser::Firefox => f.write_str(", Firefox"),
                }
            }
            Self::Seed => f.write_str("Heartwire seed"),
            Self::Peer(peer) => f.write_str(&peer.title()),
        }
    }
}

impl fmt::Display for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Every => "every",
            Self::Latest => "latest",
            Self::Off => "off",
        })
    }
}

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
    fn returns(self) -> bool {
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
struct Scene {
    server: Server,
    /// How many others there are: theirs are the first connections.
    others: usize,
    _others: JoinSet<()>,
}

impl Scene {
    /// Starts the server and whoever is connected there before the page.
    async fn start(backend: Backend, is_marked: bool) -> Result<Self, Error> {
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

    fn connections(&self) -> Vec<Connection> {
        self.server.connections().split_off(self.others)
    }

    /// How many connections of the page are open.
    fn alive(&self) -> usize {
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

/// Compares what the page says with what the server has.
struct Witness<'a> {
    promise: Resend,
    page: &'a Page,
    scene: &'a Scene,
    started: Instant,
    typed: usize,
    answered: Option<usize>,
    confirmed: Option<usize>,
    /// What the connection has taken and is not answered.
    sent: usize,
    backlog: usize,
    falsely: usize,
    falsehood: String,
}

impl<'a> Witness<'a> {
    fn new(promise: Resend, page: &'a Page, scene: &'a Scene) -> Self {
        Self {
            promise,
            page,
            scene,
            started: Instant::now(),
            typed: 0,
            answered: None,
            confirmed: None,
            sent: 0,
            backlog: 0,
            falsely: 0,
            falsehood: String::new(),
        }
    }

    /// Lets the page type these texts, and does not wait for it.
    async fn types(&self, numbers: RangeInclusive<usize>, pace: Duration) -> Result<(), Error> {
        let (first, last) = numbers.into_inner();
        let script = format!(
            "const field = document.querySelector('#message');
            const start = performance.now();
            const pace = {};
            window.typed ??= 0;
            const step = () => {{
                const due = {first} + Math.floor((performance.now() - start) / pace);
                while (window.typed < Math.min(due, {last})) {{
                    field.value = String(window.typed + 1).padStart(4, '0');
                    field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));
                    window.typed += 1;
                }}
                if (window.typed < {last}) setTimeout(step, pace);
            }};
            step()",
            pace.as_millis()
        );
        self.page.evaluate(&script).await.map(drop)
    }

    async fn sees_typed(&mut self, last: usize) -> Result<(), Error> {
        let start = Instant::now();
        while self.typed < last {
            if start.elapsed() > PATIENCE {
                return Err(Error::Failed(format!("only {} typed", self.typed)));
            }
            self.looks().await?;
        }
        Ok(())
    }

    /// Goes on looking until `condition` holds.
    async fn sees(&mut self, what: &str, condition: impl Fn() -> bool) -> Result<(), Error> {
        let start = Instant::now();
        while !condition() {
            if start.elapsed() > PATIENCE {
                return Err(Error::Failed(format!("not within {PATIENCE:?}: {what}")));
            }
            self.looks().await?;
        }
        Ok(())
    }

    /// Looks at the page first and then at the server, so that a true page cannot seem false.
    async fn looks(&mut self) -> Result<(), Error> {
        let looks = "const shown = document.querySelector('[data-confirmed]')?.dataset;
            const numbers = shown && [shown.answered, shown.confirmed, shown.sent].map(Number);
            return [window.typed, ...(numbers ?? [])]";
        let seen = self.page.evaluate(looks).await?;
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        self.typed = number(&seen[0])
            .ok_or_else(|| Error::Failed("the page forgot what is typed".to_owned()))?;
        self.answered = number(&seen[1]);
        self.confirmed = number(&seen[2]);
        self.sent = number(&seen[3]).unwrap_or_default();
        let all = self.scene.connections();

        let confirmed = self.confirmed.unwrap_or_default();
        self.backlog = self.backlog.max(self.typed.saturating_sub(confirmed));
        let there: BTreeSet<_> = numbers(&all).collect();
        let covered = covered(&all).len();
        let missing = match self.promise {
            // Nothing is left out, so it is the first texts that are confirmed.
            Resend::Every => (1..=confirmed).filter(|n| !there.contains(n)).count(),
            // Which ones it does not say: there are at least too few.
            Resend::Latest | Resend::Off => 0,
        };
        // Only the reply to a heartbeat proves anything.
        let falsely = missing.max(confirmed.saturating_sub(covered));
        if falsely > self.falsely {
            self.falsely = falsely;
            self.falsehood = format!(
                "at {:?} the page showed {confirmed} of {} as confirmed when the server had {}, \
                 {covered} of them before a heartbeat, without {}{}",
                self.started.elapsed(),
                self.typed,
                there.len(),
                ranges(&missing_of(&there, self.typed)),
                record(&all, self.started),
            );
        }
        sleep(POLL).await;
        Ok(())
    }

    fn report(self, client: Client, backend: Backend, load: Load, kills: usize) -> Report {
        let all = self.scene.connections();
        let there: BTreeSet<_> = numbers(&all).collect();
        let mut first = BTreeSet::new();
        let in_order = numbers(&all).filter(|n| first.insert(*n)).is_sorted();
        let lost = missing_of(&there, self.typed);
        let record = format!(
            "lost {}{}\n{}",
            ranges(&lost),
            record(&all, self.started),
            self.falsehood
        );
        Report {
            client,
            backend,
            load,
            typed: self.typed,
            reached: there.len(),
            lost,
            repeated: numbers(&all).count() - there.len(),
            in_order,
            backlog: self.backlog,
            heartbeats: frames(&all)
                .filter(|text| text.starts_with(HEARTBEAT))
                .count(),
            answered: self.answered,
            confirmed: self.confirmed,
            falsely: self.falsely,
            kills,
            record,
        }
    }
}

/// Resets the connection again and again, and counts how often there was one.
struct Kills<'a> {
    proxy: &'a Proxy,
    scene: &'a Scene,
    random: fastrand::Rng,
    due: Instant,
    awaits_answers: bool,
    /// How many texts are answered when all are that the connection had taken before.
    awaited: usize,
    count: usize,
}

impl<'a> Kills<'a> {
    fn new(proxy: &'a Proxy, scene: &'a Scene, awaits_answers: bool) -> Self {
        let mut kills = Self {
            proxy,
            scene,
            random: fastrand::Rng::with_seed(SEED),
            due: Instant::now(),
            awaits_answers,
            awaited: 0,
            count: 0,
        };
        kills.draw();
        kills
    }

    /// Resets the connection if it is time.
    fn go_on(&mut self, seen: &Witness<'_>) {
        let answered = seen.answered.unwrap_or_default() + seen.confirmed.unwrap_or_default();
        let is_answered = !self.awaits_answers || answered >= self.awaited;
        if self.due > Instant::now() || !is_answered {
            return;
        }
        if self.scene.alive() > 0 {
            self.proxy.reset();
            self.count += 1;
            self.awaited = answered + seen.sent;
        }
        self.draw();
    }

    fn draw(&mut self) {
        // From when it was due, so that all clients get it at the same times; but not at once again.
        let wait = Duration::from_millis(self.random.u64(300..=900));
        self.due = (self.due + wait).max(Instant::now() + Duration::from_millis(300));
    }
}

/// Whether there is a connection that has been open for several round trips.
fn stands(scene: &Scene) -> bool {
    let all = scene.connections();
    let newest = all.last().filter(|one| one.is_alive());
    newest
        .and_then(|one| one.opened)
        .is_some_and(|opened| opened.elapsed() > STANDING)
}

/// Whether there is a connection and nothing has come over it for a long time.
fn is_quiet(scene: &Scene) -> bool {
    let all = scene.connections();
    let newest = all.last().filter(|one| one.is_alive());
    newest.is_some_and(|one| {
        let last = one.frames.last().map(|frame| frame.at).max(one.opened);
        last.is_some_and(|at| at.elapsed() > QUIET)
    })
}

/// The numbers of the typed texts that arrived, in their order; a heartbeat has none.
fn numbers(all: &[Connection]) -> impl Iterator<Item = usize> {
    frames(all).filter_map(|text| text.parse().ok())
}

fn frames(all: &[Connection]) -> impl Iterator<Item = &str> {
    let frames = all.iter().flat_map(|one| &one.frames);
    frames.map(|frame| frame.text.as_str())
}

/// The texts that arrived before a heartbeat of the same connection.
fn covered(all: &[Connection]) -> BTreeSet<usize> {
    all.iter()
        .flat_map(|one| {
            let beat = one
                .frames
                .iter()
                .rposition(|frame| frame.text.starts_with(HEARTBEAT));
            &one.frames[..beat.unwrap_or(0)]
        })
        .filter_map(|frame| frame.text.parse().ok())
        .collect()
}

fn missing_of(there: &BTreeSet<usize>, typed: usize) -> Vec<usize> {
    (1..=typed).filter(|n| !there.contains(n)).collect()
}

/// Writes ascending numbers as ranges.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges = numbers
        .chunk_by(|one, next| one + 1 == *next)
        .map(|range| match range {
            [one] => one.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        })
        .collect::<Vec<_>>();
    if ranges.is_empty() {
        ranges.push("nothing".to_owned());
    }
    ranges.join(" ")
}

/// What the server noted, a line for each connection.
fn record(all: &[Connection], started: Instant) -> String {
    let mut record = String::new();
    for (number, one) in all.iter().enumerate() {
        let since = |at: Option<Instant>| at.map(|at| at.saturating_duration_since(started));
        let numbers: Vec<_> = numbers(std::slice::from_ref(one)).collect();
        let _ = write!(
            record,
            "\nconnection {number}, opened {:?}, ended {:?}, {} frames: {}",
            since(one.opened),
            since(one.ended),
            one.frames.len(),
            ranges(&numbers),
        );
    }
    record
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

/// The same with a mark, as a link writes it: what returns it confirms.
const MARKED: &str = "heartbeat+%7Bn%7D";

/// From one heartbeat to the next of whoever says them besides the page. As often, they once made the page
/// call 92 of 1,000 texts confirmed that were lost.
const BEAT: Duration = Duration::from_millis(100);

/// Gives every client the same kills.
const SEED: u64 = 3;

/// Ten round trips of 40 ms.
const STANDING: Duration = Duration::from_millis(400);

/// Longer than any client pauses while it sends what it holds: where nothing is answered, Heartwire waits
/// 3 s behind a text that several connections ended after.
const QUIET: Duration = Duration::from_secs(4);

/// How long any part of a trial may take.
const PATIENCE: Duration = Duration::from_mins(1);
