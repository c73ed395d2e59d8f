//! wtx: it has one mode, which sends each message when it has come.

use tokio::net::TcpStream;
use wtx::collection::Vector;
use wtx::web_socket::{OpCode, WebSocketAcceptor, WebSocketPayloadOrigin};

use super::Ended;

pub(super) async fn echo(stream: TcpStream) -> Ended {
    let mut ws = WebSocketAcceptor::default().accept(stream).await.map_err(|_| "refused")?;
    let (mut common, mut reader, mut writer) = ws.split_mut();
    let mut buffer = Vector::new();
    loop {
        buffer.clear();
        let origin = WebSocketPayloadOrigin::Adaptive;
        let frame = reader.read_frame(&mut buffer, &mut common, origin).await;
        let mut frame = frame.map_err(|_| "it ended")?;
        match frame.op_code() {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => {
                writer.write_frame(&mut common, &mut frame).await.map_err(|_| "it ended")?;
            }
            _ => {}
        }
    }
}
