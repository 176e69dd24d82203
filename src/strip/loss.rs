//! How a connection ended and what may be lost, in words.

use std::time::Duration;

use heartwire::Stomp;
use heartwire::core::connection::{Closure, Loss};

use super::seconds_rounded_up;
use crate::{
    payload::excerpt,
    words::{Words, fill},
};

/// How a connection or an attempt ended.
pub(crate) fn loss_text(loss: &Loss, words: &Words) -> String {
    if let Some(error) = &loss.error {
        fill(words.said, &[("text", &printable(error))])
    } else if loss.was_silent {
        words.fell_silent.into()
    } else {
        closure_text(&loss.closure, words)
    }
}

/// For how long there was no connection, and what that means for what was sent meanwhile.
pub(crate) fn outage_text(outage: Duration, is_kept: bool, words: &Words) -> String {
    let text = if is_kept {
        words.reopened_kept
    } else {
        words.reopened_detail
    };
    text.of(seconds_rounded_up(outage))
}

/// Whether the broker keeps what is sent meanwhile: a queue does, a topic has it for those who are there.
pub(crate) fn is_kept(stomp: Option<&Stomp>) -> bool {
    let source = stomp.map_or("", Stomp::source);
    let name = source.strip_prefix("/amq").unwrap_or(source);
    name.starts_with("/queue/")
}

pub(super) fn closure_text(closure: &Closure, words: &Words) -> String {
    let reason = printable(&closure.reason);
    let text = if reason.is_empty() {
        words.close_code
    } else {
        words.close_code_with_reason
    };
    fill(
        text,
        &[
            ("code", &closure.code.to_string()),
            ("name", words.close_name(closure.code)),
            ("reason", &reason),
        ],
    )
}

/// A close reason is untrusted text: in one line, and what would hide in it, or turn round what stands beside it, is
/// made visible.
fn printable(reason: &str) -> String {
    let words: Vec<_> = reason.split_whitespace().collect();
    excerpt(&words.join(" "))
        .trim_matches([' ', '.', '。'])
        .to_owned()
}
