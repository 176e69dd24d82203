//! The rows that are kept.

use std::collections::VecDeque;

use super::Row;

/// Rows without a gap between their numbers.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    pub(super) rows: VecDeque<Row>,
    /// The number of the first row, or of the next if there is none.
    pub(super) first: u64,
    /// Their payload.
    pub(super) bytes: usize,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            first: 1,
            bytes: 0,
        }
    }
}

impl Ring {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of the next row.
    pub(super) fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    pub(super) fn push(&mut self, row: Row) {
        self.bytes += row.weight();
        self.rows.push_back(row);
    }

    pub(super) fn forget_before(&mut self, number: u64) {
        while self.first < number
            && let Some(row) = self.rows.pop_front()
        {
            self.bytes -= row.weight();
            self.first += 1;
        }
    }

    /// The rows from the one with this number on.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Row> {
        let index = self.index(number.max(self.first)).unwrap_or(usize::MAX);
        self.rows.range(index.min(self.len())..)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Row> {
        self.rows.get(self.index(number)?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Row> {
        let index = self.index(number)?;
        self.rows.get_mut(index)
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
