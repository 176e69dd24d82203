//! Programs that end when their owner does.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};

use crate::{Error, root};

/// A program that runs, with all that it starts itself.
///
/// It has a process group of its own, and dropping it ends the group: by asking, where it has time for that, and
/// then by force. It gets no keyboard and, unlike a shell's child, no Ctrl-C: the owner gets
/// that and drops it.
///
/// `process-wrap`, 36 packages, would start a group and signal it, too, which is ten lines of this.
#[derive(Debug)]
pub struct Process {
    pub(crate) child: Child,
    group: Pid,
    shown: String,
    /// How long it may take to end when it is asked to.
    grace: Duration,
}

impl Process {
    /// Starts `command`.
    ///
    /// # Errors
    ///
    /// When the program is not there or cannot be run.
    pub fn start(command: &mut Command) -> Result<Self, Error> {
        Self::start_with(command, GRACE)
    }

    /// [`Process::start`] for a program that has `grace` to end when it is asked to; none: it is killed.
    pub(crate) fn start_with(command: &mut Command, grace: Duration) -> Result<Self, Error> {
        let shown = shown(command);
        let child = command.process_group(0).spawn().map_err(|cause| {
            let program = command.as_std().get_program().display();
            Error::Failed(if cause.kind() == io::ErrorKind::NotFound {
                format!("`{shown}` cannot run: there is no {program} here")
            } else {
                format!("`{shown}` cannot run: {cause}")
            })
        })?;
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?))
            .expect("a child that was not waited for has an id");
        Ok(Self {
            child,
            group,
            shown,
            grace,
        })
    }

    /// Waits until the program ends by itself.
    ///
    /// # Errors
    ///
    /// When it ends with anything but success.
    pub async fn succeed(mut self) -> Result<(), Error> {
        match self.child.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::Failed(format!(
                "`{}` failed: {}",
                self.shown,
                ended(status)
            ))),
            Err(cause) => Err(Error::Failed(format!("`{}` is lost: {cause}", self.shown))),
        }
    }

    /// Waits for the end of a program that should not end.
    ///
    /// # Errors
    ///
    /// Always: it returns only when the program has ended.
    pub async fn stay(mut self) -> Result<(), Error> {
        let how = match self.child.wait().await {
            Ok(status) => ended(status),
            Err(cause) => cause.to_string(),
        };
        Err(Error::Failed(format!("`{}` has ended: {how}", self.shown)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.grace.is_zero() {
            // An error tells that no one of the group is left.
            if kill_process_group(self.group, Signal::TERM).is_err() {
                return;
            }
            let asked = Instant::now();
            while asked.elapsed() < self.grace {
                // A leader that has ended is a member of its group until someone asks how.
                let _ = self.child.try_wait();
                if test_kill_process_group(self.group).is_err() {
                    return;
                }
                thread::sleep(LOOK_AGAIN);
            }
        }
        let _ = kill_process_group(self.group, Signal::KILL);
        let killed = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && killed.elapsed() < END_LIMIT {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Prepares a program to run in the repository's directory, without a keyboard, with
/// [`search_path`], and with an environment that it can bear.
pub fn command<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null());
    command.env("PATH", search_path());
    // trunk takes no other value than `true` and `false`, and refuses the usual `1`.
    if env::var_os("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    command
}

/// Runs a program to its end and returns what it wrote to its standard output.
///
/// # Errors
///
/// When it cannot be run or fails.
pub async fn output(command: &mut Command) -> Result<String, Error> {
    let output = command.kill_on_drop(true).output().await;
    let failed = |how: &str| Error::Failed(format!("`{}` failed: {how}", shown(command)));
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(failed(
                errors.lines().last().unwrap_or(&ended(output.status)),
            ))
        }
        Err(cause) => Err(failed(&cause.to_string())),
    }
}

/// Writes a command as one would type it.
#[must_use]
pub fn shown(command: &Command) -> String {
    let command = command.as_std();
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(shown, " {}", argument.to_string_lossy());
    }
    shown
}

/// Finds a program: on [`search_path`], or at an absolute path.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&search_path())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// `PATH` with the folder in front into which cargo installs, so that the tools of the right
/// version are found before others.
#[must_use]
pub fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(cargo_bin().into_iter().chain(env::split_paths(&path))).unwrap_or(path)
}

/// The folder into which `cargo install` puts programs, if there is a home.
fn cargo_bin() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).filter(|value| !value.is_empty());
    folder("CARGO_INSTALL_ROOT")
        .or_else(|| folder("CARGO_HOME"))
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .map(|root| root.join("bin"))
}

fn ended(status: ExitStatus) -> String {
    status
        .code()
        .map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

/// How long a program that is asked to end may take for it.
const GRACE: Duration = Duration::from_secs(3);

/// How long the system may take to end a program that was killed.
const END_LIMIT: Duration = Duration::from_secs(1);

const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
    use tokio::process::ChildStdout;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn dropping_ends_the_program_and_what_it_started() {
        let (process, stdout) = start("sleep 600 & echo started; wait").await;

        drop(process);

        assert!(ends(stdout).await);
    }

    #[tokio::test]
    async fn dropping_ends_a_program_that_does_not_listen() {
        let (process, stdout) =
            start("trap '' TERM; echo started; while :; do sleep 1; done").await;

        drop(process);

        assert!(ends(stdout).await);
    }

    #[tokio::test]
    async fn what_a_program_leaves_behind_ends_too() {
        let (process, stdout) = start("sleep 600 & echo started").await;

        process.succeed().await.unwrap();

        assert!(ends(stdout).await);
    }

    #[tokio::test]
    async fn failures_name_the_command_and_how_it_ended() {
        let run = async |program, arguments: &[&str]| {
            let process = Process::start(&mut command(program, arguments))?;
            process.succeed().await
        };

        assert_eq!(
            run("sh", &["-c", "exit 3"]).await.unwrap_err().to_string(),
            "`sh -c exit 3` failed: exit code 3"
        );
        assert_eq!(
            run("no-such-program", &["now"])
                .await
                .unwrap_err()
                .to_string(),
            "`no-such-program now` cannot run: there is no no-such-program here"
        );
    }

    /// Whether the pipe ends, which it does when the last process that holds it has.
    async fn ends(mut stdout: BufReader<ChildStdout>) -> bool {
        let end = timeout(2 * GRACE, stdout.read(&mut [0])).await;
        end.is_ok_and(|read| read.unwrap() == 0)
    }

    /// Starts a shell script that writes a line when all its processes run.
    async fn start(script: &str) -> (Process, BufReader<ChildStdout>) {
        let mut process =
            Process::start(command("sh", ["-c", script]).stdout(Stdio::piped())).unwrap();
        let mut stdout = BufReader::new(process.child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).await.unwrap();
        (process, stdout)
    }
}
