//! What leaves, in which order, and what is sent again.

use std::time::Duration;

use heartwire::{
    Payload,
    core::{
        connection::{BATCH_BYTES, Connection, Effect, Input},
        heartbeat::Period,
        outbox::{
            Full,
            Guarantee::{AtLeastOnce, AtMostOnce, Latest},
            Limit,
        },
        protocol::Transmit,
        reach::Locality,
    },
};

use super::shell::{Resend, Shell, open, open_at, options};

#[test]
fn every_change_is_sent_whole_and_an_unchanged_one_is_not() {
    let mut shell = Shell::open(options());
    for text in ["h", "he", "he", "h", ""] {
        shell.type_text(text);
    }
    assert_eq!(shell.take_wire(), ["h", "he", "h", ""]);
    assert_eq!(shell.connection.sent(), 4);
}

#[test]
fn bytes_are_messages_like_texts() {
    let mut shell = Shell::open(options());
    let (bytes, now) = (vec![0, 1, 255], shell.now);
    let (least, payload) = (AtLeastOnce, Payload::from(bytes.clone()));
    assert!(shell.connection.send(bytes, least, now).is_ok());
    shell.drain();
    let is_sent = |transmit: &Transmit| matches!(transmit, Transmit::Message(message) if message.payload == payload);
    assert!(is_sent(&shell.wire[0]));
    // Also after a loss, and through what is stored.
    let stored = shell.connection.outbox().store();
    let mut other = Shell::new(options());
    other.connection.restore(&stored, [Latest, AtMostOnce]);
    other.input(open());
    other.socket_opens();
    assert!(is_sent(&other.wire[0]));
}

#[test]
fn every_connection_begins_with_the_greeting() {
    let mut shell = Shell::new(options().greeting("login").greeting("subscribe"));
    shell.send("order", AtLeastOnce);
    shell.input(open());
    for _ in 0..2 {
        shell.socket_opens();
        assert_eq!(shell.take_wire()[..3], ["login", "subscribe", "order"]);
        shell.socket_closes(1006);
        shell.reconnect();
    }
    // Neither is a message.
    assert_eq!(shell.states().iter().sum::<u64>(), 1);
}

#[test]
fn what_was_typed_before_and_between_connections_leaves_in_order() {
    let mut shell = Shell::new(options());
    shell.type_text("a");
    shell.input(open());
    shell.type_text("ab");
    assert_eq!(shell.take_wire(), [""; 0]);
    shell.socket_opens();
    assert_eq!(shell.take_wire(), ["a", "ab"]);
    shell.socket_closes(1006);
    shell.type_text("abc");
    shell.type_text("abcd");
    assert_eq!(shell.connection.outbox().len(), 2);
    shell.reconnect();
    shell.type_text("abcde");
    assert_eq!(shell.take_wire(), ["abc", "abcd", "abcde"]);
}

#[test]
fn waiting_messages_leave_in_batches() {
    let mut shell = Shell::new(options());
    let message = "x".repeat(BATCH_BYTES / 4);
    for number in 0..10 {
        let text = format!("{number}{message}");
        shell.send(&text, AtMostOnce);
    }
    shell.drains = false;
    shell.input(open_at(Locality::Remote));
    shell.socket_opens();
    let mut batches = Vec::new();
    while !shell.connection.outbox().is_empty() {
        batches.push(shell.take_wire().len());
        shell.type_text(&format!("newer {}", batches.len()));
        let epoch = shell.connection.epoch();
        shell.input(Input::Drained(epoch));
    }
    assert_eq!(batches, [4, 4]);
    let rest = shell.take_wire();
    assert_eq!(rest.len(), 4);
    assert_eq!(rest[2..], ["newer 1", "newer 2"]);
}

#[test]
fn a_new_socket_does_not_wait_for_the_old_ones_buffer() {
    let mut shell = Shell::open(options()).resends(Resend::Off);
    shell.drains = false;
    shell.type_text(&"x".repeat(BATCH_BYTES));
    shell.socket_closes(1006);
    shell.reconnect();
    shell.take_wire();
    shell.type_text("newer");
    assert_eq!(shell.take_wire(), ["newer"]);
}

#[test]
fn a_socket_that_takes_nothing_more_is_replaced_and_nothing_is_lost() {
    let mut shell = Shell::open(options());
    shell.refuses = Some(1006);
    shell.type_text("a");
    shell.type_text("ab");
    assert_eq!(shell.status(), "waiting");
    assert_eq!(shell.connection.sent(), 0);
    shell.refuses = None;
    shell.reconnect();
    assert_eq!(shell.take_wire(), ["a", "ab"]);
}

