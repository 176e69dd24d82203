//! The row that is opened, in full.

use std::{borrow::Cow, rc::Rc};

use js_sys::{Array, Uint8Array, futures::spawn_local};
use yew::{Html, html};

use super::{
    LogPanel, Look, Msg, button,
    row::{beat, kind_name, local, stage},
};
use crate::{
    binary::hex,
    log::{Kind, Payload, Row, day_and_time},
    payload::{Beginning, MOST_HEX, beginning, hex_lines, line, pretty},
    web::browser,
    words::{Words, fill},
};

/// The row that is shown in full.
pub(super) struct Opened {
    pub(super) row: Row,
    /// The run of beats of which the row is the newest.
    run: Option<Beats>,
    pub(super) look: Look,
    /// The beginning of what is shown.
    text: String,
    is_cut: bool,
    is_text: bool,
    is_json: bool,
}

/// A run of beats, as it was when it was opened.
struct Beats {
    count: u64,
    /// Each of them in a line.
    text: String,
}

impl LogPanel {
    /// Opens the line with this name, or closes it if it is open.
    pub(super) fn open(&mut self, number: u64) {
        self.has_copied = None;
        let is_open = self
            .opened
            .as_ref()
            .is_some_and(|opened| self.log.name_of(opened.row.number) == number);
        let mut lines = self.log.shown(self.log.index_of(number));
        let line = lines.next().filter(|_| !is_open);
        self.opened = line.map(|line| {
            let row = line.row.clone();
            let Some(run) = line.run else {
                let look = match row.payload {
                    Payload::Text(_) => Look::Pretty,
                    Payload::Binary(_) => Look::Hex,
                };
                return Opened::new(row, look, self.words);
            };
            let beats = self.log.rows_of(number).map(|row| beat(row, self.words));
            Opened::run(row, run.beats, beats.collect())
        });
    }

    /// Shows the row that is opened in this look and in the words that are spoken now. A run of beats stays as it was.
    pub(super) fn show(&mut self, look: Look) {
        // It was said of another look.
        self.has_copied = None;
        let opened = self.opened.as_mut();
        if let Some(opened) = opened.filter(|opened| opened.run.is_none()) {
            *opened = Opened::new(opened.row.clone(), look, self.words);
        }
    }

    /// The row that is opened, in full.
    pub(super) fn pane(&self) -> Html {
        let words = self.words;
        let Some(opened) = &self.opened else {
            return html! {};
        };
        let row = self.log.row(opened.row.number).unwrap_or(&opened.row);
        let (_, said) = stage(&row.kind, words);
        let time = day_and_time(local(row.at));
        let mut size = words.bytes.of(row.size as u64);
        let briefly = words.size(row.size);
        if size != briefly {
            size = [&briefly, " (", &size, ")"].concat();
        }
        let is_event = matches!(row.kind, Kind::Event(_));
        let is_empty = row.size == 0 && !is_event;
        let (kind, number) = match &opened.run {
            Some(run) => (words.heartbeats, run.count.to_string()),
            None => (kind_name(&row.kind, words), format!("#{}", row.number)),
        };
        let is_one = opened.run.is_none();
        let reply = row.reply().filter(|_| is_one);
        let looks = [
            (Look::Pretty, words.pretty, opened.is_json),
            (Look::Raw, words.raw, opened.is_text),
            (Look::Hex, words.hex, !is_event),
        ];
        let copied = match self.has_copied {
            None => "",
            Some(true) => words.copied,
            Some(false) => words.not_copied,
        };
        let emit = &self.emit;
        let shown = if is_empty {
            words.empty_message.into()
        } else {
            opened.text.clone()
        };
        html! {
            <section class="opened" id="log-opened" aria-labelledby="opened-name">
                <h3 id="opened-name" ~textContent={words.opened_row} />
                <div class="tools">
                    if !is_event && is_one {
                        <div role="group" aria-labelledby="opened-name" class="looks">
                            for (look, name, is_there) in looks {
                                if is_there {
                                    <button
                                        type="button"
                                        aria-pressed={if look == opened.look { "true" } else { "false" }}
                                        ~textContent={name}
                                        onclick={emit.reform(move |_| Msg::Look(look))}
                                    />
                                }
                            }
                        </div>
                    }
                    { button(words.copy, emit.reform(|_| Msg::Copy)) }
                    if !is_event && is_one {
                        { button(words.save_file, emit.reform(|_| Msg::Save)) }
                    }
                    if let (Kind::Sent { .. } | Kind::Received, Payload::Text(text)) =
                        (&row.kind, row.payload.clone())
                    {
                        { button(
                            words.save_message,
                            self.on_save.reform(move |_| Rc::clone(&text)),
                        ) }
                    }
                    { button(words.close, emit.reform(|_| Msg::Close)) }
                    <span role="status" ~textContent={copied} />
                </div>
                <dl>
                    { fact(kind, &number) }
                    { fact(words.time, &time.replace('T', " ")) }
                    if !is_event && is_one {
                        { fact(words.size, &size) }
                    }
                    if let Some(reply) = reply {
                        { fact(words.reply, &line(&reply.text)) }
                    }
                    if let Some(said) = said.filter(|_| is_one) {
                        { fact(if reply.is_some() { words.round_trip } else { words.delivery }, &said) }
                    }
                    if let Some(head) = &row.head {
                        { fact(words.frame, &beginning(head).text) }
                    }
                </dl>
                <pre
                    role="group"
                    aria-labelledby="opened-name"
                    tabindex="0"
                    dir={if opened.look == Look::Hex { "ltr" } else { "auto" }}
                    class={is_empty.then_some("empty")}
                    translate={(!is_event && !is_empty).then_some("no")}
                    ~textContent={shown}
                />
                if let Some(note) = opened.note(words) {
                    <p class="hint" ~textContent={note} />
                }
            </section>
        }
    }

