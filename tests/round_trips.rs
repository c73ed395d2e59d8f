//! What one end sends by any call, the other is told: exactly, in order, both ways at once, however the bytes were cut.

mod common;

use bytes::Bytes;
use common::{End, Pair, Told, config};
use hybi::frame::OpCode;
use hybi::{Config, Delivery, Kind, Message, Prepared, Role};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn messages_arrive_exactly_and_in_order(
        actions in vec((any::<bool>(), any::<bool>(), action()), 0..20),
        step in prop_oneof![Just(usize::MAX), 1usize..5, 1usize..5000],
    ) {
        let mut pair = Pair::new(&config(|_| {}), step);
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        for (from_client, carry_now, action) in actions {
            match from_client {
                true => action.perform(&mut pair.client, &mut to_server),
                false => action.perform(&mut pair.server, &mut to_client),
            }
            if carry_now {
                pair.run();
            }
        }
        pair.run();
        prop_assert_eq!(without_pongs(&pair.server_told), to_server);
        prop_assert_eq!(without_pongs(&pair.client_told), to_client);
        prop_assert!(!pair.client.conn.is_closing() && !pair.server.conn.is_closing());
    }

    /// In chunks, the same bytes arrive in the same order.
    #[test]
    fn messages_arrive_in_chunks_of_any_size(
        actions in vec(action(), 0..10),
        step in 1usize..3000,
    ) {
        let config = config(|config: &mut Config| config.delivery = Delivery::Chunks);
        let mut pair = Pair::new(&config, step);
        let mut expected = Vec::new();
        for action in actions {
            action.perform(&mut pair.client, &mut expected);
            pair.run();
        }
        let mut joined: Vec<Told> = Vec::new();
        let mut open = Vec::new();
        for told in without_pongs(&pair.server_told) {
            match told {
                Told::Chunk { data, last, kind, .. } => {
                    open.extend(data.0);
                    if last {
                        joined.push(message_told(kind, &std::mem::take(&mut open)));
                    }
                }
                other => joined.push(other),
            }
        }
        // Pings may come between the chunks of a message, so each kind is compared for itself.
        let is_ping = |told: &&Told| matches!(told, Told::Ping(_));
        let split = |told: &[Told]| -> (Vec<Told>, Vec<Told>) { told.iter().cloned().partition(|t| is_ping(&t)) };
        prop_assert_eq!(split(&joined), split(&expected));
        prop_assert!(open.is_empty());
    }

    /// What is sent keeps every rule of section 5, checked by the strict parser, frame by frame.
    #[test]
    fn every_frame_that_is_sent_keeps_the_rules(actions in vec(action(), 0..20)) {
        for mut end in End::both() {
            let mut expected = Vec::new();
            for action in &actions {
                action.clone().perform(&mut end, &mut expected);
            }
            let is_client = end.conn.role() == Role::Client;
            let mut told = Vec::new();
            let mut open: Option<(Kind, Vec<u8>)> = None;
            for (header, payload) in end.said_frames() {
                prop_assert_eq!(header.mask.is_some(), is_client);
                let kind = match header.opcode {
                    OpCode::Ping => {
                        told.push(Told::ping(&payload));
                        continue;
                    }
                    OpCode::Text => Kind::Text,
                    OpCode::Binary => Kind::Binary,
                    OpCode::Continuation => open.as_ref().expect("a message to continue").0,
                    other => panic!("nobody sent {other:?}"),
                };
                let message = open.get_or_insert((kind, Vec::new()));
                message.1.extend(payload);
                if header.fin {
                    let (kind, payload) = open.take().expect("a message");
                    told.push(message_told(kind, &payload));
                }
            }
            prop_assert_eq!(told, expected);
        }
    }
}

/// Something that an application does with a connection.
#[derive(Clone, Debug)]
enum Action {
    Send(Message),
    /// Others hold its memory.
    SendShared(Message),
    Borrowed(Message),
    Prepared(Message),
    /// In pieces, with a ping before the last if there are bytes for one.
    Written(Kind, Vec<Bytes>, Option<Vec<u8>>),
    Ping(Vec<u8>),
}

impl Action {
    /// Does it and notes what the peer is to be told.
    fn perform(self, end: &mut End, expected: &mut Vec<Told>) {
        let conn = &mut end.conn;
        match self {
            Self::Send(message) => {
                expected.push(message_told(message.kind(), message.as_bytes()));
                conn.send(message).expect("room");
            }
            Self::SendShared(message) => {
                let held = message.clone();
                conn.send(message).expect("room");
                expected.push(message_told(held.kind(), held.as_bytes()));
            }
            Self::Borrowed(message) => {
                match &message {
                    Message::Text(text) => conn.send_text(text).expect("room"),
                    Message::Binary(data) => conn.send_binary(data).expect("room"),
                }
                expected.push(message_told(message.kind(), message.as_bytes()));
            }
            Self::Prepared(message) => {
                conn.send_prepared(&Prepared::new(message.clone())).expect("room");
                expected.push(message_told(message.kind(), message.as_bytes()));
            }
            Self::Written(kind, pieces, ping) => {
                let (last, before) = pieces.split_last().expect("at least one piece");
                for piece in before {
                    conn.writer(kind).and_then(|mut writer| writer.write(piece)).expect("room");
                }
                if let Some(payload) = ping {
                    conn.ping(&payload).expect("room");
                    expected.push(Told::ping(&payload));
                }
                conn.writer(kind).and_then(|writer| writer.finish(last)).expect("room");
                expected.push(message_told(kind, &pieces.concat()));
            }
            Self::Ping(payload) => {
                conn.ping(&payload).expect("room");
                expected.push(Told::ping(&payload));
            }
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    let ping = || vec(any::<u8>(), 0..126);
    let texts = vec(text().prop_map(Bytes::from), 1..5).prop_map(|pieces| (Kind::Text, pieces));
    let blobs = vec(blob().prop_map(Bytes::from), 1..5).prop_map(|pieces| (Kind::Binary, pieces));
    prop_oneof![
        3 => message().prop_map(Action::Send),
        1 => message().prop_map(Action::SendShared),
        3 => message().prop_map(Action::Borrowed),
        1 => message().prop_map(Action::Prepared),
        2 => (prop_oneof![texts, blobs], prop::option::of(ping()))
            .prop_map(|((kind, pieces), ping)| Action::Written(kind, pieces, ping)),
        1 => ping().prop_map(Action::Ping),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![text().prop_map(Message::from), blob().prop_map(Message::from)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<String>(),
        1 => (any::<char>(), 1usize..3000).prop_map(|(c, times)| String::from(c).repeat(times)),
    ]
}

/// Lengths around each form of length and around the size from which payloads are not copied.
fn blob() -> impl Strategy<Value = Vec<u8>> {
    let around =
        prop::sample::select(&[0usize, 125, 126, 127, 4082, 4096, 16_384, 65_535, 65_536][..]);
    prop_oneof![
        4 => vec(any::<u8>(), 0..300),
        1 => (around, 0usize..3, any::<u8>())
            .prop_map(|(len, more, seed)| (0..len + more).map(|i| seed.wrapping_add(i as u8)).collect()),
    ]
}

fn message_told(kind: Kind, payload: &[u8]) -> Told {
    match kind {
        Kind::Text => Told::Text(String::from_utf8(payload.to_vec()).expect("text")),
        Kind::Binary => Told::binary(payload),
    }
}

/// Pongs are answers of the other end, of which some may be left out.
fn without_pongs(told: &[Told]) -> Vec<Told> {
    told.iter().filter(|told| !matches!(told, Told::Pong(_))).cloned().collect()
}
