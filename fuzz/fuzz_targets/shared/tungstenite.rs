//! tungstenite, which reads the same bytes, and where the two may differ.

use std::io::{self, Read, Write};

use hybi::frame::{ClosePayloadError, HeaderError};
use hybi::{Error, Role};
use tungstenite::Message;
use tungstenite::error::{Error as TheirError, ProtocolError};
use tungstenite::protocol::{Role as TheirRole, WebSocket, WebSocketConfig};

use super::common::Told;

/// Where we are stricter, or earlier.
pub fn is_allowed(ours: Error, theirs: &Ended) -> bool {
    match ours {
        // Lengths in a longer form than needed, also of control frames, or with their top bit set, pass there.
        Error::Header(
            HeaderError::NonMinimalLength | HeaderError::LengthTopBit | HeaderError::ControlTooLong,
        ) => true,
        // Bits, opcodes, masking and the length of control frames are looked at there when the frame is whole,
        // and the order of the checks is another.
        Error::Header(_) => matches!(theirs, Ended::Lost | Ended::Failed(_)),
        // Text fails there with its message, here with the first byte that cannot be.
        Error::InvalidUtf8 => true,
        // A Close frame of one byte fails there when the byte has come.
        Error::ClosePayload(ClosePayloadError::Length) => {
            matches!(theirs, Ended::Lost | Ended::Failed(_))
        }
        // They tell the application 1002 in place of a code that may not be sent.
        Error::ClosePayload(ClosePayloadError::Code(_)) => {
            matches!(theirs, Ended::Close((1002, _)) | Ended::Failed(_))
        }
        // Limits: too large is too large when all of it is there.
        Error::FrameTooLarge { .. } | Error::MessageTooLarge { .. } => {
            matches!(theirs, Ended::Lost | Ended::Failed(_))
        }
        // Limits that they do not have.
        Error::TooManyFragments { .. }
        | Error::TooManyEmptyFragments { .. }
        | Error::TooManyControlFrames { .. } => true,
        _ => false,
    }
}

#[derive(Debug)]
pub enum Ended {
    Close((u16, String)),
    Lost,
    #[allow(dead_code, reason = "shown where the two differ")]
    Failed(TheirError),
}

/// Reads with tungstenite what comes before the end. What follows a Close frame is not looked at.
pub fn read(role: Role, wire: &[u8]) -> (Vec<Told>, Ended) {
    let role = if role == Role::Client { TheirRole::Client } else { TheirRole::Server };
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let mut ws = WebSocket::from_raw_socket(Io(wire), role, Some(config));
    let mut told = Vec::new();
    loop {
        told.push(match ws.read() {
            Ok(Message::Text(text)) => Told::text(&text),
            Ok(Message::Binary(data)) => Told::binary(&data),
            Ok(Message::Ping(data)) => Told::ping(&data),
            Ok(Message::Pong(data)) => Told::pong(&data),
            Ok(Message::Close(frame)) => {
                let close =
                    frame.map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                return (told, Ended::Close(close));
            }
            Ok(Message::Frame(frame)) => panic!("a frame is no message: {frame}"),
            Err(TheirError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (told, Ended::Lost);
            }
            Err(error) => return (told, Ended::Failed(error)),
        });
    }
}

/// Bytes to read, and nobody who reads what is written.
struct Io<'b>(&'b [u8]);

impl Read for Io<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Io<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
