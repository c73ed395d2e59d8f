//! The futures of the tokio adapter may be dropped at any poll: the conversation goes on as if they had not been.
//!
//! Each conversation is held once undisturbed; then again and again, with every future dropped after its first
//! poll, after its second, and so on, until none is dropped any more. What either end gets must not differ.
#![cfg(feature = "tokio")]
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::future::poll_fn;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;

use adapters::by_hand;
use adapters::drops::Drops;
use adapters::faulty::{FREE, Faulty, HESITANT, Pace, SINGLE_BYTES};
use adapters::frames::*;
use adapters::poll::poll_times;
use adapters::session::Session;
use futures_util::{Sink, SinkExt, StreamExt};
use hybi::handshake::Negotiated;
use hybi::tokio::WebSocket;
use hybi::{CloseCode, Config, Delivery, Event, Kind, Message, Prepared, Role, SendError};
use proptest::prelude::*;

#[test]
fn dropped_recv_send_feed_ready_flush_and_ping_lose_nothing_in_a_server() {
    by_hand(|| dropped_after_every_poll(Role::Server, messages));
}

#[test]
fn dropped_recv_send_feed_ready_flush_and_ping_lose_nothing_in_a_client() {
    by_hand(|| dropped_after_every_poll(Role::Client, messages));
}

#[test]
fn dropped_next_event_readable_and_close_lose_nothing_in_a_server() {
    by_hand(|| dropped_after_every_poll(Role::Server, events));
}

#[test]
fn dropped_next_event_readable_and_close_lose_nothing_in_a_client() {
    by_hand(|| dropped_after_every_poll(Role::Client, events));
}

#[test]
fn dropped_futures_of_the_halves_lose_nothing_in_a_server() {
    by_hand(|| dropped_after_every_poll(Role::Server, halves));
}

#[test]
fn dropped_futures_of_the_halves_lose_nothing_in_a_client() {
    by_hand(|| dropped_after_every_poll(Role::Client, halves));
}

#[test]
fn dropped_futures_of_a_stream_and_a_sink_lose_nothing() {
    by_hand(|| {
        dropped_after_every_poll(Role::Server, combined);
        dropped_after_every_poll(Role::Client, combined);
    });
}

#[test]
fn dropped_futures_lose_nothing_of_a_message_that_comes_and_goes_in_pieces() {
    by_hand(|| {
        dropped_after_every_poll(Role::Server, pieces);
        dropped_after_every_poll(Role::Client, pieces);
    });
}

#[test]
fn dropped_futures_lose_nothing_of_halves_that_are_cloned_reunited_and_parted_again() {
    by_hand(|| {
        dropped_after_every_poll(Role::Server, reunited);
        dropped_after_every_poll(Role::Client, reunited);
    });
}

#[cfg(feature = "deflate")]
#[test]
fn dropped_futures_lose_nothing_of_messages_that_are_compressed_as_they_are_taken() {
    by_hand(|| {
        for role in [Role::Server, Role::Client] {
            for talk in [messages, halves, pieces] {
                let session = Session::compressed(role);
                at_every_poll(&|pace, drops| hold_session(&session, talk, pace, drops));
            }
        }
    });
}

#[test]
fn a_close_of_the_sending_half_may_be_dropped_and_called_again() {
    by_hand(|| {
        dropped_after_every_poll(Role::Server, closing_sender);
        dropped_after_every_poll(Role::Client, closing_sender);
    });
}

