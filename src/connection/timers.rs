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
    /// When control frames were last allowed for.
    credited: Option<Instant>,
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

    pub(super) fn note_answer(&mut self) {
        self.noted.answer = true;
    }
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
        let write = config.write_timeout.and_then(|wait| after(self.stuck_since(), wait));
        if self.phase != Phase::Open {
            return earlier(after(self.closing_since(), config.close_timeout), write);
        }
        let life = match self.pinged() {
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
        let passed =
            |since: Option<Instant>, wait: Duration| since.is_some_and(|since| now >= since + wait);
        let config = self.config.clone();
        if config.write_timeout.is_some_and(|wait| passed(self.stuck_since(), wait)) {
            return self.give_up(Cause::Timeout(Timeout::Write));
        }
        if self.phase != Phase::Open {
            if passed(self.closing_since(), config.close_timeout) {
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
        } else if self.pinged().is_some() {
            if passed(self.pinged(), config.pong_timeout) {
                self.give_up(Cause::Timeout(Timeout::Pong));
            }
        } else if config.ping_interval.is_some_and(|wait| passed(self.timers.heard, wait)) {
            let payload = self.keepalive.get_or_insert_default().ping(now);
            self.queue_frame(OpCode::Ping, true, &payload);
        }
        self.date(now);
    }

    /// The transport has taken none of what had left the queue, for the write timeout.
    #[cfg(feature = "handshake")]
    pub(crate) fn handle_write_timeout(&mut self) {
        self.give_up(Cause::Timeout(Timeout::Write));
    }

    /// The transport took bytes and still holds them: its flush waits. They count as waiting to be sent
    /// ([`Config::write_timeout`](crate::Config::write_timeout)) until [`handle_flushed`](Self::handle_flushed).
    ///
    /// Transports that have no buffer of their own, as sockets, need neither.
    pub fn handle_unflushed(&mut self) {
        self.out.begin().held = true;
    }

    /// The transport holds nothing any more.
    pub fn handle_flushed(&mut self) {
        if let Some(sending) = self.out.sending_mut() {
            sending.held = false;
        }
    }

    /// Dates what has been noted.
    fn date(&mut self, now: Instant) {
        #[cfg(feature = "deflate")]
        self.date_compression(now);
        let noted = core::mem::take(&mut self.timers.noted);
        let reading = self.wants_read();
        let timers = &mut self.timers;
        timers.opened.get_or_insert(now);
        // While we do not read we cannot hear: that is no silence of the peer.
        if noted.arrival || timers.heard.is_none() || !reading {
            timers.heard = Some(now);
            if let Some(keepalive) = &mut self.keepalive {
                keepalive.pinged = None;
            }
        }
        if let Some(keepalive) = self.keepalive.as_mut().filter(|_| noted.answer) {
            keepalive.note_answer(now);
        }
        if noted.message || timers.active.is_none() {
            timers.active = Some(now);
        }
        if let Some(sending) = self.out.sending_mut() {
            sending.date(now);
        }
        if let Some(closing) = self.closing.as_mut().filter(|_| self.phase != Phase::Open) {
            closing.since.get_or_insert(now);
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
        // What has not made a whole frame yet counts next time.
        self.timers.credited = Some(since + Duration::from_nanos(spent));
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        *credit = credit.saturating_add(earned).min(burst);
    }

    /// When a keepalive ping was queued after which nothing has come yet.
    fn pinged(&self) -> Option<Instant> {
        self.keepalive.as_ref()?.pinged
    }

    /// When the transport last took a byte, where some wait.
    fn stuck_since(&self) -> Option<Instant> {
        self.out.sending()?.moved
    }

    /// When the connection began to end.
    fn closing_since(&self) -> Option<Instant> {
        self.closing.as_ref()?.since
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
