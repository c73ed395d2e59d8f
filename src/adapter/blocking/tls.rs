//! TLS over any blocking stream.
//!
//! The session stands behind a mutex that is never held while a thread waits for the stream, so that one handle can
//! read while another writes. Whoever holds two of the three takes them in the order in which they stand in `Shared`.

use std::fmt;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Clock};

use super::waits::is_idle;
use super::{Error, Transport};
use crate::adapter::deadline;
use crate::adapter::tls::{Agreed, ClientTls, ServerTls, Session, TlsError, with_scratch};

/// TLS over a stream, itself a [`Transport`]: to be given to [`accept`](super::accept) or
/// [`connect_over`](super::connect_over).
///
/// - Bounds on reads and writes are those of the stream beneath, and one that passes in the middle of a record loses
///   nothing. A read that brings a part of a record fails with [`Interrupted`](ErrorKind::Interrupted): there is no plaintext
///   yet, and the caller, who may have a deadline, reads again.
/// - What was written leaves at once as far as the stream takes it within its bound, and whole with a flush. A batch of
///   messages makes one TLS record (one for each 16 KiB) and one write.
/// - It can be split where the stream beneath has a second handle: both are of the same session, so they are for one
///   thread that reads and one that writes.
/// - The end of the stream without TLS's `close_notify` is an error of kind [`UnexpectedEof`](ErrorKind::UnexpectedEof) here; the
///   WebSocket goes by its Close frame alone.
pub struct TlsStream<S> {
    io: S,
    shared: Arc<Shared>,
    /// The bound on reads that the caller had set.
    own: Option<Duration>,
}

struct Shared {
    /// Held by the handle that reads: ciphertext is fed in the order in which it came.
    reading: Mutex<()>,
    /// Held by the handle that writes: ciphertext that has left the session, and how much of it has been sent.
    writing: Mutex<Outgoing>,
    session: Mutex<Session>,
}

#[derive(Default)]
struct Outgoing {
    ciphertext: Vec<u8>,
    sent: usize,
}

/// Stands for no bound on reads.
const LONGEST: Duration = Duration::from_secs(3600);

impl<S: Transport> TlsStream<S> {
    /// Makes the handshake as a client with a server that must prove to be `host`: a name, or an address, an IPv6
    /// address without brackets; see [`ClientTls::with_server_name`].
    ///
    /// Takes at most [`ClientTls::timeout`] where the stream can be bounded.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Io`].
    pub fn connect(io: S, tls: &ClientTls, host: &str) -> Result<Self, Error> {
        Self::connect_within(io, tls, host, tls.timeout())
    }

    /// The same, with at most what is left of a longer work's time.
    pub(crate) fn connect_within(
        io: S,
        tls: &ClientTls,
        host: &str,
        limit: Duration,
    ) -> Result<Self, Error> {
        Self::open(io, Session::client(tls, host)?, limit.min(tls.timeout()))
    }

    /// Makes the handshake as a server.
    ///
    /// Takes at most [`ServerTls::timeout`] where the stream can be bounded.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Io`].
    pub fn accept(io: S, tls: &ServerTls) -> Result<Self, Error> {
        Self::open(io, Session::server(tls)?, tls.timeout())
    }

    fn open(io: S, session: Session, limit: Duration) -> Result<Self, Error> {
        let own = io.read_bound()?;
        let shared = Shared {
            reading: Mutex::default(),
            writing: Mutex::default(),
            session: Mutex::new(session),
        };
        let mut stream = Self { io, shared: Arc::new(shared), own };
        stream.handshake(deadline(Clock::now(), limit))?;
        stream.io.bound_reads(own.unwrap_or(LONGEST))?;
        Ok(stream)
    }

