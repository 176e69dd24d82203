//! Messages kept at hand.

use std::fs;
use std::os::unix::fs::symlink;

use fantoccini::Locator;
use heartwire_page::words::Lang;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::site::Config;

use super::axe::{judge, wear};
use super::server::{Manner, Server};
use super::visit::{ENTER, Visit, dist};
use super::{SOON, eventually};

#[tokio::test]
async fn a_message_is_saved_kept_inserted_sent_and_removed_by_the_keyboard_alone() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    visit.tabs_to("message").await;
    visit.strikes("hello").await;
    visit.tabs_to("Saved messages").await;
    visit.strikes(ENTER).await;
    visit.tabs_to("Name").await;
    visit.strikes(&["greet", ENTER].concat()).await;
    visit.has_saved(&["greet: hello"]).await;
    visit.holds("hello").await;
    assert!(server.texts().is_empty());

    visit.reloads().await;
    visit.reaches(&["open"]).await;
    visit.tabs_to("Saved messages").await;
    visit.strikes(ENTER).await;
    visit.has_saved(&["greet: hello"]).await;
    visit.tabs_to("Insert").await;
    visit.strikes(ENTER).await;
    visit.holds("hello").await;
    assert_eq!(visit.focus().await, "message");
    server.receives(&["hello"]).await;
    visit.tabs_to("Send").await;
    visit.strikes(ENTER).await;
    server.receives(&["hello", "hello"]).await;

    visit.tabs_to("Remove").await;
    visit.strikes(ENTER).await;
    visit.has_saved(&[]).await;
    visit.has_focus("Undo").await;
    assert_eq!(visit.stored().await, "");
    visit.strikes(ENTER).await;
    visit.has_saved(&["greet: hello"]).await;
    visit.has_focus("Export (JSON)").await;
}

#[tokio::test]
async fn what_an_inserted_message_replaces_comes_back_and_a_sent_one_replaces_nothing() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    visit.opens_saved_with(r#"{"greet": "hello"}"#).await;
    visit.types("draft").await;

    visit.presses_saved("Send").await;
    server.receives(&["hello"]).await;
    visit.holds("draft").await;
    visit.presses_saved("Insert").await;
    visit.holds("hello").await;
    visit.types(UP).await;
    visit.holds("draft").await;
    server.receives(&["hello"]).await;
}

