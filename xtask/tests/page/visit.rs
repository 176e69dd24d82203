use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use heartwire_page::words::{Lang, fill};
use serde_json::{Value, json};
use xtask::browser::{Browser, Session};
use xtask::page;
use xtask::site::Site;

use super::lent::Lent;
use super::server::{Connection, Server};
use super::{SOON, eventually};

/// The page in a window that was opened for this visit.
pub(crate) struct Visit {
    pub(crate) session: Lent,
    pub(crate) site: Site,
}

impl Visit {
    /// Opens the page with this `query` in Chromium.
    pub(crate) async fn to(query: &str) -> Self {
        Self::with(Browser::Chromium, &[], query).await
    }

    /// Opens the page in `browser`, which is started with further `arguments`.
    ///
    /// # Panics
    ///
    /// If the page names a setting of `query` in an alert: the test would run with the default.
    pub(crate) async fn with(browser: Browser, arguments: &[&str], query: &str) -> Self {
        let visit = Self::before(browser, arguments, "/", None).await;
        visit.begins(query).await;
        visit
    }

    /// Opens the page in a Chromium that throttles hidden pages.
    pub(crate) async fn throttled(arguments: &[&str], query: &str) -> Self {
        let session = Lent::own(Session::start_throttled(arguments)).await;
        let visit = Self::within(&dist(), session, "/", None).await;
        visit.begins(query).await;
        visit
    }

    /// Starts the host, and the browser unless one is there; the page is not open yet.
    pub(crate) async fn before(
        browser: Browser,
        arguments: &[&str],
        prefix: &str,
        policy: Option<&str>,
    ) -> Self {
        let session = Lent::of(browser, arguments).await;
        Self::within(&dist(), session, prefix, policy).await
    }

    /// Starts `browser` and a host for another page than the built one, in `directory`.
    pub(crate) async fn elsewhere(browser: Browser, directory: &Path) -> Self {
        let session = Lent::of(browser, &[]).await;
        Self::within(directory, session, "/", None).await
    }

    async fn within(directory: &Path, session: Lent, prefix: &str, policy: Option<&str>) -> Self {
        let site = Site::start(directory, prefix, policy).await.unwrap();
        Self { session, site }
    }

    /// Opens the page with this `query`, none of whose settings it may refuse.
    pub(crate) async fn begins(&self, query: &str) {
        let address = self.site.address("127.0.0.1", query);
        self.go(&address).await;
        let mut alert = self.alert().await;
        // On a machine that has much else to do it comes later than the page waits for it.
        let is_late = |alert: &str| {
            let late = Lang::ALL.map(|lang| fill(lang.words().config_late, &[("n", "3")]));
            late.iter().any(|late| alert.contains(late))
        };
        for _ in 0..3 {
            if is_late(&alert) {
                self.go(&address).await;
                alert = self.alert().await;
            }
        }
        for setting in query.split('&').filter_map(|pair| pair.split('=').next()) {
            let named = !setting.is_empty() && alert.contains(setting);
            assert!(!named, "the page refuses {setting}: {alert}");
        }
    }

    /// Opens the page at `address`.
    pub(crate) async fn go(&self, address: &str) {
        self.session.client.goto(address).await.unwrap();
        eventually("the page has started", SOON, async || {
            self.evaluate("return document.querySelector('[data-state]') && true")
                .await
                .as_bool()
        })
        .await;
    }

    /// Agrees to what a link wants, and is connected.
    pub(crate) async fn agrees(&self) {
        self.reaches(&["confirm"]).await;
        self.press("Connect").await;
        self.reaches(&["open"]).await;
    }

    /// Opens the page anew at the address that it has.
    pub(crate) async fn reloads(&self) {
        let address = self.session.client.current_url().await.unwrap();
        self.go(address.as_str()).await;
    }

    /// Runs `script` in the page.
    pub(crate) async fn evaluate(&self, script: &str) -> Value {
        self.session.client.execute(script, vec![]).await.unwrap()
    }

