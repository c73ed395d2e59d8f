//! One end of a connection, that hears and says.

use std::sync::Arc;

use bytes::BufMut;
use hybi::frame::{Header, Masking, mask, rotate};
use hybi::{CloseCode, Config, Connection, RecvBuf, Role};

use super::{KEY, Told, Wire, config, masked, parse_frames, wire};

/// One end of a connection and the bytes that came to it.
pub(crate) struct End {
    pub(crate) conn: Connection,
    pub(crate) rx: RecvBuf,
    /// The masking key for the next byte that is heard.
    key: [u8; 4],
    /// Whether a fragmented message is open among what was said.
    in_message: bool,
    /// Whether its transport's write side has ended.
    pub(crate) gone: bool,
}

impl End {
    pub(crate) fn server(config: Arc<Config>) -> Self {
        Self::new(Connection::server(config))
    }

    pub(crate) fn client(config: Arc<Config>) -> Self {
        Self::new(Connection::client(config, counting_keys()))
    }

    pub(crate) fn of(role: Role, config: Arc<Config>) -> Self {
        match role {
            Role::Client => Self::client(config),
            Role::Server => Self::server(config),
        }
    }

    /// An end of each role, for what holds for both.
    pub(crate) fn both() -> [Self; 2] {
        Self::both_with(|_| {})
    }

    pub(crate) fn both_with(change: impl Fn(&mut Config)) -> [Self; 2] {
        [Self::client(config(&change)), Self::server(config(&change))]
    }

    pub(crate) fn new(conn: Connection) -> Self {
        Self { conn, rx: RecvBuf::new(), key: KEY, in_message: false, gone: false }
    }

    /// Takes frames in hex, masked on the way if this end is a server, and tells what they bring.
    pub(crate) fn hear(&mut self, hex: &str) -> Vec<Told> {
        self.hear_frames(&wire(hex))
    }

    /// Takes unmasked frames, the last of which may be cut, masked on the way if this end is a server.
    pub(crate) fn hear_frames(&mut self, frames: &[u8]) -> Vec<Told> {
        if self.conn.role() == Role::Client {
            return self.hear_bytes(frames);
        }
        let (bytes, key) = masked(frames, KEY);
        self.key = key;
        self.hear_bytes(&bytes)
    }

    /// Takes more of the payload that was cut.
    pub(crate) fn hear_more(&mut self, hex: &str) -> Vec<Told> {
        let mut bytes = wire(hex).0;
        if self.conn.role() == Role::Server {
            mask(&mut bytes, self.key);
            self.key = rotate(self.key, bytes.len());
        }
        self.hear_bytes(&bytes)
    }

    /// Takes bytes as they are.
    pub(crate) fn hear_bytes(&mut self, bytes: &[u8]) -> Vec<Told> {
        self.rx.extend_from_slice(bytes);
        self.events()
    }

    /// The transport ends.
    pub(crate) fn hear_eof(&mut self) -> Vec<Told> {
        self.conn.handle_eof();
        self.events()
    }

    /// Everything there is to tell.
    pub(crate) fn events(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        while let Some(event) = self.conn.next_event(&mut self.rx) {
            told.push(Told::from_event(event));
        }
        told
    }

    /// Takes the bytes that wait to be sent as they are.
    pub(crate) fn sent(&mut self) -> Wire {
        let mut sent = Vec::new();
        while self.conn.wants_write() {
            sent.put(self.conn.transmit());
        }
        Wire(sent)
    }

    /// Takes the bytes that wait to be sent, checks that they are whole frames that keep every rule of
    /// section 5, and unmasks them.
    pub(crate) fn said(&mut self) -> Wire {
        let frames = self.said_frames();
        let mut plain = Vec::new();
        for (header, payload) in frames {
            plain.extend_from_slice(&Header { mask: None, ..header }.encode());
            plain.extend(payload);
        }
        Wire(plain)
    }

    /// The same, frame by frame.
    pub(crate) fn said_frames(&mut self) -> Vec<(Header, Vec<u8>)> {
        let masking = match self.conn.role() {
            Role::Client => Masking::Required,
            Role::Server => Masking::Forbidden,
        };
        let sent = self.sent();
        parse_frames(&sent, masking, &mut self.in_message).expect("frames that keep the rules")
    }
}

/// The code of the Close frame that `end` has said last.
pub(crate) fn said_code(end: &mut End) -> CloseCode {
    let frames = end.said_frames();
    let (_, payload) = frames.last().expect("a Close frame");
    CloseCode(u16::from_be_bytes([payload[0], payload[1]]))
}

/// Masking keys that differ from frame to frame.
fn counting_keys() -> impl FnMut() -> [u8; 4] + Send + Sync + 'static {
    let mut number = 0u32;
    move || {
        number = number.wrapping_add(0x9e37_79b9);
        number.to_be_bytes()
    }
}
