//! A client that stays connected, over the blocking adapter and TCP.
#![cfg(feature = "handshake")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use adapters::bounded;
use hybi::blocking::{
    AnyStream, Error, Reconnecting, accept, connect, connect_over, receive_request,
};
use hybi::handshake::{Request, Url};
use hybi::reconnect::{Decision, Event, Loss, MessageId, Options, Phase, Verdict, Why};
use hybi::{CloseCode, Config, Connect, Message};

#[test]
fn a_client_comes_back_greets_and_goes_on_with_its_queue() {
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            let first = [ws.recv().unwrap().unwrap(), ws.recv().unwrap().unwrap()];
            ws.send("heard").unwrap();
            // Gone without a word.
            drop(ws);
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            let second = [ws.recv().unwrap().unwrap(), ws.recv().unwrap().unwrap()];
            while ws.recv().unwrap().is_some() {}
            (first, second)
        });
        let mut client = Reconnecting::to(&url, quick()).unwrap().greet(|ws| ws.send("hello"));
        client.send("one").unwrap();
        while client.next().unwrap() != Event::Message(Message::text("heard")) {}
        // The queue takes it whether the loss has been noticed or not.
        while client.machine().phase() == Phase::Open {
            client.next().unwrap();
        }
        client.send("two").unwrap();
        while client.machine().waiting() + client.machine().unconfirmed() > 0 {
            client.next().unwrap();
        }
        client.close(CloseCode::NORMAL, "done").unwrap();
        let (first, second) = server.join().unwrap();
        assert_eq!(first, [Message::text("hello"), Message::text("one")]);
        assert_eq!(second, [Message::text("hello"), Message::text("two")]);
        let last = std::iter::from_fn(|| client.next()).last();
        assert_eq!(last, Some(Event::GaveUp { why: Why::Stopped }));
    });
}

#[test]
fn killed_and_restarted_nothing_confirmed_is_lost_and_nothing_comes_twice() {
    const MESSAGES: u32 = 20_000;
    bounded(|| {
        let (listener, url) = listen();
        let (numbers, got) = mpsc::channel();
        let _server = thread::spawn(move || {
            // Each life ends after so many messages, with whatever was read and not looked at.
            for life in [1, 10, 333, 1_000, 2_000, 3_500].into_iter().cycle() {
                let Ok(mut ws) = accept(listener.accept().unwrap().0) else { continue };
                for _ in 0..life {
                    match ws.recv() {
                        Ok(Some(message)) => {
                            numbers
                                .send(message.as_text().unwrap().parse::<u32>().unwrap())
                                .unwrap();
                        }
                        _ => break,
                    }
                }
            }
        });
        let mut options = quick();
        options.max_messages = 200;
        let mut client = Reconnecting::to(&url, options).unwrap();
        let (mut open, mut confirmed) = (BTreeSet::new(), BTreeSet::new());
        let (mut in_doubt, mut losses, mut next) = (BTreeSet::new(), 0, 0);
        while next < MESSAGES || !open.is_empty() {
            while next < MESSAGES && client.send(next.to_string()).is_ok() {
                open.insert(next);
                next += 1;
            }
            match client.next().unwrap() {
                Event::Confirmed { through: MessageId(through) } => {
                    let later = open.split_off(&(u32::try_from(through).unwrap() + 1));
                    confirmed.extend(std::mem::replace(&mut open, later));
                }
                Event::InDoubt(messages) => {
                    for queued in messages {
                        let number = u32::try_from(queued.id.0).unwrap();
                        open.remove(&number);
                        in_doubt.insert(number);
                    }
                }
                Event::Lost { .. } => losses += 1,
                _ => {}
            }
        }
        drop(client);
        let got: Vec<u32> = got.try_iter().collect();
        let arrived: BTreeSet<u32> = got.iter().copied().collect();
        assert!(confirmed.is_subset(&arrived), "reported to have arrived, and lost");
        assert_eq!(got.len(), arrived.len(), "nothing that is left alone comes twice");
        assert!(got.is_sorted());
        assert_eq!(confirmed.len() + in_doubt.len(), MESSAGES as usize);
        assert!(losses >= 10, "the server was killed {losses} times only");
    });
}

