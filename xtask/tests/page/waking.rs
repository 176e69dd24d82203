use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::proxy::Proxy;
use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn a_page_that_becomes_visible_asks_once_and_keeps_a_healthy_connection() {
    visible_and_healthy(Browser::Chromium).await;
}

#[tokio::test]
async fn a_page_that_becomes_visible_asks_once_and_keeps_a_healthy_connection_in_firefox() {
    visible_and_healthy(Browser::Firefox).await;
}

async fn visible_and_healthy(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}&{QUIET}")).await;
    visit.reaches(&["open"]).await;

    let away = visit.leaves().await;
    visit.returns(away).await;

    asked(&visit, &server, 1).await;
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_page_that_becomes_visible_replaces_a_dead_connection() {
    visible_and_dead(Browser::Chromium).await;
}

#[tokio::test]
async fn a_page_that_becomes_visible_replaces_a_dead_connection_in_firefox() {
    visible_and_dead(Browser::Firefox).await;
}

async fn visible_and_dead(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::with(browser, &[], &format!("url={proxy}&{QUIET}")).await;
    visit.reaches(&["open"]).await;

    let away = visit.leaves().await;
    proxy.black_hole();
    let visible = Instant::now();
    visit.returns(away).await;

    assert_replaced(&proxy, visible).await;
    visit.reaches(&["open", "reopened"]).await;
    // What was held back tells what was tried: a heartbeat, and one more before the end.
    proxy.pass();
    let all = server
        .until("the old connection has ended", |all| all[0].ended.is_some())
        .await;
    let tried: Vec<_> = all[0].frames.iter().map(|frame| &frame.text).collect();
    assert_eq!(tried, ["heartbeat", "heartbeat"]);
    assert_eq!(proxy.passages().len(), 2);
}

#[tokio::test]
async fn a_network_that_returns_and_a_page_that_resumes_ask_once_each() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUIET}")).await;
    visit.reaches(&["open"]).await;

    for (count, event) in [
        (1, "dispatchEvent(new Event('online'))"),
        (2, "document.dispatchEvent(new Event('resume'))"),
    ] {
        visit.evaluate(event).await;
        asked(&visit, &server, count).await;
    }
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_network_that_returns_without_the_connection_replaces_it() {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::to(&format!("url={proxy}&{QUIET}")).await;
    visit.reaches(&["open"]).await;

    proxy.black_hole();
    let online = Instant::now();
    visit.evaluate("dispatchEvent(new Event('online'))").await;

    assert_replaced(&proxy, online).await;
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn a_page_that_was_frozen_has_one_connection_afterwards() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUIET}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    let freeze = async |state| {
        let state = json!({ "state": state });
        visit.devtools("Page.setWebLifecycleState", state).await;
    };

    freeze("frozen").await;
    server
        .until("the connection is closed", |all| all[0].ended.is_some())
        .await;
    freeze("active").await;

    server
        .until("a second connection", |_| server.opened() == 2)
        .await;
    // The command leaves the page hidden, and what nobody sees is not drawn.
    let away = visit.leaves().await;
    visit.returns(away).await;
    visit.reaches(&["reopened"]).await;
    let status = visit.status().await;
    assert!(status.contains("The connection was down for"), "{status}");
    visit.types("b").await;
    visit.shows("ab").await;
    assert_eq!((server.alive(), server.connections().len()), (1, 2));
}

#[tokio::test]
async fn a_browser_that_stood_still_keeps_a_healthy_connection() {
    stopped_and_healthy(Browser::Chromium, STOP).await;
}

#[tokio::test]
async fn a_browser_that_stood_still_keeps_a_healthy_connection_in_firefox() {
    stopped_and_healthy(Browser::Firefox, STOP).await;
}

#[tokio::test]
async fn a_browser_that_stood_still_replaces_a_dead_connection() {
    stopped_and_dead(Browser::Chromium, STOP).await;
}

