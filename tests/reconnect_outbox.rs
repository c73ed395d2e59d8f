//! What becomes of messages when connections are lost: order is kept, nothing is lost in silence, nothing comes twice
//! unless it was in doubt and the application sent it again.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Buf;
use hybi::reconnect::{
    Confirm, Decision, Event, Loss, MessageId, NotQueued, Options, Queued, Reconnect, WhenFull,
};
use hybi::{Config, Connection, Instant, MaskKeys, Message, Received, RecvBuf, SendError};
use proptest::prelude::*;

#[test]
fn messages_wait_for_a_connection_and_leave_in_order() {
    let mut client = Client::new(Options::default());
    for text in ["one", "two", "three"] {
        client.machine.send(text).expect("there is room");
    }
    assert_eq!(client.machine.waiting(), 3);
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["one", "two", "three"]);
}

#[test]
fn a_message_is_confirmed_by_the_pong_to_a_ping_that_followed_it() {
    let mut client = Client::new(Options::default());
    client.connect();
    let first = client.send("one");
    let second = client.send("two");
    client.carry(usize::MAX);
    assert_eq!(client.machine.unconfirmed(), 2);
    client.answer();
    assert_eq!(client.confirmed, [second]);
    assert!(first < second);
    assert_eq!(client.machine.unconfirmed(), 0);
    client.lose();
    assert!(client.in_doubt.is_empty());
}

#[test]
fn a_pong_to_another_ping_confirms_nothing_and_asks_again() {
    let mut client = Client::new(Options::default());
    client.connect();
    client.send("one");
    client.machine.transfer(&mut client.link.as_mut().expect("open").near);
    client.hear_from_server(|server| server.pong(b"unasked").expect("it is open"));
    assert!(client.confirmed.is_empty());
    // RFC 6455 section 5.5.3: the peer may answer the latest ping only, so there is a new one behind that pong.
    client.machine.transfer(&mut client.link.as_mut().expect("open").near);
    client.carry(usize::MAX);
    let pings = client.link.as_ref().expect("open").far.stats().pings_received;
    assert_eq!(pings, 2);
    client.answer();
    assert_eq!(client.confirmed.len(), 1);
    assert_eq!(client.machine.unconfirmed(), 0);
}

#[test]
fn a_message_none_of_whose_bytes_were_handed_over_is_sent_again_and_one_with_a_single_byte_is_in_doubt()
 {
    let mut client = Client::new(Options::default());
    client.connect();
    let first = client.send("one");
    client.send("two");
    client.machine.transfer(&mut client.link.as_mut().expect("open").near);
    // The header of "one" alone: two bytes, the key and three of payload.
    client.carry(1);
    client.lose();
    assert_eq!(ids(&client.in_doubt), [first]);
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["two"]);
    assert_eq!(client.machine.counters().resent, 1);
}

#[test]
fn a_message_that_was_handed_over_to_its_last_byte_leaves_the_next_one_unsent() {
    let mut client = Client::new(Options::default());
    client.connect();
    let first = client.send("one");
    client.send("two");
    client.machine.transfer(&mut client.link.as_mut().expect("open").near);
    client.carry(9);
    client.lose();
    assert_eq!(ids(&client.in_doubt), [first]);
    assert_eq!(client.machine.waiting(), 1);
}

/// A ping for each pong of other pings, but no more than four: a peer that sends pongs unasked is not answered with
/// pings without end.
#[test]
fn no_more_than_four_pings_wait_for_their_pong() {
    let mut client = Client::new(Options::default());
    client.connect();
    client.send("one");
    for _ in 0..10 {
        client.machine.transfer(&mut client.link.as_mut().expect("open").near);
        client.hear_from_server(|server| server.pong(b"unasked").expect("it is open"));
    }
    client.carry(usize::MAX);
    let pings = client.link.as_ref().expect("open").far.stats().pings_received;
    assert_eq!(pings, 4);
    client.answer();
    assert_eq!((client.confirmed.len(), client.machine.unconfirmed()), (1, 0));
}

#[test]
fn every_message_is_counted_at_each_turn() {
    let mut client = Client::new(bounded(3, WhenFull::DropOldest));
    client.connect();
    client.send("one");
    client.carry(usize::MAX);
    client.answer();
    client.send("two");
    client.carry(usize::MAX);
    for text in ["three", "four", "five"] {
        client.send(text);
    }
    let large = client.machine.send(vec![0; 17 << 20]);
    assert!(matches!(large, Err(NotQueued::TooLarge(_))));
    client.machine.transfer(&mut client.link.as_mut().expect("open").near);
    client.lose();
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["one", "two", "four", "five"]);
    let counters = *client.machine.counters();
    assert_eq!((counters.queued, counters.dropped, counters.refused), (5, 1, 1));
    assert_eq!((counters.sent, counters.resent), (6, 2));
    assert_eq!((counters.confirmed, counters.in_doubt), (1, 1));
    assert_eq!((counters.dials, counters.opened, counters.losses), (2, 2, 1));
    let mut full = Client::new(bounded(1, WhenFull::DropNewest));
    full.send("one");
    full.machine.send("two").expect("it is no error");
    assert_eq!((full.machine.counters().queued, full.machine.counters().dropped), (1, 1));
}

