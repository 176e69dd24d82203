//! What the tests of the page show in seconds, over minutes.

use clap::Args;

use crate::test::{self, Step};
use crate::{Error, Interrupt};

/// The trials that take minutes each
///
/// Installs what is missing, builds the page into dist/ and takes the trials below in their order; the
/// first that fails ends it. `cargo xtask soak hidden` takes only that. Each prints its figures. A short form of each is among the tests.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Those to take; all if none is named
    #[arg(value_name = "TRIAL", value_parser = test::names(trials()))]
    trials: Vec<String>,
}

/// Runs `cargo xtask soak`.
///
/// # Errors
///
/// When a tool cannot be installed, the page cannot be built, or a trial fails.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let mut steps = test::choose(&arguments.trials, trials());
    if let Some(hosting) = steps.iter().position(|step| step.name == "hosting") {
        steps.insert(hosting, Step::unpack_hosts("hosts"));
    }
    let is_beside_others = |step: &Step| ["cluster", "delivery"].contains(&step.name);
    if let Some(first) = steps.iter().position(is_beside_others) {
        steps.insert(first, Step::build_peers("peers"));
    }
    steps.insert(0, Step::build());
    test::perform(steps, interrupt).await
}

/// All trials, the quick ones first. A trial is the ignored tests of the file with its name.
fn trials() -> Vec<Step> {
    let page = |name: &'static str, summary| {
        let ignored = "--ignored --nocapture --test-threads=1";
        let line = format!("cargo test -p xtask --test page -- {ignored} page::{name}::");
        Step::run(name, summary, &line)
    };
    vec![
        page(
            "hosting",
            "nginx and Caddy host the page with the files of docs/",
        ),
        page(
            "flapping",
            "an echo server, one that answers pong, one that only broadcasts and one that is mute are \
             kept, 5 minutes each at the same time",
        ),
        page(
            "cluster",
            "texts through a cluster of brokers whose nodes are killed: what is lost, shown twice, or \
             called confirmed and is not there; beside @stomp/stompjs, which needs npm",
        ),
        page(
            "delivery",
            "texts through a connection that is reset every 0.3 to 0.9 s: what arrives and what the \
             page calls confirmed, at an echo, at one that beats by itself, at a relay and at one that \
             only beats, with the heartbeat's own mark and without; beside the pages of bench/, which need npm",
        ),
        page(
            "endurance",
            "memory stays flat over 1,000 reconnects and 1,000,000 messages",
        ),
        page(
            "log",
            "a click is answered within 100 ms during 100,000 messages at full speed",
        ),
        Step::run(
            "model",
            "every order of what can happen to a connection, within wider bounds",
            MODEL,
        ),
        page(
            "waking",
            "browsers that stood still for 90 s keep a healthy connection and replace a dead one",
        ),
        page(
            "hidden",
            "heartbeats keep their period over ten minutes in a hidden page",
        ),
    ]
}

const MODEL: &str =
    "cargo test --release -p heartwire --test model -- --ignored --nocapture --test-threads=1";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::root;

    #[test]
    fn the_trials_are_the_files_with_ignored_tests() {
        let mut files = Vec::new();
        for folder in ["crates/heartwire/tests", "xtask/tests/page"] {
            for entry in fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let source = match path.extension() {
                    Some(_) => fs::read_to_string(&path).unwrap(),
                    None => continue,
                };
                let ignored: Vec<_> = source
                    .lines()
                    .filter(|line| line.trim_start().starts_with("#[ignore"))
                    .collect();
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let told = format!("cargo xtask soak {name}\"]");
                for reason in &ignored {
                    assert!(reason.ends_with(&told), "{name}: {reason}");
                }
                if !ignored.is_empty() {
                    files.push(name);
                }
            }
        }

        files.sort();
        let mut names: Vec<_> = trials().iter().map(|trial| trial.name).collect();
        names.sort_unstable();
        assert_eq!(files, names);
    }
}
