//! The opening handshake, fed in pieces, and its heads read once more without the library's code.

use hybi::RecvBuf;
use hybi::handshake::{
    ClientHandshake, Established, HandshakeError, Incoming, Progress, Refusal, Request,
    ServerHandshake, ServerOptions,
};

/// How a handshake went: not at its end, done with these bytes left, or failed.
pub enum Went<T, E> {
    Waiting,
    Done(T, Vec<u8>),
    Failed(E),
}

/// More than this a head or a body of a refusal never occupies.
const MOST_MEMORY: usize = 8 * 1024;

pub fn serve<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Went<Incoming, Refusal> {
    let mut server = ServerHandshake::new(ServerOptions::default());
    let (mut rx, mut arrived, mut pieces) = (RecvBuf::new(), 0, pieces);
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        arrived += piece.len();
        assert!(rx.capacity() <= 2 * arrived + MOST_MEMORY, "{rx:?}");
        match server.advance(&mut rx) {
            Ok(Progress::Continue(next)) => server = next,
            Ok(Progress::Done(incoming)) => return Went::Done(incoming, left(&rx, pieces)),
            Err(refusal) => return Went::Failed(refusal),
        }
    }
    assert!(arrived <= 16 * 1024, "a head over the limit is refused");
    Went::Waiting
}

pub fn ask<'b>(
    request: Request,
    pieces: impl Iterator<Item = &'b [u8]>,
) -> Went<Established, HandshakeError> {
    let (mut client, _) = ClientHandshake::new(request, *b"the sample nonce");
    let (mut rx, mut pieces) = (RecvBuf::new(), pieces);
    while let Some(piece) = pieces.next() {
        rx.extend_from_slice(piece);
        match client.advance(&mut rx) {
            Ok(Progress::Continue(next)) => client = next,
            Ok(Progress::Done(established)) => return Went::Done(established, left(&rx, pieces)),
            Err(error) => return Went::Failed(error),
        }
    }
    Went::Waiting
}

fn left<'b>(rx: &RecvBuf, pieces: impl Iterator<Item = &'b [u8]>) -> Vec<u8> {
    pieces.fold(rx.unread().to_vec(), |left, piece| [&left, piece].concat())
}

/// A head as its bytes stand there.
#[derive(Debug)]
pub struct Head {
    pub first: String,
    fields: Vec<(String, String)>,
}

impl Head {
    pub fn read(bytes: &[u8]) -> Self {
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let text = text.strip_prefix("\r\n").unwrap_or(&text);
        let text = text.strip_suffix("\r\n\r\n").expect("a head ends with an empty line");
        let mut lines = text.split("\r\n");
        let first = lines.next().expect("a first line").to_owned();
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let last = fields.last_mut().expect("a line to continue");
                last.1 = format!("{} {}", last.1, line).trim_matches([' ', '\t']).to_owned();
                continue;
            }
            let (name, value) = line.split_once(':').expect("a colon in every line");
            assert!(!name.is_empty() && !name.contains([' ', '\t']), "{name:?} is no name");
            let value = value.trim_matches([' ', '\t']);
            assert!(!value.contains(['\r', '\n', '\0']), "{value:?} is no value");
            fields.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        Self { first, fields }
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        let wanted = self.fields.iter().filter(|field| field.0 == name);
        wanted.map(|field| field.1.as_str()).collect()
    }

    pub fn elements(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        let elements = values.iter().flat_map(|value| value.split(','));
        elements.map(|element| element.trim_matches([' ', '\t']).to_owned()).collect()
    }

    pub fn has(&self, name: &str, token: &str) -> bool {
        self.elements(name).iter().any(|element| element.eq_ignore_ascii_case(token))
    }
}