    /// Saves what is kept of the row that is opened, as it came.
    pub(super) fn save(&self) {
        let Some(Opened { row, .. }) = &self.opened else {
            return;
        };
        let kind = match row.payload {
            Payload::Text(_) => ".txt",
            Payload::Binary(_) => ".bin",
        };
        let name = ["heartwire-", &row.number.to_string(), kind].concat();
        let bytes = Array::of1(&Uint8Array::from(row.payload.bytes()));
        self.hand_out(&name, "application/octet-stream", &bytes);
    }

    pub(super) fn copy(&self) {
        let Some(opened) = &self.opened else {
            return;
        };
        let (text, emit) = (opened.copied(self.words), self.emit.clone());
        spawn_local(async move { emit.emit(Msg::Copied(browser::copy(&text).await)) });
    }
}

impl Opened {
    /// A run of so many beats, each in a line of `beats`.
    fn run(row: Row, count: u64, beats: String) -> Self {
        let Beginning { text, is_cut } = beginning(&beats);
        Self {
            row,
            run: Some(Beats { count, text: beats }),
            look: Look::Raw,
            text,
            is_cut,
            is_text: true,
            is_json: false,
        }
    }

    pub(super) fn new(row: Row, look: Look, words: &Words) -> Self {
        // Few binary frames are text, but those that are can be read.
        let text = match &row.payload {
            Payload::Text(_) => Some(row.text(words)),
            Payload::Binary(bytes) => str::from_utf8(bytes).ok().map(Cow::Borrowed),
        };
        let is_text = text.is_some();
        let is_event = matches!(row.kind, Kind::Event(_));
        let printed = text.as_deref().filter(|_| !is_event).and_then(pretty);
        let is_json = printed.is_some();
        let look = match (look, is_text, is_json) {
            (_, false, _) => Look::Hex,
            (Look::Pretty, _, false) => Look::Raw,
            _ => look,
        };
        let Beginning { text, is_cut } = match (look, printed) {
            (Look::Pretty, Some(printed)) => printed,
            (Look::Hex, _) => {
                let bytes = row.payload.bytes();
                let shown = bytes.len().min(MOST_HEX);
                Beginning {
                    text: hex_lines(&bytes[..shown]),
                    is_cut: shown < row.size,
                }
            }
            _ => beginning(text.as_deref().unwrap_or_default()),
        };
        Self {
            row,
            run: None,
            look,
            text,
            is_cut,
            is_text,
            is_json,
        }
    }

    /// What is to be known of what is shown.
    fn note(&self, words: &Words) -> Option<String> {
        let run = self.run.as_ref().map(|run| run.text.len());
        let size = words.size(run.unwrap_or(self.row.size));
        if run.is_none() && self.row.is_cut() {
            let kept = words.size(self.row.payload.bytes().len());
            let places = [("size", size.as_str()), ("kept", &kept)];
            Some(fill(words.row_cut_log, &places))
        } else if self.is_cut {
            Some(fill(words.row_cut, &[("size", &size)]))
        } else if self.row.size > 0 && self.text.trim().is_empty() {
            Some(fill(words.blank_message, &[("size", &size)]))
        } else {
            None
        }
    }

    /// What is copied: all that is kept, a text as it came, bytes as the message field takes them.
    fn copied(&self, words: &Words) -> String {
        if let Some(run) = &self.run {
            return run.text.clone();
        }
        match &self.row.payload {
            Payload::Text(_) => self.row.text(words).into_owned(),
            Payload::Binary(bytes) if self.look == Look::Hex => hex(bytes),
            Payload::Binary(bytes) => str::from_utf8(bytes).unwrap_or_default().into(),
        }
    }
}

/// Something that is known of a row.
fn fact(name: &str, value: &str) -> Html {
    html! { <div><dt ~textContent={name} /><dd ~textContent={value} /></div> }
}
