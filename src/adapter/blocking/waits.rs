//! How long a blocking stream may be waited for.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant as Clock};

use super::Transport;
use crate::{Connection, Instant, RecvBuf};

/// The shortest wait: sockets refuse zero.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// The clock and the bounds that are set on the stream.
#[derive(Debug)]
pub(super) struct Waits {
    /// The origin of the connection's clock.
    epoch: Clock,
    /// The caller's own bound on reads.
    own: Option<Duration>,
    /// When every call is to be given up, whatever the caller's own bound is.
    pub(super) deadline: Option<Instant>,
    /// The bound on reads that is set, once one is.
    reads: Option<Duration>,
    /// The bound on writes that is set.
    writes: Duration,
    /// Whether waits can be bounded at all.
    bounded: bool,
    /// When the last read began, if it brought bytes. All that came with them has been handled before the next.
    brought: Option<Instant>,
}

/// Why a read brought no bytes.
#[derive(Debug)]
pub(super) enum Idle {
    /// A timeout of the connection's may be due.
    Due,
    /// The caller's own bound has passed, or the stream does not block.
    Own(io::Error),
    /// The stream failed.
    Failed(io::Error),
}

impl Waits {
    pub(super) fn new<S: Transport>(
        io: &mut S,
        conn: &Connection,
        own: Option<Duration>,
    ) -> io::Result<Self> {
        let longest = conn.config().write_timeout.unwrap_or(Duration::from_secs(3600));
        // A blocked write returns often enough to see that its time is over.
        let writes = (longest / 4).max(SHORTEST);
        let bounded = io.bound_writes(writes)?;
        let epoch = Clock::now();
        Ok(Self { epoch, own, deadline: None, reads: None, writes, bounded, brought: None })
    }

    /// Bounds each later write by `limit` where it was not shorter already.
    pub(super) fn shorten_writes<S: Transport>(
        &mut self,
        io: &mut S,
        limit: Duration,
    ) -> io::Result<()> {
        if limit < self.writes {
            io.bound_writes(limit)?;
            self.writes = limit;
        }
        Ok(())
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_origin(self.epoch.elapsed())
    }

    /// The origin of the connection's clock.
    pub(super) const fn epoch(&self) -> Clock {
        self.epoch
    }

    /// Whether waits can be bounded at all.
    pub(super) const fn bounded(&self) -> bool {
        self.bounded
    }

    /// When a call that begins now is to be given up because the caller bounded reads.
    pub(super) fn give_up(&self) -> Option<Instant> {
        let own = self.own.map(|own| self.now() + own);
        own.into_iter().chain(self.deadline).min()
    }

    /// Reads once, until `due` or `give_up` at the latest. A peer that always has more does not put them off; but who comes
    /// back late looks first at what has come meanwhile.
    pub(super) fn read<S: Transport>(
        &mut self,
        io: &mut S,
        rx: &mut RecvBuf,
        due: Option<Instant>,
        give_up: Option<Instant>,
    ) -> Result<usize, Idle> {
        let start = self.now();
        if let Some(before) = self.brought.take() {
            let is_over = |end: Option<Instant>| end.is_some_and(|end| end <= before);
            if is_over(give_up) {
                return Err(Idle::Own(ErrorKind::TimedOut.into()));
            }
            if is_over(due) {
                return Err(Idle::Due);
            }
        }
        let end = due.into_iter().chain(give_up).min();
        let limit = end.map_or(Duration::from_secs(3600), |end| (end - start).max(SHORTEST));
        // A bound that is set already and shorter only makes the wait return early; setting it anew
        // for each message would cost a system call each.
        if self.reads.is_none_or(|set| set > limit || set < limit / 4) {
            self.bounded = io.bound_reads(limit).map_err(Idle::Failed)?;
            self.reads = Some(limit);
        }
        match io.read(rx.space()) {
            Ok(count) => {
                rx.filled(count);
                self.brought = (count > 0).then_some(start);
                Ok(count)
            }
            // TLS without `close_notify`: the Close frame says whether it was the end.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
            // A part of a TLS record may have come, and so may the next for ever.
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(match give_up {
                Some(give_up) if self.now() >= give_up => Idle::Own(ErrorKind::TimedOut.into()),
                _ => Idle::Due,
            }),
            Err(error) if is_idle(&error) => {
                let now = self.now();
                if give_up.is_some_and(|give_up| now >= give_up) {
                    return Err(Idle::Own(ErrorKind::TimedOut.into()));
                }
                let waited = now - start + SHORTEST;
                if self.bounded && self.reads.is_some_and(|set| waited >= set) {
                    return Err(Idle::Due);
                }
                Err(Idle::Own(error))
            }
            Err(error) => Err(Idle::Failed(error)),
        }
    }
}

pub(super) fn is_idle(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::blocking::Untimed;

    /// Somebody who comes back when a time is over reads once; a peer that always has more does not put it off again.
    #[test]
    fn a_time_that_is_over_is_told_after_one_more_read() {
        let mut io = Untimed(std::io::Cursor::new(vec![7; 100_000]));
        let conn = Connection::server(Config::default().into());
        let mut waits = Waits::new(&mut io, &conn, None).expect("nothing is bounded");
        let mut read = |waits: &mut Waits, due| waits.read(&mut io, &mut RecvBuf::new(), due, None);
        assert!(read(&mut waits, None).is_ok());
        let over = waits.now();
        while waits.now() == over {}
        assert!(read(&mut waits, Some(over)).is_ok(), "what has come meanwhile is looked at");
        assert!(matches!(read(&mut waits, Some(over)), Err(Idle::Due)));
        assert!(read(&mut waits, Some(over)).is_ok(), "and again, once it was minded");
    }
}
