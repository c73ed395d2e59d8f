//! Redirects: where they lead, and what is sent along.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::Write;
use std::sync::mpsc;

use adapters::away::{assert_served, by_both, read_head, serve, serve_bytes, serve_echo};
use adapters::bounded;
use http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN,
    PROXY_AUTHORIZATION,
};
use hybi::connect::{RedirectError, redirect};
use hybi::handshake::{Key, Request, UrlError};
use hybi::{Connect, ConnectError, ConnectFailure, ConnectStep};
use proptest::prelude::*;

/// The examples of RFC 3986 section 5.4, as far as a WebSocket's URL can be their base.
#[test]
fn rfc_3986_section_5_references_are_seen_from_the_url() {
    for (location, url) in [
        ("g", "ws://a/b/c/g"),
        ("./g", "ws://a/b/c/g"),
        ("g/", "ws://a/b/c/g/"),
        ("/g", "ws://a/g"),
        ("//g", "ws://g/"),
        ("?y", "ws://a/b/c/d;p?y"),
        ("g?y", "ws://a/b/c/g?y"),
        ("#s", "ws://a/b/c/d;p?q"),
        ("g#s", "ws://a/b/c/g"),
        ("g?y#s", "ws://a/b/c/g?y"),
        (";x", "ws://a/b/c/;x"),
        ("g;x?y#s", "ws://a/b/c/g;x?y"),
        ("", "ws://a/b/c/d;p?q"),
        (".", "ws://a/b/c/"),
        ("./", "ws://a/b/c/"),
        ("..", "ws://a/b/"),
        ("../", "ws://a/b/"),
        ("../g", "ws://a/b/g"),
        ("../..", "ws://a/"),
        ("../../g", "ws://a/g"),
        ("../../../g", "ws://a/g"),
        ("/./g", "ws://a/g"),
        ("/../g", "ws://a/g"),
        ("g.", "ws://a/b/c/g."),
        ("..g", "ws://a/b/c/..g"),
        ("./../g", "ws://a/b/g"),
        ("g/./h", "ws://a/b/c/g/h"),
        ("g/../h", "ws://a/b/c/h"),
        ("g?y/../x", "ws://a/b/c/g?y/../x"),
        ("g?y?z", "ws://a/b/c/g?y?z"),
        // Section 3.1: a scheme begins with a letter, and has nothing else than letters, digits and `+-.` in it.
        ("g?y=http://h/", "ws://a/b/c/g?y=http://h/"),
        ("/g:h", "ws://a/g:h"),
        ("./g:h", "ws://a/b/c/g:h"),
        ("1g:h", "ws://a/b/c/1g:h"),
        ("g_g:h", "ws://a/b/c/g_g:h"),
        ("ws://h/x/../y?z", "ws://h/y?z"),
        ("WSS://H:8443", "wss://h:8443/"),
        ("http://h:80", "ws://h/"),
        ("https://h/x", "wss://h/x"),
        ("//[::1]:9/x", "ws://[::1]:9/x"),
    ] {
        assert_eq!(leads("ws://a/b/c/d;p?q", location).unwrap(), url, "{location}");
    }
}

#[test]
fn what_leads_nowhere_is_refused() {
    for (location, error) in [
        ("ftp://h/", UrlError::Scheme),
        ("javascript:1", UrlError::Scheme),
        ("web+ws-1.0://h/", UrlError::Scheme),
        ("g+:h", UrlError::Scheme),
        ("http:g", UrlError::Syntax),
        ("//user@h/", UrlError::UserInfo),
        ("//h:0/", UrlError::Port),
        ("///", UrlError::Host),
        ("/a b", UrlError::Syntax),
        ("/%", UrlError::Syntax),
        ("/\\", UrlError::Syntax),
        ("/\\/../x", UrlError::Syntax),
        ("/{/../x", UrlError::Syntax),
    ] {
        assert_eq!(leads("ws://a/", location), Err(RedirectError::Url(error)), "{location}");
    }
    let binary = HeaderValue::from_bytes(b"/\xff").unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, binary);
    assert_eq!(follow("ws://a/", 302, headers.clone()).err(), Some(RedirectError::Location));
    headers.insert(LOCATION, HeaderValue::from_static("/x"));
    headers.append(LOCATION, HeaderValue::from_static("/y"));
    assert_eq!(follow("ws://a/", 302, headers).err(), Some(RedirectError::Location));
}

