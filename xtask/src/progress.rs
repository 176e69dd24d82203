//! How far compilers are that work side by side.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, Command};
use tokio::time::{sleep, timeout};

use crate::process::Process;
use crate::{Error, console};

/// What is compiled side by side, and how far it is.
///
/// The lines of several compilers would mix, so what each says is kept and shown only where it fails;
/// meanwhile one line tells of all of them. `indicatif` would draw bars on a terminal, but says nothing
/// where there is none, as in CI; and this line is all that its 6 packages would replace.
#[derive(Debug)]
pub(crate) struct Progress {
    started: Instant,
    works: Mutex<Vec<Work>>,
}

/// One compiler's work.
#[derive(Debug)]
struct Work {
    name: String,
    /// How many packages are compiled, and of how many; nothing while they are downloaded.
    compiled: Option<(u32, u32)>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            works: Mutex::default(),
        }
    }

    /// Runs a command of cargo's, which is told of as `name`.
    ///
    /// # Errors
    ///
    /// When it cannot be run or fails; what it said stands above the error then.
    pub(crate) async fn run(&self, name: &str, mut command: Command) -> Result<(), Error> {
        command
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "80")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Process::start(&mut command)?;
        self.works().push(Work {
            name: name.to_owned(),
            compiled: None,
        });
        let mut said = Vec::new();
        if let Some(errors) = process.child.stderr.take() {
            let mut reading = pin!(self.read(name, errors, &mut said));
            tokio::select! {
                () = &mut reading => {}
                // What it leaves behind, as a compiler's cache does, may hold the pipe.
                _ = process.child.wait() => drop(timeout(REST, reading).await),
            }
        }
        let ended = process.succeed().await;
        self.works().retain(|work| work.name != name);
        if ended.is_err() {
            eprint!("{}", without_bars(&String::from_utf8_lossy(&said)));
        }
        ended
    }

    /// Reads what a compiler says, and notes how far it is.
    async fn read(&self, name: &str, mut errors: ChildStderr, said: &mut Vec<u8>) {
        while errors.read_buf(said).await.is_ok_and(|count| count > 0) {
            if let Some(compiled) = compiled(said)
                && let Some(work) = self.works().iter_mut().find(|work| work.name == name)
            {
                work.compiled = Some(compiled);
            }
        }
    }

    /// Does `work`, which runs commands of this, and tells again and again how far they are.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let tell = async {
            loop {
                sleep(PERIOD).await;
                if !self.works().is_empty() {
                    console::say(self);
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = tell => unreachable!("it tells until the work is done"),
        }
    }

    fn works(&self) -> MutexGuard<'_, Vec<Work>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "  {:>12}", console::time(self.started.elapsed()))?;
        for Work { name, compiled } in self.works().iter() {
            match compiled {
                Some((done, all)) => write!(formatter, "   {name}: {done} of {all}")?,
                None => write!(formatter, "   {name}: downloading")?,
            }
        }
        Ok(())
    }
}

/// The last of the figures in what cargo has said: `Building [=====>    ] 12/310: syn`.
fn compiled(said: &[u8]) -> Option<(u32, u32)> {
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(LONGEST_BAR)..]);
    let (_, behind) = said.rsplit_once("] ")?;
    let (figures, _) = behind.split_once(':')?;
    let (done, all) = figures.split_once('/')?;
    Some((done.parse().ok()?, all.parse().ok()?))
}

/// What cargo has said, without the bars that it draws over one another.
fn without_bars(said: &str) -> String {
    let lines = said.split(['\r', '\n']);
    let is_kept = |line: &&str| !line.trim().is_empty() && compiled(line.as_bytes()).is_none();
    lines
        .filter(is_kept)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// Often enough to see that it goes on.
const PERIOD: Duration = Duration::from_secs(10);

/// Longer than it takes to read what a pipe holds.
const REST: Duration = Duration::from_secs(1);

/// More than cargo draws at a time with the width that it is given, in bytes.
const LONGEST_BAR: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{SOON, eventually};

    #[test]
    fn the_last_bar_tells_how_far_cargo_is() {
        let said = "  Downloaded syn v2\n\r    Building [==>    ] 12/310: syn\r    Building [===>   ] 13/310: a, b(build)  ";

        assert_eq!(compiled(said.as_bytes()), Some((13, 310)));
        assert_eq!(compiled(b"  Downloaded syn v2\n"), None);
    }

    #[test]
    fn what_is_shown_of_a_failure_has_no_bars() {
        let said = "   Compiling a v1\n\r   Building [==> ] 1/3: a\r\u{1b}[Kerror: no `b`\n --> a.rs:1\n1 | let a = [b];\n";

        assert_eq!(
            without_bars(said),
            "   Compiling a v1\n\u{1b}[Kerror: no `b`\n --> a.rs:1\n1 | let a = [b];\n"
        );
    }

    #[tokio::test]
    async fn what_runs_is_told_of_until_it_ends() {
        let progress = Progress::new();
        let script = "printf '\\r    Building [=> ] 1/2: a\\r' >&2; read -r _ < \"$0\"";
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = crate::process::command("mkfifo", [&pipe]).status().await;
        assert!(made.unwrap().success());
        let mut shell = crate::process::command("sh", ["-c", script]);
        shell.arg(&pipe);

        let watch = async {
            let is_told = async || {
                progress
                    .to_string()
                    .ends_with("   it: 1 of 2")
                    .then_some(())
            };
            let told = eventually("it is told", SOON, is_told).await;
            tokio::fs::write(&pipe, "\n").await.unwrap();
            told.unwrap();
        };
        let (ended, ()) = tokio::join!(progress.run("it", shell), watch);

        assert_eq!(ended, Ok(()));
        assert!(progress.works().is_empty());
    }
}
