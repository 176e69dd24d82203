//! Takes over what `early.js` and `draft.js` have begun: the configuration, a socket, what is typed.

use heartwire::EarlySocket;
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use web_sys::{Event, Url, WebSocket};

use super::browser;

/// What was typed before the page could take it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The field's text after each change, none of them a composition's.
    pub(super) texts: Vec<String>,
    /// Where the caret is, or what is selected, if the field has the focus: its ends in UTF-16 units.
    pub(super) selection: Option<(u32, u32)>,
}

/// What the host says of `config.json`.
pub(super) fn config() -> Option<Promise> {
    early().map(|early| early.config())
}

/// What was typed, once no input method is at work on it.
pub(super) async fn draft() -> Draft {
    let (Some(early), Some(field)) = (early(), browser::field()) else {
        return Draft::default();
    };
    if let Err(error) = early.composed().await {
        browser::warn("a composition was cut off", &error);
    }
    let has_focus = browser::has_focus_within(&field);
    let ends = || Some((field.selection_start().ok()??, field.selection_end().ok()??));
    Draft {
        texts: take(&early.texts())
            .filter_map(|text| text.as_string())
            .collect(),
        selection: has_focus.then(ends).flatten(),
    }
}

/// The socket that was opened early, if it goes to `url`; it is given once.
pub(super) fn socket(url: &str) -> Option<EarlySocket> {
    let early = early()?;
    let socket = early.socket()?;
    early.set_socket(&JsValue::UNDEFINED);
    for kind in ["onopen", "onmessage", "onclose"] {
        if let Err(error) = js_sys::Reflect::set(&socket, &kind.into(), &JsValue::NULL) {
            browser::warn("a socket was not taken over", &error);
        }
    }
    let events: Vec<Event> = take(&early.events()).map(JsCast::unchecked_into).collect();
    let is_wanted = Url::new(url).is_ok_and(|url| url.href() == socket.url());
    // One that a policy forbade never tells of its end, and the page has to hear of the policy.
    let is_forbidden = socket.ready_state() == WebSocket::CLOSED && events.is_empty();
    if is_wanted && !is_forbidden {
        let last = events.last().map(Event::time_stamp);
        let is_quiet = last.is_some_and(|at| browser::steady_millis() - at > QUIET_MILLIS);
        return Some(EarlySocket {
            socket,
            events,
            is_quiet,
        });
    }
    if let Err(error) = socket.close_with_code(1000) {
        browser::warn("an early socket was not closed", &error);
    }
    None
}

/// Closes the socket that was opened early, if the page had no use for it.
pub(super) fn close() {
    // No address is empty.
    drop(socket(""));
}

/// Takes what is in a list.
fn take(list: &Array) -> impl Iterator<Item = JsValue> {
    let taken = list.slice(0, list.length());
    list.set_length(0);
    taken.into_iter()
}

fn early() -> Option<Early> {
    EARLY.with(Option::clone)
}

/// A heartbeat may be late by so much.
const QUIET_MILLIS: f64 = 5_000.0;

#[wasm_bindgen]
extern "C" {
    /// What they leave to the page.
    #[derive(Clone)]
    type Early;

    #[wasm_bindgen(thread_local_v2, js_name = early)]
    static EARLY: Option<Early>;

    #[wasm_bindgen(method, getter)]
    fn config(this: &Early) -> Promise;

    #[wasm_bindgen(method)]
    fn composed(this: &Early) -> Promise;

    #[wasm_bindgen(method, getter)]
    fn texts(this: &Early) -> Array;

    #[wasm_bindgen(method, getter)]
    fn events(this: &Early) -> Array;

    #[wasm_bindgen(method, getter)]
    fn socket(this: &Early) -> Option<WebSocket>;

    #[wasm_bindgen(method, setter)]
    fn set_socket(this: &Early, socket: &JsValue);
}
