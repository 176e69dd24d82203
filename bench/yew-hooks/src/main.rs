//! An input whose every change is sent, and the last message received, over `use_websocket`.

#[path = "../../settings.rs"]
mod settings;

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Interval;
use settings::Query;
use web_sys::{HtmlInputElement, WebSocket};
use yew::prelude::*;
use yew_hooks::prelude::*;

fn main() {
    yew::Renderer::<Page>::new().render();
}

#[component]
fn Page() -> Html {
    let settings = use_memo((), |()| Settings::read());
    let period = settings.heartbeat;
    // It has no heartbeat of its own: this one is the page's, and each message begins it anew.
    let timer = use_mut_ref(|| None);
    let web_socket = use_mut_ref(|| None::<Shared>);
    let restart = {
        let (timer, web_socket) = (timer.clone(), web_socket.clone());
        move || {
            let web_socket = web_socket.clone();
            let beat = Interval::new(period, move || {
                if let Some(shared) = &*web_socket.borrow()
                    && let Some(web_socket) = &*shared.borrow()
                {
                    let _ = web_socket.send_with_str("heartbeat");
                }
            });
            *timer.borrow_mut() = Some(beat);
        }
    };

    let opened = restart.clone();
    let socket = use_websocket_with_options(
        settings.url.clone(),
        UseWebSocketOptions {
            onopen: Some(Box::new(move |_| opened())),
            onmessage: Some(Box::new(move |_| restart())),
            onclose: Some(Box::new(move |_| *timer.borrow_mut() = None)),
            // Endless by default; one delay for every attempt is what it offers.
            reconnect_interval: Some(settings.retry),
            ..UseWebSocketOptions::default()
        },
    );
    *web_socket.borrow_mut() = Some(socket.ws.clone());

    let received = (*socket.message).clone().unwrap_or_default();
    let oninput = move |event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        socket.send(field.value());
    };
    html! {
        <>
            <input id="message" {oninput} />
            <output id="received">{ received }</output>
        </>
    }
}

/// Where the hook keeps its socket.
type Shared = Rc<RefCell<Option<WebSocket>>>;

/// Those of `settings.js`, spelled as there; durations in milliseconds.
struct Settings {
    url: String,
    retry: u32,
    heartbeat: u32,
}

impl Settings {
    fn read() -> Self {
        let query = Query::read();
        let millis = |name, otherwise| {
            let millis = query.duration(name, otherwise).as_millis();
            u32::try_from(millis).unwrap_or_else(|_| panic!("{name} is too long"))
        };
        Self {
            url: query.text("url", "ws://localhost:8080"),
            retry: millis("retry_min", "1s"),
            heartbeat: millis("heartbeat", "30s"),
        }
    }
}
