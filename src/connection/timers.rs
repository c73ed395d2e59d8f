//! Everything that time decides. Time comes in at two doors, [`Connection::poll_timeout`] and
//! [`Connection::handle_timeout`]; what happens between is only noted and dated when it comes again.

use core::time::Duration;

use super::{Cause, Connection, Phase, Timeout};
use crate::frame::{CloseCode, OpCode};
use crate::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Timers {
    /// A random number that shortens the maximum lifetime.
    pub(super) jitter: u32,
    opened: Option<Instant>,
    /// When a byte last came.
    heard: Option<Instant>,
    /// When a message last came or was queued.
    active: Option<Instant>,
    /// When a keepalive ping was queued, until the next sign of life.
    pinged: Option<Instant>,
    /// When the latest keepalive ping was queued, until its own pong.
    unanswered: Option<Instant>,
    /// When the transport last took a byte while some waited.
    moved: Option<Instant>,
    /// When the connection began to end.
    closing: Option<Instant>,
    /// When control frames were last allowed for.
    credited: Option<Instant>,
    /// Whether the transport holds bytes that it took.
    held: bool,
    /// The transmit queue's count of bytes when `moved` was dated.
    sent: u64,
    /// The number of the latest keepalive ping.
    ping_number: u32,
    noted: Noted,
}

/// What has happened since time last came in.
#[derive(Clone, Copy, Debug, Default)]
struct Noted {
    arrival: bool,
    message: bool,
    answer: bool,
}

impl Timers {
    #[inline]
    pub(super) fn note_arrival(&mut self) {
        self.noted.arrival = true;
    }

    #[inline]
    pub(super) fn note_message(&mut self) {
        self.noted.message = true;
    }

    pub(super) fn note_pong(&mut self, payload: &[u8]) {
        if self.unanswered.is_some() && payload == ping_payload(self.ping_number) {
            self.noted.answer = true;
        }
    }
}

/// What a keepalive ping carries: eight bytes, by which its pong is known.
fn ping_payload(number: u32) -> [u8; 8] {
    let [a, b, c, d] = number.to_be_bytes();
    [b'h', b'y', b'b', b'i', a, b, c, d]
}