#[test]
fn a_peer_that_answers_as_it_reads_gets_a_queue_larger_than_all_buffers() {
    const MESSAGES: usize = 3_500;
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            while let Some(message) = ws.recv().unwrap() {
                ws.send(message).unwrap();
            }
        });
        let mut options = quick();
        options.max_losses = Some(1);
        let mut client = Reconnecting::to(&url, options).unwrap();
        for _ in 0..MESSAGES {
            client.send(vec![7; 4096]).unwrap();
        }
        let mut echoed = 0;
        while echoed < MESSAGES {
            match client.next().unwrap() {
                Event::Message(_) => echoed += 1,
                Event::Lost { loss, .. } => panic!("{loss:?} after {echoed} messages"),
                _ => {}
            }
        }
        client.close(None, "").unwrap();
        server.join().unwrap();
    });
}

#[test]
fn a_server_that_is_silent_in_the_handshake_or_to_the_greeting_is_a_loss_by_timeout() {
    bounded(|| {
        let (listener, url) = listen();
        let (done, wait) = mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let silent = listener.accept().unwrap().0;
            let accepted = accept(listener.accept().unwrap().0).unwrap();
            wait.recv().unwrap_err();
            drop((silent, accepted));
        });
        let mut options = quick();
        options.dial_timeout = Duration::from_secs(2);
        options.max_losses = Some(2);
        let mut client = Reconnecting::to(&url, options)
            .unwrap()
            .greet(|ws| ws.recv().map(|answer| panic!("it was silent: {answer:?}")));
        let told: Vec<Event> = std::iter::from_fn(|| client.next()).collect();
        let losses = told.iter().filter(|event| match event {
            Event::Lost { loss, .. } => *loss == Loss::TimedOut,
            _ => false,
        });
        assert_eq!(losses.count(), 2, "{told:?}");
        drop(done);
        server.join().unwrap();
    });
}

#[test]
fn a_server_that_does_not_read_the_greeting_is_a_loss_by_timeout() {
    bounded(|| {
        let (listener, url) = listen();
        let (done, wait) = mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let accepted = accept(listener.accept().unwrap().0).unwrap();
            wait.recv().unwrap_err();
            drop(accepted);
        });
        let mut options = quick();
        options.dial_timeout = Duration::from_secs(2);
        options.max_losses = Some(1);
        let greeting = Message::binary(vec![0; 64 << 20]);
        let mut client =
            Reconnecting::to(&url, options).unwrap().greet(move |ws| ws.send(greeting.clone()));
        let told: Vec<Event> = std::iter::from_fn(|| client.next()).collect();
        let lost = |event: &Event| matches!(event, Event::Lost { loss: Loss::TimedOut, .. });
        assert!(told.iter().any(lost), "{told:?}");
        drop(done);
        server.join().unwrap();
    });
}

#[test]
fn next_within_comes_back_when_nothing_happens() {
    bounded(|| {
        let (listener, url) = listen();
        let (done, wait) = mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let ws = accept(listener.accept().unwrap().0).unwrap();
            wait.recv().unwrap_err();
            drop(ws);
        });
        let mut options = quick();
        options.first_delay = Duration::from_secs(1_000_000);
        options.max_delay = options.first_delay;
        let mut client = Reconnecting::to(&url, options).unwrap();
        assert!(matches!(client.next(), Some(Event::Connecting { .. })));
        assert!(matches!(client.next(), Some(Event::Open { .. })));
        for _ in 0..3 {
            assert_eq!(client.next_within(Duration::from_millis(2)), Poll::Pending);
        }
        drop(done);
        assert!(matches!(client.next(), Some(Event::Lost { .. })));
        server.join().unwrap();
        assert!(matches!(client.next(), Some(Event::Waiting { .. })));
        assert!(client.next_within(Duration::ZERO).is_pending());
    });
}

