//! What the shell asks the browser for and has it do: addresses, storage, the clipboard, the tab.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use gloo_events::{EventListener, EventListenerOptions};
use gloo_timers::callback::Timeout;
use heartwire::Kept;
use js_sys::Array;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{
    Blob, BlobPropertyBag, ClipboardEvent, Document, Element, Event, EventTarget, HtmlDocument,
    HtmlElement, HtmlTextAreaElement, PageTransitionEvent, ResizeObserver, Storage, Url,
    UrlSearchParams, Window,
};
use yew::Callback;

use crate::{address::Page, history::History, words::Lang};

/// The page's own address, as far as it matters.
pub(super) fn page() -> Page {
    let location = window().location();
    Page {
        is_secure: location
            .protocol()
            .is_ok_and(|protocol| protocol == "https:"),
        host: location.host().unwrap_or_default(),
    }
}

/// The names and values in the page's address.
pub(super) fn query() -> Vec<(String, String)> {
    pairs(&window().location().search().unwrap_or_default())
}

/// Puts other names and values into the page's address; it is not loaded anew.
pub(super) fn set_query(pairs: &[(String, String)]) {
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value));
    let result = window().history().and_then(|history| {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&address_with(pairs)))
    });
    if let Err(error) = result {
        warn("the page's address could not be changed", &error);
    }
}

/// The page's whole address with these names and values.
pub(super) fn address_with<'a>(pairs: impl Iterator<Item = (&'a str, &'a String)>) -> String {
    let location = window().location();
    let href = location.href().unwrap_or_default();
    let page = href.split(['?', '#']).next().unwrap_or_default();
    let query = query_text(pairs);
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{page}{mark}{query}")
}

/// What the user has chosen in this browser.
pub(super) fn choices() -> Vec<(String, String)> {
    pairs(&stored(CHOICES).unwrap_or_default())
}

/// The same, but for the address: a tab goes on with its own.
pub(super) fn choices_of_tab() -> Vec<(String, String)> {
    let mut choices = choices();
    if let Some(url) = kept(URL) {
        choices.retain(|(name, _)| name != "url");
        if url != PLAIN_URL {
            choices.push(("url".into(), url));
        }
    }
    choices
}

/// Keeps the address that this tab goes to; nothing stands for where everybody gets.
pub(super) fn keep_address(url: Option<&str>) {
    keep(URL, url.unwrap_or(PLAIN_URL));
}

/// What the operator said when the page was here last.
pub(super) fn last_config() -> Option<JsValue> {
    js_sys::JSON::parse(&stored(CONFIG)?).ok()
}

/// Stores what the operator says, for `early.js` and for when he says nothing.
pub(super) fn store_config(config: &JsValue) {
    let json = js_sys::JSON::stringify(config).ok();
    if let Some(json) = json.and_then(|json| json.as_string()) {
        store(CONFIG, &json);
    }
}

/// Stores what the user has chosen; returns whether that was kept.
pub(super) fn store_choices(choices: &[(String, String)]) -> bool {
    let pairs = choices.iter().map(|(name, value)| (name.as_str(), value));
    store(CHOICES, &query_text(pairs))
}

/// The addresses that this browser has connected to, where it remembers any.
pub(super) fn history() -> Option<History> {
    let stored = local_storage()?.get_item(&own(HISTORY)).ok()?;
    Some(History::restore(&stored.unwrap_or_default()))
}

/// Stores these addresses; returns whether they were kept.
pub(super) fn store_history(history: &History) -> bool {
    store(HISTORY, &history.store())
}

/// Whether this browser stores anything for the page. It may be forbidden to, or its storage full.
pub(super) fn can_store() -> bool {
    takes(local_storage())
}

/// Whether this tab keeps anything for the page.
pub(super) fn can_keep() -> bool {
    takes(session_storage())
}

/// Whether the page has an origin: one in a sandbox has none, and one from the disk has none.
pub(super) fn has_origin() -> bool {
    window().origin() != "null"
}

