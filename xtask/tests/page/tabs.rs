//! What tabs, installations and reloads share, and what they do not.

use std::os::unix::fs::symlink;

use fantoccini::wd::WindowHandle;
use tempfile::TempDir;
use xtask::browser::Browser;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::{QUICK, Visit, dist};
use super::{SOON, eventually};

#[tokio::test]
async fn a_tab_keeps_its_own_address_and_a_new_one_takes_the_last_that_was_chosen() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let (first, second) = (Server::start(Manner::Echo), Server::start(Manner::Echo));
        let visit = Visit::before(browser, &[], "/", None).await;
        let plain = visit.site.address("127.0.0.1", "lang=en");
        let choose = async |server: &Server| {
            visit.go(&format!("{plain}&autoconnect=false")).await;
            // Firefox's driver knows no key that selects all.
            visit.puts("#url", &format!("{server}?room=1")).await;
            visit.press("Connect").await;
            visit.reaches(&["open"]).await;
        };
        choose(&first).await;
        let tab = visit.session.client.window().await.unwrap();
        new_tab(&visit).await;
        choose(&second).await;
        new_tab(&visit).await;
        visit.go(&plain).await;
        visit.reaches(&["open"]).await;
        assert_eq!(visit.url().await, second.to_string(), "{browser}");

        visit.session.client.switch_to_window(tab).await.unwrap();
        visit.go(&plain).await;

        visit.reaches(&["open"]).await;
        // The query, which may be a secret, is known to the tab alone.
        assert_eq!(visit.url().await, format!("{first}?room=1"), "{browser}");
        // A reload chooses nothing.
        new_tab(&visit).await;
        visit.go(&plain).await;
        visit.reaches(&["open"]).await;
        assert_eq!(visit.url().await, second.to_string(), "{browser}");
    }
}

#[tokio::test]
async fn a_tab_at_the_pages_default_stays_there_whatever_another_tab_chooses() {
    let (usual, other) = (Server::start(Manner::Echo), Server::start(Manner::Echo));
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let configure = |server: &Server| {
        let config = format!(r#"{{"defaults": {{"url": "{server}"}}}}"#);
        visit.site.configure(Config::Text(config));
    };
    configure(&usual);
    let plain = visit.site.address("127.0.0.1", "lang=en");
    visit.go(&plain).await;
    visit.reaches(&["open"]).await;
    let tab = visit.session.client.window().await.unwrap();
    new_tab(&visit).await;
    visit.go(&format!("{plain}&autoconnect=false")).await;
    visit.enters_url(&other.to_string()).await;
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;

    visit.session.client.switch_to_window(tab).await.unwrap();
    visit.go(&plain).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.url().await, usual.to_string());
    // Where that is, the operator says.
    let moved = Server::start(Manner::Echo);
    configure(&moved);
    visit.go(&plain).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.url().await, moved.to_string());
}

#[tokio::test]
async fn two_installations_on_one_origin_share_nothing() {
    let server = Server::start(Manner::Echo);
    let folder = TempDir::new().unwrap();
    for path in ["prod", "staging"] {
        symlink(dist(), folder.path().join(path)).unwrap();
    }
    let visit = Visit::elsewhere(Browser::Chromium, folder.path()).await;
    let at = |path: &str| visit.site.address("127.0.0.1", "").replace("/?", "/") + path;
    visit
        .go(&at(
            "staging/?lang=zh-CN&autoconnect=false&outbox_storage=session",
        ))
        .await;
    visit.enters_url(&server.to_string()).await;
    visit.press("连接").await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;

    visit.go(&at("prod/?autoconnect=false&lang=en")).await;

    assert_eq!(visit.url().await, "ws://localhost:8080");
    let offered = "return document.querySelector('#url').list.options.length";
    assert_eq!(visit.evaluate(offered).await, 0);
    visit.go(&at("staging/index.html?lang=en")).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.url().await, server.to_string());
}

