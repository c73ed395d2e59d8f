//! Connecting through proxies, by both adapters.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use adapters::away::{
    Silent, assert_served, by_both, read_head, refusing, serve, serve_bytes, serve_echo,
};
use adapters::bounded;
use hybi::proxy::{Proxies, ProxyError};
use hybi::{Connect, ConnectError, ConnectFailure, ConnectStep};

#[test]
fn an_http_proxy_is_asked_for_the_server_by_name() {
    bounded(|| {
        let (asked, hears) = mpsc::channel();
        let server = serve_echo();
        let proxy = serve(move |mut stream| {
            asked.send(read_head(&mut stream)).unwrap();
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
            pass_on(stream, server);
        });
        let url = format!("http://user:pass@{proxy}");
        assert_served(by_both(&through("ws://server.invalid:81/", &url)));
        for head in hears.iter().take(2) {
            assert!(head.starts_with("CONNECT server.invalid:81 HTTP/1.1\r\n"), "{head}");
            assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{head}");
        }
    });
}

#[test]
fn a_socks_proxy_is_asked_for_the_server_by_name_or_by_address() {
    bounded(|| {
        let server = serve_echo();
        for (scheme, host) in
            [("socks5h", "server.invalid"), ("socks5h", "::1"), ("socks5", "127.0.0.1")]
        {
            let (asked, hears) = mpsc::channel();
            let proxy = serve(move |mut stream| {
                asked.send(socks_request(&mut stream)).unwrap();
                stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
                pass_on(stream, server);
            });
            let url = if host.contains(':') {
                format!("ws://[{host}]:7/")
            } else {
                format!("ws://{host}:7/")
            };
            assert_served(by_both(&through(&url, &format!("{scheme}://{proxy}"))));
            let begins = match host {
                "::1" => vec![4, 0, 0],
                "127.0.0.1" => vec![1, 127, 0, 0, 1, 0, 7],
                name => [&[3, name.len() as u8], name.as_bytes(), &[0, 7]].concat(),
            };
            for request in hears.iter().take(2) {
                assert!(request.starts_with(&begins), "{request:?}");
            }
        }
    });
}

#[test]
fn where_the_proxy_does_not_resolve_names_one_address_after_the_other_is_tried() {
    bounded(|| {
        let server = serve_echo();
        let proxy = serve(move |mut stream| {
            let request = socks_request(&mut stream);
            if request[1..5] == [192, 0, 2, 1] {
                stream.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            } else {
                stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
                pass_on(stream, server);
            }
        });
        let connect = through("ws://server.invalid/", &format!("socks5://{proxy}"));
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let both = addresses(&["192.0.2.1:80", "192.0.2.2:80"]);
        assert_served(by_both(&connect.clone().addresses(both)));
        for error in errors(&connect.clone().addresses(addresses(&["192.0.2.1:80"]))) {
            let said = format!(
                "no way to server.invalid:80 through socks5://{proxy}: the proxy answered: host unreachable"
            );
            assert_eq!(error.to_string(), said);
        }
        assert_eq!(errors(&connect.addresses([]))[0].step(), ConnectStep::Proxy);
    });
}

/// Tunnels race as connections do.
#[test]
fn an_address_that_the_proxy_hears_nothing_of_does_not_hold_up_the_others() {
    bounded(|| {
        let server = serve_echo();
        let (asked, hears) = mpsc::channel();
        let proxy = serve(move |mut stream| {
            let asked = asked.clone();
            // Nobody waits for the silent one.
            thread::spawn(move || {
                let request = socks_request(&mut stream);
                asked.send(request[0]).unwrap();
                if request[0] == 1 {
                    let _ = stream.read_to_end(&mut Vec::new());
                } else {
                    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
                    pass_on(stream, server);
                }
            });
        });
        let addresses = ["192.0.2.1:80", "192.0.2.2:80", "[2001:db8::1]:80"];
        let connect = through("ws://server.invalid/", &format!("socks5://{proxy}"))
            .addresses(addresses.map(|text| text.parse().unwrap()));
        assert_served(by_both(&connect));
        // A busy machine may let the third begin, too, and hear of them in another order.
        let asked: Vec<_> = hears.try_iter().collect();
        assert!(asked.contains(&4) && asked.len() <= 6, "{asked:?}");
        let dead = connect.addresses(["192.0.2.1:80".parse().unwrap()]);
        for error in errors(&dead.timeout(Duration::from_secs(1))) {
            assert!(error.is_timeout() && error.step() == ConnectStep::Proxy, "{error}");
        }
    });
}

