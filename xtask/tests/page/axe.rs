use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::{env, fs};

use futures_util::future::join_all;
use heartwire_page::words::Lang;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::picture::FOLDER;
use xtask::site::Config;

use super::server::{Manner, Server};
use super::states::{BROWSERS, LONG, STATES, Scene, State};
use super::visit::Visit;
use super::{SOON, eventually};

/// Every state, in both languages, light and dark, narrow and wide, with an address and a message of
/// 200 letters: axe finds nothing, nothing has to be scrolled sideways, every control can be hit.
#[tokio::test]
async fn every_state_is_accessible_in_every_look() {
    let shares = STATES.chunks(STATES.len().div_ceil(BROWSERS));
    let found = join_all(shares.map(look_at)).await.concat();
    assert!(found.is_empty(), "{found}");
}

/// With all that opens opened, and with all that goes wrong in the fields, in every look.
#[tokio::test]
async fn everything_opened_and_every_error_is_accessible_in_every_look() {
    let found = join_all(Lang::ALL.map(look_into)).await.concat();
    assert!(found.is_empty(), "{found}");
}

/// What is wrong with the page in this language once it shows all that it hides.
async fn look_into(lang: Lang) -> String {
    let words = lang.words();
    let mut server = Server::absent(Manner::Silent);
    let url = format!("{server}/{}", "p".repeat(LONG));
    let (lang, settings) = (lang.tag(), "outbox_limit=1&retry_min=24m&retry_max=24m");
    let visit = Visit::to(&format!("url={url}&lang={lang}&{settings}")).await;
    visit.reaches(&["refused"]).await;
    visit.opens_everything().await;
    for _ in 0..2 {
        visit.types(&"x".repeat(LONG)).await;
        visit.press(words.send).await;
    }
    server.resume();
    visit.press(words.retry_now).await;
    visit.reaches(&["open"]).await;
    visit.press(words.clear).await;
    let message = format!("[\"{}\"]", "m".repeat(LONG));
    server.send([
        Message::text(message.as_str()),
        Message::text(message.as_str()),
    ]);
    visit.shows(&message).await;
    visit.presses_row("got").await;
    visit.finds(words.undo, "button").await;
    visit
        .finds(&words.outbox_full.replace("{n}", "1"), "#message-error")
        .await;
    let mut found = look_everywhere(&visit, &format!("open, {lang}")).await;

    visit.press(words.disconnect).await;
    visit.reaches(&["stopped"]).await;
    visit.enters_url(&"p".repeat(LONG)).await;
    visit.spoils_settings().await;
    visit.press(words.connect).await;
    visit.reaches(&["badUrl"]).await;
    visit.opens_everything().await;
    visit.finds(words.bad_url, ".headline").await;
    found += &look_everywhere(&visit, &format!("badUrl, {lang}")).await;
    found
}

/// What a link and a server cause: the question, the trust that is withdrawn, a message that is cut, a text
/// that is set aside.
///
/// For `cargo xtask picture --all` it takes pictures of them, too.
#[tokio::test]
async fn what_strangers_cause_is_accessible_in_every_look() {
    let found = join_all(Lang::ALL.map(look_at_strangers)).await.concat();
    assert!(found.is_empty(), "{found}");
}

/// What is wrong with the page in this language when strangers are at work.
async fn look_at_strangers(lang: Lang) -> String {
    let words = lang.words();
    let server = Server::start(Manner::Echo);
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    visit.site.configure(Config::Built);
    let text = "x".repeat(LONG);
    let (tag, settings) = (lang.tag(), "heartbeat=300ms&retry_min=10ms&retry_max=10ms");
    let query = format!("url={server}&lang={tag}&{settings}&heartbeat_text={text}");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["confirm"]).await;
    let mut found = look_everywhere(&visit, &format!("question-{tag}")).await;

    visit.press(words.connect).await;
    visit.reaches(&["open"]).await;
    let message = format!("[\"{}\"]", "m".repeat(40_000));
    server.send([Message::text(message)]);
    eventually("the message is cut", SOON, async || {
        visit.received_note().await.contains("40").then_some(())
    })
    .await;
    eventually("the trust is withdrawn", SOON, async || {
        server.send([Message::text(text.as_str())]);
        let said = visit.status().await;
        let begin = words.distrusted.split('{').next().unwrap_or_default();
        said.contains(begin).then_some(())
    })
    .await;
    found += &look_everywhere(&visit, &format!("distrusted-{tag}")).await;

    visit.types("y").await;
    visit.sets_aside(&server, "y", "").await;
    visit.reaches(&["open", "reopened"]).await;
    found += &look_everywhere(&visit, &format!("aside-{tag}")).await;
    found
}

/// What is wrong with the page as it stands, light and dark, narrow and wide.
pub(super) async fn look_everywhere(visit: &Visit, what: &str) -> String {
    let mut found = String::new();
    for (scheme, width) in LOOKS {
        wear(visit, scheme, width, 800).await;
        for one in judge(visit, scheme).await {
            writeln!(found, "{what}, {scheme}, {width} px: {one}").unwrap();
        }
        if let Some(folder) = env::var_os(FOLDER) {
            portray(
                visit,
                Path::new(&folder),
                &format!("{what}-{scheme}-{width}"),
            )
            .await;
        }
    }
    found
}

