use tokio::time::sleep;
use xtask::browser::Browser;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::{EXAMPLE_IS_HERE, START, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn connects_to_localhost_8080_without_configuration() {
    let mut server = Server::at(8080, Manner::Echo)
        .unwrap_or_else(|cause| panic!("this test needs port 8080 of 127.0.0.1: {cause}"));
    server.resume();

    let visit = Visit::to("").await;

    visit.reaches(&["open"]).await;
    visit.types("hi").await;
    server.receives(&["h", "hi"]).await;
    visit.shows("hi").await;
    assert_eq!(server.connections().len(), 1);
    assert_eq!(visit.url().await, "ws://localhost:8080");
}

#[tokio::test]
async fn a_page_of_another_host_goes_to_ws_on_that_host() {
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;

    visit.go(&visit.site.address("example.test", "")).await;

    // The static host has no such path; where loopback is the only network, nothing is tried.
    visit.reaches(&["refused", "offline"]).await;
    let url = visit.url().await;
    assert!(url.ends_with("/ws"), "{url}");
    assert!(
        url == "/ws" || url.starts_with("ws://example.test:"),
        "{url}"
    );
}

#[tokio::test]
async fn the_page_works_from_a_subdirectory_of_a_static_host() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/some/where/", None).await;

    visit
        .go(&visit.site.address("127.0.0.1", &format!("url={server}")))
        .await;

    visit.reaches(&["open"]).await;
    visit.types("x").await;
    visit.shows("x").await;
}

#[tokio::test]
async fn autoconnect_false_waits_for_connect() {
    let server = Server::start(Manner::Echo);

    let visit = Visit::to(&format!("url={server}&autoconnect=false")).await;

    visit.reaches(&["idle"]).await;
    sleep(START).await;
    assert_eq!(server.connections().len(), 0);
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
}

#[tokio::test]
async fn a_stranger_in_the_link_is_not_contacted_before_connect() {
    let server = Server::start(Manner::Echo);
    let stranger = server.to_string().replace("127.0.0.1", "example.test");
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    visit.site.configure(Config::Built);

    visit
        .go(&visit
            .site
            .address("127.0.0.1", &format!("url={stranger}&autoconnect=true")))
        .await;

    visit.reaches(&["confirm"]).await;
    let alert = visit.alert().await;
    assert!(
        alert.contains(stranger.trim_start_matches("ws://")),
        "{alert}"
    );
    visit.types("secret").await;
    sleep(START).await;
    assert_eq!(server.connections().len(), 0);
    assert_eq!(visit.datum("state").await, "confirm");
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
}

#[tokio::test]
async fn a_bad_url_is_named_and_a_good_one_connects() {
    let server = Server::start(Manner::Echo);

    for bad in [
        "localhost:8080",
        "ftp://127.0.0.1/",
        "ws://127.0.0.1/%23part",
        "ws://",
        // Browsers refuse the port.
        "ws://127.0.0.1:6000/",
        "ws://:secret@127.0.0.1/",
    ] {
        let visit = Visit::before(Browser::Chromium, &[], "/", None).await;

        visit
            .go(&visit.site.address("127.0.0.1", &format!("url={bad}")))
            .await;

        visit.reaches(&["badUrl"]).await;
        let alert = visit.alert().await.to_lowercase();
        assert!(alert.contains("url"), "{bad}: {alert}");
        visit.enters_url(&server.to_string()).await;
        visit.press("Connect").await;
        visit.reaches(&["open"]).await;
        visit.types("x").await;
        visit.shows("x").await;
    }
}

#[tokio::test]
async fn a_bad_heartbeat_is_named_and_the_page_goes_on() {
    let server = Server::start(Manner::Echo);

    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;

    visit
        .go(&visit
            .site
            .address("127.0.0.1", &format!("url={server}&heartbeat=soon")))
        .await;

    visit.reaches(&["open"]).await;
    let alert = eventually("an alert", SOON, async || {
        Some(visit.alert().await).filter(|alert| !alert.trim().is_empty())
    })
    .await;
    for part in ["heartbeat", "soon", "30s", "off"] {
        assert!(alert.contains(part), "{part} is missing: {alert}");
    }
    visit.types("x").await;
    visit.shows("x").await;
    assert_eq!(server.texts(), ["x"]);
}

