//! A server whose connections run over TLS.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use hybi::handshake::Accept;
use hybi::tls::{ClientCertificates, ClientTls, ServerTls};
use hybi::tokio::serve::ServerStream;
use hybi::tokio::{ServeOptions, Server, Shutdown, TlsStream, Visitor, connect_over};
use hybi::{CloseCode, Message};
use tokio::time::Instant;

use crate::adapters::door::{Door, Street, door, quiet, status};
use crate::adapters::simulate;
use crate::certificates::{AUTHORITY, client, server};
use crate::meeting::HOST;

#[test]
fn a_server_echoes_over_tls_and_closes_all_at_its_end() {
    simulate(|| async {
        let (street, server) = serve(server());
        let handle = server.handle();
        let serving = tokio::spawn(server.serve(|mut ws, visitor| async move {
            assert!(matches!(ws.get_ref(), ServerStream::Tls(_)));
            assert_eq!(visitor.tls().unwrap().server_name.as_deref(), Some(HOST));
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            Ok::<(), hybi::tokio::Error>(())
        }));
        let io =
            TlsStream::connect(street.knock(), &client().build().unwrap(), HOST).await.unwrap();
        let mut ws = connect_over(io, "wss://example.com/chat", quiet()).await.unwrap();
        let message = Message::binary(vec![7; 100_000]);
        ws.send(message.clone()).await.unwrap();
        assert_eq!(ws.recv().await.unwrap(), Some(message));
        let (report, received) = tokio::join!(handle.shutdown(Shutdown::default()), ws.recv());
        assert_eq!((report.closed, received.unwrap()), (1, None));
        assert_eq!(ws.closed().unwrap().code(), CloseCode::GOING_AWAY);
        serving.await.unwrap();
    });
}

#[test]
fn the_hook_sees_the_certificate_of_the_client() {
    simulate(|| async {
        let tls = ServerTls::builder(AUTHORITY.identity(&[HOST]))
            .client_certificates(ClientCertificates::Optional(AUTHORITY.store()))
            .build()
            .unwrap();
        let (street, server) = serve(tls);
        let server = server.authorize(|visitor: Visitor| async move {
            match visitor.tls().unwrap().peer_certificates.first() {
                Some(certificate) => Ok((Accept::new(), certificate.clone())),
                None => Err(StatusCode::UNAUTHORIZED.into()),
            }
        });
        let identity = AUTHORITY.identity(&["a client"]);
        let shown = identity.chain()[0].clone().into_owned();
        tokio::spawn(server.serve(move |mut ws, visitor| {
            assert_eq!(visitor.admitted, shown);
            async move { ws.recv().await.map(|_| ()) }
        }));
        let with = client().identity(identity).build().unwrap();
        for (tls, expected) in [(with, None), (client().build().unwrap(), Some(401))] {
            let io = TlsStream::connect(street.knock(), &tls, HOST).await.unwrap();
            let visit = connect_over(io, "wss://example.com/chat", quiet()).await;
            match (visit, expected) {
                (Ok(_), None) => {}
                (Err(error), Some(expected)) => {
                    assert_eq!(status::<()>(Err(error)), expected);
                }
                (visit, _) => panic!("{visit:?}"),
            }
        }
    });
}

#[test]
fn who_never_begins_tls_holds_up_nobody_and_is_given_up() {
    simulate(|| async {
        let (street, server) = serve(server());
        let handle = server.handle();
        tokio::spawn(server.serve(|mut ws, _| async move { ws.recv().await.map(|_| ()) }));
        let start = Instant::now();
        let _silent = street.knock();
        let tls: ClientTls = client().build().unwrap();
        let io = TlsStream::connect(street.knock(), &tls, HOST).await.unwrap();
        let _open = connect_over(io, "wss://example.com/chat", quiet()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert_eq!((handle.metrics().open, handle.metrics().handshakes), (1, 1));
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!((handle.metrics().failed, handle.metrics().handshakes), (1, 0));
    });
}

fn serve(tls: ServerTls) -> (Street, Server<Door>) {
    let (street, door) = door();
    let mut options = ServeOptions::default();
    (options.config, options.tls) = (Arc::new(quiet()), Some(tls));
    (street, Server::with_options(door, options))
}