/// What a connection has taken counts to the bytes that are kept, and is not dropped for others.
#[test]
fn bytes_that_were_sent_and_not_confirmed_make_no_room() {
    let mut options = Options::default();
    options.max_bytes = 10;
    options.when_full = WhenFull::DropOldest;
    let mut client = Client::new(options);
    client.connect();
    client.send("seven..");
    client.carry(usize::MAX);
    let refused = client.machine.send("four");
    assert!(matches!(refused, Err(NotQueued::Full(_))), "{refused:?}");
    client.send("two");
    client.answer();
    let taken = client.machine.send("eightish").expect("the other makes room");
    assert_eq!(taken.dropped.len(), 1);
}

#[test]
fn nothing_is_handed_to_a_connection_that_has_not_been_greeted() {
    let mut client = Client::new(Options::default());
    client.machine.begin_dial(client.now).expect("the dial is due");
    client.send("one");
    let mut conn = Connection::client(Arc::new(Config::default()), Keys);
    client.machine.transfer(&mut conn);
    assert!(!conn.wants_write(), "its greeting goes first");
    assert_eq!((client.machine.waiting(), client.machine.unconfirmed()), (1, 0));
}

#[test]
fn messages_in_doubt_may_be_put_back_before_all_others() {
    let mut client = Client::new(Options::default());
    client.connect();
    client.send("one");
    client.send("two");
    client.carry(usize::MAX);
    client.lose();
    client.send("three");
    let in_doubt = std::mem::take(&mut client.in_doubt);
    client.machine.requeue(in_doubt);
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["one", "two", "one", "two", "three"]);
}

#[test]
fn what_the_application_acknowledges_is_not_in_doubt() {
    let mut options = Options::default();
    options.confirm = Confirm::Application;
    let mut client = Client::new(options);
    client.connect();
    let ids_sent = ["one", "two", "three"].map(|text| client.send(text));
    assert!(!client.machine.acknowledge(ids_sent[0]), "no connection has taken it yet");
    client.carry(usize::MAX);
    let pings = client.link.as_ref().expect("open").far.stats().pings_received;
    assert_eq!(pings, 0, "the application alone confirms");
    assert!(client.machine.acknowledge(ids_sent[1]));
    assert!(!client.machine.acknowledge(ids_sent[1]), "once");
    client.lose();
    assert_eq!(ids(&client.in_doubt), [ids_sent[0], ids_sent[2]]);
}

#[test]
fn a_full_queue_refuses_and_hands_the_message_back() {
    let mut client = Client::new(bounded(2, WhenFull::Refuse));
    client.send("one");
    client.send("two");
    let refused = client.machine.send("three");
    assert_eq!(refused, Err(NotQueued::Full(Message::text("three").into())));
    assert_eq!(client.machine.counters().refused, 1);
    // Confirmed messages make room, sent ones do not.
    client.connect();
    client.carry(usize::MAX);
    assert!(client.machine.send("three").is_err());
    client.answer();
    client.send("three");
}

#[test]
fn a_full_queue_may_drop_its_oldest() {
    let mut client = Client::new(bounded(2, WhenFull::DropOldest));
    let first = client.send("one");
    client.send("two");
    let taken = client.machine.send("three").expect("there is room");
    assert_eq!(ids(&taken.dropped), [first]);
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["two", "three"]);
    let refused = client.machine.send("four");
    assert!(matches!(refused, Err(NotQueued::Full(_))), "what was sent is not dropped");
    assert_eq!(client.machine.counters().dropped, 1);
}

#[test]
fn a_full_queue_may_drop_what_comes() {
    let mut client = Client::new(bounded(2, WhenFull::DropNewest));
    client.send("one");
    client.send("two");
    let taken = client.machine.send("three").expect("it is no error");
    assert_eq!(ids(&taken.dropped), [taken.id]);
    client.connect();
    client.carry(usize::MAX);
    assert_eq!(client.arrived, ["one", "two"]);
}

