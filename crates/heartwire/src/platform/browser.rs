//! A page, or a worker.

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};

use gloo_events::EventListener;
use js_sys::futures::spawn_local;
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use web_sys::{
    Crypto, Document, Event, EventTarget, Location, Navigator, PageTransitionEvent,
    PermissionState, PermissionStatus, SecurityPolicyViolationEvent,
    SecurityPolicyViolationEventDisposition, Url,
};

use super::{
    Listener, Opened, Platform, PlatformEvent,
    clock::Clock,
    socket::{EarlySocket, Socket},
    timers::Timers,
};
use crate::{
    core::{
        connection::{Epoch, Input, Refusal, Timer},
        protocol::{Frame, MAX_HEAD, PayloadRef},
        reach::{Locality, Reach},
    },
    event::Trace,
    message::Binary,
    target::{Asked, Endpoint, Unavailable},
};

/// The browser that this runs in.
pub(super) fn browser() -> Rc<dyn Platform> {
    Rc::new_cyclic(|this: &Weak<Browser>| {
        let this = this.clone();
        let emit: Emit = Rc::new(move |event| {
            if let Some(browser) = this.upgrade() {
                browser.take(event);
            }
        });
        Browser {
            hear: OnceCell::new(),
            clock: Clock::start(),
            socket: RefCell::default(),
            early: RefCell::default(),
            timers: RefCell::new(Timers::new(Rc::clone(&emit))),
            place: RefCell::default(),
            epoch: Cell::default(),
            is_permission_asked: Cell::default(),
            listeners: RefCell::default(),
            emit,
        }
    })
}

/// Takes what happens; cloned into all that may happen.
pub(super) type Emit = Rc<dyn Fn(BrowserEvent)>;

