//! The saved messages in the page: they are saved, put into the message field, sent, and passed on as a file.

use std::{mem, rc::Rc};

use js_sys::{Array, futures::spawn_local};
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlElement, HtmlInputElement, MouseEvent, SubmitEvent};
use yew::{Callback, Html, NodeRef, TargetCast as _, html};

use super::{
    browser::{self, Downloads},
    composer::Composed,
};
use crate::{
    messages::{MOST_FILE_BYTES, Refusal, SavedMessage, SavedMessages},
    payload::line,
    words::{Words, fill, shortened},
};

/// What the user and the operator keep at hand, below the message field.
pub(super) struct SavedPanel {
    emit: Callback<Msg>,
    /// The operator's messages.
    site: SavedMessages,
    /// The user's, as they were when they were read last.
    own: SavedMessages,
    is_open: bool,
    /// Whether the browser has taken all of them.
    is_kept: bool,
    /// What the name field held when the panel was closed.
    name: String,
    /// What is to be saved, if that is not what the message field holds.
    text: Option<Rc<str>>,
    said: Option<Said>,
    /// What the last change found, and what it left.
    last: Option<[SavedMessages; 2]>,
    name_field: NodeRef,
    undo_button: NodeRef,
    export_button: NodeRef,
    /// What gets the focus as soon as it is drawn.
    to_focus: Option<NodeRef>,
    downloads: Downloads,
}

/// What happens to the saved messages.
#[derive(Debug)]
pub(super) enum Msg {
    /// The panel is to open, or to close.
    Toggle,
    /// This is to be saved, and the field for its name is to be at hand.
    Take(Rc<str>),
    /// What the message field holds is to be saved instead.
    Leave,
    Save,
    Insert(Rc<str>),
    Send(Rc<str>),
    Remove(Rc<str>),
    Undo,
    Export,
    /// The file of this name is to be imported, of which this was read.
    Import(String, Result<String, Refusal>),
}

/// What is said about the last thing that the user did.
enum Said {
    Saved(String),
    Removed(Rc<str>),
    Imported(usize),
    /// It was refused; of a file, that has its name.
    Refused(Option<String>, Refusal),
}

impl SavedPanel {
    /// A panel that is closed, with what the operator gives.
    pub(super) fn new(site: SavedMessages, emit: Callback<Msg>) -> Self {
        Self {
            emit,
            site,
            own: SavedMessages::default(),
            is_open: false,
            is_kept: true,
            name: String::new(),
            text: None,
            said: None,
            last: None,
            name_field: NodeRef::default(),
            undo_button: NodeRef::default(),
            export_button: NodeRef::default(),
            to_focus: None,
            downloads: Downloads::default(),
        }
    }

    /// Does what the user wants; returns what is left to the message field, which holds `held`.
    pub(super) fn update(&mut self, msg: Msg, held: impl FnOnce() -> String) -> Option<Composed> {
        match msg {
            Msg::Toggle if self.is_open => {
                self.name = self.entered();
                self.is_open = false;
            }
            Msg::Toggle => self.open(),
            Msg::Take(text) => {
                if !self.is_open {
                    self.open();
                }
                self.text = Some(text);
                self.said = None;
                self.to_focus = Some(self.name_field.clone());
            }
            Msg::Leave => {
                self.text = None;
                // The button that has the focus goes.
                self.to_focus = Some(self.name_field.clone());
            }
            Msg::Save => self.save(held),
            Msg::Insert(text) => return Some(Composed::Inserted(text)),
            Msg::Send(text) => return Some(Composed::SentSaved(text)),
            Msg::Remove(name) => {
                let removed = self.read().map(|mut own| {
                    own.remove(&name);
                    own
                });
                self.take(removed, Some(Said::Removed(name)), None);
                // The button that has the focus goes, and the next one is not to take its place.
                self.to_focus = Some(self.undo_button.clone());
            }
            Msg::Undo => {
                if let Some([before, after]) = self.last.take() {
                    let back = self.read().and_then(|mut own| {
                        own.take_back(&before, &after)?;
                        Ok(own)
                    });
                    self.take(back, None, None);
                }
                self.to_focus = Some(self.export_button.clone());
            }
            Msg::Export => self.export(),
            Msg::Import(file, json) => {
                let read = json.and_then(|json| SavedMessages::read(&json));
                let count = read.as_ref().map_or(0, |read| read.all().len());
                let merged = read.and_then(|read| {
                    let mut own = self.read()?;
                    own.merge(&read, &self.site)?;
                    Ok(own)
                });
                self.take(merged, Some(Said::Imported(count)), Some(file));
            }
        }
        None
    }

