//! What the page is: one client, and what is shown of it.

use std::{
    cell::{Cell, RefCell},
    mem,
    rc::Rc,
    time::Duration,
};

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use heartwire::{
    Client, Endpoint, Event, Message, Secret, Stomp, Subscription, Trace as Traced,
    core::{
        connection::{Closure, Connection, Destination, Input, Loss, Refusal, Status},
        heartbeat::is_late,
        outbox::Delivery,
        protocol::{Meaning, Transmit},
        reach::Locality,
        silence::Learned,
    },
};
use js_sys::futures::spawn_local;
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::{Callback, Html, NodeRef, html};

use super::{
    app::Props,
    browser::{self, PageEvent},
    composer::{Composed, Composer},
    config_file::{Failure, PATIENCE},
    early,
    frames::{Draws, Due, Frames},
    kept::Kept,
    last_message::{self, LastMessage},
    log::{self, LogPanel},
    pulse::{self, Trace},
    saved_messages::{self, SavedPanel},
    settings_panel::{Change, Copy, Entry, Look, Panel, settings_panel},
    tab::Tab,
    view::{self, AddressForm, Aside, Facts},
};
use crate::{
    access::{Access, Consent},
    address::{Address, AddressError, Page},
    announcer::Announcer,
    history::{History, WORDING},
    log::MAX_BYTES,
    payload::excerpt,
    settings::{Allowed, Complaint, Reading, SETTINGS, Setting, Settings, Source, Storage},
    setup::Setup,
    strip::{LocalAccess, Obstacle, Press, Scene, Strip, Toggle, Unsent},
    words::{Lang, Words, fill},
};

/// The page's state: one connection, and what is shown of it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Model {
    emit: Callback<Msg>,
    props: Props,
    client: Client,
    /// The client's time, and the time of the day in milliseconds since 1970, as this happens.
    now: Duration,
    day: u64,
    /// What the address field holds.
    entered: String,
    /// What it held when the user or the page last wanted to connect.
    address: Result<Address, AddressError>,
    obstacle: Option<Obstacle>,
    setup: Setup,
    access: Access,
    /// What holds of the setup.
    reading: Reading,
    /// What would hold if the user chose nothing.
    plain: Settings,
    /// What the fields of the settings hold that is no value of theirs.
    entries: Vec<Entry>,
    settings: Look,
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
    /// Whom messages went to then at a STOMP server: what was sent there is sent to nobody else.
    recipient: String,
    /// Where a stream goes on, as this tab keeps it.
    offset: Option<(String, u64)>,
    /// What logs in, and at which address: it is known to nobody else.
    passcode: (Secret, Option<Address>),
    /// What was taken for a reply then.
    replies: String,
    /// What this tab keeps of the path there, of what has no proof yet, and for other servers.
    kept: (Option<Learned>, Option<Delivery>),
    kept_outboxes: Rc<RefCell<Kept>>,
    /// Whether the document may end without another word.
    is_left: bool,
    lang: Lang,
    announcer: Announcer,
    tab: Tab,
    status: NodeRef,
    /// Whether the focus was within the status section before what is being completed was drawn.
    status_had_focus: Cell<bool>,
    /// Whether what the user ended last was an open connection.
    was_open: bool,
    /// Whether the browser, and this tab, keep what they are given.
    stores: bool,
    keeps: bool,
    composer: Composer,
    saved: SavedPanel,
    last_message: LastMessage,
    trace: Trace,
    log: LogPanel,
    /// The connection's status as far as it was told.
    status_told: Status,
    /// Runs while the page shows a time that passes.
    ticker: Option<Interval>,
    ticked: Duration,
    frames: Frames,
    /// Whether the echo has come of what was typed last. It is shown at once: somebody is looking for
    /// it.
    is_echoed: bool,
    _subscription: Subscription,
    _listeners: [EventListener; 7],
}

/// What happens to the page.
#[derive(Debug)]
pub(super) enum Msg {
    /// The second tells when that happened: it may wait for what is being done to the page.
    Client(Event, Duration),
    Page(PageEvent),
    Composed(Composed),
    Saved(saved_messages::Msg),
    LanguageChosen(Lang),
    AddressEntered(String),
    Toggled(Toggle),
    Pressed(Press),
    Aside(Aside),
    LastMessage(last_message::Msg),
    Log(log::Msg),
    Changed(Change),
    Copied(Copy),
    Due(Due),
    TimePassed,
}

