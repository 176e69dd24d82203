//! What arrives of texts that are typed while connections are killed, and what the page says of it.
//!
//! A script types, at a steady pace. A proxy resets the connection every 0.3 to 0.9 s, at times
//! that one seed gives to every client alike; with a delay in either direction, something is
//! always on its way. The last texts are typed into a connection that takes nothing any more, and
//! then it is killed too. A text that the server never gets is lost.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::select;
use tokio::time::{sleep, sleep_until};

use crate::Error;
use crate::browser::Browser;
use crate::host::{Content, Host};
use crate::page::{self, Page};
use crate::peers::Peer;
use crate::proxy::Proxy;
use crate::server::{Connection, Manner, Server};
use crate::wait::{POLL, SOON};

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
    },
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
    /// Heartwire in Chromium.
    #[must_use]
    pub fn heartwire(resend: Resend, outbox_limit: usize) -> Self {
        Self::Heartwire {
            browser: Browser::Chromium,
            resend,
            outbox_limit,
        }
    }

    /// Opens its page with `query`, which means the same to all of them.
    async fn open(self, query: &str) -> Result<(Page, Host), Error> {
        let (browser, dist, query) = match self {
            Self::Heartwire {
                browser,
                resend,
                outbox_limit,
            } => {
                let own =
                    format!("resend={resend}&outbox_limit={outbox_limit}&heartbeat_text={MARKED}");
                (browser, page::dist()?, format!("{query}&{own}"))
            }
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
            Self::Heartwire { .. } => true,
            Self::Peer(peer) => peer.reconnects(),
        }
    }

    fn outbox_limit(self) -> Option<usize> {
        match self {
            Self::Heartwire { outbox_limit, .. } => Some(outbox_limit),
            Self::Peer(_) => None,
        }
    }

    /// What its setting promises.
    fn promise(self) -> Resend {
        match self {
            Self::Heartwire { resend, .. } => resend,
            Self::Peer(_) => Resend::Off,
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
            } => {
                write!(f, "Heartwire, {resend}, outbox {outbox_limit}")?;
                match browser {
                    Browser::Chromium => Ok(()),
                    Browser::Firefox => f.write_str(", Firefox"),
                }
            }
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
}

/// What came of one client under one load.
#[derive(Debug)]
pub struct Report {
    /// The client.
    pub client: Client,
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
    /// Takes `client` through `load`.
    ///
    /// # Errors
    ///
    /// If the page cannot be opened, or what is awaited does not come within a minute.
    pub async fn of(client: Client, load: Load) -> Result<Self, Error> {
        let server = Server::start(Manner::Echo)?;
        let proxy = Proxy::to(&server).await?;
        proxy.delay(load.delay);
        let (page, _host) = client.open(&format!("url={proxy}&{QUICK}")).await?;
        server
            .awaits(SOON, "a connection", |_| server.alive() == 1)
            .await?;

        let mut witness = Witness::new(client, &page, &server);
        let last = load.texts - LAST;
        witness.types(1..=last, load.pace).await?;
        let mut kills = 0;
        select! {
            () = kill(&proxy, &server, &mut kills) => {}
            typed = witness.sees_typed(last) => typed?,
        }
        if client.reconnects() {
            witness
                .sees("a connection that stays", || stands(&server))
                .await?;
        }
        proxy.black_hole();
        witness.types(last + 1..=load.texts, load.pace).await?;
        witness.sees_typed(load.texts).await?;
        if server.alive() > 0 {
            proxy.reset();
            kills += 1;
        }
        if client.reconnects() {
            witness
                .sees("the end of what arrives", || is_quiet(&server))
                .await?;
        }
        Ok(witness.report(load, kills))
    }

    /// Says why the load was not what it should be.
    #[must_use]
    pub fn unfairness(&self) -> Option<String> {
        let Self { client, load, .. } = self;
        // Whoever had texts on the way when a connection died lost them or sent them again.
        let touched = self.lost.len() + self.repeated;
        if self.typed != load.texts {
            Some(format!("{client}: {} typed", self.typed))
        } else if client.reconnects() && self.kills < load.kills {
            Some(format!("{client}: {} kills", self.kills))
        } else if touched == 0 {
            Some(format!("{client}: the kills did nothing"))
        } else {
            None
        }
    }

