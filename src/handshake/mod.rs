//! The opening handshake (RFC 6455 section 4) in both roles, without I/O.
//!
//! It is sequential, so each step takes `self` and returns what comes next: calling a step twice does not
//! compile.
//!
//! ```text
//!   server   ServerHandshake --request--> Incoming --(the application decides)--> Accepted | a refusal
//!   client   Request --> ClientHandshake --response--> Established | HandshakeError
//! ```
//!
//! The same steps exist over [`http::Request`] and [`http::Response`] values, for those whose HTTP is
//! handled by another library: [`Incoming::from_request`], [`Accepted::into_response`],
//! [`Request::to_http`] and [`verify`]. A request that came as bytes becomes such a value by
//! [`Incoming::to_http`].

mod accept;
mod body;
mod check;
mod client;
mod credentials;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
mod extension;
mod fields;
mod found;
mod head;
mod incoming;
mod key;
mod origin;
mod parts;
mod reply;
mod request;
mod response;
mod runs;
mod server;
mod shown;
mod url;
mod verify;

pub use accept::{Accept, Accepted, Rejection};
pub use client::{ClientHandshake, Established};
#[cfg(feature = "deflate")]
pub use deflate::{DeflateOffer, WindowHint};
pub use error::{AcceptError, HandshakeError, Refusal, RequestError, UrlError};
pub use extension::{Extension, Param, parse_extensions};
pub use head::Limits;
pub use incoming::Incoming;
pub use key::{Key, accept_key};
pub use origin::OriginPolicy;
pub use request::Request;
pub use server::{ServerHandshake, ServerOptions};
pub use url::Url;
pub use verify::verify;

pub(crate) use client::TIMEOUT as CLIENT_TIMEOUT;
pub(crate) use credentials::basic;
pub(crate) use fields::is_reserved;
pub(crate) use reply::Reply;
pub(crate) use response::encode_headers;
pub(crate) use shown::{Brief, Refused, Status};
pub(crate) use url::{bracketed, parse_host_and_port, percent_decode};

/// The refusal of a request that did not come in time.
#[cfg(feature = "tokio")]
pub(crate) fn timed_out() -> Refusal {
    response::refuse(HandshakeError::Timeout)
}

use alloc::string::String;
use alloc::vec::Vec;

/// Where a handshake stands after the bytes that have come.
#[derive(Debug)]
#[must_use]
pub enum Progress<S, D> {
    /// More bytes are needed.
    Continue(S),
    /// The step is done.
    Done(D),
}

/// What the two ends have agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiated {
    /// The subprotocol, one of those that the client offered.
    pub subprotocol: Option<String>,
    /// The extensions in use, as the server's response names them.
    pub extensions: Vec<Extension>,
    /// What was agreed on for compression, if it was.
    #[cfg(feature = "deflate")]
    pub compression: Option<crate::deflate::Params>,
}

impl Negotiated {
    /// What two ends have agreed on that use neither a subprotocol nor an extension.
    pub const NOTHING: Self = Self {
        subprotocol: None,
        extensions: Vec::new(),
        #[cfg(feature = "deflate")]
        compression: None,
    };
}
