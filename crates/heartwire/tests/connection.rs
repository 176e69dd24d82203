//! The connection by scenario and by property, through its public calls.
#![cfg(not(target_arch = "wasm32"))]

use std::{collections::HashMap, time::Duration};

use heartwire::{
    Options, Pattern, Payload,
    core::{
        connection::{
            BATCH_BYTES, CLOSE_REASON, Closure, Connection, Destination, Effect, Epoch, Input,
            Refusal, Status, Timer,
        },
        heartbeat::{Knowledge, Mode, Period, ReplyTimeout},
        outbox::{
            Full,
            Guarantee::{self, AtLeastOnce, AtMostOnce, Latest},
            Limit, Message, MessageId, Origin,
        },
        protocol::{Frame, PayloadRef, Transmit, Trust},
        reach::Locality,
    },
};
use proptest::prelude::*;

#[test]
fn it_connects_beats_in_silence_and_only_then() {
    let mut shell = Shell::open(options());
    assert_eq!(shell.status(), "open");
    shell.advance(29_999);
    assert_eq!(shell.take_wire(), [""; 0]);
    shell.advance(1);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    shell.advance(20_000);
    shell.receive("hello");
    shell.advance(29_999);
    assert_eq!(shell.take_wire(), [""; 0]);
    shell.advance(1);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
}

#[test]
fn in_the_mode_always_messages_do_not_put_it_off() {
    let mut shell = Shell::open(options().heartbeat_mode(Mode::Always));
    for _ in 0..60 {
        shell.advance(1_000);
        shell.receive("hello");
    }
    assert_eq!(shell.take_wire(), ["heartbeat"; 2]);
}

#[test]
fn without_a_period_there_is_no_heartbeat_and_no_timer() {
    let mut shell = Shell::open(options().heartbeat(Period::Off));
    shell.receive("hello");
    assert!(shell.timers.is_empty());
}

#[test]
fn an_expiry_that_was_under_way_as_a_message_came_beats_not() {
    let mut shell = Shell::open(options());
    shell.advance(29_999);
    let epoch = shell.connection.epoch();
    shell.receive("hello");
    shell.input(Input::TimerExpired(epoch, Timer::Heartbeat));
    assert_eq!(shell.take_wire(), [""; 0]);
}

#[test]
fn a_reply_is_measured_and_not_shown() {
    let mut shell = Shell::open(options());
    shell.advance(30_000);
    assert_eq!(shell.knowledge(), Knowledge::Unasked);
    shell.advance(12);
    shell.receive("heartbeat");
    assert_eq!(
        shell.connection.heartbeat().round_trip(),
        Some(Duration::from_millis(12))
    );
    assert_eq!(shell.knowledge(), Knowledge::Answers);
    assert_eq!(shell.shown, [""; 0]);
    assert_eq!(shell.connection.received(), 0);
}

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
fn other_options_hold_from_the_next_start_on() {
    let mut shell = Shell::open(options());
    shell.connection.configure(
        options()
            .heartbeat(Period::Every(Duration::from_secs(5)))
            .heartbeat_text("ping")
            .reply_text(["pong"])
            .reply_timeout(ReplyTimeout::After(Duration::from_secs(1)))
            .connect_timeout(Duration::from_secs(3))
            .retry_min(Duration::ZERO)
            .retry_max(Duration::ZERO)
            .final_codes([4001]),
    );
    shell.advance(30_000);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    // A reconnect is no start.
    shell.socket_closes(1006);
    shell.reconnect();
    shell.advance(30_000);
    assert_eq!(shell.take_wire(), ["heartbeat"]);

    shell.input(Input::Close);
    shell.input(open());
    let first = shell.connection.epoch();
    shell.advance(2_999);
    assert_eq!(shell.connection.epoch(), first);
    // The attempt is given up, and the next one has not to wait.
    shell.advance(1);
    assert_ne!(shell.connection.epoch(), first);
    shell.socket_opens();
    shell.advance(5_000);
    assert_eq!(shell.take_wire(), ["ping"]);
    shell.receive("heartbeat");
    shell.receive("pong");
    assert_eq!(shell.shown, ["heartbeat"]);
    shell.advance(6_000);
    assert_eq!(shell.status(), "connecting");
    shell.socket_opens();
    shell.socket_closes(4001);
    assert_eq!(shell.status(), "turned away");
}

#[test]
fn the_same_options_forget_nothing_of_a_server() {
    let mut shell = Shell::answered();
    for (options, knowledge) in [
        (options(), Knowledge::Answers),
        (options().heartbeat_text("ping"), Knowledge::Unasked),
    ] {
        shell.connection.configure(options);
        shell.input(Input::Close);
        shell.input(open());
        assert_eq!(shell.knowledge(), knowledge);
    }
}

#[test]
fn what_waits_survives_other_options_even_over_their_limit() {
    let mut shell = Shell::open(options());
    shell.input(Input::Close);
    for text in ["a", "ab", "abc"] {
        shell.type_text(text);
    }
    shell.connection.configure(options().outbox_limit(2));
    shell.input(open());
    shell.type_text("abcd");
    assert_eq!(shell.states(), [3, 0, 0, 0]);
    shell.socket_opens();
    assert_eq!(shell.messages()[..2], ["a", "ab"]);
    shell.answer();
    shell.answer();
    assert_eq!(shell.arrived.last().map(String::as_str), Some("abcd"));
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

/// Without it, a server that talks puts every heartbeat off, and nothing is ever proven.
#[test]
fn what_is_sent_is_proven_in_time_whatever_comes_in() {
    let within = Duration::from_secs(5);
    for mode in [Mode::Idle, Mode::Always] {
        let mut shell = Shell::open(Options::new().prove_within(within).heartbeat_mode(mode));
        shell.advance(2_000);
        shell.send("order", AtLeastOnce);
        assert_eq!(shell.take_wire(), ["order"]);
        for _ in 0..49 {
            shell.advance(100);
            shell.receive("news");
            assert_eq!(shell.take_wire(), [""; 0]);
        }
        shell.advance(100);
        assert_eq!(shell.take_wire(), ["heartbeat"]);
        shell.receive("heartbeat");
        assert_eq!(shell.states(), [0, 0, 1, 0]);
        // Nothing is to be proven any more.
        for _ in 0..200 {
            shell.advance(100);
            shell.receive("news");
            assert_eq!(shell.take_wire(), [""; 0]);
        }
    }
}

/// Also where the timer is late, as in a page that nobody sees.
#[test]
fn a_proof_that_is_due_is_asked_for_as_something_comes() {
    let mut shell = Shell::open(Options::new());
    shell.send("order", AtLeastOnce);
    shell.now += Duration::from_millis(4_999);
    shell.receive("news");
    assert_eq!(shell.take_wire(), ["order"]);
    shell.now += Duration::from_millis(1);
    shell.receive("news");
    assert_eq!(shell.take_wire(), ["heartbeat"]);
}

/// The next of what is sent behind a heartbeat, or whose heartbeat is never answered.
#[test]
fn what_one_heartbeat_does_not_prove_another_does() {
    let mut shell = Shell::open(Options::new());
    shell.send("a", AtLeastOnce);
    shell.advance(5_000);
    assert_eq!(shell.take_wire(), ["a", "heartbeat"]);
    // The server is slow, and looks silent.
    shell.advance(3_500);
    shell.send("b", AtLeastOnce);
    shell.advance(500);
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 1, 1, 0]);
    for _ in 0..5 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.take_wire(), ["b", "heartbeat"]);
    // This one has no reply, but the connection lives.
    for _ in 0..5 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    // A server that has stopped to answer is not asked for ever.
    for _ in 0..60 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert!(shell.take_wire().len() < 3);
}

