use std::net::Ipv4Addr;

use tokio::net::{TcpListener, TcpStream};
use xtask::leash::{Leash, Pause};

use super::{SOON, eventually};

/// The real echo server, in a process of its own.
pub(crate) struct Echo {
    pub(crate) port: u16,
    process: Leash,
}

impl Echo {
    /// Starts on a port that was free a moment ago.
    pub(crate) async fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        Self {
            port,
            process: run(port).await,
        }
    }

    /// Ends the process with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Stops the process until the value is dropped. Meanwhile the system accepts connections for
    /// it, and nobody answers.
    pub(crate) async fn pause(&self) -> Pause {
        self.process.pause().await.unwrap()
    }

    /// Starts again on the same port.
    pub(crate) async fn restart(&mut self) {
        self.process = run(self.port).await;
    }
}

async fn run(port: u16) -> Leash {
    let arguments = ["echo", "--quiet", "--port", &port.to_string()];
    let process = Leash::start(env!("CARGO_BIN_EXE_xtask"), arguments).unwrap();
    eventually("the echo server listens", SOON, async || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
    })
    .await;
    process
}
