//! The client at a server that speaks STOMP, by a test that is server, network and clock.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use heartwire::{
    Client, Event, Failure, Fate, Options, Payload, QueueType, Receipt, Status, Stomp,
    Subscription, Trace,
    core::{
        connection::{Connection, Refusal},
        heartbeat::Knowledge,
        outbox::{Guarantee, Limit},
        stomp::{
            MAX_BODY, Step,
            frame::{self, Item},
        },
    },
    testing::{self, Server},
};

#[test]
fn messages_pass_once_the_subscription_stands() {
    let broker = Broker::new(Stomp::new("/queue/a").login("web", "s:e\\cret"));
    let receipt = broker.client.send("hello").unwrap();
    broker.client.open();
    assert_eq!(broker.step(), Some(Step::Socket));
    broker.server.accept();
    assert_eq!(
        broker.heard(),
        ["CONNECT accept-version:1.2 host:/ heart-beat:30000,30000 login:web passcode:s:e\\cret"]
    );
    assert_eq!(broker.step(), Some(Step::Login));
    broker.says("CONNECTED\nversion:1.2\nheart-beat:0,0\n\n");
    assert_eq!(
        broker.heard(),
        [
            "SUBSCRIBE id:0 destination:/queue/a ack:client-individual receipt:subscription \
          prefetch-count:100"
        ]
    );
    assert_eq!(broker.step(), Some(Step::Subscription));
    assert_eq!(broker.client.status(), Status::Connecting { attempt: 0 });
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    assert!(broker.client.status().is_open());
    let [sent] = broker.heard().try_into().unwrap();
    assert!(
        sent.starts_with("SEND destination:/queue/a receipt:0 persistent:true x-heartwire-id:"),
        "{sent}"
    );
    assert!(sent.ends_with(" hello"), "{sent}");
    assert_eq!(receipt.fate(), None);
    broker.says("RECEIPT\nreceipt-id:0\n\n");
    assert_eq!(receipt.fate(), Some(Fate::Confirmed));
    assert_eq!(broker.server.endpoints().len(), 1);
    let endpoint = format!("{:?}", broker.server.endpoints());
    assert!(endpoint.contains("v12.stomp"), "{endpoint}");
}

#[test]
fn all_of_the_handshake_has_the_time_of_one() {
    for says in [None, Some("CONNECTED\nversion:1.2\n\n\0"), Some("\n")] {
        let broker = Broker::new(Stomp::new("/queue/a"));
        broker.has_sent_receipts();
        broker.server.close(1006);
        broker.attempt();
        if let Some(says) = says {
            broker.server.say(says);
        }
        let failed = || broker.client.inspect(Connection::attempt);
        broker.server.advance(millis(9_800));
        assert_eq!(failed(), 1, "{says:?}");
        broker.server.advance(millis(300));
        assert_eq!(failed(), 2);
    }
}

#[test]
fn a_receipt_confirms_its_own_message_and_no_other() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let receipts = broker.send(["a", "b", "c"]);
    let fates = || receipts.each_ref().map(Receipt::fate);
    broker.says("RECEIPT\nreceipt-id:7\n\n");
    broker.says("RECEIPT\nreceipt-id:nonsense\n\n");
    broker.says("RECEIPT\n\n");
    assert_eq!(fates(), [None; 3]);
    broker.says("RECEIPT\nreceipt-id:1\n\n");
    broker.says("RECEIPT\nreceipt-id:1\n\n");
    assert_eq!(fates(), [None, Some(Fate::Confirmed), None]);
    broker.server.close(1006);
    broker.reopen();
    let again = broker.heard();
    assert_eq!(again.len(), 2);
    assert!(
        again[0].ends_with(" a") && again[1].ends_with(" c"),
        "{again:?}"
    );
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    assert_eq!(
        fates(),
        [None, Some(Fate::Confirmed), Some(Fate::Confirmed)]
    );
}

