//! An outbox as text, to be restored by the next page. Of each message there is how it is kept, its guarantee, its
//! length in bytes, its name if it has one, and its payload: `Ta5:hello`.

use std::{mem, time::Duration};

#[cfg(feature = "stomp")]
use super::Name;
use super::{Guarantee, MOST_ENDS, Message, MessageId, Origin, Outbox, Sent};
use crate::Payload;

impl Outbox {
    /// All that has no proof yet, for [`restore`](Self::restore); empty if there is nothing.
    #[must_use]
    pub fn store(&self) -> String {
        let mut stored = String::new();
        let mut store = |message: &Message, [typed, sent]: [&str; 2]| {
            let mark = match message.origin {
                Origin::Typed => typed,
                Origin::Sent => sent,
            };
            let (is_binary, text) = match &message.payload {
                Payload::Text(text) => (false, text.clone()),
                Payload::Binary(bytes) => {
                    (true, bytes.iter().map(|byte| char::from(*byte)).collect())
                }
            };
            let mut kinds = KINDS.iter();
            let kind = kinds.find(|kind| (kind.1, kind.2) == (message.guarantee, is_binary));
            let kind = kind.map_or("", |kind| kind.0);
            stored.extend([mark, kind, &text.len().to_string()]);
            #[cfg(feature = "stomp")]
            if let Some(name) = message.name {
                stored.extend([NAMED, &name.text()]);
            }
            stored.extend([":", &text]);
        };
        for message in &self.aside {
            store(message, ASIDE);
        }
        for sent in &self.sent {
            store(&sent.message, REPEAT);
        }
        for message in &self.waiting {
            store(message, if message.is_repeat { REPEAT } else { FRESH });
        }
        stored
    }

    /// Takes over what another outbox [`store`](Self::store)d, up to where that cannot be read, before
    /// what waits. What had been sent is treated as after the loss of a connection. No connection may
    /// have taken anything yet. Earlier releases did not store what is sent again: for theirs it is told of
    /// a typed text, and of one sent on purpose.
    pub fn restore(&mut self, stored: &str, unsaid: [Guarantee; 2]) {
        let newer = mem::take(&mut self.waiting);
        let mut rest = stored;
        while let Some((mut message, behind)) = split_stored(rest, unsaid) {
            message.id = self.name();
            if message.is_suspect() {
                self.set_aside(message);
            } else if message.is_repeat {
                self.sent_bytes += message.payload.len();
                self.sent.push_back(Sent::long_ago(message));
            } else {
                self.waiting_bytes += message.payload.len();
                self.waiting.push_back(message);
            }
            rest = behind;
        }
        for origin in [Origin::Typed, Origin::Sent] {
            if newer.iter().any(|message| message.is_latest(origin)) {
                self.replace_latest(origin);
            }
        }
        self.waiting.extend(newer);
        self.lose();
    }
}

impl Sent {
    /// Of an earlier page, or of a connection that is gone.
    fn long_ago(message: Message) -> Self {
        let at = Duration::ZERO;
        Self { message, at }
    }
}

