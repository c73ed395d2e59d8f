//! From a host's name to a TCP connection.
//!
//! What cannot be interrupted, name resolution and a race of several attempts, is done in threads that nobody waits for
//! longer than until the deadline. The attempts end by themselves then; a resolver ends when it will.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant as Clock};

use crate::adapter::{ConnectError, ConnectFailure, ConnectStep, authority, set_tcp_options};
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
    let stream = match addresses[..] {
        [only] => attempt(only, deadline).map_err(|error| vec![(only, error)]),
        _ => race(addresses, deadline, move |address| attempt(address, deadline)),
    };
    let stream = stream.map_err(|each| failed(each.into()))?;
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
    let addresses =
        within(deadline, "resolve", move || (&*name, port).to_socket_addrs().map(Vec::from_iter));
    addresses.map_err(|failure| ConnectError::new(ConnectStep::Resolve, host, failure))
}

/// Does in a thread of its own what cannot be interrupted; nobody waits for it longer than until the deadline.
pub(super) fn within<T: Send + 'static>(
    deadline: Clock,
    work: &str,
    run: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ConnectFailure> {
    let (done, ended) = mpsc::channel();
    in_thread(work, move || {
        // Nobody may be waiting any more.
        let _ = done.send(run());
    })?;
    match ended.recv_timeout(left(deadline)) {
        Ok(result) => Ok(result?),
        Err(RecvTimeoutError::Timeout) => Err(ConnectFailure::Timeout),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("a thread died").into()),
    }
}

/// Runs the attempts of a [`Race`], a thread each, and returns the first connection.
fn race<S: Send + 'static>(
    addresses: Vec<SocketAddr>,
    deadline: Clock,
    attempt: impl Fn(SocketAddr) -> io::Result<S> + Clone + Send + 'static,
) -> Result<S, Vec<(SocketAddr, io::Error)>> {
    let epoch = Clock::now();
    let mut race = Race::new(addresses);
    let mut failures = Vec::new();
    let (done, ended) = mpsc::channel();
    loop {
        if left(deadline).is_zero() {
            let silent = race.running().iter();
            failures.extend(silent.map(|address| (*address, ErrorKind::TimedOut.into())));
            return Err(failures);
        }
        let until = match race.next(Instant::from_origin(epoch.elapsed())) {
            Pace::Start(address) => {
                let (attempt, done) = (attempt.clone(), done.clone());
                let running = in_thread("connect", move || {
                    // A connection that comes too late is closed here.
                    let _ = done.send((address, attempt(address)));
                });
                if let Err(error) = running {
                    race.handle_failure(address);
                    failures.push((address, error));
                }
                continue;
            }
            Pace::Wait(Some(until)) => deadline.min(epoch + until.since(Instant::ORIGIN)),
            Pace::Wait(None) => deadline,
            Pace::Lost => return Err(failures),
        };
        match ended.recv_timeout(left(until)) {
            Ok((_, Ok(stream))) => return Ok(stream),
            Ok((address, Err(error))) => {
                race.handle_failure(address);
                failures.push((address, error));
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
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The first attempts wait until the test ends; what they would bring then is dropped.
    #[test]
    fn attempts_run_side_by_side_and_the_first_that_connects_wins() {
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let attempt = move |address: SocketAddr| match address.port() {
            port @ 3.. => Ok(port),
            _ => {
                let _ = ended.lock().expect("no attempt panics").recv();
                Err(ErrorKind::ConnectionRefused.into())
            }
        };
        let addresses = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let deadline = Clock::now() + Duration::from_secs(60);
        assert_eq!(race(addresses.to_vec(), deadline, attempt).ok(), Some(3));
        drop(end);
    }
}
