//! A RabbitMQ cluster on this machine, behind a balancer, and what can happen to its nodes.

mod desk;
mod peer;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use self::desk::{Desk, answer, tell};
pub use self::peer::Peer;
use crate::leash::{Leash, Pause};
use crate::wait::eventually;
use crate::{Error, Interrupt, arguments, console, process, tools};

/// A RabbitMQ cluster of three nodes behind a balancer, for protocol=stomp
///
/// Installs RabbitMQ and HAProxy where they are missing, without letting the system start them, and
/// starts three nodes and a balancer on 127.0.0.1, with all their files in a temporary folder. Makes
/// the queues that the page is tried with, says when it is ready, and where. Ctrl-C ends all of it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The balancer's port on 127.0.0.1
    #[arg(long, default_value_t = PORT, value_parser = arguments::port)]
    port: u16,
    /// Of the cluster that runs: kills the node 1, 2 or 3, as a crash does
    #[arg(long, value_name = "NODE", value_parser = node)]
    kill: Option<usize>,
    /// Of the cluster that runs: has the node stand still
    #[arg(long, value_name = "NODE", value_parser = node)]
    hang: Option<usize>,
    /// Of the cluster that runs: has the node go on, or starts it again
    #[arg(long, value_name = "NODE", value_parser = node)]
    back: Option<usize>,
}

/// Reads the number of a node.
fn node(text: &str) -> Result<usize, String> {
    let number = text.parse().ok();
    let number = number.filter(|number| (1..=NODES).contains(number));
    number.ok_or_else(|| "not 1, 2 or 3".to_owned())
}

/// Runs `cargo xtask broker`.
///
/// # Errors
///
/// When an option cannot be read, RabbitMQ cannot be had or does not start, or no cluster runs.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let Arguments {
        port,
        kill,
        hang,
        back,
    } = arguments;
    let orders = [("kill", kill), ("hang", hang), ("back", back)];
    let orders = orders.map(|(order, node)| Some((order, node?)));
    if orders.iter().any(Option::is_some) {
        for (order, node) in orders.into_iter().flatten() {
            console::say(tell(&format!("{order} {node}")).await?);
        }
        return Ok(());
    }

    let desk = Desk::open()?;
    let started = Instant::now();
    interrupt.guard(tools::install_broker()).await?;
    console::say("starting three nodes of RabbitMQ, which takes about half a minute");
    let mut cluster = interrupt.guard(Cluster::start(port)).await?;
    let queues = [(QUEUE, "quorum"), (STREAM, "stream")];
    interrupt.guard(cluster.declare(&queues)).await?;
    console::say(format_args!(
        "\nready after {}\n\n    balancer  {}\n    nodes     {}\n    queue     {QUEUE}\n    \
         stream    {STREAM}\n    login     {LOGIN}, passcode {PASSCODE}\n    page      cargo xtask serve, and \
         then\n              http://127.0.0.1:3000/?{}\n\nCtrl-C ends all of it; `cargo xtask broker \
         --kill 1` and others do something to a node\n",
        console::time(started.elapsed()),
        cluster.url(),
        (1..=NODES)
            .map(|node| cluster.node_url(node))
            .collect::<Vec<_>>()
            .join(" "),
        cluster.query(QUEUE),
    ));
    loop {
        tokio::select! {
            _ = interrupt.received() => return Ok(()),
            order = desk.next() => {
                let (order, stream) = order?;
                tokio::select! {
                    _ = interrupt.received() => return Ok(()),
                    done = cluster.obey(&order) => answer(stream, done).await,
                }
            }
        }
    }
}

/// Three nodes of RabbitMQ that are one cluster, and a balancer before them. Everything ends as it is dropped.
pub struct Cluster {
    /// First of all, so that nothing writes into the folder as it goes.
    balancer: Option<Leash>,
    nodes: [Node; NODES],
    _epmd: Leash,
    port: u16,
    epmd_port: u16,
    folder: TempDir,
}

struct Node {
    /// From 1.
    number: usize,
    amqp_port: u16,
    dist_port: u16,
    port: u16,
    leash: Option<Leash>,
    pause: Option<Pause>,
}

