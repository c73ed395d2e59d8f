//! A client that stays connected, over the tokio adapter, on a made-up clock.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use adapters::reconnecting::{
    client, one_loss, poll_so_often, quiet, refused, until_open, until_over,
};
use adapters::simulate;
use futures_util::{FutureExt, StreamExt};
use hybi::handshake::Url;
use hybi::reconnect::{Decision, Event, Loss, MessageId, Options, Verdict, Why};
use hybi::tokio::{Error, Reconnecting, WebSocket, accept, connect_over};
use hybi::{CloseCode, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn messages_queued_while_disconnected_leave_in_order_once_there_is_a_connection() {
    simulate(|| async {
        let (mut client, mut streams) = client("a.test", Options::default());
        client.send("one").unwrap();
        client.send("two").unwrap();
        let server = tokio::spawn(async move {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            let got = (ws.recv().await.unwrap(), ws.recv().await.unwrap());
            ws.send("three").await.unwrap();
            (got, ws)
        });
        assert_eq!(client.next().await, Some(Event::Connecting { endpoint: 0, attempt: 1 }));
        assert_eq!(client.next().await, Some(Event::Open { endpoint: 0 }));
        let heard = loop {
            match client.next().await.unwrap() {
                Event::Message(message) => break message,
                Event::Confirmed { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(heard, Message::text("three"));
        let ((one, two), _ws) = server.await.unwrap();
        assert_eq!((one, two), (Some(Message::text("one")), Some(Message::text("two"))));
    });
}

#[test]
fn every_connection_is_greeted_before_anything_else_is_sent() {
    simulate(|| async {
        let (client, mut streams) = client("b.test", Options::default());
        let mut client = client.greet(|mut ws| async move {
            ws.send("token").await?;
            // The server's consent is waited for.
            ws.recv().await?;
            Ok(ws)
        });
        client.send("one").unwrap();
        let drive = tokio::spawn(async move {
            while let Some(event) = client.next().await {
                if let Event::InDoubt(messages) = event {
                    panic!("{messages:?} were confirmed");
                }
            }
        });
        for expected in ["one", "two"] {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            assert_eq!(ws.recv().await.unwrap(), Some(Message::text("token")));
            assert!(timeout(SECOND, ws.recv()).await.is_err(), "nothing before the consent");
            ws.send("welcome").await.unwrap();
            if expected == "one" {
                assert_eq!(ws.recv().await.unwrap(), Some(Message::text(expected)));
                // Long enough to answer the ping that asks whether it came.
                assert!(timeout(SECOND, ws.recv()).await.is_err());
            }
        }
        drive.abort();
    });
}

#[test]
fn a_greeting_that_fails_is_a_loss_and_nothing_has_been_sent() {
    simulate(|| async {
        let (client, mut streams) = client("c.test", Options::default());
        let mut client = client.greet(|mut ws| async move {
            // The server closes with a code of its own.
            ws.recv().await?;
            Err(Error::Closed(ws.closed().unwrap().into()))
        });
        client.send("one").unwrap();
        let server = async {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            ws.close(CloseCode(4001), "who are you?").await.unwrap();
            ws.stats().messages_received
        };
        let (told, received) = tokio::join!(until_over(&mut client), server);
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Policy }));
        assert_eq!(received, 0);
        assert_eq!(client.take_unsent().len(), 1);
    });
}

#[test]
fn retry_after_is_honoured() {
    simulate(|| async {
        let (mut client, mut streams) = client("d.test", Options::default());
        let server = tokio::spawn(async move {
            let mut stream = streams.recv().await.unwrap();
            let refused = Instant::now();
            let answer =
                "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 120\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            drain(&mut stream).await;
            let _again = streams.recv().await.unwrap();
            refused.elapsed()
        });
        let drive = tokio::spawn(async move { until_over(&mut client).await });
        let waited = server.await.unwrap();
        assert!((SECOND * 120..=SECOND * 151).contains(&waited), "{waited:?}");
        drive.abort();
    });
}

#[test]
fn a_dial_that_hangs_is_dropped_at_its_bound() {
    simulate(|| async {
        let dropped = Arc::new(AtomicUsize::new(0));
        let guard = dropped.clone();
        let mut client = Reconnecting::<DuplexStream>::new("ws://e.test/", one_loss(), move |_| {
            let guard = OnDrop(guard.clone());
            async move {
                let _guard = guard;
                pending().await
            }
        })
        .unwrap();
        let start = Instant::now();
        let told = until_over(&mut client).await;
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(matches!(&told[1], Event::Lost { loss: Loss::TimedOut, .. }), "{told:?}");
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_greeting_that_hangs_is_dropped_at_the_same_bound() {
    simulate(|| async {
        let (client, mut streams) = client("f.test", one_loss());
        let mut client = client.greet(|_| pending());
        let server = async { accept(streams.recv().await.unwrap()).await.unwrap() };
        let start = Instant::now();
        let (told, _ws) = tokio::join!(until_over(&mut client), server);
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(matches!(&told[1], Event::Lost { loss: Loss::TimedOut, .. }), "{told:?}");
    });
}

#[test]
fn clients_of_one_host_dial_one_after_the_other_and_those_of_another_do_not_wait() {
    simulate(|| async {
        let dialing: Arc<[AtomicUsize; 2]> = Arc::default();
        let most: Arc<[AtomicUsize; 2]> = Arc::default();
        let mut tasks = Vec::new();
        for number in 0..20 {
            let (host, at) = if number % 2 == 0 { ("G.test", 0) } else { ("g2.test", 1) };
            let (dialing, most) = (dialing.clone(), most.clone());
            let dial = move |_| {
                let (dialing, most) = (dialing.clone(), most.clone());
                async move {
                    let together = dialing[at].fetch_add(1, Ordering::SeqCst) + 1;
                    most[at].fetch_max(together, Ordering::SeqCst);
                    sleep(SECOND).await;
                    dialing[at].fetch_sub(1, Ordering::SeqCst);
                    Err::<WebSocket<DuplexStream>, _>(refused())
                }
            };
            // The name's case makes no other host; another path neither.
            let host = if number % 4 == 0 { host.to_lowercase() } else { host.into() };
            let url = format!("ws://{host}/{number}");
            let mut client = Reconnecting::new(&url, one_loss(), dial).unwrap();
            tasks.push(tokio::spawn(async move { until_over(&mut client).await }));
        }
        let start = Instant::now();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(most.each_ref().map(|most| most.load(Ordering::SeqCst)), [1, 1]);
        assert_eq!(start.elapsed().as_secs(), 10, "ten dials of a second at each of two hosts");
    });
}

#[test]
fn a_client_that_is_dropped_while_it_dials_or_waits_for_its_turn_gives_the_turn_on() {
    simulate(|| async {
        let client = || {
            Reconnecting::<DuplexStream>::new("ws://h.test/", one_loss(), |_| pending()).unwrap()
        };
        let mut futures: Vec<_> = (0..2)
            .map(|_| {
                let mut client = client();
                Box::pin(async move { until_over(&mut client).await })
            })
            .collect();
        let mut last = client();
        for future in &mut futures {
            assert!(future.as_mut().now_or_never().is_none());
        }
        assert_eq!(last.next().await, Some(Event::Queued { endpoint: 0 }));
        let mut waits = pin!(last.next());
        assert!(waits.as_mut().now_or_never().is_none(), "two are before it");
        // The first dials, the second waits.
        drop(futures.pop());
        assert!(waits.as_mut().now_or_never().is_none(), "one is before it");
        drop(futures);
        assert_eq!(waits.await, Some(Event::Connecting { endpoint: 0, attempt: 1 }));
    });
}

#[test]
fn the_next_url_is_dialed_when_the_first_fails() {
    simulate(|| async {
        let dialed = Arc::new(Mutex::new(Vec::new()));
        let log = dialed.clone();
        let mut options = Options::default();
        options.max_losses = Some(7);
        let mut client =
            Reconnecting::<DuplexStream>::new("ws://i1.test/", options, move |url: Url| {
                log.lock().unwrap().push(url.host().to_owned());
                async { Err(refused()) }
            })
            .unwrap()
            .fallback("ws://i2.test/")
            .unwrap();
        until_over(&mut client).await;
        let hosts = dialed.lock().unwrap().join(" ");
        assert_eq!(hosts, "i1.test i1.test i1.test i2.test i2.test i2.test i1.test");
        assert_eq!(client.url().host(), "i1.test");
        assert!(matches!(client.last_error(), Some(Error::Io(_))));
    });
}

#[test]
fn the_application_sees_the_error_and_decides() {
    simulate(|| async {
        let mut client =
            Reconnecting::<DuplexStream>::new("ws://j.test/", Options::default(), |_| async {
                Err(std::io::Error::other("the keyring is locked").into())
            })
            .unwrap()
            .decide(|lost, proposed| {
                assert_eq!(proposed, Decision::retry());
                assert_eq!(lost.url.host(), "j.test");
                assert_eq!(lost.error.unwrap().to_string(), "the keyring is locked");
                Decision::of_application(Verdict::GiveUp)
            });
        let told = until_over(&mut client).await;
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Application }));
    });
}

#[test]
fn an_application_that_panics_when_it_is_asked_is_asked_again() {
    simulate(|| async {
        let (client, mut streams) = client("panic.test", Options::default());
        let mut asked = 0;
        let mut client = client.decide(move |_, _| {
            asked += 1;
            assert!(asked > 1, "it cannot decide");
            Decision::of_application(Verdict::GiveUp)
        });
        client.send("one").unwrap();
        let server = tokio::spawn(async move {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            ws.recv().await.unwrap();
        });
        {
            let mut drive = pin!(until_over(&mut client));
            let panics = poll_fn(|cx| {
                let polled = catch_unwind(AssertUnwindSafe(|| drive.as_mut().poll(cx)));
                polled.map_or(Poll::Ready(true), |polled| polled.map(|_| false))
            });
            assert!(panics.await);
        }
        let told = until_over(&mut client).await;
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Application }));
        let counters = client.machine().counters();
        assert_eq!(counters.confirmed + counters.in_doubt, 1, "the message is not forgotten");
        server.await.unwrap();
    });
}

