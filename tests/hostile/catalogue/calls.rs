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
}

impl<'t> Calls<'t> {
    /// `None` where the text is something else.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let mut calls = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (name, arguments) = rest.split_once('(')?;
            let known = ["close", "ping", "pong", "send_text", "send_binary"];
            let mut call = Call { name, number: None, payload: Vec::new() };
            rest = call.read(arguments.trim_start()).filter(|_| known.contains(&name))?;
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

impl<'t> Call<'t> {
    /// Reads arguments up to the bracket that ends them: numbers, texts in quotes, `None`; returns what follows.
    fn read(&mut self, mut rest: &'t str) -> Option<&'t str> {
        loop {
            if let Some(rest) = rest.strip_prefix(')') {
                return Some(rest);
            }
            let quoted = rest.strip_prefix('b').filter(|rest| rest.starts_with('\''));
            if let Some(quoted) = quoted.unwrap_or(rest).strip_prefix('\'') {
                let (piece, behind) = unquote(quoted)?;
                let times = behind.strip_prefix(" x ").map(split_number);
                let (times, behind) = times.unwrap_or((Some(1), behind));
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
            "send_text" => match text() {
                Some(text) => conn.send_text(&text),
                None => return Some("InvalidUtf8".into()),
            },
            _ => conn.send_binary(&self.payload),
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

/// The bytes up to the quotation mark, and what follows it.
fn unquote(text: &str) -> Option<(Vec<u8>, &str)> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '\'' => return Some((bytes, rest.as_str())),
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