#[test]
fn what_a_closing_socket_does_not_take_hides_no_close_code() {
    let mut shell = Shell::open(options());
    shell.refuses = Some(1008);
    shell.type_text("a");
    assert_eq!(shell.status(), "turned away");
    assert_eq!(shell.connection.outbox().len(), 1);
}

#[test]
fn a_full_outbox_refuses_what_is_sent_on_purpose() {
    let mut connection = Connection::new(options().outbox_limit(1), [1, 2]);
    let now = Duration::ZERO;
    assert!(connection.send("order 1", AtMostOnce, now).is_ok());
    assert_eq!(
        connection.send("order 2", AtMostOnce, now),
        Err(Full {
            payload: "order 2".into(),
            limit: Limit::Messages(1),
        })
    );
}

#[test]
fn the_latest_replaces_what_waits_and_has_always_room() {
    let mut shell = Shell::new(options().outbox_limit(2));
    for text in ["a", "b"] {
        shell.send(text, AtLeastOnce);
    }
    for text in ["old", "new"] {
        shell.send(text, Latest);
    }
    assert_eq!(shell.connection.outbox().merged(), 1);
    shell.input(open());
    shell.socket_opens();
    assert_eq!(shell.messages(), ["a", "b", "new"]);
}

#[test]
fn what_was_not_confirmed_is_sent_again_as_the_setting_says() {
    for (resend, again) in [
        (Resend::Every, &["ab", "abc", "heartbeat"][..]),
        (Resend::Latest, &["abc"][..]),
        (Resend::Off, &[][..]),
    ] {
        let mut shell = Shell::open(options()).resends(resend);
        shell.type_text("a");
        shell.advance(30_000);
        shell.type_text("ab");
        shell.type_text("abc");
        shell.receive("heartbeat");
        shell.socket_closes(1006);
        assert_eq!(shell.states(), [0, 0, 1, 2], "{resend:?}");
        shell.take_wire();
        shell.reconnect();
        assert_eq!(shell.take_wire(), again, "{resend:?}");
        assert_eq!(shell.connection.sent(), 3);
    }
}

#[test]
fn what_is_sent_again_is_a_property_of_the_message() {
    let mut shell = Shell::open(options());
    for (text, guarantee) in [
        ("once", AtMostOnce),
        ("kept", AtLeastOnce),
        ("old", Latest),
        ("new", Latest),
        ("kept too", AtLeastOnce),
    ] {
        shell.send(text, guarantee);
    }
    shell.take_wire();
    shell.connection.configure(options().outbox_limit(2));
    shell.socket_closes(1006);
    shell.input(open());
    shell.socket_opens();
    assert_eq!(shell.messages(), ["kept", "new", "kept too"]);
}

#[test]
fn what_is_counted_anew_is_counted_from_then_on() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.receive("hello");
    shell.advance(30_000);
    shell.answer();
    shell.type_text("b");

    shell.connection.count_anew();

    let counts = |shell: &Shell| (shell.connection.sent(), shell.connection.received());
    assert_eq!((counts(&shell), shell.states()), ((0, 0), [0, 1, 0, 0]));
    shell.take_wire();
    shell.type_text("b");
    assert_eq!(shell.take_wire(), ["b"]);
    shell.advance(30_000);
    shell.answer();
    assert_eq!((counts(&shell), shell.states()), ((1, 0), [0, 0, 2, 0]));

    // A doubt about what was counted before is one from now on.
    shell.connection.count_anew();
    shell.advance(4_500);
    shell.receive("heartbeat");
    assert_eq!(shell.states()[3], 3);
}

#[test]
fn a_dying_socket_is_not_given_the_same_without_end() {
    for bytes in [BATCH_BYTES - 1, BATCH_BYTES] {
        let mut shell = Shell::open(options().heartbeat(Period::Off));
        let Shell {
            connection, now, ..
        } = &mut shell;
        let text = "x".repeat(bytes);
        connection.send(text, AtLeastOnce, *now).unwrap();
        let mut tries = 0;
        while let Some(effect) = connection.poll_effect() {
            if let Effect::Transmit(transmit) = effect {
                tries += 1;
                assert_eq!(tries, 1, "{bytes} bytes");
                let epoch = connection.epoch();
                connection.handle_input(Input::NotTaken(epoch, transmit), *now);
            } else if let Effect::AwaitDrain(epoch) = effect {
                // The browser has nothing of it to send.
                connection.handle_input(Input::Drained(epoch), *now);
            }
        }
        assert_eq!(shell.messages(), [""; 0]);
        assert_eq!(shell.states()[0], 1);
    }
}
