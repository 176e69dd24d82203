//! How long a keystroke takes.

use std::time::Duration;

use tokio::select;
use tokio::time::interval;
use tokio_tungstenite::tungstenite::Message;

use super::Subject;
use super::answer::{Answer, Target};
use super::field::{Clock, Field, number};
use super::grid::{Grid, Reading, Unit, quantile};
use crate::Error;
use crate::peers::Peer;
use crate::server::{Manner, Server};

/// Types into every page, at rest and while 1,000 messages a second arrive.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new("keystroke", "How long does a keystroke take?");
    let columns = [
        ("server50", "to the server, p50", Unit::Millis),
        ("server99", "p99", Unit::Millis),
        ("echo50", "its echo in the document, p50", Unit::Millis),
        ("echo99", "p99", Unit::Millis),
    ];
    let mut rest = Grid::new("A keystroke at rest", columns);
    let mut load = Grid::new("A keystroke while 1,000 messages a second arrive", columns);
    for (grid, is_loaded) in [(&mut rest, false), (&mut load, true)] {
        grid.fill(field.rounds(ROUNDS), LIMIT, async |subject| {
            measure(field, subject, is_loaded).await
        })
        .await;
        grid.settle("echo50");
    }
    let more = |what, grid| {
        let most = (Unit::Millis, 1.0);
        Target::more(what, grid, "echo99", Peer::Plain, most)
    };
    answer.targets = vec![
        more("a keystroke's echo at rest, p99, ms", &rest),
        more("a keystroke's echo under load, p99, ms", &load),
    ];
    answer.grids = vec![rest, load];
    answer.notes = vec![format!(
        "{KEYS} keystrokes a round, 10 to 16 ms apart, from when the page is told of one. The echo is \
         in the document when it is shown, or a later message is. The server is on this machine: what \
         is left is the browser and the page, and less than 0.4 ms between two of them is noise."
    )];
    Ok(answer)
}

async fn measure(field: &Field, subject: Subject, is_loaded: bool) -> Result<[Reading; 4], Error> {
    let server = Server::start(Manner::Echo)?;
    let page = field.open(subject, &server, "heartbeat=30s").await?;
    // What is compiled when it is first used.
    page.evaluate_async(&script(0, WARM_UP)).await?;
    let typed = script(WARM_UP, KEYS);
    let samples = if is_loaded {
        select! {
            samples = page.evaluate_async(&typed) => samples?,
            () = talk(&server) => unreachable!("it talks until the keystrokes are measured"),
        }
    } else {
        page.evaluate_async(&typed).await?
    };

    let clock = Clock::now();
    let connections = server.connections();
    let frames = connections.iter().flat_map(|one| &one.frames);
    let mut arrived = frames.filter(|frame| frame.text.starts_with('k'));
    let (mut to_server, mut to_document) = (Vec::new(), Vec::new());
    for sample in samples.as_array().into_iter().flatten() {
        let key = format!("k{}", sample[0]);
        let (typed, taken) = (number(&sample[1])?, number(&sample[2]));
        let taken = taken.map_err(|_| Error::Failed(format!("no echo of {key}")))?;
        let frame = arrived.find(|frame| frame.text == key);
        let frame = frame.ok_or_else(|| Error::Failed(format!("{key} did not arrive")))?;
        to_server.push(clock.millis(frame.at) - typed);
        to_document.push(taken);
    }
    let [server50, server99] = percentiles(to_server)?;
    let [echo50, echo99] = percentiles(to_document)?;
    if server50 < 0.0 || server50 > echo50 {
        let culprit = "the clocks of the page and of the server differ";
        return Err(Error::Failed(format!(
            "{culprit}: {server50:.2} ms to the server, {echo50:.2} ms to the document"
        )));
    }
    Ok([server50, server99, echo50, echo99].map(Reading::Figure))
}

fn percentiles(mut samples: Vec<f64>) -> Result<[f64; 2], Error> {
    samples.sort_by(f64::total_cmp);
    let quantiles = quantile(&samples, 0.5).zip(quantile(&samples, 0.99));
    let (p50, p99) = quantiles.ok_or_else(|| Error::Failed("no keystroke".to_owned()))?;
    Ok([p50, p99])
}

/// Sends a message each millisecond. Each names the last keystroke before it, so that a page that
/// shows it has shown that one's echo or what came later.
async fn talk(server: &Server) {
    let mut pace = interval(Duration::from_millis(1));
    let mut newest = 0;
    for number in 0.. {
        pace.tick().await;
        let text = server.last_text();
        let key = text.and_then(|text| text.strip_prefix('k')?.parse::<u32>().ok());
        newest = key.unwrap_or(newest);
        server.send([Message::text(format!("{number} after k{newest}"))]);
    }
}

/// Types keys with the numbers that follow `before`; returns for each when it was typed and how
/// long its echo took.
fn script(before: u32, keys: u32) -> String {
    format!(
        "const field = document.querySelector('#message');
        const {{ set }} = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
        const samples = [];
        let key = {before};
        let typed;
        let patience;
        const shown = () => Number(/(?:^| after )k(\\d+)$/.exec(
            document.querySelector('#received').textContent)?.[1] ?? -1);
        const note = (taken) => {{
            samples.push([key, performance.timeOrigin + typed, taken]);
            typed = undefined;
            clearTimeout(patience);
            if (key === {before} + {keys}) {{
                observer.disconnect();
                done(samples);
            }} else {{
                setTimeout(type, 10 + (key * 7) % 6);
            }}
        }};
        const observer = new MutationObserver(() => {{
            if (typed !== undefined && shown() >= key) note(performance.now() - typed);
        }});
        observer.observe(document.body, {{ characterData: true, childList: true, subtree: true }});
        const type = () => {{
            key += 1;
            patience = setTimeout(note, 2000, null);
            typed = performance.now();
            set.call(field, `k${{key}}`);
            field.dispatchEvent(new InputEvent('input', {{ bubbles: true }}));
        }};
        setTimeout(type, 10);"
    )
}

/// As many as there is time for; the p99 of a page is the median of its rounds'.
const ROUNDS: usize = 3;

/// One or two of them are above the p99 of a round.
const KEYS: u32 = 150;

const WARM_UP: u32 = 30;

/// For one page; it needs six seconds.
const LIMIT: Duration = Duration::from_mins(1);