impl Model {
    /// What the page is at first. Nothing begins before [`Model::start`].
    pub(super) fn new(props: Props, emit: Callback<Msg>) -> Self {
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
        // Its address comes with the first start. It hears of the page's end before the page does.
        let client = Client::new("", reading.settings.options.clone());
        let kept_outboxes = Rc::new(RefCell::new(Kept::new(given.outboxes.clone())));
        let kept = Rc::clone(&kept_outboxes);
        // What another document has taken is not this one's to send.
        client.prepare(move |core| {
            if kept.borrow_mut().is_taken() {
                core.hand_over();
            }
        });
        let tell = emit.reform(|(event, at)| Msg::Client(event, at));
        let teller = client.clone();
        Self {
            _subscription: client.subscribe(move |event| tell.emit((event.clone(), teller.now()))),
            now: client.now(),
            day: browser::day(),
            client,
            plain: setup.plain(&access),
            setup,
            reading,
            entries: Vec::new(),
            settings: Look::default(),
            copy: None,
            link_field: NodeRef::default(),
            remembered: None,
            selects_link: false,
            is_typed: false,
            trusted: None,
            is_forgotten: false,
            address: access.address(&entered),
            entered,
            access,
            obstacle: None,
            started: None,
            protocols: Vec::new(),
            recipient: String::new(),
            offset: None,
            passcode: (Secret::default(), None),
            replies: String::new(),
            kept: (None, None),
            kept_outboxes,
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
            composer: Composer::new(emit.reform(Msg::Composed)),
            saved: SavedPanel::new(given.config.messages.clone(), emit.reform(Msg::Saved)),
            last_message: LastMessage::default(),
            trace: Trace::default(),
            log: LogPanel::new(
                log_limit,
                lang.words(),
                emit.reform(Msg::Log),
                emit.reform(|text| Msg::Saved(saved_messages::Msg::Take(text))),
            ),
            status_told: Status::Idle,
            ticker: None,
            ticked: Duration::ZERO,
            frames: Frames::new(emit.reform(Msg::Due)),
            is_echoed: false,
            _listeners: browser::listen(&emit.reform(Msg::Page)),
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
        self.draw_trace(true);
    }

    /// Takes what happened; returns whether the page is to be drawn.
    pub(super) fn update(&mut self, msg: Msg) -> bool {
        // What a sleep brings comes first.
        self.now = self.client.change(|_, now| now);
        self.day = browser::day();
        let before = self.status_told;
        let is_frame = matches!(msg, Msg::Due(Due::Frame));
        let draws = self.respond(msg);
        self.keep();
        let after = self.status_told;
        if before != after && matches!(after, Status::Open { .. }) {
            self.remember();
        }
        self.run_ticker(after);
        if after == Status::Away {
            // Nobody looks at it, and a notice of the end would flash up while another page loads.
            return false;
        }
        let is_echoed = mem::take(&mut self.is_echoed);
        let draws = if before == after {
            draws
        } else {
            Draws::AtOnce
        };
        let draws = self.frames.draw(draws, self.now);
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
            self.log.read_on();
            self.draw_trace(before != after);
        }
        draws
    }

    fn draw_trace(&mut self, is_urgent: bool) {
        let slept_at = self.client.slept_at();
        self.trace
            .draw(self.lang.words(), self.now, slept_at, is_urgent);
    }

