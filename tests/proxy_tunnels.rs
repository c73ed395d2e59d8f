//! Conversations with proxies: HTTP `CONNECT` and SOCKS 5.
#![cfg(feature = "handshake")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use http::header::{HeaderName, HeaderValue};
use hybi::RecvBuf;
use hybi::handshake::{HandshakeError, Limits, Progress, RequestError};
use hybi::proxy::{Proxy, ProxyError, ProxyUrlError, Tunnel};
use proptest::prelude::*;

#[test]
fn rfc_9110_section_9_3_6_connect_names_host_and_port() {
    for (host, port, target) in [
        ("server.example", 443, "server.example:443"),
        ("server.example", 80, "server.example:80"),
        ("192.0.2.1", 8080, "192.0.2.1:8080"),
        ("2001:db8::1", 80, "[2001:db8::1]:80"),
    ] {
        let mut talk = Talk::new("http://proxy.example", host, port);
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        assert_eq!(talk.hears(b"").unwrap(), Some(head.into_bytes()));
        assert_eq!(talk.hears(b"HTTP/1.1 200 OK\r\n\r\n").unwrap(), None);
    }
}

#[test]
fn rfc_7617_user_and_password_are_sent_with_the_request() {
    let mut talk = Talk::new("https://Aladdin:open%20sesame@proxy.example", "a", 1);
    let head = String::from_utf8(talk.hears(b"").unwrap().unwrap()).unwrap();
    let basic = "\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n";
    assert!(head.contains(basic), "{head}");
}

/// A user has no colon, a password may (RFC 7617 section 2).
#[test]
fn the_first_colon_ends_the_user() {
    let mut talk = Talk::new("http://u:p:w@proxy.example", "a", 1);
    let head = String::from_utf8(talk.hears(b"").unwrap().unwrap()).unwrap();
    assert!(head.contains("\r\nProxy-Authorization: Basic dTpwOnc=\r\n"), "{head}");
    let mut talk = Talk::new("socks5h://u:p:w@proxy.example", "a", 1);
    talk.hears(b"").unwrap();
    assert_eq!(talk.hears(&[5, 2]).unwrap().unwrap(), b"\x01\x01u\x03p:w");
}

/// RFC 3986 section 2.1.
#[test]
fn every_escape_of_two_hexadecimal_digits_stands_for_its_byte() {
    for byte in 0x20..0x7f_u8 {
        for escape in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
            let mut talk = Talk::new(&format!("socks5h://u:{escape}@proxy.example"), "a", 1);
            talk.hears(b"").unwrap();
            assert_eq!(talk.hears(&[5, 2]).unwrap().unwrap(), [1, 1, b'u', 1, byte], "{escape}");
        }
    }
}

#[test]
fn a_request_for_a_tunnel_takes_headers_of_ones_own() {
    let name = HeaderName::from_static("user-agent");
    let proxy = proxy("http://proxy.example").header(name, HeaderValue::from_static("x/1"));
    let mut talk = Talk::with(&proxy.unwrap(), "a", 1);
    let head = String::from_utf8(talk.hears(b"").unwrap().unwrap()).unwrap();
    assert!(head.ends_with("\r\nUser-Agent: x/1\r\n\r\n"), "{head}");
    for reserved in ["host", "connection", "content-length", "transfer-encoding"] {
        let name = HeaderName::from_static(reserved);
        let refused = http_proxy().header(name, HeaderValue::from_static("1"));
        assert!(matches!(refused, Err(RequestError::ReservedHeader(_))), "{reserved}");
    }
}

/// Every 2xx is a success, with whatever version and headers: a body has it none.
#[test]
fn any_success_opens_the_tunnel_and_what_follows_is_the_servers() {
    for reply in [
        "HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 Odd\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let opened = in_every_cut(http_proxy(), &[reply.as_bytes(), b"early"].concat());
        assert_eq!(opened, Ok(b"early".to_vec()), "{reply}");
    }
}

#[test]
fn a_refusal_comes_with_status_headers_and_body() {
    let reply = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\
                 Content-Length: 2\r\n\r\nno, no";
    for cut in 0..reply.len() - "no, no".len() {
        let mut talk = Talk::new("http://a", "b", 1);
        talk.hears(b"").unwrap();
        let (first, second) = reply.as_bytes().split_at(cut);
        assert_eq!(talk.hears(first).unwrap(), Some(vec![]));
        let Err(ProxyError::Refused(response)) = talk.hears(second) else { panic!("it refuses") };
        assert_eq!(response.status(), 407);
        assert_eq!(response.headers()["proxy-authenticate"], "Basic realm=\"x\"");
        assert_eq!(&response.body()[..], b"no");
    }
}