    /// Says which promise the client broke, and how that came.
    #[must_use]
    pub fn breach(&self) -> Option<String> {
        let lost_last = self.lost.last() == Some(&self.load.texts);
        let breach = match self.client.promise() {
            // Typed texts take each other's place then, and the numbers below mean nothing.
            Resend::Every if self.client.outbox_limit() <= Some(self.backlog) => {
                "had its outbox full: it got no proofs, or the machine is too busy"
            }
            _ if self.falsely > 0 => "confirmed what was not proven",
            Resend::Every if !self.lost.is_empty() => "lost texts",
            Resend::Every if !self.in_order => "changed the order",
            Resend::Latest if lost_last => "lost the last text",
            Resend::Every | Resend::Latest | Resend::Off => return None,
        };
        Some(format!("{} {breach}: {}", self.client, self.record))
    }
}

/// A row of the table.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |number: usize| match self.confirmed {
            Some(_) => number.to_string(),
            None => "none".to_owned(),
        };
        write!(
            f,
            "{:<39} {:>5} {:>5} {:>7} {:>5} {:>8} {:>10} {:>9} {:>7} {:>5}",
            self.client.to_string(),
            self.load.delay.as_millis(),
            self.typed,
            self.reached,
            self.lost.len(),
            self.repeated,
            self.heartbeats,
            shown(self.confirmed.unwrap_or_default()),
            shown(self.falsely),
            self.kills,
        )
    }
}

/// Compares what the page says with what the server has.
struct Witness<'a> {
    client: Client,
    page: &'a Page,
    server: &'a Server,
    started: Instant,
    typed: usize,
    confirmed: Option<usize>,
    backlog: usize,
    falsely: usize,
    falsehood: String,
}

impl<'a> Witness<'a> {
    fn new(client: Client, page: &'a Page, server: &'a Server) -> Self {
        Self {
            client,
            page,
            server,
            started: Instant::now(),
            typed: 0,
            confirmed: None,
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
        let looks = "const shown = document.querySelector('[data-confirmed]');
            return [window.typed, shown && Number(shown.dataset.confirmed)]";
        let seen = self.page.evaluate(looks).await?;
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        self.typed = number(&seen[0])
            .ok_or_else(|| Error::Failed("the page forgot what is typed".to_owned()))?;
        self.confirmed = number(&seen[1]);
        let all = self.server.connections();

        let confirmed = self.confirmed.unwrap_or_default();
        self.backlog = self.backlog.max(self.typed.saturating_sub(confirmed));
        let there: BTreeSet<_> = numbers(&all).collect();
        let covered = covered(&all).len();
        let missing = match self.client.promise() {
            // Nothing is left out, so it is the first texts that are confirmed.
            Resend::Every => (1..=confirmed).filter(|n| !there.contains(n)).count(),
            // Which ones it does not say.
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

    fn report(self, load: Load, kills: usize) -> Report {
        let all = self.server.connections();
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
            client: self.client,
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
            confirmed: self.confirmed,
            falsely: self.falsely,
            kills,
            record,
        }
    }
}

/// Resets the connection again and again, and counts how often there was one.
async fn kill(proxy: &Proxy, server: &Server, kills: &mut usize) {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut next = Instant::now();
    loop {
        next += Duration::from_millis(random.u64(300..=900));
        sleep_until(next.into()).await;
        if server.alive() > 0 {
            proxy.reset();
            *kills += 1;
        }
    }
}

/// Whether there is a connection that has been open for several round trips.
fn stands(server: &Server) -> bool {
    let all = server.connections();
    let newest = all.last().filter(|one| one.is_alive());
    newest
        .and_then(|one| one.opened)
        .is_some_and(|opened| opened.elapsed() > STANDING)
}

/// Whether there is a connection and nothing more has come for a long time.
fn is_quiet(server: &Server) -> bool {
    let all = server.connections();
    let last = all
        .iter()
        .filter_map(|one| Some(one.frames.last()?.at))
        .max();
    stands(server) && last.is_none_or(|at| at.elapsed() > QUIET)
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
pub const TITLES: &str = "client                                  delay typed reached  lost repeated \
                      heartbeats confirmed falsely kills";

/// As many texts are typed into the connection that the last kill takes.
const LAST: usize = 10;

/// Reconnecting that costs little of the time in which the kills come.
const QUICK: &str = "retry_min=10ms&retry_max=50ms";

/// How what the page sends as a heartbeat begins.
const HEARTBEAT: &str = "heartbeat";

/// The same with a mark, as a link writes it: what returns it confirms.
const MARKED: &str = "heartbeat+%7Bn%7D";

/// Gives every client the same kills.
const SEED: u64 = 3;

/// Ten round trips of 40 ms.
const STANDING: Duration = Duration::from_millis(400);

/// Far longer than a client takes to send what it holds.
const QUIET: Duration = Duration::from_secs(2);

/// How long any part of a trial may take.
const PATIENCE: Duration = Duration::from_mins(1);
