//! SOCKS 5 (RFC 1928) with user and password (RFC 1929).
//!
//! ```text
//!   us      version methods...      ->              Greeting
//!   proxy   version method          <-  Method
//!   us      1 user password         ->              where the proxy asks for it
//!   proxy   1 status                <-  Status
//!   us      version CONNECT target  ->
//!   proxy   version reply address   <-  Reply
//! ```

use alloc::vec::Vec;
use core::net::IpAddr;

use super::{Credentials, ProxyError};
use crate::buffer::RecvBuf;
use crate::handshake::Progress;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xFF;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

pub(super) struct Socks5 {
    state: State,
    /// The message with user and password, where there are.
    credentials: Option<Vec<u8>>,
    /// The request.
    request: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy)]
enum State {
    Greeting,
    Method,
    Status,
    Reply,
}

/// The message with user and password; `None` where they are no 1 to 255 bytes, or for the password none.
pub(super) fn credentials(user: &str, password: &str) -> Option<Vec<u8>> {
    let mut message = [1].to_vec();
    put_short(&mut message, user)?;
    put_short(&mut message, password)?;
    (!user.is_empty()).then_some(message)
}

impl Socks5 {
    pub(super) fn new(
        host: &str,
        port: u16,
        credentials: Option<&Credentials>,
    ) -> Result<Self, ProxyError> {
        let mut request = [VERSION, CONNECT, 0].to_vec();
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend_from_slice(&address.octets());
            }
            Err(_) => {
                request.push(NAME);
                put_short(&mut request, host).ok_or(ProxyError::HostTooLong)?;
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        let credentials = match credentials {
            Some(Credentials::Socks(message)) => Some(message.clone()),
            _ => None,
        };
        Ok(Self { state: State::Greeting, credentials, request })
    }

    pub(super) fn advance(
        mut self,
        rx: &mut RecvBuf,
        tx: &mut Vec<u8>,
    ) -> Result<Progress<Self, ()>, ProxyError> {
        loop {
            match (self.state, rx.unread()) {
                (State::Greeting, _) => {
                    tx.extend_from_slice(match self.credentials {
                        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
                        None => &[VERSION, 1, NO_AUTHENTICATION],
                    });
                    self.state = State::Method;
                }
                (State::Method | State::Reply, [version, ..]) if *version != VERSION => {
                    return Err(ProxyError::NotSocks5);
                }
                (State::Method, [_, method, ..]) => {
                    match (*method, &self.credentials) {
                        (NO_AUTHENTICATION, _) => {
                            tx.extend_from_slice(&self.request);
                            self.state = State::Reply;
                        }
                        (USER_AND_PASSWORD, Some(message)) => {
                            tx.extend_from_slice(message);
                            self.state = State::Status;
                        }
                        (NO_METHOD, _) => return Err(ProxyError::NoMethod),
                        _ => return Err(ProxyError::Malformed),
                    }
                    rx.consume(2);
                }
                (State::Status, [version, ..]) if *version != 1 => {
                    return Err(ProxyError::Malformed);
                }
                (State::Status, [_, status, ..]) => {
                    if *status != 0 {
                        return Err(ProxyError::Credentials);
                    }
                    rx.consume(2);
                    tx.extend_from_slice(&self.request);
                    self.state = State::Reply;
                }
                (State::Reply, [_, reply, ..]) if *reply != 0 => {
                    return Err(ProxyError::Reply(*reply));
                }
                (State::Reply, bytes) => {
                    let Some(len) = reply_len(bytes)? else { return Ok(Progress::Continue(self)) };
                    rx.consume(len);
                    return Ok(Progress::Done(()));
                }
                (State::Method | State::Status, [] | [_]) => return Ok(Progress::Continue(self)),
            }
        }
    }
}

/// Appends a length and the text; `None` where a byte cannot hold the length.
fn put_short(message: &mut Vec<u8>, text: &str) -> Option<()> {
    message.push(u8::try_from(text.len()).ok()?);
    message.extend_from_slice(text.as_bytes());
    Some(())
}

/// The length of a reply that begins with `bytes`, if all of it is there: the address in it is of no use to us.
fn reply_len(bytes: &[u8]) -> Result<Option<usize>, ProxyError> {
    /// Version, reply, a reserved byte and the type of the address before it, the port after it.
    const AROUND: usize = 6;
    let address = match bytes.get(3) {
        None => return Ok(None),
        Some(&IPV4) => 4,
        Some(&IPV6) => 16,
        Some(&NAME) => match bytes.get(4) {
            None => return Ok(None),
            Some(len) => usize::from(*len).saturating_add(1),
        },
        Some(_) => return Err(ProxyError::Malformed),
    };
    let len = address.saturating_add(AROUND);
    Ok((bytes.len() >= len).then_some(len))
}
