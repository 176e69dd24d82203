//! The field in which messages are written.

use std::{cell::Cell, rc::Rc, time::Duration};

use gloo_events::EventListener;
use heartwire::core::{
    connection::Connection,
    outbox::{Full, Limit, MAX_BYTES},
};
use wasm_bindgen::JsCast as _;
use web_sys::{
    Event, HtmlInputElement, HtmlTextAreaElement, InputEvent, KeyboardEvent, SubmitEvent,
};
use yew::{Callback, Html, NodeRef, TargetCast as _, html};

use super::{browser, early::Draft};
use crate::{
    payload::runs_leftwards,
    recall::Recall,
    settings::Resend,
    words::{Words, fill},
};

/// The message field. The browser alone owns its text while it is typed into: to set it would disturb
/// an input method at work.
pub(super) struct Composer {
    field: NodeRef,
    /// Whether every change is sent.
    is_live: bool,
    recall: Recall,
    /// What was typed last, until its echo comes.
    typed: Option<String>,
    /// The outbox's limit that was met when a message was to be sent.
    refusal: Option<Limit>,
    typing: Option<[EventListener; 3]>,
}

/// What happens in the message field.
#[derive(Debug)]
pub(super) enum Composed {
    /// Its text is this now, and is no composition's.
    Typed(String),
    /// Every change is to be sent, or none.
    Live(bool),
    /// Something is to be done with the message as a whole.
    Wrote(Write),
    /// A saved message is put into the place of what the field holds.
    Inserted(Rc<str>),
    /// A saved message is sent, and the field stays as it is.
    SentSaved(Rc<str>),
}

/// What a key does to the message as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    /// Sends it.
    Send,
    /// Puts the message in its place that was sent before.
    Older,
    /// Puts the message in its place that was sent after.
    Newer,
}

impl Composer {
    pub(super) fn new() -> Self {
        Self {
            field: NodeRef::default(),
            is_live: true,
            recall: Recall::default(),
            typed: None,
            refusal: None,
            typing: None,
        }
    }

    /// Listens to the field, which has been drawn.
    pub(super) fn listen(&mut self, emit: &Callback<Composed>) {
        if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
            direct(&field, "");
            self.typing = Some(listen_to_typing(&field, &emit.reform(Composed::Typed)));
        }
    }

    /// Goes on where the user was typing before the field was there.
    pub(super) fn go_on(&self, draft: &Draft, emit: &Callback<Composed>) {
        let Some(field) = self.field.cast::<HtmlTextAreaElement>() else {
            return;
        };
        for text in &draft.texts {
            hold(&field, text);
            emit.emit(Composed::Typed(text.clone()));
        }
        if let Some((start, end)) = draft.selection
            && let Err(error) = field
                .focus()
                .and_then(|()| field.set_selection_range(start, end))
        {
            browser::warn("the caret could not be placed", &error);
        }
    }

    /// Empties the field, of which nobody is told. What it held can be called back.
    pub(super) fn clear(&mut self) {
        if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
            self.recall.give_way(field.value());
            hold(&field, "");
        }
        (self.typed, self.refusal) = (None, None);
    }

    /// What the field holds.
    pub(super) fn text(&self) -> String {
        let field = self.field.cast::<HtmlTextAreaElement>();
        field.map_or_else(String::new, |field| field.value())
    }

    /// Whether a text that came is the echo of what was typed last; it is so once.
    pub(super) fn is_echoed(&mut self, text: &str) -> bool {
        self.typed.take_if(|typed| typed == text).is_some()
    }

    /// Hands the connection what is to be sent.
    pub(super) fn take(
        &mut self,
        composed: Composed,
        connection: &mut Connection,
        resend: Resend,
        now: Duration,
    ) {
        match composed {
            Composed::Typed(text) => {
                if self.is_live {
                    self.typed = Some(text.clone());
                    connection.type_text(text, resend.typed(), now);
                }
                self.refusal = None;
                self.recall.leave();
            }
            Composed::Live(is_live) => {
                self.is_live = is_live;
                self.refusal = None;
            }
            Composed::Wrote(write) => {
                if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
                    self.write(write, &field, connection, resend, now);
                }
            }
            Composed::Inserted(text) => {
                if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
                    // What is typed was sent already.
                    if !self.is_live {
                        self.recall.give_way(field.value());
                    }
                    hold(&field, &text);
                    if let Err(error) = field.focus() {
                        browser::warn("the message field could not be focused", &error);
                    }
                }
                let typed = Composed::Typed((*text).into());
                self.take(typed, connection, resend, now);
            }
            Composed::SentSaved(text) => {
                let sent = connection.send(&*text, resend.sent(), now);
                self.refusal = sent.err().map(|full| full.limit);
            }
        }
    }

    fn write(
        &mut self,
        write: Write,
        field: &HtmlTextAreaElement,
        connection: &mut Connection,
        resend: Resend,
        now: Duration,
    ) {
        let text = field.value();
        match write {
            Write::Send => match connection.send(text.as_str(), resend.sent(), now) {
                Ok(_) => {
                    self.refusal = None;
                    self.recall.note(text);
                    hold(field, "");
                }
                Err(Full { limit, .. }) => self.refusal = Some(limit),
            },
            Write::Older => {
                if let Some(older) = self.recall.older(&text) {
                    hold(field, older);
                }
            }
            Write::Newer => {
                if let Some(newer) = self.recall.newer() {
                    hold(field, &newer);
                }
            }
        }
    }

    /// Draws it.
    pub(super) fn view(&self, words: &'static Words, emit: &Callback<Composed>) -> Html {
        let is_live = self.is_live;
        let onchange = emit.reform(|event: Event| {
            Composed::Live(event.target_unchecked_into::<HtmlInputElement>().checked())
        });
        let onsubmit = emit.reform(|event: SubmitEvent| {
            event.prevent_default();
            Composed::Wrote(Write::Send)
        });
        let emit = emit.clone();
        let onkeydown = Callback::from(move |event: KeyboardEvent| {
            if !is_live && let Some(write) = meant_by(&event) {
                event.prevent_default();
                // A key that is held does not send what it has left behind: an empty message.
                if !(event.repeat() && matches!(write, Write::Send)) {
                    emit.emit(Composed::Wrote(write));
                }
            }
        });
        let hint = if is_live {
            words.live_hint
        } else {
            words.enter_hint
        };
        let refusal = self.refusal.map(|limit| match limit {
            Limit::Messages(count) => fill(words.outbox_full, &[("n", &count.to_string())]),
            Limit::Bytes(bytes) => {
                let [kept, most] = [bytes, MAX_BYTES].map(|bytes| (bytes / 1_000).to_string());
                fill(words.outbox_full_bytes, &[("n", &kept), ("m", &most)])
            }
        });
        html! {
            <form class="card" aria-labelledby="message-name" {onsubmit}>
                <label id="message-name" for="message" ~textContent={words.message} />
                <textarea
                    ref={&self.field}
                    id="message"
                    rows="3"
                    autocomplete="off"
                    enterkeyhint={if is_live { "enter" } else { "send" }}
                    aria-describedby="message-hint message-error"
                    {onkeydown}
                />
                <p id="message-error" class="error" role="alert" ~textContent={refusal.unwrap_or_default()} />
                <div class="composing">
                    <label class="check">
                        <input type="checkbox" checked={is_live} {onchange} />
                        <span ~textContent={words.live} />
                    </label>
                    <p id="message-hint" class="hint" ~textContent={hint} />
                    if !is_live {
                        <button type="submit" class="primary" ~textContent={words.send} />
                    }
                </div>
            </form>
        }
    }
}