#[test]
fn a_message_has_one_name_however_often_it_is_sent() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["a", "a"]);
    let names = |heard: Vec<String>| {
        let names = heard.iter().map(|sent| {
            let (_, name) = sent.split_once("x-heartwire-id:").unwrap();
            name[..32].to_owned()
        });
        names.collect::<Vec<_>>()
    };
    let first = names(broker.heard());
    assert_ne!(first[0], first[1]);
    broker.server.close(1006);
    broker.reopen();
    assert_eq!(names(broker.heard()), first);
    // Also in the page that takes over what this one has stored.
    let stored = broker.client.inspect(|core| core.outbox().store());
    let other = Broker::new(Stomp::new("/queue/a"));
    other.client.change(|core, _| {
        core.restore(&stored, [Guarantee::AtLeastOnce; 2]);
    });
    other.opens();
    assert_eq!(names(other.heard()), first);
}

#[test]
fn a_message_is_acknowledged_once_everybody_has_heard_it() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let (server, told) = (broker.server.clone(), Rc::new(RefCell::new(Vec::new())));
    let log = Rc::clone(&told);
    let _subscription = broker.client.subscribe(move |event| {
        if let Event::Message(message) = event {
            let received = server.received();
            let acknowledged = received
                .iter()
                .filter(|one| one.text().unwrap().starts_with("ACK"));
            assert_eq!(acknowledged.count(), log.borrow().len(), "{received:?}");
            log.borrow_mut().push(message.text().unwrap().to_owned());
        }
    });
    broker.says("MESSAGE\nsubscription:0\nack:t\\c1\nmessage-id:1\n\nhello");
    assert_eq!(broker.heard(), ["ACK id:t\\c1"]);
    // Where nothing is to be acknowledged, nothing is.
    broker.says("MESSAGE\nsubscription:0\nmessage-id:1\n\nhello");
    assert_eq!(broker.heard(), [""; 0]);
    assert_eq!(*told.borrow(), ["hello"; 2]);
}

#[test]
fn a_message_that_came_before_is_acknowledged_and_told_to_nobody() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let (_subscription, told) = broker.tells();
    let named = |name: &str| format!("MESSAGE\nack:1\nx-heartwire-id:{name}\n\n{name}");
    let [one, other] = [
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
    ];
    broker.says(&named(one));
    broker.server.close(1006);
    broker.reopen();
    broker.says(&named(one));
    broker.says(&named(other));
    assert_eq!(broker.heard().len(), 2);
    assert_eq!(*told.borrow(), [one, other]);
    // Names of others mean what they mean there.
    for _ in 0..2 {
        broker.says(&named("7"));
    }
    assert_eq!(told.borrow().len(), 4);
    // Ten thousand are remembered.
    let most = 10_000 - 2;
    for number in 0..most {
        broker.says(&named(&format!("{number:032x}")));
    }
    broker.says(&named(one));
    assert_eq!(told.borrow().len(), 4 + most);
    broker.says(&named(&format!("{most:032x}")));
    broker.says(&named(one));
    assert_eq!(told.borrow().len(), 4 + most + 2);
}

#[test]
fn what_waits_and_cannot_be_carried_is_set_aside() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let long = "x".repeat(MAX_BODY + 1);
    client.send(b"bytes").unwrap();
    client.send(long.clone()).unwrap();
    client.send("text").unwrap();
    client.configure(Options::new().stomp(Stomp::new("/queue/a")));
    // It is known before there is a connection.
    assert_eq!(client.send(b"more").unwrap_err().limit, Limit::Text);
    let stored = client.inspect(|core| core.outbox().store());
    client.open();
    server.accept();
    server.say("CONNECTED\n\n\0");
    server.say("RECEIPT\nreceipt-id:subscription\n\n\0");
    let [.., last] = &server.received()[..] else {
        panic!("nothing came");
    };
    assert!(last.text().unwrap().ends_with("\n\ntext\0"), "{last:?}");
    assert_eq!(server.received().len(), 3);
    let aside = |client: &Client| client.inspect(|core| core.outbox().aside().len());
    assert_eq!(aside(&client), 2);
    let other = Broker::open(Stomp::new("/queue/a"));
    other.client.close();
    let unsaid = [Guarantee::AtLeastOnce; 2];
    other.client.change(|core, _| core.restore(&stored, unsaid));
    assert_eq!(aside(&other.client), 2);
    // Plain text carries all of it.
    client.close();
    client.configure(Options::new());
    client.send(b"more").unwrap();
}

