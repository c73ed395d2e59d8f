//! The closing handshake (RFC 6455 sections 1.4, 5.5.1 and 7.1): who closes, what is answered, what is told.

mod common;

use common::{End, Pair, Told, close_frame, config, failure, the_end, wire};
use hybi::frame::HeaderError;
use hybi::{Cause, CloseCode, Closed, Error, Kind, Role, SendError};

/// Section 5.5.1: who receives a Close frame "MUST send a Close frame in response", usually echoing the
/// code.
#[test]
fn the_peers_close_is_answered_with_its_code() {
    for mut end in End::both() {
        let closed = the_end(&end.hear("88 05 03e9 627965"));
        assert_eq!(closed.cause, Cause::Remote);
        assert_eq!((closed.code(), closed.reason()), (CloseCode::GOING_AWAY, "bye"));
        assert!(closed.is_clean());
        assert_eq!(sent(&closed), Some((1001, "")));
        assert_eq!(end.said(), wire("88 02 03e9"));
    }
}

/// Section 7.1.5: without a code in the Close frame, the code of the connection is 1005, which "MUST NOT be
/// set as a status code in a Close control frame" (section 7.4.1).
#[test]
fn an_empty_close_is_reported_as_1005_and_answered_empty() {
    for mut end in End::both() {
        let closed = the_end(&end.hear("88 00"));
        assert_eq!((closed.code(), closed.reason()), (CloseCode::NO_STATUS, ""));
        assert_eq!(received(&closed), Some((1005, "")));
        assert_eq!(sent(&closed), Some((1005, "")));
        assert_eq!(end.said(), wire("88 00"));
    }
}

#[test]
fn our_close_is_sent_and_ended_by_the_peers() {
    for mut end in End::both() {
        end.conn.close(CloseCode::NORMAL, "done").expect("may be sent");
        assert_eq!(end.said(), wire("88 06 03e8 646f6e65"));
        assert_eq!(end.events(), []);
        let closed = the_end(&end.hear("88 02 03e8"));
        assert_eq!(closed.cause, Cause::Local);
        assert_eq!(sent(&closed), Some((1000, "done")));
        assert_eq!(received(&closed), Some((1000, "")));
        assert!(closed.is_clean());
        assert_eq!(end.said(), wire(""), "one Close frame is enough");
    }
}

#[test]
fn a_close_without_code_is_sent_empty() {
    for mut end in End::both() {
        end.conn.close(None, "").expect("always allowed");
        assert_eq!(end.said(), wire("88 00"));
        let closed = the_end(&end.hear("88 00"));
        assert_eq!(sent(&closed), Some((1005, "")));
        assert_eq!(closed.code(), CloseCode::NO_STATUS);
    }
}

/// A Close frame without a code has no room for a reason (section 5.5.1): what is reported as sent is
/// what was sent.
#[test]
fn a_reason_without_a_code_is_not_reported_as_sent() {
    for mut end in End::both() {
        if end.conn.close(None, "why").is_err() {
            continue; // refusing is as good
        }
        assert_eq!(end.said(), wire("88 00"));
        assert_eq!(sent(&the_end(&end.hear("88 00"))), Some((1005, "")));
    }
}

/// Section 7.1.5: the ends may disagree; each reports the other's code.
#[test]
fn both_may_close_at_once_with_different_codes() {
    let mut pair = Pair::new(&config(|_| {}), 3);
    pair.client.conn.close(CloseCode::NORMAL, "client").expect("may be sent");
    pair.server.conn.close(CloseCode::GOING_AWAY, "server").expect("may be sent");
    pair.run();
    let client = the_end(&pair.client_told);
    let server = the_end(&pair.server_told);
    assert_eq!((client.cause, server.cause), (Cause::Local, Cause::Local));
    assert_eq!((client.code(), client.reason()), (CloseCode::GOING_AWAY, "server"));
    assert_eq!((server.code(), server.reason()), (CloseCode::NORMAL, "client"));
    assert!(client.is_clean() && server.is_clean());
    assert!(pair.client.conn.is_closed() && pair.server.conn.is_closed());
}

