//! The load: messages that were masked before, written to blocking sockets one connection after the other; what comes
//! back is counted, not parsed. That is one write and one read for all that is in flight on a connection, and cheaper
//! than any server.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use hybi::frame::{Header, OpCode, mask};

use crate::grid::size_name;

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    WebSocket,
    /// It sends back the bytes as they came.
    Raw,
}

/// How much is asked of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) connections: usize,
    /// How many messages are sent at once on each; the next follow when all have come back.
    pub(super) in_flight: usize,
    pub(super) size: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}, {}", self.connections, self.in_flight, size_name(self.size))
    }
}

/// So much is written at once without fear that both ends wait to be read from.
const SAFE: usize = 128 * 1024;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Connections to one server.
#[derive(Debug)]
pub(super) struct Load {
    connections: Vec<TcpStream>,
    /// What is sent at once.
    batch: Vec<u8>,
    /// How many bytes answer it.
    answer: usize,
}

impl Load {
    /// Connects, and sees that each connection echoes.
    pub(super) fn open(port: u16, speaks: Speaks, shape: Shape) -> io::Result<Self> {
        let mut load = Self::connect(port, speaks, shape)?;
        load.verify(speaks, shape)?;
        Ok(load)
    }

    /// Connects and sends nothing but the opening handshakes.
    pub(super) fn connect(port: u16, speaks: Speaks, shape: Shape) -> io::Result<Self> {
        let connections = (0..shape.connections).map(|_| connect(port, speaks));
        let mut load = Self {
            connections: connections.collect::<io::Result<_>>()?,
            batch: Vec::new(),
            answer: 0,
        };
        load.set_message(speaks, shape.size, shape.in_flight);
        Ok(load)
    }

    /// Changes what is sent.
    pub(super) fn set_message(&mut self, speaks: Speaks, size: usize, in_flight: usize) {
        let sent = frame(&payload(size), Some(KEY));
        let answer = match speaks {
            Speaks::WebSocket => frame(&payload(size), None).len(),
            Speaks::Raw => sent.len(),
        };
        self.batch = sent.repeat(in_flight);
        self.answer = answer * in_flight;
    }

    fn verify(&mut self, speaks: Speaks, shape: Shape) -> io::Result<()> {
        let expected = match speaks {
            Speaks::WebSocket => frame(&payload(shape.size), None).repeat(shape.in_flight),
            Speaks::Raw => self.batch.clone(),
        };
        for stream in &self.connections {
            let mut told = vec![0; expected.len()];
            let (mut rx, mut tx) = (stream, stream);
            if self.batch.len() <= SAFE {
                tx.write_all(&self.batch)?;
                rx.read_exact(&mut told)?;
            } else {
                std::thread::scope(|scope| {
                    scope.spawn(|| tx.write_all(&self.batch));
                    rx.read_exact(&mut told)
                })?;
            }
            assert!(told == expected, "what comes back is what was sent");
        }
        Ok(())
    }

    /// Sends on each connection so many times, and waits for the answers. Returns the processor time it took here.
    pub(super) fn run(&self, rounds: u32) -> io::Result<Duration> {
        if self.batch.len() <= SAFE {
            self.run_in_turn(rounds)
        } else {
            self.run_with_threads(rounds)
        }
    }

    /// Sends once on each connection, and waits for its answer before the next.
    pub(super) fn run_one_by_one(&self) -> io::Result<()> {
        let mut buf = vec![0; SAFE];
        for mut stream in &self.connections {
            stream.write_all(&self.batch)?;
            read(stream, self.answer, &mut buf)?;
        }
        Ok(())
    }

    fn run_in_turn(&self, rounds: u32) -> io::Result<Duration> {
        let before = thread_cpu();
        let mut buf = vec![0; SAFE];
        for round in 0..=rounds {
            for mut stream in &self.connections {
                if round > 0 {
                    read(stream, self.answer, &mut buf)?;
                }
                if round < rounds {
                    stream.write_all(&self.batch)?;
                }
            }
        }
        Ok(thread_cpu() - before)
    }

    /// As above, with two threads for each connection, since a server may send before it has read all.
    fn run_with_threads(&self, rounds: u32) -> io::Result<Duration> {
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for mut stream in &self.connections {
                let (answered, answers) = mpsc::sync_channel(1);
                threads.push(scope.spawn(move || {
                    for _ in 0..rounds {
                        stream.write_all(&self.batch)?;
                        let Ok(()) = answers.recv() else { break };
                    }
                    io::Result::Ok(thread_cpu())
                }));
                threads.push(scope.spawn(move || {
                    let mut buf = vec![0; SAFE];
                    for _ in 0..rounds {
                        read(stream, self.answer, &mut buf)?;
                        let _ = answered.send(());
                    }
                    Ok(thread_cpu())
                }));
            }
            threads.into_iter().map(|thread| thread.join().expect("it does not panic")).sum()
        })
    }
}

/// The time that this thread has been on a processor.
pub(crate) fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("the kernel tells it"))
}

/// Reads so many bytes.
fn read(mut stream: &TcpStream, mut len: usize, buf: &mut [u8]) -> io::Result<()> {
    while len > 0 {
        let room = buf.len().min(len);
        match stream.read(&mut buf[..room])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => len -= count,
        }
    }
    Ok(())
}

fn connect(port: u16, speaks: Speaks) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    if speaks == Speaks::WebSocket {
        let host = format!("127.0.0.1:{port}");
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut head = Vec::new();
        let mut buf = [0; 1024];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buf)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => head.extend_from_slice(&buf[..count]),
            }
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "it accepts the handshake");
    }
    Ok(stream)
}

fn payload(size: usize) -> Vec<u8> {
    (0..size).map(|i| i as u8).collect()
}

fn frame(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let len = payload.len() as u64;
    let header = Header { fin: true, rsv1: false, opcode: OpCode::Binary, mask: key, len };
    let mut payload = payload.to_vec();
    mask(&mut payload, key.unwrap_or_default());
    [&header.encode()[..], &payload].concat()
}
