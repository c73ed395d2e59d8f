//! Peers that are a `Stream` and a `Sink`, in their two modes.

use std::future::poll_fn;

use futures::{Sink, SinkExt, Stream, StreamExt};

/// Sends each message when it has come.
pub(super) async fn send<W, M>(mut ws: W, message: fn(W::Item) -> Option<M>)
where
    W: Stream + Sink<M> + Unpin,
{
    while let Some(message) = ws.next().await.and_then(message) {
        if ws.send(message).await.is_err() {
            break;
        }
    }
}

/// Sends all answers to what came together when there is nothing more to read.
pub(super) async fn batch<W, M>(mut ws: W, message: fn(W::Item) -> Option<M>)
where
    W: Stream + Sink<M> + Unpin,
{
    loop {
        let next = poll_fn(|cx| {
            let next = ws.poll_next_unpin(cx);
            if next.is_pending() {
                // Where it does not take all, it wakes this task again.
                let _ = ws.poll_flush_unpin(cx);
            }
            next
        });
        let Some(message) = next.await.and_then(message) else { break };
        if ws.feed(message).await.is_err() {
            break;
        }
    }
}
