//! Messages delivered as their bytes arrive (`Delivery::Chunks`).

mod common;

use common::{End, Told, close_frame, config, failure, frame, masked, the_end, wire};
use hybi::{Cause, Config, Delivery, Error, Event, Kind};

#[test]
fn a_message_is_told_as_its_bytes_arrive() {
    for mut end in ends() {
        assert_eq!(end.hear("82 06 0102"), [binary("0102", true, false)]);
        assert_eq!(end.hear_more("03"), [binary("03", false, false)]);
        assert_eq!(end.hear_more("040506"), [binary("040506", false, true)]);
        assert_eq!(end.conn.stats().messages_received, 1);
    }
}

#[test]
fn a_message_that_is_there_at_once_is_one_chunk() {
    for mut end in ends() {
        assert_eq!(end.hear("81 02 6869"), [text("hi", true, true)]);
        assert_eq!(end.hear("82 01 07"), [binary("07", true, true)]);
    }
}

/// The boundaries of frames are no boundaries of the message: they are told as bytes are there.
#[test]
fn fragments_are_told_one_after_the_other() {
    for mut end in ends() {
        let told = end.hear("02 02 0102  00 01 03  80 01 04");
        let expected =
            [binary("0102", true, false), binary("03", false, false), binary("04", false, true)];
        assert_eq!(told, expected);
    }
}

#[test]
fn an_empty_message_is_one_empty_chunk() {
    for mut end in ends() {
        assert_eq!(end.hear("81 00  82 00"), [text("", true, true), binary("", true, true)]);
        assert_eq!(end.hear("01 00  00 00  80 00"), [text("", true, true)]);
    }
}

#[test]
fn only_the_last_chunk_may_be_empty() {
    for mut end in ends() {
        assert_eq!(end.hear("02 00  00 01 01"), [binary("01", true, false)]);
        assert_eq!(end.hear("00 00"), []);
        assert_eq!(end.hear("80 00"), [binary("", false, true)]);
        assert_eq!(end.hear("82 01"), []);
        assert_eq!(end.hear_more("05"), [binary("05", true, true)]);
    }
}

#[test]
fn a_chunk_of_text_is_never_cut_inside_a_character() {
    for mut end in ends() {
        assert_eq!(end.hear("81 07 61f0"), [text("a", true, false)]);
        assert_eq!(end.hear_more("9f98"), []);
        assert_eq!(end.hear_more("80c3"), [text("\u{1f600}", false, false)]);
        assert_eq!(end.hear_more("a9"), [text("\u{e9}", false, true)]);
    }
}

#[test]
fn the_first_chunk_waits_for_its_first_character() {
    for mut end in ends() {
        assert_eq!(end.hear("01 01 e2  00 01 82  00 00"), []);
        assert_eq!(end.hear("00 01 ac"), [text("\u{20ac}", true, false)]);
        assert_eq!(end.hear("80 00"), [text("", false, true)]);
    }
}

#[test]
fn a_ping_between_the_halves_of_a_character_is_told_where_it_came() {
    for mut end in ends() {
        assert_eq!(end.hear("01 02 61c3"), [text("a", true, false)]);
        assert_eq!(end.hear("89 02 ffff"), [Told::ping(&[0xff, 0xff])]);
        assert_eq!(end.hear("80 02 a962"), [text("\u{e9}b", false, true)]);
        assert_eq!(end.said(), wire("8a 02 ffff"));
    }
}

/// Section 8.1 holds for text in pieces: what was told before was valid, and nothing after.
#[test]
fn text_that_becomes_invalid_fails() {
    for mut end in ends() {
        assert_eq!(end.hear("81 09 6f6b"), [text("ok", true, false)]);
        assert_eq!(failure(&end.hear_more("c328")), Error::InvalidUtf8);
        assert_eq!(end.said(), close_frame(1007, "invalid UTF-8"));
    }
    for mut end in ends() {
        assert_eq!(end.hear("01 02 61c3"), [text("a", true, false)]);
        assert_eq!(failure(&end.hear("80 00")), Error::InvalidUtf8);
    }
    for mut end in ends() {
        assert_eq!(failure(&end.hear("81 01 c3")), Error::InvalidUtf8);
    }
}