/// What happens in a browser.
pub(super) enum BrowserEvent {
    /// Something for the core.
    Input(Input),
    /// A frame of bytes came.
    Bytes(Epoch, Binary),
    /// A socket failed; `close` should follow, but see [`Socket::await_close`].
    Failed(Epoch),
    /// It is time to look at what is buffered.
    DrainDue(Epoch),
    /// The heartbeat's timer or the metronome rang.
    Rang,
    /// It is time to start a timer that could not be started where it was asked for.
    Asked,
    /// A content security policy forbade a connection to this address, or to one of its origin.
    Forbidden(String),
    /// It is known whether the browser asks its user.
    Permission(Epoch, bool),
    /// It is known where to connect.
    Endpoint(Epoch, Result<Endpoint, Unavailable>),
    /// The browser did not do what it was told to.
    Problem(&'static str, JsValue),
    /// It is time to tell of that.
    Told(&'static str, String),
}

/// Where the attempt under way goes.
#[derive(Default)]
struct Place {
    scheme: String,
    /// With its port.
    host: String,
    /// Whether a browser may ask its user before it lets this page go there.
    is_guarded: bool,
}

struct Browser {
    emit: Emit,
    hear: OnceCell<Listener>,
    clock: Clock,
    socket: RefCell<Option<Socket>>,
    early: RefCell<Option<EarlySocket>>,
    timers: RefCell<Timers>,
    place: RefCell<Place>,
    epoch: Cell<Epoch>,
    is_permission_asked: Cell<bool>,
    listeners: RefCell<Vec<EventListener>>,
}

impl Browser {
    fn take(&self, event: BrowserEvent) {
        match event {
            // While the browser asks, nobody can answer the handshake.
            BrowserEvent::Input(Input::TimerExpired(epoch, Timer::Connect))
                if self.is_permission_asked.get() =>
            {
                self.timers.borrow_mut().start_connect_over(epoch);
                self.ask_permission(epoch);
            }
            BrowserEvent::Input(input) => self.tell(PlatformEvent::Input(input)),
            BrowserEvent::Bytes(epoch, bytes) => {
                let frame = Frame::Binary {
                    bytes: bytes.len(),
                    head: bytes.beginning(MAX_HEAD as usize),
                };
                self.tell(PlatformEvent::Bytes(epoch, frame, bytes));
            }
            BrowserEvent::Failed(epoch) => {
                self.with_socket(epoch, Socket::await_close);
            }
            BrowserEvent::DrainDue(epoch) => {
                if self.has_drained(epoch) {
                    self.tell(PlatformEvent::Input(Input::Drained(epoch)));
                }
            }
            BrowserEvent::Rang => {
                let due = self.timers.borrow_mut().rung(self.now_at_once());
                if let Some(epoch) = due {
                    self.tell(PlatformEvent::Input(Input::TimerExpired(
                        epoch,
                        Timer::Heartbeat,
                    )));
                }
            }
            BrowserEvent::Asked => self.timers.borrow_mut().start_asked(self.now_at_once()),
            BrowserEvent::Forbidden(address) => {
                // As it was told: what another scheme leads to is not ours.
                let is_ours = Url::new(&address).is_ok_and(|url| {
                    let place = self.place.borrow();
                    place.scheme == url.protocol() && place.host == url.host()
                });
                // Chromium has fired no `close` yet and fires none; in Firefox the constructor threw, and
                // an attempt is waited for. Anything else that was forbidden is not ours.
                if is_ours {
                    self.tell(PlatformEvent::Input(Input::Refused(
                        self.epoch.get(),
                        Refusal::Forbidden,
                    )));
                }
            }
            BrowserEvent::Permission(epoch, asks) => {
                if asks && epoch == self.epoch.get() {
                    self.is_permission_asked.set(true);
                    self.tell(PlatformEvent::Trace(Trace::PermissionAsked));
                }
            }
            BrowserEvent::Endpoint(epoch, answer) => {
                self.tell(PlatformEvent::Endpoint(epoch, answer));
            }
            // Told later: whoever hears of it may call anything, and something may be at work here.
            BrowserEvent::Problem(what, error) => {
                let emit = Rc::clone(&self.emit);
                spawn_local(async move { emit(BrowserEvent::Told(what, text_of(&error))) });
            }
            BrowserEvent::Told(what, error) => {
                self.tell(PlatformEvent::Trace(Trace::Problem { what, error }));
            }
        }
    }

    fn now_at_once(&self) -> Duration {
        self.clock.read();
        self.clock.now()
    }

    fn tell(&self, heard: PlatformEvent) {
        if let Some(hear) = self.hear.get() {
            hear(heard);
        }
    }

    fn with_socket<T>(&self, epoch: Epoch, work: impl FnOnce(&mut Socket) -> T) -> Option<T> {
        let mut socket = self.socket.borrow_mut();
        let socket = socket.as_mut().filter(|socket| socket.epoch() == epoch);
        socket.map(work)
    }

    /// Finds out what the browser makes of this attempt.
    fn ask_permission(&self, epoch: Epoch) {
        self.is_permission_asked.set(false);
        if !self.place.borrow().is_guarded {
            return;
        }
        let emit = Rc::clone(&self.emit);
        spawn_local(async move {
            let asks = asks_permission().await;
            emit(BrowserEvent::Permission(epoch, asks));
        });
    }
}

impl Platform for Browser {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn read_clock(&self) {
        self.clock.read();
    }

    fn has_slept(&self) -> bool {
        self.clock.take_jump()
    }

    fn slept_at(&self) -> Option<Duration> {
        self.clock.jumped()
    }

    fn seed(&self) -> [u64; 2] {
        let bytes = random();
        if bytes.is_none() {
            (self.emit)(BrowserEvent::Problem(
                "marks of heartbeats can be guessed",
                JsValue::NULL,
            ));
        }
        let bytes = bytes.unwrap_or_default();
        let (first, second) = bytes.split_at(8);
        [first, second].map(|half| {
            let bits = half.iter();
            bits.fold(0, |bits, byte| bits << 8 | u64::from(*byte))
        })
    }

    fn listen(&self, hear: Listener) {
        if self.hear.set(hear).is_ok() {
            self.listeners.replace(listen(&self.emit));
        }
    }

    fn locality(&self, endpoint: &Endpoint) -> Locality {
        read(&endpoint.url).map_or(Locality::Remote, |url| Locality::of(&url.hostname()))
    }

    fn connect(&self, epoch: Epoch, endpoint: &Endpoint) -> Opened {
        self.epoch.set(epoch);
        let Some(url) = read(&endpoint.url) else {
            self.is_permission_asked.set(false);
            return Opened::Refused(Refusal::BadAddress);
        };
        let own_host = LOCATION.with(|location| location.as_ref()?.hostname().ok());
        let own_host = own_host.filter(|host| !host.is_empty());
        self.place.replace(Place {
            scheme: url.protocol(),
            host: url.host(),
            is_guarded: own_host.is_some_and(|own| Reach::of(&url.hostname()) < Reach::of(&own)),
        });
        self.ask_permission(epoch);
        let early = self.early.take().and_then(|early| {
            // It offers no subprotocols.
            let is_wanted = endpoint.protocols.is_empty() && early.socket.url() == url.href();
            if is_wanted {
                return Some(early);
            }
            early.close();
            None
        });
        let opened = Socket::open(
            &url.href(),
            &endpoint.protocols,
            early,
            epoch,
            Rc::clone(&self.emit),
        );
        match opened {
            Ok(socket) => {
                self.socket.replace(Some(socket));
                Opened::Underway
            }
            Err(error) => {
                let name = error.dyn_ref::<js_sys::Error>().map(js_sys::Error::name);
                let name = name.and_then(|name| name.as_string());
                (self.emit)(BrowserEvent::Problem(
                    "the browser refused to connect",
                    error,
                ));
                // Trying again helps only where the reason is not the address itself.
                match name.as_deref() {
                    Some("SyntaxError") => Opened::Refused(Refusal::BadAddress),
                    Some("SecurityError") => Opened::Refused(Refusal::Insecure),
                    _ => Opened::Failed,
                }
            }
        }
    }

    fn adopt(&self, early: EarlySocket) {
        self.early.replace(Some(early));
    }

    fn ask(&self, epoch: Epoch, asked: Asked) {
        self.epoch.set(epoch);
        // Nobody knows yet where it goes.
        self.place.take();
        self.is_permission_asked.set(false);
        let emit = Rc::clone(&self.emit);
        spawn_local(async move { emit(BrowserEvent::Endpoint(epoch, asked.await)) });
    }

    fn send(&self, payload: PayloadRef<'_>) -> bool {
        let mut socket = self.socket.borrow_mut();
        socket.as_mut().is_some_and(|socket| socket.send(payload))
    }

    fn close(&self, epoch: Epoch, reason: &str) {
        self.with_socket(epoch, |socket| socket.close(reason));
    }

    fn disconnect(&self) {
        self.socket.take();
    }

    fn has_drained(&self, epoch: Epoch) -> bool {
        self.with_socket(epoch, Socket::has_drained)
            .unwrap_or(false)
    }

    fn set_timer(&self, epoch: Epoch, timer: Timer, wait: Duration) {
        self.timers.borrow_mut().set(epoch, timer, wait, self.now());
    }

    fn stop_timer(&self, timer: Timer) {
        if timer == Timer::Connect {
            self.is_permission_asked.set(false);
        }
        self.timers.borrow_mut().stop(timer);
    }

    fn end(&self) {
        if let Some(early) = self.early.take() {
            early.close();
        }
    }

    fn is_permission_asked(&self) -> bool {
        self.is_permission_asked.get()
    }
}

/// Bytes that nobody can guess.
pub(super) fn random() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    CRYPTO.with(|crypto| {
        let crypto = crypto.as_ref()?;
        crypto.get_random_values_with_u8_array(&mut bytes).ok()
    })?;
    Some(bytes)
}

/// Whether nobody can see the page.
pub(super) fn is_hidden() -> bool {
    DOCUMENT.with(|document| document.as_ref().is_some_and(Document::hidden))
}

/// Listens to what happens to the page, or to the worker, as a whole. A worker hears of the network and of
/// its policy, and of nothing else that is listened for here.
fn listen(emit: &Emit) -> Vec<EventListener> {
    let on =
        |target: &EventTarget, kind: &'static str, tell: fn(&Event) -> Option<BrowserEvent>| {
            let emit = Rc::clone(emit);
            EventListener::new(target, kind, move |event| {
                if let Some(event) = tell(event) {
                    emit(event);
                }
            })
        };
    let global: EventTarget = js_sys::global().unchecked_into();
    let document: Option<EventTarget> = DOCUMENT.with(|document| document.clone().map(Into::into));
    let mut listeners = vec![
        on(&global, "pagehide", |_| {
            Some(BrowserEvent::Input(Input::Left))
        }),
        on(&global, "pageshow", |event| {
            let event = event.dyn_ref::<PageTransitionEvent>()?;
            event
                .persisted()
                .then_some(BrowserEvent::Input(Input::Returned))
        }),
        on(&global, "online", |_| {
            Some(BrowserEvent::Input(Input::Woke))
        }),
        on(
            document.as_ref().unwrap_or(&global),
            "securitypolicyviolation",
            |event| {
                let event = event.dyn_ref::<SecurityPolicyViolationEvent>()?;
                // One that is only reported forbids nothing.
                let is_enforced =
                    event.disposition() == SecurityPolicyViolationEventDisposition::Enforce;
                (is_enforced && event.effective_directive() == "connect-src")
                    .then(|| BrowserEvent::Forbidden(event.blocked_uri()))
            },
        ),
    ];
    if let Some(document) = &document {
        listeners.extend([
            on(document, "visibilitychange", |_| {
                (!is_hidden()).then_some(BrowserEvent::Input(Input::Woke))
            }),
            // A frozen page cannot tell its server that it lives, and Chromium closes its socket.
            on(document, "freeze", |_| {
                Some(BrowserEvent::Input(Input::Left))
            }),
            // Page Lifecycle: the page was frozen and runs again.
            on(document, "resume", |_| {
                Some(BrowserEvent::Input(Input::Woke))
            }),
        ]);
    }
    listeners
}

