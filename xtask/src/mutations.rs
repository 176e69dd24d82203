//! The core broken on purpose: what the model checkers must notice.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use clap::Args;

use crate::process::{self, Process};
use crate::{Error, Interrupt, console, root};

/// Each rule of the core's models is broken on purpose
///
/// Copies crates/heartwire into target/mutations, takes out or changes one thing at a time, and runs
/// its `tests/model.rs` or `tests/stomp_model.rs`, which must fail and name the rule that was broken. Takes
/// 45 minutes on two cores.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs `cargo xtask mutations`.
///
/// # Errors
///
/// When a mutation cannot be made any more, or no test notices it.
pub async fn command(_: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    interrupt
        .guard(async {
            let copy = Copy::make().map_err(|cause| failed(&cause))?;
            // Else every mutation would seem to be noticed, or missed.
            for (model, _) in MODELS {
                copy.check(model).await.map_err(|error| {
                    Error::Failed(format!("unbroken, the copy of the core fails: {error}"))
                })?;
            }
            let mut missed = 0;
            let mutations = MODELS.iter().flat_map(|(model, mutations)| {
                mutations.iter().map(move |mutation| (*model, mutation))
            });
            for (model, mutation) in mutations {
                let started = Instant::now();
                let is_noticed = copy.notices(mutation, model).await?;
                missed += usize::from(!is_noticed);
                console::say(format_args!(
                    "{:<7} {:>8}  {}: {}",
                    if is_noticed { "noticed" } else { "MISSED" },
                    console::time(started.elapsed()),
                    mutation.rule,
                    mutation.summary
                ));
            }
            if missed > 0 {
                return Err(Error::Failed(format!("{missed} mutations were missed")));
            }
            Ok(())
        })
        .await
}

/// A change of the core that breaks a rule.
struct Mutation {
    /// What it does.
    summary: &'static str,
    /// The rule of its model that it breaks.
    rule: &'static str,
    /// A file of [`CORE`].
    file: &'static str,
    /// What stands there, once.
    original: &'static str,
    /// What stands there instead.
    broken: &'static str,
}

/// The models in `tests`, each with what it must notice.
const MODELS: &[(&str, &[Mutation])] = &[("model", PLAIN_TEXT), ("stomp_model", STOMP)];

