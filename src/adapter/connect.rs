//! What a client wishes for when it connects by URL: data that both adapters' `connect` takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};

#[cfg(feature = "tls")]
use super::authority;
use super::default_config;
#[cfg(feature = "tls")]
use super::tls::ClientTls;
#[cfg(feature = "tls")]
use super::{ConnectError, ConnectStep};
use crate::Config;
#[cfg(unix)]
use crate::connect;
use crate::handshake::{Limits, Request, RequestError, Url, UrlError};
use crate::proxy::{Proxies, Proxy, ProxyVariableError};

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
    pub(super) proxies: Proxies,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<ClientTls>,
    #[cfg(feature = "tls")]
    proxy_tls: Option<ClientTls>,
    /// How many redirects are still followed, where any are.
    pub(super) redirects: Option<u8>,
}

/// How many redirects are followed one after the other, where they are.
const MOST_REDIRECTS: u8 = 5;

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
    /// Connects to a `ws:` or `wss:` (feature `tls`) URL, or on Unix to a socket in the file system:
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

    /// Sends user and password, as [`Request::basic_auth`].
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHeader`] for a user name with a colon, or control characters.
    pub fn basic_auth(self, user: &str, password: &str) -> Result<Self, RequestError> {
        Ok(Self { request: self.request.basic_auth(user, password)?, ..self })
    }

    /// Sends a token, as [`Request::bearer_auth`].
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHeader`] for characters that a token may not have.
    pub fn bearer_auth(self, token: &str) -> Result<Self, RequestError> {
        Ok(Self { request: self.request.bearer_auth(token)?, ..self })
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
    /// still stands in the request. A proxy that resolves names does not look at them.
    pub fn addresses(self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { addresses: Some(addresses.into_iter().collect()), ..self }
    }

    /// Sets how TLS is spoken with the server of a `wss:` URL: as [`ClientTls::shared`] says, by default.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sets how TLS is spoken with an `https:` proxy, likewise.
    #[cfg(feature = "tls")]
    pub fn proxy_tls(self, tls: ClientTls) -> Self {
        Self { proxy_tls: Some(tls), ..self }
    }

    /// Goes through a proxy: by `CONNECT`, for `ws:` as for `wss:`, or by SOCKS 5. No proxy is used unless one is given.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # #[cfg(feature = "tokio")] {
    /// let connect = hybi::Connect::new("ws://example.com/")?.proxy("http://user:password@proxy.example:3128".parse()?);
    /// let mut ws = hybi::tokio::connect(connect).await?;
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn proxy(self, proxy: Proxy) -> Self {
        self.proxies(proxy.into())
    }

    /// Goes through a proxy where these rules name one for the server's host.
    pub fn proxies(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Goes through the proxy that the environment variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name for the server's
    /// host, as [`Proxies::from_variables`] reads them.
    ///
    /// # Errors
    ///
    /// Which variable names no proxy.
    pub fn proxies_from_environment(self) -> Result<Self, ProxyVariableError> {
        // What is not Unicode is no URL either, and told as that.
        let variable = |name: &str| Some(std::env::var_os(name)?.to_string_lossy().into_owned());
        Ok(self.proxies(Proxies::from_variables(variable)?))
    }

    /// Follows redirects, at most five one after the other; by default they are refusals as others are.
    ///
    /// Never from `wss:` to `ws:`. Where scheme, host or port change, what is secret is not sent along: see
    /// [`redirect`](crate::connect::redirect). Nor is the client's own certificate shown there, and the server must prove
    /// the name in the URL, whatever `tls` says; whom to trust stays as it is.
    pub fn follow_redirects(self) -> Self {
        Self { redirects: Some(MOST_REDIRECTS), ..self }
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

    /// How TLS is spoken with the server.
    #[cfg(feature = "tls")]
    pub(super) fn server_tls(&self) -> Result<ClientTls, ConnectError> {
        let url = self.request.url();
        or_shared(self.tls.as_ref(), url.host(), url.port())
    }

    /// How TLS is spoken with a proxy.
    #[cfg(feature = "tls")]
    pub(super) fn proxys_tls(&self, proxy: &Proxy) -> Result<ClientTls, ConnectError> {
        or_shared(self.proxy_tls.as_ref(), proxy.host(), proxy.port())
    }

    /// Shortens the [`timeout`](Self::timeout) to `limit`.
    pub(super) fn at_most(mut self, limit: Duration) -> Self {
        self.limits.timeout = self.limits.timeout.min(limit);
        self
    }

    /// The same wishes for another URL of the application's own choice; addresses and socket are those of the first.
    pub(super) fn for_url(mut self, url: Url) -> Self {
        if *self.request.url() != url {
            self.request = self.request.with_url(url);
            self.addresses = None;
            self.socket = None;
        }
        self
    }
}

#[cfg(feature = "tls")]
fn or_shared(tls: Option<&ClientTls>, host: &str, port: u16) -> Result<ClientTls, ConnectError> {
    let tls = tls.cloned().map_or_else(ClientTls::shared, Ok);
    tls.map_err(|error| ConnectError::new(ConnectStep::Tls, authority(host, port), error))
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
            config: default_config(),
            limits: Limits { timeout: crate::handshake::CLIENT_TIMEOUT, ..Limits::default() },
            tcp: TcpOptions::default(),
            proxies: Proxies::default(),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "tls")]
            proxy_tls: None,
            redirects: None,
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
