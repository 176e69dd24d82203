use fantoccini::Locator;
use heartwire_page::settings::SETTINGS;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::{ENTER, TAB, Visit, retype};
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

/// Whatever can be seen, or is read aloud, or comes up under the pointer, with everything opened.
#[tokio::test]
async fn no_english_is_left_on_the_chinese_page() {
    let mut server = Server::start(Manner::Echo);
    let query = format!("url={server}&{PATIENT}&heartbeat=1s&lang=zh-CN");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.types("1").await;
    server.send([Message::text("[2]"), Message::binary(vec![3])]);
    visit.opens_everything().await;
    visit.presses_row("got").await;
    visit.awaits("rtt", |rtt| !rtt.is_empty()).await;
    visit.presses_row("beat").await;
    visit.speaks_no_english().await;

    server.stop().await;
    visit.reaches(&["waiting"]).await;
    visit.opens_everything().await;
    visit.presses_row("event").await;
    visit.press("清空").await;
    visit.speaks_no_english().await;

    visit.press("停止").await;
    visit.reaches(&["stopped"]).await;
    visit.enters_url("1.2.3.4").await;
    visit.spoils_settings().await;
    visit.press("连接").await;
    visit.reaches(&["badUrl"]).await;
    visit.speaks_no_english().await;
}

#[tokio::test]
async fn the_tab_of_a_hidden_page_tells_the_state() {
    for (lang, open, closed) in [
        ("en", "● Connected – ", "✕ Closed by the server – "),
        ("zh-CN", "● 已连接 – ", "✕ 服务器已关闭连接 – "),
    ] {
        let server = Server::start(Manner::Echo);
        let host = server.to_string().replace("ws://", "");
        let visit = Visit::to(&format!("url={server}?key=secret&lang={lang}")).await;
        visit.reaches(&["open"]).await;
        visit.has_tab(&[open, &host].concat()).await;
        let icon = visit.icon().await;

        let away = visit.leaves().await;
        server.close(1008, "");
        visit.has_tab(&[closed, &host].concat()).await;

        visit.returns(away).await;
        visit.reaches(&["refusedFinal"]).await;
        assert_ne!(visit.icon().await, icon);
    }
}

#[tokio::test]
async fn the_keyboard_alone_is_enough() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&autoconnect=false&lang=en")).await;

    visit.tabs_to("Connection settings").await;
    visit.strikes(ENTER).await;
    visit.tabs_to("setting-heartbeat_text").await;
    visit.strikes("\u{e009}a\u{e000}ping\u{e007}").await;
    let chosen = "return localStorage.getItem('heartwire / settings')";
    assert_eq!(visit.text_of(chosen).await, "heartbeat_text=ping");
    visit.tabs_to("Connect").await;
    visit.strikes(ENTER).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.focus().await, "Disconnect");

    visit.tabs_to("message").await;
    visit.strikes("x").await;
    visit.shows("x").await;
    visit.tabs_to("Send as I type").await;
    visit.strikes(" ").await;
    visit.tabs_to("message").await;
    visit.strikes("yz\u{e007}").await;
    server.receives(&["x", "xyz"]).await;

    visit.tabs_to("Search messages").await;
    visit.strikes("yz").await;
    visit.tabs_to("Pause").await;
    visit.strikes(ENTER).await;
    visit.strikes(ENTER).await;
    assert_eq!(visit.focus().await, "Pause");
    visit.tabs_to("Clear").await;
    visit.strikes(ENTER).await;
    assert_eq!(visit.row_count().await, 0);
    visit.tabs_to("Undo").await;
    visit.strikes(ENTER).await;
    assert_eq!(visit.row_count().await, 2);
    visit
        .evaluate(
            "const real = URL.createObjectURL;
             URL.createObjectURL = (file) => { window.files = 1; return real(file); }",
        )
        .await;
    visit.tabs_to("Download (JSON Lines)").await;
    visit.strikes(ENTER).await;
    assert_eq!(visit.evaluate("return window.files").await, 1);

    visit.tabs_to("Disconnect").await;
    visit.strikes(ENTER).await;
    visit.reaches(&["stopped"]).await;
    assert_eq!(visit.focus().await, "Connect");
}