/// The page goes on with its limits, and says that it had to.
#[tokio::test]
async fn what_the_operator_said_last_holds_while_he_says_nothing() {
    let (allowed, other) = (Server::start(Manner::Echo), Server::start(Manner::Echo));
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let host = allowed.to_string().replace("ws://", "");
    let config = format!(
        r#"{{"mandatory": {{"url": "{allowed}"}}, "allowed_hosts": ["{}"]}}"#,
        host.trim_end_matches('/')
    );
    let plain = visit.site.address("127.0.0.1", "lang=en");
    visit.go(&format!("{plain}&autoconnect=false")).await;
    visit.enters_url(&other.to_string()).await;
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    visit.site.configure(Config::Text(config));
    visit.go(&plain).await;
    visit.reaches(&["open"]).await;

    let mut said = Vec::new();
    for config in [
        Config::Silence,
        Config::Missing,
        Config::Text("<!doctype html>".into()),
        Config::Text(r#"{"mandatory": "#.into()),
    ] {
        let before = other.connections().len();
        visit.site.configure(config);
        visit.go(&format!("{plain}&url={other}")).await;
        visit.reaches(&["open"]).await;
        assert_eq!(visit.url().await, allowed.to_string());
        assert_eq!(other.connections().len(), before);
        said.push(visit.alert().await);
    }
    for said in said {
        let is_told = said.contains("What it said last still holds.");
        assert!(is_told, "{said}");
    }
    // He lifts his limits.
    visit.site.configure(Config::Text("{}".into()));
    visit.go(&format!("{plain}&autoconnect=false")).await;
    assert_eq!(visit.alert().await.trim(), "");
    visit.enters_url(&other.to_string()).await;
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
}

#[tokio::test]
async fn what_waits_is_kept_before_the_first_connection_and_after_disconnect() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let server = Server::start(Manner::Echo);
        let query = format!("url={server}&outbox_storage=session&autoconnect=false&lang=en");
        let visit = Visit::with(browser, &[], &query).await;
        let address = visit.site.address("127.0.0.1", &query);
        visit.types("a").await;
        visit.awaits("queued", |count| count == "1").await;
        // Entered, and not connected to.
        visit.enters_url("ws://other.example/").await;

        visit.go(&address).await;
        visit.awaits("queued", |count| count == "1").await;
        visit.press("Connect").await;
        visit.shows("a").await;
        visit.press("Disconnect").await;
        visit.reaches(&["stopped"]).await;
        visit.types("b").await;
        visit.awaits("queued", |count| count == "1").await;

        visit.go(&address).await;
        visit.awaits("queued", |count| count == "1").await;
        visit.press("Connect").await;
        server.receives(&["a", "b"]).await;
        assert_eq!(server.texts(), ["a", "b"], "{browser}");
    }
}

/// A browser copies what a tab keeps when somebody duplicates it.
#[tokio::test]
async fn a_duplicated_tab_sends_nothing_that_the_first_one_has() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::absent(Manner::Echo);
        let query = format!("url={server}&{QUICK}&outbox_storage=session&heartbeat=off&lang=en");
        let visit = Visit::with(browser, &[], &query).await;
        visit.types("ab").await;
        visit.awaits("queued", |count| count == "2").await;
        let away = visit.leaves().await;
        let kept = "return JSON.stringify(opener.sessionStorage)";
        let kept = eventually("it is kept", SOON, async || {
            let kept = visit.text_of(kept).await;
            kept.contains("outbox").then_some(kept)
        })
        .await;

        duplicate(&visit, &kept).await;
        visit.go(&visit.site.address("127.0.0.1", &query)).await;
        assert_eq!(visit.datum("queued").await, "0", "{browser}");
        server.resume();
        visit.reaches(&["open"]).await;
        visit.returns(away).await;

        visit.reaches(&["open", "reopened"]).await;
        visit.awaits("queued", |count| count == "0").await;
        server.receives(&["a", "ab"]).await;
        assert_eq!(server.texts(), ["a", "ab"], "{browser}");
    }
}

/// The document that comes back has all that it had when it left. What was taken is known as well where there is no
/// room to note it, and where all is forgotten meanwhile.
#[tokio::test]
async fn a_document_out_of_the_cache_sends_nothing_that_another_has_taken() {
    let full = "for (let size = 2 ** 22; size >= 1; size /= 2) {
            try {
                for (;;) localStorage.setItem(`other ${localStorage.length}`, 'x'.repeat(size));
            } catch {}
        }";
    for (before, after) in [("", ""), (full, ""), ("", "localStorage.clear()")] {
        out_of_the_cache(before, after).await;
    }
}

