//! What is told to `tracing`: a span for each connection, its opening and its end, and nothing for a message.
#![cfg(all(feature = "tokio", feature = "tracing"))]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use adapters::door::{door, quiet, status};
use adapters::frames::{TEXT, frame};
use adapters::simulate;
use adapters::upgraded::{pair, upgraded, write};
use hybi::tokio::{ServeOptions, Server, Visitor};
use hybi::{CloseCode, Role};
use tokio::io::AsyncWriteExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[test]
fn a_connection_has_a_span_and_tells_its_opening_and_its_end() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (mut client, mut server) = pair(quiet()).await;
        for _ in 0..100 {
            let (sent, received) = tokio::join!(client.send("message"), server.recv());
            assert!(sent.is_ok() && received.unwrap().is_some());
        }
        let (closed, received) = tokio::join!(client.close(CloseCode(4000), "done"), server.recv());
        assert!(closed.is_ok() && received.unwrap().is_none());
        let told = told.lock().unwrap();
        let opened = "DEBUG websocket{role=Client} opened extensions=0";
        assert!(told.iter().any(|told| told == opened), "{told:#?}");
        let client = "websocket{role=Client peer=example.com:80}";
        let closed = told.iter().find(|told| told.contains(client)).expect("its end is told");
        assert!(closed.contains("closed code=4000 clean=true received=0 sent=100"), "{told:#?}");
        let server = "websocket{role=Server}";
        assert!(told.contains(&format!(
            "DEBUG {server} closed code=4000 clean=true received=100 sent=0 cause=closed by the peer (4000, \"done\")"
        )), "{told:#?}");
        assert_eq!(told.len(), 4, "nothing for a message: {told:#?}");
    });
}

#[test]
fn a_connection_that_fails_or_is_dropped_says_so() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (mut ws, mut peer) = upgraded(Role::Server, 1024, quiet());
        write(&mut peer, frame(Role::Server, TEXT, "not masked")).await;
        drop(peer);
        assert!(ws.recv().await.is_err());
        let (ws, _peer) = upgraded(Role::Client, 1024, quiet());
        drop(ws);
        let told = told.lock().unwrap();
        assert!(
            told[1].contains("closed code=1006 clean=false received=0 sent=0 cause=failed: "),
            "{told:#?}"
        );
        assert_eq!(told[3], "DEBUG websocket{role=Client} dropped while open received=0 sent=0");
        assert_eq!(told.len(), 4);
    });
}

#[test]
fn a_server_tells_addresses_and_refusals_and_its_handlers_are_in_the_span() {
    simulate(|| async {
        let (told, _guard) = listen();
        let (street, door) = door();
        let mut options = ServeOptions::default();
        options.config = Arc::new(quiet());
        let server = Server::with_options(door, options).authorize(|visitor: Visitor| async move {
            match visitor.peer().unwrap().is_ipv4() {
                true => Ok((hybi::handshake::Accept::new(), ())),
                false => Err(http::StatusCode::FORBIDDEN.into()),
            }
        });
        tokio::spawn(server.serve(|mut ws, _| async move {
            tracing::info!("in the handler");
            ws.recv().await.map(|_| ())
        }));
        assert_eq!(status(street.visit_from("2001:db8::1").await), 403);
        let mut rude = street.knock();
        rude.write_all(b"PUT / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(rude);
        let mut client = street.visit().await.unwrap();
        client.close(None, "").await.unwrap();
        let told = told.lock().unwrap();
        let has = |line: &str| assert!(told.iter().any(|told| told == line), "{line}: {told:#?}");
        has("DEBUG handshake rejected response=HTTP/1.1 403 Forbidden");
        has("DEBUG handshake refused status=405 error=method is not GET");
        has("INFO websocket{role=Server peer=192.0.2.1:1} in the handler");
    });
}

/// Collects what is told on this thread.
fn listen() -> (Arc<Mutex<Vec<String>>>, tracing::subscriber::DefaultGuard) {
    let collector = Collector::default();
    let told = collector.told.clone();
    (told, tracing::subscriber::set_default(collector))
}

#[derive(Default)]
struct Collector {
    told: Arc<Mutex<Vec<String>>>,
    spans: Mutex<HashMap<u64, (&'static str, Fields)>>,
    entered: Mutex<Vec<u64>>,
    ids: AtomicU64,
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.others.push(format!("{name}={value:?}")),
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
            && (metadata.target().starts_with("hybi") || metadata.target() == "traces")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.ids.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.spans.lock().unwrap().insert(id, (span.metadata().name(), fields));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut self.spans.lock().unwrap().get_mut(&span.into_u64()).unwrap().1);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let current = self.entered.lock().unwrap().last().copied();
        let span = event.parent().map(Id::into_u64).or(current);
        let mut line = format!("{} ", event.metadata().level());
        if let Some(id) = span {
            let spans = self.spans.lock().unwrap();
            let (name, fields) = &spans[&id];
            line += &format!("{name}{{{}}} ", fields.others.join(" "));
        }
        line += &fields.message;
        for field in fields.others {
            line += &format!(" {field}");
        }
        self.told.lock().unwrap().push(line);
    }

    fn enter(&self, span: &Id) {
        self.entered.lock().unwrap().push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.entered.lock().unwrap().pop();
    }
}
