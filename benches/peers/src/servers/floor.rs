//! The least that echoes WebSocket messages, all answers to one read in one write.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::shake::shake;
use super::{Ended, READ};
use crate::floor::{Frame, mask_u64, put_header};

pub(super) async fn echo(mut stream: TcpStream) -> Ended {
    shake(&mut stream).await?;
    let (mut rx, mut tx) = (BytesMut::with_capacity(READ), Vec::with_capacity(READ));
    loop {
        let mut at = 0;
        while let Some(frame) = Frame::parse(&rx[at..]) {
            let payload = &mut rx[at + frame.start..at + frame.end];
            mask_u64(payload, frame.key);
            put_header(&mut tx, frame.first, payload.len());
            tx.extend_from_slice(payload);
            at += frame.end;
        }
        rx.advance(at);
        if !tx.is_empty() {
            stream.write_all(&tx).await?;
            tx.clear();
        }
        rx.reserve(Frame::missing(&rx).clamp(READ / 4, 64 * READ));
        if stream.read_buf(&mut rx).await? == 0 {
            return Ok(());
        }
    }
}
