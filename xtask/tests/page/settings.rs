use fantoccini::Locator;

use super::server::{Manner, Server};
use super::visit::{Visit, retype};
use super::{SOON, eventually};

#[tokio::test]
async fn a_change_is_used_by_the_next_connection_and_survives_a_reload() {
    let server = Server::start(Manner::Echo);
    let query = format!("url={server}&heartbeat=20m&heartbeat_text=beat&lang=en");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.opens_panel().await;
    assert!(visit.is_readonly("heartbeat").await);
    let panel = visit
        .text_of("return document.querySelector('.settings').textContent")
        .await;
    assert!(panel.contains("Stop or disconnect to change"), "{panel}");

    visit.press("Disconnect").await;
    visit.reaches(&["stopped"]).await;
    assert!(!visit.is_readonly("heartbeat").await);
    visit.sets("heartbeat", "300ms").await;
    visit.press("Connect").await;

    server
        .until("heartbeats", |all| {
            all.get(1).is_some_and(|one| one.frames.len() >= 2)
        })
        .await;
    assert_eq!(server.texts()[..2], ["beat", "beat"]);
    let search = visit.text_of("return location.search").await;
    assert!(!search.contains("heartbeat="), "{search}");
    assert!(search.contains("heartbeat_text=beat"), "{search}");

    // The link's text is not the page's choice.
    let query = format!("url={server}&lang=en");
    visit.go(&visit.site.address("127.0.0.1", &query)).await;
    visit.reaches(&["open"]).await;
    visit.opens_panel().await;
    assert_eq!(visit.value("heartbeat").await, "300ms");
    assert_eq!(visit.value("heartbeat_text").await, "heartbeat");
    server.until("a connection", |_| server.opened() == 3).await;

    visit.press("Disconnect").await;
    visit.reaches(&["stopped"]).await;
    visit.press("Reset to defaults").await;
    eventually("the default is back", SOON, async || {
        (visit.value("heartbeat").await == "30s").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_used_stays_in_its_field_with_the_reason() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en&autoconnect=false")).await;
    visit.opens_panel().await;

    visit.sets("heartbeat", "soon").await;

    let error = "return document.querySelector('#setting-heartbeat-error').textContent";
    eventually("the error is there", SOON, async || {
        let error = visit.text_of(error).await;
        error.contains("duration with its unit").then_some(())
    })
    .await;
    let marks = "const field = document.querySelector('#setting-heartbeat');
        return [field.value, field.getAttribute('aria-invalid'),
            field.getAttribute('aria-describedby').includes('setting-heartbeat-error')].join()";
    assert_eq!(visit.text_of(marks).await, "soon,true,true");
    visit.press("Connect").await;
    visit.reaches(&["open"]).await;
    visit.press("Disconnect").await;
    visit.reaches(&["stopped"]).await;
    assert_eq!(visit.text_of(marks).await, "soon,true,true");
    visit.sets("heartbeat", "5s").await;
    eventually("the error is gone", SOON, async || {
        visit.text_of(error).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_setting_has_a_label_and_a_hint_and_words_take_effect_at_once() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    visit.opens_panel().await;
    let bare = "return [...document.querySelectorAll('.setting')].filter(row => {
            const field = row.querySelector('input, select');
            return !field.labels[0]?.textContent || !row.querySelector('.hint').textContent;
        }).length";
    assert_eq!(visit.evaluate(bare).await, 0);
    let count = "return document.querySelectorAll('.setting').length";
    assert_eq!(visit.evaluate(count).await, 24);

    let choose = "const field = document.querySelector('#setting-lang');
        field.value = 'zh-CN';
        field.dispatchEvent(new Event('change', { bubbles: true }));";
    visit.evaluate(choose).await;
    eventually("the page speaks Chinese", SOON, async || {
        let lang = visit.text_of("return document.documentElement.lang").await;
        (lang == "zh-CN" && visit.status().await.contains("已连接")).then_some(())
    })
    .await;
    assert_eq!(visit.value("lang").await, "zh-CN");
}

#[tokio::test]
async fn what_was_changed_stands_first_and_nothing_moves_while_it_is_used() {
    let server = Server::start(Manner::Echo);
    let query = format!("url={server}&autoconnect=false&resend=every&heartbeat=30s&lang=en");
    let visit = Visit::to(&query).await;
    visit.opens_panel().await;
    assert_eq!(
        visit.groups().await,
        [
            "Changed: autoconnect resend lang",
            "Connection: protocols protocol greeting answers connect_timeout",
            "Heartbeats: heartbeat heartbeat_text heartbeat_mode reply_timeout reply_text \
             server_heartbeat_text prove_within",
            "Reconnecting: retry retry_min retry_max retry_limit stable_after final_codes",
            "Delivery: outbox_limit outbox_storage",
            "Page: log_limit",
        ]
    );
    let before = visit.groups().await;
    visit.sets("heartbeat", "5s").await;
    eventually("it is kept", SOON, async || {
        let stored = "return Object.values(localStorage).join()";
        visit.text_of(stored).await.contains("5s").then_some(())
    })
    .await;
    assert_eq!(visit.groups().await, before);
    let close = "document.querySelector('.settings > summary').click()";
    visit.evaluate(close).await;
    visit.opens_panel().await;
    assert_eq!(
        visit.groups().await[0],
        "Changed: autoconnect heartbeat resend lang"
    );
    visit.press("Reset to defaults").await;
    eventually("nothing is changed", SOON, async || {
        visit.groups().await[0]
            .starts_with("Connection:")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_setting_allows_is_told_as_it_is_used() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_panel().await;
    let told = "return [...document.querySelectorAll('.setting [id$=-allowed]')]
        .filter(one => one.checkVisibility()).map(one => one.id).join()";
    assert_eq!(visit.text_of(told).await, "");
    for (name, expected) in [
        ("retry_min", "setting-retry_min-allowed"),
        (
            "outbox_limit",
            "setting-retry_min-allowed,setting-outbox_limit-allowed",
        ),
    ] {
        let id = format!("#setting-{name}");
        let field = visit.session.client.find(Locator::Css(&id)).await;
        field.unwrap().click().await.unwrap();
        eventually(&format!("what {name} allows is told"), SOON, async || {
            (visit.text_of(told).await == expected).then_some(())
        })
        .await;
    }
    // Who only hears the page is told of each field as it comes there.
    let unheard =
        "return [...document.querySelectorAll('.setting input[type=text]')].filter(field => {
        const described = field.getAttribute('aria-describedby').split(' ');
        return !described.some(id => document.getElementById(id).textContent.includes('It takes '));
    }).length";
    assert_eq!(visit.evaluate(unheard).await, 0);
}

#[tokio::test]
async fn a_link_to_the_setup_is_copied_or_shown() {
    let server = Server::start(Manner::Echo);
    let query = format!("url={server}/x?token=secret&heartbeat=5s&retry=true&lang=en");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.opens_panel().await;

    let copied = visit.copies_link().await;
    let pairs =
        "return [...new URL(window.copied).searchParams].map(pair => pair.join('=')).join('&')";
    let pairs = visit.text_of(pairs).await;
    assert_eq!(pairs, format!("url={server}/x&heartbeat=5s&lang=en"));
    visit.says("Copied").await;
    visit.says("query of the address is left out").await;

    visit
        .evaluate(
            "navigator.clipboard.writeText = async () => { throw new Error('no'); };
             document.execCommand = () => false;",
        )
        .await;
    visit.press("Copy link to this setup").await;
    let selected = "const field = document.activeElement;
        return field.readOnly ? field.value.slice(field.selectionStart, field.selectionEnd) : ''";
    eventually("the link is selected", SOON, async || {
        (visit.text_of(selected).await == copied).then_some(())
    })
    .await;
}

#[tokio::test]
async fn addresses_are_offered_without_their_secrets_until_they_are_forgotten() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}/x?token=secret&lang=en")).await;
    visit.reaches(&["open"]).await;

    let offered =
        "return [...document.querySelector('#url').list.options].map(it => it.value).join()";
    eventually("the address is offered", SOON, async || {
        (visit.text_of(offered).await == format!("{server}/x")).then_some(())
    })
    .await;
    // But for what the host said, which says nothing of the user.
    let stored = "const { ['heartwire / config']: _, ...stored } = localStorage;
        return JSON.stringify(stored)";
    assert!(!visit.text_of(stored).await.contains("secret"));
    visit.opens_panel().await;
    visit.press("Forget").await;
    eventually("nothing is offered", SOON, async || {
        visit.text_of(offered).await.is_empty().then_some(())
    })
    .await;
    assert_eq!(visit.text_of(stored).await, "{}");
}

