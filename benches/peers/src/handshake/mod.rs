//! The opening handshake: a server accepts a browser's request.

mod exchange;
mod servers;

use bytes::Bytes;

use self::exchange::Exchange;
use crate::drain::Drain;
use crate::grid::{self, Entry, Goal, Side};
use crate::measure::{Local, Plan};

/// As Chromium sends it.
const REQUEST: &str = "GET /chat HTTP/1.1\r
Host: server.example.com:8080\r
Connection: Upgrade\r
Pragma: no-cache\r
Cache-Control: no-cache\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r
Upgrade: websocket\r
Origin: http://server.example.com:8080\r
Sec-WebSocket-Version: 13\r
Accept-Encoding: gzip, deflate, br, zstd\r
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r
Cookie: session=8f14e45fceea167a5a36dedd4bea2543; theme=dark; consent=yes\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r
\r
";

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let table = grid::measure(&[REQUEST.len()], plan, &GOALS, |_| entries());
    format!("{HEAD}\n{table}")
}

const HEAD: &str = "A server reads a browser's request from memory, accepts it, and its response is taken. Nanoseconds; the column is named
by the length of the request. hybi checks the whole head, the origin and the extensions.
";

const OURS: &str = "ServerHandshake, accept";

const GOALS: [Goal; 2] = [
    Goal { how: OURS, against: Side::Floor, like: None, at_most: |_| Some(1.5) },
    Goal { how: OURS, against: Side::Peer, like: None, at_most: |_| None },
];

fn entries() -> Vec<Entry> {
    vec![
        entry("floor", "httparse and the accept key", servers::parse_and_key),
        entry("floor", "the same, and a response", servers::floor),
        entry("hybi", OURS, servers::hybi),
        entry("tungstenite", "accept", servers::tungstenite),
        entry("tokio-tungstenite", "accept_async", servers::tokio_tungstenite),
        entry("fastwebsockets", "upgrade, over hyper", servers::fastwebsockets),
        entry("tokio-websockets", "ServerBuilder", servers::tokio_websockets),
        entry("yawc", "upgrade, over hyper", servers::yawc),
        entry("sockudo-ws", "server_handshake", servers::sockudo),
        entry("wtx", "WebSocketAcceptor", servers::wtx),
        entry("soketto", "handshake::Server", servers::soketto),
    ]
}

fn entry(name: &'static str, how: &'static str, accept: fn(Exchange)) -> Entry {
    let request = Bytes::from_static(REQUEST.as_bytes());
    let (response, record) = Drain::recording();
    accept(Exchange { request: request.clone(), response });
    let record = record.lock().expect("nobody panics").clone();
    let key = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    assert!(record.windows(key.len()).any(|part| part == key), "{name} accepts");
    let contender = Local::new(move |_| {
        accept(Exchange { request: request.clone(), response: Drain::new() });
    });
    Entry { side: Side::of(name), name, how, batch: 1, contender: Box::new(contender) }
}
