use std::time::Instant;

use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::usage::Use;

use super::server::{Manner, Server};
use super::visit::Visit;

#[tokio::test]
async fn memory_stays_flat_over_50_reconnects_and_20_000_messages() {
    let load = Load {
        reconnects: 50,
        messages: 400,
    };
    load.assert_flat().await;
}

#[tokio::test]
#[ignore = "takes 4 minutes: cargo xtask soak endurance"]
async fn memory_stays_flat_over_1_000_reconnects_and_1_000_000_messages() {
    let load = Load {
        reconnects: 1000,
        messages: 1000,
    };
    load.assert_flat().await;
}

/// Connections, and messages over each.
#[derive(Clone, Copy)]
struct Load {
    reconnects: u32,
    messages: u32,
}

impl Load {
    async fn assert_flat(self) {
        let server = Server::start(Manner::Echo);
        let visit = measurable().await;
        visit.begins(&format!("url={server}&{QUICK}")).await;
        visit.reaches(&["open"]).await;

        visit.evaluate(ANSWERS).await;
        // What is allocated once, and the code that is compiled when it is hot.
        let warm = Self {
            reconnects: WARM_UP,
            ..self
        };
        warm.bear(&server).await;
        // The word of a new connection is one more element, for a while.
        visit.reaches(&["open"]).await;
        let before = measured(&visit).await;
        let started = Instant::now();
        self.bear(&server).await;
        visit.reaches(&["open"]).await;
        let after = measured(&visit).await;

        let Self {
            reconnects,
            messages,
        } = self;
        println!(
            "{reconnects} reconnects, {} messages in {:.0?}\n  before: {before}\n  after:  {after}",
            reconnects * messages,
            started.elapsed(),
        );
        assert_eq!(server.alive(), 1);
        assert_flat(before, after);
    }

    /// Sends and receives over one connection after the other. Nothing is asked through
    /// `WebDriver`, which takes some memory of the page for each command.
    async fn bear(self, server: &Server) {
        for _ in 0..self.reconnects {
            let number = server.opened();
            let texts = (1..=self.messages).map(|n| format!("{number} of many, {n}"));
            let question = format!("{number}?");
            server.send(texts.chain([question]).map(Message::text));
            let answer = format!("{number}!");
            server
                .until("the answer after the last message", |all| {
                    let last = all.last().unwrap();
                    last.frames.iter().any(|frame| frame.text == answer)
                })
                .await;

            server.close(1012, "");
            server
                .until(
                    "the answer, which has no receipt, over a new connection",
                    |all| {
                        let last = all.last().unwrap();
                        server.opened() == number + 1 && last.is_alive() && !last.frames.is_empty()
                    },
                )
                .await;
        }
    }
}

/// A visit whose page can be [`measured`]; it is not open yet.
pub(super) async fn measurable() -> Visit {
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    Use::prepare(&visit.session).await.unwrap();
    visit
}

/// Types an answer to each question that the page shows.
const ANSWERS: &str = "
    const field = document.querySelector('#message');
    const answer = () => {
        const text = document.querySelector('#received').textContent;
        if (text.endsWith('?')) {
            field.value = text.replace('?', '!');
            field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        }
    };
    new MutationObserver(answer).observe(document.body,
        { characterData: true, childList: true, subtree: true });";

/// What the page uses.
pub(super) async fn measured(visit: &Visit) -> Use {
    Use::measured(&visit.session).await.unwrap()
}

pub(super) fn assert_flat(before: Use, later: Use) {
    assert!(later.heap <= before.heap + HEAP_SLACK, "{later}");
    assert!(later.module <= before.module + MODULE_SLACK, "{later}");
    assert!(later.nodes <= before.nodes + SLACK, "{later}");
    assert!(later.listeners <= before.listeners + SLACK, "{later}");
    assert!(later.functions <= before.functions + SLACK, "{later}");
    assert!(later.timers <= before.timers + SLACK, "{later}");
    assert!(later.sockets <= 2, "{later}");
}

/// A back-off that costs a test no time.
const QUICK: &str = "retry_min=10ms&retry_max=10ms";

/// How many connections it takes until everything is allocated that stays.
const WARM_UP: u32 = 10;

/// What the heap may gain, with the code that a browser compiles late: less than 300 bytes a
/// reconnect of the long form.
const HEAP_SLACK: u64 = 256 << 10;

/// What the module may gain, when the largest burst of messages comes late: less than 27 bytes a message
/// of the short forms.
const MODULE_SLACK: u64 = 512 << 10;

/// How many objects of a class may come and stay: one in five reconnects of the short form would
/// be too many.
const SLACK: u64 = 10;
