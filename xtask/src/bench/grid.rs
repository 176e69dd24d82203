//! Figures of every page, round by round.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::Subject;
use crate::peers::Peer;
use crate::table::{Table, grouped};
use crate::wait::within;
use crate::{Error, console};

/// The answer to one question: a row for each page, a column for each figure.
#[derive(Debug)]
pub(super) struct Grid {
    /// What it shows, as a heading.
    pub(super) title: &'static str,
    columns: Vec<Column>,
    has_ratios: bool,
    /// What went wrong, each with the page and the round.
    pub(super) failures: Vec<String>,
    /// The rounds that [`Grid::settle`] took out, and of how many.
    disturbed: Option<(usize, usize)>,
}

/// One figure of every page.
#[derive(Debug)]
struct Column {
    key: &'static str,
    title: &'static str,
    unit: Unit,
    /// By page, in the order of [`Subject::ALL`].
    readings: [Vec<Reading>; Subject::ALL.len()],
}

/// What one round gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// A figure in the column's unit.
    Figure(f64),
    /// It did not come about in the time there was.
    Never,
    /// It could not be measured.
    Failed,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    Bytes,
    Millis,
    Seconds,
    Megabytes,
    Count,
}

impl Grid {
    /// A grid without figures; a column has a key, a title and a unit.
    pub(super) fn new<const N: usize>(
        title: &'static str,
        columns: [(&'static str, &'static str, Unit); N],
    ) -> Self {
        let columns = columns.map(|(key, title, unit)| Column {
            key,
            title,
            unit,
            readings: Default::default(),
        });
        Self {
            title,
            columns: columns.into(),
            has_ratios: true,
            failures: Vec::new(),
            disturbed: None,
        }
    }

    /// Shows no ratios: where a figure may be next to nothing by chance, they mean nothing.
    pub(super) fn without_ratios(mut self) -> Self {
        self.has_ratios = false;
        self
    }

    /// Takes every page through `measure` in each round, the first one another each time. A round
    /// that fails is noted, and the next one is taken.
    pub(super) async fn fill<const N: usize>(
        &mut self,
        rounds: usize,
        limit: Duration,
        measure: impl AsyncFn(Subject) -> Result<[Reading; N], Error>,
    ) {
        for round in 0..rounds {
            console::say(format_args!(
                "  {}, round {} of {rounds}",
                self.title,
                round + 1
            ));
            for turn in 0..Subject::ALL.len() {
                let subject = Subject::ALL[(round + turn) % Subject::ALL.len()];
                self.note(subject, within(limit, measure(subject)).await);
            }
        }
    }

    /// Adds what one round gave for a page, a reading for each column.
    pub(super) fn note<const N: usize>(
        &mut self,
        subject: Subject,
        measured: Result<[Reading; N], Error>,
    ) {
        let readings = measured.unwrap_or_else(|error| {
            let round = self.columns[0].readings[subject.index()].len() + 1;
            let failure = format!("{}, round {round}: {error}", subject.name());
            console::say(format_args!("    failed: {failure}"));
            self.failures.push(failure);
            [Reading::Failed; N]
        });
        for (column, reading) in self.columns.iter_mut().zip(readings) {
            column.readings[subject.index()].push(reading);
        }
    }

    /// Takes the rounds out in which the machine was busy with something else: those in which the
    /// hand-written page is off its own median by more than a quarter. If that were more than a
    /// third of them, all stay.
    pub(super) fn settle(&mut self, probe: &str) {
        let probe = self.column(probe);
        let readings = &probe.readings[Subject::Peer(Peer::Plain).index()];
        let Some(middle) = probe.median(Subject::Peer(Peer::Plain)) else {
            return;
        };
        let is_quiet: Vec<_> = readings
            .iter()
            .map(|reading| match reading {
                Reading::Figure(figure) => (figure / middle - 1.0).abs() <= NOISE,
                Reading::Never | Reading::Failed => true,
            })
            .collect();
        let disturbed = is_quiet.iter().filter(|quiet| !**quiet).count();
        self.disturbed = Some((disturbed, is_quiet.len()));
        if disturbed * 3 > is_quiet.len() {
            return;
        }
        for readings in self
            .columns
            .iter_mut()
            .flat_map(|column| &mut column.readings)
        {
            let mut quiet = is_quiet.iter();
            readings.retain(|_| quiet.next().copied().unwrap_or(true));
        }
    }

    /// What is to be said of [`Grid::settle`].
    pub(super) fn disturbance(&self) -> Option<String> {
        let (disturbed, rounds) = self.disturbed.filter(|(disturbed, _)| *disturbed > 0)?;
        let what = if disturbed * 3 > rounds {
            "the machine was not quiet: read the spread"
        } else {
            "they are left out"
        };
        Some(format!(
            "{}: in {disturbed} of {rounds} rounds the hand-written page was more than {:.0} % \
             off its own median; {what}.",
            self.title,
            NOISE * 100.0
        ))
    }

