//! yawc, with its check of UTF-8.

use tokio::net::TcpStream;
use yawc::{Options, Role, WebSocket};

use super::shake::shake;
use super::{Ended, LIMIT, sink};

pub(super) async fn send(stream: TcpStream) -> Ended {
    sink::send(accept(stream).await?, Some).await;
    Ok(())
}

pub(super) async fn batch(stream: TcpStream) -> Ended {
    sink::batch(accept(stream).await?, Some).await;
    Ok(())
}

async fn accept(
    mut stream: TcpStream,
) -> Result<WebSocket<TcpStream>, Box<dyn std::error::Error + Send + Sync>> {
    shake(&mut stream).await?;
    let options = Options::default().with_limits(LIMIT, 2 * LIMIT).with_utf8();
    Ok(WebSocket::from_stream(stream, Role::Server, options)?)
}
