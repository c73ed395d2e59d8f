//! A blocking stream each operation of which waits for the test, so that the order of two threads is known.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use hybi::blocking::Transport;

/// A stream each operation of which waits for the test.
pub(crate) struct Gated {
    log: Arc<Mutex<Vec<&'static str>>>,
    began: mpsc::Sender<&'static str>,
    reads: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    writes: Arc<Mutex<mpsc::Receiver<()>>>,
}

/// The test's side of it.
pub(crate) struct Gate {
    /// What was done, in order.
    pub(crate) log: Arc<Mutex<Vec<&'static str>>>,
    began: mpsc::Receiver<&'static str>,
    reads: mpsc::Sender<Vec<u8>>,
    writes: mpsc::Sender<()>,
    /// What has begun and was not yet expected.
    seen: Vec<&'static str>,
}

pub(crate) fn gated() -> (Gated, Gate) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let (began, at_beginning) = mpsc::channel();
    let (reads, comes) = mpsc::channel();
    let (writes, goes) = mpsc::channel();
    let stream = Gated {
        log: log.clone(),
        began,
        reads: Arc::new(Mutex::new(comes)),
        writes: Arc::new(Mutex::new(goes)),
    };
    (stream, Gate { log, began: at_beginning, reads, writes, seen: Vec::new() })
}

impl Gate {
    /// Lets a read bring bytes; none are the end.
    pub(crate) fn read(&self, bytes: Vec<u8>) {
        self.reads.send(bytes).unwrap();
    }

    pub(crate) fn finish_write(&self) {
        self.writes.send(()).unwrap();
    }

    pub(crate) fn expect_write(&mut self) {
        self.expect("write");
    }

    /// A read begins after the one that brought bytes.
    pub(crate) fn expect_read(&mut self) {
        self.expect("read");
        self.expect("read");
    }

    fn expect(&mut self, what: &'static str) {
        loop {
            if let Some(at) = self.seen.iter().position(|seen| *seen == what) {
                self.seen.remove(at);
                return;
            }
            self.seen.push(self.began.recv().unwrap());
        }
    }
}

impl Read for Gated {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let _ = self.began.send("read");
        let bytes = self.reads.lock().unwrap().recv().unwrap_or_default();
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Write for Gated {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let _ = self.began.send("write");
        self.writes.lock().unwrap().recv().map_err(io::Error::other)?;
        self.log.lock().unwrap().push("write");
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Gated {
    fn bound_reads(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn bound_writes(&mut self, _: Duration) -> io::Result<bool> {
        Ok(true)
    }

    fn shut_down(&mut self) -> io::Result<()> {
        self.log.lock().unwrap().push("shut down");
        Ok(())
    }

    fn second_handle(&self) -> io::Result<Self> {
        Ok(Self {
            log: self.log.clone(),
            began: self.began.clone(),
            reads: self.reads.clone(),
            writes: self.writes.clone(),
        })
    }
}