/// Nothing that was set is lost because something else cannot be stored.
#[tokio::test]
async fn full_storage_costs_no_setting_that_was_stored() {
    let visit = Visit::to("autoconnect=false&lang=en").await;
    visit.opens_panel().await;
    visit.sets("greeting", "login me").await;
    let stored = "return localStorage.getItem('heartwire / settings')";
    eventually("it is stored", SOON, async || {
        let stored = visit.text_of(stored).await;
        stored.contains("greeting=login+me").then_some(())
    })
    .await;
    let fill = "for (let size = 2 ** 22; size >= 1; size /= 2) {
            try {
                for (;;) localStorage.setItem(`other ${localStorage.length}`, 'x'.repeat(size));
            } catch {}
        }";
    visit.evaluate(fill).await;
    visit
        .sets("reply_text", "a very long text that needs room")
        .await;
    eventually("it says that it is not kept", SOON, async || {
        let hint = "return document.querySelector('.settings .hint').textContent";
        let hint = visit.text_of(hint).await;
        hint.ends_with("loading the page again undoes it.")
            .then_some(())
    })
    .await;
    assert!(visit.text_of(stored).await.contains("greeting=login+me"));
    let free = "for (const name of Object.keys(localStorage)) {
            if (name.startsWith('other')) localStorage.removeItem(name);
        }";
    visit.evaluate(free).await;
    visit.sets("connect_timeout", "9s").await;
    for kept in [
        "greeting=login+me",
        "reply_text=a+very",
        "connect_timeout=9s",
    ] {
        eventually(kept, SOON, async || {
            let stored = visit.text_of(stored).await;
            stored.contains(kept).then_some(())
        })
        .await;
    }
}

