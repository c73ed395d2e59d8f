//! The halves of a blocking connection in two threads.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod adapters;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use adapters::faulty::{Fault, Faulty};
use adapters::frames::{CLOSE, PING, PONG, TEXT, close, close_payload, frame, pong, text};
use adapters::gated::gated;
use adapters::handles::Handle;
use adapters::tcp::{pair, read_frame, read_rest, upgraded, write};
use adapters::{bounded, config};
use hybi::blocking::{Error, Receiver, Sender, Untimed, WebSocket};
use hybi::{Cause, CloseCode, Config, Message, Role, SendError, Timeout};

#[test]
fn both_directions_run_at_full_speed() {
    bounded(|| {
        let (client, server) = pair(&config(|config| config.write_high_water = 256 * 1024));
        let (client_tx, client_rx) = client.split().unwrap();
        let (server_tx, server_rx) = server.split().unwrap();
        let pours = [client_tx, server_tx].map(|sender| thread::spawn(move || pour(&sender)));
        let counts = [client_rx, server_rx].map(|receiver| thread::spawn(move || count(receiver)));
        for thread in pours.into_iter().chain(counts) {
            thread.join().unwrap();
        }
    });
}

const POURED: u32 = 150;

/// Queues messages as fast as the queue takes them, each with its number.
fn pour(sender: &Sender<TcpStream>) {
    for number in 0..POURED {
        let mut data = vec![0; 50_000];
        data[..4].copy_from_slice(&number.to_be_bytes());
        sender.feed(data).unwrap();
    }
    sender.flush().unwrap();
}

/// Takes what was poured, and checks that it comes in order.
fn count(mut receiver: Receiver<TcpStream>) {
    for number in 0..POURED {
        let message = receiver.recv().unwrap().expect("more messages come");
        assert_eq!((message.len(), &message.as_bytes()[..4]), (50_000, &number.to_be_bytes()[..]));
    }
}

#[test]
fn two_messages_larger_than_all_buffers_cross() {
    bounded(|| {
        let (client, server) = pair(&Config::default());
        let ends = [client, server].map(|ws| {
            let (sender, mut receiver) = ws.split().unwrap();
            let sends = thread::spawn(move || sender.send(vec![5; 15_000_000]).unwrap());
            let receives = thread::spawn(move || receiver.recv().unwrap().unwrap().len());
            (sends, receives)
        });
        for (sends, receives) in ends {
            sends.join().unwrap();
            assert_eq!(receives.join().unwrap(), 15_000_000);
        }
    });
}

/// The peer reads only when its own message has been taken.
#[test]
fn a_receiver_takes_what_comes_while_what_is_queued_does_not_leave() {
    bounded(|| {
        let (client, mut server) = pair(&Config::default());
        let peer = thread::spawn(move || {
            server.send(vec![6; 15_000_000]).unwrap();
            let message = server.recv().unwrap();
            (server, message)
        });
        let (sender, mut receiver) = client.split().unwrap();
        sender.feed(vec![5; 15_000_000]).unwrap();
        assert_eq!(receiver.recv().unwrap(), Some(Message::binary(vec![6; 15_000_000])));
        sender.flush().unwrap();
        let (_server, message) = peer.join().unwrap();
        assert_eq!(message, Some(Message::binary(vec![5; 15_000_000])));
    });
}

#[test]
fn several_mebibytes_are_echoed_without_a_deadlock() {
    bounded(|| {
        let (client, server) = pair(&Config::default());
        let (echo, mut comes) = server.split().unwrap();
        let echoes = thread::spawn(move || {
            while let Some(message) = comes.recv().unwrap() {
                echo.send(message).unwrap();
            }
        });
        let (sender, receiver) = client.split().unwrap();
        let counts = thread::spawn(move || count(receiver));
        pour(&sender);
        counts.join().unwrap();
        sender.close(CloseCode::NORMAL, "").unwrap();
        echoes.join().unwrap();
    });
}

#[test]
fn pings_are_answered_while_only_the_receiver_is_used() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (_sender, mut receiver) = ws.split().unwrap();
        let receives = thread::spawn(move || receiver.recv().unwrap());
        write(&mut peer, frame(Role::Client, PING, "there?"));
        assert_eq!(read_frame(&mut peer), pong("there?"));
        write(&mut peer, frame(Role::Client, TEXT, "good"));
        assert_eq!(receives.join().unwrap(), Some(Message::text("good")));
    });
}

#[test]
fn pings_are_answered_while_only_the_sender_is_used() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (sender, _receiver) = ws.split().unwrap();
        write(&mut peer, frame(Role::Client, PING, "there?"));
        flush_until_answered(&sender, peer);
    });
}

#[test]
fn pings_are_answered_after_the_receiver_was_dropped_with_a_message_set_aside() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (sender, receiver) = ws.split().unwrap();
        write(&mut peer, frame(Role::Client, PING, "1"));
        write(&mut peer, frame(Role::Client, TEXT, "set aside"));
        let mut peer = flush_until_answered(&sender, peer);
        drop(receiver);
        write(&mut peer, frame(Role::Client, PING, "2"));
        flush_until_answered(&sender, peer);
    });
}