    /// What `script` returns, as text.
    pub(crate) async fn text_of(&self, script: &str) -> String {
        self.evaluate(script)
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The value of `data-{name}` on the status section.
    pub(crate) async fn datum(&self, name: &str) -> String {
        self.text_of(&format!(
            "return document.querySelector('[data-state]')?.dataset.{name}"
        ))
        .await
    }

    /// Waits until `data-{name}` on the status section meets `condition`.
    pub(crate) async fn awaits(&self, name: &str, condition: impl Fn(&str) -> bool) {
        eventually(&format!("data-{name} is as awaited"), SOON, async || {
            condition(&self.datum(name).await).then_some(())
        })
        .await;
    }

    /// Waits until the page is in one of these states of the status section.
    pub(crate) async fn reaches(&self, states: &[&str]) -> String {
        self.reaches_within(SOON, states).await
    }

    /// [`Visit::reaches`] with another deadline.
    pub(crate) async fn reaches_within(&self, deadline: Duration, states: &[&str]) -> String {
        let what = format!("the page is {}", states.join(" or "));
        eventually(&what, deadline, async || {
            let state = self.datum("state").await;
            states.contains(&state.as_str()).then_some(state)
        })
        .await
    }

    /// The first line of what the status section says.
    pub(crate) async fn headline(&self) -> String {
        self.text_of("return document.querySelector('.headline').textContent")
            .await
    }

    /// Chooses a language.
    pub(crate) async fn speaks(&self, lang: Lang) {
        let choose = "const language = document.querySelector('#language');
            language.value = arguments[0];
            language.dispatchEvent(new Event('change', { bubbles: true }));";
        let arguments = vec![json!(lang.tag())];
        let client = &self.session.client;
        client.execute(choose, arguments).await.unwrap();
    }

    /// What stands in the address field.
    pub(crate) async fn url(&self) -> String {
        self.text_of("return document.querySelector('#url').value")
            .await
    }

    /// What the status section says.
    pub(crate) async fn status(&self) -> String {
        self.text_of("return document.querySelector('[data-state]').innerText")
            .await
    }

    /// What needs the user.
    pub(crate) async fn alert(&self) -> String {
        let alerts = "[...document.querySelectorAll('[role=alert]')]";
        self.text_of(&format!(
            "return {alerts}.map(one => one.textContent).join('\\n')"
        ))
        .await
    }

    /// Waits until the last message received is `text`.
    pub(crate) async fn shows(&self, text: &str) {
        let what = format!("the last message is {text:.40}");
        eventually(&what, SOON, async || {
            (self.received().await == text).then_some(())
        })
        .await;
    }

    /// The last message received.
    pub(crate) async fn received(&self) -> String {
        self.text_of("return document.querySelector('#received').textContent")
            .await
    }

    /// What is said below the last message.
    pub(crate) async fn received_note(&self) -> String {
        self.text_of("return document.querySelector('#received-note').textContent")
            .await
    }

    /// Has `server` end each connection that took this text, until the page sets it aside. On a busy machine
    /// that may take more ends than three.
    pub(crate) async fn sets_aside(&self, server: &Server, text: &str, reason: &'static str) {
        eventually("it is set aside", SOON, async || {
            let has_it = |one: &Connection| {
                one.is_alive() && one.frames.iter().any(|frame| frame.text == text)
            };
            if server.connections().iter().any(has_it) {
                server.close(1011, reason);
            }
            let aside = "return document.querySelector('.aside') && true";
            (self.evaluate(aside).await == true).then_some(())
        })
        .await;
    }

    /// Notes the state of the status section and the last text received, and each that follows.
    pub(crate) async fn watches(&self) {
        let watch = "
            window.seen = { states: [], texts: [] };
            const note = (list, value) => { if (list.at(-1) !== value) list.push(value); };
            const look = () => {
                const section = document.querySelector('[data-state]');
                note(window.seen.states, section.dataset.state);
                note(window.seen.texts, document.querySelector('#received').textContent);
            };
            look();
            new MutationObserver(look).observe(document.body,
                { attributes: true, characterData: true, childList: true, subtree: true });";
        self.evaluate(watch).await;
    }

    /// What [`Visit::watches`] has noted: `states` or `texts`.
    pub(crate) async fn seen(&self, what: &str) -> Vec<String> {
        let seen = self.evaluate(&format!("return window.seen.{what}")).await;
        serde_json::from_value(seen).unwrap()
    }

    /// Hides the page behind a tab that is opened for it; [`Visit::returns`] shows it again.
    ///
    /// A driver answers before the page has been told: whoever comes back at once may never have
    /// been away. The new tab sees its opener, and waits until that is hidden.
    pub(crate) async fn leaves(&self) -> Away {
        let client = &self.session.client;
        let page = client.window().await.unwrap();
        self.evaluate("window.open('about:blank')").await;
        let handles = client.windows().await.unwrap();
        let other = handles.into_iter().find(|handle| *handle != page);
        client.switch_to_window(other.unwrap()).await.unwrap();
        eventually("the page is hidden", SOON, async || {
            let is_hidden = self.evaluate("return opener.document.hidden").await;
            (is_hidden == true).then_some(())
        })
        .await;
        Away(page)
    }

    /// Shows the page again.
    pub(crate) async fn returns(&self, away: Away) {
        self.session.client.switch_to_window(away.0).await.unwrap();
    }

    /// Types `text` key by key into the message field.
    pub(crate) async fn types(&self, text: &str) {
        let message = self
            .session
            .client
            .find(Locator::Css("#message"))
            .await
            .unwrap();
        message.send_keys(text).await.unwrap();
    }

    /// Clicks the button that carries `label`, as soon as there is one.
    pub(crate) async fn press(&self, label: &str) {
        let path = format!("//button[normalize-space(.)='{label}' and not(@disabled)]");
        eventually(&format!("the button {label} is there"), SOON, async || {
            for button in self
                .session
                .client
                .find_all(Locator::XPath(&path))
                .await
                .unwrap()
            {
                // A button that was replaced meanwhile is looked for again.
                if button.is_displayed().await.unwrap_or(false) && button.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        })
        .await;
    }

    /// Replaces the address by `url`.
    pub(crate) async fn enters_url(&self, url: &str) {
        let field = self
            .session
            .client
            .find(Locator::Css("#url"))
            .await
            .unwrap();
        retype(&field, url).await;
    }

    /// Performs a command of the Chrome `DevTools` protocol.
    pub(crate) async fn devtools(&self, command: &'static str, parameters: Value) {
        self.session.devtools(command, parameters).await.unwrap();
    }

    /// Runs `script` in every page that is opened from now on, before the page's own.
    pub(crate) async fn run_first(&self, script: &str) {
        self.session.run_first(script).await.unwrap();
    }

    /// Puts a text into a field at once, as a paste does, which the page hears of.
    pub(crate) async fn puts(&self, field: &str, text: &str) {
        let put = "const field = document.querySelector(arguments[0]);
            field.value = arguments[1];
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        let arguments = vec![json!(field), json!(text)];
        self.session.client.execute(put, arguments).await.unwrap();
    }

    /// Cuts the browser off from the network, or ends that.
    pub(crate) async fn offline(&self, offline: bool) {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", conditions)
            .await;
    }
}

/// A page that is hidden behind another tab.
pub(crate) struct Away(WindowHandle);

/// Types `text` in the place of what `field` holds, by keys alone: WebDriver's own command to clear it
/// fires no `input`, so a page that draws itself before the next key puts back what was there.
pub(crate) async fn retype(field: &Element, text: &str) {
    let keys = [
        Key::Control + "a",
        Key::Null.to_string(),
        Key::Delete + text,
    ];
    field.send_keys(&keys.concat()).await.unwrap();
}

/// The built page.
pub(crate) fn dist() -> PathBuf {
    page::dist().unwrap_or_else(|error| panic!("{error}"))
}

/// A back-off that costs a test no time.
pub(crate) const QUICK: &str = "retry_min=100ms&retry_max=300ms";

/// Keys as `WebDriver` names them: <https://www.w3.org/TR/webdriver2/#keyboard-actions>.
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const TAB: &str = "\u{e004}";

/// Lets Chromium find a host on 127.0.0.1 that is not a loopback name.
pub(crate) const EXAMPLE_IS_HERE: &str = "--host-resolver-rules=MAP example.test 127.0.0.1";

/// A page that connects by itself does so within a tenth of this.
pub(crate) const START: Duration = Duration::from_secs(2);
