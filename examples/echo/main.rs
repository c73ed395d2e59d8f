//! The whole thing in one program: `cargo run --release --example echo`.
//!
//! It starts a server on loopback, talks to it with our own client, prints what happened and goes on serving until
//! Ctrl-C: open the address it prints in a browser to talk to it yourself. `--once` exits after the exchange;
//! an argument `HOST:PORT` chooses where it listens.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use hybi::handshake::Accept;
use hybi::{CloseCode, Message};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let once = args.iter().any(|arg| arg == "--once");
    let listener = match args.iter().find(|arg| !arg.starts_with("--")) {
        Some(addr) => TcpListener::bind(addr)?,
        // The port that the documentation names, or any other if it is taken.
        None => {
            TcpListener::bind("127.0.0.1:9001").or_else(|_| TcpListener::bind("127.0.0.1:0"))?
        }
    };
    let addr = listener.local_addr()?;
    println!("serving ws://{addr}/echo");
    let server = thread::spawn(move || serve(&listener));

    talk(&format!("ws://{addr}/echo"))?;
    if once {
        return Ok(());
    }
    println!("open http://{addr}/ in a browser to talk to it; Ctrl-C ends");
    Ok(server.join().map_err(|_| "the server panicked")??)
}

/// What a client does.
fn talk(url: &str) -> Result<(), Box<dyn Error>> {
    let mut ws = hybi::blocking::connect(url)?;
    for message in [Message::text("Hello, \u{4e16}\u{754c}"), Message::binary(vec![7; 1 << 20])] {
        let start = Instant::now();
        ws.send(message.clone())?;
        let answer = ws.recv()?.ok_or("the server closed")?;
        if answer != message {
            return Err("the answer differs".into());
        }
        let what = answer.as_text().map_or("binary".to_owned(), |text| format!("{text:?}"));
        println!("echoed {what}, {} bytes, in {:?}", answer.len(), start.elapsed());
    }
    ws.close(CloseCode::NORMAL, "enough")?;
    println!("{}", ws.closed().ok_or("not closed")?);
    Ok(())
}

/// Accepts connections for ever, a thread for each.
fn serve(listener: &TcpListener) -> std::io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = answer(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// Answers one connection: with the page, or with a WebSocket that echoes.
fn answer(stream: TcpStream) -> Result<(), hybi::blocking::Error> {
    stream.set_nodelay(true)?;
    if !wants_websocket(&stream)? {
        return Ok(send_page(stream)?);
    }
    let incoming = hybi::blocking::receive_request(stream, Default::default())?;
    if incoming.path() != "/echo" {
        return incoming.reject(http::StatusCode::NOT_FOUND);
    }
    let mut ws = incoming.accept(&Accept::new(), hybi::Config::default())?;
    while let Some(message) = ws.recv()? {
        ws.feed(message)?;
    }
    Ok(())
}

/// Looks at the request without taking it from the stream. A real server leaves this to its HTTP library.
fn wants_websocket(stream: &TcpStream) -> std::io::Result<bool> {
    let mut head = [0; 4096];
    let len = stream.peek(&mut head)?;
    let head = head[..len].to_ascii_lowercase();
    Ok(head.windows(18).any(|window| window == b"upgrade: websocket"))
}

fn send_page(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let len = stream.read(&mut request)?;
    let (status, body) = match request[..len].starts_with(b"GET / ") {
        true => ("200 OK", include_str!("page.html")),
        false => ("404 Not Found", "not here"),
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}", body.len());
    let rest = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
    write!(stream, "{head}\r\n{rest}\r\n\r\n{body}")?;
    stream.shutdown(Shutdown::Write)
}