impl Cluster {
    /// Starts the cluster behind a balancer on this port, and waits until all nodes are in it.
    ///
    /// # Errors
    ///
    /// When a program cannot be started, or is not there in time.
    #[expect(clippy::missing_panics_doc, reason = "the ports are counted here")]
    pub async fn start(port: u16) -> Result<Self, Error> {
        if !program("rabbitmq-server").is_file() {
            return Err(Error::Failed(format!(
                "there is no RabbitMQ in {}, where Debian's package rabbitmq-server has it",
                tools::RABBITMQ
            )));
        }
        let folder = tempfile::Builder::new()
            .prefix("heartwire-broker-")
            .tempdir()
            .map_err(|cause| failed("a temporary folder", &cause))?;
        let mut free = free_ports(2 + 3 * NODES)?.into_iter();
        let mut next = || free.next().expect("as many were asked for");
        let epmd_port = next();
        let nodes = [1, 2, 3].map(|number| Node {
            number,
            amqp_port: next(),
            dist_port: next(),
            port: next(),
            leash: None,
            pause: None,
        });
        if port != 0 && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
            return Err(Error::Failed(format!(
                "port {port} is in use: choose another one, as in `cargo xtask broker --port {}`",
                next()
            )));
        }
        let epmd = Leash::start_with(
            folder.path(),
            "epmd",
            ["-address", "127.0.0.1", "-port", &epmd_port.to_string()],
        );
        let mut cluster = Self {
            balancer: None,
            nodes,
            _epmd: epmd.map_err(|cause| failed("epmd", &cause))?,
            port: if port == 0 { next() } else { port },
            epmd_port,
            folder,
        };
        cluster.write_files()?;
        // A node that finds none would start one of its own, which outlives it.
        answers(cluster.epmd_port, "epmd").await?;
        for number in 1..=NODES {
            cluster.start_node(number)?;
        }
        let balancer = Leash::start(
            "haproxy",
            [
                "-db".as_ref(),
                "-f".as_ref(),
                cluster.folder.path().join("haproxy.cfg").as_os_str(),
            ],
        );
        cluster.balancer = Some(balancer.map_err(|cause| failed("HAProxy", &cause))?);
        for number in 1..=NODES {
            cluster.accepts(number).await?;
        }
        cluster
            .control(&["await_online_nodes", &NODES.to_string()])
            .await?;
        answers(cluster.port, "the balancer").await?;
        Ok(cluster)
    }

    /// Makes the login, and queues of these destinations and kinds. A queue that is made before all nodes are there
    /// has one member for ever.
    ///
    /// # Errors
    ///
    /// When RabbitMQ does not take them.
    pub async fn declare(&self, queues: &[(&str, &str)]) -> Result<(), Error> {
        let file = self.folder.path().join("definitions.json");
        let queues = queues.iter().map(|(destination, kind)| {
            serde_json::json!({
                "name": destination.rsplit('/').next(),
                "vhost": "/",
                "durable": true,
                "auto_delete": false,
                "arguments": { "x-queue-type": kind },
            })
        });
        let definitions = serde_json::json!({
            "vhosts": [{ "name": "/" }],
            "users": [{ "name": LOGIN, "password": PASSCODE, "tags": "" }],
            "permissions": [
                { "user": LOGIN, "vhost": "/", "configure": ".*", "write": ".*", "read": ".*" },
            ],
            "queues": queues.collect::<Vec<_>>(),
        });
        fs::write(&file, definitions.to_string())
            .map_err(|cause| failed(&file.display().to_string(), &cause))?;
        let file = file.to_string_lossy().into_owned();
        self.control(&["import_definitions", &file]).await.map(drop)
    }

    /// Where the balancer is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://localhost:{}/ws", self.port)
    }

    /// Where a node is, from 1.
    #[must_use]
    pub fn node_url(&self, number: usize) -> String {
        format!("ws://localhost:{}/ws", self.nodes[number - 1].port)
    }

    /// The page's settings for a destination.
    #[must_use]
    pub fn query(&self, destination: &str) -> String {
        let url = self.url();
        format!("protocol=stomp&url={url}&destination={destination}&login={LOGIN}")
    }

    /// Kills a node, as a crash does.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn kill(&mut self, number: usize) -> Result<(), Error> {
        let node = &mut self.nodes[number - 1];
        node.pause = None;
        let Some(mut leash) = node.leash.take() else {
            return Err(Error::Failed(format!("node {number} does not run")));
        };
        let killed = leash.kill().await;
        killed.map_err(|cause| failed(&format!("node {number}"), &cause))
    }

    /// Has a node stand still: its connections stay, and nothing comes from it.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn hang(&mut self, number: usize) -> Result<(), Error> {
        let node = &mut self.nodes[number - 1];
        let Some(leash) = &node.leash else {
            return Err(Error::Failed(format!("node {number} does not run")));
        };
        let pause = leash.pause().await;
        node.pause = Some(pause.map_err(|cause| failed(&format!("node {number}"), &cause))?);
        Ok(())
    }

    /// Has a node go on that stands still, or starts it again, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or is not there in time.
    pub async fn back(&mut self, number: usize) -> Result<(), Error> {
        let node = &mut self.nodes[number - 1];
        node.pause = None;
        if node.leash.is_none() {
            self.start_node(number)?;
        }
        self.accepts(number).await
    }

    /// Asks RabbitMQ's `rabbitmqctl` at the first node that runs.
    ///
    /// # Errors
    ///
    /// When it says no, or none runs.
    pub async fn control(&self, words: &[&str]) -> Result<String, Error> {
        let mut nodes = self.nodes.iter();
        let node = nodes
            .find(|node| node.leash.is_some() && node.pause.is_none())
            .ok_or_else(|| Error::Failed("no node runs".to_owned()))?;
        let mut control = Command::new(program("rabbitmqctl"));
        control
            .args(["--quiet", "--node", &node.name()])
            .args(words);
        control
            .envs(self.environment(node))
            .current_dir(self.folder.path());
        process::output(&mut control).await
    }

    /// Does what `kill 1` and its like say.
    async fn obey(&mut self, order: &str) -> Result<String, Error> {
        let (order, number) = order.split_once(' ').unwrap_or((order, ""));
        let number = number.parse().ok();
        let number = number.filter(|number| (1..=NODES).contains(number));
        let unknown = || Error::Failed(format!("{order} is no order"));
        let number = number.ok_or_else(unknown)?;
        match order {
            "kill" => self.kill(number).await?,
            "hang" => self.hang(number).await?,
            "back" => self.back(number).await?,
            _ => return Err(unknown()),
        }
        let done = match order {
            "kill" => "is killed",
            "hang" => "stands still",
            _ => "is back",
        };
        Ok(format!("node {number} {done}"))
    }

    fn write_files(&self) -> Result<(), Error> {
        let write = |name: &str, content: &str| {
            let path = self.folder.path().join(name);
            fs::write(&path, content).map_err(|cause| failed(&path.display().to_string(), &cause))
        };
        // What nodes and `rabbitmqctl` know each other by; nobody else on this machine may read it.
        write(COOKIE, &format!("{:x}", fastrand::u128(..)))?;
        restrict(&self.folder.path().join(COOKIE))?;
        write("plugins", "[rabbitmq_web_stomp].")?;
        for node in &self.nodes {
            let mut configuration = format!(
                "listeners.tcp.1 = 127.0.0.1:{}\n\
                 stomp.listeners.tcp = none\n\
                 web_stomp.tcp.ip = 127.0.0.1\n\
                 web_stomp.tcp.port = {}\n\
                 web_stomp.ws_opts.compress = false\n\
                 cluster_partition_handling = pause_minority\n\
                 cluster_formation.peer_discovery_backend = classic_config\n\
                 default_user = {LOGIN}\n\
                 default_pass = {PASSCODE}\n\
                 default_user_tags.administrator = false\n\
                 vm_memory_high_watermark.absolute = 1GB\n\
                 disk_free_limit.absolute = 50MB\n",
                node.amqp_port, node.port
            );
            for other in &self.nodes {
                let (number, name) = (other.number, other.name());
                let _ = writeln!(
                    configuration,
                    "cluster_formation.classic_config.nodes.{number} = {name}"
                );
            }
            write(&format!("{}.conf", node.number), &configuration)?;
        }
        let mut balancer = format!(
            "defaults\n  mode http\n  timeout connect 2s\n  timeout client 1m\n  timeout server 1m\n  \
             timeout tunnel 1h\n\
             listen stomp\n  bind 127.0.0.1:{}\n  balance leastconn\n  option httpchk\n  \
             http-check send meth GET uri /\n  http-check expect status 404\n  \
             default-server inter 500ms fall 2 rise 2 on-marked-down shutdown-sessions\n",
            self.port
        );
        for node in &self.nodes {
            let (number, port) = (node.number, node.port);
            let _ = writeln!(balancer, "  server node{number} 127.0.0.1:{port} check");
        }
        write("haproxy.cfg", &balancer)
    }

    fn start_node(&mut self, number: usize) -> Result<(), Error> {
        let environment = self.environment(&self.nodes[number - 1]);
        // The programs of Debian that change to another user are in another place.
        let mut line: Vec<_> = environment
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        line.push(program("rabbitmq-server").to_string_lossy().into_owned());
        let leash = Leash::start_with(self.folder.path(), "env", line);
        let leash = leash.map_err(|cause| failed(&format!("node {number}"), &cause))?;
        self.nodes[number - 1].leash = Some(leash);
        Ok(())
    }

    /// Waits until a node takes connections.
    async fn accepts(&self, number: usize) -> Result<(), Error> {
        let node = &self.nodes[number - 1];
        let there = answers(node.port, &format!("node {number}")).await;
        there.map_err(|error| {
            let log = self.folder.path().join(format!("log/{}.log", node.name()));
            let log = fs::read_to_string(log).unwrap_or_default();
            let last = log.lines().rev().find(|line| line.contains("[error]"));
            Error::Failed(format!("{error}. {}", last.unwrap_or_default()))
        })
    }

    /// What a program of RabbitMQ needs to know to keep to this folder and to loopback.
    fn environment(&self, node: &Node) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1}";
        vec![
            // Where the cookie is looked for.
            ("HOME", path("")),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            ("ERL_EPMD_PORT", self.epmd_port.to_string()),
            ("ERL_AFLAGS", "-start_epmd false".into()),
            // Else a shell stays before the node, and is killed in its place.
            ("RUNNING_UNDER_SYSTEMD", "true".into()),
            ("RABBITMQ_NODENAME", node.name()),
            ("RABBITMQ_DIST_PORT", node.dist_port.to_string()),
            // One core each.
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                format!("{loopback} +S 1:1"),
            ),
            ("RABBITMQ_CTL_ERL_ARGS", loopback.into()),
            (
                "RABBITMQ_CONFIG_FILE",
                path(&format!("{}.conf", node.number)),
            ),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("log")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", path("generated")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            // It is not there, so that nothing of the system's is read.
            ("RABBITMQ_CONF_ENV_FILE", path("none")),
        ]
    }
}

