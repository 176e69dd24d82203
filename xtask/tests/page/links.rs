//! What a link, and a page around this one, can make the page do.

use fantoccini::Locator;
use tokio::time::sleep;
use xtask::browser::Browser;
use xtask::site::{Config, Site};

use super::server::{Manner, Server};
use super::visit::{EXAMPLE_IS_HERE, START, Visit};
use super::{SOON, eventually};

/// The page of this machine is no exception: any website can follow a link to it.
#[tokio::test]
async fn a_link_speaks_to_a_port_of_this_machine_only_after_consent() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::before(browser, &[], "/", None).await;
        visit.site.configure(Config::Built);
        let text = "{%22op%22:%22deleteAccount%22}";
        let query = format!(
            "url={server}&heartbeat=100ms&heartbeat_mode=always&heartbeat_text={text}&lang=en"
        );
        let address = visit.site.address("127.0.0.1", &query);

        visit.go(&address).await;

        visit.reaches(&["confirm"]).await;
        let question = visit.alert().await;
        for shown in [
            format!("url = {server}"),
            "heartbeat_text = {\"op\":\"deleteAccount\"}".to_owned(),
            "heartbeat = 100ms".to_owned(),
        ] {
            assert!(question.contains(&shown), "{question}");
        }
        sleep(START).await;
        assert_eq!(server.connections().len(), 0, "{browser}");
        visit.press("Connect").await;
        visit.reaches(&["open"]).await;
        // What was agreed to once needs no second question; other words do.
        visit.go(&address).await;
        visit.reaches(&["open"]).await;
        let others = address.replace("deleteAccount", "deleteAll");
        visit.session.client.goto("about:blank").await.unwrap();
        let before = server.connections().len();
        visit.go(&others).await;
        visit.reaches(&["confirm"]).await;
        sleep(START).await;
        assert_eq!(server.connections().len(), before, "{browser}");
    }
}

#[tokio::test]
async fn a_link_to_another_path_of_the_pages_own_host_is_asked_about_and_stays_the_links() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    visit.site.configure(Config::Text(format!(
        r#"{{"defaults": {{"url": "{}"}}}}"#,
        at_example(&server)
    )));
    let link = format!("url={}room&lang=en", at_example(&server));

    visit.go(&visit.site.address("example.test", &link)).await;

    visit.reaches(&["confirm"]).await;
    assert_eq!(server.connections().len(), 0);
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    // The page without the link is not moved by it, in this tab or in a new one.
    visit.go(&visit.site.address("example.test", "")).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.url().await, at_example(&server));
    let window = visit.session.client.new_window(true).await.unwrap();
    let client = &visit.session.client;
    client.switch_to_window(window.handle).await.unwrap();
    visit.go(&visit.site.address("example.test", "")).await;
    visit.reaches(&["open"]).await;
    assert_eq!(visit.url().await, at_example(&server));
}

/// A text is cut where it would take a browser long to lay it out, and nobody can agree to the rest.
#[tokio::test]
async fn what_a_link_says_that_cannot_be_shown_whole_is_not_said() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Built);
    // Letters that join: with plain ones it would take more than an address holds.
    let greeting = format!("hi,{},delete", "%D8%A7".repeat(600));
    let query = format!("url={server}&greeting={greeting}&lang=en");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["confirm"]).await;
    let question = visit.alert().await;
    assert!(!question.contains("greeting = "), "{question}");
    assert!(question.contains("greeting: What a link says is too long"));
    visit.agrees().await;
    visit.types("a").await;
    visit.shows("a").await;
    assert_eq!(server.texts(), ["a"]);
}

