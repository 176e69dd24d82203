use std::fs;
use std::path::{Path, PathBuf};

use xtask::browser::Browser;

use super::server::{Manner, Server};
use super::visit::{Visit, dist};
use super::{SOON, eventually};

#[tokio::test]
async fn the_page_does_all_it_does_under_its_own_policy() {
    under_its_own_policy(Browser::Chromium).await;
}

#[tokio::test]
async fn the_page_does_all_it_does_under_its_own_policy_in_firefox() {
    under_its_own_policy(Browser::Firefox).await;
}

async fn under_its_own_policy(browser: Browser) {
    let server = Server::start(Manner::Echo);
    let folder = watched_page(&format!("policy-{browser}"));
    let visit = Visit::elsewhere(browser, &folder).await;

    visit.begins(&format!("url={server}&heartbeat=1s")).await;

    visit.reaches(&["open"]).await;
    visit.types("x").await;
    visit.shows("x").await;
    visit.press("Disconnect").await;
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    let away = visit.leaves().await;
    server
        .until("heartbeats while the page is hidden", |all| {
            all[1].frames.len() >= 3
        })
        .await;
    visit.returns(away).await;
    eventually("the worker has rung", SOON, async || {
        let rings = visit.evaluate("return watched.rings").await;
        (rings.as_u64() >= Some(1)).then_some(())
    })
    .await;
    let wrong = visit.evaluate("return watched.wrong").await;
    assert_eq!(wrong, serde_json::json!([]));
    if browser == Browser::Chromium {
        let shown = visit.session.console().await.unwrap();
        assert_eq!(shown, serde_json::json!([]), "the console");
    }
}

/// A script that a stranger gets into the page must not run.
#[tokio::test]
async fn the_policy_lets_no_other_script_run() {
    let folder = watched_page("policy-stranger");
    let visit = Visit::elsewhere(Browser::Chromium, &folder).await;
    visit.begins("autoconnect=false").await;

    let inject = "
        const script = document.createElement('script');
        script.textContent = 'watched.ran = true';
        document.body.append(script);
        document.body.insertAdjacentHTML('beforeend', '<img src=/none onerror=\"watched.ran = true\">');";
    visit.evaluate(inject).await;

    eventually("both are forbidden", SOON, async || {
        let wrong = visit.evaluate("return watched.wrong").await;
        let wrong = wrong.as_array().unwrap().clone();
        let forbidden = |part: &str| wrong.iter().any(|one| one.as_str().unwrap().contains(part));
        (forbidden("script-src-elem") && forbidden("script-src-attr")).then_some(())
    })
    .await;
    assert_eq!(visit.evaluate("return watched.ran ?? false").await, false);
}

#[tokio::test]
async fn a_script_or_style_that_was_changed_on_the_host_is_not_taken() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        for kind in ["js", "css"] {
            let folder = watched_page(&format!("integrity-{browser}-{kind}"));
            let is_hashed = |path: &PathBuf| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.contains('-') && name.ends_with(kind)
            };
            let files = fs::read_dir(&folder).unwrap();
            let mut files = files.map(|entry| entry.unwrap().path());
            let changed = files.find(is_hashed).unwrap();
            let content = fs::read_to_string(&changed).unwrap();
            fs::write(&changed, content + "\n/* changed */\n").unwrap();
            let visit = Visit::elsewhere(browser, &folder).await;
            let address = visit.site.address("127.0.0.1", "autoconnect=false");
            visit.session.client.goto(&address).await.unwrap();

            eventually(
                &format!("{browser} does without the {kind}"),
                SOON,
                async || {
                    let script = match kind {
                        "js" => "return document.querySelector('#starting[role=alert]') !== null",
                        _ => "return getComputedStyle(document.body).margin === '8px'",
                    };
                    visit.evaluate(script).await.as_bool().filter(|does| *does)
                },
            )
            .await;
        }
    }
}

/// The built page with a script of ours before all others, which the policy allows as it comes from
/// the page's own host: it notes what goes wrong from the very start.
fn watched_page(name: &str) -> PathBuf {
    let folder = altered(name, &dist(), |page| {
        let (before, after) = page.split_once("<script>").unwrap();
        assert!(before.contains("Content-Security-Policy"), "{before}");
        format!("{before}<script src=\"watch.js\"></script><script>{after}")
    });
    fs::write(folder.join("watch.js"), WATCH).unwrap();
    folder
}

/// A copy of a built page, of this `name`, with another `index.html`.
pub(crate) fn altered(name: &str, dist: &Path, alter: impl FnOnce(&str) -> String) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    copy(dist, &folder);
    let index = folder.join("index.html");
    let page = fs::read_to_string(&index).unwrap();
    fs::write(&index, alter(&page)).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

const WATCH: &str = "
    window.watched = { wrong: [], rings: 0 };
    document.addEventListener('securitypolicyviolation', event => {
        watched.wrong.push(`${event.effectiveDirective} forbids ${event.blockedURI}`);
    });
    addEventListener('error', event => watched.wrong.push(`error: ${event.message}`), true);
    addEventListener('unhandledrejection', event => watched.wrong.push(`rejected: ${event.reason}`));
    for (const level of ['error', 'warn']) {
        const write = console[level];
        console[level] = (...words) => { watched.wrong.push(words.join(' ')); write(...words); };
    }
    // Without this message a hidden page gets no timer of its own, which may ring before the worker.
    window.MessageChannel = class extends MessageChannel {
        constructor() {
            super();
            this.port1.close();
        }
    };
    window.Worker = class extends Worker {
        constructor(...words) {
            super(...words);
            this.addEventListener('message', () => { watched.rings += 1; });
            this.addEventListener('error', () => watched.wrong.push('the worker does not start'));
        }
    };";
