//! Connecting by URL, by both adapters.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use adapters::away::{
    Silent, assert_served, by_both, echo, read_head, refusing, serve, serve_bytes, serve_echo,
};
use adapters::bounded;
use http::header::{HeaderName, HeaderValue};
use hybi::handshake::{HandshakeError, Limits, RequestError, UrlError};
use hybi::{Connect, ConnectError, ConnectFailure, ConnectStep};

#[test]
fn a_url_is_all_it_takes() {
    bounded(|| {
        let url = format!("ws://{}/chat", serve_echo());
        assert_served(by_both(&Connect::new(&url).unwrap()));
    });
}

/// `localhost` may be an IPv6 address first, where nobody listens.
#[test]
fn a_name_is_resolved_and_its_addresses_tried() {
    bounded(|| {
        let url = format!("ws://localhost:{}/", serve_echo().port());
        assert_served(by_both(&Connect::new(&url).unwrap()));
    });
}

#[test]
fn what_is_asked_for_arrives() {
    bounded(|| {
        let (heard, hears) = mpsc::channel();
        let server = serve(move |stream| {
            let incoming = hybi::blocking::receive_request(stream, Default::default()).unwrap();
            let request = incoming.to_http();
            heard.send((request.uri().clone(), request.headers().clone())).unwrap();
            let accept = hybi::handshake::Accept::new().subprotocol("v1.feed");
            let mut config = hybi::Config::default();
            config.compression = Some(hybi::Compression::default());
            let mut ws = incoming.accept(&accept, config).unwrap();
            let message = ws.recv().unwrap().unwrap();
            ws.send(message).unwrap();
            assert_eq!(ws.recv().unwrap(), None);
        });
        let name = HeaderName::from_static("x-room");
        let connect = Connect::new(&format!("ws://{server}/feed?all=1"))
            .unwrap()
            .header(name.clone(), HeaderValue::from_static("7"))
            .unwrap()
            .subprotocol("v2.feed")
            .and_then(|connect| connect.subprotocol("v1.feed"))
            .and_then(|connect| connect.origin(&format!("http://{server}")))
            .unwrap()
            .compression(hybi::Compression::default());
        for result in by_both(&connect) {
            let answer = result.unwrap();
            assert_eq!(answer.subprotocol.as_deref(), Some("v1.feed"));
            assert!(answer.compresses);
            let (uri, headers) = hears.recv().unwrap();
            assert_eq!(uri, "/feed?all=1");
            assert_eq!(headers["host"], server.to_string());
            assert_eq!(headers[&name], "7");
            assert_eq!(headers["origin"], format!("http://{server}"));
            assert_eq!(headers["sec-websocket-protocol"], "v2.feed, v1.feed");
        }
    });
}

/// One after the other, the silent address would take all the time there is.
#[test]
fn a_silent_address_does_not_hold_up_the_others() {
    bounded(|| {
        let silent = Silent::new();
        let connect = Connect::new("ws://example.com/").unwrap();
        assert_served(by_both(&connect.addresses([silent.address, refusing(), serve_echo()])));
    });
}

#[test]
fn where_every_address_refuses_each_is_listed() {
    bounded(|| {
        let addresses: Vec<_> = (0..6).map(|_| refusing()).collect();
        let connect = Connect::new("ws://example.com:81/").unwrap();
        for error in errors(&connect.addresses(addresses.clone())) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Transport, "example.com:81"));
            let ConnectFailure::Addresses(each) = error.failure() else { panic!("{error:?}") };
            assert_eq!(each.iter().map(|(address, _)| *address).collect::<Vec<_>>(), addresses);
            assert!(each.iter().all(|(_, error)| error.kind() == ErrorKind::ConnectionRefused));
            assert!(!error.is_timeout());
            let text = error.to_string();
            let begins = format!("cannot connect to example.com:81: {}: Conn", addresses[0]);
            assert!(text.starts_with(&begins) && text.ends_with(" and 2 more"), "{text}");
        }
    });
}

