//! Heartwire's developer commands: `cargo xtask` lists them.
//!
//! # Layout
//!
//! - [`serve`], [`mod@test`], [`soak`], [`audit`], [`size`], [`mod@bench`], [`herd`], [`mutations`], [`picture`], [`echo`], [`broker`]: one module for
//!   each command
//! - [`tools`]: what the commands need beside Rust, at which version, and how it is installed
//! - [`process`]: programs that end when their owner does
//! - [`browser`], [`site`], [`leash`]: the end-to-end layer, which `tests/page.rs` uses
//! - [`server`], [`proxy`], [`wait`]: what goes wrong on demand, and waiting for what comes of it
//! - [`host`], [`page`], [`usage`], [`delivery`]: pages of any client, and what is measured of them
//! - [`hosts`]: the web servers that the page is tried with
//! - [`peers`]: the clients that the page is measured beside
//! - [`times`]: where the time of the page's tests goes
//! - [`arguments`], [`console`], [`Interrupt`], [`Error`]: the command line's two ends
//!
//! # Invariants
//!
//! - No process outlives the command that started it, however the command ends.
//! - Nothing is installed or downloaded that was not announced in a line before.

#[cfg(not(unix))]
compile_error!("the developer commands need Linux or macOS; `trunk` and `cargo` run by themselves");

pub mod arguments;
mod attribution;
pub mod audit;
pub mod bench;
pub mod broker;
pub mod browser;
pub mod console;
pub mod delivery;
mod documents;
mod drawing;
pub mod echo;
mod error;
pub mod examples;
pub mod herd;
pub mod host;
pub mod hosts;
mod interrupt;
pub mod leash;
pub mod mutations;
pub mod page;
pub mod peers;
pub mod picture;
pub mod process;
mod progress;
pub mod proxy;
pub mod serve;
pub mod server;
pub mod site;
pub mod size;
pub mod soak;
mod table;
pub mod test;
pub mod times;
pub mod tools;
pub mod usage;
pub mod wait;

pub use error::Error;
pub use interrupt::Interrupt;

use std::path::Path;

/// The repository's directory.
///
/// # Panics
///
/// Never: this package lies in a directory of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the repository")
}
