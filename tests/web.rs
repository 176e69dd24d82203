//! The component in a browser, against a `WebSocket` that the test speaks for.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::time::Duration;

use gloo_timers::future::sleep;
use heartwire::core::{connection::CLOSE_REASON, heartbeat::ReplyTimeout};
use heartwire_page::{
    address::Page,
    settings::Settings,
    web::{App, Draft, Given, Props},
    words::Lang,
};
use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement, HtmlTextAreaElement};
use yew::AppHandle;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn typing_is_sent_whole_and_the_echo_is_shown_as_text() {
    let page = Mounted::new(quick()).await;
    assert_eq!(page.state(), "connecting");
    open(0);
    page.settle().await;
    assert_eq!(page.state(), "open");
    page.type_text("h").await;
    page.type_text("he").await;
    assert_eq!(sent(0), ["h", "he"]);
    receive(0, "<b>he</b>");
    eventually(|| page.text("#received") == "<b>he</b>").await;
    receive_binary(0, 3);
    eventually(|| page.text("#received") == "Binary, 3 bytes").await;
}

#[wasm_bindgen_test]
async fn nothing_under_composition_is_sent() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    for text in ["n", "ni", "你"] {
        page.compose(text).await;
    }
    assert_eq!(sent(0), [""; 0]);
    page.dispatch("compositionend").await;
    page.dispatch("input").await;
    assert_eq!(sent(0), ["你"]);
}

#[wasm_bindgen_test]
async fn nothing_under_composition_is_sent_where_its_events_do_not_say_so() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    page.dispatch("compositionstart").await;
    for text in ["n", "ni", "", "你"] {
        page.type_text(text).await;
    }
    assert_eq!(sent(0), [""; 0]);
    page.dispatch("compositionend").await;
    assert_eq!(sent(0), ["你"]);
}

#[wasm_bindgen_test]
async fn a_keystroke_while_the_socket_closes_hides_no_close_code() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    start_closing(0);
    page.type_text("a").await;
    close(0, 1008, "no");
    page.settle().await;
    assert_eq!(page.state(), "refusedFinal");
    assert_eq!(page.attribute("data-queued").as_deref(), Some("1"));
}

#[wasm_bindgen_test]
async fn silence_is_answered_with_a_heartbeat_and_talk_is_not() {
    let page = Mounted::new(quick()).await;
    open(0);
    for _ in 0..6 {
        sleep(HEARTBEAT / 2).await;
        receive(0, "tick");
    }
    assert_eq!(sent(0), [""; 0]);
    sleep(HEARTBEAT * 3 / 2).await;
    assert_eq!(sent(0), ["heartbeat"]);
    receive(0, "heartbeat");
    eventually(|| page.attribute("data-rtt").is_some()).await;
    assert_eq!(page.text("#received"), "tick");
}

#[wasm_bindgen_test]
async fn a_ring_that_was_under_way_does_not_silence_the_metronome() {
    let hidden = HiddenPage::begin();
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    hidden.ring();
    page.settle().await;
    assert_eq!(sent(0), [""; 0]);
    sleep(HEARTBEAT).await;
    hidden.ring();
    page.settle().await;
    assert_eq!(sent(0), ["heartbeat"]);
    hidden.end();
}

#[wasm_bindgen_test]
async fn a_lost_connection_is_replaced_and_its_timer_with_it() {
    let page = Mounted::new(quick()).await;
    for index in 0..20 {
        open(index);
        page.settle().await;
        close(index, 1006, "");
        page.settle().await;
        assert_eq!(page.state(), "waiting");
        assert_eq!(listening(index), 0);
        eventually(|| count() == index + 2).await;
        assert_eq!(live(), 1);
    }
    let start = js_sys::Date::now();
    open(20);
    eventually(|| sent(20) == ["heartbeat"; 3]).await;
    // A second timer would make it faster.
    assert!(js_sys::Date::now() - start >= 290.0);
    assert!((0..20).all(|index| sent(index).is_empty()));
    page.settle().await;
    assert_eq!(page.attribute("data-epoch").as_deref(), Some("21"));
}

#[wasm_bindgen_test]
async fn what_was_typed_during_an_outage_is_sent_after_it() {
    let page = Mounted::new(quick()).await;
    page.type_text("a").await;
    open(0);
    page.settle().await;
    close(0, 1006, "");
    page.settle().await;
    page.type_text("ab").await;
    page.type_text("abc").await;
    eventually(|| page.attribute("data-queued").as_deref() == Some("2")).await;
    eventually(|| count() == 2).await;
    open(1);
    page.settle().await;
    assert_eq!(
        (sent(0), sent(1)),
        (strings(&["a"]), strings(&["ab", "abc"]))
    );
}

