//! The addresses that this browser has connected to.

use crate::address::{Address, Page};

/// The last addresses, newest first, without their queries: they may hold secrets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History(Vec<String>);

/// How many are remembered.
const MOST: usize = 10;

impl History {
    /// Takes over what was [`store`](Self::store)d.
    #[must_use]
    pub fn restore(stored: &str) -> Self {
        let addresses = stored.lines().take(MOST);
        Self(addresses.map(str::to_owned).collect())
    }

    /// All of it, for [`restore`](Self::restore); empty if there is nothing.
    #[must_use]
    pub fn store(&self) -> String {
        self.0.join("\n")
    }

    /// Takes note of an address that was connected to.
    pub fn note(&mut self, address: &Address) {
        let address = address.without_query();
        self.0.retain(|known| *known != address);
        self.0.insert(0, address);
        self.0.truncate(MOST);
    }

    /// The addresses, newest first.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.0
    }

    /// Their hosts, with their ports.
    #[must_use]
    pub fn hosts(&self, page: &Page) -> Vec<String> {
        let addresses = self.0.iter();
        addresses
            .filter_map(|address| Some(Address::parse(address, page).ok()?.host().to_owned()))
            .collect()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn the_last_ten_are_remembered_newest_first_without_their_secrets() {
        let mut history = History::default();
        for number in (0..12).chain([5]) {
            history = History::restore(&history.store());
            let address = format!("ws://a.example:{}/x?token={number}", 8000 + number);
            history.note(&Address::parse(&address, &page()).unwrap());
        }
        let ports = [5, 11, 10, 9, 8, 7, 6, 4, 3, 2].map(|number| 8000 + number);
        let addresses = ports.map(|port| format!("ws://a.example:{port}/x"));
        assert_eq!(history.addresses(), addresses);
        let hosts = ports.map(|port| format!("a.example:{port}"));
        assert_eq!(history.hosts(&page()), hosts);
    }

    #[test]
    fn what_nobody_stored_so_is_no_host() {
        let history = History::restore("nonsense\nws://a.example\n");
        assert_eq!(history.hosts(&page()), ["a.example"]);
        assert_eq!(History::restore("").store(), "");
    }

    fn page() -> Page {
        Page {
            is_secure: false,
            host: "localhost".into(),
        }
    }
}
