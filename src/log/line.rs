//! What is shown in one line: a row, or a run of heartbeats.

use std::{collections::VecDeque, time::Duration};

use super::Row;

/// What is shown in one line.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its name: the number of its first row, also when that is gone.
    pub number: u64,
    /// The row; of a run of beats the newest.
    pub row: &'a Row,
    /// What else it stands for.
    pub run: Option<Run>,
}

/// Beats between which nothing else happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Run {
    /// How many of them are kept. Replies count where there is nothing that they could be replies to.
    pub beats: u64,
    /// When the first of them came about, in milliseconds since 1970.
    pub since: u64,
    /// How long after its heartbeat the last reply came.
    pub round_trip: Option<Duration>,
}

/// The rows of a line: these numbers and those between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Of a line of beats, how many.
    pub(super) beats: Option<u64>,
}

impl Shown {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            first: row.number,
            last: row.number,
            beats: row.kind.beats(),
        }
    }
}

/// Adds a row to the lines that are shown. Where that makes a run of beats, it is one line with those
/// before it.
pub(super) fn append(lines: &mut VecDeque<Shown>, row: &Row, folds: bool) {
    let line = Shown::of(row);
    let (mut run, mut count) = (line, 0);
    for before in lines.iter().rev().take_while(|_| folds) {
        let beats = before.beats.zip(run.beats);
        let Some((more, beats)) = beats.filter(|_| before.last + 1 == run.first) else {
            break;
        };
        (run.first, run.beats) = (before.first, Some(beats + more));
        count += 1;
    }
    // A question and its answer are no run. Three rows are always one, or each new row would look back at
    // ever more.
    if count > 0 && (run.beats > Some(1) || run.last > run.first + 1) {
        lines.truncate(lines.len() - count);
        lines.push_back(run);
    } else {
        lines.push_back(line);
    }
}
