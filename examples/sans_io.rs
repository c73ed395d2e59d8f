//! The core driven by hand, as an adapter does it: a server for one connection over `std::net`, with nothing of
//! the library that knows what a socket is. `cargo run --example sans_io [ADDR]`

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::time::Instant as Clock;

use bytes::Buf;
use hybi::handshake::{Accept, Progress, ServerHandshake};
use hybi::{Connection, Event, Instant, RecvBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(addr)?;
    println!("listening on ws://{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept()?;

    // The opening handshake: bytes in, a request out; a decision in, bytes out.
    let mut rx = RecvBuf::new();
    let mut handshake = ServerHandshake::new(Default::default());
    let incoming = loop {
        match handshake.advance(&mut rx) {
            Ok(Progress::Done(incoming)) => break incoming,
            Ok(Progress::Continue(next)) => handshake = next,
            Err(refusal) => {
                stream.write_all(&refusal.response)?;
                return Err(refusal.into());
            }
        }
        if fill(&mut stream, &mut rx)? == 0 {
            return Err(handshake.handle_eof().into());
        }
    };
    let mut conn = Connection::server(Default::default());
    conn.transmit().put_slice(&incoming.accept(&Accept::new())?.to_bytes());

    // The connection: bytes in, events out; messages in, bytes out; time in.
    let start = Clock::now();
    loop {
        while let Some(event) = conn.next_event(&mut rx) {
            match event {
                Event::Text(text) => conn.send_text(text)?,
                Event::Binary(data) => conn.send_binary(data)?,
                Event::Closed(closed) => println!("{closed}"),
                _ => {}
            }
        }
        while conn.wants_write() {
            let sent = stream.write(conn.transmit().chunk())?;
            conn.transmit().advance(sent);
        }
        if conn.wants_shutdown() {
            stream.shutdown(std::net::Shutdown::Write)?;
            conn.handle_shutdown();
        }
        if conn.is_closed() {
            return Ok(());
        }
        let now = || Instant::from_origin(start.elapsed());
        let wait = conn.poll_timeout(now()).map(|at| at - now());
        stream.set_read_timeout(wait.map(|wait| wait.max(std::time::Duration::from_millis(1))))?;
        match fill(&mut stream, &mut rx) {
            Ok(0) => conn.handle_eof(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => conn.handle_timeout(now()),
            Err(_) => conn.handle_transport_error(),
        }
    }
}

fn fill(stream: &mut impl Read, rx: &mut RecvBuf) -> io::Result<usize> {
    let count = stream.read(rx.space())?;
    rx.filled(count);
    Ok(count)
}
