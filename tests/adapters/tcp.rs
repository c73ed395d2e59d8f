//! Sockets of the loopback interface, for blocking tests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use hybi::blocking::{WebSocket, accept_with, connect_over};
use hybi::{Config, Role};

use super::frames::{Frame, parse_one};

/// The two ends of a socket.
pub(crate) fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (ours, listener.accept().unwrap().0)
}

/// A client and a server that have shaken hands.
pub(crate) fn pair(config: &Config) -> (WebSocket<TcpStream>, WebSocket<TcpStream>) {
    let (a, b) = sockets();
    let server_config = config.clone();
    let server = thread::spawn(move || accept_with(b, Default::default(), server_config).unwrap());
    let client = connect_over(a, "ws://example.com/chat", config.clone()).unwrap();
    (client, server.join().unwrap())
}

/// A connection and its peer's end of the socket.
pub(crate) fn upgraded(role: Role, config: Config) -> (WebSocket<TcpStream>, TcpStream) {
    let (ours, theirs) = sockets();
    let ws = WebSocket::from_upgraded(ours, role, b"", Default::default(), config).unwrap();
    (ws, theirs)
}

/// Reads one frame, a byte at a time, so that nothing after it is taken.
pub(crate) fn read_frame(peer: &mut TcpStream) -> Frame {
    let mut bytes = Vec::new();
    loop {
        let mut byte = [0];
        peer.read_exact(&mut byte).expect("a frame comes before the end");
        bytes.push(byte[0]);
        if let Some((frame, _)) = parse_one(&bytes) {
            return frame;
        }
    }
}

pub(crate) fn write(peer: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    peer.write_all(bytes.as_ref()).unwrap();
}

pub(crate) fn read_rest(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    bytes
}
