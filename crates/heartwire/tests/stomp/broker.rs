//! A client, and the server that it speaks STOMP to.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use heartwire::{
    Client, Event, Options, Receipt, Status, Stomp, Subscription,
    core::{
        connection::Connection,
        stomp::{
            Step,
            frame::{self, Item},
        },
    },
    testing::{self, Server},
};

/// A client, and the server that it speaks STOMP to.
pub(super) struct Broker {
    pub(super) client: Client,
    pub(super) server: Server,
    /// How much of what the server received was looked at.
    heard: Cell<usize>,
}

impl Broker {
    pub(super) fn new(settings: Stomp) -> Self {
        let options = Options::new().stomp(settings);
        let (client, server) = testing::client("ws://example.org", options);
        Self {
            client,
            server,
            heard: Cell::new(0),
        }
    }

    /// Messages pass, and both beat every 30 s.
    pub(super) fn open(settings: Stomp) -> Self {
        let broker = Self::new(settings);
        broker.opens();
        broker
    }

    /// The same, and the server has taken a message, which has the number 0.
    pub(super) fn used(settings: Stomp) -> Self {
        let broker = Self::open(settings);
        let _receipts = broker.send(["first"]);
        broker.says("RECEIPT\nreceipt-id:0\n\n");
        let _ = broker.heard();
        broker
    }

    /// Opens for the first time; returns the subscription.
    pub(super) fn opens(&self) -> String {
        self.connects();
        self.welcomes()
    }

    pub(super) fn connects(&self) {
        self.client.open();
        self.server.accept();
    }

    /// Waits for the next attempt, and accepts it.
    pub(super) fn attempt(&self) {
        while matches!(self.client.status(), Status::Waiting { .. }) {
            self.server.advance(millis(100));
        }
        self.server.accept();
    }

    /// Opens after a loss; returns the subscription.
    pub(super) fn reopen(&self) -> String {
        self.attempt();
        let _ = self.heard();
        self.welcomes()
    }

    pub(super) fn welcomes(&self) -> String {
        self.says("CONNECTED\nheart-beat:30000,30000\n\n");
        let heard = self.heard();
        self.says("RECEIPT\nreceipt-id:subscription\n\n");
        heard.last().unwrap().clone()
    }

    /// The server is known to send receipts.
    pub(super) fn has_sent_receipts(&self) {
        self.opens();
    }

    pub(super) fn says(&self, frame: &str) {
        self.server.say(frame.to_owned() + "\0\n");
    }

    pub(super) fn send<const N: usize>(&self, texts: [&str; N]) -> [Receipt; N] {
        texts.map(|text| self.client.send(text).unwrap())
    }

    pub(super) fn step(&self) -> Option<Step> {
        self.client.inspect(Connection::step)
    }

    /// What the server has received since this was asked last: each frame in a line.
    pub(super) fn heard(&self) -> Vec<String> {
        let received = self.server.received();
        let new = received[self.heard.replace(received.len())..].iter();
        let lines = new.map(|payload| {
            let text = payload.text().unwrap();
            let Ok(Some((Item::Frame(frame), ""))) = frame::split(text) else {
                return text.to_owned();
            };
            let headers = frame.headers.iter();
            let headers = headers.map(|(name, value)| {
                let value = if frame.command == "CONNECT" {
                    value.clone()
                } else {
                    value.replace('\\', "\\\\").replace(':', "\\c").into()
                };
                format!(" {name}:{value}")
            });
            let headers: String = headers.collect();
            let body = if frame.body.is_empty() { "" } else { " " };
            [frame.command, &headers, body, frame.body].concat()
        });
        lines.collect()
    }

    /// What subscribers are told of messages.
    pub(super) fn tells(&self) -> (Subscription, Rc<RefCell<Vec<String>>>) {
        let told = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&told);
        let subscription = self.client.subscribe(move |event| {
            if let Event::Message(message) = event {
                log.borrow_mut().push(message.text().unwrap().to_owned());
            }
        });
        (subscription, told)
    }
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
