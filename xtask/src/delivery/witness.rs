//! What the page says, beside what the server has.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::sleep;

use super::scene::Scene;
use super::{Backend, Client, HEARTBEAT, Load, PATIENCE, Report, Resend};
use crate::Error;
use crate::page::Page;
use crate::server::Connection;
use crate::wait::POLL;

/// Compares what the page says with what the server has.
pub(super) struct Witness<'a> {
    promise: Resend,
    page: &'a Page,
    scene: &'a Scene,
    started: Instant,
    pub(super) typed: usize,
    pub(super) answered: Option<usize>,
    pub(super) confirmed: Option<usize>,
    /// What the connection has taken and is not answered.
    pub(super) sent: usize,
    backlog: usize,
    falsely: usize,
    falsehood: String,
}

impl<'a> Witness<'a> {
    pub(super) fn new(promise: Resend, page: &'a Page, scene: &'a Scene) -> Self {
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
    pub(super) async fn types(
        &self,
        numbers: RangeInclusive<usize>,
        pace: Duration,
    ) -> Result<(), Error> {
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

    pub(super) async fn sees_typed(&mut self, last: usize) -> Result<(), Error> {
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
    pub(super) async fn sees(
        &mut self,
        what: &str,
        condition: impl Fn() -> bool,
    ) -> Result<(), Error> {
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
    pub(super) async fn looks(&mut self) -> Result<(), Error> {
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

    pub(super) fn report(
        self,
        client: Client,
        backend: Backend,
        load: Load,
        kills: usize,
    ) -> Report {
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
