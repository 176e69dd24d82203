//! The last message received.

use std::rc::Rc;

use web_sys::Element;
use yew::{Html, NodeRef, html};

use super::browser;
use crate::words::Words;

/// Shows the last message, between two drawings of the page too: drawing all of it takes longer than
/// an echo from near by.
#[derive(Default)]
pub(super) struct LastMessage {
    message: Option<Message>,
    is_shown: bool,
    /// What it holds is written here alone, and Yew sees nothing in it.
    output: NodeRef,
}

enum Message {
    Text(Rc<str>),
    /// A binary frame of so many bytes.
    Binary(usize),
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

    /// Has it written anew: its words have changed.
    pub(super) fn reword(&mut self) {
        self.is_shown = false;
    }

    /// Writes the message; returns whether it was not there yet.
    pub(super) fn show(&mut self, words: &'static Words) -> bool {
        if self.is_shown {
            return false;
        }
        let (Some(message), Some(output)) = (&self.message, self.output.cast::<Element>()) else {
            return false;
        };
        match message {
            Message::Text(text) => output.set_text_content(Some(text)),
            Message::Binary(bytes) => {
                let bytes = u64::try_from(*bytes).unwrap_or(u64::MAX);
                browser::emphasize(&output, &words.binary.of(bytes));
            }
        }
        self.is_shown = true;
        true
    }

    /// The card around it. No live region: it would read every echo aloud.
    pub(super) fn view(&self, words: &'static Words) -> Html {
        html! {
            <section class="card" aria-labelledby="received-name">
                <h2 id="received-name" ~textContent={words.last} />
                <pre
                    ref={&self.output}
                    id="received"
                    role="group"
                    aria-labelledby="received-name"
                    tabindex="0"
                    dir="auto"
                />
                if self.message.is_none() {
                    <p class="hint" ~textContent={words.last_empty} />
                }
            </section>
        }
    }

    fn take(&mut self, message: Message) {
        self.message = Some(message);
        self.is_shown = false;
    }
}