#[test]
fn debug_counts_the_messages_and_shows_none() {
    let mut client = Client::new(Options::default());
    client.machine.send("secret").expect("there is room");
    let shown = format!("{:?}", client.machine);
    assert!(shown.contains("waiting: 1") && shown.contains("bytes: 6"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn bytes_are_bounded_as_well() {
    let mut options = Options::default();
    options.max_bytes = 10;
    options.when_full = WhenFull::DropOldest;
    let mut client = Client::new(options);
    let ids_sent = ["four", "five", "-"].map(|text| client.send(text));
    let taken = client.machine.send("sixty").expect("two make room");
    assert_eq!(ids(&taken.dropped), ids_sent[..1]);
    let alone = client.machine.send("eleven char");
    assert!(matches!(alone, Err(NotQueued::TooLarge(_))));
    let taken = client.machine.send("ten chars.").expect("all make room");
    assert_eq!(taken.dropped.len(), 3);
}

#[test]
fn what_was_never_sent_comes_back_when_it_is_over() {
    let mut client = Client::new(Options::default());
    client.connect();
    let sent = client.send("sent");
    client.carry(usize::MAX);
    let waits = client.send("waits");
    let mut link = client.link.take().expect("open");
    client.machine.stop(Some(&mut link.near));
    client.hear();
    assert_eq!(ids(&client.in_doubt), [sent]);
    assert_eq!(ids(&client.machine.take_unsent()), [waits]);
    assert!(matches!(client.machine.send("late"), Err(NotQueued::Over(_))));
}

#[test]
fn what_comes_back_shows_no_payload_in_logs() {
    let mut options = Options::default();
    options.max_messages = 1;
    options.when_full = WhenFull::DropOldest;
    let mut machine = Reconnect::new(options, 1);
    machine.send("hunter2").expect("there is room");
    let taken = machine.send("hunter2".to_owned()).expect("the first makes room");
    let too_large = machine.send(vec![0x68; 17 << 20]).expect_err("it is larger than the bound");
    machine.stop(None);
    let over = machine.send("hunter2").expect_err("it is over");
    let event = Event::InDoubt(taken.dropped.clone());
    let unsent = machine.take_unsent();
    let shown = format!("{taken:?} {too_large:?} {over:?} {event:?} {unsent:?} {machine:?}");
    assert!(!shown.contains("hunter2") && shown.len() < 2000, "{shown}");
    assert!(shown.contains("len: 7") && shown.contains("len: 17825792"), "{shown}");
    let full: SendError = SendError::Full("hunter2".into());
    assert_eq!(format!("{full:?}"), "Full(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_any_interleaving_nothing_is_lost_in_silence_and_nothing_comes_twice(
        steps in prop::collection::vec(step(), 1..150),
        policy in prop::sample::select(vec![WhenFull::Refuse, WhenFull::DropOldest, WhenFull::DropNewest]),
    ) {
        let mut client = Client::new(bounded(12, policy));
        let (mut sent, mut dropped, mut acknowledged) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut number = 0;
        for step in steps {
            match step {
                Step::Send => {
                    if let Ok(taken) = client.machine.send(number.to_string()) {
                        sent.push((taken.id, number.to_string()));
                        dropped.extend(taken.dropped.iter().map(|queued| queued.id));
                    }
                    number += 1;
                }
                Step::Connect if client.link.is_none() => client.connect(),
                Step::Carry(bytes) if client.link.is_some() => client.carry(bytes),
                Step::Answer if client.link.is_some() => client.answer(),
                Step::Acknowledge => {
                    // The application learns in its own way what has arrived.
                    let arrived = client.arrived.last().cloned();
                    let id = sent.iter().find(|(_, text)| Some(text) == arrived.as_ref());
                    if let Some((id, _)) = id {
                        if client.machine.acknowledge(*id) {
                            acknowledged.insert(*id);
                        }
                    }
                }
                Step::Lose if client.link.is_some() => client.lose(),
                _ => {}
            }
        }
        let in_doubt: BTreeSet<_> = client.in_doubt.iter().map(|queued| queued.id).collect();
        let numbers: Vec<u32> = client.arrived.iter().map(|text| text.parse().expect("a number")).collect();
        prop_assert!(numbers.is_sorted_by(|a, b| a < b), "in order, none twice: {numbers:?}");
        let text_of = |id: MessageId| sent.iter().find(|(found, _)| *found == id).map(|(_, text)| text.clone());
        // Whatever was confirmed has arrived.
        let newest = client.confirmed.last().copied();
        for (id, text) in &sent {
            let reported = dropped.contains(id) || in_doubt.contains(id);
            if newest.is_some_and(|newest| *id <= newest) && !reported {
                prop_assert!(client.arrived.contains(text), "{text} was confirmed and did not arrive");
            }
        }
        for id in &acknowledged {
            prop_assert!(!in_doubt.contains(id), "{id:?} was acknowledged and in doubt");
        }
        // What is in doubt is not sent again, and what arrived is not waiting.
        client.drop_link();
        let in_doubt: BTreeSet<_> = client.in_doubt.iter().map(|queued| queued.id).collect();
        let before = client.arrived.len();
        client.connect();
        for _ in 0..40 {
            client.carry(usize::MAX);
            client.answer();
        }
        prop_assert_eq!((client.machine.waiting(), client.machine.unconfirmed()), (0, 0));
        for text in &client.arrived[before..] {
            prop_assert!(!client.arrived[..before].contains(text), "{} came twice", text);
        }
        for id in &in_doubt {
            let text = text_of(*id).expect("it was sent");
            prop_assert!(!client.arrived[before..].contains(&text), "{} was in doubt and sent again", text);
        }
        // Every message has exactly one fate.
        for (id, text) in &sent {
            let fates = [client.arrived.contains(text), dropped.contains(id), in_doubt.contains(id)];
            prop_assert!(fates.contains(&true), "{} is lost in silence", text);
            prop_assert!(!(fates[1] && (fates[0] || fates[2])), "{} was dropped and sent", text);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    Connect,
    Carry(usize),
    Answer,
    Acknowledge,
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        3 => Just(Step::Connect),
        4 => prop_oneof![1..30_usize, Just(usize::MAX)].prop_map(Step::Carry),
        2 => Just(Step::Answer),
        1 => Just(Step::Acknowledge),
        1 => Just(Step::Lose),
    ]
}

/// A machine, a server, and the bytes between them.
struct Client {
    machine: Reconnect,
    now: Instant,
    link: Option<Link>,
    /// What the server got, over all connections.
    arrived: Vec<String>,
    confirmed: Vec<MessageId>,
    in_doubt: Vec<Queued>,
}

struct Link {
    near: Connection,
    near_rx: RecvBuf,
    far: Connection,
    far_rx: RecvBuf,
}

impl Client {
    fn new(options: Options) -> Self {
        let machine = Reconnect::new(options, 1);
        let now = Instant::ORIGIN;
        let (confirmed, in_doubt, arrived) = (Vec::new(), Vec::new(), Vec::new());
        Self { machine, now, link: None, arrived, confirmed, in_doubt }
    }

    fn send(&mut self, text: &str) -> MessageId {
        self.machine.send(text).expect("there is room").id
    }

    fn connect(&mut self) {
        self.now = self.machine.poll_timeout().expect("it wants to dial").max(self.now);
        self.machine.begin_dial(self.now).expect("the dial is due");
        self.machine.handle_open(self.now);
        let config = Arc::new(Config::default());
        self.link = Some(Link {
            near: Connection::client(config.clone(), Keys),
            near_rx: RecvBuf::new(),
            far: Connection::server(config),
            far_rx: RecvBuf::new(),
        });
    }

    /// Hands up to so many bytes to the transport, which brings them to the server.
    fn carry(&mut self, most: usize) {
        let link = self.link.as_mut().expect("open");
        self.machine.transfer(&mut link.near);
        let tx = link.near.transmit();
        let bytes = tx.copy_to_bytes(most.min(tx.remaining()));
        link.far_rx.extend_from_slice(&bytes);
        while let Some(Received::Message(message)) = link.far.next_message(&mut link.far_rx) {
            self.arrived.push(message.as_text().expect("it is text").to_owned());
        }
    }

    /// Brings what the server has to say.
    fn answer(&mut self) {
        self.hear_from_server(|_| {});
    }

    fn hear_from_server(&mut self, say: impl FnOnce(&mut Connection)) {
        let link = self.link.as_mut().expect("open");
        say(&mut link.far);
        let tx = link.far.transmit();
        let bytes = tx.copy_to_bytes(tx.remaining());
        link.near_rx.extend_from_slice(&bytes);
        let message = self.machine.next_message(&mut link.near, &mut link.near_rx);
        assert_eq!(message, None, "the server says nothing");
        self.hear();
    }

    fn lose(&mut self) {
        let mut link = self.link.take().expect("open");
        link.near.handle_transport_error();
        let decision = Decision::retry();
        self.machine.handle_loss(self.now, Some(&mut link.near), Loss::Transport, decision);
        self.hear();
    }

    fn drop_link(&mut self) {
        if self.link.is_some() {
            self.lose();
        }
    }

    fn hear(&mut self) {
        while let Some(event) = self.machine.next_event() {
            match event {
                Event::Confirmed { through } => self.confirmed.push(through),
                Event::InDoubt(messages) => self.in_doubt.extend(messages),
                _ => {}
            }
        }
    }
}

struct Keys;

impl MaskKeys for Keys {
    fn next_key(&mut self) -> [u8; 4] {
        [0x37, 0xfa, 0x21, 0x3d]
    }
}

fn bounded(messages: usize, policy: WhenFull) -> Options {
    let mut options = Options::default();
    options.max_messages = messages;
    options.when_full = policy;
    options
}

fn ids(messages: &[Queued]) -> Vec<MessageId> {
    messages.iter().map(|queued| queued.id).collect()
}
