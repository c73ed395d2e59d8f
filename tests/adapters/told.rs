//! What is told to `tracing`, a line each.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Collects what is told on this thread.
pub(crate) fn listen() -> (Arc<Mutex<Vec<String>>>, tracing::subscriber::DefaultGuard) {
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
