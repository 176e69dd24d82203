//! What arrives of texts that are typed while connections are killed, and what the page says of it.

use std::time::Duration;

use xtask::browser::Browser;
use xtask::delivery::{Backend, Client, Load, Report, Resend, TITLES};
use xtask::peers::Peer;

use super::lent;

#[tokio::test]
async fn resend_every_with_marks_loses_nothing_at_an_echo_and_confirms_truly() {
    short(Client::heartwire(Resend::Every, ROOM), Backend::Echo).await;
}

#[tokio::test]
async fn resend_every_with_marks_loses_nothing_at_a_beating_echo_and_confirms_truly() {
    short(Client::heartwire(Resend::Every, ROOM), Backend::BeatingEcho).await;
}

#[tokio::test]
async fn resend_every_with_marks_loses_nothing_at_a_relay_and_confirms_truly() {
    short(Client::heartwire(Resend::Every, ROOM), Backend::Relay).await;
}

#[tokio::test]
async fn without_marks_an_echo_answers_and_confirms_nothing() {
    let report = short(Client::unmarked(Resend::Every, ROOM), Backend::Echo).await;

    assert!(report.answered > Some(0), "{report:?}");
}

#[tokio::test]
async fn without_marks_a_beating_echo_is_not_trusted_and_confirms_nothing() {
    let report = short(Client::unmarked(Resend::Every, ROOM), Backend::BeatingEcho).await;

    assert_eq!(report.answered, Some(0), "{report:?}");
}

#[tokio::test]
async fn without_marks_a_relay_is_not_trusted_and_confirms_nothing() {
    let report = short(Client::unmarked(Resend::Every, ROOM), Backend::Relay).await;

    assert_eq!(report.answered, Some(0), "{report:?}");
}

#[tokio::test]
async fn resend_latest_converges_through_kills_and_confirms_truly() {
    let report = short(Client::heartwire(Resend::Latest, 60), Backend::Echo).await;

    assert!(report.confirmed > Some(0), "{report:?}");
}

#[tokio::test]
#[ignore = "takes 9 minutes: cargo xtask soak delivery"]
async fn delivery_at_four_servers_and_beside_other_clients() {
    let in_firefox = Client::Heartwire {
        browser: Browser::Firefox,
        resend: Resend::Every,
        outbox_limit: 1000,
        is_marked: true,
    };
    let beside = [Client::Peer(Peer::VueUse), Client::Peer(Peer::Partysocket)];
    let fast = [
        Client::heartwire(Resend::Every, 1000),
        Client::heartwire(Resend::Off, 200),
    ];
    let slow = [
        Client::heartwire(Resend::Every, 1000),
        in_firefox,
        Client::heartwire(Resend::Latest, 200),
    ];
    let at_echo = |clients: &[Client], load| {
        let clients = clients.iter().chain(&beside);
        clients
            .map(move |client| (*client, Backend::Echo, load))
            .collect::<Vec<_>>()
    };
    let mut trials = at_echo(&fast, LONG);
    trials.extend(at_echo(&slow, SLOW));
    let with_marks = Client::heartwire(Resend::Every, 1000);
    for backend in [Backend::BeatingEcho, Backend::Relay, Backend::Beating] {
        trials.push((with_marks, backend, SLOW));
    }
    let without = Client::unmarked(Resend::Every, 1000);
    for backend in [
        Backend::Echo,
        Backend::BeatingEcho,
        Backend::Relay,
        Backend::Beating,
    ] {
        trials.push((without, backend, SLOW));
    }

    let mut reports = Vec::new();
    for (client, backend, load) in trials {
        let report = report(client, backend, load).await;
        println!("{report}");
        if let Some(breach) = report.breach() {
            println!("{breach}");
        }
        reports.push(report);
    }

    println!("\n{TITLES}");
    for report in &reports {
        println!("{report}");
    }
    for report in &reports {
        assert_kept(report);
    }
    let kills = reports.iter().map(|report| report.kills);
    let (least, most) = (kills.clone().min().unwrap(), kills.max().unwrap());
    assert!(
        most - least <= most / 4,
        "some had {least} kills and others {most}"
    );
}

/// Takes `client` through little, and checks that it did what it promises.
async fn short(client: Client, backend: Backend) -> Report {
    let report = report(client, backend, SHORT).await;
    println!("{TITLES}\n{report}");
    assert_kept(&report);
    report
}

/// Takes `client` through `load` on its way to `backend`.
async fn report(client: Client, backend: Backend, load: Load) -> Report {
    let _turn = lent::turn().await;
    let report = Report::of(client, backend, load).await;
    report.unwrap_or_else(|error| panic!("{client}, {backend}: {error}"))
}

/// Checks that the load was what it should be, and that the client did what it promises.
fn assert_kept(report: &Report) {
    for complaint in [report.unfairness(), report.breach()] {
        assert!(complaint.is_none(), "{}", complaint.unwrap_or_default());
    }
}

/// With so little of it that a normal run can afford it.
const SHORT: Load = Load {
    texts: 300,
    pace: Duration::from_millis(16),
    delay: Duration::from_millis(20),
    kills: 5,
    awaits_answers: true,
};

/// More than [`SHORT`] has texts, so that none takes another's place on a busy machine.
const ROOM: usize = 400;

const LONG: Load = Load {
    texts: 3000,
    pace: Duration::from_millis(6),
    delay: Duration::ZERO,
    kills: 20,
    awaits_answers: false,
};

/// There is always data on its way.
const SLOW: Load = Load {
    delay: Duration::from_millis(20),
    ..LONG
};