#[test]
fn next_within_comes_back_long_before_the_next_dial() {
    bounded(|| {
        let mut options = quick();
        options.first_delay = Duration::from_secs(1_000_000);
        options.max_delay = options.first_delay;
        let dial = |_: Url| Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        let mut client = Reconnecting::<TcpStream>::new("ws://late.test/", options, dial).unwrap();
        while client.machine().counters().losses == 0 || client.machine().has_event() {
            client.next().unwrap();
        }
        assert_eq!(client.next_within(Duration::from_millis(2)), Poll::Pending);
    });
}

#[test]
fn close_sends_and_confirms_what_is_queued_first() {
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            let mut got = Vec::new();
            while let Some(message) = ws.recv().unwrap() {
                ws.send("dropped").unwrap();
                got.push(message);
            }
            (got, ws.closed().unwrap().code())
        });
        let mut client = open(&url, patient());
        // More than the connection takes at once.
        let large = Message::binary(vec![7; 3 << 20]);
        let sent = [Message::text("one"), large.clone(), large, Message::text("two")];
        for message in sent.clone() {
            client.send(message).unwrap();
        }
        client.close(CloseCode::NORMAL, "done").unwrap();
        let (got, code) = server.join().unwrap();
        assert!(got == sent, "{} messages came", got.len());
        assert_eq!(code, CloseCode::NORMAL);
        let told: Vec<Event> = std::iter::from_fn(|| client.next()).collect();
        let [confirmed @ .., Event::GaveUp { why: Why::Stopped }] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(confirmed.last(), Some(&Event::Confirmed { through: MessageId(3) }));
        assert!(client.take_unsent().is_empty());
        assert!(client.connection().is_none());
    });
}

#[test]
fn close_gives_up_waiting_for_a_peer_that_confirms_nothing() {
    bounded(|| {
        let (listener, url) = listen();
        let (done, wait) = mpsc::channel::<()>();
        let server = thread::spawn(move || {
            let ws = accept(listener.accept().unwrap().0).unwrap();
            wait.recv().unwrap_err();
            drop(ws);
        });
        let mut options = quick();
        options.drain_timeout = Duration::from_millis(20);
        let request: Request = url.parse::<Url>().unwrap().into();
        let mut client = Reconnecting::new(&url, options, move |url: Url| {
            let stream = TcpStream::connect((url.host(), url.port()))?;
            let mut config = Config::default();
            config.close_timeout = Duration::from_millis(20);
            connect_over(stream, request.clone(), config)
        })
        .unwrap();
        while !matches!(client.next(), Some(Event::Open { .. })) {}
        client.send("one").unwrap();
        client.close(CloseCode::NORMAL, "").unwrap();
        let Some(Event::InDoubt(messages)) = client.next() else { panic!("it is in doubt") };
        assert_eq!(messages.len(), 1);
        assert_eq!(client.next(), Some(Event::GaveUp { why: Why::Stopped }));
        assert_eq!(client.next(), None);
        drop(done);
        server.join().unwrap();
    });
}

#[test]
fn close_ends_where_the_connection_is_lost_before_all_has_left() {
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || drop(accept(listener.accept().unwrap().0).unwrap()));
        let mut client = open(&url, patient());
        server.join().unwrap();
        client.send("one").unwrap();
        client.close(CloseCode::NORMAL, "").unwrap();
        let told: Vec<Event> = std::iter::from_fn(|| client.next()).collect();
        assert!(matches!(told.first(), Some(Event::Lost { .. })), "{told:?}");
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Stopped }));
        let in_doubt: usize = told
            .iter()
            .map(|event| match event {
                Event::InDoubt(messages) => messages.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(in_doubt + client.take_unsent().len(), 1, "it is handed out, once");
    });
}

