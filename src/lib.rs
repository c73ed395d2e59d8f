//! WebSocket ([RFC 6455]) for Rust: a protocol core that does no I/O, with thin adapters on top.
//!
//! - Strict: every case of the Autobahn suite passes in both roles on both adapters, and a peer that breaks the
//!   protocol is told which way before it is dropped.
//! - Bounded: every limit and timeout is on by default, see [`Config`].
//! - Embeddable: the core is `no_std` with `alloc` and depends on `bytes` alone.
//!
//! # Which door to take
//!
//! | you have | you take |
//! |---|---|
//! | a thread and a socket | [`blocking`] |
//! | a tokio task | `hybi::tokio` (feature `tokio`) |
//! | a URL, and wishes about the way there | [`Connect`] |
//! | a server that comes and goes | `Reconnecting` in either adapter; its rules: [`reconnect`] |
//! | another runtime, or none | [`handshake`] and [`Connection`], as the `sans_io` example does |
//! | hyper, axum, or another HTTP library | [`handshake::Incoming::from_request`], then `WebSocket::from_upgraded` |
//! | frames to look at, no connection | [`frame`] |
//!
//! ```no_run
//! // A server that echoes.
//! let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
//! for stream in listener.incoming() {
//!     let mut ws = hybi::blocking::accept(stream?)?;
//!     while let Some(message) = ws.recv()? {
//!         ws.send(message)?;
//!     }
//! }
//!
//! // A client.
//! let mut ws = hybi::blocking::connect("ws://127.0.0.1:9001/")?;
//! ws.send("Hello")?;
//! println!("{:?}", ws.recv()?);
//! ws.close(hybi::CloseCode::NORMAL, "")?;
//! # Ok::<(), hybi::blocking::Error>(())
//! ```
//!
//! # Features
//!
//! Features add API and never change behaviour.
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `std` | yes | what needs the standard library |
//! | `handshake` | yes | the opening handshake in both roles and the blocking adapter |
//! | `deflate` | yes | permessage-deflate ([RFC 7692]), negotiated where [`Config::compression`] is set |
//! | `simd` | yes | vector instructions for UTF-8 and masking, where the processor has them: speed alone |
//! | `tokio` | no | the tokio adapter |
//! | `tracing` | no | a span for each connection; its opening, its end and refused handshakes as events |
//! | `tls` | no | TLS by rustls 0.23 for both adapters: `hybi::tls` and their `TlsStream` |
//! | `tls-ring`, `tls-aws-lc-rs` | no | its cryptography; if both are on and the process has installed none, aws-lc-rs is taken |
//! | `tls-webpki-roots` | no | whom a client trusts: the certificates of Mozilla's program, compiled in |
//! | `tls-native-roots` | no | the same: those of the system's store |
//! | `tls-platform-verifier` | no | the same: whom the system trusts, by its own verifier where it has one |
//! | `tcp-keepalive` | no | `TcpOptions::keepalive`, by `socket2` |
//!
//! # How a connection ends
//!
//! Every connection tells [`Closed`] exactly once, last: who ended it, why, what each end said. The adapters' `recv`
//! returns `None` after a clean end and an error after any other, once what explains it has been sent to the
//! peer.
//!
//! # What the standards leave open
//!
//! Where they give a choice or a range, one thing is always done; `SECURITY.md` lists which and why, with the
//! threats, the limit against each and what is left to the application.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455
//! [RFC 7692]: https://www.rfc-editor.org/rfc/rfc7692
#![cfg_attr(not(feature = "std"), no_std)]
// Nothing below the adapters panics, but where a caller breaks what is told under Panics. An exception stands on one
// function, with the reason why it holds.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable
    )
)]

extern crate alloc;

#[cfg(feature = "handshake")]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "below the adapters only"
)]
mod adapter;
pub mod buffer;
mod config;
#[cfg(feature = "handshake")]
pub mod connect;
pub mod connection;
#[cfg(feature = "deflate")]
pub mod deflate;
mod error;
pub mod frame;
#[cfg(feature = "handshake")]
pub mod handshake;
mod message;
#[cfg(feature = "handshake")]
pub mod proxy;
pub mod rate;
pub mod reconnect;
mod time;
mod unchecked;
pub mod utf8;

#[cfg(feature = "tls")]
pub use adapter::tls;
#[cfg(feature = "tokio")]
pub use adapter::tokio;
#[cfg(feature = "handshake")]
pub use adapter::{
    Connect, ConnectError, ConnectFailure, ConnectStep, OsMaskKeys, TcpOptions, blocking,
};
pub use buffer::{RecvBuf, Transmit};
pub use config::{Config, Delivery, Role};
pub use connection::{
    Cause, Chunk, ChunkData, CloseFrame, Closed, Connection, Event, MaskKeys, MessageWriter,
    Received, RoundTrips, Stats, Timeout,
};
#[cfg(feature = "deflate")]
pub use deflate::Compression;
pub use error::{Error, SendError};
pub use frame::CloseCode;
pub use message::{Compress, Kind, Message, Outgoing, Prepared, Utf8Bytes};
pub use time::Instant;

/// The README's programs compile.
#[cfg(all(doctest, feature = "tokio", feature = "tls"))]
#[doc = include_str!("../README.md")]
struct Readme;
