//! Compression over the adapters: agreed on by configuration, declined by the application, chosen for each message.
#![cfg(all(feature = "deflate", feature = "tokio"))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::cell::RefCell;
use std::net::TcpStream;
use std::thread;

use adapters::upgraded::{pair, read_frame};
use adapters::{bounded, on_threads, simulate, tcp};
use hybi::deflate::{Compression, Direction};
use hybi::handshake::{Accept, DeflateOffer, Request, WindowHint};
use hybi::{Config, Message, Prepared, Role, blocking};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpListener;

#[test]
fn both_ends_agree_by_configuration_over_memory() {
    simulate(|| async {
        let (client, server) = pair(config(|_| {})).await;
        for agreed in [client.negotiated(), server.negotiated()] {
            let params = agreed.compression.expect("it was agreed on");
            let light = Direction { context_takeover: false, window_bits: 15 };
            assert_eq!((params.server, params.client), (light, light));
            assert_eq!(agreed.extensions[0].name, "permessage-deflate");
        }
        exchange(client, server).await;
    });
}

#[test]
fn wishes_are_kept_to_over_memory() {
    simulate(|| async {
        let (client, server) = pair(config(|wish| {
            wish.send = Direction { context_takeover: true, window_bits: 10 };
            wish.receive = Direction { context_takeover: true, window_bits: 9 };
        }))
        .await;
        for agreed in [client.negotiated(), server.negotiated()] {
            let params = agreed.compression.unwrap();
            // Each sends no further back than it wishes to, nor than the other takes.
            assert_eq!(params.server, Direction { context_takeover: true, window_bits: 9 });
            assert_eq!(params.client, Direction { context_takeover: true, window_bits: 9 });
        }
        exchange(client, server).await;
    });
}

#[test]
fn compressed_messages_go_both_ways_over_tcp() {
    on_threads(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let io = hybi::tokio::AnyStream::from(listener.accept().await.unwrap().0);
            let config = config(|wish| wish.send.context_takeover = true);
            hybi::tokio::accept_with(io, Default::default(), config).await.unwrap()
        });
        let url = format!("ws://{address}/");
        let client = hybi::tokio::connect_with(
            url.as_str(),
            config(|wish| wish.receive.context_takeover = true),
        )
        .await
        .unwrap();
        let server = server.await.unwrap();
        assert!(client.negotiated().compression.unwrap().server.context_takeover);
        exchange(client, server).await;
    });
}

#[test]
fn no_end_compresses_where_one_is_not_configured_to() {
    simulate(|| async {
        for (ours, theirs) in
            [(Config::default(), config(|_| {})), (config(|_| {}), Config::default())]
        {
            let (a, b) = duplex(64 * 1024);
            let (client, server) = tokio::join!(
                hybi::tokio::connect_over(a, "ws://example.com/", ours),
                hybi::tokio::accept_with(b, Default::default(), theirs),
            );
            let (client, server) = (client.unwrap(), server.unwrap());
            assert_eq!(client.negotiated().compression, None);
            assert_eq!(server.negotiated().compression, None);
            exchange(client, server).await;
        }
    });
}

/// The application sees who asks, and knows better than the configuration.
#[test]
fn the_application_may_decline_what_the_configuration_would_accept() {
    simulate(|| async {
        for (agent, compresses) in [("Good/2", true), ("Bad/1", false)] {
            let (a, b) = duplex(64 * 1024);
            let accepting = async {
                let incoming = hybi::tokio::receive_request(b, Default::default()).await.unwrap();
                assert!(incoming.extensions().iter().any(|e| DeflateOffer::parse(e).is_some()));
                let accept = match incoming.header("user-agent") {
                    Some("Bad/1") => Accept::new().compression(None),
                    _ => Accept::new(),
                };
                incoming.accept(&accept, config(|_| {})).await.unwrap()
            };
            let request = Request::new("ws://example.com/").unwrap();
            let request = request.header(http::header::USER_AGENT, agent.parse().unwrap()).unwrap();
            let (client, server) =
                tokio::join!(hybi::tokio::connect_over(a, request, config(|_| {})), accepting);
            let (client, server) = (client.unwrap(), server);
            assert_eq!(client.negotiated().compression.is_some(), compresses, "{agent}");
            assert_eq!(server.negotiated().compression.is_some(), compresses);
            exchange(client, server).await;
        }
    });
}

