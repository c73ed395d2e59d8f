//! Two ends and the bytes between them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use hybi::{Config, Instant};

use super::{End, Told};

/// A client and a server, the bytes between them, and a clock that stands still until it is moved.
pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
    pub(crate) now: Instant,
    /// How many bytes move at once.
    step: usize,
    pub(crate) client_told: Vec<Told>,
    pub(crate) server_told: Vec<Told>,
}

impl Pair {
    pub(crate) fn new(config: &Arc<Config>, step: usize) -> Self {
        let mut pair = Self {
            client: End::client(config.clone()),
            server: End::server(config.clone()),
            now: Instant::ORIGIN,
            step,
            client_told: Vec::new(),
            server_told: Vec::new(),
        };
        pair.pass(Duration::ZERO);
        pair
    }

    /// Moves bytes both ways until none is left, and the ends of the transport behind them.
    pub(crate) fn run(&mut self) {
        while carry(&mut self.client, &mut self.server, self.step, &mut self.server_told)
            | carry(&mut self.server, &mut self.client, self.step, &mut self.client_told)
        {}
    }

    /// Lets time pass, stopping at every point that one of the ends asked for.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        for turn in 0.. {
            assert!(turn < 10_000, "a timeout that is due again as soon as it was handled");
            self.run();
            let due = [&mut self.client, &mut self.server]
                .into_iter()
                .filter_map(|end| end.conn.poll_timeout(self.now))
                .min();
            let Some(due) = due.filter(|&due| due <= end) else { break };
            self.now = due.max(self.now);
            self.client.conn.handle_timeout(self.now);
            self.server.conn.handle_timeout(self.now);
            self.client_told.extend(self.client.events());
            self.server_told.extend(self.server.events());
        }
        self.now = end;
    }
}

/// Moves up to `step` bytes, or the end of the transport when there are none; whether anything moved.
fn carry(from: &mut End, to: &mut End, step: usize, told: &mut Vec<Told>) -> bool {
    if from.conn.wants_write() {
        let tx = from.conn.transmit();
        let piece = tx.copy_to_bytes(step.min(tx.remaining()));
        if to.conn.is_closed() {
            return true;
        }
        told.extend(to.hear_bytes(&piece));
        return true;
    }
    if !from.gone && (from.conn.wants_shutdown() || from.conn.is_closed()) {
        from.gone = true;
        from.conn.handle_shutdown();
        told.extend(to.hear_eof());
        return true;
    }
    false
}
