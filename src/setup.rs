//! Everything that has a say in the settings, and what the user changes of it.

use crate::{
    access::{Access, UrlParam, WORDING},
    address::Address,
    config::Config,
    settings::{Allowed, Complaint, Layer, Reading, SETTINGS, Settings, Source},
};

/// What each source gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// What holds where nobody gives anything.
    pub built_in: Settings,
    /// What the operator gives.
    pub config: Config,
    /// What the user has chosen on this page.
    pub stored: Vec<(String, String)>,
    /// What the page's address gives.
    pub query: Vec<(String, String)>,
}

impl Setup {
    /// Nothing but what is built in.
    #[must_use]
    pub fn new(built_in: Settings) -> Self {
        Self {
            built_in,
            config: Config::default(),
            stored: Vec::new(),
            query: Vec::new(),
        }
    }

    /// What holds.
    #[must_use]
    pub fn read(&self, access: &Access) -> Reading {
        let url = self.query.iter().rfind(|(name, _)| name == "url");
        let Some((name, value)) = url.filter(|_| access.url_param == UrlParam::Off) else {
            return self.read_layers(&self.stored, &self.query, access);
        };
        let query = without(&self.query, name);
        let mut reading = self.read_layers(&self.stored, &query, access);
        reading.complaints.push(Complaint {
            setting: name.clone(),
            value: value.clone(),
            source: Some(Source::Query),
            allowed: Allowed::NotFromLink,
            instead: None,
        });
        reading
    }

    /// What holds for a user who chooses nothing and followed no link.
    #[must_use]
    pub fn plain(&self, access: &Access) -> Settings {
        self.read_layers(&[], &[], access).settings
    }

    /// The address that the page connects to for such a user.
    #[must_use]
    pub fn plain_address(&self, access: &Access) -> Address {
        let url = self.plain(access).url;
        let address = url.and_then(|url| access.address(&url).ok());
        address.unwrap_or_else(|| access.page.default_address())
    }

    /// What the user gives for a setting, also if it cannot be used.
    #[must_use]
    pub fn chosen(&self, setting: &str) -> Option<&str> {
        let mut given = self.stored.iter().chain(&self.query);
        let (_, value) = given.rfind(|(name, _)| name == setting)?;
        Some(value)
    }

    /// Leaves a link's address alone, and what it wants to have said there.
    pub fn ignore_link(&mut self) {
        for setting in ["url"].iter().chain(&WORDING) {
            self.query = without(&self.query, setting);
        }
    }

    /// Forgets the address that the user chose.
    pub fn forget_address(&mut self) {
        self.stored = without(&self.stored, "url");
    }

    /// Takes the user's choice for a setting, or takes it back; the page's address says nothing about
    /// it any more.
    pub fn choose(&mut self, setting: &str, value: Option<&str>) {
        self.query = without(&self.query, setting);
        self.stored = without(&self.stored, setting);
        if let Some(value) = value {
            self.stored.push((setting.into(), value.into()));
        }
    }

    /// Takes note of the address that was connected to: it is the user's choice, unless the user would
    /// get there without it. Its query may hold a secret and is no part of that.
    pub fn note_address(&mut self, address: &Address, access: &Access) {
        let is_plain = *address == self.plain_address(access);
        let url = address.without_query();
        let is_linked = self.query.iter().rfind(|(name, _)| name == "url");
        let is_linked =
            is_linked.is_some_and(|(_, linked)| access.address(linked).as_ref() == Ok(address));
        let query = is_linked.then(|| self.query.clone());
        self.choose("url", (!is_plain).then_some(&url));
        // A reload goes where the link goes, with all of its address.
        if let Some(query) = query {
            self.query = query;
        }
    }

    /// The names and values of a link to what holds, with this address: all that a user who chooses
    /// nothing would not get.
    #[must_use]
    pub fn link(
        &self,
        reading: &Reading,
        address: Option<&Address>,
        access: &Access,
    ) -> Vec<(&'static str, String)> {
        let plain = self.plain(access);
        let mut link = Vec::new();
        for setting in &SETTINGS {
            let text = if setting.name == "url" {
                let address = address.filter(|address| {
                    !reading.is_locked("url") && **address != self.plain_address(access)
                });
                address.map(Address::without_query)
            } else if let Some(Source::Stored | Source::Query) = reading.source(setting.name) {
                let text = setting.text(&reading.settings);
                text.filter(|text| setting.text(&plain).as_ref() != Some(text))
            } else {
                None
            };
            link.extend(text.map(|text| (setting.name, text)));
        }
        link
    }

    fn read_layers(
        &self,
        stored: &[(String, String)],
        query: &[(String, String)],
        access: &Access,
    ) -> Reading {
        let layer = |source, pairs| Layer { source, pairs };
        let layers = [
            layer(Source::Defaults, self.config.defaults.as_slice()),
            layer(Source::Stored, stored),
            layer(Source::Query, query),
            layer(Source::Mandatory, &self.config.mandatory),
        ];
        Settings::read(&self.built_in, &layers, access)
    }
}

