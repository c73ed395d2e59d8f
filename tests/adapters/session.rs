//! A recorded session: what the peer sends, and what has to come of it.

use hybi::{Config, Message, Role};

use super::faulty::Faulty;
use super::frames::*;

/// A session in which everything occurs, from the view of `role`, whose application echoes messages.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) role: Role,
    /// What the peer sends after the handshake.
    pub(crate) segments: Vec<Vec<u8>>,
    /// What it sends when it has got our Close frame, where we close.
    farewell: Option<Vec<u8>>,
    /// The messages in it, each with the number of the segment that completes it.
    messages: Vec<(usize, Message)>,
    /// What the peer gets after the handshake, not compressed.
    pub(crate) answers: Vec<Frame>,
    /// Whether all messages are compressed, either way.
    pub(crate) is_compressed: bool,
    /// Whether one of them is larger than what is copied to be sent.
    pub(crate) is_large: bool,
}

/// With which code and reason a session ends.
pub(crate) const END: (u16, &str) = (4000, "bye");

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

impl Session {
    pub(crate) fn new(role: Role) -> Self {
        Self::packed(role, &mut |payload| payload.to_vec(), 0)
    }

    /// The same, compressed, with messages that refer to those before them.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(role: Role) -> Self {
        let mut compress = flate2::Compress::new(flate2::Compression::best(), false);
        let mut pack = |payload: &[u8]| {
            let mut packed = Vec::with_capacity(payload.len() + 100);
            let sync = flate2::FlushCompress::Sync;
            compress.compress_vec(payload, &mut packed, sync).expect("there is room");
            packed.truncate(packed.len() - 4);
            packed
        };
        Self { is_compressed: true, ..Self::packed(role, &mut pack, RSV1) }
    }

    /// With a message that is so large that it is sent from where it lies, between small ones.
    pub(crate) fn large(role: Role) -> Self {
        let mut session = Self { is_large: true, ..Self::new(role) };
        let data: Vec<u8> = (0..5000).map(|at| at as u8).collect();
        session.segments[1] = frame(peer_of(role), BINARY, &data);
        session.messages[1].1 = Message::binary(data.clone());
        session.answers[1].1 = data;
        session
    }

    /// Which we close, when all messages have come, after a ping and a message in two pieces.
    pub(crate) fn ours(role: Role) -> Self {
        let mut session = Self::new(role);
        session.farewell = session.segments.pop();
        let close = session.answers.pop();
        session.answers.extend([
            (PING, b"ours".to_vec()),
            (TEXT_BEGINS, b"two ".to_vec()),
            (ENDS, b"pieces".to_vec()),
        ]);
        session.answers.extend(close.map(|(first, _)| (first, close_payload(END.0, END.1))));
        session
    }

    fn packed(role: Role, pack: &mut dyn FnMut(&[u8]) -> Vec<u8>, bits: u8) -> Self {
        let peer = peer_of(role);
        let data: Vec<u8> = (0..130).collect();
        let mut whole = |first, payload: &[u8]| frame(peer, first | bits, pack(payload));
        let before = [whole(TEXT, b"Hello"), whole(BINARY, &data)];
        let pieces = pack("fragments \u{e9}".as_bytes());
        let mut whole = |first, payload: &[u8]| frame(peer, first | bits, pack(payload));
        let [empty, last] = [whole(TEXT, b""), whole(TEXT, b"one segment")];
        let segments = [
            &before[..],
            &[
                frame(peer, TEXT_BEGINS | bits, &pieces[..4]),
                frame(peer, PING, "in between"),
                frame(peer, GOES_ON, &pieces[4..]),
                frame(peer, ENDS, ""),
                empty,
                frame(peer, PONG, "unasked"),
                [frame(peer, PING, ""), last].concat(),
                close(peer, END.0, END.1),
            ],
        ];
        let messages = vec![
            (0, Message::text("Hello")),
            (1, Message::binary(data.clone())),
            (5, Message::text("fragments \u{e9}")),
            (6, Message::text("")),
            (8, Message::text("one segment")),
        ];
        let answers = vec![
            text("Hello"),
            (BINARY, data),
            pong("in between"),
            text("fragments \u{e9}"),
            text(""),
            pong(""),
            text("one segment"),
            (CLOSE, close_payload(END.0, "")),
        ];
        let (segments, farewell) = (segments.concat(), None);
        Self { role, segments, farewell, messages, answers, is_compressed: false, is_large: false }
    }

    /// The peer, with the opening handshake before the session.
    pub(crate) fn stream(&self) -> Faulty {
        let line = if self.is_compressed { OFFER } else { "" };
        let mut segments = self.segments.clone();
        let mut stream = match self.role {
            Role::Client => Faulty::answering_with(line, segments),
            Role::Server => {
                let request = REQUEST.replace("\r\n\r\n", &format!("\r\n{line}\r\n"));
                segments.insert(0, request.into_bytes());
                Faulty::new(segments)
            }
        };
        stream.farewell.clone_from(&self.farewell);
        stream
    }

    pub(crate) fn config(&self) -> Config {
        #[allow(unused_mut, reason = "without compression there is nothing to set")]
        let mut config = Config::default();
        #[cfg(feature = "deflate")]
        if self.is_compressed {
            let mut compression = hybi::Compression::default();
            compression.min_size = 0;
            // The memory of a compressor is cleared for each session.
            (compression.level, compression.mem_level) = (1, 1);
            compression.send.context_takeover = true;
            compression.receive.context_takeover = true;
            config.compression = Some(compression);
        }
        config
    }

    /// Whether we close.
    pub(crate) const fn is_ours(&self) -> bool {
        self.farewell.is_some()
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.iter().map(|(_, message)| message.clone()).collect()
    }

    /// The messages that are whole in the first `len` bytes of what the peer sends after the handshake.
    pub(crate) fn messages_in(&self, len: usize) -> Vec<Message> {
        let end = |segment: usize| self.segments[..=segment].iter().map(Vec::len).sum::<usize>();
        let whole = self.messages.iter().filter(|(segment, _)| end(*segment) <= len);
        whole.map(|(_, message)| message.clone()).collect()
    }

    /// How many bytes the peer sends after the handshake.
    pub(crate) fn len(&self) -> usize {
        self.segments.iter().chain(&self.farewell).map(Vec::len).sum()
    }

    /// Frames that the peer got, not compressed any more.
    pub(crate) fn plain(&self, frames: &[Frame]) -> Vec<Frame> {
        #[cfg(feature = "deflate")]
        if self.is_compressed {
            return unpacked(frames);
        }
        frames.to_vec()
    }
}

fn peer_of(role: Role) -> Role {
    if role == Role::Server { Role::Client } else { Role::Server }
}

/// Says of a frame that its message is compressed.
#[cfg(feature = "deflate")]
const RSV1: u8 = 0x40;

#[cfg(feature = "deflate")]
fn unpacked(frames: &[Frame]) -> Vec<Frame> {
    let mut inflate = flate2::Decompress::new(false);
    let unpack = |(first, payload): &Frame| {
        if first & RSV1 == 0 {
            return (*first, payload.clone());
        }
        let packed = [payload, &[0, 0, 0xff, 0xff][..]].concat();
        let mut plain = Vec::with_capacity(1000);
        let sync = flate2::FlushDecompress::Sync;
        inflate.decompress_vec(&packed, &mut plain, sync).expect("it was compressed");
        (first & !RSV1, plain)
    };
    frames.iter().map(unpack).collect()
}

/// Splits what was written into the handshake's head and the frames after it.
pub(crate) fn after_head(written: &[u8]) -> Option<&[u8]> {
    let end = written.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(&written[end + 4..])
}
