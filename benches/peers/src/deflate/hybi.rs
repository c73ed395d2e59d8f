//! hybi: two connections, the bytes copied from one to the other.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use hybi::deflate::{CodecPool, Compressor, Decompressor, Direction, Params};
use hybi::{Compression, Config, Connection, Event, RecvBuf};

use super::{Context, LEVEL, RoundTrip};

pub(super) struct Pair {
    server: Connection,
    client: Connection,
    rx: RecvBuf,
}

impl Pair {
    pub(super) fn new(mem_level: u8, context: Context) -> Self {
        let mut compression = Compression::default();
        compression.level = LEVEL;
        compression.mem_level = mem_level;
        compression.min_size = 0;
        let mut config = Config::default();
        config.compression = Some(compression);
        let config = Arc::new(config);
        let context_takeover = context == Context::Kept;
        let direction = Direction { context_takeover, window_bits: 15 };
        let params = Params { server: direction, client: direction };
        let keys = || [1, 2, 3, 4];
        Self {
            server: Connection::server(config.clone()).with_compression(params, Some(&POOL)),
            client: Connection::client(config, keys).with_compression(params, Some(&POOL)),
            rx: RecvBuf::new(),
        }
    }
}

impl RoundTrip for Pair {
    fn round(&mut self, message: &Bytes, told: &mut dyn FnMut(&[u8])) -> usize {
        let text = std::str::from_utf8(message).expect("text");
        self.server.send_text(text).expect("there is room");
        let tx = self.server.transmit();
        let mut wire = 0;
        while tx.has_remaining() {
            let chunk = tx.chunk();
            self.rx.extend_from_slice(chunk);
            let len = chunk.len();
            wire += len;
            tx.advance(len);
        }
        match self.client.next_event(&mut self.rx) {
            Some(Event::Text(text)) => told(text.as_bytes()),
            event => panic!("a message was sent, and {event:?} came"),
        }
        wire
    }
}

/// One for each thread, as the adapters bring it.
#[derive(Debug)]
struct Pool;

static POOL: Pool = Pool;

thread_local! {
    static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
    static DECOMPRESSORS: RefCell<Vec<Decompressor>> = const { RefCell::new(Vec::new()) };
}

impl CodecPool for Pool {
    fn take_compressor(&self, fits: &dyn Fn(&Compressor) -> bool) -> Option<Compressor> {
        COMPRESSORS.with_borrow_mut(|waiting| {
            let found = waiting.iter().position(fits)?;
            Some(waiting.swap_remove(found))
        })
    }

    fn give_compressor(&self, compressor: Compressor) {
        COMPRESSORS.with_borrow_mut(|waiting| waiting.push(compressor));
    }

    fn take_decompressor(&self) -> Option<Decompressor> {
        DECOMPRESSORS.with_borrow_mut(Vec::pop)
    }

    fn give_decompressor(&self, decompressor: Decompressor) {
        DECOMPRESSORS.with_borrow_mut(|waiting| waiting.push(decompressor));
    }
}
