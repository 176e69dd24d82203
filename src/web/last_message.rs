//! The last message received.

use std::rc::Rc;

use js_sys::futures::spawn_local;
use web_sys::Element;
use yew::{Callback, Html, NodeRef, html};

use super::browser;
use crate::{
    log::MAX_BYTES,
    payload::{MOST_SHOWN, beginning},
    words::{Words, fill},
};

/// What is shown of a text that is too long to be shown whole, in bytes: it is laid out as often as such a
/// message comes, and the box has room for a tenth of it.
const MOST_OF_LONG: usize = 8_000;

/// Shows the last message, between two drawings of the page too: drawing all of it takes longer than
/// an echo from near by.
#[derive(Default)]
pub(super) struct LastMessage {
    message: Option<Message>,
    is_shown: bool,
    /// What they hold is written here alone, and Yew sees nothing in them.
    output: NodeRef,
    note: NodeRef,
    has_note: bool,
    /// Whether the last copy of this message was made, once that is known.
    has_copied: Option<bool>,
}

enum Message {
    Text(Rc<str>),
    /// A binary frame of so many bytes.
    Binary(usize),
}

/// What happens to the last message.
#[derive(Debug)]
pub(super) enum Msg {
    /// All of it is to be copied.
    Copy,
    /// It was, or the browser did not allow it.
    Copied(bool),
}

impl LastMessage {
    /// Takes a text to show.
    pub(super) fn take_text(&mut self, text: Rc<str>) {
        self.take(Message::Text(text));
    }

    /// Takes the size of a binary frame to show.
    pub(super) fn take_binary(&mut self, bytes: usize) {
        self.take(Message::Binary(bytes));
    }

    /// Shows none any more.
    pub(super) fn clear(&mut self) {
        *self = Self {
            output: self.output.clone(),
            note: self.note.clone(),
            ..Self::default()
        };
        for element in [&self.output, &self.note] {
            if let Some(element) = element.cast::<Element>() {
                element.set_text_content(None);
            }
        }
    }

    /// Has it written anew: its words have changed.
    pub(super) fn reword(&mut self) {
        self.is_shown = false;
    }

    /// Does what the user wants.
    pub(super) fn update(&mut self, msg: Msg, emit: &Callback<Msg>) {
        match (msg, &self.message) {
            (Msg::Copy, Some(Message::Text(text))) => {
                let (text, emit) = (Rc::clone(text), emit.clone());
                spawn_local(async move { emit.emit(Msg::Copied(browser::copy(&text).await)) });
            }
            (Msg::Copy, Some(Message::Binary(_)) | None) => {}
            (Msg::Copied(has_copied), _) => self.has_copied = Some(has_copied),
        }
    }

    /// Writes the message; returns whether it was not there yet.
    pub(super) fn show(&mut self, words: &'static Words) -> bool {
        if self.is_shown {
            return false;
        }
        let (Some(message), Some(output)) = (&self.message, self.output.cast::<Element>()) else {
            return false;
        };
        let mut note = None;
        match message {
            Message::Text(text) if text.is_empty() => {
                browser::emphasize(&output, words.empty_message);
            }
            Message::Text(text) => {
                let is_long = text.len() > MOST_SHOWN;
                let end = if is_long { MOST_OF_LONG } else { MOST_SHOWN };
                let begun = beginning(&text[..text.floor_char_boundary(end)]);
                output.set_text_content(Some(&begun.text));
                let size = || words.size(text.len());
                note = if is_long || begun.is_cut {
                    let (cut, kept) = if text.len() > MAX_BYTES {
                        (words.last_cut_log, words.size(MAX_BYTES))
                    } else {
                        (words.last_cut, String::new())
                    };
                    Some(fill(cut, &[("size", &size()), ("kept", &kept)]))
                } else if begun.text.trim().is_empty() {
                    Some(fill(words.blank_message, &[("size", &size())]))
                } else {
                    None
                };
            }
            Message::Binary(bytes) => {
                let bytes = u64::try_from(*bytes).unwrap_or(u64::MAX);
                browser::emphasize(&output, &words.binary.of(bytes));
            }
        }
        if (note.is_some() || self.has_note)
            && let Some(element) = self.note.cast::<Element>()
        {
            element.set_text_content(note.as_deref());
            self.has_note = note.is_some();
        }
        self.is_shown = true;
        true
    }

    /// The card around it. No live region: it would read every echo aloud.
    pub(super) fn view(&self, words: &'static Words, emit: &Callback<Msg>) -> Html {
        let is_text = matches!(self.message, Some(Message::Text(_)));
        let copied = match self.has_copied {
            None => "",
            Some(true) => words.copied,
            Some(false) => words.not_copied,
        };
        html! {
            <section class="card" aria-labelledby="received-name">
                <h2 id="received-name" ~textContent={words.last} />
                <pre
                    ref={&self.output}
                    id="received"
                    role="group"
                    aria-labelledby="received-name"
                    aria-describedby="received-note"
                    tabindex="0"
                    dir="auto"
                />
                <p ref={&self.note} id="received-note" class="hint" />
                if self.message.is_none() {
                    <p class="hint" ~textContent={words.last_empty} />
                }
                <div class="copying">
                    <button
                        type="button"
                        // One that is disabled loses the focus.
                        aria-disabled={if is_text { "false" } else { "true" }}
                        onclick={emit.reform(|_| Msg::Copy)}
                        ~textContent={words.copy_last}
                    />
                    <span role="status" ~textContent={copied} />
                </div>
            </section>
        }
    }

    fn take(&mut self, message: Message) {
        self.message = Some(message);
        self.is_shown = false;
        self.has_copied = None;
    }
}
