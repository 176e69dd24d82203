//! What is sent, and the receipts of it.

use heartwire::{
    Client, Failure, Fate, Options, Payload, QueueType, Receipt, Status, Stomp,
    core::{
        connection::{Connection, Refusal},
        heartbeat::Knowledge,
        outbox::{Guarantee, Limit},
        stomp::MAX_FRAME,
    },
    testing,
};

use super::broker::{Broker, millis, secs};

#[test]
fn a_receipt_confirms_its_own_message_and_no_other() {
    let broker = Broker::used(Stomp::new("/queue/a"));
    let receipts = broker.send(["a", "b", "c"]);
    let fates = || receipts.each_ref().map(Receipt::fate);
    broker.says("RECEIPT\nreceipt-id:7\n\n");
    broker.says("RECEIPT\nreceipt-id:nonsense\n\n");
    broker.says("RECEIPT\n\n");
    assert_eq!(fates(), [None; 3]);
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    assert_eq!(fates(), [None, Some(Fate::Confirmed), None]);
    broker.server.close(1006);
    broker.reopen();
    assert!(broker.heard().concat().ends_with(" a"));
    broker.says("RECEIPT\nreceipt-id:1\n\n");
    assert!(broker.heard().concat().ends_with(" c"));
    broker.says("RECEIPT\nreceipt-id:3\n\n");
    assert_eq!(fates(), [Some(Fate::Confirmed); 3]);
}