#[tokio::test]
async fn a_server_without_the_subprotocol_is_not_used_and_the_page_says_so() {
    for (browser, state) in [
        // Chromium fails the handshake as any other that fails.
        (Browser::Chromium, "refused"),
        (Browser::Firefox, "refusedFinal"),
    ] {
        let server = Server::start(Manner::Unfamiliar);
        let query = format!("url={server}&protocols=chat&retry_min=60m&lang=en");
        let visit = Visit::before(browser, &[], "/", None).await;
        visit.go(&visit.site.address("127.0.0.1", &query)).await;

        visit.reaches(&[state]).await;

        let said = "return document.querySelector('[data-state]').textContent";
        let said = visit.text_of(said).await;
        assert!(said.contains("subprotocols offered: chat"), "{said}");
        server
            .until("the connection is closed", |all| all[0].ended.is_some())
            .await;
        assert_eq!(server.connections().len(), 1);
    }
}

#[tokio::test]
async fn subprotocols_are_offered_as_configured() {
    let server = Server::start(Manner::Echo);

    let visit = Visit::to(&format!("url={server}&protocols=chat,v2.chat")).await;

    visit.reaches(&["open"]).await;
    let offered = server.connections()[0].protocols.clone().unwrap();
    assert_eq!(
        offered.split(',').map(str::trim).collect::<Vec<_>>(),
        ["chat", "v2.chat"]
    );

    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    assert_eq!(server.connections()[1].protocols, None);
}

/// Chromium fires `error` and never `close` then.
#[tokio::test]
async fn a_content_security_policy_that_forbids_the_server_is_named() {
    a_policy_is_named(Browser::Chromium).await;
}

/// Firefox throws in the constructor then.
#[tokio::test]
async fn a_content_security_policy_that_forbids_the_server_is_named_in_firefox() {
    a_policy_is_named(Browser::Firefox).await;
}

async fn a_policy_is_named(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let policy = Some("connect-src 'self'");
    let visit = Visit::before(browser, &[], "/", policy).await;

    visit
        .go(&visit.site.address("127.0.0.1", &format!("url={server}")))
        .await;

    visit.reaches(&["csp"]).await;
    let alert = visit.alert().await;
    assert!(alert.contains("Content-Security-Policy"), "{alert}");
    assert_eq!(server.connections().len(), 0);
}

/// What an extension or another script asks for is not ours, whatever becomes of it; nor is another port
/// or another scheme of the server's host.
#[tokio::test]
async fn a_policy_that_forbids_something_else_ends_no_reconnecting() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::absent(Manner::Echo);
        let policy = format!("connect-src 'self' {server}");
        let visit = Visit::before(browser, &[], "/", Some(&policy)).await;
        let query = format!("url={server}&retry_min=2s&retry_max=2s");
        visit.go(&visit.site.address("127.0.0.1", &query)).await;
        visit.reaches(&["refused"]).await;

        let blocked = format!(
            "window.blocked = [];
            document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.blockedURI));
            fetch('https://stranger.example/beacon').catch(() => 0);
            fetch('http://127.0.0.1:{}/').catch(() => 0);
            for (const url of ['ws://127.0.0.1:9/', 'wss://127.0.0.1:{}/']) {{
                try {{ new WebSocket(url); }} catch {{}}
            }}",
            server.port(),
            server.port(),
        );
        visit.evaluate(&blocked).await;
        eventually("all is forbidden", SOON, async || {
            let count = visit.evaluate("return blocked.length").await;
            (count.as_u64() >= Some(3)).then_some(())
        })
        .await;

        assert_ne!(visit.datum("state").await, "csp", "{browser}");
        server.resume();
        visit.reaches(&["open"]).await;
    }
}

/// A policy stands for whatever keeps WebAssembly from running.
#[tokio::test]
async fn a_page_that_cannot_start_says_so() {
    let policy = Some("script-src 'self' 'unsafe-inline'");
    for browser in [Browser::Chromium, Browser::Firefox] {
        let visit = Visit::before(browser, &[], "/", policy).await;
        let address = visit.site.address("127.0.0.1", "");
        visit.session.client.goto(&address).await.unwrap();

        eventually("the page says that it cannot start", SOON, async || {
            let said = "return document.querySelector('#starting[role=alert]')?.textContent ?? ''";
            let said = visit.text_of(said).await;
            said.contains("could not start").then_some(())
        })
        .await;
    }
}
