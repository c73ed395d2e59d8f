//! `CONNECT` (RFC 9110 section 9.3.6).

use alloc::format;
use alloc::vec::Vec;

use bytes::Bytes;
use http::header::{self, HeaderMap};

use super::{Credentials, ProxyError};
use crate::buffer::RecvBuf;
use crate::handshake::{HandshakeError, Limits, Progress, Reply, bracketed, encode_headers};

pub(super) struct HttpConnect {
    /// What has not been handed out to be sent.
    request: Bytes,
    reply: Reply,
    pub(super) limits: Limits,
}

impl HttpConnect {
    pub(super) fn new(
        host: &str,
        port: u16,
        credentials: Option<&Credentials>,
        headers: &HeaderMap,
    ) -> Self {
        let target = format!("{}:{port}", bracketed(host));
        let mut fields = HeaderMap::new();
        if let Some(Credentials::Basic(value)) = credentials {
            fields.insert(header::PROXY_AUTHORIZATION, value.clone());
        }
        for (name, value) in headers {
            fields.append(name, value.clone());
        }
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        encode_headers(&fields, &mut request);
        request.extend_from_slice(b"\r\n");
        Self { request: request.into(), reply: Reply::new(), limits: Limits::default() }
    }

    pub(super) fn advance(
        mut self,
        rx: &mut RecvBuf,
        tx: &mut Vec<u8>,
    ) -> Result<Progress<Self, ()>, ProxyError> {
        tx.extend_from_slice(&core::mem::take(&mut self.request));
        // A success has no body, whatever its headers say (RFC 9110 section 9.3.6).
        let reply = self.reply.advance(rx, &self.limits, |status| status.is_success());
        match reply.map_err(of_reply)? {
            Some(_) => Ok(Progress::Done(())),
            None => Ok(Progress::Continue(self)),
        }
    }

    pub(super) fn handle_eof(mut self) -> ProxyError {
        of_reply(self.reply.handle_eof())
    }
}

fn of_reply(error: HandshakeError) -> ProxyError {
    match error {
        HandshakeError::Refused(response) => ProxyError::Refused(response),
        HandshakeError::Incomplete => ProxyError::Incomplete,
        error => ProxyError::Http(error),
    }
}
