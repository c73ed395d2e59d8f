//! A TLS session between plaintext and ciphertext, without a stream: what both adapters' streams have in common.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, ErrorKind, IoSlice, Write};

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, Connection, HandshakeKind, ProtocolVersion};

use super::{ClientTls, HTTP_1_1, ServerTls, TlsError};

/// What the two ends have agreed on, and what the peer has shown. `Debug` tells how long the certificates are.
#[derive(Clone)]
#[non_exhaustive]
pub struct Agreed {
    /// The version of TLS.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite.
    pub cipher_suite: Option<CipherSuite>,
    /// Whether an earlier session was resumed, which saves the certificates' way.
    pub resumed: bool,
    /// The protocol by ALPN: `http/1.1`, or none where an end did not say.
    pub protocol: Option<Vec<u8>>,
    /// The peer's certificates, checked, its own first. Empty for a client that has shown none.
    pub peer_certificates: Vec<CertificateDer<'static>>,
    /// The name of the server that the client has asked for (SNI); told in a server.
    pub server_name: Option<String>,
}

pub(in crate::adapter) struct Session {
    tls: Connection,
    /// Ciphertext that has come while the plaintext before it had not been taken.
    leftover: Vec<u8>,
    /// Why nothing more can come, told when what came before has been taken.
    failed: Option<rustls::Error>,
    /// Whether `close_notify` has been queued.
    is_closed: bool,
}

impl Session {
    pub(in crate::adapter) fn client(tls: &ClientTls, host: &str) -> Result<Self, TlsError> {
        let client = rustls::ClientConnection::new(tls.config().clone(), tls.name_of(host)?);
        Ok(Self::new(client.map_err(TlsError::of_config)?.into()))
    }

    pub(in crate::adapter) fn server(tls: &ServerTls) -> Result<Self, TlsError> {
        let server = rustls::ServerConnection::new(tls.config().clone());
        Ok(Self::new(server.map_err(TlsError::of_config)?.into()))
    }

    const fn new(tls: Connection) -> Self {
        Self { tls, leftover: Vec::new(), failed: None, is_closed: false }
    }

    /// How the handshake stands: `None` while it needs bytes from the peer. What is to be sent goes first.
    pub(in crate::adapter) fn handshake(&self) -> Option<Result<(), TlsError>> {
        if self.tls.is_handshaking() {
            let error = self.failed.clone();
            return error.map(|error| Err(TlsError::of_handshake(error)));
        }
        // What went wrong behind the handshake is told in its place.
        Some(match self.tls.alpn_protocol() {
            Some(protocol) if protocol != HTTP_1_1 => Err(TlsError::Protocol(protocol.to_vec())),
            _ => Ok(()),
        })
    }

    /// Takes ciphertext that has come; none is the end of the stream.
    pub(in crate::adapter) fn feed(&mut self, mut ciphertext: &[u8]) {
        if self.is_closed && !ciphertext.is_empty() {
            // An alert behind our `close_notify` would be against the protocol; rustls asserts that it sends none.
            return;
        }
        loop {
            // Reading memory does not fail: an error says that plaintext has to be taken first.
            if self.failed.is_some() {
                return;
            }
            match self.tls.read_tls(&mut ciphertext) {
                // Nothing counts behind the peer's `close_notify`.
                Ok(0) => return,
                Ok(_) => {}
                Err(_) => break,
            }
            if let Err(error) = self.tls.process_new_packets() {
                self.failed = Some(error);
            }
            if ciphertext.is_empty() {
                return;
            }
        }
        self.leftover = ciphertext.to_vec();
    }

    /// Hands plaintext to `take`, which says how much of it it took: `None` if there is none before more is
    /// fed, and 0 at the end.
    pub(in crate::adapter) fn read(
        &mut self,
        take: impl FnOnce(&[u8]) -> usize,
    ) -> io::Result<Option<usize>> {
        loop {
            let mut reader = self.tls.reader();
            match reader.fill_buf() {
                Ok(chunk) => {
                    let count = take(chunk);
                    reader.consume(count);
                    return Ok(Some(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if let Some(error) = &self.failed {
                return Err(io::Error::new(ErrorKind::InvalidData, error.clone()));
            }
            if self.leftover.is_empty() {
                return Ok(None);
            }
            let leftover = std::mem::take(&mut self.leftover);
            self.feed(&leftover);
        }
    }

    /// Encrypts as much as there is room for, at least a byte: call it when all ciphertext has been sent.
    pub(in crate::adapter) fn write(&mut self, plaintext: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tls.writer().write_vectored(plaintext)
    }

    /// Whether there is ciphertext to be sent.
    pub(in crate::adapter) fn wants_write(&self) -> bool {
        self.tls.wants_write()
    }

    /// Sends ciphertext, once.
    pub(in crate::adapter) fn write_to(&mut self, io: &mut dyn Write) -> io::Result<()> {
        match self.tls.write_tls(io) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Queues `close_notify`, once. What comes from then on is dropped, up to the end of the stream.
    pub(in crate::adapter) fn close(&mut self) {
        self.is_closed = true;
        self.tls.send_close_notify();
    }

    /// Whether nothing more can come because the peer has broken the protocol, or has ended it with an alert.
    pub(in crate::adapter) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(in crate::adapter) fn agreed(&self) -> Agreed {
        Agreed {
            version: self.tls.protocol_version(),
            cipher_suite: self.tls.negotiated_cipher_suite().map(|suite| suite.suite()),
            resumed: self.tls.handshake_kind() == Some(HandshakeKind::Resumed),
            protocol: self.tls.alpn_protocol().map(<[u8]>::to_vec),
            peer_certificates: self.tls.peer_certificates().unwrap_or_default().to_vec(),
            server_name: match &self.tls {
                Connection::Server(server) => server.server_name().map(str::to_owned),
                Connection::Client(_) => None,
            },
        }
    }
}

impl fmt::Debug for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<_> = self.peer_certificates.iter().map(|one| one.len()).collect();
        f.debug_struct("Agreed")
            .field("version", &self.version)
            .field("cipher_suite", &self.cipher_suite)
            .field("resumed", &self.resumed)
            .field("protocol", &self.protocol.as_deref().map(<[u8]>::escape_ascii))
            .field("peer_certificates", &format_args!("{lengths:?} bytes"))
            .field("server_name", &self.server_name)
            .finish()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what has been decrypted.
        f.debug_struct("Session").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// How much ciphertext is read at a time: two records of the largest size.
const SCRATCH: usize = 32 * 1024 + 512;

/// Lends memory for one read: a connection that waits owns none.
pub(in crate::adapter) fn with_scratch<T>(work: impl FnOnce(&mut [u8]) -> T) -> T {
    thread_local! {
        static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    }
    // TLS within TLS asks for a second while the first is lent.
    let mut scratch = SPARE.take().unwrap_or_else(|| vec![0; SCRATCH].into());
    let done = work(&mut scratch);
    SPARE.set(Some(scratch));
    done
}
