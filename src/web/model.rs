//! What the page is: owns the connection and does what it says.

use std::{cell::Cell, mem, rc::Rc, time::Duration};

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use heartwire::{
    Options,
    core::{
        connection::{
            Closure, Connection, Destination, Effect, Epoch, Input, Refusal, Status, Timer,
        },
        heartbeat::is_late,
        outbox::Delivery,
        protocol::{Frame, Meaning, Transmit},
        reach::Locality,
        silence::Learned,
    },
};
use js_sys::futures::spawn_local;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::{Callback, Html, NodeRef, html};

use super::{
    app::Props,
    browser::{self, Noticed},
    clock::Clock,
    composer::{Composed, Composer},
    config_file::{Failure, PATIENCE},
    early,
    frames::{Draws, Due, Frames},
    kept::Kept,
    last_message::{self, LastMessage},
    log::{Act, LogPanel},
    pulse::{self, Trace},
    settings_panel::{Change, Copy, Entry, Panel, settings_panel},
    socket::{Heard, Socket},
    tab::Tab,
    timers::{Rang, Timers},
    view::{self, AddressForm, Aside, Facts},
};
use crate::{
    access::{Access, Consent, WORDING},
    address::{Address, AddressError, Page},
    announcer::Announcer,
    history::History,
    payload::excerpt,
    settings::{Allowed, Complaint, Reading, SETTINGS, Setting, Settings, Source, Storage},
    setup::Setup,
    strip::{LocalAccess, Obstacle, Press, Scene, Strip, Toggle, Unsent},
    words::{Lang, Words, fill},
};

/// The page's state: one connection, and what is shown of it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Model {
    emit: Callback<Happening>,
    props: Props,
    connection: Connection,
    socket: Option<Socket>,
    timers: Timers,
    clock: Clock,
    /// What the address field holds.
    entered: String,
    /// What it held when the user or the page last wanted to connect.
    address: Result<Address, AddressError>,
    obstacle: Option<Obstacle>,
    local_access: LocalAccess,
    setup: Setup,
    access: Access,
    /// What holds of the setup.
    reading: Reading,
    /// What would hold if the user chose nothing.
    plain: Settings,
    /// What the fields of the settings hold that is no value of theirs.
    entries: Vec<Entry>,
    shows_settings: bool,
    copy: Option<Copy>,
    link_field: NodeRef,
    selects_link: bool,
    /// Whether the user has entered the address in this page.
    is_typed: bool,
    /// The address that the user connected to after being shown what the link sets.
    trusted: Option<Address>,
    /// Whether the user had all forgotten that is kept, and has not connected since.
    is_forgotten: bool,
    /// Whether the user has connected; the page may do so by itself.
    is_chosen: bool,
    /// The last start whose address was remembered.
    remembered: Option<Address>,
    /// The address of the last start.
    started: Option<Address>,
    /// The subprotocols offered then.
    protocols: Vec<String>,
    /// What was taken for a reply then.
    replies: String,
    /// What this tab keeps of the path there, of what has no proof yet, and for other servers.
    kept: (Option<Learned>, Option<Delivery>),
    kept_outboxes: Kept,
    /// Whether the document may end without another word.
    is_left: bool,
    lang: Lang,
    announcer: Announcer,
    tab: Tab,
    status: NodeRef,
    /// Whether the focus was within the status section before it was drawn last.
    status_had_focus: Cell<bool>,
    /// Whether what the user ended last was an open connection.
    was_open: bool,
    /// Whether the browser, and this tab, keep what they are given.
    stores: bool,
    keeps: bool,
    composer: Composer,
    last_message: LastMessage,
    trace: Trace,
    log: LogPanel,
    /// The connection's status as the log knows it.
    logged: Status,
    /// Runs while the page shows a time that passes.
    ticker: Option<Interval>,
    ticked: Duration,
    frames: Frames,
    /// Whether the echo has come of what was typed last. It is shown at once: somebody is looking for
    /// it.
    is_echoed: bool,
    _listeners: [EventListener; 8],
}

/// What happens to the page.
#[derive(Debug)]
pub(super) enum Happening {
    Rang(Rang),
    Noticed(Noticed),
    Heard(Heard),
    Composed(Composed),
    LanguageChosen(Lang),
    PermissionAsked(Epoch, bool),
    AddressEntered(String),
    Toggled(Toggle),
    Pressed(Press),
    Aside(Aside),
    LastMessage(last_message::Act),
    Log(Act),
    Changed(Change),
    Copied(Copy),
    Due(Due),
    TimePassed,
}

