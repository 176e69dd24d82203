//! Everything that has a say in the settings, and what the user changes of it.

use crate::{
    access::{Access, Consent, UrlParam},
    address::Address,
    config::Config,
    history::told,
    payload::is_whole,
    settings::{Allowed, Complaint, Layer, Reading, SETTINGS, Setting, Settings, Source},
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
        let mut query = self.query.clone();
        let mut complaints = Vec::new();
        let mut refuse = |query: &mut Vec<(String, String)>, setting: &str, allowed| {
            let value = query.iter().rfind(|(name, _)| name == setting);
            complaints.extend(value.map(|(name, value)| Complaint {
                setting: name.clone(),
                value: value.clone(),
                source: Some(Source::Query),
                allowed,
                instead: None,
            }));
            *query = without(query, setting);
        };
        if access.url_param == UrlParam::Off {
            refuse(&mut query, "url", Allowed::NotFromLink);
        }
        let mut reading = self.read_layers(&self.stored, &query, access);
        // Nobody can be asked about what cannot be shown.
        let is_hidden = |setting: &&Setting| {
            let is_linked = reading.source(setting.name) == Some(Source::Query);
            is_linked
                && shown(setting, &reading.settings, access).is_some_and(|text| !is_whole(&text))
        };
        let hidden: Vec<_> = SETTINGS.iter().filter(is_hidden).collect();
        if !hidden.is_empty() {
            for setting in hidden {
                refuse(&mut query, setting.name, Allowed::ShownWhole);
            }
            reading = self.read_layers(&self.stored, &query, access);
        }
        reading.complaints.extend(complaints);
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

    /// What the page has to do before it connects there by itself. `is_typed` tells whether the user has
    /// entered the address in this page.
    #[must_use]
    pub fn consent(
        &self,
        address: &Address,
        is_typed: bool,
        reading: &Reading,
        access: &Access,
    ) -> Consent {
        let is_linked = |name| reading.source(name) == Some(Source::Query);
        let leads = is_linked("url") && !is_typed && !self.is_familiar(address, access);
        let speaks = told(&reading.settings).any(is_linked)
            && !self.is_usual(&reading.settings, access)
            && !access
                .history
                .has_told(address, &reading.settings, &access.page);
        // What the user has set may hold a login, and is not for whoever a link leads to.
        let carries = is_linked("url")
            && !is_typed
            && !self.usual_address(access).is_service_of(address)
            && !is_worded_alike(&reading.settings, &self.plain(access))
            && !access
                .history
                .has_told(address, &reading.settings, &access.page);
        let is_trusted = access.url_param == UrlParam::Allow;
        let hurries = is_linked("autoconnect") && !self.unlinked(access).autoconnect;
        if !is_trusted && (leads || speaks || carries) {
            Consent::Ask
        } else if address.reach() < access.page.reach() || (hurries && !is_trusted) {
            Consent::Press
        } else {
            Consent::Given
        }
    }

    /// What would hold for this user without a link.
    fn unlinked(&self, access: &Access) -> Settings {
        self.read_layers(&self.stored, &[], access).settings
    }

    /// Whether the page may get to this address without a link.
    fn is_familiar(&self, address: &Address, access: &Access) -> bool {
        access.allows(address)
            || access.history.knows(address, &access.page)
            || self.usual_address(access).is_service_of(address)
            || self.plain_address(access).is_service_of(address)
    }

    /// The address that this user gets to without a link.
    fn usual_address(&self, access: &Access) -> Address {
        let chosen = self.unlinked(access).url;
        let chosen = chosen.and_then(|url| access.address(&url).ok());
        chosen.unwrap_or_else(|| self.plain_address(access))
    }

    /// Whether a server is told, and believed, no other things than without a link.
    fn is_usual(&self, settings: &Settings, access: &Access) -> bool {
        let chosen = self.unlinked(access);
        let plain = self.plain(access);
        told(settings).all(|name| {
            let text = settings.text(name);
            text == chosen.text(name) || text == plain.text(name)
        })
    }

    /// What the user gives for a setting, also if it cannot be used.
    #[must_use]
    pub fn chosen(&self, setting: &str) -> Option<&str> {
        let mut given = self.stored.iter().chain(&self.query);
        let (_, value) = given.rfind(|(name, _)| name == setting)?;
        Some(value)
    }

    /// Leaves alone what a link sets, but for the language that it is asked about in.
    pub fn ignore_link(&mut self) {
        self.query
            .retain(|(name, _)| name == "lang" || Setting::named(name).is_none());
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

    /// Takes note of the address that the user has connected to: it is the user's choice, unless the user
    /// would get there without it. Its query may hold a secret and is no part of that.
    pub fn note_address(&mut self, address: &Address, access: &Access) {
        let is_plain = *address == self.plain_address(access);
        let url = address.without_query();
        self.choose("url", (!is_plain).then_some(&url));
    }

    /// The names and values of a link to what holds, with this address: all that a user who chooses
    /// nothing would not get, and no secret; and whether something is left out for that.
    #[must_use]
    pub fn link(
        &self,
        reading: &Reading,
        address: Option<&Address>,
        access: &Access,
    ) -> (Vec<(&'static str, String)>, bool) {
        let plain = self.plain(access);
        let mut link = Vec::new();
        let mut lacks_some = false;
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
            let may_be_login = matches!(setting.name, "greeting" | "answers" | "login");
            let text = text.filter(|text| {
                let is_left_out = may_be_login && !text.is_empty();
                lacks_some |= is_left_out;
                !is_left_out
            });
            link.extend(text.map(|text| (setting.name, text)));
        }
        (link, lacks_some)
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
        Settings::read(&self.built_in, &layers, &access.admission())
    }
}

/// A setting as the question about a link shows it: an address as the browser reads it.
#[must_use]
pub fn shown(setting: &Setting, settings: &Settings, access: &Access) -> Option<String> {
    let text = setting.text(settings)?;
    match setting.name {
        "url" => Some(
            access
                .address(&text)
                .map_or(text, |address| address.to_string()),
        ),
        _ => Some(text),
    }
}

/// Whether servers get to read the same with these settings.
fn is_worded_alike(one: &Settings, other: &Settings) -> bool {
    told(one).all(|name| one.text(name) == other.text(name))
}

fn without(pairs: &[(String, String)], setting: &str) -> Vec<(String, String)> {
    let others = pairs.iter().filter(|(name, _)| name != setting);
    others.cloned().collect()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::address::{AddressError, Page};

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
            (reading.settings.url, reading.settings.options.retry),
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
    fn nobody_is_asked_about_words_that_say_nothing() {
        let access = access();
        for (link, expected) in [
            ("vhost=x", Consent::Given),
            ("destination=/queue/a", Consent::Given),
            ("login=me", Consent::Given),
            ("protocol=text", Consent::Given),
            ("protocol=stomp", Consent::Ask),
            ("greeting=x", Consent::Ask),
        ] {
            assert_eq!(consent(&linked(link), &access), expected, "{link}");
        }
        let mut setup = linked("vhost=x");
        setup.stored = pairs(&[("protocol", "stomp")]);
        assert_eq!(consent(&setup, &access), Consent::Ask);
        let mut setup = linked("protocol=text");
        setup.stored = pairs(&[("protocol", "stomp")]);
        setup.config.defaults = pairs(&[("protocol", "stomp")]);
        assert_eq!(consent(&setup, &access), Consent::Ask);
    }

    /// Else the question would end before what it is about.
    #[test]
    fn a_link_sets_nothing_that_cannot_be_shown_whole() {
        let behind = |filling: String| ["hi,", &filling, ",delete"].concat();
        for (value, is_taken) in [
            (behind("a".repeat(20_000)), true),
            (behind("a".repeat(40_000)), false),
            (behind("ا".repeat(600)), false),
            (behind("e\u{301}".repeat(10_000)), false),
            (behind("aا".repeat(2_200)), false),
            // It is longer as it is shown.
            (
                format!("[\"hi\",\"{}\",\"delete\"]", "\\u0627".repeat(700)),
                false,
            ),
            (
                format!("[\"hi\",\"{}\",\"delete\"]", "\\u200b".repeat(5_000)),
                false,
            ),
        ] {
            let mut setup = setup();
            setup.query = vec![
                ("greeting".into(), value.clone()),
                ("retry".into(), "false".into()),
            ];
            let reading = setup.read(&access());
            assert_eq!(reading.source("greeting").is_some(), is_taken);
            assert_eq!(reading.settings.options.greeting.is_empty(), !is_taken);
            assert!(!reading.settings.options.retry);
            let allowed: Vec<_> = reading.complaints.iter().map(|one| &one.allowed).collect();
            let refused = [&Allowed::ShownWhole];
            assert_eq!(allowed, if is_taken { &[] } else { refused.as_slice() });
            // What is the user's own is asked about nobody.
            setup.query.clear();
            setup.stored = vec![("greeting".into(), value)];
            assert!(setup.read(&access()).source("greeting").is_some());
        }
    }

    #[test]
    fn a_link_leads_nowhere_that_cannot_be_shown_whole() {
        for (url, is_taken) in [
            (format!("/ws?{}&delete", "a".repeat(31_000)), true),
            (format!("/ws?{}&delete", "a".repeat(31_985)), false),
            (format!("wss://example.org/{}", "ا".repeat(600)), false),
        ] {
            let mut setup = setup();
            setup.query = vec![("url".into(), url)];
            let reading = setup.read(&access());
            assert_eq!(reading.source("url").is_some(), is_taken);
        }
    }

    #[test]
    fn a_link_has_what_others_would_not_get_and_no_secret() {
        let mut setup = setup();
        setup.stored = pairs(&[
            ("retry", "false"),
            ("heartbeat", "5s"),
            ("greeting", "my secret login"),
            ("answers", "who?=my secret login"),
        ]);
        setup.query = pairs(&[("heartbeat_text", "ping"), ("resend", "soon")]);
        let expected = vec![
            ("url", "wss://a.example/live".to_owned()),
            ("heartbeat_text", "ping".to_owned()),
            ("retry", "false".to_owned()),
        ];
        let address = "wss://a.example/live?token=secret";
        assert_eq!(link(&setup, address), (expected.clone(), true));
        setup.stored.truncate(2);
        assert_eq!(link(&setup, address), (expected, false));
        // What everybody gets is no secret, and that somebody says nothing is none either.
        setup.config.defaults = pairs(&[("greeting", "everybody's"), ("answers", "a=b")]);
        assert!(!link(&setup, address).1);
        setup.choose("greeting", Some(""));
        let (link, lacks_some) = link(&setup, address);
        assert!(link.contains(&("greeting", String::new())) && !lacks_some);
    }

    /// What the user has set is for the server that it was set for, and may be a login.
    #[test]
    fn a_link_takes_nobodys_words_elsewhere_unasked() {
        let stored = |url| {
            let mut setup = linked(url);
            setup.stored = pairs(&[("greeting", "login"), ("url", "wss://mine.example/a")]);
            setup
        };
        let mut access = familiar(HERE);
        for (url, expected) in [
            ("url=wss://used.example/a", Consent::Ask),
            ("url=ws://localhost:8080", Consent::Ask),
            ("url=wss://mine.example/a?room=1", Consent::Given),
            ("retry=false", Consent::Given),
        ] {
            assert_eq!(consent(&stored(url), &access), expected, "{url}");
        }
        let setup = stored("url=wss://used.example/a");
        let used = access.address("wss://used.example/a").unwrap();
        let settings = setup.read(&access).settings;
        access.history.note(&used, &settings, true);
        assert_eq!(consent(&setup, &access), Consent::Given);
    }

    #[test]
    fn a_link_has_nothing_that_everybody_gets() {
        let mut setup = setup();
        assert_eq!(link(&setup, "ws://localhost:8080").0, []);
        setup.config.defaults = pairs(&[("url", "/live?room=1")]);
        assert_eq!(link(&setup, "/live?room=1").0, []);
        setup.config.mandatory = pairs(&[("url", "/live"), ("retry", "true")]);
        setup.stored = pairs(&[("retry", "false")]);
        assert_eq!(link(&setup, "ws://b.example").0, []);
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
    fn a_link_that_is_ignored_sets_nothing_but_the_language() {
        let mut setup = linked("url=ws://evil.example&resend=every&utm_source=mail&lang=en");
        setup.ignore_link();
        let left = pairs(&[("utm_source", "mail"), ("lang", "en")]);
        assert_eq!(setup.query, left);
    }

    #[test]
    fn a_link_is_asked_about_unless_what_it_changes_is_known() {
        let table = [
            // To another server, wherever the page is.
            (HERE, "url=ws://127.0.0.1:9000", Consent::Ask),
            (HERE, "url=wss://evil.example", Consent::Ask),
            (THERE, "url=/attackers-room", Consent::Ask),
            (THERE, "url=wss://evil.example", Consent::Ask),
            (THERE, "url=ws://localhost:8080", Consent::Ask),
            // To the page's own default.
            (HERE, "url=ws://localhost:8080", Consent::Given),
            (HERE, "url=ws://LOCALHOST:8080/", Consent::Given),
            (HERE, "url=ws://localhost:8081", Consent::Ask),
            (THERE, "url=/ws", Consent::Given),
            (THERE, "url=/ws?room=1", Consent::Given),
            (THERE, "url=wss://page.example/ws", Consent::Ask),
            // Where the user has been.
            (HERE, "url=wss://used.example/a?b", Consent::Given),
            (HERE, "url=ws://used.example/a", Consent::Ask),
            (HERE, "url=wss://used.example", Consent::Ask),
            (HERE, "url=wss://used.example:8001/a", Consent::Ask),
            (THERE, "url=wss://used.example/a", Consent::Given),
            // With other words.
            (HERE, r#"heartbeat_text={"op":"delete"}"#, Consent::Ask),
            (THERE, "heartbeat_text=ping", Consent::Ask),
            (HERE, "protocols=chat", Consent::Ask),
            (HERE, "reply_text=a", Consent::Ask),
            (HERE, "server_heartbeat_text=a", Consent::Ask),
            (HERE, "greeting=a", Consent::Ask),
            (HERE, "answers=a=b", Consent::Ask),
            (HERE, "heartbeat_text=heartbeat", Consent::Given),
            (HERE, "resend=every&heartbeat=100ms", Consent::Given),
            (HERE, "autoconnect=true", Consent::Given),
            // With those of the user's last visit.
            (
                HERE,
                "url=wss://told.example&heartbeat_text=hi",
                Consent::Given,
            ),
            (
                HERE,
                "url=wss://told.example&heartbeat_text=ho",
                Consent::Ask,
            ),
            (
                HERE,
                "url=wss://used.example/a&heartbeat_text=hi",
                Consent::Ask,
            ),
            (HERE, "heartbeat_text=hi", Consent::Ask),
        ];
        for (page, link, expected) in table {
            let access = familiar(page);
            let setup = linked(link);
            assert_eq!(consent(&setup, &access), expected, "{link} on {page}");
            let access = Access {
                url_param: UrlParam::Allow,
                ..access
            };
            let nearer = link.contains("localhost") && page == THERE;
            let allowed = if nearer {
                Consent::Press
            } else {
                Consent::Given
            };
            assert_eq!(consent(&setup, &access), allowed, "{link} is allowed");
        }
    }

    #[test]
    fn a_host_that_the_operator_allows_is_asked_about_only_when_words_are_set() {
        let access = Access {
            allowed_hosts: vec!["self".into(), "a.example:81".into()],
            ..familiar(THERE)
        };
        for (link, expected) in [
            ("url=/room", Consent::Given),
            ("url=ws://a.example:81/x", Consent::Given),
            ("url=/room&heartbeat_text=x", Consent::Ask),
        ] {
            assert_eq!(consent(&linked(link), &access), expected, "{link}");
        }
    }

    #[test]
    fn an_address_that_the_operator_does_not_allow_is_none() {
        let access = Access {
            allowed_hosts: vec!["self".into()],
            ..familiar(THERE)
        };
        let setup = Setup {
            stored: pairs(&[("url", "ws://b.example/x")]),
            ..Setup::new(Settings::default())
        };

        let reading = setup.read(&access);

        let [complaint] = &reading.complaints[..] else {
            panic!("{:?}", reading.complaints);
        };
        let allowed = Allowed::Address(AddressError::NotAllowed {
            hosts: vec![access.page.host.clone()],
        });
        assert_eq!(
            (&complaint.allowed, &reading.settings.url),
            (&allowed, &None)
        );
    }

    #[test]
    fn what_others_than_a_link_say_is_not_asked_about() {
        let given = pairs(&[("url", "ws://evil.example"), ("heartbeat_text", "x")]);
        let mut chosen = setup();
        chosen.stored.clone_from(&given);
        let mut by_operator = setup();
        by_operator.config.mandatory = given.clone();
        // A link that says what holds without it changes nothing.
        let mut linked = chosen.clone();
        linked.query.clone_from(&given);
        for setup in [chosen, by_operator, linked] {
            let access = access();
            assert_eq!(consent(&setup, &access), Consent::Given, "{setup:?}");
        }
    }

    #[test]
    fn a_link_does_not_connect_a_page_that_waits_for_its_user() {
        let mut setup = linked("autoconnect=true");
        setup.stored = pairs(&[("autoconnect", "false")]);
        assert_eq!(consent(&setup, &access()), Consent::Press);
    }

    #[test]
    fn an_address_that_was_typed_is_the_users_and_the_links_words_are_not() {
        let typed = |link| {
            let (setup, access) = (linked(link), access());
            let address = access.address("ws://other.example").unwrap();
            setup.consent(&address, true, &setup.read(&access), &access)
        };
        assert_eq!(typed("url=ws://evil.example"), Consent::Given);
        assert_eq!(typed("heartbeat_text=x"), Consent::Ask);
    }

    #[test]
    fn what_is_nearer_than_the_page_waits_for_a_press_whoever_named_it() {
        for (page, url, expected) in [
            ("page.example", "ws://127.0.0.1:8080", Consent::Press),
            ("page.example", "ws://192.168.0.9", Consent::Press),
            ("page.example", "ws://printer.local", Consent::Press),
            ("10.0.0.1", "ws://10.0.0.2:81", Consent::Given),
            ("10.0.0.1", "ws://localhost", Consent::Press),
            ("localhost", "ws://10.0.0.2", Consent::Given),
        ] {
            let mut setup = setup();
            setup.stored = pairs(&[("url", url)]);
            let access = Access::new(Page {
                is_secure: false,
                host: page.into(),
            });
            assert_eq!(consent(&setup, &access), expected, "{url} on {page}");
        }
    }

    const HERE: &str = "localhost:3000";
    const THERE: &str = "page.example";

    /// The page there, in a browser that has been to two services.
    fn familiar(host: &str) -> Access {
        let mut access = Access::new(Page {
            is_secure: false,
            host: host.into(),
        });
        for (address, text) in [
            ("wss://used.example/a?token=1", "heartbeat"),
            ("wss://told.example", "hi"),
        ] {
            let reading = linked(&format!("heartbeat_text={text}")).read(&access);
            let address = access.address(address).expect("a good address");
            access.history.note(&address, &reading.settings, true);
        }
        access
    }

    fn linked(link: &str) -> Setup {
        let mut setup = setup();
        let link = link
            .split('&')
            .map(|pair| pair.split_once('=').expect("a pair"));
        setup.query = pairs(&link.collect::<Vec<_>>());
        setup
    }

    fn consent(setup: &Setup, access: &Access) -> Consent {
        let reading = setup.read(access);
        let url = reading.settings.url.as_ref();
        let address = url.map_or_else(
            || Ok(setup.plain_address(access)),
            |url| access.address(url),
        );
        setup.consent(&address.expect("a good address"), false, &reading, access)
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

    fn link(setup: &Setup, address: &str) -> (Vec<(&'static str, String)>, bool) {
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
