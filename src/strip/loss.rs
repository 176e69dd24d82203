//! How a connection ended, in words.

use heartwire::core::connection::{Closure, Loss};

use crate::{
    address::is_deceptive,
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

/// A close reason is untrusted text: without characters that hide or reorder what stands beside it.
fn printable(reason: &str) -> String {
    reason
        .replace(is_deceptive, "")
        .trim_matches([' ', '.', '。'])
        .to_owned()
}
