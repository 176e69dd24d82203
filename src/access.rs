//! Which servers the page may connect to, and which it must ask for first.

use crate::{
    address::{Address, AddressError, Page, Reach},
    settings::{Reading, Source},
};

/// What the page's own address, the operator and earlier visits say about servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// The page itself.
    pub page: Page,
    /// Hosts that the operator allows, with or without a port; `self` is the page's own. If there
    /// are any, no other is connected to.
    pub allowed_hosts: Vec<String>,
    /// Hosts with their ports that this browser has connected to before.
    pub used_hosts: Vec<String>,
    /// Whether a link may name a server.
    pub url_param: UrlParam,
}

/// What the setting `url` in a link is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UrlParam {
    /// The user is asked before a host is connected to that nobody knows.
    Ask,
    /// Nobody is asked.
    Allow,
    /// It is not used.
    Off,
}

/// What a page has to do before it connects by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Consent {
    /// Nothing.
    Given,
    /// Wait for the user to press *Connect*: the browser may ask for a permission, and that must
    /// not come unasked.
    Press,
    /// Ask the user whether the host is to be trusted.
    Ask,
}

impl Access {
    /// Nothing but the page is known.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            page,
            allowed_hosts: Vec::new(),
            used_hosts: Vec::new(),
            url_param: UrlParam::Ask,
        }
    }

    /// Reads the address of a server that the operator allows.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the address, or which hosts are allowed.
    pub fn address(&self, text: &str) -> Result<Address, AddressError> {
        self.admit(Address::parse(text, &self.page)?)
    }

    /// Hands the address back if the operator allows its host.
    ///
    /// # Errors
    ///
    /// Says which hosts are allowed.
    pub fn admit(&self, address: Address) -> Result<Address, AddressError> {
        if self.allowed_hosts.is_empty() || self.allows(&address) {
            return Ok(address);
        }
        let hosts = self.allowed_hosts.iter().map(|host| match host.as_str() {
            "self" => self.page.host.clone(),
            _ => host.clone(),
        });
        Err(AddressError::NotAllowed {
            hosts: hosts.collect(),
        })
    }

    /// What the page has to do before it connects there by itself; `None` as the source is the
    /// page's own default.
    #[must_use]
    pub fn consent(&self, address: &Address, source: Option<Source>) -> Consent {
        if self.is_own(address) {
            return Consent::Given;
        }
        let is_local_too = address.reach() == Reach::Machine && self.page.reach() == Reach::Machine;
        let is_known = is_local_too || self.allows(address) || self.has_used(address);
        let is_asked = source == Some(Source::Query) && self.url_param != UrlParam::Allow;
        if is_asked && !is_known {
            Consent::Ask
        } else if address.reach() < self.page.reach() {
            Consent::Press
        } else {
            Consent::Given
        }
    }

    /// The same where a link may also say what is sent. A page of the internet must not be made to say
    /// something to a server that trusts it, its own among them.
    #[must_use]
    pub fn consent_to(&self, address: &Address, reading: &Reading) -> Consent {
        let consent = self.consent(address, reading.source("url"));
        let is_worded_by_link = WORDING
            .iter()
            .any(|setting| reading.source(setting) == Some(Source::Query));
        let is_public = self.page.reach() != Reach::Machine && self.url_param != UrlParam::Allow;
        if consent == Consent::Given && is_public && is_worded_by_link {
            Consent::Ask
        } else {
            consent
        }
    }

    fn is_own(&self, address: &Address) -> bool {
        address.host().eq_ignore_ascii_case(&self.page.host)
    }

    fn allows(&self, address: &Address) -> bool {
        let is_host = |host: &String| match host.as_str() {
            "self" => self.is_own(address),
            _ => {
                host.eq_ignore_ascii_case(address.host())
                    || host.eq_ignore_ascii_case(address.host_name())
            }
        };
        self.allowed_hosts.iter().any(is_host)
    }

    fn has_used(&self, address: &Address) -> bool {
        let mut hosts = self.used_hosts.iter();
        hosts.any(|host| host.eq_ignore_ascii_case(address.host()))
    }
}

