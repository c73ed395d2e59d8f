//! Our server: what it does for each path is told in `tests/interop/README.md`.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use http::{StatusCode, Uri};
use hybi::blocking::Error;
use hybi::handshake::{Accept, Incoming, Rejection, ServerOptions};
use hybi::{Cause, CloseCode, Config, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::compression;
use crate::page;
use crate::socket::{Socket, Told, send_in_pieces};
use crate::words::{BETWEEN, bytes_field, code_field, numbered, report, same, same_close};
use crate::{Result, at_once};

pub(crate) async fn serve_tokio(addr: &str) -> Result<Infallible> {
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut beginning = [0; page::ENOUGH];
            let Ok(known @ 1..) = stream.peek(&mut beginning).await else { return false };
            if let Some(response) = page::response(&beginning[..known]) {
                // Without the request read the connection would end with a reset.
                let sent = stream.read(&mut [0; 8192]).await.is_ok()
                    && stream.write_all(response.as_bytes()).await.is_ok();
                return sent && stream.shutdown().await.is_err();
            }
            let options = ServerOptions::default();
            let incoming =
                match hybi::tokio::receive_request(hybi::tokio::AnyStream::from(stream), options)
                    .await
                {
                    Ok(incoming) => incoming,
                    Err(error) => return report("handshake", Err(error.into())),
                };
            let asked = Asked::new(&incoming);
            let conversation = async {
                match asked.answer(&incoming)? {
                    Ok(accept) => {
                        let ws = incoming.accept(&accept, asked.config()?).await?;
                        converse(ws, &asked).await
                    }
                    Err(rejection) => Ok(incoming.reject(rejection).await?),
                }
            };
            report(&asked.uri.to_string(), conversation.await)
        });
    }
}

pub(crate) fn serve_blocking(addr: &str) -> Result<Infallible> {
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept()?;
        std::thread::spawn(move || {
            let mut beginning = [0; page::ENOUGH];
            let Ok(known @ 1..) = stream.peek(&mut beginning) else { return false };
            if let Some(response) = page::response(&beginning[..known]) {
                // Without the request read the connection would end with a reset.
                let sent = stream.read(&mut [0; 8192]).is_ok()
                    && stream.write_all(response.as_bytes()).is_ok();
                return sent && stream.shutdown(Shutdown::Write).is_err();
            }
            let options = ServerOptions::default();
            let incoming = match hybi::blocking::receive_request(
                hybi::blocking::AnyStream::from(stream),
                options,
            ) {
                Ok(incoming) => incoming,
                Err(error) => return report("handshake", Err(error.into())),
            };
            let asked = Asked::new(&incoming);
            let conversation = || match asked.answer(&incoming)? {
                Ok(accept) => {
                    let ws = incoming.accept(&accept, asked.config()?)?;
                    at_once(converse(ws, &asked))
                }
                Err(rejection) => Ok(incoming.reject(rejection)?),
            };
            report(&asked.uri.to_string(), conversation())
        });
    }
}

/// What is kept of a request.
struct Asked {
    uri: Uri,
    /// Its `X-Client` header.
    client: Option<HeaderValue>,
}

