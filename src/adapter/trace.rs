//! What is told to `tracing`: a span for each connection, its opening and its end. Without the feature it is nothing.

use std::ops::{Deref, DerefMut};

#[cfg(feature = "tracing")]
use tracing::{Level, Span, event, field};

use crate::Connection;
use crate::handshake::{Negotiated, Refusal};

/// A connection and its span.
#[derive(Debug)]
pub(crate) struct Traced {
    conn: Connection,
    /// Absent where nobody listens, and once the end has been told.
    #[cfg(feature = "tracing")]
    span: Option<Box<Span>>,
}

#[cfg_attr(
    not(feature = "tracing"),
    allow(
        clippy::needless_pass_by_ref_mut,
        clippy::unused_self,
        reason = "with the feature they are used"
    )
)]
impl Traced {
    pub(super) const fn new(conn: Connection) -> Self {
        Self {
            conn,
            #[cfg(feature = "tracing")]
            span: None,
        }
    }

    /// The opening handshake is done.
    pub(super) fn open(&mut self, negotiated: &Negotiated) {
        #[cfg(feature = "tracing")]
        {
            let (role, subprotocol) = (self.conn.role(), negotiated.subprotocol.as_deref());
            let span =
                tracing::span!(Level::INFO, "websocket", ?role, subprotocol, peer = field::Empty);
            event!(parent: &span, Level::DEBUG, extensions = negotiated.extensions.len(), "opened");
            self.span = (!span.is_disabled()).then(|| Box::new(span));
        }
        let _ = negotiated;
    }

    /// Who the peer is.
    #[cfg(feature = "tracing")]
    pub(super) fn peer(&self, peer: impl std::fmt::Display) {
        if let Some(span) = &self.span {
            span.record("peer", field::display(peer));
        }
    }

    /// The end has been told to the application, or the connection is dropped.
    pub(super) fn end(&mut self) {
        #[cfg(feature = "tracing")]
        if let Some(span) = self.span.take() {
            let stats = self.conn.stats();
            let (received, sent) = (stats.messages_received, stats.messages_sent);
            match self.conn.closed() {
                Some(closed) => {
                    let (code, clean) = (closed.code().0, closed.is_clean());
                    event!(parent: &*span, Level::DEBUG, code, clean, received, sent, cause = %closed, "closed");
                }
                None => event!(parent: &*span, Level::DEBUG, received, sent, "dropped while open"),
            }
        }
    }

    /// The span, for what else belongs to the connection.
    #[cfg(all(feature = "tokio", feature = "tracing"))]
    pub(super) fn span(&self) -> Span {
        self.span.as_deref().cloned().unwrap_or_else(Span::none)
    }
}

impl Deref for Traced {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for Traced {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request has been refused, since it is no handshake or comes from a page that may not connect.
pub(super) fn refused(refusal: &Refusal) {
    #[cfg(feature = "tracing")]
    {
        let status = refusal.error.status().map(|status| status.as_u16());
        event!(Level::DEBUG, status, error = %refusal.error, "handshake refused");
    }
    let _ = refusal;
}

/// A request has been rejected by the application.
pub(super) fn rejected(response: &[u8]) {
    #[cfg(feature = "tracing")]
    {
        let line = response.split(|byte| *byte == b'\r').next().unwrap_or_default();
        event!(Level::DEBUG, response = %line.escape_ascii(), "handshake rejected");
    }
    let _ = response;
}
