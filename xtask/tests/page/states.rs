//! Every state that the page can be in, each by a real cause.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use heartwire::words::Lang;

use super::server::{Manner, Server};
use super::tls::Tls;
use super::visit::Visit;
use super::{SOON, eventually};

/// A state of the page and what brings it about.
#[derive(Debug)]
pub(crate) struct State {
    /// The `data-state` of the status section.
    pub(crate) id: &'static str,
    /// What the status section says then, among other things: in English and in Chinese.
    pub(crate) says: [&'static str; 2],
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
    /// When the connection is open, the user presses *Disconnect*.
    Disconnected,
    /// The browser loses the network.
    Offline,
}

/// All of them, in the order of the page's life.
pub(crate) const STATES: [State; 17] = [
    State {
        id: "idle",
        says: ["Not connected", "未连接"],
        query: "autoconnect=false",
        ..OPEN
    },
    State {
        id: "confirm",
        says: ["Connect to example.test:", "要连接到 example.test:"],
        page: Page::ToStranger,
        ..OPEN
    },
    State {
        id: "badUrl",
        says: ["Check the WebSocket URL", "请检查 WebSocket 地址"],
        page: Page::ToNowhere,
        ..OPEN
    },
    State {
        id: "mixed",
        says: ["Blocked by the browser", "已被浏览器阻止"],
        page: Page::FromTls,
        ..OPEN
    },
    State {
        id: "csp",
        says: [
            "Blocked by this page’s security policy",
            "已被此页面的安全策略阻止",
        ],
        page: Page::Strict,
        ..OPEN
    },
    State {
        id: "connecting",
        says: ["Connecting…", "正在连接……"],
        server: Some(Manner::Deaf),
        ..OPEN
    },
    State {
        id: "slow",
        says: ["Still connecting…", "仍在连接……"],
        server: Some(Manner::Deaf),
        query: "connect_timeout=1440m",
        ..OPEN
    },
    State {
        id: "refused",
        says: ["Could not connect", "无法连接"],
        server: None,
        query: PATIENT,
        ..OPEN
    },
    State {
        id: "offline",
        says: ["You are offline", "网络已断开"],
        query: PATIENT,
        page: Page::ToItself,
        then: Then::Offline,
        ..OPEN
    },
    OPEN,
    // One that never answers.
    State {
        says: [
            "This server has not replied to one yet.",
            "服务器尚未响应过心跳。",
        ],
        server: Some(Manner::Silent),
        query: "heartbeat=100ms",
        ..OPEN
    },
    State {
        id: "stale",
        says: ["No reply to heartbeat", "心跳无响应"],
        server: Some(Manner::Silent),
        query: "heartbeat=100ms&reply_timeout=8s",
        ..OPEN
    },
    State {
        id: "waiting",
        says: ["Connection lost", "连接已断开"],
        query: PATIENT,
        then: Then::Closed(1012, ""),
        ..OPEN
    },
    State {
        id: "reopened",
        says: ["Reconnected", "已重新连接"],
        query: "retry_min=100ms&retry_max=100ms",
        then: Then::Restarted,
        ..OPEN
    },
    State {
        id: "stopped",
        says: ["Disconnected", "已断开"],
        then: Then::Disconnected,
        ..OPEN
    },
    State {
        id: "refusedFinal",
        says: ["Closed by the server", "服务器已关闭连接"],
        then: Then::Closed(1008, "令牌已过期"),
        ..OPEN
    },
    State {
        id: "gaveUp",
        says: ["Stopped retrying", "已停止重试"],
        server: None,
        query: "retry_limit=1&retry_min=10ms&retry_max=10ms",
        ..OPEN
    },
];

const OPEN: State = State {
    id: "open",
    says: ["Connected", "已连接"],
    server: Some(Manner::Echo),
    query: "",
    page: Page::Here,
    then: Then::Nothing,
};

/// Everything that a state needs, for as long as it is looked at.
pub(crate) struct Scene {
    pub(crate) visit: Visit,
    state: &'static State,
    server: Server,
    tls: Option<Tls>,
}

impl Scene {
    /// Starts a browser and whatever else the state needs.
    pub(crate) async fn set(state: &'static State) -> Self {
        let policy = (state.page == Page::Strict).then_some("connect-src 'self'");
        let arguments = [EXAMPLE_IS_HERE, "--ignore-certificate-errors"];
        let visit = Visit::before(Browser::Chromium, &arguments, "/", policy).await;
        let server = match state.server {
            Some(manner) => Server::start(manner),
            None => Server::absent(Manner::Refuse),
        };
        let tls = match state.page {
            Page::FromTls => Some(Tls::before(visit.site.port()).await),
            Page::Here | Page::Strict | Page::ToStranger | Page::ToItself | Page::ToNowhere => None,
        };
        Self {
            visit,
            state,
            server,
            tls,
        }
    }

    /// Brings the page anew into the state, in this language.
    pub(crate) async fn enter(&mut self, lang: Lang) {
        self.visit.offline(false).await;
        let address = self.address(lang);
        self.visit.go(&address).await;
        match self.state.then {
            Then::Nothing => {}
            Then::Offline => {
                self.visit.reaches(&["refused", "offline"]).await;
                self.visit.offline(true).await;
            }
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
        let says = self.state.says[usize::from(lang == Lang::ZhCn)];
        eventually(
            &format!("{} in {}", self.state.id, lang.tag()),
            SOON,
            async || {
                (self.is_there().await && self.visit.status().await.contains(says)).then_some(())
            },
        )
        .await;
    }

    /// Whether the page is still in the state: some pass.
    pub(crate) async fn is_there(&self) -> bool {
        self.visit.datum("state").await == self.state.id
    }

    /// Fills the page with long words, where it takes any.
    pub(crate) async fn crowd(&self) {
        let message = "m".repeat(LONG);
        self.server.send([Message::text(message.as_str())]);
        let fill = "
            const message = document.querySelector('#message');
            message.value = arguments[0];
            message.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        let client = &self.visit.session.client;
        client.execute(fill, vec![json!(message)]).await.unwrap();
    }

    fn address(&self, lang: Lang) -> String {
        let here = self.server.to_string();
        let there = here.replace("127.0.0.1", EXAMPLE);
        let url = match self.state.page {
            Page::Here | Page::Strict => here,
            Page::ToStranger | Page::FromTls => there,
            Page::ToItself => String::new(),
            Page::ToNowhere => here.replace("ws://", ""),
        };
        let path = "p".repeat(LONG - url.len() - 1);
        let query = format!("url={url}/{path}&lang={}&{}", lang.tag(), self.state.query);
        match self.state.page {
            Page::FromTls => {
                let tls = self.tls.as_ref().map(Tls::port).unwrap();
                format!("https://{EXAMPLE}:{tls}/?{query}")
            }
            Page::ToItself => self.visit.site.address(EXAMPLE, &query),
            Page::Here | Page::Strict | Page::ToStranger | Page::ToNowhere => {
                self.visit.site.address("127.0.0.1", &query)
            }
        }
    }
}

/// No further attempt while somebody looks.
const PATIENT: &str = "retry_min=1440m&retry_max=1440m";

/// A host that is not a loopback name, and where it is.
const EXAMPLE: &str = "example.test";
const EXAMPLE_IS_HERE: &str = "--host-resolver-rules=MAP example.test 127.0.0.1";

/// The length of an address or a message without any place to break.
const LONG: usize = 200;
