//! A request to be accepted or rejected, now or after any asynchronous work.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Uri, Version};

use super::check::{check_offers, check_upgrade};
#[cfg(feature = "deflate")]
use super::deflate;
use super::fields::{is_reserved, lines, list, name, trim, values};
use super::found::Found;
use super::parts::RequestParts;
use super::shown::{Target, mark_secrets};
use super::{
    Accept, AcceptError, Accepted, Extension, HandshakeError, Key, Negotiated, OriginPolicy,
    Refusal, Rejection, parse_extensions, response,
};

/// A client's request for a WebSocket, checked against RFC 6455 section 4.2.1.
///
/// The application looks at it and answers with [`accept`](Self::accept) or [`reject`](Self::reject); time in
/// between is its own.
///
/// It keeps the bytes of the request, and finds in them what it is asked for; [`to_http`](Self::to_http) makes a
/// value of `http`'s of them.
///
/// `Debug` shows neither the query nor the headers that are secrets: `Authorization`, `Cookie`, `Proxy-Authorization`.
pub struct Incoming {
    /// Whole lines: the one of the request, each field's as `name: value`, and the empty one.
    head: Bytes,
    target: Range<usize>,
    /// Where the header lines begin.
    fields: usize,
    version: Version,
    /// Absent where the request came as an extended CONNECT (RFC 8441), which needs no key.
    key: Option<Key>,
    /// The numbers of the lines that came [marked](HeaderValue::is_sensitive) as secrets.
    sensitive: Vec<usize>,
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
        Self::read_http(request, origins).map_err(response::refuse)
    }

    fn read_http<B>(
        request: &http::Request<B>,
        origins: &OriginPolicy,
    ) -> Result<Self, HandshakeError> {
        let mut head = request.uri().to_string().into_bytes();
        let target = 0..head.len();
        head.extend_from_slice(b"\r\n");
        let fields = head.len();
        let mut found = Found::default();
        let mut sensitive = Vec::new();
        for (line, (name, value)) in request.headers().iter().enumerate() {
            if value.is_sensitive() {
                sensitive.push(line);
            }
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            let value = trim(value.as_bytes());
            found.note(name.as_str().as_bytes(), value, head.len());
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let (head, version) = (head.into(), request.version());
        let mut incoming = Self { head, target, fields, version, key: None, sensitive };
        if !is_extended_connect(request) {
            if request.method() == Method::GET && request.version() != Version::HTTP_11 {
                return Err(HandshakeError::HttpVersion);
            }
            let (method, target) = (request.method().as_str(), incoming.target());
            let (method, target) = (method.as_bytes(), target.as_bytes());
            incoming.key = Some(check_upgrade(method, target, &incoming.head, &found)?);
        } else if !request.uri().path().starts_with('/')
            || Uri::try_from(incoming.target()).is_err()
        {
            return Err(HandshakeError::Malformed);
        }
        check_offers(&incoming.head, &found, incoming.fields(), incoming.authority(), origins)?;
        Ok(incoming)
    }

    /// Takes a request of HTTP/1.1 whose head is there.
    pub(super) fn read_bytes(
        head: Bytes,
        RequestParts { line, found }: &RequestParts,
        origins: &OriginPolicy,
    ) -> Result<Self, HandshakeError> {
        if !line.is_1_1 {
            return Err(HandshakeError::HttpVersion);
        }
        let part = |range: &Range<usize>| head.get(range.clone()).unwrap_or_default();
        let key = Some(check_upgrade(part(&line.method), part(&line.target), &head, found)?);
        let fields = line.end.saturating_add(b"\r\n".len());
        let target = line.target.clone();
        let (version, sensitive) = (Version::HTTP_11, Vec::new());
        let incoming = Self { head, target, fields, version, key, sensitive };
        check_offers(&incoming.head, found, incoming.fields(), incoming.authority(), origins)?;
        Ok(incoming)
    }

    /// The path of the request, as `/chat`.
    #[must_use]
    pub fn path(&self) -> &str {
        let resource = self.resource();
        match resource.split_once('?').map_or(resource, |(path, _)| path) {
            "" => "/",
            path => path,
        }
    }

    /// The query of the request, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.resource().split_once('?').map(|(_, query)| query)
    }

    /// Path and query: the target without the host that a proxy, HTTP/2 and HTTP/3 put before them.
    fn resource(&self) -> &str {
        self.split_target().1
    }

    /// The host that a target names which is a whole URL: it goes before that of the field `Host` (RFC 9112 section 3.2.2,
    /// RFC 9113 section 8.3.1).
    fn authority(&self) -> Option<&str> {
        self.split_target().0
    }

    fn split_target(&self) -> (Option<&str>, &str) {
        let target = self.target();
        if target.starts_with('/') {
            return (None, target);
        }
        let behind_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
        let end = behind_scheme.find(['/', '?']).unwrap_or(behind_scheme.len());
        let (authority, resource) = behind_scheme.split_at(end);
        (Some(authority), resource)
    }

    /// The target of the request as it came: path and query, or a whole URL.
    #[must_use]
    pub fn target(&self) -> &str {
        text(&self.head, self.target.clone())
    }

    /// The value of the first header line of that name, in whatever case; `None` where there is none, or one that is no
    /// UTF-8.
    ///
    /// ```no_run
    /// # fn example(incoming: hybi::handshake::Incoming) -> bool {
    /// incoming.header("authorization") == Some("Bearer 1234")
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = values(self.fields(), name).next()?;
        core::str::from_utf8(value).ok()
    }

    /// All header lines in their order, also those of the handshake itself: names as they came, and values without the
    /// space around them. Over HTTP/1.1 names may be in any case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        lines(self.fields())
    }

    /// The request as a value of `http`'s, with its header fields in a map. It is made at each call; the values of the
    /// fields share the memory of this request, and secrets are [marked](HeaderValue::is_sensitive).
    #[must_use]
    #[expect(clippy::expect_used, reason = "all of it has been checked")]
    pub fn to_http(&self) -> http::Request<()> {
        let mut request = http::Request::new(());
        if self.key.is_none() {
            *request.method_mut() = Method::CONNECT;
        }
        *request.version_mut() = self.version;
        *request.uri_mut() = Uri::try_from(self.target()).expect("the target has been checked");
        for (line, (name, value)) in self.headers().enumerate() {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("names have been checked");
            let value = HeaderValue::from_maybe_shared(self.head.slice_ref(value));
            let mut value = value.expect("values have been checked");
            value.set_sensitive(self.sensitive.contains(&line));
            request.headers_mut().append(name, value);
        }
        mark_secrets(request.headers_mut());
        request
    }

    /// The origin of the page that connects; absent where no browser does, and where it is no UTF-8.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.header(name::ORIGIN)
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        values(self.fields(), name::PROTOCOL)
            .flat_map(list)
            .filter_map(|element| core::str::from_utf8(element).ok())
            .filter(|element| !element.is_empty())
    }

    /// The first subprotocol that the client offers and `supported` contains, to be handed to
    /// [`Accept::subprotocol`].
    #[must_use]
    pub fn choose_subprotocol(&self, supported: &[&str]) -> Option<&str> {
        self.subprotocols().find(|offered| supported.contains(offered))
    }

    /// The extensions that the client offers, in its order of preference; read at each call.
    #[must_use]
    pub fn extensions(&self) -> Vec<Extension> {
        parse_extensions(values(self.fields(), name::EXTENSIONS)).unwrap_or_default()
    }

    /// Accepts the request: makes the response and what has been agreed on.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] where `accept` asks for what RFC 6455 section 4.2.2 forbids; nothing has been sent.
    pub fn accept(&self, accept: &Accept) -> Result<Accepted, AcceptError> {
        if let Some(reserved) = accept.headers.keys().find(|name| is_reserved(name)) {
            return Err(AcceptError::ReservedHeader(reserved.clone()));
        }
        if let Some(chosen) = &accept.subprotocol {
            if !self.subprotocols().any(|offered| offered == chosen) {
                return Err(AcceptError::SubprotocolNotOffered);
            }
        }
        #[cfg(feature = "deflate")]
        let chosen = accept.compression.as_ref().and_then(|ours| {
            let offers = self.extensions();
            deflate::choose(&offers, ours)
        });
        #[cfg(feature = "deflate")]
        let (compression, extensions) = chosen
            .map_or((None, Vec::new()), |(params, answer)| (Some(params), Vec::from([answer])));
        #[cfg(not(feature = "deflate"))]
        let extensions = Vec::new();
        let negotiated = Negotiated {
            subprotocol: accept.subprotocol.clone(),
            extensions,
            #[cfg(feature = "deflate")]
            compression,
        };
        let answer = self.key.as_ref().map(Key::answer);
        let headers = (!accept.headers.is_empty()).then(|| accept.headers.clone());
        Ok(Accepted { answer, headers, negotiated })
    }

    fn fields(&self) -> &[u8] {
        self.head.get(self.fields..).unwrap_or_default()
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
        response::encode_rejection(&rejection.into().into_inner())
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.to_http();
        f.debug_struct("Incoming")
            .field("version", &request.version())
            .field("target", &Target(request.uri()))
            .field("headers", request.headers())
            .finish_non_exhaustive()
    }
}

/// Whether this is the CONNECT of HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220) that asks for a protocol: unlike the
/// one that asks for a tunnel it names a scheme and a path.
fn is_extended_connect<B>(request: &http::Request<B>) -> bool {
    matches!(request.version(), Version::HTTP_2 | Version::HTTP_3)
        && request.method() == Method::CONNECT
        && request.uri().scheme().is_some()
}

fn text(head: &[u8], range: Range<usize>) -> &str {
    head.get(range).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
}
