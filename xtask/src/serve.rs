//! The page and an echo server, while someone works on them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use crate::arguments;
use crate::process::{self, Process};
use crate::progress::Progress;
use crate::tools::{self, Need, WASM};
use crate::{Error, Interrupt, console, echo, root};

/// The page with an echo server, ready to use
///
/// Installs what is missing, starts an echo server, and runs `trunk serve`, which builds the page
/// again when a source changes. Prints the page's address when it answers. Ctrl-C ends all of it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The page's port on 127.0.0.1 [default: 3000]
    #[arg(long, value_parser = arguments::port)]
    port: Option<u16>,
    /// The echo server's port on 127.0.0.1 [default: 8080]
    #[arg(long, value_parser = arguments::port)]
    echo_port: Option<u16>,
    /// No line for each connection and message of the echo server
    #[arg(long)]
    quiet: bool,
}

/// Runs `cargo xtask serve`.
///
/// # Errors
///
/// When a port is in use, a tool cannot be installed, or `trunk serve` ends.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let ports = Ports::taken(&arguments)?;
    ports.check()?;
    let Ports {
        page: page_port,
        echo: echo_port,
    } = ports;
    // From here on the port is ours, however long the tools take.
    let echo = echo::Server::bind(echo::Options {
        port: echo_port,
        log: !arguments.quiet,
        ..echo::Options::default()
    })
    .await?;
    let page = [(PAGE, PAGE_COMPILED_IN)];
    let tools = tools::install_beside(Need::Page, &page, compile_page);
    interrupt.guard(tools).await?;

    let page = async {
        let mut trunk = process::command("trunk", ["serve", "--address", "127.0.0.1"]);
        trunk.args(["--port", &page_port.to_string()]);
        // `dist` is for the release; and looking names up can take long without a network.
        trunk.arg("--dist").arg(root().join("target").join("serve"));
        trunk.args(["--disable-address-lookup", "true"]);
        console::say(process::shown(&trunk));
        let trunk = Process::start(&mut trunk)?;
        tokio::try_join!(trunk.stay(), announce(page_port, echo_port)).map(|_| ())
    };
    let interrupted = async {
        interrupt.received().await;
    };
    tokio::select! {
        ended = page => ended,
        () = echo.run(interrupted) => Ok(()),
    }
}

/// Compiles the page as trunk does, and what trunk runs at a build's end: it finds both done then. What fails here
/// it says again, and waits for a change.
async fn compile_page(progress: &Progress) {
    for line in [
        ["build", "--bin", "heartwire", "--target", WASM].as_slice(),
        &["build", "--package", "hosting"],
    ] {
        let cargo = process::command("cargo", line);
        if progress.run(PAGE, cargo).await.is_err() {
            break;
        }
    }
}

/// Where the page and the echo server listen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Ports {
    page: u16,
    echo: u16,
}

impl Ports {
    /// Takes them from the command line. One that was not given has its usual value.
    fn taken(arguments: &Arguments) -> Result<Self, Error> {
        let (page, echo) = (arguments.port, arguments.echo_port);
        let ports = Self {
            page: page.unwrap_or(3000),
            echo: echo.unwrap_or(8080),
        };
        if ports.page == ports.echo {
            let usual = |given: Option<u16>| given.map_or(", its usual value,", |_| "");
            return Err(Error::Usage(format!(
                "{PAGE_PORT} {}{} and {ECHO_PORT} {}{} are the same: the page and the echo server \
                 need a port each",
                ports.page,
                usual(page),
                ports.echo,
                usual(echo),
            )));
        }
        Ok(ports)
    }

    /// Checks that both are free.
    fn check(self) -> Result<(), Error> {
        self.check_one(PAGE_PORT, self.page)?;
        self.check_one(ECHO_PORT, self.echo)
    }

