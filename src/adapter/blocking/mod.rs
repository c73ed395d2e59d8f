//! The blocking adapter: any `Read + Write`, no runtime.
//!
//! ```no_run
//! # fn serve(stream: std::net::TcpStream) -> Result<(), hybi::blocking::Error> {
//! let mut ws = hybi::blocking::accept(stream)?;
//! while let Some(message) = ws.recv()? {
//!     ws.feed(message)?; // leaves when `recv` waits, together with others
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//!
//! Keepalive pings, timeouts and an orderly end need reads that return after a while. A [`Transport`] says
//! how its timeouts are set; `TcpStream` and `UnixStream` are transports. Any other `Read + Write` is wrapped
//! in [`Untimed`], with the price its documentation tells.
//!
//! # Flushing
//!
//! [`feed`](WebSocket::feed) queues, [`send`](WebSocket::send) queues and flushes. Whatever is queued is sent
//! before any method waits.

mod any_stream;
mod connect;
mod dial;
mod driver;
mod handshake;
mod reconnect;
mod split;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod waits;
mod websocket;

pub use crate::adapter::{Error, Lost};
pub use any_stream::AnyStream;
pub use connect::{connect, connect_with};
pub use handshake::{Incoming, accept, accept_with, connect_over, receive_request};
pub use reconnect::Reconnecting;
pub use split::{Receiver, Sender};
#[cfg(feature = "tls")]
pub use tls::TlsStream;
pub use transport::{Transport, Untimed};
pub use websocket::WebSocket;
