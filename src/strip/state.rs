//! The states of the strip: their names, tones, signs and what the button beside the address does.

/// The states of the strip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "their words say what they are")]
pub enum State {
    Idle,
    Confirm,
    Permission,
    Connecting,
    Slow,
    Open,
    Reopened,
    Stale,
    Waiting,
    Refused,
    Offline,
    Stopped,
    GaveUp,
    RefusedFinal,
    BadUrl,
    Mixed,
    Csp,
}

/// How good or bad a state is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// All is well.
    Well,
    /// Something is under way.
    Busy,
    /// Something is wrong that the page mends by itself.
    Worried,
    /// Something is wrong that needs the user.
    Alarmed,
    /// Nothing is wanted.
    Quiet,
}

/// What the button beside the address does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Toggle {
    /// Connect to the address in the field.
    Connect,
    /// Give up an attempt or the wait for it.
    Stop,
    /// Close the connection.
    Disconnect,
}

impl State {
    /// The name by which tests, scripts and styles know it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Confirm => "confirm",
            Self::Permission => "permission",
            Self::Connecting => "connecting",
            Self::Slow => "slow",
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Stale => "stale",
            Self::Waiting => "waiting",
            Self::Refused => "refused",
            Self::Offline => "offline",
            Self::Stopped => "stopped",
            Self::GaveUp => "gaveUp",
            Self::RefusedFinal => "refusedFinal",
            Self::BadUrl => "badUrl",
            Self::Mixed => "mixed",
            Self::Csp => "csp",
        }
    }

    /// How good or bad it is.
    #[must_use]
    pub fn tone(self) -> Tone {
        match self {
            Self::Open | Self::Reopened => Tone::Well,
            Self::Permission | Self::Connecting | Self::Slow => Tone::Busy,
            Self::Stale | Self::Waiting | Self::Refused | Self::Offline | Self::Confirm => {
                Tone::Worried
            }
            Self::GaveUp | Self::RefusedFinal | Self::BadUrl | Self::Mixed | Self::Csp => {
                Tone::Alarmed
            }
            Self::Idle | Self::Stopped => Tone::Quiet,
        }
    }

    /// A sign that tells it apart without colour.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Idle | Self::Stopped => "○",
            Self::Confirm => "?",
            Self::Permission | Self::Connecting | Self::Slow => "◔",
            Self::Open | Self::Reopened => "●",
            Self::Stale => "◐",
            Self::Waiting | Self::Refused => "↻",
            Self::Offline => "⌁",
            Self::GaveUp | Self::RefusedFinal => "✕",
            Self::BadUrl | Self::Mixed | Self::Csp => "!",
        }
    }

    /// Whether it will not change without the user, so that it interrupts a screen reader.
    #[must_use]
    pub fn is_alert(self) -> bool {
        self == Self::Confirm || self.tone() == Tone::Alarmed
    }

    /// What the button beside the address does in it.
    #[must_use]
    pub fn toggle(self) -> Toggle {
        match self {
            Self::Open | Self::Reopened | Self::Stale => Toggle::Disconnect,
            Self::Permission
            | Self::Connecting
            | Self::Slow
            | Self::Waiting
            | Self::Refused
            | Self::Offline => Toggle::Stop,
            Self::Idle
            | Self::Confirm
            | Self::Stopped
            | Self::GaveUp
            | Self::RefusedFinal
            | Self::BadUrl
            | Self::Mixed
            | Self::Csp => Toggle::Connect,
        }
    }
}
