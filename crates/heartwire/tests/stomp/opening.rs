//! How a connection is opened: who logs in, what is subscribed to, and what is refused.

use std::{cell::RefCell, rc::Rc, time::Duration};

use heartwire::{
    Event, Failure, Fate, Options, QueueType, Status, Stomp, Trace,
    core::{
        connection::{Connection, Refusal},
        stomp::Step,
    },
    testing,
};

use super::broker::{Broker, millis, secs};

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
        broker.server.say(b"CONNECTED\nname:\xff\n\n\0");
    }
    assert_eq!(broker.client.status(), refused);
    assert_eq!(broker.client.last_loss().unwrap().error, None);
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
fn a_server_that_is_known_to_send_no_receipts_is_not_waited_for_as_long() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    let opens_after = || {
        broker.says("CONNECTED\n\n");
        let mut waited = 0;
        while !broker.client.status().is_open() {
            broker.server.advance(millis(100));
            waited += 100;
        }
        waited
    };
    broker.connects();
    assert_eq!(opens_after(), 5_000);
    for _ in 0..2 {
        broker.server.close(1006);
        broker.attempt();
        assert_eq!(opens_after(), 1_000);
    }
    // It was only slow.
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    broker.server.close(1006);
    broker.attempt();
    broker.says("CONNECTED\n\n");
    broker.server.advance(secs(9));
    assert_eq!(broker.step(), Some(Step::Subscription));
}

#[test]
fn a_server_without_receipts_may_take_its_time_for_the_login() {
    for login in [0, 5_500, 9_000] {
        let broker = Broker::new(Stomp::new("/queue/a"));
        broker.connects();
        broker.server.advance(millis(login));
        broker.says("CONNECTED\n\n");
        broker.server.advance(millis((10_000 - login) / 2));
        assert!(broker.client.status().is_open(), "{login} ms");
    }
    let options = Options::new()
        .connect_timeout(Duration::MAX)
        .stomp(Stomp::new("/queue/a"));
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    server.advance(secs(1));
    server.accept();
    server.say("CONNECTED\n\n\0");
    assert!(matches!(client.status(), Status::Connecting { .. }));
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
