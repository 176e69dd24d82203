use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn heartbeats_are_beats_and_an_outage_is_a_gap_with_its_code_in_both_languages() {
    for (lang, answered, code) in [
        ("en", "all answered", "close code 1012"),
        ("zh-CN", "全部得到响应", "关闭代码 1012"),
    ] {
        let server = Server::start(Manner::Echo);
        let visit = Visit::to(&format!("url={server}&heartbeat=300ms&lang={lang}")).await;
        visit.draws("line", "L").await;
        assert_eq!(visit.drawn("gap").await, "");
        visit.tells(answered).await;

        server.close(1012, "");

        visit.draws("gap", "V100").await;
        let label = "return document.querySelector('.tape text').textContent";
        assert_eq!(visit.text_of(label).await, "1012");
        visit.tells(code).await;
    }
}

#[tokio::test]
async fn a_heartbeat_without_a_reply_is_a_ring_on_a_line_of_its_own() {
    let server = Server::start(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&heartbeat=300ms")).await;

    visit.draws("ring", "M").await;

    assert_ne!(visit.drawn("silent").await, "");
    let line = visit.drawn("line").await;
    assert!(!line.contains('L'), "{line}");
    assert_eq!(visit.drawn("missed").await, "");
}

#[tokio::test]
async fn nothing_is_drawn_while_nobody_can_see_it() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&heartbeat=300ms")).await;
    visit.draws("line", "L").await;
    visit.counts_changes().await;

    let away = visit.leaves().await;
    let before = server.texts().len();
    server
        .until("heartbeats of the hidden page", |all| {
            all[0].frames.len() >= before + 6
        })
        .await;
    visit.returns(away).await;

    visit.changes().await;
    assert_eq!(visit.evaluate("return window.changes.hidden").await, 0);
}

#[tokio::test]
async fn the_tape_moves_smoothly_unless_motion_is_reduced() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;
    let moves = "const tape = document.querySelector('.tape');
        return document.getAnimations().some(one => one.effect.target === tape)";
    eventually("the tape moves", SOON, async || {
        visit.evaluate(moves).await.as_bool().filter(|moves| *moves)
    })
    .await;

    let reduced = json!([{ "name": "prefers-reduced-motion", "value": "reduce" }]);
    let reduced = json!({ "features": reduced });
    visit.devtools("Emulation.setEmulatedMedia", reduced).await;
    visit
        .evaluate(
            "window.started = 0;
             document.addEventListener('transitionrun', () => { window.started += 1; });",
        )
        .await;

    let place = "return document.querySelector('.tape').style.transform";
    for _ in 0..2 {
        let before = visit.text_of(place).await;
        eventually("the tape is further on", SOON, async || {
            (visit.text_of(place).await != before).then_some(())
        })
        .await;
    }
    assert_eq!(visit.evaluate("return window.started").await, 0);
}

#[tokio::test]
async fn ten_thousand_messages_take_no_more_elements_and_few_changes() {
    let server = Server::start(Manner::Silent);
    let visit = Visit::to(&format!("url={server}&heartbeat=off")).await;
    visit.reaches(&["open"]).await;
    let elements = "return document.querySelectorAll('.pulse *').length";
    let before = visit.evaluate(elements).await;
    visit.counts_changes().await;

    server.send((0..10_000).map(|number| Message::text(number.to_string())));
    visit.shows("9999").await;

    visit.draws("received", "M").await;
    assert_eq!(visit.evaluate(elements).await, before);
    // The mark of half a second has six lengths; beside it the tape moves and the text is renewed.
    let changes = visit.changes().await;
    assert!(changes < 200, "{changes}");
}

impl Visit {
    /// The data of a layer of the tape.
    async fn drawn(&self, layer: &str) -> String {
        let path = format!("document.querySelector('.tape .{layer}')");
        self.text_of(&format!("return {path}?.getAttribute('d') ?? ''"))
            .await
    }

    /// Waits until a layer of the tape has this in it.
    async fn draws(&self, layer: &str, part: &str) {
        let what = format!("{part} is in the layer {layer}");
        eventually(&what, SOON, async || {
            self.drawn(layer).await.contains(part).then_some(())
        })
        .await;
    }

    /// Waits until the strip's text has this in it.
    async fn tells(&self, part: &str) {
        let said = "return document.querySelector('#pulse-said').textContent";
        eventually(&format!("{part} is said"), SOON, async || {
            self.text_of(said).await.contains(part).then_some(())
        })
        .await;
    }

    /// Counts the changes of the strip, with the page hidden and not.
    async fn counts_changes(&self) {
        let watch = "
            window.changes = { hidden: 0, seen: 0 };
            new MutationObserver(all => {
                window.changes[document.hidden ? 'hidden' : 'seen'] += all.length;
            }).observe(document.querySelector('.pulse'),
                { attributes: true, characterData: true, childList: true, subtree: true });";
        self.evaluate(watch).await;
    }

    /// Waits for changes that can be seen; returns how many there were.
    async fn changes(&self) -> u64 {
        eventually("the strip has changed", SOON, async || {
            let seen = self.evaluate("return window.changes.seen").await;
            seen.as_u64().filter(|seen| *seen > 0)
        })
        .await
    }
}