#[test]
fn a_server_that_wants_answers_gives_receipts_all_the_same() {
    let mut shell = Shell::open(Options::new().answer("ping", "pong"));
    for _ in 0..1_200 {
        shell.advance(10_000);
        shell.receive("ping");
    }
    shell.take_wire();
    for _ in 0..3 {
        shell.send("order", AtLeastOnce);
        shell.advance(5_000);
        assert_eq!(shell.take_wire(), ["order", "heartbeat"]);
        shell.receive("pong");
        shell.receive("ping");
        assert_eq!(shell.take_wire(), ["pong"]);
    }
    assert_eq!((shell.states(), shell.shown.len()), ([0, 0, 3, 0], 0));
}

/// The server turned the greeting away, and never came to read more.
#[test]
fn what_stands_behind_a_greeting_is_not_blamed_for_it() {
    let mut shell = Shell::new(options().greeting("login").final_codes([]));
    shell.send("order", AtLeastOnce);
    shell.input(open());
    for _ in 0..10 {
        shell.socket_opens();
        shell.socket_closes(4401);
        shell.reconnect();
    }
    assert_eq!(shell.connection.outbox().aside().len(), 0);
    shell.socket_opens();
    shell.advance(3_000);
    assert_eq!(shell.messages().last().map(String::as_str), Some("order"));
}

#[test]
fn options_without_a_measure_do_no_harm() {
    let endless = Duration::MAX;
    for options in [
        Options::new().outbox_limit(0),
        Options::new().heartbeat(endless),
        Options::new().heartbeat(Duration::ZERO),
        Options::new().prove_within(endless),
        Options::new().prove_within(Duration::ZERO),
        Options::new().reply_timeout(endless),
        Options::new().reply_timeout(Duration::ZERO),
    ] {
        let mut shell = Shell::open(options.stable_after(endless));
        let _ = shell.connection.send("order", AtLeastOnce, shell.now);
        shell.drain();
        for _ in 0..20 {
            shell.advance(50);
            shell.receive("heartbeat");
        }
        assert_eq!(shell.status(), "open");
    }
}

#[test]
fn a_refusal_leaves_nothing_of_a_socket_that_closes() {
    let mut shell = Shell::open(options());
    shell.send("order", AtLeastOnce);
    shell.input(Input::Left);
    shell.input(Input::Returned);
    let epoch = shell.connection.epoch();
    shell.input(Input::Refused(epoch, Refusal::Forbidden));
    let closure = Closure {
        code: 1000,
        reason: shell.reason.clone(),
        was_clean: true,
    };
    shell.input(Input::Closed(epoch, closure));
    assert_eq!(shell.states(), [0, 0, 1, 0]);
    shell.input(Input::Close);
    assert_eq!(shell.status(), "stopped");
}

#[test]
fn other_subprotocols_keep_what_waits_and_forget_what_is_known() {
    let mut shell = Shell::answered();
    shell.send("order", AtLeastOnce);
    shell.socket_closes(1006);
    let Input::Open(destination) = open() else {
        panic!("it opens");
    };
    shell.input(Input::Open(Destination {
        speaks_otherwise: true,
        ..destination
    }));
    assert_eq!(shell.knowledge(), Knowledge::Unasked);
    shell.socket_opens();
    assert_eq!(shell.messages(), ["order", "order"]);
}

#[test]
fn a_server_that_answers_nothing_is_not_asked_for_proofs() {
    let mut shell = Shell::open(Options::new().prove_within(Duration::from_secs(5)));
    shell.send("order", AtLeastOnce);
    shell.advance(5_000);
    assert_eq!(shell.take_wire(), ["order", "heartbeat"]);
    shell.advance(5_000);
    assert_eq!(shell.knowledge(), Knowledge::Silent);
    for _ in 0..4 {
        shell.send("order", AtLeastOnce);
        shell.advance(6_000);
        shell.receive("news");
        assert_eq!(shell.take_wire(), ["order"]);
    }
}

#[test]
fn what_cannot_be_is_not_tried_again_by_itself() {
    for refusal in [Refusal::Forbidden, Refusal::NoProtocol] {
        let mut shell = Shell::new(options());
        shell.input(open());
        let epoch = shell.connection.epoch();
        shell.input(Input::Refused(epoch, refusal));
        assert_eq!(shell.connection.status(), Status::Refused(refusal));
        for input in [
            Input::Woke,
            Input::Returned,
            Input::Closed(epoch, Closure::abnormal()),
        ] {
            shell.input(input);
            shell.advance(60_000);
            assert_eq!(shell.connection.status(), Status::Refused(refusal));
        }
        shell.input(open());
        assert_eq!(shell.status(), "connecting");
        // Of an older attempt.
        shell.input(Input::Refused(epoch, refusal));
        assert_eq!(shell.status(), "connecting");
    }
}

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
fn an_old_loss_is_forgotten_once_it_is_mended() {
    let mut shell = Shell::new(options());
    shell.input(open());
    shell.socket_closes(1006);
    shell.reconnect();
    assert_eq!(shell.connection.last_loss(), None);
    shell.input(Input::Left);
    shell.input(Input::Returned);
    assert_eq!(shell.connection.last_loss(), None);
}