    /// Nothing of the user's is kept any more.
    pub(super) fn forget(&mut self) {
        self.own = SavedMessages::default();
        self.said = None;
        self.last = None;
    }

    /// Completes what has been drawn.
    pub(super) fn rendered(&mut self) {
        if let Some(node) = self.to_focus.take()
            && let Some(element) = node.cast::<HtmlElement>()
            && let Err(error) = element.focus()
        {
            browser::warn("the focus could not be moved", &error);
        }
    }

    /// Draws it.
    pub(super) fn view(&self, words: &'static Words) -> Html {
        let onclick = self.emit.reform(|event: MouseEvent| {
            event.prevent_default();
            Msg::Toggle
        });
        html! {
            <details class="saved" open={self.is_open}>
                <summary ~textContent={words.saved} {onclick} />
                if self.is_open {
                    { self.content(words) }
                }
            </details>
        }
    }

    /// What is in it once it is open.
    fn content(&self, words: &'static Words) -> Html {
        let emit = &self.emit;
        let onsubmit = emit.reform(|event: SubmitEvent| {
            event.prevent_default();
            Msg::Save
        });
        let hint = if self.is_kept {
            words.saved_hint
        } else {
            words.saved_not_kept
        };
        let (told, refused) = self.told(words);
        let own = self.own.all().iter().map(|message| (message, true));
        let all = own.chain(self.site.all().iter().map(|message| (message, false)));
        html! {
            <>
                <p class="hint" ~textContent={hint} />
                <form class="tools" {onsubmit}>
                    <label class="field grows">
                        <span ~textContent={words.saved_name} />
                        <input
                            ref={&self.name_field}
                            type="text"
                            autocomplete="off"
                            dir="auto"
                            ~defaultValue={self.name.clone()}
                            aria-describedby="saved-what saved-error"
                        />
                    </label>
                    <button type="submit" ~textContent={words.save} />
                </form>
                <p id="saved-what" class="hint">
                    if let Some(text) = &self.text {
                        <span ~textContent={words.saved_row} />
                        <span dir="auto" translate="no" ~textContent={words.line(text)} />
                    } else {
                        <span ~textContent={words.saved_field} />
                    }
                </p>
                if self.text.is_some() {
                    <button
                        type="button"
                        ~textContent={words.saved_not_row}
                        onclick={emit.reform(|_| Msg::Leave)}
                    />
                }
                <p id="saved-error" class="error" role="alert" ~textContent={refused} />
                if !(self.own.all().is_empty() && self.site.all().is_empty()) {
                    <ul aria-label={words.saved}>
                        for (index, (message, is_own)) in all.enumerate() {
                            { self.item(words, index, message, is_own) }
                        }
                    </ul>
                }
                <div class="saved-buttons">
                    <span role="status" ~textContent={told} />
                    if self.last.is_some() {
                        <button
                            ref={&self.undo_button}
                            type="button"
                            ~textContent={words.undo}
                            onclick={emit.reform(|_| Msg::Undo)}
                        />
                    }
                </div>
                <div class="tools">
                    <label class="field grows">
                        <span ~textContent={words.import} />
                        <input type="file" accept=".json" onchange={self.on_file()} />
                    </label>
                    <button
                        ref={&self.export_button}
                        type="button"
                        ~textContent={words.export}
                        onclick={emit.reform(|_| Msg::Export)}
                    />
                </div>
            </>
        }
    }

