//! What comes: messages, what acknowledges them, streams, errors and frames in parts.

use std::{cell::RefCell, rc::Rc};

use heartwire::{
    Client, Event, Fate, QueueType, Status, Stomp,
    core::{connection::Connection, protocol::MAX_HEAD},
};

use super::broker::Broker;

/// Else the server would bring it again to whoever asks next.
#[test]
fn a_message_is_acknowledged_before_whoever_hears_it_closes_or_goes_elsewhere() {
    let ends: [fn(&Client); 3] = [
        Client::close,
        |client| client.set_target("ws://example.com"),
        |client| {
            client.close();
            client.open();
        },
    ];
    for end in ends {
        let broker = Broker::open(Stomp::new("/queue/a"));
        let client = broker.client.clone();
        let _subscription = broker.client.subscribe(move |event| {
            if let Event::Message(_) = event {
                end(&client);
            }
        });
        broker.says("MESSAGE\nsubscription:0\nack:1\nmessage-id:1\n\njob");
        let heard = broker.heard();
        assert_eq!(heard[0], "ACK id:1", "{heard:?}");
        assert!(heard[1].starts_with("DISCONNECT"), "{heard:?}");
    }
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
fn what_came_and_was_told_to_nobody_is_new_when_it_comes_again() {
    type Lose = fn(&Broker, &str);
    let message = "MESSAGE\nack:1\nx-stream-offset:8\n\
        x-heartwire-id:0123456789abcdef0123456789abcdef\n\nhello";
    let closing: Lose = |broker, message| {
        let _receipts = broker.send(["x"]);
        broker.client.close();
        broker.says(message);
        broker.says("RECEIPT\nreceipt-id:0\n\n");
        broker.client.open();
        broker.server.accept();
    };
    let behind_an_error: Lose = |broker, message| {
        broker.says(&format!("ERROR\nmessage:no\n\n\0{message}"));
        broker.attempt();
    };
    for lose in [closing, behind_an_error] {
        for kind in [QueueType::Quorum, QueueType::Stream] {
            let broker = Broker::open(Stomp::new("/amq/queue/a").queue_type(kind));
            let (_subscription, told) = broker.tells();
            lose(&broker, message);
            let _ = broker.heard();
            broker.welcomes();
            assert_eq!(broker.client.inspect(Connection::offset), None);
            broker.says(message);
            assert_eq!(*told.borrow(), ["hello"]);
            assert_eq!(broker.heard(), ["ACK id:1"]);
        }
    }
}

#[test]
fn a_server_may_speak_in_binary_frames() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    let (_subscription, told) = broker.tells();
    broker.connects();
    broker.server.say(b"CONNECTED\n\n\0");
    broker
        .server
        .say(b"RECEIPT\nreceipt-id:subscription\n\n\0\n");
    assert!(broker.client.status().is_open());
    // More than what is kept of bytes that are none of ours.
    let text = "你好".repeat(MAX_HEAD as usize);
    let frame = format!("MESSAGE\n\n{text}\0");
    broker.server.say(frame.into_bytes());
    assert_eq!(*told.borrow(), [text]);
    let [receipt] = broker.send(["a"]);
    broker.server.say(b"RECEIPT\nreceipt-id:0\n\n\0");
    assert_eq!(receipt.fate(), Some(Fate::Confirmed));
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
    broker.server.say(b"MESSAGE\n\n\xff\0");
    assert!(matches!(broker.client.status(), Status::Waiting { .. }));
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
fn what_an_error_says_is_told_once() {
    for (frame, told) in [
        ("message:no\n\nbecause\nof this", "no: because"),
        ("message:no\n\n", "no"),
        ("\nbecause", "because"),
        ("\n", ""),
        // ActiveMQ, and what names an exception before.
        ("message:not c\\cd\n\nnot c:d", "not c:d"),
        ("message:no\n\nAn.Exception: no\n at", "An.Exception: no"),
        ("message:Failed: no\n\nno", "Failed: no"),
        ("message:no\n\nI know", "no: I know"),
        ("message:know\n\nno", "know: no"),
    ] {
        let broker = Broker::open(Stomp::new("/queue/a"));
        broker.says(&format!("ERROR\n{frame}"));
        let error = broker.client.last_loss().unwrap().error;
        assert_eq!(error.as_deref(), Some(told), "{frame:?}");
    }
}