#[test]
fn a_feed_that_was_dropped_while_the_queue_was_full_has_queued_nothing() {
    by_hand(|| {
        let mut stream = Faulty::new(Vec::new());
        stream.pace = SINGLE_BYTES;
        let mut config = Config::default();
        config.write_high_water = 10;
        let mut ws = over(&mut stream, Role::Server, config);
        ws.try_send("ten bytes.").unwrap();
        assert_eq!(ws.try_send("back"), Err(SendError::Full(Message::text("back"))));
        let fed = poll_times(ws.feed("fed"), 1);
        assert!(matches!(fed, Some(Ok(()))), "a stream that takes bytes makes room: {fed:?}");
        poll_times(ws.flush(), 1000).expect("the stream takes all").unwrap();
        assert_eq!(parse_all(stream.arrived()), [text("ten bytes."), text("fed")]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn futures_dropped_at_random_lose_nothing(
        polls in prop::collection::vec(prop_oneof![1..4_usize, 1..100_usize], 1..40),
        pace in prop::sample::select(vec![FREE, SINGLE_BYTES, HESITANT]),
        role in prop::sample::select(vec![Role::Client, Role::Server]),
    ) {
        by_hand(move || {
            for talk in [messages, events, combined, pieces, halves, reunited, closing_sender] {
                let undisturbed = hold(role, talk, HESITANT, &mut Drops::never());
                let disturbed = hold(role, talk, pace, &mut Drops::after(polls.clone()));
                assert_eq!(disturbed, undisturbed);
            }
        });
    }
}

/// A conversation: tells what has come.
type Talk = fn(Open<'_>, &mut Drops) -> Vec<String>;

/// What a connection is made of.
struct Open<'s> {
    stream: &'s mut Faulty,
    role: Role,
    negotiated: Negotiated,
    config: Config,
}

impl<'s> Open<'s> {
    fn whole(self) -> WebSocket<&'s mut Faulty> {
        WebSocket::from_upgraded(self.stream, self.role, b"", self.negotiated, self.config)
    }

    /// Whose messages come in pieces.
    fn in_chunks(mut self) -> WebSocket<&'s mut Faulty> {
        self.config.delivery = Delivery::Chunks;
        self.whole()
    }
}

/// What the application has seen, the messages that the peer has got and the control frames among them.
///
/// These two are compared each for itself: which of the halves comes upon a ping, and so when it is
/// answered, is not fixed.
type Held = (Vec<String>, Vec<String>, Vec<String>);

fn dropped_after_every_poll(role: Role, talk: Talk) {
    at_every_poll(&|pace, drops| hold(role, talk, pace, drops));
}

fn at_every_poll(hold: &dyn Fn(Pace, &mut Drops) -> Held) {
    let undisturbed = hold(HESITANT, &mut Drops::never());
    let (seen, data, control) = &undisturbed;
    assert!(seen.len() > 3 && data.len() >= 3, "{undisturbed:?}");
    let closes = control.iter().filter(|frame| frame.starts_with("88")).count();
    assert_eq!(closes, 1, "{control:?}");
    for polls in 1.. {
        let mut drops = Drops::after(vec![polls]);
        assert_eq!(hold(HESITANT, &mut drops), undisturbed, "dropped after {polls}");
        if drops.dropped == 0 {
            assert!(polls > 5, "the stream has hardly ever waited");
            return;
        }
    }
}

fn hold(role: Role, talk: Talk, pace: Pace, drops: &mut Drops) -> Held {
    hold_over(Faulty::new(script(role)), pace, |stream| {
        let (negotiated, config) = (Negotiated::NOTHING, Config::default());
        talk(Open { stream, role, negotiated, config }, drops)
    })
}

/// The same with what a session's peer says, and what is agreed in it.
#[cfg(feature = "deflate")]
fn hold_session(session: &Session, talk: Talk, pace: Pace, drops: &mut Drops) -> Held {
    let (segments, role, config) = (session.segments.clone(), session.role, session.config());
    let both = hybi::deflate::Direction { context_takeover: true, window_bits: 15 };
    let mut negotiated = Negotiated::NOTHING;
    negotiated.compression = Some(hybi::deflate::Params { server: both, client: both });
    hold_over(Faulty::new(segments), pace, |stream| {
        talk(Open { stream, role, negotiated, config }, drops)
    })
}

fn hold_over(
    mut stream: Faulty,
    pace: Pace,
    talk: impl FnOnce(&mut Faulty) -> Vec<String>,
) -> Held {
    stream.pace = pace;
    let seen = talk(&mut stream);
    let (mut data, mut control) = (Vec::new(), Vec::new());
    for (first, payload) in parse_all(stream.arrived()) {
        let frames = if first & 0x08 == 0 { &mut data } else { &mut control };
        frames.push(format!("{first:x} {}", brief(&payload)));
    }
    (seen, data, control)
}

/// What the peer sends.
fn script(role: Role) -> Vec<Vec<u8>> {
    let peer = if role == Role::Server { Role::Client } else { Role::Server };
    vec![
        frame(peer, TEXT, "one"),
        [frame(peer, PING, "1"), frame(peer, TEXT, "two"), frame(peer, TEXT, "three")].concat(),
        frame(peer, BINARY, large()),
        frame(peer, TEXT_BEGINS, "fo"),
        frame(peer, PING, "2"),
        [frame(peer, GOES_ON, ""), frame(peer, ENDS, "ur")].concat(),
        frame(peer, PONG, "unasked"),
        frame(peer, TEXT, "five"),
        frame(peer, PING, "3"),
        close(peer, 1000, "bye"),
    ]
}

/// A payload as it stands in a failed test's output.
fn brief(payload: &[u8]) -> String {
    if payload.len() < 100 {
        return payload.escape_ascii().to_string();
    }
    let mut hasher = DefaultHasher::new();
    payload.hash(&mut hasher);
    format!("{} bytes, {:x}", payload.len(), hasher.finish())
}

fn brief_message(received: &Result<Option<Message>, hybi::tokio::Error>) -> String {
    match received {
        Ok(Some(message)) => format!("{:?} {}", message.kind(), brief(message.as_bytes())),
        other => format!("{other:?}"),
    }
}

fn brief_event(event: &Event<'_>) -> String {
    match event {
        Event::Binary(data) => format!("Binary {}", brief(data)),
        Event::Ping(data) => format!("Ping {}", brief(data)),
        Event::Pong(data) => format!("Pong {}", brief(data)),
        other => format!("{other:?}"),
    }
}

/// More than is copied into the queue.
fn large() -> Vec<u8> {
    (0..5000).map(|i| i as u8).collect()
}

fn over(stream: &mut Faulty, role: Role, config: Config) -> WebSocket<&mut Faulty> {
    WebSocket::from_upgraded(stream, role, b"", Default::default(), config)
}

/// Echoes by each way to send; the peer closes.
fn messages(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (mut ws, mut seen) = (open.whole(), Vec::new());
    for way in 0.. {
        let received = drops.until(async || ws.recv().await);
        seen.push(brief_message(&received));
        let Ok(Some(message)) = received else { break };
        drops.until(async || ws.ready().await).unwrap();
        let done = match way % 3 {
            0 => drops.once(ws.send(message)),
            1 => Some(drops.once(ws.feed(message)).expect("feed does not wait for the stream")),
            _ => {
                ws.try_send(message).unwrap();
                drops.once(ws.ping(b"ours"))
            }
        };
        match done {
            Some(done) => done.unwrap(),
            None => drops.until(async || ws.flush().await).unwrap(),
        }
    }
    seen.push(brief_message(&drops.until(async || ws.recv().await)));
    seen.push(format!("{:?}", ws.closed()));
    seen
}

/// Echoes while looking at events; we close.
fn events(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (mut ws, mut seen) = (open.whole(), Vec::new());
    for _ in 0..3 {
        let event = drops.until(async || ws.next_event().await.map(|e| brief_event(&e.unwrap())));
        seen.push(event.unwrap());
        ws.try_send("seen").unwrap();
    }
    while !seen.iter().any(|event| event.contains("unasked")) {
        assert!(drops.until(async || ws.readable().await).unwrap());
        let (conn, rx) = ws.parts();
        if let Some(event) = conn.next_event(rx) {
            if let Event::Text(text) = event {
                conn.send_text(text).unwrap();
            }
            seen.push(brief_event(&event));
        }
    }
    let closed = drops.until(async || ws.close(CloseCode::GOING_AWAY, "leaving").await);
    seen.push(format!("{closed:?} {:?}", ws.closed()));
    seen.push(format!("{:?}", drops.until(async || ws.next_event().await.map(|e| e.is_none()))));
    seen
}

/// Echoes over two halves, used in turn.
fn halves(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (sender, mut receiver) = open.whole().split();
    let mut seen = Vec::new();
    for way in 0.. {
        let received = drops.until(async || receiver.recv().await);
        seen.push(brief_message(&received));
        let Ok(Some(message)) = received else { break };
        let done = match way % 3 {
            0 => drops.once(sender.send(message)),
            1 => Some(drops.once(sender.feed(message)).expect("there is room")),
            _ => {
                sender.try_send(message).unwrap();
                drops.once(sender.ping(b"ours"))
            }
        };
        match done {
            Some(done) => done.unwrap(),
            None => drops.until(async || sender.flush().await).unwrap(),
        }
    }
    seen
}

/// Echoes as a stream and a sink, and messages that were encoded once; we close.
fn combined(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (mut ws, mut seen) = (open.whole(), Vec::new());
    let prepared = Prepared::new(Message::text("to all"));
    for way in 0..4 {
        let received = drops.until(async || StreamExt::next(&mut ws).await);
        let message = received.expect("the peer has more to say").unwrap();
        seen.push(brief_message(&Ok(Some(message.clone()))));
        if way % 2 == 0 {
            drops.until(async || poll_fn(|cx| Pin::new(&mut ws).poll_ready(cx)).await).unwrap();
            Pin::new(&mut ws).start_send(message).unwrap();
            drops.until(async || SinkExt::flush(&mut ws).await).unwrap();
        } else {
            drops.until(async || ws.ready().await).unwrap();
            drops.once(ws.feed_prepared(&prepared)).expect("there is room").unwrap();
        }
    }
    let closed = drops.until(async || SinkExt::close(&mut ws).await);
    seen.push(format!("{closed:?} {:?}", ws.closed()));
    seen.push(format!("{:?}", drops.until(async || StreamExt::next(&mut ws).await.is_none())));
    seen
}

/// Echoes message by message, each received and sent in pieces of which no two ends need to meet.
fn pieces(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (mut ws, mut seen) = (open.in_chunks(), Vec::new());
    let mut whole = Vec::new();
    while drops.until(async || ws.readable().await).unwrap() {
        let (conn, rx) = ws.parts();
        match conn.next_event(rx).expect("it is readable") {
            Event::Chunk(chunk) => {
                whole.extend_from_slice(&chunk.data);
                if !chunk.last {
                    continue;
                }
                seen.push(format!("{:?} {}", chunk.data.kind(), brief(&whole)));
            }
            other => {
                seen.push(brief_event(&other));
                continue;
            }
        }
        let (begin, end) = whole.split_at(whole.len() / 2);
        conn.writer(Kind::Binary).unwrap().write(begin).unwrap();
        drops.until(async || ws.flush().await).unwrap();
        let writer = ws.parts().0.writer(Kind::Binary).unwrap();
        writer.finish(end).unwrap();
        whole.clear();
    }
    seen.push(format!("{:?}", ws.closed()));
    seen
}

/// Halves that become one connection again after each message.
fn reunited(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (mut ws, mut seen) = (open.whole(), Vec::new());
    loop {
        let (sender, mut receiver) = ws.split();
        let clone = sender.clone();
        // What it comes upon is kept for the receiver, also where that is another by then.
        drops.until(async || clone.flush().await).unwrap();
        drop(clone);
        ws = receiver.reunite(sender).expect("they belong together");
        let sender;
        (sender, receiver) = ws.split();
        let received = drops.until(async || receiver.recv().await);
        seen.push(brief_message(&received));
        let Ok(Some(message)) = received else { break };
        if drops.once(sender.send(message)).is_none() {
            drops.until(async || sender.flush().await).unwrap();
        }
        ws = receiver.reunite(sender).expect("they belong together");
    }
    seen
}

/// Closes by the sending half; the receiving half sees the end, or has been dropped.
fn closing_sender(open: Open<'_>, drops: &mut Drops) -> Vec<String> {
    let (sender, mut receiver) = open.whole().split();
    let mut seen = Vec::new();
    for text in ["a", "b", "c"] {
        seen.push(brief_message(&drops.until(async || receiver.recv().await)));
        sender.try_send(text).unwrap();
    }
    drop(receiver);
    let closed = drops.until(async || sender.close(CloseCode::GOING_AWAY, "leaving").await);
    seen.push(format!("{closed:?} {:?}", sender.closed()));
    seen
}
