//! What rows say about permessage-deflate: what was offered, what was agreed on, what a server is ready for.

use hybi::Connection;
use hybi::deflate::{Compression, Direction, Params};
use hybi::handshake::{Accept, DeflateOffer, Extension, Request, WindowHint, parse_extensions};

use super::row::Row;

/// The request with the offer that a row gives.
pub(crate) fn offer(row: &Row, request: Request) -> Request {
    let offers = row.offer().map(parse).unwrap_or_default();
    offers.iter().filter_map(DeflateOffer::parse).fold(request, Request::offer)
}

/// The answer of a server that keeps to whatever it is asked, if the row has one that compresses.
pub(crate) fn accept(row: &Row, accept: Accept) -> Accept {
    let mut compression = Compression::default();
    compression.send.context_takeover = true;
    compression.receive.context_takeover = true;
    let wanted = row.config("permessage_deflate").is_some_and(|wanted| *wanted == true);
    if wanted { accept.compression(&compression) } else { accept }
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

/// A response has the form of an offer.
fn params(row: &Row) -> Option<Params> {
    let agreed = parse(row.negotiated()?);
    let agreed = agreed.iter().find_map(DeflateOffer::parse).expect("the row agrees on deflate");
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

fn parse(header: &str) -> Vec<Extension> {
    parse_extensions([header.as_bytes()]).expect("the catalogue's own headers are good")
}
