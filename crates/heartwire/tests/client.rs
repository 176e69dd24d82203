//! The client, by a test that is server, network and clock.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::{Future as _, ready},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream as _;

use heartwire::{
    Attempt, Client, Endpoint, Event, Failure, Fate, Message, Options, Payload, SendJsonError,
    Status, Target, Unavailable,
    core::{
        connection::{Connection, Refusal},
        heartbeat::Period,
        protocol::Trust,
    },
    testing,
};

#[test]
fn what_is_sent_while_down_arrives_after_the_greeting() {
    let options = Options::new().greeting("login").heartbeat_text("beat {n}");
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    server.refuse(); // the first handshake; the next attempt comes within 5 s
    let receipt = client.send("order").expect("there is room");
    server.advance(seconds(6));
    server.accept(); // the second, which is under way
    assert_eq!(server.received(), ["login", "order"]);
    assert_eq!(receipt.fate(), None);
    server.echo(); // from now on it returns what it gets
    server.advance(seconds(6)); // prove_within is 5 s
    assert_eq!(receipt.fate(), Some(Fate::Confirmed));
}

#[test]
fn subscribers_hear_all_in_order_and_may_call_anything() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let heard = Rc::new(RefCell::new(Vec::new()));
    let (log, own) = (Rc::clone(&heard), client.clone());
    let subscription = client.subscribe(move |event| match event {
        Event::Status(status) => log.borrow_mut().push(format!("{status:?}")),
        Event::Message(message) => {
            let text = message.text().unwrap_or_default().to_owned();
            log.borrow_mut().push(text.clone());
            if text == "ask" {
                own.send("told").unwrap();
            }
            if text == "bye" {
                own.close();
            }
        }
        Event::Fate(..) | Event::Trace(_) | _ => {}
    });
    client.open();
    server.accept();
    server.say("ask");
    server.say("bye");
    assert_eq!(server.received(), ["told"]);
    assert_eq!(
        *heard.borrow(),
        [
            "Connecting { attempt: 0 }",
            "Open { epoch: 1 }",
            "ask",
            "bye",
            "Closed"
        ]
    );
    drop(subscription);
    client.open();
    assert_eq!(heard.borrow().len(), 5);
}

#[test]
fn messages_are_a_stream_that_ends_with_the_client() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    client.open();
    server.accept();
    let mut messages = client.messages();
    let mut next = || {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut messages).poll_next(&mut context)
    };
    assert_eq!(next(), Poll::Pending);
    server.say("one");
    server.say("two");
    let text = |text: &str| Poll::Ready(Some(Message::Text(text.into())));
    assert_eq!([next(), next()], [text("one"), text("two")]);
    drop(client);
    assert_eq!(next(), Poll::Ready(None));
}

#[test]
fn who_is_asked_for_the_address_may_name_another() {
    let held = Rc::new(RefCell::new(None::<Client>));
    let own = Rc::clone(&held);
    let target = Target::asked(move |_| {
        if let Some(client) = own.take() {
            client.set_target("ws://other.example");
        }
        ready(Ok(Endpoint::new("ws://example.org")))
    });
    let (client, server) = testing::client(target, Options::new());
    held.replace(Some(client.clone()));
    client.open();
    server.advance(seconds(1));
    let endpoints = server.endpoints();
    assert_eq!(endpoints.last(), Some(&Endpoint::new("ws://other.example")));
}

#[test]
fn what_one_server_got_is_never_sent_to_another_however_that_is_reached() {
    let (client, server) = testing::client("ws://one.example", Options::new());
    client.open();
    server.accept();
    let receipt = client.send("for one").unwrap();
    client.close();
    client.set_target("ws://two.example");
    client.retry();
    server.accept();
    client.send("for two").unwrap();
    assert_eq!(server.received(), ["for one", "for two"]);
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
}

#[test]
fn a_wait_is_not_ended_by_opening_what_is_about_to_be() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    client.open();
    server.refuse();
    let waiting = client.status();
    client.open();
    assert_eq!(client.status(), waiting);
    client.retry();
    server.advance(Duration::from_millis(300));
    assert_eq!(client.status(), Status::Connecting { attempt: 1 });
}

#[test]
fn who_wakes_waits_no_longer() {
    let options = Options::new().retry_min(seconds(60));
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    for _ in 0..3 {
        server.refuse();
        server.sleep(Duration::from_millis(1));
        client.send("what comes next").unwrap();
        server.advance(Duration::from_millis(300));
        assert!(matches!(client.status(), Status::Connecting { .. }));
    }
}

