//! The page: a [`Client`](heartwire::Client) shown to somebody who reads.
//!
//! # Layout
//!
//! - [`settings`], [`config`] and [`address`] read what people configure and say what is wrong with
//!   it; [`setup`] holds what each source gives and what the user changes of it; [`access`] tells
//!   which servers may be connected to, and which not unasked; [`history`] remembers those that were.
//! - [`strip`] turns the connection's status into the words of [`words`], in one of the languages of
//!   [`lang`], [`pulse`] what it went through into a line; [`announcer`] decides what is read aloud.
//! - [`log`] keeps what passed; [`payload`] tells how that looks; [`recall`] brings back what was
//!   sent; [`messages`] are kept at hand under names; [`binary`] reads bytes that were written as text.
//! - `web` is the only part that names the browser: it has a [`Client`](heartwire::Client), takes what
//!   that tells, and draws. It exists on wasm32 alone.
//!
//! Nothing outside `web` uses a clock, a random source, a browser crate or I/O: time and seeds are
//! arguments. A host build compiles without any browser crate.

pub mod access;
pub mod address;
pub mod announcer;
pub mod binary;
pub mod config;
pub mod history;
pub mod lang;
pub mod log;
pub mod messages;
pub mod payload;
pub mod pulse;
pub mod recall;
pub mod settings;
pub mod setup;
pub mod strip;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod words;