/// Whether the page is in a frame of another origin's page, which decides what is seen of it.
pub(super) fn is_framed() -> bool {
    let mut inner = window();
    while let Ok(Some(outer)) = inner.parent()
        && outer != inner
    {
        let origin = js_sys::Reflect::get(&outer, &"origin".into());
        let origin = origin.ok().and_then(|origin| origin.as_string());
        if origin.is_none_or(|origin| origin != window().origin()) {
            return true;
        }
        inner = outer;
    }
    false
}

/// Opens the page in a tab of its own, which knows nothing of this one.
pub(super) fn open_alone() {
    let address = window().location().href().unwrap_or_default();
    let opened = window().open_with_url_and_target_and_features(&address, "_blank", "noopener");
    if let Err(error) = opened {
        warn("the page could not be opened by itself", &error);
    }
}

/// The user's languages, best first.
pub(super) fn languages() -> Vec<String> {
    let languages = window().navigator().languages();
    languages.iter().filter_map(|tag| tag.as_string()).collect()
}

/// Tells the document its language.
pub(super) fn name_language(lang: Lang) {
    if let Some(element) = document().document_element()
        && let Err(error) = element.set_attribute("lang", lang.tag())
    {
        warn("the document's language could not be set", &error);
    }
}

/// Gives the page's tab a title and an icon, by its address.
pub(super) fn name_tab(title: &str, icon: &str) {
    let document = document();
    document.set_title(title);
    if let Some(link) = document.get_element_by_id("icon")
        && let Err(error) = link.set_attribute("href", icon)
    {
        warn("the tab's icon could not be set", &error);
    }
}

/// Whether what has the focus is within an element.
pub(super) fn has_focus_within(element: &Element) -> bool {
    element.contains(document().active_element().as_deref())
}

/// The first button within an element.
pub(super) fn first_button(element: &Element) -> Option<HtmlElement> {
    let button = element.query_selector("button").ok()??;
    button.dyn_into().ok()
}

/// Whether nothing has the focus.
pub(super) fn has_lost_focus() -> bool {
    let document = document();
    document
        .active_element()
        .is_none_or(|element| Some(element) == document.body().map(Into::into))
}

/// The element that the page is drawn into.
pub(super) fn root() -> Element {
    document()
        .get_element_by_id("app")
        .expect("index.html has an element with the id app")
}

/// The message field, the page's own or the one that stood there before.
pub(super) fn field() -> Option<HtmlTextAreaElement> {
    let field = document().get_element_by_id("message")?;
    field.dyn_into().ok()
}

/// The clock that never jumps, in milliseconds since the page began to load.
pub(super) fn steady_millis() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// The time of the day, in milliseconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole milliseconds; before 1970 it is 0"
)]
pub(super) fn day() -> u64 {
    js_sys::Date::now() as u64
}

/// Whether nobody can see the page.
pub(super) fn is_hidden() -> bool {
    document().hidden()
}

/// What this browser has stored under a name.
pub(super) fn stored(name: &str) -> Option<String> {
    local_storage()?.get_item(&own(name)).ok()?
}

/// Stores a text under a name in this browser; an empty one is forgotten. Returns whether it was stored: if not,
/// what stood there stays.
pub(super) fn store(name: &str, text: &str) -> bool {
    write(local_storage(), &own(name), text)
}

/// What this tab has kept under a name.
pub(super) fn kept(name: &str) -> Option<String> {
    session_storage()?.get_item(&own(name)).ok()?
}

/// Keeps a text under a name for as long as the tab lives; an empty one is forgotten. Returns whether
/// it was kept.
pub(super) fn keep(name: &str, text: &str) -> bool {
    put(session_storage(), &own(name), text)
}

/// What this tab keeps that waits for servers.
pub(super) fn outboxes() -> Kept {
    Kept::new(own("").trim_end()).expect("the page is in a tab")
}

/// Forgets all that this browser, and this tab, have stored for the page, but for what its operator says.
pub(super) fn forget_everything() {
    for storage in [local_storage(), session_storage()] {
        let names = storage.as_ref().map(names).unwrap_or_default();
        for name in names {
            if name.starts_with(&own("")) && name != own(CONFIG) {
                put(storage.clone(), &name, "");
            }
        }
    }
}

fn names(storage: &Storage) -> Vec<String> {
    let count = storage.length().unwrap_or_default();
    let names = (0..count).filter_map(|index| storage.key(index).ok()?);
    names.collect()
}

