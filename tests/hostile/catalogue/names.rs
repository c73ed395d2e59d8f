//! The catalogue's names for what the library calls by its own.

use hybi::Error;
use hybi::frame::{ClosePayloadError, HeaderError};
use hybi::handshake::HandshakeError;

pub(crate) fn of_error(error: &Error) -> String {
    match error {
        Error::Header(HeaderError::Unmasked) => "UnmaskedFrame".into(),
        Error::Header(HeaderError::Masked) => "MaskedFrame".into(),
        Error::Header(error) => format!("{error:?}"),
        Error::ClosePayload(ClosePayloadError::Length) => "InvalidCloseLength".into(),
        Error::ClosePayload(ClosePayloadError::Code(_)) => "InvalidCloseCode".into(),
        Error::ClosePayload(ClosePayloadError::Utf8) => "InvalidUtf8".into(),
        other => variant(other),
    }
}

pub(crate) fn of_handshake_error(error: &HandshakeError) -> String {
    match error {
        HandshakeError::MissingHeader(name) => format!("MissingHeader({name})"),
        HandshakeError::DuplicateHeader(name) => format!("DuplicateHeader({name})"),
        HandshakeError::InvalidHeader(name) => format!("InvalidHeader({name})"),
        HandshakeError::HeadTooLarge { .. } => "HeadersTooLarge".into(),
        HandshakeError::Timeout => "HandshakeTimeout".into(),
        HandshakeError::Refused(response) if response.status().is_redirection() => {
            "Redirect".into()
        }
        HandshakeError::Refused(response) => format!("Status({})", response.status().as_u16()),
        other => variant(other),
    }
}

/// Whether two names mean the same refusal.
pub(crate) fn agree(expected: &str, got: &str) -> bool {
    expected == got
        // Where no redirect is followed, none is told from another.
        || (expected == "InsecureRedirect" && got == "Redirect")
}

/// The name of an enum's variant, without what it carries.
pub(crate) fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}
