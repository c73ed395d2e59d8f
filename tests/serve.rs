//! A server accepts, limits and counts.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use adapters::door::{serve, status};
use adapters::{on_threads, simulate};
use futures_util::FutureExt;
use http::StatusCode;
use hybi::handshake::{Accept, HandshakeError};
use hybi::rate::Rate;
use hybi::tokio::serve::{WhenFull, WhenTooFast};
use hybi::tokio::{Error, Server, Visitor};
use hybi::{CloseCode, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

#[test]
fn a_server_echoes_over_tcp() {
    on_threads(|| async {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/echo?a=b", server.local_addr().unwrap());
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|mut ws, visitor| async move {
            assert!(visitor.peer().unwrap().ip().is_loopback());
            assert!(ws.get_ref().get_ref().nodelay().unwrap(), "small frames leave at once");
            assert_eq!((visitor.path(), visitor.query()), ("/echo", Some("a=b")));
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok::<(), Error>(())
        }));
        let mut ws = hybi::tokio::connect(url.as_str()).await.unwrap();
        for size in [0, 100, 100_000] {
            let message = Message::binary(vec![7; size]);
            ws.send(message.clone()).await.unwrap();
            assert_eq!(ws.recv().await.unwrap(), Some(message));
        }
        ws.close(CloseCode::NORMAL, "").await.unwrap();
        while handle.metrics().open > 0 {
            tokio::task::yield_now().await;
        }
        let metrics = handle.metrics();
        assert_eq!((metrics.opened, metrics.peak, metrics.handshakes), (1, 1, 0));
        assert_eq!((metrics.messages_received, metrics.messages_sent), (3, 3));
        assert!(metrics.bytes_received > 100_100 && metrics.bytes_sent > 100_100);
        assert_eq!(metrics.close_codes.iter().collect::<Vec<_>>(), [("1000", 1)]);
        assert_eq!(metrics.endings.remote, 1);
        handle.shutdown(Default::default()).await;
        serving.await.unwrap();
    });
}

#[test]
fn accept_yields_connections_that_are_ready_and_may_be_cancelled() {
    simulate(|| async {
        let (street, mut server) = serve(|_| {});
        let visiting = tokio::spawn({
            let street = street.clone();
            async move { street.visit().await.unwrap() }
        });
        let mut cancelled = 0;
        let (mut ws, visitor) = loop {
            match server.accept().now_or_never() {
                Some(ready) => break ready.unwrap(),
                None => cancelled += 1,
            }
            tokio::task::yield_now().await;
        };
        assert!(cancelled > 0);
        assert_eq!(visitor.peer().unwrap().ip().to_string(), "192.0.2.1");
        let mut client = visiting.await.unwrap();
        client.send("Hello").await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(Message::text("Hello")));
    });
}

#[test]
fn a_slow_handshake_holds_up_nobody() {
    simulate(|| async {
        let (street, mut server) = serve(|options| options.max_handshakes = 5);
        let mut slow: Vec<_> = (0..4).map(|_| street.knock()).collect();
        for stream in &mut slow {
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        }
        let start = Instant::now();
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        assert!(client.is_ok() && accepted.is_some());
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!(server.handle().metrics().handshakes, 4);
    });
}

