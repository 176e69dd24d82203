//! The figures as pictures.

use std::fmt::{self, Formatter};

use super::answer::Answer;
use super::grid::Grid;
use super::{Subject, bytes, flood, start};
use crate::drawing::{self, LEFT, bar, text};

/// Bars of one or two figures of every page, side by side.
pub(super) struct Chart<'a> {
    title: &'static str,
    grid: &'a Grid,
    /// The keys of the figures.
    panels: [&'static str; 2],
    note: &'static str,
}

/// The charts of these answers, each with the name of its file.
pub(super) fn all(answers: &[Answer]) -> Vec<(&'static str, Chart<'_>)> {
    let charts = CHARTS
        .into_iter()
        .filter_map(|(name, title, grid, panels, note)| {
            let grid = answers.iter().find_map(|answer| answer.grid(grid))?;
            let chart = Chart {
                title,
                grid,
                panels,
                note,
            };
            Some((name, chart))
        });
    charts.collect()
}

impl fmt::Display for Chart<'_> {
    fn fmt(&self, svg: &mut Formatter<'_>) -> fmt::Result {
        let rows = u32::try_from(Subject::ALL.len()).expect("a few pages");
        let bottom = TOP + rows * ROW;
        drawing::begin(svg, (WIDTH, bottom + 40), self.title, &self.description())?;
        for (key, x) in self.panels.into_iter().zip(PANELS) {
            text(svg, "faint", x, TOP - 12, &self.grid.heading(key))?;
        }
        for (subject, y) in Subject::ALL.into_iter().zip((TOP..).step_by(ROW as usize)) {
            let class = match subject {
                Subject::Seed | Subject::Heartwire => "ours",
                Subject::Peer(_) => "theirs",
            };
            writeln!(svg, r#"<g class="{class}">"#)?;
            text(svg, "name", LEFT, y + 13, &subject.title())?;
            for (key, x) in self.panels.into_iter().zip(PANELS) {
                let figure = self.grid.short(key, subject);
                bar(svg, x, y + 3, self.length(key, subject), &figure)?;
            }
            writeln!(svg, "</g>")?;
        }
        text(svg, "faint", LEFT, bottom + 22, self.note)?;
        drawing::end(svg)
    }
}

impl Chart<'_> {
    /// What it shows.
    pub(super) fn title(&self) -> &'static str {
        self.title
    }

    /// The figures in words.
    fn description(&self) -> String {
        let panels = self.panels.map(|key| {
            let figures = Subject::ALL.map(|subject| {
                let figure = self.grid.short(key, subject);
                format!("{} {figure}", subject.title())
            });
            format!("{}: {}.", self.grid.heading(key), figures.join("; "))
        });
        panels.join("\n")
    }

    /// How long the bar is: the largest of all fills the panel.
    fn length(&self, key: &str, subject: Subject) -> f64 {
        let figure = |subject| self.grid.median(key, subject).unwrap_or_default().max(0.0);
        let largest = Subject::ALL.map(figure).into_iter().fold(0.0, f64::max);
        if largest > 0.0 {
            figure(subject) / largest * LENGTH
        } else {
            0.0
        }
    }
}

type Row = (
    &'static str,
    &'static str,
    &'static str,
    [&'static str; 2],
    &'static str,
);

/// The name of the file, the title, the grid's title, the keys of the columns, and what is to be
/// known.
const CHARTS: [Row; 3] = [
    (
        "bench-bytes.svg",
        "What a page weighs over the wire",
        bytes::TITLE,
        ["brotli", "gzip"],
        "Every file that the page loads, in bytes.",
    ),
    (
        "bench-start.svg",
        "The start over a slow link on a slow phone",
        start::SLOW,
        ["open", "input"],
        "1.6 Mbit/s, 150 ms, a CPU slowed down by four, nothing cached; from the navigation, medians.",
    ),
    (
        "bench-flood.svg",
        "100,000 messages as fast as they go",
        flood::TITLE,
        ["time", "task"],
        "Medians. With every message logged and counted, in Heartwire's page alone.",
    ),
];

const WIDTH: u32 = 860;
/// Where the first row begins.
const TOP: u32 = 84;
/// From one page to the next.
const ROW: u32 = 24;
/// Where the bars begin.
const PANELS: [u32; 2] = [226, 548];
/// The longest bar, beside which its figure has room.
const LENGTH: f64 = 230.0;

#[cfg(test)]
mod tests {
    use super::super::grid::Unit;
    use super::*;

    #[test]
    fn every_page_has_its_bars_and_is_told_of_in_words() {
        let mut grid = Grid::new(
            flood::TITLE,
            [
                ("time", "until the last is shown", Unit::Millis),
                ("task", "main-thread work", Unit::Millis),
            ],
        );
        for (subject, figure) in Subject::ALL.into_iter().zip([4_000.0, 8_000.0]) {
            grid.note(subject, Ok([figure.into(), figure.into()]));
        }
        let mut answer = Answer::new("flood", "");
        answer.grids.push(grid);
        let answers = [answer];
        let charts = all(&answers);

        let [(name, chart)] = &charts[..] else {
            panic!("one of the charts has figures");
        };
        assert_eq!(*name, "bench-flood.svg");
        let svg = chart.to_string();
        assert!(
            svg.contains("Heartwire seed 4,000; Heartwire page 8,000; "),
            "{svg}"
        );
        assert_eq!(svg.matches("width=\"115.0\"").count(), 2, "{svg}");
        assert_eq!(svg.matches("width=\"230.0\"").count(), 2, "{svg}");
        assert_eq!(svg.matches(">–</text>").count(), 12, "{svg}");
    }
}
