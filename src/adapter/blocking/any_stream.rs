//! What lies beneath a connection made by URL.

use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[cfg(feature = "tls")]
use super::TlsStream;
use super::Transport;

/// A stream of one of the kinds that [`connect`](super::connect) makes: which depends on the URL and on the way.
///
/// A server that accepts several kinds, or shares code with a client, can use it as well.
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyStream {
    /// TCP: to the server, or to a proxy that passes everything on.
    Tcp(TcpStream),
    /// A socket in the file system.
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS over any of them: to a proxy, over a tunnel, or both.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<AnyStream>>),
}

impl AnyStream {
    /// The TCP connection at the bottom, if there is one.
    #[must_use]
    pub fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(stream) => Some(stream),
            #[cfg(unix)]
            Self::Unix(_) => None,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().tcp(),
        }
    }
}

impl From<TcpStream> for AnyStream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

#[cfg(unix)]
impl From<UnixStream> for AnyStream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

#[cfg(feature = "tls")]
impl From<TlsStream<AnyStream>> for AnyStream {
    fn from(stream: TlsStream<AnyStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

/// Calls a method of whichever stream it is.
macro_rules! on_stream {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self {
            AnyStream::Tcp($stream) => $call,
            #[cfg(unix)]
            AnyStream::Unix($stream) => $call,
            #[cfg(feature = "tls")]
            AnyStream::Tls($stream) => $call,
        }
    };
}

impl Read for AnyStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        on_stream!(self, stream => stream.read(buf))
    }
}

impl Write for AnyStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        on_stream!(self, stream => stream.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        on_stream!(self, stream => stream.write_vectored(bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        on_stream!(self, stream => stream.flush())
    }
}

impl Transport for AnyStream {
    fn bound_reads(&mut self, limit: Duration) -> io::Result<bool> {
        on_stream!(self, stream => stream.bound_reads(limit))
    }

    fn bound_writes(&mut self, limit: Duration) -> io::Result<bool> {
        on_stream!(self, stream => stream.bound_writes(limit))
    }

    fn read_bound(&self) -> io::Result<Option<Duration>> {
        on_stream!(self, stream => stream.read_bound())
    }

    fn shut_down(&mut self) -> io::Result<()> {
        on_stream!(self, stream => stream.shut_down())
    }

    fn second_handle(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.second_handle()?),
            #[cfg(unix)]
            Self::Unix(stream) => Self::Unix(stream.second_handle()?),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Self::Tls(Box::new(stream.second_handle()?)),
        })
    }
}
