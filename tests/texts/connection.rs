//! Of connections: how they end, what cannot be sent, what a client does that stays connected.

use std::time::Duration;

use hybi::frame::{ClosePayloadError, HeaderError};
use hybi::reconnect::{Loss, NotQueued, Why};
use hybi::utf8::InvalidUtf8;
use hybi::{CloseCode, Config, Error, Message, Outgoing, SendError};

use crate::common::{End, at};
use crate::{line, of, page};

/// How a connection ended: who ended it, with which code, and what came from the other end.
#[test]
fn closed() {
    let peer = |hex: &str| ended(|_| {}, |end| drop(end.hear(hex)));
    let ours = |code: u16, reason: &'static str, answer: &'static str| {
        ended(
            |_| {},
            |end| {
                end.conn.close(CloseCode(code), reason).expect("it may be sent");
                end.hear(answer);
            },
        )
    };
    page([
        (peer("88 00"), "closed by the peer with no code"),
        (peer("88 02 03e8"), "closed by the peer with 1000 (normal)"),
        (peer("88 06 03e9 64656164"), "closed by the peer with 1001 (going away) \"dead\""),
        (peer("88 02 0fa1"), "closed by the peer with 4001"),
        (
            peer("88 06 03f3 610a221b"),
            "closed by the peer with 1011 (internal error) \"a\\n\\\"\\u{1b}\"",
        ),
        (ours(1000, "", "88 02 03e8"), "closed by us with 1000 (normal)"),
        (ours(4999, "bye", "88 02 1387"), "closed by us with 4999 \"bye\""),
        (
            ours(1001, "bye", "88 06 03f3 64656164"),
            "closed by us with 1001 (going away) \"bye\"; the peer closed with 1011 (internal error) \"dead\"",
        ),
        (
            ended(
                |_| {},
                |end| {
                    end.conn.close(None, "").expect("it may be sent");
                    end.hear("88 00");
                },
            ),
            "closed by us with no code",
        ),
        (
            ended(|_| {}, |end| drop(end.hear_eof())),
            "lost: the transport ended without a close frame from the peer",
        ),
        (
            ended(
                |_| {},
                |end| {
                    end.conn.close(CloseCode::NORMAL, "bye").expect("it may be sent");
                    end.hear_eof();
                },
            ),
            "lost: the transport ended without a close frame from the peer; we closed with 1000 (normal)",
        ),
        (
            peer("70 00"),
            "the peer sent a frame with a reserved bit that no negotiated extension uses; \
             we closed with 1002 (protocol error)",
        ),
        (
            ended(|config| config.max_message_size = 4, |end| drop(end.hear("02 02 0102  80 03"))),
            "the peer sent a message of 5 bytes or more, the limit is 4 (Config::max_message_size); \
             we closed with 1009 (message too big)",
        ),
        (
            ended(
                |_| {},
                |end| {
                    end.conn.close(CloseCode::GOING_AWAY, "bye").expect("it may be sent");
                    end.hear("83 00");
                },
            ),
            "the peer sent a frame with a reserved opcode; we closed with 1001 (going away)",
        ),
    ]);
}

/// Each timeout, with the field that sets it.
#[test]
fn timeouts() {
    let second = Some(Duration::from_secs(1));
    let silent = |change: fn(&mut Config), close: bool| {
        ended(change, |end| {
            end.conn.poll_timeout(at(0.0));
            if close {
                end.conn.close(CloseCode::NORMAL, "").expect("it may be sent");
            }
            for tenth in 0..600 {
                end.conn.handle_timeout(at(f64::from(tenth) / 10.0));
                end.conn.poll_timeout(at(f64::from(tenth) / 10.0));
                if !close {
                    end.said();
                }
            }
        })
    };
    let answered = |change: &dyn Fn(&mut Config)| {
        ended(change, |end| {
            end.conn.poll_timeout(at(0.0));
            end.conn.handle_timeout(at(2.0));
            end.hear("88 02 03e9");
        })
    };
    page([
        (
            silent(|_| {}, false),
            "no sign of life from the peer for Config::pong_timeout after a ping",
        ),
        (
            silent(|_| {}, true),
            "no close frame from the peer within Config::close_timeout; we closed with 1000 (normal)",
        ),
        (
            silent(
                |config| {
                    (config.write_timeout, config.close_timeout) =
                        (Some(Duration::from_secs(1)), Duration::MAX)
                },
                true,
            ),
            "the peer took no data for Config::write_timeout; we closed with 1000 (normal)",
        ),
        (
            answered(&|config| config.idle_timeout = second),
            "no message for Config::idle_timeout; we closed with 1001 (going away)",
        ),
        (
            answered(&|config| config.max_lifetime = second),
            "the connection reached Config::max_lifetime; we closed with 1001 (going away)",
        ),
    ]);
}

