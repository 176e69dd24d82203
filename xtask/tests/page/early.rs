//! What goes on before the WebAssembly is there: the connection, and typing.

use serde_json::json;
use tokio::join;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

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

    let query = format!("url={server}&retry_min=60s&retry_max=60s");
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
async fn nothing_is_opened_early_where_the_operator_says_otherwise() {
    for config in [
        r#"{"mandatory": {"autoconnect": false}}"#,
        r#"{"allowed_hosts": ["other.example"]}"#,
        r#"{"mandatory": {"url": "ws://127.0.0.1:65001/"}}"#,
    ] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
        visit.site.configure(Config::Text(config.to_owned()));

        let query = format!("url={server}");
        visit.go(&visit.site.address("127.0.0.1", &query)).await;

        assert_eq!(server.connections().len(), 0, "{config}");
    }
}

#[tokio::test]
async fn a_page_that_cannot_start_leaves_no_connection() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let break_start = "
        const compile = WebAssembly.instantiateStreaming;
        WebAssembly.instantiateStreaming = async (...all) => { await compile(...all); throw new Error('no'); };
        WebAssembly.instantiate = WebAssembly.instantiateStreaming;";
    visit
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": break_start }),
        )
        .await;
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
        window.endComposition = () => {
            field.value = '你';
            tell('input', { isComposing: true });
            tell('compositionend');
        };",
    )
    .await;
    let client = &visit.session.client;
    client.goto(&address(&visit, &server)).await.unwrap();

    // The configuration is there, the module has started, and the page still waits.
    eventually("the module has started", SOON, async || {
        visit
            .evaluate("return !!window.memory")
            .await
            .as_bool()?
            .then_some(())
    })
    .await;
    sleep(ON_ITS_WAY).await;
    let field = "return document.querySelector('[data-state]') === null";
    assert!(visit.evaluate(field).await.as_bool().unwrap());
    visit.evaluate("window.endComposition()").await;

    visit.reaches(&["open"]).await;
    server.receives(&["你"]).await;
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
    let script = json!({ "source": source });
    visit
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    visit
}

fn address(visit: &Visit, server: &Server) -> String {
    visit
        .site
        .address("127.0.0.1", &format!("url={server}&lang=en"))
}

/// How long a message is on its way to a page that says nothing of its arrival.
const ON_ITS_WAY: std::time::Duration = std::time::Duration::from_millis(500);
