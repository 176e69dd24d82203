use std::fmt;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::server::{Manner, Server};
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
#[ignore = "takes 4 minutes: cargo xtask soak endurance"]
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
        let visit = measurable().await;
        visit.begins(&format!("url={server}&{QUICK}")).await;
        visit.reaches(&["open"]).await;

        visit.evaluate(ANSWERS).await;
        // What is allocated once, and the code that is compiled when it is hot.
        let warm = Self {
            reconnects: WARM_UP,
            ..self
        };
        warm.bear(&server).await;
        let before = Use::measured(&visit).await;
        let started = Instant::now();
        self.bear(&server).await;
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

    /// Sends and receives over one connection after the other. Nothing is asked through
    /// `WebDriver`, which takes some memory of the page for each command.
    async fn bear(self, server: &Server) {
        for _ in 0..self.reconnects {
            let number = server.opened();
            let texts = (1..=self.messages).map(|n| format!("{number} of many, {n}"));
            let question = format!("{number}?");
            server.send(texts.chain([question]).map(Message::text));
            let answer = format!("{number}!");
            server
                .until("the answer after the last message", |all| {
                    let last = all.last().unwrap();
                    last.frames.iter().any(|frame| frame.text == answer)
                })
                .await;

            server.close(1012, "");
            server
                .until(
                    "the answer, which has no receipt, over a new connection",
                    |all| {
                        let last = all.last().unwrap();
                        server.opened() == number + 1 && last.is_alive() && !last.frames.is_empty()
                    },
                )
                .await;
        }
    }
}

/// A visit whose memory can be [`Use::measured`]; the page is not open yet.
pub(super) async fn measurable() -> Visit {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    // trunk's start script gives the module's memory to whoever listens.
    let source = "addEventListener('TrunkApplicationStarted',
        event => { window.memory = event.detail.wasm.memory; });";
    let script = json!({ "source": source });
    visit
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    visit
}

/// Types an answer to each question that the page shows.
const ANSWERS: &str = "
    const field = document.querySelector('#message');
    const answer = () => {
        const text = document.querySelector('#received').textContent;
        if (text.endsWith('?')) {
            field.value = text.replace('?', '!');
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }
    };
    new MutationObserver(answer).observe(document.body,
        { characterData: true, childList: true, subtree: true });";

/// What the page uses after the collection of garbage.
#[derive(Clone, Copy)]
pub(super) struct Use {
    /// Bytes that the objects of `JavaScript` take.
    heap: u64,
    /// Bytes of the module's memory, which never shrinks.
    module: u64,
    /// Nodes of documents, attached or not.
    nodes: u64,
    listeners: u64,
    functions: u64,
    sockets: u64,
}

impl Use {
    pub(super) async fn measured(visit: &Visit) -> Self {
        // Both are kept for whoever might ask.
        for command in ["Log.clear", "Runtime.discardConsoleEntries"] {
            ask(visit, command, json!({})).await;
        }
        // The second collection takes what the first has let go.
        for _ in 0..2 {
            ask(visit, "HeapProfiler.collectGarbage", json!({})).await;
        }
        let heap = ask(visit, "Runtime.getHeapUsage", json!({})).await;
        let counters = ask(visit, "Memory.getDOMCounters", json!({})).await;
        let module = "return window.memory.buffer.byteLength";
        Self {
            heap: heap["usedSize"].as_u64().unwrap(),
            module: visit.evaluate(module).await.as_u64().unwrap(),
            nodes: counters["nodes"].as_u64().unwrap(),
            listeners: counters["jsEventListeners"].as_u64().unwrap(),
            functions: count(visit, "Function").await,
            sockets: count(visit, "WebSocket").await,
        }
    }

    pub(super) fn assert_flat(self, later: Self) {
        assert!(later.heap <= self.heap + HEAP_SLACK, "{later}");
        assert!(later.module <= self.module + MODULE_SLACK, "{later}");
        assert!(later.nodes <= self.nodes + SLACK, "{later}");
        assert!(later.listeners <= self.listeners + SLACK, "{later}");
        assert!(later.functions <= self.functions + SLACK, "{later}");
        assert!(later.sockets <= 2, "{later}");
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            heap,
            module,
            nodes,
            listeners,
            functions,
            sockets,
        } = self;
        write!(
            f,
            "{heap} bytes of JavaScript, {module} of the module; {nodes} nodes, \
             {listeners} listeners, {functions} functions, {sockets} WebSockets"
        )
    }
}

/// How many objects of this class there are.
async fn count(visit: &Visit, class: &str) -> u64 {
    let prototype = json!({ "expression": format!("{class}.prototype"), "objectGroup": GROUP });
    let prototype = ask(visit, "Runtime.evaluate", prototype).await;
    let id = &prototype["result"]["objectId"];
    let query = json!({ "prototypeObjectId": id, "objectGroup": GROUP });
    let all = ask(visit, "Runtime.queryObjects", query).await;
    let length = json!({
        "objectId": all["objects"]["objectId"],
        "functionDeclaration": "function() { return this.length; }",
        "returnByValue": true,
    });
    let length = ask(visit, "Runtime.callFunctionOn", length).await;
    // The list would keep them all.
    let group = json!({ "objectGroup": GROUP });
    ask(visit, "Runtime.releaseObjectGroup", group).await;
    length["result"]["value"].as_u64().unwrap()
}

async fn ask(visit: &Visit, command: &'static str, parameters: Value) -> Value {
    let answer = visit.session.devtools(command, parameters);
    answer.await.unwrap()
}

const GROUP: &str = "counted";

/// A back-off that costs a test no time.
const QUICK: &str = "retry_min=10ms&retry_max=10ms";

/// How many connections it takes until everything is allocated that stays.
const WARM_UP: u32 = 10;

/// What the heap may gain, with the code that a browser compiles late: less than 300 bytes a
/// reconnect of the long form.
const HEAP_SLACK: u64 = 256 << 10;

/// What the module may gain, when the largest burst of messages comes late: less than 27 bytes a message
/// of the short forms.
const MODULE_SLACK: u64 = 512 << 10;

/// How many objects of a class may come and stay: one in five reconnects of the short form would
/// be too many.
const SLACK: u64 = 10;
