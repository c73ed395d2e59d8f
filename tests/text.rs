//! Text messages are UTF-8 (RFC 6455 sections 5.6 and 8.1, RFC 3629), and the first byte that makes them
//! impossible fails the connection.

mod common;

use common::{End, Told, close_frame, config, failure, frame, the_end, wire};
use hybi::utf8::{InvalidUtf8, check};
use hybi::{Error, Kind, Message, SendError};

/// "When an endpoint is to interpret a byte stream as UTF-8 but finds that the byte stream is not, in
/// fact, a valid UTF-8 stream, that endpoint MUST fail the connection", with 1007 (section 7.4.1).
#[test]
fn a_message_that_is_not_utf8_fails_with_1007() {
    for payload in [
        "80",   // a continuation byte without a beginning
        "c080", // overlong forms
        "c1bf",
        "e09fbf",
        "f08fbfbf",
        "eda080", // surrogates
        "edbfbf",
        "f4908080", // above U+10FFFF
        "f5",
        "ff",
        "c341", // a character that breaks off
        "e282 41",
        "cebae1bdb9cf83cebcceb5 eda080 656469746564",
    ] {
        for mut end in End::both() {
            let told = end.hear_frames(&frame(0x81, &wire(payload)));
            assert_eq!(failure(&told), Error::InvalidUtf8, "{payload}");
            assert_eq!(told.len(), 1);
            assert_eq!(end.said(), close_frame(1007, "invalid UTF-8"));
        }
    }
}

#[test]
fn every_edge_of_utf8_is_accepted() {
    let edges = [
        '\0',
        '\u{7f}',
        '\u{80}',
        '\u{7ff}',
        '\u{800}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{fffd}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{10000}',
        '\u{10ffff}',
    ];
    for mut end in End::both() {
        for edge in edges {
            let text = String::from(edge);
            assert_eq!(end.hear_frames(&frame(0x81, text.as_bytes())), [Told::text(&text)]);
        }
    }
}

/// A byte order mark is a character like others.
#[test]
fn a_byte_order_mark_is_kept() {
    for mut end in End::both() {
        assert_eq!(end.hear("81 04 efbbbf 61"), [Told::text("\u{feff}a")]);
    }
}

/// The offence is in the third byte of a frame of a hundred; nothing after it is waited for.
#[test]
fn the_first_impossible_byte_fails_inside_an_incomplete_frame() {
    for mut end in End::both() {
        assert_eq!(end.hear("81 64 6161"), []);
        assert_eq!(failure(&end.hear_more("ff")), Error::InvalidUtf8);
        assert_eq!(end.said(), close_frame(1007, "invalid UTF-8"));
    }
}

/// All pairs of first bytes, against the table of RFC 3629 section 4.
#[test]
fn the_second_byte_of_a_character_decides_as_soon_as_it_comes() {
    for first in 0..=255u8 {
        let mut client = End::client(config(|_| {}));
        let told = client.hear_frames(&[0x81, 0x64, first]);
        if matches!(first, 0x80..=0xc1 | 0xf5..=0xff) {
            assert_eq!(failure(&told), Error::InvalidUtf8, "{first:02x}");
            continue;
        }
        assert_eq!(told, [], "{first:02x}");
        for second in 0..=255u8 {
            let may_follow = match first {
                0x00..=0x7f => matches!(second, 0x00..=0x7f | 0xc2..=0xf4),
                0xe0 => matches!(second, 0xa0..=0xbf),
                0xed => matches!(second, 0x80..=0x9f),
                0xf0 => matches!(second, 0x90..=0xbf),
                0xf4 => matches!(second, 0x80..=0x8f),
                _ => matches!(second, 0x80..=0xbf),
            };
            let mut client = End::client(config(|_| {}));
            let told = client.hear_frames(&[0x81, 0x64, first, second]);
            assert_eq!(told.is_empty(), may_follow, "{first:02x} {second:02x}");
        }
    }
}

#[test]
fn a_character_may_be_split_over_reads() {
    for mut end in End::both() {
        assert_eq!(end.hear("81 06 f0"), []);
        assert_eq!(end.hear_more("9f"), []);
        assert_eq!(end.hear_more("98"), []);
        assert_eq!(end.hear_more("80c3"), []);
        assert_eq!(end.hear_more("a9"), [Told::text("\u{1f600}\u{e9}")]);
    }
}

/// Section 5.6: "a particular text frame might include a partial UTF-8 sequence; however, the whole
/// message MUST contain valid UTF-8".
#[test]
fn a_character_may_be_split_over_fragments() {
    for mut end in End::both() {
        assert_eq!(end.hear("01 01 f0  00 01 9f  00 00  00 01 98"), []);
        assert_eq!(end.hear("80 01 80"), [Told::text("\u{1f600}")]);
    }
}

#[test]
fn a_ping_may_come_between_the_halves_of_a_character() {
    for mut end in End::both() {
        let told = end.hear("01 02 61c3  89 01 ff  80 02 a962");
        assert_eq!(told, [Told::ping(&[0xff]), Told::text("a\u{e9}b")]);
        assert_eq!(end.said(), wire("8a 01 ff"));
    }
}

#[test]
fn a_fragment_that_does_not_go_on_with_the_character_fails() {
    for mut end in End::both() {
        assert_eq!(end.hear("01 02 61c3"), []);
        let told = end.hear("00 64 41"); // one byte of a hundred
        assert_eq!(failure(&told), Error::InvalidUtf8);
    }
}

