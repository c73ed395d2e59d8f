//! One dial at a time to each host, and nobody waits for a client that is not driven any more.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use adapters::{bounded, simulate};
use futures_util::FutureExt;
use hybi::blocking;
use hybi::reconnect::{Event, Loss, Options, Phase, Why};
use hybi::tokio::Reconnecting;
use tokio::io::DuplexStream;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_client_that_dials_and_is_not_driven_any_more_keeps_its_turn_until_its_dial_is_overdue() {
    simulate(|| async {
        let polls = Arc::new(AtomicUsize::new(0));
        let mut silent = counting("ws://silent.test/", &polls);
        assert_eq!(silent.next().await, Some(connecting(0, 1)));
        assert!(silent.next().now_or_never().is_none());
        let polled = polls.load(Ordering::SeqCst);
        assert!(polled > 0, "its dial has begun");
        sleep(SECOND * 10).await;
        let mut next = hanging("ws://silent.test/", Options::default());
        assert_eq!(next.next().await, Some(Event::Queued { endpoint: 0 }));
        assert_eq!(next.machine().phase(), Phase::Queued);
        let start = Instant::now();
        assert_eq!(next.next().await, Some(connecting(0, 1)));
        assert_eq!(start.elapsed(), SECOND * 20, "30 s after the first began");
        let lost = silent.next().await;
        assert!(matches!(lost, Some(Event::Lost { loss: Loss::TimedOut, .. })), "{lost:?}");
        assert_eq!(
            polls.load(Ordering::SeqCst),
            polled,
            "its dial went on behind the other's back"
        );
    });
}

#[test]
fn a_turn_is_waited_for_as_long_as_a_dial_may_take_and_is_a_loss_then() {
    simulate(|| async {
        let mut slow = Options::default();
        slow.dial_timeout = HOUR;
        let mut holder = hanging("ws://held.test/", slow);
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        let mut options = Options::default();
        options.breaker_failures = 1;
        let mut client = hanging("ws://held.test/", options).fallback("ws://free.test/").unwrap();
        let start = Instant::now();
        assert_eq!(client.next().await, Some(Event::Queued { endpoint: 0 }));
        let Some(Event::Lost { endpoint: 0, loss, uptime: None, decision }) = client.next().await
        else {
            panic!("its turn did not come")
        };
        assert_eq!(start.elapsed(), SECOND * 30);
        assert_eq!((loss, decision.why), (Loss::NoTurn, Why::Transient));
        assert!(matches!(client.next().await, Some(Event::Waiting { endpoint: 1, .. })));
        assert_eq!(client.next().await, Some(connecting(1, 2)));
        assert_eq!(client.machine().counters().dials, 1, "it never dialed the first");
    });
}

