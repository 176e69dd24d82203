//! The settings of the connection, for people to look at and to change.

use std::iter;

use heartwire::{Secret, core::backoff::Ceilings};
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement, InputEvent, MouseEvent, SubmitEvent};
use yew::{Callback, Html, NodeRef, TargetCast as _, html};

use crate::{
    history::History,
    payload::excerpt,
    settings::{
        Allowed, Control, Group, Protocol, Reading, SETTINGS, Setting, Settings, Source,
        duration_text,
    },
    setup::Setup,
    words::{Lang, Words, fill},
};

/// What the panel shows.
pub(super) struct Panel<'a> {
    pub(super) setup: &'a Setup,
    pub(super) passcode: &'a Secret,
    pub(super) reading: &'a Reading,
    /// What holds where the user chooses nothing.
    pub(super) plain: &'a Settings,
    /// The back-off's ceilings with these.
    pub(super) ceilings: Ceilings,
    pub(super) entries: &'a [Entry],
    pub(super) look: &'a Look,
    /// Whether a connection is wanted, so that its settings cannot be changed.
    pub(super) is_in_use: bool,
    /// Whether the browser keeps what is chosen.
    pub(super) is_kept: bool,
    pub(super) copy: Option<&'a Copy>,
    pub(super) link_field: &'a NodeRef,
    /// The last addresses, newest first.
    pub(super) history: &'a History,
}

/// How the panel is looked at.
#[derive(Default)]
pub(super) struct Look {
    pub(super) is_open: bool,
    /// The settings that stand first: what was changed when it was opened. None moves while it is used.
    pub(super) first: Vec<&'static str>,
    /// The settings that were used since, of which it is told what they allow.
    pub(super) used: Vec<&'static str>,
}

/// What a field holds that is not, or not yet, a value of its setting.
pub(super) struct Entry {
    pub(super) setting: &'static Setting,
    pub(super) text: String,
    pub(super) error: Option<Allowed>,
}

/// A link that was to be copied.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) link: String,
    /// Whether the clipboard took it.
    pub(super) is_done: bool,
    /// Whether the address in it lacks its query.
    pub(super) lacks_query: bool,
    /// Whether it lacks what the user says and answers here.
    pub(super) lacks_words: bool,
}

