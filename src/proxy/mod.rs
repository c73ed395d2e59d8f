//! Ways through a proxy, without I/O: HTTP `CONNECT` (RFC 9110 section 9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).
//!
//! ```text
//!   Proxies   which proxy leads to a host, if any: one given, or what environment variables say
//!   Proxy     what the URL of a proxy says
//!   Tunnel    the conversation with it, after which its connection is one with the server
//! ```

mod error;
mod http_connect;
mod rules;
mod socks5;

pub use error::{ProxyError, ProxyUrlError, ProxyVariableError};
pub use rules::Proxies;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::buffer::RecvBuf;
use crate::handshake::{
    Limits, Progress, RequestError, basic, bracketed, is_reserved, parse_host_and_port,
    percent_decode,
};
use http_connect::HttpConnect;
use socks5::Socks5;

/// A proxy: `http://`, `https://` (TLS to the proxy), `socks5h://` (the proxy resolves names) or `socks5://` (names are resolved
/// here).
///
/// User and password may stand in the URL, percent-encoded. They are shown neither by `Debug` nor by `Display`.
///
/// ```
/// use hybi::proxy::Proxy;
///
/// let proxy: Proxy = "socks5h://user:p%40ss@proxy.example".parse()?;
/// assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 1080));
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example:1080");
/// # Ok::<(), hybi::proxy::ProxyUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    scheme: Scheme,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
    headers: HeaderMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
    Socks5,
    Socks5h,
}

/// User and password, as they are sent.
#[derive(Clone, PartialEq, Eq)]
enum Credentials {
    /// The value of `Proxy-Authorization`.
    Basic(HeaderValue),
    /// The message of RFC 1929.
    Socks(Vec<u8>),
}

impl Proxy {
    /// The proxy's host in lower case, an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy's port: 80, 443 or 1080 where the URL names none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection to the proxy itself is one of TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Whether the server's name is resolved by the proxy: always but for `socks5:`.
    #[must_use]
    pub fn resolves_names(&self) -> bool {
        self.scheme != Scheme::Socks5
    }

    /// Adds a header to the request for a tunnel, where it is one of HTTP.
    ///
    /// # Errors
    ///
    /// [`RequestError::ReservedHeader`] for headers that belong to the request itself.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, RequestError> {
        if is_reserved(&name) || name == header::HOST {
            return Err(RequestError::ReservedHeader(name));
        }
        self.headers.append(name, value);
        Ok(self)
    }
}

impl FromStr for Proxy {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ProxyUrlError::Syntax);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ProxyUrlError::Syntax)?;
        let (scheme, default_port) = match &*scheme.to_ascii_lowercase() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" => (Scheme::Socks5, 1080),
            "socks5h" => (Scheme::Socks5h, 1080),
            _ => return Err(ProxyUrlError::Scheme),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(ProxyUrlError::Resource);
        }
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, authority)) => {
                (Some(Credentials::parse(credentials, scheme)?), authority)
            }
            None => (None, authority),
        };
        let (host, port) = parse_host_and_port(authority, default_port)?;
        Ok(Self { scheme, host, port, credentials, headers: HeaderMap::new() })
    }
}

impl Credentials {
    fn parse(text: &str, scheme: Scheme) -> Result<Self, ProxyUrlError> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = percent_decode(user).zip(percent_decode(password));
        let (user, password) = decoded.ok_or(ProxyUrlError::Credentials)?;
        let credentials = match scheme {
            Scheme::Http | Scheme::Https => basic(&user, &password).map(Self::Basic),
            Scheme::Socks5 | Scheme::Socks5h => {
                socks5::credentials(&user, &password).map(Self::Socks)
            }
        };
        credentials.ok_or(ProxyUrlError::Credentials)
    }
}

/// Without credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
            Scheme::Socks5h => "socks5h",
        };
        write!(f, "{scheme}://{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("url", &format_args!("{self}"))
            .field("has_credentials", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

/// The conversation with a proxy that opens a way to a server.
///
/// ```
/// use hybi::RecvBuf;
/// use hybi::handshake::Progress;
/// use hybi::proxy::Tunnel;
///
/// let proxy = "http://proxy.example:3128".parse()?;
/// let (mut rx, mut tx) = (RecvBuf::new(), Vec::new());
/// let tunnel = Tunnel::new(&proxy, "server.example", 443)?;
/// let Progress::Continue(tunnel) = tunnel.advance(&mut rx, &mut tx)? else { panic!("it waits") };
/// assert!(tx.starts_with(b"CONNECT server.example:443 HTTP/1.1\r\n"));
///
/// tx.clear(); // it was sent; then comes
/// rx.extend_from_slice(b"HTTP/1.1 200 Connection established\r\n\r\n");
/// assert!(matches!(tunnel.advance(&mut rx, &mut tx)?, Progress::Done(())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a tunnel is open when `advance` is done"]
pub struct Tunnel(Conversation);

enum Conversation {
    Http(HttpConnect),
    Socks(Socks5),
}

impl Tunnel {
    /// Begins a conversation about a way to `host`: a name, or an address, an IPv6 address without brackets.
    ///
    /// # Errors
    ///
    /// [`ProxyError::HostTooLong`] for a name over 255 bytes, with SOCKS.
    pub fn new(proxy: &Proxy, host: &str, port: u16) -> Result<Self, ProxyError> {
        let credentials = proxy.credentials.as_ref();
        Ok(Self(match proxy.scheme {
            Scheme::Http | Scheme::Https => {
                Conversation::Http(HttpConnect::new(host, port, credentials, &proxy.headers))
            }
            Scheme::Socks5 | Scheme::Socks5h => {
                Conversation::Socks(Socks5::new(host, port, credentials)?)
            }
        }))
    }

    /// Sets what an HTTP proxy's answer may cost; its time is for the caller to mind.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        if let Conversation::Http(http) = &mut self.0 {
            http.limits = limits;
        }
        self
    }

    /// Goes on with what has come in `rx`. What is to be sent is appended to `tx`: send it before waiting for more.
    ///
    /// Bytes that follow the proxy's last word stay in `rx`. They are the server's.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Refused`] with status, headers and the beginning of the body, [`ProxyError::Reply`], or the rule
    /// that the proxy breaks.
    pub fn advance(
        self,
        rx: &mut RecvBuf,
        tx: &mut Vec<u8>,
    ) -> Result<Progress<Self, ()>, ProxyError> {
        Ok(match self.0 {
            Conversation::Http(http) => match http.advance(rx, tx)? {
                Progress::Continue(next) => Progress::Continue(Self(Conversation::Http(next))),
                Progress::Done(()) => Progress::Done(()),
            },
            Conversation::Socks(socks) => match socks.advance(rx, tx)? {
                Progress::Continue(next) => Progress::Continue(Self(Conversation::Socks(next))),
                Progress::Done(()) => Progress::Done(()),
            },
        })
    }

    /// The transport ended, or the time is over: what is known of a refusal whose body has not come to an end, else
    /// [`ProxyError::Incomplete`].
    #[must_use]
    pub fn handle_eof(self) -> ProxyError {
        match self.0 {
            Conversation::Http(http) => http.handle_eof(),
            Conversation::Socks(_) => ProxyError::Incomplete,
        }
    }
}

/// Without what is to be sent: the password is in it.
impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}
