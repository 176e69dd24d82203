//! The page's root component: owns the connection and does what it says.

use gloo_events::EventListener;
use gloo_render::{AnimationFrame, request_animation_frame};
use gloo_timers::callback::Interval;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::HtmlTextAreaElement;
use yew::{Component, Context, Html, NodeRef, Properties, html};

use super::{
    browser::{self, Noticed},
    socket::{Heard, Socket},
    timers::Timers,
    view::{self, AddressForm, Facts, Received},
};
use crate::{
    address::{Address, AddressError, Consent, Page},
    connection::{Closure, Connection, Effect, Epoch, Input, Status, Timer},
    protocol::Frame,
    settings::{Allowed, Complaint, Settings},
    strip::{Obstacle, Press, Scene, Strip, Toggle},
    words::Lang,
};

/// The page: one connection, shown and used.
pub struct App {
    connection: Connection,
    socket: Option<Socket>,
    timers: Timers,
    /// What the address field holds.
    entered: String,
    /// What it held when the user or the page last wanted to connect.
    address: Result<Address, AddressError>,
    obstacle: Option<Obstacle>,
    field: NodeRef,
    typing: Option<[EventListener; 3]>,
    received: Option<Received>,
    /// Runs while the page shows a time that passes.
    clock: Option<Interval>,
    /// Set from one drawing of messages until the frame after it, so that a flood of them is drawn
    /// once a frame.
    frame: Option<AnimationFrame>,
    is_outdated: bool,
    _listeners: [EventListener; 7],
}

/// What the page starts with.
#[derive(Clone, Debug, PartialEq, Properties)]
pub struct Props {
    /// The page's own address.
    pub page: Page,
    /// The settings.
    pub settings: Settings,
    /// What was wrong with the settings given.
    #[prop_or_default]
    pub complaints: Vec<Complaint>,
    /// The language.
    pub lang: Lang,
}

/// What happened to the page. Made and used by [`App`] alone.
#[derive(Debug)]
pub struct Msg(Happening);

#[derive(Debug)]
enum Happening {
    TimerExpired(Epoch, Timer),
    Noticed(Noticed),
    Heard(Heard),
    Typed(String),
    AddressEntered(String),
    Toggled(Toggle),
    Pressed(Press),
    FrameCame,
    TimePassed,
}

