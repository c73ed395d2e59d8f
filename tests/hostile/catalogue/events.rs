//! Events in the catalogue's notation, and the other ways to write the same.

use std::fmt;

/// An event that was told: its kind, and as much of what it carries as a row may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    kind: Kind,
    /// The text, the payload or the reason; of a binary message its beginning.
    payload: Vec<u8>,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
    Ping,
    Pong,
    Close(u16),
}

/// How much of a binary message is kept, to be compared with what a row spells out.
const KEPT: usize = 256;

impl Told {
    pub(crate) fn text(text: &str) -> Self {
        Self { kind: Kind::Text, payload: text.into(), len: text.len() }
    }

    pub(crate) fn binary(data: &[u8]) -> Self {
        let kept = data.get(..KEPT).unwrap_or(data);
        Self { kind: Kind::Binary, payload: kept.to_vec(), len: data.len() }
    }

    pub(crate) fn ping(payload: &[u8]) -> Self {
        Self { kind: Kind::Ping, payload: payload.to_vec(), len: payload.len() }
    }

    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self { kind: Kind::Pong, ..Self::ping(payload) }
    }

    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self { kind: Kind::Close(code), ..Self::text(reason) }
    }

    pub(crate) fn is_message(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::Binary)
    }

    /// Whether a row means this event: `text:Hello`, `text:5 bytes`, `binary:5 bytes`, `binary:0a0b`, `ping:p`, `ping:125`,
    /// `close:1000`, `close:1000 bye`.
    pub(crate) fn is(&self, written: &str) -> bool {
        let (kind, rest) = written.split_once(':').unwrap_or((written, ""));
        match (kind, self.kind) {
            ("text", Kind::Text) => self.is_exactly(rest) || self.has_length(rest),
            ("binary", Kind::Binary) => self.has_length(rest) || self.is_hex(rest),
            ("ping", Kind::Ping) | ("pong", Kind::Pong) => {
                self.is_exactly(rest) || self.has_length(rest) || self.is_hex(rest)
            }
            ("close", Kind::Close(code)) => {
                let (number, reason) =
                    rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
                let reason = reason.trim_matches(|c: char| " :,()'\"".contains(c));
                number.parse() == Ok(code) && (reason.is_empty() || self.is_exactly(reason))
            }
            _ => false,
        }
    }

    fn is_exactly(&self, text: &str) -> bool {
        self.payload == text.as_bytes()
    }

    /// Short payloads of control frames are written in full, long ones by their length.
    fn is_short(&self) -> bool {
        self.kind == Kind::Text || self.len <= 16
    }

    /// `5`, `5 bytes`, `5B`; of a text characters too.
    fn has_length(&self, written: &str) -> bool {
        let (number, unit) =
            written.split_at(written.find(|c: char| !c.is_ascii_digit()).unwrap_or(written.len()));
        let characters = || String::from_utf8_lossy(&self.payload).chars().count();
        let len = match unit.trim() {
            "" if self.kind == Kind::Binary || !self.is_short() => self.len,
            "B" | "byte" | "bytes" => self.len,
            "chars" | "characters" if self.kind == Kind::Text => characters(),
            _ => return false,
        };
        number.parse() == Ok(len)
    }

    fn is_hex(&self, written: &str) -> bool {
        let digits = || written.chars().filter(|c| !c.is_whitespace());
        let hex: String = self.payload.iter().map(|byte| format!("{byte:02x}")).collect();
        self.len == self.payload.len() && digits().map(|c| c.to_ascii_lowercase()).eq(hex.chars())
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.payload);
        match self.kind {
            Kind::Text => write!(f, "text:{text}"),
            Kind::Binary => write!(f, "binary:{} bytes", self.len),
            Kind::Ping if self.is_short() => write!(f, "ping:{text}"),
            Kind::Pong if self.is_short() => write!(f, "pong:{text}"),
            Kind::Ping => write!(f, "ping:{}", self.len),
            Kind::Pong => write!(f, "pong:{}", self.len),
            Kind::Close(code) => write!(f, "close:{code}"),
        }
    }
}
