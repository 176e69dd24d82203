//! The log in the page: its rows that are in view, its buttons, and one row in full.

use std::{borrow::Cow, cell::Cell, rc::Rc, time::Duration};

use gloo_timers::callback::Timeout;
use heartwire::millis;
use js_sys::futures::spawn_local;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    Element, Event, FocusEvent, HtmlElement, HtmlInputElement, HtmlSelectElement, InputEvent,
    KeyboardEvent, MouseEvent,
};
use yew::{AttrValue, Callback, Html, NodeRef, TargetCast as _, html};

use super::{
    browser::{self, Downloads, SizeWatch},
    frames::Draws,
    search::{Answer, Expression, Problem},
};
use crate::{
    binary::hex,
    log::{self, Kind, Line, Log, Payload, Reply, Row, Show, Stage, day_and_time, time_of_day},
    payload::{Beginning, MOST_HEX, Needle, beginning, hex_lines, line, pretty},
    words::{Words, fill, shortened},
};

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

/// What happened to the log.
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

/// Sizes in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes {
    row: f64,
    /// The height of what can be seen of the list at once.
    view: f64,
}

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The newest row, whichever that is.
    Latest,
    /// This row at the top, `above` pixels of it scrolled away. Of the rows, `seen` was the newest
    /// when the user left the latest.
    At { number: u64, above: f64, seen: u64 },
}

/// What the document holds.
#[derive(Clone, Copy, Debug, Default)]
struct Drawn {
    /// The index of the first row, how many follow from there, and how many there are in all.
    from: usize,
    count: usize,
    total: usize,
    /// The names of the first and the last of them.
    first: u64,
    last: u64,
    /// The newest row that there was.
    newest: u64,
    /// How far the list was scrolled then, in pixels.
    top: f64,
}

