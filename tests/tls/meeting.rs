//! Two ends that meet over TLS, say something and part, over each adapter.

use std::thread;

use hybi::blocking::Error;
use hybi::tls::{Agreed, ClientTls, ServerTls};
use hybi::{CloseCode, Config, Message};

use crate::adapters::{bounded, tcp};

/// How a meeting went for each end.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) client: Result<Agreed, Error>,
    pub(crate) server: Result<Agreed, Error>,
}

pub(crate) const HOST: &str = "example.com";
pub(crate) const URL: &str = "wss://example.com/chat";

pub(crate) type TokioTls<S> = hybi::tokio::TlsStream<S>;
pub(crate) type BlockingTls<S> = hybi::blocking::TlsStream<S>;

/// Lets two ends meet over the blocking adapter, over tokio, and each over the other.
pub(crate) fn meet(client: &ClientTls, server: &ServerTls, check: impl Fn(Met)) {
    meet_at(HOST, client, server, check);
}

/// The same with the name that the client's application has for the server.
pub(crate) fn meet_at(
    host: &'static str,
    client: &ClientTls,
    server: &ServerTls,
    check: impl Fn(Met),
) {
    for (client_adapter, server_adapter) in [(0, 0), (1, 1), (0, 1), (1, 0)] {
        let (client, server) = (client.clone(), server.clone());
        let (done, met) = std::sync::mpsc::channel();
        bounded(move || {
            let (a, b) = tcp::sockets();
            let serving = thread::spawn(move || match server_adapter {
                0 => blocking_server(b, &server),
                _ => runtime().block_on(tokio_server(b, &server)),
            });
            let client = match client_adapter {
                0 => blocking_client(a, &client, host),
                _ => runtime().block_on(tokio_client(a, &client, host)),
            };
            done.send(Met { client, server: serving.join().unwrap() }).unwrap();
        });
        check(met.recv().unwrap());
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn blocking_client(io: std::net::TcpStream, tls: &ClientTls, host: &str) -> Result<Agreed, Error> {
    use hybi::blocking::{TlsStream, connect_over};

    let stream = TlsStream::connect(io, tls, host)?;
    let mut ws = connect_over(stream, URL, Config::default())?;
    ws.send("Hello")?;
    assert_eq!(ws.recv()?, Some(Message::text("Hello")));
    ws.close(CloseCode::NORMAL, "")?;
    Ok(ws.get_ref().agreed())
}

fn blocking_server(io: std::net::TcpStream, tls: &ServerTls) -> Result<Agreed, Error> {
    use hybi::blocking::{TlsStream, accept};

    let mut ws = accept(TlsStream::accept(io, tls)?)?;
    while let Some(message) = ws.recv()? {
        ws.send(message)?;
    }
    Ok(ws.get_ref().agreed())
}

async fn tokio_client(
    io: std::net::TcpStream,
    tls: &ClientTls,
    host: &str,
) -> Result<Agreed, Error> {
    use hybi::tokio::{TlsStream, connect_over};

    let stream = TlsStream::connect(into_tokio(io), tls, host).await?;
    let mut ws = connect_over(stream, URL, Config::default()).await?;
    ws.send("Hello").await?;
    assert_eq!(ws.recv().await?, Some(Message::text("Hello")));
    ws.close(CloseCode::NORMAL, "").await?;
    Ok(ws.get_ref().agreed())
}

async fn tokio_server(io: std::net::TcpStream, tls: &ServerTls) -> Result<Agreed, Error> {
    use hybi::tokio::{TlsStream, accept};

    let mut ws = accept(TlsStream::accept(into_tokio(io), tls).await?).await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(ws.get_ref().agreed())
}

fn into_tokio(io: std::net::TcpStream) -> tokio::net::TcpStream {
    io.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(io).unwrap()
}