#[test]
fn either_end_may_close_and_both_come_to_rest() {
    for role in [Role::Client, Role::Server] {
        for step in [1, 2, 1000] {
            let mut pair = Pair::new(&config(|_| {}), step);
            let (first, other) = match role {
                Role::Client => (&mut pair.client, Cause::Remote),
                Role::Server => (&mut pair.server, Cause::Remote),
            };
            first.conn.send_text("last words").expect("room");
            first.conn.close(CloseCode(4000), "ours").expect("may be sent");
            pair.run();
            let (ours, theirs) = match role {
                Role::Client => (&pair.client_told, &pair.server_told),
                Role::Server => (&pair.server_told, &pair.client_told),
            };
            assert_eq!(theirs[0], Told::text("last words"));
            assert_eq!(the_end(ours).cause, Cause::Local);
            assert_eq!(the_end(theirs).cause, other);
            assert_eq!(the_end(theirs).reason(), "ours");
            assert!(pair.client.conn.is_closed() && pair.server.conn.is_closed());
        }
    }
}

/// Section 5.5.1: "The application MUST NOT send any more data frames after sending a Close frame."
#[test]
fn nothing_can_be_sent_after_our_close() {
    for mut end in End::both() {
        end.conn.send_text("before").expect("room");
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        refuses_to_send(&mut end);
        assert_eq!(end.said(), wire("81 06 6265666f7265  88 02 03e8"));
    }
}

#[test]
fn nothing_can_be_sent_after_the_peers_close() {
    for mut end in End::both() {
        the_end(&end.hear("88 02 03e8"));
        refuses_to_send(&mut end);
        assert_eq!(end.said(), wire("88 02 03e8"));
    }
}

#[test]
fn nothing_can_be_sent_after_a_failure() {
    for mut end in End::both() {
        failure(&end.hear("83 00"));
        refuses_to_send(&mut end);
        assert_eq!(end.said(), close_frame(1002, "protocol error"));
    }
}

#[test]
fn closing_again_changes_nothing() {
    for mut end in End::both() {
        end.conn.close(CloseCode::NORMAL, "first").expect("may be sent");
        end.conn.close(CloseCode::GOING_AWAY, "second").expect("no error either");
        assert_eq!(end.said(), close_frame(1000, "first"));
        let closed = the_end(&end.hear("88 00"));
        assert_eq!(sent(&closed), Some((1000, "first")));
        end.conn.close(CloseCode::GOING_AWAY, "third").expect("no error either");
        assert_eq!(end.said(), wire(""));
        assert_eq!(end.events(), []);
        assert_eq!(end.conn.closed(), Some(closed));
        assert_eq!(end.hear("81 01 61"), [], "it has ended for good");
        end.conn.handle_eof();
        assert!(end.conn.is_closed());
    }
}

/// Section 1.4: "After receiving a control frame indicating the connection should be closed, a peer
/// discards any further data received."
#[test]
fn everything_after_the_peers_close_is_discarded() {
    for mut end in End::both() {
        let told = end.hear("81 01 61  88 02 03e8  81 01 62  83 00  88 02 03e9");
        assert_eq!(told[0], Told::text("a"));
        assert_eq!(told.len(), 2);
        assert_eq!(the_end(&told).code(), CloseCode::NORMAL);
        assert_eq!(end.hear("81 01 63"), []);
        assert_eq!(end.said(), wire("88 02 03e8"));
        assert!(end.rx.unread().is_empty());
    }
}

/// Until the peer's Close frame comes, what it had under way arrives.
#[test]
fn messages_go_on_arriving_after_our_close() {
    for mut end in End::both() {
        assert_eq!(end.hear("01 01 61"), []);
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        assert_eq!(end.hear("80 01 62"), [Told::text("ab")]);
        assert_eq!(end.hear("82 01 63  8a 00"), [Told::binary(b"c"), Told::pong(b"")]);
        assert_eq!(the_end(&end.hear("88 00")).cause, Cause::Local);
    }
}