#[test]
fn a_refusal_that_breaks_off_is_told_as_far_as_it_came() {
    let mut talk = Talk::new("http://a", "b", 1);
    talk.hears(b"HTTP/1.1 502 Bad Gateway\r\n\r\nno way").unwrap();
    let ProxyError::Refused(response) = talk.ends() else { panic!("it refuses") };
    assert_eq!((response.status().as_u16(), &response.body()[..]), (502, &b"no way"[..]));
    for reply in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let mut talk = Talk::new("http://a", "b", 1);
        talk.hears(reply.as_bytes()).unwrap();
        assert!(matches!(talk.ends(), ProxyError::Incomplete), "{reply}");
    }
}

#[test]
fn an_answer_that_is_no_http_or_too_much_of_it_is_refused() {
    let unending = |unit: &str| format!("HTTP/1.1 200 OK\r\n{}", unit.repeat(20_000));
    for (reply, expected) in [
        ("SSH-2.0-OpenSSH\r\n".to_owned(), HandshakeError::Malformed),
        ("\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(), HandshakeError::Malformed),
        ("HTTP/2 200 OK\r\n\r\n".to_owned(), HandshakeError::HttpVersion),
        ("HTTP/1.1 999999 OK\r\n\r\n".to_owned(), HandshakeError::Malformed),
        ("HTTP/1.1 200 OK\nX: y\r\n\r\n".to_owned(), HandshakeError::Malformed),
        (unending("a"), HandshakeError::HeadTooLarge { limit: 16_384 }),
        (unending("a: b\r\n"), HandshakeError::TooManyHeaders { limit: 100 }),
        ("HTTP/1.1 102 Wait\r\n\r\n".repeat(9), HandshakeError::TooManyInterim),
    ] {
        let mut talk = Talk::new("http://a", "b", 1);
        let Err(ProxyError::Http(error)) = talk.hears(reply.as_bytes()) else {
            panic!("{reply:.20}")
        };
        assert_eq!(error.to_string(), expected.to_string(), "{reply:.20}");
    }
    let mut limits = Limits::default();
    limits.max_size = 30;
    let tunnel = Tunnel::new(&http_proxy(), "a", 1).unwrap().with_limits(limits);
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(b"HTTP/1.1 200 Connection established\r\n\r\n");
    let refused = tunnel.advance(&mut rx, &mut Vec::new());
    assert!(
        matches!(refused, Err(ProxyError::Http(HandshakeError::HeadTooLarge { .. }))),
        "{refused:?}"
    );
}

/// A proxy that upgrades to something has opened no tunnel.
#[test]
fn switching_protocols_is_no_success() {
    let mut talk = Talk::new("http://a", "b", 1);
    talk.hears(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    assert!(matches!(talk.ends(), ProxyError::Refused(_)));
}

#[test]
fn rfc_1928_a_name_is_sent_to_the_proxy() {
    let mut talk = Talk::new("socks5h://a", "server.example", 0x1234);
    assert_eq!(talk.hears(b"").unwrap().unwrap(), [5, 1, 0]);
    let request = [&[5, 1, 0, 3, 14][..], b"server.example", &[0x12, 0x34]].concat();
    assert_eq!(talk.hears(&[5, 0]).unwrap().unwrap(), request);
    assert_eq!(talk.hears(&[5, 0, 0, 1, 127, 0, 0, 1, 0x80, 0]).unwrap(), None);
}

#[test]
fn rfc_1928_section_5_addresses_have_types_of_their_own() {
    for (host, address) in [
        ("192.0.2.7", vec![1, 192, 0, 2, 7]),
        ("2001:db8::7", vec![4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]),
    ] {
        let mut talk = Talk::new("socks5h://a", host, 80);
        talk.hears(b"").unwrap();
        let request = [&[5, 1, 0][..], &address, &[0, 80]].concat();
        assert_eq!(talk.hears(&[5, 0]).unwrap().unwrap(), request, "{host}");
    }
}

#[test]
fn rfc_1929_user_and_password_are_sent_where_the_proxy_asks() {
    let url = "socks5h://us%3Aer:p%40ss@a";
    let mut talk = Talk::new(url, "b", 1);
    assert_eq!(talk.hears(b"").unwrap().unwrap(), [5, 2, 0, 2]);
    assert_eq!(talk.hears(&[5, 2]).unwrap().unwrap(), b"\x01\x05us:er\x04p@ss");
    assert_eq!(talk.hears(&[1, 0]).unwrap().unwrap(), b"\x05\x01\x00\x03\x01b\x00\x01");
    assert_eq!(talk.hears(&[5, 0, 0, 3, 1, b'x', 0, 0]).unwrap(), None);
    // A proxy that asks for nothing is told nothing.
    let mut talk = Talk::new(url, "b", 1);
    talk.hears(b"").unwrap();
    assert_eq!(talk.hears(&[5, 0]).unwrap().unwrap(), b"\x05\x01\x00\x03\x01b\x00\x01");
}

#[test]
fn replies_of_every_address_type_end_where_they_end() {
    let name = [&[3, 200][..], &[b'n'; 200]].concat();
    for address in [vec![1, 0, 0, 0, 0], [&[4][..], &[0; 16]].concat(), name, vec![3, 0]] {
        let reply = [&[5, 0, 5, 0, 0][..], &address, &[0, 0], b"early"].concat();
        assert_eq!(in_every_cut(proxy("socks5h://a"), &reply), Ok(b"early".to_vec()));
        let reply = [&[5, 2, 1, 0, 5, 0, 0][..], &address, &[0, 0], b"early"].concat();
        assert_eq!(in_every_cut(proxy("socks5h://u:p@a"), &reply), Ok(b"early".to_vec()));
    }
}

#[test]
fn a_socks_proxy_that_breaks_the_rules_or_refuses_is_told_at_the_first_byte_that_shows_it() {
    use ProxyError::*;
    for (url, reply, expected) in [
        ("socks5h://a", &b"HTTP/1.1 400"[..1], NotSocks5),
        ("socks5h://a", &[4], NotSocks5),
        ("socks5h://a", &[5, 0xff], NoMethod),
        ("socks5h://a", &[5, 2], Malformed),
        ("socks5h://a", &[5, 1], Malformed),
        ("socks5h://u:p@a", &[5, 0xff], NoMethod),
        ("socks5h://u:p@a", &[5, 1], Malformed),
        ("socks5h://u:p@a", &[5, 2, 5], Malformed),
        ("socks5h://u:p@a", &[5, 2, 1, 1], Credentials),
        ("socks5h://a", &[5, 0, 4], NotSocks5),
        ("socks5h://a", &[5, 0, 5, 1], Reply(1)),
        ("socks5h://a", &[5, 0, 5, 5], Reply(5)),
        ("socks5h://a", &[5, 0, 5, 0xfe], Reply(0xfe)),
        ("socks5h://a", &[5, 0, 5, 0, 0, 2], Malformed),
        ("socks5h://a", &[5, 0, 5, 0, 0, 0], Malformed),
    ] {
        let told = in_every_cut(proxy(url), reply);
        assert_eq!(told, Err(expected.to_string()), "{reply:?}");
        for shorter in 0..reply.len() {
            assert_eq!(in_every_cut(proxy(url), &reply[..shorter]), Err(Incomplete.to_string()));
        }
    }
}

/// RFC 1928 section 6. What the proxy's rules or its own state forbid is so for every address.
#[test]
fn a_reply_about_the_servers_address_is_told_from_others() {
    for code in 0..=255 {
        let is_about_address = matches!(code, 3 | 4 | 5 | 6 | 8);
        assert_eq!(ProxyError::Reply(code).is_about_address(), is_about_address, "{code}");
    }
    assert!(!ProxyError::NoMethod.is_about_address());
    assert!(!ProxyError::Incomplete.is_about_address());
}

#[test]
fn a_name_that_socks_cannot_carry_is_refused_before_anything_is_sent() {
    for (len, fits) in [(254, true), (255, true), (256, false)] {
        let tunnel = Tunnel::new(&proxy("socks5h://a"), &"n".repeat(len), 1);
        assert_eq!(tunnel.is_ok(), fits, "{len}");
        assert!(Tunnel::new(&http_proxy(), &"n".repeat(len), 1).is_ok());
    }
}

#[test]
fn a_proxys_url_has_scheme_host_port_and_credentials() {
    for (url, host, port, tls, resolves, text) in [
        ("http://p", "p", 80, false, true, "http://p:80"),
        ("HTTP://P.Example:3128/", "p.example", 3128, false, true, "http://p.example:3128"),
        ("https://u:p@p", "p", 443, true, true, "https://p:443"),
        ("socks5://[::1]", "::1", 1080, false, false, "socks5://[::1]:1080"),
        ("socks5h://u@h:1", "h", 1, false, true, "socks5h://h:1"),
        ("http://a@b:c%40@d", "d", 80, false, true, "http://d:80"),
    ] {
        let parsed = proxy(url);
        let parts = (parsed.host(), parsed.port(), parsed.is_tls(), parsed.resolves_names());
        assert_eq!(parts, (host, port, tls, resolves), "{url}");
        assert_eq!(parsed.to_string(), text);
    }
}

#[test]
fn what_is_no_url_of_a_proxy_is_refused() {
    let long = "x".repeat(256);
    for (url, error) in [
        ("proxy:3128", ProxyUrlError::Syntax),
        ("http://p p", ProxyUrlError::Syntax),
        ("http://ü", ProxyUrlError::Syntax),
        ("socks4://p", ProxyUrlError::Scheme),
        ("ftp://p", ProxyUrlError::Scheme),
        ("http://p/x", ProxyUrlError::Resource),
        ("http://p?x", ProxyUrlError::Resource),
        ("http://p#x", ProxyUrlError::Resource),
        ("http://a%3Ab:c@p", ProxyUrlError::Credentials),
        ("http://a%0d%0a:c@p", ProxyUrlError::Credentials),
        ("http://a%ff:c@p", ProxyUrlError::Credentials),
        ("http://a%:c@p", ProxyUrlError::Credentials),
        ("http://a%4g:c@p", ProxyUrlError::Credentials),
        ("http://a%g4:c@p", ProxyUrlError::Credentials),
        ("socks5h://:p@h", ProxyUrlError::Credentials),
        (&*format!("socks5h://{long}:p@h"), ProxyUrlError::Credentials),
        (&*format!("socks5h://u:{long}@h"), ProxyUrlError::Credentials),
    ] {
        assert_eq!(url.parse::<Proxy>(), Err(error), "{url}");
    }
    assert!(matches!("http://p:99999".parse::<Proxy>(), Err(ProxyUrlError::Url(_))));
    assert!(matches!("http://".parse::<Proxy>(), Err(ProxyUrlError::Url(_))));
}

#[test]
fn a_password_is_shown_nowhere() {
    let secret = "hunter2";
    for url in [format!("http://user:{secret}@p"), format!("socks5h://user:{secret}@p")] {
        let proxy = proxy(&url);
        let tunnel = Tunnel::new(&proxy, "a", 1).unwrap();
        for shown in [format!("{proxy:?}"), proxy.to_string(), format!("{tunnel:?}")] {
            assert!(!shown.contains(secret) && !shown.contains("aHVudGVy"), "{shown}");
        }
    }
    let error = "http://user:hunter2@p:x".parse::<Proxy>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret));
}

