use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::assert_within;
use super::echo::Echo;
use super::proxy::Proxy;
use super::server::{Manner, Server};
use super::visit::{QUICK, Visit};

#[tokio::test]
async fn a_half_open_connection_is_replaced_and_changes_nothing_afterwards() {
    half_open(Browser::Chromium).await;
}

#[tokio::test]
async fn a_half_open_connection_is_replaced_and_changes_nothing_afterwards_in_firefox() {
    half_open(Browser::Firefox).await;
}

async fn half_open(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::with(browser, &[], &format!("url={proxy}&{WATCHFUL}")).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    // What is answered is not sent again.
    visit.awaits("answered", |count| count == "1").await;
    visit.watches().await;

    let cut = Instant::now();
    proxy.black_hole();
    server.send([Message::text("late")]);

    let all = proxy.until("a second connection", |all| all.len() == 2);
    assert_within(all.await[1].accepted - cut + LAG, REPLY, REPLACED + LAG);
    server.until("it is open", |_| server.opened() == 2).await;
    visit.reaches(&["open", "reopened"]).await;
    let states = visit.seen("states").await;
    assert!(states.contains(&"stale".to_owned()), "{states:?}");

    // Now comes what the old connection has held back: the late message, then its end.
    let epoch = visit.datum("epoch").await;
    proxy.pass();
    proxy
        .until("the old connection has ended", |all| all[0].ended.is_some())
        .await;
    visit.types("b").await;
    visit.shows("ab").await;

    assert_eq!(visit.seen("texts").await, ["a", "ab"]);
    assert_eq!(visit.datum("epoch").await, epoch);
    visit.reaches(&["open", "reopened"]).await;
    assert_eq!(proxy.passages().len(), 2);
    assert_eq!(server.alive(), 1);
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_and_found_again() {
    stopped_server(Browser::Chromium).await;
}

#[tokio::test]
async fn a_server_that_stands_still_is_left_and_found_again_in_firefox() {
    stopped_server(Browser::Firefox).await;
}

async fn stopped_server(browser: Browser) {
    let echo = Echo::start().await;
    let proxy = Proxy::to_port(echo.port).await;
    let query = format!("url={proxy}&{WATCHFUL}&connect_timeout=1s");
    let visit = Visit::with(browser, &[], &query).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    visit.awaits("answered", |count| count == "1").await;
    visit.watches().await;

    // On a busy machine the first attempt may have taken longer than its time-out.
    let first = proxy.passages().len();
    let stopped = Instant::now();
    let pause = echo.pause().await;
    visit.types("b").await;

    let all = proxy.until("another connection", |all| all.len() > first);
    assert_within(
        all.await[first].accepted - stopped + LAG,
        REPLY,
        REPLACED + LAG,
    );
    // The system accepts for the server, which does not answer the handshake.
    proxy.until("one more", |all| all.len() > first + 1).await;
    drop(pause);

    visit.reaches(&["open", "reopened"]).await;
    visit.types("c").await;
    visit.shows("abc").await;
    // Both the old connection and the new one have had the text that was never answered.
    assert_eq!(visit.seen("texts").await, ["a", "ab", "abc"]);
    proxy
        .until("one connection is left", |all| {
            all.iter().filter(|one| one.ended.is_none()).count() == 1
        })
        .await;
}

#[tokio::test]
async fn a_server_that_has_answered_once_is_left_when_it_does_not_any_more() {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let query = "heartbeat=1s&retry_min=10ms&retry_max=10ms";
    let visit = Visit::to(&format!("url={proxy}&{query}")).await;
    visit.awaits("rtt", |time| !time.is_empty()).await;

    let cut = Instant::now();
    proxy.black_hole();

    // Four round trips on this machine are less than the least reply time-out.
    let least = Duration::from_secs(3);
    let all = proxy.until("a second connection", |all| all.len() == 2);
    assert_within(all.await[1].accepted - cut + LAG, least, least + REST + LAG);
    visit.reaches(&["open", "reopened"]).await;
}

/// Notices a reply time-out that does not follow the round trip: the least is 3 s.
#[tokio::test]
async fn a_slow_connection_is_no_dead_one() {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let delay = Duration::from_secs(2);
    proxy.delay(delay);
    let visit = Visit::to(&format!("url={proxy}&heartbeat=1s&{QUICK}")).await;

    server
        .until("four heartbeats", |all| {
            all.iter().any(|one| one.frames.len() >= 4)
        })
        .await;

    assert_eq!(proxy.passages().len(), 1);
    let round_trip: u128 = visit.datum("rtt").await.parse().unwrap();
    assert!(round_trip >= (2 * delay).as_millis(), "{round_trip}");
}

#[tokio::test]
async fn a_connection_that_is_reset_is_replaced_at_once() {
    let server = Server::start(Manner::Echo);
    let proxy = Proxy::to(&server).await;
    let visit = Visit::to(&format!("url={proxy}&{WATCHFUL}")).await;
    visit.reaches(&["open"]).await;

    let cut = Instant::now();
    proxy.reset();

    let all = proxy.until("a second connection", |all| all.len() == 2);
    assert_within(
        all.await[1].accepted - cut,
        Duration::ZERO,
        RETRY + Duration::from_secs(1),
    );
    visit.reaches(&["open", "reopened"]).await;
}

/// The reply time-out is the explicit one, which holds for a server that never answers too.
#[tokio::test]
async fn a_server_that_accepts_and_goes_silent_is_retried_with_growing_gaps() {
    let server = Server::start(Manner::Silent);
    let query = "heartbeat=100ms&reply_timeout=200ms&autoconnect=false&lang=en";
    let visit = Visit::to(&format!("url={server}&{query}&{GROWING}")).await;
    // The page's own start takes part in no gap.
    visit.press("Connect").await;
    gaps_grow(&server, 0, Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_server_that_accepts_and_goes_silent_is_retried_with_growing_gaps_in_firefox() {
    let server = Server::start(Manner::Silent);
    let query = "heartbeat=100ms&reply_timeout=200ms&autoconnect=false&lang=en";
    let query = format!("url={server}&{query}&{GROWING}");
    let visit = Visit::with(Browser::Firefox, &[], &query).await;
    visit.press("Connect").await;
    gaps_grow(&server, 0, Duration::from_millis(300)).await;
}

/// What is known about a server outlives its connections: with `auto` alone, one that was never
/// heard on this connection would be kept.
#[tokio::test]
async fn a_server_that_used_to_answer_and_goes_silent_is_retried_with_growing_gaps() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&heartbeat=100ms&{GROWING}")).await;
    visit.awaits("rtt", |time| !time.is_empty()).await;

    server.behave(Manner::Silent);
    server.close(1012, "");

    // The first gap ended with a close of the server's.
    gaps_grow(&server, 1, Duration::from_millis(3100)).await;
}

/// Each gap is what it takes to notice the silence, and a delay with full jitter. No delay is above
/// its ceiling, and one of the first twelve is above the fourth ceiling with its slack (that fails
/// with a probability of 8e-9, the product of limit / ceiling over the delays 6 to 12).
async fn gaps_grow(server: &Server, from: usize, silence: Duration) {
    let first = Duration::from_millis(100);
    let slack = Duration::from_secs(1);
    let limit = first * 8 + slack;

    server
        .until_within(
            Duration::from_mins(2),
            "a gap longer than the fourth may be",
            |all| {
                let since = all
                    .last()
                    .map_or(Duration::ZERO, |one| one.reached.elapsed());
                since > silence + limit || all.len() > from + 12
            },
        )
        .await;

    let all = server.connections();
    let gaps: Vec<_> = all[from..]
        .windows(2)
        .map(|pair| pair[1].reached - pair[0].reached)
        .collect();
    assert!(gaps.len() < 12, "the gaps do not grow: {gaps:?}");
    for (n, gap) in (0..).zip(&gaps) {
        // The attempt before was the first already if a close came before the silence.
        let ceiling = first * 2_u32.pow(n + u32::try_from(from).unwrap());
        assert!(
            *gap >= silence.saturating_sub(LAG) && *gap <= silence + ceiling + slack,
            "{gap:?} is not {silence:?} and at most {ceiling:?}: {gaps:?}"
        );
    }
    assert!(server.alive() <= 1);
}

/// A page that notices quickly.
const WATCHFUL: &str = "heartbeat=1s&reply_timeout=2s&retry_min=10ms&retry_max=10ms";

/// The reply time-out of [`WATCHFUL`].
const REPLY: Duration = Duration::from_secs(2);

/// The delay of [`WATCHFUL`].
const RETRY: Duration = Duration::from_millis(10);

/// What comes on top of the reply time-out: the heartbeat is due within a second, the delay, and
/// the second that the design allows for the rest.
const REST: Duration = Duration::from_secs(1)
    .saturating_add(RETRY)
    .saturating_add(Duration::from_secs(1));

/// The longest time until [`WATCHFUL`] has another connection.
const REPLACED: Duration = REPLY.saturating_add(REST);

/// A heartbeat may have left this long before the fault began, its reply on the way.
const LAG: Duration = Duration::from_millis(250);

/// A back-off whose ceilings can be told apart.
const GROWING: &str = "retry_min=100ms&retry_max=10m";
