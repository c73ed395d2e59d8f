//! Decisions on the way from a URL to a connection, without I/O.
//!
//! The adapters' `connect` is driven by them; [`Connect`](crate::Connect) says what is wished for.

mod race;
mod redirect;
#[cfg(unix)]
mod unix;

pub use race::{Pace, Race};
pub use redirect::{RedirectError, redirect};
#[cfg(unix)]
pub(crate) use unix::parse as parse_unix;
