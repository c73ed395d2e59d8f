//! What goes over the wire: records, writes, the end; and what is lost of it.

use std::io::ErrorKind;

use hybi::blocking::Error;
use hybi::{Cause, CloseCode, Config, Role};

use crate::adapters::faulty::Faulty;
use crate::adapters::frames::{REQUEST, close, parse_all};
use crate::adapters::poll::{drive, poll_times};
use crate::adapters::session::{Session, after_head};
use crate::adapters::{bounded, by_hand};
use crate::certificates::{client, server};
use crate::meeting::{BlockingTls, HOST, TokioTls, URL};
use crate::wire::{End, Wire, blocking};

/// Records of application data, TLS's own type.
const DATA: u8 = 23;

#[test]
fn a_batch_of_messages_is_one_write_of_one_record_on_tokio() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let before = (ws.get_ref().get_ref().writes.len(), ws.get_ref().get_ref().records.len());
        for number in 0..100 {
            ws.try_send(format!("message {number}")).unwrap();
        }
        drive(ws.flush()).unwrap();
        let wire = ws.get_ref().get_ref();
        assert_eq!(wire.writes.len() - before.0, 1);
        assert_eq!(wire.records[before.1..], [DATA]);
        drop(ws);
        assert_eq!(parse_all(after_head(&script.written).unwrap()).len(), 100);
    });
}

#[test]
fn a_batch_of_messages_is_one_write_of_one_record_when_blocking() {
    bounded(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = BlockingTls::accept(blocking(&mut wire), &server()).unwrap();
        let mut ws = hybi::blocking::accept(stream).unwrap();
        let wire = |ws: &hybi::blocking::WebSocket<BlockingTls<_>>| {
            let hybi::blocking::Untimed(wire): &hybi::blocking::Untimed<&mut Wire<'_>> =
                ws.get_ref().get_ref();
            (wire.writes.len(), wire.records.clone())
        };
        let before = wire(&ws);
        for number in 0..100 {
            ws.feed(format!("message {number}")).unwrap();
        }
        ws.flush().unwrap();
        let after = wire(&ws);
        assert_eq!(after.0 - before.0, 1);
        assert_eq!(after.1[before.1.len()..], [DATA]);
    });
}

#[test]
fn a_large_message_is_full_records_and_few_writes() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        script.stays = true;
        let mut wire = Wire::new(Role::Server, &mut script);
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let before = (ws.get_ref().get_ref().writes.len(), ws.get_ref().get_ref().records.len());
        drive(ws.send(vec![7; 1 << 20])).unwrap();
        let wire = ws.get_ref().get_ref();
        // 64 KiB a write and 16 KiB a record; a header more than a whole number of both.
        assert!(wire.writes.len() - before.0 <= 18, "{} writes", wire.writes.len() - before.0);
        assert!(wire.records.len() - before.1 <= 82, "{} records", wire.records.len() - before.1);
    });
}

#[test]
fn futures_that_are_dropped_at_any_poll_lose_nothing() {
    by_hand(|| {
        for role in [Role::Server, Role::Client] {
            for times in [1, 2, 3, 7] {
                dropped(role, times);
            }
        }
    });
}

#[test]
fn a_handshake_that_is_dropped_at_any_poll_ends_there_and_leaves_a_stream_that_was_lent() {
    by_hand(|| {
        let client = client().build().unwrap();
        for role in [Role::Server, Role::Client] {
            for polls in 1.. {
                let mut script = Session::new(role).stream();
                let mut wire = Wire::new(role, &mut script);
                wire.hesitates = true;
                let opened = poll_times(
                    async {
                        match role {
                            Role::Server => TokioTls::accept(&mut wire, &server()).await,
                            Role::Client => TokioTls::connect(&mut wire, &client, HOST).await,
                        }
                    },
                    polls,
                );
                let has_ended = opened.map(Result::unwrap).is_some();
                assert!(!wire.is_shut_down, "{role:?} after {polls} polls");
                if has_ended {
                    assert!(polls > 3, "{role:?}: it has hardly ever waited");
                    break;
                }
            }
        }
    });
}