    /// One of the messages, which the user can remove if it is the user's own.
    fn item(
        &self,
        words: &'static Words,
        index: usize,
        SavedMessage { name, text }: &SavedMessage,
        is_own: bool,
    ) -> Html {
        let id = format!("saved-{index}");
        let button = |label: &'static str, act: fn(Rc<str>) -> Msg, what: &Rc<str>| {
            let what = Rc::clone(what);
            let onclick = self.emit.reform(move |_: MouseEvent| act(Rc::clone(&what)));
            html! {
                <button
                    type="button"
                    aria-describedby={id.clone()}
                    ~textContent={label}
                    {onclick}
                />
            }
        };
        html! {
            <li>
                <p id={id.clone()} dir="auto" translate="no" ~textContent={line(name)} />
                <p
                    class={text.is_empty().then_some("empty")}
                    dir="auto"
                    translate={(!text.is_empty()).then_some("no")}
                    ~textContent={words.line(text)}
                />
                <div class="saved-buttons">
                    { button(words.insert, Msg::Insert, text) }
                    { button(words.send, Msg::Send, text) }
                    if is_own {
                        { button(words.remove, Msg::Remove, name) }
                    } else {
                        <span class="hint" ~textContent={words.saved_by_site} />
                    }
                </div>
            </li>
        }
    }

    /// What is said politely, and what is said at once.
    fn told(&self, words: &Words) -> (String, String) {
        let named = |text, name: &str| fill(text, &[("name", &shortened(name))]);
        let told = match &self.said {
            None => String::new(),
            Some(Said::Saved(name)) => named(words.saved_as, name),
            Some(Said::Removed(name)) => named(words.removed, name),
            Some(Said::Imported(count)) => words.imported.of(*count as u64),
            Some(Said::Refused(file, refusal)) => {
                let mut refused = String::new();
                if let Some(file) = file {
                    refused = [&shortened(file), words.colon].concat();
                }
                return (String::new(), refused + &words.refusal(refusal));
            }
        };
        (told, String::new())
    }

    fn open(&mut self) {
        self.is_open = true;
        self.said = None;
        self.is_kept &= browser::can_store();
        if let Err(refusal) = self.read() {
            self.said = Some(Said::Refused(None, refusal));
        }
    }

    /// What the name field holds.
    fn entered(&self) -> String {
        let field = self.name_field.cast::<HtmlInputElement>();
        field.map_or_else(String::new, |field| field.value())
    }

    fn save(&mut self, held: impl FnOnce() -> String) {
        let name = self.entered();
        let text = self.text.clone().unwrap_or_else(|| held().into());
        let saved = self.read().and_then(|mut own| {
            own.save(&name, text, &self.site)?;
            Ok(own)
        });
        if saved.is_ok() {
            self.text = None;
            if let Some(field) = self.name_field.cast::<HtmlInputElement>() {
                field.set_value("");
            }
        }
        self.take(saved, Some(Said::Saved(name)), None);
    }

    /// Reads what the browser has: another tab may have changed it. What it has not taken is only here.
    fn read(&mut self) -> Result<SavedMessages, Refusal> {
        let json = browser::stored(MESSAGES);
        let mut read = json.map_or_else(
            || Ok(SavedMessages::default()),
            |json| SavedMessages::read(&json),
        )?;
        if !self.is_kept {
            read.merge(&self.own, &SavedMessages::default())?;
        }
        self.own = read.clone();
        Ok(read)
    }

    /// Keeps what was made of what was just read, unless that was refused.
    fn take(
        &mut self,
        changed: Result<SavedMessages, Refusal>,
        said: Option<Said>,
        file: Option<String>,
    ) {
        match changed {
            Ok(changed) => {
                let json = if changed.all().is_empty() {
                    String::new()
                } else {
                    changed.json()
                };
                self.is_kept = browser::store(MESSAGES, &json);
                let before = mem::replace(&mut self.own, changed.clone());
                self.last = said.is_some().then_some([before, changed]);
                self.said = said;
            }
            Err(refusal) => self.said = Some(Said::Refused(file, refusal)),
        }
    }

    fn export(&mut self) {
        match self.read() {
            Ok(own) => {
                let json = Array::of1(&own.json().into());
                if let Err(error) = self.downloads.save(FILE, "application/json", &json) {
                    browser::warn("the messages could not be exported", &error);
                }
            }
            Err(refusal) => self.said = Some(Said::Refused(None, refusal)),
        }
    }

    /// Reads the file that was chosen.
    fn on_file(&self) -> Callback<Event> {
        let emit = self.emit.clone();
        Callback::from(move |event: Event| {
            let field: HtmlInputElement = event.target_unchecked_into();
            let Some(file) = field.files().and_then(|files| files.get(0)) else {
                return;
            };
            // The same one can be chosen again.
            field.set_value("");
            let emit = emit.clone();
            spawn_local(async move {
                let json = if file.size() > f64::from(MOST_FILE_BYTES) {
                    Err(Refusal::FileBytes)
                } else {
                    let text = file.text().await;
                    let text = text.map(|text| text.as_string().unwrap_or_default());
                    text.map_err(|error| {
                        let error = error.dyn_into::<js_sys::Error>();
                        let message =
                            error.map_or_else(|_| String::new(), |error| error.message().into());
                        Refusal::Unreadable(message)
                    })
                };
                emit.emit(Msg::Import(file.name(), json));
            });
        })
    }
}

/// Where they are stored.
const MESSAGES: &str = "messages";

/// What a file of them is called.
const FILE: &str = "heartwire-messages.json";
