//! What a page uses: memory, objects, timers.

use std::fmt;

use serde_json::{Value, json};

use crate::Error;
use crate::browser::Session;

/// What a page in Chromium uses after the collection of garbage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Use {
    /// Bytes that the objects of `JavaScript` take.
    pub heap: u64,
    /// Bytes of the memory of the page's WebAssembly, which never shrinks; none if it has none.
    pub module: u64,
    /// Nodes of documents, attached or not.
    pub nodes: u64,
    /// Listeners of events.
    pub listeners: u64,
    /// Functions of `JavaScript`.
    pub functions: u64,
    /// WebSockets that somebody still holds.
    pub sockets: u64,
    /// Timers that will still expire.
    pub timers: u64,
}

impl Use {
    /// Lets every page that is opened from now on be [`Use::measured`].
    ///
    /// # Errors
    ///
    /// If the browser refuses.
    pub async fn prepare(session: &Session) -> Result<(), Error> {
        hold_memory(session).await?;
        session.run_first(COUNT_TIMERS).await
    }

    /// Measures the page that is open, once it has drawn what happened.
    ///
    /// # Errors
    ///
    /// If the browser does not answer, or [`Use::prepare`] did not come first.
    pub async fn measured(session: &Session) -> Result<Self, Error> {
        let settled = json!({ "expression": SETTLED, "awaitPromise": true });
        session.devtools("Runtime.evaluate", settled).await?;
        // Both are kept for whoever might ask.
        for command in ["Log.clear", "Runtime.discardConsoleEntries"] {
            session.devtools(command, json!({})).await?;
        }
        // The second collection takes what the first has let go.
        for _ in 0..2 {
            session
                .devtools("HeapProfiler.collectGarbage", json!({}))
                .await?;
        }
        let heap = session.devtools("Runtime.getHeapUsage", json!({})).await?;
        let counters = session.devtools("Memory.getDOMCounters", json!({})).await?;
        let watched = json!({
            "expression": format!("[{MODULE}, timers.size]"),
            "returnByValue": true,
        });
        let watched = session.devtools("Runtime.evaluate", watched).await?;
        let watched = &watched["result"]["value"];
        Ok(Self {
            heap: number(&heap["usedSize"])?,
            module: number(&watched[0])?,
            nodes: number(&counters["nodes"])?,
            listeners: number(&counters["jsEventListeners"])?,
            functions: count(session, "Function").await?,
            sockets: count(session, "WebSocket").await?,
            timers: number(&watched[1])?,
        })
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
            timers,
        } = self;
        write!(
            f,
            "{heap} bytes of JavaScript, {module} of the module; {nodes} nodes, {listeners} \
             listeners, {functions} functions, {sockets} WebSockets, {timers} timers"
        )
    }
}

/// Heartwire draws the rest in a frame after 100 ms without a key. A timer that is longer expires later,
/// and the second frame after that has seen the page's own.
const SETTLED: &str = "new Promise(done => setTimeout(
    () => requestAnimationFrame(() => requestAnimationFrame(done)), 150))";

/// Lets every page that is opened from now on give the memory of its WebAssembly to [`heap`].
///
/// # Errors
///
/// If the browser refuses.
pub(crate) async fn hold_memory(session: &Session) -> Result<(), Error> {
    session.run_first(HOLD_MEMORY).await
}

/// The bytes that JavaScript takes after the collection of garbage, and WebAssembly.
///
/// # Errors
///
/// If the browser does not answer, or [`hold_memory`] did not come first.
pub(crate) async fn heap(session: &Session) -> Result<f64, Error> {
    for _ in 0..2 {
        session
            .devtools("HeapProfiler.collectGarbage", json!({}))
            .await?;
    }
    let heap = session.devtools("Runtime.getHeapUsage", json!({})).await?;
    let module = json!({ "expression": MODULE, "returnByValue": true });
    let module = session.devtools("Runtime.evaluate", module).await?;
    let sizes = [&heap["usedSize"], &module["result"]["value"]].map(Value::as_f64);
    let [Some(heap), Some(module)] = sizes else {
        return Err(Error::Failed(
            "the browser does not tell the memory".to_owned(),
        ));
    };
    Ok(heap + module)
}

/// How many objects of this class there are.
async fn count(session: &Session, class: &str) -> Result<u64, Error> {
    let prototype = json!({ "expression": format!("{class}.prototype"), "objectGroup": GROUP });
    let prototype = session.devtools("Runtime.evaluate", prototype).await?;
    let id = &prototype["result"]["objectId"];
    let query = json!({ "prototypeObjectId": id, "objectGroup": GROUP });
    let all = session.devtools("Runtime.queryObjects", query).await?;
    let length = json!({
        "objectId": all["objects"]["objectId"],
        "functionDeclaration": "function() { return this.length; }",
        "returnByValue": true,
    });
    let length = session.devtools("Runtime.callFunctionOn", length).await?;
    // The list would keep them all.
    let group = json!({ "objectGroup": GROUP });
    session
        .devtools("Runtime.releaseObjectGroup", group)
        .await?;
    number(&length["result"]["value"])
}

fn number(value: &Value) -> Result<u64, Error> {
    value
        .as_u64()
        .ok_or_else(|| Error::Failed(format!("the browser counts {value}")))
}

const GROUP: &str = "counted";

const MODULE: &str = "(memory ? memory.buffer.byteLength : 0)";

/// Holds the memory of the page's WebAssembly, however that is started.
const HOLD_MEMORY: &str = "
    window.memory = undefined;
    // Whatever name it is exported by.
    const note = (instance) => {
        const exported = Object.values(instance.exports);
        window.memory ??= exported.find((one) => one instanceof WebAssembly.Memory);
    };
    for (const way of ['instantiate', 'instantiateStreaming']) {
        const original = WebAssembly[way];
        WebAssembly[way] = async (...all) => {
            const made = await original.apply(WebAssembly, all);
            note(made.instance ?? made);
            return made;
        };
    }
    WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
        construct(target, all) {
            const instance = new target(...all);
            note(instance);
            return instance;
        },
    });";

/// Holds the timers that run.
const COUNT_TIMERS: &str = "
    window.timers = new Set();
    const { setTimeout, setInterval, clearTimeout, clearInterval } = window;
    window.setTimeout = (does, ...rest) => {
        const id = setTimeout((...all) => {
            timers.delete(id);
            if (typeof does === 'function') does(...all);
        }, ...rest);
        timers.add(id);
        return id;
    };
    window.setInterval = (...all) => {
        const id = setInterval(...all);
        timers.add(id);
        return id;
    };
    for (const [name, original] of Object.entries({ clearTimeout, clearInterval })) {
        window[name] = (id) => {
            timers.delete(id);
            original(id);
        };
    }";
