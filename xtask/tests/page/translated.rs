use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;
use xtask::browser::Browser;

use heartwire_page::words::Lang;

use super::server::{Manner, Server};
use super::states::{BROWSERS, STATES, Scene, State};
use super::visit::Visit;

/// A page that was translated while it started says in every state what it says untranslated, also in
/// another language.
#[tokio::test]
async fn every_state_of_a_translated_page_has_its_words() {
    let shares = STATES.chunks(STATES.len().div_ceil(BROWSERS));
    join_all(shares.map(hear)).await;
}

async fn hear(states: &'static [State]) {
    let mut scene = Scene::open().await;
    scene.visit.run_first(TRANSLATOR).await;
    for state in states {
        scene.set(state);
        for (lang, other) in [(Lang::En, Lang::ZhCn), (Lang::ZhCn, Lang::En)] {
            let says = async |scene: &Scene| {
                scene.visit.speaks(other).await;
                scene.says(other).await
            };
            scene.enter_until(lang, says).await;
        }
        assert_eq!(
            scene.visit.text_of("return window.translator.errors").await,
            ""
        );
    }
}

#[tokio::test]
async fn whatever_happens_to_a_translated_page_it_says_what_another_says() {
    says_the_same(Browser::Chromium).await;
}

#[tokio::test]
async fn whatever_happens_to_a_translated_page_it_says_what_another_says_in_firefox() {
    says_the_same(Browser::Firefox).await;
}

/// Leads a page through its life, and then one that is translated: it has to say the same at each step.
async fn says_the_same(browser: Browser) {
    let mut server = Server::start(Manner::Echo);
    let visit = Visit::before(browser, &[], "/", None).await;
    let said = lives(&visit, &mut server, &[]).await;
    lives(&visit, &mut server, &said).await;
    let translator = visit.evaluate("return window.translator").await;
    assert_eq!(translator["errors"], "");
    let count = translator["count"].as_u64().unwrap();
    assert!(count > 200, "{count} texts were translated");
}

/// Takes all the steps. Returns what the page says after each; where it is `expected` to say something,
/// it is translated, and says that.
async fn lives(visit: &Visit, server: &mut Server, expected: &[String]) -> Vec<String> {
    let query = format!("url={server}&{QUERY}");
    let address = visit.site.address("127.0.0.1", &query);
    visit.go(&address).await;
    visit
        .evaluate("localStorage.clear(); sessionStorage.clear()")
        .await;
    visit.go(&address).await;
    if !expected.is_empty() {
        visit.evaluate(TRANSLATOR).await;
    }
    let mut said = Vec::new();
    for (index, step) in STEPS.into_iter().enumerate() {
        take(step, visit, server).await;
        let what = format!("the page is settled after {step:?}");
        let text = match expected.get(index) {
            None => visit.settled(&what).await,
            Some(expected) => visit.comes_to_say(&what, expected).await,
        };
        said.push(text);
    }
    said
}

