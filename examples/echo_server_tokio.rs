//! An echo server on tokio: `cargo run --features tokio --example echo_server_tokio [ADDR]`.

use tokio::net::{TcpListener, TcpStream};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(addr).await?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(async move {
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

async fn echo(stream: TcpStream) -> Result<(), hybi::tokio::Error> {
    stream.set_nodelay(true)?;
    let mut ws = hybi::tokio::accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?; // leaves when `recv` waits, together with others
    }
    Ok(())
}
