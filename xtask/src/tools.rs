//! What the commands need beside Rust, and how it is installed.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::geteuid;
use tokio::process::Command;

use crate::process::{self, Process};
use crate::progress::Progress;
use crate::{Error, audit, console, root};

/// What a command needs beside Rust, in an order: each includes those before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Need {
    /// To build the page and serve it.
    Page,
    /// To measure it beside others in Chromium.
    Comparison,
    /// To run every check and every test, in all browsers.
    Tests,
}

/// A program that cargo installs at one exact version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tool {
    /// Its package on crates.io.
    pub package: &'static str,
    /// The program's name.
    pub program: &'static str,
    /// The only version that will do.
    pub version: String,
    need: Need,
    /// How long two quiet cores compile it.
    compiled_in: Duration,
}

impl fmt::Display for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.package, self.version)
    }
}

/// **The versions of all tools stand here and nowhere else**; a test holds the README to them.
///
/// wasm-bindgen works only with a program of its own version, so that one stands in `Cargo.lock`.
///
/// # Errors
///
/// When `Cargo.lock` cannot be read or has no wasm-bindgen.
pub fn tools() -> Result<[Tool; 4], Error> {
    let tool = |package, program, version: &str, need, seconds| Tool {
        package,
        program,
        version: version.to_owned(),
        need,
        compiled_in: Duration::from_secs(seconds),
    };
    Ok([
        tool(
            "wasm-bindgen-cli",
            "wasm-bindgen",
            &wasm_bindgen_version()?,
            Need::Page,
            60,
        ),
        tool("trunk", "trunk", "0.21.14", Need::Page, 150),
        tool("wasm-pack", "wasm-pack", "0.15.1", Need::Tests, 50),
        tool("geckodriver", "geckodriver", "0.37.1", Need::Tests, 40),
    ])
}

/// The target that the page is compiled for.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Something that the system's packages bring.
struct Package {
    /// Its name in Debian.
    debian: &'static str,
    /// Its name for people.
    name: &'static str,
    /// It is there when one of these is: programs, or absolute paths of files.
    files: &'static [&'static str],
    /// Where there is no apt-get it is done without, and whatever needs it says so.
    optional: bool,
    need: Need,
}

/// Where RabbitMQ's own programs are. Those on the PATH change to another user.
pub(crate) const RABBITMQ: &str = "/usr/lib/rabbitmq/bin";

/// Services, which the system is not to start.
const BROKER: [Package; 2] = [
    Package {
        debian: "rabbitmq-server",
        name: "RabbitMQ",
        files: &["/usr/lib/rabbitmq/bin/rabbitmq-server"],
        optional: true,
        need: Need::Tests,
    },
    Package {
        debian: "haproxy",
        name: "HAProxy",
        files: &["haproxy", "/usr/sbin/haproxy"],
        optional: true,
        need: Need::Tests,
    },
];

const PACKAGES: [Package; 5] = [
    Package {
        debian: "chromium",
        name: "Chromium",
        files: &[
            "chromium",
            "chromium-browser",
            "google-chrome",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            "/Applications/Chromium.app/Contents/MacOS/Chromium",
        ],
        optional: false,
        need: Need::Comparison,
    },
    Package {
        debian: "chromium-driver",
        name: "chromedriver of the same version",
        files: &["chromedriver"],
        optional: false,
        need: Need::Comparison,
    },
    Package {
        debian: "firefox-esr",
        name: "Firefox",
        files: &[
            "firefox",
            "firefox-esr",
            "/Applications/Firefox.app/Contents/MacOS/firefox",
        ],
        optional: false,
        need: Need::Tests,
    },
    Package {
        debian: "npm",
        name: "npm with Node.js 18 or newer",
        files: &["npm"],
        optional: false,
        need: Need::Comparison,
    },
    Package {
        debian: "fonts-noto-cjk",
        name: "a Chinese font",
        files: &["/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"],
        optional: true,
        need: Need::Tests,
    },
];

/// Installs what `need` lacks, and says so before each step.
///
/// # Errors
///
/// When something cannot be installed; the message says what to install and how.
pub async fn install(need: Need) -> Result<(), Error> {
    install_beside(need, &[], async |_| {}).await
}

/// [`install`], with `work` at the same time where tools have to be compiled, of which `others` tells: names, each with
/// a time.
pub(crate) async fn install_beside(
    need: Need,
    others: &[(&str, Duration)],
    work: impl AsyncFnOnce(&Progress),
) -> Result<(), Error> {
    install_target().await?;
    install_packages(&PACKAGES, need, &PLAIN).await?;
    if need == Need::Tests {
        install_broker().await?;
        install_components().await?;
        audit::install_axe().await?;
    }
    let mut there = vec![WASM.to_owned()];
    let mut lacking = Vec::new();
    for tool in tools()?.into_iter().filter(|tool| tool.need <= need) {
        there.push(tool.to_string());
        let found = installed(&tool).await;
        if found.as_ref() != Some(&tool.version) {
            lacking.push((tool, found));
        }
    }
    if !lacking.is_empty() {
        announce(&lacking, others);
        let progress = Progress::new();
        let tools = async {
            for (tool, found) in &lacking {
                install_tool(tool, found.as_deref(), &progress).await?;
            }
            Ok(())
        };
        let work = async {
            work(&progress).await;
            Ok(())
        };
        let both = Box::pin(async { tokio::try_join!(tools, work) });
        progress.beside(both).await?;
    }
    console::say(format_args!("tools: {}", there.join(", ")));
    Ok(())
}

