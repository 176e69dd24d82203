use std::time::Duration;

use xtask::browser::Browser;

use super::beside::Beside;
use super::server::{Manner, Server};
use super::visit::{QUICK, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn what_waits_survives_a_reload_where_that_was_asked_for() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::absent(Manner::Echo);
        let query = format!("url={server}&{QUICK}&outbox_storage=session&heartbeat=300ms");
        let visit = Visit::with(browser, &[], &query).await;
        visit.types("ab").await;
        visit.awaits("queued", |count| count == "2").await;
        // Nobody but the page has it while it is there.
        assert_eq!(stored(&visit).await, 0);

        visit.reloads().await;

        visit.awaits("queued", |count| count == "2").await;
        server.resume();
        visit.awaits("answered", |count| count == "2").await;
        let texts = server.texts();
        assert_eq!(texts[..2], ["a", "ab"], "{browser}: {texts:?}");
        visit.reloads().await;
        visit.reaches(&["open"]).await;
        assert_eq!(visit.datum("queued").await, "0");
        assert_eq!(stored(&visit).await, 0);
    }
}

/// Yew's scheduler waits for a timer once it has been busy for 16 ms, and a page that is left gets none.
#[tokio::test]
async fn what_waits_survives_a_reload_in_the_midst_of_work() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let server = Server::absent(Manner::Echo);
        let query = format!("url={server}&{QUICK}&outbox_storage=session");
        let visit = Visit::with(browser, &[], &query).await;
        visit.types("ab").await;
        visit.awaits("queued", |count| count == "2").await;
        visit.evaluate(BUSY).await;

        visit.reloads().await;

        visit.awaits("queued", |count| count == "2").await;
    }
}

#[tokio::test]
async fn what_was_sent_without_a_receipt_survives_a_reload_too() {
    let server = Server::start(Manner::Silent);
    let query = format!("url={server}&{QUICK}&outbox_storage=session&resend=every");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.types("ab").await;
    server.receives(&["a", "ab"]).await;
    // The connection dies with the page, before its close is heard.
    server.behave(Manner::Deaf);

    visit.reloads().await;

    visit.awaits("unconfirmed", |count| count == "2").await;
    server.behave(Manner::Echo);
    visit.press("Stop").await;
    visit.press("Connect").await;
    // A heartbeat asks for their receipt at once.
    server.receives(&["a", "ab", "a", "ab", "heartbeat"]).await;
}

#[tokio::test]
async fn nothing_is_kept_over_a_reload_unasked() {
    let server = Server::absent(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&{QUICK}")).await;
    visit.types("ab").await;
    visit.awaits("queued", |count| count == "2").await;

    visit.reloads().await;

    visit.reaches(&["refused", "connecting"]).await;
    assert_eq!(visit.datum("queued").await, "0");
}

#[tokio::test]
async fn a_clean_disconnect_confirms_what_was_sent_and_a_death_does_not() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::start(Manner::Silent);
        let visit = Visit::with(browser, &[], &format!("url={server}&lang=en")).await;
        visit.reaches(&["open"]).await;
        visit.types("ab").await;
        server.receives(&["a", "ab"]).await;
        visit.awaits("sent", |count| count == "2").await;
        assert_eq!(visit.datum("confirmed").await, "0");

        visit.press("Disconnect").await;

        visit.awaits("confirmed", |count| count == "2").await;
        visit.press("Connect").await;
        visit.reaches(&["open"]).await;
        visit.types("c").await;
        server.receives(&["a", "ab", "abc"]).await;
        server.stop().await;
        visit.awaits("unconfirmed", |count| count == "1").await;
        assert_eq!(visit.datum("confirmed").await, "2", "{browser}");
    }
}

#[tokio::test]
async fn with_a_server_that_answers_nothing_nothing_is_called_confirmed() {
    let server = Server::start(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&heartbeat=200ms&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.types("ab").await;

    server
        .until("three heartbeats", |all| all[0].frames.len() >= 5)
        .await;

    visit.awaits("sent", |count| count == "2").await;
    assert_eq!(visit.datum("confirmed").await, "0");
    eventually("the page says so", SOON, async || {
        let status = visit.status().await;
        let says = status.contains("nothing sent can be confirmed");
        says.then_some(())
    })
    .await;
}

/// A path that closes connections over which nothing has passed for a while.
#[tokio::test]
async fn a_path_that_bears_little_silence_is_named_and_kept_alive() {
    let mut server = Server::start(Manner::Echo);
    let query = format!("url={server}&{QUICK}&heartbeat=auto&lang=en");
    let visit = Visit::to(&query).await;

    // A machine that has much else to do adds to one silence more than to another, and then it is not the
    // same twice.
    let (mut drops, mut borne) = (0, BORNE);
    // Between what the test waits for and what the server sees.
    let is_named = async |borne: Duration| {
        let status = visit.status().await;
        let says = |seconds| status.contains(&format!("after about {seconds} quiet seconds"));
        (BORNE.as_secs()..=borne.as_secs() + 1).any(says)
    };
    while drops < 2 || !is_named(borne).await {
        assert!(drops < 5, "{}", visit.status().await);
        drops += 1;
        server
            .until("a connection", |_| server.opened() == drops)
            .await;
        let quiet = async || {
            let all = server.connections();
            (all[drops - 1].opened?.elapsed() >= BORNE).then_some(())
        };
        eventually("it is quiet", SOON, quiet).await;
        let opened = server.connections()[drops - 1].opened;
        server.stop().await;
        borne = borne.max(opened.unwrap().elapsed());
        server.resume();
        server
            .until("a connection", |_| server.opened() == drops + 1)
            .await;
        visit.reaches(&["open"]).await;
    }
    let beside = Beside::start(&visit).await;
    let heard = server.connections()[drops].frames.len();
    let all = server.until("three heartbeats", |all| {
        all[drops].frames.len() >= heard + 3
    });
    let gaps = all.await[drops].gaps();
    let most = borne + beside.lag();
    assert!(gaps[heard..].iter().all(|gap| *gap < most), "{gaps:?}");

    // The tab remembers it.
    visit.reloads().await;
    let beside = Beside::start(&visit).await;
    let all = server
        .until("a heartbeat", |all| {
            all.get(drops + 1).is_some_and(|one| !one.frames.is_empty())
        })
        .await;
    let last = &all[drops + 1];
    assert!(last.frames[0].at - last.opened.unwrap() < borne + beside.lag());
}

/// How many messages the tab's storage holds something of.
async fn stored(visit: &Visit) -> u64 {
    let count = "return Object.keys(sessionStorage).filter(key => key.includes('outbox')).length";
    visit.evaluate(count).await.as_u64().unwrap()
}

/// Makes the page's scheduler busy for good: each look at the clock is 20 ms after the last one, and
/// timers that are due at once never come. Then gives it something to do.
const BUSY: &str = "
    const { now } = Date;
    let late = 0;
    Date.now = () => now() + (late += 20);
    const { setTimeout } = window;
    window.setTimeout = (run, millis, ...rest) => millis > 0 ? setTimeout(run, millis, ...rest) : 0;
    dispatchEvent(new Event('online'));
";

/// The silence that the path bears.
const BORNE: Duration = Duration::from_secs(4);
