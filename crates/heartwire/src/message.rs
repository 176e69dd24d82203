//! What comes from a server.

use std::rc::Rc;

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

/// The bytes of a binary frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binary(Rc<[u8]>);

impl Binary {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A copy of them.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}