#[test]
fn what_was_sent_to_somebody_is_sent_to_nobody_else() {
    let others = [
        Options::new().stomp(Stomp::new("/queue/b")),
        Options::new().stomp(Stomp::new("/queue/a").vhost("/b")),
        Options::new(),
    ];
    for other in others {
        let broker = Broker::open(Stomp::new("/queue/a"));
        let [receipt] = broker.send(["for a"]);
        broker.server.close(1006);
        let _ = broker.heard();
        broker.client.close();
        broker.client.configure(other.clone());
        broker.client.open();
        broker.server.accept();
        if other.stomp.is_some() {
            broker.welcomes();
        }
        let heard = broker.heard().concat();
        assert!(!heard.contains("for a"), "{heard}");
        assert_eq!(receipt.fate(), Some(Fate::GivenUp));
    }
    // The same place, with another login.
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["for a"]);
    broker.server.close(1006);
    broker.client.close();
    let again = Stomp::new("/queue/a").login("web", "web");
    broker.client.configure(Options::new().stomp(again));
    broker.client.open();
    broker.server.accept();
    let _ = broker.heard();
    broker.welcomes();
    assert!(broker.heard().concat().contains("for a"));
}

#[test]
fn a_place_in_a_stream_is_that_of_its_stream_alone() {
    let at = |offset: &str| format!("MESSAGE\nack:1\nx-stream-offset:{offset}\n\n{offset}");
    // Another sender may write the header, where it means nothing.
    let broker = Broker::open(Stomp::new("/queue/a").queue_type(QueueType::Quorum));
    let (_subscription, told) = broker.tells();
    for offset in ["7", "3", "18446744073709551615", "x"] {
        broker.says(&at(offset));
    }
    assert_eq!(told.borrow().len(), 4);
    // A stream that was made anew begins again, and is not mistaken for the beginning of a chunk.
    let settings = Stomp::new("/amq/queue/s").queue_type(QueueType::Stream);
    let broker = Broker::open(settings);
    let (_subscription, told) = broker.tells();
    broker.says(&at("50000"));
    broker.server.close(1006);
    broker.reopen();
    for offset in ["0", "1", "18446744073709551615"] {
        broker.says(&at(offset));
    }
    assert_eq!(told.borrow().len(), 4);
}

#[test]
fn an_older_latest_does_not_come_after_a_newer_one() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let receipts = ["old", "new"].map(|text| broker.client.send_latest(text));
    broker.says("RECEIPT\nreceipt-id:1\n\n");
    let fates = receipts.each_ref().map(Receipt::fate);
    assert_eq!(fates, [Some(Fate::GivenUp), Some(Fate::Confirmed)]);
    broker.server.close(1006);
    broker.reopen();
    assert_eq!(broker.heard(), [""; 0]);
}

#[test]
fn what_the_latest_cannot_be_is_given_up() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let receipt = broker.client.send_latest("x".repeat(MAX_BODY + 1));
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
    let receipt = broker.client.send_latest(b"x");
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
}

#[test]
fn a_leader_that_hangs_is_held_against_no_message_and_makes_no_storm() {
    let broker = Broker::open(Stomp::new("/queue/a").receipt_timeout(secs(1)));
    let _receipts = broker.send(["a"]);
    let mut attempts = Vec::new();
    for _ in 0..9 {
        for _ in 0..30 {
            broker.server.advance(secs(1));
            if broker.client.status().is_open() {
                broker.server.say("\n");
            }
        }
        attempts.push(broker.client.inspect(Connection::attempt));
        if matches!(broker.client.status(), Status::Waiting { .. }) {
            broker.reopen();
        }
    }
    assert_eq!(broker.client.inspect(|core| core.outbox().aside().len()), 0);
    assert!(
        attempts.is_sorted() && attempts.last() > Some(&2),
        "{attempts:?}"
    );
}