/// What is wrong with these states, a line for each finding.
async fn look_at(states: &'static [State]) -> String {
    let mut found = String::new();
    let mut scene = Scene::open().await;
    // Once, and not after each of the many times that the page is loaded.
    scene.visit.run_first(&AXE).await;
    scene.visit.run_first(HOLDING).await;
    for (state, lang) in states
        .iter()
        .flat_map(|state| Lang::ALL.map(|lang| (state, lang)))
    {
        scene.set(state);
        let holds = async |scene: &Scene| {
            scene.crowd().await;
            scene.visit.evaluate("window.hold()").await;
            scene.is_there().await
        };
        scene.enter_until(lang, holds).await;
        for (scheme, width) in LOOKS {
            wear(&scene.visit, scheme, width, 800).await;
            for one in judge(&scene.visit, scheme).await {
                let (id, lang) = (state.id, lang.tag());
                writeln!(found, "{id}, {lang}, {scheme}, {width} px: {one}").unwrap();
            }
        }
        assert!(
            scene.is_there().await,
            "{} passes though it is held",
            state.id
        );
    }
    found
}

/// Once the page is held, its clock stands still, and no timer of it expires but those that draw: a look
/// takes longer than some states last.
const HOLDING: &str = "
    let isHeld = false;
    window.hold = () => {
        isHeld = true;
        for (const clock of [performance, Date]) {
            const now = clock.now();
            clock.now = () => now;
        }
    };
    for (const name of ['setTimeout', 'setInterval']) {
        const start = window[name];
        window[name] = (expire, wait, ...rest) => start((...all) => {
            if (!isHeld || !(wait >= 500)) expire(...all);
        }, wait, ...rest);
    }";

/// Takes a picture of the whole page into the folder, under this name.
async fn portray(visit: &Visit, folder: &Path, name: &str) {
    let picture = visit.session.client.screenshot().await.unwrap();
    fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}

/// Shows the page as in such a window of such a device.
pub(crate) async fn wear(visit: &Visit, scheme: &str, width: u32, height: u64) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    visit
        .devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    let metrics =
        json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    visit
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await;
}

/// What is wrong with the page as it stands: what axe finds, by rule, place and summary; how far it
/// is too wide; and which controls are too small. In the dark, of axe's rules only those about colours: a
/// scheme changes nothing else, and they are a third of the work.
pub(crate) async fn judge(visit: &Visit, scheme: &str) -> Vec<String> {
    // WebDriver runs scripts past the page's policy.
    let client = &visit.session.client;
    if visit.evaluate("return typeof axe").await == "undefined" {
        client.execute(&AXE, vec![]).await.unwrap();
    }
    let rules = match scheme {
        "dark" => json!({ "type": "rule", "values": COLOURS }),
        _ => json!({ "type": "tag", "values": TAGS }),
    };
    let wrong = client.execute_async(JUDGE, vec![rules]).await.unwrap();
    let Value::Array(wrong) = wrong else {
        panic!("axe failed: {wrong}");
    };
    wrong
        .iter()
        .map(|one| one.as_str().unwrap_or_default().to_owned())
        .collect()
}

const JUDGE: &str = "
    const [rules, done] = arguments;
    const wrong = [];
    const page = document.documentElement;
    if (page.scrollWidth > innerWidth) wrong.push(`${page.scrollWidth - innerWidth} px too wide`);
    const controls = 'a[href], button, input, select, summary, textarea, [tabindex=\"0\"]';
    for (const control of document.querySelectorAll(controls)) {
        const { width, height } = control.getBoundingClientRect();
        const isShown = control.checkVisibility();
        if (isShown && (width < 24 || height < 24)) {
            wrong.push(`${width} by ${height} px are too small: ${control.outerHTML.slice(0, 200)}`);
        }
    }
    axe.run(document, { runOnly: rules, resultTypes: ['violations'] }).then(
        ({ violations }) => {
            for (const { id, nodes } of violations) {
                for (const { target, failureSummary } of nodes) {
                    wrong.push(`${id}: ${target.join(' ')}: ${failureSummary.replace(/\\s+/g, ' ')}`);
                }
            }
            done(wrong);
        },
        error => done(String(error)),
    );";

/// Those that look at colours, of the ones with [`TAGS`].
const COLOURS: [&str; 2] = ["color-contrast", "link-in-text-block"];

const TAGS: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

static AXE: LazyLock<String> = LazyLock::new(|| {
    let file = xtask::root().join("audit/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&file).unwrap_or_else(|cause| {
        let file = file.display();
        panic!("{file}: {cause}; `cargo xtask test page` installs it")
    })
});

/// How a page can look.
const LOOKS: [(&str, u32); 4] = [
    ("light", 320),
    ("light", 1280),
    ("dark", 320),
    ("dark", 1280),
];