#[tokio::test]
async fn no_change_of_the_connection_moves_the_focus() {
    let mut server = Server::start(Manner::Echo);
    let quick = "retry_min=100ms&retry_max=100ms";
    let visit = Visit::to(&format!("url={server}&lang=en&{quick}")).await;
    visit.reaches(&["open"]).await;
    visit.tabs_to("message").await;
    let watch = "window.moves = 0;
        document.addEventListener('focusin', () => { window.moves += 1; });
        document.addEventListener('focusout', () => { window.moves += 1; });";
    visit.evaluate(watch).await;

    server.stop().await;
    visit.reaches(&["waiting", "refused"]).await;
    server.resume();
    visit.reaches(&["reopened"]).await;
    server.close(1008, "no");
    visit.reaches(&["refusedFinal"]).await;

    assert_eq!(visit.evaluate("return window.moves").await, 0);
    assert_eq!(visit.focus().await, "message");
}

#[tokio::test]
async fn a_button_that_goes_leaves_the_keyboard_where_it_was() {
    let mut server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{PATIENT}&lang=en")).await;
    visit.reaches(&["refused"]).await;
    server.resume();

    visit.tabs_to("Retry now").await;
    visit.strikes(ENTER).await;

    visit.reaches(&["open"]).await;
    let place = "return document.activeElement.dataset.state";
    assert_eq!(visit.text_of(place).await, "open");
}

#[tokio::test]
async fn a_message_that_was_set_aside_goes_and_leaves_the_keyboard_with_the_next() {
    let server = Server::start(Manner::Silent);
    let quick = "retry_min=100ms&retry_max=100ms&resend=every";
    let visit = Visit::to(&format!("url={server}&lang=en&{quick}")).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.sets_aside(&server, "a", "bad").await;
    visit.reaches(&["open", "reopened"]).await;
    visit.tabs_to("Discard").await;
    visit.strikes(ENTER).await;
    eventually("it is gone", SOON, async || {
        let aside = "return document.querySelector('.aside') === null";
        visit.evaluate(aside).await.as_bool().filter(|gone| *gone)
    })
    .await;
    let place = "return document.activeElement.dataset.state";
    let state = visit.text_of(place).await;
    assert!(["open", "reopened"].contains(&state.as_str()), "{state}");
}

/// Nobody knows who is next, and what waits may be secret.
#[tokio::test]
async fn what_waits_can_be_dropped_while_the_address_cannot_be_read() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.types("s").await;
    visit.awaits("queued", |count| count == "1").await;
    visit.enters_url("127.0.0.1").await;
    let says = async |text: &str| {
        eventually(text, SOON, async || {
            visit.status().await.contains(text).then_some(())
        })
        .await;
    };
    says("1 message waits. Connecting sends it to the next server.").await;
    visit.press("Connect").await;
    visit.reaches(&["badUrl"]).await;
    says("1 message waits. Connecting sends it to the next server.").await;
    visit.press("Drop what waits").await;
    visit.enters_url(&server.to_string()).await;
    visit.press("Connect").await;
    visit.types("x").await;
    visit.shows("sx").await;
    assert_eq!(server.texts(), ["sx"]);
}

