//! The parts of the page. They see words, numbers and statuses, never the connection.
//!
//! They are functions and not components: each component more costs a kilobyte of the compressed page.

use std::{cell::Cell, rc::Rc, time::Duration};

use gloo_events::EventListener;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlInputElement, HtmlTextAreaElement, InputEvent, SubmitEvent};
use yew::{AttrValue, Callback, Html, NodeRef, TargetCast as _, html};

use crate::{
    address::AddressError,
    outbox::Delivery,
    settings::{Complaint, millis},
    strip::{Press, Strip, Toggle, Tone},
    words::{Words, fill},
};

/// What was wrong with the settings given.
pub(super) fn complaints<'a>(
    words: &Words,
    complaints: impl Iterator<Item = &'a Complaint>,
) -> Html {
    html! {
        <div class="complaints" role="alert">
            for complaint in complaints {
                <p>{ words.complaint(complaint) }</p>
            }
        </div>
    }
}

/// What the address field and its button show and do.
pub(super) struct AddressForm<'a> {
    pub(super) entered: AttrValue,
    pub(super) error: Option<&'a AddressError>,
    pub(super) toggle: Toggle,
    pub(super) on_address: Callback<String>,
    pub(super) on_toggle: Callback<()>,
}

/// The address and the button that connects to it or ends that.
pub(super) fn address_form(words: &'static Words, form: AddressForm<'_>) -> Html {
    let is_locked = form.toggle != Toggle::Connect;
    let oninput = form
        .on_address
        .reform(|event: InputEvent| event.target_unchecked_into::<HtmlInputElement>().value());
    // Enter in the field connects and never disconnects. The button is none that submits: the click
    // that disconnects would submit as well, for the page is drawn anew before the browser gets to
    // that.
    let on_toggle = form.on_toggle.clone();
    let onsubmit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        if !is_locked {
            on_toggle.emit(());
        }
    });
    let onclick = form.on_toggle.reform(|_| ());
    let button = match form.toggle {
        Toggle::Connect => words.connect,
        Toggle::Stop => words.stop,
        Toggle::Disconnect => words.disconnect,
    };
    html! {
        <form class="address" novalidate=true aria-label={words.connection} {onsubmit}>
            <label for="url">{ words.url }</label>
            <div class="address-row">
                <input
                    id="url"
                    type="text"
                    inputmode="url"
                    autocapitalize="off"
                    autocomplete="url"
                    spellcheck="false"
                    dir="ltr"
                    value={form.entered}
                    readonly={is_locked}
                    aria-invalid={form.error.is_some().then_some("true")}
                    aria-describedby="url-hint url-error"
                    {oninput}
                />
                <button
                    type="button"
                    class={(form.toggle == Toggle::Connect).then_some("primary")}
                    {onclick}
                >{ button }</button>
            </div>
            <p id="url-hint" class="hint">
                { if is_locked { words.url_locked } else { words.url_hint } }
            </p>
            <p id="url-error" class="error">
                if let Some(error) = form.error {
                    <span class="unseen">{ words.error }</span>
                    { words.address_error(error) }
                }
            </p>
        </form>
    }
}

/// The numbers beside the status.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Facts {
    pub(super) epoch: u32,
    pub(super) attempt: u32,
    pub(super) open_seconds: Option<u64>,
    pub(super) round_trip: Option<Duration>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) delivery: Delivery,
    pub(super) merged: u64,
    pub(super) reconnects: u64,
}

