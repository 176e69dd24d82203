//! The client at a server that speaks STOMP, by a test that is server, network and clock.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used)]

mod stomp {
    mod broker;
    mod heartbeats;
    mod opening;
    mod receiving;
    mod sending;
}
