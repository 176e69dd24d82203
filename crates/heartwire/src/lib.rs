//! Heartwire keeps a browser's WebSocket connected, proves that it is, and loses nothing that it
//! could have kept.
//!
//! [`core`] decides what to do, without a browser; [`Options`] say how a connection behaves.

mod client;
pub mod core;
mod duration;
mod message;
mod options;
mod payload;
mod platform;
mod receipt;
mod target;
#[cfg(feature = "testing")]
pub mod testing;

pub use client::{Client, Event, Failure, OutboxFull, Status, Subscription, Trace};
pub use core::outbox::{Fate, MessageId};
pub use duration::millis;
pub use message::{Binary, Message};
pub use options::{Options, default_replies};
pub use payload::Payload;
pub use receipt::Receipt;
pub use target::{Attempt, Endpoint, Target, Unavailable};