#[test]
fn a_confirmation_is_told_at_once_though_the_peer_stays_silent() {
    simulate(|| async {
        let (mut client, mut streams) = client("r.test", Options::default());
        client.send("one").unwrap();
        let server = tokio::spawn(async move {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            while ws.recv().await.unwrap().is_some() {}
        });
        until_open(&mut client).await;
        let told = timeout(SECOND, client.next()).await;
        assert_eq!(told, Ok(Some(Event::Confirmed { through: MessageId(0) })));
        server.abort();
    });
}

#[test]
fn a_queue_longer_than_the_connection_takes_at_once_leaves_whole() {
    simulate(|| async {
        let (mut client, mut streams) = client("k.test", Options::default());
        let message = Message::binary(vec![7; 50_000]);
        for _ in 0..100 {
            client.send(message.clone()).unwrap();
        }
        let server = async {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            for _ in 0..100 {
                assert_eq!(ws.recv().await.unwrap().as_ref(), Some(&message));
            }
            assert!(timeout(SECOND, ws.recv()).await.is_err());
        };
        let drive = async {
            while client.machine().counters().confirmed < 100 {
                client.next().await.unwrap();
            }
            // Go on answering until the server has seen that nothing follows.
            let _ = timeout(SECOND * 2, client.next()).await;
        };
        tokio::join!(server, drive);
    });
}