/// Uses the sender, as it is used where much is sent, until the peer has got a pong.
fn flush_until_answered(sender: &Sender<TcpStream>, mut peer: TcpStream) -> TcpStream {
    let answered = Arc::new(AtomicBool::new(false));
    let reads = thread::spawn({
        let answered = answered.clone();
        move || {
            assert_eq!(read_frame(&mut peer).0, PONG);
            answered.store(true, Ordering::SeqCst);
            peer
        }
    });
    while !answered.load(Ordering::SeqCst) {
        sender.flush().unwrap();
        thread::yield_now();
    }
    reads.join().unwrap()
}

#[test]
fn a_fed_message_leaves_while_the_receiver_waits() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (sender, mut receiver) = ws.split().unwrap();
        let receives = thread::spawn(move || receiver.recv().unwrap());
        sender.feed("fed").unwrap();
        assert_eq!(read_frame(&mut peer), text("fed"));
        write(&mut peer, frame(Role::Client, TEXT, "done"));
        assert_eq!(receives.join().unwrap(), Some(Message::text("done")));
    });
}

#[test]
fn clones_of_the_sender_send_whole_messages_each_in_its_order() {
    bounded(|| {
        let (client, mut server) = pair(&config(|config| config.write_high_water = 4096));
        let (sender, _receiver) = client.split().unwrap();
        for name in 0..4_u8 {
            let sender = sender.clone();
            thread::spawn(move || {
                for number in 0..100_u8 {
                    let data = [name, number].repeat(1 + 20 * usize::from(number));
                    sender.send(data).expect("the connection is open");
                }
            });
        }
        let mut next = [0; 4];
        while next != [100; 4] {
            let message = server.recv().unwrap().expect("more messages come").into_bytes();
            let (name, number) = (message[0], message[1]);
            assert_eq!(number, next[usize::from(name)]);
            assert_eq!(message, [name, number].repeat(1 + 20 * usize::from(number)));
            next[usize::from(name)] += 1;
        }
    });
}

#[test]
fn a_close_by_the_sender_is_seen_by_the_receiver() {
    bounded(|| {
        let (client, mut server) = pair(&Config::default());
        let (sender, mut receiver) = client.split().unwrap();
        let receives = thread::spawn(move || {
            assert_eq!(receiver.recv().unwrap(), None);
            assert_eq!(receiver.recv().unwrap(), None);
            receiver.closed().unwrap()
        });
        sender.close(CloseCode(4001), "enough").unwrap();
        assert_eq!(server.recv().unwrap(), None);
        assert_eq!(server.closed().unwrap().code(), CloseCode(4001));
        drop(server);
        let closed = receives.join().unwrap();
        assert_eq!((closed.cause, closed.code()), (Cause::Local, CloseCode(4001)));
        assert_eq!(sender.closed(), Some(closed));
        let refused = sender.send("late");
        assert!(matches!(refused, Err(Error::Send(SendError::Closed(())))), "{refused:?}");
    });
}

#[test]
fn after_the_receiver_was_dropped_the_senders_close_waits_for_the_end() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (sender, receiver) = ws.split().unwrap();
        drop(receiver);
        let closes = thread::spawn(move || {
            sender.close(CloseCode::NORMAL, "bye").unwrap();
            sender.closed().unwrap()
        });
        assert_eq!(read_frame(&mut peer), (CLOSE, close_payload(1000, "bye")));
        write(&mut peer, frame(Role::Client, TEXT, "not wanted any more"));
        write(&mut peer, close(Role::Client, 1000, ""));
        assert_eq!(read_rest(&mut peer), b"", "the server ends the stream first");
        drop(peer);
        assert_eq!(closes.join().unwrap().code(), CloseCode::NORMAL);
    });
}

#[test]
fn a_lost_connection_is_an_error_once_and_then_none() {
    bounded(|| {
        let (ws, mut peer) = upgraded(Role::Server, Config::default());
        let (sender, mut receiver) = ws.split().unwrap();
        write(&mut peer, frame(Role::Client, TEXT, "whole"));
        write(&mut peer, &frame(Role::Client, TEXT, "cut off")[..9]);
        drop(peer);
        assert_eq!(receiver.recv().unwrap(), Some(Message::text("whole")));
        let lost = receiver.recv();
        let Err(Error::Closed(closed)) = lost else { panic!("{lost:?}") };
        assert_eq!(closed.cause, Cause::Lost);
        assert_eq!(receiver.recv().unwrap(), None);
        let refused = sender.send("late");
        assert!(matches!(refused, Err(Error::Send(SendError::Closed(())))), "{refused:?}");
    });
}

