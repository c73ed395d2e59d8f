//! Connecting over tokio may be given up at any poll, on every kind of way: no socket is left open.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;
#[cfg(feature = "tls-ring")]
#[allow(dead_code, reason = "the tests of TLS use all of it")]
#[path = "tls/certificates.rs"]
mod certificates;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use adapters::away::{read_head, serve};
use adapters::bounded;
use adapters::frames::response_to;
use adapters::reconnecting::poll_so_often;
use hybi::Connect;

#[test]
fn a_connect_to_an_address_or_a_name_leaves_no_socket() {
    given_up_at_every_poll(2, |server| Connect::new(&format!("ws://{server}/")).unwrap());
    given_up_at_every_poll(3, |server| {
        Connect::new(&format!("ws://localhost:{}/", server.port())).unwrap()
    });
}

#[test]
fn a_connect_that_is_sent_elsewhere_leaves_no_socket() {
    given_up_at_every_poll(4, |server| {
        Connect::new(&format!("ws://{server}/away")).unwrap().follow_redirects()
    });
}

#[test]
fn a_connect_through_a_proxy_leaves_no_socket() {
    for scheme in ["http", "socks5", "socks5h"] {
        given_up_at_every_poll(3, move |server| {
            let proxy = format!("{scheme}://{server}").parse().unwrap();
            Connect::new("ws://192.0.2.1/").unwrap().proxy(proxy)
        });
    }
}

#[cfg(feature = "tls-ring")]
#[test]
fn a_connect_over_tls_leaves_no_socket() {
    let tls = || certificates::client().build().unwrap();
    given_up_at_every_poll(3, move |server| {
        Connect::new("wss://example.com/").unwrap().tls(tls()).addresses([server])
    });
    // TLS to the server within a tunnel.
    given_up_at_every_poll(4, move |server| {
        let proxy = format!("http://{server}").parse().unwrap();
        Connect::new("wss://example.com/").unwrap().tls(tls()).proxy(proxy)
    });
}

#[cfg(unix)]
#[test]
fn a_connect_to_a_socket_in_the_file_system_leaves_none() {
    use std::os::unix::net::{UnixListener, UnixStream};

    bounded(|| {
        let path = std::env::temp_dir().join(format!("hybi-cancel-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = converse(&mut stream);
            }
        });
        let connect = Connect::new(&format!("ws+unix:{}", path.display())).unwrap();
        let polls = polls_until_connected(&connect, || {
            ask_whether_idle(UnixStream::connect(&path).unwrap());
        });
        assert!(polls >= 2, "{polls}");
        std::fs::remove_file(&path).unwrap();
    });
}

/// Connects again and again, each time for one poll more, of which there have to be so many.
fn given_up_at_every_poll(
    at_least: usize,
    way: impl FnOnce(SocketAddr) -> Connect + Send + 'static,
) {
    bounded(move || {
        let server = serve(|mut stream| {
            // Who has gone is done with.
            let _ = answer(&mut stream);
        });
        let polls = polls_until_connected(&way(server), || {
            let probe = TcpStream::connect(server).unwrap();
            probe.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            ask_whether_idle(probe);
        });
        assert!(polls >= at_least, "{polls} polls");
    });
}

/// How many polls it takes to connect. After each attempt that was given up, `check` is called.
fn polls_until_connected(connect: &Connect, check: impl Fn()) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut most = 1;
    loop {
        let attempt = poll_so_often(hybi::tokio::connect(connect.clone()), most);
        match runtime.block_on(attempt) {
            Some(connected) => {
                drop(connected.unwrap());
                check();
                return most;
            }
            None => check(),
        }
        most += 1;
    }
}

/// The server serves one after the other: when it answers this one, all before have ended.
fn ask_whether_idle(mut probe: impl Read + Write) {
    probe.write_all(PROBE).unwrap();
    let mut answer = [0; PROBE.len()];
    probe.read_exact(&mut answer).expect("an attempt that was given up holds its socket");
}

const PROBE: &[u8] = b"PROBE / HTTP/1.1\r\n\r\n";

/// Speaks whatever the client begins with: HTTP, SOCKS, TLS.
fn answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut first = [0];
    while stream.peek(&mut first)? > 0 {
        match first[0] {
            5 => {
                stream.read_exact(&mut [0; 3])?;
                stream.write_all(&[5, 0])?;
                // An address of IPv4 is all that is asked for here.
                stream.read_exact(&mut [0; 10])?;
                stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            }
            #[cfg(feature = "tls-ring")]
            22 => return over_tls(stream.try_clone()?),
            _ => converse(stream)?,
        }
    }
    Ok(())
}

/// Speaks HTTP until the client has gone, or has a tunnel in which it speaks anything.
fn converse(stream: &mut (impl Read + Write)) -> io::Result<()> {
    loop {
        let head = read_head(stream);
        if !head.ends_with("\r\n\r\n") {
            return Ok(());
        }
        if head.starts_with("PROBE ") {
            stream.write_all(PROBE)?;
            continue;
        }
        if head.starts_with("GET /away ") {
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")?;
        } else if head.starts_with("CONNECT ") {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        } else {
            stream.write_all(&response_to(head.as_bytes()))?;
        }
        stream.flush()?;
        if head.starts_with("CONNECT ") {
            return Ok(());
        }
    }
}

/// The same over TLS.
#[cfg(feature = "tls-ring")]
fn over_tls(stream: TcpStream) -> io::Result<()> {
    let stream = hybi::blocking::TlsStream::accept(stream, &certificates::server());
    converse(&mut stream.map_err(io::Error::other)?)
}
