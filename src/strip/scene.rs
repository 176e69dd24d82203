//! What the strip tells of: the connection, its settings, the page and its browser.

use std::time::Duration;

use heartwire::{
    Stomp,
    core::{
        connection::{Connection, Loss, Status},
        heartbeat::{Knowledge, Period},
        protocol::Trust,
        silence::Drops,
        stomp::Step,
    },
};

use crate::{
    address::{Address, AddressError},
    settings::Settings,
};

/// What the strip is about.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, true or not whatever the others are"
)]
pub struct Scene<'a> {
    /// What the connection is doing.
    pub status: Status,
    /// How it ended last.
    pub last_loss: Option<&'a Loss>,
    /// The number of the attempt under way or waited for.
    pub attempt: u32,
    /// Whether another attempt is made unasked.
    pub may_retry: bool,
    /// What is known about the server's answers.
    pub knowledge: Knowledge,
    /// What they are worth.
    pub trust: Trust,
    /// Connections that were dropped after the same silence.
    pub drops: Option<Drops>,
    /// The subprotocols offered.
    pub protocols: &'a [String],
    /// How far a connection has come where STOMP is spoken.
    pub step: Option<Step>,
    /// The options of STOMP, if it is spoken.
    pub stomp: Option<&'a Stomp>,
    /// Where it goes.
    pub address: Result<&'a Address, &'a AddressError>,
    /// What keeps the page from connecting.
    pub obstacle: Option<Obstacle>,
    /// What the browser makes of an address on the user's own network.
    pub local_access: LocalAccess,
    /// When heartbeats are sent.
    pub heartbeat: Period,
    /// Whether the browser believes that there is a network.
    pub is_online: bool,
    /// How long a handshake may take.
    pub connect_timeout: Duration,
    /// Whether the page has been connected to this address before.
    pub was_here: bool,
    /// When the wall clock last jumped ahead: the machine may have slept.
    pub jumped: Option<Duration>,
    /// Whether the page has an origin: one in a sandbox has none.
    pub has_origin: bool,
    /// Whether the page is in a frame of another origin's page.
    pub is_framed: bool,
    /// The settings that a link sets, and to what.
    pub link: &'a [(&'static str, String)],
    /// The user's own settings that the link would send to its server.
    pub own: &'a [(&'static str, String)],
    /// Whether what was stopped last was an open connection.
    pub was_open: bool,
    /// What waits for a server that is another one than the last.
    pub unsent: Option<Unsent<'a>>,
    /// The time that the connection's times are compared with.
    pub now: Duration,
}

impl<'a> Scene<'a> {
    /// What is known to the connection and its settings, on a page whose browser has nothing to say.
    #[must_use]
    pub fn of(
        connection: &'a Connection,
        settings: &'a Settings,
        address: Result<&'a Address, &'a AddressError>,
        now: Duration,
    ) -> Self {
        Self {
            status: connection.status(),
            last_loss: connection.last_loss(),
            attempt: connection.attempt(),
            may_retry: connection.may_retry(),
            knowledge: connection.knowledge(now),
            trust: connection.trust(),
            drops: connection.drops(),
            protocols: &settings.protocols,
            step: connection.step(),
            stomp: connection.options().stomp.as_ref(),
            address,
            obstacle: None,
            local_access: LocalAccess::Free,
            heartbeat: settings.options.heartbeat,
            is_online: true,
            connect_timeout: settings.options.connect_timeout,
            was_here: false,
            jumped: None,
            has_origin: true,
            is_framed: false,
            link: &[],
            own: &[],
            was_open: true,
            unsent: None,
            now,
        }
    }
}

/// Messages that no server has got yet and the next one gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsent<'a> {
    /// How many they are.
    pub count: usize,
    /// The host that the next connection goes to, if that is known.
    pub host: Option<&'a str>,
}

/// What keeps the page from connecting to an address that is well written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// A link set the address or what is sent there, and the user has not said that it is to be trusted.
    Unconfirmed,
    /// The browser refuses it on a page loaded over https.
    Blocked,
}

/// What a browser makes of a public page that wants to reach the user's own machine or network:
/// <https://wicg.github.io/local-network-access/>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocalAccess {
    /// It is none of its business.
    Free,
    /// It may not allow that.
    Guarded,
    /// It is asking the user.
    Asked,
}
