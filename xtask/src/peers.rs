//! The clients that Heartwire is measured beside: pages in `bench/`, built from their packages.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::process::{self, Process};
use crate::tools::{self, WASM};
use crate::{Error, console, page, root};

/// A client with a page of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Peer {
    /// No library.
    Plain,
    /// The page that Heartwire replaces.
    Vue2,
    /// `useWebSocket` of `VueUse`, in Vue 3.
    VueUse,
    /// `useWebSocket` of `react-use-websocket`.
    React,
    /// The `WebSocket` of `partysocket`.
    Partysocket,
    /// `use_websocket` of `yew-hooks`.
    YewHooks,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Vue2,
        Self::VueUse,
        Self::React,
        Self::Partysocket,
        Self::YewHooks,
    ];

    /// The name under which people know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "hand-written",
            Self::Vue2 => "Vue",
            Self::VueUse => "VueUse",
            Self::React => "react-use-websocket",
            Self::Partysocket => "partysocket",
            Self::YewHooks => "yew-hooks",
        }
    }

    /// The name with the version.
    #[must_use]
    pub fn title(self) -> String {
        // Of a page that was built, the version is there.
        let version = self.version().unwrap_or_default();
        format!("{} {version}", self.name()).trim_end().to_owned()
    }

    /// Whether it connects again by itself.
    #[must_use]
    pub fn reconnects(self) -> bool {
        match self {
            Self::Vue2 => false,
            Self::Plain | Self::VueUse | Self::React | Self::Partysocket | Self::YewHooks => true,
        }
    }

    /// The version that is built, as `bench/` has it; empty for what is no library.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or does not have it.
    pub fn version(self) -> Result<String, Error> {
        let Some(Package { file, name }) = self.package() else {
            return Ok(String::new());
        };
        let path = folder().join(file);
        let failed = |cause: &str| Error::Failed(format!("{}: {cause}", path.display()));
        let text = fs::read_to_string(&path).map_err(|cause| failed(&cause.to_string()))?;
        let version = if file == "package.json" {
            let package: Value =
                serde_json::from_str(&text).map_err(|cause| failed(&cause.to_string()))?;
            let version = package["dependencies"][name].as_str();
            // `npm:vue@2.7.16` is how one asks for a second version of a package.
            version.map(|version| version.rsplit('@').next().unwrap_or(version).to_owned())
        } else {
            tools::locked_version(&text, name).map(str::to_owned)
        };
        version.ok_or_else(|| failed(&format!("no dependency {name}")))
    }

    /// The folder of its built page.
    ///
    /// # Errors
    ///
    /// When it is not built.
    pub fn dist(self) -> Result<PathBuf, Error> {
        let dist = folder().join("dist").join(self.folder());
        page::built(dist, "cargo xtask bench bytes")
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Vue2 => "vue2",
            Self::VueUse => "vueuse",
            Self::React => "react",
            Self::Partysocket => "partysocket",
            Self::YewHooks => "yew-hooks",
        }
    }

    fn package(self) -> Option<Package> {
        let package = |file, name| Some(Package { file, name });
        match self {
            Self::Plain => None,
            Self::Vue2 => package("package.json", "vue2"),
            Self::VueUse => package("package.json", "@vueuse/core"),
            Self::React => package("package.json", "react-use-websocket"),
            Self::Partysocket => package("package.json", "partysocket"),
            Self::YewHooks => package("yew-hooks/Cargo.lock", "yew-hooks"),
        }
    }
}

/// Where the version of a client stands.
struct Package {
    file: &'static str,
    name: &'static str,
}

/// Installs the packages at the versions of the lock files and builds every peer's page.
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
    // A folder of its own for this one: its packages have features that Heartwire's do not.
    let yew_hooks = folder().join("yew-hooks");
    let compiled = format!("target/{WASM}/release/page.wasm");
    let compile = ["build", "--release", "--locked", "--target", WASM];
    let bind = [
        "--target=web",
        "--no-typescript",
        "--remove-name-section",
        "--remove-producers-section",
        "--out-dir=target/page",
        "--out-name=page",
        &compiled,
    ];
    // esbuild's own script changes nothing where its optional package is there.
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    for (folder, program, arguments) in [
        (&yew_hooks, "cargo", compile.as_slice()),
        (&yew_hooks, "wasm-bindgen", &bind),
        (&folder(), "npm", &install),
        (&folder(), "npm", &["run", "build"]),
    ] {
        let mut command = process::command(program, arguments);
        command.current_dir(folder);
        // Where the caller's cargo builds is not where this is looked for.
        command.env_remove("CARGO_TARGET_DIR");
        let place = folder.strip_prefix(root()).unwrap_or(folder).display();
        console::say(format_args!("in {place}: {}", process::shown(&command)));
        Process::start(&mut command)?.succeed().await?;
    }
    Ok(())
}

/// The folder of the built page made with `@stomp/stompjs`, which is tried beside Heartwire at brokers alone.
///
/// # Errors
///
/// When it is not built.
pub fn stompjs() -> Result<PathBuf, Error> {
    page::built(folder().join("dist/stompjs"), "cargo xtask soak cluster")
}

fn folder() -> PathBuf {
    root().join("bench")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_page_and_one_exact_version() {
        for peer in Peer::ALL {
            let page = folder().join(peer.folder());
            assert!(page.join("main.js").is_file(), "{}", peer.name());
            let version = peer.version().unwrap();
            let is_exact = version.split('.').all(|part| part.parse::<u32>().is_ok());
            assert!(is_exact || peer == Peer::Plain, "{} {version}", peer.name());
        }
    }

    #[test]
    fn every_page_is_built() {
        let build = fs::read_to_string(folder().join("build.js")).unwrap();
        for peer in Peer::ALL {
            assert!(
                build.contains(&format!("'{}'", peer.folder())),
                "{}",
                peer.name()
            );
        }
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = fs::read_to_string(folder().join("package-lock.json")).unwrap();

        assert!(!lock.contains("\"resolved\""));
    }

    #[test]
    fn the_page_in_rust_is_compiled_as_heartwire_is() {
        let ours = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        let theirs = fs::read_to_string(folder().join("yew-hooks/Cargo.toml")).unwrap();

        assert_eq!(release(&theirs), release(&ours));
        let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
        let their_lock = fs::read_to_string(folder().join("yew-hooks/Cargo.lock")).unwrap();
        for package in ["wasm-bindgen", "yew"] {
            assert_eq!(
                tools::locked_version(&their_lock, package),
                tools::locked_version(&lock, package)
            );
        }
    }

    /// The lines of the release profile, without the reasons.
    fn release(manifest: &str) -> Vec<&str> {
        let (_, profile) = manifest.split_once("[profile.release]\n").unwrap();
        let lines = profile.lines().take_while(|line| !line.starts_with('['));
        let mut lines: Vec<_> = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        lines.sort_unstable();
        lines
    }
}
