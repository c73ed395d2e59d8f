//! A stream with faults as blocking streams are: bounded in time, and with a second handle.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hybi::blocking::Transport;

use super::faulty::Faulty;

/// A stream whose waits can be bounded. One that is over fails with a kind of error of the operating system's choice.
pub(crate) struct Bounded<'s> {
    pub(crate) stream: &'s mut Faulty,
    pub(crate) late: ErrorKind,
    /// The caller's own bound on reads.
    pub(crate) own: Option<Duration>,
}

impl<'s> Bounded<'s> {
    pub(crate) const fn new(stream: &'s mut Faulty, late: ErrorKind) -> Self {
        Self { stream, late, own: None }
    }

    fn told<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => self.late.into(),
            _ => error,
        })
    }
}

impl Read for Bounded<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let done = self.stream.read(buf);
        self.told(done)
    }
}

impl Write for Bounded<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let done = self.stream.write(buf);
        self.told(done)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let done = self.stream.write_vectored(slices);
        self.told(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.stream.flush();
        self.told(done)
    }
}

impl Transport for Bounded<'_> {
    fn bound_reads(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn bound_writes(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn read_bound(&self) -> io::Result<Option<Duration>> {
        Ok(self.own)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.stream.is_shut_down = true;
        Ok(())
    }
}

/// One of several handles to a stream.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Arc<Mutex<Faulty>>);

impl Handle {
    pub(crate) fn stream(&self) -> MutexGuard<'_, Faulty> {
        self.0.lock().unwrap()
    }
}

impl Read for Handle {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream().read(buf)
    }
}

impl Write for Handle {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream().write(buf)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream().write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream().flush()
    }
}

impl Transport for Handle {
    fn second_handle(&self) -> io::Result<Self> {
        Ok(self.clone())
    }
}