#[wasm_bindgen_test]
async fn events_of_an_old_socket_do_nothing() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    close(0, 1006, "");
    eventually(|| count() == 2).await;
    open(1);
    page.settle().await;
    receive(0, "late");
    close(0, 1006, "");
    error(0);
    page.settle().await;
    assert_eq!(page.text("#received"), "");
    assert_eq!((count(), live()), (2, 1));
}

#[wasm_bindgen_test]
async fn an_error_without_a_close_is_a_close() {
    let page = Mounted::new(quick()).await;
    error(0);
    eventually(|| count() == 2).await;
    assert_eq!(page.attribute("data-attempt").as_deref(), Some("1"));
}

#[wasm_bindgen_test]
async fn the_reason_of_a_close_that_follows_an_error_is_kept() {
    let page = Mounted::new(quick()).await;
    open(0);
    error(0);
    page.settle().await;
    close(0, 1008, "no");
    page.settle().await;
    assert_eq!(page.state(), "refusedFinal");
    assert!(
        page.text(".status [role=alert]")
            .contains("1008 (policy violation): no.")
    );
}

#[wasm_bindgen_test]
async fn a_constructor_that_throws_is_said_on_the_page() {
    for (name, state) in [("SyntaxError", "badUrl"), ("SecurityError", "mixed")] {
        let page = Mounted::prepared(quick(), || refuse(name)).await;
        assert_eq!(page.state(), state);
    }
    let page = Mounted::prepared(quick(), || refuse("NotSupportedError")).await;
    assert_eq!(page.state(), "refused");
}

#[wasm_bindgen_test]
async fn what_the_socket_does_not_take_is_sent_over_the_next() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    set_throws(0, true);
    page.type_text("a").await;
    eventually(|| count() == 2).await;
    open(1);
    page.settle().await;
    assert_eq!(sent(1), ["a"]);
    start_closing(1);
    page.type_text("ab").await;
    eventually(|| count() == 3).await;
    open(2);
    page.settle().await;
    assert_eq!((sent(1), sent(2)), (strings(&["a"]), strings(&["ab"])));
}

#[wasm_bindgen_test]
async fn a_full_buffer_is_waited_for() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    set_buffered(0, 64 * 1024);
    let long = "x".repeat(64 * 1024);
    page.type_text(&long).await;
    page.type_text("next").await;
    sleep(Duration::from_millis(60)).await;
    let is_sent = || sent(0).contains(&"next".to_owned());
    assert!(!is_sent());
    set_buffered(0, 64 * 1024 - 1);
    eventually(is_sent).await;
}

#[wasm_bindgen_test]
async fn a_handshake_without_an_answer_is_given_up() {
    let mut settings = quick();
    settings.options.connect_timeout = Duration::from_millis(50);
    let page = Mounted::new(settings).await;
    eventually(|| count() == 2).await;
    assert_eq!(closed_with(0), Some(1000));
    assert_eq!(live(), 1);
    assert_eq!(page.attribute("data-attempt").as_deref(), Some("1"));
}

#[wasm_bindgen_test]
async fn disconnect_leaves_nothing_behind() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    page.click("form button").await;
    assert_eq!(page.state(), "stopped");
    assert_eq!(closed_with(0), Some(1000));
    sleep(HEARTBEAT * 2).await;
    assert_eq!((count(), sent(0)), (1, strings(&[])));
    page.click("form button").await;
    assert_eq!((page.state().as_str(), listening(0)), ("connecting", 0));
    page.click("form button").await;
    assert_eq!((count(), live()), (2, 0));
}

#[wasm_bindgen_test]
async fn a_clean_close_that_was_asked_for_confirms_what_was_sent() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    page.type_text("a").await;
    eventually(|| page.attribute("data-sent").as_deref() == Some("1")).await;
    page.click("form button").await;
    let reason = close_reason(0).unwrap();
    assert!(reason.starts_with(CLOSE_REASON) && reason.len() > CLOSE_REASON.len());
    close(0, 1000, &reason);
    eventually(|| page.attribute("data-confirmed").as_deref() == Some("1")).await;
    assert_eq!((page.state().as_str(), listening(0)), ("stopped", 0));
}

#[wasm_bindgen_test]
async fn a_dead_connection_is_replaced_without_its_close() {
    let mut settings = quick();
    settings.options.reply_timeout = ReplyTimeout::After(HEARTBEAT * 2);
    let page = Mounted::new(settings).await;
    open(0);
    eventually(|| page.state() == "stale").await;
    assert_eq!(count(), 1);
    eventually(|| count() == 2).await;
    assert_eq!((closed_with(0), listening(0)), (Some(1000), 0));
    open(1);
    eventually(|| page.state() == "reopened").await;
    receive(0, "late");
    close(0, 1006, "");
    page.settle().await;
    assert_eq!(page.state(), "reopened");
    assert_eq!(page.text("#received"), "");
}

