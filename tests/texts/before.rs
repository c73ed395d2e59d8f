//! Before there is a connection: handshakes, proxies, redirects, TLS; and what the adapters make of all.

use std::io::{self, ErrorKind};

use bytes::Bytes;
use http::HeaderName;
use http::header::{LOCATION, UPGRADE};
use hybi::blocking;
use hybi::connect::RedirectError;
use hybi::handshake::{AcceptError, HandshakeError, RequestError, UrlError};
use hybi::proxy::{ProxyError, ProxyUrlError};

use hybi::SendError;

use crate::{of, page};

#[test]
fn handshakes() {
    use HandshakeError as E;
    let refused = |status: u16, location: Option<&'static str>| {
        let mut response = http::Response::new(Bytes::from_static(b"a body that may be long"));
        *response.status_mut() = http::StatusCode::from_u16(status).expect("it is one");
        if let Some(location) = location {
            response.headers_mut().insert(LOCATION, location.parse().expect("it is a value"));
        }
        of(E::Refused(response.into()))
    };
    page([
        (
            of(E::Malformed),
            "the peer sent no valid HTTP/1.1: does it speak TLS, or another protocol?",
        ),
        (of(E::HttpVersion), "the peer speaks another version of HTTP than 1.1"),
        (of(E::Method), "the request's method is not GET"),
        (
            of(E::HeadTooLarge { limit: 16_384 }),
            "the peer sent headers of more than 16384 bytes (Limits::max_size)",
        ),
        (
            of(E::TargetTooLong { limit: 8192 }),
            "the request line is longer than 8192 bytes (half of Limits::max_size)",
        ),
        (
            of(E::TooManyHeaders { limit: 100 }),
            "the peer sent more than 100 headers (Limits::max_headers)",
        ),
        (of(E::MissingHeader("Host")), "the peer sent no Host header"),
        (
            of(E::MissingHeader("Upgrade")),
            "the peer sent no Upgrade header: it speaks no WebSocket, or a proxy in between must be told to",
        ),
        (
            of(E::DuplicateHeader("Sec-WebSocket-Key")),
            "the peer sent more than one Sec-WebSocket-Key header",
        ),
        (of(E::InvalidHeader("Host")), "the peer sent an invalid Host header"),
        (
            of(E::InvalidHeader("Connection")),
            "the peer sent an invalid Connection header: it speaks no WebSocket, or a proxy in between must be told to",
        ),
        (of(E::BadKey), "the request's Sec-WebSocket-Key is not 16 bytes in base64"),
        (of(E::UnsupportedVersion), "the request's Sec-WebSocket-Version is not 13"),
        (of(E::BodyNotAllowed), "the request to upgrade carries a body"),
        (
            of(E::OriginRejected("https://example.net".into())),
            "a page of \"https://example.net\" may not connect: allow its origin in ServerOptions::origins",
        ),
        (refused(403, None), "the server answered 403 Forbidden"),
        (refused(599, None), "the server answered 599"),
        (
            refused(301, Some("https://example.net/?secret")),
            "the server answered 301 Moved Permanently: redirects are followed where Connect::follow_redirects says so",
        ),
        (of(E::TooManyInterim), "the peer sent more than eight interim responses (1xx)"),
        (
            of(E::AcceptMismatch),
            "the server's Sec-WebSocket-Accept does not match our key: it does not speak WebSocket, \
             or a cache answered in its place",
        ),
        (of(E::UnexpectedSubprotocol), "the server chose a subprotocol that was not offered"),
        (of(E::UnexpectedExtension), "the server chose an extension that was not offered"),
        (
            of(E::InvalidExtension),
            "the server chose parameters of an extension that it may not choose",
        ),
        (of(E::Incomplete), "the transport ended inside the opening handshake"),
        (of(E::Timeout), "the opening handshake was not done in time (Limits::timeout)"),
    ]);
}

