//! tungstenite, blocking, and tokio-tungstenite.

use std::net::TcpListener;

use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tungstenite::Error;
use tungstenite::protocol::WebSocketConfig;

use super::{Ended, READ, sink};

/// A thread a connection.
pub(super) fn serve_with_threads(listener: TcpListener) -> ! {
    loop {
        let (stream, _) = listener.accept().expect("there are enough descriptors");
        stream.set_nodelay(true).expect("it can be set");
        std::thread::spawn(move || {
            let ws = tungstenite::accept_with_config(stream, Some(config()));
            let mut ws = ws.expect("a WebSocket request");
            while let Ok(message) = ws.read() {
                if ws.send(message).is_err() {
                    break;
                }
            }
        });
    }
}

pub(super) async fn send(stream: TcpStream) -> Ended {
    sink::send(accept(stream, config()).await?, Result::ok).await;
    Ok(())
}

pub(super) async fn batch(stream: TcpStream) -> Ended {
    sink::batch(accept(stream, config()).await?, Result::ok).await;
    Ok(())
}

/// With its own read buffer of 128 KiB.
pub(super) async fn send_default(stream: TcpStream) -> Ended {
    sink::send(accept(stream, WebSocketConfig::default()).await?, Result::ok).await;
    Ok(())
}

async fn accept(
    stream: TcpStream,
    config: WebSocketConfig,
) -> Result<WebSocketStream<TcpStream>, Error> {
    tokio_tungstenite::accept_async_with_config(stream, Some(config)).await
}

/// With the read buffer that the others have: it is zeroed before each read.
fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(READ)
}