#[tokio::test]
async fn a_saved_message_for_which_there_is_no_room_is_refused() {
    let server = Server::absent(Manner::Silent);
    let query = format!("url={server}&retry_min=24m&retry_max=24m&outbox_limit=1&lang=en");
    let visit = Visit::to(&query).await;
    visit.opens_saved_with(r#"{"greet": "hello"}"#).await;
    visit.presses_saved("Send").await;
    visit.awaits("queued", |count| count == "1").await;
    assert_eq!(visit.alert().await.trim(), "");

    visit.presses_saved("Send").await;

    eventually("the refusal is said", SOON, async || {
        let alert = visit.alert().await;
        alert.contains("outbox_limit allows no more").then_some(())
    })
    .await;
    assert_eq!(visit.datum("queued").await, "1");
}

#[tokio::test]
async fn a_name_that_exists_gets_the_new_text_and_gives_the_old_one_back() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_saved_with(r#"{"a": "1", "b": "2"}"#).await;
    // Another tab saves something meanwhile.
    let other = r#"{"a": "1", "b": "2", "c": "3"}"#;
    visit.stores(other).await;

    visit.types("4").await;
    visit.saves("a").await;

    visit.has_saved(&["a: 4", "b: 2", "c: 3"]).await;
    visit.reports("Saved: “a”.").await;
    visit.presses_saved("Undo").await;
    visit.has_saved(&["a: 1", "b: 2", "c: 3"]).await;
    let stored: Value = serde_json::from_str(&visit.stored().await).unwrap();
    assert_eq!(stored, serde_json::from_str::<Value>(other).unwrap());
}

#[tokio::test]
async fn a_name_that_cannot_be_had_is_refused_with_the_reason() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_saved_with(r#"{"a": "1"}"#).await;
    visit.types("2").await;
    let long = "x".repeat(101);
    for (name, said) in [
        ("", "A message needs a name."),
        (&long, "A name has at most 100 letters"),
    ] {
        visit.saves(name).await;
        visit.refuses(said).await;
        visit.has_saved(&["a: 1"]).await;
        // It can be mended.
        let entered = "return document.querySelector('.saved [type=text]').value";
        assert_eq!(visit.text_of(entered).await, name);
    }
    visit.saves("b").await;
    visit.has_saved(&["a: 1", "b: 2"]).await;
}

#[tokio::test]
async fn a_row_of_the_log_is_saved_and_the_message_field_is_left_alone() {
    let server = Server::start(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    let text = "<b>{\"op\": 1}</b>\nand more";
    server.send([Message::text(text)]);
    visit.shows(text).await;
    visit.types("draft").await;
    visit.presses_row("event").await;
    let offer = "return [...document.querySelectorAll('.opened button')]
        .some(one => one.textContent === 'Save message')";
    assert_eq!(visit.evaluate(offer).await, false);
    visit.presses_row("got").await;

    visit.press("Save message").await;

    visit.has_focus("Name").await;
    let shown = "return document.querySelector('#saved-what').textContent";
    let expected = "This is saved under it: <b>{\"op\": 1}</b>⏎and more";
    assert_eq!(visit.text_of(shown).await, expected);
    visit.strikes(&["of the log", ENTER].concat()).await;
    visit
        .has_saved(&["of the log: <b>{\"op\": 1}</b>⏎and more"])
        .await;
    let stored: Value = serde_json::from_str(&visit.stored().await).unwrap();
    assert_eq!(stored, json!({ "of the log": text }));
    visit.holds("draft").await;
    assert!(server.texts().is_empty());

    // Nor is the row saved that somebody thinks better of.
    visit.press("Save message").await;
    visit.press("Save what the field holds instead").await;
    visit.has_focus("Name").await;
    visit.strikes(&["of the field", ENTER].concat()).await;
    visit
        .has_saved(&[
            "of the log: <b>{\"op\": 1}</b>⏎and more",
            "of the field: draft",
        ])
        .await;
}

#[tokio::test]
async fn what_the_name_field_holds_outlives_a_closed_panel() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_saved_with("{}").await;
    visit.tabs_to("Name").await;
    visit.strikes("half a na").await;

    visit.toggles_saved(false).await;
    visit.toggles_saved(true).await;

    let entered = "return document.querySelector('.saved [type=text]').value";
    assert_eq!(visit.text_of(entered).await, "half a na");
}

#[tokio::test]
async fn two_installations_on_one_origin_share_no_messages() {
    let folder = TempDir::new().unwrap();
    for path in ["prod", "staging"] {
        symlink(dist(), folder.path().join(path)).unwrap();
    }
    let visit = Visit::elsewhere(Browser::Chromium, folder.path()).await;
    let at = |path: &str| {
        let site = visit.site.address("127.0.0.1", "");
        format!("{site}{path}/?autoconnect=false&lang=en")
    };
    visit.go(&at("staging")).await;
    visit.types("secret").await;
    visit.toggles_saved(true).await;
    visit.saves("mine").await;
    visit.has_saved(&["mine: secret"]).await;

    visit.go(&at("prod")).await;
    visit.toggles_saved(true).await;
    visit.has_saved(&[]).await;
    visit.types("other").await;
    visit.saves("mine").await;
    visit.has_saved(&["mine: other"]).await;

    visit.go(&at("staging")).await;
    visit.toggles_saved(true).await;
    visit.has_saved(&["mine: secret"]).await;
}

#[tokio::test]
async fn what_is_exported_comes_back_unchanged_in_another_browser() {
    let folder = TempDir::new().unwrap();
    let visit = Visit::to("autoconnect=false&lang=en").await;
    let json = "{\n  \"2\": \"\\\"two\\\" lines\\n\\u2028 你好 \u{1f600}\",\n  \"1\": \"\",\n  \
                \"{n}\": \"{\\\"id\\\": 12345678901234567890}\"\n}\n";
    visit.opens_saved_with(json).await;
    let (name, exported) = visit.exports().await;
    assert_eq!(name, "heartwire-messages.json");
    assert_eq!(exported, json);

    drop(visit);
    let other = Visit::with(Browser::Firefox, &[], "autoconnect=false&lang=en").await;
    other.opens_saved_with(r#"{"mine": "0", "1": "old"}"#).await;
    other.imports(&folder, "a.json", &exported).await;

    other.reports("3 messages imported.").await;
    let shown = [
        "mine: 0",
        "1: Empty message",
        "2: \"two\" lines⏎⟨U+2028⟩ 你好 \u{1f600}",
        "{n}: {\"id\": 12345678901234567890}",
    ];
    other.has_saved(&shown).await;
    for left in [&shown[1..], &shown[2..]] {
        other.presses_saved("Remove").await;
        other.has_saved(left).await;
    }
    other.imports(&folder, "a.json", &exported).await;
    other
        .has_saved(&[shown[2], shown[3], "1: Empty message"])
        .await;

    // Where there is nothing else, it is the same letter by letter.
    other.evaluate("localStorage.clear()").await;
    other.imports(&folder, "a.json", &exported).await;
    other.has_saved(&[shown[2], shown[1], shown[3]]).await;
    assert_eq!(other.stored().await, json);
    assert_eq!(other.exports().await.1, json);
}

#[tokio::test]
async fn a_file_that_cannot_be_imported_is_named_and_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let visit = Visit::to("autoconnect=false&lang=en").await;
    let json = r#"{"a": "1"}"#;
    visit.opens_saved_with(json).await;
    let many: Vec<_> = (0..200).map(|n| format!("\"{n}\": \"\"")).collect();
    let long = "x".repeat(101);
    for (content, said) in [
        ("hello", "From line 1 on this is no JSON: “hello”."),
        (
            "{\n  \"b\": \"2\",\n  \"c\" 3\n}",
            "From line 3 on this is no JSON: “3”.",
        ),
        ("[\"b\"]", "It takes an object."),
        (r#"{"b": "2", " ": "3"}"#, "A message needs a name."),
        (
            &format!(r#"{{"b": "2", "{long}": "3"}}"#),
            "A name has at most 100 letters",
        ),
        (
            &format!("{{{}}}", many.join(",")),
            "At most 200 messages are saved.",
        ),
        (
            &format!(r#"{{"b": "{}"}}"#, "x".repeat(1_000_000)),
            "Saved messages have at most 1.0 MB in all.",
        ),
        (
            &" ".repeat(7_000_001),
            "A file of messages has at most 7.0 MB.",
        ),
    ] {
        visit.imports(&folder, "bad.json", content).await;
        visit.refuses(&format!("bad.json: {said}")).await;
        visit.has_saved(&["a: 1"]).await;
        assert_eq!(visit.stored().await, json);
    }
    visit
        .imports(&folder, "good.json", r#"{"b": [1, null]}"#)
        .await;
    visit.has_saved(&["a: 1", "b: [1, null]"]).await;
    visit.refuses("").await;
}

#[tokio::test]
async fn the_operators_messages_are_at_hand_and_cannot_be_removed_or_replaced() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let messages = r#"{"login": {"op": "login", "room": 7}, "who": "/who", "": "unnamed"}"#;
    visit.site.configure(Config::Text(format!(
        r#"{{"url_param": "allow", "messages": {messages}}}"#
    )));
    let query = format!("url={server}&lang=en");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["open"]).await;
    let alert = visit.alert().await;
    assert_eq!(
        alert.trim(),
        "config.json: messages: A message needs a name."
    );

    visit.opens_saved_with(r#"{"mine": "1"}"#).await;
    let shown = ["mine: 1", r#"login: {"op":"login","room":7}"#, "who: /who"];
    visit.has_saved(&shown).await;
    let buttons = "return [...document.querySelectorAll('.saved li')]
        .map(one => [...one.querySelectorAll('button, .hint')].map(it => it.textContent).join())";
    assert_eq!(
        visit.evaluate(buttons).await,
        json!([
            "Insert,Send,Remove",
            "Insert,Send,Given by this site.",
            "Insert,Send,Given by this site."
        ])
    );
    visit.saves("login").await;
    visit.refuses("“login” is a message of this site.").await;
    visit
        .imports(&folder, "own.json", r#"{"b": "2", "who": "3"}"#)
        .await;
    visit
        .refuses("own.json: “who” is a message of this site.")
        .await;
    visit.has_saved(&shown).await;

    let send = "document.querySelectorAll('.saved li')[1].querySelectorAll('button')[1].click()";
    visit.evaluate(send).await;
    server.receives(&[r#"{"op":"login","room":7}"#]).await;
    let (_, exported) = visit.exports().await;
    assert_eq!(exported, "{\n  \"mine\": \"1\"\n}\n");
}

#[tokio::test]
async fn no_link_holds_a_saved_message_and_forget_forgets_them() {
    let visit = Visit::to("autoconnect=false&heartbeat=5s&lang=en").await;
    visit.opens_saved_with(r#"{"token": "confidential"}"#).await;
    visit.opens_panel().await;
    let copied = visit.copies_link().await;
    let own = visit.text_of("return location.href").await;
    for link in [copied, own] {
        assert!(link.contains("heartbeat=5s"), "{link}");
        let holds = ["token", "confidential", "messages"];
        assert!(!holds.iter().any(|part| link.contains(part)), "{link}");
    }

    visit.press("Forget").await;

    visit.has_saved(&[]).await;
    assert_eq!(visit.stored().await, "");
}

#[tokio::test]
async fn where_the_browser_takes_nothing_the_page_says_so_and_what_was_there_stays() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    let json = r#"{"a": "1"}"#;
    visit.opens_saved_with(json).await;
    assert!(visit.panel().await.contains("Kept in this browser alone"));
    visit
        .evaluate("Storage.prototype.setItem = () => { throw new Error('full'); }")
        .await;
    visit.types("2").await;
    visit.saves("b").await;

    visit.has_saved(&["a: 1", "b: 2"]).await;
    let said = Lang::En.words().saved_not_kept;
    assert!(visit.panel().await.contains(said));
    assert_eq!(visit.stored().await, json);
    visit.saves("c").await;
    visit.has_saved(&["a: 1", "b: 2", "c: 2"]).await;

    let denied = "Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('denied', 'SecurityError'); } })";
    visit.run_first(denied).await;
    visit.reloads().await;
    visit.toggles_saved(true).await;
    assert!(visit.panel().await.contains(said));
    visit.types("3").await;
    visit.saves("c").await;
    visit.has_saved(&["c: 3"]).await;
    visit.presses_saved("Remove").await;
    visit.has_saved(&[]).await;
    visit.presses_saved("Undo").await;
    visit.has_saved(&["c: 3"]).await;
}

#[tokio::test]
async fn what_is_kept_and_cannot_be_read_is_not_written_over() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_saved_with("of another version").await;
    visit.refuses("From line 1 on this is no JSON").await;
    visit.types("1").await;
    visit.saves("a").await;
    visit.refuses("From line 1 on this is no JSON").await;
    assert_eq!(visit.stored().await, "of another version");
}

#[tokio::test]
async fn the_open_panel_is_accessible_in_every_look() {
    let mut found = Vec::new();
    for lang in Lang::ALL {
        let words = lang.words();
        let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
        let long = "消息x".repeat(25);
        visit.site.configure(Config::Text(format!(
            r#"{{"messages": {{"{long}": "{long}{long}"}}}}"#
        )));
        let query = format!("autoconnect=false&lang={}", lang.tag());
        visit.go(&visit.site.address("127.0.0.1", &query)).await;
        let own = long.replace('x', "y");
        visit
            .opens_saved_with(&format!(r#"{{"{own}": "{own}{own}", "empty": ""}}"#))
            .await;
        visit.saves("b").await;
        visit.reports(&words.saved_as.replace("{name}", "b")).await;
        let mut look = async |what: &str| {
            for scheme in ["light", "dark"] {
                for width in [320, 1280] {
                    wear(&visit, scheme, width, 800).await;
                    for one in judge(&visit, scheme).await {
                        found.push(format!("{lang:?}, {what}, {scheme}, {width} px: {one}"));
                    }
                }
            }
        };
        look("saved").await;
        visit.saves("").await;
        visit.refuses(words.saved_no_name).await;
        look("refused").await;
    }
    assert!(found.is_empty(), "{found:#?}");
}

impl Visit {
    /// Has this stored, as the page does, and opens the panel.
    async fn opens_saved_with(&self, json: &str) {
        self.stores(json).await;
        self.toggles_saved(true).await;
    }

    async fn stores(&self, json: &str) {
        let store = "localStorage['heartwire / messages'] = arguments[0]";
        let client = &self.session.client;
        client.execute(store, vec![json.into()]).await.unwrap();
    }

    async fn stored(&self) -> String {
        self.text_of("return localStorage['heartwire / messages'] ?? ''")
            .await
    }

    /// Opens the panel, or closes it.
    async fn toggles_saved(&self, opens: bool) {
        let summary = Locator::Css(".saved > summary");
        let summary = self.session.client.find(summary).await.unwrap();
        summary.click().await.unwrap();
        let what = "the panel is open or closed as it should";
        eventually(what, SOON, async || {
            let is_drawn = "return Boolean(document.querySelector('.saved form'))";
            (self.evaluate(is_drawn).await == opens).then_some(())
        })
        .await;
    }

    /// Saves what is to be saved under this name.
    async fn saves(&self, name: &str) {
        let enter = "document.querySelector('.saved [type=text]').value = arguments[0]";
        let client = &self.session.client;
        client.execute(enter, vec![name.into()]).await.unwrap();
        let save = Locator::Css(".saved [type=submit]");
        let save = self.session.client.find(save).await.unwrap();
        save.click().await.unwrap();
    }

    /// Presses the first button of the panel with this label.
    async fn presses_saved(&self, label: &str) {
        let path = format!("//details[@class='saved']//button[normalize-space(.)='{label}']");
        let button = eventually(&format!("the button {label} is there"), SOON, async || {
            let found = self.session.client.find(Locator::XPath(&path)).await;
            found.ok()
        })
        .await;
        button.click().await.unwrap();
    }

    /// Chooses a file of this name and content, written into `folder`, to be imported.
    async fn imports(&self, folder: &TempDir, name: &str, content: &str) {
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        let field = Locator::Css(".saved [type=file]");
        let field = self.session.client.find(field).await.unwrap();
        field.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    /// What is exported: the name of the file, and what is in it.
    async fn exports(&self) -> (String, String) {
        let watch = "
            const make = URL.createObjectURL;
            URL.createObjectURL = file => {
                file.text().then(text => { window.exported = text; });
                URL.createObjectURL = make;
                return make(file);
            };
            window.exported = '';
            const { click } = HTMLElement.prototype;
            HTMLElement.prototype.click = function () {
                window.exportedTo = this.download;
                HTMLElement.prototype.click = click;
            };";
        self.evaluate(watch).await;
        self.presses_saved("Export (JSON)").await;
        let exported = eventually("it is exported", SOON, async || {
            let exported = self.text_of("return window.exported").await;
            (!exported.is_empty()).then_some(exported)
        })
        .await;
        (self.text_of("return window.exportedTo").await, exported)
    }

    /// Waits until the panel lists these messages: the name and the beginning of the text of each.
    async fn has_saved(&self, expected: &[&str]) {
        let saved = "return [...document.querySelectorAll('.saved li')].map(one =>
            [...one.querySelectorAll('p')].map(part => part.textContent).join(': '))";
        eventually(&format!("{expected:?} are saved"), SOON, async || {
            (self.evaluate(saved).await == json!(expected)).then_some(())
        })
        .await;
    }

    async fn has_focus(&self, expected: &str) {
        eventually(&format!("{expected} has the focus"), SOON, async || {
            (self.focus().await == expected).then_some(())
        })
        .await;
    }

    /// What the panel says.
    async fn panel(&self) -> String {
        self.text_of("return document.querySelector('.saved').textContent")
            .await
    }

    /// Waits until the panel says this politely.
    async fn reports(&self, text: &str) {
        eventually(&format!("the panel says {text}"), SOON, async || {
            let said = "return document.querySelector('.saved [role=status]').textContent";
            (self.text_of(said).await == text).then_some(())
        })
        .await;
    }

    /// Waits until what the panel has refused begins so; nothing stands for no refusal.
    async fn refuses(&self, start: &str) {
        eventually(&format!("the panel refuses: {start}"), SOON, async || {
            let said = "return document.querySelector('.saved [role=alert]').textContent";
            let said = self.text_of(said).await;
            let is_as_expected = said.starts_with(start) && (said.is_empty() == start.is_empty());
            is_as_expected.then_some(())
        })
        .await;
    }
}

const UP: &str = "\u{e013}";
