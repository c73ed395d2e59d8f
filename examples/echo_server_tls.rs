//! An echo server over TLS on tokio, `wss://`:
//! `cargo run --features tokio,tls-ring --example echo_server_tls CERTIFICATE.pem KEY.pem [ADDR]`.
//!
//! A certificate to try it with:
//! `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost
//! -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -out CERTIFICATE.pem -keyout KEY.pem`

use std::error::Error;

use hybi::tls::{Identity, ServerTls};
use hybi::tokio::TlsStream;
use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(chain), Some(key)) = (args.next(), args.next()) else {
        return Err("usage: echo_server_tls CERTIFICATE.pem KEY.pem [ADDR]".into());
    };
    let identity = Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?;
    let tls = ServerTls::new(identity)?;
    let addr = args.next().unwrap_or_else(|| "127.0.0.1:9443".into());
    let listener = TcpListener::bind(addr).await?;
    println!("listening on wss://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            if let Err(error) = echo(stream, &tls).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(stream: TcpStream, tls: &ServerTls) -> Result<(), hybi::tokio::Error> {
    stream.set_nodelay(true)?;
    let stream = TlsStream::accept(stream, tls).await?;
    let mut ws = hybi::tokio::accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?; // leaves when `recv` waits, together with others
    }
    Ok(())
}
