//! A message sent in pieces, as fragments (RFC 6455 section 5.4).

use super::Connection;
use super::send::Open;
use super::stats::count;
use crate::error::SendError;
use crate::frame::OpCode;
use crate::message::Kind;

/// Sends a message in pieces, each a frame of its own, when its length is not known at first. Where compression was
/// agreed on it is compressed, piece by piece.
///
/// Dropping the writer after the first piece leaves the message open: [`Connection::writer`] goes on with it, other messages are
/// refused with [`SendError::Unfinished`] until it is finished, and closing is possible at any time.
///
/// ```
/// use hybi::{Connection, Kind};
///
/// let mut conn = Connection::server(Default::default());
/// let mut writer = conn.writer(Kind::Text)?;
/// writer.write(b"Hel")?;
/// writer.finish(b"lo")?;
///
/// let mut wire = Vec::new();
/// bytes::BufMut::put(&mut wire, conn.transmit());
/// assert_eq!(wire, b"\x01\x03Hel\x80\x02lo"); // RFC 6455 section 5.7
/// # Ok::<(), hybi::SendError<()>>(())
/// ```
#[derive(Debug)]
#[must_use = "a message is not complete until `finish` is called"]
pub struct MessageWriter<'c> {
    conn: &'c mut Connection,
    open: Open,
}

impl Connection {
    /// Begins a message in pieces, or goes on with the one of the same kind that is open.
    ///
    /// # Errors
    ///
    /// [`SendError::Unfinished`] where a message of the other kind is open, [`SendError::Closed`].
    pub fn writer(&mut self, kind: Kind) -> Result<MessageWriter<'_>, SendError<()>> {
        if self.is_closing() {
            return Err(SendError::Closed(()));
        }
        let open = match self.send.open {
            Some(open) if open.kind != kind => return Err(SendError::Unfinished(())),
            Some(open) => open,
            None => Open {
                kind,
                begun: false,
                #[cfg(feature = "deflate")]
                compressed: self.compression.is_some(),
            },
        };
        Ok(MessageWriter { conn: self, open })
    }
}

impl MessageWriter<'_> {
    /// Sends the message as it is, where it would be compressed because compression was agreed on. After the first
    /// piece it is too late.
    #[cfg(feature = "deflate")]
    pub fn uncompressed(mut self) -> Self {
        self.open.compressed &= self.open.begun;
        self
    }

    /// Queues a piece of the message. Pieces of a text message are whole characters each.
    ///
    /// # Errors
    ///
    /// [`SendError::InvalidUtf8`]; [`SendError::Full`]: nothing was queued, try again later.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), SendError<()>> {
        self.fragment(piece, false)
    }

    /// Queues the last piece of the message, which may be empty.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); the message stays open.
    pub fn finish(mut self, piece: &[u8]) -> Result<(), SendError<()>> {
        self.fragment(piece, true)?;
        self.conn.send.open = None;
        count(&mut self.conn.stats.messages_sent, 1);
        Ok(())
    }

    fn fragment(&mut self, piece: &[u8], fin: bool) -> Result<(), SendError<()>> {
        if self.open.kind == Kind::Text && core::str::from_utf8(piece).is_err() {
            return Err(SendError::InvalidUtf8);
        }
        if self.conn.out.len() >= self.conn.config.high_water() {
            return Err(SendError::Full(()));
        }
        let opcode = if self.open.begun { OpCode::Continuation } else { self.open.kind.opcode() };
        self.open.begun = true;
        self.conn.send.open = Some(self.open);
        count(&mut self.conn.stats.payload_sent, piece.len() as u64);
        self.conn.timers.note_message();
        #[cfg(feature = "deflate")]
        if self.open.compressed {
            self.conn.queue_compressed_fragment(opcode, fin, piece);
            return Ok(());
        }
        self.conn.queue_frame(opcode, fin, piece);
        Ok(())
    }
}