/// Says what is to be compiled, and about how long that takes.
fn announce(lacking: &[(Tool, Option<String>)], others: &[(&str, Duration)]) {
    let tools = lacking.iter();
    let tools = tools.map(|(tool, _)| (tool.to_string(), tool.compiled_in));
    let others = others
        .iter()
        .map(|(name, time)| ((*name).to_owned(), *time));
    let plan: Vec<_> = tools.chain(others).collect();
    let how = if has_binstall() {
        "to be fetched, or else compiled,"
    } else {
        "to be compiled,"
    };
    console::say(format_args!(
        "{how} once, in about {} on two quiet cores:",
        console::time(plan.iter().map(|(_, time)| *time).sum())
    ));
    for (name, time) in plan {
        console::say(format_args!("  {:>12}   {name}", console::time(time)));
    }
}

async fn install_target() -> Result<(), Error> {
    let rustc = ["--print", "target-libdir", "--target", WASM];
    let libraries = process::output(&mut process::command("rustc", rustc)).await?;
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    let rustup = process::command("rustup", ["target", "add", WASM]);
    step(WASM, "missing", rustup).await
}

async fn install_components() -> Result<(), Error> {
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let mut version = process::command("cargo", [subcommand, "--version"]);
        if process::output(&mut version).await.is_err() {
            let rustup = process::command("rustup", ["component", "add", component]);
            step(component, "missing", rustup).await?;
        }
    }
    Ok(())
}

/// Installs what a cluster of brokers lacks, and says so before each step.
///
/// # Errors
///
/// When something cannot be installed; the message says what to install and how.
pub(crate) async fn install_broker() -> Result<(), Error> {
    install_packages(&BROKER, Need::Tests, &SERVICES).await
}

/// Installs the packages that are missing; `install` is what apt-get is begun with.
async fn install_packages(packages: &[Package], need: Need, install: &[&str]) -> Result<(), Error> {
    let is_there = |package: &Package| {
        package
            .files
            .iter()
            .any(|file| process::find(file).is_some())
    };
    let mut missing: Vec<_> = packages
        .iter()
        .filter(|package| package.need <= need && !is_there(package))
        .collect();
    let has_apt = process::find("apt-get").is_some();
    if !has_apt {
        missing.retain(|package| !package.optional);
    }
    if missing.is_empty() {
        return Ok(());
    }

    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    let names = names.join(", ");
    if !has_apt {
        return Err(Error::Failed(format!(
            "missing: {names}. There is no apt-get here: install them with this system's own \
             package manager, so that they are on PATH, and run the command again"
        )));
    }
    let packages: Vec<_> = missing.iter().map(|package| package.debian).collect();
    let prefix = privilege().await.ok_or_else(|| {
        Error::Failed(format!(
            "missing: {names}. Installing needs root: run `sudo apt-get install {}`, and then the \
             command again",
            packages.join(" ")
        ))
    })?;
    let apt_get = |begins: &[&str], arguments: &[&str]| {
        // Without a terminal of its own for dpkg, which a program in the background must not have.
        let apt_get = ["apt-get", "--quiet", "--option", "Dpkg::Use-Pty=0"];
        let line = [prefix, begins, &apt_get, arguments].concat();
        process::command(line[0], &line[1..])
    };
    step(
        "the list of packages",
        "may be old",
        apt_get(&PLAIN, &["update"]),
    )
    .await?;
    let arguments = [
        &["install", "--yes", "--no-install-recommends"],
        packages.as_slice(),
    ]
    .concat();
    step(&names, "missing", apt_get(install, &arguments)).await
}

/// Through `env`, as sudo passes no environment on.
const PLAIN: [&str; 2] = ["env", "DEBIAN_FRONTEND=noninteractive"];

/// Packages of services start them at once and with every boot, unless the system's policy says no (Debian
/// Policy §9.3.3.2). It says so while they are installed, and systemd is told to leave alone what was not there
/// before.
const SERVICES: [&str; 5] = [
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "sh",
    "-c",
    r#"
policy=/usr/sbin/policy-rc.d
has_systemd() { [ -d /run/systemd/system ]; }
has_unit() { systemctl cat "$1.service" > /dev/null 2>&1; }
new=
for unit in rabbitmq-server haproxy epmd; do
    if has_systemd && ! has_unit $unit; then new="$new $unit"; fi
done
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 143' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" || exit
fi
"$0" "$@" || exit
for unit in $new; do
    if has_unit $unit; then systemctl disable --now $unit; fi
done
"#,
];

