//! Compressed copies beside the files, for hosts that send such.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

/// Writes a `.br` and a `.gz` beside every file of `folder` whose name carries the hash of its
/// content.
///
/// No other: someone may edit them where they are hosted, and the copy would be sent instead.
///
/// # Errors
///
/// When a file cannot be read or written.
pub(crate) fn compress(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !is_hashed(&name) {
            continue;
        }
        let content = fs::read(&path)?;
        let params = BrotliEncoderParams {
            quality: 11,
            ..BrotliEncoderParams::default()
        };
        let mut copy = File::create(path.with_file_name(format!("{name}.br")))?;
        brotli::BrotliCompress(&mut content.as_slice(), &mut copy, &params)?;

        let copy = File::create(path.with_file_name(format!("{name}.gz")))?;
        let mut copy = GzEncoder::new(copy, Compression::best());
        copy.write_all(&content)?;
        copy.finish()?;
    }
    Ok(())
}

/// Whether trunk has put a hash into this name of a file: `style-1fb8de8d340d38a.css`.
fn is_hashed(name: &str) -> bool {
    let Some((stem, "css" | "js" | "wasm")) = name.rsplit_once('.') else {
        return false;
    };
    let stem = stem.strip_suffix("_bg").unwrap_or(stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() >= HASH_LENGTH && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Trunk writes 64 bits in hexadecimal without leading zeros; fewer digits than this are rarer than
/// one in four billion.
const HASH_LENGTH: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_hash_in_their_name_get_copies() {
        for name in [
            "style-1fb8de8d340d38a.css",
            "heartwire-91d53cc602ce0ac1.js",
            "heartwire-91d53cc602ce0ac1_bg.wasm",
        ] {
            assert!(is_hashed(name), "{name}");
        }
        for name in [
            "index.html",
            "config.json",
            "search.js",
            "icon-192.png",
            "heartwire-91d53cc602ce0ac1.js.br",
            "heartwire-worker.js",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
