//! What rows say about permessage-deflate: what was offered, what was agreed on, what an end is ready for.

use hybi::Connection;
use hybi::deflate::{Compression, Direction, Params};
use hybi::handshake::{Accept, DeflateOffer, Extension, Request, WindowHint, parse_extensions};
use serde_json::Value;

use super::row::Row;

/// The request with the offer that a row gives, or with one of our own where it only wishes for compression. An error says
/// which offer cannot be made.
pub(crate) fn offer(row: &Row, request: Request) -> Result<Request, String> {
    let Some(offers) = row.offer() else {
        let wishes = wishes(row);
        return Ok(wishes.iter().fold(request, |request, wishes| request.compression(wishes)));
    };
    parse(offers)?.iter().try_fold(request, |request, extension| {
        let offer = DeflateOffer::parse(extension);
        Ok(request.offer(offer.ok_or(format!("no way to offer `{extension}`"))?))
    })
}

/// The answer of a server that compresses if the row has one that does.
pub(crate) fn accept(row: &Row, accept: Accept) -> Accept {
    accept.compression(wishes(row).as_ref())
}

/// What an end wishes for: to keep to whatever it is asked, but for what the row limits.
fn wishes(row: &Row) -> Option<Compression> {
    let wanted = row.config("permessage_deflate").filter(|wanted| **wanted != false)?;
    let mut compression = Compression::default();
    let (ours, theirs) = if row.is_client() { ("client", "server") } else { ("server", "client") };
    compression.send = direction(wanted, ours);
    compression.receive = direction(wanted, theirs);
    Some(compression)
}

/// What an object of parameters says about an end.
fn direction(wanted: &Value, end: &str) -> Direction {
    let no_context = &wanted[format!("{end}_no_context_takeover")];
    let window_bits = wanted[format!("{end}_max_window_bits")].as_u64();
    Direction {
        context_takeover: *no_context != true,
        window_bits: window_bits.and_then(|bits| u8::try_from(bits).ok()).unwrap_or(15),
    }
}

/// The limit that a row sets to how much is inflated.
pub(crate) fn limit(row: &Row) -> Option<Compression> {
    let mut compression = Compression::default();
    compression.max_ratio = u32::try_from(row.config_number("max_inflate_ratio")?).ok();
    Some(compression)
}

/// The connection with what a handshake or the row itself says was agreed on.
pub(crate) fn agree(row: &Row, agreed: Option<Params>, conn: Connection) -> Connection {
    match agreed.or_else(|| params(row)) {
        Some(params) => conn.with_compression(params, None),
        None => conn,
    }
}

/// Whether what the row says was agreed on is no agreement on compression, or none that could have been made.
pub(crate) fn is_strange(row: &Row) -> bool {
    row.negotiated().is_some() && params(row).is_none()
}

/// A response has the form of an offer.
fn params(row: &Row) -> Option<Params> {
    let agreed = parse(row.negotiated()?).ok()?;
    let agreed = agreed.iter().find_map(DeflateOffer::parse)?;
    let client_bits = match agreed.client_max_window_bits {
        Some(WindowHint::AtMost(bits)) => bits,
        _ => 15,
    };
    let direction =
        |no_context: bool, window_bits| Direction { context_takeover: !no_context, window_bits };
    Some(Params {
        server: direction(
            agreed.server_no_context_takeover,
            agreed.server_max_window_bits.unwrap_or(15),
        ),
        client: direction(agreed.client_no_context_takeover, client_bits),
    })
}

fn parse(header: &str) -> Result<Vec<Extension>, String> {
    parse_extensions([header.as_bytes()]).map_err(|error| format!("`{header}`: {error}"))
}