#[test]
fn the_application_may_accept_without_configuration() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let server = thread::spawn(move || {
            let incoming = blocking::receive_request(b, Default::default()).unwrap();
            let accept = Accept::new().compression(&Compression::default());
            incoming.accept(&accept, Config::default()).unwrap()
        });
        let client = blocking::connect_over(a, "ws://example.com/", config(|_| {})).unwrap();
        let server = server.join().unwrap();
        assert!(client.negotiated().compression.is_some());
        converse(client, server);
    });
}

#[test]
fn offers_of_ones_own_are_made_instead_of_the_configurations() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let server = thread::spawn(move || {
            let incoming = blocking::receive_request(b, Default::default()).unwrap();
            let offers: Vec<_> =
                incoming.extensions().iter().filter_map(DeflateOffer::parse).collect();
            (offers, incoming.accept(&Accept::new(), config(|_| {})).unwrap())
        });
        let first = DeflateOffer { server_max_window_bits: Some(9), ..Default::default() };
        let second =
            DeflateOffer { client_max_window_bits: Some(WindowHint::Any), ..Default::default() };
        let request = Request::new("ws://example.com/").unwrap().offer(first).offer(second);
        let client = blocking::connect_over(a, request, config(|_| {})).unwrap();
        let (offers, server) = server.join().unwrap();
        assert_eq!(offers, [first, second]);
        assert_eq!(client.negotiated().compression.unwrap().server.window_bits, 9);
        converse(client, server);
    });
}

#[test]
fn both_blocking_ends_agree_by_configuration() {
    bounded(|| {
        for takeover in [true, false] {
            let (client, server) = tcp::pair(&config(|wish| {
                (wish.send.context_takeover, wish.receive.context_takeover) = (takeover, takeover);
            }));
            let params = client.negotiated().compression.unwrap();
            assert_eq!(params.server.context_takeover, takeover);
            assert_eq!(server.negotiated().compression, Some(params));
            converse(client, server);
        }
    });
}

/// What a thread keeps is dropped in the reverse order of its first use: the codecs before the connection.
#[test]
fn a_connection_may_send_while_its_thread_ends() {
    struct Last(blocking::WebSocket<TcpStream>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(Message::text("last ".repeat(100))).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    bounded(|| {
        let (client, mut server) = tcp::pair(&config(|_| {}));
        let sender = thread::spawn(|| {
            LAST.with_borrow_mut(|last| {
                let Last(client) = &mut *last.insert(Last(client));
                client.send(Message::text("first ".repeat(100))).unwrap();
            });
        });
        for word in ["first ", "last "] {
            assert_eq!(server.recv().unwrap(), Some(Message::text(word.repeat(100))));
        }
        sender.join().unwrap();
    });
}

#[test]
fn each_message_is_compressed_or_not_as_it_says() {
    simulate(|| async {
        let (ours, mut theirs) = duplex(64 * 1024);
        let mut negotiated = hybi::handshake::Negotiated::default();
        let direction = Direction { context_takeover: true, window_bits: 15 };
        negotiated.compression =
            Some(hybi::deflate::Params { server: direction, client: direction });
        let mut ws = hybi::tokio::WebSocket::from_upgraded(
            ours,
            Role::Server,
            b"",
            negotiated,
            config(|_| {}),
        );
        let long = "long ".repeat(100);
        for (message, rsv1) in [
            (Message::text("short").into(), false),
            (Message::text(&*long).into(), true),
            (Message::text(&*long).uncompressed(), false),
            (Message::text("short").compressed(), true),
        ] {
            let message: hybi::Outgoing = message;
            let sent = message.message.clone();
            ws.send(message).await.unwrap();
            let (first, payload) = read_frame(&mut theirs).await;
            assert_eq!(
                (first, payload == sent.as_bytes()),
                (if rsv1 { 0xc1 } else { 0x81 }, !rsv1)
            );
        }
    });
}

#[test]
fn a_bad_answer_fails_the_client() {
    simulate(|| async {
        for answer in ["permessage-deflate; client_max_window_bits=16", "permessage-deflate; x"] {
            let (a, mut b) = duplex(64 * 1024);
            let answering = async {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(b.read_u8().await.unwrap());
                }
                let response = adapters::frames::response_to(&request);
                let head = response.strip_suffix(b"\r\n").unwrap();
                let extension = format!("Sec-WebSocket-Extensions: {answer}\r\n\r\n");
                b.write_all(&[head, extension.as_bytes()].concat()).await.unwrap();
            };
            let connecting = hybi::tokio::connect_over(a, "ws://example.com/", config(|_| {}));
            let (client, ()) = tokio::join!(connecting, answering);
            let error = client.expect_err("the answer breaks a rule");
            assert!(matches!(error, hybi::tokio::Error::Handshake(_)), "{error:?}");
        }
    });
}

