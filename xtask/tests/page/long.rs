//! Long texts, whoever they come from: the page goes on, whatever the machine has else to do. How long the
//! main thread was busy is compared with what plain letters, or a bare field, cost in the same page.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::key::Key;
use fantoccini::wd::TimeoutConfiguration;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn no_message_holds_the_page_up() {
    no_message_holds_up(Browser::Chromium).await;
}

#[tokio::test]
async fn no_message_holds_the_page_up_in_firefox() {
    no_message_holds_up(Browser::Firefox).await;
}

async fn no_message_holds_up(browser: Browser) {
    let (server, visit) = open(browser, "").await;
    let reference = visit.reference(&server).await;
    for (name, text) in messages() {
        let message = Message::text(text);
        takes_no_longer(name, reference, async || {
            visit.longest_once(&server, &message).await
        })
        .await;
        visit.holds_no_long_text(name).await;
        let note = visit.received_note().await;
        assert!(note.contains(" in all"), "{name}: {note}");
    }
}

#[tokio::test]
async fn bytes_hold_the_page_up_no_longer_than_a_text() {
    let (server, visit) = open(Browser::Chromium, "").await;
    let reference = visit.reference(&server).await;
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let message = Message::binary(bytes);
    takes_no_longer("1 MB of bytes", reference, async || {
        visit.longest_once(&server, &message).await
    })
    .await;
}