    /// The median of a page in the column with this key.
    pub(super) fn median(&self, key: &str, subject: Subject) -> Option<f64> {
        self.column(key).median(subject)
    }

    /// The whole page's median in proportion to the peer's.
    pub(super) fn ratio(&self, key: &str, peer: Peer) -> Option<f64> {
        let column = self.column(key);
        ratio(
            column.median(Subject::Heartwire),
            column.median(Subject::Peer(peer)),
        )
    }

    /// The heading of a column, with its unit.
    pub(super) fn heading(&self, key: &str) -> String {
        self.column(key).heading()
    }

    /// The figure of a page in short, without its spread.
    pub(super) fn short(&self, key: &str, subject: Subject) -> String {
        let column = self.column(key);
        match column.median(subject) {
            Some(median) => column.unit.written(median),
            None => column.cell(subject),
        }
    }

    /// As a table, with the seed's figure in proportion to each page's beside that one's.
    pub(super) fn table(&self) -> Table {
        let mut header = vec!["page".to_owned()];
        for column in &self.columns {
            header.push(column.heading());
            if self.has_ratios {
                header.push("ratio".to_owned());
            }
        }
        let mut table = Table::new(header);
        for subject in Subject::ALL {
            let mut row = vec![subject.title()];
            for column in &self.columns {
                row.push(column.cell(subject));
                if !self.has_ratios {
                    continue;
                }
                let ratio = match subject {
                    Subject::Seed => None,
                    Subject::Heartwire | Subject::Peer(_) => {
                        ratio(column.median(Subject::Seed), column.median(subject))
                    }
                };
                row.push(ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")));
            }
            table.push(row);
        }
        table
    }

    /// Everything that was measured.
    pub(super) fn json(&self) -> Value {
        let columns = self.columns.iter().map(|column| {
            let pages = Subject::ALL.map(|subject| {
                let readings = &column.readings[subject.index()];
                let readings = readings.iter().map(|reading| match reading {
                    Reading::Figure(figure) => json!(figure),
                    Reading::Never => json!("never"),
                    Reading::Failed => json!("failed"),
                });
                json!({
                    "page": subject.title(),
                    "readings": readings.collect::<Vec<_>>(),
                    "median": column.median(subject),
                })
            });
            json!({ "key": column.key, "figure": column.heading(), "pages": pages })
        });
        json!({
            "title": self.title,
            "columns": columns.collect::<Vec<_>>(),
            "failures": self.failures,
            "disturbed": self.disturbed.map(|(disturbed, _)| disturbed),
        })
    }

    fn column(&self, key: &str) -> &Column {
        let mut columns = self.columns.iter();
        columns
            .find(|column| column.key == key)
            .expect("the grid has this column")
    }
}

impl Column {
    fn heading(&self) -> String {
        match self.unit.name() {
            "" => self.title.to_owned(),
            unit => format!("{}, {unit}", self.title),
        }
    }

    fn figures(&self, subject: Subject) -> Vec<f64> {
        let readings = self.readings[subject.index()].iter();
        let mut figures: Vec<_> = readings
            .filter_map(|reading| match reading {
                Reading::Figure(figure) => Some(*figure),
                Reading::Never | Reading::Failed => None,
            })
            .collect();
        figures.sort_by(f64::total_cmp);
        figures
    }

    fn median(&self, subject: Subject) -> Option<f64> {
        quantile(&self.figures(subject), 0.5)
    }

    /// The median with its spread, and how many rounds are missing from it.
    fn cell(&self, subject: Subject) -> String {
        let readings = &self.readings[subject.index()];
        let count = |kind| readings.iter().filter(|one| **one == kind).count();
        let figures = self.figures(subject);
        let gone = |what: &str, number| match number {
            0 => String::new(),
            _ if number == readings.len() => what.to_owned(),
            _ => format!("; {number} of {} {what}", readings.len()),
        };
        let gone = gone("never", count(Reading::Never)) + &gone("failed", count(Reading::Failed));
        let (Some(median), [least, .., most]) = (quantile(&figures, 0.5), &figures[..]) else {
            let only = figures.first().map(|only| self.unit.written(*only));
            let text = only.unwrap_or_default() + &gone;
            return if text.is_empty() {
                "–".to_owned()
            } else {
                text
            };
        };
        let [median, least, most] = [median, *least, *most].map(|one| self.unit.written(one));
        if least == most {
            format!("{median}{gone}")
        } else {
            format!("{median} ({least}–{most}){gone}")
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Bytes | Self::Count => "",
            Self::Millis => "ms",
            Self::Seconds => "s",
            Self::Megabytes => "MB",
        }
    }

