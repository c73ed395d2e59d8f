//! The end of the transport (RFC 6455 sections 7.1.1 and 7.1.5): who ends it, what is read until then, and what
//! its early end means.

mod common;

use bytes::Buf;
use common::{End, Told, close_frame, config, failure, the_end, wire};
use hybi::{Cause, CloseCode, RecvBuf, Role, SendError};

/// Section 7.1.5: without a Close frame, the code of the connection is 1006.
#[test]
fn an_end_without_a_close_frame_is_a_loss_with_1006() {
    for before in ["", "81", "81 05 4865", "01 01 61", "88 02 03"] {
        for mut end in End::both() {
            assert_eq!(end.hear(before), []);
            let told = end.hear_eof();
            let closed = the_end(&told);
            assert_eq!(closed.cause, Cause::Lost, "{before}");
            assert_eq!((closed.code(), closed.reason()), (CloseCode::ABNORMAL, ""));
            assert!(!closed.is_clean());
            assert_eq!((closed.sent, closed.received), (None, None));
            assert_eq!(end.said(), wire(""));
        }
    }
}

#[test]
fn what_came_before_the_end_is_told_before_it() {
    for mut end in End::both() {
        let bytes = wire("81 01 61  89 01 70  82 01 62  81 05 63");
        end.rx.extend_from_slice(&match end.conn.role() {
            Role::Client => bytes,
            Role::Server => common::masked(&bytes, common::KEY).0,
        });
        let told = end.hear_eof();
        assert_eq!(told[..3], [Told::text("a"), Told::ping(b"p"), Told::binary(b"b")]);
        assert_eq!(the_end(&told).cause, Cause::Lost);
        assert_eq!(told.len(), 4);
    }
}

#[test]
fn a_close_frame_that_came_before_the_end_counts() {
    for mut end in End::both() {
        end.conn.handle_eof();
        let closed = the_end(&end.hear("88 02 03e8"));
        assert_eq!((closed.cause, closed.code()), (Cause::Remote, CloseCode::NORMAL));
        assert_eq!(end.said(), wire("88 02 03e8"), "the peer may still read");
        assert!(end.conn.is_closed());
    }
}

#[test]
fn a_violation_that_came_before_the_end_counts() {
    for mut end in End::both() {
        end.conn.handle_eof();
        failure(&end.hear("83 00"));
        assert_eq!(end.said(), close_frame(1002, "protocol error"));
        assert!(end.conn.is_closed());
    }
}

#[test]
fn the_end_may_be_reported_again_and_again() {
    for mut end in End::both() {
        end.conn.handle_eof();
        end.conn.handle_eof();
        let told = end.hear_eof();
        assert_eq!(told.len(), 1);
        assert_eq!(the_end(&told).cause, Cause::Lost);
        assert_eq!(end.hear_eof(), []);
        end.conn.handle_transport_error();
        assert_eq!(end.events(), []);
        assert!(end.conn.is_closed());
    }
}

#[test]
fn an_end_instead_of_the_answer_to_our_close_is_a_loss() {
    for mut end in End::both() {
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        let closed = the_end(&end.hear_eof());
        assert_eq!(closed.cause, Cause::Lost);
        assert_eq!(closed.sent.map(|frame| frame.code), Some(CloseCode::NORMAL));
        assert_eq!(end.said(), wire("88 02 03e8"), "the peer may still read");
    }
}

#[test]
fn an_end_after_the_closing_handshake_adds_nothing() {
    for mut end in End::both() {
        assert_eq!(the_end(&end.hear("88 02 03e8")).cause, Cause::Remote);
        assert_eq!(end.hear_eof(), []);
        assert_eq!(end.conn.closed().map(|closed| closed.cause), Some(Cause::Remote));
    }
}

#[test]
fn after_the_end_nothing_can_be_sent() {
    for mut end in End::both() {
        end.hear_eof();
        assert_eq!(end.conn.send_text("a"), Err(SendError::Closed(())));
        assert!(!end.conn.wants_read());
    }
}

/// What was queued before the peer stopped sending still leaves: it may have ended one direction only.
#[test]
fn what_is_queued_leaves_after_the_peers_end() {
    for mut end in End::both() {
        end.conn.send_text("late").expect("room");
        end.hear_eof();
        assert!(!end.conn.is_closed(), "bytes wait to be sent");
        assert_eq!(end.said(), wire("81 04 6c617465"));
        assert!(end.conn.is_closed());
    }
}

/// Section 7.1.1: the server ends the transport first, once its Close frame has left.
#[test]
fn a_server_shuts_down_when_all_is_sent() {
    let mut server = End::server(config(|_| {}));
    server.hear("88 02 03e8");
    assert!(!server.conn.wants_shutdown(), "our Close frame has not left");
    server.said();
    assert!(server.conn.wants_shutdown());
    server.conn.handle_shutdown();
    assert!(!server.conn.wants_shutdown(), "once");
    assert!(!server.conn.is_closed() && server.conn.wants_read(), "the client's end is waited for");
    server.hear_eof();
    assert!(server.conn.is_closed() && !server.conn.wants_read());
}

/// Section 7.1.1: the client waits for the server to end the transport.
#[test]
fn a_client_waits_for_the_servers_end() {
    for close_first in [true, false] {
        let mut client = End::client(config(|_| {}));
        if close_first {
            client.conn.close(CloseCode::NORMAL, "").expect("may be sent");
            client.said();
        }
        client.hear("88 02 03e8");
        client.said();
        assert!(!client.conn.wants_shutdown() && client.conn.wants_read());
        assert!(!client.conn.is_closed());
        client.hear_eof();
        assert!(client.conn.is_closed());
    }
}

