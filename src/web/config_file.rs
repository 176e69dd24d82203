//! Reading `config.json`.

use js_sys::{Array, JSON, Object};
use wasm_bindgen::{JsCast as _, JsValue};

use super::{browser, early};
use crate::config::Node;

/// Why there is no `config.json`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Its host gave no answer in time.
    Late,
    /// This went wrong.
    Error(String),
}

/// How long the page waits for it, in `early.js`, before it starts without: in seconds.
pub(super) const PATIENCE: u32 = 3;

/// What the file said when the page was here last.
pub(super) fn last() -> Option<Node> {
    Some(node(&browser::last_config()?))
}

/// Gets the file that stands beside the page, as it is now.
pub(super) async fn get() -> Result<Node, Failure> {
    let Some(file) = early::config() else {
        return Err(Failure::Error("it was not asked for".into()));
    };
    let value = file.await.map_err(|error| reason(&error))?;
    match node(&value) {
        object @ Node::Object(_) => Ok(object),
        Node::Null | Node::Text(_) | Node::Literal(_) | Node::List(_) => {
            Err(Failure::Error("no object".into()))
        }
    }
}

fn reason(error: &JsValue) -> Failure {
    let Some(error) = error.dyn_ref::<js_sys::Error>() else {
        return Failure::Error(error.as_string().unwrap_or_default());
    };
    if error.name() == "TimeoutError" {
        return Failure::Late;
    }
    Failure::Error(error.message().into())
}

fn node(value: &JsValue) -> Node {
    if let Some(list) = value.dyn_ref::<Array>() {
        Node::List(list.iter().map(|item| node(&item)).collect())
    } else if let Some(object) = value.dyn_ref::<Object>() {
        let entries = Object::entries(object);
        let entries = entries.iter().map(|entry| {
            let entry: Array = entry.unchecked_into();
            let key = entry.get(0).as_string().unwrap_or_default();
            (key, node(&entry.get(1)))
        });
        Node::Object(entries.collect())
    } else if value.is_null() {
        Node::Null
    } else if let Some(text) = value.as_string() {
        Node::Text(text)
    } else {
        let written = JSON::stringify(value).ok();
        let written = written.and_then(|written| written.as_string());
        Node::Literal(written.unwrap_or_default())
    }
}
