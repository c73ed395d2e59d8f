//! Messages as values: what they are made from, and what they can be asked.

mod common;

use bytes::Bytes;
use common::{End, KEY, masked, wire};
use hybi::{Event, Kind, Message, Role, Utf8Bytes};

#[test]
fn a_message_tells_its_kind_its_length_and_its_payload() {
    for (message, kind, bytes, text) in [
        (Message::text(""), Kind::Text, &b""[..], Some("")),
        (Message::text("h\u{e9}"), Kind::Text, b"h\xc3\xa9", Some("h\u{e9}")),
        (Message::from(Bytes::new()), Kind::Binary, b"", None),
        (Message::binary(vec![1, 2]), Kind::Binary, &[1, 2], None),
    ] {
        assert_eq!((message.kind(), message.as_bytes(), message.as_text()), (kind, bytes, text));
        assert_eq!((message.len(), message.is_empty()), (bytes.len(), bytes.is_empty()));
        assert_eq!(message.into_bytes(), bytes);
    }
}

#[test]
fn checked_bytes_are_text_in_every_way() {
    let text = Utf8Bytes::from("h\u{e9}");
    assert!(text == "h\u{e9}" && text == *"h\u{e9}" && text != "h" && text != *"h");
    assert_eq!((text.as_str(), text.as_ref()), ("h\u{e9}", "h\u{e9}"));
    assert_eq!((format!("{text}"), format!("{text:?}")), ("h\u{e9}".into(), "\"h\u{e9}\"".into()));
    assert!(Utf8Bytes::try_from(Bytes::from_static(b"h\xc3")).is_err());
}

#[test]
fn an_event_of_a_message_can_be_kept_as_a_message() {
    for mut end in End::both() {
        let frames = wire("81 01 61  82 02 0102  89 00");
        let bytes = match end.conn.role() {
            Role::Client => frames,
            Role::Server => masked(&frames, KEY).0,
        };
        end.rx.extend_from_slice(&bytes);
        let mut kept = Vec::new();
        while let Some(event) = end.conn.next_event(&mut end.rx) {
            kept.push(event.to_message());
            assert_eq!(matches!(event, Event::Ping(_)), kept.last() == Some(&None));
        }
        assert_eq!(kept, [Some(Message::text("a")), Some(Message::binary(vec![1, 2])), None]);
    }
}