impl Model {
    /// What the page is at first. Nothing begins before [`Model::start`].
    pub(super) fn new(props: Props, emit: Callback<Happening>) -> Self {
        let Props {
            page,
            settings,
            given,
            lang,
            ..
        } = &props;
        let mut access = Access::new(page.clone());
        given.config.restrict(&mut access);
        access.history = given.history.clone();
        let setup = Setup {
            built_in: settings.clone(),
            config: given.config.clone(),
            stored: given.stored.clone(),
            query: given.query.clone(),
        };
        let reading = setup.read(&access);
        let entered = entered_at_first(&reading, page);
        let lang = reading.settings.lang.unwrap_or(*lang);
        let log_limit = reading.settings.log_limit;
        Self {
            connection: Connection::new(reading.settings.options.clone(), browser::seed()),
            plain: setup.plain(&access),
            setup,
            reading,
            entries: Vec::new(),
            shows_settings: false,
            copy: None,
            link_field: NodeRef::default(),
            remembered: None,
            selects_link: false,
            is_typed: false,
            trusted: None,
            is_forgotten: false,
            socket: None,
            timers: Timers::new(emit.reform(Happening::Rang)),
            clock: Clock::start(),
            address: access.address(&entered),
            entered,
            access,
            obstacle: None,
            local_access: LocalAccess::Free,
            started: None,
            protocols: Vec::new(),
            replies: String::new(),
            kept: (None, None),
            kept_outboxes: Kept::new(given.outboxes.clone()),
            is_left: false,
            is_chosen: false,
            lang,
            announcer: Announcer::default(),
            tab: Tab::default(),
            status: NodeRef::default(),
            status_had_focus: Cell::new(false),
            was_open: false,
            stores: browser::can_store(),
            keeps: browser::can_keep(),
            composer: Composer::new(),
            last_message: LastMessage::default(),
            trace: Trace::default(),
            log: LogPanel::new(log_limit, lang.words(), emit.reform(Happening::Log)),
            logged: Status::Idle,
            ticker: None,
            ticked: Duration::ZERO,
            frames: Frames::new(emit.reform(Happening::Due)),
            is_echoed: false,
            _listeners: browser::listen(&emit.reform(Happening::Noticed)),
            emit,
            props,
        }
    }

    /// Connects, if the page is to do so by itself.
    pub(super) fn start(&mut self) {
        browser::name_language(self.lang);
        for notice in self.notices(self.lang.words()) {
            browser::warn("a setting", &notice.into());
        }
        self.restore();
        self.autoconnect();
        early::close();
        self.keep();
        self.tell();
        self.trace.draw(self.lang.words(), &self.clock, true);
    }

    /// Takes what happened; returns whether the page is to be drawn.
    pub(super) fn update(&mut self, happening: Happening) -> bool {
        let may_have_slept = self.clock.read();
        let before = self.connection.status();
        if self.kept_outboxes.is_taken() {
            self.connection.hand_over();
            self.kept.1 = None;
        }
        if may_have_slept {
            self.handle(Input::Woke);
            self.drive();
        }
        let is_frame = matches!(happening, Happening::Due(Due::Frame));
        let draws = self.respond(happening, before);
        self.drive();
        self.keep();
        let after = self.connection.status();
        if before != after && matches!(after, Status::Open { .. }) {
            self.remember();
        }
        self.run_ticker(after);
        if after == Status::Away {
            // Nobody looks at it, and a notice of the end would flash up while another page loads.
            return false;
        }
        if let Status::Connecting { .. } | Status::Open { .. } = before {
            self.report_loss();
        }
        let is_echoed = mem::take(&mut self.is_echoed);
        let draws = if before == after {
            draws
        } else {
            Draws::AtOnce
        };
        let draws = self.frames.draw(draws, self.clock.now());
        if draws {
            self.tell();
        } else if is_echoed || !self.frames.shows_message {
            self.frames.shows_message |= self.last_message.show(self.lang.words());
        }
        // What a hidden page has to tell is on its tab. It is drawn when it becomes visible.
        let draws = draws && !browser::is_hidden();
        if draws {
            if !is_frame {
                self.log.notice_scrolling();
            }
            self.trace
                .draw(self.lang.words(), &self.clock, before != after);
        }
        draws
    }