#[test]
fn close_without_a_connection_hands_out_what_was_never_sent() {
    bounded(|| {
        let dial = |_: Url| Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        let mut client =
            Reconnecting::<TcpStream>::new("ws://never.test/", patient(), dial).unwrap();
        client.send("one").unwrap();
        client.close(None, "").unwrap();
        assert_eq!(client.next(), Some(Event::GaveUp { why: Why::Stopped }));
        assert_eq!(client.next(), None);
        assert_eq!(client.take_unsent().len(), 1);
    });
}

#[test]
fn an_application_that_panics_when_it_is_asked_is_asked_again() {
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            assert!(ws.recv().unwrap().is_some());
        });
        let mut asked = 0;
        let mut client = Reconnecting::to(&url, patient()).unwrap().decide(move |_, _| {
            asked += 1;
            assert!(asked > 1, "it cannot decide");
            Decision::of_application(Verdict::GiveUp)
        });
        client.send("one").unwrap();
        let run = |client: &mut Reconnecting<_>| std::iter::from_fn(|| client.next()).last();
        assert!(catch_unwind(AssertUnwindSafe(|| run(&mut client))).is_err());
        assert_eq!(run(&mut client), Some(Event::GaveUp { why: Why::Application }));
        let counters = client.machine().counters();
        assert_eq!(counters.confirmed + counters.in_doubt, 1, "the message is not forgotten");
        server.join().unwrap();
    });
}

#[test]
fn what_connect_fails_with_is_understood() {
    bounded(|| {
        let lost = |url: &str| {
            let mut options = quick();
            options.max_losses = Some(1);
            let mut client = Reconnecting::to(url, options).unwrap();
            std::iter::from_fn(|| client.next())
                .find_map(|event| match event {
                    Event::Lost { loss, decision, .. } => Some((loss, decision.why)),
                    _ => None,
                })
                .unwrap()
        };
        let (listener, url) = listen();
        drop(listener);
        assert_eq!(lost(&url), (Loss::Transport, Why::Transient), "nobody listens");

        let answer = |response: &'static str| {
            let (listener, url) = listen();
            let server = thread::spawn(move || {
                let mut stream = listener.accept().unwrap().0;
                let mut head = [0; 4096];
                let mut len = 0;
                while !head[..len].ends_with(b"\r\n\r\n") {
                    len += stream.read(&mut head[len..]).unwrap();
                }
                stream.write_all(response.as_bytes()).unwrap();
            });
            let lost = lost(&url);
            server.join().unwrap();
            lost
        };
        let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n";
        let retry_after = Some(Duration::from_secs(7));
        let refused = Loss::Refused { status: 503, retry_after };
        assert_eq!(answer(busy), (refused, Why::RetryAfter));
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
        let refused = Loss::Refused { status: 404, retry_after: None };
        assert_eq!(answer(missing), (refused, Why::Refused));
        assert_eq!(answer("SSH-2.0-OpenSSH\r\n\r\n"), (Loss::Handshake, Why::Protocol));
        assert_eq!(answer("HTTP/1.1 1"), (Loss::Transport, Why::Transient), "cut off");
    });
}

#[test]
fn a_fallback_is_asked_in_the_same_way_as_the_first_url() {
    bounded(|| {
        let (gone, first) = listen();
        drop(gone);
        let (listener, second) = listen();
        let server = thread::spawn(move || {
            let incoming =
                receive_request(listener.accept().unwrap().0, Default::default()).unwrap();
            let host = incoming.header("host").map(str::to_owned);
            (incoming.header("authorization").map(str::to_owned), host)
        });
        let connect = Connect::new(&first).unwrap().bearer_auth("1234").unwrap();
        let connect = connect.header(http::header::HOST, "virtual.test".parse().unwrap()).unwrap();
        let mut options = quick();
        options.breaker_failures = 1;
        options.max_losses = Some(2);
        let mut client = Reconnecting::to(connect, options).unwrap().fallback(&second).unwrap();
        while client.next().is_some() {}
        let (authorization, host) = server.join().unwrap();
        assert_eq!(authorization.unwrap(), "Bearer 1234");
        assert_eq!(format!("ws://{}/", host.unwrap()), second, "the other host was of the first");
    });
}