#[test]
fn an_address_that_does_not_answer_in_time_is_told() {
    bounded(|| {
        let silent = Silent::new();
        // Before the second address has its turn.
        let connect =
            Connect::new("ws://[2001:db8::7]/").unwrap().timeout(Duration::from_millis(240));
        for addresses in [vec![silent.address], vec![silent.address, Silent::new().address]] {
            for error in errors(&connect.clone().addresses(addresses)) {
                assert!(error.is_timeout(), "{error:?}");
                let said =
                    format!("cannot connect to [2001:db8::7]:80: {}: no answer", silent.address);
                assert_eq!(error.to_string(), said);
            }
        }
    });
}

#[test]
fn a_time_that_is_over_before_anything_has_begun_is_told_as_a_timeout() {
    bounded(|| {
        let address = refusing();
        let connect = Connect::new(&format!("ws://{address}/")).unwrap().timeout(Duration::ZERO);
        for addresses in [vec![address], vec![address, refusing()]] {
            for error in errors(&connect.clone().addresses(addresses)) {
                assert!(error.is_timeout(), "{error:?}");
            }
        }
        for error in errors(&connect) {
            assert!(error.is_timeout(), "{error:?}");
        }
    });
}

#[test]
fn a_host_without_addresses_is_told() {
    bounded(|| {
        for error in errors(&Connect::new("ws://example.com/").unwrap().addresses([])) {
            assert_eq!(
                error.to_string(),
                "cannot connect to example.com:80: the host has no address"
            );
        }
    });
}

#[test]
fn a_name_that_does_not_resolve_is_told() {
    bounded(|| {
        // Longer than a label may be: no name server is asked.
        let host = format!("{}.invalid", "a".repeat(64));
        for error in errors(&Connect::new(&format!("ws://{host}/")).unwrap()) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Resolve, &*host));
            assert!(matches!(error.failure(), ConnectFailure::Io(_)), "{error:?}");
            assert!(error.to_string().starts_with(&format!("cannot resolve {host}: ")));
        }
    });
}

#[test]
fn a_refusal_comes_with_status_headers_and_body() {
    bounded(|| {
        let server = serve_bytes(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nlater",
        );
        for error in errors(&Connect::new(&format!("ws://{server}/?token=secret")).unwrap()) {
            let response = error.response().expect("the server answered");
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers()["retry-after"], "7");
            assert_eq!(&response.body()[..], b"later");
            let text = error.to_string();
            let said = format!(
                "opening handshake with {server} failed: the server answered 503 Service Unavailable"
            );
            assert_eq!(text, said);
        }
    });
}

#[test]
fn debug_says_how_long_a_refusals_body_is_and_not_what() {
    bounded(|| {
        let refusal = "HTTP/1.1 403 No\r\nSet-Cookie: secret\r\nContent-Length: 6\r\n\r\nsecret";
        let server = Connect::new(&format!("ws://{}/", serve_bytes(refusal))).unwrap();
        let proxy = format!("http://{}", serve_bytes(refusal)).parse().unwrap();
        let proxy = Connect::new("ws://server.invalid/").unwrap().proxy(proxy);
        let on = "HTTP/1.1 302 On\r\nLocation: ftp://secret\r\nContent-Length: 6\r\n\r\nsecret";
        let on = Connect::new(&format!("ws://{}/", serve_bytes(on))).unwrap().follow_redirects();
        for (connect, status) in [(server, "403"), (proxy, "403"), (on, "302")] {
            for error in errors(&connect) {
                let shown = format!("{error:?}");
                assert!(shown.contains(status) && shown.contains("6 bytes"), "{shown}");
                assert!(!shown.contains("secret"), "{shown}");
                assert_eq!(error.response().unwrap().body(), "secret");
            }
        }
    });
}