/// Every rule and limit that a peer can break.
#[test]
fn failures() {
    let header = |error: HeaderError| of(Error::from(error));
    let close = |error: ClosePayloadError| of(Error::from(error));
    page([
        (
            header(HeaderError::ReservedBits),
            "the peer sent a frame with a reserved bit that no negotiated extension uses",
        ),
        (header(HeaderError::ReservedOpcode), "the peer sent a frame with a reserved opcode"),
        (header(HeaderError::ControlFragmented), "the peer sent a fragmented control frame"),
        (
            header(HeaderError::ControlTooLong),
            "the peer sent a control frame longer than 125 bytes",
        ),
        (header(HeaderError::Unmasked), "the peer sent an unmasked frame as a client"),
        (header(HeaderError::Masked), "the peer sent a masked frame as a server"),
        (
            header(HeaderError::NonMinimalLength),
            "the peer sent a frame whose length is not in its shortest form",
        ),
        (
            header(HeaderError::LengthTopBit),
            "the peer sent a frame whose length has its top bit set",
        ),
        (
            header(HeaderError::UnexpectedContinuation),
            "the peer sent a continuation frame without a message to continue",
        ),
        (
            header(HeaderError::ExpectedContinuation),
            "the peer sent a new message inside an unfinished one",
        ),
        (
            close(ClosePayloadError::Length),
            "the peer sent a close frame with a payload of one byte",
        ),
        (
            close(ClosePayloadError::Code(CloseCode(1005))),
            "the peer sent a close frame with the code 1005, which may not be sent",
        ),
        (close(ClosePayloadError::Utf8), "the peer sent a close frame whose reason is not UTF-8"),
        (of(Error::InvalidUtf8), "the peer sent a text message that is not UTF-8"),
        (
            of(Error::FrameTooLarge { len: 70_000, limit: 65_536 }),
            "the peer sent a frame of 70000 bytes, the limit is 65536 (Config::max_frame_size)",
        ),
        (
            of(Error::MessageTooLarge { len: 70_000, limit: 65_536 }),
            "the peer sent a message of 70000 bytes or more, the limit is 65536 (Config::max_message_size)",
        ),
        (
            of(Error::TooManyFragments { limit: 3 }),
            "the peer sent a message in more than 3 fragments (Config::max_fragments)",
        ),
        (
            of(Error::TooManyEmptyFragments { limit: 3 }),
            "the peer sent a message with more than 3 empty fragments (Config::max_empty_fragments)",
        ),
        (
            of(Error::TooManyControlFrames { limit: 4096 }),
            "the peer sent more than 4096 control frames without data between them, faster than they are welcome \
             (Config::control_frame_burst, Config::control_frames_per_second)",
        ),
        (of(HeaderError::Masked), "a masked frame as a server"),
        (of(InvalidUtf8 { valid_up_to: 7 }), "invalid UTF-8 after 7 bytes"),
    ]);
}

