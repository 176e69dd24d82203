//! What a server says, and what the messages say that it reads.

use heartwire::{Options, core::mark::Marks};

use crate::{Item, Link, Server};

impl Link {
    pub(crate) fn options(&self) -> Options {
        let options = Options::new()
            .prove_within(None)
            .outbox_limit(self.outbox_limit);
        if self.has_marks() {
            options.heartbeat_text("beat {n}")
        } else {
            options
        }
    }

    pub(crate) fn has_marks(&self) -> bool {
        matches!(self.server, Server::Changes | Server::Relays)
    }

    pub(crate) fn speaks_unasked(&self) -> bool {
        self.bounds.says > 0
    }

    /// What the server says by itself.
    pub(crate) fn unasked(&self) -> Vec<String> {
        let others = Marks::new([3, 4]).draw().text();
        match self.server {
            Server::Beats => vec![HEARTBEAT.into(), "pong".into()],
            Server::Relays => vec![
                format!("beat {others}"),
                format!("bob: {others}"),
                "pong".into(),
            ],
            Server::Answers | Server::Echoes | Server::IsMute | Server::Changes => Vec::new(),
        }
    }

    /// What a message says. The second one looks like a heartbeat.
    pub(crate) fn text(number: usize) -> String {
        match number {
            1 => HEARTBEAT.into(),
            _ => number.to_string(),
        }
    }

    pub(crate) fn number(text: &str) -> usize {
        text.parse().unwrap_or(1)
    }

    /// What the server says to a text, if it does.
    pub(crate) fn answer(&self, item: &Item) -> Option<String> {
        let text = match item {
            Item::Message(number) => Self::text(*number),
            Item::Heartbeat(text) => text.clone(),
        };
        match self.server {
            Server::Answers | Server::Beats => (text == HEARTBEAT).then(|| "pong".into()),
            Server::Echoes => Some(text),
            Server::IsMute => None,
            Server::Changes | Server::Relays => Some(format!("GOT: {}!", text.to_uppercase())),
        }
    }
}

pub(crate) const HEARTBEAT: &str = "heartbeat";