#[test]
fn a_subscription_may_hold_another() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let heard = Rc::new(RefCell::new(0));
    let counter = Rc::clone(&heard);
    let inner = client.subscribe(move |_| *counter.borrow_mut() += 1);
    let outer = client.subscribe(move |_| {
        let _ = &inner;
    });
    drop(outer);
    client.open();
    server.accept();
    assert_eq!(*heard.borrow(), 0);
}

#[test]
fn the_last_handle_may_go_within_a_callback() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let held = Rc::new(RefCell::new(None));
    let last = Rc::clone(&held);
    let subscription = client.subscribe(move |event| {
        if let Event::Message(_) = event {
            drop(last.take());
        }
    });
    client.open();
    server.accept();
    let receipt = client.send("order").unwrap();
    *held.borrow_mut() = Some(client);
    server.say("go");
    drop(subscription);
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
}

#[test]
fn an_address_is_asked_for_anew_before_each_attempt() {
    let attempts = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&attempts);
    let target = Target::asked(move |attempt: Attempt| {
        let code = attempt.loss.map(|loss| loss.closure.code);
        seen.borrow_mut().push((attempt.number, code));
        let count = seen.borrow().len();
        async move {
            match count {
                2 => Err(Unavailable::Now),
                5 => Err(Unavailable::ForGood),
                count => Ok(Endpoint::new(format!("ws://example.org/{count}"))),
            }
        }
    });
    let (client, server) = testing::client(target, Options::new());
    client.open();
    for (connections, code) in [(1, 4401), (2, 1012), (3, 1012)] {
        while server.endpoints().len() < connections {
            server.advance(seconds(1));
        }
        server.accept();
        server.close(code);
    }
    while !matches!(client.status(), Status::Failed(_)) {
        server.advance(seconds(1));
    }
    let failure = Failure::Refused(Refusal::Unavailable);
    assert_eq!(client.status(), Status::Failed(failure));
    assert_eq!(
        *attempts.borrow(),
        [
            (0, None),
            (1, Some(4401)),
            (2, Some(1006)),
            (3, Some(1012)),
            (4, Some(1012))
        ]
    );
    let urls = [1, 3, 4].map(|count| Endpoint::new(format!("ws://example.org/{count}")));
    assert_eq!(server.endpoints(), urls);
}

#[test]
fn an_attempt_that_somebody_makes_is_told_how_the_last_one_ended_as_well() {
    let codes = Rc::new(RefCell::new(Vec::new()));
    let target = |url: &'static str| {
        let codes = Rc::clone(&codes);
        Target::asked(move |attempt: Attempt| {
            let code = attempt.loss.map(|loss| loss.closure.code);
            codes.borrow_mut().push(code);
            async move { Ok(Endpoint::new(url)) }
        })
    };
    let (client, server) = testing::client(target("ws://example.org/"), Options::new());
    client.open();
    server.accept();
    server.close(1008);
    client.retry();
    assert_eq!(client.last_loss(), None);
    server.accept();
    client.close();
    client.open();
    server.refuse();
    client.close();
    client.open();
    client.set_target(target("ws://example.com/"));
    assert_eq!(*codes.borrow(), [None, Some(1008), None, Some(1006), None]);
}

#[test]
fn another_target_is_gone_to_after_a_failure_and_not_after_a_close() {
    let options = Options::new().retry_limit(0);
    let (client, server) = testing::client("ftp://example.org", options);
    client.set_target("ws://");
    assert_eq!(client.status(), Status::Idle);
    client.open();
    let failure = Failure::Refused(Refusal::BadAddress);
    assert_eq!(client.status(), Status::Failed(failure));
    client.set_target("ws://example.org");
    server.refuse();
    assert_eq!(client.status(), Status::Failed(Failure::GaveUp));
    client.set_target("ws://example.com");
    server.accept();
    assert!(client.status().is_open());
    client.close();
    client.set_target("ws://example.net");
    assert_eq!(client.status(), Status::Closed);
}

#[test]
fn a_receipt_tells_that_its_message_is_set_aside_until_it_is_sent_again() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    client.open();
    let mut receipt = pin!(client.send("poison").unwrap());
    for _ in 0..3 {
        server.accept();
        server.close(1006);
        while !matches!(client.status(), Status::Connecting { .. }) {
            server.advance(seconds(1));
        }
    }
    server.accept();
    assert_eq!(receipt.fate(), Some(Fate::SetAside));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(receipt.as_mut().poll(&mut context), Poll::Pending);
    server.echo();
    client.send_again(receipt.id());
    assert_eq!(receipt.fate(), None);
    server.advance(seconds(6));
    assert_eq!(receipt.fate(), Some(Fate::Answered));
    assert!(receipt.as_mut().poll(&mut context).is_ready());
}

