//! One end of a connection: sends its lane, checks the other, and ends as it was planned.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hybi::tokio::{AnyStream, Error, Receiver, Sender, WebSocket};
use hybi::{CloseCode, Message, Prepared, SendError};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::tally::{Record, Tally};
use crate::traffic::{Direction, Lane, Manner, Random};

type Socket = WebSocket<AnyStream>;

/// What all ends of a run share.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// The mean pause between two bursts of an end.
    pub(crate) pace: Duration,
    /// Of a thousand messages, before how many the connection is reset instead.
    pub(crate) resets: u64,
    /// Set when the time is up.
    pub(crate) over: watch::Receiver<bool>,
}

#[derive(Debug)]
pub(crate) struct End {
    who: &'static str,
    record: Arc<Record>,
    plan: Plan,
    random: Random,
    sending: Lane,
    receiving: Lane,
    /// How many messages have been queued, how many are to be.
    sent: u64,
    quota: u64,
    received: u64,
    /// The fragmented message that is under way, and how much of it is queued.
    open: Option<(Message, usize)>,
    /// Whether this end closes when it has sent all.
    closes: bool,
}

/// How the traffic of an end stopped.
enum Stop {
    /// The connection has ended.
    Ended(Result<(), Error>),
    /// It is this end's turn to reset it.
    Reset,
}

impl End {
    pub(crate) fn new(sending: Direction, record: Arc<Record>, plan: Plan) -> Self {
        let server = sending == Direction::ToClient;
        let lane = |direction| Lane { seed: plan.seed, connection: record.number, direction };
        let receiving = if server { Direction::ToServer } else { Direction::ToClient };
        let who = if server { "server" } else { "client" };
        let mut shared = Random::new(plan.seed ^ record.number);
        let closes = (shared.below(2) == 0) == server;
        let mut random = Random::new(shared.next() ^ u64::from(server));
        let quota = 1 + random.below(400);
        Self {
            who,
            sending: lane(sending),
            receiving: lane(receiving),
            record,
            plan,
            random,
            sent: 0,
            quota,
            received: 0,
            open: None,
            closes,
        }
    }

    /// Runs the connection to its end.
    pub(crate) async fn run(mut self, mut ws: Socket) {
        let stop = if self.random.below(3) == 0 {
            let (sender, mut receiver) = ws.split();
            let stop = self.run_halves(&sender, &mut receiver).await;
            ws = receiver.reunite(sender).expect("there is no clone of the sender");
            stop
        } else {
            self.run_whole(&mut ws).await
        };
        Tally::add(&self.record.tally().pongs, ws.stats().pongs_received);
        match stop {
            Stop::Reset => {
                self.record.reset.store(true, Relaxed);
                Tally::add(&self.record.tally().resets, 1);
                reset(ws);
                self.record.note_end(self.who, "reset on purpose".into(), true);
            }
            Stop::Ended(result) => self.note_end(&ws, result),
        }
    }

    /// Both directions in one place: `recv` is dropped and called again at every burst.
    async fn run_whole(&mut self, ws: &mut Socket) -> Stop {
        let mut over = self.plan.over.clone();
        let mut closing = false;
        loop {
            let pause = self.pause();
            tokio::select! {
                received = ws.recv() => match received {
                    Ok(Some(message)) => self.check(&message),
                    end => return Stop::Ended(end.map(|_| ())),
                },
                _ = over.wait_for(|over| *over), if !closing => {
                    closing = true;
                    self.start_close(ws);
                }
                () = sleep(pause), if !closing => {
                    if self.burst(ws).is_break() {
                        return Stop::Reset;
                    }
                    if self.sent == self.quota && self.open.is_none() {
                        closing = true;
                        if self.closes {
                            self.start_close(ws);
                        }
                    }
                }
            }
        }
    }

    /// Queues a few messages, whole or a piece of one; breaks where the connection is to be reset.
    fn burst(&mut self, ws: &mut Socket) -> ControlFlow<()> {
        for _ in 0..=self.random.below(4) {
            if self.sent == self.quota && self.open.is_none() {
                break;
            }
            if self.resets() {
                return ControlFlow::Break(());
            }
            if self.random.below(16) == 0 && ws.parts().0.ping(b"are you there").is_ok() {
                Tally::add(&self.record.tally().pings, 1);
            }
            match self.queue(ws) {
                Ok(()) => {}
                // Room comes with the next `recv`; a connection that closes is told by it.
                Err(SendError::Full(_) | SendError::Closed(_)) => {
                    if ws.parts().0.is_closing() {
                        (self.quota, self.open) = (self.sent, None);
                    }
                    break;
                }
                Err(error) => panic!("the library refused good traffic: {error}"),
            }
        }
        ControlFlow::Continue(())
    }