impl Visit {
    pub(super) async fn opens_panel(&self) {
        let summary = Locator::Css(".settings > summary");
        let summary = self.session.client.find(summary).await.unwrap();
        summary.click().await.unwrap();
        eventually("the panel is open", SOON, async || {
            let is_drawn = "return document.querySelector('#setting-heartbeat') && true";
            self.evaluate(is_drawn).await.as_bool()
        })
        .await;
    }

    /// The groups of the panel, each with the names of its settings.
    async fn groups(&self) -> Vec<String> {
        let groups = "return [...document.querySelectorAll('.settings fieldset')].map(group =>
            group.querySelector('legend').textContent + ': '
                + [...group.querySelectorAll('code')].map(name => name.textContent).join(' '))";
        serde_json::from_value(self.evaluate(groups).await).unwrap()
    }

    /// Copies the link to what is set, and returns it.
    pub(super) async fn copies_link(&self) -> String {
        self.evaluate("navigator.clipboard.writeText = async text => { window.copied = text; }")
            .await;
        self.press("Copy link to this setup").await;
        eventually("the link is copied", SOON, async || {
            let copied = self.text_of("return window.copied").await;
            (!copied.is_empty()).then_some(copied)
        })
        .await
    }

    /// Replaces what the field of a setting holds, as people do.
    async fn sets(&self, name: &str, value: &str) {
        let id = format!("#setting-{name}");
        let field = self.session.client.find(Locator::Css(&id)).await.unwrap();
        retype(&field, &format!("{value}\n")).await;
    }

    async fn value(&self, name: &str) -> String {
        self.text_of(&format!(
            "return document.querySelector('#setting-{name}').value"
        ))
        .await
    }

    async fn is_readonly(&self, name: &str) -> bool {
        let script = format!("return document.querySelector('#setting-{name}').readOnly");
        self.evaluate(&script).await.as_bool().unwrap()
    }

    /// Waits until one of the panel's live regions says this.
    async fn says(&self, text: &str) {
        let said = "return [...document.querySelectorAll('.settings [aria-live]')]
            .map(region => region.textContent).join(' ')";
        eventually(&format!("the panel says {text}"), SOON, async || {
            self.text_of(said).await.contains(text).then_some(())
        })
        .await;
    }
}
