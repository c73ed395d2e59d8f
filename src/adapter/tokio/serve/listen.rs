//! Where connections come from, and what they run over.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use ::tokio::net::{UnixListener, UnixStream};

#[cfg(feature = "tls")]
use crate::adapter::tokio::TlsStream;

/// A source of connections: a TCP or Unix listener, or one of your own.
pub trait Listen {
    /// What a connection runs over.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and the address that it comes from where it has one. A listener behind a proxy that tells
    /// addresses (the PROXY protocol) may read it here and tell that one.
    ///
    /// # Errors
    ///
    /// What the operating system says; the server goes on after any of it, see [`Server`](super::Server). It rests after most
    /// errors: a client that breaks the rules of a protocol spoken here is best dropped without one.
    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Io, Option<SocketAddr>)>>;
}

impl Listen for TcpListener {
    type Io = TcpStream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, Option<SocketAddr>)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, peer)| {
            // A socket that is gone already says so when it is read.
            let _ = stream.set_nodelay(true);
            (stream, Some(peer))
        })
    }
}

#[cfg(unix)]
impl Listen for UnixListener {
    type Io = UnixStream;

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, Option<SocketAddr>)>> {
        Self::poll_accept(self, cx).map_ok(|(stream, _)| (stream, None))
    }
}

/// What a connection of a [`Server`](super::Server) runs over: the listener's stream, or TLS over it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerStream<S = TcpStream> {
    /// The stream as it was accepted.
    Plain(S),
    /// TLS over it.
    #[cfg(feature = "tls")]
    Tls(TlsStream<S>),
}

/// Calls a method of whichever stream it is.
macro_rules! on_stream {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self {
            ServerStream::Plain($stream) => $call,
            #[cfg(feature = "tls")]
            ServerStream::Tls($stream) => $call,
        }
    };
}

impl<S> ServerStream<S> {
    /// The stream as it was accepted.
    pub const fn get_ref(&self) -> &S {
        match self {
            Self::Plain(io) => io,
            #[cfg(feature = "tls")]
            Self::Tls(io) => io.get_ref(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ServerStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ServerStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        on_stream!(this, io => Pin::new(io).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        on_stream!(this, io => Pin::new(io).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        on_stream!(self, io => io.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        on_stream!(this, io => Pin::new(io).poll_shutdown(cx))
    }
}