/// What the connection is doing, what can be done about it, and its numbers.
pub(super) fn status_strip(
    words: &'static Words,
    strip: &Strip,
    facts: &Facts,
    on_press: &Callback<Press>,
) -> Html {
    let tone = match strip.state.tone() {
        Tone::Well => "well",
        Tone::Busy => "busy",
        Tone::Worried => "worried",
        Tone::Alarmed => "alarmed",
        Tone::Quiet => "quiet",
    };
    let is_alert = strip.state.is_alert();
    // Both regions are there from the start and one is empty: a region that comes with its text is
    // not read. What passes stays outside of them, or it would be read every second.
    html! {
        <section
            class={yew::classes!("status", tone)}
            aria-labelledby="status-name"
            data-state={strip.state.id()}
            data-epoch={facts.epoch.to_string()}
            data-attempt={facts.attempt.to_string()}
            data-queued={facts.delivery.queued.to_string()}
            data-sent={facts.delivery.sent.to_string()}
            data-confirmed={facts.delivery.confirmed.to_string()}
            data-unconfirmed={facts.delivery.unconfirmed.to_string()}
            data-rtt={facts.round_trip.map(|round_trip| millis(round_trip).to_string())}
        >
            <h2 id="status-name" class="unseen">{ words.connection }</h2>
            <span class="sign" aria-hidden="true">{ strip.state.icon() }</span>
            <div class="said">
                <div role="status" aria-atomic="true">
                    if !is_alert { { said(strip) } }
                </div>
                <div role="alert" aria-atomic="true">
                    if is_alert { { said(strip) } }
                </div>
                if let Some(tick) = &strip.tick {
                    <p class="tick" aria-hidden="true">{ tick }</p>
                }
                if let Some(explanation) = &strip.explanation {
                    <details>
                        <summary>{ words.why }</summary>
                        <p>{ explanation }</p>
                    </details>
                }
            </div>
            <div class="buttons">
                for (press, label) in strip.buttons.iter().cloned() {
                    <button type="button" onclick={on_press.reform(move |_| press.clone())}>
                        { label }
                    </button>
                }
            </div>
            { facts_list(facts, words) }
        </section>
    }
}

/// The field whose every change is sent. The browser alone owns its text: to set it would disturb
/// an input method at work.
pub(super) fn message_field(words: &'static Words, field: &NodeRef) -> Html {
    html! {
        <div class="card">
            <label for="message">{ words.message }</label>
            <textarea
                ref={field}
                id="message"
                rows="3"
                dir="auto"
                autocomplete="off"
                aria-describedby="message-hint"
            />
            <p id="message-hint" class="hint">{ words.message_hint }</p>
        </div>
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
            let event = event.dyn_ref::<InputEvent>();
            if !is_composing.get() && !event.is_some_and(InputEvent::is_composing) {
                on_type.emit(source.value());
            }
        })
    })
}

/// What was received last.
#[derive(Clone)]
pub(super) enum Received {
    /// This text.
    Text(AttrValue),
    /// A binary frame of so many bytes.
    Binary(usize),
}

/// The last message received. No live region: it would read every echo aloud.
pub(super) fn last_message(words: &'static Words, received: Option<&Received>) -> Html {
    let binary = |bytes: usize| words.binary.of(u64::try_from(bytes).unwrap_or(u64::MAX));
    html! {
        <section class="card" aria-labelledby="received-name">
            <h2 id="received-name">{ words.last }</h2>
            <pre id="received" role="group" aria-labelledby="received-name" tabindex="0" dir="auto">
                { match received {
                    None => html! {},
                    Some(Received::Text(text)) => html! { { text } },
                    Some(Received::Binary(bytes)) => html! { <em>{ binary(*bytes) }</em> },
                } }
            </pre>
            if received.is_none() {
                <p class="hint">{ words.last_empty }</p>
            }
        </section>
    }
}

fn said(strip: &Strip) -> Html {
    html! {
        <>
            <p class="headline">{ &strip.headline }<span class="unseen">{ ". " }</span></p>
            <p class="detail">
                { &strip.detail }
                if let Some(said) = &strip.said {
                    <span class="unseen">{ " " }{ said }</span>
                }
            </p>
        </>
    }
}

fn facts_list(facts: &Facts, words: &'static Words) -> Html {
    let absent = || "–".to_owned();
    let Delivery {
        queued,
        confirmed,
        unconfirmed,
        ..
    } = facts.delivery;
    let waiting = if facts.merged == 0 {
        queued.to_string()
    } else {
        let (waiting, merged) = (queued.to_string(), facts.merged.to_string());
        fill(words.merged, &[("waiting", &waiting), ("n", &merged)])
    };
    let round_trip = facts.round_trip.map(|time| format!("{} ms", millis(time)));
    html! {
        <dl aria-label={words.facts}>
            for (name, value) in [
                (words.uptime, facts.open_seconds.map_or_else(absent, clock)),
                (words.round_trip, round_trip.unwrap_or_else(absent)),
                (words.sent, facts.sent.to_string()),
                (words.confirmed, confirmed.to_string()),
                (words.unconfirmed, unconfirmed.to_string()),
                (words.received, facts.received.to_string()),
                (words.waiting, waiting),
                (words.reconnects, facts.reconnects.to_string()),
            ] {
                <div><dt>{ name }</dt><dd>{ value }</dd></div>
            }
        </dl>
    }
}

fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes:02}:{seconds:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}