/// Its subscribers are told of the loss first, and of what became of the message then.
#[test]
fn a_message_that_is_sent_again_at_once_is_not_said_to_be_set_aside() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let sender = client.clone();
    let subscription = client.subscribe(move |event| {
        if let Event::Status(Status::Waiting { .. }) = event {
            let aside: Vec<_> = sender.inspect(|core| {
                let aside = core.outbox().aside();
                aside.map(|message| message.id).collect()
            });
            for id in aside {
                sender.send_again(id);
            }
        }
    });
    client.open();
    let receipt = client.send("poison").unwrap();
    for _ in 0..6 {
        server.accept();
        server.close(1006);
        assert_eq!(receipt.fate(), None);
        while !matches!(client.status(), Status::Connecting { .. }) {
            server.advance(seconds(1));
        }
    }
    drop(subscription);
}

/// The test's own server is one that reads in order.
#[test]
fn a_server_that_was_frozen_reads_in_order() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let sender = client.clone();
    let subscription = client.subscribe(move |event| {
        if let Event::Message(message) = event
            && message.text() == Some("a")
        {
            sender.send("c").unwrap();
        }
    });
    server.echo();
    client.open();
    server.accept();
    server.freeze();
    client.send("a").unwrap();
    client.send("b").unwrap();
    server.thaw();
    assert_eq!(server.received(), ["a", "b", "c"]);
    drop(subscription);
}

#[test]
fn a_server_on_this_machine_is_tried_more_often() {
    let (client, server) = testing::client("ws://localhost:8080", Options::new());
    client.open();
    for _ in 0..20 {
        server.refuse();
        let Status::Waiting { until, .. } = client.status() else {
            panic!("{:?}", client.status());
        };
        assert!(until <= client.now() + seconds(10));
        server.advance(seconds(10));
    }
}

#[test]
fn a_dead_connection_is_noticed_and_what_was_sent_arrives() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    server.echo();
    client.open();
    server.accept();
    client.send("first").unwrap();
    server.advance(seconds(6));
    server.freeze();
    let receipt = client.send("second").unwrap();
    server.advance(seconds(60));
    assert!(!client.status().is_open());
    server.thaw();
    while !matches!(client.status(), Status::Connecting { .. }) {
        server.advance(seconds(1));
    }
    server.accept();
    server.advance(seconds(6));
    assert_eq!(receipt.fate(), Some(Fate::Answered));
    let texts = server.received();
    assert!(texts.contains(&Payload::from("second")), "{texts:?}");
}

#[test]
fn another_target_gets_what_nobody_got() {
    let (client, server) = testing::client("ws://a.example", Options::new());
    client.open();
    server.accept();
    let sent = client.send("for a").unwrap();
    client.set_target("ws://b.example");
    let waiting = client.send("for b").unwrap();
    server.accept();
    assert_eq!(server.received(), ["for a", "for b"]);
    assert_eq!((sent.fate(), waiting.fate()), (Some(Fate::GivenUp), None));
    assert_eq!(
        server.endpoints(),
        ["ws://a.example", "ws://b.example"].map(Endpoint::new)
    );
}

#[test]
fn a_client_without_a_browser_stays_as_it_is() {
    let client = Client::new("ws://example.org", Options::new());
    client.open();
    client.retry();
    assert_eq!(client.status(), Status::Idle);
    assert!(client.send("x").is_ok());
    assert_eq!(client, client.clone());
    assert_ne!(client, Client::new("ws://example.org", Options::new()));
}

#[test]
fn bytes_come_and_go() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let got = Rc::new(RefCell::new(Vec::new()));
    let into = Rc::clone(&got);
    let _subscription = client.subscribe(move |event| {
        if let Event::Message(Message::Binary(bytes)) = event {
            into.borrow_mut().extend(bytes.to_vec());
        }
    });
    client.open();
    server.accept();
    client.send(b"\x00\xff").unwrap();
    server.say(&[1, 2, 3]);
    assert_eq!(server.received(), [Payload::from(b"\x00\xff")]);
    assert_eq!(*got.borrow(), [1, 2, 3]);
}

