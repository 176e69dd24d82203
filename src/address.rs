//! Where to connect: reading, checking and describing a WebSocket's address.
//!
//! Browsers read many a host otherwise than it is written: `127.1` and `0x7f.1` are 127.0.0.1, and letters
//! of other scripts look like those of another name. So the browser reads it, and whatever is compared,
//! shown or judged here is what it has read.

use std::fmt;

use heartwire::core::reach::{Locality, Reach};

/// The page that connects, as far as an address depends on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Whether it was loaded over https.
    pub is_secure: bool,
    /// Its host with the port, if it has one; empty for a file.
    pub host: String,
}

impl Page {
    /// Whether the page itself is on this machine; a file is.
    #[must_use]
    pub fn locality(&self) -> Locality {
        if self.host.is_empty() {
            return Locality::Loopback;
        }
        Locality::of(without_port(&self.host))
    }

    /// How near it is; a file is on this machine.
    #[must_use]
    pub fn reach(&self) -> Reach {
        if self.host.is_empty() {
            return Reach::Machine;
        }
        Reach::of(without_port(&self.host))
    }

    /// The address that the page connects to when nobody names one; early.js has it, too.
    #[must_use]
    pub fn default_address(&self) -> Address {
        match self.locality() {
            Locality::Loopback => Address {
                is_secure: false,
                host: "localhost:8080".into(),
                path: String::new(),
            },
            Locality::Remote => self.own("/ws"),
        }
    }

    fn own(&self, path: &str) -> Address {
        Address {
            is_secure: self.is_secure,
            host: self.host.clone(),
            path: path.into(),
        }
    }
}

/// A WebSocket's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    is_secure: bool,
    /// As browsers read it, with its port unless that is the scheme's own.
    host: String,
    /// As it was written, with its query.
    path: String,
}

/// Why a text is no WebSocket's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AddressError {
    /// There is no text.
    Empty,
    /// It starts with no scheme.
    NoScheme {
        /// The same with the scheme that fits the page.
        suggestion: String,
    },
    /// It has a scheme that is not for WebSockets.
    BadScheme {
        /// That scheme.
        scheme: String,
        /// The same with the scheme that fits, where one does.
        suggestion: Option<String>,
    },
    /// It has a fragment, which the constructor refuses.
    Fragment {
        /// What follows the `#`.
        fragment: String,
    },
    /// It holds a user name or a password, which would be shown and shared.
    Credentials,
    /// Browsers connect to no such port.
    UnsafePort {
        /// That port.
        port: u16,
    },
    /// It is no URL.
    Malformed,
    /// Whoever runs the page allows other hosts alone.
    NotAllowed {
        /// These, each with its port if it is allowed with that one only.
        hosts: Vec<String>,
    },
}