/// A server that broke the protocol cannot be relied on to end it.
#[test]
fn a_client_that_fails_the_connection_shuts_down_itself() {
    let mut client = End::client(config(|_| {}));
    failure(&client.hear("83 00"));
    assert!(!client.conn.wants_shutdown(), "our Close frame has not left");
    client.said();
    assert!(client.conn.wants_shutdown());
    client.conn.handle_shutdown();
    assert!(!client.conn.is_closed() && client.conn.wants_read());
    client.hear_eof();
    assert!(client.conn.is_closed());
}

#[test]
fn nobody_shuts_down_an_open_connection() {
    for mut end in End::both() {
        assert!(!end.conn.wants_shutdown() && !end.conn.is_closed());
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        end.said();
        assert!(!end.conn.wants_shutdown(), "the peer has not answered");
        assert!(!end.conn.is_closed());
    }
}

#[test]
fn a_shutdown_that_is_reported_before_the_end_changes_nothing() {
    for mut end in End::both() {
        end.conn.handle_shutdown();
        assert!(!end.conn.is_closing());
        end.conn.send_text("a").expect("the connection is open");
        end.said();
        the_end(&end.hear("ff"));
        end.said();
        assert!(end.conn.wants_shutdown(), "now it is due");
    }
}

#[test]
fn it_is_not_closed_before_the_end_was_told() {
    for mut end in End::both() {
        end.conn.handle_transport_error();
        assert!(!end.conn.is_closed());
        the_end(&end.events());
        assert!(end.conn.is_closed());
    }
}

/// Unread input would turn the end of the transport into a reset: it is read and dropped, to a bound.
#[test]
fn after_the_end_64_kib_are_drained_and_no_more() {
    for mut end in End::both() {
        end.hear("88 02 03e8");
        end.said();
        for _ in 0..63 {
            assert!(end.conn.wants_read());
            assert_eq!(end.hear_bytes(&[0; 1024]), []);
            assert!(!end.conn.is_closed());
        }
        end.hear_bytes(&[0; 1023]);
        assert!(end.conn.wants_read() && !end.conn.is_closed());
        end.hear_bytes(&[0; 1]);
        assert!(!end.conn.wants_read() && end.conn.is_closed());
        assert!(end.rx.capacity() <= 16 * 1024, "what is drained is not kept");
    }
    // The last read may bring more than what is left of the bound.
    for mut end in End::both() {
        end.hear("88 02 03e8");
        end.said();
        end.hear_bytes(&[0; 40_000]);
        assert!(end.conn.wants_read() && !end.conn.is_closed());
        end.hear_bytes(&[0; 40_000]);
        assert!(!end.conn.wants_read() && end.conn.is_closed());
    }
}

#[test]
fn a_broken_transport_ends_it_without_anything_to_send() {
    for mut end in End::both() {
        end.conn.send_text("never").expect("room");
        end.conn.handle_transport_error();
        assert!(!end.conn.wants_write() && !end.conn.wants_read());
        assert!(end.conn.transmit().is_empty(), "what can never leave is not kept");
        assert_eq!(the_end(&end.events()).cause, Cause::Lost);
        assert!(end.conn.is_closed() && !end.conn.wants_write() && !end.conn.wants_shutdown());
    }
}

#[test]
fn a_transport_that_breaks_after_the_closing_handshake_ends_it_at_once() {
    for mut end in End::both() {
        the_end(&end.hear("88 02 03e8"));
        end.conn.handle_transport_error();
        assert!(end.conn.is_closed());
        assert!(!end.conn.wants_shutdown(), "there is nothing to shut down");
        assert_eq!(end.events(), []);
        assert_eq!(end.conn.closed().map(|closed| closed.cause), Some(Cause::Remote));
    }
}

#[test]
fn what_was_read_before_the_transport_broke_is_told() {
    for mut end in End::both() {
        end.conn.handle_transport_error();
        let told = end.hear("81 01 61  89 01 70  88 02 03e8");
        assert_eq!(told[..2], [Told::text("a"), Told::ping(b"p")]);
        assert_eq!(the_end(&told).cause, Cause::Remote);
        assert!(end.conn.is_closed() && !end.conn.wants_write());
    }
}

/// With one write at a time, nothing is over before the last byte of the Close frame is.
#[test]
fn the_close_frame_leaves_byte_by_byte() {
    let mut server = End::server(config(|_| {}));
    server.hear("88 02 03e8");
    server.conn.handle_eof();
    for _ in 0..4 {
        assert!(server.conn.wants_write() && !server.conn.is_closed());
        assert!(!server.conn.wants_shutdown());
        server.conn.transmit().advance(1);
    }
    assert!(server.conn.is_closed());
}

#[test]
fn the_end_is_told_once_however_it_is_asked_for() {
    for mut end in End::both() {
        let mut nothing = RecvBuf::new();
        end.conn.handle_eof();
        assert!(end.conn.has_event(&mut nothing));
        assert!(end.conn.has_event(&mut nothing), "asking does not take it");
        assert!(end.conn.next_message(&mut nothing).is_some());
        assert!(end.conn.next_message(&mut nothing).is_none());
        assert!(!end.conn.has_event(&mut nothing));
        assert!(end.conn.next_event(&mut nothing).is_none());
    }
}