#[test]
fn only_redirects_with_a_location_are_ones() {
    for status in [200, 300, 301, 302, 303, 304, 305, 307, 308, 400, 503] {
        let mut headers = HeaderMap::new();
        assert!(follow("ws://a/", status, headers.clone()).unwrap().is_none());
        headers.insert(LOCATION, HeaderValue::from_static("/x"));
        let is_one = matches!(status, 301 | 302 | 303 | 307 | 308);
        assert_eq!(follow("ws://a/", status, headers).unwrap().is_some(), is_one, "{status}");
    }
}

#[test]
fn no_redirect_leads_from_tls_to_less() {
    for location in ["ws://a/", "http://a:443/", "ws://b/"] {
        assert_eq!(leads("wss://a/", location), Err(RedirectError::Weaker), "{location}");
    }
    assert_eq!(leads("wss://a/", "/x").unwrap(), "wss://a/x");
    assert_eq!(leads("ws://a/", "wss://a/x").unwrap(), "wss://a/x");
}

#[test]
fn what_is_secret_stays_within_the_origin() {
    let token = HeaderName::from_static("x-token");
    let mut secret = HeaderValue::from_static("s3");
    secret.set_sensitive(true);
    for (location, same) in [
        ("/other", true),
        ("ws://a:80/", true),
        ("http://A/", true),
        ("ws://b/", false),
        ("ws://a:81/", false),
        ("wss://a/", false),
        ("wss://a:80/", false),
        ("//a.b/", false),
    ] {
        let request = Request::new("ws://a/")
            .unwrap()
            .basic_auth("user", "password")
            .and_then(|it| it.header(COOKIE, HeaderValue::from_static("a=1")))
            .and_then(|it| it.header(COOKIE, HeaderValue::from_static("b=2")))
            .and_then(|it| it.header(PROXY_AUTHORIZATION, HeaderValue::from_static("x")))
            .and_then(|it| it.header(token.clone(), secret.clone()))
            .and_then(|it| it.header(token.clone(), HeaderValue::from_static("open")))
            .and_then(|it| it.header(ORIGIN, HeaderValue::from_static("http://page")))
            .and_then(|it| it.header(HOST, HeaderValue::from_static("virtual")))
            .and_then(|it| it.subprotocol("chat"))
            .unwrap();
        let next = redirect(&request, &response(302, location)).unwrap().unwrap();
        let sent = next.to_http(&Key::from_nonce([0; 16]));
        let headers = sent.headers();
        for name in [AUTHORIZATION, PROXY_AUTHORIZATION] {
            assert_eq!(headers.contains_key(&name), same, "{location}: {name}");
        }
        assert_eq!(headers.get_all(COOKIE).iter().count(), if same { 2 } else { 0 });
        assert_eq!(headers.get_all(&token).iter().count(), if same { 2 } else { 1 });
        assert_eq!(headers[ORIGIN], "http://page");
        assert_eq!(headers["sec-websocket-protocol"], "chat");
        assert_eq!(headers[HOST], next.url().host_header(), "{location}");
    }
}