    /// Does what has to be done; returns when to draw that. The status `before` is the one it met.
    fn respond(&mut self, happening: Happening, before: Status) -> Draws {
        match happening {
            // While the browser asks, nobody can answer the handshake.
            Happening::Rang(Rang::Expired(epoch, timer @ Timer::Connect))
                if self.local_access == LocalAccess::Asked =>
            {
                let timeout = self.reading.settings.options.connect_timeout;
                self.timers.set(epoch, timer, timeout, self.clock.now());
                self.ask_permission(epoch);
                Draws::Nothing
            }
            Happening::Rang(Rang::Expired(epoch, timer)) => {
                let draws = self.expire(epoch, timer);
                // A handshake that was slept through says nothing about the next one.
                if let Status::Connecting { since } = before
                    && self.clock.jumped() >= Some(since)
                {
                    self.drive();
                    self.handle(Input::Woke);
                }
                draws
            }
            Happening::Rang(Rang::Heartbeat) => match self.timers.rung(self.clock.now()) {
                Some(epoch) => self.expire(epoch, Timer::Heartbeat),
                None => Draws::Nothing,
            },
            Happening::Rang(Rang::Asked) => {
                self.timers.start_asked(self.clock.now());
                Draws::Nothing
            }
            Happening::Noticed(noticed) => self.notice(noticed),
            Happening::Heard(heard) => self.hear(heard),
            Happening::Composed(composed) => {
                let draws = match composed {
                    Composed::Typed(_) => {
                        self.frames.type_on();
                        Draws::Soon
                    }
                    Composed::Live(_) | Composed::Wrote(_) => Draws::AtOnce,
                };
                let now = self.clock.now();
                let resend = self.reading.settings.resend;
                self.composer
                    .take(composed, &mut self.connection, resend, now);
                draws
            }
            Happening::LanguageChosen(lang) => {
                if let Some(setting) = Setting::named("lang") {
                    self.set(setting, lang.tag().into());
                    self.use_setup();
                }
                Draws::AtOnce
            }
            Happening::PermissionAsked(epoch, asks) => {
                if asks && epoch == self.connection.epoch() {
                    self.local_access = LocalAccess::Asked;
                }
                Draws::AtOnce
            }
            Happening::AddressEntered(text) => {
                self.entered = text;
                self.is_typed = true;
                Draws::AtOnce
            }
            Happening::Toggled(Toggle::Connect) => self.connect(),
            Happening::Toggled(Toggle::Stop | Toggle::Disconnect) => {
                self.was_open = matches!(before, Status::Open { .. });
                self.take(Input::Close)
            }
            Happening::Pressed(press) => self.press(press),
            Happening::Aside(aside) => {
                match aside {
                    Aside::Send(id) => self.connection.send_again(id, self.clock.now()),
                    Aside::Drop(id) => self.connection.drop_aside(id),
                }
                Draws::AtOnce
            }
            Happening::LastMessage(act) => {
                let emit = self.emit.reform(Happening::LastMessage);
                self.last_message.act(act, &emit);
                Draws::AtOnce
            }
            Happening::Log(act) => self.log.act(act),
            Happening::Changed(change) => self.change(change),
            Happening::Copied(copy) => {
                self.selects_link = !copy.is_done;
                self.copy = Some(copy);
                Draws::AtOnce
            }
            Happening::Due(due) => self.frames.take(due, self.clock.now()),
            Happening::TimePassed => self.tick(),
        }
    }

    /// Draws the page.
    pub(super) fn view(&self) -> Html {
        let words = self.lang.words();
        let emit = &self.emit;
        let now = self.clock.now();
        let strip = self.strip();
        let had_focus = self.status.cast::<Element>();
        let had_focus = had_focus.is_some_and(|status| browser::has_focus_within(&status));
        self.status_had_focus.set(had_focus);
        let toggle = strip.toggle;
        let open_seconds = if let Status::Open { since, .. } = self.connection.status() {
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
            delivery: self.connection.outbox().delivery(),
            merged: self.connection.outbox().merged(),
            reconnects: self.connection.reconnects(),
        };
        let form = AddressForm {
            entered: self.entered.clone().into(),
            error: self.address.as_ref().err(),
            toggle,
            is_set_by_site: self.reading.is_locked("url"),
            on_address: emit.reform(Happening::AddressEntered),
            on_toggle: emit.reform(move |()| Happening::Toggled(toggle)),
        };
        let on_compose = emit.reform(Happening::Composed);
        let on_press = emit.reform(Happening::Pressed);
        let on_aside = emit.reform(Happening::Aside);
        let on_message = emit.reform(Happening::LastMessage);
        let on_language = emit.reform(Happening::LanguageChosen);
        let locality = self
            .address
            .as_ref()
            .map_or(Locality::Remote, Address::locality);
        let panel = Panel {
            setup: &self.setup,
            reading: &self.reading,
            plain: &self.plain,
            ceilings: self.plain.options.ceilings(locality),
            entries: &self.entries,
            is_open: self.shows_settings,
            is_in_use: toggle != Toggle::Connect,
            is_kept: self.stores,
            copy: self.copy.as_ref(),
            link_field: &self.link_field,
            history: &self.access.history,
        };
        let on_change = emit.reform(Happening::Changed);
        html! {
            <>
                <a class="skip" href="#message" ~textContent={words.skip} />
                { view::header(self.lang, self.reading.is_locked("lang"), &on_language) }
                <main>
                    { view::complaints(self.notices(words)) }
                    { view::address_form(words, form) }
                    { settings_panel(words, &panel, &on_change) }
                    { view::status_strip(
                        words, &strip, &self.announcer, &facts, &self.status, &on_press,
                    ) }
                    { view::aside(words, self.connection.outbox().aside(), &on_aside) }
                    { pulse::figure(words, &self.trace) }
                    <div class="exchange">
                        { self.composer.view(words, &on_compose) }
                        { self.last_message.view(words, &on_message) }
                    </div>
                    { self.log.view() }
                </main>
                <footer><p ~textContent={words.privacy} /></footer>
            </>
        }
    }

