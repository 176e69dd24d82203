//! The parts of the page. They see words, numbers and statuses, and change no connection.
//!
//! They are functions and not components: each component more costs a kilobyte of the compressed page.
//!
//! No text on the page is a node that Yew keeps. A translator puts elements of its own in the places of
//! text nodes, and what Yew then writes into its node is seen by nobody. An element's `textContent` is
//! written over whatever the element holds, so every text is an element's own, and stands in it alone.

use std::time::Duration;

use heartwire::{
    Payload,
    core::{
        connection::{Connection, Status},
        outbox::{Delivery, Message, MessageId},
    },
    millis,
};
use web_sys::{Event, HtmlInputElement, HtmlSelectElement, InputEvent, SubmitEvent};
use yew::{AttrValue, Callback, Html, NodeRef, TargetCast as _, html};

use crate::{
    address::AddressError,
    announcer::Announcer,
    payload::line,
    strip::{Press, Strip, Toggle, Tone},
    words::{Lang, Words, fill},
};

/// The page's name and the choice of its language.
pub(super) fn header(lang: Lang, is_locked: bool, on_language: &Callback<Lang>) -> Html {
    let words = lang.words();
    let onchange = on_language.reform(|event: Event| {
        let select = event.target_unchecked_into::<HtmlSelectElement>();
        Lang::of(&select.value()).unwrap_or(Lang::ALL[0])
    });
    html! {
        <header>
            <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                <path d={PULSE} />
            </svg>
            <h1 ~textContent="Heartwire" />
            <p ~textContent={words.tagline} />
            <label class="unseen" for="language" ~textContent={words.language} />
            <select id="language" ~value={lang.tag()} disabled={is_locked} {onchange}>
                for known in Lang::ALL {
                    <option
                        value={known.tag()}
                        lang={known.tag()}
                        selected={known == lang}
                        ~textContent={known.words().language_name}
                    />
                }
            </select>
        </header>
    }
}

/// The beat of the page's sign, in a square of 32.
pub(super) const PULSE: &str = "M4 17h6l3-8 5 15 4-10 2 3h4";

/// What was wrong with the settings given.
pub(super) fn complaints(complaints: Vec<String>) -> Html {
    html! {
        <div class="complaints" role="alert">
            for complaint in complaints {
                <p ~textContent={complaint} />
            }
        </div>
    }
}

/// What is to become of a message that was set aside.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aside {
    /// It is sent again.
    Send(MessageId),
    /// It is given up.
    Drop(MessageId),
}

/// The messages that were set aside, of which a few are shown at a time. The region is there from the
/// start: one that comes with its text is not read.
pub(super) fn aside(
    words: &'static Words,
    core: &Connection,
    part: &NodeRef,
    on_aside: &Callback<Aside>,
) -> Html {
    const MOST: usize = 3;
    let said = |message: &Message| {
        let limit = core.limit_of((&message.payload).into());
        let (text, size) = match limit.and(core.max_message()) {
            Some(most) => (words.aside_unsendable, words.size(most)),
            None => (words.aside, String::new()),
        };
        fill(
            text,
            &[("text", &in_line(&message.payload, words)), ("size", &size)],
        )
    };
    html! {
        <div ref={part} class="complaints" role="alert">
            for message in core.outbox().aside().take(MOST) {
                <div key={message.id.number()} class="aside">
                    <p
                        dir="auto"
                        ~textContent={said(message)}
                    />
                    for (label, aside) in [
                        (words.send_again, Aside::Send(message.id)),
                        (words.discard, Aside::Drop(message.id)),
                    ] {
                        <button
                            type="button"
                            onclick={on_aside.reform(move |_| aside)}
                            ~textContent={label}
                        />
                    }
                </div>
            }
        </div>
    }
}

/// A message in one line: a text, or the size of what is none.
fn in_line(payload: &Payload, words: &Words) -> String {
    match payload {
        Payload::Text(text) => line(text),
        Payload::Binary(bytes) => words.binary.of(bytes.len() as u64),
    }
}

