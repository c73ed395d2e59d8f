//! A stream of ciphertext in memory. At its other end is a peer by rustls alone, and behind that a peer the words of which
//! are written in advance.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use hybi::Role;
use hybi::blocking::Untimed;
use hybi::tls::rustls::{ClientConnection, Connection, ServerConnection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::adapters::faulty::{Fault, Faulty};
use crate::adapters::session::after_head;
use crate::certificates::{client, server};
use crate::meeting::HOST;

pub(crate) struct Wire<'s> {
    pub(crate) peer: Connection,
    script: &'s mut Faulty,
    /// Ciphertext on its way to us.
    coming: Vec<u8>,
    /// How much has been read and written.
    pub(crate) read: usize,
    pub(crate) written: usize,
    /// The sizes of all writes.
    pub(crate) writes: Vec<usize>,
    /// How much had been read and written, and how often flushed, when the opening handshake of the WebSocket was done.
    pub(crate) opened: Option<(usize, usize, usize)>,
    /// A fault of reading and the position at which it happens.
    pub(crate) reading: Option<(usize, Fault)>,
    /// A fault of writing, likewise. After one that stays, there is nothing more to read.
    pub(crate) writing: Option<(usize, Fault)>,
    /// A fault of flushing and the number of the flush.
    pub(crate) flushing: Option<(usize, Fault)>,
    pub(crate) flushes: usize,
    is_broken: bool,
    /// How many bytes an operation moves at most.
    pub(crate) pace: usize,
    /// Whether every other operation is not ready.
    pub(crate) hesitates: bool,
    turn: bool,
    pub(crate) end: End,
    pub(crate) is_shut_down: bool,
    script_has_ended: bool,
    /// How many records the peer has got: of data, of anything else.
    pub(crate) records: Vec<u8>,
    record: Vec<u8>,
}

/// What the peer does before its end of the stream ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    CloseNotify,
    Abrupt,
    /// It sends a record that cannot be decrypted.
    Forged,
    /// It changes its keys and has us change ours, after each segment.
    Rekeyed,
}

impl<'s> Wire<'s> {
    /// The wire of `role`, whose peer says what `script` has been given.
    pub(crate) fn new(role: Role, script: &'s mut Faulty) -> Self {
        let peer = match role {
            Role::Client => ServerConnection::new(server().config().clone()).unwrap().into(),
            Role::Server => {
                let config = client().build().unwrap().config().clone();
                ClientConnection::new(config, HOST.try_into().unwrap()).unwrap().into()
            }
        };
        Self {
            peer,
            script,
            coming: Vec::new(),
            read: 0,
            written: 0,
            writes: Vec::new(),
            opened: None,
            reading: None,
            writing: None,
            flushing: None,
            flushes: 0,
            is_broken: false,
            pace: usize::MAX,
            hesitates: false,
            turn: false,
            end: End::CloseNotify,
            is_shut_down: false,
            script_has_ended: false,
            records: Vec::new(),
            record: Vec::new(),
        }
    }

    /// Whether the peer has got our `close_notify`.
    pub(crate) fn has_heard_close_notify(&mut self) -> bool {
        self.peer.process_new_packets().unwrap().peer_has_closed()
    }

    /// Lets the peer say what it can say.
    fn pump(&mut self) {
        loop {
            while self.peer.wants_write() {
                self.peer.write_tls(&mut self.coming).unwrap();
            }
            if self.peer.is_handshaking() || self.script_has_ended {
                return;
            }
            let mut words = [0; 4096];
            match self.script.read(&mut words) {
                // The forgery comes when all before it has been answered.
                Ok(0) if self.end == End::Forged && !self.coming.is_empty() => return,
                Ok(0) => {
                    self.script_has_ended = true;
                    match self.end {
                        End::Abrupt => {}
                        End::Forged => {
                            self.coming.extend(b"\x17\x03\x03\x00\x20".iter().chain(&[9; 32]))
                        }
                        End::CloseNotify | End::Rekeyed => self.peer.send_close_notify(),
                    }
                }
                Ok(count) => {
                    self.peer.writer().write_all(&words[..count]).unwrap();
                    if self.end == End::Rekeyed {
                        self.peer.refresh_traffic_keys().unwrap();
                    }
                }
                // It has to hear something first.
                Err(_) => return,
            }
        }
    }

    fn is_not_ready(&mut self) -> bool {
        self.turn = !self.turn;
        self.hesitates && self.turn
    }