/// A name of this installation alone: another one on the same origin has another path. early.js makes
/// such names, too.
fn own(name: &str) -> String {
    thread_local! {
        static FOLDER: String = {
            let path = window().location().pathname().unwrap_or_default();
            path.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned())
        };
    }
    FOLDER.with(|folder| format!("heartwire {folder}/ {name}"))
}

/// Whether the browser believes that there is a network.
pub(super) fn is_online() -> bool {
    window().navigator().on_line()
}

/// Files that the browser was handed and may still read; dropping it lets go of them.
#[derive(Default)]
pub(super) struct Downloads(Rc<RefCell<VecDeque<(Download, Timeout)>>>);

impl Downloads {
    /// Saves these texts and bytes, one after the other, as a file with this name and of this type.
    ///
    /// # Errors
    ///
    /// Returns what the browser threw.
    pub(super) fn save(&self, name: &str, kind: &str, parts: &Array) -> Result<(), JsValue> {
        let download = download(name, kind, parts)?;
        let all = Rc::downgrade(&self.0);
        let timeout = Timeout::new(READ_MILLIS, move || {
            if let Some(all) = all.upgrade() {
                all.borrow_mut().pop_front();
            }
        });
        self.0.borrow_mut().push_back((download, timeout));
        Ok(())
    }
}

/// Browsers read a file only after it was handed to them, and do not tell when they have.
const READ_MILLIS: u32 = 60_000;

/// A file that the browser was handed; dropping it lets go of it.
struct Download {
    url: String,
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Err(error) = Url::revoke_object_url(&self.url) {
            warn("a file was not let go of", &error);
        }
    }
}

fn download(name: &str, kind: &str, parts: &Array) -> Result<Download, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(parts, &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let download = Download { url };
    let anchor = document().create_element("a")?;
    anchor.set_attribute("href", &download.url)?;
    anchor.set_attribute("download", name)?;
    anchor.unchecked_into::<HtmlElement>().click();
    Ok(download)
}

/// Hands a text to the clipboard as the user presses something; tells whether it was taken.
pub(super) async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    // There is none where the page did not come safely.
    let clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into());
    let has_clipboard = clipboard.is_ok_and(|clipboard| clipboard.is_object());
    let is_copied = has_clipboard && navigator.clipboard().write_text(text).await.is_ok();
    is_copied || copy_selected(text).unwrap_or(false)
}

/// Copies a text in the way that every page may: it is put in the place of a selected letter as the
/// browser copies that. To select the text itself would have it laid out: 5 MB took Chromium 3 s.
fn copy_selected(text: &str) -> Result<bool, JsValue> {
    let document = document();
    let focused = document.active_element();
    let field = document.create_element("textarea")?;
    let field = field.unchecked_into::<HtmlTextAreaElement>();
    field.set_class_name("unseen");
    field.set_value("…");
    let copied = text.to_owned();
    let _listener = EventListener::new_with_options(
        &field,
        "copy",
        EventListenerOptions::enable_prevent_default(),
        move |event| {
            let data = event
                .dyn_ref::<ClipboardEvent>()
                .and_then(ClipboardEvent::clipboard_data);
            if data.is_some_and(|data| data.set_data("text/plain", &copied).is_ok()) {
                event.prevent_default();
            }
        },
    );
    root().append_child(&field)?;
    field.select();
    let is_copied = document
        .unchecked_ref::<HtmlDocument>()
        .exec_command("copy");
    field.remove();
    if let Some(focused) = focused.and_then(|one| one.dyn_into::<HtmlElement>().ok()) {
        focused.focus()?;
    }
    is_copied
}

/// Tells the console about something that went wrong.
pub(super) fn warn(what: &str, error: &JsValue) {
    web_sys::console::warn_2(&format!("heartwire: {what}:").into(), error);
}

/// Something that happened to the page as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum PageEvent {
    /// It is being left, or frozen.
    Left,
    /// It came back, or can be seen again.
    Back,
    /// It is hidden, or the browser says that there is a network, or none.
    Other,
}