/// Holds a session of which each future is dropped after so many polls, over a wire that is ready every other time.
fn dropped(role: Role, times: usize) {
    let session = Session::new(role);
    let mut script = session.stream();
    let mut wire = Wire::new(role, &mut script);
    wire.end = End::Abrupt;
    let client = client().build().unwrap();
    let mut ws = drive(async {
        match role {
            Role::Server => {
                let stream = TokioTls::accept(&mut wire, &server()).await?;
                hybi::tokio::accept(stream).await
            }
            Role::Client => {
                let stream = TokioTls::connect(&mut wire, &client, HOST).await?;
                hybi::tokio::connect_over(stream, URL, Config::default()).await
            }
        }
    })
    .unwrap();
    let mut received = Vec::new();
    let mut waits = 0;
    loop {
        match poll_times(ws.recv(), times) {
            Some(Ok(Some(message))) => {
                received.push(message.clone());
                ws.try_send(message).unwrap();
            }
            Some(Ok(None)) => break,
            Some(Err(error)) => panic!("{error:?}"),
            None => waits += 1,
        }
        assert!(waits < 100_000, "the session never ends");
        let _ = poll_times(ws.flush(), times);
    }
    assert_eq!(received, session.messages());
    drop(ws);
    assert_eq!(parse_all(after_head(&script.written).unwrap()), session.answers);
}

#[test]
fn our_server_ends_with_close_notify() {
    by_hand(|| {
        for adapter in [0, 1] {
            let mut script =
                Faulty::new(vec![REQUEST.as_bytes().to_vec(), close(Role::Client, 1000, "")]);
            let mut wire = Wire::new(Role::Server, &mut script);
            if adapter == 0 {
                let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
                let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
                assert_eq!(drive(ws.recv()).unwrap(), None);
                drop(ws);
                assert!(wire.is_shut_down, "the stream beneath ends, too");
            } else {
                let stream = BlockingTls::accept(blocking(&mut wire), &server()).unwrap();
                let mut ws = hybi::blocking::accept(stream).unwrap();
                assert_eq!(ws.recv().unwrap(), None);
            }
            assert!(wire.has_heard_close_notify());
        }
    });
}

#[test]
fn our_client_ends_with_close_notify() {
    by_hand(|| {
        for adapter in [0, 1] {
            let mut script = Faulty::answering(vec![close(Role::Server, 1000, "")]);
            let mut wire = Wire::new(Role::Client, &mut script);
            let tls = client().build().unwrap();
            if adapter == 0 {
                let stream = drive(TokioTls::connect(&mut wire, &tls, HOST)).unwrap();
                let ws = hybi::tokio::connect_over(stream, URL, Config::default());
                assert_eq!(drive(drive(ws).unwrap().recv()).unwrap(), None);
                assert!(wire.is_shut_down, "the stream beneath ends, too");
            } else {
                let stream = BlockingTls::connect(blocking(&mut wire), &tls, HOST).unwrap();
                let ws = hybi::blocking::connect_over(stream, URL, Config::default());
                assert_eq!(ws.unwrap().recv().unwrap(), None);
            }
            assert!(wire.has_heard_close_notify());
        }
    });
}

#[test]
fn a_loss_without_close_frame_is_told_as_such_with_and_without_close_notify() {
    for end in [End::CloseNotify, End::Abrupt] {
        by_hand(move || {
            let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
            let mut wire = Wire::new(Role::Server, &mut script);
            wire.end = end;
            let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
            let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
            let error = drive(ws.recv()).unwrap_err();
            let Error::Closed(closed) = error else { panic!("{error:?}") };
            assert_eq!((closed.cause, closed.code()), (Cause::Lost, CloseCode::ABNORMAL));
        });
    }
}

#[test]
fn a_forged_record_is_one_error_and_the_peer_is_told_by_an_alert() {
    by_hand(|| {
        let mut script = Faulty::new(vec![REQUEST.as_bytes().to_vec()]);
        let mut wire = Wire::new(Role::Server, &mut script);
        wire.end = End::Forged;
        let stream = drive(TokioTls::accept(&mut wire, &server())).unwrap();
        let mut ws = drive(hybi::tokio::accept(stream)).unwrap();
        let error = drive(ws.recv()).unwrap_err();
        let Error::Io(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(drive(ws.recv()).unwrap().is_none(), "told once");
        drop(ws);
        let told = wire.peer.process_new_packets().unwrap_err();
        assert_eq!(told.to_string(), "received fatal alert: BadRecordMac");
    });
}
