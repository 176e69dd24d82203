//! Every check and every test, in the order that fails fast.

use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use tokio::process::Command;

use crate::process::{self, Process};
use crate::times;
use crate::tools::{self, Need, WASM};
use crate::{Error, Interrupt, console, examples, hosts, peers, root, size};

/// Every check and every test
///
/// Installs what is missing and takes the steps below in their order; the first that fails ends it. `cargo xtask
/// test fmt clippy` takes only those.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Those to take; all if none is named
    #[arg(value_name = "STEP", value_parser = names(steps()))]
    steps: Vec<String>,
    /// Tells of each test of the page how long it had a browser, and how long that worked or waited
    #[arg(long)]
    times: bool,
}

/// Runs `cargo xtask test`.
///
/// # Errors
///
/// When a tool cannot be installed, or a step fails.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let mut steps = choose(&arguments.steps, steps());
    if !arguments.times {
        return perform(steps, interrupt).await;
    }
    let file = times::begin()?;
    for step in &mut steps {
        if let Action::Run(command) = &mut step.action {
            command.env(times::VARIABLE, &file);
        }
    }
    perform(steps, interrupt).await?;
    console::say(times::table(&file)?);
    Ok(())
}

/// The names of `steps` as a command line may have them.
pub(crate) fn names(steps: Vec<Step>) -> PossibleValuesParser {
    let name = |step: Step| PossibleValue::new(step.name).help(step.summary);
    steps.into_iter().map(name).collect::<Vec<_>>().into()
}

/// Leaves those of the `steps` that are `chosen`; all if none is.
pub(crate) fn choose(chosen: &[String], mut steps: Vec<Step>) -> Vec<Step> {
    steps.retain(|step| chosen.is_empty() || chosen.iter().any(|name| name == step.name));
    steps
}

/// Installs what is missing, takes the `steps`, and says how long each took.
///
/// # Errors
///
/// When a tool cannot be installed, or a step fails.
pub(crate) async fn perform(steps: Vec<Step>, interrupt: &mut Interrupt) -> Result<(), Error> {
    interrupt
        .guard(async {
            let started = Instant::now();
            tools::install(Need::Tests).await?;
            let mut times = vec![("tools", started.elapsed())];
            let result = take(steps, &mut times).await;

            console::say("");
            for (name, time) in &times {
                console::say(format_args!("{name:<12} {:>14}", console::time(*time)));
            }
            result?;
            console::say(format_args!(
                "all passed in {}",
                console::time(started.elapsed())
            ));
            Ok(())
        })
        .await
}

/// Takes the steps one after the other until one fails, and notes how long each took.
async fn take(steps: Vec<Step>, times: &mut Vec<(&'static str, Duration)>) -> Result<(), Error> {
    for step in steps {
        let name = step.name;
        console::say(format_args!("\n==> {name}: {}", step.shown()));
        let started = Instant::now();
        let result = Box::pin(step.action.perform()).await;
        times.push((name, started.elapsed()));
        result.map_err(|error| match error {
            Error::Failed(message) => Error::Failed(format!("step {name}: {message}")),
            Error::Usage(_) | Error::Interrupted(_) => error,
        })?;
    }
    Ok(())
}

/// One of the things that have to pass.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What it is for.
    summary: &'static str,
    action: Action,
}

impl Step {
    /// Runs a program, which has to succeed; `line` is as one would type it.
    pub(crate) fn run(name: &'static str, summary: &'static str, line: &str) -> Self {
        Self::of(name, summary, Action::Run(command_line(line)))
    }

    /// Builds the page into `dist`.
    pub(crate) fn build() -> Self {
        Self::run("build", "the page, into dist/", BUILD)
    }

    /// Builds the pages that Heartwire is measured beside.
    pub(crate) fn build_peers(name: &'static str) -> Self {
        let summary = "the pages that it is measured beside";
        Self::of(name, summary, Action::BuildPeers)
    }