/// An address as the browser's `WebSocket` reads it (WHATWG WebSockets, "get a URL"). Older ones want it
/// whole.
pub(super) fn read(address: &str) -> Option<Url> {
    let base = LOCATION.with(|location| location.as_ref()?.href().ok());
    let url = match base {
        Some(base) => Url::new_with_base(address, &base).or_else(|_| Url::new(address)),
        None => Url::new(address),
    };
    let url = url.ok()?;
    match url.protocol().as_str() {
        "http:" => url.set_protocol("ws:"),
        "https:" => url.set_protocol("wss:"),
        _ => {}
    }
    Some(url)
}

/// Whether the browser is asking its user, or is going to, to let this page reach the machine itself or its
/// network: <https://wicg.github.io/local-network-access/>. One that knows no such question asks none.
async fn asks_permission() -> bool {
    let permissions = NAVIGATOR.with(|navigator| navigator.as_ref()?.permissions().ok());
    let Some(permissions) = permissions else {
        return false;
    };
    for name in ["loopback-network", "local-network-access"] {
        let descriptor = js_sys::Object::new();
        let is_named = js_sys::Reflect::set(&descriptor, &"name".into(), &name.into());
        if is_named.is_ok()
            && let Ok(answer) = permissions.query(&descriptor)
            && let Ok(status) = answer.await
        {
            let status: PermissionStatus = status.unchecked_into();
            return status.state() == PermissionState::Prompt;
        }
    }
    false
}

fn text_of(error: &JsValue) -> String {
    let error = error.dyn_ref::<js_sys::Error>();
    error.map_or_else(String::new, |error| error.to_string().into())
}

// What a page and a worker both have, by the same name.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;

    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;

    #[wasm_bindgen(thread_local_v2, js_name = navigator)]
    static NAVIGATOR: Option<Navigator>;

    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Option<Crypto>;
}
