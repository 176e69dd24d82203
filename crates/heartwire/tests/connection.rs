//! The connection by scenario and by property, through its public calls.
#![cfg(not(target_arch = "wasm32"))]

mod connection {
    mod aside;
    mod heartbeats;
    mod proofs;
    mod reconnecting;
    mod replies;
    mod sending;
    mod sequences;
    mod shell;
    mod starting;
}
