//! tokio-websockets.

use tokio::net::TcpStream;
use tokio_websockets::{Error, ServerBuilder, WebSocketStream};

use super::{Ended, sink};

pub(super) async fn send(stream: TcpStream) -> Ended {
    sink::send(accept(stream).await?, Result::ok).await;
    Ok(())
}

pub(super) async fn batch(stream: TcpStream) -> Ended {
    sink::batch(accept(stream).await?, Result::ok).await;
    Ok(())
}

async fn accept(stream: TcpStream) -> Result<WebSocketStream<TcpStream>, Error> {
    Ok(ServerBuilder::new().accept(stream).await?.1)
}
