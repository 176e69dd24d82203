//! What the page is: one client, and what is shown of it.

mod connection;
mod events;
mod settings;
mod status;
mod storage;

use std::{
    cell::{Cell, RefCell},
    mem,
    rc::Rc,
    time::Duration,
};

use gloo_events::EventListener;
use gloo_timers::callback::Interval;
use heartwire::{
    Client, Event, Kept, Secret, Subscription,
    core::{
        connection::{Input, Status},
        heartbeat::is_late,
        outbox::Delivery,
        reach::Locality,
        silence::Learned,
    },
};
use web_sys::{Element, HtmlElement, HtmlInputElement};
use yew::{Callback, Html, NodeRef, html};

use super::{
    app::Props,
    browser::{self, PageEvent},
    composer::{Composed, Composer},
    early,
    frames::{Draws, Due, Frames},
    last_message::{self, LastMessage},
    log::{self, LogPanel},
    pulse::{self, Trace},
    saved_messages::{self, SavedPanel},
    settings_panel::{Change, Copy, Entry, Look, Panel, settings_panel},
    tab::Tab,
    view::{self, AddressForm, Aside, Facts},
};
use crate::{
    access::Access,
    address::{Address, AddressError, Page},
    announcer::Announcer,
    settings::{Reading, Setting, Settings},
    setup::Setup,
    strip::{Obstacle, Press, Toggle},
    words::Lang,
};

/// The page's state: one connection, and what is shown of it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Model {
    emit: Callback<Msg>,
    props: Props,
    client: Client,
    /// The client's time, and the wall clock's in milliseconds since 1970, of the message that is handled.
    now: Duration,
    day: u64,
    /// What the address field holds.
    entered: String,
    /// What it held when the user or the page last wanted to connect.
    address: Result<Address, AddressError>,
    /// What it holds since, where *Connect* has not gone anywhere or asks.
    ahead: Option<Address>,
    obstacle: Option<Obstacle>,
    setup: Setup,
    access: Access,
    /// What holds of the setup.
    reading: Reading,
    /// What would hold if the user chose nothing.
    plain: Settings,
    /// The settings whose changes this browser has not stored.
    unstored: Vec<String>,
    /// What fields of the settings hold instead of a value that is in use.
    entries: Vec<Entry>,
    settings: Look,
    copy: Option<Copy>,
    link_field: NodeRef,
    selects_link: bool,
    /// Whether the user has entered the address in this page.
    is_typed: bool,
    /// The address that the user connected to after being shown what the link sets.
    trusted: Option<Address>,
    /// Whether the user has had all that is stored deleted, and has not connected since.
    is_forgotten: bool,
    /// Whether the user has connected; the page may do so by itself.
    is_chosen: bool,
    /// The last start whose address was remembered.
    remembered: Option<Address>,
    /// The address of the last start.
    started: Option<Address>,
    /// The subprotocols offered then.
    protocols: Vec<String>,
    /// The virtual host and the destination then, of a STOMP server: what was sent there is sent to no other.
    recipient: String,
    /// Where a stream goes on, and the name under which this tab keeps that.
    offset: Option<(String, u64)>,
    /// The passcode, and the address that it was entered for: no other server gets it.
    passcode: (Secret, Option<Address>),
    /// The texts of heartbeats and of replies then.
    replies: String,
    /// What this tab has kept: what was learned of the network path, and how far messages had got.
    kept: (Option<Learned>, Option<Delivery>),
    /// The messages without proof that this tab keeps, also for other servers.
    kept_outboxes: Rc<RefCell<Kept>>,
    /// Whether the document was left: it may end without another event.
    is_left: bool,
    lang: Lang,
    announcer: Announcer,
    tab: Tab,
    status: NodeRef,
    /// Whether the focus was within the status section before what is being completed was drawn.
    status_had_focus: Cell<bool>,
    /// The messages that were set aside.
    aside: NodeRef,
    aside_had_focus: Cell<bool>,
    /// Whether what the user ended last was an open connection.
    was_open: bool,
    /// Whether the browser's storage, and the tab's, take what is stored.
    stores: bool,
    keeps: bool,
    composer: Composer,
    saved: SavedPanel,
    last_message: LastMessage,
    trace: Trace,
    log: LogPanel,
    /// The connection's status as far as it was told.
    status_told: Status,
    /// Runs while the page shows a time that changes.
    ticker: Option<Interval>,
    ticked: Duration,
    frames: Frames,
    /// Whether the echo has come of what was typed last. It is shown at once: the user waits for it.
    is_echoed: bool,
    _subscription: Subscription,
    _listeners: [EventListener; 7],
}

