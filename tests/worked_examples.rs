//! The examples of RFC 6455 section 5.7, byte for byte, both ways.

mod common;

use common::{End, KEY, Told, config, frame, masked, wire};
use hybi::{Connection, Kind, Message};

const HELLO: &str = "81 05 48656c6c6f";
const MASKED_HELLO: &str = "81 85 37fa213d 7f9f4d5158";

#[test]
fn an_unmasked_hello_is_received_by_a_client() {
    let mut client = End::client(config(|_| {}));
    assert_eq!(client.hear_bytes(&wire(HELLO)), [Told::text("Hello")]);
}

#[test]
fn an_unmasked_hello_is_sent_by_a_server() {
    let mut server = End::server(config(|_| {}));
    server.conn.send_text("Hello").expect("room");
    assert_eq!(server.sent(), wire(HELLO));
}

#[test]
fn a_masked_hello_is_received_by_a_server() {
    let mut server = End::server(config(|_| {}));
    assert_eq!(server.hear_bytes(&wire(MASKED_HELLO)), [Told::text("Hello")]);
}

#[test]
fn a_masked_hello_is_sent_by_a_client() {
    let mut client = example_client();
    client.conn.send_text("Hello").expect("room");
    assert_eq!(client.sent(), wire(MASKED_HELLO));
}

#[test]
fn a_fragmented_hello_is_received_by_a_client() {
    let mut client = End::client(config(|_| {}));
    assert_eq!(client.hear_bytes(&wire("01 03 48656c")), []);
    assert_eq!(client.hear_bytes(&wire("80 02 6c6f")), [Told::text("Hello")]);
}

#[test]
fn a_fragmented_hello_is_sent_by_a_server() {
    let mut server = End::server(config(|_| {}));
    let mut writer = server.conn.writer(Kind::Text).expect("open");
    writer.write(b"Hel").expect("room");
    writer.finish(b"lo").expect("room");
    assert_eq!(server.sent(), wire("01 03 48656c  80 02 6c6f"));
}

#[test]
fn an_unmasked_ping_is_answered_by_the_masked_pong() {
    let mut client = example_client();
    assert_eq!(client.hear_bytes(&wire("89 05 48656c6c6f")), [Told::ping(b"Hello")]);
    assert_eq!(client.sent(), wire("8a 85 37fa213d 7f9f4d5158"));
}

#[test]
fn an_unmasked_ping_is_sent_by_a_server_and_the_masked_pong_received() {
    let mut server = End::server(config(|_| {}));
    server.conn.ping(b"Hello").expect("room");
    assert_eq!(server.sent(), wire("89 05 48656c6c6f"));
    assert_eq!(server.hear_bytes(&wire("8a 85 37fa213d 7f9f4d5158")), [Told::pong(b"Hello")]);
}

#[test]
fn a_binary_message_of_256_bytes_has_a_length_of_16_bits() {
    both_ways(&wire("82 7e 0100"), 256);
}

#[test]
fn a_binary_message_of_64_kib_has_a_length_of_64_bits() {
    both_ways(&wire("82 7f 0000000000010000"), 65536);
}

#[test]
fn the_masking_of_section_5_3_repeats_the_key_every_four_bytes() {
    let mut client = example_client();
    client.conn.send(Message::binary(vec![0; 9])).expect("room");
    assert_eq!(client.sent(), wire("82 89 37fa213d 37fa213d 37fa213d 37"));
}

/// A client whose keys are all that of the examples.
fn example_client() -> End {
    End::new(Connection::client(config(|_| {}), || KEY))
}

/// A message of `len` bytes has this unmasked header, in both directions and both roles.
fn both_ways(header: &[u8], len: usize) {
    let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
    let unmasked = [header, &payload].concat();
    assert_eq!(unmasked, frame(0x82, &payload).0);
    let (to_server, _) = masked(&unmasked, KEY);

    let mut client = example_client();
    let mut server = End::server(config(|_| {}));
    assert_eq!(client.hear_bytes(&unmasked), [Told::binary(&payload)]);
    assert_eq!(server.hear_bytes(&to_server), [Told::binary(&payload)]);
    client.conn.send_binary(&payload).expect("room");
    server.conn.send(payload).expect("room");
    assert_eq!(client.sent(), to_server);
    assert_eq!(server.sent().0, unmasked);
}
