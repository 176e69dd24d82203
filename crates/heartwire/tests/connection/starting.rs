//! What a start with other options, or at another server, keeps and forgets.

use std::time::Duration;

use heartwire::{
    Options,
    core::{
        connection::{Destination, Input},
        heartbeat::{Knowledge, Period, ReplyTimeout},
        outbox::Guarantee::AtLeastOnce,
    },
};

use super::shell::{Resend, Shell, destination, open, options};

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
    // The attempt is given up, and the next one waits for 10 ms at most.
    shell.advance(11);
    assert_ne!(shell.connection.epoch(), first);
    shell.socket_opens();
    shell.advance(5_000);
    assert_eq!(shell.take_wire(), ["ping"]);
    shell.receive("heartbeat");
    shell.receive("pong");
    assert_eq!(shell.shown, ["heartbeat"]);
    shell.advance(6_010);
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
