//! Bytes that came ([`RecvBuf`]) and bytes to go ([`Transmit`]).

mod assembly;
mod incoming;
mod masked;
#[cfg(feature = "deflate")]
mod plain;
mod recv;
mod room;
mod rough;
mod transmit;

pub(crate) use incoming::{Frame, Incoming};
pub use recv::RecvBuf;
#[cfg(feature = "tokio")]
pub(crate) use room::KEEP;
#[cfg(feature = "tokio")]
pub(crate) use rough::Rough;
#[cfg(feature = "tokio")]
pub(crate) use transmit::Ring;
pub use transmit::Transmit;

/// Payloads from this size on are sent by pointer instead of being copied behind their header.
pub(crate) const SPLICE: usize = 4 * 1024;