/// What the client, the browser, a timer or the user does.
#[derive(Debug)]
pub(super) enum Msg {
    /// An event, and the client's time of it: it may have to wait until another message is handled.
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
        let kept_outboxes = given.kept.clone();
        let kept_outboxes =
            kept_outboxes.unwrap_or_else(|| Rc::new(RefCell::new(browser::outboxes())));
        let kept = Rc::clone(&kept_outboxes);
        // What another document has taken is not this one's to send.
        client.prepare(move |core| {
            if kept.borrow_mut().is_claimed() {
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
            unstored: Vec::new(),
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
            ahead: None,
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
            aside: NodeRef::default(),
            aside_had_focus: Cell::new(false),
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

    /// Handles a message; returns whether the page is to be drawn.
    pub(super) fn update(&mut self, msg: Msg) -> bool {
        // The client notices a sleep, and handles that, before anything else.
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
        if after == Status::Away {
            self.run_ticker(after);
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
        self.run_ticker(after);
        draws
    }

    /// Draws the page.
    pub(super) fn view(&self) -> Html {
        let words = self.lang.words();
        let emit = &self.emit;
        let strip = self.strip();
        for (part, had_focus) in [
            (&self.status, &self.status_had_focus),
            (&self.aside, &self.aside_had_focus),
        ] {
            let part = part.cast::<Element>();
            let has_focus = part.is_some_and(|part| browser::has_focus_within(&part));
            // Of two drawings in a row the second finds it gone.
            had_focus.set(had_focus.get() || has_focus);
        }
        let toggle = strip.toggle;
        let facts = self.client.inspect(|core| Facts::of(core, self.now));
        let form = AddressForm {
            entered: self.entered.clone().into(),
            error: self.address.as_ref().err().filter(|_| self.ahead.is_none()),
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
                    { self.client.inspect(|core| view::aside(words, core, &self.aside, &on_aside)) }
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
        // A button that was pressed can be gone. The keyboard goes on from where it was: of messages that were set
        // aside with the next one's, and with the status where there is none.
        let (was_status, was_aside) = (self.status_had_focus.take(), self.aside_had_focus.take());
        if (was_status || was_aside) && browser::has_lost_focus() {
            let aside = self.aside.cast::<Element>().filter(|_| was_aside);
            let next = aside.and_then(|aside| browser::first_button(&aside));
            let next = next.or_else(|| self.status.cast::<HtmlElement>());
            if let Some(Err(error)) = next.map(|next| next.focus()) {
                browser::warn("the focus is lost", &error);
            }
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

    /// Does what a message asks for; returns when to draw that.
    fn respond(&mut self, msg: Msg) -> Draws {
        match msg {
            Msg::Client(event, at) => self.take_event(event, at),
            Msg::Page(event) => {
                match event {
                    PageEvent::Left => {
                        // A copy of the tab may have what was kept before, and it may have been sent since.
                        if !mem::replace(&mut self.is_left, true) {
                            self.kept_outboxes.borrow_mut().withdraw();
                            self.kept.1 = None;
                        }
                    }
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
                self.look_ahead();
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
                self.ahead = None;
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

    fn take(&mut self, input: Input) -> Draws {
        self.client
            .change(|core, now| core.handle_input(input, now));
        Draws::Soon
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

    /// Runs the ticker while a time is shown that changes.
    fn run_ticker(&mut self, status: Status) {
        let passes = match status {
            Status::Connecting { .. } | Status::Open { .. } | Status::Waiting { .. } => true,
            Status::Idle
            | Status::Away
            | Status::Stopped
            | Status::GaveUp
            | Status::TurnedAway
            | Status::Refused(_) => self.trace.pulse.is_moving(self.now) || self.announcer.waits(),
        };
        if passes != self.ticker.is_some() {
            self.ticked = self.now;
            let emit = self.emit.clone();
            self.ticker = passes.then(|| Interval::new(1_000, move || emit.emit(Msg::TimePassed)));
        }
    }

    fn draw_trace(&mut self, is_urgent: bool) {
        let slept_at = self.client.slept_at();
        self.trace
            .draw(self.lang.words(), self.now, slept_at, is_urgent);
    }
}

/// What the address field holds at the start.
fn entered_at_first(reading: &Reading, page: &Page) -> String {
    let url = reading.settings.url.clone();
    url.unwrap_or_else(|| page.default_address().to_string())
}

/// The time between two ticks.
const TICK: Duration = Duration::from_secs(1);
