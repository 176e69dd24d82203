//! Where the page connects: at once, when the user wants it, or after a question.

use heartwire::{
    Endpoint, Secret,
    core::{
        connection::{Connection, Destination},
        silence::Learned,
    },
};

use super::{
    Model,
    storage::{distrust_name, silence_name},
};
use crate::{
    access::Consent,
    address::Address,
    settings::{Settings, Source},
    strip::Obstacle,
    web::{browser, early, frames::Draws},
};

impl Model {
    /// Connects at the start, if the settings say so and nothing is in the way.
    pub(super) fn autoconnect(&mut self) {
        let Ok(address) = &self.address else {
            return;
        };
        let consent = self.consent(address);
        if address.is_blocked_on(&self.props.page) {
            self.obstacle = Some(Obstacle::Blocked);
        } else if consent == Consent::Ask {
            self.obstacle = Some(Obstacle::Unconfirmed);
        } else if self.reading.settings.autoconnect && consent == Consent::Given {
            self.open(&address.clone());
        }
    }

    /// Connects to what the field holds, unless the user has to confirm first what a link set.
    pub(super) fn connect(&mut self) -> Draws {
        let entered = self.access.address(&self.entered);
        if self.obstacle == Some(Obstacle::Unconfirmed) {
            // In another page's frame the user may see something else than what is pressed.
            if browser::is_framed() {
                browser::open_alone();
                return Draws::Nothing;
            }
            // An address that cannot be read is not the one that the question is about.
            self.trusted = entered.clone().ok();
        }
        self.is_chosen = true;
        self.is_forgotten = false;
        self.address = entered;
        self.ahead = None;
        self.obstacle = None;
        if let Ok(address) = self.address.clone() {
            if address.is_blocked_on(&self.props.page) {
                self.obstacle = Some(Obstacle::Blocked);
            } else if !self.is_trusted(&address) && self.consent(&address) == Consent::Ask {
                self.obstacle = Some(Obstacle::Unconfirmed);
            } else {
                self.open(&address);
            }
        }
        Draws::AtOnce
    }

    /// Speaks of what *Connect* will do, and asks what it will ask, as the user changes what that is: where the page
    /// has not connected yet, or asks.
    pub(super) fn look_ahead(&mut self) {
        let is_asking = self.obstacle == Some(Obstacle::Unconfirmed);
        let is_new = self.started.is_none() && self.obstacle.is_none();
        let address = self.access.address(&self.entered);
        if let Ok(address) = address
            && (is_asking || is_new)
        {
            let asks = self.consent(&address) == Consent::Ask;
            self.obstacle = (is_asking && asks).then_some(Obstacle::Unconfirmed);
            self.ahead = Some(address);
        }
    }

    /// Starts a connection, with what this tab has kept for it.
    fn open(&mut self, address: &Address) {
        self.keep_offset();
        let is_known_to = |known: &Address| known.is_service_of(address);
        if !self.passcode.1.as_ref().is_some_and(is_known_to) {
            self.passcode.0 = Secret::default();
        }
        let Settings { protocols, .. } = &self.reading.settings;
        let recipient = self.reading.settings.options.stomp.as_ref();
        let recipient = recipient.map(|stomp| [&*stomp.vhost, "\n", &stomp.destination].concat());
        let recipient = recipient.unwrap_or_default();
        let is_new = self.started.as_ref() != Some(address) || self.recipient != recipient;
        self.recipient = recipient;
        self.started = Some(address.clone());
        let speaks_otherwise = self.protocols != *protocols;
        self.protocols = protocols.clone();
        self.configure();
        let learned = browser::kept(&silence_name(address));
        let settings = &self.reading.settings;
        let said = ["heartbeat_text", "reply_text", "server_heartbeat_text"];
        let said = said.map(|name| settings.text(name).unwrap_or_default());
        self.replies = said.join("\n");
        let distrusted = browser::kept(&distrust_name(address));
        let url = address.to_string();
        // The early socket offers no subprotocol.
        let is_plain = self.protocols.is_empty() && self.recipient.is_empty();
        let early = is_plain.then(|| early::socket(&url));
        if let Some(early) = early.flatten() {
            self.client.adopt(early);
        }
        let protocols = self.protocols.iter();
        let endpoint = protocols.fold(Endpoint::new(url), Endpoint::protocol);
        self.client.open_at(
            endpoint,
            Destination {
                locality: address.locality(),
                is_new,
                speaks_otherwise,
                learned: learned.and_then(|learned| Learned::restore(&learned)),
                is_distrusted: distrusted.as_ref() == Some(&self.replies),
            },
        );
        self.kept = (self.client.inspect(Connection::learned), None);
        if is_new {
            self.restore();
        }
        if !self.reading.is_locked("url") && !self.is_linked() {
            let is_plain = *address == self.setup.plain_address(&self.access);
            let url = (!is_plain).then(|| address.to_string());
            browser::keep_address(url.as_deref());
        }
    }

    /// Whether the user has confirmed this address, or another of its service.
    fn is_trusted(&self, address: &Address) -> bool {
        let trusted = self.trusted.as_ref();
        trusted.is_some_and(|trusted| trusted.is_service_of(address))
    }

    fn consent(&self, address: &Address) -> Consent {
        let (reading, access) = (&self.reading, &self.access);
        self.setup.consent(address, self.is_typed, reading, access)
    }

    /// Whether a link leads to where the page goes.
    pub(super) fn is_linked(&self) -> bool {
        !self.is_typed && self.reading.source("url") == Some(Source::Query)
    }
}