/// OpenSSH hangs up where it does not reach an address; others know of a general failure alone.
#[test]
fn where_the_proxy_does_not_say_what_is_wrong_the_next_address_is_tried() {
    bounded(|| {
        let server = serve_echo();
        for answer in [&[][..], &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0]] {
            let proxy = serve(move |mut stream| {
                if socks_request(&mut stream)[1..5] == [192, 0, 2, 1] {
                    stream.write_all(answer).unwrap();
                } else {
                    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
                    pass_on(stream, server);
                }
            });
            let addresses = ["192.0.2.1:80", "192.0.2.2:80"].map(|text| text.parse().unwrap());
            let connect = through("ws://server.invalid/", &format!("socks5://{proxy}"));
            assert_served(by_both(&connect.addresses(addresses)));
        }
    });
}

/// No other address would fare better where the proxy itself does not want us.
#[test]
fn a_proxy_that_wants_a_password_is_asked_once() {
    bounded(|| {
        let (asked, hears) = mpsc::channel();
        let proxy = serve(move |mut stream| {
            stream.read_exact(&mut [0; 3]).unwrap();
            asked.send(()).unwrap();
            stream.write_all(&[5, 0xFF]).unwrap();
        });
        let connect = through("ws://server.invalid/", &format!("socks5://{proxy}"));
        let addresses = (0..9).map(|at| SocketAddr::from(([192, 0, 2, at], 80)));
        for error in errors(&connect.addresses(addresses)) {
            let ConnectFailure::Proxy(ProxyError::NoMethod) = error.failure() else {
                panic!("{error}")
            };
            assert_eq!(error.step(), ConnectStep::Proxy);
        }
        assert_eq!(hears.try_iter().count(), 2);
    });
}

#[test]
fn through_a_proxy_that_does_not_resolve_names_32_addresses_are_tried() {
    bounded(|| {
        let (asked, hears) = mpsc::channel();
        let proxy = serve(move |mut stream| {
            asked.send(socks_request(&mut stream)).unwrap();
            stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        });
        let connect = through("ws://server.invalid/", &format!("socks5://{proxy}"));
        let addresses = (0..100).map(|at| SocketAddr::from(([192, 0, 2, at], 80)));
        errors(&connect.addresses(addresses));
        assert_eq!(hears.try_iter().count(), 2 * 32);
    });
}

#[test]
fn a_refusal_of_the_proxy_is_told_as_one() {
    bounded(|| {
        let proxy = serve_bytes(
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nwho",
        );
        for error in errors(&through("ws://server.invalid/", &format!("http://u:secret@{proxy}"))) {
            assert_eq!(error.step(), ConnectStep::Proxy);
            let response = error.response().expect("the proxy answered");
            assert_eq!((response.status().as_u16(), &response.body()[..]), (407, &b"who"[..]));
            let said = format!(
                "no way to server.invalid:80 through http://{proxy}: \
                 the proxy answered 407 Proxy Authentication Required: it wants a user and a password, or others"
            );
            assert_eq!(error.to_string(), said);
            assert!(!format!("{error:?}").contains("secret"));
        }
    });
}

/// It speaks for itself, not for the server: followed, it could send anybody anywhere.
#[test]
fn a_redirect_of_the_proxy_is_not_followed() {
    bounded(|| {
        let to = serve_echo();
        let proxy = serve_bytes(format!(
            "HTTP/1.1 302 Found\r\nLocation: ws://{to}/\r\nContent-Length: 0\r\n\r\n"
        ));
        let connect = through("ws://server.invalid/", &format!("http://{proxy}"));
        for error in errors(&connect.follow_redirects()) {
            assert_eq!(error.step(), ConnectStep::Proxy);
            assert_eq!(error.response().unwrap().status(), 302);
        }
    });
}

#[test]
fn a_proxy_that_cannot_be_reached_is_told_apart_from_the_server() {
    bounded(|| {
        let proxy = refusing();
        for error in errors(&through("ws://server.invalid/", &format!("http://{proxy}"))) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Transport, &*proxy.to_string()));
        }
        let silent = Silent::new();
        let connect = through("ws://server.invalid/", &format!("socks5h://{}", silent.address));
        for error in errors(&connect.timeout(Duration::from_millis(200))) {
            assert!(error.is_timeout() && error.step() == ConnectStep::Transport, "{error}");
        }
    });
}

