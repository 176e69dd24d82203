use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use xtask::browser::Browser;

use super::server::{Connection, Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

/// Full jitter takes every delay from zero to a ceiling that doubles, so a single delay says
/// little. Two facts hold for the whole: no delay is above its ceiling, and among the first twelve
/// one is above the fourth ceiling with its slack (that fails with a probability of 7e-10, the
/// product of limit / ceiling over the delays 5 to 12).
#[tokio::test]
async fn a_server_that_answers_503_is_retried_with_growing_delays() {
    delays_grow(Manner::Refuse).await;
}

/// Notices a back-off that starts over at each opening.
#[tokio::test]
async fn a_server_that_opens_and_closes_at_once_is_retried_with_growing_delays() {
    delays_grow(Manner::Dismiss(1013)).await;
}

async fn delays_grow(manner: Manner) {
    let first = Duration::from_millis(100);
    let limit = first * 8 + SLACK;
    let server = Server::start(manner);
    let query = format!("url={server}&retry_min=100ms&retry_max=10m");
    let visit = tries(&query, "100 * 2 ** (attempt - 1)").await;

    server
        .until("a delay longer than the fourth may be", |all| {
            let since = all
                .last()
                .map_or(Duration::ZERO, |one| one.reached.elapsed());
            since > limit || all.len() > 12
        })
        .await;

    let all = server.connections();
    assert!(
        all.len() <= 12,
        "the delays do not grow: {:?}",
        delays(&all)
    );
    assert_eq!(visit.evaluate("return late").await, json!([]));
}

/// Between one constant ceiling and zero, twelve delays spread over more than a quarter of the
/// range (they do not with a probability of 2e-6, 11 · 0.25^10 for eleven); without jitter they
/// differ by what an attempt takes.
#[tokio::test]
async fn delays_differ() {
    let server = Server::start(Manner::Dismiss(1013));
    let query = format!("url={server}&retry_min=800ms&retry_max=800ms");
    let visit = tries(&query, "800").await;

    server
        .until("thirteen attempts", |all| all.len() >= 13)
        .await;

    assert_eq!(visit.evaluate("return late").await, json!([]));
    let delays = visit.evaluate("return delays.slice(0, 12)").await;
    let delays: Vec<f64> = serde_json::from_value(delays).unwrap();
    let longest = delays.iter().copied().fold(0.0, f64::max);
    let shortest = delays.iter().copied().fold(longest, f64::min);
    assert!(longest > shortest + 800.0 / 4.0, "{delays:?}");
}

/// Connects, and has the page note the `delays` in milliseconds from the end of each attempt to the
/// next, and which of them were `late`: longer than the same page takes for a wait of `ceiling`
/// milliseconds, a script in which `attempt` is the number of the attempt that ended.
///
/// That wait is begun in the same moment, so whatever the machine adds to the one it adds to the other.
async fn tries(query: &str, ceiling: &str) -> Visit {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let note = format!(
        "window.delays = [];
        window.late = [];
        let ended;
        let attempts = 0;
        window.WebSocket = class extends WebSocket {{
            constructor(...given) {{
                super(...given);
                const attempt = ++attempts;
                if (ended) delays.push(performance.now() - ended);
                // Behind the listeners of the page, which sets its timer first.
                queueMicrotask(() => this.addEventListener('close', () => {{
                    ended = performance.now();
                    const judge = () => {{ if (attempts === attempt) late.push(attempt); }};
                    // The page counts in whole milliseconds.
                    setTimeout(judge, {ceiling} + 1);
                }}));
            }}
        }};"
    );
    visit.run_first(&note).await;
    let query = format!("{query}&autoconnect=false&lang=en");
    visit.begins(&query).await;
    visit.press("Connect").await;
    visit
}

#[tokio::test]
async fn the_back_off_starts_over_after_a_stable_connection() {
    let server = Server::start(Manner::Refuse);
    let query = "retry_min=50ms&retry_max=10m&stable_after=1s";
    let visit = Visit::to(&format!("url={server}&{query}")).await;
    server.until("five failures", |all| all.len() >= 5).await;
    server.behave(Manner::Echo);
    visit.reaches(&["open", "reopened"]).await;
    let attempts = "window.attempts = [];
        const section = document.querySelector('[data-state]');
        new MutationObserver(() => {
            if (section.dataset.state === 'waiting') window.attempts.push(section.dataset.attempt);
        }).observe(section, { attributes: true })";
    visit.evaluate(attempts).await;
    sleep(Duration::from_millis(1500)).await;

    server.close(1012, "");

    server
        .until("a new connection", |_| server.opened() == 2)
        .await;
    let attempts = visit.evaluate("return [...new Set(window.attempts)]").await;
    assert_eq!(attempts, json!(["1"]));
}

#[tokio::test]
async fn a_handshake_that_is_never_answered_is_given_up_after_connect_timeout() {
    let server = Server::start(Manner::Deaf);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    // As long as the time-out takes in the same page. The first attempt may begin before the page does.
    let note = "window.late = [];
        let attempts = 0;
        window.WebSocket = class extends WebSocket {
            constructor(...given) {
                super(...given);
                const attempt = ++attempts;
                const judge = () => { if (attempt > 1 && !this.isGivenUp) late.push(attempt); };
                // Behind the page, which sets its timer in the same task.
                queueMicrotask(() => setTimeout(judge, 1_001));
            }
            close(...given) {
                this.isGivenUp = true;
                super.close(...given);
            }
        };";
    visit.run_first(note).await;
    let query = format!("url={server}&connect_timeout=1s&retry_min=100ms&retry_max=200ms");
    visit.begins(&query).await;

    let given_up = |all: &[Connection]| all.len() >= 4 && all[2].ended.is_some();
    let all = server.until("a fourth attempt", given_up).await;

    for one in &all[..3] {
        let taken = one.ended.unwrap() - one.reached;
        assert!(taken + LAG >= Duration::from_secs(1), "{taken:?}");
    }
    assert_eq!(visit.evaluate("return late").await, json!([]));
    let open = all.iter().filter(|one| one.ended.is_none()).count();
    assert!(open <= 1, "{all:?}");
    server.behave(Manner::Echo);
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn a_slow_handshake_is_told_after_3_s() {
    let server = Server::start(Manner::Deaf);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["connecting"]).await;

    visit
        .reaches_within(Duration::from_secs(5), &["slow"])
        .await;

    assert_eq!(server.connections().len(), 1);
    visit.press("Stop").await;
    visit.reaches(&["stopped"]).await;
    server
        .until("the attempt is dropped", |all| all[0].ended.is_some())
        .await;
}

#[tokio::test]
async fn every_close_that_was_not_asked_for_is_followed_by_a_connection() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&retry_min=600ms&retry_max=600ms")).await;
    visit.reaches(&["open"]).await;

    for (n, code) in [1000, 1001, 1005, 1011, 1012, 4321].into_iter().enumerate() {
        server.close(code, "");
        server
            .until("a new connection", |_| server.opened() == n + 2)
            .await;
        visit.reaches(&["open", "reopened"]).await;
    }
    assert_eq!(server.alive(), 1);
}

