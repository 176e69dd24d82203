//! Small programs made with the crate, and the page that the seed is compared with: each a project of trunk's.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::process::{self, Process};
use crate::{Error, attribution, console, page, root};

/// Builds each into its own `dist`.
///
/// # Errors
///
/// When one cannot be built.
pub async fn build() -> Result<(), Error> {
    let workshop = attribution::target().await?.join("wasm-bindgen");
    for folder in folders()? {
        // Trunk gives each page all scripts that lie there, of whatever page they are.
        if let Err(cause) = fs::remove_dir_all(&workshop)
            && cause.kind() != io::ErrorKind::NotFound
        {
            return Err(Error::Failed(format!("{}: {cause}", workshop.display())));
        }
        let mut trunk = process::command("trunk", ["build", "--release"]);
        // As somebody builds who looks at what a page weighs: nobody reads names in it.
        trunk
            .current_dir(&folder)
            .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
        console::say(format_args!(
            "{}: {}",
            folder.display(),
            process::shown(&trunk)
        ));
        Process::start(&mut trunk)?.succeed().await?;
    }
    Ok(())
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
