//! The client and the hooks in a browser, against a `WebSocket` that the test speaks for.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::{cell::RefCell, future::ready, rc::Rc, time::Duration};

use gloo_timers::future::sleep;
use heartwire::{
    Attempt, Client, EarlySocket, Endpoint, Event, Failure, Fate, Message, Options, Receipt,
    Status, Target, Unavailable,
    core::connection::Refusal,
    yew::{
        Provider, use_client, use_fate, use_heartwire, use_heartwire_with, use_last_message,
        use_messages, use_status,
    },
};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, PageTransitionEvent, PageTransitionEventInit, WebSocket};
use yew::prelude::*;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn what_shows_the_status_is_drawn_when_that_changes_and_never_else() {
    #[component]
    fn Shown(drawn: &Drawn) -> Html {
        let client = use_heartwire("ws://example.org");
        let status = use_status(&client);
        drawn.note();
        html! { if status.is_open() { <b>{ "open" }</b> } }
    }
    let page = Page::new();
    let drawn = Drawn::default();
    let app = page.render::<Shown>(drawn.clone());
    settle().await;
    // As idle, as a server draws it; then as it connects.
    assert_eq!(drawn.count(), 2);
    open(0);
    settle().await;
    assert_eq!((drawn.count(), page.text()), (3, "open".into()));
    for number in 0..200 {
        receive(0, &number.to_string());
    }
    settle().await;
    assert_eq!(drawn.count(), 3);
    close(0, 1006, "");
    settle().await;
    assert_eq!((drawn.count(), page.text()), (4, String::new()));
    app.destroy();
}

#[wasm_bindgen_test]
async fn of_200_messages_at_once_all_are_heard_and_a_frame_has_one_drawing() {
    #[component]
    fn Shown(drawn: &Drawn) -> Html {
        let client = use_heartwire("ws://example.org");
        let heard = use_mut_ref(|| 0);
        use_messages(&client, move |_| *heard.borrow_mut() += 1);
        let last = use_last_message(&client);
        drawn.note();
        html! { last.as_deref().and_then(Message::text).unwrap_or("nothing").to_owned() }
    }
    #[component]
    fn Counting(props: &Heard) -> Html {
        let client = use_heartwire("ws://example.org");
        let heard = props.heard.clone();
        use_messages(&client, move |message| {
            heard.borrow_mut().push(message.text().unwrap().to_owned());
        });
        html! {}
    }
    let page = Page::new();
    let drawn = Drawn::default();
    let shown = page.render::<Shown>(drawn.clone());
    settle().await;
    open(0);
    settle().await;
    hold_frames();
    let before = drawn.count();
    let looks = async |drawings, text: &str| {
        settle().await;
        assert_eq!(
            (drawn.count() - before, page.text()),
            (drawings, text.to_owned())
        );
    };
    for number in 0..200 {
        receive(0, &number.to_string());
    }
    // At once: no frame is waited for.
    looks(1, "199").await;
    receive(0, "more");
    looks(1, "199").await;
    // This one had its drawing.
    pass_frame();
    looks(1, "199").await;
    pass_frame();
    looks(2, "more").await;
    // A new one.
    receive(0, "later");
    looks(3, "later").await;
    pass_frame();
    pass_frame();
    looks(3, "later").await;
    free_frames();
    shown.destroy();

    let heard = Heard::default();
    let counting = page.render::<Counting>(heard.clone());
    settle().await;
    open(1);
    for number in 0..200 {
        receive(1, &number.to_string());
    }
    let all: Vec<_> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(*heard.heard.borrow(), all);
    counting.destroy();
}

#[wasm_bindgen_test]
async fn what_came_between_a_drawing_and_its_effect_is_shown() {
    #[component]
    fn Late(props: &Shared) -> Html {
        let status = use_status(&props.client);
        // Between the drawing and what it subscribes.
        if !status.is_open() {
            open(0);
        }
        html! { if status.is_open() { { "open" } } }
    }
    let page = Page::new();
    let client = Client::connect("ws://example.org");
    let app = page.render::<Late>(Shared { client });
    eventually(|| page.text() == "open").await;
    app.destroy();
}