#[test]
fn a_redirect_is_a_refusal_unless_it_is_to_be_followed() {
    bounded(|| {
        let server = serve_bytes("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
        for error in errors(&Connect::new(&format!("ws://{server}/")).unwrap()) {
            assert_eq!(error.step(), ConnectStep::Handshake);
            assert_eq!(error.response().unwrap().headers()[LOCATION], "/x");
        }
    });
}

#[test]
fn redirects_are_followed_to_the_server_that_accepts() {
    bounded(|| {
        let (seen, sees) = mpsc::channel();
        let there = serve(move |stream| {
            let incoming = hybi::blocking::receive_request(stream, Default::default()).unwrap();
            seen.send(incoming.to_http().headers().clone()).unwrap();
            let mut ws = incoming.accept(&Default::default(), hybi::Config::default()).unwrap();
            let message = ws.recv().unwrap().unwrap();
            ws.send(message).unwrap();
            assert_eq!(ws.recv().unwrap(), None);
        });
        let location = format!("HTTP/1.1 307 There\r\nLocation: http://{there}/b\r\n\r\n");
        let (heard, hears) = mpsc::channel();
        let here = serve(move |mut stream| {
            heard.send(read_head(&mut stream)).unwrap();
            stream.write_all(location.as_bytes()).unwrap();
        });
        let connect = Connect::new(&format!("ws://{here}/a")).unwrap();
        let connect = connect.bearer_auth("t0ken").unwrap().follow_redirects();
        // These are the first server's addresses and nobody else's.
        assert_served(by_both(&connect.addresses([here])));
        for (head, headers) in hears.iter().zip(sees.iter()).take(2) {
            assert!(head.contains("Authorization: Bearer t0ken\r\n"), "{head}");
            assert!(!headers.contains_key(AUTHORIZATION));
            assert_eq!(headers[HOST], there.to_string());
        }
    });
}

#[test]
fn five_redirects_are_followed_and_not_six() {
    bounded(|| {
        for (hops, arrives) in [(5, true), (6, false)] {
            let echo_at = serve_echo();
            let server = serve(move |mut stream| {
                let head = read_head(&mut stream);
                let at: usize = head["GET /".len()..].split(' ').next().unwrap().parse().unwrap();
                let next = match at + 1 {
                    last if last == hops => format!("ws://{echo_at}/"),
                    next => format!("/{next}"),
                };
                let response = format!("HTTP/1.1 301 On\r\nLocation: {next}\r\n\r\n");
                stream.write_all(response.as_bytes()).unwrap();
            });
            let connect = Connect::new(&format!("ws://{server}/0")).unwrap().follow_redirects();
            if arrives {
                assert_served(by_both(&connect));
                continue;
            }
            for error in errors(&connect) {
                assert_eq!(error.step(), ConnectStep::Redirect);
                let said = format!(
                    "{server} sends us on, which is not followed: \
                     more redirects one after the other than are followed"
                );
                assert_eq!(error.to_string(), said);
                assert_eq!(error.response().unwrap().status(), 301);
            }
        }
    });
}

#[test]
fn a_bad_redirect_is_told_with_the_response() {
    bounded(|| {
        let server = serve_bytes("HTTP/1.1 308 On\r\nLocation: gopher://h/\r\n\r\n");
        let connect = Connect::new(&format!("ws://{server}/")).unwrap().follow_redirects();
        for error in errors(&connect) {
            let ConnectFailure::Redirect { error, response } = error.failure() else {
                panic!("{error}")
            };
            assert_eq!(*error, RedirectError::Url(UrlError::Scheme));
            assert_eq!(response.headers()[LOCATION], "gopher://h/");
        }
        // Another refusal stays one.
        let server = serve_bytes("HTTP/1.1 404 No\r\nLocation: /x\r\n\r\n");
        let connect = Connect::new(&format!("ws://{server}/")).unwrap().follow_redirects();
        assert!(errors(&connect).iter().all(|error| error.step() == ConnectStep::Handshake));
    });
}

#[cfg(unix)]
#[test]
fn no_redirect_leads_from_a_socket_to_another_host() {
    bounded(|| {
        let path = std::env::temp_dir().join(format!("hybi-redirect-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let answer = match read_head(&mut stream).split(' ').nth(1).unwrap() {
                    "/inside" => "302 On\r\nLocation: closed",
                    "/closed" => "403 No",
                    _ => "302 On\r\nLocation: ws://192.0.2.1/",
                };
                stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).unwrap();
            }
        });
        let url = |resource: &str| format!("ws+unix:{}:{resource}", path.display());
        for error in errors(&Connect::new(&url("/out")).unwrap().follow_redirects()) {
            assert!(
                error
                    .to_string()
                    .ends_with("a redirect from a socket in the file system to another host")
            );
        }
        for error in errors(&Connect::new(&url("/inside")).unwrap().follow_redirects()) {
            assert_eq!(error.response().unwrap().status(), 403);
        }
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn debug_shows_no_secret_of_a_request() {
    let mut request = Request::new("ws://a/b?token=secret").unwrap();
    for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        request = request.header(name, HeaderValue::from_static("secret")).unwrap();
    }
    assert_eq!(format!("{:?}", request.url()), "Url(ws://a/b?..)");
    assert_eq!(
        format!("{:?}", Request::new("wss://[::1]:7").unwrap().url()),
        "Url(wss://[::1]:7/)"
    );
    assert_eq!(request.url().to_string(), "ws://a/b?token=secret");
    let sent = request.to_http(&Key::from_nonce([0; 16]));
    assert!(!format!("{request:?} {:?}", sent.headers()).contains("secret"));
    assert_eq!(sent.headers()[COOKIE], "secret");
    assert!(!format!("{:?}", Connect::from(request)).contains("secret"));
}