    fn handshake(&mut self, deadline: Clock) -> Result<(), Error> {
        let left = || match deadline.saturating_duration_since(Clock::now()) {
            Duration::ZERO => Err(Error::from(TlsError::Timeout)),
            left => Ok(left),
        };
        loop {
            // An alert says why: it is sent before our own error is told, which counts for more than one of the stream.
            let sent = loop {
                let bounded = self.io.bound_writes(left()?)?;
                match self.flush() {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if is_idle(&error) && bounded => {}
                    sent => break sent,
                }
            };
            let stands = lock(&self.shared.session).handshake();
            match stands {
                Some(Ok(())) => return Ok(sent?),
                Some(Err(error)) => return Err(error.into()),
                None => {}
            }
            // Where sending fails, the peer may have said why before it went.
            let bounded = self.io.bound_reads(left()?)?;
            match (self.fill(), sent) {
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (Err(error), Ok(())) if is_idle(&error) && bounded => {}
                (Ok(0), Err(error)) | (Err(_), Err(error)) | (Err(error), Ok(())) => {
                    return Err(error.into());
                }
                (Ok(0), Ok(())) => return Err(TlsError::Ended.into()),
                (Ok(_), _) => {}
            }
        }
    }

    /// Reads ciphertext once, without holding the session meanwhile.
    fn fill(&mut self) -> io::Result<usize> {
        with_scratch(|scratch| {
            let count = self.io.read(scratch)?;
            lock(&self.shared.session).feed(&scratch[..count]);
            Ok(count)
        })
    }
}

impl<S> TlsStream<S> {
    /// The stream beneath.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.io
    }

    /// What was agreed on in the handshake.
    #[must_use]
    pub fn agreed(&self) -> Agreed {
        lock(&self.shared.session).agreed()
    }
}

impl Outgoing {
    /// Sends all ciphertext. An error loses nothing of it.
    fn send(&mut self, io: &mut impl Write, session: &Mutex<Session>) -> io::Result<()> {
        loop {
            while self.sent < self.ciphertext.len() {
                match io.write(&self.ciphertext[self.sent..]) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => self.sent += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            // An idle connection owns no memory for it.
            *self = Self::default();
            let mut session = lock(session);
            while session.wants_write() {
                session.write_to(&mut self.ciphertext)?;
            }
            if self.ciphertext.is_empty() {
                return Ok(());
            }
        }
    }
}

impl<S: Transport> Read for TlsStream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let shared = self.shared.clone();
        let _reading = lock(&shared.reading);
        let mut take = || {
            lock(&shared.session).read(|plaintext| {
                let count = plaintext.len().min(buf.len());
                buf[..count].copy_from_slice(&plaintext[..count]);
                count
            })
        };
        if let Some(count) = take()? {
            return Ok(count);
        }
        self.fill()?;
        if lock(&shared.session).has_failed() {
            // The alert that says why, unless another thread writes just then.
            if let Ok(mut writing) = shared.writing.try_lock() {
                let _ = writing.send(&mut self.io, &shared.session);
            }
        }
        // What came may be no whole record. Reading on here would go past a deadline of the caller's.
        take()?.ok_or_else(|| ErrorKind::Interrupted.into())
    }
}

impl<S: Transport> Write for TlsStream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    /// Takes more only when all that was taken before has left: the caller's count of what has moved is never
    /// further from the truth than one call.
    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let Shared { writing, session, .. } = &*self.shared;
        let mut writing = lock(writing);
        writing.send(&mut self.io, session)?;
        let count = lock(session).write(bufs)?;
        match writing.send(&mut self.io, session) {
            Err(error) if !is_idle(&error) => Err(error),
            // It has been taken; what has not left yet does so with the next call.
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Shared { writing, session, .. } = &*self.shared;
        lock(writing).send(&mut self.io, session)?;
        self.io.flush()
    }
}

impl<S: Transport> Transport for TlsStream<S> {
    fn bound_reads(&mut self, limit: Duration) -> io::Result<bool> {
        self.io.bound_reads(limit)
    }

    fn bound_writes(&mut self, limit: Duration) -> io::Result<bool> {
        self.io.bound_writes(limit)
    }

    fn read_bound(&self) -> io::Result<Option<Duration>> {
        Ok(self.own)
    }

    /// Sends `close_notify` and ends the stream's writing half. What still comes is dropped, up to the end of the
    /// stream.
    fn shut_down(&mut self) -> io::Result<()> {
        lock(&self.shared.session).close();
        self.flush()?;
        self.io.shut_down()
    }

    fn second_handle(&self) -> io::Result<Self> {
        Ok(Self { io: self.io.second_handle()?, shared: self.shared.clone(), own: self.own })
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("io", &self.io).finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves the session in one piece: it is changed by calls of rustls alone.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
