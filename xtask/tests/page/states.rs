//! Every state that the page can be in, each by a real cause.

use std::path::Path;
use std::{env, fs, ptr};

use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;
use xtask::picture::FOLDER;
use xtask::site::{Config, LINKS_ALLOWED, Site};

use heartwire_page::words::Lang;

use super::axe::wear;
use super::server::{Manner, Server};
use super::tls::Tls;
use super::visit::{EXAMPLE_IS_HERE, Visit, dist};
use super::{SOON, eventually};

/// Every state says what it should in both languages, and offers what can be done; the live region of
/// its role tells it, and the other one nothing. On a phone it stands on the first screen, with what is written
/// and what came last.
///
/// For `cargo xtask picture --all` it takes pictures of them, too.
#[tokio::test]
async fn every_state_has_its_words_and_buttons_and_is_told() {
    let shares = STATES.chunks(STATES.len().div_ceil(BROWSERS));
    join_all(shares.map(hear)).await;
}

/// Enters these states and waits until each is told.
async fn hear(states: &'static [State]) {
    let mut scene = Scene::open().await;
    for state in states {
        scene.set(state);
        for lang in Lang::ALL {
            wear(&scene.visit, "light", 360, 640).await;
            scene
                .enter_until(lang, async |scene| {
                    scene.is_on_the_first_screen(lang).await && scene.is_told(lang).await
                })
                .await;
            if let Some(folder) = env::var_os(FOLDER) {
                scene.is_portrayed(lang, Path::new(&folder)).await;
            }
        }
    }
}

#[tokio::test]
async fn ignore_leaves_the_links_address_alone() {
    let scene = Scene::of("confirm").await;

    scene.visit.press("Ignore").await;

    scene.visit.reaches(&["idle"]).await;
    assert_eq!(scene.visit.url().await, "ws://localhost:8080");
    let search = scene.visit.text_of("return location.search").await;
    assert!(!search.contains("url="), "{search}");
    assert!(scene.server.connections().is_empty());
}

#[tokio::test]
async fn try_anyway_tries_though_there_is_no_network() {
    let scene = Scene::of("offline").await;
    let epoch = scene.visit.datum("epoch").await;

    scene.visit.press("Try anyway").await;

    scene.visit.awaits("epoch", |now| now != epoch).await;
    scene.visit.reaches(&["offline"]).await;
}

#[tokio::test]
async fn use_wss_takes_the_address_over_tls_and_asks_about_a_links_host() {
    let scene = Scene::of("mixed").await;
    let secured = scene.url().replace("ws://", "wss://");

    scene.visit.press("Use wss://").await;

    scene.visit.reaches(&["confirm"]).await;
    assert_eq!(scene.visit.url().await, secured);
    assert!(scene.server.connections().is_empty());
    scene.visit.press("Connect").await;
    scene
        .server
        .until("the host is tried", |all| !all.is_empty())
        .await;
}

#[tokio::test]
async fn use_of_a_suggestion_connects_to_it() {
    let scene = Scene::of("badUrl").await;
    let label = scene.texts(".buttons button").await.concat();
    assert!(label.starts_with("Use ws://127.0.0.1:"), "{label}");
    // As long as it is, it leaves room for what is said beside it or above it.
    for width in [360, 1280] {
        wear(&scene.visit, "light", width, 800).await;
        let room = "const [status, said, button] = ['.status', '.said', '.buttons button'].map(
                (one) => document.querySelector(one).getBoundingClientRect());
            return said.width > status.width / 2 && button.right < status.right";
        assert_eq!(scene.visit.evaluate(room).await, true, "{width} px");
    }

    scene.visit.press(&label).await;

    scene.visit.reaches(&["open"]).await;
    assert_eq!(scene.visit.url().await, format!("ws://{}", scene.url()));
    assert_eq!(scene.server.opened(), 1);
}

