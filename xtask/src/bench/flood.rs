//! What it costs to receive much.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Subject;
use super::answer::{Answer, Target};
use super::field::{Clock, Field, number};
use super::grid::{Grid, Reading, Unit};
use crate::browser::Browser;
use crate::page::Page;
use crate::peers::Peer;
use crate::server::{Manner, Server};
use crate::table::{Table, grouped};
use crate::{Error, console, usage};

/// Sends 100,000 messages to every page as fast as they go, and from 1,000 to 1,000,000 to
/// Heartwire's page.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new(
        "flood",
        "What do messages cost that come as fast as they go?",
    );
    let mut grid = Grid::new(
        TITLE,
        [
            ("time", "until the last is shown", Unit::Millis),
            ("task", "main-thread work", Unit::Millis),
            ("script", "of it script", Unit::Millis),
            ("block", "longest block", Unit::Millis),
            ("frames", "frames missed", Unit::Count),
            ("memory", "memory at the end", Unit::Megabytes),
        ],
    );
    grid.fill(field.rounds(ROUNDS), LIMIT, async |subject| {
        let (page, server) = open(field, subject).await?;
        let flood = Flood::of(&page, &server, MESSAGES).await?;
        Ok([
            flood.time,
            flood.task,
            flood.script,
            flood.block,
            flood.frames,
            flood.memory,
        ]
        .map(Reading::Figure))
    })
    .await;
    grid.settle("time");
    answer.targets = vec![Target::ratio(
        "flood, main-thread work",
        &grid,
        "task",
        Peer::Vue2,
        0.65,
    )];
    answer.grids.push(grid);

    let mut growth = Table::new([
        "messages",
        "until the last is shown, ms",
        "main-thread work, ms",
        "a message, µs",
        "memory at the end, MB",
    ]);
    let opened = open(field, Subject::Heartwire).await;
    for messages in GROWTH {
        console::say(format_args!("  Growth, {} messages", grouped(messages)));
        let flood = match &opened {
            Ok((page, server)) => Flood::of(page, server, messages).await,
            Err(error) => Err(error.clone()),
        };
        let flood = match flood {
            Ok(flood) => flood,
            Err(error) => {
                let failure = format!("Failed: growth, {} messages: {error}.", grouped(messages));
                answer.notes.push(failure);
                break;
            }
        };
        growth.push([
            grouped(messages),
            Unit::Millis.written(flood.time),
            Unit::Millis.written(flood.task),
            format!("{:.1}", flood.time * 1000.0 / f64::from(messages)),
            Unit::Megabytes.written(flood.memory),
        ]);
    }
    answer.tables = vec![(
        "Heartwire's page, one flood after the other in one page".to_owned(),
        growth,
    )];
    answer.notes.push(
        "The longest block is the longest time between two frames: each message is a task of its own \
         and a short one, and Chromium draws little between them. Memory is that of JavaScript after \
         the collection of garbage, and of WebAssembly."
            .to_owned(),
    );
    Ok(answer)
}

async fn open(field: &Field, subject: Subject) -> Result<(Page, Server), Error> {
    let server = Server::start(Manner::Echo)?;
    let page = Page::start(Browser::Chromium).await?;
    usage::hold_memory(&page.session).await?;
    field
        .open_in(&page, subject, &server, "heartbeat=30s")
        .await?;
    page.session
        .devtools("Performance.enable", json!({}))
        .await?;
    Ok((page, server))
}

/// What one flood cost; times in milliseconds.
struct Flood {
    time: f64,
    task: f64,
    script: f64,
    block: f64,
    frames: f64,
    memory: f64,
}

impl Flood {
    /// Sends so many messages, and measures until the last is shown.
    async fn of(page: &Page, server: &Server, messages: u32) -> Result<Self, Error> {
        let texts: Vec<_> = (1..messages).map(|number| number.to_string()).collect();
        let last = format!("the last of {messages}");
        page.evaluate(&format!("window.last = {last:?};\n{WATCH}"))
            .await?;
        let before = Work::measured(page).await?;
        let clock = Clock::now();
        let sent = Instant::now();
        server.pour(texts.iter().map(String::as_str).chain([last.as_str()]));
        let seen = page.evaluate_async("window.flooded.then(done)").await?;
        let after = Work::measured(page).await?;

        let heap = usage::heap(&page.session).await?;
        Ok(Self {
            time: number(&seen["shown"])? - clock.millis(sent),
            task: after.task - before.task,
            script: after.script - before.script,
            block: number(&seen["longest"])?,
            frames: number(&seen["missed"])?,
            memory: heap / 1e6,
        })
    }
}

/// What the main thread has done so far, in milliseconds.
pub(super) struct Work {
    pub(super) task: f64,
    script: f64,
    pub(super) layout: f64,
}

impl Work {
    /// Asks a page for which `Performance.enable` came first.
    pub(super) async fn measured(page: &Page) -> Result<Self, Error> {
        let metrics = page.session.devtools("Performance.getMetrics", json!({}));
        let metrics = metrics.await?;
        let millis = |name| {
            let mut all = metrics["metrics"].as_array().into_iter().flatten();
            let metric = all.find(|metric| metric["name"] == name);
            number(metric.map_or(&Value::Null, |metric| &metric["value"])).map(|one| one * 1000.0)
        };
        Ok(Self {
            task: millis("TaskDuration")?,
            script: millis("ScriptDuration")?,
            layout: millis("LayoutDuration")?,
        })
    }
}

/// Looks once a frame whether the last message is shown, which costs every page alike, and
/// notes the frames.
const WATCH: &str = "
    window.flooded = new Promise((resolve) => {
        const seen = { longest: 0, missed: 0 };
        let before;
        const look = (now) => {
            if (before !== undefined) {
                const gap = now - before;
                seen.longest = Math.max(seen.longest, gap);
                seen.missed += Math.max(0, Math.round(gap / (1000 / 60)) - 1);
            }
            before = now;
            if (document.querySelector('#received').textContent === window.last) {
                seen.shown = performance.timeOrigin + performance.now();
                resolve(seen);
            } else {
                requestAnimationFrame(look);
            }
        };
        requestAnimationFrame(look);
    });";

/// The grid's title.
pub(super) const TITLE: &str = "100,000 messages as fast as they go";

const MESSAGES: u32 = 100_000;

const GROWTH: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

const ROUNDS: usize = 3;

/// For one page; it needs ten seconds.
const LIMIT: Duration = Duration::from_mins(1);
