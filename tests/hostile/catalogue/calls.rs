//! Calls of a connection as rows write them: `close(1000, 'r' x 124)`, `close(1000); send_text('x')`.

use bytes::Bytes;
use hybi::{CloseCode, Connection, Utf8Bytes};

use super::names::variant;

/// Calls in order.
pub(crate) struct Calls<'t>(Vec<Call<'t>>);

struct Call<'t> {
    name: &'t str,
    number: Option<i64>,
    payload: Vec<u8>,
    /// Whether the payload is written as bytes.
    is_binary: bool,
}

impl<'t> Calls<'t> {
    /// `None` where the text is something else.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut calls = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, arguments) = rest.split_once('(')?;
            let mut call = Call { name, number: None, payload: Vec::new(), is_binary: false };
            rest = call.read(arguments.trim_start()).filter(|_| NAMES.contains(&name))?;
            calls.push(call);
            rest = rest.trim_start_matches([';', ' ', '\n']);
        }
        (!calls.is_empty()).then_some(Self(calls))
    }

    /// The name of the first error, if there is one.
    pub(crate) fn make(&self, mut conn: Connection) -> Option<String> {
        self.0.iter().find_map(|call| call.make(&mut conn))
    }
}

const NAMES: [&str; 8] =
    ["close", "ping", "pong", "send", "send_text", "text", "send_binary", "binary"];

impl<'t> Call<'t> {
    /// Reads arguments up to the bracket that ends them: numbers, texts in quotes, `None`, each with or without its name;
    /// returns what follows.
    fn read(&mut self, mut rest: &'t str) -> Option<&'t str> {
        loop {
            if let Some(rest) = rest.strip_prefix(')') {
                return Some(rest);
            }
            for name in ["code=", "reason=", "payload=", "data="] {
                rest = rest.strip_prefix(name).unwrap_or(rest);
            }
            let bytes = rest.strip_prefix('b').filter(|rest| rest.starts_with(QUOTES));
            self.is_binary |= bytes.is_some();
            rest = bytes.unwrap_or(rest);
            if rest.starts_with(QUOTES) {
                let (piece, behind) = unquote(rest)?;
                let times = [" x ", " * "].iter().find_map(|sign| behind.strip_prefix(sign));
                let (times, behind) = times.map_or((Some(1), behind), split_number);
                // Nothing in a catalogue needs more.
                let times = usize::try_from(times?).ok().filter(|times| *times < 1 << 24)?;
                self.payload = piece.repeat(times);
                rest = behind;
            } else if let Some(behind) = rest.strip_prefix("None") {
                rest = behind;
            } else {
                let (number, behind) = split_number(rest);
                self.number = Some(number?);
                rest = behind;
            }
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
    }

    fn make(&self, conn: &mut Connection) -> Option<String> {
        let text = || Utf8Bytes::try_from(Bytes::copy_from_slice(&self.payload)).ok();
        let result = match self.name {
            "close" => {
                let code = self.number.map(u16::try_from);
                // Neither is a code of 17 bits a value of our type, nor a reason that is no text.
                let Ok(code) = code.transpose() else { return Some("InvalidCloseCode".into()) };
                let Some(reason) = text() else { return Some("InvalidUtf8".into()) };
                conn.close(code.map(CloseCode), &reason)
            }
            "ping" => conn.ping(&self.payload),
            "pong" => conn.pong(&self.payload),
            "send_binary" | "binary" => conn.send_binary(&self.payload),
            "send" if self.is_binary => conn.send_binary(&self.payload),
            _ => match text() {
                Some(text) => conn.send_text(&text),
                None => return Some("InvalidUtf8".into()),
            },
        };
        result.err().map(|error| variant(&error))
    }
}

/// A number and what follows it.
fn split_number(text: &str) -> (Option<i64>, &str) {
    let end = text.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.parse().ok(), rest)
}

const QUOTES: [char; 2] = ['\'', '"'];

/// The bytes between two quotation marks, and what follows them.
fn unquote(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    let quote = rest.next()?;
    loop {
        match rest.next()? {
            end if end == quote => return Some((bytes, rest.as_str())),
            '\\' => match rest.next()? {
                'x' => {
                    let digits = rest.as_str().get(..2)?;
                    bytes.push(u8::from_str_radix(digits, 16).ok()?);
                    rest = rest.as_str().get(2..)?.chars();
                }
                'r' => bytes.push(b'\r'),
                'n' => bytes.push(b'\n'),
                't' => bytes.push(b'\t'),
                '0' => bytes.push(0),
                other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            },
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