/// Settings whose text a server gets to read.
pub(crate) const WORDING: [&str; 2] = ["protocols", "heartbeat_text"];

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::{settings::Settings, setup::Setup};

    #[test]
    fn a_link_that_says_what_is_sent_needs_consent_on_the_internet() {
        for (host, name, expected) in [
            ("page.example", "heartbeat_text", Consent::Ask),
            ("page.example", "protocols", Consent::Ask),
            ("page.example", "resend", Consent::Given),
            ("localhost:3000", "heartbeat_text", Consent::Given),
        ] {
            let access = access(host);
            let mut setup = Setup::new(Settings::default());
            setup.query = vec![(name.into(), "off".into())];
            let address = access.page.default_address();
            let consent = access.consent_to(&address, &setup.read(&access));
            assert_eq!(consent, expected, "{name} on {host}");
        }
    }

    #[test]
    fn a_link_needs_consent_unless_the_host_is_known() {
        for (host, address, expected) in [
            ("localhost:3000", "ws://127.0.0.1:9000", Consent::Given),
            ("localhost:3000", "wss://evil.example", Consent::Ask),
            ("page.example", "wss://Page.example/other", Consent::Given),
            ("page.example", "wss://page.example:8081/", Consent::Ask),
            ("page.example", "ws://localhost:8080", Consent::Ask),
            ("page.example", "wss://evil.example", Consent::Ask),
            ("page.example", "wss://used.example:8001", Consent::Given),
            ("page.example", "wss://used.example", Consent::Ask),
            ("page.example", "wss://allowed.example:8007", Consent::Given),
            ("page.example", "wss://narrow.example:8007", Consent::Ask),
            ("page.example", "wss://narrow.example:8008", Consent::Given),
        ] {
            let access = Access {
                allowed_hosts: vec!["allowed.example".into(), "narrow.example:8008".into()],
                used_hosts: vec!["used.example:8001".into()],
                ..access(host)
            };
            let consent = access.consent(&address_of(address), Some(Source::Query));
            assert_eq!(consent, expected, "{address} on {host}");
        }
    }

    #[test]
    fn only_a_link_is_asked_about_and_only_where_that_is_wanted() {
        let evil = address_of("wss://evil.example");
        let mut access = access("page.example");
        for source in [
            None,
            Some(Source::Defaults),
            Some(Source::Stored),
            Some(Source::Mandatory),
        ] {
            assert_eq!(access.consent(&evil, source), Consent::Given, "{source:?}");
        }
        access.url_param = UrlParam::Allow;
        assert_eq!(access.consent(&evil, Some(Source::Query)), Consent::Given);
    }

    #[test]
    fn what_is_nearer_than_the_page_waits_for_a_press_whoever_named_it() {
        for (host, address, expected) in [
            ("page.example", "ws://127.0.0.1:8080", Consent::Press),
            ("page.example", "ws://192.168.0.9", Consent::Press),
            ("page.example", "ws://printer.local", Consent::Press),
            ("10.0.0.1", "ws://10.0.0.2:81", Consent::Given),
            ("10.0.0.1", "ws://localhost", Consent::Press),
            ("localhost", "ws://10.0.0.2", Consent::Given),
        ] {
            let mut access = access(host);
            access.used_hosts = vec![address_of(address).host().into()];
            for source in [None, Some(Source::Stored), Some(Source::Query)] {
                let consent = access.consent(&address_of(address), source);
                assert_eq!(consent, expected, "{address} on {host} from {source:?}");
            }
        }
    }

    #[test]
    fn hosts_that_are_allowed_are_the_only_ones() {
        let access = Access {
            allowed_hosts: vec!["self".into(), "other.example".into()],
            ..access("page.example:81")
        };
        for address in [
            "ws://page.example:81/x",
            "/ws",
            "wss://other.example:8009/",
            "ws://OTHER.example",
        ] {
            assert!(access.address(address).is_ok(), "{address}");
        }
        for address in ["ws://page.example", "wss://evil.example", "ws://localhost"] {
            let expected = AddressError::NotAllowed {
                hosts: vec!["page.example:81".into(), "other.example".into()],
            };
            assert_eq!(access.address(address), Err(expected), "{address}");
        }
    }

    fn access(host: &str) -> Access {
        Access::new(Page {
            is_secure: false,
            host: host.into(),
        })
    }

    fn address_of(text: &str) -> Address {
        Address::parse(text, &access("localhost").page).expect("a good address")
    }
}