proptest! {
    /// Whatever a proxy says, the end is the same in whichever pieces it comes, and little memory is used.
    #[test]
    fn no_answer_does_harm(
        socks in any::<bool>(),
        reply in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(0..6u8, 0..40),
            "HTTP/1\\.[01] [1-5][0-9]{2} [a-z]{0,3}\r\n(X: [a-z]{0,5}\r\n){0,3}(\r\n)?[a-z]{0,9}".prop_map(String::into_bytes),
        ],
    ) {
        let proxy = proxy(if socks { "socks5h://u:p@a" } else { "http://u:p@a" });
        // Asserts that all cuts end alike.
        let _ = in_every_cut(proxy, &reply);
    }
}

/// A conversation with a proxy.
struct Talk {
    tunnel: Option<Tunnel>,
    rx: RecvBuf,
}

impl Talk {
    fn new(url: &str, host: &str, port: u16) -> Self {
        Self::with(&proxy(url), host, port)
    }

    fn with(proxy: &Proxy, host: &str, port: u16) -> Self {
        Self { tunnel: Some(Tunnel::new(proxy, host, port).unwrap()), rx: RecvBuf::new() }
    }

    /// What is said to these bytes; `None` if the tunnel is open.
    fn hears(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, ProxyError> {
        self.rx.extend_from_slice(bytes);
        let mut tx = Vec::new();
        match self.tunnel.take().unwrap().advance(&mut self.rx, &mut tx)? {
            Progress::Continue(next) => {
                self.tunnel = Some(next);
                Ok(Some(tx))
            }
            Progress::Done(()) => Ok(None),
        }
    }

    fn ends(&mut self) -> ProxyError {
        self.tunnel.take().unwrap().handle_eof()
    }
}

/// What follows the proxy's last word, or the error, however the reply is cut in two, and byte by byte.
fn in_every_cut(proxy: Proxy, reply: &[u8]) -> Result<Vec<u8>, String> {
    let outcome = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut talk = Talk::with(&proxy, "server.example", 443);
        for piece in pieces {
            if talk.tunnel.is_none() {
                talk.rx.extend_from_slice(piece);
                continue;
            }
            if talk.hears(piece).map_err(|error| error.to_string())?.is_none() {
                continue;
            }
        }
        match talk.tunnel {
            Some(tunnel) => Err(tunnel.handle_eof().to_string()),
            None => Ok(talk.rx.unread().to_vec()),
        }
    };
    let whole = outcome(&mut [reply].into_iter());
    assert_eq!(outcome(&mut reply.chunks(1)), whole);
    for cut in 0..=reply.len() {
        let (first, second) = reply.split_at(cut);
        assert_eq!(outcome(&mut [first, second].into_iter()), whole, "cut at {cut}");
    }
    whole
}

fn proxy(url: &str) -> Proxy {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn http_proxy() -> Proxy {
    proxy("http://proxy.example:3128")
}
