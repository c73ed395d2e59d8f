//! Connecting to `wss:` URLs and through proxies of TLS, by both adapters.
#![cfg(all(feature = "tokio", feature = "tls-ring"))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;
#[allow(dead_code, reason = "the tests of TLS use all of it")]
#[path = "tls/certificates.rs"]
mod certificates;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use adapters::away::{assert_served, by_both, echo, read_head, serve, serve_bytes, serve_echo};
use adapters::bounded;
use certificates::{AUTHORITY, Authority};
use hybi::blocking::{AnyStream, TlsStream, Transport};
use hybi::proxy::ProxyError;
use hybi::tls::{ClientCertificates, ClientTls, ServerTls, TlsError};
use hybi::{Connect, ConnectError, ConnectFailure, ConnectStep};

#[test]
fn a_wss_url_is_all_it_takes_beside_whom_to_trust() {
    bounded(|| {
        let server = serve_over_tls("server.example", echo);
        let connect = Connect::new("wss://server.example/chat").unwrap().tls(ours());
        assert_served(by_both(&connect.addresses([server])));
    });
}

#[test]
fn the_server_must_be_who_the_url_says() {
    bounded(|| {
        let server = serve_over_tls("server.example", echo);
        let connect = Connect::new("wss://other.example/").unwrap().tls(ours());
        for error in errors(&connect.addresses([server])) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Tls, "other.example:443"));
            let ConnectFailure::Tls(TlsError::Handshake(_)) = error.failure() else {
                panic!("{error}")
            };
            assert!(error.to_string().starts_with("no TLS with other.example:443: "), "{error}");
        }
        let stranger =
            ClientTls::builder().roots(Authority::new("theirs").roots()).build().unwrap();
        let connect = Connect::new("wss://server.example/").unwrap().tls(stranger);
        for error in errors(&connect.addresses([server])) {
            assert_eq!(error.step(), ConnectStep::Tls, "{error}");
        }
    });
}

#[test]
fn a_server_that_speaks_no_tls_or_nothing_is_told() {
    bounded(|| {
        let plain = serve(|mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = stream.read(&mut [0; 1000]);
        });
        let connect = Connect::new("wss://server.example/").unwrap().tls(ours());
        for error in errors(&connect.clone().addresses([plain])) {
            let ConnectFailure::Tls(TlsError::NotTls) = error.failure() else { panic!("{error}") };
        }
        let mute = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let connect = connect.addresses([mute]).timeout(Duration::from_secs(1));
        for error in errors(&connect) {
            assert!(error.is_timeout() && error.step() == ConnectStep::Tls, "{error}");
        }
    });
}

/// Whichever is shorter bounds it, the time of TLS or of all steps together.
#[test]
fn the_time_of_tls_is_kept() {
    bounded(|| {
        let mute = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let tls = ours().with_timeout(Duration::from_millis(30));
        let connect = Connect::new("wss://server.example/").unwrap().tls(tls);
        let connect = connect.addresses([mute]).timeout(Duration::from_secs(3600));
        for error in errors(&connect) {
            assert!(error.is_timeout() && error.step() == ConnectStep::Tls, "{error}");
        }
    });
}

#[test]
fn no_time_is_too_long_for_tls() {
    bounded(|| {
        let tls = ServerTls::new(AUTHORITY.identity(&["server.example"])).unwrap();
        let tls = tls.with_timeout(Duration::MAX);
        let server = serve(move |stream| {
            echo(TlsStream::accept(AnyStream::from(stream), &tls).unwrap());
        });
        let tls = ours().with_timeout(Duration::MAX);
        let connect = Connect::new("wss://server.example/").unwrap().tls(tls);
        assert_served(by_both(&connect.addresses([server]).timeout(Duration::MAX)));
    });
}

#[test]
fn a_refusal_over_tls_comes_with_its_response() {
    bounded(|| {
        let server = serve_over_tls("server.example", |mut stream| {
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").unwrap();
            stream.flush().unwrap();
        });
        let connect = Connect::new("wss://server.example/").unwrap().tls(ours());
        for error in errors(&connect.addresses([server])) {
            let response = error.response().expect("the server answered");
            assert_eq!((response.status().as_u16(), &response.body()[..]), (403, &b"no"[..]));
        }
    });
}