/// Listens to what happens to the page as a whole until dropped.
#[must_use = "dropping the listeners detaches them"]
pub(super) fn listen(emit: &Callback<PageEvent>) -> [EventListener; 7] {
    let on = |target: &EventTarget, kind: &'static str, tell: fn(&Event) -> Option<PageEvent>| {
        let emit = emit.clone();
        EventListener::new(target, kind, move |event| {
            if let Some(event) = tell(event) {
                emit.emit(event);
            }
        })
    };
    let (window, document) = (window(), document());
    [
        on(&window, "pagehide", |_| Some(PageEvent::Left)),
        on(&window, "pageshow", |event| {
            let event = event.dyn_ref::<PageTransitionEvent>()?;
            event.persisted().then_some(PageEvent::Back)
        }),
        on(&window, "online", |_| Some(PageEvent::Other)),
        on(&window, "offline", |_| Some(PageEvent::Other)),
        on(&document, "visibilitychange", |_| {
            Some(if is_hidden() {
                PageEvent::Other
            } else {
                PageEvent::Back
            })
        }),
        on(&document, "freeze", |_| Some(PageEvent::Left)),
        on(&document, "resume", |_| Some(PageEvent::Back)),
    ]
}

/// Tells when one of some elements changes its size, until dropped.
pub(super) struct SizeWatch {
    observer: ResizeObserver,
    _told: Closure<dyn FnMut()>,
}

impl SizeWatch {
    /// Tells once at the beginning, too.
    pub(super) fn start(elements: [&Element; 2], told: Callback<()>) -> Option<Self> {
        let told = Closure::new(move || told.emit(()));
        let observer = ResizeObserver::new(told.as_ref().unchecked_ref())
            .inspect_err(|error| warn("sizes are not known", error))
            .ok()?;
        for element in elements {
            observer.observe(element);
        }
        Some(Self {
            observer,
            _told: told,
        })
    }
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Puts an emphasized text in the place of what an element holds.
pub(super) fn emphasize(element: &Element, text: &str) {
    let emphasized = document().create_element("em").and_then(|emphasized| {
        emphasized.set_text_content(Some(text));
        element.set_text_content(None);
        element.append_child(&emphasized)
    });
    if let Err(error) = emphasized {
        warn("a message could not be shown", &error);
    }
}

/// What cannot be put in the place of an older text is not to leave that there: it holds no more.
fn put(storage: Option<Storage>, name: &str, text: &str) -> bool {
    write(storage.clone(), name, "") && write(storage, name, text)
}

fn write(storage: Option<Storage>, name: &str, text: &str) -> bool {
    let Some(storage) = storage else {
        return false;
    };
    let result = if text.is_empty() {
        storage.remove_item(name)
    } else {
        storage.set_item(name, text)
    };
    if let Err(error) = &result {
        warn("the browser's storage took nothing", error);
    }
    result.is_ok()
}

fn takes(storage: Option<Storage>) -> bool {
    let name = own("trial");
    put(storage.clone(), &name, "trial") && put(storage, &name, "")
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let Ok(params) = UrlSearchParams::new_with_str(query) else {
        return Vec::new();
    };
    Array::from(&params)
        .iter()
        .filter_map(|pair| {
            let pair = pair.dyn_into::<Array>().ok()?;
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        })
        .collect()
}

fn query_text<'a>(pairs: impl Iterator<Item = (&'a str, &'a String)>) -> String {
    let Ok(params) = UrlSearchParams::new() else {
        return String::new();
    };
    for (name, value) in pairs {
        params.append(name, value);
    }
    params.to_string().into()
}

/// Where the user's choices, the tab's address and what the operator said last are stored, which early.js
/// reads, too, and the last addresses.
const CHOICES: &str = "settings";
const URL: &str = "url";
const CONFIG: &str = "config";
const HISTORY: &str = "addresses";

/// No address begins so.
const PLAIN_URL: &str = "-";

/// This browser's storage, where the user allows one.
fn local_storage() -> Option<Storage> {
    window().local_storage().ok()?
}

/// The tab's storage, where the user allows one.
fn session_storage() -> Option<Storage> {
    window().session_storage().ok()?
}

fn document() -> Document {
    window().document().expect("a page's window has a document")
}

fn window() -> Window {
    web_sys::window().expect("the page runs in a window")
}
