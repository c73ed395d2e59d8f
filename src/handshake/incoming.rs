//! A request to be accepted or rejected, now or after any asynchronous work.

use alloc::borrow::ToOwned;
use alloc::string::String;
#[cfg(feature = "deflate")]
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri, Version};

#[cfg(feature = "deflate")]
use super::deflate;
use super::fields::{self, name, value_of};
use super::shown::{Refused, Target, mark_secrets};
use super::url::parse_host_and_port;
use super::{
    AcceptError, Extension, HandshakeError, Key, Negotiated, OriginPolicy, Refusal,
    parse_extensions, response,
};
#[cfg(feature = "deflate")]
use crate::deflate::Compression;

/// A client's request for a WebSocket, checked against RFC 6455 section 4.2.1.
///
/// The application looks at it and answers with [`accept`](Self::accept) or [`reject`](Self::reject); time in
/// between is its own.
///
/// `Debug` shows neither the query nor the headers that are secrets, which are
/// [marked](HeaderValue::is_sensitive): `Authorization`, `Cookie`, `Proxy-Authorization`.
pub struct Incoming {
    request: http::Request<()>,
    /// Absent where the request came as an extended CONNECT (RFC 8441), which needs no key.
    key: Option<Key>,
    subprotocols: Vec<String>,
    extensions: Vec<Extension>,
}

impl Incoming {
    /// Takes a request that another library has read: HTTP/1.1 Upgrade, or the extended CONNECT of HTTP/2
    /// and HTTP/3 (RFC 8441, RFC 9220), of which the caller has seen that its `:protocol` is `websocket`.
    ///
    /// The request's body type and extensions do not matter.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] where the request breaks RFC 6455 or the origin is not allowed; its
    /// [`error`](Refusal::error) names the status to answer with.
    pub fn from_request<B>(
        request: &http::Request<B>,
        origins: &OriginPolicy,
    ) -> Result<Self, Refusal> {
        let mut copy = http::Request::new(());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.version_mut() = request.version();
        *copy.headers_mut() = request.headers().clone();
        mark_secrets(copy.headers_mut());
        Self::check(copy, origins).map_err(response::refuse)
    }

    pub(super) fn check(
        request: http::Request<()>,
        origins: &OriginPolicy,
    ) -> Result<Self, HandshakeError> {
        let headers = request.headers();
        let extended = is_extended_connect(&request);
        let key = if extended { None } else { Some(check_upgrade(&request)?) };
        check_version(headers)?;
        check_origin(&request, origins)?;
        let subprotocols = parse_subprotocols(headers)?;
        let offers = headers.get_all(name::EXTENSIONS).iter().map(HeaderValue::as_bytes);
        let extensions = parse_extensions(offers)?;
        Ok(Self { key, subprotocols, extensions, request })
    }

