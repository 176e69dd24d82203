//! Texts that end connections.

use std::collections::HashMap;

use heartwire::core::outbox::{
    Guarantee::{AtLeastOnce, AtMostOnce, Latest},
    Origin,
};

use super::shell::{Resend, Shell, open, options, text};

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
