//! Our ends of the conversations over TLS with other implementations: see `tests/interop/tls`.
//!
//! ```text
//! interop_tls server-tokio|server-blocking                                        # no TLS: something else is in front
//! interop_tls server-tokio|server-blocking CERTIFICATE KEY [ROOT OF CLIENTS]
//! interop_tls client-tokio|client-blocking HOST:PORT NAME ROOT [CERTIFICATE KEY]
//! ```

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use hybi::blocking::{Error as Failure, Transport};
use hybi::tls::{
    Agreed, ClientCertificates, ClientTls, Identity, Roots, ServerTls, rustls::RootCertStore,
};
use hybi::{CloseCode, Config, Message};
use tokio::io::{AsyncRead, AsyncWrite};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match args[..] {
        ["server-tokio", ref files @ ..] => runtime.block_on(serve_tokio(server_tls(files)?)),
        ["server-blocking", ref files @ ..] => serve_blocking(&server_tls(files)?),
        ["client-tokio", address, name, root, ref files @ ..] => {
            runtime.block_on(talk_tokio(address, name, &client_tls(root, files)?))
        }
        ["client-blocking", address, name, root, ref files @ ..] => {
            talk_blocking(address, name, &client_tls(root, files)?)
        }
        _ => Err("usage: see the source".into()),
    }
}

fn server_tls(files: &[&str]) -> Result<Option<ServerTls>, Error> {
    let Some(identity) = identity(files)? else { return Ok(None) };
    let mut tls = ServerTls::builder(identity);
    if let [_, _, root] = files {
        tls = tls.client_certificates(ClientCertificates::Required(store(root)?));
    }
    Ok(Some(tls.build()?))
}

fn client_tls(root: &str, files: &[&str]) -> Result<ClientTls, Error> {
    let mut tls = ClientTls::builder().roots(Roots::Own(store(root)?));
    if let Some(identity) = identity(files)? {
        tls = tls.identity(identity);
    }
    Ok(tls.build()?)
}

fn identity(files: &[&str]) -> Result<Option<Identity>, Error> {
    let [chain, key, ..] = files else { return Ok(None) };
    Ok(Some(Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?))
}

fn store(file: &str) -> Result<Arc<RootCertStore>, Error> {
    match Roots::from_pem(&std::fs::read(file)?)? {
        Roots::Own(store) => Ok(store),
        _ => unreachable!("roots of a text are one's own"),
    }
}

async fn serve_tokio(tls: Option<ServerTls>) -> Result<(), Error> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            let echoed = async {
                match tls {
                    None => echo_tokio(stream).await,
                    Some(tls) => {
                        echo_tokio(hybi::tokio::TlsStream::accept(stream, &tls).await?).await
                    }
                }
            };
            report(echoed.await);
        });
    }
}

async fn echo_tokio<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Result<(), Failure> {
    let mut ws = hybi::tokio::accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?;
    }
    Ok(())
}

fn serve_blocking(tls: &Option<ServerTls>) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, tls) = (stream?, tls.clone());
        std::thread::spawn(move || {
            let echoed = || match tls {
                None => echo_blocking(stream),
                Some(tls) => echo_blocking(hybi::blocking::TlsStream::accept(stream, &tls)?),
            };
            report(echoed());
        });
    }
    Ok(())
}

fn echo_blocking<S: Transport>(stream: S) -> Result<(), Failure> {
    let mut ws = hybi::blocking::accept(stream)?;
    while let Some(message) = ws.recv()? {
        ws.feed(message)?;
    }
    Ok(())
}

fn report(echoed: Result<(), Failure>) {
    match echoed {
        Ok(()) => println!("ended cleanly"),
        Err(error) => println!("ended: {error}"),
    }
}

/// What a client sends and wants back.
fn messages() -> [Message; 4] {
    let large: Vec<u8> = (0..300_000_u32).map(|number| (number / 7) as u8).collect();
    [Message::text("Hello"), Message::text(""), Message::binary(large), Message::text("h\u{e9}")]
}

async fn talk_tokio(address: &str, name: &str, tls: &ClientTls) -> Result<(), Error> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = hybi::tokio::TlsStream::connect(stream, tls, name).await?;
    let url = url(address, name);
    let mut ws = hybi::tokio::connect_over(stream, &*url, Config::default()).await?;
    for message in messages() {
        ws.send(message.clone()).await?;
        same(ws.recv().await?, message)?;
    }
    ws.close(CloseCode::NORMAL, "").await?;
    done(&ws.get_ref().agreed())
}

fn talk_blocking(address: &str, name: &str, tls: &ClientTls) -> Result<(), Error> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let stream = hybi::blocking::TlsStream::connect(stream, tls, name)?;
    let mut ws = hybi::blocking::connect_over(stream, &*url(address, name), Config::default())?;
    for message in messages() {
        ws.send(message.clone())?;
        same(ws.recv()?, message)?;
    }
    ws.close(CloseCode::NORMAL, "")?;
    done(&ws.get_ref().agreed())
}

fn url(address: &str, name: &str) -> String {
    let port = address.rsplit(':').next().unwrap_or_default();
    format!("wss://{name}:{port}/echo")
}

fn same(got: Option<Message>, sent: Message) -> Result<(), Error> {
    if got.as_ref() == Some(&sent) {
        return Ok(());
    }
    Err(format!("{} bytes were sent, something else came back", sent.len()).into())
}

fn done(agreed: &Agreed) -> Result<(), Error> {
    let protocol = agreed.protocol.as_deref().map(String::from_utf8_lossy);
    println!("done {:?} {:?} {protocol:?}", agreed.version, agreed.cipher_suite);
    Ok(())
}