/// Messages of a megabyte or more, of every kind that makes a browser's layout work.
fn messages() -> [(&'static str, String); 11] {
    let of = |part: &str, bytes: usize| part.repeat(bytes / part.len());
    [
        (
            "JSON in one line",
            format!(
                "[{}0]",
                of(r#"{"id":17,"name":"Grüße","tags":["a","b"]},"#, 1_100_000)
            ),
        ),
        ("a letter", of("a", 5_000_000)),
        ("words", of("many short words ", 2_000_000)),
        ("line breaks", of("\n", 1_000_000)),
        ("marks", of("\u{301}", 1_000_000)),
        ("letters with marks", of("e\u{301}\u{323}", 1_000_000)),
        ("Arabic without a space", of("سلام", 1_000_000)),
        ("two directions in turn", of("aش", 1_000_000)),
        ("emoji that are joined", of("👩🏽‍👩‍👧", 1_000_000)),
        // The beginning ends within a pair of surrogates, if anything ends there.
        ("emoji", "a".to_owned() + &of("😀", 1_000_000)),
        ("what cannot be seen", of("\u{202e}\0", 1_000_000)),
    ]
}

#[tokio::test]
async fn heartbeats_keep_their_period_beside_long_messages() {
    let (server, visit) = open(Browser::Chromium, "&heartbeat=1s&heartbeat_mode=always").await;
    let quiet = longest_gap(&server, || {}).await;
    let [(_, text), ..] = messages();
    let beside = longest_gap(&server, || server.send([Message::text(text.as_str())])).await;
    println!("{quiet:.1?} between two heartbeats, {beside:.1?} beside messages of 1.1 MB");
    // It was ten times the period.
    assert!(beside <= quiet * 2, "{beside:?}, {quiet:?}");
    visit.reaches(&["open"]).await;
}

/// The longest time between two of the next heartbeats; `happens` as each of them comes.
async fn longest_gap(server: &Server, happens: impl Fn()) -> Duration {
    const BEATS: usize = 5;
    let before = server.heard();
    for beat in 1..=BEATS {
        happens();
        server
            .until("a heartbeat", |all| all[0].frames.len() >= before + beat)
            .await;
    }
    let gaps = server.connections()[0].gaps();
    *gaps[before..].iter().max().unwrap()
}

#[tokio::test]
async fn many_messages_of_100_kb_hold_nobody_up() {
    let (server, visit) = open(Browser::Chromium, "").await;
    let reference = visit.reference(&server).await;
    let filling = "0123456789 ".repeat(100_000 / 11);
    takes_no_longer("200 × 100 kB", reference, async || {
        server.send([Message::text("next")]);
        visit.shows("next").await;
        visit.starts_meter().await;
        server.send((1..=200).map(|n| Message::text(format!("{n} {filling}"))));
        visit.awaits_beginning("200 ").await;
        visit.longest().await
    })
    .await;
    visit.types("x").await;
    server.receives(&["x"]).await;
}

#[tokio::test]
async fn the_field_takes_a_long_text_as_a_bare_one_does() {
    the_field_takes(Browser::Chromium).await;
}

#[tokio::test]
async fn the_field_takes_a_long_text_as_a_bare_one_does_in_firefox() {
    the_field_takes(Browser::Firefox).await;
}

async fn the_field_takes(browser: Browser) {
    let (server, visit) = open(browser, "").await;
    visit.adds_bare_fields("textarea").await;
    let line = "a line of some seventy letters, of which a paste of a log has thousands\n";
    for (name, text) in [
        ("a letter", "a".repeat(1_700_000)),
        ("words", "many short words ".repeat(500_000 / 17)),
        ("lines", line.repeat(500_000 / line.len())),
        ("line breaks", "\n".repeat(30_000)),
        ("Hebrew words", "שלום עולם ".repeat(10_000)),
    ] {
        visit.compares("#message", name, &text).await;
        server
            .until("the text", |all| {
                let text = text.trim_end_matches('x');
                all.iter().any(|one| {
                    one.frames
                        .iter()
                        .any(|frame| frame.text.len() >= text.len())
                })
            })
            .await;
        visit.holds_no_long_text(name).await;
    }
    assert_eq!(server.connections().len(), 1);
}

#[tokio::test]
async fn every_other_field_takes_a_long_text_as_a_bare_one_does() {
    let (_server, visit) = open(Browser::Chromium, "").await;
    visit.press("Disconnect").await;
    visit.opens_panel().await;
    visit.adds_bare_fields("input").await;
    for field in [
        "#url",
        ".log [type=search]",
        "#setting-heartbeat_text",
        "#setting-reply_text",
    ] {
        for (name, text) in [
            ("a letter", "a".repeat(1_000_000)),
            ("an address", format!("http://{}", "a.".repeat(500_000))),
            ("Hebrew words", "שלום עולם ".repeat(10_000)),
        ] {
            visit
                .compares(field, &format!("{name} in {field}"), &text)
                .await;
            visit.holds_no_long_text(name).await;
        }
    }
}

#[tokio::test]
async fn a_long_address_is_told_of_in_short() {
    let (server, visit) = open(Browser::Chromium, "&retry_min=1440m&retry_max=1440m").await;
    let reference = visit.reference(&server).await;
    visit.press("Disconnect").await;
    for (address, state) in [
        (format!("http://{}", "a.".repeat(500_000)), "badUrl"),
        (format!("{}://x", "a".repeat(1_000_000)), "badUrl"),
        (format!("{server}/{}", "a".repeat(1_000_000)), "refused"),
    ] {
        takes_no_longer(&address[..20], reference, async || {
            visit.pastes("#url", &address).await;
            visit.starts_meter().await;
            visit.press("Connect").await;
            visit.reaches(&[state]).await;
            let took = visit.longest().await;
            visit.holds_no_long_text(&address[..20]).await;
            if state == "refused" {
                visit.press("Stop").await;
                visit.reaches(&["stopped"]).await;
            }
            took
        })
        .await;
    }
}

#[tokio::test]
async fn a_long_row_is_opened_in_every_look() {
    let (server, visit) = open(Browser::Chromium, "").await;
    let reference = visit.reference(&server).await;
    let item = r#"{"id":17,"name":"Grüße"},"#;
    let text = format!("[{}0]", item.repeat(4_000_000 / item.len()));
    visit
        .longest_once(&server, &Message::text(text.as_str()))
        .await;
    // A browser's own reader of JSON takes the whole, too.
    let reads = "const text = '[' + arguments[0].repeat(arguments[1]) + '0]'; JSON.parse(text);";
    let read = least(0.0, async || {
        let parts = vec![json!(item), json!(4_000_000 / item.len())];
        visit.measures(reads, parts).await
    })
    .await;
    let row = "[...document.querySelectorAll('[data-row]')].at(-1).click()";
    let closes = format!("if (document.querySelector('.opened')) {row}");
    let [pretty, text, bytes] =
        [0, 1, 2].map(|n| format!("document.querySelectorAll('.looks button')[{n}].click()"));
    for (before, look, begins) in [
        (closes.as_str(), row, "[\n  {\n"),
        (&pretty, &text, "[{"),
        (&text, &bytes, "00000000"),
        (&bytes, &pretty, "[\n  {\n"),
    ] {
        takes_no_longer(begins, reference + read, async || {
            visit.within_page(before, vec![]).await;
            visit.measures(look, vec![]).await
        })
        .await;
        let shown = visit
            .text_of("return document.querySelector('.opened pre').textContent")
            .await;
        assert!(shown.starts_with(begins), "{shown:.40}");
        visit.holds_no_long_text(begins).await;
    }
    let note = visit
        .text_of("return document.querySelector('.opened pre + .hint').textContent")
        .await;
    assert!(note.contains("the message is 4.0 MB in all"), "{note}");
}

#[tokio::test]
async fn a_search_in_5_mb_takes_no_longer_for_1_000_letters() {
    let (server, visit) = open(Browser::Chromium, "").await;
    let search = async |needle: &str| {
        let field = ".log [type=search]";
        visit.pastes(field, "").await;
        visit.measures(PUT, vec![json!(field), json!(needle)]).await
    };
    let needles = [
        ("a".repeat(1_000) + "b", false),
        ("a".repeat(1_000), true),
        ("ab".repeat(500), false),
        ("a".repeat(1_000_000) + "b", false),
    ];
    let mut in_nothing = vec![];
    for (needle, _) in &needles {
        in_nothing.push(least(0.0, async || search(needle).await).await);
    }
    server.send([Message::text("a".repeat(5_000_000))]);
    visit.awaits_beginning("a").await;
    let letter = least(0.0, async || search("b").await).await;
    for ((needle, is_there), in_nothing) in needles.iter().zip(in_nothing) {
        let name = format!("{} letters", needle.len());
        takes_no_longer(&name, letter + in_nothing, async || search(needle).await).await;
        let rows = "return document.querySelectorAll('.row.got').length";
        assert_eq!(visit.evaluate(rows).await, u64::from(*is_there));
    }
}

#[tokio::test]
async fn all_of_a_long_message_is_copied() {
    let (server, visit) = open(Browser::Chromium, "").await;
    let reference = visit.reference(&server).await;
    let text = "one 2 three ".repeat(90_000);
    visit
        .longest_once(&server, &Message::text(text.as_str()))
        .await;

    // Where a page did not come safely, it has no other way.
    visit
        .evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        .await;
    takes_no_longer("copied", reference, async || {
        visit.starts_meter().await;
        visit.press("Copy last message").await;
        visit.longest().await
    })
    .await;
    let said = "return document.querySelector('.copying [role=status]').textContent";
    eventually("it is copied", SOON, async || {
        (visit.text_of(said).await == "Copied").then_some(())
    })
    .await;

    let field = visit.session.client.find(Locator::Css("#message")).await;
    field
        .unwrap()
        .send_keys(&(Key::Control + "v"))
        .await
        .unwrap();
    server
        .until("all of it", |all| {
            all[0].frames.iter().any(|frame| frame.text == text)
        })
        .await;
}

#[tokio::test]
async fn texts_are_isolated_and_bounded_everywhere() {
    isolated_and_bounded(Browser::Chromium).await;
}

#[tokio::test]
async fn texts_are_isolated_and_bounded_everywhere_in_firefox() {
    isolated_and_bounded(Browser::Firefox).await;
}

async fn isolated_and_bounded(browser: Browser) {
    let (server, visit) = open(browser, "&retry_min=10ms&retry_max=10ms").await;
    visit
        .isolates("open", &["#received", ".log [type=search]", ".row .what"])
        .await;
    visit.opens_panel().await;
    visit.isolates("the settings", &["#received"]).await;

    for (text, look) in [
        (format!("[{}0]", "1,".repeat(100_000)), "pretty JSON"),
        ("שלום ".repeat(100_000), "text"),
        (String::new(), "nothing"),
    ] {
        server.send([Message::text(text.as_str())]);
        let opens = "const rows = [...document.querySelectorAll('.row.got')];
            const seen = window.opened ?? 0;
            if (rows.length <= seen) return false;
            window.opened = rows.length;
            rows.at(-1).click();
            return true;";
        eventually("the row is there", SOON, async || {
            (visit.evaluate(opens).await == true).then_some(())
        })
        .await;
        eventually("the row is opened", SOON, async || {
            let opened = "return document.querySelector('.opened pre') && true";
            (visit.evaluate(opened).await == true).then_some(())
        })
        .await;
        visit
            .isolates(look, &["#received", ".row .what", ".opened pre"])
            .await;
        visit.holds_no_long_text(look).await;
        let looks = "return document.querySelectorAll('.looks button').length";
        let looks = visit.evaluate(looks).await.as_u64().unwrap();
        for index in 0..looks {
            let press = format!("document.querySelectorAll('.looks button')[{index}].click()");
            visit.evaluate(&press).await;
            visit.isolates(look, &["#received"]).await;
            visit.holds_no_long_text(look).await;
        }
    }

    let text = "שלום ".repeat(100_000);
    visit.pastes("#message", &text).await;
    let reason = "because of ש, and for no other reason";
    visit.sets_aside(&server, &text, reason).await;
    visit.isolates("a text set aside", &[".aside p"]).await;
    visit.holds_no_long_text("a text set aside").await;
}

/// A page that is connected to a server which says nothing by itself.
async fn open(browser: Browser, query: &str) -> (Server, Visit) {
    let server = Server::start(Manner::Silent);
    let visit = Visit::with(browser, &[], &format!("url={server}&lang=en{query}")).await;
    let limit = TimeoutConfiguration::new(Some(Duration::from_mins(5)), None, None);
    let client = &visit.session.client;
    client.update_timeouts(limit).await.unwrap();
    visit.reaches(&["open"]).await;
    visit.evaluate(METER).await;
    (server, visit)
}

/// Checks that something takes no longer than [`FACTOR`] times its measure, both in milliseconds.
async fn takes_no_longer(name: &str, measure: f64, take: impl AsyncFnMut() -> f64) {
    let took = least(measure * FACTOR, take).await;
    println!("{name:?}: {took:.0} ms, its measure {measure:.0} ms");
    assert!(took <= measure * FACTOR, "{name}: {took} ms, {measure} ms");
}

/// The first time that is no longer than `enough`, or else the least of some. A busy machine adds to a time,
/// and takes nothing from it.
async fn least(enough: f64, mut take: impl AsyncFnMut() -> f64) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        least = least.min(take().await);
        if least <= enough {
            break;
        }
    }
    least
}

