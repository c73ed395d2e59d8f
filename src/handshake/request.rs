//! A client's request, built from typed parts.

use alloc::borrow::ToOwned;
use alloc::string::String;
#[cfg(feature = "deflate")]
use alloc::string::ToString;
use alloc::vec::Vec;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

#[cfg(feature = "deflate")]
use super::DeflateOffer;
use super::fields::{is_reserved, is_secret, is_token, value_of};
use super::{Key, RequestError, Url, UrlError, credentials, response};
#[cfg(feature = "deflate")]
use crate::deflate::Compression;

/// What a client asks for: a URL, subprotocols, headers.
///
/// ```
/// use hybi::handshake::Request;
/// use http::header::{AUTHORIZATION, HeaderValue};
///
/// let request = Request::new("ws://example.com/feed")?
///     .subprotocol("v2.feed")?
///     .header(AUTHORIZATION, HeaderValue::from_static("Bearer 1234"))?;
/// # Ok::<(), hybi::handshake::RequestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    url: Url,
    headers: HeaderMap,
    subprotocols: Vec<String>,
    #[cfg(feature = "deflate")]
    offers: Vec<DeflateOffer>,
    #[cfg(feature = "deflate")]
    compression: Compression,
}

impl Request {
    /// Asks for the resource of a `ws:` or `wss:` URL.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        url.parse::<Url>().map(Self::from)
    }

    /// Adds a header. `http`'s types admit nothing that could end the line; `Host` may be replaced.
    ///
    /// `Authorization`, `Cookie` and `Proxy-Authorization` become [sensitive](HeaderValue::is_sensitive): `Debug` does not show
    /// them.
    ///
    /// # Errors
    ///
    /// [`RequestError::ReservedHeader`] for headers that belong to the handshake itself.
    pub fn header(
        mut self,
        name: HeaderName,
        mut value: HeaderValue,
    ) -> Result<Self, RequestError> {
        if is_reserved(&name) {
            return Err(RequestError::ReservedHeader(name));
        }
        if is_secret(&name) {
            value.set_sensitive(true);
        }
        if name == header::HOST {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
        Ok(self)
    }

    /// Sends user and password (`Basic`, RFC 7617), in UTF-8. Over `ws:` everybody on the way can read them.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHeader`] for a user name with a colon, or control characters.
    pub fn basic_auth(self, user: &str, password: &str) -> Result<Self, RequestError> {
        self.authorization(credentials::basic(user, password))
    }

    /// Sends a token (`Bearer`, RFC 6750). Over `ws:` everybody on the way can read it.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHeader`] for characters that a token may not have.
    pub fn bearer_auth(self, token: &str) -> Result<Self, RequestError> {
        self.authorization(credentials::bearer(token))
    }

    fn authorization(mut self, value: Option<HeaderValue>) -> Result<Self, RequestError> {
        let value = value.ok_or(RequestError::InvalidHeader(header::AUTHORIZATION))?;
        self.headers.insert(header::AUTHORIZATION, value);
        Ok(self)
    }

    /// Offers a subprotocol; call it once for each, the preferred one first.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidSubprotocol`] for one that is not a token or was offered before.
    pub fn subprotocol(mut self, name: &str) -> Result<Self, RequestError> {
        if !is_token(name.as_bytes()) || self.subprotocols.iter().any(|known| known == name) {
            return Err(RequestError::InvalidSubprotocol);
        }
        self.subprotocols.push(name.to_owned());
        Ok(self)
    }

    /// Offers compression as `compression` wishes it. The adapters do it by themselves where
    /// [`Config::compression`](crate::Config::compression) is set.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compression(self, compression: &Compression) -> Self {
        self.offer(DeflateOffer::new(compression)).with_settings(compression)
    }

    /// Makes a further offer of compression; call it once for each, the preferred one first.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn offer(mut self, offer: DeflateOffer) -> Self {
        self.offers.push(offer);
        self
    }

    /// Sets how we compress if the server accepts, for offers made with [`offer`](Self::offer).
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_settings(mut self, compression: &Compression) -> Self {
        self.compression = compression.clone();
        self
    }

    /// The offers of compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn offers(&self) -> &[DeflateOffer] {
        &self.offers
    }

    #[cfg(feature = "deflate")]
    pub(super) fn compression_settings(&self) -> &Compression {
        &self.compression
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The subprotocols that are offered.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// The same request for another URL of the application's own choice: with the host of that, secrets included.
    pub(crate) fn with_url(mut self, url: Url) -> Self {
        self.headers.remove(header::HOST);
        Self { url, ..self }
    }

    /// The same request for another URL: with the host of that, and what is secret, and so marked, only within the origin.
    pub(crate) fn moved_to(mut self, url: Url) -> Self {
        self.headers.remove(header::HOST);
        if !self.url.same_origin(&url) {
            let headers = core::mem::take(&mut self.headers);
            for (name, value) in &headers {
                if !value.is_sensitive() {
                    self.headers.append(name, value.clone());
                }
            }
        }
        self.url = url;
        self
    }

    /// The request as a value, for another library to send over HTTP/1.1; check the answer with
    /// [`verify`](super::verify).
    #[must_use]
    #[expect(clippy::expect_used, reason = "the parts have been parsed before")]
    pub fn to_http(&self, key: &Key) -> http::Request<()> {
        let mut request = http::Request::new(());
        let resource = self.url.resource();
        *request.uri_mut() = resource.parse().expect("a URL's resource has been parsed before");
        let headers = request.headers_mut();
        // Host comes first, as RFC 9110 section 7.2 asks.
        headers.insert(header::HOST, value_of(&self.url.host_header()));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let key = core::str::from_utf8(key.as_bytes()).expect("a key is base64");
        headers.insert(header::SEC_WEBSOCKET_KEY, value_of(key));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        if !self.subprotocols.is_empty() {
            let list = value_of(&self.subprotocols.join(", "));
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, list);
        }
        #[cfg(feature = "deflate")]
        if !self.offers.is_empty() {
            let offers: Vec<String> =
                self.offers.iter().map(|offer| offer.to_extension().to_string()).collect();
            headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, value_of(&offers.join(", ")));
        }
        for (name, value) in &self.headers {
            if *name == header::HOST {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
        request
    }

    /// The request as it goes over an HTTP/1.1 transport.
    pub(super) fn to_bytes(&self, key: &Key) -> Bytes {
        let request = self.to_http(key);
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(b"GET ");
        bytes.extend_from_slice(self.url.resource().as_bytes());
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        response::encode_headers(request.headers(), &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        bytes.into()
    }
}

impl From<Url> for Request {
    fn from(url: Url) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
            subprotocols: Vec::new(),
            #[cfg(feature = "deflate")]
            offers: Vec::new(),
            #[cfg(feature = "deflate")]
            compression: Compression::default(),
        }
    }
}

impl TryFrom<&str> for Request {
    type Error = UrlError;

    fn try_from(url: &str) -> Result<Self, UrlError> {
        Self::new(url)
    }
}