#[test]
fn every_sender_learns_that_what_it_queued_is_lost() {
    bounded(|| {
        let mut stream = Faulty::new(Vec::new());
        stream.writing = Some((0, Fault::Fail(ErrorKind::ConnectionReset)));
        stream.stays = true;
        let stream = Handle(Arc::new(Mutex::new(stream)));
        let (nothing, config) = (Default::default(), Config::default());
        let ws = WebSocket::from_upgraded(stream, Role::Server, b"", nothing, config).unwrap();
        let (sender, _receiver) = ws.split().unwrap();
        let other = sender.clone();
        other.try_send("mine").unwrap();
        assert!(matches!(sender.send("first"), Err(Error::Io(_))));
        let told = other.flush();
        assert!(matches!(told, Err(Error::Send(SendError::Closed(())))), "{told:?}");
    });
}

#[test]
fn a_peer_that_takes_nothing_is_given_up_and_both_halves_are_told_why() {
    bounded(|| {
        let quick = config(|config| config.write_timeout = Some(Duration::from_millis(50)));
        let (ws, _peer) = upgraded(Role::Server, quick);
        let (sender, mut receiver) = ws.split().unwrap();
        for ended in [sender.send(vec![0; MUCH]), receiver.recv().map(drop)] {
            let Err(Error::Closed(closed)) = ended else { panic!("{ended:?}") };
            assert_eq!(closed.cause, Cause::Timeout(Timeout::Write));
        }
        assert_eq!(receiver.recv().unwrap(), None);
    });
}

#[test]
fn a_close_ends_in_its_time_though_the_peer_takes_nothing() {
    bounded(|| {
        for receiver_is_there in [false, true] {
            let short = config(|config| config.close_timeout = Duration::from_millis(50));
            let (ws, _peer) = upgraded(Role::Client, short);
            let (sender, receiver) = ws.split().unwrap();
            let _receiver = receiver_is_there.then_some(receiver);
            sender.feed(vec![0; MUCH]).unwrap();
            let ended = sender.close(CloseCode::GOING_AWAY, "");
            let Err(Error::Closed(closed)) = ended else { panic!("{ended:?}") };
            assert_eq!(closed.cause, Cause::Timeout(Timeout::Close));
        }
    });
}

#[test]
fn an_end_that_was_told_is_not_told_again_by_the_halves() {
    bounded(|| {
        let (mut ws, peer) = upgraded(Role::Server, Config::default());
        drop(peer);
        assert!(ws.recv().is_err());
        let (_sender, mut receiver) = ws.split().unwrap();
        assert_eq!(receiver.recv().unwrap(), None);
    });
}

#[test]
fn the_callers_own_bound_on_reads_is_honoured_by_the_receiver() {
    bounded(|| {
        let (ours, mut peer) = adapters::tcp::sockets();
        ours.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let config = Config::default();
        let ws =
            WebSocket::from_upgraded(ours, Role::Server, b"", Default::default(), config).unwrap();
        let (_sender, mut receiver) = ws.split().unwrap();
        let waited = receiver.recv();
        let Err(Error::Io(error)) = waited else { panic!("{waited:?}") };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        write(&mut peer, frame(Role::Client, TEXT, "late"));
        let received = loop {
            match receiver.recv() {
                Err(Error::Io(error)) => assert_eq!(error.kind(), ErrorKind::TimedOut),
                received => break received.unwrap(),
            }
        };
        assert_eq!(received, Some(Message::text("late")));
    });
}

#[test]
fn a_stream_without_a_second_handle_cannot_be_split() {
    let stream = Untimed(adapters::faulty::Faulty::new(Vec::new()));
    let config = Config::default();
    let ws =
        WebSocket::from_upgraded(stream, Role::Server, b"", Default::default(), config).unwrap();
    assert_eq!(ws.split().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn the_end_waits_for_a_write_of_the_other_half_and_comes_after_it() {
    bounded(|| (0..100).for_each(|_| end_while_the_other_half_writes()));
}

/// More than a socket takes.
const MUCH: usize = 64 * 1024 * 1024;

fn end_while_the_other_half_writes() {
    let (stream, mut test) = gated();
    let config = Config::default();
    let ws = WebSocket::from_upgraded(stream, Role::Server, b"", Default::default(), config);
    let (sender, mut receiver) = ws.unwrap().split().unwrap();
    let sends = thread::spawn(move || sender.send("in the middle of a write"));
    test.expect_write();
    let receives = thread::spawn(move || receiver.recv());
    test.read(close(Role::Client, 1000, ""));
    test.expect_read();
    // The receiving half waits for the peer's end; the Close frame that answers is written.
    test.finish_write();
    test.expect_write();
    // The end comes while it is: nothing is left in the queue, and the write is not done.
    test.read(Vec::new());
    (0..20).for_each(|_| thread::yield_now());
    test.finish_write();
    sends.join().unwrap().unwrap();
    assert_eq!(receives.join().unwrap().unwrap(), None);
    assert_eq!(*test.log.lock().unwrap(), ["write", "write", "shut down"]);
}