impl Component for App {
    type Message = Msg;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let Props { page, settings, .. } = ctx.props();
        let link = ctx.link();
        let entered = match &settings.url {
            Some(url) => url.clone(),
            None => page.default_address().to_string(),
        };
        let mut app = Self {
            connection: Connection::new(settings.clone(), browser::seed()),
            socket: None,
            timers: Timers::default(),
            address: Address::parse(&entered, page),
            entered,
            obstacle: None,
            field: NodeRef::default(),
            typing: None,
            received: None,
            clock: None,
            frame: None,
            is_outdated: false,
            _listeners: browser::listen(&link.callback(|noticed| Msg(Happening::Noticed(noticed)))),
        };
        app.start(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, Msg(happening): Msg) -> bool {
        let before = self.connection.status();
        let draws = match happening {
            Happening::TimerExpired(epoch, timer) => self.take(Input::TimerExpired(epoch, timer)),
            Happening::Noticed(noticed) => self.notice(noticed),
            Happening::Heard(heard) => self.hear(heard),
            Happening::Typed(text) => {
                self.connection.type_text(text);
                Draws::WithTheFrame
            }
            Happening::AddressEntered(text) => {
                self.entered = text;
                Draws::AtOnce
            }
            Happening::Toggled(Toggle::Connect) => self.connect(ctx),
            Happening::Toggled(Toggle::Stop | Toggle::Disconnect) => self.take(Input::Close),
            Happening::Pressed(press) => self.press(ctx, press),
            Happening::FrameCame => {
                self.frame = None;
                if self.is_outdated {
                    Draws::WithTheFrame
                } else {
                    Draws::Nothing
                }
            }
            Happening::TimePassed => Draws::AtOnce,
        };
        self.drive(ctx);
        let after = self.connection.status();
        if after == Status::Away {
            // Nobody looks at it, and a notice of the end would flash up while another page loads.
            return false;
        }
        self.run_clock(ctx, after);
        if let Status::Connecting { .. } | Status::Open { .. } = before {
            self.report_loss();
        }
        match draws {
            Draws::AtOnce => true,
            _ if before != after => true,
            Draws::WithTheFrame => self.draw_with_the_frame(ctx),
            Draws::Nothing => false,
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let Props {
            settings,
            complaints,
            lang,
            ..
        } = ctx.props();
        let words = lang.words();
        let link = ctx.link();
        let now = browser::now();
        let status = self.connection.status();
        let scene = Scene {
            status,
            last_loss: self.connection.last_loss(),
            attempt: self.connection.attempt(),
            is_unanswered: self.connection.heartbeat().is_unanswered(),
            address: self.address.as_ref(),
            obstacle: self.obstacle,
            is_online: browser::is_online(),
            connect_timeout: settings.connect_timeout,
            now,
        };
        let strip = Strip::new(&scene, words);
        let toggle = strip.toggle;
        let open_seconds = if let Status::Open { since, .. } = status {
            Some(now.saturating_sub(since).as_secs())
        } else {
            None
        };
        let facts = Facts {
            epoch: self.connection.epoch().number(),
            attempt: self.connection.attempt(),
            open_seconds,
            round_trip: self.connection.heartbeat().round_trip(),
            sent: self.connection.sent(),
            received: self.connection.received(),
            waiting: self.connection.outbox().len(),
            merged: self.connection.outbox().merged(),
            reconnects: self.connection.reconnects(),
        };
        // A bad address has been mended when there is a good one.
        let open_complaints = complaints.iter().filter(|complaint| {
            self.address.is_err() || !matches!(complaint.allowed, Allowed::Address(_))
        });
        let form = AddressForm {
            entered: self.entered.clone().into(),
            error: self.address.as_ref().err(),
            toggle,
            on_address: link.callback(|text| Msg(Happening::AddressEntered(text))),
            on_toggle: link.callback(move |()| Msg(Happening::Toggled(toggle))),
        };
        let on_press = link.callback(|press| Msg(Happening::Pressed(press)));
        html! {
            <>
                <a class="skip" href="#message">{ words.skip }</a>
                <header>
                    <h1>{ "Heartwire" }</h1>
                    <p>{ words.tagline }</p>
                </header>
                <main>
                    { view::complaints(words, open_complaints) }
                    { view::address_form(words, form) }
                    { view::status_strip(words, &strip, &facts, &on_press) }
                    <div class="exchange">
                        { view::message_field(words, &self.field) }
                        { view::last_message(words, self.received.as_ref()) }
                    </div>
                </main>
                <footer><p>{ words.privacy }</p></footer>
            </>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, first_render: bool) {
        if first_render && let Some(field) = self.field.cast::<HtmlTextAreaElement>() {
            let on_type = ctx.link().callback(|text| Msg(Happening::Typed(text)));
            self.typing = Some(view::listen_to_typing(&field, &on_type));
        }
    }
}

/// When a happening is drawn, if the connection's status stays the same.
enum Draws {
    AtOnce,
    /// At once if this frame has drawn nothing yet, else in the next one.
    WithTheFrame,
    Nothing,
}

impl App {
    fn start(&mut self, ctx: &Context<Self>) {
        let Props { page, settings, .. } = ctx.props();
        let Ok(address) = &self.address else {
            return;
        };
        let consent = match settings.url {
            Some(_) => address.consent(page),
            None => Consent::Given,
        };
        if address.is_blocked_on(page) {
            self.obstacle = Some(Obstacle::Blocked);
        } else if consent == Consent::Ask {
            self.obstacle = Some(Obstacle::Unconfirmed);
        } else if settings.autoconnect && consent == Consent::Given {
            let locality = address.locality();
            self.take(Input::Open(locality));
            self.drive(ctx);
            self.run_clock(ctx, self.connection.status());
        }
    }

    /// Connects to what the field holds.
    fn connect(&mut self, ctx: &Context<Self>) -> Draws {
        let page = &ctx.props().page;
        self.address = Address::parse(&self.entered, page);
        self.obstacle = None;
        if let Ok(address) = &self.address {
            if address.is_blocked_on(page) {
                self.obstacle = Some(Obstacle::Blocked);
            } else {
                let locality = address.locality();
                self.take(Input::Open(locality));
            }
        }
        Draws::AtOnce
    }

    fn press(&mut self, ctx: &Context<Self>, press: Press) -> Draws {
        match press {
            Press::Retry => self.take(Input::Retry),
            Press::Connect => self.connect(ctx),
            Press::Ignore => {
                let address = ctx.props().page.default_address();
                self.entered = address.to_string();
                self.address = Ok(address);
                self.obstacle = None;
                Draws::AtOnce
            }
            Press::Use(address) => {
                self.entered = address;
                self.connect(ctx)
            }
        }
    }

    fn notice(&mut self, noticed: Noticed) -> Draws {
        match noticed {
            Noticed::Input(input) => return self.take(input),
            Noticed::Online => {
                self.take(Input::Woke);
            }
            Noticed::Offline => {}
            Noticed::Forbidden => {
                // Chromium has fired no `close` yet and fires none; in Firefox the constructor
                // threw, and an attempt is waited for. Anything else that was forbidden is not ours.
                if let Status::Connecting { .. } | Status::Waiting { .. } = self.connection.status()
                {
                    self.obstacle = Some(Obstacle::Forbidden);
                    self.take(Input::Close);
                }
            }
        }
        Draws::AtOnce
    }

    fn hear(&mut self, heard: Heard) -> Draws {
        match heard {
            Heard::Input(input) => return self.take(input),
            Heard::Failed(epoch) => {
                if let Some(socket) = self.socket_of(epoch) {
                    socket.await_close();
                }
            }
            Heard::DrainDue(epoch) => {
                if self.socket_of(epoch).is_some_and(Socket::has_drained) {
                    return self.take(Input::Drained(epoch));
                }
            }
        }
        Draws::Nothing
    }

    fn take(&mut self, input: Input) -> Draws {
        self.connection.handle_input(input, browser::now());
        Draws::WithTheFrame
    }

    fn socket_of(&mut self, epoch: Epoch) -> Option<&mut Socket> {
        self.socket
            .as_mut()
            .filter(|socket| socket.epoch() == epoch)
    }

    fn drive(&mut self, ctx: &Context<Self>) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(ctx, effect) {
                self.connection.handle_input(input, browser::now());
            }
        }
    }

