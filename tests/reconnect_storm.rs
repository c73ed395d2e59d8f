//! Ten thousand clients whose server goes away for five minutes: how they come back, on a made-up clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use hybi::Instant;
use hybi::reconnect::{Event, Loss, Options, Reconnect};

const CLIENTS: usize = 10_000;
const OUTAGE: Duration = Duration::from_secs(300);

#[test]
fn after_an_outage_that_refuses_at_once_the_peak_is_at_most_three_times_the_mean() {
    let storm = Storm::run(Duration::ZERO);
    storm.check();
}

#[test]
fn after_an_outage_that_swallows_every_dial_the_peak_is_at_most_three_times_the_mean() {
    // Nobody answers: each dial lasts until its bound.
    let storm = Storm::run(Options::default().dial_timeout);
    storm.check();
}

/// What arrived when the server was back.
struct Storm {
    /// Arrivals in each second from the end of the outage on.
    seconds: Vec<usize>,
    dials: u64,
}

impl Storm {
    /// `failing` is how long it takes a dial to fail during the outage.
    fn run(failing: Duration) -> Self {
        let mut clients: Vec<Reconnect> =
            (0..CLIENTS as u64).map(|seed| Reconnect::new(Options::default(), seed)).collect();
        let start = Instant::ORIGIN;
        let back = start + OUTAGE;
        let mut due = BinaryHeap::new();
        for (number, client) in clients.iter_mut().enumerate() {
            // They have been connected for an hour, and lose it all at once.
            client.begin_dial(start);
            client.handle_open(start);
            lose(client, start);
            due.extend(client.poll_timeout().map(|at| Reverse((at, number))));
        }
        let mut seconds = Vec::new();
        while let Some(Reverse((now, number))) = due.pop() {
            let client = &mut clients[number];
            client.begin_dial(now).expect("it is due");
            if now >= back {
                client.handle_open(now);
                let second = usize::try_from((now - back).as_secs()).expect("seconds are few");
                seconds.resize(seconds.len().max(second + 1), 0);
                seconds[second] += 1;
            } else {
                let failed = now + failing;
                lose(client, failed);
                due.extend(client.poll_timeout().map(|at| Reverse((at, number))));
            }
        }
        let dials = clients.iter().map(|client| client.counters().dials).sum();
        Self { seconds, dials }
    }

    fn check(&self) {
        let arrived: usize = self.seconds.iter().sum();
        assert_eq!(arrived, CLIENTS, "every client comes back");
        let mean = CLIENTS as f64 / self.seconds.len() as f64;
        let peak = *self.seconds.iter().max().expect("somebody came") as f64;
        let ratio = peak / mean;
        println!(
            "{CLIENTS} clients came back within {} s: {mean:.0} a second in the mean, {peak:.0} at the peak, \
             {ratio:.2} times as many; {} dials in all",
            self.seconds.len(),
            self.dials
        );
        assert!(ratio <= 3.0, "the peak is {ratio:.2} times the mean");
        assert!(self.seconds.len() <= 91, "all are back in a minute, or after one dial more");
    }
}

fn lose(client: &mut Reconnect, now: Instant) {
    let loss = Loss::Transport;
    let decision = client.propose(&loss);
    client.handle_loss(now, None, loss, decision);
    while let Some(event) = client.next_event() {
        assert!(!matches!(event, Event::GaveUp { .. }), "no client gives up");
    }
}