/// What the user does with the panel.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A field has the focus.
    Used(&'static Setting),
    /// A field holds this now.
    Entered(&'static Setting, String),
    /// A setting is to have this value.
    Set(&'static Setting, String),
    /// What logs in at a STOMP server.
    Passcode(Secret),
    /// The panel is to open, or to close.
    Opened,
    Reset,
    CopyLink,
    Forget,
}

/// The panel, and the addresses that the address field offers.
pub(super) fn settings_panel(
    words: &'static Words,
    panel: &Panel<'_>,
    on_change: &Callback<Change>,
) -> Html {
    let onclick = on_change.reform(|event: MouseEvent| {
        event.prevent_default();
        Change::Opened
    });
    html! {
        <>
            <details class="settings" open={panel.look.is_open}>
                <summary ~textContent={words.settings_name} {onclick} />
                if panel.look.is_open {
                    { content(words, panel, on_change) }
                }
            </details>
            <datalist id="addresses">
                for address in panel.history.addresses() {
                    <option value={address.to_owned()} />
                }
            </datalist>
        </>
    }
}

/// What is in the panel once it is open: to draw it takes as long as the rest of the page.
fn content(words: &'static Words, panel: &Panel<'_>, on_change: &Callback<Change>) -> Html {
    let on_press = |change: Change| on_change.reform(move |_| change.clone());
    let advice = match (panel.is_in_use, panel.is_kept) {
        (true, _) => words.settings_locked,
        (false, true) => words.settings_used,
        (false, false) => words.settings_not_kept,
    };
    let addresses_hint = if panel.is_kept {
        words.addresses_hint
    } else {
        words.addresses_not_kept
    };
    html! {
        <>
                <p class="hint" ~textContent={advice} />
                for part in iter::once(None).chain(Group::EACH.map(Some)) {
                    { settings(words, panel, part, on_change) }
                }
                <div class="settings-buttons">
                    <button
                        type="button"
                        ~textContent={words.copy_link}
                        onclick={on_press(Change::CopyLink)}
                    />
                    <button
                        type="button"
                        disabled={panel.is_in_use}
                        ~textContent={words.reset}
                        onclick={on_press(Change::Reset)}
                    />
                </div>
                { copy(words, panel) }
                <h2 id="addresses-name" ~textContent={words.addresses} />
                <p class="hint" ~textContent={addresses_hint} />
                if panel.history.addresses().next().is_some() {
                    <ul aria-labelledby="addresses-name">
                        for address in panel.history.addresses() {
                            <li dir="ltr" translate="no" ~textContent={excerpt(address)} />
                        }
                    </ul>
                }
                <p class="hint" id="forget-hint" ~textContent={words.forget_hint} />
                // It stays when there is nothing to forget, and the focus with it.
                <button
                    type="button"
                    aria-describedby="forget-hint"
                    ~textContent={words.forget}
                    onclick={on_press(Change::Forget)}
                />
        </>
    }
}

/// The settings of a group, but for those that stand first, or else these.
fn settings(
    words: &'static Words,
    panel: &Panel<'_>,
    group: Option<Group>,
    on_change: &Callback<Change>,
) -> Html {
    let name = match group {
        None => words.settings_changed,
        Some(Group::Connection) => words.connection,
        Some(Group::Stomp) => "STOMP",
        Some(Group::Heartbeat) => words.heartbeats,
        Some(Group::Reconnecting) => words.settings_reconnecting,
        Some(Group::Delivery) => words.delivery,
        Some(Group::Page) => words.settings_page,
    };
    let first = &panel.look.first;
    let settings = SETTINGS.iter().filter(|setting| {
        let own = (!first.contains(&setting.name)).then_some(setting.group);
        setting.name != "url" && own == group
    });
    let mut settings = settings.peekable();
    let speaks_stomp = panel.reading.settings.protocol == Protocol::Stomp;
    let is_needless = group == Some(Group::Stomp) && !speaks_stomp;
    if settings.peek().is_none() || is_needless {
        return html! {};
    }
    html! {
        <fieldset>
            <legend ~textContent={name} />
            <div class="settings-list">
                for setting in settings {
                    { row(words, panel, setting, on_change) }
                }
                if group == Some(Group::Stomp) {
                    { passcode(words, panel, on_change) }
                }
            </div>
        </fieldset>
    }
}

fn row(
    words: &'static Words,
    panel: &Panel<'_>,
    setting: &'static Setting,
    on_change: &Callback<Change>,
) -> Html {
    let name = setting.name;
    let is_locked = panel.reading.is_locked(name);
    let is_fixed = is_locked || (panel.is_in_use && !setting.is_free());
    let held = setting.text(&panel.reading.settings);
    let entry = panel
        .entries
        .iter()
        .find(|entry| entry.setting.name == name);
    let text = match (entry, panel.setup.chosen(name)) {
        (Some(entry), _) => entry.text.clone(),
        // Also one that cannot be used.
        (None, Some(chosen)) if !is_locked => chosen.to_owned(),
        (None, _) => held.clone().unwrap_or_default(),
    };
    let refused = panel.reading.complaints.iter().find(|complaint| {
        let is_users = matches!(complaint.source, Some(Source::Stored | Source::Query));
        complaint.setting == name && is_users
    });
    let error = match entry {
        Some(entry) => entry.error.as_ref(),
        None => refused.map(|complaint| &complaint.allowed),
    };
    let default = default_text(words, panel, setting);
    // What can be chosen is seen, and an error says the same.
    let allowed = setting.allowed().filter(|allowed| {
        setting.control() == Control::Text && error != Some(allowed) && !is_locked
    });
    let allowed = allowed.map(|allowed| words.allowed(&allowed));
    let speaks_stomp = panel.reading.settings.protocol == Protocol::Stomp;
    let hint = if is_locked {
        words.setting_locked.into()
    } else if speaks_stomp && setting.is_of_text() {
        words.setting_of_text.into()
    } else {
        fill(words.default_is, &[("value", &default)])
    };
    let is_hidden = allowed.is_none() || !panel.look.used.contains(&name);
    let id = format!("setting-{name}");
    let [hint_id, allowed_id, error_id] =
        ["hint", "allowed", "error"].map(|part| [&id, "-", part].concat());
    let field = Field {
        setting,
        id: id.clone(),
        described: [&hint_id, " ", &allowed_id, " ", &error_id].concat(),
        text,
        held,
        default: default.clone(),
        may_be_absent: setting.text(panel.plain).is_none(),
        is_fixed,
        is_wrong: error.is_some(),
    };
    html! {
        <div class="setting">
            <label for={id} ~textContent={words.settings.of(setting.name)} />
            { control(words, field, on_change) }
            <p id={hint_id} class="hint">
                <code translate="no" ~textContent={name} />
                <span ~textContent={[" ", &hint].concat()} />
            </p>
            // What describes a field is read though it is hidden.
            <p
                id={allowed_id}
                class="hint"
                hidden={is_hidden}
                ~textContent={allowed.unwrap_or_default()}
            />
            // Heard when it comes: by then the focus is on the next field.
            <p id={error_id} class="error" aria-live="polite">
                if let Some(error) = error {
                    <span class="unseen" ~textContent={words.error} />
                    <span ~textContent={words.allowed(error)} />
                }
            </p>
        </div>
    }
}

/// What logs in at a STOMP server. It is no setting: nothing that keeps, shows or passes on settings knows it.
fn passcode(words: &'static Words, panel: &Panel<'_>, on_change: &Callback<Change>) -> Html {
    let oninput = on_change.reform(|event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        Change::Passcode(field.value().into())
    });
    let onsubmit = Callback::from(|event: SubmitEvent| event.prevent_default());
    html! {
        // Browsers want a field of this type to be in a form.
        <form class="setting" {onsubmit}>
            <label for="passcode" ~textContent={words.passcode} />
            <input
                id="passcode"
                type="password"
                autocomplete="off"
                value={panel.passcode.reveal().to_owned()}
                readonly={panel.is_in_use}
                aria-describedby="passcode-hint"
                {oninput}
            />
            <p id="passcode-hint" class="hint" ~textContent={words.passcode_hint} />
        </form>
    }
}

/// What the control of a setting shows.
struct Field {
    setting: &'static Setting,
    id: String,
    /// The ids of what describes it.
    described: String,
    text: String,
    /// The value that holds.
    held: Option<String>,
    default: String,
    /// Whether to have no value is one of the choices.
    may_be_absent: bool,
    is_fixed: bool,
    is_wrong: bool,
}

fn control(words: &'static Words, field: Field, on_change: &Callback<Change>) -> Html {
    let Field {
        setting,
        id,
        described,
        text,
        held,
        default,
        may_be_absent,
        is_fixed,
        is_wrong,
    } = field;
    match setting.control() {
        Control::Text => {
            let on_enter = on_change.clone();
            let oninput = Callback::from(move |event: InputEvent| {
                let field: HtmlInputElement = event.target_unchecked_into();
                on_enter.emit(Change::Entered(setting, field.value()));
            });
            html! {
                <input
                    {id}
                    type="text"
                    autocapitalize="off"
                    autocomplete="off"
                    spellcheck="false"
                    dir="ltr"
                    value={text}
                    placeholder={default}
                    readonly={is_fixed}
                    aria-invalid={is_wrong.then_some("true")}
                    aria-describedby={described}
                    {oninput}
                    onfocus={on_change.reform(move |_| Change::Used(setting))}
                    onchange={on_set(setting, on_change)}
                />
            }
        }
        Control::Switch => html! {
            <input
                {id}
                type="checkbox"
                checked={held.as_deref() == Some("true")}
                disabled={is_fixed}
                aria-describedby={described}
                onchange={on_set(setting, on_change)}
            />
        },
        Control::Choice(choices) => {
            let held = held.unwrap_or_default();
            html! {
                // The attribute of an option tells at first alone what is chosen.
                <select
                    {id}
                    ~value={held.clone()}
                    disabled={is_fixed}
                    aria-describedby={described}
                    onchange={on_set(setting, on_change)}
                >
                    if may_be_absent {
                        <option value="" selected={held.is_empty()} ~textContent={default} />
                    }
                    for &word in choices {
                        <option
                            value={word}
                            selected={held == word}
                            ~textContent={choice_text(words, word)}
                        />
                    }
                </select>
            }
        }
    }
}

fn copy(words: &'static Words, panel: &Panel<'_>) -> Html {
    html! {
        <>
            <div aria-live="polite">
                if let Some(copy) = panel.copy {
                    <p
                        class="hint"
                        ~textContent={if copy.is_done { words.copied } else { words.link_refused }}
                    />
                    if copy.lacks_query {
                        <p class="hint" ~textContent={words.link_lacks_query} />
                    }
                    if copy.lacks_words {
                        <p class="hint" ~textContent={words.link_lacks_words} />
                    }
                }
            </div>
            if let Some(copy) = panel.copy && !copy.is_done {
                <input
                    ref={panel.link_field}
                    type="text"
                    readonly=true
                    dir="ltr"
                    aria-label={words.link}
                    value={copy.link.clone()}
                />
            }
        </>
    }
}

fn on_set(setting: &'static Setting, on_change: &Callback<Change>) -> Callback<Event> {
    on_change.reform(move |event: Event| {
        let target = event.target_unchecked_into::<web_sys::Element>();
        let value = match target.dyn_ref::<HtmlInputElement>() {
            Some(field) if setting.control() == Control::Switch => field.checked().to_string(),
            Some(field) => field.value(),
            None => target.unchecked_into::<HtmlSelectElement>().value(),
        };
        Change::Set(setting, value)
    })
}

/// What holds where the user chooses nothing, in words if need be.
fn default_text(words: &Words, panel: &Panel<'_>, setting: &Setting) -> String {
    match (setting.text(panel.plain), setting.name) {
        (None, "retry_min") => duration_text(panel.ceilings.first),
        (None, "retry_max") => duration_text(panel.ceilings.last),
        (None, _) => words.of_the_browser.into(),
        (Some(text), _) if text.is_empty() => words.nothing.into(),
        (Some(text), "lang") => choice_of_lang(&text).unwrap_or(text),
        (Some(text), _) => excerpt(&text),
    }
}

fn choice_text(words: &Words, word: &'static str) -> String {
    choice_of_lang(word).unwrap_or_else(|| words.option(word).into())
}

/// A language's name in itself.
fn choice_of_lang(tag: &str) -> Option<String> {
    Some(Lang::of(tag)?.words().language_name.into())
}
