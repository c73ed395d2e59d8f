//! From a host's name to a TCP connection.
//!
//! What cannot be interrupted is done in threads that nobody waits for longer than until the deadline. Of a race there are 32
//! at most, and they end by themselves then. A resolver ends when it will: 64 of them may hang in a process, and who
//! comes then waits until one of them has ended, or for his deadline.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant as Clock};

use crate::adapter::{
    ConnectError, ConnectFailure, ConnectStep, Failed, authority, no_connection, set_tcp_options,
};
use crate::connect::{Pace, Race};
use crate::{Instant, TcpOptions};

/// The stack of a helper thread: the resolver's own needs and room.
const STACK: usize = 256 * 1024;

/// A connection to the first of a host's addresses that takes one.
pub(super) fn dial(
    (host, port): (&str, u16),
    addresses: Vec<SocketAddr>,
    tcp: &TcpOptions,
    deadline: Clock,
) -> Result<TcpStream, ConnectError> {
    let failed = |failure: ConnectFailure| {
        ConnectError::new(ConnectStep::Transport, authority(host, port), failure)
    };
    let stream = race(addresses, deadline, |at| move || attempt(at, deadline), |_| true);
    let stream = stream.map_err(|each| failed(no_connection(each)))?;
    set_tcp_options!(&stream, tcp).map_err(|error| failed(error.into()))?;
    Ok(stream)
}

/// The host's addresses, as the system's resolver orders them.
pub(super) fn resolve(
    (host, port): (&str, u16),
    deadline: Clock,
) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let addresses = within(&RESOLVERS, deadline, "resolve", move || {
        (&*name, port).to_socket_addrs().map(Vec::from_iter)
    });
    addresses.map_err(|failure| ConnectError::new(ConnectStep::Resolve, host, failure))
}

/// Who resolves names.
static RESOLVERS: Places = Places::new(64);

/// Places for threads that may hang.
pub(super) struct Places {
    free: Mutex<usize>,
    given_back: Condvar,
}

/// One of the places, until it is dropped.
struct Place(&'static Places);

impl Places {
    pub(super) const fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), given_back: Condvar::new() }
    }

    /// Waits for a place; `None` where there is none in time.
    fn take(&'static self, deadline: Clock) -> Option<Place> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.given_back.wait_timeout_while(free, left(deadline), |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Place(self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given_back.notify_one();
    }
}

/// Does in a thread of its own what cannot be interrupted; nobody waits for it longer than until the deadline.
pub(super) fn within<T: Send + 'static>(
    places: &'static Places,
    deadline: Clock,
    work: &str,
    run: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ConnectFailure> {
    let place = places.take(deadline).ok_or(ConnectFailure::Timeout)?;
    let (done, ended) = mpsc::channel();
    in_thread(work, move || {
        let result = run();
        drop(place);
        // Nobody may be waiting any more.
        let _ = done.send(result);
    })?;
    match ended.recv_timeout(left(deadline)) {
        Ok(result) => Ok(result?),
        Err(RecvTimeoutError::Timeout) => Err(ConnectFailure::Timeout),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("a thread died").into()),
    }
}

