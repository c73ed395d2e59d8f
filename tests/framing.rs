//! What RFC 6455 sections 5.1 to 5.3 demand of every frame. Each check is made on the first byte that
//! allows it, so these tests feed no byte more than that.

mod common;

use common::{End, KEY, Told, close_frame, config, failure, frame, masked, wire};
use hybi::frame::{HeaderError, Masking};
use hybi::{Cause, CloseCode, Error, Kind, Role};

/// Section 5.2: "If an unknown opcode is received, the receiving endpoint MUST fail the connection."
#[test]
fn a_reserved_opcode_fails_at_its_byte() {
    for opcode in (0x3..=0x7).chain(0xb..=0xf) {
        for fin in [0x00, 0x80] {
            refused_at_once(&[fin | opcode], HeaderError::ReservedOpcode);
        }
    }
}

/// Section 5.2: a reserved bit "MUST be 0 unless an extension is negotiated".
#[test]
fn any_reserved_bit_fails_at_its_byte() {
    for opcode in [0x1, 0x2, 0x8, 0x9, 0xa] {
        for bits in 1..=7 {
            refused_at_once(&[0x80 | bits << 4 | opcode], HeaderError::ReservedBits);
        }
    }
}

/// Section 5.2, where the frame would be allowed without the bit.
#[test]
fn any_reserved_bit_on_a_continuation_fails_at_its_byte() {
    for bits in 1..=7 {
        for mut end in End::both() {
            assert_eq!(end.hear("01 02 6162"), []);
            let told = end.hear_bytes(&[0x80 | bits << 4]);
            assert_eq!(failure(&told), Error::Header(HeaderError::ReservedBits));
        }
    }
}

/// Section 5.1: "The server MUST close the connection upon receiving a frame that is not masked."
#[test]
fn a_server_refuses_an_unmasked_frame_at_its_second_byte() {
    for first in [0x81, 0x82, 0x88, 0x89, 0x8a] {
        let mut server = End::server(config(|_| {}));
        assert_eq!(server.hear_bytes(&[first]), []);
        for second in [0x05, 0x00, 0x7d] {
            let mut server = End::server(config(|_| {}));
            let told = server.hear_bytes(&[first, second]);
            assert_eq!(failure(&told), Error::Header(HeaderError::Unmasked));
        }
        let told = server.hear_bytes(&[0x05]);
        assert_eq!(failure(&told), Error::Header(HeaderError::Unmasked));
        assert_eq!(server.said(), close_frame(1002, "protocol error"));
    }
}

/// Section 5.1: "A client MUST close a connection if it detects a masked frame."
#[test]
fn a_client_refuses_a_masked_frame_at_its_second_byte() {
    for first in [0x81, 0x82, 0x88, 0x89, 0x8a] {
        let mut client = End::client(config(|_| {}));
        assert_eq!(client.hear_bytes(&[first]), []);
        let told = client.hear_bytes(&[0x85]);
        assert_eq!(failure(&told), Error::Header(HeaderError::Masked));
        assert_eq!(client.said(), close_frame(1002, "protocol error"));
    }
}

/// Section 5.1: the same for the continuation of a message that began as it should.
#[test]
fn every_fragment_is_masked_for_itself() {
    let mut server = End::server(config(|_| {}));
    assert_eq!(server.hear("01 02 6162"), []);
    assert_eq!(failure(&server.hear_bytes(&wire("80 02"))), Error::Header(HeaderError::Unmasked));
    let mut client = End::client(config(|_| {}));
    assert_eq!(client.hear("01 02 6162"), []);
    assert_eq!(failure(&client.hear_bytes(&wire("80 82"))), Error::Header(HeaderError::Masked));
}

