//! Programs that cannot outlive whoever started them.

use std::ffi::OsStr;
use std::io;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A running program that is ended, with everything it started, when this value is dropped.
///
/// It is ended as well when the owner dies without dropping anything, by a signal for example:
/// a shell in the program's process group waits for the end of a pipe that only the owner holds.
#[derive(Debug)]
pub struct Leash {
    program: Child,
    group: Pid,
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
        let mut program = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(program)
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let group = program
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()))
            .ok_or_else(|| io::Error::other("the program ended at once"))?;
        let pipe = program.stdin.take();
        Ok(Self {
            program,
            group,
            _pipe: pipe,
        })
    }

    /// Kills the program alone, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.program.kill().await
    }

    /// Takes the program's standard output; `None` the second time.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.program.stdout.take()
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // Fails only if nobody is left in the group.
        let _ = kill_process_group(self.group, Signal::KILL);
        let killed = Instant::now();
        while matches!(self.program.try_wait(), Ok(None)) && killed.elapsed() < END_LIMIT {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The shell becomes the program, so that its process id is the program's; the part in braces
/// stays behind in the same group.
const SCRIPT: &str = r#"
exec 3<&0 </dev/null
{ read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 &
exec 3<&- "$@"
"#;

/// How long the system may take to end a killed program.
const END_LIMIT: Duration = Duration::from_secs(1);
