//! Orders from another terminal for a cluster that runs.

use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::failed;
use crate::{Error, console};

/// Where orders for a cluster come in that runs.
pub(super) struct Desk {
    orders: UnixListener,
    /// Held as long as the cluster runs.
    _lock: File,
}

impl Desk {
    pub(super) fn open() -> Result<Self, Error> {
        let folder = desk_folder()?;
        let path = folder.join("lock");
        let lock =
            File::create(&path).map_err(|cause| failed(&path.display().to_string(), &cause))?;
        if lock.try_lock().is_err() {
            return Err(Error::Failed(
                "a cluster runs already: end it with Ctrl-C".to_owned(),
            ));
        }
        let path = folder.join(DESK);
        // Of one that was killed.
        let _ = fs::remove_file(&path);
        let orders = UnixListener::bind(&path);
        let orders = orders.map_err(|cause| failed(&path.display().to_string(), &cause))?;
        Ok(Self {
            orders,
            _lock: lock,
        })
    }

    pub(super) async fn next(&self) -> Result<(String, UnixStream), Error> {
        loop {
            let accepted = self.orders.accept().await;
            let (stream, _) = accepted.map_err(|cause| failed("the orders", &cause))?;
            let mut lines = BufReader::new(stream).lines();
            if let Ok(Ok(Some(order))) = timeout(ORDER, lines.next_line()).await {
                return Ok((order, lines.into_inner().into_inner()));
            }
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Ok(folder) = desk_folder() {
            let _ = fs::remove_file(folder.join(DESK));
        }
    }
}

pub(super) async fn answer(mut stream: UnixStream, done: Result<String, Error>) {
    let said = match done {
        Ok(said) => {
            console::say(&said);
            said
        }
        Err(error) => format!("error: {error}"),
    };
    // Whoever asked may have gone.
    let _ = stream.write_all(said.as_bytes()).await;
}

/// Has the cluster that runs do something; returns what it says.
pub(super) async fn tell(order: &str) -> Result<String, Error> {
    let path = desk_folder()?.join(DESK);
    let talk = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(order.as_bytes()).await?;
        stream.write_all(b"\n").await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        Ok::<_, io::Error>(said)
    };
    let said = talk.await.map_err(|_| {
        Error::Failed("no cluster runs: start one with `cargo xtask broker`".to_owned())
    })?;
    match said.strip_prefix("error: ") {
        Some(error) => Err(Error::Failed(error.to_owned())),
        None => Ok(said),
    }
}

/// A folder that this user alone can look into.
fn desk_folder() -> Result<PathBuf, Error> {
    let folder = env::temp_dir().join(format!("heartwire-{}", geteuid().as_raw()));
    let shown = folder.display().to_string();
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    if let Err(cause) = made
        && cause.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(failed(&shown, &cause));
    }
    let owner = fs::symlink_metadata(&folder).map_err(|cause| failed(&shown, &cause))?;
    if owner.is_dir() && owner.uid() == geteuid().as_raw() && owner.mode() & 0o777 == 0o700 {
        Ok(folder)
    } else {
        Err(Error::Failed(format!("{shown} belongs to somebody else")))
    }
}

/// Where orders come in.
const DESK: &str = "broker";

/// How long an order may take to be said.
const ORDER: Duration = Duration::from_secs(1);
