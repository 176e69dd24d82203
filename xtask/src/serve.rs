//! The page and an echo server, while someone works on them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

use crate::arguments::Arguments;
use crate::process::{self, Process};
use crate::tools::{self, Need};
use crate::{Error, Interrupt, console, echo, root};

/// What `cargo xtask serve --help` prints; the first line is its summary.
pub const HELP: &str = "\
the page with an echo server, ready to use

Installs what is missing, starts an echo server, and runs `trunk serve`, which builds the page
again when a source changes. Prints the page's address when it answers. Ctrl-C ends all of it.

options:
  --port PORT         the page's port on 127.0.0.1 [3000]
  --echo-port PORT    the echo server's port on 127.0.0.1 [8080]
  --quiet             no line for each connection and message of the echo server";

/// Runs `cargo xtask serve`.
///
/// # Errors
///
/// When a port is in use, a tool cannot be installed, or `trunk serve` ends.
pub async fn command(mut arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let port = |text: &str| text.parse().ok().filter(|port| *port != 0);
    let page_port = arguments
        .option("--port", "a port, 1 to 65535", port)?
        .unwrap_or(3000);
    let echo_port = arguments
        .option("--echo-port", "a port, 1 to 65535", port)?
        .unwrap_or(8080);
    let log = !arguments.flag("--quiet");
    arguments.finish()?;

    check_port("--port", page_port)?;
    check_port("--echo-port", echo_port)?;
    // From here on the port is ours, however long the tools take.
    let echo = echo::Server::bind(echo::Options {
        port: echo_port,
        log,
        ..echo::Options::default()
    })
    .await?;
    interrupt.guard(tools::install(Need::Page)).await?;

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

/// Checks that a port is free on both addresses that browsers may take for `localhost`.
fn check_port(option: &str, port: u16) -> Result<(), Error> {
    let addresses: [SocketAddr; 2] = [
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
    ];
    for address in addresses {
        match TcpListener::bind(address).map_err(|cause| cause.kind()) {
            Err(io::ErrorKind::AddrInUse) => {
                return Err(Error::Failed(format!(
                    "port {port} is in use: end the program that listens on {address}, or choose \
                     another port, as in `cargo xtask serve {option} {}`",
                    port.checked_add(1).unwrap_or(3000)
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

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before the page is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_its_option() {
        for host in ["127.0.0.1", "[::1]"] {
            let Ok(listener) = TcpListener::bind(format!("{host}:0")) else {
                continue; // No IPv6 here.
            };
            let port = listener.local_addr().unwrap().port();

            let refused = check_port("--echo-port", port).unwrap_err().to_string();

            assert!(
                refused.starts_with(&format!("port {port} is in use: ")),
                "{refused}"
            );
            assert!(
                refused.contains("cargo xtask serve --echo-port "),
                "{refused}"
            );
            drop(listener);
            assert_eq!(check_port("--port", port), Ok(()));
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
