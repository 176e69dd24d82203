//! Web servers that the page is hosted with on trial.

use std::fs;
use std::path::PathBuf;

use crate::process::{self, Process};
use crate::{Error, console, root};

/// A file of a web server, wherever it is: in the system, or unpacked for the trial.
///
/// # Errors
///
/// When it is in neither.
pub fn find(path: &str) -> Result<PathBuf, Error> {
    [PathBuf::from("/").join(path), folder().join(path)]
        .into_iter()
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Error::Failed(format!(
                "missing: /{path}. Install nginx and Caddy with this system's own package manager"
            ))
        })
}

/// Unpacks Debian's packages of the servers that are not in the system.
///
/// They are not installed, as each would start a server at once, and with every boot.
///
/// # Errors
///
/// When a server is neither there nor to be had.
pub(crate) async fn unpack() -> Result<(), Error> {
    let missing: Vec<_> = FILES
        .iter()
        .filter(|(_, file)| find(file).is_err())
        .collect();
    if process::find("apt-get").is_none() || process::find("dpkg").is_none() {
        return missing
            .first()
            .map_or(Ok(()), |(_, file)| find(file).map(drop));
    }
    for (package, _) in missing {
        let packages = root().join("target/tools/packages").join(package);
        fs::create_dir_all(&packages).map_err(|cause| {
            Error::Failed(format!("{} cannot be created: {cause}", packages.display()))
        })?;
        let mut download = process::command("apt-get", ["download", package]);
        download.current_dir(&packages);
        console::say(format_args!(
            "unpacking {package} (missing) into {}: {}",
            folder().display(),
            process::shown(&download)
        ));
        Process::start(&mut download)?.succeed().await?;
        for file in fs::read_dir(&packages).into_iter().flatten().flatten() {
            let mut dpkg = process::command("dpkg", ["--extract"]);
            dpkg.arg(file.path()).arg(folder());
            Process::start(&mut dpkg)?.succeed().await?;
        }
    }
    FILES.iter().try_for_each(|(_, file)| find(file).map(drop))
}

fn folder() -> PathBuf {
    root().join("target/tools/hosts")
}

/// The servers and what they need, each with its package in Debian.
const FILES: [(&str, &str); 3] = [
    ("nginx", NGINX),
    ("nginx-common", NGINX_TYPES),
    ("caddy", CADDY),
];

/// The program of nginx.
pub const NGINX: &str = "usr/sbin/nginx";

/// The types of files that nginx comes with.
pub const NGINX_TYPES: &str = "etc/nginx/mime.types";

/// The program of Caddy.
pub const CADDY: &str = "usr/bin/caddy";
