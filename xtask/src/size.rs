//! What the page weighs over the wire.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use brotli::enc::BrotliEncoderParams;
use clap::Args;

use crate::process::{self, Process};
use crate::tools::{self, Need};
use crate::{Error, Interrupt, attribution, console, examples, root};

/// What the page weighs over the wire
///
/// Builds the page into dist/ and prints the size of every file that it loads: as it is, and under
/// brotli -q 11, as a static host sends it; then what the WebAssembly is made of. Then the same of the
/// seed, the smallest page made with the crate, and what the engine and the hooks add to a page of
/// Yew's. Fails when a sum is above its limit.
#[derive(Debug, Args)]
pub struct Arguments {}

/// What everything the page loads is to weigh under brotli, in bytes.
pub const BUDGET: usize = 165_000;

/// The most that it may weigh until it meets the [`BUDGET`], so that it does not grow meanwhile. A build in another
/// folder was found to differ by 145 bytes.
pub const LIMIT: usize = 221_800;

/// What everything the seed loads is to weigh under brotli, in bytes.
pub const SEED_BUDGET: usize = 70_000;

/// The most that it may weigh until it meets the [`SEED_BUDGET`].
pub const SEED_LIMIT: usize = 90_600;

/// What the engine and the hooks are to add to a page of Yew's, in bytes under brotli.
pub const ENGINE_BUDGET: usize = 20_000;

/// The most that they may add until they meet the [`ENGINE_BUDGET`].
pub const ENGINE_LIMIT: usize = 41_800;

/// Runs `cargo xtask size`.
///
/// # Errors
///
/// When the page cannot be built or weighs too much.
pub async fn command(_: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    interrupt
        .guard(async {
            tools::install(Need::Page).await?;
            let mut trunk = process::command("trunk", ["build", "--release"]);
            console::say(process::shown(&trunk));
            Process::start(&mut trunk)?.succeed().await?;
            examples::build().await?;
            report(&root().join("dist")).await?;
            report_seed()
        })
        .await
}

/// Prints the size of the page in `dist`, a release, of its files, and of the parts of its WebAssembly.
///
/// # Errors
///
/// When there is no page of the last build, or it weighs more than [`LIMIT`].
pub async fn report(dist: &Path) -> Result<(), Error> {
    let (files, compressed) = weigh(dist)?;
    console::say(format_args!(
        "the budget is {BUDGET}, the limit until it is met {LIMIT}"
    ));
    let parts = attribution::table(files.values().map(Vec::as_slice)).await?;
    console::say(format_args!("\n{parts}"));
    check("the page weighs", compressed, LIMIT)
}

/// Prints the size of the seed, of its files, and what of it is the engine and the hooks.
///
/// # Errors
///
/// When it is not built, or weighs more than it may.
pub fn report_seed() -> Result<(), Error> {
    console::say("the seed:");
    let (_, seed) = weigh(&examples::dist("seed")?)?;
    console::say("the same page without a connection:");
    let (_, empty) = weigh(&examples::dist("yew-empty")?)?;
    let engine = seed.saturating_sub(empty);
    console::say(format_args!(
        "the seed: {seed}; its budget is {SEED_BUDGET}, the limit until it is met {SEED_LIMIT}\n\
         engine and hooks: {engine}; their budget is {ENGINE_BUDGET}, the limit {ENGINE_LIMIT}"
    ));
    check("the seed weighs", seed, SEED_LIMIT)?;
    check("the engine and the hooks add", engine, ENGINE_LIMIT)
}

/// Prints the size of each file that the page in `dist` loads. Returns them, and what they weigh under
/// brotli together.
fn weigh(dist: &Path) -> Result<(BTreeMap<String, Vec<u8>>, usize), Error> {
    let unreadable =
        |cause| Error::Failed(format!("{} cannot be measured: {cause}", dist.display()));
    let mut sum = (0, 0);
    console::say(format_args!("{:>10} {:>10}  file", "bytes", "brotli"));
    let files = loaded(files(dist).map_err(unreadable)?);
    for (name, content) in &files {
        let compressed = compressed(content).map_err(unreadable)?;
        console::say(format_args!(
            "{:>10} {compressed:>10}  {name}",
            content.len()
        ));
        sum = (sum.0 + content.len(), sum.1 + compressed);
    }
    let (plain, compressed) = sum;
    console::say(format_args!("{plain:>10} {compressed:>10}  in all"));
    if plain == 0 {
        return Err(Error::Failed(format!(
            "{} has no index.html",
            dist.display()
        )));
    }
    Ok((files, compressed))
}

fn check(what: &str, bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes > limit {
        return Err(Error::Failed(format!(
            "{what} {bytes} bytes, {} more than allowed",
            bytes - limit
        )));
    }
    Ok(())
}

/// The files under `folder`, by their path from there.
pub(crate) fn files(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let inside = self::files(&entry.path())?;
            files.extend(
                inside
                    .into_iter()
                    .map(|(path, content)| (format!("{name}/{path}"), content)),
            );
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// Of the files of a site, those that the page loads: `index.html`, and each that a loaded one
/// names. Of the icons Chromium loads the drawing; the pictures are for who installs the page.
pub(crate) fn loaded(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut loaded = BTreeMap::new();
    let mut found: Vec<_> = files.remove_entry("index.html").into_iter().collect();
    while let Some((path, content)) = found.pop() {
        found.extend(files.extract_if(.., |path, _| {
            let name = path.rsplit('/').next().unwrap_or(path).as_bytes();
            !name.ends_with(b".png") && content.windows(name.len()).any(|window| window == name)
        }));
        loaded.insert(path, content);
    }
    loaded
}

/// The size of `content` under `brotli -q 11`, in bytes.
pub(crate) fn compressed(mut content: &[u8]) -> io::Result<usize> {
    let params = BrotliEncoderParams {
        quality: 11,
        ..BrotliEncoderParams::default()
    };
    brotli::BrotliCompress(&mut content, &mut io::sink(), &params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_loaded_file_names_is_loaded() {
        let files = [
            (
                "index.html",
                "<script>import init from './app-1.js'; init('app_bg.wasm')</script>",
            ),
            (
                "app-1.js",
                "import './snippets/inline0.js'; const app = 'app-1.js'",
            ),
            ("app_bg.wasm", "\0asm config.json icon-192.png"),
            ("config.json", "{}"),
            ("snippets/inline0.js", ""),
            ("icon-192.png", ""),
            ("app-1.js.br", ""),
            ("LICENSE", "index.html"),
        ];
        let files = files.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));

        let loaded = loaded(files.into());

        assert_eq!(
            loaded.into_keys().collect::<Vec<_>>(),
            [
                "app-1.js",
                "app_bg.wasm",
                "config.json",
                "index.html",
                "snippets/inline0.js"
            ]
        );
    }

    #[test]
    fn sizes_are_those_of_brotli() {
        // `brotli -q 11` makes the same of it.
        assert_eq!(compressed(&b"heartbeat".repeat(1000)).unwrap(), 26);
    }
}
