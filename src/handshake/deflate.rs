//! Negotiating permessage-deflate (RFC 7692 sections 5 and 7.1).

use alloc::borrow::ToOwned;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Extension, HandshakeError, Param};
use crate::deflate::{Compression, Direction, Params};

const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// What a client offers for permessage-deflate. A client may make several offers, the preferred one first.
///
/// ```
/// use hybi::handshake::DeflateOffer;
///
/// let offer = DeflateOffer { server_max_window_bits: Some(10), ..Default::default() };
/// assert_eq!(
///     offer.to_extension().to_string(),
///     "permessage-deflate; server_max_window_bits=10",
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeflateOffer {
    /// The server is to compress each message without the ones before it.
    pub server_no_context_takeover: bool,
    /// The client will compress so. A hint: the server need not answer it.
    pub client_no_context_takeover: bool,
    /// The window that the server is to keep to, 8 to 15.
    pub server_max_window_bits: Option<u8>,
    /// Whether the server may limit the client's window, and how large the client will use it at most.
    pub client_max_window_bits: Option<WindowHint>,
}

/// `client_max_window_bits` in an offer, which may stand without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowHint {
    /// The server may choose any limit.
    Any,
    /// The client will use a window of this many bits at most.
    AtMost(u8),
}

impl DeflateOffer {
    /// The offer that asks for what `compression` wishes.
    #[must_use]
    pub fn new(compression: &Compression) -> Self {
        let (send, receive) = (compression.send, compression.receive);
        let limited =
            |bits: u8| (bits < Direction::MAX_BITS).then_some(bits.max(Direction::MIN_BITS));
        Self {
            server_no_context_takeover: !receive.context_takeover,
            client_no_context_takeover: !send.context_takeover,
            server_max_window_bits: limited(receive.window_bits),
            client_max_window_bits: Some(
                limited(send.window_bits).map_or(WindowHint::Any, WindowHint::AtMost),
            ),
        }
    }

    /// Reads an offer; `None` where it is one of another extension, or one to be declined: with a parameter
    /// that is unknown, stands twice, or has a value that it may not have.
    #[must_use]
    pub fn parse(extension: &Extension) -> Option<Self> {
        if extension.name != NAME {
            return None;
        }
        let mut offer = Self::default();
        for (i, param) in extension.params.iter().enumerate() {
            if extension.params.iter().take(i).any(|before| before.name == param.name) {
                return None;
            }
            match (param.name.as_str(), param.value.as_deref()) {
                (SERVER_NO_CONTEXT, None) => offer.server_no_context_takeover = true,
                (CLIENT_NO_CONTEXT, None) => offer.client_no_context_takeover = true,
                (SERVER_BITS, Some(bits)) => offer.server_max_window_bits = Some(parse_bits(bits)?),
                (CLIENT_BITS, None) => offer.client_max_window_bits = Some(WindowHint::Any),
                (CLIENT_BITS, Some(bits)) => {
                    offer.client_max_window_bits = Some(WindowHint::AtMost(parse_bits(bits)?));
                }
                _ => return None,
            }
        }
        Some(offer)
    }

    /// The offer as it stands in the request.
    #[must_use]
    pub fn to_extension(&self) -> Extension {
        let mut params = Vec::new();
        flag(&mut params, SERVER_NO_CONTEXT, self.server_no_context_takeover);
        flag(&mut params, CLIENT_NO_CONTEXT, self.client_no_context_takeover);
        if let Some(bits) = self.server_max_window_bits {
            push(&mut params, SERVER_BITS, Some(bits));
        }
        match self.client_max_window_bits {
            Some(WindowHint::Any) => push(&mut params, CLIENT_BITS, None),
            Some(WindowHint::AtMost(bits)) => push(&mut params, CLIENT_BITS, Some(bits)),
            None => {}
        }
        Extension { name: NAME.to_owned(), params }
    }

