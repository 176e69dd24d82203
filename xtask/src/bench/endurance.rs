//! What stays behind of many connections and messages.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Message;

use super::Subject;
use super::answer::{Answer, Target};
use super::field::Field;
use super::grid::{Grid, Reading, Unit};
use crate::browser::Browser;
use crate::page::Page;
use crate::server::{Connection, Manner, Server};
use crate::usage::Use;
use crate::wait::{SOON, within};
use crate::{Error, console};

/// Sends to every page over one connection after the other, and compares what it uses before and
/// after.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new(
        "endurance",
        "What stays behind of many connections and messages?",
    );
    let mut grid = Grid::new(
        "Growth over 100 reconnects and 100,000 messages",
        [
            ("heap", "JavaScript, bytes", Unit::Bytes),
            ("module", "WebAssembly, bytes", Unit::Bytes),
            ("nodes", "nodes", Unit::Count),
            ("listeners", "listeners", Unit::Count),
            ("functions", "functions", Unit::Count),
            ("sockets", "WebSockets", Unit::Count),
            ("timers", "timers", Unit::Count),
        ],
    )
    .without_ratios();
    console::say("  Endurance: every page, beside the others");
    let all =
        Subject::ALL.map(async |subject| (subject, within(LIMIT, measure(field, subject)).await));
    for (subject, measured) in futures_util::future::join_all(all).await {
        grid.note(subject, measured);
    }
    answer.targets = vec![Target::figure(
        "growth of the WebAssembly over 100 reconnects and 100,000 messages, bytes",
        grid.median("module", Subject::Heartwire),
        Unit::Bytes,
        PAGE,
    )];
    answer.grids.push(grid);
    answer.notes = vec![
        "After the collection of garbage, against the same after 10 reconnects and 10,000 messages. A \
         page that does not reconnect gets all messages over one connection. The long form for \
         Heartwire's page alone, 1,000 reconnects and 1,000,000 messages, is `cargo xtask soak endurance`."
            .to_owned(),
    ];
    Ok(answer)
}

async fn measure(field: &Field, subject: Subject) -> Result<[Reading; 7], Error> {
    // An echo of what is sent again would come behind the question, and a page that draws once a
    // frame would never show that.
    let server = Server::start(Manner::Silent)?;
    let page = Page::start(Browser::Chromium).await?;
    Use::prepare(&page.session).await?;
    field.open_in(&page, subject, &server, QUERY).await?;
    page.evaluate(ANSWERS).await?;
    bear(&server, subject, WARM_UP).await?;
    let before = Use::measured(&page.session).await?;
    bear(&server, subject, RECONNECTS).await?;
    let after = Use::measured(&page.session).await?;

    let growth = |figure: fn(&Use) -> u64| {
        let grown = i128::from(figure(&after)) - i128::from(figure(&before));
        let grown = i32::try_from(grown).expect("a page does not grow by gigabytes");
        Reading::Figure(grown.into())
    };
    Ok([
        growth(|one| one.heap),
        growth(|one| one.module),
        growth(|one| one.nodes),
        growth(|one| one.listeners),
        growth(|one| one.functions),
        growth(|one| one.sockets),
        growth(|one| one.timers),
    ])
}

/// Sends over one connection after the other. The page answers the last message of each, so that
/// nothing need be asked of the browser, which takes some memory of the page for each command.
async fn bear(server: &Server, subject: Subject, reconnects: usize) -> Result<(), Error> {
    for _ in 0..reconnects {
        let number = server.opened();
        let turn = server.heard();
        let texts = (1..MESSAGES).map(|n| format!("{number} of many, {n}"));
        let question = format!("{number}.{turn}?");
        server.send(texts.chain([question]).map(Message::text));
        let answer = format!("{number}.{turn}!");
        server
            .awaits(LIMIT, "the answer to the last message", |all| {
                let last = all.iter().rev().flat_map(|one| &one.frames);
                last.into_iter().any(|frame| frame.text == answer)
            })
            .await
            .map_err(|error| {
                let last = server.last_text().unwrap_or_default();
                let cause = format!("{error}, {answer}; connection {number} ends with {last}");
                Error::Failed(cause)
            })?;
        if !subject.reconnects() {
            continue;
        }
        server.close(1012, "");
        server
            .awaits(SOON, "a new connection", |all| {
                server.opened() > number && all.last().is_some_and(Connection::is_alive)
            })
            .await?;
    }
    Ok(())
}

/// Types an answer to each question that the page shows.
const ANSWERS: &str = "
    const field = document.querySelector('#message');
    const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
    let answered;
    const answer = () => {
        const text = document.querySelector('#received').textContent;
        if (text.endsWith('?') && text !== answered) {
            answered = text;
            set.call(field, text.replace('?', '!'));
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }
    };
    new MutationObserver(answer).observe(document.body,
        { characterData: true, childList: true, subtree: true });";

const RECONNECTS: usize = 100;

const WARM_UP: usize = 10;

/// Over each connection.
const MESSAGES: usize = 1000;

/// The memory of WebAssembly grows by whole pages: WebAssembly Core Specification, §4.2.8. One may have been
/// nearly full.
const PAGE: f64 = 65_536.0;

/// A heartbeat later than all of it, and a back-off that costs no time.
const QUERY: &str = "heartbeat=10m&retry_min=10ms&retry_max=10ms";

/// For all pages at the same time: what they use does not depend on how long it takes.
const LIMIT: Duration = Duration::from_mins(5);