impl Address {
    /// Reads what somebody entered: `ws:`, `wss:`, or a path of the page's own host.
    ///
    /// Browsers disagree on everything that is refused here, so none is asked.
    ///
    /// # Errors
    ///
    /// Says what is wrong, with a suggestion where there is one.
    pub fn parse(text: &str, page: &Page) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some((_, fragment)) = text.split_once('#') {
            let fragment = fragment.into();
            return Err(AddressError::Fragment { fragment });
        }
        if text.contains(|character: char| character.is_whitespace() || is_deceptive(character)) {
            return Err(AddressError::Malformed);
        }
        if text.starts_with('/') && !text.starts_with("//") && !page.host.is_empty() {
            return Ok(page.own(short(text)));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let scheme = if page.is_secure { "wss" } else { "ws" };
            let rest = text.trim_start_matches('/');
            let suggestion = format!("{scheme}://{rest}");
            // What it lacks besides is said first.
            Self::parse(&suggestion, page)?;
            return Err(AddressError::NoScheme { suggestion });
        };
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" => false,
            "wss" => true,
            other => {
                let replacement = match other {
                    "http" => Some("ws"),
                    "https" => Some("wss"),
                    _ => None,
                };
                let suggestion = replacement.map(|scheme| format!("{scheme}://{rest}"));
                let is_address = |suggestion: &String| Self::parse(suggestion, page).is_ok();
                return Err(AddressError::BadScheme {
                    scheme: scheme.into(),
                    suggestion: suggestion.filter(is_address),
                });
            }
        };
        let (host, path) = match rest.find(['/', '?']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        if host.contains('@') {
            return Err(AddressError::Credentials);
        }
        let host = read_host(is_secure, host).ok_or(AddressError::Malformed)?;
        let port = host[without_port(&host).len()..].trim_start_matches(':');
        if let Ok(port) = port.parse()
            && UNSAFE_PORTS.contains(&port)
        {
            return Err(AddressError::UnsafePort { port });
        }
        Ok(Self {
            is_secure,
            host,
            path: short(path).into(),
        })
    }

    /// Whether this is the same service: scheme, host, port and path. A query says what is wanted of it.
    #[must_use]
    pub fn is_service_of(&self, other: &Self) -> bool {
        self.without_query() == other.without_query()
    }

    /// Whether its host is this one; with a port, whether its port is that one, too.
    #[must_use]
    pub fn is_at(&self, host: &str) -> bool {
        let own = if without_port(host) == host {
            self.host_name()
        } else {
            &self.host
        };
        read_host(self.is_secure, host).as_deref() == Some(own)
    }

    /// The host with its port: what a person checks.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host without its port.
    #[must_use]
    pub fn host_name(&self) -> &str {
        without_port(&self.host)
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn locality(&self) -> Locality {
        Locality::of(self.host_name())
    }

    /// How near the host is.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach::of(self.host_name())
    }

    /// The address without its query, which may hold a secret.
    #[must_use]
    pub fn without_query(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        Self {
            path: path.into(),
            ..self.clone()
        }
        .to_string()
    }

    /// The same over TLS.
    #[must_use]
    pub fn secured(&self) -> Self {
        Self {
            is_secure: true,
            ..self.clone()
        }
    }

    /// Whether browsers refuse it: `ws:` from a page that came over https, but for a loopback host.
    #[must_use]
    pub fn is_blocked_on(&self, page: &Page) -> bool {
        page.is_secure && !self.is_secure && self.locality() == Locality::Remote
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_secure { "wss" } else { "ws" };
        write!(formatter, "{scheme}://{}{}", self.host, self.path)
    }
}

/// Whether a character hides itself, or turns round what stands beside it.
pub(crate) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The path, and an empty one for one that browsers add by themselves.
fn short(path: &str) -> &str {
    match path.strip_prefix('/') {
        Some(rest) if rest.is_empty() || rest.starts_with('?') => rest,
        Some(_) | None => path,
    }
}

/// A host with an optional port as browsers read it, if it is one for all of them.
fn read_host(is_secure: bool, host: &str) -> Option<String> {
    if !is_host(host) {
        return None;
    }
    let scheme = if is_secure { "wss" } else { "ws" };
    read(&format!("{scheme}://{host}"))
}

/// The host in an address, with its port unless that is the scheme's own.
#[cfg(target_arch = "wasm32")]
fn read(address: &str) -> Option<String> {
    let url = web_sys::Url::new(address).ok()?;
    Some(url.host())
}

/// The same by another implementation of the URL standard.
#[cfg(not(target_arch = "wasm32"))]
fn read(address: &str) -> Option<String> {
    use url::{Position, Url};

    let url = Url::parse(address).ok()?;
    Some(url[Position::BeforeHost..Position::AfterPort].to_owned())
}

/// Whether this can be a host with an optional port. The browser decides on the rest of its
/// syntax, such as a name in another script.
fn is_host(text: &str) -> bool {
    let host = without_port(text);
    let port = &text[host.len()..];
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port > 0));
    let is_address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|address| {
            let is_allowed = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            address.contains(':') && address.bytes().all(is_allowed)
        });
    let is_name = !host.is_empty() && !host.contains(NOT_IN_NAMES);
    is_port && (is_address || is_name)
}

/// What ends a host, is refused in one, or is read otherwise than it is written.
const NOT_IN_NAMES: [char; 14] = [
    ':', '[', ']', '<', '>', '\\', '^', '|', '%', '"', '/', '?', '#', '@',
];

