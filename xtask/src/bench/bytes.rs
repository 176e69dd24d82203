//! What a page weighs over the wire.

use super::Subject;
use super::answer::{Answer, Target};
use super::field::Field;
use super::grid::{Grid, Reading, Unit};
use crate::host::File;
use crate::peers::Peer;
use crate::table::{Table, grouped};

/// Adds up the files of every page. The same compressor at its best for all of them: a host that
/// compresses less makes each larger.
pub(super) fn ask(field: &Field) -> Answer {
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
            figure(files.map(size).sum())
        });
        grid.note(subject, Ok(sums));
    }
    answer.targets = vec![
        Target::ratio("bytes", &grid, "brotli", Peer::React, 1.0),
        Target::ratio("bytes", &grid, "brotli", Peer::Vue2, 1.85),
    ];
    answer.grids.push(grid);

    let mut files = Table::new(["file", "as it is", "brotli 11", "gzip 9"]);
    let mut parts = Table::new(["part of the WebAssembly", "as it is"]);
    for (path, file) in field.content(Subject::Heartwire).files() {
        files.push([
            format!("`{path}`"),
            grouped(plain(file)),
            grouped(brotli(file)),
            grouped(gzip(file)),
        ]);
        for (part, size) in sections(&file.plain) {
            parts.push([part.to_owned(), grouped(size)]);
        }
    }
    answer.tables = vec![
        ("Heartwire, by file".to_owned(), files),
        ("Heartwire's WebAssembly, by part".to_owned(), parts),
    ];
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

fn figure(bytes: usize) -> Reading {
    let bytes = u32::try_from(bytes).expect("a page is smaller than 4 GiB");
    Reading::Figure(bytes.into())
}

/// The sections of a WebAssembly module with their sizes, the small ones together; none of what is
/// no module.
fn sections(module: &[u8]) -> Vec<(&'static str, usize)> {
    let mut sizes = [0; PARTS.len()];
    let Some(mut rest) = module.strip_prefix(b"\0asm\x01\0\0\0") else {
        return Vec::new();
    };
    while let Some((id, after)) = rest.split_first() {
        let Some((length, content)) = leb128(after) else {
            break;
        };
        let head = rest.len() - content.len();
        let part = match id {
            2 => 2,
            10 => 0,
            11 => 1,
            _ => 3,
        };
        sizes[part] += head + length.min(content.len());
        rest = content.get(length..).unwrap_or_default();
    }
    PARTS.into_iter().zip(sizes).collect()
}

/// Reads an unsigned number in the variable length of WebAssembly, and gives what follows.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let length = 1 + bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at(length);
    let number = number.iter().rev();
    let number = number.fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    Some((number, rest))
}

const PARTS: [&str; 4] = ["code", "data", "imports", "everything else"];

/// The grid's title.
pub(super) const TITLE: &str = "Everything that a page loads";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_with_their_heads() {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend([1, 2, 0, 0]);
        module.extend([10, 0x80 | 2, 1]);
        module.extend([0; 130]);
        module.extend([11, 1, 0]);

        assert_eq!(
            sections(&module),
            [
                ("code", 133),
                ("data", 3),
                ("imports", 0),
                ("everything else", 4)
            ]
        );
        assert_eq!(sections(b"<!doctype html>"), []);
    }
}