    /// Brings the web servers that the page is tried with.
    pub(crate) fn unpack_hosts(name: &'static str) -> Self {
        Self::of(name, "nginx and Caddy", Action::UnpackHosts)
    }

    fn of(name: &'static str, summary: &'static str, action: Action) -> Self {
        Self {
            name,
            summary,
            action,
        }
    }

    /// What the step does, in a line.
    pub(crate) fn shown(&self) -> String {
        self.action.shown()
    }
}

enum Action {
    /// Run a program, which has to succeed.
    Run(Box<Command>),
    /// See that the core depends on no browser crate.
    CheckCore,
    /// Hold all that is depended on to `deny.toml`, where there is a program for that.
    Deny,
    /// Measure the page in `dist`.
    Measure,
    /// Build the pages in `bench`.
    BuildPeers,
    /// Unpack nginx and Caddy where they are missing.
    UnpackHosts,
    /// Build the programs in the crate's `examples`.
    BuildExamples,
    /// Build what is published of the crate as somebody gets it.
    Package,
}

impl Action {
    fn shown(&self) -> String {
        match self {
            Self::Run(command) => process::shown(command),
            Self::CheckCore => process::shown(&core_dependencies()),
            Self::Deny => DENY.to_owned(),
            Self::Measure => "the files in dist and in the seed's under brotli".to_owned(),
            Self::BuildPeers => "the pages in bench, from their packages".to_owned(),
            Self::UnpackHosts => "nginx and Caddy".to_owned(),
            Self::BuildExamples => "trunk build --release, in the folder of each".to_owned(),
            Self::Package => packages()
                .map(|command| process::shown(&command))
                .join("; "),
        }
    }

    async fn perform(self) -> Result<(), Error> {
        match self {
            Self::Run(mut command) => Process::start(&mut command)?.succeed().await,
            Self::CheckCore => {
                let tree = process::output(&mut core_dependencies()).await?;
                console::say(tree.trim_end());
                check_core(&tree)
            }
            Self::Deny => deny().await,
            Self::Measure => {
                size::report(&root().join("dist")).await?;
                size::report_seed()
            }
            Self::BuildExamples => examples::build().await,
            Self::Package => {
                for mut command in packages() {
                    Process::start(&mut command)?.succeed().await?;
                }
                Ok(())
            }
            Self::BuildPeers => peers::build().await,
            Self::UnpackHosts => hosts::unpack().await,
        }
    }
}

/// All steps, the quick ones first.
fn steps() -> Vec<Step> {
    let document = |line: &str| {
        let mut cargo = command_line(line);
        cargo.env("RUSTDOCFLAGS", "-Dwarnings");
        Action::Run(cargo)
    };
    vec![
        Step::run("fmt", "the formatting", "cargo fmt --all --check"),
        Step::of(
            "core",
            "no browser crate among the core's dependencies",
            Action::CheckCore,
        ),
        Step::of(
            "deny",
            "the licences and sources of all that is depended on, where cargo-deny is there",
            Action::Deny,
        ),
        Step::run(
            "clippy",
            "the lints, for the host",
            "cargo clippy --workspace --all-targets -- -D warnings",
        ),
        Step::run(
            "clippy-bare",
            "the lints, for the crate without its features",
            "cargo clippy -p heartwire -- -D warnings",
        ),
        Step::run(
            "clippy-wasm",
            "the lints, for the page",
            "cargo clippy -p heartwire -p heartwire-page --all-targets --target WASM -- -D warnings",
        ),
        Step::of(
            "doc",
            "the documentation, for the host",
            document("cargo doc --workspace --no-deps"),
        ),
        Step::of(
            "doc-wasm",
            "the documentation, for the page",
            document(
                "cargo doc -p heartwire-page --no-deps --document-private-items --target WASM",
            ),
        ),
        Step::run(
            "host",
            "the tests of the core, and of the page without a browser",
            "cargo test -p heartwire -p heartwire-page",
        ),
        Step::run(
            "commands",
            "the tests of these commands and of what ends a build",
            "cargo test -p hosting -p xtask --lib --bins --test commands",
        ),
        Step::run(
            "client",
            "the tests of the client and of the hooks, in Chromium",
            "wasm-pack test --headless --chrome crates/heartwire --test browser",
        ),
        Step::run(
            "browser",
            "the tests of the component, in Chromium",
            "wasm-pack test --headless --chrome",
        ),
        Step::build(),
        Step::of(
            "examples",
            "the small programs made with the crate",
            Action::BuildExamples,
        ),
        Step::of(
            "package",
            "what is published of the crate, on the host and for browsers",
            Action::Package,
        ),
        Step::of("size", "what the page and the seed weigh", Action::Measure),
        // Most of these wait most of the time; no more browsers than this run at once.
        Step::run(
            "page",
            "the built page end to end, in browsers and with a real server",
            "cargo test -p xtask --test page -- --test-threads=4",
        ),
    ]
}