/// A state of the page and what brings it about.
#[derive(Debug)]
pub(crate) struct State {
    /// The `data-state` of the status section.
    pub(crate) id: &'static str,
    /// What it says then, in English and in Chinese: the headline and the sentences under it. In
    /// braces stands what differs from run to run.
    says: [[&'static str; 2]; 2],
    /// What can be pressed then, in both languages: the button beside the address, and those under
    /// the sentences.
    buttons: [&'static [&'static str]; 2],
    /// The role of the live region that tells it.
    region: &'static str,
    /// How the server treats the page; nobody listens if there is none.
    server: Option<Manner>,
    /// The page's settings, after a `url` for the server.
    query: &'static str,
    page: Page,
    then: Then,
}

/// Where the page comes from, and where its `url` leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Page {
    /// From 127.0.0.1 to the server there.
    Here,
    /// The same, under a policy that forbids the server.
    Strict,
    /// From 127.0.0.1 to another host, which is trusted by nobody.
    ToStranger,
    /// From another host to a path of that host, where there is no WebSocket.
    ToItself,
    /// From another host over TLS, to that host without TLS.
    FromTls,
    /// The same, to this machine.
    ToLoopback,
    /// From 127.0.0.1 to no address at all.
    ToNowhere,
}

/// What happens once the page has started.
#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    /// When the connection is open, the server closes it with this code and reason.
    Closed(u16, &'static str),
    /// When the connection is open, the server ends and comes back.
    Restarted,
    /// The user presses *Connect*.
    Connected,
    /// When the connection is open, the user presses *Disconnect*.
    Disconnected,
    /// The browser loses the network.
    Offline,
}

