//! What this browser and this tab keep of connections: addresses, what was learned of servers, what waits.

use heartwire::{Stomp, core::connection::Connection};

use super::Model;
use crate::{
    address::Address,
    history::told,
    settings::{Source, Storage},
    web::browser,
};

impl Model {
    /// Takes over what an earlier document of this tab has kept for the server, and what it kept when it
    /// knew of none.
    pub(super) fn restore(&mut self) {
        if self.reading.settings.outbox_storage != Storage::Session {
            return;
        }
        for server in [String::new(), self.server()] {
            let stored = self.kept_outboxes.borrow_mut().take(&server);
            let Some(stored) = stored else {
                continue;
            };
            let resend = self.reading.settings.resend;
            self.client
                .change(|core, _| core.restore(&stored, [resend.typed(), resend.sent()]));
            if let Ok(address) = &self.address {
                self.started = Some(address.clone());
            }
        }
    }

    /// Keeps in this tab what a reload would lose and is to be kept.
    pub(super) fn keep(&mut self) {
        if self.is_forgotten {
            return;
        }
        if let Some(started) = &self.started
            && let learned = self.client.inspect(Connection::learned)
            && learned != self.kept.0
            && let Some(learned) = learned
        {
            browser::keep(&silence_name(started), &learned.store());
            self.kept.0 = Some(learned);
        }
        if self.is_left || browser::is_hidden() {
            self.keep_offset();
        }
        let is_wanted = self.reading.settings.outbox_storage == Storage::Session;
        if !is_wanted && !self.kept_outboxes.borrow().has_others() {
            return;
        }
        // Only where the page may end without another event: what is typed may be secret.
        let may_end = self.is_left || browser::is_hidden();
        let delivery = may_end.then(|| self.client.delivery());
        if delivery != self.kept.1 {
            if may_end {
                let outbox = self.client.inspect(|core| core.outbox().store());
                let outbox = if is_wanted { outbox.as_str() } else { "" };
                let is_kept = self.kept_outboxes.borrow_mut().keep(&self.server(), outbox);
                self.keeps = is_kept && (self.keeps || !outbox.is_empty());
            } else {
                self.kept_outboxes.borrow_mut().withdraw();
            }
            self.kept.1 = delivery;
        }
        self.kept_outboxes.borrow_mut().hold(!self.is_left);
    }

    /// Keeps where a stream goes on.
    pub(super) fn keep_offset(&mut self) {
        let kept = self.client.inspect(|core| {
            let name = offset_name(&self.server(), core.options().stomp.as_ref()?);
            Some((name, core.offset()?))
        });
        if kept != self.offset
            && let Some((name, offset)) = &kept
        {
            browser::keep(name, &offset.to_string());
            self.offset = kept;
        }
    }

    /// Remembers where the page has connected to.
    pub(super) fn remember(&mut self) {
        if self.remembered == self.started || self.is_forgotten {
            return;
        }
        self.remembered.clone_from(&self.started);
        let Some(address) = self.started.clone() else {
            return;
        };
        // Another tab may have been elsewhere meanwhile.
        let history = &mut self.access.history;
        if let Some(stored) = browser::history() {
            *history = stored;
        }
        let is_linked = |name| self.reading.source(name) == Some(Source::Query);
        let is_own =
            self.is_chosen || !is_linked("url") && !told(&self.reading.settings).any(is_linked);
        history.note(&address, &self.reading.settings, is_own);
        self.stores = browser::store_history(history);
        if self.is_chosen && !self.is_linked() && !self.reading.is_locked("url") {
            let access = self.access.clone();
            self.change_setup("url", |setup| setup.note_address(&address, &access));
            self.reading = self.setup.read(&self.access);
        }
    }

    /// The server that gets what waits, as far as that is known: the one that was connected to last, or
    /// the first one to be.
    pub(super) fn server(&self) -> String {
        let address = self.started.as_ref().or(self.address.as_ref().ok());
        let address = address.map(Address::to_string).unwrap_or_default();
        if self.recipient.is_empty() {
            address
        } else {
            [&*address, " ", &self.recipient].concat()
        }
    }
}

/// The name under which this tab keeps what was learned of the network path to a server. A query may hold a
/// secret, and is left out.
pub(super) fn silence_name(address: &Address) -> String {
    format!("silence {}", address.without_query())
}

/// The name under which this tab keeps where a stream goes on. A query may lead to another room of a server,
/// and is not left out.
pub(super) fn offset_name(server: &str, stomp: &Stomp) -> String {
    ["offset ", server, " ", stomp.source()].concat()
}

/// The name under which this tab keeps that a server sends replies unasked, without the query, too.
pub(super) fn distrust_name(address: &Address) -> String {
    format!("distrust {}", address.without_query())
}