#[test]
fn a_server_that_is_not_ready_and_what_happens_on_other_days_is_tried_again() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    // Spring's relay, as long as its broker is away.
    broker.says("ERROR\nmessage:Broker not available.\n\n");
    assert!(matches!(broker.client.status(), Status::Waiting { .. }));
    // It gives no receipts.
    let opens = || {
        broker.attempt();
        broker.says("CONNECTED\n\n");
        broker.server.advance(secs(5));
        assert!(broker.client.status().is_open());
    };
    opens();
    let _receipts = broker.send(["a"]);
    for _ in 0..5 {
        // Long after something was sent, and once while it logs in.
        broker.server.advance(secs(3600));
        broker.server.close(1000);
        broker.attempt();
        broker.server.close(1000);
        opens();
    }
}

#[test]
fn what_speaks_no_stomp_is_said_so() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.client.open();
    for _ in 0..3 {
        while !matches!(broker.client.status(), Status::Connecting { .. }) {
            broker.server.advance(millis(100));
        }
        broker.server.accept();
        broker.server.say("Hello\nworld\n\n\0");
        let _ = broker.heard();
    }
    let refused = Status::Failed(Failure::Refused(Refusal::NoStomp));
    assert_eq!(broker.client.status(), refused);
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    broker.server.say("Hello\nworld\n");
    for _ in 0..2 {
        broker.attempt();
        broker.server.say(b"CONNECTED\n\n\0");
    }
    assert_eq!(broker.client.status(), refused);
    assert_eq!(broker.client.last_loss().unwrap().error, None);
}

#[test]
fn nothing_counts_before_it_was_asked_for() {
    for says in ["RECEIPT\nreceipt-id:subscription\n\n", "MESSAGE\n\na"] {
        let broker = Broker::new(Stomp::new("/queue/a"));
        let (_subscription, told) = broker.tells();
        broker.connects();
        broker.says(says);
        assert!(!broker.client.status().is_open(), "{says}");
        assert_eq!(told.borrow().len(), 0);
        let subscribed = broker.welcomes();
        assert!(subscribed.starts_with("SUBSCRIBE"), "{subscribed}");
        assert!(broker.client.status().is_open(), "{says}");
    }
}

#[test]
fn a_stream_goes_on_where_it_was_left() {
    let settings = Stomp::new("/amq/queue/s").queue_type(QueueType::Stream);
    let broker = Broker::open(settings);
    let (_subscription, told) = broker.tells();
    let at = |offset: u32| format!("MESSAGE\nack:1\nx-stream-offset:{offset}\n\n{offset}");
    for offset in [7, 8] {
        broker.says(&at(offset));
    }
    broker.server.close(1006);
    let subscribed = broker.reopen();
    assert!(
        subscribed.contains(" x-stream-offset:offset=9"),
        "{subscribed}"
    );
    // What is before it is of a chunk that holds it.
    for offset in [8, 9] {
        broker.says(&at(offset));
    }
    assert_eq!(*told.borrow(), ["7", "8", "9"]);
    assert_eq!(broker.client.inspect(Connection::offset), Some(10));
    let settings = Stomp::new("/amq/queue/s").queue_type(QueueType::Stream);
    let next = Broker::new(settings.offset(10));
    let subscribed = next.opens();
    assert!(
        subscribed.contains(" x-stream-offset:offset=10"),
        "{subscribed}"
    );
}

#[test]
fn queues_that_are_made_have_the_kind_that_is_told() {
    for (destination, is_told) in [
        ("/queue/a", true),
        ("/amq/queue/a", false),
        ("/topic/a", false),
    ] {
        let broker = Broker::new(Stomp::new(destination).queue_type(QueueType::Quorum));
        let subscribed = broker.opens();
        let _receipts = broker.send(["a"]);
        for frame in [subscribed, broker.heard().concat()] {
            assert_eq!(frame.contains(" x-queue-type:quorum"), is_told, "{frame}");
        }
    }
}