#[test]
fn what_waits_follows_as_soon_as_the_stream_takes_more_though_the_peer_is_silent() {
    simulate(|| async {
        let (dialed, mut streams) = mpsc::unbounded_channel();
        let mut client = Reconnecting::new("ws://w.test/", Options::default(), move |url| {
            let dialed = dialed.clone();
            async move {
                let (ours, theirs) = duplex(4 << 20);
                dialed.send(theirs).unwrap();
                connect_over(ours, url, quiet()).await
            }
        })
        .unwrap();
        // Each is more than the connection queues at once, and two are more than the stream takes.
        for _ in 0..5 {
            client.send(vec![7; 5 << 19]).unwrap();
        }
        let server = async { accept(streams.recv().await.unwrap()).await.unwrap() };
        let (mut server, ()) = tokio::join!(server, until_open(&mut client));
        assert!(client.next().now_or_never().is_none(), "the stream is full");
        assert_eq!(client.machine().waiting(), 3);
        assert!(server.recv().now_or_never().is_some());
        assert!(server.recv().now_or_never().is_none(), "only a part has come");
        assert!(client.next().now_or_never().is_none(), "the peer has said nothing");
        assert_eq!(
            client.machine().waiting(),
            1,
            "the stream has room for one and a part of the next"
        );
    });
}

#[test]
fn every_change_of_state_is_told() {
    simulate(|| async {
        let (mut client, mut streams) = client("o.test", Options::default());
        let server = tokio::spawn(async move {
            let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
            sleep(SECOND * 90).await;
            ws.close(CloseCode::SERVICE_RESTART, "").await.unwrap();
            accept(streams.recv().await.unwrap()).await.unwrap()
        });
        assert_eq!(client.next().await, Some(Event::Connecting { endpoint: 0, attempt: 1 }));
        assert_eq!(client.next().await, Some(Event::Open { endpoint: 0 }));
        let Some(Event::Lost { loss: Loss::Closed(closed), uptime, decision, .. }) =
            client.next().await
        else {
            panic!("it is lost")
        };
        assert_eq!(closed.code(), CloseCode::SERVICE_RESTART);
        assert_eq!(uptime.unwrap().as_secs(), 90);
        assert_eq!(decision.why, Why::Restart);
        let Some(Event::Waiting { wait, endpoint: 0 }) = client.next().await else {
            panic!("it waits")
        };
        assert!((SECOND * 5..=SECOND * 30).contains(&wait));
        assert_eq!(client.next().await, Some(Event::Connecting { endpoint: 0, attempt: 2 }));
        assert_eq!(client.next().await, Some(Event::Open { endpoint: 0 }));
        let _ws = server.await.unwrap();
    });
}