#[wasm_bindgen_test]
async fn a_client_that_a_component_has_left_may_end() {
    #[component]
    fn Last(props: &Shared) -> Html {
        let last = use_last_message(&props.client);
        html! { last.as_deref().and_then(Message::text).unwrap_or("none").to_owned() }
    }
    let page = Page::new();
    let [one, two] = ["ws://one.example", "ws://two.example"].map(Client::connect);
    let mut app = page.render::<Last>(Shared { client: one });
    settle().await;
    open(0);
    receive(0, "hello");
    eventually(|| page.text() == "hello").await;
    app.update(Shared { client: two });
    eventually(|| page.text() == "none").await;
    eventually(|| closed_with(0) == Some(1000)).await;
    app.destroy();
}

#[wasm_bindgen_test]
async fn those_below_a_provider_share_a_connection_and_another_target_ends_it() {
    #[component]
    fn Below() -> Html {
        let client = use_client();
        let status = use_status(&client);
        html! { <i>{ if status.is_open() { "1" } else { "0" } }</i> }
    }
    #[derive(Clone, PartialEq, Properties)]
    struct At {
        url: AttrValue,
    }
    #[component]
    fn Above(at: &At) -> Html {
        html! { <Provider target={at.url.to_string()}><Below /><Below /></Provider> }
    }
    let page = Page::new();
    let mut app = page.render::<Above>(At {
        url: "ws://one.example".into(),
    });
    settle().await;
    assert_eq!(count(), 1);
    open(0);
    eventually(|| page.text() == "11").await;
    app.update(At {
        url: "ws://two.example".into(),
    });
    eventually(|| count() == 2).await;
    assert_eq!((closed_with(0), live()), (Some(1000), 1));
    eventually(|| page.text() == "00").await;
    app.destroy();
}

#[wasm_bindgen_test]
async fn a_tick_stands_beside_a_message_that_was_answered() {
    #[component]
    fn Tick(props: &Sent) -> Html {
        let fate = use_fate(&props.receipt);
        html! { match fate { Some(Fate::Confirmed) => "✓", _ => "…" } }
    }
    let page = Page::new();
    let client = Client::new("ws://example.org", quick().heartbeat_text("beat {n}"));
    client.open();
    open(0);
    let receipt = client.send("order").unwrap();
    let app = page.render::<Tick>(Sent {
        receipt: receipt.clone(),
    });
    settle().await;
    assert_eq!(page.text(), "…");
    eventually(|| sent(0).len() == 2).await;
    receive(0, &sent(0)[1]);
    eventually(|| page.text() == "✓").await;
    assert_eq!(receipt.await, Fate::Confirmed);
    app.destroy();
}

#[wasm_bindgen_test]
async fn a_thousand_components_leave_nothing_behind() {
    #[component]
    fn One() -> Html {
        let client = use_heartwire_with("ws://example.org", quick());
        let status = use_status(&client);
        let last = use_last_message(&client);
        html! { format!("{} {}", status.is_open(), last.is_some()) }
    }
    let page = Page::new();
    // What Yew and the timers need for as long as there is a page is there now.
    let first = page.render::<One>(());
    settle().await;
    first.destroy();
    settle().await;
    watch_page();
    for index in 1..=1_000 {
        let app = page.render::<One>(());
        settle().await;
        open(index);
        receive(index, "hello");
        app.destroy();
        settle().await;
        assert_eq!((closed_with(index), listening(index)), (Some(1000), 0));
    }
    assert_eq!((live(), page_listeners()), (0, 0));
    unwatch_page();
    // No timer and no frame of them is left to call anybody.
    sleep(HEARTBEAT * 2).await;
    assert!((0..=1_000).all(|index| sent(index).is_empty()));
}

