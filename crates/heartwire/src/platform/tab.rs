//! A tab of a browser: its storage, its locks, and whether anybody sees it.

use std::{any::Any, cell::Cell, rc::Rc};

use gloo_events::EventListener;
use js_sys::{Function, JSON, Promise, futures::spawn_local};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure, prelude::wasm_bindgen};
use web_sys::{Event, EventTarget, PageTransitionEvent, Storage};

use super::browser::{is_hidden, random, read};
use crate::kept::{Document, Life, Tab, Task};

/// A page in its tab.
#[derive(Clone, Default)]
pub(super) struct Page {
    is_left: Rc<Cell<bool>>,
}

impl Page {
    /// The one that this runs in; a worker is in none.
    pub(super) fn new() -> Option<Self> {
        web_sys::window().map(|_| Self::default())
    }
}

impl Tab for Page {
    fn kept(&self, name: &str) -> Option<String> {
        session()?.get_item(name).ok()?
    }

    fn keep(&self, name: &str, text: &str) -> bool {
        let Some(storage) = session() else {
            return false;
        };
        // Where it is not taken, there is nothing.
        let removed = storage.remove_item(name);
        let kept = if text.is_empty() {
            removed
        } else {
            storage.set_item(name, text)
        };
        kept.is_ok()
    }

    fn names(&self) -> Vec<String> {
        let Some(storage) = session() else {
            return Vec::new();
        };
        let count = storage.length().unwrap_or_default();
        let names = (0..count).filter_map(|index| storage.key(index).ok()?);
        names.collect()
    }

    fn shared(&self, name: &str) -> Option<String> {
        local()?.get_item(name).ok()?
    }

    fn share(&self, name: &str, text: &str) -> bool {
        // What was there stays if there is no room: a ticket that is spent must not be good again.
        local().is_some_and(|storage| storage.set_item(name, text).is_ok())
    }

    fn secret(&self) -> String {
        // Without, there is but one ticket, which is spent once and never good again.
        let bytes = random().unwrap_or_default();
        bytes.map(|byte| format!("{byte:02x}")).concat()
    }

    fn lock(&self, name: &str) -> Option<Box<dyn Any>> {
        Some(Box::new(Lock::hold(name)?))
    }

    fn locks(&self) -> Task<String> {
        Box::pin(async {
            // There are none where the page did not come safely.
            let locks = LOCKS.with(Option::clone);
            let state = match locks.map(|locks| locks.query()) {
                Some(state) => state.await.ok(),
                None => None,
            };
            let state = state.and_then(|state| JSON::stringify(&state).ok());
            state
                .and_then(|state| state.as_string())
                .unwrap_or_default()
        })
    }
}

impl Document for Page {
    fn address(&self, url: &str) -> String {
        read(url).map_or_else(|| url.into(), |url| url.href())
    }

    fn life(&self) -> Life {
        if self.is_left.get() {
            Life::Left
        } else if is_hidden() {
            Life::Hidden
        } else {
            Life::Shown
        }
    }

    fn watch(&self, turn: Box<dyn Fn(Life)>) -> Box<dyn Any> {
        let (Some(window), turn) = (web_sys::window(), Rc::from(turn)) else {
            return Box::new(());
        };
        let Some(document) = window.document() else {
            return Box::new(());
        };
        let on = |target: &EventTarget, kind: &'static str, is_left: fn(&Self, &Event) -> bool| {
            let (page, turn) = (self.clone(), Rc::<dyn Fn(Life)>::clone(&turn));
            EventListener::new(target, kind, move |event| {
                page.is_left.set(is_left(&page, event));
                turn(page.life());
            })
        };
        Box::new([
            on(&window, "pagehide", |_, _| true),
            on(&window, "pageshow", |page, event| {
                let event = event.dyn_ref::<PageTransitionEvent>();
                page.is_left.get() && !event.is_some_and(PageTransitionEvent::persisted)
            }),
            on(&document, "freeze", |_, _| true),
            on(&document, "resume", |_, _| false),
            // It is hidden after it is left.
            on(&document, "visibilitychange", |page, _| {
                page.is_left.get() && is_hidden()
            }),
        ])
    }

    fn run(&self, task: Task<()>) {
        spawn_local(task);
    }
}

/// The tab's storage, where the user allows one.
fn session() -> Option<Storage> {
    web_sys::window()?.session_storage().ok()?
}

/// The origin's storage, where the user allows one.
fn local() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Tells other documents that this one lives, until dropped: <https://w3c.github.io/web-locks/>.
struct Lock {
    release: Function,
}

impl Lock {
    fn hold(name: &str) -> Option<Self> {
        let locks = LOCKS.with(Option::clone)?;
        let mut release = None;
        let until = Promise::new(&mut |resolve, _| release = Some(resolve));
        let hold = Closure::once_into_js(move || until);
        let ended = locks.request(name, &hold.into());
        // Where storage is denied there are no locks either.
        spawn_local(async move {
            let _ = ended.await;
        });
        Some(Self { release: release? })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To settle a promise never fails.
        let _ = self.release.call0(&JsValue::NULL);
    }
}

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Locks;

    #[wasm_bindgen(thread_local_v2, js_namespace = navigator, js_name = locks)]
    static LOCKS: Option<Locks>;

    #[wasm_bindgen(method)]
    fn request(this: &Locks, name: &str, hold: &Function) -> Promise;

    #[wasm_bindgen(method)]
    fn query(this: &Locks) -> Promise;
}