/// The row that is shown in full.
struct Opened {
    row: Row,
    /// The run of beats of which the row is the newest.
    run: Option<Beats>,
    look: Look,
    /// How that begins.
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

/// Reads messages aloud.
#[derive(Default)]
struct Reader {
    unread: u64,
    latest: Option<Rc<str>>,
    /// What is being read, and how many texts were before it.
    text: String,
    count: u64,
    pause: Option<Timeout>,
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
            // Sizes that change while the browser tells of sizes are an error to it.
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
            Msg::Look(look) => {
                if let Some(opened) = &mut self.opened {
                    *opened = Opened::new(opened.row.clone(), look, self.words);
                }
            }
            Msg::Copy => self.copy(),
            Msg::Copied(has_copied) => self.has_copied = Some(has_copied),
            Msg::Save => self.save(),
        }
        Draws::AtOnce
    }

    /// Notices that the user has scrolled, before what is drawn hides it; returns whether that is so. A
    /// frame begins with an event that tells so, and this has the browser lay out the page.
    pub(super) fn notice_scrolling(&self) -> bool {
        let drawn = self.drawn.get();
        let Some(list) = self.list.cast::<Element>() else {
            return false;
        };
        let top = f64::from(list.scroll_top());
        if (top - drawn.top).abs() < 1.0 {
            return false;
        }
        self.scroll_to(top);
        self.drawn.set(Drawn { top, ..drawn });
        let bottom = self.sizes.row * count(drawn.total) - self.sizes.view;
        // Sizes are rounded. More would hold back a scroll that begins slowly.
        if top >= bottom - 2.0 {
            self.place.set(Place::Latest);
        }
        true
    }

    /// Reads aloud what came since the last text, if that was a while ago. To be called before each drawing and
    /// no sooner: of two texts between two drawings, the first is never read.
    pub(super) fn read_on(&mut self) {
        let Some(reader) = self.reader.as_mut().filter(|reader| reader.pause.is_none()) else {
            return;
        };
        let Some(latest) = reader.latest.take() else {
            return;
        };
        let latest = shortened(&self.words.line(&latest));
        reader.text = if reader.unread == 1 {
            latest
        } else {
            let number = reader.unread.to_string();
            fill(self.words.batch, &[("n", &number), ("text", &latest)])
        };
        reader.unread = 0;
        reader.count += 1;
        let emit = self.emit.clone();
        reader.pause = Some(Timeout::new(READING_MILLIS, move || emit.emit(Msg::ReadOn)));
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

    /// Puts the rows that were drawn where they belong.
    pub(super) fn rendered(&mut self) {
        self.search_on();
        let (Some(list), Some(items)) = (
            self.list.cast::<HtmlElement>(),
            self.items.cast::<HtmlElement>(),
        ) else {
            return;
        };
        if self.size_watch.is_none() {
            let told = self.emit.reform(|()| Msg::Resize);
            self.size_watch = SizeWatch::start([&list, &items], told);
        }
        let drawn = self.drawn.get();
        let before = self.sizes.row * count(drawn.from);
        let after = self.sizes.row * count(drawn.total - drawn.from - drawn.count);
        let padding = (whole(before), whole(after));
        // Where the same is set, the browser lays out everything once more.
        if padding != self.padding {
            self.padding = padding;
            let padding = format!("{}px 0 {}px", padding.0, padding.1);
            if let Err(error) = items.style().set_property("padding", &padding) {
                browser::warn("the log's rows could not be placed", &error);
            }
        }
        let top = self.top();
        if (drawn.top - top).abs() >= 1.0 {
            list.set_scroll_top(whole(top));
            self.drawn.set(Drawn {
                top: f64::from(list.scroll_top()),
                ..drawn
            });
        }
        if let Some(number) = self.to_focus.take().or(self.focused) {
            // It may be one line with others now.
            let number = self.log.name_of(number);
            let row = list.query_selector(&format!("[data-row='{number}']"));
            match row
                .ok()
                .flatten()
                .and_then(|row| row.dyn_into::<HtmlElement>().ok())
            {
                Some(row) if self.focused != Some(number) => focus_element(&row),
                Some(_) => {}
                // It is out of sight, or gone: the focus stays near.
                None => {
                    self.focused = None;
                    focus_element(&list);
                }
            }
        }
    }

    fn measure(&mut self) {
        let row = self.items.cast::<Element>();
        let row = row.and_then(|items| items.first_element_child());
        let row = row.map_or(0.0, |row| row.get_bounding_client_rect().height());
        if row > 0.0 {
            self.sizes.row = row;
        }
        if let Some(list) = self.list.cast::<Element>() {
            self.sizes.view = f64::from(list.client_height());
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

    fn list(&self) -> Html {
        let words = self.words;
        let drawn = self.choose();
        self.drawn.set(drawn);
        let new = match self.place.get() {
            Place::Latest => None,
            // A row that is pressed where the list ends keeps what is under the pointer.
            Place::At { seen, .. } => {
                let new = self.log.new_since(seen);
                (new > 0 || self.top() < self.bottom() - 2.0).then_some(new)
            }
        };
        let emit = &self.emit;
        let onclick = self.hear(|event: &MouseEvent| Some(Msg::Open(row_of(event)?)));
        let onfocusin = self.hear(|event: &FocusEvent| Some(Msg::Focus(Some(row_of(event)?))));
        let onfocusout = self.hear(|_: &FocusEvent| Some(Msg::Focus(None)));
        let onkeydown = self.hear(|event: &KeyboardEvent| {
            let step = match event.key().as_str() {
                "ArrowUp" => Step::Back,
                "ArrowDown" => Step::On,
                "Home" => Step::First,
                "End" => Step::Last,
                _ => return None,
            };
            event.prevent_default();
            Some(Msg::Key(step))
        });
        // One row is reached with Tab, and the others from there.
        let is_drawn = |number: &u64| (drawn.first..=drawn.last).contains(number);
        let opened = self.opened.as_ref().map(|opened| opened.row.number);
        let [focused, opened] =
            [self.focused, opened].map(|one| one.map(|number| self.log.name_of(number)));
        let reached = focused.or(opened).filter(is_drawn).unwrap_or(drawn.last);
        html! {
            <div class="rows">
                <div
                    ref={&self.list}
                    role="log"
                    aria-live="off"
                    aria-labelledby="log-name"
                    tabindex="0"
                    onscroll={emit.reform(|_| Msg::Scroll)}
                >
                    if self.log.is_empty() {
                        <p class="hint" ~textContent={if self.log.is_blank() {
                            words.log_empty
                        } else if self.expression.as_ref().is_some_and(Expression::is_under_way) {
                            words.searching
                        } else {
                            words.log_no_match
                        }} />
                    }
                    <ol ref={&self.items} {onclick} {onfocusin} {onfocusout} {onkeydown}>
                        for (index, line) in self.log.shown(drawn.from).take(drawn.count).enumerate() {
                            <li
                                key={line.number}
                                aria-setsize={drawn.total.to_string()}
                                aria-posinset={(drawn.from + index + 1).to_string()}
                            >
                                <button
                                    type="button"
                                    class={class(&line.row.kind)}
                                    data-row={line.number.to_string()}
                                    tabindex={if line.number == reached { "0" } else { "-1" }}
                                    aria-expanded={if Some(line.number) == opened { "true" } else { "false" }}
                                >
                                    { cells(line, words) }
                                </button>
                            </li>
                        }
                    </ol>
                </div>
                if let Some(new) = new {
                    <button
                        type="button"
                        class="jump"
                        ~textContent={if new == 0 {
                            words.jump_nothing_new.to_owned()
                        } else {
                            words.jump.of(new as u64)
                        }}
                        onclick={emit.reform(|_| Msg::Jump)}
                    />
                }
            </div>
        }
    }

    /// The row that is opened, in full.
    fn pane(&self) -> Html {
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
                        { fact(words.frame, head) }
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

    fn hear<E: 'static>(&self, act: fn(&E) -> Option<Msg>) -> Callback<E> {
        let emit = self.emit.clone();
        Callback::from(move |event| {
            if let Some(act) = act(&event) {
                emit.emit(act);
            }
        })
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

    /// Keeps in view what is so many pixels below the top of what was drawn last.
    fn scroll_to(&self, top: f64) {
        let drawn = self.drawn.get();
        if drawn.count == 0 {
            return;
        }
        let top = top.max(0.0);
        let index = floor(top / self.sizes.row);
        let above = top - self.sizes.row * count(index);
        // Rows may have gone since.
        let index = (index + self.log.index_of(drawn.first)).saturating_sub(drawn.from);
        let last = self.log.len().saturating_sub(1);
        let Some(line) = self.log.shown(index.min(last)).next() else {
            return;
        };
        let seen = match self.place.get() {
            Place::Latest => drawn.newest,
            Place::At { seen, .. } => seen,
        };
        self.place.set(Place::At {
            number: line.number,
            above,
            seen,
        });
    }

    /// Which rows the document is to hold: those in view and a few more.
    fn choose(&self) -> Drawn {
        let total = self.log.len();
        let in_view = floor(self.sizes.view / self.sizes.row) + 2;
        let (from, end) = match self.place.get() {
            Place::Latest => (total.saturating_sub(in_view), total),
            Place::At { number, .. } => {
                let index = self.log.index_of(number).min(total.saturating_sub(in_view));
                (index, total.min(index + in_view))
            }
        };
        let from = from.saturating_sub(MARGIN);
        let count = total.min(end + MARGIN) - from;
        let number = |index| self.log.shown(index).next().map_or(0, |line| line.number);
        Drawn {
            from,
            count,
            total,
            first: number(from),
            last: number((from + count).saturating_sub(1)),
            newest: self.log.newest(),
            top: self.drawn.get().top,
        }
    }

    /// How far the list has to be scrolled.
    fn top(&self) -> f64 {
        let top = match self.place.get() {
            Place::Latest => f64::INFINITY,
            Place::At { number, above, .. } => {
                self.sizes.row * count(self.log.index_of(number)) + above
            }
        };
        top.min(self.bottom()).max(0.0)
    }

    /// How far it can be scrolled.
    fn bottom(&self) -> f64 {
        self.sizes.row * count(self.log.len()) - self.sizes.view
    }

    /// Moves the focus from row to row.
    fn step(&mut self, step: Step) {
        let Some(focused) = self.focused else {
            return;
        };
        let last = self.log.len().saturating_sub(1);
        let index = self.log.index_of(focused);
        let index = match step {
            Step::Back => index.saturating_sub(1),
            Step::On => last.min(index + 1),
            Step::First => 0,
            Step::Last => last,
        };
        let Some(line) = self.log.shown(index).next() else {
            return;
        };
        self.to_focus = Some(line.number);
        self.reveal(index);
    }

    /// Scrolls as little as brings all of the row with this index into view.
    fn reveal(&self, index: usize) {
        // Where the list stands is known by this: it is no scroll of the user that is to be noticed later.
        if let Some(list) = self.list.cast::<Element>() {
            let top = f64::from(list.scroll_top());
            self.drawn.set(Drawn {
                top,
                ..self.drawn.get()
            });
        }
        let Sizes { row, view } = self.sizes;
        let place = row * count(index);
        let drawn = self.drawn.get();
        let shift = row * (count(drawn.from) - count(self.log.index_of(drawn.first)));
        self.scroll_to((drawn.top - shift).min(place).max(place + row - view) + shift);
    }

    fn open(&mut self, number: u64) {
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

    /// A message is to be read aloud.
    fn read(&mut self, text: impl FnOnce() -> Rc<str>) {
        let is_paused = self.log.is_paused();
        if let Some(reader) = self.reader.as_mut().filter(|_| !is_paused) {
            reader.unread += 1;
            reader.latest = Some(text());
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

    /// Saves what is kept of the row that is opened, as it came.
    fn save(&self) {
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

    fn hand_out(&self, name: &str, kind: &str, parts: &Array) {
        if let Err(error) = self.downloads.save(name, kind, parts) {
            browser::warn("a file could not be saved", &error);
        }
    }

    fn copy(&self) {
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

    fn new(row: Row, look: Look, words: &Words) -> Self {
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

/// The number of the row in which something happened.
fn row_of(event: &Event) -> Option<u64> {
    let target = event.target_dyn_into::<Element>()?;
    let row = target.closest("[data-row]").ok()??;
    row.get_attribute("data-row")?.parse().ok()
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

fn kind_name(kind: &Kind, words: &Words) -> &'static str {
    match kind {
        Kind::Sent { .. } => words.sent,
        Kind::Received => words.received,
        Kind::Heartbeat { .. } => words.heartbeat,
        Kind::Reply { .. } => words.reply,
        Kind::Unasked => words.unasked,
        Kind::ServerHeartbeat => words.server_heartbeat,
        Kind::OthersHeartbeat => words.others_heartbeat,
        Kind::Greeting => words.greeting,
        Kind::Question => words.question,
        Kind::Answer => words.answer,
        Kind::Event(_) => words.event,
    }
}

fn class(kind: &Kind) -> &'static str {
    match kind {
        Kind::Sent { .. } | Kind::Greeting => "row sent",
        Kind::Received => "row got",
        Kind::Heartbeat { .. }
        | Kind::Reply { .. }
        | Kind::Unasked
        | Kind::ServerHeartbeat
        | Kind::OthersHeartbeat
        | Kind::Question
        | Kind::Answer => "row beat",
        Kind::Event(_) => "row event",
    }
}

/// Whether it tells of a text that is empty.
fn is_empty(row: &Row) -> bool {
    let is_text = matches!(row.payload, Payload::Text(_));
    row.size == 0 && is_text && !matches!(row.kind, Kind::Event(_))
}

/// The cells of a line.
fn cells(Line { row, run, .. }: Line<'_>, words: &'static Words) -> Html {
    let time = time_of_day(local(run.map_or(row.at, |run| run.since)));
    let (seconds, fraction) = time.split_at_checked(8).unwrap_or((&time, ""));
    let is_event = matches!(row.kind, Kind::Event(_));
    let is_empty = run.is_none() && is_empty(row);
    let (sign, kind, what, (stage_sign, said)) = match run {
        Some(run) => {
            let until = time_of_day(local(row.at));
            let values = [
                ("beats", words.pulse_beats.of(run.beats)),
                ("time", until[..8].into()),
            ];
            let values = values
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            let took = run.round_trip.map(|took| took_text(took, words));
            let stage = (took.clone().unwrap_or_default(), took);
            (
                "♥",
                words.heartbeats,
                fill(words.beats_until, &values),
                stage,
            )
        }
        None => (
            sign(&row.kind),
            kind_name(&row.kind, words),
            what(row, words),
            stage(&row.kind, words),
        ),
    };
    let size = if is_event || run.is_some() {
        String::new()
    } else {
        fill(words.bytes_briefly, &[("n", &row.size.to_string())])
    };
    html! {
        <>
            <span class="way" aria-hidden="true" ~textContent={sign} />
            <span class="unseen" ~textContent={[kind, " "].concat()} />
            <span class="at">
                <span ~textContent={seconds} />
                <span class="fraction" ~textContent={fraction} />
            </span>
            <span
                class={if is_empty { "what empty" } else { "what" }}
                dir="auto"
                translate={(!is_event && !is_empty && run.is_none()).then_some("no")}
                ~textContent={what}
            />
            <span class="size" ~textContent={size} />
            <span class="stage" aria-hidden="true" title={said.clone()} ~textContent={stage_sign} />
            <span class="unseen" ~textContent={[" ", said.as_deref().unwrap_or_default()].concat()} />
        </>
    }
}

/// A beat in a line of text, with the line's end.
fn beat(row: &Row, words: &Words) -> String {
    let (took, _) = stage(&row.kind, words);
    let time = time_of_day(local(row.at));
    let beat = format!("{time} {} {} {took}", sign(&row.kind), what(row, words));
    beat.trim_end().to_owned() + "\n"
}

fn sign(kind: &Kind) -> &'static str {
    match kind {
        Kind::Sent { .. } | Kind::Greeting => "↑",
        Kind::Received => "↓",
        Kind::Heartbeat { reply: Some(_), .. } => "⇅♥",
        Kind::Heartbeat { reply: None, .. } | Kind::Answer => "↑♥",
        Kind::Reply { .. }
        | Kind::Unasked
        | Kind::ServerHeartbeat
        | Kind::OthersHeartbeat
        | Kind::Question => "↓♥",
        Kind::Event(_) => "•",
    }
}

/// What a row says, in a line.
fn what(row: &Row, words: &Words) -> String {
    let text = words.line(&row.text(words));
    match row.reply() {
        Some(reply) if reply.text.as_bytes() != row.payload.bytes() => {
            [&text, " → ", &line(&reply.text)].concat()
        }
        Some(_) | None => text,
    }
}

fn took_text(took: Duration, words: &Words) -> String {
    fill(words.millis, &[("n", &millis(took).to_string())])
}

/// How far a message got, or how long a reply took: a sign, and words that say the same.
fn stage(kind: &Kind, words: &Words) -> (String, Option<String>) {
    let (stage, is_repeat) = match kind {
        Kind::Sent {
            stage, is_repeat, ..
        } => (*stage, *is_repeat),
        Kind::Reply {
            round_trip: Some(round_trip),
        }
        | Kind::Heartbeat {
            reply: Some(Reply { round_trip, .. }),
            ..
        } => {
            let took = took_text(*round_trip, words);
            return (took.clone(), Some(took));
        }
        Kind::Received
        | Kind::Heartbeat { reply: None, .. }
        | Kind::Reply { round_trip: None }
        | Kind::Unasked
        | Kind::ServerHeartbeat
        | Kind::OthersHeartbeat
        | Kind::Greeting
        | Kind::Question
        | Kind::Answer
        | Kind::Event(_) => return (String::new(), None),
    };
    let (sign, said) = match stage {
        Stage::Queued => ("…", words.queued.into()),
        Stage::Sent { .. } if is_repeat => ("↻", words.sent_again.into()),
        Stage::Sent { .. } => ("✓", words.sent.into()),
        Stage::Answered { after } => ("✓≈", words.answered_after.of(after)),
        Stage::Confirmed { after } => ("✓✓", words.confirmed_after.of(after)),
        Stage::SetAside => ("⏸", words.set_aside.into()),
        Stage::Unconfirmed => ("?", words.unconfirmed.into()),
        Stage::Merged => ("⤵", words.merged_into.into()),
        Stage::Dropped => ("✕", words.dropped.into()),
        Stage::HandedOver => ("⇥", words.handed_over.into()),
    };
    (sign.into(), Some(said))
}

/// A time in milliseconds since 1970, moved so that its day and hour are those of this place.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "whole minutes"
)]
fn local(millis: u64) -> u64 {
    let date = js_sys::Date::new(&JsValue::from_f64(millis as f64));
    let behind = date.get_timezone_offset() as i64;
    millis.saturating_add_signed(-behind * 60_000)
}

#[expect(clippy::cast_precision_loss, reason = "no log has that many rows")]
fn count(rows: usize) -> f64 {
    rows as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of rows"
)]
fn floor(rows: f64) -> usize {
    rows as usize
}

#[expect(clippy::cast_possible_truncation, reason = "a document is not as high")]
fn whole(pixels: f64) -> i32 {
    pixels.round() as i32
}

fn button(label: &str, onclick: Callback<MouseEvent>) -> Html {
    html! { <button type="button" ~textContent={label} {onclick} /> }
}

/// Something that is known of a row.
fn fact(name: &str, value: &str) -> Html {
    html! { <div><dt ~textContent={name} /><dd ~textContent={value} /></div> }
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

/// Rows beyond those in view, above and below: what a scroll shows before it is drawn.
const MARGIN: usize = 6;

/// The least time between two texts that are read aloud.
const READING_MILLIS: u32 = 2_000;
