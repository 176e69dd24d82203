//! What waits, kept in a tab from one document to the next.

use std::{any::Any, fmt, future::Future, pin::Pin, rc::Rc};

use crate::platform;

/// What waits, kept in a tab from one document to the next: what
/// [`Options::keep_in_tab`](crate::Options::keep_in_tab) does, for whoever keeps more than one client's outbox.
///
/// A browser copies what a tab keeps when the tab is duplicated, and a document can come back out of its
/// cache when another has been in its place. So each time something is kept, a ticket goes with it, and
/// all tabs of the origin see which tickets are spent: whoever spends one may send what was kept with it,
/// and nobody else. A hidden document holds a lock with the ticket's secret in its name as long as it lives.
pub struct Kept {
    tab: Rc<dyn Tab>,
    /// What all names of storage and of locks begin with.
    name: String,
    /// Servers that are not the current one, and what waits for them.
    others: Vec<(String, String)>,
    ticket: Option<Ticket>,
    /// Whether the document was in the browser's cache when it was looked at last.
    was_left: bool,
}

/// What a tab keeps for its documents, and what all tabs of an origin share.
pub(crate) trait Tab {
    /// What the tab has under a name.
    fn kept(&self, name: &str) -> Option<String>;
    /// Keeps a text under a name as long as the tab lives; an empty one is forgotten. Returns whether it was
    /// kept: if not, there is nothing under that name.
    fn keep(&self, name: &str, text: &str) -> bool;
    /// The names of all that the tab has.
    fn names(&self) -> Vec<String>;
    /// What all tabs of the origin have under a name.
    fn shared(&self, name: &str) -> Option<String>;
    /// Has all tabs of the origin see a text under a name. Returns whether they do: if not, they see what was
    /// there.
    fn share(&self, name: &str, text: &str) -> bool;
    /// Sixteen bytes that nobody can guess, as hexadecimal digits.
    fn secret(&self) -> String;
    /// Holds a lock that all tabs of the origin see, until what is returned is dropped. Some browsers have none.
    fn lock(&self, name: &str) -> Option<Box<dyn Any>>;
    /// A text that contains the name of each lock that is held now.
    fn locks(&self) -> Task<String>;
}

/// A document in a tab.
pub(crate) trait Document: Tab {
    /// An address as the document reads it.
    fn address(&self, url: &str) -> String;
    /// How the document is.
    fn life(&self) -> Life;
    /// Tells each time that this is another, until what is returned is dropped.
    fn watch(&self, turn: Box<dyn Fn(Life)>) -> Box<dyn Any>;
    /// Runs a task to its end.
    fn run(&self, task: Task<()>);
}

/// Something that takes its time.
pub(crate) type Task<T> = Pin<Box<dyn Future<Output = T>>>;

/// How a document is, as far as its end is concerned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    /// It can be seen.
    Shown,
    /// Nobody sees it, and it may end without another word.
    Hidden,
    /// It is left or frozen, and may come back.
    Left,
}

/// The right to send what was kept.
struct Ticket {
    secret: String,
    /// The current server, as something was kept last.
    server: String,
    /// Whether something was kept for it.
    has_own: bool,
    /// Whether the tab has anything with the secret.
    has_any: bool,
    lock: Option<Box<dyn Any>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.name).finish()
    }
}