fn without(pairs: &[(String, String)], setting: &str) -> Vec<(String, String)> {
    let others = pairs.iter().filter(|(name, _)| name != setting);
    others.cloned().collect()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::{address::Page, settings::Setting};

    #[test]
    fn a_choice_is_stronger_than_the_defaults_and_than_the_link_that_was_there() {
        let mut setup = setup();
        setup.query = pairs(&[("heartbeat", "7s"), ("retry", "false")]);
        assert_eq!(text(&setup, "heartbeat"), "7s");
        setup.choose("heartbeat", Some("9s"));
        assert_eq!(text(&setup, "heartbeat"), "9s");
        assert_eq!(setup.query, pairs(&[("retry", "false")]));
        setup.choose("heartbeat", None);
        assert_eq!(text(&setup, "heartbeat"), "5s");
        setup.config.mandatory = pairs(&[("heartbeat", "3s")]);
        setup.choose("heartbeat", Some("9s"));
        assert_eq!(text(&setup, "heartbeat"), "3s");
    }

    #[test]
    fn a_page_that_takes_no_address_from_a_link_says_so() {
        let mut setup = setup();
        setup.query = pairs(&[("url", "ws://evil.example"), ("retry", "false")]);
        let mut access = access();
        access.url_param = UrlParam::Off;
        let reading = setup.read(&access);
        assert_eq!(
            (reading.settings.url, reading.settings.retry),
            (None, false)
        );
        let [complaint] = reading.complaints.as_slice() else {
            panic!("{:?}", reading.complaints);
        };
        assert_eq!(complaint.allowed, Allowed::NotFromLink);
        setup.config.mandatory = pairs(&[("url", "ws://evil.example")]);
        assert!(setup.read(&access).is_locked("url"));
    }

    #[test]
    fn a_link_has_what_others_would_not_get_and_no_secret() {
        let mut setup = setup();
        setup.stored = pairs(&[("retry", "false"), ("heartbeat", "5s")]);
        setup.query = pairs(&[("heartbeat_text", "ping"), ("resend", "soon")]);
        let link = link(&setup, "wss://a.example/live?token=secret");
        assert_eq!(
            link,
            [
                ("url", "wss://a.example/live".to_owned()),
                ("heartbeat_text", "ping".to_owned()),
                ("retry", "false".to_owned()),
            ]
        );
    }

    #[test]
    fn a_link_has_nothing_that_everybody_gets() {
        let mut setup = setup();
        assert_eq!(link(&setup, "ws://localhost:8080"), []);
        setup.config.defaults = pairs(&[("url", "/live?room=1")]);
        assert_eq!(link(&setup, "/live?room=1"), []);
        setup.config.mandatory = pairs(&[("url", "/live"), ("retry", "true")]);
        setup.stored = pairs(&[("retry", "false")]);
        assert_eq!(link(&setup, "ws://b.example"), []);
    }

    #[test]
    fn the_last_address_is_a_choice_unless_everybody_gets_there() {
        let (mut setup, access) = (setup(), access());
        let address = |text| access.address(text).unwrap();
        setup.note_address(&address("ws://a.example/x?token=secret"), &access);
        assert_eq!(setup.stored, pairs(&[("url", "ws://a.example/x")]));
        setup.note_address(&address("ws://localhost:8080"), &access);
        assert_eq!(setup.stored, []);
    }

    #[test]
    fn the_address_of_a_link_stays_in_it_until_another_is_used() {
        let (mut setup, access) = (setup(), access());
        let address = |text| access.address(text).unwrap();
        let linked = pairs(&[("url", "ws://a.example?token=secret")]);
        setup.query.clone_from(&linked);
        setup.note_address(&address("ws://a.example?token=secret"), &access);
        assert_eq!(setup.query, linked);
        assert_eq!(setup.stored, pairs(&[("url", "ws://a.example")]));
        setup.note_address(&address("ws://b.example"), &access);
        assert_eq!((setup.query.len(), setup.stored.len()), (0, 1));
    }

    fn setup() -> Setup {
        let mut setup = Setup::new(Settings::default());
        setup.config.defaults = pairs(&[("heartbeat", "5s")]);
        setup
    }

    fn text(setup: &Setup, name: &str) -> String {
        let reading = setup.read(&access());
        let setting = Setting::named(name);
        let text = setting.and_then(|setting| setting.text(&reading.settings));
        text.unwrap_or_default()
    }

    fn link(setup: &Setup, address: &str) -> Vec<(&'static str, String)> {
        let access = access();
        let address = access.address(address).ok();
        setup.link(&setup.read(&access), address.as_ref(), &access)
    }

    fn access() -> Access {
        Access::new(Page {
            is_secure: false,
            host: "localhost:3000".into(),
        })
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        pairs.iter().map(own).collect()
    }
}
