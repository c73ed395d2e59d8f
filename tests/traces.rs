//! What is told to `tracing`: a span for each connection, its opening and its end, and nothing for a message.
#![cfg(all(feature = "tokio", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::sync::Arc;
use std::thread;

use adapters::door::{door, quiet, status};
use adapters::frames::{TEXT, frame};
use adapters::told::listen;
use adapters::upgraded::{pair, upgraded, write};
use adapters::{bounded, simulate, tcp};
use hybi::tokio::{ServeOptions, Server, Visitor};
use hybi::{CloseCode, Role};
use tokio::io::AsyncWriteExt;

#[test]
fn a_connection_has_a_span_and_tells_its_opening_and_its_end() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (mut client, mut server) = pair(quiet()).await;
        for _ in 0..100 {
            let (sent, received) = tokio::join!(client.send("message"), server.recv());
            assert!(sent.is_ok() && received.unwrap().is_some());
        }
        let (closed, received) = tokio::join!(client.close(CloseCode(4000), "done"), server.recv());
        assert!(closed.is_ok() && received.unwrap().is_none());
        let told = told.lock().unwrap();
        let opened = "DEBUG websocket{role=Client} opened extensions=0";
        assert!(told.iter().any(|told| told == opened), "{told:#?}");
        let client = "websocket{role=Client peer=example.com:80}";
        let closed = told.iter().find(|told| told.contains(client)).expect("its end is told");
        assert!(closed.contains("closed code=4000 clean=true received=0 sent=100"), "{told:#?}");
        let server = "websocket{role=Server}";
        assert!(told.contains(&format!(
            "DEBUG {server} closed code=4000 clean=true received=100 sent=0 cause=closed by the peer with 4000 \"done\""
        )), "{told:#?}");
        assert_eq!(told.len(), 4, "nothing for a message: {told:#?}");
    });
}

#[test]
fn a_connection_that_fails_or_is_dropped_says_so() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, quiet());
        write(&mut peer, frame(Role::Server, TEXT, "not masked")).await;
        drop(peer);
        assert!(ws.recv().await.is_err());
        let (ws, _peer) = upgraded(Role::Client, 1024, quiet());
        drop(ws);
        let told = told.lock().unwrap();
        assert!(
            told[1].contains("closed code=1006 clean=false received=0 sent=0 cause=the peer sent an unmasked frame as a client"),
            "{told:#?}"
        );
        assert_eq!(told[3], "DEBUG websocket{role=Client} dropped while open received=0 sent=0");
        assert_eq!(told.len(), 4);
    });
}

#[test]
fn a_server_tells_addresses_and_refusals_and_its_handlers_are_in_the_span() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (street, door) = door();
        let mut options = ServeOptions::default();
        options.config = Arc::new(quiet());
        let server = Server::with_options(door, options).authorize(|visitor: Visitor| async move {
            match visitor.peer().unwrap().is_ipv4() {
                true => Ok((hybi::handshake::Accept::new(), ())),
                false => Err(http::StatusCode::FORBIDDEN.into()),
            }
        });
        tokio::spawn(server.serve(|mut ws, _| async move {
            tracing::info!("in the handler");
            ws.recv().await.map(|_| ())
        }));
        assert_eq!(status(street.visit_from("2001:db8::1").await), 403);
        let mut rude = street.knock();
        rude.write_all(b"PUT / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(rude);
        let mut client = street.visit().await.unwrap();
        client.close(None, "").await.unwrap();
        let told = told.lock().unwrap();
        let has = |line: &str| assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
        has("DEBUG handshake rejected response=HTTP/1.1 403 Forbidden");
        has("DEBUG handshake refused status=405 error=the request's method is not GET");
        has("INFO websocket{role=Server peer=192.0.2.1:1} in the handler");
    });
}

#[test]
fn a_blocking_connection_has_a_span_and_tells_its_opening_and_its_end() {
    bounded(|| {
        let (told, _guard) = listen();
        let (a, b) = tcp::sockets();
        let server = thread::spawn(move || {
            // `tracing` asks but once, and in any thread, who listens.
            let _heard = listen();
            let mut ws = hybi::blocking::accept(b).unwrap();
            while ws.recv().unwrap().is_some() {}
        });
        let mut client =
            hybi::blocking::connect_over(a, "ws://[2001:db8::1]:81/chat", quiet()).unwrap();
        for _ in 0..100 {
            client.send("message").unwrap();
        }
        client.close(CloseCode(4000), "done").unwrap();
        let closed = client.closed().unwrap();
        drop(client);
        server.join().unwrap();
        let span = "DEBUG websocket{role=Client";
        let told = told.lock().unwrap();
        assert_eq!(told[0], format!("{span}}} opened extensions=0"));
        let end = format!("code=4000 clean=true received=0 sent=100 cause={closed}");
        assert_eq!(told[1], format!("{span} peer=[2001:db8::1]:81}} closed {end}"));
        assert_eq!(told.len(), 2, "the end is told once, and nothing for a message: {told:#?}");
    });
}

#[test]
fn a_blocking_connection_that_fails_or_is_dropped_says_so_whole_or_in_halves() {
    bounded(|| {
        let (told, _guard) = listen();
        for halves in [false, true] {
            let (mut ws, mut peer) = tcp::upgraded(Role::Server, quiet());
            tcp::write(&mut peer, frame(Role::Server, TEXT, "not masked"));
            drop(peer);
            let failed = match halves {
                true => ws.split().unwrap().1.recv().is_err(),
                false => ws.recv().is_err(),
            };
            assert!(failed);
            let (ws, _peer) = tcp::upgraded(Role::Client, quiet());
            match halves {
                true => drop(ws.split().unwrap()),
                false => drop(ws),
            }
        }
        let told = told.lock().unwrap();
        for told in told.chunks(4) {
            let failed = "closed code=1006 clean=false received=0 sent=0 cause=the peer sent an unmasked frame as a client";
            assert!(told[1].contains(failed), "{told:#?}");
            let dropped = "DEBUG websocket{role=Client} dropped while open received=0 sent=0";
            assert_eq!(told[3], dropped);
        }
        assert_eq!(told.len(), 8, "{told:#?}");
    });
}

#[test]
fn a_blocking_server_tells_whom_it_refuses_and_rejects() {
    bounded(|| {
        let (told, _guard) = listen();
        for request in ["PUT / HTTP/1.1\r\n\r\n", HANDSHAKE] {
            let (ours, mut theirs) = tcp::sockets();
            tcp::write(&mut theirs, request);
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            if let Ok(incoming) = hybi::blocking::receive_request(ours, Default::default()) {
                incoming.reject(http::StatusCode::FORBIDDEN).unwrap();
            }
        }
        let refused = "DEBUG handshake refused status=405 error=the request's method is not GET";
        let rejected = "DEBUG handshake rejected response=HTTP/1.1 403 Forbidden";
        assert_eq!(*told.lock().unwrap(), [refused, rejected]);
    });
}

const HANDSHAKE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