    /// Completes what has been drawn.
    pub(super) fn rendered(&mut self, first_render: bool) {
        self.frames.shows_message |= self.last_message.show(self.lang.words());
        if first_render {
            let emit = self.emit.reform(Happening::Composed);
            self.composer.listen(&emit);
            self.composer.go_on(&self.props.draft, &emit);
        }
        // A button that was pressed can be gone. The keyboard goes on from where it was.
        if self.status_had_focus.get()
            && browser::has_lost_focus()
            && let Some(status) = self.status.cast::<HtmlElement>()
            && let Err(error) = status.focus()
        {
            browser::warn("the focus is lost", &error);
        }
        self.trace.advance(self.clock.now());
        self.log.rendered();
        if mem::take(&mut self.selects_link)
            && let Some(field) = self.link_field.cast::<HtmlInputElement>()
        {
            if let Err(error) = field.focus() {
                browser::warn("the link could not be focused", &error);
            }
            field.select();
        }
    }

    fn autoconnect(&mut self) {
        let Ok(address) = &self.address else {
            return;
        };
        let consent = self.consent(address);
        if address.is_blocked_on(&self.props.page) {
            self.obstacle = Some(Obstacle::Blocked);
        } else if consent == Consent::Ask {
            self.obstacle = Some(Obstacle::Unconfirmed);
        } else if self.reading.settings.autoconnect && consent == Consent::Given {
            self.open(&address.clone());
            self.drive();
            self.run_ticker(self.connection.status());
        }
    }

    fn strip(&self) -> Strip {
        let (settings, address) = (&self.reading.settings, self.address.as_ref());
        let mut scene = Scene::of(&self.connection, settings, address, self.clock.now());
        scene.obstacle = self.obstacle;
        scene.local_access = self.local_access;
        scene.is_online = browser::is_online();
        scene.jumped = self.clock.jumped();
        scene.has_origin = browser::has_origin();
        scene.was_open = self.was_open;
        let mut link = Vec::new();
        // What nothing but the question shows, and no message of a flood is to wait for.
        if self.obstacle == Some(Obstacle::Unconfirmed) {
            scene.is_framed = browser::is_framed();
            link.extend(SETTINGS.iter().filter_map(|setting| self.linked(setting)));
        }
        scene.link = &link;
        let count = self.connection.outbox().delivery().queued;
        let next = (count > 0).then(|| self.access.address(&self.entered).ok());
        if let Some(next) = next.as_ref().filter(|next| **next != self.started) {
            let host = next.as_ref().map(Address::host);
            scene.unsent = Some(Unsent { count, host });
        }
        scene.was_here = self.started.is_some() && self.remembered == self.started;
        Strip::new(&scene, self.lang.words())
    }

    /// Tells the ear and the tab what the page is going to show.
    fn tell(&mut self) {
        let strip = self.strip();
        let now = self.clock.now();
        self.announcer
            .notice(&strip, self.connection.attempt(), now);
        let host = self.address.as_ref().ok().map(Address::host);
        self.tab.show(&strip, host);
    }

    /// Finds out what the browser makes of this attempt.
    fn ask_permission(&mut self, epoch: Epoch) {
        let page = &self.props.page;
        let address = self.address.as_ref();
        if !address.is_ok_and(|address| address.reach() < page.reach()) {
            self.local_access = LocalAccess::Free;
            return;
        }
        self.local_access = LocalAccess::Guarded;
        let emit = self.emit.clone();
        spawn_local(async move {
            let asks = browser::asks_permission().await;
            emit.emit(Happening::PermissionAsked(epoch, asks));
        });
    }

    /// What a link sets a setting to.
    fn linked(&self, setting: &Setting) -> Option<(&'static str, String)> {
        if self.reading.source(setting.name) != Some(Source::Query) {
            return None;
        }
        let text = match setting.name {
            "url" if self.is_typed => None,
            // As the browser reads it.
            "url" => self.address.as_ref().ok().map(Address::to_string),
            _ => setting.text(&self.reading.settings),
        };
        Some((setting.name, text?))
    }

    /// Connects to what the field holds; to what a link says not before the user was asked.
    fn connect(&mut self) -> Draws {
        let entered = self.access.address(&self.entered);
        if self.obstacle == Some(Obstacle::Unconfirmed) {
            // Nobody knows what somebody sees who presses something there.
            if browser::is_framed() {
                browser::open_alone();
                return Draws::Nothing;
            }
            // Another one was entered under the question, and is not what it is about.
            if entered == self.address {
                self.trusted = entered.clone().ok();
            }
        }
        self.is_chosen = true;
        self.is_forgotten = false;
        self.address = entered;
        self.obstacle = None;
        if let Ok(address) = self.address.clone() {
            if address.is_blocked_on(&self.props.page) {
                self.obstacle = Some(Obstacle::Blocked);
            } else if !self.is_trusted(&address) && self.consent(&address) == Consent::Ask {
                self.obstacle = Some(Obstacle::Unconfirmed);
            } else {
                self.open(&address);
            }
        }
        Draws::AtOnce
    }