#[test]
fn a_new_start_after_giving_up_is_no_reconnection() {
    let mut shell = Shell::open(options().retry(false));
    shell.socket_closes(1006);
    shell.input(open_at(Locality::Remote));
    shell.socket_opens();
    assert_eq!(shell.connection.reconnects(), 0);
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
fn a_handshake_without_an_answer_is_given_up() {
    let mut shell = Shell::new(options());
    shell.input(open());
    shell.advance(9_999);
    assert_eq!(shell.status(), "connecting");
    shell.advance(1);
    assert_eq!(shell.status(), "waiting");
    assert_eq!(shell.socket, None);
    assert!(
        shell
            .connection
            .last_loss()
            .is_some_and(|loss| !loss.was_open)
    );
}

#[test]
fn the_back_off_starts_over_only_after_a_stable_connection() {
    let mut shell = Shell::open(options());
    for attempt in 1..=6 {
        shell.advance(9_999);
        shell.socket_closes(1006);
        assert_eq!(shell.connection.attempt(), attempt);
        shell.reconnect();
    }
    shell.advance(10_000);
    shell.socket_closes(1006);
    assert_eq!(shell.connection.attempt(), 1);
}

#[test]
fn delays_grow_to_the_largest_for_the_servers_place() {
    for (locality, first, last) in [(Locality::Loopback, 1, 10), (Locality::Remote, 5, 60)] {
        let mut longest = [Duration::ZERO; 8];
        for seed in 0..500 {
            let mut shell = Shell::seeded(options(), [seed, 2]);
            shell.input(open_at(locality));
            for longest in &mut longest {
                shell.socket_closes(1006);
                let (_, delay) = shell.timers[&Timer::Reconnect];
                *longest = delay.max(*longest);
                shell.advance_by(delay);
            }
        }
        for (attempt, longest) in longest.into_iter().enumerate() {
            let ceiling = Duration::from_secs((first << attempt).min(last));
            assert!(
                longest <= ceiling && longest > ceiling * 9 / 10,
                "{attempt}: {longest:?}"
            );
        }
    }
}

#[test]
fn it_gives_up_at_the_limit_and_at_a_final_code() {
    let mut shell = Shell::new(options().retry_limit(2));
    shell.input(open());
    shell.socket_closes(1006);
    shell.reconnect_attempt();
    shell.socket_closes(1006);
    shell.reconnect_attempt();
    assert_eq!(shell.status(), "connecting");
    shell.socket_closes(1006);
    assert_eq!(shell.status(), "gave up");
    shell.input(open());
    assert_eq!(shell.status(), "connecting");
    shell.socket_opens();
    shell.socket_closes(1008);
    assert_eq!(shell.status(), "turned away");

    let mut shell = Shell::open(options().retry(false));
    shell.socket_closes(1001);
    assert_eq!(shell.status(), "gave up");
}

#[test]
fn a_local_event_ends_a_long_wait_within_300_ms() {
    for input in [Input::Retry, Input::Woke] {
        let mut shell = Shell::new(options().retry_min(Duration::from_secs(3_600)));
        shell.input(open_at(Locality::Remote));
        shell.socket_closes(1006);
        shell.input(input.clone());
        shell.input(input);
        shell.advance(300);
        assert_eq!(shell.status(), "connecting");
    }
}

#[test]
fn a_local_event_never_prolongs_a_wait() {
    for seed in 0..200 {
        let mut shell = Shell::seeded(options(), [seed, 2]);
        shell.input(open());
        shell.socket_closes(1006);
        let (_, before) = shell.timers[&Timer::Reconnect];
        shell.input(Input::Woke);
        let (_, after) = shell.timers[&Timer::Reconnect];
        assert!(after <= before);
    }
}

#[test]
fn a_close_that_was_asked_for_stays_closed() {
    let mut shell = Shell::open(options());
    let epoch = shell.connection.epoch();
    shell.input(Input::Close);
    assert!(shell.timers.is_empty());
    for input in late_inputs(epoch) {
        shell.input(input);
    }
    shell.input(Input::Woke);
    shell.input(Input::Retry);
    shell.input(Input::Returned);
    assert_eq!(shell.status(), "stopped");
    assert_eq!(shell.socket, None);
    assert!(shell.timers.is_empty());
}

#[test]
fn a_page_that_comes_back_reconnects_and_knows_how_long_it_was_away() {
    for sign in [Input::Returned, Input::Woke] {
        let mut shell = Shell::open(options());
        shell.input(Input::Left);
        assert_ne!(shell.ready_state, ReadyState::Open);
        assert!(shell.timers.is_empty());
        shell.now += Duration::from_secs(60);
        shell.input(sign);
        shell.advance(300);
        shell.socket_opens();
        let Status::Open { outage, .. } = shell.connection.status() else {
            panic!("{:?}", shell.connection.status());
        };
        assert!(outage >= Some(Duration::from_secs(60)));
        assert_eq!(shell.connection.reconnects(), 1);
    }
}

#[test]
fn events_of_an_old_socket_change_nothing() {
    let mut shell = Shell::open(options());
    let old = shell.connection.epoch();
    shell.socket_closes(1006);
    shell.reconnect();
    let before = format!("{:?}", shell.connection);
    for input in late_inputs(old) {
        shell.input(input);
        assert_eq!(format!("{:?}", shell.connection), before);
    }
}

#[test]
fn a_server_that_used_to_answer_and_does_not_is_left_in_time() {
    let mut shell = Shell::answered();
    let heard = shell.now;
    shell.advance(30_000);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    shell.advance(1_499);
    assert_eq!(shell.take_wire(), [""; 0]);
    assert_eq!(shell.knowledge(), Knowledge::Answers);
    shell.advance(1);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    assert!(matches!(shell.knowledge(), Knowledge::Lost { .. }));
    shell.advance(1_499);
    assert_eq!(shell.status(), "open");
    shell.advance(1);
    assert_eq!(shell.status(), "waiting");
    assert_eq!(shell.socket, None);
    assert!(
        shell
            .connection
            .last_loss()
            .is_some_and(|loss| loss.was_silent)
    );
    shell.reconnect();
    let Status::Open { outage, since } = shell.connection.status() else {
        panic!("{:?}", shell.connection.status());
    };
    assert_eq!(outage.map(|outage| heard + outage), Some(since));
}

#[test]
fn anything_that_comes_keeps_a_connection() {
    let mut shell = Shell::answered();
    for _ in 0..5 {
        shell.advance(32_900);
        assert!(matches!(shell.knowledge(), Knowledge::Lost { .. }));
        shell.receive("news");
        assert_eq!(shell.knowledge(), Knowledge::Answers);
    }
    shell.advance(29_999);
    assert_eq!(shell.connection.epoch(), shell.socket.unwrap());
    assert_eq!(shell.connection.reconnects(), 0);
}

#[test]
fn a_server_that_never_answers_is_kept() {
    let mut shell = Shell::open(options());
    shell.advance(24 * 3_600_000);
    assert_eq!(shell.status(), "open");
    assert_eq!(shell.knowledge(), Knowledge::Silent);
}

#[test]
fn a_server_that_accepts_and_falls_silent_is_tried_less_and_less() {
    let mut shell = Shell::answered();
    for attempt in 1..=8 {
        shell.advance(33_000);
        assert_eq!(shell.status(), "waiting");
        assert_eq!(shell.connection.attempt(), attempt);
        shell.reconnect();
    }
    // It lives again, for as long as it takes to be called stable.
    shell.advance(10_000);
    shell.receive("news");
    shell.socket_closes(1006);
    assert_eq!(shell.connection.attempt(), 1);
}

#[test]
fn a_sleep_is_no_silence() {
    let mut shell = Shell::answered();
    shell.take_wire();
    let epoch = shell.connection.epoch();
    // The machine sleeps; every timer expires at once as it wakes, before what is queued is read.
    shell.now += Duration::from_secs(3_600);
    shell.input(Input::TimerExpired(epoch, Timer::Heartbeat));
    shell.input(Input::Woke);
    shell.input(Input::Woke);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    shell.advance(2_900);
    assert_eq!(shell.status(), "open");
    shell.receive("heartbeat");
    assert_eq!(shell.knowledge(), Knowledge::Answers);
    assert_eq!(shell.connection.epoch(), epoch);
}

#[test]
fn a_sleep_while_a_reply_is_awaited_starts_the_wait_over() {
    let mut shell = Shell::answered();
    shell.advance(30_000);
    let epoch = shell.connection.epoch();
    shell.now += Duration::from_secs(3_600);
    shell.input(Input::TimerExpired(epoch, Timer::Reply));
    shell.advance(2_900);
    assert_eq!(shell.status(), "open");
    shell.advance(100);
    assert_eq!(shell.status(), "waiting");
}

#[test]
fn a_waking_page_asks_once_and_replaces_what_is_dead() {
    let mut shell = Shell::answered();
    shell.take_wire();
    shell.advance(5_000);
    shell.input(Input::Woke);
    shell.input(Input::Woke);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
    shell.advance(3_000);
    assert_eq!(shell.status(), "waiting");

    let mut shell = Shell::open(options().heartbeat(Period::Off));
    shell.input(Input::Woke);
    assert_eq!(shell.take_wire(), [""; 0]);
}

#[test]
fn a_server_is_given_the_time_that_a_large_text_takes() {
    let mut shell = Shell::answered();
    shell.type_text(&"x".repeat(600 * 1024));
    assert_eq!(shell.take_wire().len(), 2);
    shell.advance(30_000);
    assert_eq!(shell.status(), "open");
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 0, 1, 0]);
}