impl Kept {
    /// What the page's tab keeps under names that begin so. `None` in a worker and on a host, which are in no tab.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        Some(Self::on(platform::tab()?, name))
    }

    pub(crate) fn on(tab: Rc<dyn Tab>, name: &str) -> Self {
        Self {
            tab,
            name: name.into(),
            others: Vec::new(),
            ticket: None,
            was_left: false,
        }
    }

    /// Whether the tab has something that could be claimed.
    #[must_use]
    pub fn is_there(&self) -> bool {
        let names = self.tab.names();
        let mut secrets = names.iter().filter_map(|name| Some(self.split(name)?.0));
        secrets.any(|secret| !self.is_own(secret))
    }

    /// The locks that are held now, for [`claim`](Self::claim).
    pub fn locks(&self) -> impl Future<Output = String> + 'static {
        self.tab.locks()
    }

    /// Claims all that the tab has, but for what another document has claimed or lives with, of which `locks`
    /// tells. It can be [taken](Self::take) from now on.
    pub fn claim(&mut self, locks: &str) {
        let mut claimed = Vec::new();
        for name in self.tab.names() {
            let Some((secret, server)) = self.split(&name) else {
                continue;
            };
            if self.is_own(secret) || locks.contains(secret) {
                continue;
            }
            let outbox = self.tab.kept(&name).unwrap_or_default();
            let is_claimed = claimed.iter().any(|other| other == secret);
            if is_claimed || self.spend(secret) {
                claimed.push(secret.to_owned());
                match self.others.iter_mut().find(|(other, _)| other == server) {
                    // One outbox behind the other is one outbox.
                    Some((_, before)) => before.push_str(&outbox),
                    None => self.others.push((server.into(), outbox)),
                }
            }
            // It is claimed, by this or another document.
            self.tab.keep(&name, "");
        }
    }

    /// Takes what waits for a server.
    pub fn take(&mut self, server: &str) -> Option<String> {
        let mut servers = self.others.iter();
        let index = servers.position(|(other, _)| other == server)?;
        Some(self.others.remove(index).1)
    }

    /// Keeps what waits for the current server, and for the others, in case the document ends without another
    /// word. Returns whether all of it was kept.
    pub fn keep(&mut self, server: &str, outbox: &str) -> bool {
        if outbox.is_empty() && !self.has_others() {
            self.withdraw();
            return true;
        }
        let ticket = self.ticket.get_or_insert_with(|| Ticket {
            secret: self.tab.secret(),
            server: server.into(),
            has_own: false,
            has_any: false,
            lock: None,
        });
        let begin = [&self.name, OUTBOX, &ticket.secret, " "].concat();
        let keep = |server: &str, outbox: &[&str]| {
            let name = [&begin, server].concat();
            self.tab.keep(&name, &outbox.concat())
        };
        if ticket.server != server {
            // What waited for that one waits for this one now.
            keep(&ticket.server, &[]);
            ticket.server = server.into();
        }
        let mut older = "";
        let (mut is_kept, mut has_any) = (true, false);
        for (other, outbox) in &self.others {
            if other == server {
                older = outbox;
            } else {
                let is_other_kept = keep(other, &[outbox]);
                has_any |= is_other_kept;
                is_kept &= is_other_kept;
            }
        }
        let is_own_kept = keep(server, &[older, outbox]);
        ticket.has_own = is_own_kept && !outbox.is_empty();
        ticket.has_any = has_any || is_own_kept && !(older.is_empty() && outbox.is_empty());
        is_own_kept && is_kept
    }

    /// Whether there is something for other servers than the current one.
    #[must_use]
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Keeps nothing in the tab any more: the document goes on.
    pub fn withdraw(&mut self) {
        let Some(Ticket { secret, .. }) = self.ticket.take() else {
            return;
        };
        self.spend(&secret);
        for name in self.tab.names() {
            if self.split(&name).is_some_and(|(of, _)| of == secret) {
                self.tab.keep(&name, "");
            }
        }
    }

    /// Holds the lock as long as the document lives, and not in the browser's cache.
    pub fn hold(&mut self, lives: bool) {
        self.was_left = !lives;
        let Some(Ticket { secret, lock, .. }) = &self.ticket else {
            return;
        };
        let lock = match (lives, lock) {
            (true, None) => self.tab.lock(&[&self.name, " ", secret].concat()),
            (false, Some(_)) => None,
            (true, Some(_)) | (false, None) => return,
        };
        if let Some(ticket) = &mut self.ticket {
            ticket.lock = lock;
        }
    }

    /// Whether another document has claimed what was kept for the current server. What others have claimed is
    /// forgotten here.
    pub fn is_claimed(&mut self) -> bool {
        let Some(Ticket {
            secret,
            has_own,
            has_any,
            ..
        }) = &self.ticket
        else {
            return false;
        };
        // Whoever claims it takes it out of the tab, and may have no room to note that all tabs see. A document that
        // lives is passed over, and what is gone then was deleted.
        let is_of_ticket = |name: &String| self.split(name).is_some_and(|(of, _)| of == secret);
        let is_taken = self.was_left && *has_any && !self.tab.names().iter().any(is_of_ticket);
        let is_claimed = is_taken || self.spent().contains(secret);
        let has_own = is_claimed && *has_own;
        if is_claimed {
            self.forget();
        }
        has_own
    }

    /// Forgets all that was claimed, and leaves what the tab has to others.
    pub fn forget(&mut self) {
        self.others.clear();
        self.ticket = None;
    }

    /// Whether this is the secret of the document's own ticket.
    fn is_own(&self, secret: &str) -> bool {
        let ticket = self.ticket.as_ref();
        ticket.is_some_and(|ticket| ticket.secret == secret)
    }

    /// What tells one outbox's name from another's: a ticket's secret, and a server.
    fn split<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let end = name.strip_prefix(&self.name)?.strip_prefix(OUTBOX)?;
        let split = end.split_once(' ')?;
        (split.0.len() == SECRET).then_some(split)
    }

    /// Spends a ticket; returns whether it was good.
    fn spend(&self, secret: &str) -> bool {
        let spent = self.spent();
        let is_good = !spent.contains(secret);
        if is_good {
            // The oldest are of tabs that were closed long ago.
            let forgotten = spent.len().saturating_sub(MOST_SPENT);
            if !self.note_spent(&spent, forgotten, secret) {
                // There may be no room for one more, and there is for it instead of the oldest.
                self.note_spent(&spent, SECRET, secret);
            }
        }
        is_good
    }

    /// Has all tabs see that a ticket is spent, and no more the oldest of those before, so many bytes of them.
    fn note_spent(&self, spent: &str, forgotten: usize, secret: &str) -> bool {
        let newest = spent.get(forgotten..).unwrap_or_default();
        self.tab
            .share(&self.spent_name(), &[newest, secret].concat())
    }

    fn spent(&self) -> String {
        self.tab.shared(&self.spent_name()).unwrap_or_default()
    }

    fn spent_name(&self) -> String {
        [&self.name, SPENT].concat()
    }
}