    fn is_trusted(&self, address: &Address) -> bool {
        let trusted = self.trusted.as_ref();
        trusted.is_some_and(|trusted| trusted.is_service_of(address))
    }

    fn consent(&self, address: &Address) -> Consent {
        let (reading, access) = (&self.reading, &self.access);
        self.setup.consent(address, self.is_typed, reading, access)
    }

    /// Starts a connection, with what this tab has kept for it.
    fn open(&mut self, address: &Address) {
        let Settings { protocols, .. } = &self.reading.settings;
        let is_new = self.started.as_ref() != Some(address);
        let speaks_otherwise = self.protocols != *protocols;
        self.protocols = protocols.clone();
        let learned = browser::kept(&silence_name(address));
        let Options {
            heartbeat_text,
            reply_text,
            server_heartbeat_text,
            ..
        } = &self.reading.settings.options;
        let [replies, others] = [reply_text, server_heartbeat_text].map(|texts| texts.join(","));
        self.replies = [heartbeat_text, &replies, &others]
            .map(String::as_str)
            .join("\n");
        let distrusted = browser::kept(&distrust_name(address));
        self.take(Input::Open(Destination {
            locality: address.locality(),
            is_new,
            speaks_otherwise,
            learned: learned.and_then(|learned| Learned::restore(&learned)),
            is_distrusted: distrusted.as_ref() == Some(&self.replies),
        }));
        self.started = Some(address.clone());
        self.kept = (self.connection.learned(), None);
        if is_new {
            self.restore();
        }
        if !self.reading.is_locked("url") && !self.is_linked() {
            let is_plain = *address == self.setup.plain_address(&self.access);
            let url = (!is_plain).then(|| address.to_string());
            browser::keep_address(url.as_deref());
        }
    }

    /// Whether a link leads to where the page goes.
    fn is_linked(&self) -> bool {
        !self.is_typed && self.reading.source("url") == Some(Source::Query)
    }

    /// Takes over what an earlier document of this tab has kept for the server, and what it kept when it
    /// knew of none.
    fn restore(&mut self) {
        if self.reading.settings.outbox_storage != Storage::Session {
            return;
        }
        for server in [String::new(), self.server()] {
            while let Some(stored) = self.kept_outboxes.take(&server) {
                let resend = self.reading.settings.resend;
                self.connection
                    .restore(&stored, [resend.typed(), resend.sent()]);
                if let Ok(address) = &self.address {
                    self.started = Some(address.clone());
                }
            }
        }
    }

    /// The server that gets what waits, as far as that is known: the one that was connected to last, or
    /// the first one to be.
    fn server(&self) -> String {
        let address = self.started.as_ref().or(self.address.as_ref().ok());
        address.map(Address::to_string).unwrap_or_default()
    }

    /// Keeps in this tab what a reload would lose and is to be kept.
    fn keep(&mut self) {
        if self.is_forgotten {
            return;
        }
        if let Some(started) = &self.started
            && let learned = self.connection.learned()
            && learned != self.kept.0
            && let Some(learned) = learned
        {
            browser::keep(&silence_name(started), &learned.store());
            self.kept.0 = Some(learned);
        }
        let is_wanted = self.reading.settings.outbox_storage == Storage::Session;
        if !is_wanted && !self.kept_outboxes.has_others() {
            return;
        }
        // Only where the page may end without another word: what is typed may be secret.
        let may_end = self.is_left || browser::is_hidden();
        let delivery = may_end.then(|| self.connection.outbox().delivery());
        if delivery != self.kept.1 {
            if may_end {
                let outbox = self.connection.outbox().store();
                let outbox = if is_wanted { outbox.as_str() } else { "" };
                let is_kept = self.kept_outboxes.keep(&self.server(), outbox);
                self.keeps = is_kept && (self.keeps || !outbox.is_empty());
            } else {
                self.kept_outboxes.withdraw();
            }
            self.kept.1 = delivery;
        }
        self.kept_outboxes.hold(!self.is_left);
    }

    /// A second has passed, unless the machine slept.
    fn tick(&mut self) -> Draws {
        let now = self.clock.now();
        let has_slept = is_late(self.ticked + TICK, now);
        self.ticked = now;
        // A hidden page's timers are late anyway, and a flood of messages leaves no time for them.
        let is_quiet = is_late(self.connection.heartbeat().last_heard(), now);
        if has_slept && is_quiet && !browser::is_hidden() {
            self.take(Input::Woke);
        }
        if self.frames.waits(now) {
            Draws::Soon
        } else {
            Draws::AtOnce
        }
    }