/// Section 5.1: "A client MUST mask all frames that it sends", "A server MUST NOT mask".
#[test]
fn what_is_sent_is_masked_by_clients_and_by_nobody_else() {
    for mut end in End::both() {
        end.conn.send_text("text").expect("room");
        end.conn.send(vec![7; 5000]).expect("room");
        end.conn.ping(b"ping").expect("room");
        end.conn.pong(b"pong").expect("room");
        end.conn.writer(Kind::Binary).and_then(|writer| writer.finish(b"piece")).expect("room");
        assert_eq!(end.hear("89 01 61"), [Told::ping(b"a")]);
        end.conn.close(CloseCode::NORMAL, "").expect("a code that may be sent");
        let is_client = end.conn.role() == Role::Client;
        let frames = end.said_frames(); // parsed strictly
        assert_eq!(frames.len(), 7);
        assert!(frames.iter().all(|(header, _)| header.mask.is_some() == is_client));
    }
}

/// Section 5.3: the key is fresh for each frame.
#[test]
fn every_frame_of_a_client_takes_a_key_of_its_own() {
    let mut client = End::client(config(|_| {}));
    for _ in 0..4 {
        client.conn.send_text("again").expect("room");
        client.conn.ping(b"again").expect("room");
        client.conn.send(vec![0; 8192]).expect("room");
    }
    let mut keys: Vec<_> = client.said_frames().iter().map(|(header, _)| header.mask).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 12);
}

/// Section 5.2: "the minimal number of bytes MUST be used to encode the length".
#[test]
fn a_length_in_16_bits_that_fits_7_fails() {
    for len in ["0000", "0001", "007d"] {
        refused_at_once(&wire(&format!("82 7e {len}")), HeaderError::NonMinimalLength);
    }
}

/// Section 5.2, as above.
#[test]
fn a_length_in_64_bits_that_fits_16_fails() {
    for len in ["0000000000000000", "000000000000007d", "000000000000ffff"] {
        refused_at_once(&wire(&format!("82 7f {len}")), HeaderError::NonMinimalLength);
    }
}

/// Six zero bytes leave room for 65535 at most, whatever the last two are.
#[test]
fn a_length_in_64_bits_that_fits_16_fails_at_its_sixth_byte() {
    for mut end in End::both() {
        assert_eq!(end.hear("82 7f 0000000000"), []);
        let told = end.hear_bytes(&[0]);
        assert!(!told.is_empty(), "the length cannot become minimal any more");
        assert_eq!(failure(&told), Error::Header(HeaderError::NonMinimalLength));
    }
}

/// Section 5.2: of a 64-bit length "the most significant bit MUST be 0".
#[test]
fn a_64_bit_length_with_its_top_bit_set_fails_at_that_byte() {
    for top in ["80", "ff"] {
        refused_at_once(&wire(&format!("82 7f {top}")), HeaderError::LengthTopBit);
    }
    refused_at_once(&wire("82 7f 8000000000000000"), HeaderError::LengthTopBit);
}

/// A wrong form is told as such, not as a length over the limit.
#[test]
fn the_form_of_a_length_is_checked_before_its_size() {
    for mut end in End::both_with(|config| config.max_frame_size = 10) {
        let told = end.hear("82 7e 0064");
        assert_eq!(failure(&told), Error::Header(HeaderError::NonMinimalLength));
    }
}

/// Section 5.2: the boundaries between the three forms of the length.
#[test]
fn payloads_around_every_form_of_length_are_received_and_sent_in_the_shortest() {
    let forms = [
        (0, "82 00"),
        (1, "82 01"),
        (125, "82 7d"),
        (126, "82 7e 007e"),
        (127, "82 7e 007f"),
        (65_535, "82 7e ffff"),
        (65_536, "82 7f 0000000000010000"),
        (65_537, "82 7f 0000000000010001"),
    ];
    for (len, header) in forms {
        let payload: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
        let bytes = [&*wire(header), &payload].concat();
        assert_eq!(frame(0x82, &payload).0, bytes);
        for mut end in End::both() {
            assert_eq!(end.hear_frames(&bytes), [Told::binary(&payload)]);
            end.conn.send_binary(&payload).expect("room");
            assert_eq!(end.said().0, bytes);
        }
    }
}

/// Section 5.3: the masking key may be any 32-bit value, zero included.
#[test]
fn a_key_of_zeros_is_a_key() {
    let mut server = End::server(config(|_| {}));
    let told = server.hear_bytes(&wire("81 85 00000000 48656c6c6f"));
    assert_eq!(told, [Told::text("Hello")]);
}

