//! One face for both adapters, so that each conversation is written once.
//!
//! The conversations are asynchronous. Over the blocking adapter they block inside a poll and never wait.

use std::future::Future;

use hybi::blocking::Error;
use hybi::handshake::{Negotiated, Request};
use hybi::{CloseCode, Closed, Config, Connect, Connection, Event, Message, Outgoing, Role};

use crate::Result;

/// An open connection of either adapter; the methods do what theirs of the same name do.
pub(crate) trait Socket: Sized + Send {
    fn connect(
        request: Request,
        config: Config,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
    fn recv(&mut self) -> impl Future<Output = Result<Option<Message>, Error>> + Send;
    fn next_event(&mut self) -> impl Future<Output = Result<Told, Error>> + Send;
    fn feed(
        &mut self,
        message: impl Into<Outgoing> + Send,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    fn flush(&mut self) -> impl Future<Output = Result<(), Error>> + Send;
    fn ping(&mut self, payload: &[u8]) -> impl Future<Output = Result<(), Error>> + Send;
    fn close(
        &mut self,
        code: Option<CloseCode>,
        reason: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    fn connection(&mut self) -> &mut Connection;
    fn closed(&self) -> Option<Closed>;
    fn negotiated(&self) -> &Negotiated;
    fn response(&self) -> Option<&http::Response<()>>;

    /// Sends messages by one half while the other receives as many; then the client closes.
    fn stream(self, messages: Vec<Message>) -> impl Future<Output = Result<Vec<Message>>> + Send;
}

/// An event that owns its payload.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    Message(Message),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    /// The clean end of the connection.
    End,
}

impl Told {
    fn new(event: Option<Event<'_>>) -> Self {
        match event {
            Some(Event::Ping(payload)) => Self::Ping(payload.to_vec()),
            Some(Event::Pong(payload)) => Self::Pong(payload.to_vec()),
            Some(event) => event.to_message().map_or(Self::End, Self::Message),
            None => Self::End,
        }
    }
}

/// Hands each method on to the adapter: `$wait` is `.await` or nothing, `$task` what runs beside.
macro_rules! socket {
    ($adapter:ident, [$($wait:tt)*], $task:ident) => {
        impl Socket for hybi::$adapter::WebSocket<hybi::$adapter::AnyStream> {
            async fn connect(
        request: Request,
        config: Config,
    ) -> Result<Self, Error> {
                Ok(hybi::$adapter::connect(through_proxy(request)?.config(config))$($wait)*?)
            }

            async fn recv(&mut self) -> Result<Option<Message>, Error> {
                self.recv()$($wait)*
            }

            async fn next_event(&mut self) -> Result<Told, Error> {
                Ok(Told::new(self.next_event()$($wait)*?))
            }

            async fn feed(&mut self, message: impl Into<Outgoing> + Send) -> Result<(), Error> {
                self.feed(message)$($wait)*
            }

            async fn flush(&mut self) -> Result<(), Error> {
                self.flush()$($wait)*
            }

            async fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
                self.ping(payload)$($wait)*
            }

            async fn close(&mut self, code: Option<CloseCode>, reason: &str) -> Result<(), Error> {
                self.close(code, reason)$($wait)*
            }

            fn connection(&mut self) -> &mut Connection {
                self.parts().0
            }

            fn closed(&self) -> Option<Closed> {
                self.closed()
            }

            fn negotiated(&self) -> &Negotiated {
                self.negotiated()
            }

            fn response(&self) -> Option<&http::Response<()>> {
                self.response()
            }

            async fn stream(mut self, messages: Vec<Message>) -> Result<Vec<Message>> {
                let role = self.connection().role();
                let expected = messages.len();
                let (sender, mut receiver) = $task!(split self);
                let sending = {
                    let sender = sender.clone();
                    $task!(spawn {
                        for message in messages {
                            sender.send(message)$($wait)*?;
                        }
                        Ok::<(), Error>(())
                    })
                };
                let mut received = Vec::new();
                while received.len() < expected {
                    received.push(receiver.recv()$($wait)*?.ok_or("the stream ended early")?);
                }
                $task!(join sending)?;
                if role == Role::Client {
                    sender.close(CloseCode::NORMAL, "")$($wait)*?;
                }
                match receiver.recv()$($wait)*? {
                    None => Ok(received),
                    Some(_) => Err("more messages came than were asked for".into()),
                }
            }
        }
    };
}

/// The way to the server: through the proxy that `INTEROP_PROXY` names, where it does.
fn through_proxy(request: Request) -> Result<Connect, Error> {
    let connect = Connect::from(request);
    Ok(match std::env::var("INTEROP_PROXY") {
        Ok(url) => connect.proxy(url.parse().map_err(std::io::Error::other)?),
        Err(_) => connect,
    })
}

macro_rules! tokio_task {
    (split $ws:ident) => { $ws.split() };
    (spawn $work:block) => { tokio::spawn(async move $work) };
    (join $task:ident) => { $task.await.expect("the sending task does not panic") };
}

macro_rules! thread {
    (split $ws:ident) => {
        $ws.split()?
    };
    (spawn $work:block) => {
        std::thread::spawn(move || $work)
    };
    (join $task:ident) => {
        $task.join().expect("the sending thread does not panic")
    };
}

socket!(tokio, [.await], tokio_task);
socket!(blocking, [], thread);

/// Sends a message in three fragments, the second empty, with a ping after the first.
///
/// Each fragment leaves alone, and the writer is dropped and taken up again in between.
pub(crate) async fn send_in_pieces<S: Socket>(
    ws: &mut S,
    message: &Message,
    ping: &[u8],
) -> Result<()> {
    let (kind, bytes) = (message.kind(), message.as_bytes());
    // A text's pieces are whole characters.
    let is_start = |at: &usize| message.as_text().is_none_or(|text| text.is_char_boundary(*at));
    let cut = (bytes.len() / 2..=bytes.len()).find(is_start).unwrap_or(bytes.len());
    ws.connection().writer(kind)?.write(&bytes[..cut])?;
    ws.flush().await?;
    ws.ping(ping).await?;
    ws.connection().writer(kind)?.write(&[])?;
    ws.flush().await?;
    ws.connection().writer(kind)?.finish(&bytes[cut..])?;
    Ok(ws.flush().await?)
}