    fn press(&mut self, press: Press) -> Draws {
        match press {
            Press::Retry => self.take(Input::Retry),
            Press::Connect => self.connect(),
            Press::Drop => {
                self.connection.drop_unsent();
                Draws::AtOnce
            }
            Press::Ignore => {
                self.setup.ignore_link();
                browser::set_query(&self.setup.query);
                self.use_setup();
                self.entered = entered_at_first(&self.reading, &self.props.page);
                self.is_typed = false;
                self.address = self.access.address(&self.entered);
                self.obstacle = None;
                // What was refused before concerned another address.
                self.take(Input::Close);
                Draws::AtOnce
            }
            Press::Use(address) => {
                self.entered = address;
                self.connect()
            }
            Press::OpenAlone => {
                browser::open_alone();
                Draws::Nothing
            }
        }
    }

    fn change(&mut self, change: Change) -> Draws {
        match change {
            Change::Entered(setting, text) => {
                let error = self.take_entry(setting).and_then(|entry| entry.error);
                self.entries.push(Entry {
                    setting,
                    text,
                    error,
                });
            }
            Change::Set(setting, value) => {
                self.set(setting, value);
                self.use_setup();
            }
            Change::Reset => {
                self.entries.clear();
                for setting in SETTINGS.iter().filter(|setting| setting.name != "url") {
                    self.change_setup(setting.name, |setup| setup.choose(setting.name, None));
                }
                self.use_setup();
            }
            Change::Opened => self.shows_settings = !self.shows_settings,
            Change::CopyLink => self.copy_link(),
            Change::Forget => {
                self.kept_outboxes.withdraw();
                self.kept_outboxes = Kept::default();
                browser::forget_everything();
                self.is_forgotten = true;
                self.access.history = History::default();
                self.remembered = None;
                self.entries.clear();
                self.setup.stored.clear();
                self.use_setup();
            }
        }
        Draws::AtOnce
    }

    /// Takes what a field of the settings holds, if that can be used. Nothing stands for the default.
    fn set(&mut self, setting: &'static Setting, value: String) {
        let name = setting.name;
        self.take_entry(setting);
        if value.is_empty() && !setting.can_be_empty() {
            self.change_setup(name, |setup| setup.choose(name, None));
            // The default is shown behind it.
            self.entries.push(Entry {
                setting,
                text: value,
                error: None,
            });
            return;
        }
        let mut settings = self.reading.settings.clone();
        match setting.set(&mut settings, &value, &self.access) {
            Ok(()) => {
                let text = setting.text(&settings);
                let is_plain = text == setting.text(&self.plain);
                let text = text.filter(|_| !is_plain);
                self.change_setup(name, |setup| setup.choose(name, text.as_deref()));
            }
            Err(error) => self.entries.push(Entry {
                setting,
                text: value,
                error: Some(error),
            }),
        }
    }

    fn take_entry(&mut self, setting: &Setting) -> Option<Entry> {
        let mut entries = self.entries.iter();
        let index = entries.position(|entry| entry.setting.name == setting.name)?;
        Some(self.entries.remove(index))
    }

    /// Changes what is given for a setting, also where that is stored and in the page's address.
    fn change_setup(&mut self, setting: &str, change: impl FnOnce(&mut Setup)) {
        let linked = self.setup.query.len();
        change(&mut self.setup);
        // Another tab may have chosen other things meanwhile.
        let mut stored = browser::choices();
        stored.retain(|(name, _)| name != setting);
        let chosen = self.setup.stored.iter();
        stored.extend(chosen.filter(|(name, _)| name == setting).cloned());
        self.stores = browser::store_choices(&stored);
        if self.setup.query.len() != linked {
            browser::set_query(&self.setup.query);
        }
    }

    /// Uses what holds of a setup that has changed.
    fn use_setup(&mut self) {
        self.reading = self.setup.read(&self.access);
        let settings = &self.reading.settings;
        self.connection.configure(settings.options.clone());
        self.log.log.limit(settings.log_limit);
        let lang = settings.lang.unwrap_or(self.props.lang);
        if lang != self.lang {
            self.lang = lang;
            browser::name_language(lang);
            self.trace.reword();
            self.log.speak(lang.words());
            self.last_message.reword();
        }
    }

    fn copy_link(&mut self) {
        self.copy = None;
        let address = self.access.address(&self.entered).ok();
        let pairs = self
            .setup
            .link(&self.reading, address.as_ref(), &self.access);
        let link = browser::address_with(pairs.iter().map(|(name, value)| (*name, value)));
        let is_url = |(name, url): &(&str, String)| {
            *name == "url" && address.as_ref().map(Address::to_string).as_ref() != Some(url)
        };
        let lacks_query = pairs.iter().any(is_url);
        let copied = self.emit.reform(Happening::Copied);
        spawn_local(async move {
            let is_done = browser::copy(&link).await;
            copied.emit(Copy {
                link,
                is_done,
                lacks_query,
            });
        });
    }

