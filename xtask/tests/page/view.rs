use fantoccini::key::Key;
use serde_json::json;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn both_languages_have_a_headline_for_open_and_waiting() {
    for (lang, open, waiting) in [
        ("en", "Connected", "Connection lost"),
        ("zh-CN", "已连接", "连接已断开"),
    ] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::to(&format!("url={server}&{PATIENT}&lang={lang}")).await;
        assert_headlines(&visit, &server, lang, open, waiting).await;
    }
}

#[tokio::test]
async fn the_language_is_the_browsers() {
    for (lang, open, waiting) in [
        ("en", "Connected", "Connection lost"),
        ("zh-CN", "已连接", "连接已断开"),
    ] {
        let server = Server::start(Manner::Echo);
        let arguments = [format!("--lang={lang}"), format!("--accept-lang={lang}")];
        let arguments = arguments.each_ref().map(String::as_str);
        let query = format!("url={server}&{PATIENT}");
        let visit = Visit::with(Browser::Chromium, &arguments, &query).await;
        assert_headlines(&visit, &server, lang, open, waiting).await;
    }
}

async fn assert_headlines(visit: &Visit, server: &Server, lang: &str, open: &str, waiting: &str) {
    visit.reaches(&["open"]).await;
    let status = visit.status().await;
    assert!(status.contains(open), "{status}");
    assert_eq!(
        visit.text_of("return document.documentElement.lang").await,
        lang
    );

    server.close(1012, "");

    visit.reaches(&["waiting"]).await;
    let status = visit.status().await;
    assert!(status.contains(waiting), "{status}");
}

#[tokio::test]
async fn the_tab_of_a_hidden_page_tells_the_state() {
    for (lang, open, waiting) in [
        ("en", "● Connected – ", "↻ Connection lost – "),
        ("zh-CN", "● 已连接 – ", "↻ 连接已断开 – "),
    ] {
        let server = Server::start(Manner::Echo);
        let host = server.to_string().replace("ws://", "");
        let visit = Visit::to(&format!("url={server}?key=secret&{PATIENT}&lang={lang}")).await;
        visit.reaches(&["open"]).await;
        visit.has_tab(&[open, &host].concat()).await;
        let icon = visit.icon().await;

        let away = visit.leaves().await;
        server.close(1012, "");
        visit.has_tab(&[waiting, &host].concat()).await;

        visit.returns(away).await;
        visit.reaches(&["waiting"]).await;
        assert_ne!(visit.icon().await, icon);
    }
}

#[tokio::test]
async fn the_keyboard_alone_is_enough() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;

    visit.tabs_to("url").await;
    visit.tabs_to("Disconnect").await;
    visit.presses(Key::Enter).await;
    visit.reaches(&["stopped"]).await;
    visit.tabs_to("Connect").await;
    visit.presses(Key::Enter).await;
    visit.reaches(&["open", "reopened"]).await;
    visit.tabs_to("message").await;
    visit
        .session
        .client
        .active_element()
        .await
        .unwrap()
        .send_keys("x")
        .await
        .unwrap();

    visit.shows("x").await;
}

#[tokio::test]
async fn enter_in_the_address_field_connects_and_never_disconnects() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&autoconnect=false")).await;

    visit.tabs_to("url").await;
    visit.presses(Key::Enter).await;

    visit.reaches(&["open"]).await;
    visit.presses(Key::Enter).await;
    // The echo comes back over the same connection, after whatever Enter did.
    visit.types("x").await;
    visit.shows("x").await;
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn a_countdown_changes_nothing_that_is_read_aloud() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}&lang=en")).await;
    visit.reaches(&["open"]).await;
    server.close(1012, "");
    visit.reaches(&["waiting"]).await;
    visit.hears("Connection lost.").await;
    let ticking = visit.status().await;

    visit
        .evaluate(
            "window.read = 0;
             for (const region of document.querySelectorAll('[role=status], [role=alert]')) {
                 new MutationObserver(all => { window.read += all.length; }).observe(region,
                     { characterData: true, childList: true, subtree: true });
             }",
        )
        .await;

    eventually("the countdown has gone on", SOON, async || {
        (visit.status().await != ticking).then_some(())
    })
    .await;
    let ticking = visit.status().await;
    eventually("the countdown has gone on", SOON, async || {
        (visit.status().await != ticking).then_some(())
    })
    .await;
    assert_eq!(visit.evaluate("return window.read").await, 0);
}

impl Visit {
    /// Waits until a tab of the browser has this title.
    async fn has_tab(&self, title: &str) {
        eventually(&format!("a tab is called {title}"), SOON, async || {
            let all = self.session.devtools("Target.getTargets", json!({})).await;
            let all = all.unwrap();
            let tabs = all["targetInfos"].as_array().unwrap();
            tabs.iter().any(|tab| tab["title"] == title).then_some(())
        })
        .await;
    }

    /// The icon of the page's tab.
    async fn icon(&self) -> String {
        self.text_of("return document.querySelector('link[rel=icon]').href")
            .await
    }

    /// Waits until a screen reader has been told something that begins so.
    async fn hears(&self, start: &str) {
        let told = "return document.querySelector('.status [role=status]').textContent";
        eventually(&format!("{start} is told"), SOON, async || {
            self.text_of(told).await.starts_with(start).then_some(())
        })
        .await;
    }

    /// Presses Tab until the focus is on the element with this id or on the button with this
    /// label; starts over at the top of the page.
    async fn tabs_to(&self, target: &str) {
        for _ in 0..30 {
            let focus = "const one = document.activeElement;
                return one.matches('button') ? one.textContent.trim() : one.id";
            if self.text_of(focus).await == target {
                return;
            }
            self.presses(Key::Tab).await;
        }
        panic!("Tab does not reach {target}");
    }

    async fn presses(&self, key: Key) {
        let focus = self.session.client.active_element().await.unwrap();
        focus
            .send_keys(&String::from(char::from(key)))
            .await
            .unwrap();
    }
}

/// The longest delays there are: one shorter than such a test has a probability of 1e-4.
const PATIENT: &str = "retry_min=1440m&retry_max=1440m";
