//! Keeps what waits in the tab, for a client that was told to.

use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    future::poll_fn,
    rc::{Rc, Weak},
    task::{Context, Poll, Waker},
};

use super::{Client, Shared, Subscription};
use crate::{
    Event, Options, Trace,
    core::{
        connection::{Connection, Destination, Input},
        outbox::Guarantee,
        silence::Learned,
    },
    kept::{Document, Kept, Life},
    platform::{self, PlatformEvent},
    target::{Asked, Endpoint},
};

/// A keeper behind a trait: a page that never calls [`Options::keep_in_tab`](crate::Options::keep_in_tab) does not
/// link it.
pub(crate) trait Keeping {
    /// Adds what the tab knows of the server.
    fn recall(&self, destination: Destination) -> Destination;
    /// Has an attempt wait for what was kept.
    fn await_claim(&self, answer: Result<Endpoint, Asked>) -> Result<Endpoint, Asked>;
}

/// Begins to keep what waits for this client. `None` where there is no document.
pub(crate) fn begin(client: &Client, name: &str) -> Option<Rc<dyn Keeping>> {
    let document = client.0.platform.document().or_else(platform::document);
    #[cfg(target_arch = "wasm32")]
    if document.is_none() {
        client.report("a worker is in no tab that could keep what waits");
    }
    let document = document?;
    let keeper = Rc::new_cyclic(|this| Keeper {
        this: this.clone(),
        client: Rc::downgrade(&client.0),
        name: name.into(),
        kept: RefCell::new(Kept::on(Rc::clone(&document) as _, name)),
        life: Cell::new(document.life()),
        document,
        claim: Rc::default(),
        is_due: Cell::new(false),
        learned: RefCell::default(),
        is_complete: Cell::new(true),
        subscription: OnceCell::new(),
        watch: OnceCell::new(),
    });
    keeper.start(client);
    Some(keeper)
}

struct Keeper {
    this: Weak<Self>,
    client: Weak<Shared>,
    name: String,
    document: Rc<dyn Document>,
    kept: RefCell<Kept>,
    life: Cell<Life>,
    claim: Rc<Claim>,
    /// Whether what waits is about to be kept.
    is_due: Cell<bool>,
    /// What was learned of the network path, as it is kept.
    learned: RefCell<String>,
    /// Whether all was kept that was to be.
    is_complete: Cell<bool>,
    subscription: OnceCell<Subscription>,
    watch: OnceCell<Box<dyn Any>>,
}

/// Whether what other documents have left is being claimed.
#[derive(Default)]
struct Claim {
    is_under_way: Cell<bool>,
    /// Attempts that wait for its end.
    waiting: RefCell<Vec<Waker>>,
}

impl Keeper {
    fn start(&self, client: &Client) {
        let this = self.this.clone();
        client.prepare(move |core| {
            // What another document has claimed is not this one's to send.
            if let Some(keeper) = this.upgrade()
                && keeper.kept.borrow_mut().is_claimed()
            {
                core.hand_over();
            }
        });
        let this = self.this.clone();
        let subscription = client.subscribe(move |event| {
            if let Some(keeper) = this.upgrade() {
                keeper.hear(event);
            }
        });
        let this = self.this.clone();
        let watch = self.document.watch(Box::new(move |life| {
            if let Some(keeper) = this.upgrade() {
                keeper.turn(life);
            }
        }));
        let _ = (self.subscription.set(subscription), self.watch.set(watch));
        self.begin_claim();
    }

    /// Claims what the tab has by now, if there is any.
    fn begin_claim(&self) {
        if self.claim.is_under_way.get() || !self.kept.borrow().is_there() {
            return;
        }
        self.claim.is_under_way.set(true);
        let locks = self.kept.borrow().locks();
        let this = self.this.clone();
        self.document.run(Box::pin(async move {
            let locks = locks.await;
            // One that is gone by now claims nothing.
            if let Some(keeper) = this.upgrade() {
                keeper.finish_claim(&locks);
            }
        }));
    }

    fn finish_claim(&self, locks: &str) {
        self.kept.borrow_mut().claim(locks);
        self.restore();
        self.keep();
        self.claim.end();
    }

