//! When a connection is tried, given up, closed and begun again.

use std::time::Duration;

use heartwire::core::{
    connection::{Closure, Input, Refusal, Status, Timer},
    heartbeat::Period,
    outbox::Guarantee::AtLeastOnce,
    reach::Locality,
};

use super::shell::{ReadyState, Shell, late_inputs, open, open_at, options};

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
fn a_new_start_after_giving_up_is_no_reconnection() {
    let mut shell = Shell::open(options().retry(false));
    shell.socket_closes(1006);
    shell.input(open_at(Locality::Remote));
    shell.socket_opens();
    assert_eq!(shell.connection.reconnects(), 0);
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
fn a_page_that_is_left_after_a_long_connection_has_no_failures_behind_it() {
    for (open_for, is_over) in [(1_000, false), (3_600_000, true)] {
        let mut shell = Shell::new(options().heartbeat(Period::Off));
        shell.input(open());
        for _ in 0..2 {
            shell.socket_closes(1006);
            shell.advance(60_000);
        }
        shell.socket_opens();
        shell.advance(open_for);
        let failures = shell.connection.attempt();
        assert!(failures > 1);
        shell.input(Input::Left);
        shell.input(Input::Returned);
        let left = if is_over { 0 } else { failures };
        assert_eq!(shell.connection.attempt(), left);
    }
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
