//! What heartbeats cost the server.

use std::time::{Duration, Instant};

use tokio::time::{interval, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::Subject;
use super::answer::Answer;
use super::field::Field;
use super::grid::{Grid, Reading, Unit};
use crate::browser::Session;
use crate::page::Page;
use crate::server::{Manner, Server};
use crate::wait::{SOON, within};
use crate::{Error, console};

/// Counts the heartbeats of clients that do nothing, type, and are talked to, each visible and
/// hidden; all pages at the same time.
pub(super) async fn ask(field: &Field) -> Result<Answer, Error> {
    let mut answer = Answer::new("heartbeat", "What do heartbeats cost the server?");
    let titles = [
        ("idle", "idle", Unit::Count),
        ("idle_bytes", "idle, bytes", Unit::Bytes),
        ("typing", "typing", Unit::Count),
        ("talked", "talked to", Unit::Count),
        ("talked_bytes", "talked to, bytes", Unit::Bytes),
    ];
    let mut visible = Grid::new("Heartbeats an hour, visible", titles);
    let mut hidden = Grid::new("Heartbeats an hour, hidden", titles);
    console::say("  Heartbeats: every page, beside the others");
    let all = Subject::ALL.map(async |subject| {
        let measured = within(12 * WINDOW, measure(field, subject)).await;
        (subject, measured)
    });
    for (subject, measured) in futures_util::future::join_all(all).await {
        match measured {
            Ok([seen, unseen]) => {
                visible.note(subject, Ok(seen));
                hidden.note(subject, Ok(unseen));
            }
            Err(error) => {
                visible.note::<5>(subject, Err(error.clone()));
                hidden.note::<5>(subject, Err(error));
            }
        }
    }
    answer.grids = vec![visible, hidden];
    answer.notes = vec![format!(
        "Counted at the server over {WINDOW:?} each with a heartbeat of {HEARTBEAT:?}, and scaled to \
         an hour with the default of {DEFAULT:?}: {:.0} times as rare. To the server alone, with the \
         6 bytes of a client's frame around the text and nothing of TCP. Who types does so four times \
         a second, once where the page is hidden, and the server echoes; who is talked to gets a \
         message as often. Chromium throttles hidden pages here as it does for its users: their timers \
         expire on whole seconds, which makes a period of {HEARTBEAT:?} up to a third longer and one of \
         {DEFAULT:?} a thirtieth. What it does after some minutes is not in it; `cargo xtask soak hidden` \
         takes ten.",
        scale(),
    )];
    Ok(answer)
}

/// Takes one page through everything.
async fn measure(field: &Field, subject: Subject) -> Result<[[Reading; 5]; 2], Error> {
    let server = Server::start(Manner::Echo)?;
    let session = Session::start_throttled(&[]).await?;
    let page = Page { session };
    // What asks sooner for a proof, as the seed does after 5 s, is to be as much rarer by default.
    let [heartbeat, proof] = [HEARTBEAT, PROOF].map(|time| time.as_millis());
    let query = format!("heartbeat={heartbeat}ms&prove_within={proof}ms");
    field.open_in(&page, subject, &server, &query).await?;
    // A hidden page cannot be asked without being shown: it is told over a connection of its own.
    let control = Server::start(Manner::Silent)?;
    page.evaluate(&format!(
        "window.control = 'ws://127.0.0.1:{}';\n{OBEY}",
        control.port()
    ))
    .await?;
    control
        .awaits(SOON, "a connection", |_| control.alive() == 1)
        .await?;
    let visible = count_all(&server, &control).await;

    let failed = |cause| Error::Failed(format!("the page cannot be hidden: {cause}"));
    let client = &page.session.client;
    let other = client.new_window(true).await.map_err(failed)?.handle;
    client.switch_to_window(other).await.map_err(failed)?;
    let hidden = count_all(&server, &control).await;
    if server.opened() == 1 {
        Ok([visible, hidden])
    } else {
        Err(Error::Failed("the connection was replaced".to_owned()))
    }
}

async fn count_all(server: &Server, control: &Server) -> [Reading; 5] {
    let idle = count(server, sleep(WINDOW)).await;
    control.send([Message::text("type")]);
    let typing = count(server, sleep(WINDOW)).await;
    control.send([Message::text("rest")]);
    let talk = async {
        let mut pace = interval(SHORT);
        loop {
            pace.tick().await;
            server.send([Message::text("news")]);
        }
    };
    let talked = count(server, async {
        let _ = timeout(WINDOW, talk).await;
    })
    .await;
    [
        Reading::Figure(idle),
        Reading::Figure(idle * BYTES),
        Reading::Figure(typing),
        Reading::Figure(talked),
        Reading::Figure(talked * BYTES),
    ]
}

/// The heartbeats that come meanwhile, an hour with the default period.
async fn count(server: &Server, meanwhile: impl Future<Output = ()>) -> f64 {
    let started = Instant::now();
    meanwhile.await;
    let took = started.elapsed();
    let connections = server.connections();
    let frames = connections.iter().flat_map(|one| &one.frames);
    let beats = frames.filter(|frame| frame.text == TEXT && frame.at >= started);
    rate(&beats.map(|frame| frame.at).collect::<Vec<_>>(), took) * 3600.0 / scale()
}

/// How many of these there are a second. Between the first and the last, where there are several:
/// how they lie in the time is chance.
fn rate(beats: &[Instant], took: Duration) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).expect("a few"));
    match beats {
        [first, .., last] => number(beats.len() - 1) / (*last - *first).as_secs_f64(),
        _ => number(beats.len()) / took.as_secs_f64(),
    }
}

/// How many times rarer heartbeats are by default.
fn scale() -> f64 {
    DEFAULT.as_secs_f64() / HEARTBEAT.as_secs_f64()
}

/// Types while it is told to. In a hidden page that is once a second.
const OBEY: &str = "
    const field = document.querySelector('#message');
    const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
    let typed = 0;
    let typing;
    const type = () => {
        typed += 1;
        set.call(field, `key ${typed}`);
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    };
    window.control = new WebSocket(window.control);
    window.control.onmessage = (event) => {
        clearInterval(typing);
        if (event.data === 'type') typing = setInterval(type, 250);
    };";

const TEXT: &str = "heartbeat";

/// Of one heartbeat: two of the head, four of the mask (RFC 6455 §5.2), the text.
const BYTES: f64 = 15.0;

/// The period by default.
const DEFAULT: Duration = Duration::from_secs(30);

/// The period that is measured with. A hidden page's timers expire once a second at most.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Of the crate's default, what [`HEARTBEAT`] is of the default period.
const PROOF: Duration = Duration::from_millis(500);

/// From one message to the next, where there are some: well within the period.
const SHORT: Duration = Duration::from_millis(250);

/// Of each count.
const WINDOW: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_does_not_depend_on_where_the_first_one_lies() {
        let start = Instant::now();
        let beats = |seconds: &[u64]| {
            let at = seconds.iter().map(|at| start + Duration::from_secs(*at));
            at.collect::<Vec<_>>()
        };
        let rate = |seconds| format!("{:.3}", rate(&beats(seconds), WINDOW));

        assert_eq!(rate(&[0, 3, 6, 9, 12]), "0.333");
        assert_eq!(rate(&[2, 5, 8, 11]), "0.333");
        assert_eq!(rate(&[1]), "0.067");
        assert_eq!(rate(&[]), "0.000");
    }
}