#[test]
fn the_first_message_of_a_connection_goes_alone_where_receipts_are_given() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let texts = || -> Vec<_> {
        let sent = broker.heard();
        sent.iter()
            .map(|sent| sent[sent.len() - 1..].to_owned())
            .collect()
    };
    let _receipts = broker.send(["a", "b", "c"]);
    assert_eq!(texts(), ["a"]);
    // It is not there: the node is left, and nothing was sent behind it.
    broker.server.advance(secs(15));
    assert!(!broker.client.status().is_open());
    broker.reopen();
    assert_eq!(texts(), ["a"]);
    broker.says("RECEIPT\nreceipt-id:0\n\n");
    assert_eq!(texts(), ["b", "c"]);
    // Nor is a receipt of an earlier connection one of this.
    broker.server.close(1006);
    broker.reopen();
    assert_eq!(texts(), ["b"]);
    // Who gives none is not waited for.
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    broker.says("CONNECTED\n\n");
    broker.server.advance(secs(5));
    let _ = broker.heard();
    let _receipts = broker.send(["a", "b", "c"]);
    assert_eq!(broker.heard().len(), 3);
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
fn a_close_waits_for_receipts_and_not_for_long() {
    let broker = Broker::used(Stomp::new("/queue/a"));
    let receipts = broker.send(["a", "b"]);
    let (_subscription, told) = broker.tells();
    let _ = broker.heard();
    broker.client.close();
    assert_eq!(broker.client.status(), Status::Closed);
    broker.says("MESSAGE\nack:1\n\nnobody hears this, nor is it acknowledged");
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    assert_eq!(broker.heard(), [""; 0]);
    broker.says("RECEIPT\nreceipt-id:1\n\n");
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
fn a_message_has_one_name_however_often_it_is_sent() {
    let broker = Broker::used(Stomp::new("/queue/a"));
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
    assert_eq!(names(broker.heard()), first[..1]);
    // Also in the page that takes over what this one has stored.
    let stored = broker.client.inspect(|core| core.outbox().store());
    let other = Broker::new(Stomp::new("/queue/a"));
    other.client.change(|core, _| {
        core.restore(&stored, [Guarantee::AtLeastOnce; 2]);
    });
    other.opens();
    assert_eq!(names(other.heard()), first[..1]);
    other.says("RECEIPT\nreceipt-id:0\n\n");
    assert_eq!(names(other.heard()), first[1..]);
}

#[test]
fn an_older_latest_does_not_come_after_a_newer_one() {
    let broker = Broker::used(Stomp::new("/queue/a"));
    let receipts = ["old", "new"].map(|text| broker.client.send_latest(text));
    broker.says("RECEIPT\nreceipt-id:2\n\n");
    let fates = receipts.each_ref().map(Receipt::fate);
    assert_eq!(fates, [Some(Fate::GivenUp), Some(Fate::Confirmed)]);
    broker.server.close(1006);
    broker.reopen();
    assert_eq!(broker.heard(), [""; 0]);
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
fn what_waits_and_cannot_be_carried_is_set_aside() {
    let (client, server) = testing::client("ws://example.org", Options::new());
    let long = "x".repeat(MAX_FRAME);
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
fn what_the_server_never_takes_is_handed_back() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let most = broker.client.inspect(Connection::max_message).unwrap();
    let large = "x".repeat(most);
    broker.client.send(large.clone()).unwrap();
    let full = broker.client.send(large.clone() + "x").unwrap_err();
    assert_eq!(full.limit, Limit::Message(most));
    assert_eq!(full.payload.len(), most + 1);
    let full = broker.client.send(b"x").unwrap_err();
    assert_eq!(
        (full.limit, full.payload),
        (Limit::Text, Payload::from(b"x"))
    );
    let (client, _server) = testing::client("ws://example.org", Options::new());
    client.send(large + "x").unwrap();
}

#[test]
fn the_longest_message_has_no_longer_a_frame_than_servers_take() {
    // Each letter is escaped, and what whole kilobytes leave is all of a kilobyte for some.
    for destination in (1..500).step_by(9).map(|length| ":".repeat(length)) {
        let broker = Broker::open(Stomp::new(&*destination).queue_type(QueueType::Quorum));
        let most = broker.client.inspect(Connection::max_message).unwrap();
        // A NUL has the length told.
        let longest = "\0".to_owned() + &"x".repeat(most.saturating_sub(1));
        broker.client.send(longest).unwrap();
        let received = broker.server.received();
        let frame = received.last().and_then(Payload::text).unwrap();
        assert!(frame.starts_with("SEND\n"), "{frame:.80}");
        assert!(frame.len() <= MAX_FRAME, "{}", frame.len());
        assert!(MAX_FRAME - frame.len() < 1_500, "{}", frame.len());
    }
    // Nothing is carried there.
    let broker = Broker::new(Stomp::new("/".repeat(MAX_FRAME)));
    broker.connects();
    let refused = Status::Failed(Failure::Refused(Refusal::Destination));
    assert_eq!(broker.client.status(), refused);
}

#[test]
fn what_was_sent_to_one_destination_is_sent_to_no_other() {
    for next in [Options::new(), Options::new().stomp(Stomp::new("/queue/b"))] {
        let broker = Broker::open(Stomp::new("/queue/a"));
        let [receipt] = broker.send(["for a"]);
        // The receipt is still waited for.
        broker.client.close();
        broker.client.configure(next);
        broker.client.open();
        broker.server.accept();
        broker.welcomes();
        let received = broker.server.received();
        let sent = received
            .iter()
            .filter(|one| one.text().is_some_and(|text| text.contains("for a")));
        assert_eq!(sent.count(), 1, "{received:?}");
        assert_eq!(receipt.fate(), Some(Fate::GivenUp));
    }
    // The same one gets it again.
    let broker = Broker::open(Stomp::new("/queue/a"));
    let _receipts = broker.send(["for a"]);
    broker.client.close();
    broker.client.open();
    broker.server.accept();
    broker.welcomes();
    assert!(broker.heard().concat().ends_with(" for a"));
}

#[test]
fn what_the_latest_cannot_be_is_given_up() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let receipt = broker.client.send_latest("x".repeat(MAX_FRAME));
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
    let receipt = broker.client.send_latest(b"x");
    assert_eq!(receipt.fate(), Some(Fate::GivenUp));
}
