//! hybi, with its defaults.

use hybi::Event;
use tokio::net::TcpStream;

use super::Ended;

/// As the README's server.
pub(super) async fn feed(stream: TcpStream) -> Ended {
    let mut ws = hybi::tokio::accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?;
    }
    Ok(())
}

/// Flushes after each message.
pub(super) async fn send(stream: TcpStream) -> Ended {
    let mut ws = hybi::tokio::accept(stream).await?;
    while let Some(message) = ws.recv().await? {
        ws.send(message).await?;
    }
    Ok(())
}

/// Owns no message.
pub(super) async fn borrowed(stream: TcpStream) -> Ended {
    let mut ws = hybi::tokio::accept(stream).await?;
    while ws.readable().await? {
        let (conn, rx) = ws.parts();
        while let Some(event) = conn.next_event(rx) {
            match event {
                Event::Text(text) => conn.send_text(text)?,
                Event::Binary(data) => conn.send_binary(data)?,
                _ => {}
            }
        }
    }
    Ok(())
}
