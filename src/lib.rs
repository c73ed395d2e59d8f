//! WebSocket (RFC 6455) as a protocol core without I/O, with thin adapters on top.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "handshake")]
mod adapter;
pub mod buffer;
mod config;
pub mod connection;
mod error;
pub mod frame;
#[cfg(feature = "handshake")]
pub mod handshake;
mod message;
mod time;
mod unchecked;
pub mod utf8;

#[cfg(feature = "tokio")]
pub use adapter::tokio;
#[cfg(feature = "handshake")]
pub use adapter::{OsMaskKeys, blocking};
pub use buffer::{RecvBuf, Transmit};
pub use config::{Config, Delivery, Role};
pub use connection::{
    Cause, Chunk, ChunkData, CloseFrame, Closed, Connection, Event, MaskKeys, MessageWriter,
    Received, Stats, Timeout,
};
pub use error::{Error, SendError};
pub use frame::CloseCode;
pub use message::{Kind, Message, Prepared, Utf8Bytes};
pub use time::Instant;