/// The frame after is found where the one before ends, whatever its length and key.
#[test]
fn frames_follow_each_other_without_a_gap() {
    let frames = wire("81 01 61  82 00  89 02 6263  82 03 000102  8a 00  81 00");
    let all = [
        Told::text("a"),
        Told::binary(b""),
        Told::ping(b"bc"),
        Told::binary(&[0, 1, 2]),
        Told::pong(b""),
        Told::text(""),
    ];
    for mut end in End::both() {
        assert_eq!(end.hear_frames(&frames), all);
    }
}

#[test]
fn a_frame_is_told_at_its_last_byte_and_not_before() {
    let (bytes, _) = masked(&frame(0x82, &[5; 130]), KEY);
    let mut server = End::server(config(|_| {}));
    let (last, most) = bytes.split_last().expect("bytes");
    for byte in most {
        assert_eq!(server.hear_bytes(&[*byte]), []);
    }
    assert_eq!(server.hear_bytes(&[*last]), [Told::binary(&[5; 130])]);
}

/// Section 7.1.7: after failing, nothing more from the peer is processed, not even a Close frame.
#[test]
fn after_a_failure_nothing_more_is_looked_at() {
    for mut end in End::both() {
        let told = end.hear("83 00");
        assert_eq!(failure(&told), Error::Header(HeaderError::ReservedOpcode));
        assert_eq!(end.said(), close_frame(1002, "protocol error"));
        assert_eq!(end.hear("81 01 61  89 00  88 02 03e8"), []);
        assert_eq!(end.hear_eof(), []);
        assert_eq!(end.said(), wire(""));
        let closed = end.conn.closed().expect("it has ended");
        assert_eq!(closed.received, None);
        assert_eq!(closed.code(), CloseCode::ABNORMAL);
        assert!(!closed.is_clean());
    }
}

/// Messages that were complete before the violation are told before the end.
#[test]
fn what_came_before_a_violation_in_the_same_read_is_told_first() {
    for mut end in End::both() {
        let told = end.hear("81 02 6f6b  89 01 70  83 00  81 02 6e6f");
        assert_eq!(told[..2], [Told::text("ok"), Told::ping(b"p")]);
        assert_eq!(told.len(), 3);
        assert_eq!(failure(&told), Error::Header(HeaderError::ReservedOpcode));
        let said = [&*wire("8a 01 70"), &close_frame(1002, "protocol error")].concat();
        assert_eq!(end.said().0, said);
    }
}

#[test]
fn the_masking_of_the_peer_is_required_or_forbidden_by_its_role() {
    let mut in_message = false;
    let unmasked = wire("81 01 61");
    let parse = |masking, in_message: &mut bool| {
        common::parse_frames(&unmasked, masking, in_message).map(|frames| frames.len())
    };
    assert_eq!(parse(Masking::Forbidden, &mut in_message), Ok(1));
    assert_eq!(parse(Masking::Required, &mut in_message), Err(HeaderError::Unmasked));
}

/// The last byte of the unmasked `bytes` fails an end of either role with `error`, and no earlier one.
#[track_caller]
fn refused_at_once(bytes: &[u8], error: HeaderError) {
    for mut end in End::both() {
        let (bytes, _) = match end.conn.role() {
            Role::Server => masked(bytes, KEY),
            Role::Client => (bytes.into(), KEY),
        };
        // A server meets the key behind the length; it must not have to wait for it.
        let without_key = &bytes[..bytes.len().min(10)];
        let told = end.hear_bytes(without_key);
        assert_eq!(failure(&told), Error::Header(error), "{bytes:?}");
        assert_eq!(failure(&told).close_code(), CloseCode::PROTOCOL_ERROR);
        assert!(matches!(end.conn.closed().map(|c| c.cause), Some(Cause::Failed(_))));
        assert_eq!(end.said(), close_frame(1002, "protocol error"), "{bytes:?}");
    }
}
