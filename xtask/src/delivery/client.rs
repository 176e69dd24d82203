//! Who types: Heartwire's page, what is made with its crate, or a page of another library.

use std::fmt;

use super::{Backend, HEARTBEAT};
use crate::browser::Browser;
use crate::host::{Content, Host};
use crate::page::{self, Page};
use crate::peers::Peer;
use crate::{Error, examples};

/// A page, and how it is opened.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// Heartwire's own.
    Heartwire {
        /// Where it is opened.
        browser: Browser,
        /// Its setting of this name.
        resend: Resend,
        /// Its setting of this name.
        outbox_limit: usize,
        /// Whether each of its heartbeats has a mark, `{n}`: without one nothing is promised.
        is_marked: bool,
    },
    /// What is made with Heartwire's crate, in Chromium. It keeps the newest text.
    Seed,
    /// One that it is measured beside, in Chromium.
    Peer(Peer),
}

/// The setting of this name, and so the promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resend {
    /// Everything arrives, in order; repeats are possible.
    Every,
    /// The last text arrives.
    Latest,
    /// Nothing is promised.
    Off,
}

impl Client {
    /// Heartwire in Chromium, with marks.
    #[must_use]
    pub fn heartwire(resend: Resend, outbox_limit: usize) -> Self {
        Self::Heartwire {
            browser: Browser::Chromium,
            resend,
            outbox_limit,
            is_marked: true,
        }
    }

    /// Heartwire in Chromium, without marks.
    #[must_use]
    pub fn unmarked(resend: Resend, outbox_limit: usize) -> Self {
        Self::Heartwire {
            browser: Browser::Chromium,
            resend,
            outbox_limit,
            is_marked: false,
        }
    }

    /// Opens its page with `query`, which means the same to all of them.
    pub(super) async fn open(self, query: &str) -> Result<(Page, Host), Error> {
        let (browser, dist, query) = match self {
            Self::Heartwire {
                browser,
                resend,
                outbox_limit,
                is_marked,
            } => {
                let heartbeat = if is_marked { MARKED } else { HEARTBEAT };
                let own = format!(
                    "resend={resend}&outbox_limit={outbox_limit}&heartbeat_text={heartbeat}"
                );
                (browser, page::dist()?, format!("{query}&{own}"))
            }
            Self::Seed => (
                Browser::Chromium,
                examples::measured_seed()?,
                query.to_owned(),
            ),
            Self::Peer(peer) => (Browser::Chromium, peer.dist()?, query.to_owned()),
        };
        let host = Host::start(&Content::of(&dist)?).await?;
        let page = Page::start(browser).await?;
        page.go(&host.address(&query)).await?;
        let refused = "const alerts = [...document.querySelectorAll('[role=alert]')];
            return alerts.map((one) => one.textContent).join(' ')";
        let refused = page.evaluate(refused).await?;
        let refused = refused.as_str().unwrap_or_default();
        // It would go on with the default.
        let names = query.split('&').filter_map(|pair| pair.split('=').next());
        match names.into_iter().find(|name| refused.contains(name)) {
            None => Ok((page, host)),
            Some(name) => Err(Error::Failed(format!("{self} refuses {name}: {refused}"))),
        }
    }

    /// Whether it connects again by itself.
    pub(super) fn reconnects(self) -> bool {
        match self {
            Self::Heartwire { .. } | Self::Seed => true,
            Self::Peer(peer) => peer.reconnects(),
        }
    }

    pub(super) fn outbox_limit(self) -> Option<usize> {
        match self {
            Self::Heartwire { outbox_limit, .. } => Some(outbox_limit),
            Self::Seed | Self::Peer(_) => None,
        }
    }

    /// What its setting promises at this server.
    pub(super) fn promise(self, backend: Backend) -> Resend {
        match self {
            Self::Heartwire { resend, .. } if self.gets_proofs(backend) => resend,
            Self::Heartwire { .. } | Self::Seed | Self::Peer(_) => Resend::Off,
        }
    }

    /// Whether there are proofs at this server. Without marks there is one in a clean close alone,
    /// and no connection of a trial closes so.
    pub(super) fn gets_proofs(self, backend: Backend) -> bool {
        self.is_marked() && backend.returns()
    }

    /// Whether each text is answered or confirmed at this server, one after the other.
    pub(super) fn gets_all_answers(self, backend: Backend) -> bool {
        let has_answers = self.gets_proofs(backend) || backend == Backend::Echo;
        match self {
            Self::Heartwire { resend, .. } => resend == Resend::Every && has_answers,
            Self::Seed | Self::Peer(_) => false,
        }
    }

    pub(super) fn is_marked(self) -> bool {
        match self {
            Self::Heartwire { is_marked, .. } => is_marked,
            Self::Seed | Self::Peer(_) => false,
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heartwire {
                browser,
                resend,
                outbox_limit,
                is_marked,
            } => {
                write!(f, "Heartwire, {resend}, outbox {outbox_limit}")?;
                if !is_marked {
                    f.write_str(", no {n}")?;
                }
                match browser {
                    Browser::Chromium => Ok(()),
                    Browser::Firefox => f.write_str(", Firefox"),
                }
            }
            Self::Seed => f.write_str("Heartwire seed"),
            Self::Peer(peer) => f.write_str(&peer.title()),
        }
    }
}

impl fmt::Display for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Every => "every",
            Self::Latest => "latest",
            Self::Off => "off",
        })
    }
}

/// The same with a mark, as a link writes it: what returns it confirms.
const MARKED: &str = "heartbeat+%7Bn%7D";
