//! The commands as a person runs them: what they print, how they end, what they leave behind.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener as StdTcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

#[tokio::test]
async fn without_a_command_all_are_listed() {
    for arguments in [&[][..], &["--help"], &["-h"]] {
        let output = run(arguments).await;

        let listed = String::from_utf8(output.stdout).unwrap();
        for command in [
            "serve",
            "test",
            "soak",
            "audit",
            "echo",
            "size",
            "bench",
            "broker",
            "herd",
            "mutations",
            "picture",
        ] {
            assert!(listed.contains(&format!("\n  {command} ")), "{listed}");
        }
        assert_eq!(output.status.code(), Some(0));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_with_what_is_meant_or_allowed() {
    for (words, parts) in [
        (&["server"][..], ["'server'", "'serve'"]),
        (&["echo", "--prot", "1"], ["'--prot'", "'--port'"]),
        (&["echo", "--port", "many"], ["'many'", "such as 8080"]),
        (&["echo", "--ping", "30"], ["'30'", "such as 500ms"]),
        (&["echo", "--max-message", "1GB"], ["'1GB'", "such as 512"]),
        (&["serve", "--port", "6000"], ["'6000'", "1 to 65535"]),
        (&["broker", "--kill", "4"], ["'4'", "1, 2 or 3"]),
        (&["test", "fmt", "clipy"], ["'clipy'", "'clippy'"]),
        (&["soak", "log", "hiden"], ["'hiden'", "'hidden'"]),
        (&["bench", "floot"], ["'floot'", "'flood'"]),
        (&["picture", "--all"], ["'--all <FOLDER>'", "required"]),
    ] {
        let output = run(words).await;

        let refused = String::from_utf8(output.stderr).unwrap();
        let is_named = parts.iter().all(|part| refused.contains(part));
        assert!(refused.starts_with("error: ") && is_named, "{refused}");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

#[tokio::test]
async fn the_last_of_an_option_that_is_given_twice_counts() {
    let (_echo, mut stdout) =
        start(xtask().args(["echo", "--port", "3999", "--quiet", "--port=0", "--quiet"]));
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("echo server on ws://127.0.0.1:"), "{line}");
    assert!(!line.contains(":3999"), "{line}");
}

#[tokio::test]
async fn help_tells_every_option() {
    let help = async |command| String::from_utf8(run(&[command, "--help"]).await.stdout).unwrap();

    for option in ["--host", "--port", "--ping", "--max-message", "--quiet"] {
        assert!(help("echo").await.contains(option), "{option}");
    }
    for option in ["--port", "--echo-port", "--quiet"] {
        assert!(help("serve").await.contains(option), "{option}");
    }
    for step in ["fmt: ", "page: ", "--times"] {
        assert!(help("test").await.contains(step), "{step}");
    }
    for trial in ["cluster: ", "hidden: "] {
        assert!(help("soak").await.contains(trial), "{trial}");
    }
    for question in ["bytes: ", "endurance: ", "--built", "--quick"] {
        assert!(help("bench").await.contains(question), "{question}");
    }
}

#[tokio::test]
async fn a_busy_port_ends_serve_at_once_with_one_line() {
    let busy = StdTcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();

    for (option, other) in [("--port", "--echo-port"), ("--echo-port", "--port")] {
        let [free, _] = free_ports();
        let output = run(&["serve", option, &port, other, &free]).await;

        let refused = String::from_utf8(output.stderr).unwrap();
        assert!(
            refused.contains(&format!("port {port} is in use")),
            "{refused}"
        );
        assert!(refused.contains(option), "{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
        assert!(output.stdout.is_empty());
        assert_eq!(output.status.code(), Some(1));
    }
}

#[tokio::test]
async fn ctrl_c_ends_the_echo_server_and_closes_its_clients_with_1001() {
    let (mut echo, mut stdout) = start(xtask().args(["echo", "--port", "0"]));
    let mut line = String::new();
    stdout.read_line(&mut line).await.unwrap();
    let address = line
        .split([' ', ','])
        .find(|word| word.starts_with("ws://"))
        .unwrap();
    let stream = TcpStream::connect(address.trim_start_matches("ws://"))
        .await
        .unwrap();
    let (mut client, _) = tokio_tungstenite::client_async(address, stream)
        .await
        .unwrap();

    signal(&echo, Signal::INT);

    let Message::Close(Some(frame)) = client.next().await.unwrap().unwrap() else {
        panic!("no close frame with a code");
    };
    assert_eq!(frame.code, CloseCode::Away);
    assert!(client.next().await.is_none());
    assert_eq!(echo.wait().await.unwrap().code(), Some(0));
}

/// `serve` with a trunk that has started a program of its own, as it starts cargo and rustc.
#[tokio::test]
async fn nothing_lives_on_when_serve_is_interrupted() {
    for end in [Signal::INT, Signal::TERM, Signal::HUP] {
        let tools = Tools::with_trunk("sleep 600 & echo trunk runs; wait");
        let [page_port, echo_port] = free_ports();
        let arguments = ["serve", "--port", &page_port, "--echo-port", &echo_port];
        let mut serve = xtask();
        serve.args(arguments).env("CARGO_INSTALL_ROOT", &tools.root);
        let (mut serve, mut stdout) = start(&mut serve);
        let mut line = String::new();
        while line != "trunk runs\n" {
            line.clear();
            assert_ne!(
                stdout.read_line(&mut line).await.unwrap(),
                0,
                "serve has ended"
            );
        }

        signal(&serve, end);

        // Every process holds this pipe, so it ends when the last of them has.
        let mut rest = String::new();
        let ended = timeout(Duration::from_secs(10), stdout.read_to_string(&mut rest)).await;
        assert!(ended.is_ok(), "a process lives on");
        assert_eq!(serve.wait().await.unwrap().code(), Some(0));
        StdTcpListener::bind(format!("127.0.0.1:{echo_port}")).unwrap();
    }
}

#[tokio::test]
async fn serve_fails_when_trunk_ends() {
    let tools = Tools::with_trunk("exit 7");

    let output = tools.serve().await;

    let failed = String::from_utf8(output.stderr).unwrap();
    assert!(failed.starts_with("error: `trunk serve "), "{failed}");
    assert!(failed.ends_with(" has ended: exit code 7\n"), "{failed}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_tool_that_cannot_be_installed_is_named_with_the_command() {
    let tools = Tools::with_trunk("exit 7");
    tools.write("trunk", "echo trunk 0.0.1");
    // The page is compiled meanwhile.
    tools.write(
        "cargo",
        "case $1 in install) echo no network >&2; exit 101;; esac",
    );

    let output = tools.serve().await;

    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("(found 0.0.1): cargo install --locked --force trunk@"),
        "{said}"
    );
    let failed = String::from_utf8(output.stderr).unwrap();
    let failed = failed.strip_prefix("no network\n").unwrap();
    assert!(
        failed.starts_with("error: `cargo install --locked --force trunk@"),
        "{failed}"
    );
    assert_eq!(failed.lines().count(), 1, "{failed}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_tool_comes_as_a_program_where_cargo_binstall_has_one() {
    for (has_one, said_then, failed_then) in [
        (true, "installed trunk", "`trunk serve "),
        (false, "no program for trunk", "`cargo install --locked "),
    ] {
        let tools = Tools::with_trunk("exit 7");
        let bin = tools.root.join("bin");
        fs::rename(bin.join("trunk"), bin.join("new")).unwrap();
        tools.write("trunk", "echo trunk 0.0.1");
        tools.write("cargo-binstall", "");
        let binstall = if has_one {
            format!("cp {0}/new {0}/trunk", bin.display())
        } else {
            "exit 94".to_owned()
        };
        tools.write(
            "cargo",
            &format!("case $1 in binstall) {binstall};; install) exit 101;; esac"),
        );

        let output = tools.serve().await;

        let said = String::from_utf8(output.stdout).unwrap();
        let asked = "cargo binstall --no-confirm --force --disable-strategies compile trunk@";
        assert!(said.contains(asked) && said.contains(said_then), "{said}");
        let failed = String::from_utf8(output.stderr).unwrap();
        assert!(failed.contains(failed_then), "{failed}");
        assert_eq!(output.status.code(), Some(1));
    }
}

/// A folder of tools that stand in for the real ones.
struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Has every tool that `serve` looks for, and a trunk whose `serve` is `script`.
    fn with_trunk(script: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(free_ports()[0].as_str());
        fs::create_dir_all(root.join("bin")).unwrap();
        let tools = Self { root };
        for tool in xtask::tools::tools().unwrap() {
            let version = format!("{} {}", tool.program, tool.version);
            tools.write(
                tool.program,
                &format!("case $1 in --version) echo {version};; *) {script};; esac"),
            );
        }
        // Any folder that is there will do for the target's libraries.
        tools.write("rustc", "echo /");
        tools
    }

    /// Runs `serve` with them to its end.
    async fn serve(&self) -> Output {
        let [page_port, echo_port] = free_ports();
        let mut serve = xtask();
        serve
            .args(["serve", "--port", &page_port, "--echo-port", &echo_port])
            .env("CARGO_INSTALL_ROOT", &self.root);
        serve.output().await.unwrap()
    }

    fn write(&self, program: &str, script: &str) {
        let path = self.root.join("bin").join(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn xtask() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.kill_on_drop(true);
    command
}

async fn run(arguments: &[&str]) -> Output {
    xtask().args(arguments).output().await.unwrap()
}

fn start(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn signal(child: &Child, signal: Signal) {
    let process = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

/// Ports that nobody uses at the moment.
fn free_ports() -> [String; 2] {
    let listeners = [(); 2].map(|()| StdTcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port().to_string())
}