/// A command as one would type it, with `WASM` for the page's target.
fn command_line(line: &str) -> Box<Command> {
    let line = line.replace("WASM", WASM);
    let (program, arguments) = line.split_once(' ').unwrap_or((&line, ""));
    Box::new(process::command(program, arguments.split_whitespace()))
}

fn core_dependencies() -> Command {
    let tree = [
        "tree",
        "-p",
        "heartwire",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ];
    process::command("cargo", tree)
}

/// Without cargo-deny nothing is checked, and that is said: compiling it took 98 s.
async fn deny() -> Result<(), Error> {
    if process::find("cargo-deny").is_none() {
        console::say(
            "left out, as cargo-deny is not there: `cargo install --locked cargo-deny` brings it, and the \
             workflow has it",
        );
        return Ok(());
    }
    Process::start(&mut command_line(DENY))?.succeed().await
}

/// For the host, and for browsers with all there is.
fn packages() -> [Command; 2] {
    let package = "cargo package -p heartwire --allow-dirty";
    [
        *command_line(package),
        *command_line(&format!("{package} --target WASM --all-features")),
    ]
}

/// Reads the core's dependencies, one a line with the name first, and refuses browser crates.
fn check_core(tree: &str) -> Result<(), Error> {
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for name in names {
        if BROWSER_CRATES.iter().any(|family| name.starts_with(family)) {
            return Err(Error::Failed(format!(
                "the core must not depend on {name}: declare it for wasm32 only"
            )));
        }
    }
    Ok(())
}

/// What makes the page in `dist`.
pub(crate) const BUILD: &str = "trunk build --release";

/// What needs no network of these checks: advisories are for the workflow.
const DENY: &str = "cargo deny --workspace check bans licenses sources";

/// How the names of crates begin that need a browser.
const BROWSER_CRATES: [&str; 5] = ["gloo", "js-sys", "wasm-bindgen", "web-sys", "yew"];

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn browser_crates_are_refused_by_name() {
        assert_eq!(
            check_core("heartwire v0.1.0 (/yew)\nfastrand v2.5.0\n"),
            Ok(())
        );
        for dependency in ["yew v0.23.0", "gloo-timers v0.3.0", "web-sys v0.3.106 (*)"] {
            let tree = format!("heartwire v0.1.0 (/here)\n{dependency}\n");
            assert!(check_core(&tree).is_err(), "{dependency}");
        }
    }

    #[test]
    fn every_test_file_of_the_commands_has_a_step() {
        let shown: Vec<_> = steps().iter().map(|step| step.shown() + " ").collect();

        for entry in fs::read_dir(root().join("xtask/tests")).unwrap() {
            let path = entry.unwrap().path();
            let option = format!(" --test {} ", path.file_stem().unwrap().display());
            assert!(
                shown.iter().any(|step| step.contains(&option)),
                "no step has{option}"
            );
        }
    }
}
