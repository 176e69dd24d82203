#![doc = include_str!("../README.md")]

mod client;
pub mod core;
mod duration;
mod event;
#[cfg(feature = "json")]
mod json;
mod kept;
mod message;
#[cfg(feature = "futures")]
mod messages;
mod options;
mod pattern;
mod payload;
mod platform;
mod receipt;
#[cfg(feature = "log")]
mod records;
#[cfg(feature = "stomp")]
mod stomp;
mod target;
#[cfg(any(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
#[cfg(feature = "yew")]
pub mod yew;

pub use client::{Client, OutboxFull, Subscription};
pub use core::{
    connection::{Closure, Loss, Refusal},
    heartbeat::{Mode, Period, ReplyTimeout},
    outbox::{Delivery, Fate, Limit, MessageId},
};
pub use duration::millis;
pub use event::{Event, Failure, Status, Trace};
#[cfg(feature = "json")]
pub use json::SendJsonError;
pub use kept::Kept;
pub use message::{Binary, Message};
#[cfg(feature = "futures")]
pub use messages::Messages;
pub use options::{KeepInTab, Options, default_replies};
pub use pattern::{NoObject, Pattern};
pub use payload::Payload;
#[cfg(target_arch = "wasm32")]
pub use platform::EarlySocket;
pub use receipt::Receipt;
#[cfg(feature = "stomp")]
pub use stomp::{QueueType, Secret, Stomp};
pub use target::{Attempt, Endpoint, Target, Unavailable};