impl Asked {
    /// Notes a request and says that its conversation begins, before the client can know.
    fn new(incoming: &Incoming) -> Self {
        println!("begun {}", incoming.target());
        let request = incoming.to_http();
        Self { uri: request.uri().clone(), client: request.headers().get("x-client").cloned() }
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    fn config(&self) -> Result<Config> {
        match self.uri.path() {
            "/deflate" => compression::settings(self.query()),
            _ => Ok(Config::default()),
        }
    }

    /// How the request is accepted or rejected.
    fn answer(&self, incoming: &Incoming) -> Result<Result<Accept, Rejection>> {
        match self.uri.path() {
            "/refuse" => {
                let mut response = http::Response::new("no entry\n".into());
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                let realm = HeaderValue::from_static("Basic realm=\"interop\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, realm);
                Ok(Err(response.into()))
            }
            _ => {
                let mut accept = Accept::new().header(
                    HeaderName::from_static("x-server"),
                    HeaderValue::from_static("interop; one, two"),
                );
                accept = compression::decide(accept, self.query());
                if let Some(chosen) = incoming.choose_subprotocol(&["chat.v3", "chat.v2"]) {
                    accept = accept.subprotocol(chosen);
                }
                Ok(Ok(accept))
            }
        }
    }
}

async fn converse<S: Socket>(mut ws: S, asked: &Asked) -> Result<()> {
    let query = asked.query();
    match asked.uri.path() {
        "/echo" => {
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok(())
        }
        "/fragments" => fragments(&mut ws).await,
        "/ping" => {
            let payload = bytes_field(query, "payload")?;
            ws.ping(&payload).await?;
            same("the answer to a ping", &ws.next_event().await?, &Told::Pong(payload))?;
            tell(&mut ws, "the pong came").await
        }
        "/stream" => {
            let received = ws.stream(numbered().map(Message::from).collect()).await?;
            same("the stream", &received, &numbered().map(Message::from).collect())
        }
        "/farewell" => farewell(&mut ws).await,
        "/heard" => {
            let code = code_field(query)?.unwrap_or(CloseCode::GOING_AWAY);
            hears_farewell(&mut ws, code).await
        }
        "/verdict" => {
            while let Some(message) = ws.recv().await? {
                println!("page: {}", message.as_text().unwrap_or_default());
            }
            Ok(())
        }
        "/lost" => is_lost(&mut ws).await,
        "/leave" => Ok(()),
        "/close" => {
            let reason = String::from_utf8(bytes_field(query, "reason")?)?;
            let code = code_field(query)?;
            ws.close(code, &reason).await?;
            let closed = ws.closed().ok_or("the connection has not ended")?;
            same("the cause", &closed.cause, &Cause::Local)?;
            // A peer may give the reason back or not.
            same_close(Some(&closed), code, closed.reason())
        }
        "/closed" => {
            let reason = String::from_utf8(bytes_field(query, "reason")?)?;
            until_end(&mut ws, Cause::Remote).await?;
            same_close(ws.closed().as_ref(), code_field(query)?, &reason)
        }
        "/subprotocol" => {
            let chosen = ws.negotiated().subprotocol.clone().unwrap_or("none".into());
            tell(&mut ws, &chosen).await
        }
        "/whoami" => {
            let client = asked.client.as_ref().ok_or("the X-Client header is missing")?;
            tell(&mut ws, &format!("{} {query}", client.to_str()?)).await
        }
        "/deflate" => compression::as_server(&mut ws, query).await,
        "/breaks" => {
            send_raw(&mut ws, &bytes_field(query, "bytes")?).await?;
            is_failed_by_peer(&mut ws, query).await
        }
        "/broken" => fails_peer(&mut ws, query).await,
        path => Err(format!("there is no {path}").into()),
    }
}

/// Gives each message back in fragments, and wants a pong for the ping among them.
async fn fragments<S: Socket>(ws: &mut S) -> Result<()> {
    loop {
        match ws.next_event().await? {
            Told::Message(message) => send_in_pieces(ws, &message, BETWEEN).await?,
            Told::End => return Ok(()),
            other => return Err(format!("instead of a message came {other:?}").into()),
        }
        same("the answer to a ping", &ws.next_event().await?, &Told::Pong(BETWEEN.to_vec()))?;
    }
}

/// Sends a text and waits for the client to close.
async fn tell<S: Socket>(ws: &mut S, text: &str) -> Result<()> {
    ws.feed(text).await?;
    until_end(ws, Cause::Remote).await
}

/// Waits for the clean end of a connection.
pub(crate) async fn until_end<S: Socket>(ws: &mut S, cause: Cause) -> Result<()> {
    match ws.recv().await? {
        Some(message) => Err(format!("instead of the end came {} bytes", message.len()).into()),
        None => same("the cause", &ws.closed().map(|closed| closed.cause), &Some(cause)),
    }
}

/// Sends more than the sockets' buffers hold and closes at once: nothing may be cut off.
pub(crate) async fn farewell<S: Socket>(ws: &mut S) -> Result<()> {
    for message in numbered() {
        ws.feed(message).await?;
    }
    ws.close(Some(CloseCode::GOING_AWAY), "").await?;
    same_close(ws.closed().as_ref(), Some(CloseCode::GOING_AWAY), "")
}

/// The other end of [`farewell`].
pub(crate) async fn hears_farewell<S: Socket>(ws: &mut S, code: CloseCode) -> Result<()> {
    for message in numbered() {
        same("the message", &ws.recv().await?, &Some(message.into()))?;
    }
    until_end(ws, Cause::Remote).await?;
    same_close(ws.closed().as_ref(), Some(code), "")
}

/// The peer goes away without a word: no message, no Close frame.
pub(crate) async fn is_lost<S: Socket>(ws: &mut S) -> Result<()> {
    match ws.recv().await {
        Err(Error::Closed(closed)) if closed.cause == Cause::Lost => {
            same("the close code", &closed.code(), &CloseCode::ABNORMAL)
        }
        other => Err(format!("instead of a loss came {other:?}").into()),
    }
}

/// Sends bytes as they are, past the framing.
pub(crate) async fn send_raw<S: Socket>(ws: &mut S, bytes: &[u8]) -> Result<()> {
    ws.connection().transmit().put_slice(bytes);
    Ok(ws.flush().await?)
}

/// The peer must fail the connection and say why: `code` in the query.
pub(crate) async fn is_failed_by_peer<S: Socket>(ws: &mut S, query: &str) -> Result<()> {
    until_end(ws, Cause::Remote).await?;
    let closed = ws.closed().map(|closed| closed.code());
    same("the peer's close code", &closed, &code_field(query)?)
}

/// What comes must fail the connection on our side with `code` in the query.
pub(crate) async fn fails_peer<S: Socket>(ws: &mut S, query: &str) -> Result<()> {
    let closed = match ws.recv().await {
        Err(Error::Closed(closed)) => *closed,
        other => return Err(format!("instead of a failure came {other:?}").into()),
    };
    let Cause::Failed(error) = closed.cause else {
        return Err(format!("the connection ended otherwise: {closed}").into());
    };
    same("the failure's code", &Some(error.close_code()), &code_field(query)?)?;
    same("our close code", &closed.sent.map(|frame| frame.code), &code_field(query)?)
}
