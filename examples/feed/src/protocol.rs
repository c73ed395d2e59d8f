//! What client and exchange say to each other: JSON in text messages, in the manner of an exchange's v2 API.
//!
//! ```text
//! client                                          exchange
//! {"method":"challenge","params":{"key":..}}  ->
//!                                             <-  {"type":"challenge","nonce":..}
//! {"method":"auth","params":{"signature":..}} ->
//!                                             <-  {"type":"auth","success":true}
//! {"method":"subscribe","params":{..}}        ->
//!                                             <-  {"type":"snapshot","symbol":..,"sequence":7,"checksum":..,..}
//!                                             <-  {"type":"update","symbol":..,"sequence":8,"checksum":..,..}
//! {"method":"snapshot","params":{..}}         ->      (after a gap or a wrong checksum)
//! ```

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What the client asks for.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Request {
    Challenge { key: String },
    Auth { signature: String },
    Subscribe { symbols: Vec<String> },
    Snapshot { symbol: String },
}

/// What the exchange says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reply {
    Challenge { nonce: String },
    Auth { success: bool },
    Snapshot(Levels),
    Update(Levels),
}

/// A whole book, or the levels that changed. Prices are in ticks, quantities in lots; a quantity of zero removes the
/// level.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Levels {
    pub symbol: String,
    /// One more than that of the update before, for each symbol.
    pub sequence: u64,
    pub bids: Vec<(u64, u64)>,
    pub asks: Vec<(u64, u64)>,
    /// Of the book as it is after this: see [`Book::checksum`](crate::book::Book::checksum).
    pub checksum: u32,
}

impl Request {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a request is plain data")
    }
}

impl Reply {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a reply is plain data")
    }
}

/// The answer to a challenge: it proves that one knows the secret, and serves once.
pub fn sign(secret: &str, nonce: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(nonce.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