#[test]
fn a_server_whose_answers_lag_behind_holds_nothing_up() {
    let mut shell = Shell::open(options().outbox_limit(2));
    // It begins to answer late, and stays so many heartbeats behind.
    shell.advance(100 * 30_000);
    for _ in 0..3 {
        shell.receive("heartbeat");
        shell.advance(30_000);
    }
    shell.take_wire();
    for text in ["1", "2", "3"] {
        shell.type_text(text);
    }
    assert!(shell.take_wire().contains(&"3".to_owned()));
    assert_eq!(shell.connection.heartbeat().round_trip(), None);
}

#[test]
fn a_doubted_connection_is_replaced_at_once_when_the_user_wants_it() {
    let mut shell = Shell::answered();
    shell.input(Input::Retry);
    shell.advance(31_600);
    assert_eq!(shell.status(), "open");
    shell.input(Input::Retry);
    assert_eq!(shell.status(), "waiting");
    shell.advance(300);
    assert_eq!(shell.status(), "connecting");

    let mut shell = Shell::answered_with(options().retry(false).final_codes([1006]));
    shell.advance(31_600);
    shell.input(Input::Retry);
    shell.advance(300);
    assert_eq!(shell.status(), "connecting");
}

#[test]
fn a_handshake_during_which_the_machine_slept_is_tried_again_at_once() {
    let mut shell = Shell::new(options().retry_min(Duration::from_secs(3_600)));
    shell.input(open());
    let epoch = shell.connection.epoch();
    shell.now += Duration::from_secs(3_600);
    shell.input(Input::TimerExpired(epoch, Timer::Connect));
    shell.advance(300);
    assert_eq!(shell.status(), "connecting");
    assert_ne!(shell.connection.epoch(), epoch);
}

#[test]
fn the_servers_own_heartbeats_stop_ours_unless_ours_are_always_sent() {
    for (heartbeat_mode, sent) in [
        (Mode::Idle, &["heartbeat"][..]),
        (Mode::Always, &["heartbeat"; 10]),
    ] {
        let mut shell = Shell::open(
            options()
                .heartbeat_mode(heartbeat_mode)
                .server_heartbeat_text(["tick"]),
        );
        for _ in 0..10 {
            shell.advance(29_000);
            shell.receive("tick");
        }
        shell.advance(30_000);
        assert_eq!(shell.take_wire(), sent, "{heartbeat_mode:?}");
        assert_eq!(shell.shown, [""; 0]);
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
fn a_reply_confirms_what_was_sent_before_its_heartbeat() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.type_text("ab");
    shell.advance(30_000);
    shell.type_text("abc");
    assert_eq!(shell.states(), [0, 3, 0, 0]);
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 1, 2, 0]);
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
fn what_is_sent_again_is_proven_in_parts() {
    let mut shell = Shell::open(options()).resends(Resend::Every);
    for number in 0..100 {
        shell.type_text(&number.to_string());
    }
    shell.socket_closes(1006);
    shell.take_wire();
    shell.reconnect();
    shell.type_text("newer");
    let wire = shell.take_wire();
    let places = wire.iter().enumerate();
    let places = places.filter(|(_, text)| *text == "heartbeat");
    assert_eq!(
        places.map(|(place, _)| place).collect::<Vec<_>>(),
        [64, 101]
    );
    assert_eq!(wire.last().unwrap(), "newer");
}

#[test]
fn half_an_outbox_without_a_proof_asks_for_one() {
    let mut shell = Shell::open(options().outbox_limit(6));
    for text in ["1", "2", "3", "4", "5", "6", "7"] {
        shell.type_text(text);
    }
    assert_eq!(
        shell.take_wire(),
        ["1", "2", "3", "heartbeat", "4", "5", "6", "heartbeat", "7"]
    );
}

