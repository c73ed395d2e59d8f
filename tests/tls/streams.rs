//! TLS within TLS, and halves.

use std::thread;

use hybi::blocking::{Error, Transport};
use hybi::{CloseCode, Config, Message};
use tokio::io::duplex;

use crate::adapters::{bounded, simulate, tcp};
use crate::certificates::{client, server};
use crate::meeting::{BlockingTls, HOST, TokioTls, URL};

#[test]
fn tls_within_tls_works_on_tokio() {
    simulate(|| async {
        let (a, b) = duplex(700);
        let inside = async {
            let stream = TokioTls::accept(b, &server()).await?;
            let stream = TokioTls::accept(stream, &server()).await?;
            let mut ws = hybi::tokio::accept(stream).await?;
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok::<_, Error>(())
        };
        let outside = async {
            let tls = client().build().unwrap();
            let stream = TokioTls::connect(a, &tls, HOST).await?;
            let stream = TokioTls::connect(stream, &tls, HOST).await?;
            let mut ws = hybi::tokio::connect_over(stream, URL, Config::default()).await?;
            ws.send(vec![1; 100_000]).await?;
            assert_eq!(ws.recv().await?.unwrap().len(), 100_000);
            ws.close(CloseCode::NORMAL, "").await
        };
        let (inside, outside) = tokio::join!(inside, outside);
        inside.unwrap();
        outside.unwrap();
    });
}

#[test]
fn tls_within_tls_works_when_blocking_and_splits() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let inside = thread::spawn(move || {
            let stream = BlockingTls::accept(b, &server())?;
            let mut ws = hybi::blocking::accept(BlockingTls::accept(stream, &server())?)?;
            while let Some(message) = ws.recv()? {
                ws.feed(message)?;
            }
            Ok::<_, Error>(())
        });
        let tls = client().build().unwrap();
        let stream = BlockingTls::connect(a, &tls, HOST).unwrap();
        let stream = BlockingTls::connect(stream, &tls, HOST).unwrap();
        let ws = hybi::blocking::connect_over(stream, URL, Config::default()).unwrap();
        both_directions(ws, 300_000);
        inside.join().unwrap().unwrap();
    });
}

#[test]
fn halves_in_two_threads_send_and_receive_at_once() {
    bounded(|| {
        let (a, b) = tcp::sockets();
        let echo = thread::spawn(move || {
            let mut ws = hybi::blocking::accept(BlockingTls::accept(b, &server())?)?;
            while let Some(message) = ws.recv()? {
                ws.feed(message)?;
            }
            Ok::<_, Error>(())
        });
        let stream = BlockingTls::connect(a, &client().build().unwrap(), HOST).unwrap();
        let ws = hybi::blocking::connect_over(stream, URL, Config::default()).unwrap();
        // More than the buffers of the sockets hold: a half that waited for the other would wait for ever.
        both_directions(ws, 3_000_000);
        echo.join().unwrap().unwrap();
    });
}

fn both_directions<S: Transport + Send + 'static>(ws: hybi::blocking::WebSocket<S>, size: usize) {
    let (sender, mut receiver) = ws.split().unwrap();
    let sending = sender.clone();
    let sending = thread::spawn(move || {
        for number in 0..4 {
            sending.send(vec![number; size]).unwrap();
        }
    });
    for number in 0..4 {
        assert_eq!(receiver.recv().unwrap(), Some(Message::binary(vec![number; size])));
    }
    sending.join().unwrap();
    sender.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(receiver.recv().unwrap(), None);
}