impl Node {
    /// The host's own name need not resolve.
    fn name(&self) -> String {
        format!("heartwire{}@localhost", self.number)
    }
}

/// Waits until somebody listens on a port.
async fn answers(port: u16, who: &str) -> Result<(), Error> {
    eventually(&format!("{who} takes connections"), START, async || {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        connected.is_ok().then_some(())
    })
    .await
}

/// Ports that nobody listens on, all of them others.
fn free_ports(count: usize) -> Result<Vec<u16>, Error> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners: Result<Vec<_>, _> = (0..count).map(|_| listen()).collect();
    let listeners = listeners.map_err(|cause| failed("a free port", &cause))?;
    let ports = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    ports
        .collect::<io::Result<_>>()
        .map_err(|cause| failed("a free port", &cause))
}

/// Lets nobody else read a file, nor write it.
fn restrict(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|cause| failed(&path.display().to_string(), &cause))
}

/// One of RabbitMQ's own programs.
fn program(name: &str) -> PathBuf {
    Path::new(tools::RABBITMQ).join(name)
}

fn failed(what: &str, cause: &io::Error) -> Error {
    Error::Failed(format!("{what}: {cause}"))
}

/// How many nodes there are: one of them may be missing.
pub const NODES: usize = 3;

/// The usual port of STOMP over WebSocket at RabbitMQ.
const PORT: u16 = 15674;

/// Who logs in.
pub const LOGIN: &str = "web";

/// How.
pub const PASSCODE: &str = "web";

/// A quorum queue.
pub const QUEUE: &str = "/amq/queue/heartwire";

/// A stream.
pub const STREAM: &str = "/amq/queue/heartwire-stream";

/// Where Erlang looks for the secret that nodes share.
const COOKIE: &str = ".erlang.cookie";

/// How long a node may take to start: 40 s on a busy machine of two cores.
const START: Duration = Duration::from_mins(3);
