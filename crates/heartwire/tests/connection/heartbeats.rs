//! When heartbeats are sent, and when a silent server is left.

use std::time::Duration;

use heartwire::core::{
    connection::{Input, Status, Timer},
    heartbeat::{Knowledge, Mode, Period, ReplyTimeout},
};

use super::shell::{Shell, options};

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
