//! Clients that stay connected, over streams in memory.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use hybi::Config;
use hybi::handshake::{Request, Url};
use hybi::reconnect::{Event, Options};
use hybi::tokio::{Error, Reconnecting, connect_over};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;

use super::config;

/// A client whose dials come out as streams on the other end.
pub(crate) fn client(
    host: &str,
    options: Options,
) -> (Reconnecting<DuplexStream>, mpsc::UnboundedReceiver<DuplexStream>) {
    let (streams, dialed) = mpsc::unbounded_channel();
    let client = Reconnecting::new(&format!("ws://{host}/"), options, move |url: Url| {
        let (ours, theirs) = duplex(64 * 1024);
        let sent = streams.send(theirs);
        async move {
            sent.map_err(|_| refused())?;
            connect_over(ours, Request::from(url), quiet()).await
        }
    });
    (client.unwrap(), dialed)
}

/// No keepalive: what is not sent by the test is not sent.
pub(crate) fn quiet() -> Config {
    config(|config| config.ping_interval = None)
}

pub(crate) fn one_loss() -> Options {
    let mut options = Options::default();
    options.max_losses = Some(1);
    options
}

pub(crate) fn refused() -> Error {
    std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()
}

pub(crate) async fn until_over(client: &mut Reconnecting<DuplexStream>) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(event) = client.next().await {
        told.push(event);
    }
    told
}

pub(crate) async fn until_open(client: &mut Reconnecting<DuplexStream>) {
    while !matches!(client.next().await, Some(Event::Open { .. })) {}
}

/// Polls a future so often and drops it then.
pub(crate) async fn poll_so_often<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(move |cx: &mut Context<'_>| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