/// Runs the attempts of a [`Race`], a thread each unless there is one alone, and returns what the first that succeeds has
/// made. `begin` makes an attempt, which is to end by itself at the deadline.
///
/// After a failure for which `goes_on` is false no further attempt begins. An attempt that has not ended in time fails with
/// nothing, and so does the first address where none has begun in time.
pub(super) fn race<S, E, A>(
    addresses: Vec<SocketAddr>,
    deadline: Clock,
    mut begin: impl FnMut(SocketAddr) -> A,
    goes_on: impl Fn(&E) -> bool,
) -> Result<S, Vec<Failed<E>>>
where
    S: Send + 'static,
    E: From<io::Error> + Send + 'static,
    A: FnOnce() -> Result<S, E> + Send + 'static,
{
    if let [only] = addresses[..] {
        return begin(only)().map_err(|error| vec![(only, Some(error))]);
    }
    let epoch = Clock::now();
    let first = addresses.first().copied();
    let mut race = Race::new(addresses);
    let mut failures = Vec::new();
    let mut begins = true;
    let (done, ended) = mpsc::channel();
    loop {
        if left(deadline).is_zero() {
            let silent = race.running().iter();
            failures.extend(silent.map(|address| (*address, None)));
            if failures.is_empty() {
                failures.extend(first.map(|address| (address, None)));
            }
            return Err(failures);
        }
        let pace = match begins {
            true => race.next(Instant::from_origin(epoch.elapsed())),
            false if race.running().is_empty() => Pace::Lost,
            false => Pace::Wait(None),
        };
        let until = match pace {
            Pace::Start(address) => {
                let (attempt, done) = (begin(address), done.clone());
                let running = in_thread("connect", move || {
                    // A connection that comes too late is closed here.
                    let _ = done.send((address, attempt()));
                });
                if let Err(error) = running {
                    race.handle_failure(address);
                    failures.push((address, Some(error.into())));
                }
                continue;
            }
            Pace::Wait(Some(until)) => deadline.min(epoch + until.since(Instant::ORIGIN)),
            Pace::Wait(None) => deadline,
            Pace::Lost => return Err(failures),
        };
        match ended.recv_timeout(left(until)) {
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

fn attempt(address: SocketAddr, deadline: Clock) -> io::Result<TcpStream> {
    match left(deadline) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => TcpStream::connect_timeout(&address, left),
    }
}

fn in_thread(work: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("hybi {work}")).stack_size(STACK);
    thread.spawn(run).map(drop)
}

/// How long it is until then.
pub(super) fn left(deadline: Clock) -> Duration {
    deadline.saturating_duration_since(Clock::now())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// The first attempts wait until the test ends; what they would bring then is dropped.
    #[test]
    fn attempts_run_side_by_side_and_the_first_that_connects_wins() {
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let attempt = |address: SocketAddr| {
            let ended = ended.clone();
            move || match address.port() {
                port @ 3.. => Ok(port),
                _ => {
                    let _ = ended.lock().expect("no attempt panics").recv();
                    Err(io::Error::from(ErrorKind::ConnectionRefused))
                }
            }
        };
        let deadline = Clock::now() + Duration::from_secs(60);
        assert_eq!(race(ports(&[1, 2, 3]), deadline, attempt, |_| true).ok(), Some(3));
        drop(end);
    }

    #[test]
    fn a_failure_after_which_no_other_fares_better_ends_the_race() {
        let deadline = Clock::now() + Duration::from_secs(60);
        let refused = |_| || Err::<(), _>(io::Error::from(ErrorKind::ConnectionRefused));
        for (goes_on, failed) in [(true, 3), (false, 1)] {
            let failures = race(ports(&[1, 2, 3]), deadline, refused, |_| goes_on);
            assert_eq!(failures.expect_err("nobody wins").len(), failed);
        }
    }

    /// The clock does not matter: who has no time left asks once.
    #[test]
    fn work_that_hangs_keeps_its_place_and_no_more_begins_than_there_are_places() {
        static PLACES: Places = Places::new(2);
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let now = Clock::now();
        let hang = || {
            let ended = ended.clone();
            let hangs = move || {
                let _ = ended.lock().expect("nobody panics").recv();
                Ok(())
            };
            within(&PLACES, now, "hang", hangs)
        };
        for _ in 0..2 {
            assert!(matches!(hang(), Err(ConnectFailure::Timeout)));
        }
        let refused =
            within(&PLACES, now, "never", || -> io::Result<()> { panic!("it has no place") });
        assert!(matches!(refused, Err(ConnectFailure::Timeout)));
        drop(end);
        let done = within(&PLACES, now + Duration::from_secs(60), "work", || Ok(7));
        assert!(matches!(done, Ok(7)));
    }

    fn ports(ports: &[u16]) -> Vec<SocketAddr> {
        ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect()
    }
}