    /// Has the client send what waits for its server, if it is about to connect. A start at a new target drops what
    /// was sent before it, so that comes first.
    fn restore(&self) {
        let Some(client) = self.client() else {
            return;
        };
        let is_start =
            |event: &PlatformEvent| matches!(event, PlatformEvent::Input(Input::Open(_)));
        let starts = client.0.waiting.borrow().iter().any(is_start);
        if client.0.is_new_target.get() || starts || client.status().is_over() {
            return;
        }
        let server = self.server();
        let stored = self.kept.borrow_mut().take(&server);
        if let Some(stored) = stored {
            let unsaid = [Guarantee::AtLeastOnce; 2];
            client.change(|core, _| core.restore(&stored, unsaid));
        }
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::Fate(..) | Event::Trace(Trace::Queued(_) | Trace::Transmitted(_)) => {
                self.keep_soon();
            }
            Event::Status(_) => {
                self.keep_soon();
                self.keep_learned();
            }
            Event::Trace(Trace::Distrusted) => {
                let replies = self.replies(Connection::options);
                self.document.keep(&self.name_of(DISTRUST), &replies);
            }
            Event::Message(_) | Event::Trace(_) => {}
        }
    }

    fn turn(&self, life: Life) {
        if let Some(client) = self.client() {
            // What another document has claimed is handed over.
            client.change(|_, _| ());
        }
        let before = self.life.replace(life);
        let is_withdrawn = match life {
            Life::Shown => true,
            Life::Hidden => false,
            // A copy of the tab may have what was kept before, and it may have been sent since.
            Life::Left => before != Life::Left,
        };
        if is_withdrawn {
            self.kept.borrow_mut().withdraw();
        }
        self.keep();
    }

    /// Keeps what waits, once for all that happens in one go.
    fn keep_soon(&self) {
        if self.life.get() == Life::Shown || self.is_due.replace(true) {
            return;
        }
        let this = self.this.clone();
        self.document.run(Box::pin(async move {
            if let Some(keeper) = this.upgrade() {
                keeper.keep();
            }
        }));
    }

    /// Only where the document may end without another word: what waits may be secret.
    fn keep(&self) {
        self.is_due.set(false);
        let Some(client) = self.client() else {
            return;
        };
        if self.life.get() == Life::Shown {
            return;
        }
        let outbox = client.inspect(|core| {
            if !client.0.is_new_target.get() {
                return core.outbox().store();
            }
            // What was sent is for the server before.
            let mut outbox = core.outbox().clone();
            outbox.lose();
            outbox.forget_server();
            outbox.store()
        });
        let is_complete = {
            let mut kept = self.kept.borrow_mut();
            let is_complete = kept.keep(&self.server(), &outbox);
            kept.hold(self.life.get() == Life::Hidden);
            is_complete
        };
        if self.is_complete.replace(is_complete) && !is_complete {
            client.report("what waits was not kept in the tab");
            client.drive();
        }
    }

    fn keep_learned(&self) {
        let learned = self.client().and_then(|client| {
            let learned = client.inspect(Connection::learned);
            learned.map(|learned| learned.store())
        });
        if let Some(learned) = learned
            && *self.learned.borrow() != learned
        {
            self.document.keep(&self.name_of(SILENCE), &learned);
            self.learned.replace(learned);
        }
    }

    /// What is known of a server's replies is known of replies to this.
    fn replies(&self, options: fn(&Connection) -> &Options) -> String {
        let replies = self.client().map(|client| {
            client.inspect(|core| {
                let (heartbeat, [replies, own]) = options(core).replies();
                format!("{heartbeat} {:?}", (replies, own))
            })
        });
        replies.unwrap_or_default()
    }

    /// By what the server is told from others: its address without the query, which may hold a secret, or nothing
    /// where that is asked for; and where a broker takes messages to.
    fn server(&self) -> String {
        let Some(client) = self.client() else {
            return String::new();
        };
        let endpoint = client.0.target.borrow().endpoint_now();
        let address = endpoint.map(|endpoint| self.document.address(&endpoint.url));
        let address = address.unwrap_or_default();
        let server = address.split(['?', '#']).next().unwrap_or_default();
        #[cfg(feature = "stomp")]
        let server = client.inspect(|core| match &core.options().stomp {
            Some(stomp) => [server, " ", &stomp.vhost, "\n", &stomp.destination].concat(),
            None => server.into(),
        });
        #[cfg(not(feature = "stomp"))]
        let server = server.to_owned();
        server
    }

    fn client(&self) -> Option<Client> {
        self.client.upgrade().map(Client)
    }

    /// The name under which the tab keeps something of the server.
    fn name_of(&self, what: &str) -> String {
        [&self.name, what, &self.server()].concat()
    }
}

