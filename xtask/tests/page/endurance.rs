use std::fmt;
use std::time::Instant;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::server::{Connection, Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn memory_stays_flat_over_50_reconnects_and_20_000_messages() {
    let load = Load {
        reconnects: 50,
        messages: 400,
    };
    load.assert_flat().await;
}

#[tokio::test]
#[ignore = "takes 8 minutes: cargo xtask soak endurance"]
async fn memory_stays_flat_over_1_000_reconnects_and_1_000_000_messages() {
    let load = Load {
        reconnects: 1000,
        messages: 1000,
    };
    load.assert_flat().await;
}

/// Connections, and messages over each.
#[derive(Clone, Copy)]
struct Load {
    reconnects: u32,
    messages: u32,
}

impl Load {
    async fn assert_flat(self) {
        let server = Server::start(Manner::Echo);
        let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
        // trunk's start script gives the module's memory to whoever listens.
        let source = "addEventListener('TrunkApplicationStarted',
            event => { window.memory = event.detail.wasm.memory; });";
        let script = json!({ "source": source });
        visit
            .devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
        visit.begins(&format!("url={server}&{QUICK}")).await;
        visit.reaches(&["open"]).await;

        // What is allocated once, and the code that is compiled when it is hot.
        let warm = Self {
            reconnects: WARM_UP,
            ..self
        };
        warm.bear(&visit, &server).await;
        let before = Use::measured(&visit).await;
        let started = Instant::now();
        self.bear(&visit, &server).await;
        let after = Use::measured(&visit).await;

        let Self {
            reconnects,
            messages,
        } = self;
        println!(
            "{reconnects} reconnects, {} messages in {:.0?}\n  before: {before}\n  after:  {after}",
            reconnects * messages,
            started.elapsed(),
        );
        assert_eq!(server.alive(), 1);
        before.assert_flat(after);
    }

    /// Sends and receives over one connection after the other.
    async fn bear(self, visit: &Visit, server: &Server) {
        for _ in 0..self.reconnects {
            let number = server.opened();
            let typed = format!("{number} typed");
            visit
                .evaluate(&format!(
                    "const field = document.querySelector('#message');
                     for (const text of ['{number}', '{number} ', '{typed}']) {{
                         field.value = text;
                         field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));
                     }}"
                ))
                .await;
            visit.shows(&typed).await;
            let texts = (1..=self.messages).map(|n| format!("{number} sent {n}"));
            server.send(texts.map(Message::text));
            visit
                .shows(&format!("{number} sent {}", self.messages))
                .await;

            server.close(1012, "");
            server
                .until("a new connection", |all| {
                    server.opened() == number + 1 && all.last().is_some_and(Connection::is_alive)
                })
                .await;
        }
    }
}

/// What the page uses after the collection of garbage.
#[derive(Clone, Copy)]
struct Use {
    /// Bytes that the objects of `JavaScript` take.
    heap: u64,
    /// Bytes of the module's memory, which never shrinks.
    module: u64,
    /// Nodes of the document.
    nodes: u64,
    listeners: u64,
}

impl Use {
    async fn measured(visit: &Visit) -> Self {
        // The second collection takes what the first has let go.
        for _ in 0..2 {
            visit
                .devtools("HeapProfiler.collectGarbage", json!({}))
                .await;
        }
        let ask = async |command| visit.session.devtools(command, json!({})).await.unwrap();
        let heap = ask("Runtime.getHeapUsage").await;
        let counters = ask("Memory.getDOMCounters").await;
        let module = "return window.memory.buffer.byteLength";
        Self {
            heap: heap["usedSize"].as_u64().unwrap(),
            module: visit.evaluate(module).await.as_u64().unwrap(),
            nodes: counters["nodes"].as_u64().unwrap(),
            listeners: counters["jsEventListeners"].as_u64().unwrap(),
        }
    }

    fn assert_flat(self, later: Self) {
        assert!(later.heap <= self.heap + HEAP_SLACK, "{later}");
        assert_eq!(later.module, self.module, "the module's memory has grown");
        assert!(later.nodes <= self.nodes + 10, "{later}");
        assert!(later.listeners <= self.listeners + 10, "{later}");
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            heap,
            module,
            nodes,
            listeners,
        } = self;
        write!(
            f,
            "{heap} bytes of JavaScript, {module} of the module, {nodes} nodes, \
             {listeners} listeners"
        )
    }
}

/// A back-off that costs a test no time.
const QUICK: &str = "retry_min=10ms&retry_max=10ms";

/// How many connections it takes until everything is allocated that stays.
const WARM_UP: u32 = 10;

/// What the heap may gain: less than 300 bytes a reconnect of the long form would be.
const HEAP_SLACK: u64 = 256 << 10;
