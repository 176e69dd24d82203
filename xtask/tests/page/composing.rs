use serde_json::json;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::{ENTER, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn enter_sends_and_shift_enter_begins_a_line() {
    enter_sends(Browser::Chromium).await;
}

#[tokio::test]
async fn enter_sends_and_shift_enter_begins_a_line_in_firefox() {
    enter_sends(Browser::Firefox).await;
}

async fn enter_sends(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}&heartbeat=60m&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;

    visit.types("a").await;
    visit.types(&format!("{SHIFT}{ENTER}")).await;
    visit.types("b").await;
    visit.types(ENTER).await;
    visit.types(ENTER).await;
    visit.types("c").await;
    visit.types(ENTER).await;

    // The second Enter sends an empty message: on purpose.
    server.receives(&["a\nb", "", "c"]).await;
    visit.holds("").await;
}

#[tokio::test]
async fn the_button_sends_and_the_field_is_live_again_when_that_is_chosen() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&heartbeat=60m&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;

    visit.types("a").await;
    visit.press("Send").await;
    visit.holds("").await;
    visit.chooses_live().await;
    visit.types("bc").await;

    server.receives(&["a", "b", "bc"]).await;
}

#[tokio::test]
async fn enter_that_ends_a_composition_sends_nothing() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&heartbeat=60m&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    visit.types("x").await;

    let composition = json!({ "text": "ni", "selectionStart": 2, "selectionEnd": 2 });
    visit.devtools("Input.imeSetComposition", composition).await;
    let enter = json!({ "type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 13 });
    visit.devtools("Input.dispatchKeyEvent", enter).await;
    visit
        .devtools("Input.insertText", json!({ "text": "你" }))
        .await;
    visit.holds("x你").await;
    visit.types(ENTER).await;

    server.receives(&["x你"]).await;
}

#[tokio::test]
async fn enter_that_an_input_method_took_sends_nothing() {
    enter_of_an_input_method(Browser::Chromium).await;
}

#[tokio::test]
async fn enter_that_an_input_method_took_sends_nothing_in_firefox() {
    enter_of_an_input_method(Browser::Firefox).await;
}

/// Safari ends the composition before the key comes and says by its code alone whose key it was.
async fn enter_of_an_input_method(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}&heartbeat=60m&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    visit.types("你").await;

    let enters = "return ['isComposing', 'keyCode'].map((mark) => {
        const init = { key: 'Enter', bubbles: true, cancelable: true };
        init[mark] = mark === 'keyCode' ? 229 : true;
        const event = new KeyboardEvent('keydown', init);
        document.querySelector('#message').dispatchEvent(event);
        return event.defaultPrevented;
    })";
    assert_eq!(visit.evaluate(enters).await, json!([false, false]));
    visit.types(ENTER).await;

    server.receives(&["你"]).await;
}

#[tokio::test]
async fn a_composition_sends_the_composed_text_once_in_firefox() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(Browser::Firefox, &[], &format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    visit.composes_as_in_firefox("你好").await;
    visit.types("a").await;

    server.receives(&["你好", "你好a"]).await;
}

#[tokio::test]
async fn enter_that_ends_a_composition_sends_nothing_in_firefox() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(Browser::Firefox, &[], &format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;

    visit.composes_as_in_firefox("你好").await;
    visit.holds("你好").await;
    visit.types("a").await;
    visit.types(ENTER).await;
    visit.holds("").await;

    server.receives(&["你好a"]).await;
}

#[tokio::test]
async fn the_arrow_keys_bring_back_what_was_sent() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&heartbeat=60m&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.sends_on_purpose().await;
    for text in ["one", "two"] {
        visit.types(text).await;
        visit.types(ENTER).await;
        visit.holds("").await;
    }

    visit.types("draft").await;
    visit.types(UP).await;
    visit.holds("two").await;
    visit.types(UP).await;
    visit.holds("one").await;
    visit.types(DOWN).await;
    visit.holds("two").await;
    visit.types(ENTER).await;
    visit.holds("").await;

    server.receives(&["one", "two", "two"]).await;
}

#[tokio::test]
async fn a_message_for_which_there_is_no_room_is_handed_back() {
    let mut server = Server::absent(Manner::Silent);
    let query = format!("url={server}&retry_min=100ms&retry_max=300ms&outbox_limit=1&lang=zh-CN");
    let visit = Visit::to(&query).await;
    visit.sends_on_purpose().await;
    visit.types("one").await;
    visit.types(ENTER).await;
    visit.holds("").await;

    visit.types("two").await;
    visit.types(ENTER).await;

    let alert =
        "未发送：已保留 1 条尚无应答的消息，已达到 outbox_limit 的上限。您的内容仍在输入框中。";
    eventually("the refusal is said", SOON, async || {
        visit.alert().await.contains(alert).then_some(())
    })
    .await;
    visit.holds("two").await;
    server.resume();
    server.receives(&["one", "heartbeat"]).await;
}

impl Visit {
    /// Has messages sent with Enter, and not as they are typed.
    pub(super) async fn sends_on_purpose(&self) {
        self.switches_live(false).await;
    }

    async fn chooses_live(&self) {
        self.switches_live(true).await;
    }

    async fn switches_live(&self, is_live: bool) {
        let box_of = "document.querySelector('form:has(#message) [type=checkbox]')";
        self.evaluate(&format!("{box_of}.click()")).await;
        eventually("the mode has changed", SOON, async || {
            let hint = self
                .text_of("return document.querySelector('#message').enterKeyHint")
                .await;
            ((hint == "enter") == is_live).then_some(())
        })
        .await;
    }

    /// Composes `text` and ends that with Enter, by the events that Firefox makes of it: the last
    /// `input` comes after `compositionend` and says that nothing is composed any more. The driver
    /// has no input method.
    async fn composes_as_in_firefox(&self, text: &str) {
        let compose = "
            const field = document.querySelector('#message');
            field.focus();
            const tell = (Kind, type, init) =>
                field.dispatchEvent(new Kind(type, { bubbles: true, cancelable: true, ...init }));
            const input = (value, isComposing) => {
                field.value = value;
                tell(InputEvent, 'input', { data: value, isComposing,
                    inputType: 'insertCompositionText' });
            };
            tell(CompositionEvent, 'compositionstart', { data: '' });
            for (const data of ['n', 'ni', 'ni h', 'ni hao']) {
                tell(KeyboardEvent, 'keydown', { key: 'Process', keyCode: 229, isComposing: true });
                tell(CompositionEvent, 'compositionupdate', { data });
                input(data, true);
            }
            tell(KeyboardEvent, 'keydown', { key: 'Enter', keyCode: 13, isComposing: true });
            const data = arguments[0];
            tell(CompositionEvent, 'compositionupdate', { data });
            field.value = data;
            tell(CompositionEvent, 'compositionend', { data });
            input(data, false);";
        let client = &self.session.client;
        client.execute(compose, vec![json!(text)]).await.unwrap();
    }

    /// Waits until the message field holds `text`.
    pub(super) async fn holds(&self, text: &str) {
        eventually(&format!("the field holds {text:?}"), SOON, async || {
            let held = self
                .text_of("return document.querySelector('#message').value")
                .await;
            (held == text).then_some(())
        })
        .await;
    }
}

const SHIFT: &str = "\u{e008}";
const UP: &str = "\u{e013}";
const DOWN: &str = "\u{e015}";