#[wasm_bindgen_test]
async fn a_subprotocol_that_was_not_chosen_is_said() {
    let settings = || Settings {
        protocols: vec!["chat".into()],
        ..quick()
    };
    let page = Mounted::new(settings()).await;
    open(0);
    eventually(|| page.state() == "refusedFinal").await;
    assert!(page.text("[role=alert][aria-atomic]").contains("chat"));
    assert_eq!((count(), live()), (1, 0));
    drop(page);

    let page = Mounted::new(settings()).await;
    choose(0, "chat");
    open(0);
    eventually(|| page.state() == "open").await;
}

#[wasm_bindgen_test]
async fn a_flood_shows_its_last_message_in_each_frame_and_the_rest_ten_times_a_second() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    let (message, rows) = (page.drawings("#received"), page.drawings("[role=log]"));
    let began = now();
    let (mut number, mut last) = (0, String::new());
    while now() - began < 600.0 {
        number += 1;
        last = format!("message {number}");
        receive(0, &last);
        sleep(Duration::from_millis(1)).await;
    }
    // Two more: the first message is shown at once, and the clock may tick.
    let (shown, frames) = (message.count(), message.frames());
    assert!(shown <= frames + 2, "{shown} messages in {frames} frames");
    let drawn = rows.count();
    let tenths = (now() - began) / 100.0;
    assert!(
        f64::from(drawn) <= tenths + 2.0,
        "{drawn} drawings in {tenths} tenths"
    );
    // A browser that is slow itself draws no more than that.
    assert!(
        shown > drawn || frames < 20,
        "{shown} messages in {drawn} drawings"
    );
    eventually(|| page.text("#received") == last).await;
    eventually(|| page.text("[role=log]").contains(&last)).await;
}

#[wasm_bindgen_test]
async fn an_echo_waits_for_no_frame_and_the_rest_for_a_pause() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    // The log's rows are measured when they appear.
    sleep(2 * PAUSE).await;
    let drawings = page.drawings("[role=log]");
    // A machine that is busy makes pauses where there are none.
    let (mut typed, mut is_quiet) = (0, false);
    for _ in 0..10 {
        let (began, drawn) = (now(), drawings.count());
        let mut longest = 0.0_f64;
        while now() - began < 300.0 {
            typed += 1;
            let before = now();
            page.type_text(&typed.to_string()).await;
            sleep(BETWEEN_KEYS).await;
            longest = longest.max(now() - before);
        }
        receive(0, &typed.to_string());
        page.settle().await;
        assert_eq!(page.text("#received"), typed.to_string());
        if longest < PAUSE.as_secs_f64() * 1_000.0 {
            assert_eq!(drawings.count(), drawn);
            is_quiet = true;
            break;
        }
        sleep(2 * PAUSE).await;
    }
    assert!(is_quiet, "the browser pauses by itself");
    eventually(|| page.attribute("data-sent") == Some(typed.to_string())).await;
}

#[wasm_bindgen_test]
async fn an_app_that_is_dropped_takes_its_socket_along() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    drop(page);
    yew::scheduler::flush().await;
    assert_eq!((closed_with(0), listening(0)), (Some(1000), 0));
    sleep(HEARTBEAT * 2).await;
    assert_eq!((count(), sent(0)), (1, strings(&[])));
}

#[wasm_bindgen_test]
async fn a_page_that_is_left_has_sent_the_last_key_and_closed_its_socket() {
    let page = Mounted::new(quick()).await;
    open(0);
    page.settle().await;
    let event = |kind| web_sys::Event::new(kind).unwrap();
    page.field().set_value("a");
    page.field().dispatch_event(&event("input")).unwrap();
    let window = web_sys::window().unwrap();
    window.dispatch_event(&event("pagehide")).unwrap();
    // Nothing of the page may run after this.
    assert_eq!((sent(0), closed_with(0)), (strings(&["a"]), Some(1000)));
}

#[wasm_bindgen_test]
async fn the_page_speaks_chinese() {
    let page = Mounted::in_language(quick(), Lang::ZhCn).await;
    open(0);
    page.settle().await;
    assert_eq!(page.text("form button"), "断开连接");
    assert_eq!(page.text(".headline"), "已连接");
}

const HEARTBEAT: Duration = Duration::from_millis(100);

/// How long nothing is typed before all is drawn.
const PAUSE: Duration = Duration::from_millis(100);

/// More than a frame, and far less than a pause.
const BETWEEN_KEYS: Duration = Duration::from_millis(25);

/// Settings of which every duration is short: the whole run has 20 seconds.
fn quick() -> Settings {
    let options = Settings::default().options;
    Settings {
        options: options
            .heartbeat(HEARTBEAT)
            .retry_min(Duration::from_millis(10))
            .retry_max(Duration::from_millis(10)),
        ..Settings::default()
    }
}

