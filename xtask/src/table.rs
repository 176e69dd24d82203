//! Tables for the terminal and for the documents: 35 lines, for which `tabled` would bring 12 packages.

use std::fmt;

/// Rows of cells under a header; all columns but the first hold figures.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table that has no row yet.
    pub(crate) fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self {
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with as many cells as the header has.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// As the README has it.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut markdown = line(&self.header);
        let figures = " ---: |".repeat(self.header.len() - 1);
        markdown.extend(["| --- |", &figures, "\n"]);
        markdown.extend(self.rows.iter().map(|row| line(row)));
        markdown
    }
}

/// For the console: the columns aligned by spaces.
impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = || [&self.header].into_iter().chain(&self.rows);
        let widths: Vec<_> = (0..self.header.len())
            .map(|column| rows().map(|row| row[column].chars().count()).max())
            .map(Option::unwrap_or_default)
            .collect();
        for row in rows() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(formatter, "{cell:<width$}")?,
                    _ => write!(formatter, "  {cell:>width$}")?,
                }
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

/// A whole number as it is read most easily: `1,000,000`.
pub(crate) fn grouped(number: impl fmt::Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [7, 300, 1_000, 40_391, 1_271_671].map(grouped),
            ["7", "300", "1,000", "40,391", "1,271,671"]
        );
    }

    #[test]
    fn one_table_is_for_the_terminal_and_for_the_documents() {
        let mut table = Table::new(["page", "ms"]);
        table.push(["a–b".to_owned(), "1,000".to_owned()]);

        assert_eq!(table.to_string(), "page     ms\na–b   1,000\n");
        assert_eq!(
            table.markdown(),
            "| page | ms |\n| --- | ---: |\n| a–b | 1,000 |\n"
        );
    }
}
