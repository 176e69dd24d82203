use std::time::Duration;

use tokio::time::sleep;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::{QUICK, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn disconnect_closes_for_good() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}&heartbeat=300ms")).await;
    visit.reaches(&["open"]).await;

    visit.press("Disconnect").await;

    visit.reaches(&["stopped"]).await;
    let all = server
        .until("the connection is closed", |all| all[0].ended.is_some())
        .await;
    assert_eq!(all[0].close_code, Some(1000));
    sleep(WINDOW).await;
    assert_eq!(server.connections().len(), 1);
    assert_eq!(visit.datum("state").await, "stopped");
    visit.press("Connect").await;
    visit.reaches(&["open", "reopened"]).await;
    assert_eq!(server.opened(), 2);
}

#[tokio::test]
async fn stop_during_the_wait_leaves_no_later_connection() {
    let mut server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&retry_min=500ms&retry_max=500ms")).await;
    visit.reaches(&["open"]).await;
    server.stop().await;

    visit.press("Stop").await;

    visit.reaches(&["stopped"]).await;
    server.resume();
    sleep(WINDOW).await;
    assert_eq!(server.connections().len(), 1);
    visit.press("Connect").await;
    server
        .until("a second connection", |_| server.opened() == 2)
        .await;
}

#[tokio::test]
async fn stop_while_connecting_leaves_no_later_connection() {
    let server = Server::start(Manner::Deaf);
    let visit = Visit::to(&format!("url={server}&{QUICK}&connect_timeout=2s")).await;
    server.until("an attempt", |all| !all.is_empty()).await;

    visit.press("Stop").await;

    visit.reaches(&["stopped"]).await;
    // More than one, where the machine takes longer to press than the first may take to connect.
    let attempts = server
        .until("each attempt is dropped", |all| {
            all.iter().all(|one| one.ended.is_some())
        })
        .await;
    server.behave(Manner::Echo);
    // Beyond the connect time-out, too.
    sleep(Duration::from_secs(2) + WINDOW).await;
    assert_eq!(server.connections().len(), attempts.len());
    assert_eq!(visit.datum("state").await, "stopped");
}

#[tokio::test]
async fn retry_false_leaves_a_lost_connection_lost() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}&retry=false")).await;
    visit.reaches(&["open"]).await;

    server.close(1012, "");

    server
        .until("the connection is closed", |all| all[0].ended.is_some())
        .await;
    sleep(WINDOW).await;
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_final_close_code_is_explained_and_not_retried() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}&lang=en")).await;
    visit.reaches(&["open"]).await;

    server.close(1008, "令牌已过期");

    visit.reaches(&["refusedFinal"]).await;
    let alert = visit.alert().await;
    for part in [
        "Closed by the server",
        "1008",
        "policy violation",
        "令牌已过期",
    ] {
        assert!(alert.contains(part), "{part} is missing: {alert}");
    }
    sleep(WINDOW).await;
    assert_eq!(server.connections().len(), 1);
    visit.press("Try again").await;
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn final_codes_can_be_chosen() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}&final_codes=4001")).await;
    visit.reaches(&["open"]).await;

    server.close(1008, "");
    server
        .until("a second connection", |_| server.opened() == 2)
        .await;
    visit.reaches(&["open", "reopened"]).await;
    server.close(4001, "");

    visit.reaches(&["refusedFinal"]).await;
}

#[tokio::test]
async fn the_page_gives_up_at_the_retry_limit() {
    let server = Server::start(Manner::Refuse);

    let visit = Visit::to(&format!("url={server}&{QUICK}&retry_limit=3&lang=en")).await;

    visit.reaches(&["gaveUp"]).await;
    assert_eq!(server.connections().len(), 1 + 3);
    let alert = visit.alert().await;
    assert!(alert.contains("Stopped retrying"), "{alert}");
    assert!(alert.contains("3 retries"), "{alert}");
    sleep(WINDOW).await;
    assert_eq!(server.connections().len(), 1 + 3);
    server.behave(Manner::Echo);
    visit.press("Try again").await;
    visit.reaches(&["open", "reopened"]).await;
}

#[tokio::test]
async fn leaving_the_page_closes_with_1000_or_1001() {
    leaving(Browser::Chromium).await;
}

#[tokio::test]
async fn leaving_the_page_closes_with_1000_or_1001_in_firefox() {
    leaving(Browser::Firefox).await;
}

async fn leaving(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    visit.session.client.goto("about:blank").await.unwrap();

    assert_left(&server).await;
}

#[tokio::test]
async fn closing_the_tab_closes_with_1000_or_1001() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let client = &visit.session.client;
    let tab = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(tab).await.unwrap();
    visit
        .go(&visit.site.address("127.0.0.1", &format!("url={server}")))
        .await;
    visit.reaches(&["open"]).await;

    client.close_window().await.unwrap();

    assert_left(&server).await;
}

#[tokio::test]
async fn coming_back_from_the_back_forward_cache_reconnects() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    visit
        .evaluate("addEventListener('pageshow', event => { window.cached = event.persisted; })")
        .await;
    let client = &visit.session.client;

    client.goto("about:blank").await.unwrap();
    assert_left(&server).await;
    client.back().await.unwrap();

    // A page that was loaded anew would know nothing of the listener.
    eventually("the page came from the cache", SOON, async || {
        visit
            .evaluate("return window.cached")
            .await
            .as_bool()
            .filter(|cached| *cached)
    })
    .await;
    server
        .until("a second connection", |_| server.opened() == 2)
        .await;
    visit.reaches(&["reopened"]).await;
    let status = visit.status().await;
    assert!(status.contains("The connection was down for"), "{status}");
    visit.types("b").await;
    visit.shows("ab").await;
    assert_eq!(server.alive(), 1);
}

async fn assert_left(server: &Server) {
    let all = server
        .until("the connection is closed", |all| all[0].ended.is_some())
        .await;
    assert!(
        matches!(all[0].close_code, Some(1000 | 1001)),
        "{:?}",
        all[0].close_code
    );
}

/// Four times the longest delay of these tests: a page that still retries has done so by then.
const WINDOW: Duration = Duration::from_secs(2);
