//! The list of rows. It scrolls as if each row were in the document; only those in view are.

use wasm_bindgen::JsCast as _;
use web_sys::{Element, Event, FocusEvent, HtmlElement, KeyboardEvent, MouseEvent};
use yew::{Callback, Html, TargetCast as _, html};

use super::{
    LogPanel, Msg, Step, focus_element,
    row::{cells, class},
};
use crate::web::{
    browser::{self, SizeWatch},
    search::Expression,
};

/// Sizes in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sizes {
    pub(super) row: f64,
    /// The height of what can be seen of the list at once.
    pub(super) view: f64,
}

/// What the list is scrolled to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// The newest row, whichever that is.
    Latest,
    /// This row at the top, `above` pixels of it scrolled away. Of the rows, `seen` was the newest
    /// when the user left the latest.
    At { number: u64, above: f64, seen: u64 },
}

/// The lines that the document holds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drawn {
    /// The index of the first line, how many there are from there on, and how many there are in all.
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

impl LogPanel {
    /// Notices that the user has scrolled, before a drawing scrolls the list itself; returns whether that is
    /// so. It has the browser lay out the page, and is not needed in an animation frame, before which the
    /// browser tells of scrolling.
    pub(in crate::web) fn notice_scrolling(&self) -> bool {
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

    /// Puts the rows that were drawn where they belong.
    pub(in crate::web) fn rendered(&mut self) {
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

    /// The list, and the button that leads to its newest row.
    pub(super) fn list(&self) -> Html {
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
        let onclick = self.handler(|event: &MouseEvent| Some(Msg::Open(row_of(event)?)));
        let onfocusin = self.handler(|event: &FocusEvent| Some(Msg::Focus(Some(row_of(event)?))));
        let onfocusout = self.handler(|_: &FocusEvent| Some(Msg::Focus(None)));
        let onkeydown = self.handler(|event: &KeyboardEvent| {
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

    /// Takes the sizes of a row and of the list.
    pub(super) fn measure(&mut self) {
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

    /// Moves the focus from row to row.
    pub(super) fn step(&mut self, step: Step) {
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
    pub(super) fn reveal(&self, index: usize) {
        // The present position is noted, so that it is not taken for a scroll of the user later.
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

    fn handler<E: 'static>(&self, act: fn(&E) -> Option<Msg>) -> Callback<E> {
        let emit = self.emit.clone();
        Callback::from(move |event| {
            if let Some(act) = act(&event) {
                emit.emit(act);
            }
        })
    }
}

/// The number of the row that an event is about.
fn row_of(event: &Event) -> Option<u64> {
    let target = event.target_dyn_into::<Element>()?;
    let row = target.closest("[data-row]").ok()??;
    row.get_attribute("data-row")?.parse().ok()
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

/// Rows beyond those in view, above and below: what a scroll shows before it is drawn.
const MARGIN: usize = 6;
