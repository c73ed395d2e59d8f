//! Servers in other threads, and connecting to them by both adapters.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use hybi::blocking::Transport;
use hybi::{Connect, ConnectError, Message};

/// What a client saw of a server that takes a connection and says back what it is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) subprotocol: Option<String>,
    pub(crate) compresses: bool,
}

/// Connects by each adapter in turn; where that goes well, says something and reads the answer.
pub(crate) fn by_both(connect: &Connect) -> [Result<Answer, ConnectError>; 2] {
    [by_tokio(connect), by_blocking(connect)]
}

pub(crate) fn by_tokio(connect: &Connect) -> Result<Answer, ConnectError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let mut ws = hybi::tokio::connect(connect.clone()).await?;
        ws.send("Hello").await.unwrap();
        let text = ws.recv().await.unwrap();
        ws.close(None, "").await.unwrap();
        Ok(answer(text, ws.negotiated()))
    });
    // A resolver that does not come back is not waited for.
    runtime.shutdown_background();
    result
}

pub(crate) fn by_blocking(connect: &Connect) -> Result<Answer, ConnectError> {
    let mut ws = hybi::blocking::connect(connect.clone())?;
    ws.send("Hello").unwrap();
    let text = ws.recv().unwrap();
    ws.close(None, "").unwrap();
    Ok(answer(text, ws.negotiated()))
}

fn answer(text: Option<Message>, negotiated: &hybi::handshake::Negotiated) -> Answer {
    Answer {
        text: text.unwrap().as_text().unwrap().to_owned(),
        subprotocol: negotiated.subprotocol.clone(),
        #[cfg(feature = "deflate")]
        compresses: negotiated.compression.is_some(),
        #[cfg(not(feature = "deflate"))]
        compresses: false,
    }
}

/// Asserts that both adapters were served.
#[track_caller]
pub(crate) fn assert_served(results: [Result<Answer, ConnectError>; 2]) {
    for result in results {
        assert_eq!(result.unwrap_or_else(|error| panic!("{error}")).text, "Hello");
    }
}

/// A server that does the same with each connection, one after the other.
pub(crate) fn serve(each: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| each(stream.unwrap())));
    address
}

/// A WebSocket server that says back what it is told.
pub(crate) fn serve_echo() -> SocketAddr {
    serve(echo)
}

/// Says back what it is told, after a handshake that takes everything.
pub(crate) fn echo(stream: impl Transport) {
    let Ok(mut ws) = hybi::blocking::accept(stream) else { return };
    while let Ok(Some(message)) = ws.recv() {
        ws.send(message).unwrap();
    }
}

/// A server that reads a request, answers with `response` and hangs up.
pub(crate) fn serve_bytes(response: impl Into<Vec<u8>>) -> SocketAddr {
    let response = response.into();
    serve(move |mut stream| {
        read_head(&mut stream);
        // The client may have had enough.
        let _ = stream.write_all(&response);
    })
}

/// The head of a request.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// An address of this machine where nobody answers: its listener takes no connection and its queue is full.
pub(crate) struct Silent {
    pub(crate) address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<socket2::Socket>,
}

impl Silent {
    pub(crate) fn new() -> Self {
        use socket2::{Domain, Socket, Type};

        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = (0..8).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        });
        let waiting = waiting.collect();
        Self { address: address.as_socket().unwrap(), _listener: listener, _waiting: waiting }
    }
}

/// An address of this machine where nobody listens.
pub(crate) fn refusing() -> SocketAddr {
    // A port that is bound and not listened on stays free of others for as long as the socket lives: for ever.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}