#[wasm_bindgen_test]
async fn nothing_of_the_page_is_touched() {
    let page = Page::new();
    let document = document();
    document.set_title("My chat");
    let root = document.document_element().unwrap();
    root.set_attribute("lang", "de").unwrap();
    let client = Client::new("ws://example.org", quick());
    client.open();
    open(0);
    client.send("order").unwrap();
    close(0, 1006, "");
    eventually(|| count() == 2).await;
    open(1);
    drop(client);
    assert_eq!(document.title(), "My chat");
    assert_eq!(root.get_attribute("lang").as_deref(), Some("de"));
    let window = web_sys::window().unwrap();
    for storage in [window.local_storage(), window.session_storage()] {
        assert_eq!(storage.unwrap().unwrap().length(), Ok(0));
    }
    assert_eq!(page.text(), "");
}

#[wasm_bindgen_test]
async fn two_clients_at_one_address_do_not_disturb_each_other() {
    let _page = Page::new();
    let (one, other) = (
        Client::connect("ws://example.org"),
        Client::connect("ws://example.org"),
    );
    open(0);
    open(1);
    one.send("one").unwrap();
    other.send("other").unwrap();
    one.close();
    assert_eq!(
        (sent(0), sent(1)),
        (vec!["one".into()], vec!["other".into()])
    );
    assert_eq!((one.status(), closed_with(1)), (Status::Closed, None));
    assert!(other.status().is_open());
    drop(other);
    assert_eq!(closed_with(1), Some(1000));
}

#[wasm_bindgen_test]
async fn the_last_handle_may_go_within_a_callback() {
    let _page = Page::new();
    let held = Rc::new(RefCell::new(None));
    let client = Client::connect("ws://example.org");
    let last = Rc::clone(&held);
    let subscription = client.subscribe(move |event| {
        if let Event::Message(_) = event {
            drop(last.take());
        }
    });
    open(0);
    *held.borrow_mut() = Some(client);
    receive(0, "go");
    assert_eq!((closed_with(0), listening(0)), (Some(1000), 0));
    drop(subscription);
}

#[wasm_bindgen_test]
async fn bytes_go_both_ways() {
    let _page = Page::new();
    let client = Client::connect("ws://example.org");
    let heard = Rc::new(RefCell::new(Vec::new()));
    let all = Rc::clone(&heard);
    let _subscription = client.subscribe(move |event| {
        if let Event::Message(message) = event {
            all.borrow_mut().push(message.clone());
        }
    });
    open(0);
    client.send(vec![1, 2, 3]).unwrap();
    assert_eq!(sent_bytes(0), [1, 2, 3]);
    receive_binary(0, 200_000);
    receive(0, "text");
    let heard = heard.borrow();
    let [Message::Binary(binary), Message::Text(text)] = &heard[..] else {
        panic!("{heard:?}");
    };
    assert_eq!((binary.len(), binary.to_vec().len()), (200_000, 200_000));
    assert_eq!((binary.beginning(3), &**text), (vec![0; 3], "text"));
}

#[wasm_bindgen_test]
async fn an_address_is_asked_for_before_each_attempt() {
    let _page = Page::new();
    let attempts = Rc::new(RefCell::new(Vec::new()));
    let asked = Rc::clone(&attempts);
    let target = Target::asked(move |attempt: Attempt| {
        let number = asked.borrow().len();
        asked.borrow_mut().push(attempt);
        async move {
            match number {
                0 => Err(Unavailable::Now),
                1 | 2 => Ok(Endpoint::new(format!("ws://example.org/?{number}")).protocol("chat")),
                _ => Err(Unavailable::ForGood),
            }
        }
    });
    let client = Client::new(target, quick());
    client.open();
    eventually(|| count() == 1).await;
    assert_eq!(url(0), "ws://example.org/?1");
    choose(0, "chat");
    open(0);
    assert!(client.status().is_open());
    close(0, 4401, "expired");
    eventually(|| count() == 2).await;
    assert_eq!(url(1), "ws://example.org/?2");
    let codes: Vec<_> = attempts.borrow().iter().map(code).collect();
    assert_eq!(codes, [None, Some(1006), Some(4401)]);
    // Another subprotocol than those offered is none.
    open(1);
    assert_eq!(
        client.status(),
        Status::Failed(Failure::Refused(Refusal::NoProtocol))
    );
    client.retry();
    let unavailable = Status::Failed(Failure::Refused(Refusal::Unavailable));
    eventually(|| client.status() == unavailable).await;
}

