use fantoccini::Locator;
use serde_json::json;
use xtask::browser::Browser;

use super::echo::Echo;
use super::server::{Connection, Manner, Server};
use super::visit::{QUICK, Visit};

#[tokio::test]
async fn typing_hello_arrives_as_h_he_hel_hell_hello() {
    typing_hello(Browser::Chromium).await;
}

#[tokio::test]
async fn typing_hello_arrives_as_h_he_hel_hell_hello_in_firefox() {
    typing_hello(Browser::Firefox).await;
}

async fn typing_hello(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    visit.types("hello").await;

    server.receives(&["h", "he", "hel", "hell", "hello"]).await;
    visit.shows("hello").await;
}

#[tokio::test]
async fn an_unchanged_value_is_not_sent_twice() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    visit.types("a").await;
    visit
        .evaluate(
            "document.querySelector('#message')
                .dispatchEvent(new InputEvent('input', { bubbles: true }))",
        )
        .await;
    visit.types("b").await;

    server.receives(&["a", "ab"]).await;
}

#[tokio::test]
async fn a_composition_sends_the_composed_text_once() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    visit
        .session
        .client
        .find(Locator::Css("#message"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();

    for composing in ["n", "ni", "nǐ"] {
        let end = composing.chars().count();
        let composition = json!({ "text": composing, "selectionStart": end, "selectionEnd": end });
        visit.devtools("Input.imeSetComposition", composition).await;
    }
    visit
        .devtools("Input.insertText", json!({ "text": "你" }))
        .await;
    visit.types("a").await;

    server.receives(&["你", "你a"]).await;
}

#[tokio::test]
async fn text_typed_before_the_first_connection_arrives_in_order_and_once() {
    let mut server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}")).await;

    visit.types("one").await;
    visit.awaits("queued", |count| count == "3").await;
    server.resume();
    visit.reaches(&["open", "reopened"]).await;
    visit.types("!").await;

    server.receives(&["o", "on", "one", "one!"]).await;
    visit.shows("one!").await;
    visit.awaits("queued", |count| count == "0").await;
}

#[tokio::test]
async fn text_typed_during_an_outage_arrives_in_order_and_once() {
    let mut server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}")).await;
    visit.reaches(&["open"]).await;
    server.stop().await;
    visit.reaches(&["waiting", "refused", "connecting"]).await;

    visit.types("two").await;
    server.resume();
    visit.reaches(&["open", "reopened"]).await;
    visit.types("!").await;

    server.receives(&["t", "tw", "two", "two!"]).await;
    visit.shows("two!").await;
}

#[tokio::test]
async fn a_killed_echo_server_that_returns_gets_what_was_typed_meanwhile() {
    a_killed_echo_server_returns(Browser::Chromium).await;
}

#[tokio::test]
async fn a_killed_echo_server_that_returns_gets_what_was_typed_meanwhile_in_firefox() {
    a_killed_echo_server_returns(Browser::Firefox).await;
}

async fn a_killed_echo_server_returns(browser: Browser) {
    let mut echo = Echo::start().await;
    let query = format!("url=ws://localhost:{}&{QUICK}", echo.port);
    let visit = Visit::with(browser, &[], &query).await;
    visit.reaches(&["open"]).await;
    visit.types("before").await;
    visit.shows("before").await;

    echo.kill().await;
    visit.reaches(&["waiting", "refused", "connecting"]).await;
    visit.types(" and during").await;
    assert_eq!(visit.received().await, "before");
    echo.restart().await;

    visit.reaches(&["open", "reopened"]).await;
    visit.shows("before and during").await;
    visit.types(" and after").await;
    visit.shows("before and during and after").await;
}

#[tokio::test]
async fn a_thousand_waiting_messages_arrive_in_order() {
    let mut server = Server::absent(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&{QUICK}&heartbeat=off")).await;
    let texts: Vec<_> = (1..=1000)
        .map(|n| format!("{n} {}", "x".repeat(500)))
        .collect();

    let inputs = "
        const field = document.querySelector('#message');
        for (let n = 1; n <= 1000; n += 1) {
            field.value = `${n} ${'x'.repeat(500)}`;
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }";
    visit.evaluate(inputs).await;
    server.resume();

    server
        .until("a thousand texts have come", |all| count(all) >= 1000)
        .await;
    assert!(
        server.texts() == texts,
        "the order is not the order of typing"
    );
}

#[tokio::test]
async fn a_full_outbox_keeps_the_final_text() {
    let mut server = Server::absent(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&{QUICK}&outbox_limit=3")).await;

    visit.types("abcdefgh").await;
    visit.awaits("queued", |count| count == "3").await;
    server.resume();

    // Half of what can be kept has no proof yet, so the server is asked for one.
    server.receives(&["a", "ab", "heartbeat", "abcdefgh"]).await;
}

fn count(connections: &[Connection]) -> usize {
    connections.iter().map(|one| one.frames.len()).sum()
}
