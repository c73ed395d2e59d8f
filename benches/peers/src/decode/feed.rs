//! A transport from which the same frames come without end.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hybi::frame::{Header, OpCode, mask};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much comes in one read at most.
const READ: usize = 16 * 1024;

/// How much is there before it begins again, at least: a beginning cuts a read short.
const WIRE: usize = 256 * 1024;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Frames of one message each, masked.
#[derive(Debug)]
pub(super) struct Feed {
    wire: Bytes,
    at: usize,
}

impl Feed {
    pub(super) fn new(payload: &[u8], is_text: bool) -> Self {
        let opcode = if is_text { OpCode::Text } else { OpCode::Binary };
        let len = payload.len() as u64;
        let header = Header { fin: true, rsv1: false, opcode, mask: Some(KEY), len };
        let mut masked = payload.to_vec();
        mask(&mut masked, KEY);
        let frame = [&header.encode()[..], &masked].concat();
        let wire = frame.repeat(WIRE.div_ceil(frame.len())).into();
        Self { wire, at: 0 }
    }

    /// What a read brings that has room for so much.
    pub(super) fn next(&mut self, room: usize) -> &[u8] {
        if self.at == self.wire.len() {
            self.at = 0;
        }
        let from = self.at;
        self.at = self.wire.len().min(from + room.min(READ));
        &self.wire[from..self.at]
    }

    /// What a read into a buffer brings that can grow.
    pub(super) fn chunk(&mut self) -> &[u8] {
        self.next(READ)
    }
}

impl Read for Feed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let chunk = self.next(buf.len());
        buf[..chunk.len()].copy_from_slice(chunk);
        Ok(chunk.len())
    }
}

impl Write for Feed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("there is nothing to answer")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let chunk = self.next(buf.remaining());
        buf.put_slice(chunk);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Feed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        panic!("there is nothing to answer")
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
