//! How each of them accepts a connection.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Empty;
use hybi::RecvBuf;
use hybi::handshake::{Accept, Progress, ServerHandshake};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use soketto::handshake::server::Response as Answer;
use tokio_util::compat::TokioAsyncReadCompatExt;
use wtx::web_socket::WebSocketAcceptor;

use super::exchange::Exchange;
use crate::pipe::now;
use crate::servers::shake;

pub(super) fn floor(mut exchange: Exchange) {
    let response = shake::answer(&exchange.request).expect("valid");
    exchange.response.put(&response);
}

/// httparse and the accept key alone: what a server cannot leave out.
pub(super) fn parse_and_key(mut exchange: Exchange) {
    let accept = shake::accept(&exchange.request).expect("valid");
    exchange.response.put(accept.as_bytes());
}

pub(super) fn hybi(mut exchange: Exchange) {
    let mut rx = RecvBuf::new();
    rx.extend_from_slice(&exchange.request);
    let progress = ServerHandshake::new(Default::default()).advance(&mut rx);
    let Ok(Progress::Done(incoming)) = progress else { panic!("it is whole") };
    let accepted = incoming.accept(&Accept::new()).expect("valid");
    exchange.response.put(&accepted.to_bytes());
}

pub(super) fn tungstenite(exchange: Exchange) {
    tungstenite::accept(exchange).expect("valid");
}

pub(super) fn tokio_tungstenite(exchange: Exchange) {
    now(tokio_tungstenite::accept_async(exchange)).expect("valid");
}

pub(super) fn tokio_websockets(exchange: Exchange) {
    now(tokio_websockets::ServerBuilder::new().accept(exchange)).expect("valid");
}

pub(super) fn sockudo(mut exchange: Exchange) {
    now(sockudo_ws::handshake::server_handshake(&mut exchange)).expect("valid");
}

pub(super) fn wtx(exchange: Exchange) {
    now(WebSocketAcceptor::default().accept(exchange)).expect("valid");
}

pub(super) fn soketto(exchange: Exchange) {
    let mut server = soketto::handshake::Server::new(exchange.compat());
    let key = now(server.receive_request()).expect("valid").key();
    now(server.send_response(&Answer::Accept { key, protocol: None })).expect("it takes all");
}

pub(super) fn fastwebsockets(exchange: Exchange) {
    serve(exchange, |request| fastwebsockets::upgrade::upgrade(request).expect("valid").0);
}

pub(super) fn yawc(exchange: Exchange) {
    serve(exchange, |request| {
        yawc::WebSocket::<yawc::HttpStream>::upgrade(request).expect("valid").0
    });
}

/// A request in hyper, which both of them are made for.
fn serve(exchange: Exchange, upgrade: fn(&mut Request<Incoming>) -> Response<Empty<Bytes>>) {
    let service = service_fn(move |mut request| {
        std::future::ready(Ok::<_, Infallible>(upgrade(&mut request)))
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(exchange), service)
        .with_upgrades();
    now(served).expect("valid");
}