#[test]
fn values_go_and_come_as_json() {
    let (client, server) = testing::client("ws://example.org", Options::new().outbox_limit(1));
    let heard = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&heard);
    let _subscription = client.subscribe(move |event| {
        if let Event::Message(message) = event {
            log.borrow_mut()
                .push(message.json::<Order>().map_err(|error| error.to_string()));
        }
    });
    let order = Order { pieces: 3 };
    client.send_json(&order).unwrap();

    let full = client.send_json(&order).unwrap_err();
    assert_eq!(full.to_string(), "the outbox is full: it keeps 1 messages");
    let SendJsonError::Full(full) = full else {
        panic!("{full}");
    };
    assert_eq!(full.payload, r#"{"pieces":3}"#);
    let unwritten = client.send_json(&BTreeMap::from([([1], 2)])).unwrap_err();
    assert!(matches!(unwritten, SendJsonError::Json(_)), "{unwritten}");
    let latest = client.send_latest(Payload::json(&order).unwrap());
    assert_eq!(latest.fate(), None);

    client.open();
    server.accept();
    server.say(r#"{"pieces": 4}"#);
    server.say(br#"{"pieces": 5}"#);
    server.say("four");
    let heard = heard.borrow();
    assert_eq!(heard[0], Ok(Order { pieces: 4 }));
    assert_eq!(heard[1], Ok(Order { pieces: 5 }));
    assert!(heard[2].is_err());
}

#[test]
fn the_log_is_told_once_how_the_connection_is_and_no_secret() {
    log::set_logger(&Records).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let options = Options::new().greeting("secret login").final_codes([4001]);
    let (client, server) = testing::client("ws://example.org/?token=secret", options);

    client.open();
    server.refuse();
    client.retry(); // shortens the wait, and is no second loss
    server.advance(seconds(1));
    server.accept();
    server.say("secret news");
    server.echo();
    server.advance(seconds(31)); // a heartbeat is due after 30 s, and is answered
    server.freeze();
    client.send_once("secret order").unwrap();
    while !matches!(client.status(), Status::Connecting { .. }) {
        server.advance(seconds(1));
    }
    server.thaw();
    server.accept();
    server.close(4001);

    let told = RECORDS.take();
    assert!(told.iter().all(|line| !line.contains("secret")), "{told:?}");
    assert_eq!(
        told,
        [
            "DEBUG connecting, 0 attempts failed before",
            "INFO refused: 1006",
            "DEBUG waiting, 1 attempts have failed",
            "DEBUG waiting, 1 attempts have failed",
            "DEBUG connecting, 1 attempts failed before",
            "INFO open, connection 2",
            "INFO dropped, since nothing came any more: 1006",
            "DEBUG waiting, 1 attempts have failed",
            "DEBUG message 0 may not have arrived",
            "DEBUG connecting, 1 attempts failed before",
            "INFO open, connection 3",
            "ERROR turned away with 4001",
        ]
    );
}

#[test]
fn a_reload_keeps_what_waits_and_what_has_no_proof_if_it_was_told_to() {
    let options = || Options::new().keep_in_tab("orders");
    let url = "wss://example.org/orders?token=1";
    let (client, server) = testing::client(url, options());
    client.open();
    server.accept();
    for text in ["sent", "sent too"] {
        client.send(text).unwrap();
    }
    client.send_once("never again").unwrap();
    server.close(1006);
    client.send("waiting").unwrap();
    client.send(vec![0, 255]).unwrap();
    client.send_once("once").unwrap();

    // The query is another one, as a token is.
    let (client, server) = server.reload("wss://example.org/orders?token=2", options());

    client.send("newer").unwrap();
    client.open();
    server.echo();
    server.accept();
    let expected = ["sent", "sent too", "waiting"].map(Payload::from);
    let expected = expected.into_iter().chain([vec![0, 255].into()]);
    let expected: Vec<_> = expected.chain(["once".into(), "newer".into()]).collect();
    assert_eq!(messages(&server), expected);
    server.advance(seconds(6));
    assert_eq!(client.delivery().sent, 0);

    // What has arrived is not kept.
    let (client, server) = server.reload(url, options());
    client.open();
    server.accept();
    assert_eq!(server.received(), [] as [Payload; 0]);
}

#[test]
fn a_reload_keeps_nothing_under_no_name_or_another() {
    let named = |name: &str| Options::new().keep_in_tab(name);
    for (before, after) in [
        (Options::new(), named("chat")),
        (named("chat"), Options::new()),
        (named("chat of alice"), named("chat of bob")),
        (named("chat of alice"), named("chat")),
    ] {
        let (client, server) = testing::client("ws://example.org", before);
        client.send("secret").unwrap();
        let (client, server) = server.reload("ws://example.org", after);
        client.open();
        server.accept();
        assert_eq!(client.delivery().queued, 0);
        assert_eq!(server.received(), [] as [Payload; 0]);
    }
}

/// As after [`Client::set_target`], what was for one server is never sent to another; and it is not lost.
#[test]
fn what_is_kept_for_one_server_waits_until_the_tab_is_back_at_it() {
    let options = || Options::new().keep_in_tab("chat");
    let (client, server) = testing::client("ws://one.example", options());
    client.send("for one").unwrap();
    let (client, server) = server.reload("ws://two.example", options());
    client.open();
    server.accept();
    assert_eq!(server.received(), [] as [Payload; 0]);
    client.send("for two").unwrap();

    let (client, server) = server.reload("ws://one.example", options());
    client.open();
    server.accept();
    assert_eq!(messages(&server), ["for one"]);
    server.echo();
    server.advance(seconds(6));
    client.set_target("ws://two.example");
    server.accept();
    assert_eq!(messages(&server), ["for one", "for two"]);
}

#[test]
fn what_is_kept_waits_for_a_server_that_is_asked_for() {
    let options = || Options::new().keep_in_tab("chat");
    let asked = || Target::asked(|_| ready(Ok(Endpoint::new("ws://example.org"))));
    let (client, server) = testing::client(asked(), options());
    client.send("a").unwrap();
    let (client, server) = server.reload(asked(), options());
    client.open();
    server.advance(Duration::ZERO);
    server.accept();
    assert_eq!(server.received(), ["a"]);
}

#[test]
fn what_was_sent_to_one_target_goes_to_no_other_whoever_opens_meanwhile() {
    let (client, server) = testing::client("ws://a.example.org", Options::new());
    let again = client.clone();
    let _subscription = client.subscribe(move |event| {
        if let Event::Status(Status::Closed) = event {
            again.open();
        }
    });
    client.open();
    server.accept();
    let receipt = client.send("for a").unwrap();
    client.set_target("ws://b.example.org");
    server.accept();
    client.send("for b").unwrap();
    assert_eq!(messages(&server), ["for a", "for b"]);
    server.close(1006);
    server.advance(seconds(6));
    let last = server.endpoints().pop().unwrap();
    assert_eq!(last, Endpoint::new("ws://b.example.org"));
    server.accept();
    assert_eq!(messages(&server), ["for a", "for b", "for b"]);
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
}

#[test]
fn no_option_has_a_client_try_or_ask_without_a_pause() {
    let options = Options::new()
        .retry_min(Duration::ZERO)
        .retry_max(Duration::ZERO);
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    for _ in 0..1_000 {
        while !matches!(client.status(), Status::Connecting { .. }) {
            server.advance(Duration::from_millis(1));
        }
        server.refuse();
    }
    assert!(client.now() > seconds(2), "{:?}", client.now());

    let options = Options::new().prove_within(Duration::ZERO);
    let (client, server) = testing::client("ws://example.org", options);
    server.echo();
    client.open();
    server.accept();
    client.send("a").unwrap();
    server.advance(seconds(1));
    server.freeze();
    let before = server.received().len();
    client.send("b").unwrap();
    server.advance(seconds(2));
    server.thaw();
    assert!(server.received().len() - before < 30);
}

#[test]
fn what_a_server_said_unasked_is_not_forgotten_for_another_option() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let trust = || client.inspect(Connection::trust);
    client.open();
    server.accept();
    server.say("heartbeat");
    for (options, expected) in [
        (Options::new().outbox_limit(500), Trust::Withdrawn),
        (Options::new().heartbeat_text("other"), Trust::Given),
    ] {
        client.configure(options);
        client.close();
        client.open();
        server.accept();
        assert_eq!(trust(), expected);
    }
}

#[test]
fn where_no_heartbeats_are_sent_nothing_is_a_reply() {
    for text in ["heartbeat", "beat {n}"] {
        let options = Options::new().heartbeat(Period::Off).heartbeat_text(text);
        let (client, server) = testing::client("ws://example.org", options);
        let told = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&told);
        let _subscription = client.subscribe(move |event| {
            if let Event::Message(message) = event {
                log.borrow_mut().push(message.text().unwrap().to_owned());
            }
        });
        client.open();
        server.accept();
        for text in ["hello", "pong", "heartbeat"] {
            server.say(text);
        }
        assert_eq!(*told.borrow(), ["hello", "pong", "heartbeat"]);
    }
}

/// Keeps what the thread of a test is told.
struct Records;

thread_local! {
    static RECORDS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

impl log::Log for Records {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        RECORDS.with_borrow_mut(|records| records.push(line));
    }

    fn flush(&self) {}
}

#[derive(Debug, PartialEq, serde::Deserialize, serde::Serialize)]
struct Order {
    pieces: u32,
}

/// What has arrived but for heartbeats.
fn messages(server: &testing::Server) -> Vec<Payload> {
    let mut messages = server.received();
    messages.retain(|payload| *payload != "heartbeat");
    messages
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