#[test]
fn a_next_that_is_dropped_at_any_poll_loses_nothing() {
    for polls in 1..30 {
        simulate(move || async move {
            let host = format!("cancel{polls}.test");
            let (client, mut streams) = client(&host, Options::default());
            let mut client = client.greet(|mut ws| async move {
                ws.send("hello").await?;
                sleep(SECOND).await;
                Ok(ws)
            });
            for number in 0..5 {
                client.send(format!("m{number}")).unwrap();
            }
            // The server answers each message, and goes after the third on each of its first two connections.
            let server = tokio::spawn(async move {
                let mut got = Vec::new();
                while let Some(stream) = streams.recv().await {
                    let mut ws = accept(stream).await.unwrap();
                    while let Ok(Some(message)) = ws.recv().await {
                        got.push(message.as_text().unwrap().to_owned());
                        ws.send(message).await.unwrap();
                        if [3, 6].contains(&got.len()) {
                            ws.close(CloseCode::GOING_AWAY, "").await.unwrap();
                            break;
                        }
                    }
                }
                got
            });
            let mut told = Vec::new();
            while client.machine().counters().confirmed < 5 {
                if let Some(event) = poll_so_often(client.next(), polls).await {
                    let event = event.unwrap();
                    if let Event::InDoubt(messages) = &event {
                        client.requeue(messages.clone());
                    }
                    told.push(event);
                } else {
                    sleep(Duration::from_millis(10)).await;
                }
            }
            client.close(CloseCode::NORMAL, "").await.unwrap();
            drop(client);
            let mut got = server.await.unwrap();
            got.retain(|text| text != "hello");
            let doubted = told.iter().any(|event| matches!(event, Event::InDoubt(_)));
            if !doubted {
                assert!(got.is_sorted_by(|a, b| a < b), "{got:?}");
            }
            got.sort();
            got.dedup();
            assert_eq!(got, ["m0", "m1", "m2", "m3", "m4"], "dropped after {polls} polls");
            let dials =
                told.iter().filter(|event| matches!(event, Event::Connecting { .. })).count();
            let opened = told.iter().filter(|event| matches!(event, Event::Open { .. })).count();
            assert_eq!(dials, opened, "no dial was lost on the way");
        });
    }
}

#[test]
fn as_a_stream_it_dials_greets_sends_receives_and_ends() {
    simulate(|| async {
        let (client, mut streams) = client("s.test", Options::default());
        let mut client = client.greet(|mut ws| async move {
            ws.send("hello").await?;
            Ok(ws)
        });
        client.send("one").unwrap();
        let server = tokio::spawn(async move {
            for _ in 0..2 {
                let mut ws = accept(streams.recv().await.unwrap()).await.unwrap();
                assert_eq!(ws.recv().await.unwrap(), Some(Message::text("hello")));
                let answer = timeout(SECOND, ws.recv()).await;
                let answer = answer.map_or(Message::text("nothing"), |got| got.unwrap().unwrap());
                ws.send(answer).await.unwrap();
                // The ping is answered, then the server goes.
                let _ = timeout(SECOND, ws.recv()).await;
            }
        });
        let mut heard = Vec::new();
        let mut changes = Vec::new();
        while heard.len() < 2 {
            // Each poll is of a future of its own.
            match StreamExt::next(&mut client).await.unwrap() {
                Event::Message(message) => heard.push(message),
                Event::Connecting { .. } => changes.push("connecting"),
                Event::Open { .. } => changes.push("open"),
                Event::Confirmed { .. } => changes.push("confirmed"),
                Event::Lost { .. } => changes.push("lost"),
                Event::Waiting { .. } => changes.push("waiting"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(heard, [Message::text("one"), Message::text("nothing")]);
        let expected = ["connecting", "open", "confirmed", "lost", "waiting", "connecting", "open"];
        assert_eq!(changes, expected);
        server.abort();
    });
}

#[test]
fn it_is_a_stream_of_events() {
    simulate(|| async {
        let dial = |_| async { Err::<WebSocket<DuplexStream>, _>(refused()) };
        let client = Reconnecting::new("ws://q.test/", one_loss(), dial).unwrap();
        let told: Vec<Event> = client.collect().await;
        assert_eq!(told.len(), 3);
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Exhausted }));
    });
}

async fn drain(stream: &mut DuplexStream) {
    let mut scrap = [0; 1024];
    while stream.read(&mut scrap).await.unwrap() > 0 {}
}

/// Counts when it is dropped.
struct OnDrop(Arc<AtomicUsize>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
