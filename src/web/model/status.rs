//! What the status strip, the tab and a screen reader say.

use heartwire::core::connection::Connection;

use super::Model;
use crate::{
    address::{Address, AddressError},
    history::told,
    settings::{SETTINGS, Setting, Source},
    setup::shown,
    strip::{LocalAccess, Obstacle, Scene, Strip, Unsent},
    web::browser,
};

impl Model {
    /// Tells screen readers and the tab what the page is going to show.
    pub(super) fn tell(&mut self) {
        let strip = self.strip();
        let attempt = self.client.inspect(Connection::attempt);
        self.announcer.notice(&strip, attempt, self.now);
        let host = self
            .spoken_of()
            .ok()
            .map(|address| address.host().to_owned());
        self.tab.show(&strip, host.as_deref());
    }

    /// The strip as it is now.
    pub(super) fn strip(&self) -> Strip {
        self.client.inspect(|core| self.strip_of(core))
    }

    fn strip_of(&self, core: &Connection) -> Strip {
        let (settings, address) = (&self.reading.settings, self.spoken_of());
        let mut scene = Scene::of(core, settings, address, self.now);
        scene.obstacle = self.obstacle;
        scene.local_access = self.local_access();
        scene.is_online = browser::is_online();
        scene.jumped = self.client.slept_at();
        scene.has_origin = browser::has_origin();
        scene.was_open = self.was_open;
        let (mut link, mut own) = (Vec::new(), Vec::new());
        // Only the question shows these, and they would slow down a flood of messages.
        if self.obstacle == Some(Obstacle::Unconfirmed) {
            scene.is_framed = browser::is_framed();
            link.extend(SETTINGS.iter().filter_map(|setting| self.linked(setting)));
            own.extend(SETTINGS.iter().filter_map(|setting| self.carried(setting)));
        }
        (scene.link, scene.own) = (&link, &own);
        let count = core.outbox().delivery().queued;
        let next = (count > 0).then(|| self.access.address(&self.entered).ok());
        // Whoever is next, while the field's address cannot be read.
        let is_other = |next: &&Option<Address>| next.is_none() || **next != self.started;
        if let Some(next) = next.as_ref().filter(is_other) {
            let host = next.as_ref().map(Address::host);
            scene.unsent = Some(Unsent { count, host });
        }
        scene.was_here = self.started.is_some() && self.remembered == self.started;
        Strip::new(&scene, self.lang.words())
    }

    /// The address that the page speaks of: where *Connect* goes, as long as it has not connected or asks, or where
    /// it wanted to connect last.
    fn spoken_of(&self) -> Result<&Address, &AddressError> {
        self.ahead.as_ref().map_or(self.address.as_ref(), Ok)
    }

    /// What the browser makes of an attempt to go there.
    fn local_access(&self) -> LocalAccess {
        let reach = self.spoken_of().map(Address::reach);
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
        if setting.name == "url" && self.is_typed {
            return None;
        }
        let text = shown(setting, &self.reading.settings, &self.access)?;
        Some((setting.name, text))
    }

    /// A setting that is sent to servers, and the user's own value of it: a link that leads to another
    /// server would have it sent there.
    fn carried(&self, setting: &Setting) -> Option<(&'static str, String)> {
        let leads = self.reading.source("url") == Some(Source::Query) && !self.is_typed;
        let is_own = self.reading.source(setting.name) == Some(Source::Stored);
        let is_told = |name| told(&self.reading.settings).any(|told| told == name);
        if !(leads && is_own && is_told(setting.name)) {
            return None;
        }
        let text = setting.text(&self.reading.settings);
        let is_plain = text == setting.text(&self.plain);
        Some((setting.name, text.filter(|_| !is_plain)?))
    }
}