/// What a peer chose is shown in so far as it helps, and no further.
#[test]
fn an_origin_is_shown_in_one_short_line() {
    let origin = format!("https://\u{1b}[2J\u{e4}{}", "x".repeat(10_000));
    let request = http::Request::get("/")
        .header("Host", "example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
        .header(
            "Origin",
            http::HeaderValue::from_bytes(origin.replace('\u{1b}', "\"").as_bytes())
                .expect("visible"),
        )
        .body(())
        .expect("it is a request");
    let refusal = hybi::handshake::Incoming::from_request(&request, &Default::default())
        .expect_err("another host");
    let text = of(refusal);
    let begins = "a page of \"https://\\\"[2J\\xc3\\xa4xxxxx";
    assert!(text.starts_with(begins) && text.contains("xxx..\" may not connect: "), "{text}");
    assert!(text.len() < 200, "{text}");
}

#[test]
fn the_caller_of_a_handshake() {
    use RequestError as E;
    page([
        (
            of(AcceptError::SubprotocolNotOffered),
            "the chosen subprotocol was not offered by the client: take it from Incoming::choose_subprotocol",
        ),
        (
            of(AcceptError::ReservedHeader(UPGRADE)),
            "the header upgrade is set by the handshake itself: leave it out",
        ),
        (
            of(E::ReservedHeader(UPGRADE)),
            "the header upgrade is set by the handshake itself: leave it out",
        ),
        (
            of(E::InvalidSubprotocol),
            "a subprotocol is named twice, or is no token: take letters, digits, dots and dashes",
        ),
        (
            of(E::InvalidHeader(HeaderName::from_static("origin"))),
            "the value given for the header origin cannot stand in it",
        ),
        (
            of(E::NeedsTls),
            "wss: URLs and https: proxies need TLS: enable a `tls` feature, or hand a TLS stream to `connect_over`",
        ),
        (
            of(E::Url(UrlError::Scheme)),
            "URL scheme is neither ws nor wss: write ws for http, wss for https",
        ),
        (of(UrlError::Fragment), "WebSocket URLs have no fragment: encode # as %23"),
        (of(UrlError::UserInfo), "URL carries a user name: send an Authorization header instead"),
        (of(UrlError::Host), "URL has no valid host"),
        (of(UrlError::NonAsciiHost), "URL host is not ASCII: write its xn-- form"),
        (
            of(UrlError::SocketPath),
            "URL has no absolute socket path: write ws+unix:/path/to/socket:/resource",
        ),
        (of(UrlError::Port), "URL port is not a number from 1 to 65535"),
        (of(UrlError::Syntax), "not a URL: encode spaces, controls and non-ASCII characters"),
    ]);
}

#[test]
fn proxies_and_redirects() {
    use ProxyError as E;
    let refused = |status: u16| {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = http::StatusCode::from_u16(status).expect("it is one");
        of(E::Refused(response.into()))
    };
    page([
        (refused(502), "the proxy answered 502 Bad Gateway"),
        (
            refused(407),
            "the proxy answered 407 Proxy Authentication Required: it wants a user and a password, or others",
        ),
        (
            of(E::Http(HandshakeError::TooManyInterim)),
            "the proxy's answer is no good: the peer sent more than eight interim responses (1xx)",
        ),
        (of(E::NotSocks5), "the proxy does not speak SOCKS 5: is it one for http:?"),
        (of(E::Malformed), "the proxy's answer breaks the rules of SOCKS 5"),
        (of(E::NoMethod), "the proxy wants another authentication: give it a user and a password"),
        (of(E::Credentials), "the proxy does not take the user and password"),
        (of(E::Reply(5)), "the proxy answered: connection refused"),
        (of(E::Reply(77)), "the proxy answered with the unknown code 77"),
        (of(E::HostTooLong), "the host name is too long for SOCKS 5: it may have 255 bytes"),
        (of(E::EarlyBytes), "bytes came through the proxy before anything was sent to the server"),
        (of(E::Incomplete), "the transport ended before the proxy had answered"),
        (of(ProxyUrlError::Scheme), "proxy URL scheme is none of http, https, socks5, socks5h"),
        (
            of(ProxyUrlError::Credentials),
            "proxy URL has a bad user or password: percent-encode them, without controls and not too long",
        ),
        (of(ProxyUrlError::Resource), "proxy URL has more than host and port"),
        (of(ProxyUrlError::Syntax), "not a proxy URL: write http://host:port"),
        (of(ProxyUrlError::Url(UrlError::Port)), "URL port is not a number from 1 to 65535"),
        (of(RedirectError::TooMany), "more redirects one after the other than are followed"),
        (of(RedirectError::Weaker), "a redirect from wss to ws would go on without TLS"),
        (
            of(RedirectError::LeavesSocket),
            "a redirect from a socket in the file system to another host",
        ),
        (of(RedirectError::Location), "a redirect needs one Location that is text"),
        (of(RedirectError::Url(UrlError::Host)), "a redirect to a bad URL: URL has no valid host"),
    ]);
}

/// What the adapters' calls fail with; the words behind the numbers are Linux's.
#[test]
#[cfg(target_os = "linux")]
fn adapters() {
    use blocking::Error as E;
    let behind = io::Error::other(io::Error::other("a cause of its own"));
    page([
        (
            of(E::from(io::Error::from_raw_os_error(104))),
            "the transport failed: Connection reset by peer (os error 104)",
        ),
        (
            of(E::from(io::Error::from_raw_os_error(110))),
            "the transport failed: Connection timed out (os error 110)",
        ),
        (
            of(E::from(io::Error::from(ErrorKind::TimedOut))),
            "nothing came or left in time: timed out",
        ),
        (of(E::from(behind)), "the transport failed: a cause of its own"),
        (of(E::from(HandshakeError::Method)), "the request's method is not GET"),
        (of(E::from(UrlError::Host)), "URL has no valid host"),
        (
            of(E::from(AcceptError::SubprotocolNotOffered)),
            &AcceptError::SubprotocolNotOffered.to_string(),
        ),
        (
            of(E::from(SendError::Closed(()))),
            "connection is closing or closed: nothing more can be sent on it",
        ),
    ]);
}

#[test]
#[cfg(feature = "tls")]
fn tls() {
    use hybi::tls::TlsError as E;
    use rustls_errors::*;
    page([
        (
            of(E::NoProvider),
            "no cryptography for TLS: enable the feature tls-ring or tls-aws-lc-rs of hybi, or install a provider \
             of rustls for the process",
        ),
        (
            of(E::NoRoots),
            "no trusted certificates for TLS: enable the feature tls-webpki-roots, tls-native-roots or \
             tls-platform-verifier of hybi, or give roots of your own",
        ),
        (of(E::EmptyStore(String::new())), "the system's store holds no trusted certificates"),
        (
            of(E::EmptyStore("no file".into())),
            "the system's store of trusted certificates is of no use: no file",
        ),
        (of(E::Pem("no certificate".into())), "bad PEM: no certificate"),
        (
            of(E::Config(mismatch())),
            "the configuration for TLS is of no use: keys may not be consistent: KeyMismatch",
        ),
        (
            of(E::ServerName("a b".into())),
            "no certificate can be checked against the server name \"a b\"",
        ),
        (of(E::NotTls), "the peer does not speak TLS: is the port one for ws: and not wss:?"),
        (
            of(E::Handshake(unknown_issuer())),
            "the TLS handshake failed: invalid peer certificate: UnknownIssuer: nobody whom we trust has issued \
             the certificate",
        ),
        (
            of(E::Protocol(b"h2\n".to_vec())),
            "the peer chose the protocol \"h2\\n\" by ALPN: a WebSocket needs http/1.1",
        ),
        (of(E::Ended), "the peer ended the connection during the TLS handshake"),
        (of(E::Timeout), "the TLS handshake was not done in time"),
    ]);
    // The names in a certificate are the peer's: as many as it likes.
    let text = of(E::Handshake(many_names()));
    assert!(text.ends_with(" bytes)") && text.len() < 400, "{text}");
}

#[cfg(feature = "tls")]
mod rustls_errors {
    use hybi::tls::rustls::pki_types::ServerName;
    use hybi::tls::rustls::{CertificateError, Error, InconsistentKeys};

    pub(super) fn mismatch() -> Box<Error> {
        Box::new(InconsistentKeys::KeyMismatch.into())
    }

    pub(super) fn unknown_issuer() -> Box<Error> {
        Box::new(CertificateError::UnknownIssuer.into())
    }

    pub(super) fn many_names() -> Box<Error> {
        let expected = ServerName::try_from("example.com").expect("it is a name");
        let presented = vec!["DnsName(\"\u{1b}[2J.example.net\")".to_owned(); 1000];
        Box::new(CertificateError::NotValidForNameContext { expected, presented }.into())
    }
}