impl Visit {
    /// How long a message of plain letters, all of which is shown, holds the main thread up, in milliseconds.
    async fn reference(&self, server: &Server) -> f64 {
        let words = Message::text("plain letters ".repeat(31_000 / 14));
        least(0.0, async || self.longest_once(server, &words).await).await
    }

    /// How long a message holds the main thread up at once.
    async fn longest_once(&self, server: &Server, message: &Message) -> f64 {
        server.send([Message::text("next")]);
        self.shows("next").await;
        self.starts_meter().await;
        server.send([message.clone()]);
        let waits =
            "while (document.querySelector('#received').textContent === 'next') await frame();";
        self.within_page(waits, vec![]).await;
        self.longest().await
    }

    async fn awaits_beginning(&self, text: &str) {
        let waits = "while (!document.querySelector('#received').textContent.startsWith(arguments[0])) await frame();";
        self.within_page(waits, vec![json!(text)]).await;
    }

    /// How long a script and what follows from it hold the main thread up at once.
    async fn measures(&self, script: &str, arguments: Vec<Value>) -> f64 {
        self.starts_meter().await;
        self.within_page(script, arguments).await;
        self.longest().await
    }

    async fn starts_meter(&self) {
        self.evaluate("window.meter.start()").await;
    }

    /// How long the main thread was held up at once since then.
    async fn longest(&self) -> f64 {
        self.within_page("return window.meter.stop();", vec![])
            .await
            .as_f64()
            .unwrap()
    }

