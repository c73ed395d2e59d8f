//! A transport that takes all.

use std::hint::black_box;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What was written.
pub type Record = Arc<Mutex<Vec<u8>>>;

/// Takes bytes, and keeps them where somebody wants to see them.
#[derive(Debug, Default)]
pub struct Drain(Option<Record>);

impl Drain {
    /// Keeps nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps all.
    pub fn recording() -> (Self, Record) {
        let record = Record::default();
        (Self(Some(record.clone())), record)
    }

    /// Takes a piece; returns its length.
    pub fn put(&mut self, data: &[u8]) -> usize {
        if let Some(record) = &self.0 {
            record.lock().expect("nobody panics").extend_from_slice(data);
        }
        black_box(data).len()
    }
}

impl io::Read for Drain {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Drain {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(self.put(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Drain {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Drain {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.put(data)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|data| self.put(data)).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