#[test]
fn handshakes_in_flight_are_limited_and_each_ends_in_time() {
    simulate(|| async {
        let (street, mut server) = serve(|options| options.max_handshakes = 3);
        let _slow: Vec<_> = (0..30).map(|_| street.knock()).collect();
        let (handle, start) = (server.handle(), Instant::now());
        let watch = async {
            let mut most = 0;
            while handle.metrics().failed < 30 {
                most = most.max(handle.metrics().handshakes);
                sleep(Duration::from_secs(1)).await;
            }
            most
        };
        tokio::select! {
            most = watch => assert_eq!(most, 3),
            _ = server.accept() => panic!("nobody shook hands"),
        }
        // Ten rounds of ten seconds, and of a farewell of one second.
        assert!((100..=111).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    });
}

#[test]
fn connections_over_the_limit_wait_until_one_ends() {
    simulate(|| async {
        let (street, mut server) = serve(|options| options.max_connections = Some(2));
        let (first, taken) = tokio::join!(street.visit(), server.accept());
        let (second, kept) = tokio::join!(street.visit(), server.accept());
        let (mut first, _second, taken) = (first.unwrap(), second.unwrap(), taken.unwrap());
        let third = street.visit();
        tokio::pin!(third);
        let day = Duration::from_secs(15);
        let waiting =
            async { tokio::join!(timeout(day, &mut third), timeout(day, server.accept())) };
        let (client, accepted) = waiting.await;
        assert!(client.is_err() && accepted.is_err());
        let mut ws = taken.0;
        let (_, _) = tokio::join!(first.close(None, ""), ws.recv());
        drop(ws);
        let (client, accepted) = tokio::join!(third, server.accept());
        assert!(client.is_ok() && accepted.is_some());
        assert_eq!((server.handle().metrics().open, server.handle().metrics().peak), (2, 2));
        drop(kept);
    });
}

#[test]
fn connections_over_the_limit_may_be_refused_with_503() {
    simulate(|| async {
        let (street, server) = serve(|options| {
            options.max_connections = Some(3);
            options.when_full = WhenFull::Refuse;
        });
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(|_| ()) }));
        let visits = (0..10).map(|_| street.clone());
        let visits = visits.map(|street| tokio::spawn(async move { street.visit().await }));
        let mut all = Vec::new();
        for visit in visits.collect::<Vec<_>>() {
            all.push(visit.await.unwrap());
        }
        let (open, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        assert_eq!(open.len(), 3, "also of those who came together");
        assert!(refused.into_iter().map(status).all(|status| status == 503));
        assert_eq!((handle.metrics().turned_away, handle.metrics().opened), (7, 3));
        drop(open);
        sleep(Duration::from_secs(1)).await;
        assert!(street.visit().await.is_ok());
    });
}

#[test]
fn the_hook_may_wait_look_at_the_request_and_say_who_it_is() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let mut server = server.authorize(|visitor: Visitor| async move {
            sleep(Duration::from_secs(3)).await;
            assert_eq!(visitor.header("host"), Some("example.com"));
            Ok((Accept::new(), visitor.path().len()))
        });
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        assert!(client.is_ok());
        assert_eq!(accepted.unwrap().1.admitted, "/chat".len());
    });
}

#[test]
fn the_hook_may_refuse_with_any_status_headers_and_body() {
    simulate(|| async {
        let (street, server) = serve(|_| {});
        let server = server.authorize(|visitor: Visitor| async move {
            if visitor.peer().unwrap().ip().is_ipv4() {
                return Err(StatusCode::IM_A_TEAPOT.into());
            }
            let response = http::Response::builder().status(429).header("retry-after", "30");
            let refused: Result<(Accept, ()), _> =
                Err(response.body(bytes::Bytes::from_static(b"later")).unwrap().into());
            refused
        });
        let handle = server.handle();
        tokio::spawn(server.serve(|_, _| async {}));
        assert_eq!(status(street.visit().await), 418);
        match street.visit_from("2001:db8::1").await {
            Err(Error::Handshake(HandshakeError::Refused(response))) => {
                assert_eq!(
                    (response.status().as_u16(), &response.body()[..]),
                    (429, &b"later"[..])
                );
                assert_eq!(response.headers()["retry-after"], "30");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((handle.metrics().refused, handle.metrics().opened), (2, 0));
    });
}

#[test]
fn an_address_that_knocks_too_often_is_dropped_without_a_word() {
    simulate(|| async {
        let (street, server) = serve(|options| {
            options.handshakes_per_address = Some(Rate::per_minute(2));
        });
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(|_| ()) }));
        // One subscriber of IPv6, and one address of IPv4 in both spellings.
        for (first, second) in
            [("2001:db8::1", "2001:db8::ffff:1"), ("192.0.2.1", "::ffff:192.0.2.1")]
        {
            assert!(street.visit_from(first).await.is_ok());
            assert!(street.visit_from(second).await.is_ok());
            let mut third = street.knock_from(first);
            assert_eq!(
                third.read_u8().await.map_err(|error| error.kind()),
                Err(ErrorKind::UnexpectedEof)
            );
        }
        assert!(street.visit_from("2001:db8:0:1::1").await.is_ok());
        assert_eq!(handle.metrics().throttled, 2);
        sleep(Duration::from_secs(31)).await;
        assert!(street.visit_from("192.0.2.1").await.is_ok());
    });
}

