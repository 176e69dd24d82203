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
    node(&browser::last_config()?, MOST_DEPTH)
}

/// Gets the file that stands beside the page, as it is now.
pub(super) async fn get() -> Result<Node, Failure> {
    let Some(file) = early::config() else {
        return Err(Failure::Error("it was not asked for".into()));
    };
    let value = file.await.map_err(|error| reason(&error))?;
    match node(&value, MOST_DEPTH) {
        Some(object @ Node::Object(_)) => {
            browser::store_config(&value);
            Ok(object)
        }
        Some(Node::Null | Node::Text(_) | Node::Literal(_) | Node::List(_)) => {
            Err(Failure::Error("no object".into()))
        }
        None => Err(Failure::Error(format!(
            "lists and objects in each other, more than {MOST_DEPTH} deep"
        ))),
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

/// Reads a value; nothing if it is deeper than that.
fn node(value: &JsValue, depth: usize) -> Option<Node> {
    let within = |value: &JsValue| node(value, depth.checked_sub(1)?);
    Some(if let Some(list) = value.dyn_ref::<Array>() {
        Node::List(
            list.iter()
                .map(|item| within(&item))
                .collect::<Option<_>>()?,
        )
    } else if let Some(object) = value.dyn_ref::<Object>() {
        let entries = Object::entries(object);
        let entries = entries.iter().map(|entry| {
            let entry: Array = entry.unchecked_into();
            let key = entry.get(0).as_string().unwrap_or_default();
            Some((key, within(&entry.get(1))?))
        });
        Node::Object(entries.collect::<Option<_>>()?)
    } else if value.is_null() {
        Node::Null
    } else if let Some(text) = value.as_string() {
        Node::Text(text)
    } else {
        let written = JSON::stringify(value).ok();
        let written = written.and_then(|written| written.as_string());
        Node::Literal(written.unwrap_or_default())
    })
}

/// No setting needs more, and each level takes some of the stack.
const MOST_DEPTH: usize = 64;
