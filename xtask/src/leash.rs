//! Programs that cannot outlive whoever started them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::process::Process;

/// A running program that is ended, with everything it started, when this value is dropped.
///
/// It is ended as well when the owner dies without dropping anything, by a signal for example:
/// a shell in the program's process group waits for the end of a pipe that only the owner holds.
#[derive(Debug)]
pub struct Leash {
    program: Process,
    /// Open as long as the owner lives.
    _pipe: Option<ChildStdin>,
}

impl Leash {
    /// Starts `program` in a process group of its own; its standard output can be read once.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn start<I, A>(program: impl AsRef<OsStr>, arguments: I) -> io::Result<Self>
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        Self::start_with(Path::new(""), program, arguments)
    }

    /// [`Leash::start`] for a program that writes into `folder`, which is removed where the owner dies
    /// without dropping anything. Whoever drops the value removes it.
    ///
    /// # Errors
    ///
    /// Those of [`Leash::start`].
    pub fn start_with<I, A>(
        folder: &Path,
        program: impl AsRef<OsStr>,
        arguments: I,
    ) -> io::Result<Self>
    where
        I: IntoIterator<Item = A>,
        A: AsRef<OsStr>,
    {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", SCRIPT, "sh"])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut program =
            Process::start_with(&mut shell, Duration::ZERO).map_err(io::Error::other)?;
        let pipe = program.child.stdin.take();
        Ok(Self {
            program,
            _pipe: pipe,
        })
    }

    /// Kills the program alone, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.program.child.kill().await
    }

    /// Stops the program and all that it has started, as a machine's sleep does, until the value is
    /// dropped. Nobody is told: connections stay as they are.
    ///
    /// # Errors
    ///
    /// If the processes cannot be listed, or the program has ended.
    pub async fn pause(&self) -> io::Result<Pause> {
        let id = self.program.child.id().and_then(process);
        let program = id.ok_or_else(|| io::Error::other("the program has ended"))?;
        let mut pause = Pause(HashSet::new());
        // What one process starts before its own turn comes is found in the next round.
        loop {
            let found = family(program).await?;
            let new: Vec<_> = found.difference(&pause.0).copied().collect();
            if new.is_empty() {
                return Ok(pause);
            }
            for process in new {
                // One that has ended meanwhile needs no stop.
                let _ = kill_process(process, Signal::STOP);
                pause.0.insert(process);
            }
        }
    }

    /// How long processors have worked for the program and all that it has started, also what has ended since;
    /// nothing where the system has no `/proc`.
    #[must_use]
    pub fn processor_time(&self) -> Duration {
        let Some(program) = self.program.child.id().and_then(process) else {
            return Duration::ZERO;
        };
        let all = times();
        let pairs: Vec<_> = all.iter().map(|one| (one.id, one.parent)).collect();
        let family = descendants(program, &pairs);
        let ticks = all.iter().filter(|one| family.contains(&one.id));
        let ticks: u64 = ticks.map(|one| one.ticks).sum();
        Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
    }

    /// Takes the program's standard output; `None` the second time.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.program.child.stdout.take()
    }
}

/// Programs that stand still until this value is dropped.
#[derive(Debug)]
pub struct Pause(HashSet<Pid>);

