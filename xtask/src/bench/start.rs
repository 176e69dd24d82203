//! How long a page takes to start.

use std::time::Duration;

use serde_json::json;

use super::Subject;
use super::answer::{Answer, Target};
use super::field::{Field, number};
use super::grid::{Grid, Reading, Unit};
use crate::Error;
use crate::browser::Browser;
use crate::host::Host;
use crate::page::Page;
use crate::peers::Peer;
use crate::server::{Manner, Server};

/// Opens every page with nothing in any cache: over a slow link on a slow phone, and as fast as
/// this machine is.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new("start", "How soon can a page be used?");
    let columns = [
        ("input", "input usable", Unit::Millis),
        ("open", "socket open", Unit::Millis),
    ];
    let mut slow = Grid::new(SLOW, columns);
    let mut fast = Grid::new(FAST, columns);
    for (grid, is_slow) in [(&mut slow, true), (&mut fast, false)] {
        grid.fill(field.rounds(ROUNDS), LIMIT, async |subject| {
            measure(field, subject, is_slow).await
        })
        .await;
        grid.settle("open");
    }

    answer.targets = vec![
        Target::ratio("socket open, slow link", &slow, "open", Peer::Vue2, 0.7),
        Target::ratio("input usable, slow link", &slow, "input", Peer::Vue2, 1.1),
    ];
    answer.grids = vec![slow, fast];
    answer.notes = vec![
        "From the start of the navigation. The input is usable when it is in the document, enabled, \
         and somebody listens to it."
            .to_owned(),
        "The slow link has 1.6 Mbit/s down, 750 kbit/s up and 150 ms, for each file and for the \
         WebSocket's handshake. Everything comes from one origin: a page that \
         loads its library from another host waits longer than here."
            .to_owned(),
    ];
    Ok(answer)
}

/// Opens the page in a fresh browser, and reads what it noted of its own start.
async fn measure(field: &Field, subject: Subject, is_slow: bool) -> Result<[Reading; 2], Error> {
    let server = Server::start(Manner::Echo)?;
    // An address of its own, at which nothing is in any cache.
    let host = Host::start(field.content(subject)).await?;
    let page = Page::start(Browser::Chromium).await?;
    page.session.run_first(WATCH).await?;
    // The process that the page will have: what is set for an empty one ends with that one.
    page.go(&host.frames(0, "")).await?;
    if is_slow {
        page.session.devtools("Network.enable", json!({})).await?;
        // Bytes a second.
        let link = json!({
            "offline": false,
            "latency": 150,
            "downloadThroughput": 1_600_000 / 8,
            "uploadThroughput": 750_000 / 8,
        });
        page.session
            .devtools("Network.emulateNetworkConditions", link)
            .await?;
        page.session
            .devtools("Emulation.setCPUThrottlingRate", json!({ "rate": 4 }))
            .await?;
    }
    page.go(&host.address(&format!("url={server}"))).await?;
    let started = page.evaluate_async(STARTED).await?;
    Ok([
        number(&started["input"])?.into(),
        number(&started["open"])?.into(),
    ])
}

/// Notes when the first WebSocket is open, and when somebody listens to the input.
const WATCH: &str = "
    window.started = {};
    const heard = [];
    const look = () => {
        if ('input' in started) return;
        const field = document.querySelector('#message');
        const listens = (one) => !one.contains || one.contains(field);
        if (field && !field.disabled && heard.some(listens)) started.input = performance.now();
    };
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
        add.call(this, type, ...rest);
        if (type !== 'input') return;
        heard.push(this ?? window);
        look();
    };
    const property = Object.getOwnPropertyDescriptor(HTMLElement.prototype, 'oninput');
    Object.defineProperty(HTMLElement.prototype, 'oninput', {
        ...property,
        set(does) {
            property.set.call(this, does);
            heard.push(this);
            look();
        },
    });
    new MutationObserver(look).observe(document,
        { attributeFilter: ['disabled'], childList: true, subtree: true });
    window.WebSocket = new Proxy(WebSocket, {
        construct(target, all) {
            const socket = new target(...all);
            add.call(socket, 'open', () => { started.open ??= performance.now(); });
            return socket;
        },
    });";

/// Waits until both are noted.
const STARTED: &str = "
    const look = () => {
        if ('input' in started && 'open' in started) done(started);
        else setTimeout(look, 20);
    };
    look();";

/// As many as make a median; each takes every page twice.
const ROUNDS: usize = 5;

/// For one page; it needs three seconds.
const LIMIT: Duration = Duration::from_secs(40);

/// The titles of the grids.
pub(super) const SLOW: &str = "Start over a slow link on a CPU slowed down by four, nothing cached";
const FAST: &str = "Start on this machine, nothing cached";
