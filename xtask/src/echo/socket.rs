//! The server's side of a WebSocket, which keeps no more than it has to.

use std::io::{self, Cursor, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Instant};
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError, Result};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader, Utf8Bytes};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// The memory that all clients share for their long messages, in bytes.
///
/// A library's socket reads ahead, copies what it sends, and keeps the room of its longest message for
/// good. This one holds a message once, and only from its first byte to the last one of its answer;
/// and one that is longer than [`SHORT`] waits, unread, until the room has place for it.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

/// A WebSocket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// What was read and not understood yet, at most [`PIECE`].
    unread: Vec<u8>,
    /// The frame of which not everything is there.
    frame: Option<Partial>,
    /// The message of which not every frame is there.
    message: Option<(Data, Vec<u8>)>,
    max_message: usize,
    room: Room,
    /// The place that the message has, or its answer.
    place: Option<OwnedSemaphorePermit>,
    /// When the client last gave or took a byte.
    moved: Instant,
}

/// What comes of a socket.
#[derive(Debug)]
pub(super) enum Received {
    /// The client has sent a message.
    Message(Message),
    /// The client's message needs so much room; [`Socket::make_room`] comes next.
    Long(usize),
    /// The client has ended the stream.
    End,
}

/// A frame that is on its way.
#[derive(Debug)]
struct Partial {
    header: FrameHeader,
    length: usize,
    /// What a control frame holds so far; what a data frame holds belongs to the message.
    control: Vec<u8>,
    /// How many bytes have come.
    come: usize,
}

impl Socket {
    /// The socket of a client whose handshake is done and that has sent `unread` behind it.
    pub(super) fn new(stream: TcpStream, unread: Vec<u8>, max_message: usize, room: Room) -> Self {
        Self {
            stream,
            unread,
            frame: None,
            message: None,
            max_message,
            room,
            place: None,
            moved: Instant::now(),
        }
    }

    /// Waits for what comes next. Whoever drops the future loses nothing.
    ///
    /// # Errors
    ///
    /// When the stream breaks, the client breaks the rules, or stands still in the midst of a frame or
    /// with a place in the room.
    pub(super) async fn receive(&mut self) -> Result<Received> {
        loop {
            if let Some(received) = self.understand()? {
                return Ok(received);
            }
            self.unread.reserve_exact(PIECE - self.unread.len());
            let is_amid = self.is_amid() || self.place.is_some();
            let read = self.stream.read_buf(&mut self.unread);
            let read = if is_amid {
                time::timeout_at(self.moved + STILL, read)
                    .await
                    .map_err(|_| stalled())?
            } else {
                read.await
            };
            self.moved = Instant::now();
            if read? == 0 {
                return Ok(Received::End);
            }
        }
    }

    /// Whether a part of a frame is there, so that no other can come.
    pub(super) fn is_amid(&self) -> bool {
        self.frame.is_some() || !self.unread.is_empty()
    }

    /// Waits for a place in the room for `bytes` of a message.
    pub(super) async fn make_room(&mut self, bytes: usize) {
        // Larger ones were refused.
        let bytes = u32::try_from(bytes.min(ROOM)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room.0);
        // It is never closed.
        self.place = room.acquire_many_owned(bytes).await.ok();
        self.moved = Instant::now();
    }

    /// Sends a message; a part of it has to be taken within each `patience`. With the last part, the
    /// place of a message that was answered by it is free.
    ///
    /// # Errors
    ///
    /// When the stream breaks, or the client takes nothing.
    pub(super) async fn send(&mut self, message: &Message, patience: Duration) -> Result<()> {
        let (opcode, payload) = match message {
            Message::Text(text) => (OpCode::Data(Data::Text), text.as_bytes()),
            Message::Binary(bytes) => (OpCode::Data(Data::Binary), &bytes[..]),
            Message::Ping(bytes) => (OpCode::Control(Control::Ping), &bytes[..]),
            Message::Pong(bytes) => (OpCode::Control(Control::Pong), &bytes[..]),
            Message::Close(frame) => {
                let payload = Frame::close(frame.clone()).into_payload();
                return self
                    .write(OpCode::Control(Control::Close), &payload, patience)
                    .await;
            }
            Message::Frame(_) => return Ok(()),
        };
        let patience = match self.place {
            Some(_) => patience.min(STILL),
            None => patience,
        };
        self.write(opcode, payload, patience).await?;
        if matches!(opcode, OpCode::Data(_)) {
            self.place = None;
        }
        Ok(())
    }

