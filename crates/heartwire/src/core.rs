//! What decides: pure Rust without a clock, a random source, a browser or I/O.
//!
//! [`connection`] takes what happened as an [`Input`](connection::Input) and gives what to do as an
//! [`Effect`](connection::Effect). It uses the others.
//!
//! This is what [`Options`](crate::Options) are about, and what a client, a test or a simulation drives.
//! For whoever builds a client of their own, or shows more than most: its types change with any release.
//!
//! # Invariants
//!
//! - Time and seeds are arguments.
//! - It cannot fail: bad news is an `Input`.
//! - After every call that changes a [`Connection`](connection::Connection), its
//!   [`poll_effect`](connection::Connection::poll_effect) is drained until `None`.
//! - Every event of a socket and every expiry of a timer names the [`Epoch`](connection::Epoch) it
//!   belongs to; one of an older epoch changes nothing.

pub mod backoff;
pub mod connection;
pub mod heartbeat;
pub mod json;
pub mod mark;
pub mod outbox;
pub mod plain_text;
pub mod protocol;
pub mod reach;
pub mod silence;
#[cfg(feature = "stomp")]
pub mod stomp;
