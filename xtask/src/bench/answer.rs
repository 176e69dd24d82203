//! What came of one question.

use std::fmt;

use serde_json::{Value, json};

use super::Subject;
use super::grid::{Grid, Unit};
use crate::peers::Peer;
use crate::table::Table;

/// The tables and remarks that answer one question.
#[derive(Debug)]
pub(super) struct Answer {
    /// The question's name.
    pub(super) name: &'static str,
    /// What it asks, as a heading.
    pub(super) question: &'static str,
    /// Figures of every page.
    pub(super) grids: Vec<Grid>,
    /// Tables of another form, each with its heading.
    pub(super) tables: Vec<(String, Table)>,
    /// What is to be known beside the figures.
    pub(super) notes: Vec<String>,
    /// What was to be reached.
    pub(super) targets: Vec<Target>,
}

/// A figure that is to be no larger than a bound.
#[derive(Debug)]
pub(super) struct Target {
    what: String,
    most: f64,
    measured: Option<f64>,
    /// What it is a figure of; none of a ratio.
    unit: Option<Unit>,
}

impl Answer {
    /// An answer that says nothing yet.
    pub(super) fn new(name: &'static str, question: &'static str) -> Self {
        Self {
            name,
            question,
            grids: Vec::new(),
            tables: Vec::new(),
            notes: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// The tables with their headings.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, Table)> {
        let grids = self.grids.iter().map(|grid| (grid.title, grid.table()));
        let others = self.tables.iter();
        grids.chain(others.map(|(title, table)| (title.as_str(), table.clone())))
    }

    /// Everything that is to be said beside the tables.
    pub(super) fn remarks(&self) -> Vec<String> {
        let disturbances = self.grids.iter().filter_map(Grid::disturbance);
        let failures = self.grids.iter().flat_map(|grid| &grid.failures);
        let failures = failures.map(|failure| format!("Failed: {failure}."));
        let notes = self.notes.iter().cloned();
        notes.chain(disturbances).chain(failures).collect()
    }

    /// The grid with this column.
    pub(super) fn grid(&self, title: &str) -> Option<&Grid> {
        self.grids.iter().find(|grid| grid.title == title)
    }

    /// Everything that was measured.
    pub(super) fn json(&self) -> Value {
        let targets = self.targets.iter().map(|target| {
            json!({
                "target": target.what,
                "most": target.most,
                "measured": target.measured,
                "met": target.is_met(),
            })
        });
        json!({
            "name": self.name,
            "question": self.question,
            "grids": self.grids.iter().map(Grid::json).collect::<Vec<_>>(),
            "tables": self.tables.iter().map(|(title, table)| json!({
                "title": title,
                "table": table.markdown(),
            })).collect::<Vec<_>>(),
            "notes": self.notes,
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}

/// For the console.
impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, table) in self.tables() {
            writeln!(formatter, "\n{title}\n\n{table}")?;
        }
        for remark in self.remarks() {
            writeln!(formatter, "{remark}")?;
        }
        for target in &self.targets {
            writeln!(formatter, "{target}")?;
        }
        Ok(())
    }
}

impl Target {
    /// A figure is to be at most `most`.
    pub(super) fn figure(what: &str, measured: Option<f64>, unit: Unit, most: f64) -> Self {
        Self {
            what: what.to_owned(),
            most,
            measured,
            unit: Some(unit),
        }
    }

    /// The whole page's figure in proportion to a peer's is to be at most `most`.
    pub(super) fn ratio(what: &str, grid: &Grid, key: &str, peer: Peer, most: f64) -> Self {
        Self {
            what: format!("{what}, to {}", Subject::Peer(peer).title()),
            most,
            measured: grid.ratio(key, peer),
            unit: None,
        }
    }

    /// The whole page's figure is to be at most so much more than a peer's.
    pub(super) fn more(
        what: &str,
        grid: &Grid,
        key: &str,
        peer: Peer,
        (unit, most): (Unit, f64),
    ) -> Self {
        let theirs = grid.median(key, Subject::Peer(peer));
        let ours = grid.median(key, Subject::Heartwire);
        let what = format!("{what}, more than {}", Subject::Peer(peer).title());
        let measured = ours.zip(theirs).map(|(ours, theirs)| ours - theirs);
        Self::figure(&what, measured, unit, most)
    }

    /// None of this may happen.
    pub(super) fn none(what: &str, measured: Option<f64>) -> Self {
        Self::figure(what, measured, Unit::Count, 0.0)
    }

    /// The cells of its row: what, at most, measured, whether that is met.
    pub(super) fn row(&self) -> [String; 4] {
        let written = |figure: f64| match self.unit {
            Some(unit) => unit.written(figure),
            None => format!("{figure:.2}"),
        };
        let met = if self.is_met() { "met" } else { "not met" };
        [
            self.what.clone(),
            written(self.most),
            self.measured.map_or_else(|| "–".to_owned(), written),
            met.to_owned(),
        ]
    }

    /// Whether it was measured and is within the bound.
    pub(super) fn is_met(&self) -> bool {
        self.measured.is_some_and(|measured| measured <= self.most)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [what, most, measured, met] = self.row();
        write!(formatter, "{met}: {what}: {measured}, at most {most}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_was_not_measured_is_not_met() {
        let lost = |measured| Target::none("texts lost", measured);

        assert!(lost(Some(0.0)).is_met());
        assert!(!lost(None).is_met());
        assert_eq!(
            lost(Some(3.0)).to_string(),
            "not met: texts lost: 3, at most 0"
        );
    }
}