#[test]
fn tls_goes_through_a_tunnel() {
    bounded(|| {
        let server = serve_over_tls("server.example", echo);
        let proxy = serve(move |mut stream| {
            assert!(read_head(&mut stream).starts_with("CONNECT server.example:443 "));
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            pass_on(stream, server);
        });
        let connect = Connect::new("wss://server.example/").unwrap().tls(ours());
        assert_served(by_both(&connect.proxy(format!("http://{proxy}").parse().unwrap())));
    });
}

/// No server of TLS speaks first, so such bytes are the proxy's own.
#[test]
fn bytes_that_come_before_tls_begins_are_refused() {
    bounded(|| {
        let proxy = serve_bytes("HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03\x00\x01x");
        let connect = Connect::new("wss://server.example/").unwrap().tls(ours());
        for error in errors(&connect.proxy(format!("http://{proxy}").parse().unwrap())) {
            let ConnectFailure::Proxy(ProxyError::EarlyBytes) = error.failure() else {
                panic!("{error}")
            };
        }
    });
}

#[test]
fn a_proxy_is_spoken_to_over_tls_and_the_server_over_tls_within() {
    bounded(|| {
        let plain = serve_echo();
        let secure = serve_over_tls("server.example", echo);
        let proxy = serve_over_tls("proxy.example", move |mut stream| {
            let head = read_head(&mut stream);
            assert!(head.contains("Proxy-Authorization: Basic dTpw\r\n"), "{head}");
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            stream.flush().unwrap();
            let server =
                if head.starts_with("CONNECT server.example:443 ") { secure } else { plain };
            pass_on_over_tls(stream, server);
        });
        // Its certificate is for a name, its address is this machine's.
        let named = ours().with_server_name("proxy.example").unwrap();
        for url in ["ws://server.example/", "wss://server.example/"] {
            let connect = Connect::new(url).unwrap().tls(ours()).proxy_tls(named.clone());
            assert_served(by_both(&connect.proxy(format!("https://u:p@{proxy}").parse().unwrap())));
        }
        let connect = Connect::new("ws://server.example/").unwrap().proxy_tls(ours());
        for error in errors(&connect.proxy(format!("https://u:p@{proxy}").parse().unwrap())) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Tls, &*proxy.to_string()));
        }
    });
}

#[test]
fn a_redirect_leads_to_tls_and_never_back() {
    bounded(|| {
        let server = serve_over_tls("localhost", |mut stream| {
            let head = read_head(&mut stream);
            let to = if head.starts_with("GET /back ") { "ws://localhost/" } else { "/back" };
            let response = format!("HTTP/1.1 302 On\r\nLocation: {to}\r\n\r\n");
            stream.write_all(response.as_bytes()).unwrap();
            stream.flush().unwrap();
        });
        let port = server.port();
        let first =
            serve_bytes(format!("HTTP/1.1 302 On\r\nLocation: wss://localhost:{port}/\r\n\r\n"));
        let connect = Connect::new(&format!("ws://{first}/")).unwrap().tls(ours());
        for error in errors(&connect.follow_redirects()) {
            let said = format!(
                "localhost:{port} sends us on, which is not followed: \
                 a redirect from wss to ws would go on without TLS"
            );
            assert_eq!(error.to_string(), said);
        }
    });
}

#[test]
fn the_clients_certificate_stays_within_the_origin() {
    bounded(|| {
        let (shown, sees) = mpsc::channel();
        let other = serve_asking(shown.clone(), echo);
        let own = serve_asking(shown, move |mut stream| {
            let head = read_head(&mut stream);
            if head.starts_with("GET /stay ") {
                send_on(&mut stream, "/again");
            } else if head.starts_with("GET /again ") {
                send_on(&mut stream, &format!("https://localhost:{}/", other.port()));
            }
        });
        let tls = certificates::client().identity(AUTHORITY.identity(&["a client"]));
        let connect = Connect::new(&format!("wss://localhost:{}/stay", own.port())).unwrap();
        let connect = connect.tls(tls.build().unwrap()).follow_redirects();
        assert_served(by_both(&connect));
        let seen: Vec<usize> = sees.iter().take(6).collect();
        assert_eq!(seen, [1, 1, 0, 1, 1, 0], "certificates that each server was shown");
    });
}

