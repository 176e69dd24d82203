use tokio::time::sleep;
use xtask::browser::Browser;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::visit::{EXAMPLE_IS_HERE, START, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn whatever_config_json_is_the_page_starts_and_says_so() {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let address = visit.site.address("127.0.0.1", "autoconnect=false&lang=en");

    for (config, said) in [
        (
            Config::Missing,
            "config.json could not be read (HTTP 404). Using the built-in settings.",
        ),
        (text("{"), "config.json could not be read ("),
        (
            text(r#"{"defaults": {"heartbeet": "1s", "heartbeat": null}}"#),
            "There is no setting defaults.heartbeet.",
        ),
        (text("[]"), "config.json"),
        (
            Config::Text("[".repeat(20_000) + &"]".repeat(20_000)),
            "more than 64 deep",
        ),
        (
            Config::Silence,
            "config.json could not be read (no answer within 3 s)",
        ),
    ] {
        let what = format!("{config:?}");
        visit.site.configure(config);
        visit.go(&address).await;

        visit.reaches(&["idle"]).await;
        let alert = visit.alert().await;
        assert!(alert.contains(said), "{what}: {alert}");
    }

    visit.site.configure(Config::Built);
    visit.go(&address).await;
    visit.reaches(&["idle"]).await;
    assert_eq!(visit.alert().await.trim(), "");
}

#[tokio::test]
async fn what_the_operator_demands_is_locked_and_what_he_suggests_is_not() {
    let server = Server::start(Manner::Echo);
    let other = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(text(&format!(
        r#"{{"defaults": {{"outbox_limit": 7, "heartbeat_text": "a"}},
            "mandatory": {{"url": "{server}", "retry": false}},
            "url_param": "allow"}}"#
    )));

    let query = format!("url={other}&retry=true&heartbeat_text=b&lang=en&autoconnect=false");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;

    visit.reaches(&["idle"]).await;
    visit.opens_panel().await;
    let url = "const url = document.querySelector('#url');
        return [url.value, url.readOnly, url.form.textContent.includes('set by this site')].join()";
    assert_eq!(visit.text_of(url).await, format!("{server},true,true"));
    let retry = "const retry = document.querySelector('#setting-retry');
        const hint = document.querySelector('#setting-retry-hint').textContent;
        return [retry.checked, retry.disabled, hint.includes('set by this site')].join()";
    assert_eq!(visit.text_of(retry).await, "false,true,true");
    for (name, value) in [("outbox_limit", "7"), ("heartbeat_text", "b")] {
        let field = format!(
            "const field = document.querySelector('#setting-{name}');
             return [field.value, field.readOnly].join()"
        );
        assert_eq!(visit.text_of(&field).await, format!("{value},false"));
    }
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    assert_eq!((server.opened(), other.connections().len()), (1, 0));
}

#[tokio::test]
async fn a_stranger_in_a_link_is_asked_about_once() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    visit.site.configure(Config::Built);
    let stranger = server.to_string().replace("127.0.0.1", "example.test");
    let query = format!("url={stranger}&lang=en");
    let address = visit.site.address("127.0.0.1", &query);

    visit.go(&address).await;

    visit.reaches(&["confirm"]).await;
    sleep(START).await;
    assert_eq!(server.connections().len(), 0);
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    visit.go(&address).await;
    visit.reaches(&["open"]).await;
    assert_eq!(server.opened(), 2);
}

#[tokio::test]
async fn the_operator_decides_about_addresses_in_links() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    let stranger = server.to_string().replace("127.0.0.1", "example.test");
    let query = format!("url={stranger}&lang=en&retry_min=60m&autoconnect=true");
    let address = visit.site.address("127.0.0.1", &query);

    visit
        .site
        .configure(text(r#"{"url_param": "off", "defaults": {"url": "/no"}}"#));
    visit.go(&address).await;
    visit.reaches(&["refused"]).await;
    let alert = visit.alert().await;
    assert!(alert.contains("no address from a link"), "{alert}");

    visit
        .site
        .configure(text(r#"{"allowed_hosts": ["self", "friend.test"]}"#));
    visit.go(&address).await;
    visit.reaches(&["badUrl"]).await;
    let alert = visit.alert().await;
    assert!(alert.contains("friend.test"), "{alert}");
    visit.press("Connect").await;
    visit.reaches(&["badUrl"]).await;
    assert_eq!(server.connections().len(), 0);

    for config in [
        r#"{"url_param": "allow"}"#,
        r#"{"allowed_hosts": ["example.test"]}"#,
    ] {
        visit.evaluate("localStorage.clear()").await;
        visit.site.configure(text(config));
        visit.go(&address).await;
        visit.reaches(&["open"]).await;
    }
}

#[tokio::test]
async fn a_page_of_the_internet_asks_nobody_near_without_a_press() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    visit
        .site
        .configure(text(&format!(r#"{{"defaults": {{"url": "{server}"}}}}"#)));

    visit
        .go(&visit.site.address("example.test", "lang=en"))
        .await;

    visit.reaches(&["idle"]).await;
    sleep(START).await;
    assert_eq!(server.connections().len(), 0);
    visit.press("Connect").await;
    eventually("the press connects", SOON, async || {
        (!server.connections().is_empty()).then_some(())
    })
    .await;
}

fn text(text: &str) -> Config {
    Config::Text(text.to_owned())
}