    /// Remembers where the page has connected to.
    fn remember(&mut self) {
        if self.remembered == self.started || self.is_forgotten {
            return;
        }
        self.remembered.clone_from(&self.started);
        let Some(address) = self.started.clone() else {
            return;
        };
        // Another tab may have been elsewhere meanwhile.
        let history = &mut self.access.history;
        if let Some(stored) = browser::history() {
            *history = stored;
        }
        let is_linked = |name: &&str| self.reading.source(name) == Some(Source::Query);
        let is_own = self.is_chosen || !["url"].iter().chain(&WORDING).any(is_linked);
        history.note(&address, &self.reading.settings, is_own);
        self.stores = browser::store_history(history);
        if self.is_chosen && !self.is_linked() && !self.reading.is_locked("url") {
            let access = self.access.clone();
            self.change_setup("url", |setup| setup.note_address(&address, &access));
            self.reading = self.setup.read(&self.access);
        }
    }

    /// What is wrong with what was given.
    fn notices(&self, words: &Words) -> Vec<String> {
        let failure = self.props.given.failure.as_ref().map(|failure| {
            let error = match failure {
                Failure::Late => fill(words.config_late, &[("n", &PATIENCE.to_string())]),
                Failure::Error(error) => excerpt(error),
            };
            let text = if self.props.given.is_last_config {
                words.config_fail_last
            } else {
                words.config_fail
            };
            fill(text, &[("error", &error)])
        });
        // A bad address has been mended when there is a good one.
        let is_open = |complaint: &&Complaint| {
            self.address.is_err() || !matches!(complaint.allowed, Allowed::Address(_))
        };
        let complaints = self.props.complaints.iter().chain(&self.reading.complaints);
        let complaints = complaints.filter(is_open);
        let complaints = complaints.map(|complaint| words.complaint(complaint));
        let is_lost = self.reading.settings.outbox_storage == Storage::Session && !self.keeps;
        let lost = is_lost.then(|| words.outbox_not_kept.to_owned());
        failure.into_iter().chain(complaints).chain(lost).collect()
    }

    fn notice(&mut self, noticed: Noticed) -> Draws {
        match noticed {
            // Also shows what was not drawn as long as nobody could see it.
            Noticed::Input(input) => {
                self.is_left = matches!(input, Input::Left);
                self.take(input);
            }
            Noticed::Online => {
                self.take(Input::Woke);
            }
            Noticed::Offline | Noticed::Hidden => {}
            Noticed::Forbidden(forbidden) => {
                let address = self.started.as_ref().map(Address::to_string);
                if !address.is_some_and(|address| browser::is_same_origin(&forbidden, &address)) {
                    return Draws::Nothing;
                }
                // Chromium has fired no `close` yet and fires none; in Firefox the constructor
                // threw, and an attempt is waited for. Anything else that was forbidden is not ours.
                self.take(Input::Refused(self.connection.epoch(), Refusal::Forbidden));
            }
        }
        Draws::AtOnce
    }

