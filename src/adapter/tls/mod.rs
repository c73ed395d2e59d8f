//! TLS by [rustls]: configuration that is made once, for both adapters.
//!
//! [`ClientTls`] and [`ServerTls`] say how to speak; `TlsStream::connect` and `TlsStream::accept` of the adapters put
//! TLS over any connected stream, another TLS stream included.
//!
//! ```no_run
//! # #[cfg(feature = "tls-ring")]
//! # fn run() -> Result<(), hybi::blocking::Error> {
//! use hybi::blocking::TlsStream;
//! use hybi::tls::{ClientTls, Identity, ServerTls};
//!
//! // A server: TLS first, then the WebSocket.
//! let identity = Identity::from_pem(&std::fs::read("cert.pem")?, &std::fs::read("key.pem")?)?;
//! let tls = ServerTls::new(identity)?;
//! let (stream, _) = std::net::TcpListener::bind("[::]:443")?.accept()?;
//! let mut ws = hybi::blocking::accept(TlsStream::accept(stream, &tls)?)?;
//!
//! // A client.
//! let tls = ClientTls::new()?;
//! let mut ws = hybi::blocking::connect(hybi::Connect::new("wss://example.com/")?.tls(tls.clone()))?;
//!
//! // The same by hand, over a stream that is there already.
//! let stream = std::net::TcpStream::connect("example.com:443")?;
//! let stream = TlsStream::connect(stream, &tls, "example.com")?;
//! let config = hybi::Config::default();
//! let mut ws = hybi::blocking::connect_over(stream, "wss://example.com/", config)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The cryptography
//!
//! rustls leaves it to a provider. Taken is, in this order: the one that the process has installed
//! ([`CryptoProvider::install_default`]), that of the feature `tls-aws-lc-rs`, that of `tls-ring`. Where there is none, making a
//! configuration is [`TlsError::NoProvider`], never a panic, and nothing is ever installed for the process.
//!
//! # What is spoken
//!
//! TLS 1.3 and 1.2, HTTP/1.1 by ALPN. What a configuration here cannot say, a configuration of
//! rustls' own can: both types are made [`From`] one, which is then used as it is.
//!
//! # The end
//!
//! The adapters end a connection with TLS's `close_notify`. A peer that ends without it is no error: what a WebSocket
//! ends with is its Close frame, and a connection without one is told as lost.
//!
//! [`CryptoProvider::install_default`]: rustls::crypto::CryptoProvider::install_default

mod client;
mod error;
mod identity;
mod provider;
mod roots;
mod server;
mod session;

pub use client::{ClientTls, ClientTlsBuilder};
pub use error::TlsError;
pub use identity::Identity;
pub use roots::Roots;
pub use rustls;
pub use server::{ClientCertificates, ServerTls, ServerTlsBuilder};
pub use session::Agreed;
pub(in crate::adapter) use session::{Session, with_scratch};

use std::sync::Arc;

/// The only protocol of HTTP that is spoken here.
const HTTP_1_1: &[u8] = b"http/1.1";

/// Versions of TLS, to be narrowed where a policy asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Versions {
    /// TLS 1.3 or 1.2, whichever is the highest that both ends speak.
    #[default]
    Tls12AndTls13,
    /// TLS 1.3 alone.
    Tls13,
}

impl Versions {
    fn list(self) -> &'static [&'static rustls::SupportedProtocolVersion] {
        static BOTH: [&rustls::SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        match self {
            Self::Tls12AndTls13 => &BOTH,
            Self::Tls13 => &BOTH[..1],
        }
    }
}

/// Writes the secrets of each session to the file that the environment variable `SSLKEYLOGFILE` names, so that
/// tools like Wireshark can read along; nowhere if it is not set.
fn key_log() -> Arc<dyn rustls::KeyLog> {
    Arc::new(rustls::KeyLogFile::new())
}
