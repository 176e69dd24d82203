//! What `docs/servers.md` says to set for a kind of server is enough to be connected to one.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use url::form_urlencoded::byte_serialize;
use xtask::browser::Browser;
use xtask::server::{PATIENCE, Question};
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::Visit;

/// What takes part in each test besides: some beats, questions and answers.
const QUICK: &str = "heartbeat=500ms&resend=every";

#[tokio::test]
async fn an_echo_confirms() {
    let (server, visit) = meet("echo", Manner::Echo).await;
    confirms(&server, &visit, "").await;
}

#[tokio::test]
async fn an_echo_behind_words_of_its_own_confirms() {
    let (server, visit) = meet("prefix", Manner::Prefix("server got: ")).await;
    confirms(&server, &visit, "server got: ").await;
}

#[tokio::test]
async fn a_pong_answers() {
    let (server, visit) = meet("pong", Manner::Answer("pong")).await;
    answers(&server, &visit).await;
}

#[tokio::test]
async fn a_pong_with_a_comma_answers() {
    let (server, visit) = meet("pong with a comma", Manner::Answer("pong, alive")).await;
    answers(&server, &visit).await;
}

#[tokio::test]
async fn a_pong_that_is_another_each_time_answers() {
    let (server, visit) = meet("pong in JSON", Manner::Stamp).await;
    visit.types("hello").await;
    visit.shows("hello").await;
    answers(&server, &visit).await;
    assert_eq!(visit.received().await, "helloaab");
}

#[tokio::test]
async fn a_ping_in_json_is_answered() {
    let (server, visit) = meet("ping in JSON", Manner::Ask(Question::Type)).await;
    is_kept(&server, &visit, "hello").await;
}

#[tokio::test]
async fn a_ping_with_the_time_is_answered_with_the_time() {
    let (server, visit) = meet("ping with the time", Manner::Ask(Question::Time)).await;
    is_kept(&server, &visit, "hello").await;
}

#[tokio::test]
async fn a_ping_with_the_time_is_answered_in_firefox() {
    let manner = Manner::Ask(Question::Time);
    let (server, visit) = meet_in(Browser::Firefox, "ping with the time", manner).await;
    is_kept(&server, &visit, "hello").await;
}

#[tokio::test]
async fn engine_io_is_answered() {
    let (server, visit) = meet("Engine.IO", Manner::Ask(Question::EngineIo)).await;
    is_kept(&server, &visit, "4hello").await;
}

/// What these settings are for: without them it ends with 1008, which is final.
#[tokio::test]
async fn a_question_without_an_answer_is_the_end() {
    let server = Server::start(Manner::Ask(Question::Type));
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["refusedFinal"]).await;
    assert_eq!(visit.received().await, r#"{"type":"ping"}"#);
}

#[tokio::test]
async fn a_login_is_first_on_every_connection() {
    const LOGIN: &str = r#"{"op":"login","token":"T"}"#;
    let (mut server, visit) = meet("login", Manner::Login(LOGIN)).await;
    let mut typed = String::new();
    for letter in ["a", "b", "c", "d"] {
        server.stop().await;
        visit.reaches(&["waiting", "refused"]).await;
        visit.types(letter).await;
        typed += letter;
        server.resume();
        visit.shows(&typed).await;
    }
    let all = server.connections();
    let opened = all.iter().filter(|one| one.opened.is_some());
    let opened = opened.map(|one| {
        let texts = one.frames.iter().map(|frame| frame.text.as_str());
        texts.collect::<Vec<_>>()
    });
    let connections: Vec<_> = opened.collect();
    assert_eq!(connections.len(), 5);
    for (texts, waited) in connections.iter().zip(["", "a", "ab", "abc", "abcd"]) {
        assert_eq!(texts[0], LOGIN);
        assert!(!texts[1..].contains(&LOGIN), "{texts:?}");
        assert!(waited.is_empty() || texts.contains(&waited), "{texts:?}");
    }
    // The login is no message.
    visit
        .awaits("confirmed", |confirmed| confirmed == "4")
        .await;
}

#[tokio::test]
async fn without_a_login_a_server_that_wants_one_is_left() {
    let server = Server::start(Manner::Login("a login"));
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    visit.types("hello").await;
    visit.reaches(&["refusedFinal"]).await;
}

#[tokio::test]
async fn the_servers_own_heartbeats_do_not_stand_in_for_ours() {
    let (server, visit) = meet(
        "tick",
        Manner::Talk {
            text: "tick",
            period: Duration::from_millis(100),
        },
    )
    .await;
    server
        .until("five heartbeats", |all| all[0].frames.len() >= 5)
        .await;
    assert_eq!(visit.datum("state").await, "open");
    assert!(!visit.received().await.contains("tick"));
}

#[tokio::test]
async fn an_mqtt_broker_is_spoken_to_by_hand() {
    let (server, visit) = meet("MQTT", Manner::Mqtt).await;
    visit.formats("hex").await;
    for (sent, size) in [
        ("10 0c 00 04 4d 51 54 54 04 02 00 00 00 00", 4),
        ("c0 00", 2),
    ] {
        visit.types(&format!("{sent}\u{e007}")).await;
        visit.shows(&format!("Binary, {size} bytes")).await;
    }
    assert_eq!(server.receives_bytes(2).await[1], [0xc0, 0]);
    let all = server.connections();
    assert_eq!(all[0].protocols.as_deref(), Some("mqtt"));
    // A text, even a heartbeat, is the end of it.
    visit.formats("text").await;
    visit.types("x").await;
    visit.reaches(&["refusedFinal"]).await;
}

