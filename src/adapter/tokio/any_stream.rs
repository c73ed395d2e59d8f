//! What lies beneath a connection made by URL.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::TcpStream;
#[cfg(unix)]
use ::tokio::net::UnixStream;

#[cfg(feature = "tls")]
use super::TlsStream;

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

impl AsyncRead for AnyStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for AnyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        on_stream!(this, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        on_stream!(this, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        on_stream!(self, stream => stream.is_write_vectored())
    }
}
