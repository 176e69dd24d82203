//! The log in the page: its rows that are in view, its buttons, and one row in full.

mod list;
mod opened;
mod reader;
mod row;

use std::{cell::Cell, rc::Rc};

use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::{Event, HtmlElement, HtmlInputElement, HtmlSelectElement, InputEvent, MouseEvent};
use yew::{AttrValue, Callback, Html, NodeRef, TargetCast as _, html};

use super::{
    browser::{self, Downloads, SizeWatch},
    frames::Draws,
    search::{Answer, Expression, Problem},
};
use crate::{
    log::{self, Log, Show, day_and_time},
    payload::Needle,
    words::{Words, fill},
};
use list::{Drawn, Place, Sizes};
use opened::Opened;
use reader::Reader;
use row::local;

/// The log and what the user does with it.
pub(super) struct LogPanel {
    pub(super) log: Log,
    words: &'static Words,
    emit: Callback<Msg>,
    /// Takes the text of a row that is to be saved as a message.
    on_save: Callback<Rc<str>>,
    /// What scrolls, and what is in it.
    list: NodeRef,
    items: NodeRef,
    clear_button: NodeRef,
    show: Show,
    search: AttrValue,
    /// Looks for an expression, where the search asks for one.
    expression: Option<Expression>,
    sizes: Sizes,
    size_watch: Option<SizeWatch>,
    /// What is left free above and below the rows that were drawn, in CSS pixels.
    padding: (i32, i32),
    place: Cell<Place>,
    drawn: Cell<Drawn>,
    /// The row that has the focus.
    focused: Option<u64>,
    /// The row that gets the focus as soon as it is drawn.
    to_focus: Option<u64>,
    opened: Option<Opened>,
    reader: Option<Reader>,
    /// Whether the last copy was made, once that is known.
    has_copied: Option<bool>,
    downloads: Downloads,
}

/// What the user, the browser or a timer does to the log.
#[derive(Debug)]
pub(super) enum Msg {
    Show(Show),
    Search(String),
    Searched(Answer),
    Pause,
    Clear,
    /// The session begins anew: the page does the rest.
    Begin,
    Undo,
    Download,
    ReadAloud(bool),
    /// It is time to read what came since.
    ReadOn,
    Scroll,
    /// The list or its rows may have other sizes.
    Resize,
    Jump,
    Focus(Option<u64>),
    Key(Step),
    Open(u64),
    Close,
    Look(Look),
    Copy,
    Copied(bool),
    Save,
}

/// Where a key moves the focus to, from row to row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Back,
    On,
    First,
    Last,
}

/// How the row that is opened is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    Pretty,
    Raw,
    Hex,
}

impl LogPanel {
    pub(super) fn new(
        limit: usize,
        words: &'static Words,
        emit: Callback<Msg>,
        on_save: Callback<Rc<str>>,
    ) -> Self {
        Self {
            log: Log::new(limit, words),
            words,
            emit,
            on_save,
            list: NodeRef::default(),
            items: NodeRef::default(),
            clear_button: NodeRef::default(),
            show: Show::All,
            search: AttrValue::default(),
            expression: None,
            sizes: Sizes {
                row: 36.0,
                view: 360.0,
            },
            size_watch: None,
            padding: (0, 0),
            place: Cell::new(Place::Latest),
            drawn: Cell::default(),
            focused: None,
            to_focus: None,
            opened: None,
            reader: None,
            has_copied: None,
            downloads: Downloads::default(),
        }
    }

    /// Says everything in these words from now on.
    pub(super) fn speak(&mut self, words: &'static Words) {
        self.words = words;
        self.log.speak(words);
        if let Some(look) = self.opened.as_ref().map(|opened| opened.look) {
            self.show(look);
        }
        if self.expression.is_some() {
            self.search();
        }
    }

    /// A text came that is a message.
    pub(super) fn receive_text(&mut self, text: Rc<str>, at: u64) {
        self.read(|| Rc::clone(&text));
        self.log.receive_text(text, at);
    }

