//! What the user changes of the settings, and what is wrong with them.

use heartwire::Secret;
use js_sys::futures::spawn_local;

use super::{Model, Msg, storage::offset_name};
use crate::{
    address::Address,
    history::History,
    payload::excerpt,
    settings::{Allowed, Complaint, SETTINGS, Setting, Source, Storage},
    setup::Setup,
    web::{
        browser,
        config_file::{Failure, PATIENCE},
        frames::Draws,
        settings_panel::{Change, Copy, Entry, Look},
    },
    words::{Words, fill},
};

impl Model {
    /// Does what the user wants with the settings; returns when to draw that.
    pub(super) fn change(&mut self, change: Change) -> Draws {
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
                self.kept_outboxes.borrow_mut().forget();
                browser::forget_everything();
                self.is_forgotten = true;
                self.access.history = History::default();
                self.remembered = None;
                self.unstored.clear();
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

    /// Takes what a field of the settings holds, if that can be used. An empty field stands for the default.
    pub(super) fn set(&mut self, setting: &'static Setting, value: String) {
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

    /// Changes what is given for a setting, also where that is stored and in the page's address.
    pub(super) fn change_setup(&mut self, setting: &str, change: impl FnOnce(&mut Setup)) {
        let linked = self.setup.query.len();
        change(&mut self.setup);
        // Another tab may have chosen other things meanwhile.
        let mut stored = browser::choices();
        if !self.unstored.iter().any(|name| name == setting) {
            self.unstored.push(setting.into());
        }
        let is_own = |(name, _): &(String, String)| self.unstored.contains(name);
        stored.retain(|pair| !is_own(pair));
        let chosen = self.setup.stored.iter();
        stored.extend(chosen.filter(|pair| is_own(pair)).cloned());
        self.stores = browser::store_choices(&stored);
        if self.stores {
            self.unstored.clear();
        }
        if self.setup.query.len() != linked {
            browser::set_query(&self.setup.query);
        }
    }

    /// Applies the settings of a setup that has changed.
    pub(super) fn use_setup(&mut self) {
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
        self.look_ahead();
    }

    /// Gives the client its options, with the passcode, which is no setting.
    pub(super) fn configure(&mut self) {
        let mut options = self.reading.settings.options.clone();
        if let Some(stomp) = &mut options.stomp {
            stomp.passcode = self.passcode.0.clone();
            let offset = browser::kept(&offset_name(&self.server(), stomp));
            stomp.offset = offset.and_then(|offset| offset.parse().ok());
        }
        self.client.configure(options);
    }

    /// What is wrong with what was given.
    pub(super) fn notices(&self, words: &Words) -> Vec<String> {
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
        // A bad address needs no notice once there is a good one, and none where it is the user's own or a
        // link's: that is said beside its field.
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

    /// Whether the user, or a link, gives something else for a setting than would hold without.
    fn is_changed(&self, setting: &Setting) -> bool {
        let chosen = self.setup.chosen(setting.name);
        let is_locked = self.reading.is_locked(setting.name);
        chosen.is_some_and(|chosen| setting.text(&self.plain).as_deref() != Some(chosen))
            && !is_locked
    }

    fn take_entry(&mut self, setting: &Setting) -> Option<Entry> {
        let mut entries = self.entries.iter();
        let index = entries.position(|entry| entry.setting.name == setting.name)?;
        Some(self.entries.remove(index))
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
}
