//! A page for browsers, beside the WebSockets on the same port: then it is of the same origin.

/// How a request for the page begins. Its path is a directory's so that no WebSocket has it.
const BEGINNING: &[u8] = b"GET /page";

/// How many bytes decide.
pub(crate) const ENOUGH: usize = 32;

/// The whole response to a request that begins so; none where it is for a WebSocket.
pub(crate) fn response(beginning: &[u8]) -> Option<String> {
    let path = beginning.strip_prefix(BEGINNING)?.split(|byte| *byte == b' ').next()?;
    let (kind, body) = match path {
        b"/script.js" => ("text/javascript", include_str!("../shared/script.js")),
        b"/standard.js" => ("text/javascript", include_str!("../shared/standard.js")),
        _ => ("text/html", include_str!("../chromium/client.html")),
    };
    let length = body.len();
    Some(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}
