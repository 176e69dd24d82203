//! What a long message costs.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::Subject;
use super::answer::{Answer, Target};
use super::field::Field;
use super::flood::Work;
use super::grid::{Grid, Reading, Unit};
use crate::Error;
use crate::peers::Peer;
use crate::server::{Connection, Manner, Server};

/// Sends every page messages of 100 kB and of 1 MB, one after the other.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new("long", "What does a long message cost?");
    let mut grid = Grid::new(
        "A message of JSON in one line",
        [
            ("task100", "100 kB: main-thread work", Unit::Millis),
            ("layout100", "of it layout", Unit::Millis),
            ("task1000", "1 MB: main-thread work", Unit::Millis),
            ("layout1000", "of it layout", Unit::Millis),
        ],
    );
    grid.fill(field.rounds(ROUNDS), LIMIT, async |subject| {
        let figures = measure(field, subject).await?;
        Ok(figures.map(Reading::Figure))
    })
    .await;
    grid.settle("task1000");
    let target = |what, key| Target::ratio(what, &grid, key, Peer::Plain, 0.5);
    answer.targets = vec![
        target("a message of 100 kB, main-thread work", "task100"),
        target("a message of 1 MB, main-thread work", "task1000"),
    ];
    answer.grids = vec![grid];
    answer.notes = vec![format!(
        "A message, the mean of {MESSAGES}, one after the other, each until it is laid out. Heartwire's page shows a \
         beginning of 8 kB and says how long the message is: all of it can be copied, searched and \
         downloaded. The others show all of it."
    )];
    Ok(answer)
}

/// The work of the main thread for a message of 100 kB and how much of it was layout, and the same of 1 MB.
async fn measure(field: &Field, subject: Subject) -> Result<[f64; 4], Error> {
    let server = Server::start(Manner::Silent)?;
    let told = Server::start(Manner::Silent)?;
    let page = field.open(subject, &server, "heartbeat=30s").await?;
    page.session
        .devtools("Performance.enable", json!({}))
        .await?;
    let address = json!(told.to_string());
    page.evaluate_async(&format!("const address = {address};\n{WATCH}"))
        .await?;
    let mut message = 0;
    // What is compiled, and the fonts that are read, when the first text is shown.
    receive(&server, &told, message, 1_000).await?;
    let mut figures = [0.0; 4];
    for (figures, bytes) in figures.chunks_mut(2).zip([100_000, 1_000_000]) {
        let before = Work::measured(&page).await?;
        for _ in 0..MESSAGES {
            message += 1;
            receive(&server, &told, message, bytes).await?;
        }
        let after = Work::measured(&page).await?;
        figures[0] = after.task - before.task;
        figures[1] = after.layout - before.layout;
    }
    Ok(figures.map(|figure| figure / f64::from(MESSAGES)))
}

/// Sends a message, and waits until the page has told that it is laid out.
async fn receive(server: &Server, told: &Server, message: u32, bytes: usize) -> Result<(), Error> {
    server.send([Message::text(text(message, bytes))]);
    let number = message.to_string();
    let is_shown = |all: &[Connection]| {
        let mut frames = all.iter().flat_map(|one| &one.frames);
        frames.any(|frame| frame.text == number)
    };
    told.awaits(LIMIT, "the message is shown", is_shown)
        .await
        .map(drop)
}

/// JSON in one line, which its number begins.
fn text(message: u32, bytes: usize) -> String {
    const ITEM: &str = r#"{"id":17,"name":"Grüße","tags":["a","b"],"at":"2024-05-01T12:00:00Z"},"#;
    let begins = format!(r#"{{"message":{message},"items":["#);
    let items = ITEM.repeat((bytes - begins.len()) / ITEM.len());
    [&begins, items.trim_end_matches(','), "]}"].concat()
}

/// Tells over a connection of its own when a message is laid out: nothing is asked through `WebDriver`
/// meanwhile, and no frame is asked for that the page does not need. A look at the text when the document
/// changes takes less than a millisecond, however long that is.
const WATCH: &str = r#"
    const told = new WebSocket(address);
    told.onopen = done;
    let next = 0;
    const observer = new MutationObserver(() => {
        const begins = document.querySelector('#received').textContent.slice(0, 100).trimStart();
        if (!begins.startsWith(`{"message":${next},`)) return;
        const shown = String(next);
        next += 1;
        requestAnimationFrame(() => setTimeout(() => told.send(shown)));
    });
    observer.observe(document.body, { characterData: true, childList: true, subtree: true });"#;

/// Of each length, for one page, in each round.
const MESSAGES: u32 = 10;

const ROUNDS: usize = 3;

/// For one page; it needs ten seconds where it shows all of each message.
const LIMIT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_message_is_json_of_its_size() {
        for bytes in [1_000, 100_000, 1_000_000] {
            let text = text(3, bytes);

            assert!((bytes - 100..=bytes + 2).contains(&text.len()));
            assert!(text.starts_with(r#"{"message":3,"#));
            assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