    /// Closes with `frame`, so that the client learns of it.
    ///
    /// # Errors
    ///
    /// When the stream breaks.
    pub(super) async fn close(mut self, frame: Option<CloseFrame>) -> Result<()> {
        self.send(&Message::Close(frame), Duration::MAX).await?;
        // What the client has sent before is needed no more.
        let Self { stream, .. } = self;
        Ok(end(stream).await?)
    }

    async fn write(&mut self, opcode: OpCode, payload: &[u8], patience: Duration) -> Result<()> {
        let mut header = Vec::new();
        let frame = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        frame.format(payload.len() as u64, &mut header)?;
        let mut parts = &mut [IoSlice::new(&header), IoSlice::new(payload)][..];
        while !parts.is_empty() {
            let written = time::timeout(patience, self.stream.write_vectored(parts)).await;
            let written = written.map_err(|_| stalled())??;
            if written == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            IoSlice::advance_slices(&mut parts, written);
            self.moved = Instant::now();
        }
        Ok(())
    }

    /// Takes what is complete out of what was read.
    fn understand(&mut self) -> Result<Option<Received>> {
        loop {
            if self.frame.is_none() {
                let mut cursor = Cursor::new(&self.unread);
                let Some((header, length)) = FrameHeader::parse(&mut cursor)? else {
                    return Ok(None);
                };
                let header_length = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
                let length = self.checked(&header, length)?;
                self.unread.drain(..header_length);
                self.begin(&header);
                self.frame = Some(Partial {
                    header,
                    length,
                    control: Vec::new(),
                    come: 0,
                });
            }
            if let Some(needed) = self.needed() {
                return Ok(Some(Received::Long(needed)));
            }
            if !self.fill() {
                return Ok(None);
            }
            if let Some(message) = self.complete()? {
                return Ok(Some(Received::Message(message)));
            }
        }
    }

