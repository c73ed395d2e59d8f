//! What a client wishes for when it connects by URL: data that both adapters' `connect` takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};

use crate::Config;
#[cfg(unix)]
use crate::connect;
use crate::handshake::{Limits, Request, RequestError, Url, UrlError};

/// A connection to be made: a request, and the way to the server.
///
/// Both adapters' `connect` take it, or anything that turns into it: a URL or a [`Request`].
///
/// ```no_run
/// use hybi::Connect;
/// use http::header::{HeaderValue, USER_AGENT};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = Connect::new("ws://example.com/feed")?
///     .header(USER_AGENT, HeaderValue::from_static("example/1.0"))?
///     .subprotocol("v2.feed")?
///     .timeout(Duration::from_secs(5));
/// let mut ws = hybi::blocking::connect(connect)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until it is given to an adapter's `connect`"]
pub struct Connect {
    pub(super) request: Request,
    /// The path of the socket of a `ws+unix:` URL.
    pub(super) socket: Option<String>,
    /// What takes the place of name resolution.
    pub(super) addresses: Option<Vec<SocketAddr>>,
    pub(super) config: Arc<Config>,
    pub(super) limits: Limits,
    pub(super) tcp: TcpOptions,
}

/// How TCP connections are made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    /// Whether small writes leave at once (`TCP_NODELAY`): yes. Without it a message may wait for the
    /// acknowledgement of the one before.
    pub nodelay: bool,
    /// The kernel probes a silent peer after this long, and then as often: never. A connection's own pings
    /// ([`Config::ping_interval`]) find dead peers sooner and through proxies.
    #[cfg(feature = "tcp-keepalive")]
    pub keepalive: Option<Duration>,
}

impl Connect {
    /// Connects to a `ws:` or `wss:` URL, or on Unix to a socket in the file system:
    /// `ws+unix:/path/to/socket:/resource`, in whose path `:`, `%` and what a URL may not contain are percent-encoded.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        #[cfg(unix)]
        if let Some((socket, url)) = connect::parse_unix(url)? {
            return Ok(Self { socket: Some(socket), ..Self::from(url) });
        }
        url.parse::<Url>().map(Self::from)
    }

    /// Adds a header, as [`Request::header`].
    ///
    /// # Errors
    ///
    /// [`RequestError::ReservedHeader`] for headers that belong to the handshake itself.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Result<Self, RequestError> {
        Ok(Self { request: self.request.header(name, value)?, ..self })
    }

    /// Offers a subprotocol, as [`Request::subprotocol`]; call it once for each, the preferred one first.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidSubprotocol`] for one that is not a token or was offered before.
    pub fn subprotocol(self, name: &str) -> Result<Self, RequestError> {
        Ok(Self { request: self.request.subprotocol(name)?, ..self })
    }

    /// Says from which page the request comes, as browsers do (RFC 6455 section 4.1, item 8).
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHeader`] for text that no header can carry.
    pub fn origin(self, origin: &str) -> Result<Self, RequestError> {
        let value = HeaderValue::from_str(origin);
        let value = value.map_err(|_| RequestError::InvalidHeader(header::ORIGIN))?;
        self.header(header::ORIGIN, value)
    }

    /// Offers compression, as [`Config::compression`] does.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, compression: crate::Compression) -> Self {
        Arc::make_mut(&mut self.config).compression = Some(compression);
        self
    }

    /// Sets the limits and timeouts of the connection that comes about, compression among them.
    pub fn config(self, config: impl Into<Arc<Config>>) -> Self {
        Self { config: config.into(), ..self }
    }

    /// Sets what the way to a connection may cost. Its `timeout` is that of [`timeout`](Self::timeout).
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets how long everything may take together, from the resolution of the name to the server's response:
    /// 20 s, not extended by progress.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// Connects to one of these addresses, which [race](crate::connect::Race), instead of those that the host's name resolves to. The name
    /// still stands in the request.
    pub fn addresses(self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { addresses: Some(addresses.into_iter().collect()), ..self }
    }

    /// Sets how TCP connections are made.
    pub fn tcp(self, tcp: TcpOptions) -> Self {
        Self { tcp, ..self }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            #[cfg(feature = "tcp-keepalive")]
            keepalive: None,
        }
    }
}

impl From<Request> for Connect {
    fn from(request: Request) -> Self {
        Self {
            request,
            socket: None,
            addresses: None,
            config: Arc::default(),
            limits: Limits { timeout: crate::handshake::CLIENT_TIMEOUT, ..Limits::default() },
            tcp: TcpOptions::default(),
        }
    }
}

impl From<Url> for Connect {
    fn from(url: Url) -> Self {
        Request::from(url).into()
    }
}

impl TryFrom<&str> for Connect {
    type Error = UrlError;

    fn try_from(url: &str) -> Result<Self, UrlError> {
        Self::new(url)
    }
}

impl TryFrom<&String> for Connect {
    type Error = UrlError;

    fn try_from(url: &String) -> Result<Self, UrlError> {
        Self::new(url)
    }
}

impl TryFrom<String> for Connect {
    type Error = UrlError;

    fn try_from(url: String) -> Result<Self, UrlError> {
        Self::new(&url)
    }
}
