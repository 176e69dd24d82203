//! The search by a regular expression, which the browser runs in a worker.

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Array, Uint32Array};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, Worker};
use yew::Callback;

use super::browser;
use crate::log::Log;

/// What is looked for as rows come, until it is dropped or takes too long.
pub(super) struct Expression {
    worker: Option<Worker>,
    /// Whether the worker is there: its script may be long on its way.
    is_ready: bool,
    _listeners: Option<[EventListener; 2]>,
    emit: Callback<Answer>,
    source: String,
    flags: String,
    /// The first row that was not searched yet.
    next: u64,
    /// The numbers of the rows that are being searched, and what ends that.
    searched: Option<(Vec<u64>, Timeout)>,
    problem: Option<Problem>,
}

/// What came of some rows.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The worker has this to say.
    Told(JsValue),
    /// There is no worker: its script could not be loaded, or must not be.
    Refused,
    /// It said nothing in time.
    Late,
}

/// Why a search ended.
#[derive(Debug)]
pub(super) enum Problem {
    /// The browser says so of the expression.
    Wrong(String),
    /// The browser could not begin it.
    Refused,
    /// It took too long.
    Slow,
}

impl Expression {
    /// Begins the search that a text asks for; nothing if that is not `/expression/`, with or without flags.
    pub(super) fn start(text: &str, emit: Callback<Answer>) -> Option<Self> {
        let (source, flags) = parts(text)?;
        let worker = Worker::new(WORKER)
            .inspect_err(|error| browser::warn("a worker could not be begun", error))
            .ok();
        let listeners = worker.as_ref().map(|worker| {
            ["message", "error"].map(|kind| {
                let emit = emit.clone();
                EventListener::new(worker, kind, move |event| {
                    emit.emit(match event.dyn_ref::<MessageEvent>() {
                        Some(message) => Answer::Told(message.data()),
                        None => Answer::Refused,
                    });
                })
            })
        });
        Some(Self {
            problem: worker.is_none().then_some(Problem::Refused),
            worker,
            is_ready: false,
            _listeners: listeners,
            emit,
            source: source.into(),
            flags: flags.into(),
            next: 0,
            searched: None,
        })
    }

    /// Has the rows searched that were not yet, as far as the worker is free.
    pub(super) fn go_on(&mut self, log: &mut Log) {
        let is_free = self.is_ready && self.searched.is_none();
        let Some(worker) = self.worker.as_ref().filter(|_| is_free) else {
            return;
        };
        if let Some(changed) = log.take_changed() {
            self.next = self.next.min(changed);
        }
        let (texts, mut numbers, mut bytes) = (Array::new(), Vec::new(), 0);
        for (number, text) in log.texts(self.next) {
            texts.push(&JsValue::from(&*text));
            numbers.push(number);
            bytes += text.len();
            if bytes > BATCH_BYTES {
                break;
            }
        }
        let Some(last) = numbers.last() else {
            return;
        };
        self.next = last + 1;
        let message = Array::of3(
            &JsValue::from(&self.source),
            &JsValue::from(&self.flags),
            &texts,
        );
        if let Err(error) = worker.post_message(&message) {
            browser::warn("no rows could be searched", &error);
        }
        let emit = self.emit.clone();
        let late = Timeout::new(MOST_MILLIS, move || emit.emit(Answer::Late));
        self.searched = Some((numbers, late));
    }

    /// Tells the log what was found.
    pub(super) fn take(&mut self, answer: &Answer, log: &mut Log) {
        let searched = self.searched.take();
        match answer {
            Answer::Told(told) if told.is_null() => self.is_ready = true,
            Answer::Told(told) if told.is_string() => {
                self.problem = Some(Problem::Wrong(told.as_string().unwrap_or_default()));
            }
            Answer::Told(told) => {
                if let Some((numbers, _)) = searched {
                    let found = Uint32Array::new(told).to_vec().into_iter();
                    let found = found.filter_map(|index| numbers.get(index as usize).copied());
                    log.find(numbers[0], found);
                }
            }
            Answer::Refused => self.problem = Some(Problem::Refused),
            Answer::Late => self.problem = Some(Problem::Slow),
        }
        if self.problem.is_some() {
            self.end();
        }
    }

    /// Whether something may be found yet.
    pub(super) fn is_under_way(&self) -> bool {
        self.searched.is_some() || self.worker.is_some() && !self.is_ready
    }

    /// Why it has ended, if it has.
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    fn end(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.terminate();
        }
    }
}

impl Drop for Expression {
    fn drop(&mut self) {
        self.end();
    }
}

/// The expression and the flags of `/expression/flags`. A path like `/api/users` is none.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (source, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    let are_flags = flags.chars().all(|flag| "dgimsuvy".contains(flag));
    (are_flags && !source.is_empty()).then_some((source, flags))
}

/// The least that is searched at once, in bytes, if there is more: a batch costs a message to the worker
/// and one from it.
const BATCH_BYTES: usize = 256_000;

/// An expression takes a few milliseconds for so much, or grows with more than the length of a text. A
/// machine may be busy.
const MOST_MILLIS: u32 = 3_000;

/// The worker's script, beside the page.
const WORKER: &str = "search.js";