#[test]
fn a_server_that_answers_is_not_sent_more_than_can_be_kept() {
    let mut shell = Shell::answered_with(options().outbox_limit(2));
    shell.take_wire();
    for text in ["1", "2", "3", "4"] {
        shell.type_text(text);
    }
    assert_eq!(shell.take_wire(), ["1", "heartbeat", "2", "heartbeat"]);
    assert_eq!(
        shell.connection.send("order", AtMostOnce, shell.now),
        Err(Full {
            payload: "order".into(),
            limit: Limit::Messages(3),
        })
    );
    shell.receive("heartbeat");
    assert_eq!(shell.take_wire(), ["4", "heartbeat"]);
}

#[test]
fn a_server_that_talks_and_has_stopped_to_answer_holds_nothing_up() {
    let mut shell = Shell::answered_with(options().outbox_limit(2));
    for text in ["1", "2", "3"] {
        shell.type_text(text);
    }
    assert_eq!(shell.states(), [1, 2, 0, 0]);
    for _ in 0..11 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.states(), [0, 3, 0, 0]);
    assert!(shell.take_wire().contains(&"3".to_owned()));
}

#[test]
fn a_server_that_answers_nothing_holds_nothing_up() {
    let mut shell = Shell::open(options().outbox_limit(2).heartbeat(Period::Off));
    for text in ["1", "2", "3", "4"] {
        shell.type_text(text);
    }
    shell.send("order", AtMostOnce);
    assert_eq!(shell.take_wire(), ["1", "2", "3", "4", "order"]);
}

