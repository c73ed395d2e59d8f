//! What both adapters' reconnecting clients share: the state machine, the URLs, the application's say.

use std::{fmt, io};

use bytes::Bytes;

#[cfg(feature = "tls")]
use super::tls::TlsError;
use super::{ConnectError, ConnectFailure, Error, entropy};
use crate::handshake::{HandshakeError, Url};
use crate::proxy::ProxyError;
use crate::reconnect::{self, Decision, Loss, Options, Reconnect};
use crate::{Closed, Connection, Instant, SendError};

/// A loss, to be decided on by the application.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lost<'a> {
    /// What it is to the library.
    pub loss: &'a Loss,
    /// The error behind it, where there is one.
    pub error: Option<&'a Error>,
    /// Whom it dialed.
    pub url: &'a Url,
}

pub(super) type Decide = Box<dyn FnMut(&Lost<'_>, Decision) -> Decision + Send>;

pub(super) struct Plan {
    pub(super) machine: Reconnect,
    urls: Vec<Url>,
    decide: Option<Decide>,
    /// What the last loss came from.
    error: Option<Error>,
    /// The endpoint that was dialed last.
    endpoint: usize,
}

impl Plan {
    pub(super) fn new(url: Url, options: Options) -> Self {
        let seed = u64::from(entropy::random_u32()) << 32 | u64::from(entropy::random_u32());
        let machine = Reconnect::new(options, seed);
        Self { machine, urls: vec![url], decide: None, error: None, endpoint: 0 }
    }

    pub(super) fn add(&mut self, url: Url) {
        self.machine.add_endpoint();
        self.urls.push(url);
    }

    pub(super) fn set_decide(&mut self, decide: Decide) {
        self.decide = Some(decide);
    }

    /// The URL that is to be dialed, once that is due.
    pub(super) fn due(&self, now: Instant) -> Option<&Url> {
        self.machine.due(now).map(|endpoint| &self.urls[endpoint])
    }

    /// The URL to dial now.
    pub(super) fn begin_dial(&mut self, now: Instant) -> Option<Url> {
        self.endpoint = self.machine.begin_dial(now)?;
        Some(self.urls[self.endpoint].clone())
    }

    /// The dial failed.
    pub(super) fn fail(&mut self, now: Instant, error: Error) {
        self.lose(now, None, Loss::from(&error), Some(error));
    }

    /// The dial failed, or the connection ended.
    pub(super) fn lose(
        &mut self,
        now: Instant,
        conn: Option<&mut Connection>,
        loss: Loss,
        error: Option<Error>,
    ) {
        self.error = error;
        let proposed = Decision::about(&loss, self.machine.options());
        let lost = Lost { loss: &loss, error: self.error.as_ref(), url: &self.urls[self.endpoint] };
        let decision = match &mut self.decide {
            Some(decide) => decide(&lost, proposed),
            None => proposed,
        };
        self.machine.handle_loss(now, conn, loss, decision);
    }

    pub(super) const fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    pub(super) fn url(&self) -> &Url {
        &self.urls[self.endpoint]
    }
}

impl From<&Error> for Loss {
    fn from(error: &Error) -> Self {
        match error {
            Error::Io(error) => of_io(error),
            Error::Handshake(error) => of_handshake(error),
            Error::Connect(error) => of_connect(error),
            #[cfg(feature = "tls")]
            Error::Tls(error) => of_tls(error),
            Error::Closed(closed) => Self::Closed(Closed::clone(closed)),
            // A greeting came too late.
            Error::Send(SendError::Closed(())) => Self::Transport,
            Error::Request(_) | Error::Accept(_) | Error::Send(_) => Self::Request,
        }
    }
}

fn of_io(error: &io::Error) -> Loss {
    match error.kind() {
        io::ErrorKind::TimedOut => Loss::TimedOut,
        _ => Loss::Transport,
    }
}

fn of_handshake(error: &HandshakeError) -> Loss {
    match error {
        HandshakeError::Refused(response) => of_refusal(response),
        HandshakeError::Incomplete => Loss::Transport,
        HandshakeError::Timeout => Loss::TimedOut,
        _ => Loss::Handshake,
    }
}

fn of_refusal(response: &http::Response<Bytes>) -> Loss {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let date = text(http::header::DATE);
    let retry_after = text(http::header::RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| reconnect::retry_after(value, date));
    Loss::Refused { status: response.status().as_u16(), retry_after }
}

fn of_connect(error: &ConnectError) -> Loss {
    match error.failure() {
        ConnectFailure::Request(_) => Loss::Request,
        ConnectFailure::Handshake(error) => of_handshake(error),
        ConnectFailure::Proxy(ProxyError::Refused(response))
        | ConnectFailure::Redirect { response, .. } => of_refusal(response),
        ConnectFailure::Timeout => Loss::TimedOut,
        ConnectFailure::Proxy(
            ProxyError::NotSocks5
            | ProxyError::Malformed
            | ProxyError::NoMethod
            | ProxyError::Credentials
            | ProxyError::HostTooLong,
        ) => Loss::Request,
        ConnectFailure::Io(error) => of_io(error),
        #[cfg(feature = "tls")]
        ConnectFailure::Tls(error) => of_tls(error),
        ConnectFailure::Addresses(_) if error.is_timeout() => Loss::TimedOut,
        ConnectFailure::Addresses(_) | ConnectFailure::Proxy(_) => Loss::Transport,
    }
}

#[cfg(feature = "tls")]
fn of_tls(error: &TlsError) -> Loss {
    match error {
        TlsError::Handshake(_) => Loss::Untrusted,
        TlsError::NotTls | TlsError::Protocol(_) => Loss::Handshake,
        TlsError::Ended => Loss::Transport,
        TlsError::Timeout => Loss::TimedOut,
        // There is no configuration to begin with.
        _ => Loss::Request,
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("machine", &self.machine)
            .field("urls", &self.urls)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
