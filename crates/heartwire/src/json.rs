//! Values as JSON.

use std::{error, fmt};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Client, Message, OutboxFull, Payload, Receipt};

impl Payload {
    /// A text that holds `value` as JSON.
    ///
    /// # Errors
    ///
    /// If the value has no form in JSON, such as a map whose keys are lists. A number that is none becomes
    /// `null`.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self::Text)
    }
}

impl Client {
    /// [Sends](Self::send) a value as JSON. **It may arrive twice.** The other guarantees take a
    /// [`Payload::json`].
    ///
    /// ```
    /// use heartwire::{Client, SendJsonError};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Order {
    ///     pieces: u32,
    /// }
    ///
    /// # fn main() -> Result<(), SendJsonError> {
    /// let client = Client::connect("wss://example.org/ws");
    /// let receipt = client.send_json(&Order { pieces: 3 })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Payload::json`], and when the outbox is full.
    pub fn send_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<Receipt, SendJsonError> {
        let payload = Payload::json(value).map_err(SendJsonError::Json)?;
        self.send(payload).map_err(SendJsonError::Full)
    }
}

impl Message {
    /// The value that it holds as JSON, whether it is a text or bytes in UTF-8.
    ///
    /// ```
    /// use heartwire::Message;
    ///
    /// let message = Message::Text(r#"{"pieces": 3}"#.into());
    /// let order: std::collections::BTreeMap<String, u32> = message.json().expect("an order");
    /// assert_eq!(order["pieces"], 3);
    /// ```
    ///
    /// # Errors
    ///
    /// If it is no JSON, or not of such a value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self {
            Self::Text(text) => serde_json::from_str(text),
            Self::Binary(bytes) => serde_json::from_slice(&bytes.to_vec()),
        }
    }
}

/// Why a value was not sent as JSON.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendJsonError {
    /// It has no form in JSON.
    Json(serde_json::Error),
    /// The outbox is full; the text is handed back.
    Full(OutboxFull),
}

impl fmt::Display for SendJsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(_) => f.write_str("the value has no form in JSON"),
            Self::Full(full) => full.fmt(f),
        }
    }
}

impl error::Error for SendJsonError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Full(_) => None,
        }
    }
}