/// A button that is disabled would lose it.
#[tokio::test]
async fn what_comes_leaves_the_keyboard_at_the_button_that_copies() {
    let server = Server::start(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    server.send([Message::text("a")]);
    visit.shows("a").await;
    visit.tabs_to("Copy last message").await;
    server.send([Message::binary([1, 2, 3].as_slice())]);
    visit.shows("Binary, 3 bytes").await;
    assert_eq!(visit.focus().await, "Copy last message");
    server.send([Message::text("b")]);
    visit.shows("b").await;
    assert_eq!(visit.focus().await, "Copy last message");
}

#[tokio::test]
async fn enter_in_the_address_field_connects_and_never_disconnects() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&autoconnect=false")).await;

    visit.tabs_to("url").await;
    visit.strikes(ENTER).await;

    visit.reaches(&["open"]).await;
    visit.strikes(ENTER).await;
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
    /// Opens all that can be opened and is not yet, and lets the composer wait for Enter.
    pub(super) async fn opens_everything(&self) {
        let open =
            "for (const closed of document.querySelectorAll('details:not([open]) > summary')) {
                closed.click();
            }
            const live = document.querySelector('form:has(#message) [type=checkbox]');
            if (live.checked) live.click();";
        self.evaluate(open).await;
        let is_open = "return Boolean(document.querySelector('#setting-heartbeat'))
            && document.querySelector('#message').enterKeyHint === 'send'";
        eventually("everything is opened", SOON, async || {
            self.evaluate(is_open).await.as_bool()?.then_some(())
        })
        .await;
    }

    /// Opens the newest row of this kind.
    pub(super) async fn presses_row(&self, kind: &str) {
        let press = format!(
            "const row = [...document.querySelectorAll('.row.{kind}')].at(-1);
             row?.click();
             return Boolean(row)"
        );
        eventually(&format!("a row {kind}"), SOON, async || {
            self.evaluate(&press).await.as_bool()?.then_some(())
        })
        .await;
        eventually("a row is opened", SOON, async || {
            let opened = "return Boolean(document.querySelector('#log-opened'))";
            self.evaluate(opened).await.as_bool()?.then_some(())
        })
        .await;
    }

    /// Enters something into every field of the settings that most of them refuse.
    pub(super) async fn spoils_settings(&self) {
        let fields = Locator::Css(".settings-list input[type=text]");
        for field in self.session.client.find_all(fields).await.unwrap() {
            retype(&field, "（\n").await;
        }
    }

    /// Waits until something of this kind says `text`.
    pub(super) async fn finds(&self, text: &str, selector: &str) {
        let texts = format!(
            "return [...document.querySelectorAll('{selector}')].map(one => one.textContent.trim())"
        );
        eventually(&format!("{text} is seen"), SOON, async || {
            let texts = self.evaluate(&texts).await;
            texts.as_array()?.contains(&json!(text)).then_some(())
        })
        .await;
    }

    /// Checks every text of the page for words that are not Chinese.
    async fn speaks_no_english(&self) {
        let words = self.evaluate(LATIN).await;
        let words: Vec<[String; 2]> = serde_json::from_value(words).unwrap();
        let strange: Vec<_> = words
            .iter()
            .filter(|[word, _]| {
                let is_setting = SETTINGS.iter().any(|setting| setting.name == word);
                !is_setting && !SAME_IN_CHINESE.contains(&word.as_str())
            })
            .collect();
        assert!(strange.is_empty(), "{strange:#?}");
    }

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

    /// Presses Tab until the focus is on what is called so; starts over at the top of the page.
    pub(super) async fn tabs_to(&self, target: &str) {
        let mut seen = Vec::new();
        while seen.len() < 100 {
            let focus = self.focus().await;
            if focus == target {
                return;
            }
            seen.push(focus);
            self.strikes(TAB).await;
        }
        panic!("Tab does not reach {target}: {seen:?}");
    }

    /// What has the focus: its id, else what is on it or beside it.
    pub(super) async fn focus(&self) -> String {
        let focus = "const one = document.activeElement;
            return (one.id || one.labels?.[0]?.textContent || one.textContent).trim()";
        self.text_of(focus).await
    }

    /// Types these keys into whatever has the focus.
    pub(super) async fn strikes(&self, keys: &str) {
        let focus = self.session.client.active_element().await.unwrap();
        focus.send_keys(keys).await.unwrap();
    }

    /// How many rows of the log are in the page.
    async fn row_count(&self) -> usize {
        let count = "return document.querySelectorAll('[role=log] li').length";
        let count = self.evaluate(count).await.as_u64().unwrap();
        usize::try_from(count).unwrap()
    }
}

/// The longest delays there are: one shorter than such a test has a probability of 1e-4.
const PATIENT: &str = "retry_min=1440m&retry_max=1440m";

/// Every word in Latin letters and the text that it is in. Addresses, and durations as settings take
/// them, are no words; what is marked as another language is not meant to be Chinese.
const LATIN: &str = r"
    const isChinese = (one) => one.closest('[lang]').lang === 'zh-CN';
    const all = [...document.body.querySelectorAll('*')]
        .filter((one) => (one.closest('select') ?? one).checkVisibility() && isChinese(one));
    const texts = [document.title];
    for (const one of all) {
        for (const node of one.childNodes) {
            if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
        }
        for (const name of ['aria-label', 'aria-description', 'title', 'placeholder', 'alt']) {
            texts.push(one.getAttribute(name) ?? '');
        }
    }
    const words = [];
    for (const text of texts) {
        const rest = text.replace(/[a-z]+:\/\/[!-~]*/g, ' ').replace(/\b\d+(ms|s|m)\b/g, ' ');
        for (const word of rest.match(/[\p{Script=Latin}_]+/gu) ?? []) words.push([word, text]);
    }
    return words";

/// Words that stay as they are, beside the settings' names.
const SAME_IN_CHINESE: [&str; 25] = [
    // Names: of this page, of what it is about, of formats, and of a language in itself.
    "Heartwire",
    "WebSocket",
    "Base",
    "JSON",
    "Lines",
    "English",
    "STOMP",
    // What stands on keys.
    "Enter",
    "Shift",
    // What settings take, as it has to be written.
    "auto",
    "off",
    "true",
    "false",
    "text",
    "stomp",
    "idle",
    "always",
    "memory",
    "session",
    "latest",
    "every",
    // What is sent as a heartbeat, places in texts, and what else answers a heartbeat.
    "n",
    "name",
    "pong",
    "heartbeat",
];