impl Keeping for Keeper {
    fn recall(&self, destination: Destination) -> Destination {
        let learned = self.document.kept(&self.name_of(SILENCE));
        let distrusted = self.document.kept(&self.name_of(DISTRUST));
        Destination {
            learned: learned.and_then(|learned| Learned::restore(&learned)),
            is_distrusted: distrusted == Some(self.replies(Connection::next_options)),
            ..destination
        }
    }

    fn await_claim(&self, answer: Result<Endpoint, Asked>) -> Result<Endpoint, Asked> {
        // Another document may have left something since the last attempt.
        self.begin_claim();
        if !self.claim.is_under_way.get() {
            self.restore();
            return answer;
        }
        let claim = Rc::clone(&self.claim);
        Err(Box::pin(async move {
            poll_fn(|context| claim.poll(context)).await;
            match answer {
                Ok(endpoint) => Ok(endpoint),
                Err(asked) => asked.await,
            }
        }))
    }
}

impl Claim {
    fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_under_way.get() {
            return Poll::Ready(());
        }
        self.waiting.borrow_mut().push(context.waker().clone());
        Poll::Pending
    }

    fn end(&self) {
        self.is_under_way.set(false);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // What waits for the client goes with it, and what waits for other servers does not.
        let kept = self.kept.get_mut();
        kept.withdraw();
        if kept.has_others() {
            kept.keep("", "");
        }
        self.claim.end();
    }
}