#[test]
fn credentials_are_headers_that_nobody_prints() {
    let request = Request::new("ws://a/").unwrap();
    let key = Key::from_nonce([0; 16]);
    let basic = request.clone().basic_auth("Aladdin", "open sesame").unwrap();
    let sent = basic.to_http(&key);
    assert_eq!(sent.headers()[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(!format!("{basic:?} {sent:?}").contains("QWxh"));
    // The latter of two counts; RFC 7617 section 2.1's example of UTF-8.
    let utf8 = basic.basic_auth("test", "123\u{a3}").unwrap().to_http(&key);
    let values: Vec<_> = utf8.headers().get_all(AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Basic dGVzdDoxMjPCow=="]);
    let bearer = request.clone().bearer_auth("mF_9.B5f-4.1JqM~+/==").unwrap();
    assert_eq!(bearer.to_http(&key).headers()[AUTHORIZATION], "Bearer mF_9.B5f-4.1JqM~+/==");
    for (user, password) in [("a:b", ""), ("a\n", ""), ("a", "\r\nX: y"), ("a", "\u{7f}")] {
        assert!(request.clone().basic_auth(user, password).is_err(), "{user:?} {password:?}");
    }
    for token in ["", "=", "a b", "a=b", "ä", "a\r\nX: y", "a\""] {
        assert!(request.clone().bearer_auth(token).is_err(), "{token:?}");
    }
}

proptest! {
    /// Whatever a server writes, what is followed is a good URL that is no weaker.
    #[test]
    fn no_location_does_harm(
        tls in any::<bool>(),
        location in r#"((wss?|https?|ftp):)?(//)?[a-z.:\[\]@]{0,8}[a-z./?#%0-9 ]{0,30}"#,
    ) {
        let base = if tls { "wss://a.example:81/b/c?d" } else { "ws://a.example:81/b/c?d" };
        if let Ok(url) = leads(base, &location) {
            prop_assert!(!tls || url.starts_with("wss:"));
            let again = url.parse::<hybi::handshake::Url>();
            let path = again.as_ref().map(|url| url.resource().split('?').next().unwrap());
            prop_assert!(path.is_ok_and(|path| !path.split('/').any(|segment| segment == "..")));
            prop_assert_eq!(again.map(|url| url.to_string()), Ok(url));
        }
    }
}

fn leads(url: &str, location: &str) -> Result<String, RedirectError> {
    let request = Request::new(url).unwrap();
    Ok(redirect(&request, &response(302, location))?.expect("it is one").url().to_string())
}

fn follow(url: &str, status: u16, headers: HeaderMap) -> Result<Option<Request>, RedirectError> {
    let mut response = response(status, "/");
    *response.headers_mut() = headers;
    redirect(&Request::new(url).unwrap(), &response)
}

fn response(status: u16, location: &str) -> http::Response<()> {
    let mut response = http::Response::new(());
    *response.status_mut() = status.try_into().unwrap();
    response.headers_mut().insert(LOCATION, location.parse().unwrap());
    response
}

/// The error of each adapter.
#[track_caller]
fn errors(connect: &Connect) -> [ConnectError; 2] {
    by_both(connect).map(|result| result.expect_err("no connection can be made"))
}
