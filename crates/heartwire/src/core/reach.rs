//! How near a server is, by its host.

/// Whether a host is this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Locality {
    /// A loopback host: nobody else is hurt by quick retries.
    Loopback,
    /// Any other host.
    Remote,
}

impl Locality {
    /// Tells by the name, as browsers read it; `host` has no port.
    #[must_use]
    pub fn of(host: &str) -> Self {
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_loopback = match ipv4(host) {
            // RFC 1122, 3.2.1.3: "this host on this network", where systems connect to themselves.
            Some([first, ..]) => matches!(first, 0 | 127),
            None => {
                host == "localhost"
                    || host.ends_with(".localhost")
                    || matches!(host, "[::1]" | "[::]")
            }
        };
        if is_loopback {
            Self::Loopback
        } else {
            Self::Remote
        }
    }
}

/// How near a host is. A browser asks for a permission before a page connects to what is nearer than
/// the page itself.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reach {
    /// This machine.
    Machine,
    /// The local network.
    Private,
    /// Everything else.
    Public,
}

impl Reach {
    /// Tells by the name, as browsers read it; `host` has no port.
    #[must_use]
    pub fn of(host: &str) -> Self {
        if Locality::of(host) == Locality::Loopback {
            return Self::Machine;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_private = match ipv4(host) {
            // RFC 1918, the link-local addresses of RFC 3927, and what RFC 6598 shares among a carrier's
            // customers.
            Some([first, second, ..]) => matches!(
                (first, second),
                (10, _) | (172, 16..=31) | (192, 168) | (169, 254) | (100, 64..=127)
            ),
            None => match host.strip_prefix('[') {
                // The unique local addresses of RFC 4193 and the link-local ones of RFC 4291.
                Some(address) => {
                    let first = address.split(':').next().unwrap_or_default();
                    let first = u16::from_str_radix(first, 16).unwrap_or_default();
                    matches!(first, 0xfc00..=0xfdff | 0xfe80..=0xfebf)
                }
                None => matches!(host.rsplit_once('.'), None | Some((_, "local"))),
            },
        };
        if is_private {
            Self::Private
        } else {
            Self::Public
        }
    }
}

/// The numbers of an IPv4 address, also of one that is written as an IPv6 address (RFC 4291, 2.5.5.2). The
/// standard library's parsers of addresses would cost the page a kilobyte.
fn ipv4(host: &str) -> Option<[u8; 4]> {
    if let Some(mapped) = host.strip_prefix("[::ffff:") {
        let (high, low) = mapped.strip_suffix(']')?.split_once(':')?;
        let group = |digits| u16::from_str_radix(digits, 16).ok().map(u16::to_be_bytes);
        let ([first, second], [third, fourth]) = (group(high)?, group(low)?);
        return Some([first, second, third, fourth]);
    }
    let numbers: Option<Vec<u8>> = host.split('.').map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}