    fn deliver(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        if self.is_not_ready() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if self.is_broken {
            return Ok(Some(0));
        }
        if let Some(outcome) = happens(&mut self.reading, self.read) {
            return outcome.map(Some);
        }
        self.pump();
        let left = self.reading.map_or(usize::MAX, |(at, _)| at - self.read);
        let count = buf.len().min(self.coming.len()).min(left).min(self.pace);
        if count == 0 && self.coming.is_empty() && !self.script_has_ended {
            return Ok(None);
        }
        buf[..count].copy_from_slice(&self.coming[..count]);
        self.coming.drain(..count);
        self.read += count;
        Ok(Some(count))
    }

    fn absorb(&mut self, buf: &[u8]) -> io::Result<usize> {
        assert!(!self.is_shut_down, "a write after the end");
        if self.is_not_ready() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if let Some(outcome) = happens(&mut self.writing, self.written) {
            self.is_broken = self.writing.is_some();
            return outcome;
        }
        let left = self.writing.map_or(usize::MAX, |(at, _)| at - self.written);
        let count = buf.len().min(left).min(self.pace);
        let mut heard = &buf[..count];
        self.note_records(heard);
        while !heard.is_empty() {
            // What comes after `close_notify` counts for nothing.
            if self.peer.read_tls(&mut heard).unwrap() == 0 {
                break;
            }
            if self.peer.process_new_packets().is_err() {
                break;
            }
            let mut words = Vec::new();
            // Not ready, or the end: there is nothing more.
            let _ = self.peer.reader().read_to_end(&mut words);
            if !words.is_empty() {
                self.script.write_all(&words).unwrap();
                self.script.flush().unwrap();
            }
        }
        self.written += count;
        self.writes.push(count);
        if self.opened.is_none() {
            let said = after_head(&self.script.written);
            // A server has answered, a client has sent its first frame.
            let answered = matches!(self.peer, Connection::Client(_)) && said.is_some();
            if answered || said.is_some_and(|frames| !frames.is_empty()) {
                self.opened = Some((self.read, self.written, self.flushes));
            }
        }
        Ok(count)
    }

    fn flush_all(&mut self) -> io::Result<()> {
        if let Some(outcome) = happens(&mut self.flushing, self.flushes) {
            self.is_broken = self.flushing.is_some();
            return outcome.map(drop);
        }
        self.flushes += 1;
        Ok(())
    }

    /// Notes the type of each record that is whole.
    fn note_records(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
        while let [kind, _, _, high, low, ..] = self.record[..] {
            let len = 5 + usize::from(u16::from_be_bytes([high, low]));
            if self.record.len() < len {
                return;
            }
            self.records.push(kind);
            self.record.drain(..len);
        }
    }
}

/// What comes of an operation at a position at which a fault is to happen.
fn happens(planned: &mut Option<(usize, Fault)>, at: usize) -> Option<io::Result<usize>> {
    let (_, fault) = planned.filter(|(fault_at, _)| *fault_at == at)?;
    if matches!(fault, Fault::Wait | Fault::Interrupt) {
        *planned = None;
    }
    Some(match fault {
        Fault::Wait => Err(ErrorKind::WouldBlock.into()),
        Fault::Interrupt => Err(ErrorKind::Interrupted.into()),
        Fault::Zero => Ok(0),
        Fault::Fail(kind) => Err(kind.into()),
    })
}

/// `Read` and `Write`, for `Untimed`.
impl Read for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.deliver(buf)?.ok_or_else(|| io::Error::other("the stream would block for ever"))
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.absorb(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_all()
    }
}

/// A wire that blocks: only [`Untimed`] streams do without a clock.
pub(crate) const fn blocking<'a, 's>(wire: &'a mut Wire<'s>) -> Untimed<&'a mut Wire<'s>> {
    Untimed(wire)
}

fn polled<T>(done: io::Result<T>, cx: &Context<'_>) -> Poll<io::Result<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

impl AsyncRead for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.deliver(buf.initialize_unfilled()) {
            Ok(None) => Poll::Pending,
            Ok(Some(count)) => {
                buf.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) => polled(Err(error), cx),
        }
    }
}

impl AsyncWrite for Wire<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        polled(self.absorb(buf), cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let whole: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.poll_write(cx, &whole)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        polled(self.flush_all(), cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut_down = true;
        Poll::Ready(Ok(()))
    }
}