const PLAIN_TEXT: &[Mutation] = &[
    Mutation {
        summary: "a lost socket is not dropped",
        rule: "there are never two live sockets",
        file: "connection/ending.rs",
        original: "
        if let Status::Connecting { .. } | Status::Open { .. } = self.status {
            self.effects.push_back(Effect::Disconnect);
        }",
        broken: "",
    },
    Mutation {
        summary: "a new start does not drop a socket that is closing",
        rule: "there are never two live sockets",
        file: "connection.rs",
        original: "
        self.quit();
        self.finish_closing(None);",
        broken: "
        self.quit();",
    },
    Mutation {
        summary: "messages leave in any status",
        rule: "nothing is transmitted while not open",
        file: "connection/sending.rs",
        original: "if self.awaits_drain || !matches!(self.status, Status::Open { .. }) {",
        broken: "if self.awaits_drain {",
    },
    Mutation {
        summary: "a heartbeat is sent during a handshake",
        rule: "nothing is transmitted while not open",
        file: "connection.rs",
        original: "(Status::Open { .. }, Input::Woke) => {",
        broken: "(Status::Open { .. } | Status::Connecting { .. }, Input::Woke) => {",
    },
    Mutation {
        summary: "a stopped connection wakes",
        rule: "nothing follows a user's close",
        file: "connection.rs",
        original: "(Status::Away, Input::Returned | Input::Woke) => self",
        broken: "(Status::Away | Status::Stopped, Input::Returned | Input::Woke) => self",
    },
    Mutation {
        summary: "the wait's timer outlives it",
        rule: "each status has its timers and no other",
        file: "connection/ending.rs",
        original: "Status::Waiting { .. } => &[Timer::Reconnect],",
        broken: "Status::Waiting { .. } => &[],",
    },
    Mutation {
        summary: "timers of any epoch count",
        rule: "late events change nothing",
        file: "connection/input.rs",
        original: "
            | Self::TimerExpired(epoch, _) => Some(*epoch),",
        broken: " => Some(*epoch),
            Self::TimerExpired(..) => None,",
    },
    Mutation {
        summary: "what is sent again is turned round",
        rule: "a connection carries each message once and in order",
        file: "outbox.rs",
        original: "sent.into_iter().enumerate().rev()",
        broken: "sent.into_iter().enumerate()",
    },
    Mutation {
        summary: "the first of two messages that wait is not transmitted",
        rule: "messages arrive in order and none is skipped",
        file: "connection/sending.rs",
        original: "let message = self.outbox.take(self.now)?;",
        broken: "if self.outbox.len() > 1 {
            let _ = self.outbox.take(self.now);
        }
        let message = self.outbox.take(self.now)?;",
    },
    Mutation {
        summary: "with every, one message alone is sent again",
        rule: "with every, only a full outbox gives up a message",
        file: "outbox.rs",
        original: "Guarantee::AtLeastOnce => true,",
        broken: "Guarantee::AtLeastOnce => index == 0,",
    },
    Mutation {
        summary: "a typed text throws out what waits",
        rule: "what no connection took is not given up",
        file: "outbox.rs",
        original: "message.is_repeat && message.is_latest(origin)",
        broken: "message.is_latest(origin)",
    },
    Mutation {
        summary: "a marked reply confirms what was sent after its heartbeat",
        rule: "confirmed messages have arrived",
        file: "connection/receiving.rs",
        original: "self.outbox.confirm(taken);",
        broken: "self.outbox.confirm(self.outbox.taken());",
    },
    Mutation {
        summary: "a reply answers what was sent after its heartbeat",
        rule: "answered messages have arrived at a server that speaks when asked",
        file: "connection/receiving.rs",
        original: "self.outbox.answer(taken);",
        broken: "self.outbox.answer(self.outbox.taken());",
    },
    Mutation {
        summary: "a reply without a mark confirms",
        rule: "confirmed messages have arrived",
        file: "connection/receiving.rs",
        original: "if is_marked {",
        broken: "if is_marked || taken > 0 {",
    },
    Mutation {
        summary: "the mark of any heartbeat confirms",
        rule: "confirmed messages have arrived",
        file: "plain_text/marked.rs",
        original: "if self.marks.binary_search(&mark).is_ok() {
                return Some(self.reply(mark));
            }",
        broken: "if let Some(beat) = self.unanswered.back() {
                let _ = mark;
                return Some(self.reply(beat.mark));
            }",
    },
    Mutation {
        summary: "a reply that nobody asked for is taken for a second one",
        rule: "a reply that nobody asked for ends the trust in replies",
        file: "plain_text/alike.rs",
        original: "
            self.is_trusted = false;
            self.unanswered.clear();
            return Meaning::Unasked;",
        broken: "",
    },
    Mutation {
        summary: "a new connection trusts again",
        rule: "a server that says replies unasked is not believed any more",
        file: "plain_text/alike.rs",
        original: "is_trusted: self.is_trusted,",
        broken: "is_trusted: true,",
    },
    Mutation {
        summary: "what was answered stays so when the trust ends",
        rule: "a server that says replies unasked is not believed any more",
        file: "connection/receiving.rs",
        original: "
            self.outbox.doubt_answers();",
        broken: "",
    },
    Mutation {
        summary: "a text is set aside after two ends",
        rule: "a text is set aside only after three ends",
        file: "outbox/aside.rs",
        original: "self.ends + 1 >= MOST_ENDS",
        broken: "self.ends + 2 >= MOST_ENDS",
    },
    Mutation {
        summary: "any clean close confirms",
        rule: "confirmed messages have arrived",
        file: "connection/ending.rs",
        original: "closure.was_clean && closure.reason == reason",
        broken: "closure.was_clean && reason.starts_with(&closure.reason)",
    },
    Mutation {
        summary: "the echo of a typed heartbeat is taken for a reply",
        rule: "answered messages have arrived at a server that speaks when asked",
        file: "connection/sending.rs",
        original: "
        self.protocol.note(&message.payload, self.now);",
        broken: "",
    },
    Mutation {
        summary: "what is confirmed is not counted",
        rule: "the counts account for every message",
        file: "outbox.rs",
        original: "
            self.confirmed += 1;",
        broken: "",
    },
    Mutation {
        summary: "the last message is never proven",
        rule: "with every, each message arrives and is proven",
        file: "outbox.rs",
        original: "if self.first_kept() >= taken {",
        broken: "if self.first_kept() + 1 >= taken {",
    },
    Mutation {
        summary: "the latest text is not sent again",
        rule: "with latest, the latest text arrives and is proven",
        file: "outbox.rs",
        original: "Guarantee::Latest => latest.contains(&Some(index)),",
        broken: "Guarantee::Latest => false,",
    },
    Mutation {
        summary: "the latest text makes way for others",
        rule: "with latest, the latest text arrives and is proven",
        file: "outbox.rs",
        original: "sent.find(|index| !is_needed(index))",
        broken: "sent.find(|index| !is_needed(index) || *index == 0)",
    },
    Mutation {
        summary: "a new connection waits for the old one's buffer",
        rule: "with off, what waited arrives and is proven",
        file: "connection.rs",
        original: "
        self.awaits_drain = false;
        self.unasked",
        broken: "
        self.unasked",
    },
    Mutation {
        summary: "a silent connection is kept",
        rule: "a dead connection is left in time",
        file: "connection/heartbeats.rs",
        original: "Some(Verdict::Dead) => self.give_up_on_server(),",
        broken: "Some(Verdict::Dead) => {}",
    },
];

