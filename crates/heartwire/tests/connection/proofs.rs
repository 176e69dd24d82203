//! When a proof is asked for, what proves, and what waits for proofs.

use std::time::Duration;

use heartwire::{
    Options,
    core::{
        connection::{CLOSE_REASON, Closure, Input},
        heartbeat::{Knowledge, Mode, Period, ReplyTimeout},
        outbox::{
            Full,
            Guarantee::{AtLeastOnce, AtMostOnce},
            Limit,
        },
    },
};

use super::shell::{Resend, Shell, options};

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
    // One that has stopped to answer is asked no more often than in silence, and may begin again.
    let mut beats = 0;
    for _ in 0..600 {
        shell.advance(1_000);
        shell.receive("news");
        beats += shell.take_wire().len();
    }
    assert!((20..=22).contains(&beats), "{beats}");
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 0, 2, 0]);
}

/// A login may have to come first.
#[test]
fn a_server_that_talks_is_asked_again_where_it_has_not_answered() {
    let mut shell = Shell::open(Options::new());
    shell.send("login", AtLeastOnce);
    for _ in 0..40 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.take_wire(), ["login", "heartbeat", "heartbeat"]);
    shell.receive("heartbeat");
    shell.receive("heartbeat");
    assert_eq!(shell.states(), [0, 0, 1, 0]);
}

/// Its replies would prove nothing, unasked or without the mark.
#[test]
fn a_server_whose_replies_prove_nothing_is_not_asked_for_proofs() {
    let mut shell = Shell::open(Options::new());
    for _ in 0..3 {
        shell.receive("heartbeat");
    }
    shell.send("order", AtLeastOnce);
    for _ in 0..600 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.take_wire(), ["order"]);

    let mut shell = Shell::open(Options::new().heartbeat_text("beat {n}"));
    shell.send("order", AtLeastOnce);
    shell.advance(5_000);
    shell.receive("pong");
    shell.take_wire();
    shell.send("another", AtLeastOnce);
    for _ in 0..600 {
        shell.advance(1_000);
        shell.receive("news");
    }
    assert_eq!(shell.take_wire(), ["another"]);
}

/// A heartbeat that is late for a proof is no reason to doubt who talks.
#[test]
fn a_server_that_lets_heartbeats_wait_and_talks_is_not_given_up() {
    for (timeout, every) in [
        (ReplyTimeout::Auto, 7_000),
        (ReplyTimeout::After(Duration::from_secs(8)), 11_000),
        (ReplyTimeout::After(Duration::from_mins(1)), 7_000),
    ] {
        let mut shell = Shell::open(Options::new().reply_timeout(timeout));
        shell.advance(30_000);
        shell.receive("heartbeat");
        shell.send("order", AtLeastOnce);
        // At first an answer is still expected.
        for _ in 0..20 {
            shell.advance(1_000);
            shell.receive("news");
        }
        for _ in 0..200 {
            shell.advance(every);
            shell.receive("news");
        }
        assert_eq!(shell.status(), "open", "{timeout:?}");
        shell.receive("heartbeat");
        assert_eq!(shell.states()[2], 1, "{timeout:?}");
        // In silence it is.
        shell.advance(200_000);
        assert_ne!(shell.status(), "open", "{timeout:?}");
    }
}

#[test]
fn a_server_that_is_doubted_is_asked_no_more_often_for_a_proof() {
    for within in [100, 1_000, 5_000] {
        let options = Options::new()
            .reply_timeout(Duration::from_mins(1))
            .prove_within(Duration::from_millis(within));
        let mut shell = Shell::open(options);
        shell.send("order", AtLeastOnce);
        shell.advance(65_000);
        assert_ne!(shell.status(), "open");
        let beats = shell
            .take_wire()
            .iter()
            .filter(|text| *text == "heartbeat")
            .count();
        assert!(beats <= 4, "{within}: {beats}");
    }
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
fn a_server_that_answers_nothing_holds_nothing_up() {
    let mut shell = Shell::open(options().outbox_limit(2).heartbeat(Period::Off));
    for text in ["1", "2", "3", "4"] {
        shell.type_text(text);
    }
    shell.send("order", AtMostOnce);
    assert_eq!(shell.take_wire(), ["1", "2", "3", "4", "order"]);
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
fn a_page_that_comes_back_learns_how_its_socket_closed() {
    let mut shell = Shell::open(options());
    shell.type_text("a");
    shell.input(Input::Left);
    shell.input(Input::Returned);
    shell.socket_closes(1000);
    assert_eq!(shell.states(), [0, 0, 1, 0]);
    assert_eq!(shell.status(), "waiting");
}