impl Connection {
    /// When [`handle_timeout`](Self::handle_timeout) is to be called, if nothing happens before; `None`
    /// means never. `now` dates what has happened since the last call.
    ///
    /// Call it before each wait. A timer that is set for an earlier point may be left as it is: calling
    /// `handle_timeout` early does nothing.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<Instant> {
        self.date(now);
        let config = &*self.config;
        let timers = &self.timers;
        let after = |since: Option<Instant>, wait: Duration| since.map(|since| since + wait);
        if self.phase == Phase::Abandoned || self.is_closed() {
            return None;
        }
        let write = config.write_timeout.and_then(|wait| after(timers.moved, wait));
        if self.phase != Phase::Open {
            return earlier(after(timers.closing, config.close_timeout), write);
        }
        let life = match timers.pinged {
            Some(pinged) => Some(pinged + config.pong_timeout),
            None => config.ping_interval.and_then(|wait| after(timers.heard, wait)),
        };
        let idle = config.idle_timeout.and_then(|wait| after(timers.active, wait));
        let due = earlier(earlier(write, life), earlier(idle, self.end_of_life()));
        #[cfg(feature = "deflate")]
        let due = earlier(due, self.release_at());
        due
    }

    /// Does what is due at `now`: sends a keepalive ping, begins to close, or gives the connection up,
    /// which the next event tells.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.date(now);
        if self.phase == Phase::Abandoned {
            return;
        }
        let passed =
            |since: Option<Instant>, wait: Duration| since.is_some_and(|since| now >= since + wait);
        let config = self.config.clone();
        if config.write_timeout.is_some_and(|wait| passed(self.timers.moved, wait)) {
            return self.give_up(Cause::Timeout(Timeout::Write));
        }
        if self.phase != Phase::Open {
            if passed(self.timers.closing, config.close_timeout) {
                self.give_up(Cause::Timeout(Timeout::Close));
            }
            return;
        }
        #[cfg(feature = "deflate")]
        if self.release_at().is_some_and(|at| now >= at) {
            self.release_compressor();
        }
        if self.end_of_life().is_some_and(|end| now >= end) {
            let code = Some(CloseCode::GOING_AWAY);
            self.close_because(Cause::Timeout(Timeout::Lifetime), code, "lifetime reached");
        } else if config.idle_timeout.is_some_and(|wait| passed(self.timers.active, wait)) {
            let code = Some(CloseCode::GOING_AWAY);
            self.close_because(Cause::Timeout(Timeout::Idle), code, "idle");
        } else if self.timers.pinged.is_some() {
            if passed(self.timers.pinged, config.pong_timeout) {
                self.give_up(Cause::Timeout(Timeout::Pong));
            }
        } else if config.ping_interval.is_some_and(|wait| passed(self.timers.heard, wait)) {
            self.timers.pinged = Some(now);
            self.timers.unanswered = Some(now);
            self.timers.ping_number = self.timers.ping_number.wrapping_add(1);
            self.queue_frame(OpCode::Ping, true, &ping_payload(self.timers.ping_number));
        }
        self.date(now);
    }

    /// The transport took bytes and still holds them: its flush waits. They count as waiting to be sent
    /// ([`Config::write_timeout`](crate::Config::write_timeout)) until [`handle_flushed`](Self::handle_flushed).
    ///
    /// Transports that have no buffer of their own, as sockets, need neither.
    pub fn handle_unflushed(&mut self) {
        self.timers.held = true;
    }

    /// The transport holds nothing any more.
    pub fn handle_flushed(&mut self) {
        self.timers.held = false;
    }

    /// Dates what has been noted.
    fn date(&mut self, now: Instant) {
        #[cfg(feature = "deflate")]
        self.date_compression(now);
        let noted = core::mem::take(&mut self.timers.noted);
        let reading = self.wants_read();
        let sent = self.tx.total();
        let waiting = !self.tx.is_empty() || self.timers.held;
        let timers = &mut self.timers;
        timers.opened.get_or_insert(now);
        if noted.answer {
            if let Some(pinged) = timers.unanswered.take() {
                let rtt = now - pinged;
                self.round_trips.get_or_insert_default().note(rtt);
            }
        }
        // While we do not read we cannot hear: that is no silence of the peer.
        if noted.arrival || timers.heard.is_none() || !reading {
            timers.heard = Some(now);
            timers.pinged = None;
        }
        if noted.message || timers.active.is_none() {
            timers.active = Some(now);
        }
        if !waiting {
            timers.moved = None;
        } else if timers.moved.is_none() || timers.sent != sent {
            timers.moved = Some(now);
        }
        timers.sent = sent;
        if self.phase != Phase::Open {
            timers.closing.get_or_insert(now);
        }
        self.credit_control_frames(now);
    }

    /// Allows control frames again as time passes.
    fn credit_control_frames(&mut self, now: Instant) {
        let burst = self.config.control_frame_burst;
        let credit = &mut self.receive.control_credit;
        let since = *self.timers.credited.get_or_insert(now);
        if *credit >= burst {
            self.timers.credited = Some(now);
            return;
        }
        let rate = u64::from(self.config.control_frames_per_second);
        let nanos = u64::try_from((now - since).as_nanos()).unwrap_or(u64::MAX);
        let earned = nanos.saturating_mul(rate) / NANOS;
        let Some(spent) = earned.saturating_mul(NANOS).checked_div(rate) else { return };
        if earned > 0 {
            // What has not made a whole frame yet counts next time.
            self.timers.credited = Some(since + Duration::from_nanos(spent));
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            *credit = credit.saturating_add(earned).min(burst);
        }
    }

    fn end_of_life(&self) -> Option<Instant> {
        let whole = self.config.max_lifetime?;
        // A tenth of the lifetime times the random number as a fraction of one.
        let tenth = whole.checked_div(10)?;
        let less = tenth.mul_f64(f64::from(self.timers.jitter) / f64::from(u32::MAX));
        self.timers.opened.map(|opened| opened + whole.saturating_sub(less))
    }
}

const NANOS: u64 = 1_000_000_000;

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
