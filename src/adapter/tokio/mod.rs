//! The tokio adapter: any `AsyncRead + AsyncWrite`, on a runtime with its time enabled.
//!
//! ```no_run
//! # async fn serve(stream: tokio::net::TcpStream) -> Result<(), hybi::tokio::Error> {
//! let mut ws = hybi::tokio::accept(stream).await?;
//! while let Some(message) = ws.recv().await? {
//!     ws.feed(message).await?; // leaves when `recv` waits, together with others
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Cancel safety
//!
//! Every method keeps its state in the [`WebSocket`], never in its future, so any future may be dropped at any
//! point, as `select!` and timeouts do, and the conversation goes on where it was: no byte is lost,
//! none is sent twice. Where a message is given to a method, its documentation says when it is queued.
//!
//! # Flushing
//!
//! [`feed`](WebSocket::feed) queues, [`send`](WebSocket::send) queues and flushes. Whatever is queued is sent
//! before any method waits, so nothing is ever stuck; several answers to messages that came together leave
//! together.

mod any_stream;
mod connect;
mod dial;
mod driver;
mod handshake;
mod lent;
mod pool;
mod reconnect;
pub mod serve;
mod split;
mod stream;
#[cfg(feature = "tls")]
mod tls;
mod websocket;

pub use crate::adapter::{Error, Lost};
pub use any_stream::AnyStream;
pub use connect::{connect, connect_with};
pub use handshake::{Incoming, accept, accept_with, connect_over, receive_request};
pub use reconnect::Reconnecting;
pub use serve::{Handle, ServeOptions, Server, ServerStream, Shutdown, Visitor};
pub use split::{Receiver, ReuniteError, Sender};
#[cfg(feature = "tls")]
pub use tls::TlsStream;
pub use websocket::WebSocket;