    /// Does what has to be done; returns when to draw that.
    fn respond(&mut self, msg: Msg) -> Draws {
        match msg {
            Msg::Client(event, at) => self.hear(event, at),
            Msg::Page(event) => {
                match event {
                    PageEvent::Left => self.is_left = true,
                    // Also shows what was not drawn as long as nobody could see it.
                    PageEvent::Back => self.is_left = false,
                    PageEvent::Other => {}
                }
                Draws::AtOnce
            }
            Msg::Composed(composed) => {
                let draws = match composed {
                    Composed::Typed(_) => {
                        self.frames.type_on();
                        Draws::Soon
                    }
                    Composed::Live(_)
                    | Composed::As(_)
                    | Composed::Put(_)
                    | Composed::Read(_)
                    | Composed::Wrote(_)
                    | Composed::Inserted(_)
                    | Composed::SentSaved(_) => Draws::AtOnce,
                };
                let resend = self.reading.settings.resend;
                self.client
                    .change(|core, now| self.composer.take(composed, core, resend, now));
                draws
            }
            Msg::Saved(msg) => match self.saved.update(msg, || self.composer.text()) {
                Some(composed) => self.respond(Msg::Composed(composed)),
                None => Draws::AtOnce,
            },
            Msg::LanguageChosen(lang) => {
                if let Some(setting) = Setting::named("lang") {
                    self.set(setting, lang.tag().into());
                    self.use_setup();
                }
                Draws::AtOnce
            }
            Msg::AddressEntered(text) => {
                self.entered = text;
                self.is_typed = true;
                Draws::AtOnce
            }
            Msg::Toggled(Toggle::Connect) => self.connect(),
            Msg::Toggled(Toggle::Stop | Toggle::Disconnect) => {
                self.was_open = self.client.status().is_open();
                self.take(Input::Close)
            }
            Msg::Pressed(press) => self.press(press),
            Msg::Aside(aside) => {
                match aside {
                    Aside::Send(id) => self.client.send_again(id),
                    Aside::Drop(id) => self.client.drop_aside(id),
                }
                Draws::AtOnce
            }
            Msg::LastMessage(msg) => {
                let emit = self.emit.reform(Msg::LastMessage);
                self.last_message.update(msg, &emit);
                Draws::AtOnce
            }
            Msg::Log(msg) => {
                if matches!(msg, log::Msg::Begin) {
                    self.client.change(|core, _| core.count_anew());
                    self.composer.clear();
                    self.last_message.clear();
                }
                self.log.update(msg)
            }
            Msg::Changed(change) => self.change(change),
            Msg::Copied(copy) => {
                self.selects_link = !copy.is_done;
                self.copy = Some(copy);
                Draws::AtOnce
            }
            Msg::Due(due) => self.frames.take(due, self.now),
            Msg::TimePassed => self.tick(),
        }
    }

