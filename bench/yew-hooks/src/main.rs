//! An input whose every change is sent, and the last message received, over `use_websocket`.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Interval;
use web_sys::{HtmlInputElement, UrlSearchParams, WebSocket};
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
        let search = web_sys::window().and_then(|window| window.location().search().ok());
        let query = UrlSearchParams::new_with_str(&search.unwrap_or_default()).ok();
        let value = |name, otherwise: &str| {
            let value = query.as_ref().and_then(|query| query.get(name));
            value.unwrap_or_else(|| otherwise.to_owned())
        };
        let millis = |name, otherwise| {
            let value = value(name, otherwise);
            millis(&value).unwrap_or_else(|| panic!("{name} \"{value}\" is not a duration"))
        };
        Self {
            url: value("url", "ws://localhost:8080"),
            retry: millis("retry_min", "1s"),
            heartbeat: millis("heartbeat", "30s"),
        }
    }
}

fn millis(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(unit)
}