    /// The path of the request, as `/chat`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The query of the request, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.request.uri().query()
    }

    /// The target of the request.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// All header fields, also those of the handshake itself.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The origin of the page that connects; absent where no browser does.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers().get(header::ORIGIN)?.to_str().ok()
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        &self.subprotocols
    }

    /// The first subprotocol that the client offers and `supported` contains, to be handed to
    /// [`Accept::subprotocol`].
    #[must_use]
    pub fn choose_subprotocol(&self, supported: &[&str]) -> Option<&str> {
        self.subprotocols.iter().map(String::as_str).find(|offered| supported.contains(offered))
    }

    /// The extensions that the client offers, in its order of preference.
    #[must_use]
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Accepts the request: makes the response and what has been agreed on.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] where `accept` asks for what RFC 6455 section 4.2.2 forbids; nothing has been sent.
    pub fn accept(&self, accept: &Accept) -> Result<Accepted, AcceptError> {
        if let Some(reserved) = accept.headers.keys().find(|name| fields::is_reserved(name)) {
            return Err(AcceptError::ReservedHeader(reserved.clone()));
        }
        let mut response = http::Response::new(());
        let headers = response.headers_mut();
        if let Some(key) = &self.key {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, value_of(&key.accept()));
        }
        if let Some(chosen) = &accept.subprotocol {
            if !self.subprotocols.contains(chosen) {
                return Err(AcceptError::SubprotocolNotOffered);
            }
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value_of(chosen));
        }
        for (name, value) in &accept.headers {
            headers.append(name, value.clone());
        }
        if self.key.is_some() {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        #[cfg(feature = "deflate")]
        let chosen =
            accept.compression.as_ref().and_then(|ours| deflate::choose(&self.extensions, ours));
        #[cfg(feature = "deflate")]
        let (compression, extensions) = chosen.map_or((None, Vec::new()), |(params, answer)| {
            let header = value_of(&answer.to_string());
            response.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, header);
            (Some(params), Vec::from([answer]))
        });
        #[cfg(not(feature = "deflate"))]
        let extensions = Vec::new();
        let negotiated = Negotiated {
            subprotocol: accept.subprotocol.clone(),
            extensions,
            #[cfg(feature = "deflate")]
            compression,
        };
        Ok(Accepted { response, negotiated })
    }

    /// Rejects the request: returns the bytes of the response, after which the transport is closed.
    ///
    /// ```no_run
    /// # fn example(incoming: hybi::handshake::Incoming) {
    /// use hybi::handshake::Rejection;
    ///
    /// let bytes = incoming.reject(http::StatusCode::UNAUTHORIZED);
    /// # let _ = bytes; let _: Rejection = http::StatusCode::UNAUTHORIZED.into();
    /// # }
    /// ```
    pub fn reject(&self, rejection: impl Into<Rejection>) -> Bytes {
        response::encode_rejection(&rejection.into().response)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("version", &self.request.version())
            .field("target", &Target(self.uri()))
            .field("headers", self.headers())
            .finish_non_exhaustive()
    }
}

/// How a request is accepted.
#[derive(Clone, Debug, Default)]
pub struct Accept {
    subprotocol: Option<String>,
    headers: HeaderMap,
    #[cfg(feature = "deflate")]
    compression: Option<Compression>,
    /// Whether the application has decided about compression.
    #[cfg(feature = "deflate")]
    decided: bool,
}

impl Accept {
    /// Without a subprotocol or further headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses a subprotocol among those that the client offered.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: &str) -> Self {
        self.subprotocol = Some(subprotocol.to_owned());
        self
    }

    /// Accepts compression if the client offers it, or declines it with `None`.
    ///
    /// Without this call the adapters take [`Config::compression`](crate::Config::compression). The offer is in
    /// [`Incoming::extensions`] and the client's name in its `User-Agent`, for those who know of clients
    /// that compress badly.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compression<'c>(mut self, compression: impl Into<Option<&'c Compression>>) -> Self {
        self.compression = compression.into().cloned();
        self.decided = true;
        self
    }

    /// Takes `compression` where the application has not decided.
    #[cfg(feature = "deflate")]
    pub(crate) fn or_compression(&self, compression: Option<&Compression>) -> Self {
        if self.decided { self.clone() } else { self.clone().compression(compression) }
    }

    /// Adds a header to the response. `http`'s types admit nothing that could end the line. `Set-Cookie` becomes
    /// [sensitive](HeaderValue::is_sensitive): `Debug` does not show it.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        mark_secrets(&mut self.headers);
        self
    }
}

/// An accepted request: the response to send and what it agrees on.
#[derive(Debug)]
pub struct Accepted {
    response: http::Response<()>,
    negotiated: Negotiated,
}

impl Accepted {
    /// What has been agreed on.
    #[must_use]
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// The response as it goes over an HTTP/1.1 transport.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        response::encode_head(&self.response).into()
    }

    /// The response as a value, for another library to send.
    #[must_use]
    pub fn into_response(self) -> (http::Response<()>, Negotiated) {
        (self.response, self.negotiated)
    }
}

/// A response other than 101.
pub struct Rejection {
    response: http::Response<Bytes>,
}