/// All of them, in the order of the page's life.
pub(crate) static STATES: [State; 18] = [
    State {
        id: "idle",
        says: [
            ["Not connected", "Press Connect to open {url}."],
            ["未连接", "点击“连接”以打开 {url}。"],
        ],
        buttons: [&["Connect"], &["连接"]],
        query: "autoconnect=false",
        ..OPEN
    },
    State {
        id: "confirm",
        says: [
            [
                "Connect to {host}?",
                "The link you opened sets what follows. Connect only if you trust where it came from.\n{set}",
            ],
            [
                "要连接到 {host} 吗？",
                "您打开的链接设置了以下内容。请仅在信任其来源时连接。\n{set}",
            ],
        ],
        buttons: [&["Connect", "Ignore"], &["连接", "忽略"]],
        region: "alert",
        page: Page::ToStranger,
        ..OPEN
    },
    State {
        id: "badUrl",
        says: [
            [
                "Check the WebSocket URL",
                "The URL must start with ws:// or wss://. Did you mean ws://{suggestion}?",
            ],
            [
                "请检查 WebSocket 地址",
                "地址必须以 ws:// 或 wss:// 开头。您是不是想输入 ws://{suggestion}？",
            ],
        ],
        buttons: [
            &["Connect", "Use ws://{suggestion}"],
            &["连接", "使用 ws://{suggestion}"],
        ],
        region: "alert",
        page: Page::ToNowhere,
        ..OPEN
    },
    State {
        id: "mixed",
        says: [
            [
                "Blocked by the browser",
                "This page was loaded over https, so the browser does not allow {url}. Use wss://, or run this page from http://localhost.",
            ],
            [
                "已被浏览器阻止",
                "此页面通过 https 加载，因此浏览器不允许连接 {url}。请改用 wss://，或在 http://localhost 上运行此页面。",
            ],
        ],
        buttons: [&["Connect", "Use wss://"], &["连接", "改用 wss://"]],
        region: "alert",
        page: Page::FromTls,
        ..OPEN
    },
    State {
        id: "csp",
        says: [
            [
                "Blocked by this page’s security policy",
                "The Content-Security-Policy of this page does not allow {host}. Whoever runs this page can add it to connect-src.",
            ],
            [
                "已被此页面的安全策略阻止",
                "此页面的 Content-Security-Policy 不允许连接 {host}。页面管理员可将其添加到 connect-src。",
            ],
        ],
        buttons: [&["Connect", "Try again"], &["连接", "重新尝试"]],
        region: "alert",
        page: Page::Strict,
        ..OPEN
    },
    // The driver's browser asks nobody, and forbids at once; this one is not to.
    State {
        id: "permission",
        says: [
            [
                "Waiting for permission",
                "Your browser may ask to let this page reach your local network. Choose Allow to connect to {host}.",
            ],
            [
                "等待授权",
                "浏览器可能会询问是否允许此页面访问本地网络。请选择“允许”以连接 {host}。",
            ],
        ],
        buttons: [&["Stop"], &["停止"]],
        region: "status",
        server: Some(Manner::Deaf),
        query: "connect_timeout=500ms",
        page: Page::ToLoopback,
        then: Then::Connected,
    },
    State {
        id: "connecting",
        says: [
            ["Connecting…", "Opening {url}."],
            ["正在连接……", "正在打开 {url}。"],
        ],
        buttons: [&["Stop"], &["停止"]],
        server: Some(Manner::Deaf),
        ..OPEN
    },
    State {
        id: "slow",
        says: [
            ["Still connecting…", "No answer from {host} yet."],
            ["仍在连接……", "{host} 尚未响应。"],
        ],
        buttons: [&["Stop"], &["停止"]],
        server: Some(Manner::Deaf),
        query: "connect_timeout=1440m",
        ..OPEN
    },
    State {
        id: "refused",
        says: [
            [
                "Could not connect",
                "No connection to {host} could be made.",
            ],
            ["无法连接", "未能连接到 {host}。"],
        ],
        buttons: [&["Stop", "Retry now"], &["停止", "立即重试"]],
        server: None,
        query: PATIENT,
        ..OPEN
    },
    State {
        id: "offline",
        says: [
            [
                "You are offline",
                "This device reports no network. Retrying as soon as it is back.",
            ],
            [
                "网络已断开",
                "此设备当前没有网络连接，网络恢复后将立即重试。",
            ],
        ],
        buttons: [&["Stop", "Try anyway"], &["停止", "仍要重试"]],
        query: PATIENT,
        page: Page::ToItself,
        then: Then::Offline,
        ..OPEN
    },
    OPEN,
    // One that never answers.
    State {
        says: [
            [
                "Connected",
                "{url}\nHeartbeat sent. This server has not replied to one yet.\nUntil it does, nothing sent can be confirmed.",
            ],
            [
                "已连接",
                "{url}\n心跳已发送，服务器尚未响应过心跳。\n在此之前，无法确认消息是否送达。",
            ],
        ],
        server: Some(Manner::Silent),
        query: "heartbeat=100ms",
        ..OPEN
    },
    State {
        id: "stale",
        says: [
            [
                "No reply to heartbeat",
                "Nothing received since the last heartbeat.",
            ],
            ["心跳无响应", "上次心跳发出后未收到任何数据。"],
        ],
        buttons: [
            &["Disconnect", "Reconnect now"],
            &["断开连接", "立即重新连接"],
        ],
        server: Some(Manner::Silent),
        query: "heartbeat=100ms&reply_timeout=8s",
        ..OPEN
    },
    State {
        id: "waiting",
        says: [
            ["Connection lost", "Close code 1012 (service restart)."],
            ["连接已断开", "关闭代码 1012（服务重启）。"],
        ],
        buttons: [&["Stop", "Retry now"], &["停止", "立即重试"]],
        query: PATIENT,
        then: Then::Closed(1012, ""),
        ..OPEN
    },
    State {
        id: "reopened",
        says: [
            [
                "Reconnected",
                "The connection was down for {seconds}. Messages sent to you in that time may be missing.",
            ],
            [
                "已重新连接",
                "连接中断了 {seconds} 秒，期间发送给您的消息可能已丢失。",
            ],
        ],
        query: "retry_min=100ms&retry_max=100ms",
        then: Then::Restarted,
        ..OPEN
    },
    State {
        id: "stopped",
        says: [
            ["Disconnected", "You closed the connection."],
            ["已断开", "您已主动断开连接。"],
        ],
        buttons: [&["Connect"], &["连接"]],
        then: Then::Disconnected,
        ..OPEN
    },
    State {
        id: "refusedFinal",
        says: [
            [
                "Closed by the server",
                "Close code 1008 (policy violation): 令牌已过期. Not retrying: this code usually means the server would refuse again.",
            ],
            [
                "服务器已关闭连接",
                "关闭代码 1008（违反策略）：令牌已过期。此代码通常表示服务器会再次拒绝，因此不再重试。",
            ],
        ],
        buttons: [&["Connect", "Try again"], &["连接", "重新尝试"]],
        region: "alert",
        then: Then::Closed(1008, "令牌已过期"),
        ..OPEN
    },
    State {
        id: "gaveUp",
        says: [
            [
                "Stopped retrying",
                "1 retry failed. Last close code 1006 (connection dropped without a close message).",
            ],
            [
                "已停止重试",
                "重试 1 次均未成功。最后的关闭代码为 1006（连接异常中断）。",
            ],
        ],
        buttons: [&["Connect", "Try again"], &["连接", "重新尝试"]],
        region: "alert",
        server: None,
        query: "retry_limit=1&retry_min=10ms&retry_max=10ms",
        ..OPEN
    },
];