/// What the address field and its button show and do.
pub(super) struct AddressForm<'a> {
    pub(super) entered: AttrValue,
    pub(super) error: Option<&'a AddressError>,
    pub(super) toggle: Toggle,
    /// Whether the operator allows no other address.
    pub(super) is_set_by_site: bool,
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
    let hint = match (form.is_set_by_site, is_locked) {
        (true, _) => words.url_set_by_site,
        (false, true) => words.url_locked,
        (false, false) => words.url_hint,
    };
    html! {
        <form class="address" novalidate=true aria-label={words.connection} {onsubmit}>
            <label for="url" ~textContent={words.url} />
            <div class="address-row">
                <input
                    id="url"
                    type="text"
                    inputmode="url"
                    autocapitalize="off"
                    autocomplete="url"
                    spellcheck="false"
                    dir="ltr"
                    list="addresses"
                    value={form.entered}
                    readonly={is_locked || form.is_set_by_site}
                    aria-invalid={form.error.is_some().then_some("true")}
                    aria-describedby="url-hint url-error"
                    {oninput}
                />
                <button
                    type="button"
                    class={(form.toggle == Toggle::Connect).then_some("primary")}
                    ~textContent={button}
                    {onclick}
                />
            </div>
            <p id="url-hint" class="hint" ~textContent={hint} />
            <p id="url-error" class="error">
                if let Some(error) = form.error {
                    <span class="unseen" ~textContent={words.error} />
                    <span ~textContent={words.address_error(error)} />
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

impl Facts {
    /// What the core knows at this time.
    pub(super) fn of(core: &Connection, now: Duration) -> Self {
        let open_seconds = match core.status() {
            Status::Open { since, .. } => Some(now.saturating_sub(since).as_secs()),
            Status::Idle
            | Status::Connecting { .. }
            | Status::Waiting { .. }
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => None,
        };
        Self {
            epoch: core.epoch().number(),
            attempt: core.attempt(),
            open_seconds,
            round_trip: core.heartbeat().round_trip(),
            sent: core.sent(),
            received: core.received(),
            delivery: core.outbox().delivery(),
            merged: core.outbox().merged(),
            reconnects: core.reconnects(),
        }
    }
}

/// What the connection is doing, what can be done about it, and its numbers.
pub(super) fn status_strip(
    words: &'static Words,
    strip: &Strip,
    announcer: &Announcer,
    facts: &Facts,
    section: &NodeRef,
    on_press: &Callback<Press>,
) -> Html {
    let tone = match strip.state.tone() {
        Tone::Well => "well",
        Tone::Busy => "busy",
        Tone::Worried => "worried",
        Tone::Alarmed => "alarmed",
        Tone::Quiet => "quiet",
    };
    // Both regions are there from the start: one that comes with its text is not read. What is seen
    // stays outside of them, for it changes at once and every second.
    html! {
        <section
            ref={section}
            tabindex="-1"
            class={yew::classes!("status", tone)}
            aria-labelledby="status-name"
            data-state={strip.state.id()}
            data-epoch={facts.epoch.to_string()}
            data-attempt={facts.attempt.to_string()}
            data-queued={facts.delivery.queued.to_string()}
            data-sent={facts.delivery.sent.to_string()}
            data-answered={facts.delivery.answered.to_string()}
            data-confirmed={facts.delivery.confirmed.to_string()}
            data-unconfirmed={facts.delivery.unconfirmed.to_string()}
            data-rtt={facts.round_trip.map(|round_trip| millis(round_trip).to_string())}
        >
            <h2 id="status-name" class="unseen" ~textContent={words.connection} />
            <span class="sign" aria-hidden="true" ~textContent={strip.state.icon()} />
            <div class="said">
                <p class="headline" ~textContent={&strip.headline} />
                <p class="detail" ~textContent={&strip.detail} />
                if let Some(tick) = &strip.tick {
                    <p class="tick" aria-hidden="true" ~textContent={tick} />
                }
                if let Some(waits) = &strip.waits {
                    <p class="waits" ~textContent={waits} />
                }
                if let Some(explanation) = &strip.explanation {
                    <details>
                        <summary ~textContent={words.why} />
                        <p ~textContent={explanation} />
                    </details>
                }
            </div>
            <div class="buttons">
                for (press, label) in strip.buttons.iter().cloned() {
                    <button
                        type="button"
                        ~textContent={label}
                        onclick={on_press.reform(move |_| press.clone())}
                    />
                }
            </div>
            <div class="unseen" role="status" aria-atomic="true" ~textContent={announcer.polite()} />
            <div class="unseen" role="alert" aria-atomic="true" ~textContent={announcer.urgent()} />
            { facts_list(facts, words) }
        </section>
    }
}

fn facts_list(facts: &Facts, words: &'static Words) -> Html {
    let absent = || "–".to_owned();
    let Delivery {
        queued,
        answered,
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
    let round_trip = facts
        .round_trip
        .map(|time| fill(words.millis, &[("n", &millis(time).to_string())]));
    html! {
        <dl aria-label={words.facts}>
            for (name, value) in [
                (words.uptime, facts.open_seconds.map_or_else(absent, clock)),
                (words.round_trip, round_trip.unwrap_or_else(absent)),
                (words.sent, facts.sent.to_string()),
                (words.answered, answered.to_string()),
                (words.confirmed, confirmed.to_string()),
                (words.unconfirmed, unconfirmed.to_string()),
                (words.received, facts.received.to_string()),
                (words.waiting, waiting),
                (words.reconnects, facts.reconnects.to_string()),
            ] {
                // What there is nothing of steps back.
                <div class={matches!(value.as_str(), "0" | "–").then_some("none")}>
                    <dt ~textContent={name} />
                    <dd ~textContent={value} />
                </div>
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
