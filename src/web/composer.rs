//! The field in which messages are written.

use std::{cell::Cell, rc::Rc, time::Duration};

use gloo_events::EventListener;
use heartwire::{
    Payload,
    core::{
        connection::Connection,
        outbox::{Full, Limit, MAX_BYTES},
        protocol::PayloadRef,
    },
};
use wasm_bindgen::JsCast as _;
use web_sys::{
    DragEvent, Event, HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement, InputEvent,
    KeyboardEvent, SubmitEvent,
};
use yew::{Callback, Html, NodeRef, TargetCast as _, html};

use super::{
    attachment::{Attachment, Failure, allow_drop},
    browser,
    early::Draft,
};
use crate::{
    binary::{Misspelling, Notation},
    payload::runs_leftwards,
    recall::Recall,
    settings::Resend,
    words::{Words, fill},
};

/// The message field. The browser alone owns its text while it is typed into: to set it would disturb
/// an input method at work.
pub(super) struct Composer {
    field: NodeRef,
    attachment: Attachment,
    emit: Callback<Composed>,
    format: Format,
    /// Whether every change of a text is sent.
    is_live: bool,
    recall: Recall,
    /// What was typed last, until its echo comes.
    typed: Option<String>,
    /// Why a message was not sent.
    refusal: Option<Refusal>,
    typing: Option<[EventListener; 3]>,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    /// The field's text, as a text frame.
    Text,
    /// The bytes that are written in the field.
    Bytes(Notation),
    /// A file. The field's text stays as it is.
    File,
}

impl Format {
    const EACH: [Self; 4] = [
        Self::Text,
        Self::Bytes(Notation::Hex),
        Self::Bytes(Notation::Base64),
        Self::File,
    ];

    fn id(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes(Notation::Hex) => "hex",
            Self::Bytes(Notation::Base64) => BASE64,
            Self::File => "file",
        }
    }

    fn name(self, words: &Words) -> &'static str {
        match self {
            Self::Text => words.text,
            Self::Bytes(Notation::Hex) => words.hex,
            Self::Bytes(Notation::Base64) => BASE64,
            Self::File => words.file,
        }
    }
}

/// A name that belongs to no language.
const BASE64: &str = "Base64";

/// Why a message was not sent.
enum Refusal {
    /// The outbox's limit that was met.
    Full(Limit),
    /// The same of a message that is saved.
    SavedFull(Limit),
    Misspelt(Misspelling),
    File(Failure),
}

/// What happens in the message field.
#[derive(Debug)]
pub(super) enum Composed {
    /// Its text is this now, and is no composition's.
    Typed(String),
    /// Every change is to be sent, or none.
    Live(bool),
    /// This is what is sent from now on.
    As(Format),
    /// A file was dropped or pasted.
    Put(Result<(), Failure>),
    /// The file that is to be sent was read.
    Read(Result<Vec<u8>, Failure>),
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
    pub(super) fn new(emit: Callback<Composed>) -> Self {
        Self {
            field: NodeRef::default(),
            attachment: Attachment::default(),
            emit,
            format: Format::Text,
            is_live: true,
            recall: Recall::default(),
            typed: None,
            refusal: None,
            typing: None,
        }
    }