const OUTBOX: &str = " outbox ";
const SPENT: &str = " spent";

/// How long a ticket's secret is.
const SECRET: usize = 32;

/// In bytes.
const MOST_SPENT: usize = 500 * SECRET;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::testing::Page;

    #[test]
    fn the_next_document_has_what_was_kept_for_each_server_once() {
        let first = Rc::<Page>::default();
        let mut kept = claimed(&first);
        assert!(kept.keep("a", "t1:xt1:y"));
        let second = first.next();

        let mut next = claimed(&second);

        assert!(next.has_others());
        assert_eq!(next.take("b"), None);
        assert_eq!(next.take("a").as_deref(), Some("t1:xt1:y"));
        assert_eq!(next.take("a"), None);
        assert!(!claimed(&second.next()).has_others());
        assert_eq!(second.names(), [""; 0]);
    }

    #[test]
    fn what_is_for_other_servers_is_kept_on() {
        let mut document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        for (server, outbox) in [("b", "t1:y"), ("a", "t1:z"), ("b", "")] {
            document = document.next();
            kept = claimed(&document);
            kept.keep(server, outbox);
        }
        document = document.next();
        kept = claimed(&document);
        // What is older stands first.
        assert_eq!(kept.take("a").as_deref(), Some("t1:xt1:z"));
        assert_eq!(kept.take("b").as_deref(), Some("t1:y"));
    }

    #[test]
    fn a_document_that_goes_on_leaves_nothing_in_the_tab() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        let copy = document.duplicate();
        kept.withdraw();
        assert_eq!(document.names(), [""; 0]);
        // It has been spent, whoever else has a copy.
        assert!(!claimed(&copy).has_others());
        assert_eq!(copy.names(), [""; 0]);
        kept.keep("a", "t1:x");
        kept.keep("a", "");
        assert_eq!(document.names(), [""; 0]);
    }

    #[test]
    fn what_goes_to_another_server_is_kept_for_that_one_alone() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        kept.keep("b", "t1:x");
        // What it has kept itself is not claimed.
        kept.claim("");
        assert!(!kept.has_others());
        let mut next = claimed(&document.next());
        assert_eq!(next.take("a"), None);
        assert_eq!(next.take("b").as_deref(), Some("t1:x"));
    }

    #[test]
    fn one_that_lives_is_left_what_is_its_own() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        kept.hold(true);
        let copy = document.duplicate();
        assert!(!claimed(&copy).has_others());
        assert!(!kept.is_claimed());
        kept.hold(false);
        assert!(claimed(&copy).has_others());
        assert!(kept.is_claimed());
        // That is told once.
        assert!(!kept.is_claimed());
    }

    #[test]
    fn of_two_copies_one_claims_what_was_kept() {
        let document = Rc::<Page>::default();
        claimed(&document).keep("a", "t1:x");
        let copies = [document.duplicate(), document.duplicate()];
        let claims = copies.map(|copy| claimed(&copy).has_others());
        assert_eq!(claims, [true, false]);
    }

    #[test]
    fn what_was_claimed_is_told_without_room_for_it_too() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        document.fill_origin();
        kept.hold(false);
        assert!(!kept.is_claimed());
        assert!(claimed(&document.next()).has_others());
        assert!(kept.is_claimed());

        // What it had claimed itself and was not opened yet is claimed as well.
        let document = Rc::<Page>::default();
        claimed(&document).keep("a", "t1:x");
        document.fill_origin();
        let mut kept = claimed(&document);
        kept.keep("a", "");
        kept.hold(false);
        assert!(claimed(&document.next()).has_others());
        assert!(!kept.is_claimed());
        assert!(!kept.has_others());

        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        kept.withdraw();
        kept.keep("a", "t1:x");
        document.fill_origin();
        let copies = [document.duplicate(), document.duplicate()];
        let claims = copies.map(|copy| claimed(&copy).has_others());
        assert_eq!(claims, [true, false]);
        assert!(kept.is_claimed());
    }

    /// By whoever clears the tab's storage: nobody else has it.
    #[test]
    fn what_is_deleted_while_the_document_lives_is_not_claimed() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        kept.keep("a", "t1:x");
        kept.hold(true);
        for name in document.names() {
            document.keep(&name, "");
        }
        assert!(!kept.is_claimed());
    }

    #[test]
    fn what_is_for_others_may_be_claimed_without_the_own() {
        let mut document = Rc::<Page>::default();
        claimed(&document).keep("a", "t1:x");
        document = document.next();
        let mut kept = claimed(&document);
        kept.keep("b", "");
        assert!(claimed(&document.duplicate()).has_others());
        assert!(!kept.is_claimed());
        assert!(!kept.has_others());
    }

    #[test]
    fn names_that_are_not_its_own_are_let_be() {
        let document = Rc::<Page>::default();
        let others = [
            "chat",
            "chat outbox",
            "chat outbox short a",
            "chatter outbox 00000000000000000000000000000000 a",
            "chat outbox of bob outbox 00000000000000000000000000000000 a",
        ];
        for name in others {
            document.keep(name, "t1:x");
        }
        let mut kept = claimed(&document);
        assert!(!kept.is_there());
        kept.keep("a", "t1:y");
        kept.withdraw();
        assert_eq!(document.names().len(), others.len());
    }

    #[test]
    fn the_oldest_tickets_are_forgotten() {
        let document = Rc::<Page>::default();
        let mut kept = claimed(&document);
        for _ in 0..1_000 {
            kept.keep("a", "t1:x");
            kept.withdraw();
        }
        let spent = document.shared("chat spent").map(|spent| spent.len());
        assert_eq!(spent, Some(MOST_SPENT + SECRET));
    }

    fn claimed(document: &Rc<Page>) -> Kept {
        let tab: Rc<dyn Tab> = Rc::clone(document) as _;
        let mut kept = Kept::on(tab, "chat");
        let locks = document.held();
        kept.claim(&locks);
        kept
    }
}
