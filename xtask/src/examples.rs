//! Small programs made with the crate, and the pages that the seed is compared with: each a project of trunk's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::process::{self, Process};
use crate::{Error, attribution, console, page, root};

/// Builds each into its own `dist`.
///
/// # Errors
///
/// When one cannot be built.
pub async fn build() -> Result<(), Error> {
    for folder in folders()? {
        build_in(&folder).await?;
    }
    Ok(())
}

/// Builds the seed that is measured beside other pages.
///
/// # Errors
///
/// When it cannot be built.
pub async fn build_measured_seed() -> Result<(), Error> {
    build_in(&root().join(MEASURED_SEED)).await
}

/// The built page of an example.
///
/// # Errors
///
/// When it is not built.
pub fn dist(name: &str) -> Result<PathBuf, Error> {
    let folder = folders()?
        .into_iter()
        .find(|folder| folder.ends_with(name))
        .ok_or_else(|| Error::Failed(format!("there is no example {name}")))?;
    page::built(folder.join("dist"), "cargo xtask test examples")
}

/// The built page of the seed that is measured beside other pages.
///
/// # Errors
///
/// When it is not built.
pub fn measured_seed() -> Result<PathBuf, Error> {
    let dist = root().join(MEASURED_SEED).join("dist");
    page::built(dist, "cargo xtask bench bytes")
}

async fn build_in(folder: &Path) -> Result<(), Error> {
    // Trunk gives each page all scripts that lie there, of whatever page they are.
    let workshop = attribution::target().await?.join("wasm-bindgen");
    if let Err(cause) = fs::remove_dir_all(&workshop)
        && cause.kind() != io::ErrorKind::NotFound
    {
        return Err(Error::Failed(format!("{}: {cause}", workshop.display())));
    }
    let mut trunk = process::command("trunk", ["build", "--release"]);
    trunk.current_dir(folder);
    console::say(format_args!(
        "{}: {}",
        folder.display(),
        process::shown(&trunk)
    ));
    Process::start(&mut trunk)?.succeed().await
}

fn folders() -> Result<Vec<PathBuf>, Error> {
    let examples = root().join("crates/heartwire/examples");
    let failed = |cause| Error::Failed(format!("{}: {cause}", examples.display()));
    let mut folders = vec![root().join("bench/yew-empty")];
    for entry in fs::read_dir(&examples).map_err(failed)? {
        folders.push(entry.map_err(failed)?.path());
    }
    folders.sort();
    Ok(folders)
}

/// An example with settings in its address.
const MEASURED_SEED: &str = "bench/seed";
