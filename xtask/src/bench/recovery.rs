//! How soon there is a connection after one was lost.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Subject;
use super::answer::{Answer, Target};
use super::field::Field;
use super::grid::{Grid, Reading, Unit, ratio};
use crate::browser::Browser;
use crate::page::Page;
use crate::peers::Peer;
use crate::proxy::Proxy;
use crate::server::{Manner, Server};
use crate::wait::{SOON, within};
use crate::{Error, console};

/// Takes the link or the server away from every page, from all at the same time: they wait most of
/// it, and each has a server of its own.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new(
        "recovery",
        "How soon is there a connection after one was lost?",
    );
    let mut half_open = Grid::new(
        "A link that breaks without a word",
        [("half", "until the next connection", Unit::Seconds)],
    );
    let mut outage = Grid::new(
        "A server that goes and comes back, until the page is connected from when it is back",
        [
            ("restart", "at once", Unit::Seconds),
            ("short", "after 5 s", Unit::Seconds),
            ("long", "after 60 s", Unit::Seconds),
        ],
    )
    .without_ratios();

    console::say("  Recovery: every page opens, and waits beside the others");
    let mut silent = Vec::new();
    let mut served = Vec::new();
    for subject in Subject::ALL {
        silent.push((subject, Silent::open(field, subject).await));
        served.push((subject, Served::open(field, subject).await));
    }
    // In one task each: they wait at the same time.
    let silent = async {
        let waits = silent.into_iter().map(async |(subject, opened)| {
            let measured = async { opened?.measure().await };
            (subject, within(2 * PATIENCE, measured).await)
        });
        futures_util::future::join_all(waits).await
    };
    let served = async {
        let waits = served.into_iter().map(async |(subject, opened)| {
            let measured = async { opened?.measure(subject).await };
            (subject, within(2 * PATIENCE, measured).await)
        });
        futures_util::future::join_all(waits).await
    };
    let (silent, served) = tokio::join!(silent, served);

    for (subject, measured) in silent {
        match measured {
            Ok(waits) => {
                for wait in waits {
                    half_open.note(subject, Ok([wait]));
                }
            }
            Err(error) => half_open.note::<1>(subject, Err(error)),
        }
    }
    for (subject, measured) in served {
        match measured {
            Ok(waits) => {
                for client in waits {
                    outage.note(subject, Ok(client));
                }
            }
            Err(error) => outage.note::<3>(subject, Err(error)),
        }
    }
    let most = HEARTBEAT + REPLY_TIMEOUT + RETRY_MIN + Duration::from_secs(1);
    answer.targets = vec![Target::figure(
        "the next connection after a half-open link, s",
        half_open.median("half", Subject::Heartwire),
        Unit::Seconds,
        most.as_secs_f64(),
    )];
    let sooner = ratio(
        half_open.median("half", Subject::Peer(Peer::VueUse)),
        half_open.median("half", Subject::Heartwire),
    );
    if let Some(sooner) = sooner {
        answer.notes.push(format!(
            "Heartwire's page has its next connection {sooner:.0} times sooner than VueUse, which closes a \
             dead socket and then waits until the browser gives it up."
        ));
    }
    answer.grids = vec![half_open, outage];
    answer.notes.push(format!(
        "{CLIENTS} clients of each page, all at once. A heartbeat is due after {HEARTBEAT:?} of \
         silence, and delays between attempts begin at 1 s and end at 10 s where a page allows that; \
         random ones are the price that a server does not meet all its clients together. *never*: not \
         within {PATIENCE:?}."
    ));
    Ok(answer)
}

/// Several clients of one page behind a proxy, which stops to pass anything.
struct Silent {
    _page: Page,
    server: Server,
    proxy: Proxy,
}

impl Silent {
    async fn open(field: &Field, subject: Subject) -> Result<Self, Error> {
        let server = Server::start(Manner::Echo)?;
        let proxy = Proxy::to(&server).await?;
        let query = format!("url={proxy}&{QUERY}");
        let page = open(field, subject, &server, &query).await?;
        Ok(Self {
            _page: page,
            server,
            proxy,
        })
    }

