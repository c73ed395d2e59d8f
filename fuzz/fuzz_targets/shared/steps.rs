//! A connection to which things happen in any order.

use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Buf;
use hybi::{CloseCode, Config, Instant, Role};

use super::Knobs;
use super::actions::Payload;
use super::common::{End, Told, masked};

#[derive(Arbitrary, Debug)]
pub enum Step<'b> {
    /// Frames, masked on the way where they have to be.
    Frames(&'b [u8]),
    Bytes(&'b [u8]),
    Send(Payload),
    Write(Payload, bool),
    Ping(&'b [u8]),
    Close(u16, &'b str),
    /// The transport takes this many bytes.
    Take(u16),
    Tick(u16),
    ShutDown,
    Eof,
    Broken,
}

/// An end, what it has told and sent, and what may bound its memory.
pub struct Run {
    pub end: End,
    pub told: Vec<Told>,
    pub sent: Vec<u8>,
    config: Config,
    now: Instant,
    heard: usize,
    largest: usize,
}

/// Room for a first read, and for what is inflated.
const MEMORY: usize = 8 * 1024 + 300_000;

/// What pongs and the Close frame may add to a full queue, headers included.
const PONGS: usize = 17 * 1024;

impl Run {
    pub fn new(knobs: Knobs) -> Self {
        let mut config = knobs.config();
        config.write_high_water = 2000;
        config.max_lifetime = knobs.has(Knobs::AS_IT_IS).then_some(Duration::from_secs(60));
        config.idle_timeout = knobs.has(Knobs::STRICT).then_some(Duration::from_secs(30));
        let (told, sent) = (Vec::new(), Vec::new());
        let end = knobs.end(&config);
        Self { end, told, sent, config, now: Instant::ORIGIN, heard: 0, largest: 0 }
    }

    pub fn perform(&mut self, step: Step<'_>) {
        let is_over = self.told.iter().any(|told| matches!(told, Told::Closed(_)));
        let conn = &mut self.end.conn;
        match step {
            Step::Frames(frames) if conn.role() == Role::Server => {
                self.hear(&masked(frames, [1, 2, 3, 4]).0);
            }
            Step::Frames(bytes) | Step::Bytes(bytes) => self.hear(bytes),
            Step::Send(payload) => {
                let message = payload.message();
                self.largest = message.len().max(self.largest);
                assert!(conn.send(message).is_err() || !is_over, "a message after the end");
            }
            Step::Write(payload, last) => {
                let payload = payload.bytes_as(hybi::Kind::Binary);
                self.largest = payload.len().max(self.largest);
                if let Ok(mut writer) = conn.writer(hybi::Kind::Binary) {
                    let _ = if last { writer.finish(&payload) } else { writer.write(&payload) };
                }
            }
            Step::Ping(payload) => drop(conn.ping(payload)),
            Step::Close(code, reason) => drop(conn.close(CloseCode(code), reason)),
            Step::Take(count) => self.take(count.into()),
            Step::Tick(millis) => self.now = self.now + Duration::from_millis(millis.into()),
            Step::ShutDown if conn.wants_shutdown() => conn.handle_shutdown(),
            Step::ShutDown => {}
            Step::Eof => conn.handle_eof(),
            Step::Broken => conn.handle_transport_error(),
        }
        self.tick();
    }

    pub fn is_bounded(&mut self) {
        let End { conn, rx, .. } = &mut self.end;
        assert!(rx.capacity() <= 2 * self.heard + MEMORY, "{rx:?}");
        let most = self.config.write_high_water + self.largest + PONGS;
        assert!(conn.transmit().len() <= most, "{conn:?}");
    }

    /// Each time something is due, until nothing is; then what is left to send is taken.
    pub fn fall_silent(&mut self) {
        for turn in 0.. {
            assert!(turn < 8, "the end never comes: {:?}", self.end.conn);
            let Some(due) = self.end.conn.poll_timeout(self.now) else { break };
            assert!(due > self.now, "due already");
            self.now = due;
            self.tick();
        }
        while self.end.conn.wants_write() {
            self.take(usize::MAX);
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.heard += bytes.len();
        self.end.rx.extend_from_slice(bytes);
    }

    /// The transport takes so many bytes.
    fn take(&mut self, most: usize) {
        let tx = self.end.conn.transmit();
        self.sent.extend_from_slice(&tx.copy_to_bytes(tx.remaining().min(most)));
    }

    fn tick(&mut self) {
        let conn = &mut self.end.conn;
        conn.handle_timeout(self.now);
        let due = conn.poll_timeout(self.now);
        assert!(
            due.is_none_or(|due| due > self.now),
            "a timer is due again as soon as it was handled"
        );
        self.told.extend(self.end.events());
    }
}