/// Runs scripts before another document takes what waits, and after that.
async fn out_of_the_cache(before: &str, after: &str) {
    let mut server = Server::absent(Manner::Echo);
    let query = format!("url={server}&{QUICK}&outbox_storage=session&heartbeat=off&lang=en");
    let visit = Visit::to(&query).await;
    let listen = "addEventListener('pageshow', event => { window.cached = event.persisted; })";
    visit.evaluate(listen).await;
    visit.types("ab").await;
    visit.awaits("queued", |count| count == "2").await;
    let client = &visit.session.client;
    // The document that is left may be told after the next one is there.
    client.goto(&file(&visit)).await.unwrap();
    eventually("it is kept", SOON, async || {
        let kept = visit.text_of("return JSON.stringify(sessionStorage)").await;
        kept.contains("outbox").then_some(())
    })
    .await;
    visit.evaluate(before).await;
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.awaits("queued", |count| count == "2").await;
    server.resume();
    server.receives(&["a", "ab"]).await;
    visit.evaluate(after).await;

    client.back().await.unwrap();
    client.back().await.unwrap();

    eventually("the page came from the cache", SOON, async || {
        let cached = visit.evaluate("return window.cached").await;
        cached.as_bool().filter(|cached| *cached)
    })
    .await;
    visit.reaches(&["open", "reopened"]).await;
    visit.awaits("queued", |count| count == "0").await;
    visit.types("c").await;
    visit.shows("abc").await;
    assert_eq!(server.texts(), ["a", "ab", "abc"]);
}

#[tokio::test]
async fn forget_leaves_nothing_but_what_the_operator_said() {
    let (first, second) = (Server::start(Manner::Echo), Server::absent(Manner::Echo));
    let visit = Visit::to("autoconnect=false&outbox_storage=session&lang=en&resend=every").await;
    for (server, state) in [(&first, "open"), (&second, "refused")] {
        visit.enters_url(&format!("{server}?token=secret")).await;
        visit.press("Connect").await;
        visit.reaches(&[state]).await;
        visit.types("secret").await;
        visit.evaluate(LEAVE_AND_RETURN).await;
        visit
            .press(if state == "open" {
                "Disconnect"
            } else {
                "Stop"
            })
            .await;
        visit.reaches(&["stopped"]).await;
    }
    visit.opens_panel().await;

    visit.press("Forget").await;

    let is_forgotten = async |what: &str| {
        let left =
            "return JSON.stringify([Object.keys(localStorage), Object.keys(sessionStorage)])";
        eventually(what, SOON, async || {
            let left = visit.text_of(left).await;
            (left == r#"[["heartwire / config"],[]]"#).then_some(())
        })
        .await;
    };
    is_forgotten("all is forgotten").await;
    // Nor is anything kept again of what waits, before somebody connects.
    visit.session.client.goto(&file(&visit)).await.unwrap();
    is_forgotten("it stays so").await;
}

async fn new_tab(visit: &Visit) -> WindowHandle {
    let client = &visit.session.client;
    let tab = client.new_window(true).await.unwrap().handle;
    client.switch_to_window(tab.clone()).await.unwrap();
    tab
}

/// Opens a tab that has all that another keeps.
async fn duplicate(visit: &Visit, kept: &str) {
    new_tab(visit).await;
    let client = &visit.session.client;
    client.goto(&file(visit)).await.unwrap();
    let copy = "Object.assign(sessionStorage, JSON.parse(arguments[0]))";
    client.execute(copy, vec![kept.into()]).await.unwrap();
}

/// What is on the page's origin, and not the page.
fn file(visit: &Visit) -> String {
    visit.site.address("127.0.0.1", "") + "config.json"
}

/// As the browser tells a page that goes into its cache and comes back.
const LEAVE_AND_RETURN: &str = "
    dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }));
    dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));";