const STOMP: &[Mutation] = &[
    Mutation {
        summary: "messages leave after the login",
        rule: "no message leaves before the subscription stands",
        file: "connection/stomp.rs",
        original: "
            Heard::LoggedIn(subscribe) => {
                self.say(subscribe);",
        broken: "
            Heard::LoggedIn(subscribe) => {
                self.say(subscribe);
                self.be_ready();",
    },
    Mutation {
        summary: "a server that gives receipts is not waited for either",
        rule: "no message leaves before the subscription stands",
        file: "connection/stomp.rs",
        original: "&& !self.heartbeat.has_answered()",
        broken: "&& self.speaks_stomp()",
    },
    Mutation {
        summary: "a receipt confirms all that was sent",
        rule: "confirmed messages are stored",
        file: "connection/stomp.rs",
        original: "
        if let Some(broker) = &mut self.broker {
            broker.destination_works = true;",
        broken: "
        self.outbox.confirm(u64::MAX);
        if let Some(broker) = &mut self.broker {
            broker.destination_works = true;",
    },
    Mutation {
        summary: "a receipt confirms what was sent before",
        rule: "a receipt confirms its own message and no other",
        file: "outbox.rs",
        original: "sent.position(|sent| sent.message.id.0 == number)?;",
        broken: "sent.position(|sent| sent.message.id.0 <= number)?;",
    },
    Mutation {
        summary: "an unknown receipt shows that the server gives some",
        rule: "an unknown receipt changes nothing",
        file: "connection/stomp.rs",
        original: "let Some(sent) = self.outbox.confirm_one(number) else {",
        broken: "let Some(sent) = self.outbox.confirm_one(number) else {
            self.replied(self.now);",
    },
    Mutation {
        summary: "what was shown is forgotten with the connection",
        rule: "each message is shown once at most",
        file: "stomp.rs",
        original: "
        self.rest.clear();
        self.beats",
        broken: "
        self.seen = Seen::default();
        self.beats",
    },
    Mutation {
        summary: "what was shown is forgotten with a new start",
        rule: "each message is shown once at most",
        file: "stomp.rs",
        original: "
            session.seen = std::mem::take(&mut self.seen);",
        broken: "",
    },
    Mutation {
        summary: "what is sent again has another name",
        rule: "each message is shown once at most",
        file: "outbox.rs",
        original: "|| Name::of(key, message.id));",
        broken: "|| Name::of(key, message.id));
            let key = [key[0], u64::from(message.is_repeat)];
            message.name = Some(Name::of(key, message.id));",
    },
    Mutation {
        summary: "a repeat is not acknowledged",
        rule: "what comes is acknowledged after it was shown, a repeat too",
        file: "connection/stomp.rs",
        original: "if let Some(acknowledgement) = acknowledgement {",
        broken: "if let Some(acknowledgement) = acknowledgement.filter(|_| !is_repeat) {",
    },
    Mutation {
        summary: "an acknowledgement names what came and not its delivery",
        rule: "a connection acknowledges what it brought and nothing else",
        file: "stomp.rs",
        original: "let acknowledgement = frame.header(\"ack\");",
        broken: "let acknowledgement = frame.header(NAME);",
    },
    Mutation {
        summary: "what an earlier connection brings is acknowledged over the next",
        rule: "a connection acknowledges what it brought and nothing else",
        file: "connection/input.rs",
        original: "
            Self::Opened(epoch)
            | Self::Received(epoch, _)",
        broken: "
            Self::Received(..) => None,
            Self::Opened(epoch)",
    },
    Mutation {
        summary: "the passcode is told with the subscription",
        rule: "the passcode is in the frame of the login alone",
        file: "stomp.rs",
        original: "
            (\"receipt\", SUBSCRIBED),",
        broken: "
            (\"receipt\", SUBSCRIBED),
            (\"passcode\", self.settings.passcode.reveal()),",
    },
    Mutation {
        summary: "who looks at effects sees the passcode",
        rule: "the passcode is in the frame of the login alone",
        file: "protocol.rs",
        original: ".field(&self.command)",
        broken: ".field(&self.frame)",
    },
    Mutation {
        summary: "receipts are missed that never came",
        rule: "a server without receipts is not left for that",
        file: "connection/stomp.rs",
        original: "taken.filter(|_| self.heartbeat.has_answered());",
        broken: "taken.filter(|_| self.speaks_stomp());",
    },
    Mutation {
        summary: "the receipt of the subscription is waited for to the end",
        rule: "a server without receipts is not left for that",
        file: "connection/stomp.rs",
        original: "let wait = left / 2;",
        broken: "let wait = left * 2;",
    },
    Mutation {
        summary: "a server is kept whose receipts stop",
        rule: "a server whose receipts stop is left in time",
        file: "connection/stomp.rs",
        original: "
            self.give_up_on_server();",
        broken: "
            self.watch();",
    },
    Mutation {
        summary: "what was sent before the first receipt is not missed",
        rule: "a server whose receipts stop is left in time",
        file: "connection/stomp.rs",
        original: "
        if let Status::Open { .. } = self.status {
            self.watch();
        }",
        broken: "",
    },
    Mutation {
        summary: "one message alone is sent again",
        rule: "in the end each message is stored and shown, and confirmed by who confirms",
        file: "outbox.rs",
        original: "Guarantee::AtLeastOnce => true,",
        broken: "Guarantee::AtLeastOnce => index == 0,",
    },
    Mutation {
        summary: "one name is taken for all",
        rule: "in the end each message is stored and shown, and confirmed by who confirms",
        file: "stomp.rs",
        original: "let Err(place) = self.1.binary_search(&name) else {",
        broken: "let Some(place) = self.1.is_empty().then_some(0) else {",
    },
];

/// A copy of the core and its tests, to be broken.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn make() -> io::Result<Self> {
        let folder = root().join("target/mutations");
        let copied = folder.join(CRATE);
        if copied.exists() {
            fs::remove_dir_all(&copied)?;
        }
        fs::create_dir_all(folder.join("crates"))?;
        copy_folder(&root().join(CRATE), &copied)?;
        for name in ["Cargo.lock", "rust-toolchain.toml"] {
            fs::copy(root().join(name), folder.join(name))?;
        }
        let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
        fs::write(folder.join("Cargo.toml"), workspace_of_the_core(&manifest))?;
        Ok(Self { folder })
    }

    /// Breaks the copy, runs a model checker, and mends the copy.
    async fn notices(&self, mutation: &Mutation, model: &str) -> Result<bool, Error> {
        let file = self.folder.join(CORE).join(mutation.file);
        let source = fs::read_to_string(&file).map_err(|cause| failed(&cause))?;
        fs::write(&file, mutation.apply(&source)?).map_err(|cause| failed(&cause))?;
        let result = self.check(model).await;
        fs::write(&file, source).map_err(|cause| failed(&cause))?;
        let output = fs::read_to_string(self.log()).map_err(|cause| failed(&cause))?;
        Ok(result.is_err() && output.contains(&format!("broken: {}\n", mutation.rule)))
    }

    /// Runs a model checker, which has to find nothing.
    async fn check(&self, model: &str) -> Result<(), Error> {
        let mut cargo = process::command("cargo", ["test", "--test", model]);
        cargo
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .stdout(File::create(self.log()).map_err(|cause| failed(&cause))?)
            .stderr(Stdio::null());
        Process::start(&mut cargo)?.succeed().await
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// The manifest of a workspace of the core alone.
fn workspace_of_the_core(manifest: &str) -> String {
    let (workspace, _) = manifest.split_once("[package]").unwrap_or((manifest, ""));
    let lines = workspace.split_inclusive('\n');
    let lines = lines.filter(|line| !line.starts_with("members = "));
    let members = format!("members = [{CRATE:?}]\nresolver = \"3\"\n");
    lines
        .map(|line| {
            if line.starts_with("[workspace]") {
                [line, &members].concat()
            } else {
                line.to_owned()
            }
        })
        .collect()
}

impl Mutation {
    fn apply(&self, source: &str) -> Result<String, Error> {
        if source.matches(self.original).count() != 1 {
            return Err(Error::Failed(format!(
                "{CORE}/{} does not have this once: {}",
                self.file,
                self.original.trim()
            )));
        }
        Ok(source.replace(self.original, self.broken))
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copied = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copied)?;
        } else {
            fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}

/// The crate that has the core, and where that is.
const CRATE: &str = "crates/heartwire";
const CORE: &str = "crates/heartwire/src/core";

fn failed(cause: &io::Error) -> Error {
    Error::Failed(format!("the core cannot be copied: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_can_be_made_and_names_a_rule() {
        for (model, mutations) in MODELS {
            let rules = rules(model);
            for mutation in *mutations {
                let source = fs::read_to_string(root().join(CORE).join(mutation.file)).unwrap();
                assert_ne!(mutation.apply(&source).unwrap(), source);
                assert!(
                    rules.contains(&mutation.rule.to_owned()),
                    "{}",
                    mutation.rule
                );
            }
        }
    }

    #[test]
    fn the_copy_is_a_workspace_of_one_package() {
        let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("\"xtask\"") && manifest.contains("\"hosting\""));
        let alone = workspace_of_the_core(&manifest);
        assert!(!alone.contains("\"xtask\"") && !alone.contains("\"hosting\""));
        assert!(alone.contains("[workspace]\nmembers = [\"crates/heartwire\"]\n"));
        assert!(alone.contains("[workspace.lints.clippy]"));
    }

    #[test]
    fn every_rule_is_broken_by_a_mutation() {
        for (model, mutations) in MODELS {
            let unbroken: Vec<_> = rules(model)
                .into_iter()
                .filter(|rule| mutations.iter().all(|mutation| mutation.rule != *rule))
                .collect();
            assert_eq!(unbroken, [""; 0], "{model}");
        }
    }

    /// The rules of a model: its constants that are more than a word.
    fn rules(model: &str) -> Vec<String> {
        let model = root().join(CRATE).join(format!("tests/{model}.rs"));
        let model = fs::read_to_string(model).unwrap();
        let rules = model.lines().filter_map(|line| {
            let (_, rule) = line.strip_prefix("const ")?.split_once(": &str = \"")?;
            rule.strip_suffix("\";")
        });
        rules
            .filter(|rule| rule.contains(' '))
            .map(str::to_owned)
            .collect()
    }
}
