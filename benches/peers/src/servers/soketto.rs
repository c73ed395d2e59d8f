//! soketto: each message is sent and flushed when it has come. Its futures may not be dropped, so there is no way to
//! see whether more can be read.

use soketto::handshake::Server;
use soketto::handshake::server::Response;
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt;

use super::Ended;

pub(super) async fn echo(stream: TcpStream) -> Ended {
    let mut server = Server::new(stream.compat());
    let key = server.receive_request().await?.key();
    server.send_response(&Response::Accept { key, protocol: None }).await?;
    let (mut sender, mut receiver) = server.into_builder().finish();
    let mut message = Vec::new();
    loop {
        message.clear();
        receiver.receive_data(&mut message).await?;
        sender.send_binary_mut(&mut message).await?;
        sender.flush().await?;
    }
}
