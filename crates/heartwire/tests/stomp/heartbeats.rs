//! Heart-beats of both sides.

use std::time::Duration;

use heartwire::{Options, Stomp, testing};

use super::broker::{Broker, secs};

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
