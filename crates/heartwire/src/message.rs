//! What comes from a server.

use std::{fmt, rc::Rc};

/// A message: a text, or bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// A text frame.
    Text(Rc<str>),
    /// A binary frame.
    Binary(Binary),
}

impl Message {
    /// The text; `None` of bytes.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }
}

/// The bytes of a binary frame. In a browser they stay in JavaScript's memory until they are asked for, but
/// for the first 64 KiB, in which a heartbeat's mark is looked for.
#[derive(Clone)]
pub struct Binary(Bytes);

#[cfg(not(target_arch = "wasm32"))]
type Bytes = Rc<[u8]>;
#[cfg(target_arch = "wasm32")]
type Bytes = js_sys::Uint8Array;

impl Binary {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        #[cfg(not(target_arch = "wasm32"))]
        let length = self.0.len();
        #[cfg(target_arch = "wasm32")]
        let length = usize::try_from(self.0.length()).unwrap_or(usize::MAX);
        length
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of them.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// A copy of the first of them: at most so many.
    #[must_use]
    pub fn beginning(&self, most: usize) -> Vec<u8> {
        #[cfg(not(target_arch = "wasm32"))]
        let beginning = self.0.iter().take(most).copied().collect();
        #[cfg(target_arch = "wasm32")]
        let beginning = self
            .0
            .subarray(0, u32::try_from(most).unwrap_or(u32::MAX))
            .to_vec();
        beginning
    }
}

#[cfg(any(feature = "testing", not(target_arch = "wasm32")))]
impl From<&[u8]> for Binary {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

#[cfg(target_arch = "wasm32")]
impl From<js_sys::Uint8Array> for Binary {
    fn from(bytes: js_sys::Uint8Array) -> Self {
        Self(bytes)
    }
}

/// Equal: the same bytes.
impl PartialEq for Binary {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.to_vec() == other.to_vec()
    }
}

impl Eq for Binary {}

impl fmt::Debug for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binary({} bytes)", self.len())
    }
}