#[test]
fn both_beat_as_often_as_both_can() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    broker.says("CONNECTED\nheart-beat:20000,60000\n\n");
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    let _ = broker.heard();
    // Ours: the longer of 30 and 60 s, less what it takes to arrive.
    for _ in 0..3 {
        broker.server.advance(secs(41));
        broker.server.say("\n");
        assert_eq!(broker.heard(), [""; 0]);
        broker.server.advance(secs(1));
        assert_eq!(broker.heard(), ["\n"]);
    }
    // What is sent is as good as a beat.
    broker.server.say("\n");
    broker.server.advance(secs(20));
    let _receipts = broker.send(["a"]);
    broker.says("RECEIPT\nreceipt-id:0\n\n");
    broker.server.advance(secs(41));
    assert_eq!(broker.heard().len(), 1);
    // Theirs: the longer of 20 and 30 s, and it is dead after two of them.
    broker.server.advance(secs(18));
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(2));
    assert!(!broker.client.status().is_open());
    assert!(broker.client.last_loss().unwrap().was_silent);
}

#[test]
fn who_does_not_beat_is_not_missed() {
    for beats in ["heart-beat:0,0\n", "", "heart-beat:nonsense\n"] {
        let broker = Broker::new(Stomp::new("/queue/a"));
        broker.connects();
        broker.says(&format!("CONNECTED\n{beats}\n"));
        broker.says("RECEIPT\nreceipt-id:subscription\n\n");
        let _ = broker.heard();
        broker.server.advance(secs(3600));
        assert!(broker.client.status().is_open(), "{beats}");
        assert_eq!(broker.heard(), [""; 0], "{beats}");
    }
}

#[test]
fn who_beats_hardly_ever_may_say_so() {
    for period in [secs(30), Duration::MAX] {
        let options = Options::new()
            .heartbeat(period)
            .stomp(Stomp::new("/queue/a"));
        let (client, server) = testing::client("ws://example.org", options);
        client.open();
        server.accept();
        server.say("CONNECTED\nheart-beat:18446744073709551615,18446744073709551615\n\n\0");
        server.say("RECEIPT\nreceipt-id:subscription\n\n\0");
        server.advance(secs(3600));
        assert!(client.status().is_open());
    }
}

#[test]
fn what_came_while_the_machine_slept_is_read_first() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    broker.server.sleep(secs(3600));
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(1));
    broker.server.say("\n");
    broker.server.advance(secs(59));
    assert!(broker.client.status().is_open());
    broker.server.sleep(secs(3600));
    broker.server.advance(secs(29));
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(2));
    assert!(!broker.client.status().is_open());
}

#[test]
fn receipts_that_stop_are_a_reason_to_leave_and_none_that_never_came() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["a"]);
    let is_lost = || {
        let (client, now) = (&broker.client, broker.client.now());
        matches!(
            client.inspect(|core| core.knowledge(now)),
            Knowledge::Lost { .. }
        )
    };
    for second in 1..=14 {
        broker.server.advance(secs(1));
        broker.server.say("\n");
        assert_eq!(is_lost(), second > 10, "{second}");
    }
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(1));
    assert!(matches!(broker.client.status(), Status::Waiting { .. }));

    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    broker.says("CONNECTED\n\n");
    // Spring's own broker receipts no subscription either.
    broker.server.advance(secs(5));
    assert!(broker.client.status().is_open());
    let receipts = broker.send(["a", "b"]);
    for _ in 0..600 {
        broker.server.advance(secs(1));
        broker.server.say("\n");
    }
    assert!(broker.client.status().is_open());
    assert_eq!(receipts.each_ref().map(Receipt::fate), [None; 2]);
    // Nor does it hold up what follows.
    for number in 0..2_000 {
        broker.client.send(number.to_string()).unwrap();
    }
    assert_eq!(
        broker
            .heard()
            .iter()
            .filter(|one| one.starts_with("SEND"))
            .count(),
        2_002
    );
}

