//! Heart-beats of both sides.

use std::time::Duration;

use heartwire::{
    Options, Stomp,
    core::{
        connection::Connection,
        heartbeat::{Knowledge, Period},
    },
    testing,
};

use super::broker::{Broker, millis, secs};

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
    // Theirs: the longer of 20 and 30 s, and it is dead after two and a half of them.
    broker.server.advance(secs(33));
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(2));
    assert!(!broker.client.status().is_open());
    assert!(broker.client.last_loss().unwrap().was_silent);
}

#[test]
fn who_lets_two_periods_pass_lives_and_is_not_doubted() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    let knowledge = || {
        let now = broker.client.now();
        broker.client.inspect(|core| core.knowledge(now))
    };
    // What ActiveMQ does where it sends a message just after it has looked.
    let late = secs(30).mul_f64(2.06);
    for _ in 0..3 {
        broker.server.advance(late);
        assert_eq!(knowledge(), Knowledge::Answers);
        broker.server.say("\n");
    }
    let heard = broker.client.now();
    broker.server.advance(secs(74));
    let [since, until] = [62_500, 75_000].map(|after| heard + millis(after));
    assert_eq!(knowledge(), Knowledge::Lost { since, until });
    broker.server.advance(secs(1));
    assert!(!broker.client.status().is_open());
}

#[test]
fn what_is_late_is_doubted_for_as_long_as_is_left() {
    // The time that receipts have changes nothing for beats.
    for receipt_timeout in [secs(1), secs(3600)] {
        for (period, doubted, dead) in [(1, 4_167, 5_000), (6, 12_500, 15_000)] {
            let options = Options::new()
                .heartbeat(secs(period))
                .stomp(Stomp::new("/queue/a").receipt_timeout(receipt_timeout));
            let (client, server) = testing::client("ws://example.org", options);
            client.open();
            server.accept();
            server.say("CONNECTED\nheart-beat:1,1\n\n\0");
            server.say("RECEIPT\nreceipt-id:subscription\n\n\0");
            let knowledge = || client.inspect(|core| core.knowledge(client.now()));
            server.advance(millis(doubted - 1));
            assert_eq!(knowledge(), Knowledge::Answers);
            server.advance(millis(2));
            let Knowledge::Lost { since, until } = knowledge() else {
                panic!("{period} s")
            };
            assert_eq!(until, millis(dead));
            assert!(since.abs_diff(millis(doubted)) <= millis(1), "{since:?}");
            server.advance(millis(dead - doubted - 2));
            assert!(client.status().is_open());
            server.advance(millis(2));
            assert!(!client.status().is_open());
        }
    }
    // And the other way round.
    let broker = Broker::open(Stomp::new("/queue/a").receipt_timeout(secs(3)));
    let _receipts = broker.send(["a"]);
    broker.server.advance(millis(2_001));
    let knowledge = broker
        .client
        .inspect(|core| core.knowledge(broker.client.now()));
    let [since, until] = [2, 3].map(secs);
    assert_eq!(knowledge, Knowledge::Lost { since, until });
}

#[test]
fn after_a_sleep_the_time_that_is_left_is_told() {
    let broker = Broker::open(Stomp::new("/queue/a"));
    broker.server.sleep(secs(3600));
    // What came meanwhile has a period and a quarter to be read.
    broker.server.advance(secs(30));
    let knowledge = broker
        .client
        .inspect(|core| core.knowledge(broker.client.now()));
    let Knowledge::Lost { until, .. } = knowledge else {
        panic!("{knowledge:?}")
    };
    let left = until.saturating_sub(broker.client.now());
    broker.server.advance(left.saturating_sub(millis(1)));
    assert!(broker.client.status().is_open());
    broker.server.advance(millis(1));
    assert!(!broker.client.status().is_open());
}

#[test]
fn a_time_without_a_connection_is_no_silence() {
    let options = Options::new()
        .heartbeat(Period::Auto)
        .stomp(Stomp::new("/queue/a"));
    let (client, server) = testing::client("ws://example.org", options);
    let learned = || client.inspect(Connection::learned);
    let mut before = None;
    for _ in 0..7 {
        client.open();
        server.accept();
        server.say("CONNECTED\nheart-beat:30000,30000\n\n\0");
        server.say("RECEIPT\nreceipt-id:subscription\n\n\0");
        assert_eq!(learned(), *before.get_or_insert(learned()));
        client.close();
        server.advance(secs(600));
    }
}

#[test]
fn beats_begin_with_the_login_and_do_not_wait_for_the_subscription() {
    let options = Options::new()
        .heartbeat(secs(2))
        .stomp(Stomp::new("/queue/a"));
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    server.accept();
    server.advance(secs(1));
    server.say("CONNECTED\nheart-beat:2000,2000\n\n\0");
    let heard = server.received().len();
    // The subscription's receipt is waited for during 4.5 s.
    for beats in 1..=6 {
        server.advance(millis(1_400));
        assert_eq!(server.received()[heard..].len(), beats);
        server.say("\n");
    }
    assert!(client.status().is_open());
}

#[test]
fn the_subscriptions_receipt_is_timed_from_the_subscription() {
    let broker = Broker::new(Stomp::new("/queue/a"));
    broker.connects();
    broker.server.advance(secs(1));
    broker.says("CONNECTED\n\n");
    broker.server.advance(millis(200));
    // Acknowledged, which is sent after.
    broker.says("MESSAGE\nack:1\n\nbefore");
    broker.server.advance(millis(300));
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    let round_trip = broker.client.inspect(|core| core.heartbeat().round_trip());
    assert_eq!(round_trip, Some(millis(500)));
    // Said again, it tells nothing.
    broker.server.advance(secs(3600));
    broker.says("RECEIPT\nreceipt-id:subscription\n\n");
    assert_eq!(
        broker.client.inspect(|core| core.heartbeat().round_trip()),
        round_trip
    );
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
    broker.server.advance(secs(74));
    assert!(broker.client.status().is_open());
    broker.server.sleep(secs(3600));
    broker.server.advance(secs(37));
    assert!(broker.client.status().is_open());
    broker.server.advance(secs(1));
    assert!(!broker.client.status().is_open());
}