#[test]
fn a_message_that_ends_inside_a_character_fails() {
    for frames in
        ["81 01 c3", "81 03 61e282", "81 03 f09f98", "01 01 c3  80 00", "01 00 80 02 e282"]
    {
        for mut end in End::both() {
            let told = end.hear(frames);
            assert_eq!(failure(&told), Error::InvalidUtf8, "{frames}");
            assert_eq!(end.said(), close_frame(1007, "invalid UTF-8"));
        }
    }
}

/// The next message begins anew: nothing of an earlier text is carried over.
#[test]
fn texts_are_checked_each_for_itself() {
    for mut end in End::both() {
        let told = end.hear("81 02 c3a9  01 01 c3  80 01 a9  81 00  82 01 c3  81 01 61");
        let expected = [
            Told::text("\u{e9}"),
            Told::text("\u{e9}"),
            Told::text(""),
            Told::binary(&[0xc3]),
            Told::text("a"),
        ];
        assert_eq!(told, expected);
        assert_eq!(failure(&end.hear("81 01 a9")), Error::InvalidUtf8);
    }
}

#[test]
fn binary_messages_pings_and_pongs_hold_any_bytes() {
    for mut end in End::both() {
        let told = end.hear("82 02 ffc0  02 01 c3  80 01 41  89 01 80  8a 01 fe");
        let expected = [
            Told::binary(&[0xff, 0xc0]),
            Told::binary(&[0xc3, 0x41]),
            Told::ping(&[0x80]),
            Told::pong(&[0xfe]),
        ];
        assert_eq!(told, expected);
    }
}

/// The message is long, the offence at its end, and what came before it is not told.
#[test]
fn a_long_text_fails_at_its_last_byte() {
    let mut payload = "\u{3ba}\u{1f600}a".repeat(10_000).into_bytes();
    payload.push(0xff);
    for mut end in End::both() {
        let told = end.hear_frames(&frame(0x81, &payload));
        assert_eq!(failure(&told), Error::InvalidUtf8);
        assert_eq!(told.len(), 1);
    }
}

/// Our side of section 5.6: text that is not UTF-8 cannot be sent.
#[test]
fn a_piece_of_text_that_is_not_utf8_is_refused_to_the_caller() {
    for mut end in End::both() {
        let mut writer = end.conn.writer(Kind::Text).expect("open");
        assert_eq!(writer.write(&[0x61, 0xff]), Err(SendError::InvalidUtf8));
        assert_eq!(writer.write(&[0xc3]), Err(SendError::InvalidUtf8));
        writer.write(b"a").expect("room");
        assert_eq!(writer.finish(&[0xc3]), Err(SendError::InvalidUtf8));
        end.conn.writer(Kind::Text).and_then(|w| w.finish(b"b")).expect("still open");
        assert_eq!(end.said(), wire("01 01 61  80 01 62"));
    }
    assert!(hybi::Utf8Bytes::try_from(bytes::Bytes::from_static(b"\xff")).is_err());
    assert!(Message::binary(&b"\xff"[..]).as_text().is_none());
}

#[test]
fn text_that_breaks_off_with_the_transport_is_lost_and_not_invalid() {
    for mut end in End::both() {
        assert_eq!(end.hear("81 03 e282"), []);
        let closed = the_end(&end.hear_eof());
        assert_eq!(closed.cause, hybi::Cause::Lost);
    }
}

/// Whatever a text is looked at in, words or vectors: a byte that does not fit is found, where it stands.
#[test]
fn a_byte_that_is_no_ascii_is_seen_wherever_it_stands() {
    for filling in [b'a', 0] {
        for len in 1..200 {
            for at in 0..len {
                for wrong in [0x80, 0xff] {
                    let mut text = vec![filling; len];
                    text[at] = wrong;
                    assert_eq!(check(&text), Err(InvalidUtf8 { valid_up_to: at }), "{at} of {len}");
                    // The same byte in the same place of the next word.
                    if let Some(again) = text.get_mut(at + 8) {
                        *again = wrong;
                        assert_eq!(check(&text), Err(InvalidUtf8 { valid_up_to: at }));
                    }
                }
            }
        }
    }
}

/// What ends a text is the beginning of a character or none at all, behind a text of any length.
#[test]
fn what_a_text_ends_with_may_become_a_character_or_fails() {
    let begun: [&[u8]; 9] = [
        b"\xc2",
        b"\xdf",
        b"\xe0",
        b"\xe0\xa0",
        b"\xed\x9f",
        b"\xf0\x90",
        b"\xf4\x8f",
        b"\xf0\x90\x80",
        b"\xf4\x8f\xbf",
    ];
    let wrong: [&[u8]; 12] = [
        b"\xc0",
        b"\xc1",
        b"\xf5",
        b"\xff",
        b"\xe0\x80",
        b"\xed\xa0",
        b"\xf0\x80",
        b"\xf4\x90",
        b"\xe0\xa0\x20",
        b"\xf0\x90\x20",
        b"\xf0\x80\x80",
        b"\xf4\x90\x80",
    ];
    for len in 0..150 {
        for unit in ["a", "\u{e9}", "\u{20ac}"] {
            let text = unit.repeat(len).into_bytes();
            for end in begun {
                assert_eq!(check(&[&text, end].concat()), Ok(text.len()), "{len} and {end:x?}");
            }
            for end in wrong {
                let found = check(&[&text, end].concat());
                assert_eq!(
                    found,
                    Err(InvalidUtf8 { valid_up_to: text.len() }),
                    "{len} and {end:x?}"
                );
            }
        }
    }
}