/// *Connect* goes where the field says, and asks what is still to be asked.
#[tokio::test]
async fn the_question_follows_the_address_and_ends_with_what_it_is_about() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Built);
    let link = "url=wss://evil.example/x&autoconnect=false&lang=en";
    visit.go(&visit.site.address("127.0.0.1", link)).await;
    visit.reaches(&["confirm"]).await;
    visit.enters_url(&server.to_string()).await;
    visit.reaches(&["idle"]).await;
    let said = visit.status().await;
    assert!(said.contains(&server.to_string()), "{said}");
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;

    let link = "url=wss://evil.example/x&greeting=hi&autoconnect=false&lang=en";
    visit.go(&visit.site.address("127.0.0.1", link)).await;
    visit.reaches(&["confirm"]).await;
    visit.enters_url("ws://example.org/").await;
    let asks = "Connect to example.org?";
    eventually("the question follows", SOON, async || {
        (visit.headline().await == asks).then_some(())
    })
    .await;
    eventually("it is told", SOON, async || {
        let question = visit.alert().await;
        let follows = question.contains("greeting = hi") && !question.contains("evil.example");
        follows.then_some(())
    })
    .await;
    visit.opens_panel().await;
    visit.press("Reset to defaults").await;
    visit.reaches(&["idle"]).await;
}

/// It may be a login, and goes where the link leads.
#[tokio::test]
async fn the_question_says_what_of_the_users_own_goes_where_a_link_leads() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Text("{}".to_owned()));
    let query = "autoconnect=false&lang=en";
    visit.go(&visit.site.address("127.0.0.1", query)).await;
    let choose = "localStorage.setItem('heartwire / settings', 'greeting=my+login')";
    visit.evaluate(choose).await;
    let query = format!("url={server}&lang=en");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["confirm"]).await;
    let question = visit.alert().await;
    let own = question.split("What you have set yourself goes there, too:");
    let own: Vec<_> = own.collect();
    assert_eq!(own.len(), 2, "{question}");
    assert!(own[1].contains("greeting = my login"), "{question}");
    assert!(server.connections().is_empty());
}

/// A link may be harmless as to where it leads, and the address is the user's own then.
#[tokio::test]
async fn words_of_a_link_are_asked_about_whatever_address_is_typed() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Text(
        r#"{"mandatory": {"autoconnect": false}}"#.to_owned(),
    ));
    visit.go(&visit.site.address("127.0.0.1", "")).await;
    for setting in [
        "heartbeat_text",
        "protocols",
        "reply_text",
        "server_heartbeat_text",
        "greeting",
        "answers",
    ] {
        visit.evaluate("localStorage.clear()").await;
        let theirs = if setting == "answers" {
            "theirs%3D1"
        } else {
            "theirs"
        };
        let query = format!("{setting}={theirs}&url=nonsense&lang=en");
        visit.go(&visit.site.address("127.0.0.1", &query)).await;
        visit.reaches(&["badUrl"]).await;
        visit.enters_url(&server.to_string()).await;
        visit.press("Connect").await;

        visit.reaches(&["confirm"]).await;
        let question = visit.alert().await;
        assert!(
            question.contains(&format!("{setting} = theirs")),
            "{question}"
        );
        // The link does not lead there.
        assert!(!question.contains("url = "), "{question}");
        assert_eq!(server.connections().len(), 0, "{setting}");
        visit.press("Ignore").await;
        visit.reaches(&["idle"]).await;
    }
}

/// What somebody agrees to say to one server is not to be said to another.
#[tokio::test]
async fn an_answer_holds_for_the_server_that_it_was_given_for() {
    let (first, second) = (Server::start(Manner::Echo), Server::start(Manner::Echo));
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Built);
    let query = format!("url={first}&heartbeat_text=theirs&lang=en");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["confirm"]).await;

    // Entered under the question, which is about that one then.
    visit.enters_url(&second.to_string()).await;
    let expected = second.to_string().replace("ws://", "Connect to ") + "?";
    eventually("it is asked about the second", SOON, async || {
        (visit.headline().await == expected).then_some(())
    })
    .await;
    assert_eq!(second.connections().len(), 0);
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    visit.press("Disconnect").await;
    visit.reaches(&["stopped"]).await;

    visit.enters_url(&first.to_string()).await;
    visit.press("Connect").await;
    visit.reaches(&["confirm"]).await;
    assert_eq!(first.connections().len(), 0);
}

#[tokio::test]
async fn an_address_that_the_page_mends_in_a_link_stays_the_links() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Built);
    let query = format!("{}/x&lang=en", server.to_string().replace("ws://", "url="));
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["badUrl"]).await;

    visit.press(&format!("Use {server}/x")).await;
    visit.reaches(&["confirm"]).await;
    assert_eq!(server.connections().len(), 0);
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;

    let plain = "autoconnect=false&lang=en";
    visit.go(&visit.site.address("127.0.0.1", plain)).await;
    visit.reaches(&["idle"]).await;
    assert_eq!(visit.url().await, "ws://localhost:8080");
}

