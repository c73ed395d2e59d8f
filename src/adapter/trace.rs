//! What is told to `tracing`: a span for each connection, its opening and its end. Without the feature it is nothing.

#[cfg(all(feature = "tokio", feature = "tracing"))]
use std::fmt::Display;

#[cfg(feature = "tracing")]
use tracing::{Level, event};
#[cfg(all(feature = "tokio", feature = "tracing"))]
use tracing::{Span, field};

#[cfg(feature = "tokio")]
use crate::Connection;
#[cfg(feature = "tokio")]
use crate::handshake::Negotiated;
use crate::handshake::Refusal;

/// A connection's span: absent where nobody listens, and once the end has been told.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
pub(super) struct Trace {
    #[cfg(feature = "tracing")]
    span: Option<Box<Span>>,
}

#[cfg(all(feature = "tokio", feature = "tracing"))]
impl Trace {
    /// A connection has been opened.
    pub(super) fn open(&mut self, conn: &Connection, negotiated: &Negotiated) {
        let role = conn.role();
        let span = tracing::span!(
            Level::INFO,
            "websocket",
            ?role,
            subprotocol = negotiated.subprotocol.as_deref(),
            peer = field::Empty
        );
        event!(parent: &span, Level::DEBUG, extensions = negotiated.extensions.len(), "opened");
        self.span = (!span.is_disabled()).then(|| Box::new(span));
    }

    /// Who the peer is.
    pub(super) fn peer(&self, peer: impl Display) {
        if let Some(span) = &self.span {
            span.record("peer", field::display(peer));
        }
    }

    /// The connection has ended, or is dropped.
    pub(super) fn end(&mut self, conn: &Connection) {
        let Some(span) = self.span.take() else { return };
        let stats = conn.stats();
        let (received, sent) = (stats.messages_received, stats.messages_sent);
        match conn.closed() {
            Some(closed) => {
                let (code, clean) = (closed.code().0, closed.is_clean());
                event!(parent: &*span, Level::DEBUG, code, clean, received, sent, cause = %closed, "closed");
            }
            None => event!(parent: &*span, Level::DEBUG, received, sent, "dropped while open"),
        }
    }

    /// The span, for what else belongs to the connection.
    pub(super) fn span(&self) -> Span {
        self.span.as_deref().cloned().unwrap_or_else(Span::none)
    }
}

#[cfg(all(feature = "tokio", not(feature = "tracing")))]
#[expect(
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "with the feature they are used"
)]
impl Trace {
    pub(super) const fn open(&mut self, _conn: &Connection, _negotiated: &Negotiated) {}

    pub(super) const fn end(&mut self, _conn: &Connection) {}
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