#[test]
fn a_proxy_that_says_nothing_or_goes_is_told() {
    bounded(|| {
        let mute = serve(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
        let gone = serve(|mut stream| drop(read_head(&mut stream)));
        for scheme in ["http", "socks5h"] {
            let connect = through("ws://server.invalid/", &format!("{scheme}://{mute}"));
            for error in errors(&connect.timeout(Duration::from_secs(1))) {
                assert!(error.is_timeout() && error.step() == ConnectStep::Proxy, "{error}");
            }
        }
        for error in errors(&through("ws://server.invalid/", &format!("http://{gone}"))) {
            let ConnectFailure::Proxy(ProxyError::Incomplete) = error.failure() else {
                panic!("{error}")
            };
        }
    });
}

/// The body of a refusal that never ends is given up with the time, the refusal is not.
#[test]
fn a_refusal_without_end_is_told_when_the_time_is_over() {
    bounded(|| {
        let proxy = serve(|mut stream| {
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nnot").unwrap();
            drop(stream.read_to_end(&mut Vec::new()));
        });
        let connect = through("ws://server.invalid/", &format!("http://{proxy}"));
        for error in errors(&connect.timeout(Duration::from_secs(1))) {
            assert_eq!(&error.response().expect("it refused").body()[..], b"not", "{error}");
        }
    });
}

/// The server's refusal is not the proxy's.
#[test]
fn what_comes_through_the_tunnel_is_the_servers() {
    bounded(|| {
        let proxy = serve(|mut stream| {
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            read_head(&mut stream);
            stream.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").unwrap();
        });
        for error in errors(&through("ws://server.invalid/", &format!("http://{proxy}"))) {
            assert_eq!((error.step(), error.peer()), (ConnectStep::Handshake, "server.invalid:80"));
            assert_eq!(error.response().unwrap().status(), 403);
        }
    });
}

/// Bytes that come with the proxy's answer are the server's: here a response that answers no key of ours.
#[test]
fn bytes_that_come_with_the_proxys_answer_are_not_lost() {
    bounded(|| {
        let proxy =
            serve_bytes("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 418 Early\r\nContent-Length: 0\r\n\r\n");
        for error in errors(&through("ws://server.invalid/", &format!("http://{proxy}"))) {
            assert_eq!(error.response().map(|response| response.status().as_u16()), Some(418));
        }
    });
}

#[test]
fn hosts_that_are_excepted_are_reached_directly() {
    bounded(|| {
        let proxy = refusing();
        let proxies = Proxies::from_variables(|name| match name {
            "ALL_PROXY" => Some(format!("http://{proxy}")),
            "NO_PROXY" => Some("127.0.0.0/8".to_owned()),
            _ => None,
        });
        let connect = Connect::new(&format!("ws://{}/", serve_echo())).unwrap();
        assert_served(by_both(&connect.proxies(proxies.unwrap())));
    });
}

#[test]
fn a_future_that_is_dropped_in_the_conversation_leaves_no_socket() {
    bounded(|| {
        let (asked, hears) = tokio::sync::oneshot::channel();
        let (ended, ends) = mpsc::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream);
            asked.send(()).unwrap();
            ended.send(stream.read(&mut [0])).unwrap();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connect = through("ws://server.invalid/", &format!("http://{proxy}"));
            tokio::select! {
                _ = hybi::tokio::connect(connect) => panic!("nobody answers"),
                _ = hears => {}
            }
            assert_eq!(ends.recv().unwrap().unwrap(), 0, "the socket is closed");
        });
    });
}

fn through(url: &str, proxy: &str) -> Connect {
    Connect::new(url).unwrap().proxy(proxy.parse().unwrap())
}

/// Reads a SOCKS request and returns it from the type of its address on.
fn socks_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(greeting, [5, 1, 0]);
    stream.write_all(&[5, 0]).unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[..3], [5, 1, 0]);
    let left = match head[3] {
        1 => 3 + 2,
        4 => 15 + 2,
        3 => usize::from(head[4]) + 2,
        other => panic!("{other} is no type of address"),
    };
    let mut rest = vec![0; left];
    stream.read_exact(&mut rest).unwrap();
    [&head[3..], &rest].concat()
}

/// Passes everything on in both directions, until both have ended.
fn pass_on(client: TcpStream, server: SocketAddr) {
    let server = TcpStream::connect(server).unwrap();
    let one_way = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        })
    };
    let there = one_way(client.try_clone().unwrap(), server.try_clone().unwrap());
    let back = one_way(server, client);
    there.join().unwrap();
    back.join().unwrap();
}

/// The error of each adapter.
#[track_caller]
fn errors(connect: &Connect) -> [ConnectError; 2] {
    by_both(connect).map(|result| result.expect_err("no connection can be made"))
}