/// Puts a text into the field.
fn hold(field: &HtmlTextAreaElement, text: &str) {
    field.set_value(text);
    direct(field, text);
}

/// Lets the field's text run as its letters do. With `dir="auto"` Chromium looks for that anew at every
/// line that is put into a text area: 40,000 lines took it 8 s, and without that 0.05 s.
fn direct(field: &HtmlTextAreaElement, text: &str) {
    let direction = if runs_leftwards(text) { "rtl" } else { "ltr" };
    if field.dir() != direction {
        field.set_dir(direction);
    }
}

/// What a key is to do, where it is not the field's own. Enter that ends a composition is the input
/// method's: Safari says so by the key code 229 alone.
fn meant_by(event: &KeyboardEvent) -> Option<Write> {
    const COMPOSING: u32 = 229;
    if event.is_composing() || event.key_code() == COMPOSING || event.alt_key() {
        return None;
    }
    let field = event.target_unchecked_into::<HtmlTextAreaElement>();
    let text = field.value();
    let caret = field.selection_start().ok()??;
    let is_plain = !event.shift_key() && !event.ctrl_key() && !event.meta_key();
    let line_break = u16::from(b'\n');
    let caret = usize::try_from(caret).unwrap_or(usize::MAX);
    match event.key().as_str() {
        "Enter" if !event.shift_key() => Some(Write::Send),
        // On the first line and on the last one there is nowhere else to go.
        "ArrowUp"
            if is_plain
                && !text
                    .encode_utf16()
                    .take(caret)
                    .any(|unit| unit == line_break) =>
        {
            Some(Write::Older)
        }
        "ArrowDown"
            if is_plain
                && !text
                    .encode_utf16()
                    .skip(caret)
                    .any(|unit| unit == line_break) =>
        {
            Some(Write::Newer)
        }
        _ => None,
    }
}

/// Listens to the message field until dropped.
///
/// Nothing under composition is told, whatever events it makes of its own: the text is told at its
/// end. The last `input` of a composition has the final text in Chromium and comes again after
/// `compositionend` in Firefox; an unchanged text is not sent twice. Yew knows no composition events.
#[must_use = "dropping the listeners detaches them"]
pub(super) fn listen_to_typing(
    field: &HtmlTextAreaElement,
    on_type: &Callback<String>,
) -> [EventListener; 3] {
    let is_composing = Rc::new(Cell::new(false));
    ["compositionstart", "input", "compositionend"].map(|kind| {
        let (source, on_type) = (field.clone(), on_type.clone());
        let is_composing = Rc::clone(&is_composing);
        EventListener::new(field, kind, move |event| {
            match kind {
                "compositionstart" => is_composing.set(true),
                "compositionend" => is_composing.set(false),
                _ => {}
            }
            let text = source.value();
            direct(&source, &text);
            let event = event.dyn_ref::<InputEvent>();
            if !is_composing.get() && !event.is_some_and(InputEvent::is_composing) {
                on_type.emit(text);
            }
        })
    })
}