/// The page, drawn; dropping it removes it and puts the real `WebSocket` back.
struct Mounted {
    app: Option<AppHandle<App>>,
    root: Element,
}

impl Mounted {
    async fn new(settings: Settings) -> Self {
        Self::prepared(settings, || {}).await
    }

    async fn prepared(settings: Settings, prepare: impl FnOnce()) -> Self {
        Self::mount(settings, Lang::En, prepare).await
    }

    async fn in_language(settings: Settings, lang: Lang) -> Self {
        Self::mount(settings, lang, || {}).await
    }

    async fn mount(settings: Settings, lang: Lang, prepare: impl FnOnce()) -> Self {
        install();
        prepare();
        let document = document();
        let root = document.create_element("div").unwrap();
        document.body().unwrap().append_child(&root).unwrap();
        let page = Page {
            is_secure: false,
            host: "localhost".into(),
        };
        let props = Props {
            page,
            settings,
            given: Given::default(),
            complaints: Vec::new(),
            draft: Draft::default(),
            lang,
        };
        let app = yew::Renderer::<App>::with_root_and_props(root.clone(), props).render();
        let mounted = Self {
            app: Some(app),
            root,
        };
        mounted.settle().await;
        mounted
    }

    fn drawings(&self, selector: &str) -> Drawings {
        let element = self.root.query_selector(selector).unwrap();
        Drawings::of(&element.expect(selector))
    }

    async fn settle(&self) {
        yew::scheduler::flush().await;
    }

    async fn type_text(&self, text: &str) {
        self.field().set_value(text);
        self.dispatch("input").await;
    }

    async fn compose(&self, text: &str) {
        self.field().set_value(text);
        let init = web_sys::InputEventInit::new();
        init.set_is_composing(true);
        let event = web_sys::InputEvent::new_with_event_init_dict("input", &init).unwrap();
        self.field().dispatch_event(&event).unwrap();
        self.settle().await;
    }

    async fn dispatch(&self, kind: &str) {
        let event = web_sys::Event::new(kind).unwrap();
        self.field().dispatch_event(&event).unwrap();
        self.settle().await;
    }

    async fn click(&self, selector: &str) {
        self.find(selector).unchecked_into::<HtmlElement>().click();
        self.settle().await;
    }

    fn state(&self) -> String {
        self.attribute("data-state").unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> Option<String> {
        self.find("[data-state]").get_attribute(name)
    }

    fn text(&self, selector: &str) -> String {
        self.find(selector).text_content().unwrap_or_default()
    }

    fn field(&self) -> HtmlTextAreaElement {
        self.find("#message").unchecked_into()
    }

    fn find(&self, selector: &str) -> Element {
        let found = self.root.query_selector(selector).unwrap();
        found.unwrap_or_else(|| panic!("no {selector}"))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(app) = self.app.take() {
            app.destroy();
        }
        self.root.remove();
        uninstall();
    }
}

async fn eventually(condition: impl Fn() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not within two seconds");
}

/// The browser's clock, in milliseconds.
fn now() -> f64 {
    web_sys::window().unwrap().performance().unwrap().now()
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn document() -> web_sys::Document {
    web_sys::window().unwrap().document().unwrap()
}

#[wasm_bindgen(module = "/tests/web/hidden_page.js")]
extern "C" {
    type HiddenPage;
    #[wasm_bindgen(static_method_of = HiddenPage)]
    fn begin() -> HiddenPage;
    #[wasm_bindgen(method)]
    fn ring(this: &HiddenPage);
    #[wasm_bindgen(method)]
    fn end(this: &HiddenPage);
}

#[wasm_bindgen(module = "/crates/heartwire/tests/fake_socket.js")]
extern "C" {
    fn install();
    fn uninstall();
    fn refuse(name: &str);
    fn count() -> usize;
    fn live() -> usize;
    fn sent(index: usize) -> Vec<String>;
    fn listening(index: usize) -> usize;
    fn close_reason(index: usize) -> Option<String>;
    fn closed_with(index: usize) -> Option<u16>;
    fn choose(index: usize, protocol: &str);
    fn open(index: usize);
    fn receive(index: usize, text: &str);
    fn receive_binary(index: usize, length: usize);
    fn close(index: usize, code: u16, reason: &str);
    fn error(index: usize);
    fn start_closing(index: usize);
    fn set_throws(index: usize, throws: bool);
    fn set_buffered(index: usize, bytes: u32);

    /// Counts how often something is drawn anew under an element, and the frames meanwhile.
    type Drawings;
    #[wasm_bindgen(static_method_of = Drawings)]
    fn of(root: &Element) -> Drawings;
    #[wasm_bindgen(method)]
    fn count(this: &Drawings) -> u32;
    #[wasm_bindgen(method)]
    fn frames(this: &Drawings) -> u32;
}
