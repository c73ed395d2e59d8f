//! A connection in memory for peers that want a transport, and a way to wait for them without a runtime.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// One end of a connection in memory. Nobody is woken: what is read has been written before.
#[derive(Debug)]
pub struct End {
    rx: Lane,
    tx: Lane,
}

type Lane = Arc<Mutex<BytesMut>>;

/// Both ends of a connection.
pub fn pair() -> (End, End) {
    let (there, back) = (Lane::default(), Lane::default());
    (End { rx: back.clone(), tx: there.clone() }, End { rx: there, tx: back })
}

impl End {
    /// Tells how many bytes wait to be read here.
    pub fn meter(&self) -> Meter {
        Meter(self.rx.clone())
    }
}

/// Looks at an end that somebody else owns.
#[derive(Debug)]
pub struct Meter(Lane);

impl Meter {
    /// How many bytes wait to be read.
    pub fn waiting(&self) -> usize {
        self.0.lock().expect("nobody panics").len()
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut lane = self.rx.lock().expect("nobody panics");
        if lane.is_empty() {
            return Poll::Pending;
        }
        let len = lane.len().min(buf.remaining());
        buf.put_slice(&lane[..len]);
        lane.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.tx.lock().expect("nobody panics").extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl wtx::stream::StreamReader for End {
    async fn read(&mut self, buf: &mut [u8]) -> wtx::Result<usize> {
        Ok(AsyncReadExt::read(self, buf).await?)
    }
}

impl wtx::stream::StreamWriter for End {
    async fn write_all(&mut self, data: &[u8]) -> wtx::Result<()> {
        self.tx.lock().expect("nobody panics").extend_from_slice(data);
        Ok(())
    }

    async fn write_all_vectored(&mut self, slices: &[&[u8]]) -> wtx::Result<()> {
        let mut lane = self.tx.lock().expect("nobody panics");
        slices.iter().for_each(|data| lane.extend_from_slice(data));
        Ok(())
    }
}

/// The value of a future that has all it needs.
pub fn now<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..64 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
    }
    panic!("a future waits for what nobody sends");
}