#[tokio::test]
async fn the_wait_names_the_close_code() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}&lang=en")).await;
    visit.reaches(&["open"]).await;

    server.close(1012, "");

    visit.reaches(&["waiting"]).await;
    let status = visit.status().await;
    for part in ["Connection lost", "1012", "service restart"] {
        assert!(status.contains(part), "{part} is missing: {status}");
    }
    assert_eq!(visit.datum("attempt").await, "1");
}

#[tokio::test]
async fn retry_now_ends_a_long_wait() {
    let mut server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}")).await;
    visit.reaches(&["refused"]).await;
    server.resume();

    visit.evaluate(JUDGE_WAIT).await;
    visit.press("Retry now").await;

    assert_prompt(&visit).await;
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn the_online_event_ends_a_long_wait() {
    let mut server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}")).await;
    visit.reaches(&["refused"]).await;
    visit.offline(true).await;
    server.resume();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(server.connections().len(), 0);

    visit.evaluate(JUDGE_WAIT).await;
    visit.offline(false).await;
    // Where loopback is the only network, Chromium stays offline and the event is ours.
    visit
        .evaluate("navigator.onLine || dispatchEvent(new Event('online'))")
        .await;

    assert_prompt(&visit).await;
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn a_page_that_becomes_visible_ends_a_long_wait() {
    let mut server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}")).await;
    visit.reaches(&["refused"]).await;
    let changes = "window.changes = [];
        document.onvisibilitychange = () => window.changes.push(document.visibilityState)";
    visit.evaluate(changes).await;
    visit.evaluate(JUDGE_WAIT).await;
    let away = visit.leaves().await;
    server.resume();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(server.connections().len(), 0);

    visit.returns(away).await;

    assert_prompt(&visit).await;
    visit.reaches(&["open", "reopened"]).await;
    assert_eq!(
        visit.evaluate("return window.changes").await,
        json!(["hidden", "visible"])
    );
}

/// A wait that is ended early ends within 300 ms (design §4.6), as such a wait takes in the same page.
async fn assert_prompt(visit: &Visit) {
    let judged = eventually("the wait is judged", SOON, async || {
        let judged = visit.evaluate("return window.judged").await;
        (judged != json!([])).then_some(judged)
    })
    .await;
    assert_eq!(judged, json!([true]));
}

/// Notes for whatever ends a wait whether an attempt has come after 300 ms.
const JUDGE_WAIT: &str = "
    let attempts = 0;
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            attempts += 1;
        }
    };
    window.judged = [];
    const judge = () => {
        const before = attempts;
        // Begun behind what the page does about the same event.
        setTimeout(() => setTimeout(() => judged.push(attempts > before), 301));
    };
    addEventListener('click', judge, true);
    addEventListener('online', judge, true);
    document.addEventListener('visibilitychange', () => document.hidden || judge(), true);";

/// The times from the end of one attempt to the next.
fn delays(connections: &[Connection]) -> Vec<Duration> {
    connections
        .windows(2)
        .map(|pair| pair[1].reached.saturating_duration_since(pair[0].reached))
        .collect()
}

/// The longest delays there are: one shorter than such a test has a probability of 1e-4.
const PATIENT: &str = "retry_min=1440m&retry_max=1440m";

/// The page starts its time-out this long before the server notes the connection, at most.
const LAG: Duration = Duration::from_millis(250);

/// What an attempt may take by itself.
const SLACK: Duration = Duration::from_millis(500);