/// Messages that compress and some that do not, by every call, both ways.
async fn exchange<S>(mut client: hybi::tokio::WebSocket<S>, mut server: hybi::tokio::WebSocket<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let compresses = client.negotiated().compression.is_some();
    // For peers of every window.
    let mut settings = Compression::default();
    settings.send.window_bits = 8;
    for message in conversation() {
        let (sent, received) = tokio::join!(client.send(message.clone()), server.recv());
        assert_eq!((sent.unwrap(), received.unwrap().as_ref()), ((), Some(&message)));
        let prepared = Prepared::compressed(message.clone(), &settings);
        server.feed_prepared(&prepared).await.unwrap();
        let (sent, received) = tokio::join!(server.flush(), client.recv());
        assert_eq!((sent.unwrap(), received.unwrap()), ((), Some(message)));
    }
    for stats in [client.stats(), server.stats()] {
        let smaller = stats.inflated_received > stats.payload_received / 2;
        assert_eq!(stats.inflated_received > 0 && smaller, compresses, "{stats:?}");
    }
}

/// The same with the blocking adapter.
fn converse<S: blocking::Transport + Send + 'static>(
    mut client: blocking::WebSocket<S>,
    mut server: blocking::WebSocket<S>,
) {
    let echo = thread::spawn(move || {
        while let Some(message) = server.recv().unwrap() {
            server.send(message).unwrap();
        }
        *server.stats()
    });
    for message in conversation() {
        client.send(message.clone()).unwrap();
        assert_eq!(client.recv().unwrap(), Some(message));
    }
    client.close(hybi::CloseCode::NORMAL, "").unwrap();
    while client.recv().unwrap().is_some() {}
    let stats = echo.join().unwrap();
    assert!(stats.inflated_received > 100_000, "{stats:?}");
    assert!(client.stats().inflated_received > 100_000);
}

fn conversation() -> Vec<Message> {
    let noise: Vec<u8> = (0..3000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect();
    vec![
        Message::text(""),
        Message::text("short"),
        Message::text("Grüße an alle, Grüße an alle. ".repeat(40)),
        Message::binary(noise.clone()),
        Message::binary(noise.repeat(40)),
        Message::text("Grüße an alle, Grüße an alle. ".repeat(40)),
    ]
}

fn config(wish: impl FnOnce(&mut Compression)) -> Config {
    let mut compression = Compression::default();
    wish(&mut compression);
    adapters::config(|config| config.compression = Some(compression))
}