    /// What a server that is ready for `ours` answers: the parameters that hold then, and the response.
    fn accept(&self, ours: &Compression) -> (Params, Extension) {
        let server = Direction {
            context_takeover: ours.send.context_takeover && !self.server_no_context_takeover,
            window_bits: ours
                .send
                .window_bits
                .clamp(Direction::MIN_BITS, Direction::MAX_BITS)
                .min(self.server_max_window_bits.unwrap_or(Direction::MAX_BITS)),
        };
        // A client that does not say that it can limit its window may not be asked to.
        let client_bits = match self.client_max_window_bits {
            None => Direction::MAX_BITS,
            Some(_) if ours.receive.window_bits >= Direction::MAX_BITS => Direction::MAX_BITS,
            Some(WindowHint::Any) => ours.receive.window_bits.max(Direction::MIN_BITS),
            // A limit may not be above what the client has named.
            Some(WindowHint::AtMost(hint)) => {
                ours.receive.window_bits.max(Direction::MIN_BITS).min(hint)
            }
        };
        let client = Direction {
            context_takeover: ours.receive.context_takeover && !self.client_no_context_takeover,
            window_bits: client_bits,
        };
        let mut params = Vec::new();
        flag(&mut params, SERVER_NO_CONTEXT, !server.context_takeover);
        flag(&mut params, CLIENT_NO_CONTEXT, !client.context_takeover);
        if self.server_max_window_bits.is_some() || server.window_bits < Direction::MAX_BITS {
            push(&mut params, SERVER_BITS, Some(server.window_bits));
        }
        if client.window_bits < Direction::MAX_BITS {
            push(&mut params, CLIENT_BITS, Some(client.window_bits));
        }
        // It is kept for as long as the connection lasts.
        params.shrink_to_fit();
        (Params { server, client }, Extension { name: NAME.to_owned(), params })
    }

    /// What a server's answer to this offer comes to; `None` where it breaks RFC 7692 section 7.1.
    fn verify(&self, answer: &Extension, ours: &Compression) -> Option<Params> {
        // An answer has the form of an offer, but for a limit of the client's window without value.
        let chosen = Self::parse(answer)?;
        // A limit may be set only where one was allowed. One above what was named limits nothing: that was a hint, to which
        // the client keeps whatever is answered (RFC 7692 section 7.1.2.2).
        let client_limit = match (self.client_max_window_bits, chosen.client_max_window_bits) {
            (_, None) => Direction::MAX_BITS,
            (Some(_), Some(WindowHint::AtMost(bits))) => bits,
            _ => return None,
        };
        let server_bits = match (self.server_max_window_bits, chosen.server_max_window_bits) {
            (None, bits) => bits.unwrap_or(Direction::MAX_BITS),
            (Some(most), Some(bits)) if bits <= most => bits,
            (Some(_), _) => return None,
        };
        if self.server_no_context_takeover && !chosen.server_no_context_takeover {
            return None;
        }
        let keeps_context = ours.send.context_takeover
            && !self.client_no_context_takeover
            && !chosen.client_no_context_takeover;
        let hinted = match self.client_max_window_bits {
            Some(WindowHint::AtMost(bits)) => bits,
            _ => Direction::MAX_BITS,
        };
        Some(Params {
            server: Direction {
                context_takeover: !chosen.server_no_context_takeover,
                window_bits: server_bits,
            },
            client: Direction {
                context_takeover: keeps_context,
                window_bits: ours.send.window_bits.min(client_limit).min(hinted),
            },
        })
    }
}

/// The first offer that can be accepted, and the answer to it.
pub(super) fn choose(offers: &[Extension], ours: &Compression) -> Option<(Params, Extension)> {
    offers.iter().find_map(DeflateOffer::parse).map(|offer| offer.accept(ours))
}

/// Checks the extensions that a server has chosen against what was offered.
pub(super) fn verify(
    chosen: &[Extension],
    offers: &[DeflateOffer],
    ours: &Compression,
) -> Result<Option<Params>, HandshakeError> {
    let answer = match chosen {
        [] => return Ok(None),
        _ if offers.is_empty() || chosen.iter().any(|extension| extension.name != NAME) => {
            return Err(HandshakeError::UnexpectedExtension);
        }
        [answer] => answer,
        // One compression over another has no meaning.
        _ => return Err(HandshakeError::InvalidExtension),
    };
    let params = offers.iter().find_map(|offer| offer.verify(answer, ours));
    params.map(Some).ok_or(HandshakeError::InvalidExtension)
}

/// A number from 8 to 15 without sign or leading zero.
fn parse_bits(text: &str) -> Option<u8> {
    let canonical = !text.starts_with(['0', '+']);
    let bits = text.parse().ok().filter(|_| canonical)?;
    (Direction::MIN_BITS..=Direction::MAX_BITS).contains(&bits).then_some(bits)
}

fn flag(params: &mut Vec<Param>, name: &str, set: bool) {
    if set {
        push(params, name, None);
    }
}

fn push(params: &mut Vec<Param>, name: &str, bits: Option<u8>) {
    params.push(Param { name: name.to_owned(), value: bits.map(|bits| bits.to_string()) });
}