    /// Checks a frame by its header (RFC 6455 §5.1 to §5.5) and returns its length.
    fn checked(&self, header: &FrameHeader, length: u64) -> Result<usize> {
        let so_far = self
            .message
            .as_ref()
            .map_or(0, |(_, payload)| payload.len());
        let whole = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(so_far));
        let is_control = matches!(header.opcode, OpCode::Control(_));
        let broken = if header.rsv1 || header.rsv2 || header.rsv3 {
            ProtocolError::NonZeroReservedBits
        } else if header.mask.is_none() {
            ProtocolError::UnmaskedFrameFromClient
        } else if is_control && !header.is_final {
            ProtocolError::FragmentedControlFrame
        } else if is_control && length > MAX_CONTROL {
            ProtocolError::ControlFrameTooBig
        } else {
            match (header.opcode, &self.message) {
                (OpCode::Data(Data::Continue), None) => ProtocolError::UnexpectedContinueFrame,
                (OpCode::Data(kind @ (Data::Text | Data::Binary)), Some(_)) => {
                    ProtocolError::ExpectedFragment(kind)
                }
                (OpCode::Control(_), _) => return Ok(usize::try_from(length).unwrap_or_default()),
                (OpCode::Data(_), _) => {
                    return match whole {
                        Some(whole) if whole <= self.max_message => Ok(whole - so_far),
                        _ => Err(Error::Capacity(CapacityError::MessageTooLong {
                            size: whole.unwrap_or(usize::MAX),
                            max_size: self.max_message,
                        })),
                    };
                }
            }
        };
        Err(Error::Protocol(broken))
    }

    fn begin(&mut self, header: &FrameHeader) {
        if let OpCode::Data(kind @ (Data::Text | Data::Binary)) = header.opcode {
            self.message = Some((kind, Vec::new()));
        }
    }

    /// How much room the frame's message needs and has not: what it announces, or the most if there are
    /// frames to come that may be of any length.
    fn needed(&mut self) -> Option<usize> {
        let frame = self.frame.as_ref()?;
        let (_, payload) = self.message.as_mut()?;
        if self.place.is_some() || matches!(frame.header.opcode, OpCode::Control(_)) {
            return None;
        }
        let whole = payload.len() + (frame.length - frame.come);
        let most = if frame.header.is_final {
            whole
        } else {
            self.max_message
        };
        (whole > SHORT).then_some(most)
    }

    /// Moves what has come of the frame to where it belongs; whether that is all of it.
    fn fill(&mut self) -> bool {
        let Some(frame) = &mut self.frame else {
            return false;
        };
        let count = self.unread.len().min(frame.length - frame.come);
        let target = match (&mut self.message, frame.header.opcode) {
            (Some((_, payload)), OpCode::Data(_)) => payload,
            _ => &mut frame.control,
        };
        if target.capacity() == 0 {
            target.reserve_exact(frame.length);
        }
        let start = target.len();
        target.extend(self.unread.drain(..count));
        unmask(&mut target[start..], frame.header.mask, frame.come);
        frame.come += count;
        frame.come == frame.length
    }

    /// Ends the frame that is there; returns the message that this has completed.
    fn complete(&mut self) -> Result<Option<Message>> {
        let Some(frame) = self.frame.take() else {
            return Ok(None);
        };
        let payload = Bytes::from(frame.control);
        Ok(match frame.header.opcode {
            OpCode::Control(Control::Ping) => Some(Message::Ping(payload)),
            OpCode::Control(Control::Pong) => Some(Message::Pong(payload)),
            OpCode::Control(Control::Close) => Some(Message::Close(farewell(&payload)?)),
            // Their headers are errors.
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => None,
            OpCode::Data(Data::Text | Data::Binary | Data::Continue) => {
                match self.message.take_if(|_| frame.header.is_final) {
                    Some((Data::Text, payload)) => {
                        Some(Message::Text(Utf8Bytes::try_from(Bytes::from(payload))?))
                    }
                    Some((_, payload)) => Some(Message::Binary(payload.into())),
                    None => None,
                }
            }
        })
    }
}

/// Ends a stream so that the client can read everything that was sent.
///
/// Bytes that were never read would make the system reset the connection, and a reset overtakes what
/// was sent last; so what the client still sends is read and dropped until it ends, too.
///
/// # Errors
///
/// When the stream breaks.
pub(super) async fn end(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Undoes the masking of a payload's part that begins at `offset` (RFC 6455 §5.3).
fn unmask(part: &mut [u8], mask: Option<[u8; 4]>, offset: usize) {
    let mut mask = mask.unwrap_or_default();
    mask.rotate_left(offset % 4);
    // Four at once: the commands are built without optimisation.
    let (words, rest) = part.as_chunks_mut();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// Reads the payload of a close frame (RFC 6455 §5.5.1 and §7.4).
fn farewell(payload: &Bytes) -> Result<Option<CloseFrame>> {
    let code = match payload[..] {
        [] => return Ok(None),
        [high, low, ..] => CloseCode::from(u16::from_be_bytes([high, low])),
        [_] => return Err(Error::Protocol(ProtocolError::InvalidCloseSequence)),
    };
    if !code.is_allowed() {
        return Err(Error::Protocol(ProtocolError::InvalidCloseSequence));
    }
    let reason = Utf8Bytes::try_from(payload.slice(2..))?;
    Ok(Some(CloseFrame { code, reason }))
}

/// The error of a client that gives or takes nothing.
fn stalled() -> Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

/// The most that all long messages may take together, in bytes.
pub(super) const ROOM: usize = 64 << 20;

/// The longest message that needs no place in the room, in bytes.
const SHORT: usize = 16 << 10;

/// How much is read at once, in bytes.
const PIECE: usize = 16 << 10;

/// How long a client may stand still in the midst of a frame, or with a place in the room.
const STILL: Duration = Duration::from_secs(10);

/// RFC 6455 §5.5: the longest payload of a control frame.
const MAX_CONTROL: u64 = 125;