#[test]
fn where_there_is_no_limit_nobody_is_refused() {
    simulate(|| async {
        let (street, server) = serve(|options| options.when_full = WhenFull::Refuse);
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(|_| ()) }));
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(street.visit().await.unwrap());
        }
        assert_eq!((handle.metrics().open, handle.metrics().turned_away), (20, 0));
    });
}

#[test]
fn one_handshake_in_flight_is_one() {
    simulate(|| async {
        let (street, mut server) = serve(|options| options.max_handshakes = 1);
        let _slow = [street.knock(), street.knock()];
        assert!(timeout(Duration::from_secs(1), server.accept()).await.is_err());
        assert_eq!(server.handle().metrics().handshakes, 1);
    });
}

/// Or what it holds back would be waited for for ever.
#[test]
fn a_stream_with_a_buffer_of_its_own_is_flushed() {
    struct Buffered(adapters::door::Door);

    impl hybi::tokio::serve::Listen for Buffered {
        type Io = tokio::io::BufStream<tokio::io::DuplexStream>;

        fn poll_accept(
            &mut self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<(Self::Io, Option<std::net::SocketAddr>)>> {
            let arrival = hybi::tokio::serve::Listen::poll_accept(&mut self.0, cx);
            arrival.map_ok(|(io, peer)| (tokio::io::BufStream::new(io), peer))
        }
    }

    simulate(|| async {
        let (street, door) = adapters::door::door();
        let server = Server::new(Buffered(door));
        tokio::spawn(server.serve(|mut ws, _| async move {
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok::<(), Error>(())
        }));
        let mut client = street.visit().await.unwrap();
        client.send("there").await.unwrap();
        assert_eq!(client.recv().await.unwrap(), Some(Message::text("there")));
        client.close(None, "").await.unwrap();
    });
}

#[test]
fn messages_over_the_rate_of_a_connection_wait() {
    simulate(|| async {
        let (street, mut server) = serve(|options| {
            options.messages.per_connection = Some(Rate::per_second(10).burst(20));
        });
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (client, mut ws) = (client.unwrap(), accepted.unwrap().0);
        let (sender, mut receiver) = client.split();
        let start = Instant::now();
        let flood = async {
            for number in 0..520 {
                sender.send(Message::binary(vec![number as u8; 4000])).await.unwrap();
            }
        };
        let took = async {
            for number in 0..520 {
                let message = ws.recv().await.unwrap().unwrap();
                assert_eq!(message.as_bytes()[0], number as u8);
            }
            start.elapsed().as_secs_f64()
        };
        let took = tokio::select! {
            (took, ()) = async { tokio::join!(took, flood) } => took,
            other = receiver.recv() => panic!("{other:?}"),
        };
        // 20 at once, then 10 a second; what came with the last read is not waited for.
        assert!((49.0..=50.0).contains(&took), "{took}");
        assert!(server.handle().metrics().too_fast > 10);
    });
}

/// The pause is longer than the keepalive's patience: the silence is ours.
#[test]
fn a_client_that_waits_for_the_rate_is_not_taken_for_dead() {
    simulate(|| async {
        let (street, mut server) = serve(|options| {
            options.config = Arc::new(hybi::Config::default());
            options.messages.per_connection = Some(Rate::per_minute(1).burst(1));
        });
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (mut client, mut ws) = (client.unwrap(), accepted.unwrap().0);
        for text in ["one", "two", "three", "four"] {
            client.feed(text).await.unwrap();
        }
        client.flush().await.unwrap();
        for text in ["one", "two", "three", "four"] {
            assert_eq!(ws.recv().await.unwrap(), Some(Message::text(text)));
        }
        let start = Instant::now();
        let talking = async {
            client.send("five").await.unwrap();
            client.recv().await
        };
        tokio::select! {
            received = ws.recv() => assert_eq!(received.unwrap(), Some(Message::text("five"))),
            ended = talking => panic!("{ended:?}"),
        }
        assert_eq!(start.elapsed().as_secs(), 180);
    });
}

#[test]
fn messages_over_the_rate_may_close_the_connection_with_1008() {
    simulate(|| async {
        let (street, server) = serve(|options| {
            options.messages.per_connection = Some(Rate::per_second(10).burst(20));
            options.messages.when_too_fast = WhenTooFast::Close;
        });
        let handle = server.handle();
        tokio::spawn(
            server.serve(|mut ws, _| async move { while let Ok(Some(_)) = ws.recv().await {} }),
        );
        let mut client = street.visit().await.unwrap();
        for _ in 0..21 {
            client.feed("message").await.unwrap();
        }
        assert_eq!(client.recv().await.unwrap(), None);
        let closed = client.closed().unwrap();
        assert_eq!(
            (closed.code(), closed.reason()),
            (CloseCode::POLICY_VIOLATION, "too many messages")
        );
        sleep(Duration::from_secs(1)).await;
        let metrics = handle.metrics();
        assert_eq!(metrics.close_codes.count(CloseCode::POLICY_VIOLATION), 1);
        assert_eq!((metrics.too_fast, metrics.messages_received), (1, 21));
    });
}

#[test]
fn connections_of_one_address_share_its_rate() {
    simulate(|| async {
        let (street, server) = serve(|options| {
            options.messages.per_address = Some(Rate::per_second(10).burst(10));
            options.messages.when_too_fast = WhenTooFast::Close;
        });
        tokio::spawn(server.serve(|mut ws, _| async move {
            while let Ok(Some(message)) = ws.recv().await {
                ws.feed(message).await?;
            }
            Ok::<(), Error>(())
        }));
        let mut first = street.visit_from("192.0.2.1").await.unwrap();
        let mut second = street.visit_from("192.0.2.1").await.unwrap();
        let mut other = street.visit_from("192.0.2.2").await.unwrap();
        for ws in [&mut first, &mut second, &mut other] {
            for _ in 0..5 {
                ws.send("message").await.unwrap();
                assert!(ws.recv().await.unwrap().is_some());
            }
        }
        first.send("one more").await.unwrap();
        while first.recv().await.unwrap().is_some() {}
        assert_eq!(first.closed().unwrap().code(), CloseCode::POLICY_VIOLATION);
        other.send("one more").await.unwrap();
        assert!(other.recv().await.unwrap().is_some());
    });
}

#[test]
fn metrics_tell_of_connections_that_are_open_and_of_round_trips() {
    simulate(|| async {
        let (street, mut server) =
            serve(|options| options.config = Arc::new(hybi::Config::default()));
        let (client, accepted) = tokio::join!(street.visit(), server.accept());
        let (mut client, mut ws) = (client.unwrap(), accepted.unwrap().0);
        let driving = async { tokio::join!(ws.recv(), client.recv()) };
        assert!(timeout(Duration::from_secs(101), driving).await.is_err());
        let metrics = server.handle().metrics();
        assert_eq!((metrics.open, metrics.round_trips.count()), (1, 5));
        assert_eq!(metrics.round_trips.percentile(50), Some(Duration::from_micros(1)));
        assert!(metrics.bytes_received > 0 && metrics.bytes_sent > 0);
        let (_, _) = tokio::join!(client.send("a"), ws.recv());
        assert!(ws.recv().now_or_never().is_none());
        assert_eq!(server.handle().metrics().messages_received, 1);
        drop(ws);
        let metrics = server.handle().metrics();
        assert_eq!((metrics.open, metrics.messages_received, metrics.endings.dropped), (0, 1, 1));
        assert_eq!(metrics.close_codes.count(CloseCode::ABNORMAL), 1);
    });
}
