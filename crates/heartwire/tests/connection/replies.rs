//! Which frames are replies, which are questions, and what replies are worth.

use std::time::Duration;

use heartwire::{
    Pattern,
    core::{
        connection::Input, heartbeat::Knowledge, outbox::Guarantee::AtLeastOnce, protocol::Trust,
    },
};

use super::shell::{Resend, Shell, destination, open, options};

#[test]
fn the_echo_of_a_heartbeat_typed_by_hand_is_shown() {
    let mut shell = Shell::open(options());
    shell.type_text("heartbeat");
    shell.advance(30_000);
    shell.receive("heartbeat");
    assert_eq!(shell.shown, ["heartbeat"]);
    shell.receive("heartbeat");
    assert_eq!(shell.shown, ["heartbeat"]);
}

#[test]
fn a_new_connection_answers_no_heartbeat_of_the_old_one() {
    let mut shell = Shell::open(options()).resends(Resend::Off);
    shell.type_text("a");
    shell.advance(30_000);
    shell.socket_closes(1006);
    shell.reconnect();
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 0, 0, 1]);
    assert_eq!(shell.knowledge(), Knowledge::Unasked);
}

#[test]
fn the_echo_of_a_greeting_or_an_answer_is_no_reply() {
    for asks in [false, true] {
        let options = options().heartbeat(Duration::from_secs(1));
        let mut shell = Shell::new(if asks {
            options.answer("who?", "heartbeat")
        } else {
            options.greeting("heartbeat")
        });
        shell.input(open());
        shell.socket_opens();
        shell.receive("who?");
        shell.send("order", AtLeastOnce);
        shell.advance(1_000);
        assert_eq!(shell.take_wire(), ["heartbeat", "order", "heartbeat"]);
        // In the order in which they were sent.
        shell.receive("heartbeat");
        assert_eq!(shell.states(), [0, 1, 0, 0]);
        shell.receive("heartbeat");
        assert_eq!(shell.states(), [0, 0, 1, 0]);
    }
}