    /// Checks that a port is free on both addresses that browsers may take for `localhost`.
    fn check_one(self, option: &str, port: u16) -> Result<(), Error> {
        let addresses: [SocketAddr; 2] = [
            (Ipv4Addr::LOCALHOST, port).into(),
            (Ipv6Addr::LOCALHOST, port).into(),
        ];
        for address in addresses {
            match TcpListener::bind(address).map_err(|cause| cause.kind()) {
                Err(io::ErrorKind::AddrInUse) => {
                    return Err(Error::Failed(format!(
                        "port {port} is in use: end the program that listens on {address}, or \
                         choose another port, as in `cargo xtask serve {option} {}`",
                        self.other(port)
                    )));
                }
                Err(io::ErrorKind::PermissionDenied) => {
                    return Err(Error::Failed(format!(
                        "port {port} is not allowed: choose one above 1023 with {option}"
                    )));
                }
                // A machine need not have IPv6.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// The next port after `port` that these options take: neither of them, and one for browsers.
    fn other(self, port: u16) -> u16 {
        (port..=u16::MAX)
            .chain(3000..=u16::MAX)
            .find(|other| {
                ![port, self.page, self.echo].contains(other) && arguments::is_reachable(*other)
            })
            .expect("there are more ports than are refused")
    }
}

/// Waits until the page answers, and prints where it is.
async fn announce(page_port: u16, echo_port: u16) -> Result<(), Error> {
    let started = Instant::now();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, page_port));
    let mut told = false;
    loop {
        match time::timeout(ANSWER_TIMEOUT, get(address)).await {
            Ok(Ok(answer)) if is_page(&answer) => break,
            Ok(Ok(_)) if !told => {
                told = true;
                console::say("there is no page yet: trunk builds again when a source changes");
            }
            // Nobody listens yet, or not in time.
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
        time::sleep(ASK_AGAIN).await;
    }

    // The page finds an echo server on its usual port by itself.
    let query = match echo_port {
        8080 => String::new(),
        _ => format!("?url=ws://localhost:{echo_port}"),
    };
    console::say(format_args!(
        "\nthe page answers after {}\n\n    page         http://127.0.0.1:{page_port}/{query}\n    \
         echo server  ws://localhost:{echo_port}\n\nCtrl-C ends both\n",
        console::time(started.elapsed())
    ));
    Ok(())
}

/// Asks a server for `/` and returns its whole answer.
async fn get(address: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Whether an HTTP answer holds the page: the status 200 and HTML.
fn is_page(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_lowercase();
    answer.starts_with("http/1.1 200 ") && answer.contains("<html")
}

const PAGE: &str = "the page";

/// How long two quiet cores compile it at first.
const PAGE_COMPILED_IN: Duration = Duration::from_secs(50);

const PAGE_PORT: &str = "--port";

const ECHO_PORT: &str = "--echo-port";

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before the page is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches as _};

    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_option() {
        for host in ["127.0.0.1", "[::1]"] {
            let Ok(listener) = TcpListener::bind(format!("{host}:0")) else {
                continue; // No IPv6 here.
            };
            let busy = listener.local_addr().unwrap().port();
            let ports = Ports {
                page: busy.checked_add(1).unwrap_or(3000),
                echo: busy,
            };

            let refused = ports.check_one(ECHO_PORT, busy).unwrap_err().to_string();

            assert!(
                refused.starts_with(&format!("port {busy} is in use: ")),
                "{refused}"
            );
            assert!(
                refused.contains("cargo xtask serve --echo-port "),
                "{refused}"
            );
            drop(listener);
            assert_eq!(ports.check_one(ECHO_PORT, busy), Ok(()));
        }
    }

    #[test]
    fn the_port_that_is_suggested_would_be_taken() {
        let other = |page, echo, busy| Ports { page, echo }.other(busy);

        assert_eq!(other(3000, 8080, 3000), 3001);
        // The next one is the other server's.
        assert_eq!(other(8079, 8080, 8079), 8081);
        // The next ones are refused by browsers.
        assert_eq!(other(6664, 8080, 6664), 6670);
        assert_eq!(other(3000, 65535, 65535), 3001);
    }

    #[test]
    fn both_servers_need_a_port_of_their_own() {
        let taken = |words: &str| {
            let command = Arguments::augment_args(Command::new("serve").no_binary_name(true));
            let matches = command.get_matches_from(words.split_whitespace());
            Ports::taken(&Arguments::from_arg_matches(&matches).unwrap())
        };

        assert_eq!(
            taken("--port 4000"),
            Ok(Ports {
                page: 4000,
                echo: 8080
            })
        );
        for (words, said) in [
            ("--port 4000 --echo-port 4000", "4000 and --echo-port 4000"),
            // What was not given counts too.
            ("--port 8080", "8080 and --echo-port 8080, its usual value,"),
            ("--echo-port=3000", "3000, its usual value, and --echo-port"),
        ] {
            let refused = taken(words).unwrap_err();

            assert_eq!(refused.exit_code(), 2, "{words}");
            let refused = refused.to_string();
            assert!(refused.contains(&format!("--port {said}")), "{refused}");
        }
    }

    #[test]
    fn only_an_answer_with_html_is_the_page() {
        assert!(is_page(
            b"HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE html><HTML lang=en>"
        ));
        assert!(!is_page(b"HTTP/1.1 404 Not Found\r\n\r\n<html>"));
        assert!(!is_page(b"HTTP/1.1 200 OK\r\n\r\nhello"));
        assert!(!is_page(b""));
    }
}
