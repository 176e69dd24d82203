//! What a page weighs over the wire.

use super::Subject;
use super::answer::{Answer, Target};
use super::field::Field;
use super::grid::{Grid, Reading, Unit};
use crate::host::File;
use crate::table::{Table, grouped};
use crate::{attribution, size};

/// Adds up the files of every page. The same compressor at its best for all of them: a host that
/// compresses less makes each larger.
pub(super) async fn ask(field: &Field) -> Answer {
    let mut answer = Answer::new("bytes", "What does a page weigh over the wire?");
    let mut grid = Grid::new(
        TITLE,
        [
            ("brotli", "brotli 11", Unit::Bytes),
            ("gzip", "gzip 9", Unit::Bytes),
            ("plain", "as it is", Unit::Bytes),
        ],
    );
    for subject in Subject::ALL {
        let sizes = [brotli, gzip, plain];
        let sums = sizes.map(|size| {
            let files = field.content(subject).files().values();
            Reading::Figure(figure(files.map(size).sum()))
        });
        grid.note(subject, Ok(sums));
    }
    let weight = |what, subject, most| {
        let weight = grid.median("brotli", subject);
        Target::figure(what, weight, Unit::Bytes, figure(most))
    };
    answer.targets = vec![
        weight("the seed, bytes", Subject::Seed, size::SEED_BUDGET),
        weight("the page, bytes", Subject::Heartwire, size::BUDGET),
    ];
    answer.grids.push(grid);

    let mut files = Table::new(["file", "as it is", "brotli 11", "gzip 9"]);
    for (path, file) in field.content(Subject::Heartwire).files() {
        files.push([
            format!("`{path}`"),
            grouped(plain(file)),
            grouped(brotli(file)),
            grouped(gzip(file)),
        ]);
    }
    answer.tables = vec![("Heartwire's page, by file".to_owned(), files)];
    let content = field.content(Subject::Heartwire).files().values();
    match attribution::table(content.map(|file| file.plain.as_slice())).await {
        Ok(parts) => {
            let title = "The page's WebAssembly, by what it is made of";
            answer.tables.push((title.to_owned(), parts));
        }
        Err(error) => answer
            .notes
            .push(format!("Failed: what the WebAssembly is made of: {error}.")),
    }
    answer
}

fn brotli(file: &File) -> usize {
    file.brotli.len()
}

fn gzip(file: &File) -> usize {
    file.gzip
}

fn plain(file: &File) -> usize {
    file.plain.len()
}

fn figure(bytes: usize) -> f64 {
    let bytes = u32::try_from(bytes).expect("a page is smaller than 4 GiB");
    bytes.into()
}

/// The grid's title.
pub(super) const TITLE: &str = "Everything that a page loads";