#[test]
fn the_name_that_one_server_must_prove_is_not_asked_of_another() {
    bounded(|| {
        for (name, is_served) in [("localhost", true), ("server.example", false)] {
            let other = serve_over_tls(name, echo);
            let to = format!("wss://localhost:{}/", other.port());
            let first = serve_over_tls("server.example", move |mut stream| {
                read_head(&mut stream);
                send_on(&mut stream, &to);
            });
            let connect = Connect::new(&format!("wss://localhost:{}/", first.port())).unwrap();
            let tls = ours().with_server_name("server.example").unwrap();
            for result in by_both(&connect.tls(tls).follow_redirects()) {
                assert_eq!(result.is_ok(), is_served, "{result:?}");
            }
        }
    });
}

#[test]
fn two_halves_of_a_connection_over_tls_live_in_two_threads() {
    bounded(|| {
        let server = serve_over_tls("server.example", echo);
        let connect = Connect::new("wss://server.example/").unwrap().tls(ours());
        let ws = hybi::blocking::connect(connect.addresses([server])).unwrap();
        assert!(ws.get_ref().tcp().unwrap().nodelay().unwrap());
        let (sender, mut receiver) = ws.split().unwrap();
        let sending = thread::spawn(move || sender.send("Hello").unwrap());
        assert_eq!(receiver.recv().unwrap().unwrap().as_text(), Some("Hello"));
        sending.join().unwrap();
    });
}

/// Whom the tests trust.
fn ours() -> ClientTls {
    certificates::client().build().unwrap()
}

/// A server whose certificate is for `name`.
fn serve_over_tls(name: &str, each: impl Fn(TlsStream<AnyStream>) + Send + 'static) -> SocketAddr {
    let tls = ServerTls::new(AUTHORITY.identity(&[name])).unwrap();
    serve(move |stream| {
        // A client that does not trust it goes.
        if let Ok(stream) = TlsStream::accept(AnyStream::from(stream), &tls) {
            each(stream);
        }
    })
}

/// A server on this machine that asks for a certificate of the client's, and counts those that it is shown.
fn serve_asking(
    shown: mpsc::Sender<usize>,
    each: impl Fn(TlsStream<AnyStream>) + Send + 'static,
) -> SocketAddr {
    let asking = ClientCertificates::Optional(AUTHORITY.store());
    let tls = ServerTls::builder(AUTHORITY.identity(&["localhost"])).client_certificates(asking);
    let tls = tls.build().unwrap();
    serve(move |stream| {
        let stream = TlsStream::accept(AnyStream::from(stream), &tls).unwrap();
        shown.send(stream.agreed().peer_certificates.len()).unwrap();
        each(stream);
    })
}

fn send_on(stream: &mut impl Write, to: &str) {
    let response = format!("HTTP/1.1 302 On\r\nLocation: {to}\r\n\r\n");
    stream.write_all(response.as_bytes()).unwrap();
    stream.flush().unwrap();
}

fn pass_on(client: TcpStream, server: SocketAddr) {
    let (from, to) = (client.try_clone().unwrap(), client);
    both_ways(from, to, server, |to| drop(to.shutdown(std::net::Shutdown::Write)));
}

fn pass_on_over_tls(client: TlsStream<AnyStream>, server: SocketAddr) {
    let from = client.second_handle().unwrap();
    both_ways(from, client, server, |to| drop(to.shut_down()));
}

/// Passes everything on in both directions until both have ended.
fn both_ways<S: Read + Write + Send + 'static>(
    mut from: S,
    mut to: S,
    server: SocketAddr,
    end: fn(&mut S),
) {
    let mut there = TcpStream::connect(server).unwrap();
    let mut back = there.try_clone().unwrap();
    let passing = thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut there);
        let _ = there.shutdown(std::net::Shutdown::Write);
    });
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = back.read(&mut bytes) {
        if to.write_all(&bytes[..count]).and_then(|()| to.flush()).is_err() {
            break;
        }
    }
    end(&mut to);
    passing.join().unwrap();
}

/// The error of each adapter.
#[track_caller]
fn errors(connect: &Connect) -> [ConnectError; 2] {
    by_both(connect).map(|result| result.expect_err("no connection can be made"))
}
