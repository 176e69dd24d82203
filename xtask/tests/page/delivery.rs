//! What arrives of texts that are typed while connections are killed, and what the page says of it.

use std::time::Duration;

use xtask::browser::Browser;
use xtask::delivery::{Client, Load, Report, Resend, TITLES};
use xtask::peers::Peer;

use super::visit;

#[tokio::test]
async fn resend_every_loses_nothing_through_kills_and_confirms_truly() {
    let report = report(Client::heartwire(Resend::Every, 200), SHORT).await;

    println!("{TITLES}\n{report}");
    assert_kept(&report);
    assert!(report.confirmed > Some(0), "{report:?}");
}

#[tokio::test]
async fn resend_latest_converges_through_kills_and_confirms_truly() {
    let report = report(Client::heartwire(Resend::Latest, 60), SHORT).await;

    println!("{TITLES}\n{report}");
    assert_kept(&report);
    assert!(report.confirmed > Some(0), "{report:?}");
}

#[tokio::test]
#[ignore = "takes 7 minutes: cargo xtask soak delivery"]
async fn delivery_beside_other_clients() {
    let mut reports = Vec::new();
    for load in [LONG, SLOW] {
        for client in [
            Client::heartwire(Resend::Every, 1000),
            Client::heartwire(Resend::Every, 500),
            Client::heartwire(Resend::Latest, 200),
            Client::heartwire(Resend::Off, 200),
            Client::Peer(Peer::VueUse),
            Client::Peer(Peer::Partysocket),
            Client::Heartwire {
                browser: Browser::Firefox,
                resend: Resend::Every,
                outbox_limit: 1000,
            },
        ] {
            let report = report(client, load).await;
            println!("{report}");
            if let Some(breach) = report.breach() {
                println!("{breach}");
            }
            reports.push(report);
        }
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

/// Takes `client` through `load`.
async fn report(client: Client, load: Load) -> Report {
    let _turn = visit::turn().await;
    let report = Report::of(client, load).await;
    report.unwrap_or_else(|error| panic!("{client}: {error}"))
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
};

const LONG: Load = Load {
    texts: 3000,
    pace: Duration::from_millis(6),
    delay: Duration::ZERO,
    kills: 20,
};

/// There is always data on its way.
const SLOW: Load = Load {
    delay: Duration::from_millis(20),
    ..LONG
};
