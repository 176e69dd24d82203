//! Which servers the page may connect to, and which it must ask for first.

use crate::{
    address::{Address, AddressError, Page},
    history::History,
};

/// What the page's own address, the operator and earlier visits say about servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// The page itself.
    pub page: Page,
    /// Hosts that the operator allows, with or without a port; `self` is the page's own. If there
    /// are any, no other is connected to.
    pub allowed_hosts: Vec<String>,
    /// Where this browser has connected to before.
    pub history: History,
    /// Whether a link may name a server.
    pub url_param: UrlParam,
}

/// What the setting `url` in a link is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UrlParam {
    /// The user is asked before a service is connected to that nobody knows.
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
    /// Ask the user whether the link is to be trusted.
    Ask,
}

impl Access {
    /// Nothing but the page is known.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            page,
            allowed_hosts: Vec::new(),
            history: History::default(),
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

    /// Says what is wrong with an address, for settings that are read.
    pub fn admission(&self) -> impl Fn(&str) -> Result<(), AddressError> {
        |url| self.address(url).map(drop)
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

    /// Whether the operator names this address's host among those that he allows.
    #[must_use]
    pub fn allows(&self, address: &Address) -> bool {
        let is_host = |host: &String| match host.as_str() {
            "self" => address.host() == self.page.host,
            _ => address.is_at(host),
        };
        self.allowed_hosts.iter().any(is_host)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_allowed_are_the_only_ones() {
        let access = Access {
            allowed_hosts: vec!["self".into(), "other.example".into(), "127.1:91".into()],
            ..access("page.example:81")
        };
        for address in [
            "ws://page.example:81/x",
            "/ws",
            "wss://other.example:8009/",
            "ws://OTHER.example",
            "ws://127.0.0.1:91",
        ] {
            assert!(access.address(address).is_ok(), "{address}");
        }
        for address in [
            "ws://page.example",
            "wss://evil.example",
            "ws://localhost",
            "ws://127.0.0.1:10",
            "wss://other.example.evil.example",
        ] {
            let expected = AddressError::NotAllowed {
                hosts: vec![
                    "page.example:81".into(),
                    "other.example".into(),
                    "127.1:91".into(),
                ],
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
}