const OPEN: State = State {
    id: "open",
    says: [["Connected", "{url}"], ["已连接", "{url}"]],
    buttons: [&["Disconnect"], &["断开连接"]],
    region: "status",
    server: Some(Manner::Echo),
    query: "",
    page: Page::Here,
    then: Then::Nothing,
};

/// A browser that shows the page in one state after another, and all that the states need.
pub(crate) struct Scene {
    pub(crate) visit: Visit,
    strict: Site,
    tls: Tls,
    state: &'static State,
    server: Server,
}

impl Scene {
    /// Starts a browser.
    pub(crate) async fn open() -> Self {
        let arguments = [
            EXAMPLE_IS_HERE,
            "--ignore-certificate-errors",
            "--disable-features=LocalNetworkAccessChecksWebSockets",
        ];
        let visit = Visit::before(Browser::Chromium, &arguments, "/", None).await;
        visit.run_first(NOTE_STATES).await;
        let strict = Some("connect-src 'self'");
        let strict = Site::start(&dist(), "/", strict).await.unwrap();
        let tls = Tls::before(visit.site.port()).await;
        Self {
            visit,
            strict,
            tls,
            state: &OPEN,
            server: Server::absent(Manner::Refuse),
        }
    }

    /// Starts a browser and brings its page into the first state with this `id`, in English.
    async fn of(id: &str) -> Self {
        let state = STATES.iter().find(|state| state.id == id).unwrap();
        let mut scene = Self::open().await;
        scene.set(state);
        scene.enter(Lang::En).await;
        scene
    }

    /// Prepares for a state; [`Scene::enter`] brings the page there.
    pub(crate) fn set(&mut self, state: &'static State) {
        self.state = state;
        self.server = match state.server {
            Some(manner) => Server::start(manner),
            None => Server::absent(Manner::Refuse),
        };
    }

    /// Brings the page anew into the state until all of it has been `seen`: some pass before that.
    pub(crate) async fn enter_until(&mut self, lang: Lang, seen: impl AsyncFn(&Self) -> bool) {
        for _ in 0..TRIES {
            if self.enter(lang).await && seen(self).await {
                return;
            }
        }
        panic!("{} passes unseen", self.state.id);
    }

    /// Brings the page anew into the state, in this language, unless it passes meanwhile.
    pub(crate) async fn enter(&mut self, lang: Lang) -> bool {
        self.visit.offline(false).await;
        let config = match self.state.id {
            // What a link that nobody trusts comes to.
            "confirm" | "mixed" => Config::Built,
            _ => Config::Text(LINKS_ALLOWED.to_owned()),
        };
        self.visit.site.configure(config);
        let address = self.address(lang);
        self.visit.go(&address).await;
        match self.state.then {
            Then::Nothing => {}
            Then::Offline => {
                self.visit.reaches(&["refused", "offline"]).await;
                self.visit.offline(true).await;
            }
            Then::Connected => self.visit.press(lang.words().connect).await,
            Then::Disconnected => self.visit.press(lang.words().disconnect).await,
            Then::Closed(code, reason) => {
                self.visit.reaches(&["open"]).await;
                self.server.close(code, reason);
            }
            Then::Restarted => {
                self.visit.reaches(&["open"]).await;
                self.server.stop().await;
                self.server.resume();
            }
        }
        let is_there = self.says(lang).await;
        let what = format!("{} in {}", self.state.id, lang.tag());
        let buttons = self.state.buttons[place(lang)];
        let seen = self.texts(".address button, .buttons button").await;
        let are_there = self.are(buttons, &seen) || !self.is_there().await;
        assert!(are_there, "{what} has the buttons {seen:?}");
        is_there
    }