    /// Waits for each client's next connection.
    async fn measure(self) -> Result<Vec<Reading>, Error> {
        // A heartbeat was answered: before that, a page may not doubt the server.
        let beats = 2 * CLIENTS;
        let heard = async || (self.server.heard() >= beats).then_some(());
        // A page without a heartbeat is cut off all the same.
        let _ = crate::wait::eventually("heartbeats", 3 * HEARTBEAT, heard).await;
        let cut = Instant::now();
        self.proxy.black_hole();
        let all = || self.proxy.passages();
        let enough = async || (all().len() >= 2 * CLIENTS).then_some(());
        let _ = crate::wait::eventually("connections", PATIENCE, enough).await;
        let waits = all().into_iter().map(|one| one.accepted);
        Ok(readings(waits.filter(|at| *at > cut), cut))
    }
}

/// Several clients of one page and their server, which goes away and comes back.
struct Served {
    _page: Page,
    server: Server,
}

impl Served {
    async fn open(field: &Field, subject: Subject) -> Result<Self, Error> {
        let server = Server::start(Manner::Echo)?;
        let query = format!("url={server}&{QUERY}");
        let page = open(field, subject, &server, &query).await?;
        Ok(Self {
            _page: page,
            server,
        })
    }

    /// Takes the server away for each time, and waits for each client's next connection.
    async fn measure(mut self, subject: Subject) -> Result<Vec<[Reading; 3]>, Error> {
        let mut clients = vec![[Reading::Never; 3]; CLIENTS];
        for (column, outage) in OUTAGES.into_iter().enumerate() {
            // The delays begin anew after so long a connection.
            sleep(STABLE).await;
            self.server.stop().await?;
            sleep(outage).await;
            let returned = Instant::now();
            self.server.resume()?;
            let all = self.server.awaits(AFTER, "connections", |all| {
                all.iter().filter(|one| one.is_alive()).count() >= CLIENTS
            });
            let all = match all.await {
                Ok(all) => all,
                Err(_) => self.server.connections(),
            };
            let opened = all.iter().filter_map(|one| one.opened);
            let opened = opened.filter(|at| *at > returned);
            for (client, reading) in clients.iter_mut().zip(readings(opened, returned)) {
                client[column] = reading;
            }
            if !subject.reconnects() {
                break;
            }
        }
        Ok(clients)
    }
}

/// Opens as many clients of a page in one browser, and waits for their connections.
async fn open(
    field: &Field,
    subject: Subject,
    server: &Server,
    query: &str,
) -> Result<Page, Error> {
    let page = Page::start(Browser::Chromium).await?;
    let clients = u32::try_from(CLIENTS).expect("a few");
    page.go(&field.host(subject).frames(clients, query)).await?;
    server
        .awaits(2 * SOON, "all connections", |_| server.alive() == CLIENTS)
        .await?;
    Ok(page)
}

/// How long each client waited for its next connection: the first ones, one each.
fn readings(at: impl Iterator<Item = Instant>, since: Instant) -> Vec<Reading> {
    let mut at: Vec<_> = at.collect();
    at.sort_unstable();
    let mut readings: Vec<_> = at
        .into_iter()
        .map(|at| Reading::Figure((at - since).as_secs_f64()))
        .collect();
    readings.resize(CLIENTS, Reading::Never);
    readings
}

/// The clients of one page.
const CLIENTS: usize = 5;

/// A fifteenth of the default, so that the measurement does not take an hour.
const HEARTBEAT: Duration = Duration::from_secs(2);

const QUERY: &str = "heartbeat=2s&retry_min=1s&retry_max=10s";

const RETRY_MIN: Duration = Duration::from_secs(1);

/// What `reply_timeout=auto` is where replies come at once.
const REPLY_TIMEOUT: Duration = Duration::from_secs(3);

const OUTAGES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_mins(1),
];

/// Longer than any page wants a connection to have been open before the delays begin anew.
const STABLE: Duration = Duration::from_secs(11);

/// How long a page may take once its server is back: more than twice the longest delay.
const AFTER: Duration = Duration::from_secs(25);

/// How long a page may take to replace a connection that says nothing.
const PATIENCE: Duration = Duration::from_secs(100);