#[test]
fn every_limit_applies_to_messages_in_chunks() {
    let both = |change: fn(&mut Config)| {
        End::both_with(move |config| {
            chunks(config);
            change(config);
        })
    };
    for mut end in both(|config| config.max_message_size = 3) {
        assert_eq!(end.hear("02 02 0102").len(), 1);
        let told = end.hear("80 02 0304");
        assert_eq!(failure(&told), Error::MessageTooLarge { len: 4, limit: 3 });
        assert_eq!(told.len(), 1, "nothing of what is too large");
    }
    for mut end in both(|config| config.max_frame_size = 3) {
        assert_eq!(failure(&end.hear("82 04")), Error::FrameTooLarge { len: 4, limit: 3 });
    }
    for mut end in both(|config| config.max_fragments = 2) {
        let told = end.hear("02 01 01  00 01 02  80 01 03");
        assert_eq!(failure(&told), Error::TooManyFragments { limit: 2 });
    }
    for mut end in both(|config| config.max_empty_fragments = 1) {
        let told = end.hear("02 00  00 00");
        assert_eq!(failure(&told), Error::TooManyEmptyFragments { limit: 1 });
    }
}

#[test]
fn memory_stays_small_however_large_the_message_is() {
    for kind in [0x81, 0x82] {
        let payload = "\u{20ac}uro ".repeat(1 << 19).into_bytes();
        let (bytes, _) = masked(&frame(kind, &payload), common::KEY);
        let mut server = End::server(config(chunks));
        let mut received = 0;
        for piece in bytes.chunks(4096) {
            server.rx.extend_from_slice(piece);
            while let Some(event) = server.conn.next_event(&mut server.rx) {
                let Event::Chunk(chunk) = event else { panic!("a chunk") };
                assert_eq!(&*chunk.data, &payload[received..received + chunk.data.len()]);
                assert_eq!(chunk.first, received == 0);
                received += chunk.data.len();
                assert_eq!(chunk.last, received == payload.len());
            }
            assert!(server.rx.capacity() <= 16 * 1024, "{} bytes", server.rx.capacity());
        }
        assert_eq!(received, payload.len());
    }
}

#[test]
fn a_message_that_breaks_off_has_no_last_chunk() {
    for mut end in ends() {
        assert_eq!(end.hear("02 02 0102"), [binary("0102", true, false)]);
        assert_eq!(the_end(&end.hear_eof()).cause, Cause::Lost);
    }
    for mut end in ends() {
        let told = end.hear("02 02 0102  88 02 03e8");
        assert_eq!(told[0], binary("0102", true, false));
        assert_eq!(the_end(&told).cause, Cause::Remote);
        assert_eq!(told.len(), 2);
    }
}

#[test]
fn every_message_begins_with_its_own_first_chunk() {
    for mut end in ends() {
        let told = end.hear("01 01 61  80 01 62  82 01 01  01 00  80 00  81 01 63");
        let expected = [
            text("a", true, false),
            text("b", false, true),
            binary("01", true, true),
            text("", true, true),
            text("c", true, true),
        ];
        assert_eq!(told, expected);
    }
}

/// A chunk that was looked for is told once, when it is asked for.
#[test]
fn looking_for_a_chunk_does_not_take_it() {
    for mut end in ends() {
        assert!(!end.conn.has_event(&mut end.rx));
        let bytes = match end.conn.role() {
            hybi::Role::Client => wire("81 04 61c3"),
            hybi::Role::Server => masked(&wire("81 04 61c3"), common::KEY).0,
        };
        end.rx.extend_from_slice(&bytes);
        assert!(end.conn.has_event(&mut end.rx));
        end.rx.space();
        assert!(end.conn.has_event(&mut end.rx));
        assert_eq!(end.events(), [text("a", true, false)]);
        assert!(!end.conn.has_event(&mut end.rx));
    }
}

fn chunks(config: &mut Config) {
    config.delivery = Delivery::Chunks;
}

fn ends() -> [End; 2] {
    End::both_with(chunks)
}

fn text(text: &str, first: bool, last: bool) -> Told {
    Told::Chunk { kind: Kind::Text, data: text.as_bytes().into(), first, last }
}

fn binary(hex: &str, first: bool, last: bool) -> Told {
    Told::Chunk { kind: Kind::Binary, data: wire(hex), first, last }
}