/// As the operator would write it.
#[tokio::test]
async fn config_json_takes_lists_and_objects_as_they_are() {
    let server = Server::start(Manner::Ask(Question::Time));
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let defaults = json!({
        "url": server.to_string(),
        "heartbeat": "off",
        "greeting": [{ "login": "me", "level": 2 }, "hello, server"],
        "answers": [[{ "ping": "{time}" }, { "pong": "{time}" }]],
        "server_heartbeat_text": ["tick, tock", { "type": "tick" }],
    });
    let config = json!({ "defaults": defaults }).to_string();
    visit.site.configure(Config::Text(config));
    visit.begins("").await;
    visit.reaches(&["open"]).await;
    is_kept(&server, &visit, "hello").await;
    server.send(["tick, tock", r#"{"n":1,"type":"tick"}"#].map(Message::text));
    server.send([Message::text("tick")]);
    visit.shows("tick").await;
    let all = server.connections();
    let texts: Vec<_> = all[0].frames.iter().map(|frame| &frame.text).collect();
    assert_eq!(texts[..2], [r#"{"level":2,"login":"me"}"#, "hello, server"]);
    // Questions go on coming: only a search brings an older row into the view for certain.
    visit.searches("tock").await;
    visit
        .awaits_rows("the heartbeat's row", |rows| rows == ["↓♥ tick, tock"])
        .await;
}

/// No line of the document is without a test, and none is tried that is not there.
#[test]
fn every_kind_of_server_in_the_document_is_tried() {
    let source = include_str!("servers.rs").replace(char::is_whitespace, "");
    let kinds: Vec<_> = kinds().map(|(kind, _)| kind).collect();
    assert!(kinds.len() >= 10, "{kinds:?}");
    for kind in kinds {
        let tried = format!("=meet(\"{kind}\",").replace(' ', "");
        assert!(source.contains(&tried), "{kind}");
    }
}

async fn meet(kind: &str, manner: Manner) -> (Server, Visit) {
    meet_in(Browser::Chromium, kind, manner).await
}

/// A server that behaves so, and a page with what the document says to set for this kind of server.
async fn meet_in(browser: Browser, kind: &str, manner: Manner) -> (Server, Visit) {
    let server = Server::start(manner);
    let settings = settings(kind);
    let quick = if settings.contains("heartbeat=off") {
        ""
    } else {
        QUICK
    };
    let query = format!("url={server}&{quick}&retry_max=50ms&{settings}");
    let visit = Visit::with(browser, &[], &query).await;
    visit.reaches(&["open"]).await;
    (server, visit)
}

/// The settings that the document names for this kind of server, as a query.
fn settings(kind: &str) -> String {
    let (_, settings) = kinds()
        .find(|(it, _)| it == kind)
        .unwrap_or_else(|| panic!("the document has no {kind}"));
    // What stands in backquotes: every second part.
    let pairs = settings.split('`').skip(1).step_by(2).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        let value: String = byte_serialize(value.as_bytes()).collect();
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The kinds of servers in the document, and the cells with their settings.
fn kinds() -> impl Iterator<Item = (String, String)> {
    let document = include_str!("../../../docs/servers.md");
    let rows = document
        .lines()
        .filter_map(|line| line.strip_prefix("| **"));
    rows.map(|row| {
        let (kind, rest) = row.split_once("**").unwrap();
        let settings = rest.split(" | ").nth(1).unwrap();
        (kind.to_owned(), settings.to_owned())
    })
}

/// What was sent is proven, and the last message is the echo of what was typed.
async fn confirms(server: &Server, visit: &Visit, prefix: &str) {
    let confirmed: u32 = visit.datum("confirmed").await.parse().unwrap();
    visit.types("hello").await;
    visit.shows(&format!("{prefix}hello")).await;
    visit
        .awaits("confirmed", |now| now.parse::<u32>().unwrap() > confirmed)
        .await;
    some_beats(server).await;
    assert_eq!(visit.received().await, format!("{prefix}hello"));
}

/// What was sent is answered, over several heartbeats.
async fn answers(server: &Server, visit: &Visit) {
    for text in ["a", "ab"] {
        let answered: u32 = visit.datum("answered").await.parse().unwrap();
        visit.types(text).await;
        visit
            .awaits("answered", |now| now.parse::<u32>().unwrap() > answered)
            .await;
    }
    some_beats(server).await;
    assert_eq!(visit.datum("state").await, "open");
    assert_eq!(visit.datum("epoch").await, "1");
}

async fn some_beats(server: &Server) {
    let heard = server.heard();
    server
        .until("three more", |_| server.heard() >= heard + 3)
        .await;
}

/// The connection outlives the server's patience twice, and what is asked is no message.
async fn is_kept(server: &Server, visit: &Visit, text: &str) {
    visit.types(text).await;
    visit.shows(text).await;
    sleep(2 * PATIENCE).await;
    let all = server.connections();
    assert!(all.len() == 1 && all[0].is_alive(), "{all:?}");
    assert_eq!(visit.received().await, text);
    assert_eq!(visit.datum("state").await, "open");
}
