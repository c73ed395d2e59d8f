//! A transport from which one request comes and that takes the response.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::drain::Drain;

/// The request and where the response goes.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) request: Bytes,
    pub(super) response: Drain,
}

impl Read for Exchange {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.request.len().min(buf.len());
        if len == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.request.copy_to_slice(&mut buf[..len]);
        Ok(len)
    }
}

impl Write for Exchange {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.response.put(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Exchange {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = self.request.len().min(buf.remaining());
        if len == 0 {
            return Poll::Pending;
        }
        buf.put_slice(&self.request.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Exchange {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.response.put(data)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl wtx::stream::StreamReader for Exchange {
    async fn read(&mut self, buf: &mut [u8]) -> wtx::Result<usize> {
        Ok(Read::read(self, buf)?)
    }
}

impl wtx::stream::StreamWriter for Exchange {
    async fn write_all(&mut self, data: &[u8]) -> wtx::Result<()> {
        self.response.put(data);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        slices.iter().for_each(|data| {
            self.response.put(data);
        });
        Ok(())
    }
}