#[test]
fn a_first_receipt_that_is_late_is_a_reason_to_miss_the_others() {
    for late in ["subscription", "0"] {
        let broker = Broker::new(Stomp::new("/queue/a"));
        broker.connects();
        broker.says("CONNECTED\n\n");
        broker.server.advance(secs(5));
        let _receipts = broker.send(["a", "b"]);
        broker.server.advance(secs(1));
        broker.says(&format!("RECEIPT\nreceipt-id:{late}\n\n"));
        broker.server.advance(secs(13));
        assert!(broker.client.status().is_open(), "{late}");
        broker.server.advance(secs(1));
        assert!(!broker.client.status().is_open(), "{late}");
    }
}

#[test]
fn a_login_that_is_refused_is_not_tried_again() {
    let broker = Broker::new(Stomp::new("/queue/a").login("web", "wrong"));
    broker.connects();
    broker.says("ERROR\nmessage:Bad CONNECT\n\nAccess refused for user 'web'\n");
    assert_eq!(
        broker.client.status(),
        Status::Failed(Failure::Refused(Refusal::Login))
    );
    let loss = broker.client.last_loss().unwrap();
    let error = "Bad CONNECT: Access refused for user 'web'";
    assert_eq!(loss.error.as_deref(), Some(error));
    broker.server.advance(secs(3600));
    assert_eq!(broker.server.endpoints().len(), 1);
}

#[test]
fn a_login_that_cannot_be_said_is_refused_here() {
    for login in ["a\nadmin:true", "a\r", "a\0"] {
        for settings in [
            Stomp::new("/queue/a").login(login, "secret"),
            Stomp::new("/queue/a").login("web", login),
            Stomp::new("/queue/a").vhost(login),
        ] {
            let broker = Broker::new(settings);
            broker.connects();
            assert_eq!(
                broker.client.status(),
                Status::Failed(Failure::Refused(Refusal::Login)),
                "{login:?}"
            );
            assert_eq!(broker.heard(), [""; 0]);
        }
    }
}

#[test]
fn what_ends_three_connections_in_a_row_at_the_same_step_is_final() {
    type Reach = fn(&Broker);
    let at_login: Reach = |_| {};
    let at_subscription: Reach = |broker| broker.says("CONNECTED\n\n");
    let at_sending: Reach = |broker| {
        broker.says("CONNECTED\n\n");
        broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    };
    for (reach, refusal) in [
        (at_login, Refusal::Login),
        (at_subscription, Refusal::Subscription),
        (at_sending, Refusal::Destination),
    ] {
        for says_error in [false, true] {
            let broker = Broker::open(Stomp::new("/queue/a"));
            broker.server.close(1006);
            let [receipt] = broker.send(["a"]);
            for round in 1..=3 {
                broker.attempt();
                reach(&broker);
                if says_error {
                    broker.says("ERROR\nmessage:no\n\n");
                } else {
                    broker.server.close(1000);
                }
                let status = broker.client.status();
                if round < 3 {
                    assert!(
                        matches!(status, Status::Waiting { .. }),
                        "{refusal:?}: {status:?}"
                    );
                } else {
                    assert_eq!(status, Status::Failed(Failure::Refused(refusal)));
                }
            }
            // It is nothing that the message has done.
            assert_eq!(broker.client.inspect(|core| core.outbox().aside().len()), 0);
            broker.client.retry();
            broker.server.accept();
            at_sending(&broker);
            broker.says("RECEIPT\nreceipt-id:0\n\n");
            assert_eq!(receipt.fate(), Some(Fate::Confirmed));
        }
    }
}