    /// Waits until the page is in the state, and says so in this language. Returns whether it was not over
    /// before.
    pub(crate) async fn says(&self, lang: Lang) -> bool {
        let what = format!("{} in {}", self.state.id, lang.tag());
        eventually(&what, SOON, async || {
            let said = self.texts(".headline, .detail").await;
            let is_said = self.are(&self.state.says[place(lang)], &said);
            self.stands(is_said).await
        })
        .await
    }

    /// Waits until the live region of the state's role tells it and no other does. Returns whether it was
    /// not over before.
    async fn is_told(&self, lang: Lang) -> bool {
        let region = self.state.region;
        let headline = self.state.says[place(lang)][0];
        let expected = ["status", "alert"].map(|role| {
            let is_told = role == region;
            if is_told { headline } else { "" }
        });
        let what = format!("{} is told in {}", self.state.id, lang.tag());
        eventually(&what, SOON, async || {
            let told = "return ['status', 'alert'].map(role =>
                document.querySelector(`.status [role=${role}]`).textContent)";
            let told: Vec<String> = serde_json::from_value(self.visit.evaluate(told).await).ok()?;
            let is_told = expected.iter().zip(&told).all(|(expected, told)| {
                let expected = self.filled(expected);
                told.starts_with(&expected) && told.is_empty() == expected.is_empty()
            });
            self.stands(is_told).await
        })
        .await
    }

    /// Waits until the state's headline, the field and the last message can be seen without scrolling. Returns
    /// whether the state was not over before.
    async fn is_on_the_first_screen(&self, lang: Lang) -> bool {
        const SEEN: &str = "return ['.headline', '#message', '#received'].every((one) => {
            const box = document.querySelector(one).getBoundingClientRect();
            return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight
                && box.right <= innerWidth;
        })";
        let what = format!("{} is on the first screen in {}", self.state.id, lang.tag());
        eventually(&what, SOON, async || {
            let is_seen = self.visit.evaluate(SEEN).await == true;
            self.stands(is_seen).await
        })
        .await
    }

    /// Whether the state is over, or else as it should be; nothing before that is known.
    async fn stands(&self, is_as_expected: bool) -> Option<bool> {
        let has_been = "return window.states.has(arguments[0])";
        let client = &self.visit.session.client;
        let has_been = client.execute(has_been, vec![json!(self.state.id)]).await;
        match (self.is_there().await, has_been.unwrap() == true) {
            (true, _) => is_as_expected.then_some(true),
            (false, has_been) => has_been.then_some(false),
        }
    }

    /// Takes pictures of the whole page into the folder, light and dark, on a phone and on a desk.
    async fn is_portrayed(&mut self, lang: Lang, folder: &Path) {
        let place = STATES.iter().position(|one| ptr::eq(one, self.state));
        let name = format!("{:02}-{}-{}", place.unwrap() + 1, self.state.id, lang.tag());
        for (scheme, width) in [
            ("light", 360),
            ("light", 1280),
            ("dark", 360),
            ("dark", 1280),
        ] {
            // A state that passes is entered anew, before or after it passed.
            let picture = loop {
                if !self.is_there().await {
                    self.enter(lang).await;
                }
                wear(&self.visit, scheme, width, 400).await;
                let height = "return document.documentElement.scrollHeight";
                let height = self.visit.evaluate(height).await.as_u64().unwrap();
                wear(&self.visit, scheme, width, height).await;
                let picture = self.visit.session.client.screenshot().await.unwrap();
                if self.is_there().await {
                    break picture;
                }
            };
            let file = folder.join(format!("{name}-{scheme}-{width}.png"));
            fs::write(file, picture).unwrap();
        }
    }

    /// The texts of all that can be seen of this, in the order of the page.
    async fn texts(&self, selector: &str) -> Vec<String> {
        let texts = format!(
            "return [...document.querySelectorAll('{selector}')]
                .filter(one => one.checkVisibility()).map(one => one.textContent.trim())"
        );
        serde_json::from_value(self.visit.evaluate(&texts).await).unwrap()
    }

    /// Whether these are the texts that were expected, and no more.
    fn are(&self, expected: &[&str], seen: &[String]) -> bool {
        let mut pairs = expected.iter().zip(seen);
        expected.len() == seen.len() && pairs.all(|(expected, seen)| self.is(expected, seen))
    }

    /// Whether this is what was expected, whatever stands for a place that only the page knows.
    fn is(&self, expected: &str, said: &str) -> bool {
        let expected = self.filled(expected);
        match expected.split_once('{') {
            Some((before, after)) => {
                let after = after.split_once('}').unwrap().1;
                said.starts_with(before) && said.ends_with(after)
            }
            None => said == expected,
        }
    }

    fn filled(&self, text: &str) -> String {
        let url = self.url();
        let host = url.split('/').nth(2).unwrap_or_default();
        text.replace("{url}", &url).replace("{host}", host)
    }

    /// Whether the page is still in the state: some pass.
    pub(crate) async fn is_there(&self) -> bool {
        self.visit.datum("state").await == self.state.id
    }

    /// Fills the page with long words, where it takes any.
    pub(crate) async fn crowd(&self) {
        let message = "m".repeat(LONG);
        // Whatever came would end the state in which nothing comes.
        if self.server.alive() > 0 && self.state.id != "stale" {
            self.server.send([Message::text(message.as_str())]);
            self.visit.shows(&message).await;
        }
        let fill = "
            const message = document.querySelector('#message');
            message.value = arguments[0];
            message.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        let client = &self.visit.session.client;
        client.execute(fill, vec![json!(message)]).await.unwrap();
    }

    /// The long address that the page is to connect to, as the page shows it.
    fn url(&self) -> String {
        let here = self.server.to_string();
        let there = here.replace("127.0.0.1", EXAMPLE);
        let origin = match self.state.page {
            Page::Here | Page::Strict | Page::ToLoopback => here,
            Page::ToStranger | Page::FromTls => there,
            Page::ToItself => {
                let address = self.visit.site.address(EXAMPLE, "");
                let end = address.rfind('/').unwrap();
                address[..end].replace("http:", "ws:")
            }
            Page::ToNowhere => here.replace("ws://", ""),
        };
        let path = "p".repeat(LONG - origin.len() - 1);
        format!("{origin}/{path}")
    }

    fn address(&self, lang: Lang) -> String {
        let mut url = self.url();
        if self.state.page == Page::ToItself {
            let path = url.match_indices('/').nth(2).unwrap().0;
            url = url.split_off(path);
        }
        let query = format!("url={url}&lang={}&{}", lang.tag(), self.state.query);
        match self.state.page {
            Page::FromTls | Page::ToLoopback => {
                format!("https://{EXAMPLE}:{}/?{query}", self.tls.port())
            }
            Page::Strict => self.strict.address("127.0.0.1", &query),
            Page::ToItself => self.visit.site.address(EXAMPLE, &query),
            Page::Here | Page::ToStranger | Page::ToNowhere => {
                self.visit.site.address("127.0.0.1", &query)
            }
        }
    }
}

/// Notes every state that the page is in.
const NOTE_STATES: &str = "
    window.states = new Set();
    new MutationObserver(() => {
        states.add(document.querySelector('[data-state]')?.dataset.state);
    }).observe(document, { attributes: true, childList: true, subtree: true });";

/// Where the texts of a language stand.
fn place(lang: Lang) -> usize {
    usize::from(lang == Lang::ZhCn)
}

/// How often a state that lasts for seconds may have to be entered until all of it has been seen.
pub(crate) const TRIES: u32 = 5;

/// How many browsers share the states.
pub(crate) const BROWSERS: usize = 3;

/// No further attempt while somebody looks.
const PATIENT: &str = "retry_min=1440m&retry_max=1440m";

/// A host that is not a loopback name.
const EXAMPLE: &str = "example.test";

/// The length of an address or a message without any place to break.
pub(crate) const LONG: usize = 200;
