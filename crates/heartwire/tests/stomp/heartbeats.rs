//! Heart-beats of both sides.

use std::time::Duration;

use heartwire::{Options, Stomp, core::heartbeat::Knowledge, testing};

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
    // A third of the time for receipts, which is shorter here than a sixth of the time for beats.
    let [since, until] = [70, 75].map(|seconds| heard + secs(seconds));
    assert_eq!(knowledge(), Knowledge::Lost { since, until });
    broker.server.advance(secs(1));
    assert!(!broker.client.status().is_open());
}

#[test]
fn a_beat_that_is_missed_is_doubted_before_it_is_given_up() {
    let options = Options::new()
        .heartbeat(secs(6))
        .stomp(Stomp::new("/queue/a"));
    let (client, server) = testing::client("ws://example.org", options);
    client.open();
    server.accept();
    server.say("CONNECTED\nheart-beat:1,1\n\n\0");
    server.say("RECEIPT\nreceipt-id:subscription\n\n\0");
    let is_lost = || {
        let knowledge = client.inspect(|core| core.knowledge(client.now()));
        matches!(knowledge, Knowledge::Lost { .. })
    };
    // Two and a half periods are 15 s, and 2.06 of them 12.4.
    server.advance(millis(12_400));
    assert!(!is_lost());
    server.advance(millis(200));
    assert!(is_lost() && client.status().is_open());
    server.advance(millis(2_500));
    assert!(!client.status().is_open());
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
    // It receipts no subscription, which is waited for during 5 s, and closes after 4 s of silence.
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