    /// A binary frame came.
    pub(super) fn receive_binary(&mut self, size: usize, bytes: Vec<u8>, at: u64) {
        let words = self.words;
        self.read(|| words.binary.of(size as u64).into());
        self.log.receive_binary(size, bytes, at);
    }

    /// Does what the user wants; returns when to draw that.
    pub(super) fn update(&mut self, msg: Msg) -> Draws {
        match msg {
            Msg::Show(show) => {
                self.show = show;
                self.log.show(show);
            }
            Msg::Search(search) => {
                self.search = search.into();
                self.search();
            }
            Msg::Searched(answer) => {
                if let Some(expression) = &mut self.expression {
                    expression.take(&answer, &mut self.log);
                }
                self.search_on();
            }
            Msg::Pause => self.log.pause(!self.log.is_paused()),
            Msg::Clear | Msg::Begin => self.log.clear(),
            Msg::Undo => {
                self.log.undo_clear();
                // The button that has the focus goes.
                focus(&self.clear_button);
            }
            Msg::Download => self.download(),
            Msg::ReadAloud(reads) => self.reader = reads.then(Reader::default),
            Msg::ReadOn => {
                let reader = self.reader.as_mut();
                let waits = reader.is_some_and(|reader| {
                    reader.pause = None;
                    reader.latest.is_some()
                });
                return if waits { Draws::AtOnce } else { Draws::Nothing };
            }
            // The list scrolls by itself as rows come.
            Msg::Scroll if self.notice_scrolling() => return Draws::Next,
            Msg::Scroll => return Draws::Nothing,
            // To draw at once could change sizes within the observer's callback, which is an error to the
            // browser.
            Msg::Resize => {
                self.measure();
                return Draws::Soon;
            }
            Msg::Jump => {
                self.place.set(Place::Latest);
                focus(&self.list);
            }
            Msg::Focus(number) => {
                self.focused = number;
                if let Some(number) = number {
                    // A row that somebody looks at does not move away, and a scroll that was under way
                    // does not take it.
                    self.reveal(self.log.index_of(number));
                }
            }
            Msg::Key(step) => self.step(step),
            Msg::Open(number) => self.open(number),
            Msg::Close => {
                self.to_focus = self.opened.take().map(|opened| opened.row.number);
            }
            Msg::Look(look) => self.show(look),
            Msg::Copy => self.copy(),
            Msg::Copied(has_copied) => self.has_copied = Some(has_copied),
            Msg::Save => self.save(),
        }
        Draws::AtOnce
    }

    pub(super) fn view(&self) -> Html {
        let words = self.words;
        let on = |act: fn() -> Msg| self.emit.reform(move |_| act());
        let pause = if self.log.is_paused() {
            words.resume.of(self.log.missed())
        } else {
            words.pause.into()
        };
        let onshow = self.emit.reform(|event: Event| {
            let index = event
                .target_unchecked_into::<HtmlSelectElement>()
                .selected_index();
            let show = usize::try_from(index)
                .ok()
                .and_then(|index| Show::EACH.get(index));
            Msg::Show(show.copied().unwrap_or(Show::All))
        });
        let onread = self.emit.reform(|event: Event| {
            Msg::ReadAloud(event.target_unchecked_into::<HtmlInputElement>().checked())
        });
        let dropped = self.log.dropped();
        let problem = self.expression.as_ref().and_then(Expression::problem);
        let problem = problem.map(|problem| match problem {
            Problem::Wrong(error) => fill(words.search_wrong, &[("error", error)]),
            Problem::Refused => words.search_refused.into(),
            Problem::Slow => words.search_slow.into(),
        });
        html! {
            <section class="log" aria-labelledby="log-name">
                <h2 id="log-name" ~textContent={words.log} />
                <div class="tools">
                    <label class="field">
                        <span ~textContent={words.show} />
                        <select onchange={onshow}>
                            for show in Show::EACH {
                                <option selected={show == self.show} ~textContent={name(show, words)} />
                            }
                        </select>
                    </label>
                    { self.search_field() }
                    <button
                        type="button"
                        class="pause"
                        ~textContent={pause}
                        onclick={on(|| Msg::Pause)}
                    />
                    <button
                        type="button"
                        ref={&self.clear_button}
                        ~textContent={words.clear}
                        onclick={on(|| Msg::Clear)}
                    />
                    if self.log.can_undo_clear() {
                        { button(words.undo, on(|| Msg::Undo)) }
                    }
                    { button(words.download, on(|| Msg::Download)) }
                    <button
                        type="button"
                        aria-describedby="session-hint"
                        title={words.new_session_hint}
                        ~textContent={words.new_session}
                        onclick={on(|| Msg::Begin)}
                    />
                    <span id="session-hint" class="unseen" ~textContent={words.new_session_hint} />
                </div>
                <p
                    id="search-error"
                    class="error"
                    aria-live="polite"
                    ~textContent={problem.unwrap_or_default()}
                />
                <label class="check">
                    <input type="checkbox" checked={self.reader.is_some()} onchange={onread} />
                    <span ~textContent={words.read_aloud} />
                </label>
                <div class="unseen" aria-live="polite" aria-atomic="true">
                    if let Some(reader) = self.reader.as_ref().filter(|reader| reader.count > 0) {
                        <p key={reader.count} ~textContent={&reader.text} />
                    }
                </div>
                { self.list() }
                if dropped > 0 {
                    <p class="hint" ~textContent={words.log_dropped.of(dropped)} />
                }
                { self.pane() }
            </section>
        }
    }