#[test]
fn threads_that_dial_one_host_take_turns() {
    bounded(|| {
        let (dialing, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (dialing, most) = (dialing.clone(), most.clone());
                thread::spawn(move || {
                    let mut options = quick();
                    options.max_losses = Some(5);
                    let dial = move |_: Url| {
                        let together = dialing.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(together, Ordering::SeqCst);
                        thread::yield_now();
                        dialing.fetch_sub(1, Ordering::SeqCst);
                        Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
                    };
                    let url = "ws://turns.test/";
                    let mut client = Reconnecting::<TcpStream>::new(url, options, dial).unwrap();
                    std::iter::from_fn(|| client.next()).last()
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), Some(Event::GaveUp { why: Why::Exhausted }));
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn next_within_comes_back_while_another_dials_the_same_host() {
    bounded(|| {
        let url = "ws://busy.test/";
        let (began, at_dial) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let first = thread::spawn(move || {
            let mut options = quick();
            options.max_losses = Some(1);
            let dial = move |_: Url| {
                began.send(()).unwrap();
                released.recv().unwrap();
                Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
            };
            let mut client = Reconnecting::<TcpStream>::new(url, options, dial).unwrap();
            std::iter::from_fn(|| client.next()).last()
        });
        at_dial.recv().unwrap();
        let dial = |_: Url| Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        let mut client = Reconnecting::<TcpStream>::new(url, quick(), dial).unwrap();
        assert_eq!(client.next(), Some(Event::Queued { endpoint: 0 }));
        for _ in 0..3 {
            assert_eq!(client.next_within(Duration::from_millis(2)), Poll::Pending);
        }
        release.send(()).unwrap();
        assert!(matches!(client.next(), Some(Event::Connecting { .. })));
        first.join().unwrap();
    });
}

#[test]
fn a_dial_of_ones_own_a_fallback_and_a_decision() {
    bounded(|| {
        let (listener, url) = listen();
        let server = thread::spawn(move || {
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            ws.close(CloseCode(4000), "come back").unwrap();
            let mut ws = accept(listener.accept().unwrap().0).unwrap();
            ws.close(CloseCode(4001), "go away").unwrap();
        });
        let mut client = Reconnecting::new("ws://nowhere.test/", quick(), |url: Url| {
            if url.host() == "nowhere.test" {
                let missing = Error::from(io::Error::from(io::ErrorKind::NotFound));
                return Err(missing);
            }
            Ok(connect(url)?)
        })
        .unwrap()
        .fallback(&url)
        .unwrap()
        .decide(|lost, proposed| match lost.loss {
            Loss::Transport => Decision::of_application(Verdict::Retire),
            Loss::Closed(closed) if closed.code().0 == 4000 => Decision::retry(),
            _ => proposed,
        });
        let told: Vec<Event> = std::iter::from_fn(|| client.next()).collect();
        let dialed: Vec<usize> = told
            .iter()
            .filter_map(|event| match event {
                Event::Connecting { endpoint, .. } => Some(*endpoint),
                _ => None,
            })
            .collect();
        assert_eq!(dialed, [0, 1, 1]);
        assert_eq!(told.last(), Some(&Event::GaveUp { why: Why::Policy }));
        server.join().unwrap();
    });
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// A client whose connection is open.
fn open(url: &str, options: Options) -> Reconnecting<AnyStream> {
    let mut client = Reconnecting::to(url, options).unwrap();
    while !matches!(client.next(), Some(Event::Open { .. })) {}
    client
}

/// A slow machine fails no test by its bounds.
fn patient() -> Options {
    let mut options = quick();
    options.drain_timeout = Duration::from_secs(3600);
    options
}

/// Waits of a few milliseconds: these tests run on the system's clock.
fn quick() -> Options {
    let mut options = Options::default();
    options.first_delay = Duration::from_millis(2);
    options.max_delay = Duration::from_millis(5);
    options
}