    fn hear(&mut self, heard: Heard) -> Draws {
        match heard {
            Heard::Input(input) => return self.take(input),
            Heard::Unspoken(epoch) => {
                return self.take(Input::Refused(epoch, Refusal::NoProtocol));
            }
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

    fn expire(&mut self, epoch: Epoch, timer: Timer) -> Draws {
        self.handle(Input::TimerExpired(epoch, timer));
        Draws::Next
    }

    fn take(&mut self, input: Input) -> Draws {
        self.handle(input);
        Draws::Soon
    }

    /// Tells the connection, and the log and the pulse what that made of it.
    fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        self.connection.handle_input(input, now);
        let (status, loss) = (self.connection.status(), self.connection.last_loss());
        let heard = self.connection.heartbeat().last_heard();
        self.trace.pulse.turn(status, loss, heard, now);
        if status != self.logged {
            // A query may hold a secret, and logs are passed on.
            let address = self.address.as_ref().map(Address::without_query);
            self.log.log.change(
                (self.logged, status),
                self.connection.last_loss(),
                &address.unwrap_or_default(),
                self.clock.day(),
            );
            self.logged = status;
        }
    }

    fn socket_of(&mut self, epoch: Epoch) -> Option<&mut Socket> {
        self.socket
            .as_mut()
            .filter(|socket| socket.epoch() == epoch)
    }

    fn drive(&mut self) {
        while let Some(effect) = self.connection.poll_effect() {
            if let Some(input) = self.perform(effect) {
                self.handle(input);
            }
        }
    }

    /// Does what the connection wants; returns what the connection must know at once.
    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Connect(epoch) => {
                self.ask_permission(epoch);
                let Ok(address) = &self.address else {
                    return Some(Input::Refused(epoch, Refusal::BadAddress));
                };
                let emit = self.emit.reform(Happening::Heard);
                match Socket::open(&address.to_string(), &self.protocols, epoch, emit) {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) => return Some(self.refused_by_the_browser(epoch, &error)),
                }
            }
            Effect::Close(epoch, reason) => {
                if let Some(socket) = self.socket_of(epoch) {
                    socket.close(&reason);
                }
            }
            Effect::Disconnect => self.socket = None,
            Effect::Transmit(transmit) => {
                let is_taken = self
                    .socket
                    .as_mut()
                    .is_some_and(|socket| socket.send(transmit.payload()));
                if !is_taken {
                    return Some(Input::NotTaken(self.connection.epoch(), transmit));
                }
                let (pulse, now) = (&mut self.trace.pulse, self.clock.now());
                match &transmit {
                    Transmit::Heartbeat(_) => pulse.beat(now),
                    Transmit::Message(_) | Transmit::Greeting(_) | Transmit::Answer(_) => {
                        pulse.sent(now);
                    }
                }
                self.log.log.send(&transmit, now, self.clock.day());
            }
            Effect::AwaitDrain(epoch) => {
                let has_drained = self.socket.as_mut().is_some_and(Socket::has_drained);
                return has_drained.then_some(Input::Drained(epoch));
            }
            Effect::Deliver(Frame::Text(text)) => {
                self.trace.pulse.received(self.clock.now());
                let text = Rc::<str>::from(text);
                self.log.receive_text(Rc::clone(&text), self.clock.day());
                self.is_echoed |= self.composer.is_echoed(&text);
                self.last_message.take_text(text);
            }
            Effect::Deliver(Frame::Binary { bytes, head }) => {
                self.trace.pulse.received(self.clock.now());
                self.log.receive_binary(bytes, head, self.clock.day());
                self.last_message.take_binary(bytes);
            }
            Effect::Note(frame, meaning) => {
                let now = self.clock.now();
                let pulse = &mut self.trace.pulse;
                match meaning {
                    Meaning::Reply { sent, .. } => pulse.replied(sent, now),
                    Meaning::Message
                    | Meaning::ServerHeartbeat
                    | Meaning::Question
                    | Meaning::SecondReply
                    | Meaning::OthersHeartbeat
                    | Meaning::Unasked => pulse.heard(now),
                }
                self.log.log.note(frame, meaning, now, self.clock.day());
            }
            Effect::Queued(message) => self.log.log.queue(message, self.clock.day()),
            Effect::Settled(id, fate) => self.log.log.settle(id, fate, self.clock.now()),
            Effect::Distrust => {
                if let Some(started) = self.started.as_ref().filter(|_| !self.is_forgotten) {
                    browser::keep(&distrust_name(started), &self.replies);
                }
                self.log.log.distrust(self.clock.day());
            }
            Effect::SetTimer(epoch, timer, period) => {
                self.timers.set(epoch, timer, period, self.clock.now());
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
            Some("SyntaxError") => {
                self.address = Err(AddressError::Malformed);
                Input::Refused(epoch, Refusal::BadAddress)
            }
            Some("SecurityError") => Input::Refused(epoch, Refusal::Insecure),
            _ => Input::Closed(epoch, Closure::abnormal()),
        }
    }

    /// Tells the console how a connection ended; the browser tells it only what failed to begin.
    fn report_loss(&self) {
        let (Status::Waiting { .. } | Status::GaveUp | Status::TurnedAway, Some(loss)) =
            (self.connection.status(), self.connection.last_loss())
        else {
            return;
        };
        let Closure { code, reason, .. } = &loss.closure;
        if loss.was_silent {
            browser::warn("connection dropped", &"no reply to heartbeats".into());
        } else {
            browser::warn(&format!("connection closed with {code}"), &reason.into());
        }
    }

    /// Runs a ticker while a time is shown that passes.
    fn run_ticker(&mut self, status: Status) {
        let passes = match status {
            Status::Connecting { .. } | Status::Open { .. } | Status::Waiting { .. } => true,
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => self.trace.pulse.is_moving(self.clock.now()),
        };
        if passes != self.ticker.is_some() {
            self.ticked = self.clock.now();
            let emit = self.emit.clone();
            self.ticker =
                passes.then(|| Interval::new(1_000, move || emit.emit(Happening::TimePassed)));
        }
    }
}

/// What the address field holds at the start.
fn entered_at_first(reading: &Reading, page: &Page) -> String {
    let url = reading.settings.url.clone();
    url.unwrap_or_else(|| page.default_address().to_string())
}

/// The names under which this tab keeps something for a server. A query may hold a secret, but leads
/// to other rooms of a server.
fn silence_name(address: &Address) -> String {
    format!("silence {}", address.without_query())
}

fn distrust_name(address: &Address) -> String {
    format!("distrust {}", address.without_query())
}

/// Between two looks of the page at a time that passes.
const TICK: Duration = Duration::from_secs(1);