#[wasm_bindgen_test]
async fn a_socket_that_was_opened_early_is_taken_over_where_it_goes_there() {
    let _page = Page::new();
    let early = |url: &str| {
        let socket = WebSocket::new_with_str_sequence(url, &js_sys::Array::new()).unwrap();
        let events = vec![web_sys::Event::new("open").unwrap()];
        EarlySocket {
            socket,
            events,
            is_quiet: false,
        }
    };
    let there = early("ws://example.org/");
    open(0);
    let target = Target::asked(|_| ready(Ok(Endpoint::new("ws://example.org"))));
    let client = Client::new(target, quick().greeting("login"));
    client.adopt(there);
    client.open();
    client.send("order").unwrap();
    eventually(|| sent(0) == ["login", "order"]).await;
    assert_eq!(count(), 1);
    drop(client);

    let elsewhere = Client::new("ws://example.org", quick());
    elsewhere.adopt(early("ws://other.example/"));
    elsewhere.open();
    let offering = Client::new(Endpoint::new("ws://example.org").protocol("chat"), quick());
    offering.adopt(early("ws://example.org/"));
    offering.open();
    let unused = Client::new("ws://example.org", quick());
    unused.adopt(early("ws://example.org/"));
    drop(unused);
    assert_eq!([1, 3, 5].map(closed_with), [Some(1000); 3]);
    assert_eq!((count(), live()), (6, 2));
}

#[wasm_bindgen_test]
async fn what_is_kept_in_the_tab_is_sent_by_one_document() {
    let _page = Page::new();
    let options = || Options::new().keep_in_tab("kept");
    let window = web_sys::window().unwrap();
    let (session, local) = (window.session_storage(), window.local_storage());
    let (session, local) = (session.unwrap().unwrap(), local.unwrap().unwrap());
    let happens = |kind: &str| {
        let init = PageTransitionEventInit::new();
        init.set_persisted(true);
        let event = PageTransitionEvent::new_with_event_init_dict(kind, &init);
        window.dispatch_event(&event.unwrap()).unwrap();
    };
    let client = Client::new("ws://example.org", options());
    let receipt = client.send("a").unwrap();
    assert_eq!(session.length().unwrap(), 0);
    happens("pagehide");
    assert_eq!(session.length().unwrap(), 1);

    let next = Client::new("ws://example.org", options());
    next.open();
    next.send("b").unwrap();
    // It waits for what was kept: that comes first.
    assert_eq!(count(), 0);
    eventually(|| count() == 1).await;
    open(0);
    assert_eq!(sent(0), ["a", "b"]);

    happens("pageshow");
    assert_eq!(receipt.fate(), Some(Fate::HandedOver));
    assert_eq!(client.delivery().queued, 0);
    assert_eq!(session.length().unwrap(), 0);
    drop((client, next));
    local.remove_item("kept spent").unwrap();
    assert_eq!(local.length().unwrap(), 0);
}

#[wasm_bindgen_test]
async fn a_path_is_one_of_the_pages_own_host() {
    let _page = Page::new();
    let client = Client::connect("/ws");
    let host = web_sys::window().unwrap().location().host().unwrap();
    assert_eq!(url(0), format!("ws://{host}/ws"));
    drop(client);
    let client = Client::connect("ws://[");
    assert_eq!(
        client.status(),
        Status::Failed(Failure::Refused(Refusal::BadAddress))
    );
    assert_eq!(count(), 1);
}