const SILENCE: &str = " silence ";
const DISTRUST: &str = " distrust ";

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::{Fate, Target, Unavailable, kept::Tab, testing};

    #[test]
    fn as_long_as_somebody_sees_the_page_nothing_is_in_the_tab() {
        let (client, server) = testing::client(URL, options());
        client.send("a").expect("there is room");
        assert_eq!(server.document().names(), [""; 0]);
        server.turn(Life::Hidden);
        assert_eq!(server.document().names().len(), 1);
        server.turn(Life::Shown);
        assert_eq!(server.document().names(), [""; 0]);
        server.turn(Life::Left);
        assert_eq!(server.document().names().len(), 1);
    }

    #[test]
    fn what_changes_while_nobody_sees_the_page_changes_in_the_tab() {
        let (client, server) = testing::client(URL, options());
        server.turn(Life::Hidden);
        client.open();
        let waiting = || waiting_in(server.document());
        client.send("a").expect("there is room");
        client.send_latest("b");
        // One takes the place of another, and there are as many as before.
        client.send_latest("c");
        assert_eq!(waiting(), "sa1:asl1:c");
        client.send_once("d").expect("there is room");
        server.accept();
        server.echo();
        assert_eq!(waiting(), "Sa1:aSl1:cSo1:d");
        server.advance(Options::new().prove_within.unwrap_or_default());
        assert_eq!(client.delivery().sent, 0);
        assert_eq!(waiting(), "");
    }

    #[test]
    fn of_two_documents_one_sends_what_was_kept() {
        let (client, server) = testing::client(URL, options());
        let receipt = client.send("a").expect("there is room");
        let (next, _) = server.reload(URL, options());
        next.open();
        assert_eq!(next.delivery().queued, 1);
        assert_eq!(receipt.fate(), None);

        server.turn(Life::Shown);

        assert_eq!(receipt.fate(), Some(Fate::HandedOver));
        assert_eq!(client.delivery().queued, 0);
    }

    #[test]
    fn one_that_comes_back_takes_what_the_one_in_its_place_has_left() {
        let (client, server) = testing::client(URL, options());
        client.open();
        client.send("a").expect("there is room");
        let (next, next_server) = server.reload(URL, options());
        next.open();
        next_server.turn(Life::Left);

        server.turn(Life::Shown);

        server.advance(std::time::Duration::from_secs(1));
        assert_eq!(client.delivery().queued, 1);
        server.accept();
        assert_eq!(server.received(), ["a"]);
        assert_eq!(server.document().names(), [""; 0]);
    }

    #[test]
    fn what_comes_after_a_copy_has_claimed_the_rest_is_not_handed_over() {
        let (client, server) = testing::client(URL, options());
        let claimed = client.send("a").expect("there is room");
        server.turn(Life::Left);
        let (copy, _) = server.duplicate(URL, options());
        copy.open();
        let newer = client.send("b").expect("there is room");
        server.turn(Life::Shown);
        assert_eq!(
            (claimed.fate(), newer.fate()),
            (Some(Fate::HandedOver), None)
        );
        assert_eq!((client.delivery().queued, copy.delivery().queued), (1, 1));
    }

    #[test]
    fn what_is_sent_at_most_once_is_not_sent_by_a_copy_that_was_made_before() {
        let (client, server) = testing::client(URL, options());
        client.send_once("a").expect("there is room");
        server.turn(Life::Hidden);
        let (_copy, copy_server) = server.duplicate(URL, options());
        client.open();
        server.accept();
        assert_eq!(server.received(), ["a"]);
        server.turn(Life::Left);
        let (next, _) = copy_server.reload(URL, options());
        next.open();
        assert_eq!(next.delivery().queued, 0);
    }

    #[test]
    fn what_was_sent_to_one_server_is_not_kept_for_another() {
        let (client, server) = testing::client("ws://other.example", options());
        client.open();
        server.accept();
        client.send("sent").expect("there is room");
        client.close();
        client.send("not sent").expect("there is room");

        client.set_target(URL);

        let (next, next_server) = server.reload(URL, options());
        next.open();
        next_server.accept();
        assert_eq!(next_server.received(), ["not sent"]);
        let (back, _) = next_server.reload("ws://other.example", options());
        back.open();
        assert_eq!(back.delivery().queued, 0);
    }

    #[test]
    fn what_is_kept_for_a_new_target_outlives_the_start_there() {
        let (client, server) = testing::client(URL, options());
        client.open();
        server.accept();
        client.send("sent").expect("there is room");
        server.document().hold_tasks(true);
        let (next, next_server) = server.reload("ws://other.example", options());
        next.set_target(URL);
        next_server.document().hold_tasks(false);
        next.open();
        next_server.accept();
        assert_eq!(next_server.received()[0], "sent");
    }

    #[test]
    fn no_attempt_is_made_before_it_is_known_what_was_kept() {
        let (client, server) = testing::client(URL, options());
        client.send("a").expect("there is room");
        server.document().hold_tasks(true);
        let (next, next_server) = server.reload(URL, options());
        next.open();
        next.send("b").expect("there is room");
        next_server.advance(std::time::Duration::from_secs(1));
        assert_eq!(next_server.endpoints(), []);
        next_server.document().hold_tasks(false);
        next_server.advance(std::time::Duration::ZERO);
        next_server.accept();
        assert_eq!(next_server.received(), ["a", "b"]);
    }

    #[test]
    fn of_what_takes_each_others_place_the_newest_is_sent() {
        let (client, server) = testing::client(URL, options());
        client.send_latest("old");
        let (next, next_server) = server.reload("ws://other.example", options());
        next.send_latest("new");
        next.set_target(URL);
        next.open();
        next_server.accept();
        assert_eq!(next_server.received(), ["new"]);
    }

    #[test]
    fn what_was_kept_waits_for_a_client_that_connects() {
        let (client, server) = testing::client(URL, options());
        client.send("a").expect("there is room");
        let (unused, server) = server.reload(URL, options());
        unused.set_target("ws://other.example");
        drop(unused);
        let (next, next_server) = server.reload(URL, options());
        next.open();
        next_server.accept();
        assert_eq!(next_server.received(), ["a"]);
    }

    #[test]
    fn what_was_kept_for_a_target_outlives_its_choice_by_one_that_is_asked() {
        let (client, server) = testing::client(URL, options());
        client.open();
        server.accept();
        client.send("sent").expect("there is room");
        let held = Rc::new(RefCell::new(None::<Client>));
        let chooser = Rc::clone(&held);
        let target = Target::asked(move |_| {
            if let Some(client) = &*chooser.borrow() {
                client.set_target(URL);
            }
            std::future::ready(Err(Unavailable::Now))
        });
        let (next, next_server) = server.reload(target, options());
        held.replace(Some(next.clone()));
        next.open();
        next_server.accept();
        assert_eq!(next_server.received()[0], "sent");
    }

    #[cfg(feature = "stomp")]
    #[test]
    fn what_is_for_one_destination_is_kept_for_no_other() {
        let options = |destination| options().stomp(crate::Stomp::new(destination));
        let (client, server) = testing::client(URL, options("/queue/a"));
        client.send("a").expect("there is room");
        let (next, next_server) = server.reload(URL, options("/queue/b"));
        next.open();
        assert_eq!(next.delivery().queued, 0);
        let (next, _) = next_server.reload(URL, options("/queue/a"));
        next.open();
        assert_eq!(next.delivery().queued, 1);
    }

    #[test]
    fn a_copy_of_a_tab_that_lives_sends_nothing_of_it() {
        let (client, server) = testing::client(URL, options());
        let receipt = client.send("a").expect("there is room");
        server.turn(Life::Hidden);
        let (copy, _) = server.duplicate(URL, options());
        copy.open();
        assert_eq!(copy.delivery().queued, 0);
        server.turn(Life::Shown);
        assert_eq!((receipt.fate(), client.delivery().queued), (None, 1));
    }

    #[test]
    fn a_client_that_goes_takes_what_waits_with_it_and_leaves_what_is_for_others() {
        let (client, server) = testing::client("ws://other.example", options());
        client.send("for the other").expect("there is room");
        let (client, server) = server.reload(URL, options());
        client.send("a").expect("there is room");
        server.turn(Life::Hidden);

        drop(client);

        let (next, server) = server.reload(URL, options());
        next.open();
        assert_eq!(next.delivery().queued, 0);
        next.set_target("ws://other.example");
        assert_eq!(next.delivery().queued, 1);
        server.turn(Life::Hidden);
        drop(next);
        assert_eq!(server.document().names(), [""; 0]);
    }

    #[test]
    fn what_was_learned_of_a_server_is_known_after_a_reload() {
        let options = || options().heartbeat(crate::core::heartbeat::Period::Auto);
        let (client, server) = testing::client(URL, options());
        client.open();
        server.accept();
        // Unasked, and nothing else is equal to the heartbeat's text.
        server.say("heartbeat");
        let trust = |client: &Client| client.inspect(Connection::trust);
        let learned = Learned::restore("50000 100000");
        let name = "chat silence ws://example.org";
        assert!(server.document().kept(name).is_some());
        server.document().keep(name, &learned.unwrap().store());

        let (next, next_server) = server.reload(URL, options());
        next.open();

        assert_eq!(trust(&next), trust(&client));
        assert_eq!(next.inspect(Connection::learned), learned);
        // Nothing is known of others, nor of replies to another text.
        let (other, _) = next_server.reload("ws://other.example", options());
        other.open();
        assert_ne!(trust(&other), trust(&client));
        let (other, _) = next_server.reload(URL, options().heartbeat_text("ping"));
        other.open();
        assert_ne!(trust(&other), trust(&client));
    }

    /// What the tab holds.
    fn waiting_in(tab: &dyn Tab) -> String {
        let names = tab.names().into_iter();
        names.filter_map(|name| tab.kept(&name)).collect()
    }

    fn options() -> Options {
        Options::new().keep_in_tab("chat")
    }

    const URL: &str = "ws://example.org";
}