impl Drop for Pause {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

/// What the system tells of a process.
struct Times {
    id: Pid,
    parent: Pid,
    /// Its own, and those of its children that have ended.
    ticks: u64,
}

/// The times of all processes: proc(5), `/proc/pid/stat`, whose fields 4 and 14 to 17 these are.
fn times() -> Vec<Times> {
    let read = |entry: io::Result<DirEntry>| {
        let stat = fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let (id, _) = stat.split_once(' ')?;
        // The name before it may hold anything.
        let (_, behind) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = behind.split(' ').collect();
        let ticks = fields.get(11..15)?.iter().map(|ticks| ticks.parse::<u64>());
        Some(Times {
            id: process(id.parse().ok()?)?,
            parent: process(fields.get(1)?.parse().ok()?)?,
            ticks: ticks.sum::<Result<_, _>>().ok()?,
        })
    };
    let processes = fs::read_dir("/proc").into_iter().flatten();
    processes.filter_map(read).collect()
}

/// A process and all that descend from it. Process groups would not do: browsers start some of
/// their processes in groups of their own.
async fn family(first: Pid) -> io::Result<HashSet<Pid>> {
    let list = ["-A", "-o", "pid=,ppid="];
    let list = Command::new("ps").args(list).output().await?.stdout;
    let list = String::from_utf8_lossy(&list);
    let pairs: Vec<_> = list
        .lines()
        .filter_map(|line| {
            let mut ids = line.split_whitespace().map(str::parse);
            let child = process(ids.next()?.ok()?)?;
            Some((child, process(ids.next()?.ok()?)?))
        })
        .collect();

    Ok(descendants(first, &pairs))
}

/// A process and all that descend from it, by the pairs of a process and its parent.
fn descendants(first: Pid, pairs: &[(Pid, Pid)]) -> HashSet<Pid> {
    let mut family = HashSet::from([first]);
    loop {
        let known = family.len();
        let children = pairs.iter().filter(|(_, parent)| family.contains(parent));
        let children: Vec<_> = children.map(|(child, _)| *child).collect();
        family.extend(children);
        if family.len() == known {
            return family;
        }
    }
}

/// The process with this id; there is none with the id 0.
fn process(id: u32) -> Option<Pid> {
    Pid::from_raw(id.cast_signed())
}

/// The shell becomes the program, so that its process id is the program's; the part in braces
/// stays behind in the same group, and is not the program's child, so that it stays awake while
/// the program is paused. It lets the others end in order first, since one that is about to may still
/// add a file.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
folder=$1
shift
( {
    read -r _ <&3
    if [ -n "$folder" ]; then
        trap '' TERM
        kill -TERM 0
        n=0
        while [ $n -lt 25 ]; do
            n=$((n + 1))
            sleep 0.2
            [ -e "$folder" ] || break
            rm -rf "$folder"
        done
    fi
    kill -KILL 0
} >/dev/null 2>&1 & )
exec 3<&- "$@"
"#;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, BufReader, Lines};
    use tokio::time::timeout;

    use super::*;
    use crate::wait::{SOON, eventually};

    #[tokio::test]
    async fn a_paused_program_stands_still_with_all_its_processes_and_goes_on() {
        let mut leash = Leash::start("sh", ["-c", TALKERS]).unwrap();
        let mut output = BufReader::new(leash.output().unwrap()).lines();
        hears(&mut output, &["child", "parent"]).await;

        let pause = leash.pause().await.unwrap();
        // What they said before comes first.
        let silence = async { while timeout(QUIET, output.next_line()).await.is_ok() {} };
        timeout(10 * QUIET, silence).await.unwrap();
        drop(pause);

        hears(&mut output, &["child", "parent"]).await;
    }

    #[tokio::test]
    async fn work_is_counted_also_of_what_has_ended() {
        let script =
            "sh -c 'n=0; while [ $n -lt 300000 ]; do n=$((n + 1)); done'; echo done; sleep 600";
        let mut leash = Leash::start("sh", ["-c", script]).unwrap();
        let mut output = BufReader::new(leash.output().unwrap()).lines();

        hears(&mut output, &["done"]).await;

        let spent = leash.processor_time();
        assert!(spent >= Duration::from_millis(30), "{spent:?}");
    }

    #[tokio::test]
    async fn a_paused_program_ends_with_its_leash() {
        let mut leash = Leash::start("sh", ["-c", TALKERS]).unwrap();
        let mut output = BufReader::new(leash.output().unwrap()).lines();
        let pause = leash.pause().await.unwrap();

        drop(leash);

        let end = async { while output.next_line().await.unwrap().is_some() {} };
        timeout(10 * QUIET, end).await.unwrap();
        drop(pause);
    }

    #[expect(
        clippy::used_underscore_binding,
        reason = "only an owner's end closes it elsewhere"
    )]
    #[tokio::test]
    async fn a_folder_goes_with_an_owner_that_dies() {
        let folder = tempfile::tempdir().unwrap().keep();
        let mut leash = Leash::start_with(&folder, "sh", ["-c", TALKERS]).unwrap();
        let mut output = BufReader::new(leash.output().unwrap()).lines();
        hears(&mut output, &["child", "parent"]).await;

        // As the system closes it for one that dies.
        leash._pipe.take();

        let end = async { while output.next_line().await.unwrap().is_some() {} };
        timeout(10 * QUIET, end).await.unwrap();
        eventually("the folder is gone", SOON, async || {
            (!folder.exists()).then_some(())
        })
        .await
        .unwrap();
    }

    /// Waits until each of `voices` has spoken.
    async fn hears(output: &mut Lines<BufReader<ChildStdout>>, voices: &[&str]) {
        for voice in voices {
            while output.next_line().await.unwrap().unwrap() != *voice {}
        }
    }

    const TALKERS: &str = "
        talk() { while :; do echo $1; sleep 0.02; done; }
        talk child & talk parent";

    const QUIET: Duration = Duration::from_millis(300);
}
