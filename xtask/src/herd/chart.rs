//! The trials as a picture.

use std::fmt::{self, Formatter};
use std::time::Duration;

use super::{OUTAGES, Policy, SIZES, Trial, heading, seconds};
use crate::drawing::{self, LEFT, bar, text, tick};
use crate::table::grouped;

/// An SVG with a bar for the busiest second of every trial, and one for the mean wait of the
/// largest of each policy.
pub(super) struct Chart<'a> {
    pub(super) trials: &'a [Trial],
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, svg: &mut Formatter<'_>) -> fmt::Result {
        drawing::begin(svg, (WIDTH, HEIGHT), TITLE, &self.description())?;
        for (outage, top) in OUTAGES.into_iter().zip([TOP, TOP + SECTION]) {
            self.section(svg, outage, top)?;
        }
        for (line, y) in NOTE.into_iter().zip([HEIGHT - 36, HEIGHT - 18]) {
            text(svg, "faint", LEFT, y, line)?;
        }
        drawing::end(svg)
    }
}

impl Chart<'_> {
    fn description(&self) -> String {
        let outages = OUTAGES.map(|outage| {
            let trials = Policy::ALL.map(|policy| {
                let figures = self.trial(outage, policy, LARGEST).figures;
                format!(
                    "{}, {} attempts in the busiest second and a mean wait of {}",
                    policy.name(),
                    grouped(figures.busiest),
                    seconds(figures.mean_wait)
                )
            });
            let (heading, clients) = (heading(outage), grouped(LARGEST));
            let trials = trials.join("; ");
            format!("{heading}, {clients} clients: {trials}.\n")
        });
        outages.concat()
    }

    fn section(&self, svg: &mut Formatter<'_>, outage: Duration, top: u32) -> fmt::Result {
        let rows = top + 42;
        let bottom = rows + GROUP * 5;
        text(svg, "heading", LEFT, top, &heading(outage))?;
        text(
            svg,
            "faint",
            PEAKS,
            top + 24,
            "attempts in the busiest second, logarithmic",
        )?;
        text(
            svg,
            "faint",
            WAITS,
            top + 24,
            "mean wait (p99) of 1M clients",
        )?;
        for attempts in [1_000, 10_000, 100_000, 1_000_000] {
            let x = f64::from(PEAKS) + peak_length(attempts);
            tick(svg, x, rows, bottom, &grouped(attempts))?;
        }
        for wait in [0, 5, 10, 15, 20] {
            let x = f64::from(WAITS) + wait_length(wait.into());
            tick(svg, x, rows, bottom, &format!("{wait} s"))?;
        }
        for (row, policy) in (0..).zip(Policy::ALL) {
            self.group(svg, outage, policy, rows + row * GROUP)?;
        }
        Ok(())
    }

    fn group(
        &self,
        svg: &mut Formatter<'_>,
        outage: Duration,
        policy: Policy,
        y: u32,
    ) -> fmt::Result {
        let class = if policy == Policy::Heartwire {
            "ours"
        } else {
            "theirs"
        };
        writeln!(svg, r#"<g class="{class}">"#)?;
        text(svg, "name", LEFT, y + 28, policy.name())?;
        for ((clients, size), y) in SIZES
            .into_iter()
            .zip(["10k", "100k", "1M"])
            .zip((y + 4..).step_by(14))
        {
            let busiest = self.trial(outage, policy, clients).figures.busiest;
            text(svg, "size", PEAKS - 6, y + 10, size)?;
            bar(svg, PEAKS, y, peak_length(busiest), &grouped(busiest))?;
        }
        let figures = self.trial(outage, policy, LARGEST).figures;
        let waits = format!(
            "{} ({})",
            seconds(figures.mean_wait),
            seconds(figures.p99_wait)
        );
        bar(svg, WAITS, y + 18, wait_length(figures.mean_wait), &waits)?;
        writeln!(svg, "</g>")
    }

    fn trial(&self, outage: Duration, policy: Policy, clients: u32) -> &Trial {
        self.trials
            .iter()
            .find(|trial| (trial.outage, trial.policy, trial.clients) == (outage, policy, clients))
            .expect("every policy is tried in every outage with every size")
    }
}

/// How long the bar of so many attempts is: 80 for each power of ten, from a thousand on.
fn peak_length(attempts: u32) -> f64 {
    (f64::from(attempts).log10() - 3.0).max(0.0) * 80.0
}

/// How long the bar of so many seconds is.
fn wait_length(seconds: f64) -> f64 {
    seconds * 6.0
}

const LARGEST: u32 = SIZES[2];

const TITLE: &str = "When all clients lose the server in the same moment";

const NOTE: [&str; 2] = [
    "Wait: from the server's return to the client's connection; one client in a hundred waits longer than p99.",
    "Without jitter it depends on where the return falls between two attempts: up to 1 s for fixed 1 s, up to 30 s when doubling.",
];

const WIDTH: u32 = 860;
const HEIGHT: u32 = TOP + 2 * SECTION + 32;
/// The first heading's baseline.
const TOP: u32 = 76;
/// From one heading to the next.
const SECTION: u32 = 326;
/// From one policy to the next.
const GROUP: u32 = 48;
/// Where the bars of attempts begin.
const PEAKS: u32 = 226;
/// Where the bars of waits begin.
const WAITS: u32 = 596;
