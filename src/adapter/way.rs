//! What both adapters' `connect` decide on the way from a URL to a connection.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

#[cfg(feature = "tls")]
use super::tls::ClientTls;
use super::{Connect, ConnectError, ConnectFailure, ConnectStep, Error};
#[cfg(feature = "tls")]
use crate::RecvBuf;
use crate::connect::{RedirectError, redirect};
use crate::handshake::{HandshakeError, bracketed};
use crate::proxy::{Proxy, ProxyError};

/// Whether there is the TLS that the way needs, before anything is sent.
pub(crate) fn check_tls(connect: &Connect) -> Result<(), ConnectError> {
    let url = connect.request.url();
    let proxy = connect.proxies.proxy_for(url.host(), url.port()).filter(|proxy| proxy.is_tls());
    #[cfg(feature = "tls")]
    {
        if url.is_tls() {
            connect.server_tls()?;
        }
        proxy.map_or(Ok(()), |proxy| connect.proxys_tls(proxy).map(drop))
    }
    #[cfg(not(feature = "tls"))]
    match url.is_tls() || proxy.is_some() {
        true => Err(crate::handshake::RequestError::NeedsTls.into()),
        false => Ok(()),
    }
}

/// Whether TLS is put over the way to the server, through which nothing may have come before.
#[cfg(feature = "tls")]
pub(crate) fn needs_tls(connect: &Connect, rx: &RecvBuf) -> Result<bool, ConnectError> {
    let is_tls = connect.request.url().is_tls();
    match is_tls && !rx.unread().is_empty() {
        true => Err(ConnectError::new(ConnectStep::Proxy, peer(connect), ProxyError::EarlyBytes)),
        false => Ok(is_tls),
    }
}

/// An attempt of a race that has failed, and with what: with nothing where it had not ended in time.
pub(crate) type Failed<E> = (SocketAddr, Option<E>);

/// Why no address took a connection.
pub(crate) fn no_connection(each: Vec<Failed<io::Error>>) -> ConnectFailure {
    let silent = || ErrorKind::TimedOut.into();
    let each = each.into_iter().map(|(address, error)| (address, error.unwrap_or_else(silent)));
    ConnectFailure::Addresses(each.collect())
}

/// Why no address was reached through a proxy: its last word, if it has said one, and of its words the one that ended the
/// attempts.
pub(crate) fn no_tunnels(
    connect: &Connect,
    proxy: &Proxy,
    each: Vec<Failed<ConnectFailure>>,
) -> ConnectError {
    let silent = match each[..] {
        [] => ConnectFailure::Addresses(Vec::new()),
        _ => ConnectFailure::Timeout,
    };
    let said = each.into_iter().filter_map(|(_, failure)| failure);
    // Of equals that is the last.
    let decisive = said.max_by_key(|failure| !may_fare_better(failure));
    no_tunnel(connect, proxy, decisive.unwrap_or(silent))
}

/// Why there is no way through a proxy.
pub(crate) fn no_tunnel(
    connect: &Connect,
    proxy: &Proxy,
    failure: impl Into<ConnectFailure>,
) -> ConnectError {
    ConnectError::new(ConnectStep::Proxy, format!("{} through {proxy}", peer(connect)), failure)
}

/// Whether a tunnel to another address of the server may fare better than the one that has failed. Proxies also say so by a
/// general failure, and that of OpenSSH by hanging up.
pub(crate) fn may_fare_better(failure: &ConnectFailure) -> bool {
    match failure {
        ConnectFailure::Proxy(ProxyError::Reply(1) | ProxyError::Incomplete) => true,
        ConnectFailure::Proxy(error) => error.is_about_address(),
        failure => matches!(failure, ConnectFailure::Io(_) | ConnectFailure::Timeout),
    }
}

/// Sets the options of a TCP connection, of whichever adapter.
macro_rules! set_tcp_options {
    ($stream:expr, $options:expr) => {
        $stream.set_nodelay($options.nodelay).and_then(|()| {
            #[cfg(feature = "tcp-keepalive")]
            if let Some(idle) = $options.keepalive {
                let probes = socket2::TcpKeepalive::new().with_time(idle).with_interval(idle);
                socket2::SockRef::from($stream).set_tcp_keepalive(&probes)?;
            }
            Ok(())
        })
    };
}
pub(crate) use set_tcp_options;

/// Whom a client's handshake is made with, as messages name it: host and port, or the path of a socket.
pub(crate) fn peer(connect: &Connect) -> String {
    let url = connect.request.url();
    connect.socket.clone().unwrap_or_else(|| authority(url.host(), url.port()))
}

/// Host and port as messages name them.
pub(crate) fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

impl Connect {
    /// Where a failed handshake leads to, if it is a redirect that is to be followed.
    pub(super) fn redirected(mut self, error: Error) -> Result<Self, ConnectError> {
        let (left, response) = match (self.redirects, error) {
            (Some(left), Error::Handshake(HandshakeError::Refused(response))) => (left, response),
            (_, error) => {
                return Err(ConnectError::new(ConnectStep::Handshake, peer(&self), error));
            }
        };
        let error = match redirect(&self.request, &response) {
            Ok(None) => {
                let refused = HandshakeError::Refused(response);
                return Err(ConnectError::new(
                    ConnectStep::Handshake,
                    peer(&self),
                    Error::from(refused),
                ));
            }
            Ok(Some(_)) if left == 0 => RedirectError::TooMany,
            Ok(Some(next)) => {
                let (here, there) = (self.request.url(), next.url());
                if self.socket.is_none() || here.same_origin(there) {
                    if (here.host(), here.port()) != (there.host(), there.port()) {
                        // They were meant for another host.
                        self.addresses = None;
                    }
                    #[cfg(feature = "tls")]
                    if !here.same_origin(there) {
                        self.tls = self.tls.map(ClientTls::for_another_origin);
                    }
                    self.request = next;
                    self.redirects = Some(left - 1);
                    return Ok(self);
                }
                RedirectError::LeavesSocket
            }
            Err(error) => error,
        };
        let failure = ConnectFailure::Redirect { error, response };
        Err(ConnectError::new(ConnectStep::Redirect, peer(&self), failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_that_ended_the_attempts_is_told_or_else_the_last() {
        let connect = Connect::new("ws://server.invalid/").expect("it is a URL");
        let proxy = "socks5://127.0.0.1:1080".parse().expect("it is a proxy");
        let address = SocketAddr::from(([192, 0, 2, 1], 80));
        let told = |each: Vec<Option<ProxyError>>| {
            let each = each.into_iter().map(|error| (address, error.map(ConnectFailure::from)));
            no_tunnels(&connect, &proxy, each.collect()).into_failure()
        };
        let decisive = told(vec![
            Some(ProxyError::Reply(4)),
            Some(ProxyError::NoMethod),
            Some(ProxyError::Incomplete),
            None,
        ]);
        assert!(matches!(decisive, ConnectFailure::Proxy(ProxyError::NoMethod)), "{decisive:?}");
        let last = told(vec![Some(ProxyError::Reply(4)), Some(ProxyError::Reply(5)), None]);
        assert!(matches!(last, ConnectFailure::Proxy(ProxyError::Reply(5))), "{last:?}");
        assert!(matches!(told(vec![None]), ConnectFailure::Timeout));
    }
}
