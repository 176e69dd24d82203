//! One `WebSocket`.

use std::rc::Rc;

use gloo_events::EventListener;
use gloo_timers::callback::Timeout;
use js_sys::{Array, ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{BinaryType, CloseEvent, Event, MessageEvent, WebSocket};

use super::browser::{BrowserEvent, Emit};
use crate::core::{
    connection::{BATCH_BYTES, CLOSE_REASON, Closure, Epoch, Input, Refusal},
    protocol::{Frame, PayloadRef},
};

/// Owns a socket. Dropping it detaches every handler before it closes, so that nothing of it is
/// heard again.
pub(super) struct Socket {
    inner: WebSocket,
    epoch: Epoch,
    _listeners: [EventListener; 4],
    emit: Emit,
    drain: Option<Timeout>,
    close: Option<Timeout>,
}

/// A socket that a script of the page opened before the WebAssembly was there, and what it has told since.
#[derive(Debug)]
pub struct EarlySocket {
    /// The socket, for which nobody listens any more.
    pub socket: WebSocket,
    /// Its events, oldest first.
    pub events: Vec<Event>,
    /// Whether it has been silent for long: nobody has asked it yet whether it lives.
    pub is_quiet: bool,
}

impl EarlySocket {
    pub(super) fn close(self) {
        // 1000 is no error in any state.
        let _ = self.socket.close_with_code(1000);
    }
}

impl Socket {
    /// Opens a socket whose events carry this epoch, or takes over the one that was opened early.
    ///
    /// # Errors
    ///
    /// Returns what the constructor threw.
    pub(super) fn open(
        url: &str,
        protocols: &[String],
        early: Option<EarlySocket>,
        epoch: Epoch,
        emit: Emit,
    ) -> Result<Self, JsValue> {
        let protocols: Array = protocols.iter().map(JsValue::from).collect();
        let EarlySocket {
            socket: inner,
            events,
            is_quiet,
        } = match early {
            Some(early) => early,
            None => EarlySocket {
                socket: WebSocket::new_with_str_sequence(url, &protocols)?,
                events: Vec::new(),
                is_quiet: false,
            },
        };
        // A Blob would have to be read asynchronously, after messages that came later.
        inner.set_binary_type(BinaryType::Arraybuffer);
        let opened: Hears = if protocols.length() == 0 {
            |epoch, _| Some(BrowserEvent::Input(Input::Opened(epoch)))
        } else {
            |epoch, event| {
                let socket = event.target()?.dyn_into::<WebSocket>().ok()?;
                // Firefox accepts that none was chosen; Chromium fails the handshake.
                Some(BrowserEvent::Input(if socket.protocol().is_empty() {
                    Input::Refused(epoch, Refusal::NoProtocol)
                } else {
                    Input::Opened(epoch)
                }))
            }
        };
        let heard: [(&'static str, Hears); 4] = [
            ("open", opened),
            ("message", |epoch, event| {
                let data = event.dyn_ref::<MessageEvent>()?.data();
                if let Some(text) = data.as_string() {
                    let input = Input::Received(epoch, Frame::Text(text));
                    return Some(BrowserEvent::Input(input));
                }
                let bytes = Uint8Array::new(data.dyn_ref::<ArrayBuffer>()?);
                Some(BrowserEvent::Bytes(epoch, bytes.into()))
            }),
            ("error", |epoch, _| Some(BrowserEvent::Failed(epoch))),
            ("close", |epoch, event| {
                let event = event.dyn_ref::<CloseEvent>()?;
                let closure = Closure {
                    code: event.code(),
                    reason: event.reason(),
                    was_clean: event.was_clean(),
                };
                Some(BrowserEvent::Input(Input::Closed(epoch, closure)))
            }),
        ];
        for event in events {
            let kind = event.type_();
            let heard = heard.iter().find(|(name, _)| *name == kind);
            if let Some(heard) = heard.and_then(|(_, heard)| heard(epoch, &event)) {
                emit(heard);
            }
        }
        if is_quiet {
            emit(BrowserEvent::Input(Input::Woke));
        }
        let listeners = heard.map(|(kind, heard)| {
            let emit = Rc::clone(&emit);
            EventListener::new(&inner, kind, move |event| {
                if let Some(heard) = heard(epoch, event) {
                    emit(heard);
                }
            })
        });
        Ok(Self {
            inner,
            epoch,
            _listeners: listeners,
            emit,
            drain: None,
            close: None,
        })
    }

    /// Which socket this is.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Sends a frame; returns whether the socket took it. One that is closing would discard
    /// it without a word (WHATWG WebSockets, `send`); its `close`, with its code, is awaited.
    #[must_use]
    pub(super) fn send(&mut self, payload: PayloadRef<'_>) -> bool {
        let send = || match payload {
            PayloadRef::Text(text) => self.inner.send_with_str(text),
            PayloadRef::Binary(bytes) => self.inner.send_with_u8_array(bytes),
        };
        let is_taken = self.inner.ready_state() == WebSocket::OPEN
            && match send() {
                Ok(()) => true,
                Err(error) => {
                    (self.emit)(BrowserEvent::Problem("a message was not sent", error));
                    false
                }
            };
        if !is_taken {
            self.await_close();
        }
        is_taken
    }

    /// Begins to close for this reason; `close` tells how that ended.
    pub(super) fn close(&self, reason: &str) {
        let closed = self.inner.close_with_code_and_reason(1000, reason);
        if let Err(error) = closed {
            (self.emit)(BrowserEvent::Problem("a socket was not closed", error));
        }
    }

    /// Tells whether little is left in the browser's buffer, or else asks to look again soon: no
    /// event says when it drains.
    #[must_use]
    pub(super) fn has_drained(&mut self) -> bool {
        let buffered = usize::try_from(self.inner.buffered_amount()).unwrap_or(usize::MAX);
        let has_drained = buffered < BATCH_BYTES;
        self.drain = (!has_drained).then(|| {
            let (emit, epoch) = (Rc::clone(&self.emit), self.epoch);
            Timeout::new(DRAIN_MILLIS, move || emit(BrowserEvent::DrainDue(epoch)))
        });
        has_drained
    }

    /// Takes the socket for closed unless it says so itself in a moment: Chromium fires `error` and
    /// never `close` where a content security policy forbids the address.
    pub(super) fn await_close(&mut self) {
        let (emit, epoch) = (Rc::clone(&self.emit), self.epoch);
        self.close.get_or_insert_with(|| {
            Timeout::new(CLOSE_MILLIS, move || {
                emit(BrowserEvent::Input(Input::Closed(
                    epoch,
                    Closure::abnormal(),
                )));
            })
        });
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The listeners are fields and would go after this, but `close` never fires an event at
        // once, so none of them hears it.
        self.close(CLOSE_REASON);
    }
}

/// What an event of the socket with this epoch tells.
type Hears = fn(Epoch, &Event) -> Option<BrowserEvent>;

/// Between two looks at what is buffered: a fast link drains a batch in less.
const DRAIN_MILLIS: u32 = 20;

/// `error` and `close` belong to one task, and a server that has closed ends the connection at once
/// (RFC 6455 §7.1.1), so this is long.
const CLOSE_MILLIS: u32 = 500;