#[test]
#[cfg(feature = "deflate")]
fn compression() {
    use hybi::deflate::{DistanceError, InflateError};
    page([
        (
            of(Error::Inflate(InflateError::Data)),
            "the peer sent a compressed message that is not valid DEFLATE",
        ),
        (
            of(Error::Inflate(InflateError::Distance)),
            "the peer sent a compressed message that refers back beyond the agreed window",
        ),
        (
            of(Error::Inflate(InflateError::Unfinished)),
            "the peer sent a compressed message that does not end at the end of a block",
        ),
        (
            of(Error::RatioTooLarge { limit: 100 }),
            "the peer sent a compressed message that inflates to more than 100 times its size (Compression::max_ratio)",
        ),
        (of(DistanceError), "DEFLATE stream refers back beyond the window"),
    ]);
}

/// What the caller did.
#[test]
fn sending() {
    let message = || Outgoing::from(Message::text("secret"));
    page([
        (
            of(SendError::Full(())),
            "send queue is full (Config::write_high_water): flush, then send again",
        ),
        (
            of(SendError::Closed(())),
            "connection is closing or closed: nothing more can be sent on it",
        ),
        (
            of(SendError::Unfinished(())),
            "a message begun with a writer has not been finished: finish it, then send",
        ),
        (
            of(SendError::<()>::ControlTooLong),
            "payload of a control frame is longer than 125 bytes",
        ),
        (of(SendError::<()>::ReasonTooLong), "close reason is longer than 123 bytes"),
        (
            of(SendError::<()>::InvalidCloseCode(CloseCode(1006))),
            "close code 1006 may not be sent: take one of 1000 to 1003, 1007 to 1014, 3000 to 4999",
        ),
        (of(SendError::<()>::InvalidUtf8), "a piece of a text message is not UTF-8"),
        (
            of(NotQueued::Full(message())),
            "queue is full: wait for confirmations, or raise Options::max_messages or Options::max_bytes",
        ),
        (
            of(NotQueued::TooLarge(message())),
            "message is larger than the whole queue may be (Options::max_bytes)",
        ),
        (
            of(NotQueued::Over(message())),
            "client has given up or was stopped: nothing more is sent",
        ),
    ]);
}

/// What a client that stays connected tells of a loss, and why it goes on or not.
#[test]
fn reconnecting() {
    let refused = Loss::Refused { status: 503, retry_after: None };
    page([
        (line(Loss::Transport), "the transport failed"),
        (
            line(Loss::TimedOut),
            "the dial was not done in time (Options::dial_timeout, or that of the handshake)",
        ),
        (line(refused), "the server answered 503"),
        (line(Loss::Handshake), "what the server answered was no opening handshake"),
        (
            line(Loss::NoTurn),
            "others of this process were dialing the host for all of Options::dial_timeout",
        ),
        (
            line(Loss::Untrusted),
            "the server could not prove who it is: its certificate is not valid, or not trusted",
        ),
        (line(Loss::Tls), "the TLS handshake failed"),
        (
            line(Loss::Request),
            "the request cannot be made: look at the URL, the headers, the proxy and TLS",
        ),
        (line(Why::Transient), "it may work next time"),
        (line(Why::RetryAfter), "the server said when to come back (Retry-After)"),
        (line(Why::Restart), "the server restarts (1012)"),
        (line(Why::Overloaded), "the server is overloaded (1013)"),
        (line(Why::Refused), "the server refuses the request, and is likely to do so again"),
        (line(Why::Protocol), "an end broke the protocol or a limit, and would again"),
        (
            line(Why::Policy),
            "the server refused by a policy or an application's code (1008, 3000 to 4999)",
        ),
        (line(Why::Untrusted), "the server could not prove who it is"),
        (line(Why::Request), "the request cannot be made"),
        (line(Why::Exhausted), "Options::max_losses losses came in a row"),
        (line(Why::Stopped), "the application stopped it"),
        (line(Why::Application), "the application decided so"),
    ]);
}

/// How a connection ended with which that was done, the same in both roles.
fn ended(change: impl Fn(&mut Config), what: impl Fn(&mut End)) -> String {
    let texts: Vec<_> = End::both_with(change)
        .into_iter()
        .map(|mut end| {
            what(&mut end);
            end.events();
            line(end.conn.closed().expect("it has ended"))
        })
        .collect();
    assert_eq!(texts[0], texts[1], "in both roles");
    texts.into_iter().next().expect("there are two")
}