    /// Draws the page.
    pub(super) fn view(&self) -> Html {
        let words = self.lang.words();
        let emit = &self.emit;
        let strip = self.strip();
        let had_focus = self.status.cast::<Element>();
        let had_focus = had_focus.is_some_and(|status| browser::has_focus_within(&status));
        // Of two drawings in a row the second finds it gone.
        self.status_had_focus
            .set(self.status_had_focus.get() || had_focus);
        let toggle = strip.toggle;
        let facts = self.client.inspect(|core| Facts::of(core, self.now));
        let form = AddressForm {
            entered: self.entered.clone().into(),
            error: self.address.as_ref().err(),
            toggle,
            is_set_by_site: self.reading.is_locked("url"),
            on_address: emit.reform(Msg::AddressEntered),
            on_toggle: emit.reform(move |()| Msg::Toggled(toggle)),
        };
        let on_press = emit.reform(Msg::Pressed);
        let on_aside = emit.reform(Msg::Aside);
        let on_message = emit.reform(Msg::LastMessage);
        let on_language = emit.reform(Msg::LanguageChosen);
        let locality = self
            .address
            .as_ref()
            .map_or(Locality::Remote, Address::locality);
        let panel = Panel {
            setup: &self.setup,
            passcode: &self.passcode.0,
            reading: &self.reading,
            plain: &self.plain,
            ceilings: self.plain.options.ceilings(locality),
            entries: &self.entries,
            look: &self.settings,
            is_in_use: toggle != Toggle::Connect,
            is_kept: self.stores,
            copy: self.copy.as_ref(),
            link_field: &self.link_field,
            history: &self.access.history,
        };
        let on_change = emit.reform(Msg::Changed);
        html! {
            <>
                <a class="skip" href="#message" ~textContent={words.skip} />
                { view::header(self.lang, self.reading.is_locked("lang"), &on_language) }
                <main>
                    { view::complaints(self.notices(words)) }
                    { view::address_form(words, form) }
                    { settings_panel(words, &panel, &on_change) }
                    { self.client.inspect(|core| view::aside(words, core, &on_aside)) }
                    <div class="work">
                        <div class="exchange">
                            <div>
                                { self.composer.view(words) }
                                { self.saved.view(words) }
                            </div>
                            { self.last_message.view(words, &on_message) }
                        </div>
                        <div class="monitor">
                            { view::status_strip(
                                words, &strip, &self.announcer, &facts, &self.status, &on_press,
                            ) }
                            { pulse::figure(words, &self.trace) }
                        </div>
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
            self.composer.listen();
            self.composer.go_on(&self.props.draft);
        }
        // A button that was pressed can be gone. The keyboard goes on from where it was.
        if self.status_had_focus.take()
            && browser::has_lost_focus()
            && let Some(status) = self.status.cast::<HtmlElement>()
            && let Err(error) = status.focus()
        {
            browser::warn("the focus is lost", &error);
        }
        self.trace.advance(self.now);
        self.log.rendered();
        self.saved.rendered();
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
        }
    }

    fn strip(&self) -> Strip {
        self.client.inspect(|core| self.strip_of(core))
    }

    fn strip_of(&self, core: &Connection) -> Strip {
        let (settings, address) = (&self.reading.settings, self.address.as_ref());
        let mut scene = Scene::of(core, settings, address, self.now);
        scene.obstacle = self.obstacle;
        scene.local_access = self.local_access();
        scene.is_online = browser::is_online();
        scene.jumped = self.client.slept_at();
        scene.has_origin = browser::has_origin();
        scene.was_open = self.was_open;
        let (mut link, mut own) = (Vec::new(), Vec::new());
        // What nothing but the question shows, and no message of a flood is to wait for.
        if self.obstacle == Some(Obstacle::Unconfirmed) {
            scene.is_framed = browser::is_framed();
            link.extend(SETTINGS.iter().filter_map(|setting| self.linked(setting)));
            own.extend(SETTINGS.iter().filter_map(|setting| self.carried(setting)));
        }
        (scene.link, scene.own) = (&link, &own);
        let count = core.outbox().delivery().queued;
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
        let attempt = self.client.inspect(Connection::attempt);
        self.announcer.notice(&strip, attempt, self.now);
        let host = self.address.as_ref().ok().map(Address::host);
        self.tab.show(&strip, host);
    }

    /// What the browser makes of an attempt to go there.
    fn local_access(&self) -> LocalAccess {
        let reach = self.address.as_ref().map(Address::reach);
        if !reach.is_ok_and(|reach| reach < self.props.page.reach()) {
            LocalAccess::Free
        } else if self.client.is_permission_asked() {
            LocalAccess::Asked
        } else {
            LocalAccess::Guarded
        }
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

    /// A setting of which a server gets to read something, and the user's own value: a link that leads
    /// elsewhere takes it there.
    fn carried(&self, setting: &Setting) -> Option<(&'static str, String)> {
        let leads = self.reading.source("url") == Some(Source::Query) && !self.is_typed;
        let is_own = self.reading.source(setting.name) == Some(Source::Stored);
        if !(leads && is_own && WORDING.contains(&setting.name)) {
            return None;
        }
        let text = setting.text(&self.reading.settings);
        let is_plain = text == setting.text(&self.plain);
        Some((setting.name, text.filter(|_| !is_plain)?))
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
        self.keep_offset();
        let is_known_to = |known: &Address| known.is_service_of(address);
        if !self.passcode.1.as_ref().is_some_and(is_known_to) {
            self.passcode.0 = Secret::default();
        }
        let Settings { protocols, .. } = &self.reading.settings;
        let recipient = self.reading.settings.options.stomp.as_ref();
        let recipient = recipient.map(|stomp| [&*stomp.vhost, "\n", &stomp.destination].concat());
        let recipient = recipient.unwrap_or_default();
        let is_new = self.started.as_ref() != Some(address) || self.recipient != recipient;
        self.recipient = recipient;
        self.started = Some(address.clone());
        let speaks_otherwise = self.protocols != *protocols;
        self.protocols = protocols.clone();
        self.configure();
        let learned = browser::kept(&silence_name(address));
        let settings = &self.reading.settings;
        let said = ["heartbeat_text", "reply_text", "server_heartbeat_text"];
        let said = said.map(|name| settings.text(name).unwrap_or_default());
        self.replies = said.join("\n");
        let distrusted = browser::kept(&distrust_name(address));
        let url = address.to_string();
        // The early one offers none.
        let is_plain = self.protocols.is_empty() && self.recipient.is_empty();
        let early = is_plain.then(|| early::socket(&url));
        if let Some(early) = early.flatten() {
            self.client.adopt(early);
        }
        let protocols = self.protocols.iter();
        let endpoint = protocols.fold(Endpoint::new(url), Endpoint::protocol);
        self.client.open_at(
            endpoint,
            Destination {
                locality: address.locality(),
                is_new,
                speaks_otherwise,
                learned: learned.and_then(|learned| Learned::restore(&learned)),
                is_distrusted: distrusted.as_ref() == Some(&self.replies),
            },
        );
        self.kept = (self.client.inspect(Connection::learned), None);
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
            loop {
                let stored = self.kept_outboxes.borrow_mut().take(&server);
                let Some(stored) = stored else {
                    break;
                };
                let resend = self.reading.settings.resend;
                self.client
                    .change(|core, _| core.restore(&stored, [resend.typed(), resend.sent()]));
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
        let address = address.map(Address::to_string).unwrap_or_default();
        if self.recipient.is_empty() {
            address
        } else {
            [&*address, " ", &self.recipient].concat()
        }
    }

    /// Keeps in this tab what a reload would lose and is to be kept.
    fn keep(&mut self) {
        if self.is_forgotten {
            return;
        }
        if let Some(started) = &self.started
            && let learned = self.client.inspect(Connection::learned)
            && learned != self.kept.0
            && let Some(learned) = learned
        {
            browser::keep(&silence_name(started), &learned.store());
            self.kept.0 = Some(learned);
        }
        if self.is_left || browser::is_hidden() {
            self.keep_offset();
        }
        let is_wanted = self.reading.settings.outbox_storage == Storage::Session;
        if !is_wanted && !self.kept_outboxes.borrow().has_others() {
            return;
        }
        // Only where the page may end without another word: what is typed may be secret.
        let may_end = self.is_left || browser::is_hidden();
        let delivery = may_end.then(|| self.client.delivery());
        if delivery != self.kept.1 {
            if may_end {
                let outbox = self.client.inspect(|core| core.outbox().store());
                let outbox = if is_wanted { outbox.as_str() } else { "" };
                let is_kept = self.kept_outboxes.borrow_mut().keep(&self.server(), outbox);
                self.keeps = is_kept && (self.keeps || !outbox.is_empty());
            } else {
                self.kept_outboxes.borrow_mut().withdraw();
            }
            self.kept.1 = delivery;
        }
        self.kept_outboxes.borrow_mut().hold(!self.is_left);
    }

    /// Keeps where a stream goes on.
    fn keep_offset(&mut self) {
        let kept = self.client.inspect(|core| {
            let name = offset_name(&self.server(), core.options().stomp.as_ref()?);
            Some((name, core.offset()?))
        });
        if kept != self.offset
            && let Some((name, offset)) = &kept
        {
            browser::keep(name, &offset.to_string());
            self.offset = kept;
        }
    }

    /// A second has passed, unless the machine slept.
    fn tick(&mut self) -> Draws {
        let now = self.now;
        let has_slept = is_late(self.ticked + TICK, now);
        self.ticked = now;
        // A hidden page's timers are late anyway, and a flood of messages leaves no time for them.
        let is_quiet = is_late(
            self.client.inspect(|core| core.heartbeat().last_heard()),
            now,
        );
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
                self.client.change(|core, _| core.drop_unsent());
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
            Change::Passcode(passcode) => {
                let address = self.access.address(&self.entered);
                self.passcode = (passcode, address.ok());
            }
            Change::Reset => {
                self.entries.clear();
                for setting in SETTINGS.iter().filter(|setting| setting.name != "url") {
                    self.change_setup(setting.name, |setup| setup.choose(setting.name, None));
                }
                self.use_setup();
                self.settings.first.clear();
            }
            Change::Opened => {
                let is_open = !self.settings.is_open;
                let changed = SETTINGS.iter().filter(|setting| self.is_changed(setting));
                self.settings = Look {
                    is_open,
                    first: changed.map(|setting| setting.name).collect(),
                    used: Vec::new(),
                };
            }
            Change::Used(setting) => {
                let used = &mut self.settings.used;
                if used.contains(&setting.name) {
                    return Draws::Nothing;
                }
                used.push(setting.name);
            }
            Change::CopyLink => self.copy_link(),
            Change::Forget => {
                self.kept_outboxes.borrow_mut().withdraw();
                self.kept_outboxes.take();
                browser::forget_everything();
                self.is_forgotten = true;
                self.access.history = History::default();
                self.remembered = None;
                self.entries.clear();
                self.saved.forget();
                self.setup.stored.clear();
                self.passcode = (Secret::default(), None);
                self.use_setup();
                self.settings.first.clear();
            }
        }
        Draws::AtOnce
    }

    /// Whether the user, or a link, gives something else for a setting than would hold without.
    fn is_changed(&self, setting: &Setting) -> bool {
        let chosen = self.setup.chosen(setting.name);
        let is_locked = self.reading.is_locked(setting.name);
        chosen.is_some_and(|chosen| setting.text(&self.plain).as_deref() != Some(chosen))
            && !is_locked
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
        let read = setting.set(&mut settings, &value, &self.access.admission());
        match read {
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
        self.configure();
        let settings = &self.reading.settings;
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

    /// Tells the client what holds, and the passcode, which no setting has.
    fn configure(&mut self) {
        let mut options = self.reading.settings.options.clone();
        if let Some(stomp) = &mut options.stomp {
            stomp.passcode = self.passcode.0.clone();
            let offset = browser::kept(&offset_name(&self.server(), stomp));
            stomp.offset = offset.and_then(|offset| offset.parse().ok());
        }
        self.client.configure(options);
    }

    fn copy_link(&mut self) {
        self.copy = None;
        let address = self.access.address(&self.entered).ok();
        let (pairs, lacks_words) = self
            .setup
            .link(&self.reading, address.as_ref(), &self.access);
        let link = browser::address_with(pairs.iter().map(|(name, value)| (*name, value)));
        let is_url = |(name, url): &(&str, String)| {
            *name == "url" && address.as_ref().map(Address::to_string).as_ref() != Some(url)
        };
        let lacks_query = pairs.iter().any(is_url);
        let copied = self.emit.reform(Msg::Copied);
        spawn_local(async move {
            let is_done = browser::copy(&link).await;
            copied.emit(Copy {
                link,
                is_done,
                lacks_query,
                lacks_words,
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
        // A bad address has been mended when there is a good one, and what is wrong with the user's own, or a
        // link's, is said beside its field.
        let is_open = |complaint: &&Complaint| {
            let is_sites = matches!(complaint.source, Some(Source::Defaults | Source::Mandatory));
            let is_seen = self.address.is_err() && is_sites;
            is_seen || !matches!(complaint.allowed, Allowed::Address(_))
        };
        let complaints = self.props.complaints.iter().chain(&self.reading.complaints);
        let complaints = complaints.filter(is_open);
        let complaints = complaints.map(|complaint| words.complaint(complaint));
        let is_lost = self.reading.settings.outbox_storage == Storage::Session && !self.keeps;
        let lost = is_lost.then(|| words.outbox_not_kept.to_owned());
        failure.into_iter().chain(complaints).chain(lost).collect()
    }

    /// Takes what the client tells; returns when to draw it.
    fn hear(&mut self, event: Event, at: Duration) -> Draws {
        match event {
            Event::Message(Message::Text(text)) => {
                self.trace.pulse.received(at);
                self.log.receive_text(Rc::clone(&text), self.day);
                self.is_echoed |= self.composer.is_echoed(&text);
                self.last_message.take_text(text);
            }
            Event::Message(Message::Binary(binary)) => {
                self.trace.pulse.received(at);
                let kept = binary.beginning(MAX_BYTES);
                self.log.receive_binary(binary.len(), kept, self.day);
                self.last_message.take_binary(binary.len());
            }
            Event::Fate(id, fate) => self.log.log.settle(id, fate, at),
            Event::Trace(traced) => return self.trace(traced, at),
            // Its trace tells more of it.
            Event::Status(_) | Event::Message(_) | _ => return Draws::Nothing,
        }
        Draws::Soon
    }

    fn trace(&mut self, traced: Traced, at: Duration) -> Draws {
        let day = self.day;
        match traced {
            Traced::Turned {
                before,
                after,
                loss,
                heard,
            } => {
                self.turn((before, after), loss.as_ref(), heard, at);
                return Draws::AtOnce;
            }
            Traced::Transmitted(transmit) => {
                let pulse = &mut self.trace.pulse;
                match &transmit {
                    Transmit::Heartbeat(_) => pulse.beat(at),
                    Transmit::Message(_) | Transmit::Greeting(_) | Transmit::Answer(_) => {
                        pulse.sent(at);
                    }
                    Transmit::Control(_) => {}
                }
                self.log.log.send(&transmit, at, day);
            }
            Traced::Head(head) => {
                self.log.log.expect(&head);
                return Draws::Nothing;
            }
            Traced::Noted(frame, meaning) => {
                let pulse = &mut self.trace.pulse;
                match meaning {
                    Meaning::Reply { sent, .. } => pulse.replied(sent, at),
                    Meaning::Message
                    | Meaning::ServerHeartbeat
                    | Meaning::Question
                    | Meaning::SecondReply
                    | Meaning::OthersHeartbeat
                    | Meaning::Unasked
                    | Meaning::Repeat => pulse.heard(at),
                }
                self.log.log.note(frame, meaning, at, day);
            }
            Traced::Queued(message) => self.log.log.queue(message, day),
            Traced::Distrusted => {
                if let Some(started) = self.started.as_ref().filter(|_| !self.is_forgotten) {
                    browser::keep(&distrust_name(started), &self.replies);
                }
                self.log.log.distrust(day);
            }
            Traced::Expired(_) => return Draws::Next,
            Traced::PermissionAsked => return Draws::AtOnce,
            Traced::Problem { what, error } => {
                browser::warn(what, &error.into());
                return Draws::Nothing;
            }
            _ => return Draws::Nothing,
        }
        Draws::Soon
    }

    /// Tells the log, the pulse and the console of another status.
    fn turn(
        &mut self,
        (before, after): (Status, Status),
        loss: Option<&Loss>,
        heard: Duration,
        at: Duration,
    ) {
        self.status_told = after;
        if after == Status::Refused(Refusal::BadAddress) {
            self.address = Err(AddressError::Malformed);
        }
        self.trace.pulse.turn(after, loss, heard, at);
        // A query may hold a secret, and logs are passed on.
        let address = self.address.as_ref().map(Address::without_query);
        let address = address.unwrap_or_default();
        self.log
            .log
            .change((before, after), loss, &address, self.day);
        // The browser tells the console only what failed to begin.
        if let (Status::Connecting { .. } | Status::Open { .. }, Some(loss)) = (before, loss)
            && let Status::Waiting { .. } | Status::GaveUp | Status::TurnedAway = after
        {
            let Closure { code, reason, .. } = &loss.closure;
            if loss.was_silent {
                browser::warn("connection dropped", &"no reply to heartbeats".into());
            } else {
                browser::warn(&format!("connection closed with {code}"), &reason.into());
            }
        }
    }

    fn take(&mut self, input: Input) -> Draws {
        self.client
            .change(|core, now| core.handle_input(input, now));
        Draws::Soon
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
            | Status::Refused(_) => self.trace.pulse.is_moving(self.now),
        };
        if passes != self.ticker.is_some() {
            self.ticked = self.now;
            let emit = self.emit.clone();
            self.ticker = passes.then(|| Interval::new(1_000, move || emit.emit(Msg::TimePassed)));
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

fn offset_name(server: &str, stomp: &Stomp) -> String {
    ["offset ", server, " ", stomp.source()].concat()
}

fn distrust_name(address: &Address) -> String {
    format!("distrust {}", address.without_query())
}

/// Between two looks of the page at a time that passes.
const TICK: Duration = Duration::from_secs(1);
