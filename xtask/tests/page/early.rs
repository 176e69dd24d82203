//! What goes on before the WebAssembly is there: the connection, and typing.

use std::time::Duration;

use serde_json::json;
use tokio::join;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn a_connection_opens_without_the_module_and_is_taken_over() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::before(browser, &[], "/", None).await;
        visit.site.withhold_module(true);

        let address = visit.site.address("127.0.0.1", &format!("url={server}"));
        join!(visit.go(&address), async {
            server.until("a connection", |_| server.opened() == 1).await;
            server.send([Message::text("first"), Message::text("early")]);
            // As soon as the page has both, it may go on.
            sleep(ON_ITS_WAY).await;
            visit.site.withhold_module(false);
        });

        visit.reaches(&["open"]).await;
        visit.shows("early").await;
        assert_eq!(visit.datum("epoch").await, "1");
        visit.types("a").await;
        visit.shows("a").await;
        assert_eq!(server.texts(), ["a"]);
        assert_eq!(server.connections().len(), 1, "{browser}");
    }
}

#[tokio::test]
async fn an_early_attempt_that_failed_was_the_first_one() {
    let server = Server::start(Manner::Refuse);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.withhold_module(true);

    let query = format!("url={server}&retry_min=60m&retry_max=60m");
    let address = visit.site.address("127.0.0.1", &query);
    join!(visit.go(&address), async {
        server
            .until("an attempt", |all| {
                all.first().is_some_and(|one| one.ended.is_some())
            })
            .await;
        sleep(ON_ITS_WAY).await;
        visit.site.withhold_module(false);
    });

    visit.reaches(&["refused"]).await;
    visit.awaits("attempt", |attempt| attempt == "1").await;
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_page_that_lacks_its_configuration_waits_for_its_module_all_the_same() {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let watch = "addEventListener('unhandledrejection', () => { window.wasUnhandled = true; });";
    visit.run_first(watch).await;
    visit.site.configure(Config::Missing);
    visit.site.withhold_module(true);

    let address = visit.site.address("127.0.0.1", "autoconnect=false");
    join!(visit.go(&address), async {
        sleep(ON_ITS_WAY).await;
        visit.site.withhold_module(false);
    });

    // To the page before its start, that would be the end.
    let was_unhandled = visit.evaluate("return window.wasUnhandled").await;
    assert!(was_unhandled.is_null());
}

/// What would be asked about, refused, or read otherwise by the page.
#[tokio::test]
async fn an_early_connection_goes_only_where_nobody_asks() {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    disable_cache(&visit).await;
    for (is_opened, config, query) in [
        (true, r#"{"defaults": {"url": "SERVER"}}"#, ""),
        (true, r#"{"url_param": "allow"}"#, "url=SERVER"),
        (false, "{}", "url=SERVER"),
        (false, r#"{"url_param": "off"}"#, "url=SERVER"),
        (
            false,
            r#"{"defaults": {"url": "SERVER"}, "mandatory": {"autoconnect": false}}"#,
            "",
        ),
        (
            false,
            r#"{"defaults": {"url": "SERVER", "protocols": "chat"}}"#,
            "",
        ),
        (
            false,
            r#"{"defaults": {"url": "SERVER"}, "allowed_hosts": ["other.example"]}"#,
            "",
        ),
        (
            false,
            r#"{"defaults": {"url": "SERVER"}, "allowed_hosts": 5}"#,
            "",
        ),
        (
            false,
            r#"{"mandatory": {"url": null}, "url_param": "allow"}"#,
            "url=SERVER",
        ),
        (
            false,
            r#"{"defaults": {"url": "SERVER"}}"#,
            "heartbeat_text=x",
        ),
        (false, r#"{"defaults": {"url": "SERVER"}}"#, "reply_text=x"),
        (
            false,
            r#"{"defaults": {"url": "SERVER"}}"#,
            "server_heartbeat_text=x",
        ),
        (false, r#"{"defaults": {"url": "SERVER"}}"#, "greeting=x"),
        (false, r#"{"defaults": {"url": "SERVER"}}"#, "answers=x%3Dy"),
        (false, r#"{"defaults": {"url": "SERVER"}}"#, "protocols=x"),
        // They mean nothing in plain text, and nobody is asked about them.
        (true, r#"{"defaults": {"url": "SERVER"}}"#, "vhost=x"),
        (true, r#"{"defaults": {"url": "SERVER"}}"#, "login=x"),
        (false, r#"{"defaults": {"url": "ws://:secret@HOST"}}"#, ""),
        (false, r#"{"defaults": {"url": "ws://HOST/a b"}}"#, ""),
        (false, r#"{"defaults": {"url": "//HOST"}}"#, ""),
        (false, r#"{"defaults": {"url": "/\\HOST"}}"#, ""),
        (false, r#"{"defaults": {"url": "ws:///HOST"}}"#, ""),
        (false, r#"{"defaults": {"url": "ws://HOST/#part"}}"#, ""),
        (false, "not JSON", ""),
    ] {
        let server = Server::start(Manner::Echo);
        let host = server.to_string().replace("ws://", "");
        let fill = |text: &str| {
            let text = text.replace("SERVER", &server.to_string());
            text.replace("HOST", host.trim_end_matches('/'))
        };
        visit.site.configure(Config::Text(fill(config)));
        visit.site.withhold_module(true);

        let address = visit.site.address("127.0.0.1", &fill(query));
        join!(visit.go(&address), async {
            if is_opened {
                let what = format!("a connection: {config} {query}");
                server.until(&what, |all| all.len() == 1).await;
            } else {
                sleep(ON_ITS_WAY).await;
                assert_eq!(server.connections().len(), 0, "{config} {query}");
            }
            visit.site.withhold_module(false);
        });
        visit.evaluate("localStorage.clear()").await;
    }
}

#[tokio::test]
async fn a_page_that_was_here_before_connects_before_it_hears_of_its_configuration() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    disable_cache(&visit).await;
    let address = visit.site.address("127.0.0.1", &format!("url={server}"));
    visit.go(&address).await;
    visit.reaches(&["open"]).await;

    visit.site.configure(Config::Silence);
    visit.site.withhold_module(true);
    join!(visit.go(&address), async {
        server
            .until("another connection", |all| all.len() == 2)
            .await;
        visit.site.withhold_module(false);
    });

    visit.reaches(&["open"]).await;
    visit.types("a").await;
    visit.shows("a").await;
    assert_eq!(server.connections().len(), 2);
}

#[tokio::test]
async fn what_the_operator_says_now_holds_for_a_page_that_was_here_before() {
    let (old, new) = (Server::start(Manner::Echo), Server::start(Manner::Echo));
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let demand = |url: &str| Config::Text(format!(r#"{{"mandatory": {{{url}}}}}"#));
    let address = visit.site.address("127.0.0.1", "");
    let at = |server: &Server| format!(r#""url": "{server}""#);
    visit.site.configure(demand(&at(&old)));
    visit.go(&address).await;
    visit.reaches(&["open"]).await;

    visit.site.configure(demand(&at(&new)));
    visit.go(&address).await;
    visit.reaches(&["open"]).await;
    assert_eq!((old.alive(), new.connections().len()), (0, 1));

    visit.site.configure(demand(r#""autoconnect": false"#));
    visit.go(&address).await;
    visit.reaches(&["idle"]).await;
    for server in [old, new] {
        let ended = server.until("no connection is left", |_| server.alive() == 0);
        ended.await;
        assert!(server.texts().is_empty());
    }
}

#[tokio::test]
async fn a_connection_that_was_long_silent_is_asked_as_it_is_taken_over() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.withhold_module(true);

    let address = visit.site.address("127.0.0.1", &format!("url={server}"));
    join!(visit.go(&address), async {
        server.until("a connection", |_| server.opened() == 1).await;
        sleep(LONG_SILENCE).await;
        visit.site.withhold_module(false);
    });

    server.receives(&["heartbeat"]).await;
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn a_page_that_cannot_start_leaves_no_connection() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let break_start = "
        const compile = WebAssembly.instantiateStreaming;
        WebAssembly.instantiateStreaming = async (...all) => { await compile(...all); throw new Error('no'); };
        WebAssembly.instantiate = WebAssembly.instantiateStreaming;";
    visit.run_first(break_start).await;
    visit.site.withhold_module(true);

    let address = visit.site.address("127.0.0.1", &format!("url={server}"));
    let opened = async {
        server.until("a connection", |_| server.opened() == 1).await;
        visit.site.withhold_module(false);
    };
    let (gone, ()) = join!(visit.session.client.goto(&address), opened);
    gone.unwrap();

    server
        .until("no connection is left", |_| server.alive() == 0)
        .await;
    assert!(visit.alert().await.contains("could not start"));
}

#[tokio::test]
async fn what_is_typed_before_the_start_is_sent_and_typing_goes_on() {
    let server = Server::start(Manner::Echo);
    let visit = early_typist(
        "field.focus();
        for (const text of ['h', 'he']) {
            field.value = text;
            field.dispatchEvent(new InputEvent('input'));
        }
        field.setSelectionRange(1, 1);",
    )
    .await;

    visit.go(&address(&visit, &server)).await;

    server.receives(&["h", "he"]).await;
    let caret = "const field = document.activeElement; \
        return [field.id, field.value, field.selectionStart].join()";
    assert_eq!(visit.text_of(caret).await, "message,he,1");
}

#[tokio::test]
async fn a_composition_ends_before_the_page_starts() {
    let server = Server::start(Manner::Echo);
    let visit = early_typist(
        "const tell = (kind, all) => field.dispatchEvent(new InputEvent(kind, all));
        tell('compositionstart');
        field.value = 'ni';
        tell('input', { isComposing: true });
        addEventListener('TrunkApplicationStarted', () => setTimeout(() => {
            window.had_started = document.querySelector('[data-state]') !== null;
            field.value = '你';
            tell('input', { isComposing: true });
            tell('compositionend');
        }, 500));",
    )
    .await;

    visit.go(&address(&visit, &server)).await;

    server.receives(&["你"]).await;
    assert_eq!(visit.evaluate("return window.had_started").await, false);
}

#[tokio::test]
async fn a_composition_that_does_not_end_holds_up_nothing_for_long() {
    let server = Server::start(Manner::Echo);
    let visit = early_typist(
        "const tell = (kind, all) => field.dispatchEvent(new InputEvent(kind, all));
        tell('compositionstart');
        field.value = 'hello';
        tell('input', { isComposing: true });",
    )
    .await;

    visit.go(&address(&visit, &server)).await;

    server.receives(&["hello"]).await;
}

/// A visit in which `script` runs on the message field as soon as that is there.
async fn early_typist(script: &str) -> Visit {
    let visit = super::endurance::measurable().await;
    let source = format!(
        "document.addEventListener('readystatechange', () => {{
            const field = document.getElementById('message');
            {script}
        }}, {{ once: true }});"
    );
    visit.run_first(&source).await;
    visit
}

/// Else a module that is withheld comes from there.
async fn disable_cache(visit: &Visit) {
    visit.devtools("Network.enable", json!({})).await;
    let disabled = json!({ "cacheDisabled": true });
    visit.devtools("Network.setCacheDisabled", disabled).await;
}

fn address(visit: &Visit, server: &Server) -> String {
    visit
        .site
        .address("127.0.0.1", &format!("url={server}&lang=en"))
}

/// How long a page may take to connect, and a message to reach it: without the module it says nothing.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// More than a heartbeat may be late.
const LONG_SILENCE: Duration = Duration::from_secs(6);