#[test]
fn a_clean_close_of_our_own_is_a_proof_and_no_other_close_is() {
    let repeat: fn(&str) -> String = str::to_owned;
    let cut: fn(&str) -> String = |_| CLOSE_REASON.into();
    let nothing: fn(&str) -> String = |_| String::new();
    for (code, reason, was_clean, confirmed) in [
        (1000, repeat, true, 1),
        (1000, repeat, false, 0),
        // The server closed at the same moment, and read nothing more.
        (1000, nothing, true, 0),
        (1000, cut, true, 0),
        (1006, nothing, false, 0),
    ] {
        let mut shell = Shell::open(options());
        shell.type_text("a");
        shell.input(Input::Close);
        assert_eq!(shell.states(), [0, 1, 0, 0]);
        assert!(shell.reason.starts_with(CLOSE_REASON) && shell.reason.len() <= 123);
        let closure = Closure {
            code,
            reason: reason(&shell.reason),
            was_clean,
        };
        let epoch = shell.connection.epoch();
        shell.input(Input::Closed(epoch, closure));
        assert_eq!(shell.states(), [0, 0, confirmed, 1 - confirmed], "{code}");
        assert_eq!(shell.connection.outbox().delivery().confirmed, confirmed);
        assert_eq!(shell.status(), "stopped");
        assert_eq!(shell.socket, None);
    }
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.socket_closes(1000);
    assert_eq!(shell.states(), [0, 0, 0, 1]);
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

/// Whether it answers heartbeats, and if so in which words.
#[test]
fn a_text_that_ends_each_connection_is_set_aside_and_the_rest_arrives() {
    for (resend, texts) in [
        (Resend::Every, &["bad"][..]),
        (Resend::Every, &["a", "bad", "c"]),
        (Resend::Every, &["a", "b", "bad", "d", "bad too"]),
        (Resend::Latest, &["a", "bad"]),
    ] {
        for heartbeat_text in ["heartbeat", "beat {n}"] {
            for (answers, known) in [(true, true), (true, false), (false, false)] {
                let case = format!("{resend:?} {texts:?} {heartbeat_text} {answers} {known}");
                let mut shell =
                    Shell::open(options().heartbeat_text(heartbeat_text).final_codes([]))
                        .resends(resend);
                if known {
                    shell.advance(30_000);
                    shell.answer();
                }
                for text in texts {
                    shell.type_text(text);
                }
                let mut sent = HashMap::<String, u32>::new();
                for _ in 0..100 {
                    shell.is_read_by_a_server_that_drops_the_bad(answers, &mut sent);
                    shell.advance(1_000);
                }
                let bad = texts.iter().filter(|text| text.starts_with("bad"));
                let bad: Vec<_> = bad.copied().collect();
                let aside = shell.connection.outbox().aside();
                let aside: Vec<_> = aside.map(text).collect();
                assert_eq!(aside, bad, "{case}");
                for text in bad {
                    assert!((3..=5).contains(&sent[text]), "{case}: {sent:?}");
                }
                if resend == Resend::Every {
                    let good = texts.iter().filter(|text| !text.starts_with("bad"));
                    assert!(
                        good.clone()
                            .all(|text| shell.arrived.iter().any(|one| one == text)),
                        "{case}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_set_aside_is_sent_once_more_at_a_time_or_given_up() {
    let mut shell = Shell::open(options()).resends(Resend::Every);
    shell.type_text("bad");
    let mut sent = HashMap::new();
    while shell.connection.outbox().aside().next().is_none() {
        shell.is_read_by_a_server_that_drops_the_bad(true, &mut sent);
        shell.advance(1_000);
    }
    shell.advance(60_000);
    shell.is_read_by_a_server_that_drops_the_bad(true, &mut sent);
    assert_eq!(sent["bad"], 3);
    assert_eq!(shell.states(), [0, 0, 0, 1]);
    let stored = shell.connection.outbox().store();
    for times in 4..6 {
        let id = shell.connection.outbox().aside().next().unwrap().id;
        shell.connection.send_again(id, shell.now);
        for _ in 0..60 {
            shell.drain();
            shell.is_read_by_a_server_that_drops_the_bad(true, &mut sent);
            shell.advance(1_000);
        }
        assert_eq!(sent["bad"], times);
        assert_eq!(shell.connection.outbox().aside().count(), 1);
    }
    let id = shell.connection.outbox().aside().next().unwrap().id;
    shell.connection.drop_aside(id);
    assert_eq!(shell.connection.outbox().aside().count(), 0);
    assert_eq!(shell.states(), [0, 0, 0, 1]);

    // It is kept over a reload, and not sent then.
    let mut shell = Shell::new(options());
    shell.connection.restore(&stored, [Latest, AtMostOnce]);
    shell.input(open());
    shell.socket_opens();
    assert_eq!(shell.take_wire(), [""; 0]);
    let aside = shell.connection.outbox().aside().next().unwrap();
    assert_eq!((text(aside).as_str(), aside.origin), ("bad", Origin::Typed));
}

/// A server that ends connections by itself, at a while after they opened.
#[test]
fn a_text_is_not_held_responsible_for_what_ends_connections_without_it() {
    for lives in [100, 4_000] {
        for known in [true, false] {
            let mut shell = Shell::open(options());
            if known {
                shell.advance(30_000);
                shell.answer();
            }
            shell.type_text("good");
            for _ in 0..10 {
                shell.advance(lives);
                shell.socket_closes(1006);
                shell.reconnect();
            }
            if known || lives > 3_000 {
                assert_eq!(
                    shell.connection.outbox().aside().count(),
                    0,
                    "{lives} {known}"
                );
                shell.settle();
                assert_eq!(shell.arrived.last().unwrap(), "good");
            }
        }
    }
}

#[test]
fn a_new_start_waits_for_no_close() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.take_wire();
    shell.input(Input::Close);
    shell.input(open());
    shell.socket_opens();
    assert_eq!(shell.take_wire(), ["a"]);
}

#[test]
fn nothing_that_one_server_got_goes_to_another() {
    let mut shell = Shell::open(options()).resends(Resend::Every);
    shell.type_text("a");
    shell.advance(30_000);
    shell.receive("heartbeat");
    shell.type_text("secret");
    shell.input(Input::Close);
    shell.type_text("for whoever comes");
    shell.take_wire();
    shell.input(destination(true, false));
    shell.socket_opens();
    assert_eq!(shell.take_wire(), ["for whoever comes"]);
    assert_eq!(shell.states(), [0, 1, 1, 1]);
    assert_eq!(shell.knowledge(), Knowledge::Unasked);
}

#[test]
fn a_page_that_comes_back_learns_how_its_socket_closed() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.input(Input::Left);
    shell.input(Input::Returned);
    shell.socket_closes(1000);
    assert_eq!(shell.states(), [0, 0, 1, 0]);
    assert_eq!(shell.status(), "waiting");
}

#[test]
fn an_automatic_period_grows_in_silence_and_shrinks_where_it_kills() {
    let mut shell = Shell::open(
        options()
            .heartbeat(Period::Auto)
            .reply_timeout(ReplyTimeout::Off),
    );
    for _ in 0..3 {
        shell.advance(30_000);
        shell.receive("heartbeat");
    }
    shell.take_wire();
    shell.advance(44_999);
    assert_eq!(shell.take_wire(), [""; 0]);
    shell.socket_closes(1006);
    shell.reconnect();
    let learned = shell.connection.learned().unwrap();
    assert_eq!(learned.limit, Some(Duration::from_millis(44_999)));
    shell.advance(33_750);
    assert_eq!(shell.take_wire(), ["heartbeat"]);
}

proptest! {
    #[test]
    fn the_invariants_hold_whatever_happens(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(
            options().outbox_limit(8),
            seed,
        );
        for step in steps {
            shell.take(step);
            shell.check_status();
        }
    }

    #[test]
    fn with_every_all_that_was_queued_leaves_in_order_and_reaches_a_server_that_stays(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options(),
            seed,).resends(Resend::Every);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        let mut first_of_each = shell.arrived.clone();
        let mut seen = std::collections::HashSet::new();
        first_of_each.retain(|text| seen.insert(text.clone()));
        let outbox = shell.connection.outbox();
        let aside: Vec<_> = outbox.aside().map(text).collect();
        let expected: Vec<_> = shell.typed.iter().filter(|text| !aside.contains(text)).collect();
        first_of_each.retain(|text| !aside.contains(text));
        prop_assert_eq!(first_of_each.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn with_latest_the_last_text_reaches_a_server_that_stays(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options().outbox_limit(4), seed);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        let mut aside = shell.connection.outbox().aside();
        if aside.all(|message| Some(&text(message)) != shell.typed.last()) {
            prop_assert_eq!(shell.arrived.last(), shell.typed.last());
        }
    }

    #[test]
    fn without_resending_what_was_queued_leaves_in_order_and_once(
        seed in any::<[u64; 2]>(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut shell = Shell::seeded(options(),
            seed,).resends(Resend::Off);
        for step in steps {
            shell.take(step);
        }
        shell.settle();
        prop_assert_eq!(shell.messages(), shell.typed);
    }
}

/// Something that happens to a connection.
#[derive(Clone, Debug)]
enum Step {
    Input(Input),
    Stale(Input),
    SocketOpens,
    SocketCloses(u16),
    Receive,
    /// The server reads what was sent so far and answers its heartbeats.
    Answer,
    Type {
        padding: usize,
    },
    Advance(u64),
    Refuses(bool),
    Drains(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop::sample::select(vec![
            open(),
            open_at(Locality::Remote),
            Input::Close,
            Input::Retry,
            Input::Woke,
            Input::Left,
            Input::Returned,
        ]).prop_map(Step::Input),
        2 => prop::sample::select(late_inputs(Epoch::default())).prop_map(Step::Stale),
        4 => Just(Step::SocketOpens),
        2 => prop::sample::select(vec![1000, 1001, 1006, 1008, 1012, 4000]).prop_map(Step::SocketCloses),
        2 => Just(Step::Receive),
        2 => Just(Step::Answer),
        3 => Just(Step::Type { padding: 0 }),
        // Some of these make a batch.
        1 => Just(Step::Type { padding: BATCH_BYTES / 3 }),
        3 => (0_u64..40_000).prop_map(Step::Advance),
        1 => any::<bool>().prop_map(Step::Refuses),
        1 => any::<bool>().prop_map(Step::Drains),
    ]
}

fn message_text(transmit: Transmit) -> Option<String> {
    match transmit {
        Transmit::Message(message) => Some(text(&message)),
        Transmit::Heartbeat(_)
        | Transmit::Greeting(_)
        | Transmit::Answer(_)
        | Transmit::Control(_) => None,
    }
}

fn open() -> Input {
    open_at(Locality::Loopback)
}

/// Somewhere far away.
fn destination(is_new: bool, is_distrusted: bool) -> Input {
    Input::Open(Destination {
        locality: Locality::Remote,
        is_new,
        speaks_otherwise: false,
        learned: None,
        is_distrusted,
    })
}

fn open_at(locality: Locality) -> Input {
    Input::Open(Destination {
        locality,
        is_new: false,
        speaks_otherwise: false,
        learned: None,
        is_distrusted: false,
    })
}

/// Everything that a dead socket or an old timer can still send.
fn late_inputs(epoch: Epoch) -> Vec<Input> {
    let message = Message {
        id: MessageId::default(),
        payload: "late".into(),
        origin: Origin::Typed,
        guarantee: AtLeastOnce,
        is_repeat: false,
        ends: 0,
        name: None,
    };
    vec![
        Input::Opened(epoch),
        Input::Received(epoch, Frame::Text("late".into())),
        Input::Closed(epoch, Closure::abnormal()),
        Input::NotTaken(epoch, Transmit::Message(message)),
        Input::Drained(epoch),
        Input::TimerExpired(epoch, Timer::Connect),
        Input::TimerExpired(epoch, Timer::Heartbeat),
        Input::TimerExpired(epoch, Timer::Reply),
        Input::TimerExpired(epoch, Timer::Reconnect),
        Input::TimerExpired(epoch, Timer::Trial),
    ]
}

/// The state of the shell's socket, if it has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ReadyState {
    Connecting,
    Open,
    Closing,
}

/// A shell without a browser: performs every effect at once and checks that it is allowed.
struct Shell {
    connection: Connection,
    now: Duration,
    socket: Option<Epoch>,
    ready_state: ReadyState,
    /// When each timer that runs expires, and how long it was set for.
    timers: HashMap<Timer, (Duration, Duration)>,
    wire: Vec<Transmit>,
    /// How much of the wire the server has read, or lost with its connection.
    read: usize,
    /// The messages that the server has read.
    arrived: Vec<String>,
    shown: Vec<String>,
    typed: Vec<String>,
    /// Takes nothing more, and closes with this code.
    refuses: Option<u16>,
    /// A `close` is to follow what the socket did not take.
    is_dying: bool,
    drains: bool,
    /// The reason that the socket was given to close.
    reason: String,
    resend: Resend,
}

/// What is sent again: all, the newest typed text, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Resend {
    Every,
    Latest,
    Off,
}

impl Resend {
    fn guarantee(self, origin: Origin) -> Guarantee {
        match (self, origin) {
            (Self::Every, _) => AtLeastOnce,
            (Self::Latest, Origin::Typed) => Latest,
            (Self::Latest, Origin::Sent) | (Self::Off, _) => AtMostOnce,
        }
    }
}

fn text(message: &Message) -> String {
    message.payload.text().unwrap_or_default().into()
}

/// Without heartbeats that only a message causes.
fn options() -> Options {
    Options::new().prove_within(None)
}

impl Shell {
    fn open(options: Options) -> Self {
        let mut shell = Self::new(options);
        shell.input(open());
        shell.socket_opens();
        shell
    }

    fn new(options: Options) -> Self {
        Self::seeded(options, [1, 2])
    }

    /// Open, and its server has answered a heartbeat at once.
    fn answered() -> Self {
        Self::answered_with(options())
    }

    fn answered_with(options: Options) -> Self {
        let mut shell = Self::open(options);
        shell.advance(30_000);
        shell.receive("heartbeat");
        shell.take_wire();
        shell
    }

    fn seeded(options: Options, seed: [u64; 2]) -> Self {
        Self {
            connection: Connection::new(options, seed),
            now: Duration::from_secs(1_000),
            socket: None,
            ready_state: ReadyState::Connecting,
            timers: HashMap::new(),
            wire: Vec::new(),
            read: 0,
            arrived: Vec::new(),
            shown: Vec::new(),
            typed: Vec::new(),
            refuses: None,
            is_dying: false,
            drains: true,
            reason: String::new(),
            resend: Resend::Latest,
        }
    }

    fn resends(mut self, resend: Resend) -> Self {
        self.resend = resend;
        self
    }

    fn input(&mut self, input: Input) {
        self.connection.handle_input(input, self.now);
        self.drain();
    }

    fn type_text(&mut self, text: &str) {
        let guarantee = self.resend.guarantee(Origin::Typed);
        self.connection.type_text(text.into(), guarantee, self.now);
        self.drain();
    }

    /// Sends on purpose what there is room for.
    fn send(&mut self, text: &str, guarantee: Guarantee) {
        let sent = self.connection.send(text, guarantee, self.now);
        assert!(sent.is_ok(), "{sent:?}");
        self.drain();
    }

    fn receive(&mut self, text: &str) {
        let epoch = self.connection.epoch();
        self.input(Input::Received(epoch, Frame::Text(text.into())));
    }

    /// Lets the server read what is on the wire, and answer the heartbeats in it.
    fn answer(&mut self) {
        while let Some(transmit) = self.wire.get(self.read).cloned() {
            self.read += 1;
            match transmit {
                Transmit::Message(message) => self.arrived.push(text(&message)),
                Transmit::Heartbeat(text) => self.receive(&text),
                Transmit::Greeting(_) | Transmit::Answer(_) | Transmit::Control(_) => {}
            }
            self.check_proofs();
        }
    }

    /// No more is said to be confirmed than has arrived.
    fn check_proofs(&self) {
        let distinct: std::collections::HashSet<_> = self.arrived.iter().collect();
        let confirmed = self.connection.outbox().delivery().confirmed;
        assert!(confirmed <= distinct.len() as u64, "{confirmed} confirmed");
    }

    /// Connects to a server that reads everything.
    fn settle(&mut self) {
        self.refuses = None;
        self.drains = true;
        self.bring_up();
        for _ in 0..20 {
            let epoch = self.connection.epoch();
            self.input(Input::Drained(epoch));
            self.answer();
            // As long as a text is waited for that may end connections.
            self.advance(3_000);
        }
        self.answer();
    }

    /// Lets a server read what is on the wire which drops the connection at a text that begins with
    /// `bad`, and comes back at once. It answers heartbeats or does not.
    fn is_read_by_a_server_that_drops_the_bad(
        &mut self,
        answers: bool,
        sent: &mut HashMap<String, u32>,
    ) {
        if self.status() == "waiting" {
            self.reconnect();
        }
        while let Some(transmit) = self.wire.get(self.read).cloned() {
            self.read += 1;
            match transmit {
                Transmit::Message(message) => {
                    *sent.entry(text(&message)).or_default() += 1;
                    if text(&message).starts_with("bad") {
                        self.socket_closes(1006);
                        return;
                    }
                    self.arrived.push(text(&message));
                }
                Transmit::Heartbeat(text) if answers => self.receive(&text),
                Transmit::Heartbeat(_)
                | Transmit::Greeting(_)
                | Transmit::Answer(_)
                | Transmit::Control(_) => {}
            }
        }
    }

    fn knowledge(&self) -> Knowledge {
        self.connection.heartbeat().knowledge(self.now)
    }

    fn socket_opens(&mut self) {
        if self.status() == "connecting" {
            self.ready_state = ReadyState::Open;
        }
        let epoch = self.connection.epoch();
        self.input(Input::Opened(epoch));
    }

    fn socket_closes(&mut self, code: u16) {
        if code == 1000 && self.ready_state == ReadyState::Closing {
            // The server has read everything up to our close, and answered that.
            let unread = self.wire[self.read..].iter().cloned();
            self.arrived.extend(unread.filter_map(message_text));
            self.read = self.wire.len();
        }
        let repeats = code == 1000 && self.ready_state == ReadyState::Closing;
        let closure = Closure {
            code,
            reason: if repeats {
                self.reason.clone()
            } else {
                String::new()
            },
            was_clean: code != 1006,
        };
        let epoch = self.connection.epoch();
        self.input(Input::Closed(epoch, closure));
    }

    fn reconnect_attempt(&mut self) {
        let (due, _) = self.timers[&Timer::Reconnect];
        self.advance_by(due.saturating_sub(self.now));
    }

    fn reconnect(&mut self) {
        self.reconnect_attempt();
        self.socket_opens();
    }

    fn bring_up(&mut self) {
        self.input(Input::Returned);
        self.input(open());
        self.socket_opens();
    }

    fn advance(&mut self, millis: u64) {
        self.advance_by(Duration::from_millis(millis));
    }

    /// Lets the time pass, and every timer expire that is due by then, in order.
    fn advance_by(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((&timer, &(due, period))) = self
            .timers
            .iter()
            .filter(|(_, (due, _))| *due <= end)
            .min_by_key(|(_, (due, _))| *due)
        {
            self.now = due.max(self.now);
            match timer {
                Timer::Heartbeat => self.timers.insert(timer, (due + period, period)),
                Timer::Connect | Timer::Reply | Timer::Reconnect | Timer::Trial => {
                    self.timers.remove(&timer)
                }
            };
            let epoch = self.connection.epoch();
            self.input(Input::TimerExpired(epoch, timer));
        }
        self.now = end;
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Input(input) => self.input(input),
            Step::Stale(input) => {
                // The first epoch is current until something was opened.
                if self.connection.epoch() != Epoch::default() {
                    let before = format!("{:?}", self.connection);
                    self.input(input);
                    assert_eq!(format!("{:?}", self.connection), before);
                }
            }
            Step::SocketOpens => self.socket_opens(),
            Step::SocketCloses(code) => self.socket_closes(code),
            Step::Receive => self.receive("message"),
            Step::Answer => self.answer(),
            Step::Type { padding } => {
                let text = format!("text {}{}", self.typed.len(), " ".repeat(padding));
                self.type_text(&text);
                self.typed.push(text);
            }
            Step::Advance(millis) => self.advance(millis),
            Step::Refuses(refuses) => self.refuses = refuses.then_some(1006),
            Step::Drains(drains) => self.drains = drains,
        }
    }

    fn drain(&mut self) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(effect) {
                self.connection.handle_input(input, self.now);
            }
        }
        if let Some(code) = self.refuses
            && std::mem::take(&mut self.is_dying)
        {
            self.socket_closes(code);
        }
    }

    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Connect(epoch) => {
                assert_eq!(self.socket, None, "two sockets");
                assert_eq!(epoch, self.connection.epoch());
                self.socket = Some(epoch);
            }
            Effect::Close(epoch, reason) => {
                self.reason = reason;
                assert_eq!(self.socket, Some(epoch), "no socket to close");
                self.ready_state = ReadyState::Closing;
            }
            Effect::Disconnect => {
                assert!(self.socket.take().is_some(), "no socket to drop");
                self.ready_state = ReadyState::Connecting;
                // What the server has not read yet never arrives.
                self.read = self.wire.len();
            }
            Effect::Transmit(transmit) => {
                assert_eq!(
                    self.ready_state,
                    ReadyState::Open,
                    "{transmit:?} without an open socket"
                );
                if self.refuses.is_some() {
                    self.is_dying = true;
                    return Some(Input::NotTaken(self.connection.epoch(), transmit));
                }
                self.wire.push(transmit);
            }
            Effect::AwaitDrain(epoch) => return self.drains.then_some(Input::Drained(epoch)),
            Effect::Deliver(Frame::Text(text)) => self.shown.push(text),
            Effect::Deliver(Frame::Binary { .. })
            | Effect::Note(..)
            | Effect::Queued(_)
            | Effect::Settled(..)
            | Effect::Head(_)
            | Effect::Distrust => {}
            Effect::SetTimer(epoch, timer, period) => {
                assert_eq!(epoch, self.connection.epoch());
                let due = self.now.saturating_add(period);
                self.timers.insert(timer, (due, period));
            }
            Effect::StopTimer(timer) => {
                self.timers.remove(&timer);
            }
        }
        None
    }

    fn check_status(&self) {
        let status = self.connection.status();
        let (needed, allowed): (&[Timer], &[Timer]) = match status {
            Status::Connecting { .. } => (&[Timer::Connect], &[]),
            Status::Open { .. } => (&[Timer::Heartbeat], &[Timer::Reply, Timer::Trial]),
            Status::Waiting { .. } => (&[Timer::Reconnect], &[]),
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => (&[], &[]),
        };
        for timer in needed {
            assert!(self.timers.contains_key(timer), "{status:?}: no {timer:?}");
        }
        for timer in self.timers.keys() {
            let is_right = needed.contains(timer) || allowed.contains(timer);
            assert!(is_right, "{status:?}: {timer:?}");
        }
        if let Status::Connecting { .. } | Status::Open { .. } = status {
            assert!(self.socket.is_some());
        }
        if self.ready_state == ReadyState::Open {
            assert!(matches!(status, Status::Open { .. }), "{status:?}");
        }
    }

    fn take_wire(&mut self) -> Vec<String> {
        let texts = self.wire.iter().map(|transmit| match transmit.payload() {
            PayloadRef::Text(text) => text.to_owned(),
            PayloadRef::Binary(bytes) => format!("{bytes:?}"),
        });
        let texts = texts.collect();
        self.wire.clear();
        self.read = 0;
        texts
    }

    /// How many messages are queued, sent, answered or confirmed, and unconfirmed.
    fn states(&self) -> [u64; 4] {
        let delivery = self.connection.outbox().delivery();
        [
            delivery.queued as u64,
            delivery.sent as u64,
            delivery.answered + delivery.confirmed,
            delivery.unconfirmed,
        ]
    }

    fn messages(&self) -> Vec<String> {
        self.wire.iter().cloned().filter_map(message_text).collect()
    }

    fn status(&self) -> &'static str {
        match self.connection.status() {
            Status::Idle => "idle",
            Status::Connecting { .. } => "connecting",
            Status::Open { .. } => "open",
            Status::Waiting { .. } => "waiting",
            Status::Away => "away",
            Status::Stopped => "stopped",
            Status::GaveUp => "gave up",
            Status::TurnedAway => "turned away",
            Status::Refused(_) => "refused",
        }
    }
}