    /// Listens to the field, which has been drawn.
    pub(super) fn listen(&mut self) {
        if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
            direct(&field, "");
            self.typing = Some(listen_to_typing(&field, &self.emit.reform(Composed::Typed)));
        }
    }

    /// Goes on where the user was typing before the field was there.
    pub(super) fn go_on(&self, draft: &Draft) {
        let Some(field) = self.field.cast::<HtmlTextAreaElement>() else {
            return;
        };
        for text in &draft.texts {
            hold(&field, text);
            self.emit.emit(Composed::Typed(text.clone()));
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
        self.attachment.clear();
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
                let limit = connection.limit_of(PayloadRef::Text(&text));
                self.refusal = limit.map(Refusal::Full);
                if self.is_live() {
                    self.typed = Some(text.clone());
                    connection.type_text(text, resend.typed(), now);
                }
                self.recall.leave();
            }
            Composed::Live(is_live) => {
                self.is_live = is_live;
                self.refusal = None;
            }
            Composed::As(format) => {
                self.format = format;
                self.refusal = None;
            }
            Composed::Put(put) => {
                if put.is_ok() {
                    self.format = Format::File;
                }
                self.refusal = put.err().map(Refusal::File);
            }
            Composed::Read(read) => {
                self.attachment.end_reading();
                match read {
                    Ok(bytes) => {
                        if self.send(bytes.into(), Refusal::Full, connection, resend, now) {
                            self.attachment.clear();
                        }
                    }
                    Err(failure) => self.refusal = Some(Refusal::File(failure)),
                }
            }
            Composed::Wrote(write) => {
                if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
                    self.write(write, &field, connection, resend, now);
                }
            }
            Composed::Inserted(text) => {
                if self.format == Format::File {
                    self.format = Format::Text;
                }
                if let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
                    // What is typed was sent already.
                    if !self.is_live() {
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
                self.send((&*text).into(), Refusal::SavedFull, connection, resend, now);
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
        let notation = match self.format {
            Format::Text => None,
            Format::Bytes(notation) => Some(notation),
            Format::File => {
                if let Write::Send = write {
                    let told = self.emit.reform(Composed::Read);
                    self.refusal = self.attachment.read(told).err().map(Refusal::File);
                }
                return;
            }
        };
        let text = field.value();
        match write {
            Write::Send => {
                let payload = match notation {
                    None => Ok(text.as_str().into()),
                    Some(notation) => notation.read(&text).map(Payload::from),
                };
                match payload {
                    Ok(payload) => {
                        if self.send(payload, Refusal::Full, connection, resend, now) {
                            self.recall.note(text);
                            hold(field, "");
                        }
                    }
                    Err(misspelling) => {
                        select(field, &text, &misspelling);
                        self.refusal = Some(Refusal::Misspelt(misspelling));
                    }
                }
            }
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

    /// Sends a message on purpose; returns whether there was room for it.
    fn send(
        &mut self,
        payload: Payload,
        refusal: fn(Limit) -> Refusal,
        connection: &mut Connection,
        resend: Resend,
        now: Duration,
    ) -> bool {
        let refused = connection.send(payload, resend.sent(), now).err();
        self.refusal = refused.map(|Full { limit, .. }| refusal(limit));
        self.refusal.is_none()
    }

    /// Whether every change is sent.
    fn is_live(&self) -> bool {
        self.is_live && self.format == Format::Text
    }

    /// Draws it.
    pub(super) fn view(&self, words: &'static Words) -> Html {
        let emit = &self.emit;
        let (format, is_live) = (self.format, self.is_live());
        let is_file = format == Format::File;
        let onchange = emit.reform(|event: Event| {
            Composed::Live(event.target_unchecked_into::<HtmlInputElement>().checked())
        });
        let onsubmit = emit.reform(|event: SubmitEvent| {
            event.prevent_default();
            Composed::Wrote(Write::Send)
        });
        let onformat = emit.reform(|event: Event| {
            let chosen = event.target_unchecked_into::<HtmlSelectElement>().value();
            let mut formats = Format::EACH.into_iter();
            let format = formats.find(|format| format.id() == chosen);
            Composed::As(format.unwrap_or(Format::Text))
        });
        let onfile = emit.reform(|_| Composed::As(Format::File));
        let put = emit.reform(Composed::Put);
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
        let hint = match format {
            Format::File => words.file_hint,
            Format::Text if is_live => words.live_hint,
            Format::Text | Format::Bytes(_) => words.enter_hint,
        };
        let refusal = self.refusal.as_ref().map(|refusal| refusal.text(words));
        html! {
            <form
                class="card"
                aria-labelledby="message-name"
                {onsubmit}
                ondragover={|event: DragEvent| allow_drop(&event)}
                ondrop={self.attachment.on_drop(put.clone())}
                onpaste={self.attachment.on_paste(put)}
            >
                <label id="message-name" for="message" ~textContent={words.message} />
                <textarea
                    ref={&self.field}
                    id="message"
                    rows="3"
                    autocomplete="off"
                    readonly={is_file}
                    enterkeyhint={if is_live { "enter" } else { "send" }}
                    aria-describedby="message-hint message-error"
                    {onkeydown}
                />
                { self.attachment.view(words, is_file, onfile) }
                <p id="message-error" class="error" role="alert" ~textContent={refusal.unwrap_or_default()} />
                <div class="composing">
                    <label class="check">
                        <input
                            type="checkbox"
                            checked={is_live}
                            disabled={format != Format::Text}
                            {onchange}
                        />
                        <span ~textContent={words.live} />
                    </label>
                    <label class="check">
                        <span ~textContent={words.format} />
                        <select id="message-format" ~value={format.id()} onchange={onformat}>
                            for one in Format::EACH {
                                <option
                                    value={one.id()}
                                    selected={one == format}
                                    ~textContent={one.name(words)}
                                />
                            }
                        </select>
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

impl Refusal {
    fn text(&self, words: &Words) -> String {
        match self {
            Self::Full(limit) => refused_by(*limit, words),
            Self::SavedFull(limit) => {
                let text = refused_by(*limit, words);
                text.trim_end_matches(words.stays_in_field).to_owned()
            }
            Self::Misspelt(misspelling) => misspelling.text(words),
            Self::File(failure) => failure.text(words),
        }
    }
}

/// Which limit a message met.
fn refused_by(limit: Limit, words: &Words) -> String {
    match limit {
        Limit::Messages(count) => fill(words.outbox_full, &[("n", &count.to_string())]),
        Limit::Bytes(bytes) => {
            let [kept, most] = [bytes, MAX_BYTES].map(|bytes| (bytes / 1_000).to_string());
            fill(words.outbox_full_bytes, &[("n", &kept), ("m", &most)])
        }
        Limit::Message(most) => fill(words.message_too_long, &[("size", &words.size(most))]),
        Limit::Text => words.message_not_text.into(),
    }
}

/// Selects the letter that cannot be read. A field counts in UTF-16 units.
fn select(field: &HtmlTextAreaElement, text: &str, misspelling: &Misspelling) {
    let start = text[..misspelling.start].encode_utf16().count();
    let end = start + misspelling.letter.len_utf16();
    let [start, end] = [start, end].map(|place| u32::try_from(place).unwrap_or(u32::MAX));
    if let Err(error) = field.set_selection_range(start, end) {
        browser::warn("the letter could not be selected", &error);
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
