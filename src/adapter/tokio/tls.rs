//! TLS over any tokio stream.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::time::timeout;

use super::Error;
use crate::adapter::tls::{Agreed, ClientTls, ServerTls, Session, TlsError, with_scratch};

/// TLS over a stream, itself a stream: to be given to [`accept`](super::accept) or
/// [`connect_over`](super::connect_over).
///
/// What was written leaves at once as far as the stream takes it, and whole with a flush. A batch of messages makes
/// one TLS record (one for each 16 KiB) and one write. The end of the stream without TLS's `close_notify` is an error of kind
/// [`UnexpectedEof`](ErrorKind::UnexpectedEof) here; the WebSocket goes by its Close frame alone.
///
/// Reading never writes, unless the session has failed, and writing never reads: halves of it in two tasks do not take
/// each other's wake-ups.
pub struct TlsStream<S> {
    io: S,
    session: Box<Session>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Makes the handshake as a client with a server that must prove to be `host`: a name, or an address, an IPv6
    /// address without brackets; see [`ClientTls::with_server_name`].
    ///
    /// Takes at most [`ClientTls::timeout`]. Dropping the future drops the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Io`].
    pub async fn connect(io: S, tls: &ClientTls, host: &str) -> Result<Self, Error> {
        let session = Session::client(tls, host)?;
        let stream = Self { io, session: Box::new(session) };
        let opened = timeout(tls.timeout(), stream.handshake());
        opened.await.unwrap_or(Err(TlsError::Timeout.into()))
    }

    /// Makes the handshake as a server.
    ///
    /// Takes at most [`ServerTls::timeout`]. Dropping the future drops the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Tls`], [`Error::Io`].
    pub async fn accept(io: S, tls: &ServerTls) -> Result<Self, Error> {
        let stream = Self { io, session: Box::new(Session::server(tls)?) };
        let opened = timeout(tls.timeout(), stream.handshake());
        opened.await.unwrap_or(Err(TlsError::Timeout.into()))
    }

    async fn handshake(mut self) -> Result<Self, Error> {
        poll_fn(|cx| self.poll_handshake(cx)).await?;
        Ok(self)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            // An alert says why: it is sent before our own error is told, which counts for more than one of the stream.
            let sent = ready!(self.poll_drained(cx));
            match self.session.handshake() {
                Some(Ok(())) => return Poll::Ready(Ok(sent?)),
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => {}
            }
            // Where sending fails, the peer may have said why before it went.
            match (ready!(self.poll_fill(cx)), sent) {
                (Err(error), _) if error.kind() == ErrorKind::Interrupted => {}
                (Ok(0), Err(error)) | (Err(_), Err(error)) | (Err(error), Ok(())) => {
                    return Poll::Ready(Err(error.into()));
                }
                (Ok(0), Ok(())) => return Poll::Ready(Err(TlsError::Ended.into())),
                (Ok(_), _) => {}
            }
        }
    }

    /// What was agreed on in the handshake.
    #[must_use]
    pub fn agreed(&self) -> Agreed {
        self.session.agreed()
    }
}

impl<S> TlsStream<S> {
    /// The stream beneath.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.io
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Reads ciphertext once.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        with_scratch(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
            self.session.feed(read.filled());
            Poll::Ready(Ok(read.filled().len()))
        })
    }

    /// Hands all ciphertext to the stream.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let mut io = Polled { io: Pin::new(&mut self.io), cx };
            match self.session.write_to(&mut io) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                written => written?,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The same, and flushes the stream.
    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_drain(cx))?;
            match ready!(Pin::new(&mut self.io).poll_flush(cx)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                flushed => return Poll::Ready(flushed),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let taken = self.session.read(|plaintext| {
                let count = plaintext.len().min(buf.remaining());
                buf.put_slice(&plaintext[..count]);
                count
            })?;
            if taken.is_some() {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_fill(cx))?;
            if self.session.has_failed() {
                // The alert that says why; nobody else will write any more.
                let _ = self.poll_drained(cx);
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    /// Takes more only when all that was taken before has left: the caller's count of what has moved is never
    /// further from the truth than one call.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        let count = self.session.write(bufs)?;
        match self.poll_drain(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(count)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drained(cx)
    }

    /// Sends `close_notify` and ends the stream's writing half. What still comes is dropped, up to the end of the
    /// stream.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.close();
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<S: fmt::Debug> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").field("io", &self.io).finish_non_exhaustive()
    }
}

/// A stream within a poll, as rustls writes to it.
struct Polled<'a, 'w, S> {
    io: Pin<&'a mut S>,
    cx: &'a mut Context<'w>,
}

impl<S: AsyncWrite> Write for Polled<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        ready_or_block(self.io.as_mut().poll_write(self.cx, buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        ready_or_block(self.io.as_mut().poll_write_vectored(self.cx, bufs))
    }

    fn flush(&mut self) -> io::Result<()> {
        ready_or_block(self.io.as_mut().poll_flush(self.cx))
    }
}

fn ready_or_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(done) => done,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}