/// Section 5.4 lets control frames interrupt a message, and a Close frame is one.
#[test]
fn a_close_inside_a_fragmented_message_is_in_order() {
    for mut end in End::both() {
        let told = end.hear("01 01 61  88 02 03e8");
        assert_eq!(told.len(), 1, "the message was not finished");
        let closed = the_end(&told);
        assert_eq!((closed.cause, closed.code()), (Cause::Remote, CloseCode::NORMAL));
        assert!(closed.is_clean());
        assert_eq!(end.said(), wire("88 02 03e8"));
    }
}

#[test]
fn our_close_may_interrupt_our_own_message() {
    for mut end in End::both() {
        end.conn.writer(Kind::Text).and_then(|mut w| w.write(b"a")).expect("room");
        end.conn.close(CloseCode::GOING_AWAY, "").expect("may be sent");
        assert_eq!(end.conn.writer(Kind::Text).map(drop), Err(SendError::Closed(())));
        assert_eq!(end.said(), wire("01 01 61  88 02 03e9"));
    }
}

#[test]
fn a_violation_after_our_close_still_fails_but_sends_no_second_close() {
    for mut end in End::both() {
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        let told = end.hear("83 00  88 02 03e8");
        assert_eq!(failure(&told), Error::Header(HeaderError::ReservedOpcode));
        let closed = the_end(&told);
        assert_eq!(sent(&closed), Some((1000, "")));
        assert_eq!(received(&closed), None);
        assert_eq!(closed.code(), CloseCode::ABNORMAL);
        assert_eq!(end.said(), wire("88 02 03e8"));
    }
}

#[test]
fn a_close_frame_waits_for_its_last_byte() {
    for mut end in End::both() {
        assert_eq!(end.hear("88 05 03e8 62"), []);
        assert!(!end.conn.is_closing());
        assert_eq!(end.hear_more("79"), []);
        assert_eq!(the_end(&end.hear_more("65")).reason(), "bye");
    }
}

/// What the application reads of it afterwards is what the event said.
#[test]
fn the_end_can_be_asked_for_once_it_has_come() {
    for mut end in End::both() {
        assert_eq!(end.conn.closed(), None);
        end.conn.close(CloseCode::NORMAL, "x").expect("may be sent");
        assert_eq!(end.conn.closed(), None, "it has not ended yet");
        let closed = the_end(&end.hear("88 02 03e9"));
        assert_eq!(end.conn.closed(), Some(closed));
    }
}

#[test]
fn closing_is_known_from_its_beginning() {
    for mut end in End::both() {
        assert!(!end.conn.is_closing());
        end.conn.close(CloseCode::NORMAL, "").expect("may be sent");
        assert!(end.conn.is_closing());
    }
    for mut end in End::both() {
        end.hear("88 00");
        assert!(end.conn.is_closing());
    }
}

/// Nothing can be sent, every refusal says so, and what was handed in comes back.
fn refuses_to_send(end: &mut End) {
    let conn = &mut end.conn;
    assert_eq!(conn.send("back"), Err(SendError::Closed("back".into())));
    assert_eq!(conn.send_text("a"), Err(SendError::Closed(())));
    assert_eq!(conn.send_binary(b"a"), Err(SendError::Closed(())));
    assert_eq!(conn.send_prepared(&hybi::Prepared::new("a".into())), Err(SendError::Closed(())));
    assert_eq!(conn.writer(Kind::Binary).map(drop), Err(SendError::Closed(())));
    assert_eq!(conn.ping(b"a"), Err(SendError::Closed(())));
    assert_eq!(conn.pong(b"a"), Err(SendError::Closed(())));
}

fn sent(closed: &Closed) -> Option<(u16, &str)> {
    closed.sent.as_ref().map(|frame| (frame.code.0, &*frame.reason))
}

fn received(closed: &Closed) -> Option<(u16, &str)> {
    closed.received.as_ref().map(|frame| (frame.code.0, &*frame.reason))
}
