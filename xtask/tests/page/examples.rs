//! The programs in the crate's `examples`, as somebody gets them who builds one.

use std::path::PathBuf;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::examples;

use super::policy::altered;
use super::proxy::Proxy;
use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn the_seed_outlives_a_server_that_is_killed_or_stands_still() {
    the_seed(Browser::Chromium).await;
}

#[tokio::test]
async fn the_seed_outlives_a_server_that_is_killed_or_stands_still_in_firefox() {
    the_seed(Browser::Firefox).await;
}

async fn the_seed(browser: Browser) {
    let mut server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::elsewhere(browser, &redirected("seed", browser, &proxy.to_string())).await;
    let address = visit.site.address("127.0.0.1", "");
    visit.session.client.goto(&address).await.unwrap();
    says(&visit, "[role=status]", "Connected").await;

    types(&visit, "hé你").await;
    server.receives(&["h", "hé", "hé你"]).await;
    says(&visit, "output", "hé你").await;

    // It has answered a heartbeat before it stands still.
    server
        .until("a heartbeat", |_| {
            server.texts().contains(&"heartbeat".to_owned())
        })
        .await;
    // Behind the answer.
    server.send([Message::text("answered")]);
    says(&visit, "output", "answered").await;
    proxy.black_hole();
    types(&visit, "!").await;
    proxy
        .until("another connection", |all| all.len() >= 2)
        .await;
    proxy.pass();
    says(&visit, "[role=status]", "Connected").await;
    says(&visit, "output", "hé你!").await;

    server.stop().await;
    says(
        &visit,
        "[role=status]",
        "Connection lost. It is tried again.",
    )
    .await;
    types(&visit, "?").await;
    server.resume();
    says(&visit, "[role=status]", "Connected").await;
    says(&visit, "output", "hé你!?").await;

    let left = visit
        .evaluate("return [localStorage.length, sessionStorage.length, document.title]")
        .await;
    assert_eq!(left, json!([0, 0, "Seed"]));
}

#[tokio::test]
async fn two_components_share_a_connection_and_each_message_gets_its_tick() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::start(Manner::Echo);
        let folder = redirected("shared", browser, &server.to_string());
        let visit = Visit::elsewhere(browser, &folder).await;
        let address = visit.site.address("127.0.0.1", "");
        visit.session.client.goto(&address).await.unwrap();
        says(&visit, "[role=status]", "Connected").await;

        types(&visit, &("one".to_owned() + &Key::Enter)).await;
        says(&visit, "li", "one ✓").await;
        server.stop().await;
        says(&visit, "[role=status]", "Not connected").await;
        types(&visit, &("two".to_owned() + &Key::Enter)).await;
        says(&visit, "li:nth-child(2)", "two …").await;
        server.resume();
        says(&visit, "li:nth-child(2)", "two ✓").await;

        assert_eq!(server.alive(), 1, "{browser}");
        server.stop().await;
        says(&visit, "[role=status]", "Not connected").await;
        types(&visit, &("three".to_owned() + &Key::Enter)).await;
        says(&visit, "li:nth-child(3)", "three …").await;
        let stored = "return String(localStorage.length + sessionStorage.length)";
        assert_eq!(visit.text_of(stored).await, "0", "{browser}");
        visit.session.client.refresh().await.unwrap();
        says(&visit, "[role=status]", "Not connected").await;
        says(&visit, "li", "").await;
        server.resume();
        says(&visit, "[role=status]", "Connected").await;
        eventually("what waited has arrived", SOON, async || {
            server.texts().contains(&"three".to_owned()).then_some(())
        })
        .await;
        if browser == Browser::Chromium {
            let shown = visit.session.console().await.unwrap();
            let all = shown.as_array().unwrap().iter();
            // The browser itself tells of what could not be reached, and of how trunk preloads.
            let ours = all.filter(|line| line["source"] == "console-api");
            assert_eq!(ours.count(), 0, "{shown}");
        }
    }
}

async fn types(visit: &Visit, text: &str) {
    let field = visit.session.client.find(Locator::Css("input")).await;
    field.unwrap().send_keys(text).await.unwrap();
}

async fn says(visit: &Visit, selector: &str, text: &str) {
    let script = format!("return document.querySelector({selector:?})?.textContent ?? ''");
    eventually(&format!("{selector} says {text}"), SOON, async || {
        (visit.text_of(&script).await == text).then_some(())
    })
    .await;
}

/// A built example whose server is another one.
fn redirected(name: &str, browser: Browser, server: &str) -> PathBuf {
    let script = format!(
        "<script>
        window.WebSocket = class extends WebSocket {{
            constructor(url, protocols) {{
                super(url.replace('ws://localhost:8080/', '{server}/'), protocols);
            }}
        }};
        </script>"
    );
    let dist = examples::dist(name).unwrap();
    altered(&format!("{name}-{browser}"), &dist, |page| {
        let (before, after) = page.split_once("<head>").unwrap();
        format!("{before}<head>{script}{after}")
    })
}