#[test]
fn of_a_refusals_body_64_kib_are_kept() {
    bounded(|| {
        let head = "HTTP/1.1 500 Internal Server Error\r\n\r\n";
        let server = serve_bytes([head.as_bytes(), &[b'x'; 100_000]].concat());
        for error in errors(&Connect::new(&format!("ws://{server}/")).unwrap()) {
            let body = error.response().expect("the server answered").body().len();
            assert_eq!(body, 64 * 1024);
        }
    });
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    bounded(|| {
        let server = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let connect = Connect::new(&format!("ws://{server}/")).unwrap();
        for error in errors(&connect.timeout(Duration::from_secs(1))) {
            assert_eq!(error.step(), ConnectStep::Handshake);
            assert!(error.is_timeout(), "{error:?}");
            let said = format!(
                "opening handshake with {server} failed: it was not done in time (Connect::timeout)"
            );
            assert_eq!(error.to_string(), said);
        }
    });
}

#[test]
fn a_head_without_end_is_cut_off_at_the_limit() {
    bounded(|| {
        let server = serve_bytes(format!("HTTP/1.1 101 Yes\r\nX: {}", "x".repeat(1000)));
        let mut limits = Limits::default();
        limits.max_size = 500;
        for error in errors(&Connect::new(&format!("ws://{server}/")).unwrap().limits(limits)) {
            let ConnectFailure::Handshake(HandshakeError::HeadTooLarge { .. }) = error.failure()
            else {
                panic!("{error:?}")
            };
        }
    });
}

#[test]
fn no_time_is_too_long() {
    bounded(|| {
        let connect = Connect::new(&format!("ws://{}/", serve_echo())).unwrap();
        assert_served(by_both(&connect.timeout(Duration::MAX)));
    });
}