impl Rejection {
    pub(super) fn into_inner(self) -> http::Response<Bytes> {
        self.response
    }
}

impl From<StatusCode> for Rejection {
    fn from(status: StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or_default();
        let mut response = http::Response::new(Bytes::from_static(reason.as_bytes()));
        *response.status_mut() = status;
        Self { response }
    }
}

impl From<http::Response<Bytes>> for Rejection {
    fn from(response: http::Response<Bytes>) -> Self {
        Self { response }
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rejection").field(&Refused(&self.response)).finish()
    }
}

/// Whether this is the CONNECT of HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220) that asks for a protocol: unlike the
/// one that asks for a tunnel it names a scheme and a path.
fn is_extended_connect(request: &http::Request<()>) -> bool {
    matches!(request.version(), Version::HTTP_2 | Version::HTTP_3)
        && request.method() == Method::CONNECT
        && request.uri().scheme().is_some()
        && request.uri().path_and_query().is_some()
}

/// Checks what makes a request an upgrade (section 4.2.1, items 1 to 5).
fn check_upgrade(request: &http::Request<()>) -> Result<Key, HandshakeError> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(HandshakeError::Method);
    }
    if request.version() != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion);
    }
    // A path, or a whole http: URL as a proxy sends it (RFC 9112 section 3.2).
    let uri = request.uri();
    let fits = match uri.scheme_str() {
        None => uri.authority().is_none() && uri.path().starts_with('/'),
        Some(scheme) => matches!(scheme, "http" | "https") && uri.authority().is_some(),
    };
    if !fits {
        return Err(HandshakeError::Malformed);
    }
    let body = fields::optional(headers, "Content-Length")?.is_some_and(|length| length != b"0");
    if body || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(HandshakeError::BodyNotAllowed);
    }
    let host = fields::single(headers, name::HOST)?;
    if !core::str::from_utf8(host).is_ok_and(|host| parse_host_and_port(host, 80).is_ok()) {
        return Err(HandshakeError::InvalidHeader(name::HOST));
    }
    for (field, token) in [(name::UPGRADE, "websocket"), (name::CONNECTION, "upgrade")] {
        if !headers.contains_key(field) {
            return Err(HandshakeError::MissingHeader(field));
        }
        if !fields::has_token(headers, field, token) {
            return Err(HandshakeError::InvalidHeader(field));
        }
    }
    Key::parse(fields::single(headers, name::KEY)?).ok_or(HandshakeError::BadKey)
}

fn check_version(headers: &HeaderMap) -> Result<(), HandshakeError> {
    match fields::single(headers, name::VERSION)? {
        b"13" => Ok(()),
        _ => Err(HandshakeError::UnsupportedVersion),
    }
}

fn check_origin(request: &http::Request<()>, origins: &OriginPolicy) -> Result<(), HandshakeError> {
    let headers = request.headers();
    let Some(origin) = fields::optional(headers, name::ORIGIN)? else { return Ok(()) };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    if origins.allows(origin, host.unwrap_or_default()) {
        Ok(())
    } else {
        Err(HandshakeError::OriginRejected)
    }
}

/// Nobody offers more; each is compared with all before it.
const MAX_SUBPROTOCOLS: usize = 100;

/// The offered subprotocols: tokens, each once (section 4.1, item 10).
fn parse_subprotocols(headers: &HeaderMap) -> Result<Vec<String>, HandshakeError> {
    let invalid = HandshakeError::InvalidHeader(name::PROTOCOL);
    let mut found: Vec<String> = Vec::new();
    for element in fields::elements(headers, name::PROTOCOL).filter(|e| !e.is_empty()) {
        let Ok(text) = core::str::from_utf8(element) else { return Err(invalid) };
        let known = found.len() == MAX_SUBPROTOCOLS || found.iter().any(|known| known == text);
        if !fields::is_token(element) || known {
            return Err(invalid);
        }
        found.push(text.to_owned());
    }
    if found.is_empty() && headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL) {
        return Err(invalid);
    }
    Ok(found)
}