#[test]
fn the_turn_comes_in_the_order_of_the_queue_and_without_delay() {
    simulate(|| async {
        let mut holder = hanging("ws://order.test/", Options::default());
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..5 {
            let told = told.clone();
            tokio::spawn(async move {
                let mut client = hanging("ws://order.test/", Options::default());
                assert_eq!(client.next().await, Some(Event::Queued { endpoint: 0 }));
                assert_eq!(client.next().await, Some(connecting(0, 1)));
                told.send(number).unwrap();
            });
        }
        sleep(SECOND).await;
        let start = Instant::now();
        drop(holder);
        for number in 0..5 {
            assert_eq!(order.recv().await, Some(number));
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_client_that_does_not_come_when_it_is_its_turn_is_passed_over_until_it_comes() {
    simulate(|| async {
        let client = || hanging("ws://passed.test/", Options::default());
        let (mut holder, mut silent, mut second, mut third) =
            (client(), client(), client(), client());
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        for client in [&mut silent, &mut second, &mut third] {
            assert_eq!(client.next().await, Some(Event::Queued { endpoint: 0 }));
        }
        drop(holder);
        let start = Instant::now();
        assert_eq!(second.next().await, Some(connecting(0, 1)));
        assert_eq!(start.elapsed(), SECOND, "it waits for the first as long as that may take");
        drop(second);
        assert_eq!(third.next().await, Some(connecting(0, 1)));
        assert_eq!(start.elapsed(), SECOND, "and no more for one that was passed over");
        let mut last = client();
        assert_eq!(last.next().await, Some(Event::Queued { endpoint: 0 }));
        // It has kept its place.
        assert!(silent.next().now_or_never().is_none(), "the third dials");
        drop(third);
        assert!(last.next().now_or_never().is_none(), "it is before the last");
        assert_eq!(silent.next().await, Some(connecting(0, 1)));
    });
}

#[test]
fn a_hundred_clients_of_which_only_the_last_is_driven() {
    simulate(|| async {
        let client = || hanging("ws://hundred.test/", Options::default());
        let mut silent: Vec<_> = std::iter::repeat_with(client).take(100).collect();
        for client in &mut silent {
            client.next().await.unwrap();
        }
        sleep(SECOND * 10).await;
        let mut last = client();
        let start = Instant::now();
        assert_eq!(last.next().await, Some(Event::Queued { endpoint: 0 }));
        assert_eq!(last.next().await, Some(connecting(0, 1)));
        assert_eq!(start.elapsed(), SECOND * 21, "the first is overdue, the others do not come");
    });
}

/// The next dials on another thread, so it may do so as soon as the turn is free.
#[test]
fn a_dial_is_dropped_before_its_turn_is_given_on() {
    /// Looks whether another has its turn when it is dropped.
    struct Dialing(&'static str);

    impl Drop for Dialing {
        fn drop(&mut self) {
            let mut other = hanging(self.0, Options::default());
            let told = other.next().now_or_never();
            assert_eq!(told, Some(Some(Event::Queued { endpoint: 0 })), "it dials already");
        }
    }

    type End = fn(&mut Option<Reconnecting<DuplexStream>>);
    let dropped: End = |client| drop(client.take());
    let closed: End = |client| {
        let closed = client.as_mut().unwrap().close(None, "").now_or_never();
        assert_eq!(closed, Some(Ok(())));
    };
    for (url, end) in [("ws://a.held/", dropped), ("ws://b.held/", closed)] {
        simulate(move || async move {
            let dial = move |_| {
                let dialing = Dialing(url);
                async move {
                    let _dialing = dialing;
                    pending().await
                }
            };
            let mut client = Some(Reconnecting::new(url, Options::default(), dial).unwrap());
            assert_eq!(client.as_mut().unwrap().next().await, Some(connecting(0, 1)));
            assert!(client.as_mut().unwrap().next().now_or_never().is_none());
            end(&mut client);
        });
    }
}

#[test]
fn a_turn_that_has_come_is_taken_however_late() {
    simulate(|| async {
        let mut holder = hanging("ws://late.test/", Options::default());
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        let mut client = hanging("ws://late.test/", Options::default());
        assert_eq!(client.next().await, Some(Event::Queued { endpoint: 0 }));
        sleep(HOUR).await;
        assert_eq!(client.next().await, Some(connecting(0, 1)));
    });
}

#[test]
fn a_task_that_ends_with_its_waker_may_own_a_turn() {
    /// Owns a client that waits for its turn.
    struct Owner {
        _client: Mutex<Reconnecting<DuplexStream>>,
    }

    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }

    simulate(|| async {
        let mut holder = hanging("ws://owner.test/", Options::default());
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        let queued = || async {
            let mut patient = Options::default();
            patient.dial_timeout = HOUR;
            let mut client = hanging("ws://owner.test/", patient);
            assert_eq!(client.next().await, Some(Event::Queued { endpoint: 0 }));
            client
        };
        let mut taker = queued().await;
        let (mut replaced, mut dropped) = (queued().await, queued().await);
        for client in [&mut replaced, &mut dropped] {
            let waker = Waker::from(Arc::new(Owner { _client: Mutex::new(queued().await) }));
            let mut next = pin!(client.next());
            assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        // The timers have fired: the queue alone has the wakers.
        sleep(SECOND * 31).await;
        assert_eq!(taker.next().await, Some(connecting(0, 1)));
        assert!(replaced.next().now_or_never().is_none());
        drop(dropped);
        drop(taker);
        assert_eq!(replaced.next().await, Some(connecting(0, 1)));
    });
}

#[cfg(unix)]
#[test]
fn sockets_in_the_file_system_have_turns_of_their_own() {
    simulate(|| async {
        let client = |url| Reconnecting::to(url, Options::default()).unwrap();
        let mut holder = client("ws+unix:/no/such/a:/x");
        assert_eq!(holder.next().await, Some(connecting(0, 1)));
        let mut other = client("ws+unix:/no/such/b:/x");
        assert_eq!(other.next().await, Some(connecting(0, 1)));
        let mut same = client("ws+unix:/no/such/a:/y").fallback("ws://localhost/").unwrap();
        assert_eq!(same.next().await, Some(Event::Queued { endpoint: 0 }));
        let mut host = hanging("ws://localhost/", Options::default());
        assert_eq!(host.next().await, Some(connecting(0, 1)));
        let mut thread =
            blocking::Reconnecting::to("ws+unix:/no/such/b:/", Options::default()).unwrap();
        assert_eq!(thread.next(), Some(Event::Queued { endpoint: 0 }));
    });
}

#[test]
fn a_thread_waits_for_its_turn_as_long_as_a_dial_may_take() {
    bounded(|| {
        let (holder, release) = dialing("ws://thread.test/");
        let mut options = Options::default();
        options.dial_timeout = Duration::from_millis(20);
        options.max_losses = Some(1);
        let mut client = refusing("ws://thread.test/", options);
        assert_eq!(client.next(), Some(Event::Queued { endpoint: 0 }));
        let lost = client.next();
        assert!(matches!(lost, Some(Event::Lost { loss: Loss::NoTurn, .. })), "{lost:?}");
        assert_eq!(client.next(), Some(Event::GaveUp { why: Why::Exhausted }));
        drop(release);
        holder.join().unwrap();
    });
}

#[test]
fn a_thread_passes_over_a_client_that_is_not_driven_any_more() {
    bounded(|| {
        let (holder, release) = dialing("ws://silent-thread.test/");
        let mut silent = refusing("ws://silent-thread.test/", Options::default());
        assert_eq!(silent.next(), Some(Event::Queued { endpoint: 0 }));
        let mut client = refusing("ws://silent-thread.test/", Options::default());
        assert_eq!(client.next(), Some(Event::Queued { endpoint: 0 }));
        drop(release);
        holder.join().unwrap();
        assert_eq!(client.next(), Some(connecting(0, 1)));
        drop(silent);
    });
}

#[test]
fn a_dial_that_panics_is_a_loss_when_its_time_is_over() {
    bounded(|| {
        let mut options = Options::default();
        options.dial_timeout = Duration::from_millis(5);
        options.max_losses = Some(1);
        let url = "ws://panics.test/";
        let mut client =
            blocking::Reconnecting::<TcpStream>::new(url, options, |_| panic!("no dial")).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| while client.next().is_some() {}));
        assert!(panicked.is_err());
        assert_eq!(client.next(), Some(connecting(0, 1)));
        let lost = client.next();
        assert!(matches!(lost, Some(Event::Lost { loss: Loss::TimedOut, .. })), "{lost:?}");
        assert_eq!(client.next(), Some(Event::GaveUp { why: Why::Exhausted }));
    });
}

#[test]
fn a_dial_that_panics_when_it_is_polled_is_a_loss_when_its_time_is_over() {
    simulate(|| async {
        let dial = |_| async { panic!("no dial") };
        let url = "ws://panics-when-polled.test/";
        let mut client = Reconnecting::<DuplexStream>::new(url, Options::default(), dial).unwrap();
        assert_eq!(client.next().await, Some(connecting(0, 1)));
        let start = Instant::now();
        let panicked = catch_unwind(AssertUnwindSafe(|| client.next().now_or_never()));
        assert!(panicked.is_err());
        let lost = client.next().await;
        assert!(matches!(lost, Some(Event::Lost { loss: Loss::TimedOut, .. })), "{lost:?}");
        assert_eq!(start.elapsed(), SECOND * 30);
    });
}

const fn connecting(endpoint: usize, attempt: u32) -> Event {
    Event::Connecting { endpoint, attempt }
}

/// A client whose dials never end.
fn hanging(url: &str, options: Options) -> Reconnecting<DuplexStream> {
    Reconnecting::new(url, options, |_| pending()).unwrap()
}

/// The same; counts how often its dial is polled.
fn counting(url: &str, polls: &Arc<AtomicUsize>) -> Reconnecting<DuplexStream> {
    let polls = polls.clone();
    let dial = move |_| {
        let polls = polls.clone();
        poll_fn(move |_| {
            polls.fetch_add(1, Ordering::SeqCst);
            Poll::Pending
        })
    };
    Reconnecting::new(url, Options::default(), dial).unwrap()
}

/// A client whose dials fail at once.
fn refusing(url: &str, options: Options) -> blocking::Reconnecting<TcpStream> {
    let dial = |_| Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
    blocking::Reconnecting::new(url, options, dial).unwrap()
}

/// A thread that dials until the sender is dropped, once.
fn dialing(url: &'static str) -> (thread::JoinHandle<()>, mpsc::Sender<()>) {
    let (began, at_dial) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let mut options = Options::default();
        options.max_losses = Some(1);
        let dial = move |_| {
            began.send(()).unwrap();
            released.recv().unwrap_err();
            Err(io::Error::from(io::ErrorKind::ConnectionRefused).into())
        };
        let mut client = blocking::Reconnecting::<TcpStream>::new(url, options, dial).unwrap();
        while client.next().is_some() {}
    });
    at_dial.recv().unwrap();
    (holder, release)
}
