//! The clients that Heartwire is measured beside: pages in `bench/`, built from their packages.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::process::{self, Process};
use crate::{Error, console, root};

/// A client with a page of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// `useWebSocket` of `VueUse`.
    VueUse,
    /// The `WebSocket` of `partysocket`.
    Partysocket,
}

impl Peer {
    /// The name under which people know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VueUse => "VueUse",
            Self::Partysocket => "partysocket",
        }
    }

    /// The version that is built, as `bench/package.json` has it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or does not have it.
    pub fn version(self) -> Result<String, Error> {
        let path = folder().join("package.json");
        let failed = |cause: &str| Error::Failed(format!("{}: {cause}", path.display()));
        let text = fs::read_to_string(&path).map_err(|cause| failed(&cause.to_string()))?;
        let package: Value =
            serde_json::from_str(&text).map_err(|cause| failed(&cause.to_string()))?;
        let version = package["dependencies"][self.package()].as_str();
        version
            .map(str::to_owned)
            .ok_or_else(|| failed(&format!("no dependency {}", self.package())))
    }

    /// The folder of its built page.
    ///
    /// # Errors
    ///
    /// When it is not built.
    pub fn dist(self) -> Result<PathBuf, Error> {
        let dist = folder().join("dist").join(self.folder());
        if dist.join("index.html").is_file() {
            Ok(dist)
        } else {
            Err(Error::Failed(format!(
                "{} is not built: run `npm ci` and `npm run build` in bench",
                dist.display()
            )))
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::VueUse => "vueuse",
            Self::Partysocket => "partysocket",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::VueUse => "@vueuse/core",
            Self::Partysocket => "partysocket",
        }
    }
}

/// Installs the packages at the versions of the lock file and builds every peer's page.
///
/// # Errors
///
/// When there is no npm, or a step fails.
pub async fn build() -> Result<(), Error> {
    if process::find("npm").is_none() {
        return Err(Error::Failed(
            "missing: npm. Install Node.js 20 or newer, which brings it, and run the command again"
                .to_owned(),
        ));
    }
    // esbuild's own script changes nothing where its optional package is there.
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    for arguments in [install.as_slice(), &["run", "build"]] {
        let mut npm = process::command("npm", arguments);
        npm.current_dir(folder());
        console::say(format_args!("in bench: {}", process::shown(&npm)));
        Process::start(&mut npm)?.succeed().await?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    root().join("bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_page_and_one_exact_version() {
        for peer in [Peer::VueUse, Peer::Partysocket] {
            let page = folder().join(peer.folder());
            assert!(page.join("main.js").is_file(), "{}", peer.name());
            let version = peer.version().unwrap();
            let is_exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
            assert!(is_exact, "{} {version}", peer.name());
        }
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = fs::read_to_string(folder().join("package-lock.json")).unwrap();

        assert!(!lock.contains("\"resolved\""));
    }
}
