//! Heartwire keeps a browser's WebSocket connected, proves that it is, and loses nothing that it
//! could have kept.
//!
//! # Layout
//!
//! - [`connection`] decides: what happened goes in as an [`Input`](connection::Input), what to do
//!   comes out as an [`Effect`](connection::Effect). It uses [`backoff`], [`heartbeat`], [`mark`],
//!   [`outbox`], [`protocol`] and [`silence`].
//! - [`settings`], [`config`] and [`address`] read what people configure and say what is wrong with
//!   it; [`setup`] holds what each source gives and what the user changes of it; [`access`] tells
//!   which servers may be connected to, and which not unasked; [`history`] remembers those that were.
//! - [`strip`] turns the connection's status into the words of [`words`], [`pulse`] what it went
//!   through into a line; [`announcer`] decides what is read aloud.
//! - [`log`] keeps what passed; [`payload`] tells how that looks; [`recall`] brings back what was
//!   sent.
//! - `web` is the only part that names the browser: it owns the socket and the timers, performs
//!   effects and draws. It exists on wasm32 alone.
//!
//! # Invariants
//!
//! - Nothing outside `web` uses a clock, a random source, a browser crate or I/O: time and seeds
//!   are arguments. A host build compiles without any browser crate.
//! - The core cannot fail: bad news is an `Input`.
//! - After every call that changes a [`Connection`](connection::Connection), its
//!   [`poll_effect`](connection::Connection::poll_effect) is drained until `None`.
//! - Every event of a socket and every expiry of a timer names the [`Epoch`](connection::Epoch) it
//!   belongs to; one of an older epoch changes nothing.

pub mod access;
pub mod address;
pub mod announcer;
pub mod backoff;
pub mod config;
pub mod connection;
pub mod heartbeat;
pub mod history;
pub mod log;
pub mod mark;
pub mod outbox;
pub mod payload;
pub mod protocol;
pub mod pulse;
pub mod recall;
pub mod settings;
pub mod setup;
pub mod silence;
pub mod strip;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod words;
