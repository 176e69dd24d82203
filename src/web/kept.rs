//! What waits, kept in the tab from one document to the next.
//!
//! A browser copies what a tab keeps when the tab is duplicated, and a document can come back out of its
//! cache when another has been in its place. So each time something is kept, a ticket goes with it, and
//! all tabs of the installation see which tickets are spent: whoever spends one may send what was kept
//! with it, and nobody else. A document that only might end holds a lock with the ticket's name as long as
//! it lives.

use js_sys::{Function, JSON, Promise};
use wasm_bindgen::{JsValue, closure::Closure, prelude::wasm_bindgen};

use super::browser;

/// What one tab keeps for the servers it has something for.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Servers that the page is not at, and what waits for them.
    others: Vec<(String, String)>,
    ticket: Option<Ticket>,
}

impl Kept {
    /// What there is for these servers.
    pub(super) fn new(outboxes: Vec<(String, String)>) -> Self {
        Self {
            others: outboxes,
            ticket: None,
        }
    }

    /// Takes what waits for a server.
    pub(super) fn take(&mut self, server: &str) -> Option<String> {
        let mut servers = self.others.iter();
        let index = servers.position(|(other, _)| other == server)?;
        Some(self.others.swap_remove(index).1)
    }

    /// Keeps what waits for the server at hand, and for the others, as long as the document only might
    /// end. Returns whether all of it was kept.
    pub(super) fn keep(&mut self, server: &str, outbox: &str) -> bool {
        let outboxes = || {
            let others = self.others.iter();
            let others = others.map(|(server, outbox)| (server.as_str(), outbox.as_str()));
            others.chain([(server, outbox)])
        };
        if outboxes().all(|(_, outbox)| outbox.is_empty()) {
            self.withdraw();
            return true;
        }
        let ticket = &self.ticket.get_or_insert_with(Ticket::new).name;
        outboxes().all(|(server, outbox)| browser::keep(&name(ticket, server), outbox))
    }

    /// Whether there is something for other servers.
    pub(super) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Keeps nothing any more: the document goes on.
    pub(super) fn withdraw(&mut self) {
        if let Some(Ticket { name, .. }) = self.ticket.take() {
            spend(&name);
            for (end, _) in browser::kept_under(OUTBOX) {
                if end.starts_with(&name) {
                    browser::keep(&[OUTBOX, &end].concat(), "");
                }
            }
        }
    }

    /// Holds the lock as long as the document lives, and not in the browser's cache.
    pub(super) fn hold(&mut self, lives: bool) {
        if let Some(ticket) = &mut self.ticket {
            if !lives {
                ticket.lock = None;
            } else if ticket.lock.is_none() {
                ticket.lock = Lock::hold(&ticket.name);
            }
        }
    }

    /// Whether another document has taken what was kept. It is forgotten here then.
    pub(super) fn is_taken(&mut self) -> bool {
        let ticket = self.ticket.as_ref();
        let is_taken = ticket.is_some_and(|ticket| spent().contains(&ticket.name));
        if is_taken {
            *self = Self::default();
        }
        is_taken
    }
}

/// Takes all that this tab has kept, but for what another document has taken or lives with.
pub(super) async fn take() -> Vec<(String, String)> {
    let mut outboxes = Vec::new();
    let mut taken = String::new();
    for (end, outbox) in browser::kept_under(OUTBOX) {
        let (ticket, server) = end.split_once(' ').unwrap_or_default();
        if ticket != taken && (is_locked(ticket).await || !spend(ticket)) {
            continue;
        }
        taken = ticket.into();
        browser::keep(&[OUTBOX, &end].concat(), "");
        outboxes.push((server.into(), outbox));
    }
    outboxes
}

/// The right to send what was kept.
#[derive(Debug)]
struct Ticket {
    name: String,
    lock: Option<Lock>,
}

impl Ticket {
    fn new() -> Self {
        Self {
            name: browser::secret_name(),
            lock: None,
        }
    }
}

/// Spends a ticket; returns whether it was good.
fn spend(name: &str) -> bool {
    let spent = spent();
    let is_good = !spent.contains(name);
    if is_good {
        // The oldest are of tabs that were closed long ago.
        let forgotten = spent.len().saturating_sub(MOST_SPENT);
        let newest = spent.get(forgotten..).unwrap_or_default();
        browser::store(SPENT, &[newest, name].concat());
    }
    is_good
}

fn spent() -> String {
    browser::stored(SPENT).unwrap_or_default()
}

/// Tells other documents that this one lives, until dropped:
/// <https://w3c.github.io/web-locks/>. There are none where the page did not come safely.
#[derive(Debug)]
struct Lock {
    release: Function,
}

impl Lock {
    fn hold(name: &str) -> Option<Self> {
        let locks = LOCKS.with(Option::clone)?;
        let mut release = None;
        let until = Promise::new(&mut |resolve, _| release = Some(resolve));
        let hold = Closure::once_into_js(move || until);
        locks.request(&lock_name(name), &hold.into());
        Some(Self { release: release? })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.release.call0(&JsValue::NULL) {
            browser::warn("a lock was not released", &error);
        }
    }
}

/// Whether the document that keeps this ticket lives.
async fn is_locked(ticket: &str) -> bool {
    let Some(locks) = LOCKS.with(Option::clone) else {
        return false;
    };
    let Ok(state) = locks.query().await else {
        return false;
    };
    let held = JSON::stringify(&state)
        .ok()
        .and_then(|held| held.as_string());
    held.is_some_and(|held| held.contains(&lock_name(ticket)))
}

fn lock_name(ticket: &str) -> String {
    format!("heartwire {ticket}")
}

fn name(ticket: &str, server: &str) -> String {
    [OUTBOX, ticket, " ", server].concat()
}

const OUTBOX: &str = "outbox ";
const SPENT: &str = "spent";

/// In bytes, of which each takes 32.
const MOST_SPENT: usize = 4_000;

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    type Locks;

    #[wasm_bindgen(thread_local_v2, js_namespace = navigator, js_name = locks)]
    static LOCKS: Option<Locks>;

    #[wasm_bindgen(method)]
    fn request(this: &Locks, name: &str, hold: &Function);

    #[wasm_bindgen(method)]
    fn query(this: &Locks) -> Promise;
}