    /// A figure of this unit, without it.
    pub(super) fn written(self, figure: f64) -> String {
        match self {
            Self::Bytes | Self::Count => grouped(format_args!("{figure:.0}")),
            Self::Millis if figure >= 100.0 => grouped(format_args!("{figure:.0}")),
            Self::Millis | Self::Megabytes => format!("{figure:.2}"),
            Self::Seconds => format!("{figure:.1}"),
        }
    }
}

impl From<f64> for Reading {
    fn from(figure: f64) -> Self {
        Self::Figure(figure)
    }
}

/// What so large a share of the `sorted` figures is not above; between two of them in the middle.
pub(super) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "there are thousands of figures at most, and a share is within 0 and 1"
    )]
    let (below, above, part) = {
        let at = share * last as f64;
        (at.floor() as usize, at.ceil() as usize, at.fract())
    };
    Some(sorted[below] * (1.0 - part) + sorted[above] * part)
}

/// One figure in proportion to another, which is not nothing.
pub(super) fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let theirs = theirs.filter(|theirs| *theirs > 0.0)?;
    Some(ours? / theirs)
}

/// How far a round of the hand-written page may be off its median: more than rounds in a quiet
/// machine differ.
const NOISE: f64 = 0.25;

impl fmt::Display for Grid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_the_median_with_its_spread_and_what_is_missing() {
        let mut grid = grid();
        let ours = Subject::Heartwire;
        assert_eq!(written(&grid, "open", ours), "–");
        for reading in [Reading::Figure(812.0), Reading::Never] {
            grid.note(ours, Ok([reading]));
        }
        assert_eq!(written(&grid, "open", ours), "812; 1 of 2 never");
        for figure in [790.0, 1_050.0] {
            grid.note(ours, Ok([figure.into()]));
        }
        grid.note::<1>(ours, Err(Error::Failed("gone".to_owned())));

        assert_eq!(
            written(&grid, "open", ours),
            "812 (790–1,050); 1 of 5 never; 1 of 5 failed"
        );
        assert_eq!(grid.failures, ["Heartwire page, round 5: gone"]);
        assert_eq!(grid.short("open", ours), "812");
        let vue = Subject::Peer(Peer::Vue2);
        grid.note(vue, Ok([Reading::Never]));
        assert_eq!(written(&grid, "open", vue), "never");
        assert_eq!(grid.ratio("open", Peer::Vue2), None);
    }

    #[test]
    fn a_round_with_noise_counts_for_nobody() {
        let mut grid = grid();
        for (ours, plain) in [(70.0, 100.0), (90.0, 140.0), (72.0, 102.0), (74.0, 98.0)] {
            grid.note(Subject::Heartwire, Ok([ours.into()]));
            grid.note(Subject::Peer(Peer::Plain), Ok([plain.into()]));
        }

        grid.settle("open");

        assert_eq!(grid.median("open", Subject::Heartwire), Some(72.0));
        assert_eq!(grid.ratio("open", Peer::Plain), Some(0.72));
        let said = grid.disturbance().unwrap();
        assert!(said.contains("in 1 of 4 rounds"), "{said}");
    }

    #[test]
    fn a_machine_that_is_never_quiet_is_told_of() {
        let mut grid = grid();
        for plain in [100.0, 200.0, 150.0] {
            grid.note(Subject::Peer(Peer::Plain), Ok([plain.into()]));
        }

        grid.settle("open");

        let plain = Subject::Peer(Peer::Plain);
        assert_eq!(written(&grid, "open", plain), "150 (100–200)");
        assert!(grid.disturbance().unwrap().contains("not quiet"));
    }

    #[tokio::test]
    async fn every_page_has_its_turn_in_every_round_and_one_that_hangs_is_noted() {
        let mut grid = grid();
        let limit = Duration::from_millis(10);
        grid.fill(2, limit, async |subject| match subject {
            Subject::Heartwire => std::future::pending().await,
            Subject::Seed | Subject::Peer(_) => Ok([1.0.into()]),
        })
        .await;

        assert_eq!(written(&grid, "open", Subject::Heartwire), "failed");
        assert_eq!(grid.failures.len(), 2);
        for peer in Peer::ALL {
            assert_eq!(written(&grid, "open", Subject::Peer(peer)), "1.00");
        }
    }

    #[test]
    fn quantiles_lie_between_the_figures() {
        let figures = [1.0, 2.0, 3.0, 4.0];

        assert_eq!(quantile(&figures, 0.0), Some(1.0));
        assert_eq!(quantile(&figures, 0.5), Some(2.5));
        assert_eq!(quantile(&figures, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    fn written(grid: &Grid, key: &str, subject: Subject) -> String {
        grid.column(key).cell(subject)
    }

    fn grid() -> Grid {
        Grid::new("Start", [("open", "socket open", Unit::Millis)])
    }
}