    fn queue(&mut self, ws: &mut Socket) -> Result<(), SendError<()>> {
        let conn = ws.parts().0;
        if let Some((message, at)) = &mut self.open {
            let mut end = message.len().min(*at + 1 + self.random.below(20_000) as usize);
            while message.as_text().is_some_and(|text| !text.is_char_boundary(end)) {
                end += 1;
            }
            let mut writer = conn.writer(message.kind())?;
            let piece = &message.as_bytes()[*at..end];
            if end < message.len() {
                writer.write(piece)?;
                *at = end;
                return Ok(());
            }
            writer.finish(piece)?;
            self.open = None;
        } else {
            let (message, manner) = self.sending.message(self.sent);
            match manner {
                Manner::Whole => conn.send(message).map_err(SendError::without_message)?,
                Manner::Prepared => conn.send_prepared(&Prepared::new(message))?,
                Manner::Fragmented => {
                    self.open = Some((message, 0));
                    return Ok(());
                }
            }
        }
        self.note_sent();
        Ok(())
    }

    /// A half for each direction.
    async fn run_halves(
        &mut self,
        sender: &Sender<AnyStream>,
        receiver: &mut Receiver<AnyStream>,
    ) -> Stop {
        let (record, lane) = (self.record.clone(), self.receiving);
        let mut number = 0;
        let receive = async {
            loop {
                match receiver.recv().await {
                    Ok(Some(message)) => number += check(&record, lane, number, &message),
                    end => return Stop::Ended(end.map(|_| ())),
                }
            }
        };
        let send = async {
            match self.send_all(sender).await {
                ControlFlow::Break(()) => Stop::Reset,
                // The other half tells the end.
                ControlFlow::Continue(()) => std::future::pending().await,
            }
        };
        tokio::select! { stop = receive => stop, stop = send => stop }
    }

    async fn send_all(&mut self, sender: &Sender<AnyStream>) -> ControlFlow<()> {
        let mut over = self.plan.over.clone();
        while self.sent < self.quota {
            let pause = self.pause();
            tokio::select! {
                _ = over.wait_for(|over| *over) => break,
                () = sleep(pause) => {}
            }
            if self.resets() {
                return ControlFlow::Break(());
            }
            if self.random.below(16) == 0 && sender.ping(b"still there").await.is_ok() {
                Tally::add(&self.record.tally().pings, 1);
            }
            // Queued first and counted, for the flush may fail when it has arrived.
            if sender.feed(self.sending.message(self.sent).0).await.is_err() {
                return ControlFlow::Continue(());
            }
            self.note_sent();
            if self.random.below(2) == 0 && sender.flush().await.is_err() {
                return ControlFlow::Continue(());
            }
        }
        if !self.closes {
            let _ = sender.flush().await;
            // Unless it is closed by the other end before the time is up.
            let _ = over.wait_for(|over| *over).await;
        }
        let _ = sender.close(CloseCode::NORMAL, "done").await;
        ControlFlow::Continue(())
    }

    fn pause(&mut self) -> Duration {
        let most = 2 * self.plan.pace.as_micros() as u64 + 1;
        Duration::from_micros(self.random.below(most))
    }

    fn resets(&mut self) -> bool {
        self.random.below(1000) < self.plan.resets
    }

    fn note_sent(&mut self) {
        self.record.note_sent(self.sending.direction);
        self.sent += 1;
    }

    fn check(&mut self, message: &Message) {
        self.received += check(&self.record, self.receiving, self.received, message);
    }

    /// Closes, unless the peer was faster. A message that is open is given up: it was not counted.
    fn start_close(&self, ws: &mut Socket) {
        let reason = if self.open.is_some() { "in the midst of a message" } else { "done" };
        let _ = ws.start_close(CloseCode::NORMAL, reason);
    }

    fn note_end(&self, ws: &Socket, result: Result<(), Error>) {
        let how = match (&result, ws.closed()) {
            (Err(Error::Io(error)), _) => format!("{:?}", error.kind()),
            (_, Some(closed)) => closed.to_string(),
            (Err(error), None) => error.to_string(),
            (Ok(()), None) => "no end was told".into(),
        };
        let clean = result.is_ok() && ws.closed().is_some_and(|closed| closed.is_clean());
        self.record.note_end(self.who, how, clean);
    }
}

/// Compares a message with the one that was sent; how many of those sent that accounts for.
fn check(record: &Record, lane: Lane, number: u64, message: &Message) -> u64 {
    record.note_received(lane.direction, message.len(), lane.judge(number, message))
}

/// Ends the transport at once, with what is queued and on its way: the peer gets a TCP reset.
fn reset(ws: Socket) {
    // Of a length of zero it blocks nobody.
    let socket = ws.get_ref().tcp().expect("it is TCP");
    #[expect(deprecated, reason = "its successor is younger than the oldest tokio we build with")]
    socket.set_linger(Some(Duration::ZERO)).expect("the socket is open");
}
