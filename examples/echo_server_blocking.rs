//! An echo server with a thread for each connection: `cargo run --example echo_server_blocking [ADDR]`.

use std::net::{TcpListener, TcpStream};
use std::thread;

fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(addr)?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = echo(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn echo(stream: TcpStream) -> Result<(), hybi::blocking::Error> {
    stream.set_nodelay(true)?;
    let mut ws = hybi::blocking::accept(stream)?;
    while let Some(message) = ws.recv()? {
        ws.feed(message)?; // leaves when `recv` waits, together with others
    }
    Ok(())
}
