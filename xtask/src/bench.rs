//! Heartwire beside what people would use instead, all in one run.

mod answer;
mod bytes;
mod chart;
mod delivery;
mod endurance;
mod field;
mod flood;
mod grid;
mod heartbeat;
mod keystroke;
mod long;
mod recovery;
mod section;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;

use self::answer::Answer;
use self::field::Field;
use crate::peers::{self, Peer};
use crate::process::{self, Process};
use crate::test::BUILD;
use crate::tools::{self, Need};
use crate::{Error, Interrupt, console, documents, examples, page, root};

/// Heartwire beside what people would use instead, measured in one run
///
/// Installs what is missing, builds the page into dist/, the crate's seed and the other clients' pages
/// into bench/, and takes all of them through the questions below. Prints a table for each, writes
/// everything into target/bench/report.json, and docs/performance.md with its charts. That
/// takes half an hour. The machine should have nothing else to do.
///
/// `cargo xtask bench bytes flood` asks only those, and docs/performance.md stays as it is. docs/bench.md tells how it is measured.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Those to ask; all if none is named
    #[arg(value_name = "QUESTION")]
    questions: Vec<Question>,
    /// Measure the pages that were built before
    #[arg(long)]
    built: bool,
    /// One round of each, to see that everything works: its figures say little, and
    /// docs/performance.md stays as it is
    #[arg(long)]
    quick: bool,
}

/// Runs `cargo xtask bench`.
///
/// # Errors
///
/// When a tool cannot be installed, a page cannot be built, or a file cannot be written. A figure
/// that misses its target is no error, nor is one that cannot be measured: both are told.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let Arguments {
        questions,
        built: is_built,
        quick: is_quick,
    } = arguments;
    let chosen = Question::value_variants()
        .iter()
        .filter(|one| questions.is_empty() || questions.contains(one));
    interrupt
        .guard(async {
            let started = Instant::now();
            if !is_built {
                tools::install(Need::Comparison).await?;
                build().await?;
            }
            let field = Field::start(is_quick).await?;
            console::say(format_args!("{}", field.machine));
            let mut answers = Vec::new();
            for question in chosen {
                console::say(format_args!("\n==> {}", question.name()));
                let asked = Instant::now();
                let answer = question.ask(&field).await?;
                console::say(&answer);
                console::say(format_args!("  in {}", console::time(asked.elapsed())));
                answers.push(answer);
            }
            write(&field, &answers)?;
            if questions.is_empty() && !is_quick {
                publish(&field, &answers)?;
            }
            console::say(format_args!("all in {}", console::time(started.elapsed())));
            Ok(())
        })
        .await
}

/// A page that is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subject {
    /// What is made with the crate.
    Seed,
    /// The whole page.
    Heartwire,
    Peer(Peer),
}

impl Subject {
    const ALL: [Self; 8] = [
        Self::Seed,
        Self::Heartwire,
        Self::Peer(Peer::Plain),
        Self::Peer(Peer::Vue2),
        Self::Peer(Peer::VueUse),
        Self::Peer(Peer::React),
        Self::Peer(Peer::Partysocket),
        Self::Peer(Peer::YewHooks),
    ];

    fn index(self) -> usize {
        let mut all = Self::ALL.iter();
        all.position(|one| *one == self)
            .expect("all are among them")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Seed => "Heartwire seed",
            Self::Heartwire => "Heartwire page",
            Self::Peer(peer) => peer.name(),
        }
    }

    /// The name with the version.
    fn title(self) -> String {
        match self {
            Self::Seed | Self::Heartwire => self.name().to_owned(),
            Self::Peer(peer) => peer.title(),
        }
    }

    fn reconnects(self) -> bool {
        match self {
            Self::Seed | Self::Heartwire => true,
            Self::Peer(peer) => peer.reconnects(),
        }
    }

    fn dist(self) -> Result<PathBuf, Error> {
        match self {
            Self::Seed => examples::measured_seed(),
            Self::Heartwire => page::dist(),
            Self::Peer(peer) => peer.dist(),
        }
    }
}

/// What can be asked, in the order in which it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Question {
    /// What a page weighs over the wire
    Bytes,
    /// How long until the input can be used and the socket is open
    Start,
    /// How long a keystroke takes to the server, and its echo to the document
    Keystroke,
    /// What 100,000 messages cost
    Flood,
    /// What a message of 100 kB costs, and one of 1 MB
    Long,
    /// How soon there is a connection after one was lost
    Recovery,
    /// What arrives of what is typed while connections are killed
    Delivery,
    /// What heartbeats cost the server
    Heartbeat,
    /// What stays behind of many connections and messages
    Endurance,
}

impl Question {
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    async fn ask(self, field: &Field) -> Result<Answer, Error> {
        match self {
            Self::Bytes => Ok(bytes::ask(field).await),
            Self::Start => start::ask(field).await,
            Self::Keystroke => keystroke::ask(field).await,
            Self::Flood => flood::ask(field).await,
            Self::Long => long::ask(field).await,
            Self::Recovery => recovery::ask(field).await,
            Self::Delivery => delivery::ask().await,
            Self::Heartbeat => heartbeat::ask(field).await,
            Self::Endurance => endurance::ask(field).await,
        }
    }
}

async fn build() -> Result<(), Error> {
    let (program, arguments) = BUILD.split_once(' ').unwrap_or((BUILD, ""));
    let mut trunk = process::command(program, arguments.split_whitespace());
    console::say(process::shown(&trunk));
    Process::start(&mut trunk)?.succeed().await?;
    examples::build_measured_seed().await?;
    peers::build().await
}

/// Writes everything that was measured, for programs.
fn write(field: &Field, answers: &[Answer]) -> Result<(), Error> {
    let report = json!({
        "machine": field.machine,
        "answers": answers.iter().map(Answer::json).collect::<Vec<_>>(),
    });
    save(
        &root().join("target/bench/report.json"),
        &format!("{report:#}\n"),
    )
}

/// Writes the document's section and its charts.
fn publish(field: &Field, answers: &[Answer]) -> Result<(), Error> {
    for (name, chart) in chart::all(answers) {
        save(&root().join("docs").join(name), &chart.to_string())?;
    }
    let section = section::markdown(&field.machine, answers);
    let (path, text) = documents::filled("performance.md", "bench", &section)?;
    save(&path, &text)
}

fn save(path: &Path, content: &str) -> Result<(), Error> {
    let failed = |cause| Error::Failed(format!("{} cannot be written: {cause}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, content).map_err(failed)?;
    console::say(format_args!("{} is written", path.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_is_a_subject() {
        for peer in Peer::ALL {
            assert!(Subject::ALL.contains(&Subject::Peer(peer)), "{peer:?}");
        }
        assert_eq!(Subject::ALL.len(), Peer::ALL.len() + 2);
    }

    #[test]
    fn the_method_of_every_question_and_every_page_is_written_down() {
        let method = fs::read_to_string(root().join("docs/bench.md")).unwrap();
        for question in Question::value_variants() {
            let paragraph = format!("\n**{}.** ", question.name());
            assert!(method.contains(&paragraph), "{question:?}");
        }
        for subject in Subject::ALL {
            let row = format!("\n| {} | ", subject.name());
            assert!(method.contains(&row), "{subject:?}");
        }
    }

    #[test]
    fn the_document_has_a_place_for_the_section() {
        assert!(documents::filled("performance.md", "bench", "").is_ok());
    }
}