#[test]
fn a_message_that_ends_connections_where_others_arrive_is_set_aside() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["good", "bad", "good"]);
    broker.says("RECEIPT\nreceipt-id:0\n\n");
    for _ in 0..9 {
        broker.server.close(1000);
        let _ = broker.reopen();
        let heard = broker.heard().concat();
        if !heard.contains("bad") {
            break;
        }
    }
    assert_eq!(broker.client.inspect(|core| core.outbox().aside().len()), 1);
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    assert_eq!(broker.client.delivery().confirmed, 2);
}

#[test]
fn a_node_that_dies_and_a_connection_that_is_closed_are_tried_again() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    for _ in 0..9 {
        broker.server.close(1006);
        broker.attempt();
        broker.says("CONNECTED\n\n");
    }
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    for _ in 0..9 {
        // Nothing was sent that could be the reason.
        broker.server.close(1000);
        broker.reopen();
    }
    assert!(broker.client.status().is_open());
}

#[test]
fn an_error_ends_the_connection_and_what_follows_is_not_heard() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let (_subscription, told) = broker.tells();
    broker.server.say(
        "ERROR\nmessage:Server cancelled subscription\n\nThe server has canceled a subscription\0\
         MESSAGE\nack:1\n\nhello\0",
    );
    assert!(matches!(broker.client.status(), Status::Waiting { .. }));
    assert_eq!(told.borrow().len(), 0);
    broker.reopen();
    assert!(broker.client.status().is_open());
}

#[test]
fn what_is_no_frame_ends_the_connection() {
    for says in ["hello\0", "MESSAGE\nfoo\n\n\0"] {
        let broker = Broker::open(Stomp::new("/queue/a"));
        broker.server.say(says);
        assert!(
            matches!(broker.client.status(), Status::Waiting { .. }),
            "{says:?}"
        );
    }
    let broker = Broker::open(Stomp::new("/queue/a"));
    broker.server.say(b"MESSAGE\n\n\0");
    assert!(matches!(broker.client.status(), Status::Waiting { .. }));
}

#[test]
fn a_frame_may_come_in_parts_and_several_at_once() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let (_subscription, told) = broker.tells();
    for part in [
        "MES",
        "SAGE\nack:1\ncontent-",
        "length:3\n\na\0",
        "b",
        "\0\n\nMESSAGE\n\nc\0",
    ] {
        broker.server.say(part);
    }
    assert_eq!(*told.borrow(), ["a\0b", "c"]);
    // Not behind a connection that is lost.
    broker.server.say("MESSAGE\n\n");
    broker.server.close(1006);
    broker.reopen();
    broker.says("MESSAGE\n\nd");
    assert_eq!(*told.borrow(), ["a\0b", "c", "d"]);
}

#[test]
fn a_message_may_come_before_the_receipt_of_its_subscription() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    let (_subscription, told) = broker.tells();
    broker.connects();
    broker.says("CONNECTED\n\n");
    broker.says("MESSAGE\n\na");
    assert!(broker.client.status().is_open());
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    broker.says("MESSAGE\n\nb");
    assert_eq!(*told.borrow(), ["a", "b"]);
}

#[test]
fn a_close_waits_for_receipts_and_not_for_long() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let receipts = broker.send(["a", "b"]);
    let (_subscription, told) = broker.tells();
    let _ = broker.heard();
    broker.client.close();
    assert_eq!(broker.client.status(), Status::Closed);
    broker.says("MESSAGE\nack:1\n\nnobody hears this, nor is it acknowledged");
    broker.says("RECEIPT\nreceipt-id:1\n\n");
    assert_eq!(broker.heard(), [""; 0]);
    broker.says("RECEIPT\nreceipt-id:0\n\n");
    assert_eq!(broker.heard(), ["DISCONNECT"]);
    assert_eq!(
        receipts.each_ref().map(Receipt::fate),
        [Some(Fate::Confirmed); 2]
    );
    assert_eq!(told.borrow().len(), 0);

    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["a"]);
    let _ = broker.heard();
    broker.client.close();
    broker.server.advance(millis(1_900));
    assert_eq!(broker.heard(), [""; 0]);
    broker.server.advance(millis(200));
    assert_eq!(broker.heard(), ["DISCONNECT"]);
    assert_eq!(broker.client.delivery().unconfirmed, 1);

    // A new start waits for nothing.
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["a"]);
    broker.client.close();
    broker.client.open();
    let _ = broker.heard();
    broker.server.accept();
    assert_eq!(broker.heard().len(), 1);
    broker.server.advance(secs(3));
    assert!(matches!(broker.client.status(), Status::Connecting { .. }));
}