#[test]
fn what_no_connection_can_be_made_with_is_told_before_anything_is_sent() {
    for bad in ["http://a/", "ws://a/#x", "ws://user@a/", "ws://ü/", "ws+unix:relative"] {
        let error = hybi::blocking::connect(bad).expect_err("the URL is bad");
        assert_eq!(error.step(), ConnectStep::Request, "{bad}");
    }
    let origin = Connect::new("ws://a/").unwrap().origin("a\r\nX: y");
    assert!(matches!(origin, Err(RequestError::InvalidHeader(_))), "{origin:?}");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_a_feature_of_tls_its_urls_are_told_to_need_one() {
    for (url, proxy) in [("wss://a/", "http://b"), ("ws://a/", "https://b")] {
        let connect = Connect::new(url).unwrap().proxy(proxy.parse().unwrap());
        for error in errors(&connect) {
            assert!(matches!(error.failure(), ConnectFailure::Request(RequestError::NeedsTls)));
            assert!(error.to_string().contains("enable a `tls` feature"), "{error}");
        }
    }
}

#[test]
fn small_writes_leave_at_once_unless_it_is_wished_otherwise() {
    bounded(|| {
        let url = format!("ws://{}/", serve_echo());
        for nodelay in [true, false] {
            let mut connect = Connect::new(&url).unwrap();
            if !nodelay {
                let mut tcp = hybi::TcpOptions::default();
                tcp.nodelay = false;
                connect = connect.tcp(tcp);
            }
            let ws = hybi::blocking::connect(connect).unwrap();
            assert_eq!(ws.get_ref().tcp().unwrap().nodelay().unwrap(), nodelay);
        }
    });
}

#[cfg(feature = "tcp-keepalive")]
#[test]
fn the_kernel_probes_a_silent_peer_where_it_is_wished() {
    bounded(|| {
        let mut tcp = hybi::TcpOptions::default();
        tcp.keepalive = Some(Duration::from_secs(77));
        let connect = Connect::new(&format!("ws://{}/", serve_echo())).unwrap().tcp(tcp);
        let ws = hybi::blocking::connect(connect).unwrap();
        let socket = socket2::SockRef::from(ws.get_ref().tcp().unwrap());
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
    });
}

#[cfg(unix)]
#[test]
fn a_socket_in_the_file_system_is_connected_to() {
    bounded(|| {
        let path = std::env::temp_dir().join(format!("hybi: {} %.socket", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        thread::spawn(move || listener.incoming().for_each(|stream| echo(stream.unwrap())));
        let encoded = path.to_str().unwrap();
        let encoded = encoded.replace('%', "%25").replace(':', "%3A").replace(' ', "%20");
        for url in [format!("ws+unix:{encoded}:/chat?x"), format!("WS+UNIX://{encoded}")] {
            assert_served(by_both(&Connect::new(&url).unwrap()));
        }
        std::fs::remove_file(&path).unwrap();
        for error in errors(&Connect::new(&format!("ws+unix:{encoded}:/")).unwrap()) {
            let begins = format!("cannot connect to {}: ", path.display());
            assert!(error.to_string().starts_with(&begins), "{error}");
        }
    });
}

#[cfg(unix)]
#[test]
fn the_url_of_such_a_socket_names_its_absolute_path_and_a_resource() {
    for (url, error) in [
        ("ws+unix:", UrlError::SocketPath),
        ("ws+unix:s", UrlError::SocketPath),
        ("ws+unix:s/s", UrlError::SocketPath),
        ("ws+unix://host/s", UrlError::SocketPath),
        ("ws+unix:/s%", UrlError::SocketPath),
        ("ws+unix:/s%00", UrlError::SocketPath),
        ("ws+unix:/s%ff", UrlError::SocketPath),
        ("ws+unix:/s s", UrlError::SocketPath),
        ("ws+unix:/s?x", UrlError::SocketPath),
        ("ws+unix:/s#x", UrlError::Fragment),
        ("ws+unix:/s:/#x", UrlError::Fragment),
        ("ws+unix:/s:80", UrlError::Syntax),
        ("ws+unix:/s:80/x", UrlError::Syntax),
        ("ws+unix:/s:.example/x?y", UrlError::Syntax),
        ("ws+unix:/s:@a", UrlError::Syntax),
        ("ws+unix:/s:/a b", UrlError::Syntax),
        ("ws+unix:/s:/%", UrlError::Syntax),
    ] {
        assert_eq!(Connect::new(url).err(), Some(error), "{url}");
    }
    let connect = Connect::new("ws+unix:/s:/a?b").unwrap();
    assert_eq!(connect.request().url().to_string(), "ws://localhost/a?b");
    let connect = Connect::new("ws+unix:/s:/a:b?c").unwrap();
    assert_eq!(connect.request().url().to_string(), "ws://localhost/a:b?c");
}

/// A future that is dropped while it waits for the network leaves no socket open.
#[test]
fn dropping_the_future_ends_the_attempt() {
    bounded(|| {
        let (asked, hears) = tokio::sync::oneshot::channel();
        let (ended, ends) = mpsc::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(read_head(&mut stream).starts_with("GET "));
            asked.send(()).unwrap();
            ended.send(stream.read(&mut [0])).unwrap();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                _ = hybi::tokio::connect(format!("ws://{address}/")) => panic!("nobody answers"),
                _ = hears => {}
            }
            assert_eq!(ends.recv().unwrap().unwrap(), 0, "the socket is closed");
        });
    });
}

#[test]
fn the_whole_error_turns_into_the_adapters_own() {
    bounded(|| {
        let refuse = || -> Result<(), hybi::blocking::Error> {
            let server = serve_bytes("HTTP/1.1 403 No\r\n\r\n");
            hybi::blocking::connect(format!("ws://{server}/"))?.close(None, "")
        };
        let Err(hybi::blocking::Error::Connect(error)) = refuse() else { panic!("it is refused") };
        assert_eq!(error.response().unwrap().status(), 403);
        assert!(std::mem::size_of::<ConnectError>() <= 8);
    });
}

/// The error of each adapter.
#[track_caller]
fn errors(connect: &Connect) -> [ConnectError; 2] {
    by_both(connect).map(|result| result.expect_err("no connection can be made"))
}