#[tokio::test]
async fn the_question_names_the_host_that_the_browser_reads() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let visit = Visit::before(browser, &[], "/", None).await;
        visit.site.configure(Config::Built);
        for (url, host) in [
            ("ws://аррӏе.com/", "xn--80ak6aa92e.com"),
            (
                "wss://page.example⁄login.evil.example",
                "page.xn--examplelogin-xk0g.evil.example",
            ),
            ("ws://0x7f.1:8081/", "127.0.0.1:8081"),
            ("ws://2130706433:81", "127.0.0.1:81"),
            ("ws://[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
            ("ws://ｌｏｃａｌｈｏｓｔ:81", "localhost:81"),
        ] {
            let query = format!("url={url}&lang=en");
            visit.go(&visit.site.address("127.0.0.1", &query)).await;

            visit.reaches(&["confirm"]).await;
            let headline = visit.headline().await;
            assert_eq!(headline, format!("Connect to {host}?"), "{browser}: {url}");
            let read = format!("return new URL('{url}').host");
            assert_eq!(visit.text_of(&read).await, host, "{browser}: {url}");
        }
    }
}

/// Whoever names it: the browser may ask for a permission.
#[tokio::test]
async fn this_machine_is_known_however_its_address_is_written() {
    let server = Server::start(Manner::Echo);
    let port = server.port();
    let visit = Visit::before(Browser::Chromium, &[EXAMPLE_IS_HERE], "/", None).await;
    for host in [
        "127.1",
        "0.0.0.0",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "localhost.",
        "[::]",
    ] {
        let url = format!("ws://{host}:{port}/");
        let config = format!(r#"{{"defaults": {{"url": "{url}"}}, "url_param": "allow"}}"#);
        visit.site.configure(Config::Text(config));

        visit
            .go(&visit.site.address("example.test", "lang=en"))
            .await;

        visit.reaches(&["idle"]).await;
    }
    sleep(START).await;
    assert_eq!(server.connections().len(), 0);
}

/// Who frames the page decides what somebody sees who presses something in it.
#[tokio::test]
async fn in_a_frame_of_another_origin_no_question_can_be_answered() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::before(browser, &[], "/", None).await;
        visit.site.configure(Config::Built);
        let query = format!("url={server}&lang=en");
        let framed = visit.site.address("127.0.0.1", &query);
        let folder = tempfile::tempdir().unwrap();
        let page = format!(
            "<!doctype html><iframe width=800 height=900 src='{}'></iframe>",
            framed.replace('&', "&amp;")
        );
        std::fs::write(folder.path().join("index.html"), page).unwrap();
        let stranger = Site::start(folder.path(), "/", None).await.unwrap();
        let client = &visit.session.client;

        client
            .goto(&stranger.address("localhost", ""))
            .await
            .unwrap();
        let frame = client.find(Locator::Css("iframe")).await.unwrap();
        frame.enter_frame().await.unwrap();
        eventually("the page has started", SOON, async || {
            let has_started = "return document.querySelector('[data-state]') && true";
            visit.evaluate(has_started).await.as_bool()
        })
        .await;
        visit.reaches(&["confirm"]).await;
        visit.press("Connect").await;
        let opened = async || {
            let windows = client.windows().await.unwrap();
            (windows.len() == 2).then_some(windows)
        };
        let windows = eventually("the page is opened by itself", SOON, opened).await;

        assert_eq!(visit.datum("state").await, "confirm");
        let buttons = "return [...document.querySelectorAll('.buttons button')]
            .map((one) => one.textContent).join()";
        assert_eq!(visit.text_of(buttons).await, "Open this page by itself");
        assert_eq!(server.connections().len(), 0, "{browser}");
        let own = client.window().await.unwrap();
        let alone = windows.into_iter().find(|window| *window != own);
        client.switch_to_window(alone.unwrap()).await.unwrap();
        visit.agrees().await;
    }
}

fn at_example(server: &Server) -> String {
    server.to_string().replace("127.0.0.1", "example.test") + "/"
}