/// Splits off the first message of what an outbox stored.
fn split_stored(stored: &str, unsaid: [Guarantee; 2]) -> Option<(Message, &str)> {
    let mark = stored.get(..1)?;
    let kinds = [FRESH, REPEAT, ASIDE];
    let kind = kinds.iter().find(|kind| kind.contains(&mark))?;
    let origin = if kind[0] == mark {
        Origin::Typed
    } else {
        Origin::Sent
    };
    let (header, behind) = stored[1..].split_once(':')?;
    // Also what a page has stored that knows of names.
    let (header, name) = header.split_once(NAMED).unwrap_or((header, ""));
    #[cfg(not(feature = "stomp"))]
    let _ = name;
    let mut kinds = KINDS.iter();
    let kept = kinds.find_map(|(letter, guarantee, is_binary)| {
        Some((*guarantee, *is_binary, header.strip_prefix(letter)?))
    });
    let (guarantee, is_binary, length) = kept.unwrap_or(match origin {
        Origin::Typed => (unsaid[0], false, header),
        Origin::Sent => (unsaid[1], false, header),
    });
    let (text, rest) = behind.split_at_checked(length.parse().ok()?)?;
    let message = Message {
        id: MessageId::default(),
        payload: if is_binary {
            let bytes = text.chars().map(|letter| u8::try_from(letter).ok());
            Payload::Binary(bytes.collect::<Option<_>>()?)
        } else {
            text.into()
        },
        origin,
        guarantee,
        is_repeat: *kind != FRESH,
        ends: if *kind == ASIDE { MOST_ENDS - 1 } else { 0 },
        #[cfg(feature = "stomp")]
        name: Name::read(name),
    };
    Some((message, rest))
}

/// What stands before a message in what is stored: one typed, and one sent on purpose.
const FRESH: [&str; 2] = ["t", "s"];
const REPEAT: [&str; 2] = ["T", "S"];
const ASIDE: [&str; 2] = ["x", "X"];

/// What stands before the length of what was stored: which guarantee it has, and whether its characters are
/// bytes.
const KINDS: [(&str, Guarantee, bool); 6] = [
    ("a", Guarantee::AtLeastOnce, false),
    ("o", Guarantee::AtMostOnce, false),
    ("l", Guarantee::Latest, false),
    ("A", Guarantee::AtLeastOnce, true),
    ("O", Guarantee::AtMostOnce, true),
    ("L", Guarantee::Latest, true),
];

/// Stands before a message's name.
const NAMED: &str = "#";

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::{
        Guarantee::{AtLeastOnce, AtMostOnce, Latest},
        *,
    };
    use crate::core::outbox::tests::{empty, states, take_all, typed};

    #[test]
    fn what_is_stored_comes_back_as_after_a_loss() {
        let mut outbox = typed(10, ["", "ä:1", "t2:x"]);
        assert!(outbox.push_sent("order".into(), AtMostOnce).is_ok());
        assert!(outbox.push_sent(vec![0, 255].into(), Latest).is_ok());
        let _ = outbox.take(Duration::ZERO);
        let _ = outbox.take(Duration::ZERO);
        let stored = outbox.store();
        let mut restored = empty(10);
        restored.restore(&stored, [Latest, AtMostOnce]);
        assert_eq!(states(&restored), [3, 0, 0, 2]);
        assert_eq!(restored.store(), {
            outbox.lose();
            outbox.store()
        });
        let bytes = restored.waiting.pop_back().map(|message| message.payload);
        assert_eq!(bytes, Some(vec![0, 255].into()));
        assert_eq!(take_all(&mut restored), ["", "ä:1", "t2:x", "order"]);
        restored.lose();
        assert_eq!(take_all(&mut restored), ["", "ä:1", "t2:x"]);
        assert_eq!(empty(10).store(), "");
    }

    /// What an earlier release of the page stored.
    #[test]
    fn what_was_stored_without_a_guarantee_comes_back() {
        let mut restored = empty(10);
        restored.push_typed("newer".into(), AtLeastOnce);
        restored.restore("T1:aT2:abS5:ordert3:abcs4:more", [Latest, AtMostOnce]);
        assert_eq!(states(&restored), [3, 0, 0, 3]);
        assert_eq!(take_all(&mut restored), ["abc", "more", "newer"]);
        let mut restored = empty(10);
        restored.restore("T1:aT2:abS5:order", [Latest, AtMostOnce]);
        assert_eq!(take_all(&mut restored), ["ab"]);
    }

    proptest! {
        #[test]
        fn what_was_stored_by_somebody_else_does_no_harm(stored in "[tTsSxXaolAL0-9:äĀ]*") {
            empty(3).restore(&stored, [Latest, AtMostOnce]);
        }
    }
}