#[wasm_bindgen_test]
async fn the_heartbeat_is_an_interval_that_messages_put_off() {
    let _page = Page::new();
    watch_timers();
    let client = Client::new("ws://example.org", quick());
    client.open();
    open(0);
    for _ in 0..1_000 {
        receive(0, "tick");
    }
    let (intervals, timeouts) = (intervals(), timeouts());
    unwatch_timers();
    // One of each: the heartbeat's, and the handshake's.
    assert_eq!((intervals, timeouts), (1, 1));
    drop(client);
}

const HEARTBEAT: Duration = Duration::from_millis(100);

fn quick() -> Options {
    Options::new()
        .heartbeat(HEARTBEAT)
        .retry_min(Duration::from_millis(10))
        .retry_max(Duration::from_millis(10))
        .prove_within(HEARTBEAT / 2)
}

fn code(attempt: &Attempt) -> Option<u16> {
    attempt.loss.as_ref().map(|loss| loss.closure.code)
}

/// How often a component was drawn.
#[derive(Clone, Default, PartialEq, Properties)]
struct Drawn {
    #[prop_or_default]
    drawn: Rc<RefCell<u32>>,
}

impl Drawn {
    fn note(&self) {
        *self.drawn.borrow_mut() += 1;
    }

    fn count(&self) -> u32 {
        *self.drawn.borrow()
    }
}

#[derive(Clone, Default, PartialEq, Properties)]
struct Heard {
    #[prop_or_default]
    heard: Rc<RefCell<Vec<String>>>,
}

#[derive(Clone, PartialEq, Properties)]
struct Shared {
    client: Client,
}

#[derive(Clone, PartialEq, Properties)]
struct Sent {
    receipt: Receipt,
}

/// An element to draw in, and the fake; dropping it puts the real `WebSocket` back.
struct Page(Element);

impl Page {
    fn new() -> Self {
        install();
        let root = document().create_element("div").unwrap();
        document().body().unwrap().append_child(&root).unwrap();
        Self(root)
    }

    fn render<C: BaseComponent>(&self, props: C::Properties) -> AppHandle<C> {
        yew::Renderer::<C>::with_root_and_props(self.0.clone(), props).render()
    }

    fn text(&self) -> String {
        self.0.text_content().unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.0.remove();
        uninstall();
    }
}

async fn settle() {
    yew::scheduler::flush().await;
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

fn document() -> web_sys::Document {
    web_sys::window().unwrap().document().unwrap()
}

fn sent_bytes(index: usize) -> Vec<u8> {
    let bytes: JsValue = sent_values(index).get(0);
    js_sys::Uint8Array::new(&bytes).to_vec()
}

#[wasm_bindgen(module = "/tests/fake_socket.js")]
extern "C" {
    fn install();
    fn uninstall();
    fn count() -> usize;
    fn live() -> usize;
    fn url(index: usize) -> String;
    fn sent(index: usize) -> Vec<String>;
    #[wasm_bindgen(js_name = sent)]
    fn sent_values(index: usize) -> js_sys::Array;
    fn listening(index: usize) -> usize;
    fn closed_with(index: usize) -> Option<u16>;
    fn choose(index: usize, protocol: &str);
    fn open(index: usize);
    fn receive(index: usize, text: &str);
    fn receive_binary(index: usize, length: usize);
    fn close(index: usize, code: u16, reason: &str);
    fn watch_page();
    fn page_listeners() -> i32;
    fn unwatch_page();
    fn hold_frames();
    fn pass_frame();
    fn free_frames();
    fn watch_timers();
    fn intervals() -> u32;
    fn timeouts() -> u32;
    fn unwatch_timers();
}
