//! A row in a line: its signs and its words.

use std::time::Duration;

use heartwire::millis;
use wasm_bindgen::JsValue;
use yew::{Html, html};

use crate::{
    log::{Kind, Line, Payload, Reply, Row, Stage, time_of_day},
    payload::line,
    words::{Words, fill},
};

/// The cells of a line.
pub(super) fn cells(Line { row, run, .. }: Line<'_>, words: &'static Words) -> Html {
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
pub(super) fn beat(row: &Row, words: &Words) -> String {
    let (took, _) = stage(&row.kind, words);
    let time = time_of_day(local(row.at));
    let beat = format!("{time} {} {} {took}", sign(&row.kind), what(row, words));
    beat.trim_end().to_owned() + "\n"
}

pub(super) fn class(kind: &Kind) -> &'static str {
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

pub(super) fn kind_name(kind: &Kind, words: &Words) -> &'static str {
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

/// How far a message got, or how long a reply took: a sign, and words that say the same.
pub(super) fn stage(kind: &Kind, words: &Words) -> (String, Option<String>) {
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
pub(super) fn local(millis: u64) -> u64 {
    let date = js_sys::Date::new(&JsValue::from_f64(millis as f64));
    let behind = date.get_timezone_offset() as i64;
    millis.saturating_add_signed(-behind * 60_000)
}

/// Whether it tells of a text that is empty.
fn is_empty(row: &Row) -> bool {
    let is_text = matches!(row.payload, Payload::Text(_));
    row.size == 0 && is_text && !matches!(row.kind, Kind::Event(_))
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