#[tokio::test]
async fn a_browser_that_stood_still_replaces_a_dead_connection_in_firefox() {
    stopped_and_dead(Browser::Firefox, STOP).await;
}

#[tokio::test]
#[ignore = "takes 6 minutes: cargo xtask soak waking"]
async fn browsers_that_stood_still_for_90_s() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let stop = Duration::from_secs(90);
        let kept = stopped_and_healthy(browser, stop).await;
        println!("{browser}, server alive: 1 connection, up to date {kept:?} after the stop");
        let replaced = stopped_and_dead(browser, stop).await;
        println!("{browser}, connection dead: another one {replaced:?} after the stop");
    }
}

/// A reply that came while the browser stood still counts, however late it is read.
async fn stopped_and_healthy(browser: Browser, stop: Duration) -> Duration {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    proxy.delay(Duration::from_millis(400));
    let visit = Visit::with(browser, &[], &format!("url={proxy}&{BUSY}")).await;
    visit.awaits("rtt", |time| !time.is_empty()).await;
    let beats = server.texts().len();
    server
        .until("a heartbeat", |all| all[0].frames.len() > beats)
        .await;

    // Its reply is on the way.
    let pause = visit.session.pause().await.unwrap();
    sleep(stop / 2).await;
    server.send([Message::text("meanwhile")]);
    sleep(stop / 2).await;
    let woken = Instant::now();
    drop(pause);

    visit.shows("meanwhile").await;
    let taken = woken.elapsed();
    let beats = server.texts().len();
    server
        .until("four heartbeats more", |all| {
            all[0].frames.len() >= beats + 4
        })
        .await;
    assert_eq!(proxy.passages().len(), 1);
    visit.reaches(&["open"]).await;
    taken
}

async fn stopped_and_dead(browser: Browser, stop: Duration) -> Duration {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::with(browser, &[], &format!("url={proxy}&{BUSY}")).await;
    visit.awaits("rtt", |time| !time.is_empty()).await;

    let pause = visit.session.pause().await.unwrap();
    proxy.black_hole();
    sleep(stop).await;
    assert_eq!(proxy.passages().len(), 1);
    let woken = Instant::now();
    drop(pause);

    let taken = assert_replaced(&proxy, woken).await;
    visit.reaches(&["open", "reopened"]).await;
    assert_eq!(proxy.passages().len(), 2);
    taken
}

/// Waits until the server was asked for the `count`th time and the reply is there; nothing else
/// was said.
async fn asked(visit: &Visit, server: &Server, count: usize) {
    server
        .until("a heartbeat", |_| server.texts().len() >= count)
        .await;
    eventually("the reply has come", SOON, async || {
        (visit.datum("state").await == "open" && !visit.datum("rtt").await.is_empty()).then_some(())
    })
    .await;
    sleep(WINDOW).await;
    assert_eq!(server.texts(), vec!["heartbeat"; count]);
}

/// Waits for the second connection, which must come in time.
async fn assert_replaced(proxy: &Proxy, since: Instant) -> Duration {
    let all = proxy.until("a second connection", |all| all.len() == 2);
    let taken = all.await[1].accepted - since;
    assert!(taken <= REPLACED, "{taken:?}");
    taken
}

/// A page that says nothing by itself, and waits 2 s for a reply.
const QUIET: &str = "heartbeat=10m&reply_timeout=2s&retry_min=10ms&retry_max=10ms";

/// A page whose timers are due all the time.
const BUSY: &str = "heartbeat=1s&reply_timeout=2s&retry_min=10ms&retry_max=10ms";

/// The reply time-out, the delay, and the second that the design allows for the rest.
const REPLACED: Duration = Duration::from_millis(2000 + 10 + 1000);

/// How long the short forms let a browser stand still: more than twice the reply time-out.
const STOP: Duration = Duration::from_secs(5);

/// A page that asks twice has done so by then.
const WINDOW: Duration = Duration::from_secs(1);
