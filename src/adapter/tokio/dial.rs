//! From a host's name to a TCP connection.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use ::tokio::net::{TcpStream, lookup_host};
use ::tokio::time::{Instant as Clock, timeout_at};

use crate::adapter::{
    ConnectError, ConnectFailure, ConnectStep, Failed, authority, no_connection, set_tcp_options,
};
use crate::connect::{Pace, Race};
use crate::{Instant, TcpOptions};

/// A connection to the first of a host's addresses that takes one.
pub(super) async fn dial(
    (host, port): (&str, u16),
    addresses: Vec<SocketAddr>,
    tcp: &TcpOptions,
    deadline: Clock,
) -> Result<TcpStream, ConnectError> {
    let failed = |failure: ConnectFailure| {
        ConnectError::new(ConnectStep::Transport, authority(host, port), failure)
    };
    let stream = race(addresses, deadline, TcpStream::connect, |_| true).await;
    let stream = stream.map_err(|each| failed(no_connection(each)))?;
    set_tcp_options!(&stream, tcp).map_err(|error| failed(error.into()))?;
    Ok(stream)
}

/// The host's addresses, as the system's resolver orders them.
pub(super) async fn resolve(
    (host, port): (&str, u16),
    deadline: Clock,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let failure = match timeout_at(deadline, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => return Ok(addresses.collect()),
        Ok(Err(error)) => error.into(),
        Err(_) => ConnectFailure::Timeout,
    };
    Err(ConnectError::new(ConnectStep::Resolve, host, failure))
}

/// An attempt to connect that is under way.
type Attempt<F> = (SocketAddr, Pin<Box<F>>);

/// Runs the attempts of a [`Race`] and returns what the first that succeeds has made; the other attempts end with it.
///
/// After a failure for which `goes_on` is false no further attempt begins. An attempt that has not ended in time fails with
/// nothing, and so does the first address where none has begun in time.
pub(super) async fn race<S, E, F: Future<Output = Result<S, E>>>(
    addresses: Vec<SocketAddr>,
    deadline: Clock,
    mut attempt: impl FnMut(SocketAddr) -> F,
    goes_on: impl Fn(&E) -> bool,
) -> Result<S, Vec<Failed<E>>> {
    let epoch = Clock::now();
    let first = addresses.first().copied();
    let mut race = Race::new(addresses);
    let mut running: Vec<Attempt<F>> = Vec::new();
    let mut failures = Vec::new();
    let mut begins = true;
    loop {
        let now = Clock::now();
        if now >= deadline {
            let silent = race.running().iter();
            failures.extend(silent.map(|address| (*address, None)));
            if failures.is_empty() {
                failures.extend(first.map(|address| (address, None)));
            }
            return Err(failures);
        }
        let pace = match begins {
            true => race.next(Instant::from_origin(now - epoch)),
            false if race.running().is_empty() => Pace::Lost,
            false => Pace::Wait(None),
        };
        let until = match pace {
            Pace::Start(address) => {
                running.push((address, Box::pin(attempt(address))));
                continue;
            }
            Pace::Wait(Some(until)) => deadline.min(epoch + until.since(Instant::ORIGIN)),
            Pace::Wait(None) => deadline,
            Pace::Lost => return Err(failures),
        };
        match timeout_at(until, first_to_end(&mut running)).await {
            Ok((_, Ok(made))) => return Ok(made),
            Ok((address, Err(error))) => {
                race.handle_failure(address);
                begins &= goes_on(&error);
                failures.push((address, Some(error)));
            }
            Err(_) => {}
        }
    }
}

/// Waits for any of the attempts and takes it out.
async fn first_to_end<F: Future>(running: &mut Vec<Attempt<F>>) -> (SocketAddr, F::Output) {
    poll_fn(|cx| {
        for at in 0..running.len() {
            if let Poll::Ready(output) = running[at].1.as_mut().poll(cx) {
                let (address, _) = running.swap_remove(at);
                return Poll::Ready((address, output));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io::{self, ErrorKind};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    static RUNNING: AtomicUsize = AtomicUsize::new(0);

    /// Counts the attempts that have not ended.
    struct Counted;

    impl Drop for Counted {
        fn drop(&mut self) {
            RUNNING.fetch_sub(1, SeqCst);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_address_costs_a_quarter_of_a_second_and_nothing_goes_on_after_the_race() {
        let start = Clock::now();
        let attempt = |address: SocketAddr| async move {
            RUNNING.fetch_add(1, SeqCst);
            let _counted = Counted;
            match address.port() {
                3 => Ok(()),
                4.. => Err(ErrorKind::ConnectionRefused.into()),
                _ => pending().await,
            }
        };
        let all = |_: &io::Error| true;
        let won = race(ports(&[1, 2, 3]), start + Duration::from_secs(20), attempt, all).await;
        assert!(won.is_ok());
        assert_eq!(start.elapsed(), Duration::from_millis(500));
        assert_eq!(RUNNING.load(SeqCst), 0, "the losers are gone");

        let deadline = Clock::now() + Duration::from_secs(20);
        let failures = race(ports(&[1, 4, 2]), deadline, attempt, all).await;
        let failures = failures.expect_err("nobody wins");
        assert_eq!(Clock::now(), deadline);
        let kind = |error: &io::Error| error.kind();
        let kinds = failures.iter().map(|(at, error)| (at.port(), error.as_ref().map(kind)));
        let refused = Some(ErrorKind::ConnectionRefused);
        assert_eq!(kinds.collect::<Vec<_>>(), [(4, refused), (1, None), (2, None)]);

        let later = deadline + Duration::from_secs(1);
        for (goes_on, failed) in [(true, 2), (false, 1)] {
            let failures = race(ports(&[4, 5]), later, attempt, |_| goes_on).await;
            assert_eq!(failures.expect_err("nobody wins").len(), failed);
            assert_eq!(Clock::now(), deadline, "failures are not waited for");
        }

        let mut given_up =
            Box::pin(race(ports(&[1, 2]), Clock::now() + Duration::from_secs(9), attempt, all));
        let waited = timeout_at(Clock::now() + Duration::from_secs(1), &mut given_up).await;
        assert!(waited.is_err() && RUNNING.load(SeqCst) == 2);
        drop(given_up);
        assert_eq!(RUNNING.load(SeqCst), 0, "who is dropped leaves nothing running");
    }

    fn ports(ports: &[u16]) -> Vec<SocketAddr> {
        ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect()
    }
}