/// What to write before a command that needs root; `None` if there is no way without a password.
async fn privilege() -> Option<&'static [&'static str]> {
    if geteuid().is_root() {
        return Some(&[]);
    }
    let sudo = process::output(&mut process::command("sudo", ["-n", "true"])).await;
    sudo.is_ok().then_some(&["sudo", "-n"])
}

async fn install_tool(tool: &Tool, found: Option<&str>, progress: &Progress) -> Result<(), Error> {
    let found = found.map_or_else(
        || "missing".to_owned(),
        |version| format!("found {version}"),
    );
    let what = tool.to_string();
    let package = format!("{}@{}", tool.package, tool.version);
    if has_binstall() {
        let options = ["--no-confirm", "--force", "--disable-strategies", "compile"];
        let mut binstall = process::command("cargo", ["binstall"]);
        binstall.args(options).arg(&package);
        if step(&what, &found, binstall).await.is_ok() {
            return check_installed(tool).await;
        }
        console::say(format_args!("no program for {what} was to be had"));
    }
    // By force, as another version may be there that cargo did not install.
    let mut cargo = process::command("cargo", ["install", "--locked", "--force", &package]);
    // One folder for all of them: they share many packages.
    cargo.env("CARGO_TARGET_DIR", root().join("target").join("tools"));
    // Optimised, they take twice as long to compile and no less to use: mostly they wait for rustc.
    for (part, value) in [("DEBUG", "false"), ("LTO", "off"), ("OPT_LEVEL", "0")] {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{part}"), value);
    }
    for project in ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
        cargo.env_remove(project);
    }
    let compiling = async |command| progress.run(&what, command).await;
    step_by(&what, &found, cargo, compiling).await?;
    check_installed(tool).await
}

/// Whether tools can come as programs.
fn has_binstall() -> bool {
    process::find("cargo-binstall").is_some()
}

/// Sees that what was installed is what is found.
async fn check_installed(tool: &Tool) -> Result<(), Error> {
    match installed(tool).await {
        Some(version) if version == tool.version => Ok(()),
        _ => Err(Error::Failed(format!(
            "{tool} was installed, but the {program} that is found first is another one: {path}",
            program = tool.program,
            path = process::find(tool.program).unwrap_or_default().display(),
        ))),
    }
}

/// The version that a tool says it has, if it is there.
async fn installed(tool: &Tool) -> Option<String> {
    let version = process::output(&mut process::command(tool.program, ["--version"]))
        .await
        .ok()?;
    said_version(&version).map(str::to_owned)
}

/// Says what is installed and why, installs it, and says how long that took.
async fn step(what: &str, why: &str, command: Command) -> Result<(), Error> {
    let run = async |mut command| Process::start(&mut command)?.succeed().await;
    step_by(what, why, command, run).await
}

/// [`step`], whose command is run by `run`.
async fn step_by(
    what: &str,
    why: &str,
    command: Command,
    run: impl AsyncFnOnce(Command) -> Result<(), Error>,
) -> Result<(), Error> {
    let shown = process::shown(&command);
    console::say(format_args!("installing {what} ({why}): {shown}"));
    let started = Instant::now();
    run(command).await.map_err(|error| match error {
        Error::Failed(message) => Error::Failed(format!(
            "{message}. Its own words stand above; without a network, install {what} by other means"
        )),
        Error::Usage(_) | Error::Interrupted(_) => error,
    })?;
    console::say(format_args!(
        "installed {what} in {}",
        console::time(started.elapsed())
    ));
    Ok(())
}

/// The version in the first line of `--version`: its second word.
fn said_version(output: &str) -> Option<&str> {
    output.lines().next()?.split_whitespace().nth(1)
}

fn wasm_bindgen_version() -> Result<String, Error> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path)
        .map_err(|cause| Error::Failed(format!("{} cannot be read: {cause}", path.display())))?;
    locked_version(&lock, "wasm-bindgen")
        .map(str::to_owned)
        .ok_or_else(|| Error::Failed("Cargo.lock has no wasm-bindgen".to_owned()))
}

/// The version of `package` in the text of a `Cargo.lock`.
pub(crate) fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_every_tool_with_its_version() {
        let readme = fs::read_to_string(root().join("README.md")).unwrap();

        for Tool {
            package, version, ..
        } in tools().unwrap()
        {
            assert!(
                readme
                    .lines()
                    .any(|line| line.contains(package) && line.contains(&version)),
                "no line of README.md says {package} {version}"
            );
        }
    }

    #[test]
    fn versions_are_read_from_what_tools_say() {
        assert_eq!(said_version("trunk 0.21.14\n"), Some("0.21.14"));
        assert_eq!(
            said_version("geckodriver 0.37.1 (2026-01-02)\n\nThe source"),
            Some("0.37.1")
        );
        assert_eq!(
            said_version("wasm-bindgen 0.2.129 (5f7e4b1)"),
            Some("0.2.129")
        );
        assert_eq!(said_version(""), None);
    }

    #[test]
    fn the_lock_file_gives_the_version_of_exactly_that_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.129\"\n";

        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.129"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
