//! What a run of a row came to, in the catalogue's words.

use std::fmt;

use super::events::Told;

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The status of the response that a server sent.
    pub(crate) status: Option<u16>,
    /// How many responses it sent.
    pub(crate) responses: usize,
    /// Its `Sec-WebSocket-Accept`.
    pub(crate) accept: Option<String>,
    /// The extension that was agreed on.
    pub(crate) extension: Option<String>,
    /// The subprotocol that was agreed on.
    pub(crate) subprotocol: Option<String>,
    /// The headers of the response that a server sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) events: Vec<Told>,
    /// Whether we had closed before; that Close is not among the frames that were sent.
    pub(crate) closed_first: bool,
    /// Frames that were sent.
    pub(crate) sent: Vec<Sent>,
    /// The payload of the last ping that came.
    pub(crate) last_ping: Option<Vec<u8>>,
    /// The code that the connection is said to have closed with.
    pub(crate) local_code: Option<u16>,
    /// The parts of a URL: name and value.
    pub(crate) parts: Vec<(&'static str, String)>,
    /// What is wrong, in the catalogue's words; `None` where nothing is.
    pub(crate) error: Option<String>,
    /// Rules that our own output broke.
    pub(crate) broken: Vec<String>,
}

/// A frame that was sent, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

pub(crate) const CLOSE: u8 = 8;
pub(crate) const PONG: u8 = 10;

impl Outcome {
    /// The code on the wire of our Close frame.
    pub(crate) fn close_sent(&self) -> Option<u16> {
        let close = self.sent.iter().find(|frame| frame.opcode == CLOSE)?;
        close.payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }

    /// The value of the first header of that name in the response that was sent.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let known = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(known.1.clone())
    }

    pub(crate) fn pongs(&self) -> impl Iterator<Item = &[u8]> {
        self.sent.iter().filter(|frame| frame.opcode == PONG).map(|frame| &*frame.payload)
    }

    /// Whether another way to cut the same bytes came to the same. Only the newest of several pings that
    /// come at once needs an answer (RFC 6455 section 5.5.3), so pongs may differ in number.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let without_pongs = |outcome: &Self| {
            let mut rest = outcome.clone();
            rest.sent.retain(|frame| frame.opcode != PONG);
            rest
        };
        without_pongs(self) == without_pongs(other)
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Told> {
        self.events.iter().filter(|event| event.is_message())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.status.map(|status| format!("status {status}")));
        parts.extend(self.extension.iter().map(|extension| format!("extension {extension}")));
        parts.extend(
            self.subprotocol.iter().map(|subprotocol| format!("subprotocol {subprotocol}")),
        );
        parts.extend(self.parts.iter().map(|(name, value)| format!("{name}={value}")));
        parts.extend(
            self.events.iter().map(|event| event.to_string().escape_debug().take(60).collect()),
        );
        let pongs = self.pongs().count();
        parts.extend((pongs > 0).then(|| format!("{pongs} pongs")));
        parts.extend(self.close_sent().map(|code| format!("sent close {code}")));
        parts.extend(self.local_code.map(|code| format!("local code {code}")));
        parts.extend(self.error.iter().map(|error| format!("error {error}")));
        if self.error.is_none() {
            parts.insert(0, "ok".into());
        }
        f.write_str(&parts.join(", "))
    }
}
