//! What the blocking adapter needs of a stream beside reading and writing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A blocking stream whose waits can be bounded.
///
/// The methods that are not `Read` or `Write` all have defaults for streams that cannot do what they ask.
pub trait Transport: Read + Write {
    /// Bounds how long each later read may block; it then fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut).
    ///
    /// Returns whether it does: where it does not, timeouts are minded only when something comes.
    ///
    /// # Errors
    ///
    /// The stream's.
    fn bound_reads(&mut self, limit: Duration) -> io::Result<bool> {
        let _ = limit;
        Ok(false)
    }

    /// Bounds how long each later write may block, likewise.
    ///
    /// # Errors
    ///
    /// The stream's.
    fn bound_writes(&mut self, limit: Duration) -> io::Result<bool> {
        let _ = limit;
        Ok(false)
    }

    /// The bound on reads that the caller had set on the stream before it was handed over. It is honoured:
    /// `recv` returns an error of kind `TimedOut` when it has passed, and can be called again.
    ///
    /// # Errors
    ///
    /// The stream's.
    fn read_bound(&self) -> io::Result<Option<Duration>> {
        Ok(None)
    }

    /// Ends the writing half, so that the peer reads to the end of what was sent.
    ///
    /// # Errors
    ///
    /// The stream's.
    fn shut_down(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// A second handle to the same stream, for the second half of a split connection.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](io::ErrorKind::Unsupported) where the stream has none.
    fn second_handle(&self) -> io::Result<Self>
    where
        Self: Sized,
    {
        Err(io::ErrorKind::Unsupported.into())
    }
}

macro_rules! socket_transport {
    ($socket:ty) => {
        impl Transport for $socket {
            fn bound_reads(&mut self, limit: Duration) -> io::Result<bool> {
                self.set_read_timeout(Some(limit)).map(|()| true)
            }

            fn bound_writes(&mut self, limit: Duration) -> io::Result<bool> {
                self.set_write_timeout(Some(limit)).map(|()| true)
            }

            fn read_bound(&self) -> io::Result<Option<Duration>> {
                self.read_timeout()
            }

            fn shut_down(&mut self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }

            fn second_handle(&self) -> io::Result<Self> {
                self.try_clone()
            }
        }
    };
}

socket_transport!(TcpStream);
#[cfg(unix)]
socket_transport!(std::os::unix::net::UnixStream);

/// Any `Read + Write` as a [`Transport`] without bounds.
///
/// Pings are answered and the closing handshake is made, but a wait lasts until something comes: no timeout
/// passes in it, and the end of the stream is not waited for.
#[derive(Clone, Copy, Debug)]
pub struct Untimed<S>(pub S);

impl<S: Read> Read for Untimed<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl<S: Write> Write for Untimed<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Read + Write> Transport for Untimed<S> {}
