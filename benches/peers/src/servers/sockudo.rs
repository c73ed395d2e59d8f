//! sockudo-ws, with its default configuration.

use sockudo_ws::handshake::server_handshake;
use sockudo_ws::{Config, Error, WebSocketStream};
use tokio::net::TcpStream;

use super::{Ended, sink};

pub(super) async fn send(stream: TcpStream) -> Ended {
    sink::send(accept(stream).await?, Result::ok).await;
    Ok(())
}

pub(super) async fn batch(stream: TcpStream) -> Ended {
    sink::batch(accept(stream).await?, Result::ok).await;
    Ok(())
}

async fn accept(mut stream: TcpStream) -> Result<WebSocketStream<TcpStream>, Error> {
    server_handshake(&mut stream).await?;
    Ok(WebSocketStream::server(stream, Config::default()))
}
