//! Where this browser has connected to, and with which words.

use std::hash::{Hash as _, Hasher as _};

use siphasher::sip::SipHasher24;

use crate::{
    address::{Address, Page},
    settings::{Protocol, Settings},
};

/// The last addresses, newest first, without their queries: they may hold secrets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History(Vec<Visit>);

/// How many are remembered.
const MOST: usize = 10;

/// Settings of which a server gets to read something, or which say what is believed of what it says.
static WORDING: [&str; 12] = [
    "protocol",
    "destination",
    "subscribe",
    "queue_type",
    "vhost",
    "login",
    "protocols",
    "heartbeat_text",
    "reply_text",
    "server_heartbeat_text",
    "greeting",
    "answers",
];

/// So many of them, the first, are about STOMP.
const OF_STOMP: usize = 6;

/// The protocol, and those of [`WORDING`] that mean something with it.
pub(crate) fn told(settings: &Settings) -> impl Iterator<Item = &'static str> {
    ["protocol"].iter().chain(hashed(settings)).copied()
}

/// An address that was connected to.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Visit {
    address: String,
    /// A hash of what the server got to read of the settings, which may hold a secret, too; 0 if the user
    /// never saw to it that it was connected to.
    wording: u64,
}

impl History {
    /// Takes over what was [`store`](Self::store)d.
    #[must_use]
    pub fn restore(stored: &str) -> Self {
        let visit = |line: &str| {
            let (address, wording) = line.split_once(' ').unwrap_or((line, ""));
            Visit {
                address: address.into(),
                wording: u64::from_str_radix(wording, 16).unwrap_or_default(),
            }
        };
        Self(stored.lines().take(MOST).map(visit).collect())
    }

    /// All of it, for [`restore`](Self::restore); empty if there is nothing.
    #[must_use]
    pub fn store(&self) -> String {
        let visits = self.0.iter();
        let lines = visits.map(|visit| format!("{} {:x}", visit.address, visit.wording));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Takes note of an address that was connected to with these settings, by the user's own doing or not.
    pub fn note(&mut self, address: &Address, settings: &Settings, is_own: bool) {
        let address = address.without_query();
        let known = self.0.iter().position(|known| known.address == address);
        let known = known.map_or(0, |index| self.0.remove(index).wording);
        let wording = if is_own { wording(settings) } else { known };
        self.0.insert(0, Visit { address, wording });
        self.0.truncate(MOST);
    }

    /// The addresses, newest first.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|visit| visit.address.as_str())
    }

    /// Whether the user has seen to it that this service was connected to.
    #[must_use]
    pub fn knows(&self, service: &Address, page: &Page) -> bool {
        self.of(service, page).any(|visit| visit.wording != 0)
    }

    /// Whether it has been told what these settings say.
    #[must_use]
    pub fn has_told(&self, service: &Address, settings: &Settings, page: &Page) -> bool {
        let wording = wording(settings);
        self.of(service, page).any(|visit| visit.wording == wording)
    }

    fn of(&self, service: &Address, page: &Page) -> impl Iterator<Item = &Visit> {
        self.0.iter().filter(move |visit| {
            let address = Address::parse(&visit.address, page);
            address.is_ok_and(|address| address.is_service_of(service))
        })
    }
}

fn wording(settings: &Settings) -> u64 {
    let mut hasher = SipHasher24::new();
    for name in hashed(settings) {
        settings.text(name).hash(&mut hasher);
    }
    hasher.finish()
}

/// Plain text is told nothing of STOMP's. Nor is it hashed that it is plain text: hashes that were stored before there
/// was another protocol hold on.
fn hashed(settings: &Settings) -> &'static [&'static str] {
    match settings.protocol {
        Protocol::Stomp => &WORDING,
        Protocol::Text => &WORDING[OF_STOMP..],
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
            history.note(&address_of(&address), &Settings::default(), true);
        }
        let ports = [5, 11, 10, 9, 8, 7, 6, 4, 3, 2].map(|number| 8000 + number);
        let addresses = ports.map(|port| format!("ws://a.example:{port}/x"));
        assert!(history.addresses().eq(addresses));
        for (port, is_known) in [(8002, true), (8001, false)] {
            let service = address_of(&format!("ws://a.example:{port}/x?token=0"));
            assert_eq!(history.knows(&service, &page()), is_known, "{port}");
        }
    }

    #[test]
    fn a_service_was_told_what_it_was_told_and_nothing_else() {
        let settings = |text: &str| {
            let mut settings = Settings::default();
            settings.options.heartbeat_text = text.into();
            settings
        };
        let mut history = History::default();
        let address = address_of("ws://a.example/x");
        history.note(&address, &settings("secret"), true);
        // What an operator's link did is not the user's doing, and does not end it.
        history.note(&address, &settings("theirs"), false);
        history.note(&address_of("ws://b.example"), &settings("theirs"), false);
        let stored = history.store();
        assert!(!stored.contains("secret"), "{stored}");
        let history = History::restore(&stored);
        for (address, text, is_told) in [
            ("ws://a.example/x?y", "secret", true),
            ("ws://a.example/x", "heartbeat", false),
            ("ws://a.example/x", "theirs", false),
            ("ws://b.example", "theirs", false),
            ("ws://a.example", "secret", false),
        ] {
            let told = history.has_told(&address_of(address), &settings(text), &page());
            assert_eq!(told, is_told, "{address} {text}");
        }
        assert!(!history.knows(&address_of("ws://b.example"), &page()));
    }

    #[test]
    fn what_nobody_stored_so_is_no_service() {
        let history = History::restore("nonsense\nws://a.example\n");
        assert!(!history.knows(&address_of("ws://a.example"), &page()));
        let service = address_of("ws://a.example");
        assert!(!history.has_told(&service, &Settings::default(), &page()));
        assert_eq!(History::restore("").store(), "");
    }

    /// The script that connects before the program is there knows them by itself.
    #[test]
    fn the_early_socket_waits_for_the_question_about_any_of_the_words() {
        let script = include_str!("web/early.js");
        // Where there is a word on the protocol it connects nowhere, and nobody is asked about these without.
        for name in &WORDING[OF_STOMP..] {
            assert!(script.contains(&format!("\"{name}\"")), "{name}");
        }
    }

    fn address_of(text: &str) -> Address {
        Address::parse(text, &page()).expect("a good address")
    }

    fn page() -> Page {
        Page {
            is_secure: false,
            host: "localhost".into(),
        }
    }
}