    fn search_field(&self) -> Html {
        let words = self.words;
        let onsearch = self.emit.reform(|event: InputEvent| {
            Msg::Search(event.target_unchecked_into::<HtmlInputElement>().value())
        });
        html! {
            <label class="field grows">
                <span ~textContent={words.search} />
                <input
                    type="search"
                    autocomplete="off"
                    spellcheck="false"
                    dir="auto"
                    placeholder={words.search_hint}
                    aria-describedby="search-error"
                    value={self.search.clone()}
                    oninput={onsearch}
                />
            </label>
        }
    }

    /// Begins to look for what the field holds.
    fn search(&mut self) {
        let emit = self.emit.reform(Msg::Searched);
        let expression = Expression::start(&self.search, emit);
        let search = match &expression {
            Some(_) => log::Search::Found(Vec::new()),
            None => Needle::new(&self.search).map_or(log::Search::Off, log::Search::Text),
        };
        self.log.search(search);
        self.expression = expression;
        self.search_on();
    }

    /// Looks for it in what was not searched yet.
    fn search_on(&mut self) {
        if let Some(expression) = &mut self.expression {
            expression.go_on(&mut self.log);
        }
    }

    fn download(&mut self) {
        let now = day_and_time(local(browser::day()));
        // To the second, and as every system allows it in a name.
        let now = now.split('.').next().unwrap_or_default().replace(':', "-");
        let name = ["heartwire-", &now, ".jsonl"].concat();
        let lines: Array = self
            .log
            .json_lines()
            .map(|line| JsValue::from(line + "\n"))
            .collect();
        self.hand_out(&name, "application/jsonl", &lines);
    }

    fn hand_out(&self, name: &str, kind: &str, parts: &Array) {
        if let Err(error) = self.downloads.save(name, kind, parts) {
            browser::warn("a file could not be saved", &error);
        }
    }
}

fn name(show: Show, words: &Words) -> &'static str {
    match show {
        Show::All => words.all,
        Show::Sent => words.sent,
        Show::Received => words.received,
        Show::Events => words.events,
        Show::Heartbeats => words.heartbeats,
    }
}

fn button(label: &str, onclick: Callback<MouseEvent>) -> Html {
    html! { <button type="button" ~textContent={label} {onclick} /> }
}

fn focus(node: &NodeRef) {
    if let Some(element) = node.cast::<HtmlElement>() {
        focus_element(&element);
    }
}

fn focus_element(element: &HtmlElement) {
    if let Err(error) = element.focus() {
        browser::warn("the focus could not be moved", &error);
    }
}