    /// Runs `script`, and waits until what follows from it is laid out.
    async fn within_page(&self, script: &str, arguments: Vec<Value>) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const frame = () => new Promise(requestAnimationFrame);
             const run = async (...arguments) => {{ {script} }};
             run(...arguments).then(async value => {{
                 await frame();
                 await frame();
                 done(value);
             }}, error => done('failed: ' + error));"
        );
        let evaluated = self.session.client.execute_async(&script, arguments).await;
        let value = evaluated.unwrap();
        assert!(
            !value.as_str().is_some_and(|it| it.starts_with("failed: ")),
            "{value}"
        );
        value
    }

    async fn adds_bare_fields(&self, element: &str) {
        let adds = format!(
            "for (let n = 0; n < {BARE}; n += 1) {{
                const field = document.createElement('{element}');
                field.className = 'bare';
                document.querySelector('main').append(field);
            }}"
        );
        self.evaluate(&adds).await;
    }

    /// Puts a text into a field as a user does, and into the bare ones beside it, and a letter more. It takes
    /// no longer than they take together: a busy machine holds up alike what takes alike.
    async fn compares(&self, field: &str, name: &str, text: &str) {
        let mut took = [f64::INFINITY; 2];
        // The least of each, which a busy machine comes to later.
        for round in 0..ROUNDS {
            if round > 0 && took[0] <= took[1] {
                break;
            }
            for (took, fields) in took.iter_mut().zip([field, ".bare"]) {
                for text in [text.to_owned(), format!("{text}x")] {
                    let arguments = vec![json!(fields), json!(text)];
                    *took = took.min(self.measures(PUT, arguments).await);
                }
                self.measures(PUT, vec![json!(fields), json!("")]).await;
            }
        }
        let [took, bare] = took;
        println!("{name}: {took:.0} ms, in {BARE} bare fields {bare:.0} ms");
        assert!(took <= bare, "{name}: {took} ms, {bare} ms");
    }

    /// Puts a text into a field, and waits until that is drawn.
    async fn pastes(&self, field: &str, text: &str) {
        self.within_page(PUT, vec![json!(field), json!(text)]).await;
    }

    /// Checks that no element has the browser look for the direction of each of its lines, and that `found`
    /// are there and isolated.
    async fn isolates(&self, what: &str, found: &[&str]) {
        let look = "
            const bidi = element => getComputedStyle(element).unicodeBidi;
            const tell = element => `${element.tagName} ${element.id} ${element.className}: ${bidi(element)}`;
            const all = [...document.querySelectorAll('*')];
            const bad = all.filter(element => bidi(element) === 'plaintext'
                || (element.matches('[dir], textarea') && !bidi(element).startsWith('isolate')));
            const found = arguments[0].filter(selector =>
                !document.querySelector(selector)?.matches('[dir]'));
            return [...bad.map(tell), ...found];";
        let client = &self.session.client;
        let wrong = client.execute(look, vec![json!(found)]).await.unwrap();
        assert_eq!(wrong, json!([]), "{what}");
    }

    /// Checks that no element and no attribute holds more of a text than is shown of one. What a user has
    /// put into a field is the user's.
    async fn holds_no_long_text(&self, what: &str) {
        let look = "
            const long = [];
            const look = (text, where) => { if (text.length > arguments[0]) long.push(where + ' ' + text.length); };
            look(document.title, 'title');
            for (const element of document.querySelectorAll('body, body *')) {
                const own = [...element.childNodes].filter(node => node.nodeType === Node.TEXT_NODE);
                if (element.tagName !== 'SCRIPT') look(own.map(node => node.data).join(''), element.outerHTML.slice(0, 80));
                for (const { name, value } of element.attributes) {
                    if (!(element.tagName === 'INPUT' && name === 'value')) look(value, name);
                }
            }
            return long;";
        let client = &self.session.client;
        let long = client.execute(look, vec![json!(MOST)]).await.unwrap();
        assert_eq!(long, json!([]), "{what}");
    }
}

/// Notes for how long the main thread did nothing else. A task of its own comes after every other.
const METER: &str = "
    const channel = new MessageChannel();
    let isOn = false, last, longest;
    const look = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
    };
    channel.port1.onmessage = () => {
        look();
        if (isOn) channel.port2.postMessage(0);
    };
    window.meter = {
        start() {
            [isOn, last, longest] = [true, performance.now(), 0];
            channel.port2.postMessage(0);
        },
        stop() {
            look();
            isOn = false;
            return longest;
        },
    };";

/// Puts a text into a field as a paste does, which the page hears of.
const PUT: &str = "
    for (const field of document.querySelectorAll(arguments[0])) {
        field.value = arguments[1];
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }";

/// How many times longer a text may take than its measure, on a machine that may do something else just then.
/// What grows with the square of the length took 30 times as long and more.
const FACTOR: f64 = 8.0;

/// How many bare fields may take as long as one of the page.
const BARE: u32 = 4;

/// How often a comparison is made at most.
const ROUNDS: u32 = 6;

/// What is shown of a text at most, in UTF-16 units: src/payload.rs.
const MOST: usize = 32_000;