#[test]
fn what_the_server_never_takes_is_handed_back() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let large = "x".repeat(MAX_BODY);
    broker.client.send(large.clone()).unwrap();
    let full = broker.client.send(large.clone() + "x").unwrap_err();
    assert_eq!(full.limit, Limit::Message(MAX_BODY));
    assert_eq!(full.payload.len(), MAX_BODY + 1);
    let full = broker.client.send(b"x").unwrap_err();
    assert_eq!(
        (full.limit, full.payload),
        (Limit::Text, Payload::from(b"x"))
    );
    let (client, _server) = testing::client("ws://example.org", Options::new());
    client.send(large + "x").unwrap();
}

#[test]
fn the_passcode_is_told_to_the_server_alone() {
    let settings = Stomp::new("/queue/a").login("web", "s3cret");
    assert!(!format!("{settings:?}").contains("s3cret"));
    let broker = Broker::new(settings);
    let told = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&told);
    let _subscription = broker.client.subscribe(move |event| {
        log.borrow_mut().push(format!("{event:?}"));
        if let Event::Trace(Trace::Transmitted(transmit)) = event {
            log.borrow_mut().push(format!("{:?}", transmit.payload()));
        }
    });
    broker.connects();
    broker.server.close(1006);
    let told = told.borrow().concat();
    assert!(told.contains("CONNECT"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
}

/// A client, and the server that it speaks STOMP to.
struct Broker {
    client: Client,
    server: Server,
    /// How much of what the server received was looked at.
    heard: Cell<usize>,
}

impl Broker {
    fn new(settings: Stomp) -> Self {
        let options = Options::new().stomp(settings);
        let (client, server) = testing::client("ws://example.org", options);
        Self {
            client,
            server,
            heard: Cell::new(0),
        }
    }

    /// Messages pass, and both beat every 30 s.
    fn open(settings: Stomp) -> Self {
        let broker = Self::new(settings);
        broker.opens();
        broker
    }

    /// Opens for the first time; returns the subscription.
    fn opens(&self) -> String {
        self.connects();
        self.welcomes()
    }

    fn connects(&self) {
        self.client.open();
        self.server.accept();
    }

    /// Waits for the next attempt, and accepts it.
    fn attempt(&self) {
        while matches!(self.client.status(), Status::Waiting { .. }) {
            self.server.advance(millis(100));
        }
        self.server.accept();
    }

    /// Opens after a loss; returns the subscription.
    fn reopen(&self) -> String {
        self.attempt();
        let _ = self.heard();
        self.welcomes()
    }

    fn welcomes(&self) -> String {
        self.says("CONNECTED\nheart-beat:30000,30000\n\n");
        let heard = self.heard();
        self.says("RECEIPT\nreceipt-id:subscription\n\n");
        heard.last().unwrap().clone()
    }

    /// The server is known to send receipts.
    fn has_sent_receipts(&self) {
        self.opens();
    }

    fn says(&self, frame: &str) {
        self.server.say(frame.to_owned() + "\0\n");
    }

    fn send<const N: usize>(&self, texts: [&str; N]) -> [Receipt; N] {
        texts.map(|text| self.client.send(text).unwrap())
    }

    fn step(&self) -> Option<Step> {
        self.client.inspect(Connection::step)
    }

    /// What the server has received since this was asked last: each frame in a line.
    fn heard(&self) -> Vec<String> {
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
    fn tells(&self) -> (Subscription, Rc<RefCell<Vec<String>>>) {
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

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