/// A pong that is another text each time.
#[test]
fn replies_that_are_alike_are_replies_to_one_heartbeat_after_the_other() {
    let pong = Pattern::members(r#"{"event":"pong"}"#).expect("an object");
    let mut shell = Shell::open(
        options()
            .heartbeat_text(r#"{"event":"ping"}"#)
            .reply_text([pong]),
    );
    for beat in 1..=3 {
        shell.type_text(&beat.to_string());
        shell.advance(30_000);
        shell.receive(&format!(r#"{{"event":"pong","ts":{beat},"cid":1234}}"#));
        assert_eq!(shell.states(), [0, 0, beat, 0]);
    }
    shell.receive(r#"{"event":"price","of":"pong"}"#);
    assert_eq!(shell.shown, [r#"{"event":"price","of":"pong"}"#]);
    // What such a reply looks like proves nothing once it came unasked.
    shell.receive(r#"{"event":"pong"}"#);
    shell.type_text("4");
    shell.advance(30_000);
    shell.receive(r#"{"event":"pong"}"#);
    // Nor did any reply before.
    assert_eq!(shell.states(), [0, 1, 0, 3]);
}

/// Its echo is no reply either.
#[test]
fn a_message_that_is_like_a_reply_is_told_from_one() {
    let pong = Pattern::members(r#"{"event":"pong"}"#).expect("an object");
    let mut shell = Shell::open(options().reply_text(["heartbeat".into(), pong]));
    shell.type_text("hello");
    shell.receive("hello");
    shell.type_text(r#"{"event":"pong","by":"me"}"#);
    shell.receive(r#"{"event":"pong","by":"me"}"#);
    assert_eq!(shell.shown, ["hello", r#"{"event":"pong","by":"me"}"#]);
    assert_eq!(shell.connection.trust(), Trust::Given);
}

/// A person who types it, at a server whose replies are others.
#[test]
fn a_typed_heartbeat_has_a_reply_too() {
    let pong = Pattern::members(r#"{"event":"pong"}"#).expect("an object");
    let mut shell = Shell::open(options().heartbeat_text("ping").reply_text([pong]));
    shell.type_text("ping");
    shell.receive(r#"{"event":"pong","ts":1}"#);
    assert_eq!(shell.connection.trust(), Trust::Given);
    shell.type_text("ping ");
    shell.type_text("ping");
    shell.type_text("more");
    shell.advance(30_000);
    shell.receive(r#"{"event":"pong","ts":2}"#);
    // It answers what was typed, and tells nothing of what came after.
    assert_eq!(shell.states()[2], 0);
    shell.receive(r#"{"event":"pong","ts":3}"#);
    assert_ne!(shell.states()[2], 0);
}

/// What a relay adds to a text does not make a receipt of it.
#[test]
fn a_message_like_a_reply_that_comes_back_with_more_answers_nothing() {
    let pong = Pattern::members(r#"{"event":"pong"}"#).expect("an object");
    let mut shell = Shell::open(options().reply_text([pong]));
    shell.advance(29_000);
    shell.type_text(r#"{"event":"pong"}"#);
    shell.type_text("after");
    shell.advance(1_000);
    shell.receive(r#"{"event":"pong","from":"me"}"#);
    assert_eq!(shell.states()[2], 0);
}

/// One pattern covers the echo of a heartbeat and its answer.
#[test]
fn a_server_that_echoes_and_answers_is_trusted_with_one_pattern_for_both() {
    let mut shell = Shell::open(
        options()
            .heartbeat_text("ping")
            .reply_text([Pattern::beginning("p")]),
    );
    for _ in 0..3 {
        shell.advance(30_000);
        shell.receive("ping");
        shell.receive("pong");
    }
    assert_eq!(shell.connection.trust(), Trust::Given);
}

/// Whatever else a frame is like that has our mark.
#[test]
fn the_mark_proves_before_any_pattern_is_looked_at() {
    let ping = Pattern::members(r#"{"type":"ping"}"#).expect("an object");
    let mut shell = Shell::open(
        options()
            .heartbeat_text(r#"{"type":"ping","id":"{n}"}"#)
            .answer(ping, "pong")
            .server_heartbeat_text([Pattern::beginning("{")]),
    );
    shell.type_text("a");
    shell.advance(30_000);
    let [heartbeat] = &shell.take_wire()[1..] else {
        panic!("no heartbeat");
    };
    shell.receive(&heartbeat.clone());
    assert_eq!(shell.take_wire(), [""; 0]);
    assert_eq!(shell.connection.outbox().delivery().confirmed, 1);
}

#[test]
fn only_a_mark_confirms_and_another_reply_answers() {
    for (heartbeat_text, expected) in [("heartbeat", (1, 0)), ("beat {n}", (0, 1))] {
        let mut shell = Shell::open(options().heartbeat_text(heartbeat_text));
        shell.type_text("a");
        shell.advance(30_000);
        shell.answer();
        let delivery = shell.connection.outbox().delivery();
        assert_eq!((delivery.answered, delivery.confirmed), expected);
    }
}

/// The server never reads: it beats by itself, in the words of a reply.
#[test]
fn a_server_that_says_replies_unasked_is_believed_no_reply() {
    for unasked in ["heartbeat", "pong"] {
        let mut shell = Shell::open(options());
        shell.type_text("a");
        shell.advance(30_000);
        shell.advance(4_500);
        shell.receive(unasked);
        assert_eq!(shell.states(), [0, 0, 1, 0]);
        shell.type_text("b");
        shell.advance(4_500);
        shell.receive(unasked);
        // What the first one told is taken back, and what was known of the server with it.
        assert_eq!(shell.states(), [0, 1, 0, 1], "{unasked}");
        assert_eq!(shell.connection.trust(), Trust::Withdrawn);
        assert_eq!(shell.connection.heartbeat().round_trip(), None);
        shell.advance(30_000);
        shell.receive(unasked);
        assert_eq!(shell.states(), [0, 1, 0, 1]);
        assert_eq!(shell.knowledge(), Knowledge::Unasked);
        assert_eq!(shell.shown, [""; 0]);
        let epoch = shell.connection.epoch();
        shell.advance(600_000);
        assert_eq!(
            shell.connection.epoch(),
            epoch,
            "it was dropped for silence"
        );

        shell.socket_closes(1006);
        shell.reconnect();
        shell.advance(30_000);
        shell.receive(unasked);
        assert_eq!(shell.connection.outbox().delivery().answered, 0);
        assert_eq!(shell.connection.trust(), Trust::Withdrawn);
    }
}

#[test]
fn a_distrusted_server_stays_so_and_another_is_trusted() {
    let mut shell = Shell::new(options());
    for (is_new, is_distrusted, expected) in [
        (true, true, Trust::Withdrawn),
        (false, false, Trust::Withdrawn),
        (true, false, Trust::Given),
    ] {
        shell.input(destination(is_new, is_distrusted));
        shell.socket_opens();
        assert_eq!(shell.connection.trust(), expected);
        shell.input(Input::Close);
    }
}

#[test]
fn what_was_answered_by_another_server_is_not_taken_back() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.advance(30_000);
    shell.answer();
    shell.input(Input::Close);
    shell.input(destination(true, false));
    shell.socket_opens();
    shell.type_text("b");
    shell.receive("heartbeat");
    assert_eq!(shell.connection.trust(), Trust::Withdrawn);
    assert_eq!(shell.states(), [0, 1, 1, 0]);
}

#[test]
fn a_question_is_answered_at_once_and_is_no_message() {
    let mut shell = Shell::open(options().answer("ping", "pong").answer("2", "3"));
    for (question, answer) in [("ping", "pong"), ("2", "3"), ("ping", "pong")] {
        shell.receive(question);
        assert_eq!(shell.take_wire(), [answer]);
    }
    assert_eq!((shell.shown.len(), shell.states()), (0, [0, 0, 0, 0]));
    shell.receive("2 ");
    assert_eq!(shell.shown, ["2 "]);
}

#[test]
fn what_a_question_holds_is_given_back() {
    let question = Pattern::members(r#"{"ping":"{time}"}"#).expect("an object");
    let mut shell = Shell::open(
        options()
            .answer(question, r#"{"pong":{time}}"#)
            .answer(Pattern::beginning("are you there"), "yes"),
    );
    shell.receive(r#"{ "ping" : 1492420473027 }"#);
    shell.receive("are you there, Anna?");
    assert_eq!(shell.take_wire(), [r#"{"pong":1492420473027}"#, "yes"]);
    assert_eq!(shell.shown, [""; 0]);
}

#[test]
fn an_answer_that_comes_back_as_a_question_is_not_answered_without_end() {
    let mut shell = Shell::open(options().answer(Pattern::beginning("p"), "pong"));
    for _ in 0..100 {
        shell.advance(1);
        shell.receive("pong");
    }
    assert_eq!(shell.take_wire(), ["pong"; 10]);
    shell.advance(1_000);
    shell.receive("ping");
    assert_eq!(shell.take_wire(), ["pong"]);
}

#[test]
fn each_connection_may_ask_anew() {
    let mut shell = Shell::open(options().answer("who", "me"));
    for _ in 0..3 {
        for _ in 0..10 {
            shell.receive("who");
        }
        assert_eq!(shell.take_wire(), ["me"; 10]);
        shell.socket_closes(1006);
        shell.reconnect();
    }
}
