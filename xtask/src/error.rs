use std::fmt;

use tokio::signal::unix::SignalKind;

/// Why a command ended before its work was done.
///
/// The messages name the culprit and say what to do; they are printed as they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Error {
    /// The command line cannot be read.
    Usage(String),
    /// Something that the command needs is missing or went wrong.
    Failed(String),
    /// A signal asked the command to end.
    Interrupted(SignalKind),
}

impl Error {
    /// The exit code of the process: 2 for a command line that cannot be read, 1 for a failure,
    /// and 128 plus the signal's number, as shells have it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
            Self::Interrupted(signal) => {
                u8::try_from(128 + signal.as_raw_value()).unwrap_or(u8::MAX)
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) => formatter.write_str(message),
            Self::Interrupted(signal) => {
                write!(formatter, "ended by signal {}", signal.as_raw_value())
            }
        }
    }
}

impl std::error::Error for Error {}
