use std::time::Duration;

use tokio::join;
use tokio::time::sleep;

use super::server::{Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn an_echo_server_is_kept() {
    assert_kept(Manner::Echo, SHORT).await;
}

#[tokio::test]
async fn a_server_that_answers_pong_is_kept() {
    assert_kept(Manner::Answer("pong"), SHORT).await;
}

#[tokio::test]
async fn a_server_that_only_broadcasts_is_kept() {
    assert_kept(BROADCAST, SHORT).await;
}

#[tokio::test]
async fn a_mute_server_is_kept() {
    assert_kept(Manner::Silent, SHORT).await;
}

#[tokio::test]
#[ignore = "takes 5 minutes: cargo xtask soak flapping"]
async fn each_server_is_kept_for_five_minutes() {
    let long = Duration::from_mins(5);
    // As many browsers as there are turns, and no other test beside this one.
    join!(
        assert_kept(Manner::Echo, long),
        assert_kept(Manner::Answer("pong"), long),
        assert_kept(BROADCAST, long),
        assert_kept(Manner::Silent, long),
    );
}

/// Checks that a server which behaves in this `manner` has one connection over this `time`,
/// longer than any reply time-out, and that the page says whether it has ever replied.
async fn assert_kept(manner: Manner, time: Duration) {
    let server = Server::start(manner);
    let query = "heartbeat=1s&retry_min=10ms&retry_max=10ms&lang=en";
    let visit = Visit::to(&format!("url={server}&{query}")).await;
    visit.reaches(&["open"]).await;
    visit.watches().await;

    sleep(time).await;

    let all = server.connections();
    let beats = all[0].frames.len();
    println!(
        "{manner:?}: {} connections, {beats} heartbeats in {time:?}",
        all.len()
    );
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(server.alive(), 1);
    // Messages between them put heartbeats off.
    let least = time.as_secs() / 2;
    assert!(u64::try_from(beats).unwrap() >= least, "{beats}");
    let replies = matches!(manner, Manner::Echo | Manner::Answer(_));
    // On a busy machine a reply may be as late as the second heartbeat; it is not too late.
    let seen = visit.seen("states").await;
    let doubts = |state: &String| replies && state == "stale";
    assert!(
        seen.iter().all(|state| state == "open" || doubts(state)),
        "{seen:?}"
    );
    visit.reaches(&["open"]).await;
    let status = visit.status().await;
    assert_eq!(status.contains(UNANSWERED), !replies, "{status}");
    assert_eq!(visit.datum("rtt").await.is_empty(), !replies, "{status}");
}

/// Rarer than the heartbeats, which therefore are sent and never answered.
const BROADCAST: Manner = Manner::Talk {
    text: "news",
    period: Duration::from_millis(2500),
};

const UNANSWERED: &str = "This server has not replied to one yet";

/// Twice the longest reply time-out of `auto`.
const SHORT: Duration = Duration::from_secs(20);
