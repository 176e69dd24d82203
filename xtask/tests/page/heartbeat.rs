use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::assert_within;
use super::beside::Beside;
use super::server::{Connection, Frame, Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn a_heartbeat_follows_30_s_after_the_last_message_and_not_before() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;

    // A period that began at the opening or at the echo would end these 4 s earlier.
    sleep(Duration::from_secs(4)).await;
    let last = Instant::now();
    server.send([Message::text("b")]);
    visit.shows("b").await;

    let all = server
        .until("a heartbeat", |all| all[0].frames.len() > 1)
        .await;
    let [_, Frame { at, text }] = &all[0].frames[..] else {
        panic!("{all:?}")
    };
    assert_eq!(text, "heartbeat");
    assert_within(*at - last, Duration::from_secs(30), Duration::from_secs(31));
}

#[tokio::test]
async fn heartbeats_keep_the_configured_period_and_text() {
    let server = Server::start(Manner::Silent);

    let query = "heartbeat=500ms&heartbeat_text=tick&autoconnect=false&lang=en";
    let visit = Visit::to(&format!("url={server}&{query}")).await;
    let beside = Beside::start(&visit).await;
    // A page that is starting learns late that its socket is open.
    visit.press("Connect").await;

    let all = server.until("six heartbeats", |all| {
        all.iter().any(|one| one.frames.len() >= 6)
    });
    let one = &all.await[0];
    assert!(
        one.frames.iter().all(|frame| frame.text == "tick"),
        "{one:?}"
    );
    let first = one.frames[0].at - one.opened.unwrap();
    // The server notes the opening a moment before the page learns of it.
    let lag = beside.lag();
    assert_within(
        first,
        Duration::from_millis(500),
        Duration::from_millis(900) + lag,
    );
    assert_steady(&one.gaps(), Duration::from_millis(500), lag);
}

#[tokio::test]
async fn no_heartbeat_is_sent_while_messages_arrive_faster_than_the_period() {
    let period = Duration::from_millis(100);
    let server = Server::start(Manner::Talk {
        text: "news",
        period,
    });
    let visit = Visit::to(&format!("url={server}&heartbeat=1s&retry_min=100ms")).await;
    visit.shows("news").await;

    // A timer that messages do not restart would have fired four times.
    sleep(Duration::from_millis(4500)).await;
    assert_eq!(server.texts(), [""; 0]);

    // It was the messages that held them back.
    server.behave(Manner::Silent);
    server.close(1012, "");
    server
        .until("a heartbeat", |all| {
            all.len() == 2 && !all[1].frames.is_empty()
        })
        .await;
    let texts = server.texts();
    assert!(texts.iter().all(|text| text == "heartbeat"), "{texts:?}");
}

#[tokio::test]
async fn heartbeats_come_every_period_in_the_mode_always() {
    let period = Duration::from_millis(100);
    let server = Server::start(Manner::Talk {
        text: "news",
        period,
    });

    let query = format!("url={server}&heartbeat=500ms&heartbeat_mode=always");
    let visit = Visit::to(&query).await;
    let beside = Beside::start(&visit).await;

    let heard = server.heard();
    let all = server.until("six heartbeats", |_| server.heard() >= heard + 6);
    let one = &all.await[0];
    assert!(
        one.frames.iter().all(|frame| frame.text == "heartbeat"),
        "{one:?}"
    );
    assert_steady(
        &one.gaps()[heard..],
        Duration::from_millis(500),
        beside.lag(),
    );
}

#[tokio::test]
async fn heartbeat_replies_and_the_servers_heartbeats_are_no_messages() {
    let server = Server::start(Manner::Echo);
    let query = format!("url={server}&heartbeat=300ms&server_heartbeat_text=alive,tick");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;

    server
        .until("three heartbeats", |all| all[0].frames.len() >= 4)
        .await;
    assert_eq!(visit.received().await, "a");
    server.send(["alive", "tick"].map(Message::text));
    let heard = server.heard();
    server
        .until("two more heartbeats", |_| server.heard() >= heard + 2)
        .await;
    assert_eq!(visit.received().await, "a");
}

#[tokio::test]
async fn twenty_server_restarts_leave_one_socket_and_one_timer() {
    let mut server = Server::start(Manner::Silent);
    let query = "heartbeat=400ms&retry_min=20ms&retry_max=50ms&lang=en";
    let visit = Visit::to(&format!("url={server}&{query}")).await;
    server
        .until("a connection", |all| all.iter().any(Connection::is_alive))
        .await;
    let beside = Beside::start(&visit).await;

    for restarts in 1..=20 {
        server.stop().await;
        server.resume();
        server
            .until("a new connection", |_| server.opened() == restarts + 1)
            .await;
        assert_eq!(server.alive(), 1);
    }

    let all = server
        .until("ten heartbeats", |all| {
            all.last().unwrap().frames.len() >= 10
        })
        .await;
    assert_eq!((server.alive(), server.opened()), (1, 21));
    let last = all.last().unwrap();
    assert!(
        last.frames.iter().all(|frame| frame.text == "heartbeat"),
        "{last:?}"
    );
    let lag = beside.lag();
    assert_steady(&last.gaps(), Duration::from_millis(400), lag);
    assert_within(
        last.frames[0].at - last.opened.unwrap(),
        Duration::from_millis(400),
        Duration::from_millis(800) + lag,
    );
    visit.types("x").await;
    server
        .until("the text", |all| {
            all.last().unwrap().frames.iter().any(|f| f.text == "x")
        })
        .await;
}

/// A second timer would show as a short gap, a lost one as a long gap. The machine adds up to `lag`.
fn assert_steady(gaps: &[Duration], period: Duration, lag: Duration) {
    // The browser keeps the mean of an interval: after a late beat the next gap is shorter.
    let jitter = Duration::from_millis(150) + lag;
    for gap in gaps {
        assert!(
            gap.abs_diff(period) <= jitter,
            "{gap:?} is not {period:?}: {gaps:?}, {lag:?}"
        );
    }
    let mean = gaps.iter().sum::<Duration>() / u32::try_from(gaps.len()).unwrap();
    assert!(
        mean.abs_diff(period) <= jitter / 3,
        "the mean of {gaps:?} is not {period:?}, {lag:?}"
    );
}
