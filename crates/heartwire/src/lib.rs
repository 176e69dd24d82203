//! Heartwire keeps a browser's WebSocket connected, proves that it is, and loses nothing that it
//! could have kept.
//!
//! [`core`] decides what to do, without a browser; [`Options`] say how a connection behaves.

pub mod core;
mod duration;
mod options;
mod payload;

pub use duration::millis;
pub use options::{Options, default_replies};
pub use payload::Payload;