    /// Does what the connection wants; returns what the connection must know at once.
    fn perform(&mut self, ctx: &Context<Self>, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Connect(epoch) => {
                let Ok(address) = &self.address else {
                    return Some(Input::Close);
                };
                let protocols = &ctx.props().settings.protocols;
                let emit = ctx.link().callback(|heard| Msg(Happening::Heard(heard)));
                match Socket::open(&address.to_string(), protocols, epoch, emit) {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) => return Some(self.refused_by_the_browser(epoch, &error)),
                }
            }
            Effect::Disconnect => self.socket = None,
            Effect::Transmit(transmit) => {
                let is_taken = self
                    .socket
                    .as_mut()
                    .is_some_and(|socket| socket.send(transmit.text()));
                if !is_taken {
                    return Some(Input::NotTaken(self.connection.epoch(), transmit));
                }
            }
            Effect::AwaitDrain(epoch) => {
                let has_drained = self.socket.as_mut().is_some_and(Socket::has_drained);
                return has_drained.then_some(Input::Drained(epoch));
            }
            Effect::Deliver(frame) => {
                self.received = Some(match frame {
                    Frame::Text(text) => Received::Text(text.into()),
                    Frame::Binary { bytes } => Received::Binary(bytes),
                });
            }
            Effect::SetTimer(epoch, timer, period) => {
                let link = ctx.link().clone();
                self.timers.set(timer, period, move || {
                    link.send_message(Msg(Happening::TimerExpired(epoch, timer)));
                });
            }
            Effect::StopTimer(timer) => self.timers.stop(timer),
        }
        None
    }

    /// The constructor threw. Trying again helps only where the reason is not the address itself.
    fn refused_by_the_browser(&mut self, epoch: Epoch, error: &JsValue) -> Input {
        browser::warn("the browser refused to connect", error);
        let name = error.dyn_ref::<js_sys::Error>().map(js_sys::Error::name);
        match name.and_then(|name| name.as_string()).as_deref() {
            Some("SyntaxError") => self.address = Err(AddressError::Malformed),
            Some("SecurityError") => self.obstacle = Some(Obstacle::Blocked),
            _ => return Input::Closed(epoch, Closure::abnormal()),
        }
        Input::Close
    }

    /// Tells the console how a connection ended; the browser tells it only what failed to begin.
    fn report_loss(&self) {
        let (Status::Waiting { .. } | Status::GaveUp | Status::TurnedAway, Some(loss)) =
            (self.connection.status(), self.connection.last_loss())
        else {
            return;
        };
        let Closure { code, reason } = &loss.closure;
        browser::warn(&format!("connection closed with {code}"), &reason.into());
    }

    /// Runs a clock while a time is shown that passes.
    fn run_clock(&mut self, ctx: &Context<Self>, status: Status) {
        let passes = match status {
            Status::Connecting { .. } | Status::Open { .. } | Status::Waiting { .. } => true,
            Status::Idle | Status::Away | Status::Stopped | Status::GaveUp | Status::TurnedAway => {
                false
            }
        };
        if passes != self.clock.is_some() {
            let link = ctx.link().clone();
            self.clock = passes.then(|| {
                Interval::new(1_000, move || link.send_message(Msg(Happening::TimePassed)))
            });
        }
    }

    fn draw_with_the_frame(&mut self, ctx: &Context<Self>) -> bool {
        let is_free = self.frame.is_none();
        self.is_outdated = !is_free;
        if is_free {
            let link = ctx.link().clone();
            self.frame = Some(request_animation_frame(move |_| {
                link.send_message(Msg(Happening::FrameCame));
            }));
        }
        is_free
    }
}