/// What happens to a page, or what is done with it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reaches(&'static str),
    Types(&'static str),
    Echoes(&'static str),
    Press(&'static str),
    Speaks(Lang),
    Runs(&'static str),
    Enters(&'static str),
    ServerCloses,
    ServerStops,
    ServerResumes,
}

async fn take(step: Step, visit: &Visit, server: &mut Server) {
    match step {
        Step::Reaches(state) => {
            visit.reaches(&[state]).await;
        }
        Step::Types(text) => visit.types(text).await,
        Step::Echoes(text) => {
            visit.types(text).await;
            visit.shows(text).await;
        }
        Step::Press(label) => visit.press(label).await,
        Step::Speaks(lang) => visit.speaks(lang).await,
        Step::Runs(script) => {
            visit.evaluate(script).await;
        }
        Step::Enters(url) => visit.enters_url(url).await,
        Step::ServerCloses => server.close(1012, "back soon"),
        Step::ServerStops => server.stop().await,
        Step::ServerResumes => server.resume(),
    }
}

/// A life with whatever changes a text of the page.
const STEPS: [Step; 39] = [
    Step::Reaches("idle"),
    Step::Runs("document.querySelector('.settings summary').click()"),
    Step::Press("Connect"),
    Step::Reaches("open"),
    Step::Echoes("a"),
    Step::ServerCloses,
    Step::Reaches("waiting"),
    Step::Types("b"),
    Step::Speaks(Lang::ZhCn),
    Step::Speaks(Lang::En),
    Step::Press("Retry now"),
    Step::Reaches("reopened"),
    Step::Reaches("open"),
    Step::ServerStops,
    Step::Reaches("waiting"),
    Step::Runs("document.querySelector('.said summary').click()"),
    Step::Types("c"),
    Step::Press("Retry now"),
    Step::Reaches("refused"),
    Step::Press("Stop"),
    Step::Reaches("stopped"),
    Step::Enters("ws://localhost:9/other"),
    Step::Press("Drop what waits"),
    Step::Runs("document.querySelector('.composing input').click()"),
    Step::Types("first\u{e007}second\u{e007}third\u{e007}"),
    Step::Runs("document.querySelector('[data-row]').click()"),
    Step::Runs(SPOILS_A_SETTING),
    Step::Enters("no address"),
    Step::Press("Connect"),
    Step::Reaches("badUrl"),
    Step::Speaks(Lang::ZhCn),
    Step::Speaks(Lang::En),
    Step::Press("Reset to defaults"),
    Step::Press("Pause"),
    Step::Press("Clear"),
    Step::Press("Undo"),
    Step::Press("Forget"),
    Step::ServerResumes,
    Step::Reaches("badUrl"),
];

impl Visit {
    /// Waits until the page says the same for a second, and returns that.
    async fn settled(&self, what: &str) -> String {
        let mut before = String::new();
        for _ in 0..20 {
            let now = self.everything().await;
            if now == before {
                return now;
            }
            before = now;
            sleep(Duration::from_secs(1)).await;
        }
        panic!("{what}, but not in time: {before}");
    }

    /// Waits until the page says this.
    async fn comes_to_say(&self, what: &str, expected: &str) -> String {
        for _ in 0..100 {
            if self.everything().await == expected {
                return expected.to_owned();
            }
            sleep(Duration::from_millis(100)).await;
        }
        let now = self.everything().await;
        let lines = now.lines().zip(expected.lines());
        let wrong: Vec<_> = lines.filter(|(now, expected)| now != expected).collect();
        panic!("{what}, but it says (and should say) {wrong:#?}");
    }

    /// All that the page says and offers, a line for each element, but the pulse, which is told in
    /// times that pass. A number stands for any other.
    async fn everything(&self) -> String {
        let everything = "
            const isText = (element) => element.matches('#received, textarea')
                || ![...element.children].some(one => one.tagName !== 'FONT');
            return [document.title, ...[...document.querySelectorAll('#app :not(.pulse, .pulse *, font)')]
                .filter(isText).map(one => `${one.tagName} ${one.textContent}`)]
                .join('\\n').replace(/\\d+(:\\d+)*/g, '0');";
        self.text_of(everything).await
    }
}

/// Slow retries, no heartbeat by itself, and room for two messages.
const QUERY: &str = "autoconnect=false&retry_min=1440m&retry_max=1440m&outbox_limit=2&lang=en";

const SPOILS_A_SETTING: &str = "
    const field = document.querySelector('#setting-reply_timeout');
    field.value = 'soon';
    field.dispatchEvent(new Event('change', { bubbles: true }))";

/// Does what browsers' translators do: puts two `font` elements in the place of each text, of those
/// that come later, too. Notes what went wrong with the page meanwhile.
const TRANSLATOR: &str = "
    window.translator = { count: 0, errors: '' };
    addEventListener('error', ({ message }) => { window.translator.errors += `${message}\n`; });
    addEventListener('unhandledrejection', ({ reason }) => { window.translator.errors += `${reason}\n`; });
    const { error } = console;
    console.error = (...all) => { window.translator.errors += `${all}\n`; error(...all); };
    const translate = () => {
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const texts = [];
        while (walker.nextNode()) texts.push(walker.currentNode);
        for (const text of texts) {
            const parent = text.parentElement;
            if (parent.closest('font, script, style, textarea') || !text.data.trim()) continue;
            const outer = document.createElement('font');
            const inner = document.createElement('font');
            inner.append(text.data);
            outer.append(inner);
            text.replaceWith(outer);
            window.translator.count += 1;
        }
    };
    const begin = () => {
        translate();
        new MutationObserver(translate)
            .observe(document.body, { childList: true, characterData: true, subtree: true });
    };
    document.body ? begin() : addEventListener('DOMContentLoaded', begin);";