/// The ports that no WebSocket may use: "bad ports" of the Fetch standard.
const UNSAFE_PORTS: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_meant() {
        for (text, expected) in [
            ("ws://localhost:8080", "ws://localhost:8080"),
            (" WSS://Example.org/A?b=c ", "wss://example.org/A?b=c"),
            ("ws://[::1]:9000/x", "ws://[::1]:9000/x"),
            ("ws://a.b:80/聊天", "ws://a.b/聊天"),
            ("wss://a.b:00443", "wss://a.b"),
            ("ws://a.b:443", "ws://a.b:443"),
            (
                "ws://例子.example?token=1",
                "ws://xn--fsqu00a.example?token=1",
            ),
            ("ws://аррӏе.com/", "ws://xn--80ak6aa92e.com"),
            (
                "wss://page.example⁄login.evil.example",
                "wss://page.xn--examplelogin-xk0g.evil.example",
            ),
            ("ws://ｌｏｃａｌｈｏｓｔ:8080", "ws://localhost:8080"),
            ("ws://127.1", "ws://127.0.0.1"),
            ("ws://0x7f000001:81/?a", "ws://127.0.0.1:81?a"),
            ("ws://2130706433", "ws://127.0.0.1"),
            ("ws://0177.0.0.1", "ws://127.0.0.1"),
            ("ws://[0:0::1]", "ws://[::1]"),
            ("ws://[::ffff:127.0.0.1]", "ws://[::ffff:7f00:1]"),
            ("/live?room=1", "wss://page.example/live?room=1"),
        ] {
            let address = Address::parse(text, &page("https", "page.example"));
            assert_eq!(
                address.map(|it| it.to_string()),
                Ok(expected.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason() {
        for (text, expected) in [
            ("  ", AddressError::Empty),
            ("example.org/ws", no_scheme("ws://example.org/ws")),
            ("localhost:8080", no_scheme("ws://localhost:8080")),
            ("//example.org", no_scheme("ws://example.org")),
            ("http://a.b/c", bad_scheme("http", Some("ws://a.b/c"))),
            ("https://a.b", bad_scheme("https", Some("wss://a.b"))),
            ("ftp://a.b", bad_scheme("ftp", None)),
            ("ws://a.b:6000/x", AddressError::UnsafePort { port: 6000 }),
            (
                "ws://a.b#top",
                AddressError::Fragment {
                    fragment: "top".into(),
                },
            ),
            ("ws://me:secret@a.b", AddressError::Credentials),
            ("ws://", AddressError::Malformed),
            ("ws:///path", AddressError::Malformed),
            ("ws://a b", AddressError::Malformed),
            ("ws://a\u{202e}b/x", AddressError::Malformed),
            ("ws://a:0", AddressError::Malformed),
            ("ws://a:65536", AddressError::Malformed),
            ("ws://a:b", AddressError::Malformed),
            ("ws://256.1.1.1", AddressError::Malformed),
            ("ws://1.2.3.4.5", AddressError::Malformed),
            ("ws://%6cocalhost", AddressError::Malformed),
            ("ws://a\\b.example", AddressError::Malformed),
            ("ws://[::1", AddressError::Malformed),
            ("ws://[1]", AddressError::Malformed),
        ] {
            let read = Address::parse(text, &page("http", "localhost:3000"));
            assert_eq!(read, Err(expected), "{text}");
        }
    }

    #[test]
    fn what_is_suggested_is_an_address() {
        for rest in [
            "a.b", "\\\\a.b", "a.b:6000", "me@a.b", "", "a:b:c", "ws:a.b", "[::1", "a.b/x",
        ] {
            for scheme in ["", "//", "http://", "https://", "ws:", "http:"] {
                let text = format!("{scheme}{rest}");
                let page = page("http", "localhost:3000");
                if let Err(
                    AddressError::NoScheme { suggestion }
                    | AddressError::BadScheme {
                        suggestion: Some(suggestion),
                        ..
                    },
                ) = Address::parse(&text, &page)
                {
                    let read = Address::parse(&suggestion, &page);
                    assert!(read.is_ok(), "{text}: {suggestion}, {read:?}");
                }
            }
        }
    }

    #[test]
    fn the_default_depends_on_where_the_page_is() {
        for (scheme, host, expected) in [
            ("http", "localhost:3000", "ws://localhost:8080"),
            ("http", "127.0.0.1", "ws://localhost:8080"),
            ("file", "", "ws://localhost:8080"),
            ("https", "page.example", "wss://page.example/ws"),
            ("http", "page.example:81", "ws://page.example:81/ws"),
        ] {
            let address = page(scheme, host).default_address();
            assert_eq!(address.to_string(), expected, "{scheme}://{host}");
        }
    }

    #[test]
    fn loopback_is_told_by_what_the_browser_reads() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "ｌocalhost",
            "127.0.0.1",
            "127.9.9.9",
            "127.1",
            "127.0.0.1.",
            "0x7f.1",
            "017700000001",
            "0.0.0.0",
            "0",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::FFFF:7f12:1]",
            "[::ffff:0.0.0.0]",
        ] {
            assert_eq!(locality(host), Locality::Loopback, "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "localhost..",
            "10.0.0.1",
            "128.1",
            "127.example",
            "[::2]",
            "[::ffff:8.8.8.8]",
            "[1::ffff:7f00:1]",
        ] {
            assert_eq!(locality(host), Locality::Remote, "{host}");
        }
    }

    #[test]
    fn a_service_is_a_scheme_a_host_a_port_and_a_path() {
        let service = of("wss://a.example/live?room=1");
        for same in [
            "wss://a.example/live",
            "wss://A.example:443/live?room=2",
            "wss://ａ.example/live",
        ] {
            assert!(service.is_service_of(&of(same)), "{same}");
        }
        for other in [
            "ws://a.example/live",
            "wss://a.example:81/live",
            "wss://b.example/live",
            "wss://a.example/",
            "wss://a.example/live/",
            "wss://a.example/Live",
            "ws://a.example:443/live",
        ] {
            assert!(!service.is_service_of(&of(other)), "{other}");
        }
        assert!(of("ws://a.example").is_service_of(&of("ws://a.example/?x")));
        assert!(!of("ws://a.example").is_service_of(&of("ws://a.example//")));
    }

    #[test]
    fn a_host_with_a_port_stands_for_that_port_alone() {
        let address = of("wss://a.example:81/x");
        for host in ["a.example", "A.Example", "a.example:81", "ａ.example"] {
            assert!(address.is_at(host), "{host}");
        }
        for host in ["a.example:443", "b.example", "example", "a.example/x", ""] {
            assert!(!address.is_at(host), "{host}");
        }
        assert!(of("wss://a.example").is_at("a.example:443"));
    }

    #[test]
    fn how_far_a_host_is_told_by_the_name() {
        for (reach, hosts) in [
            (Reach::Machine, &["localhost", "127.0.0.2", "[::1]"][..]),
            (
                Reach::Private,
                &[
                    "10.1.2.3",
                    "172.16.0.1",
                    "172.31.255.255",
                    "192.168.1.1",
                    "169.254.0.1",
                    "100.64.0.1",
                    "[::ffff:192.168.1.1]",
                    "192.168.257",
                    "[fd00::1]",
                    "[fc12:3::4]",
                    "[FE80::1]",
                    "[febf::1]",
                    "printer.local",
                    "Printer.LOCAL.",
                    "intranet",
                ],
            ),
            (
                Reach::Public,
                &[
                    "example.org",
                    "172.15.0.1",
                    "172.32.0.1",
                    "192.169.1.1",
                    "[fc::1]",
                    "100.63.0.1",
                    "[fec0::1]",
                    "[2001:db8::1]",
                    "local.example",
                    "10.example.org",
                ],
            ),
        ] {
            for host in hosts {
                let address = Address::parse(&format!("ws://{host}:8009/"), &page("http", ""));
                assert_eq!(address.map(|it| it.reach()), Ok(reach), "{host}");
            }
        }
        assert_eq!(page("file", "").reach(), Reach::Machine);
        assert_eq!(page("http", "10.0.0.1:81").reach(), Reach::Private);
    }

    #[test]
    fn only_plain_remote_addresses_are_blocked_on_secure_pages() {
        let secure = page("https", "page.example");
        let plain = page("http", "page.example");
        for (address, page, expected) in [
            ("ws://other.example", &secure, true),
            ("ws://other.example", &plain, false),
            ("wss://other.example", &secure, false),
            ("ws://localhost:8080", &secure, false),
        ] {
            let blocked = Address::parse(address, page).map(|it| it.is_blocked_on(page));
            assert_eq!(blocked, Ok(expected), "{address}");
        }
    }

    #[test]
    fn the_query_can_be_left_out() {
        let page = page("http", "localhost");
        let address = Address::parse("wss://a.b:81/c?token=secret", &page);
        assert_eq!(
            address.map(|it| it.without_query()),
            Ok("wss://a.b:81/c".to_owned())
        );
    }

    fn of(address: &str) -> Address {
        Address::parse(address, &page("http", "")).expect("a good address")
    }

    fn locality(host: &str) -> Locality {
        of(&format!("ws://{host}:8009/")).locality()
    }

    fn page(scheme: &str, host: &str) -> Page {
        Page {
            is_secure: scheme == "https",
            host: host.into(),
        }
    }

    fn no_scheme(suggestion: &str) -> AddressError {
        AddressError::NoScheme {
            suggestion: suggestion.into(),
        }
    }

    fn bad_scheme(scheme: &str, suggestion: Option<&str>) -> AddressError {
        AddressError::BadScheme {
            scheme: scheme.into(),
            suggestion: suggestion.map(Into::into),
        }
    }
}
