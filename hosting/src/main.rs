//! What trunk runs when it has built the page, before the page becomes `dist/`.
//!
//! Trunk runs no shell for a hook, so this is a program that works wherever Rust does.

mod compression;
mod glue;
mod integrity;
mod policy;
mod remarks;
mod style;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(staged) = env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from) else {
        eprintln!("error: TRUNK_STAGING_DIR is not set: trunk runs this by itself, see Trunk.toml");
        return ExitCode::from(2);
    };
    let is_release = env::var_os("TRUNK_PROFILE").is_some_and(|profile| profile == "release");
    match finish(&staged, is_release) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Completes the page in `staged`; shortens and compresses what a release has.
fn finish(staged: &Path, is_release: bool) -> Result<(), String> {
    let index = staged.join("index.html");
    let failed = |cause: &dyn std::fmt::Display| format!("{}: {cause}", index.display());
    let page = fs::read_to_string(&index).map_err(|cause| failed(&cause))?;
    let mut page = integrity::without_false_promises(&page);
    if is_release {
        page = glue::shorten(staged, &page)?;
        page = style::shorten(staged, &page)?;
        page = remarks::without(&page);
    }
    let page = policy::complete(&page).map_err(|cause| failed(&cause))?;
    fs::write(&index, page).map_err(|cause| failed(&cause))?;
    if is_release {
        compression::compress(staged)
            .map_err(|cause| format!("{} cannot be compressed: {cause}", staged.display()))?;
    }
    Ok(())
}
