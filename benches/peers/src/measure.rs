//! Measuring: all contenders in rotation, medians over rounds.
//!
//! Another program on the machine, or a processor that changes its pace, meets all contenders alike this way; ratios
//! are taken within each round, so that they stand even where the figures drift.

use std::time::{Duration, Instant};

/// What can be measured.
pub trait Contender {
    /// Does its thing so many times and tells how long all of them took.
    fn run(&mut self, count: u32) -> Duration;
}

/// A contender in this program: a function that is called with 0, 1, 2 and so on.
pub struct Local<F> {
    operation: F,
    next: usize,
}

impl<F: FnMut(usize)> Local<F> {
    /// A contender that calls `operation`.
    pub fn new(operation: F) -> Self {
        Self { operation, next: 0 }
    }
}

impl<F: FnMut(usize)> Contender for Local<F> {
    fn run(&mut self, count: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..count {
            (self.operation)(self.next);
            self.next += 1;
        }
        start.elapsed()
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each contender has its turn.
    pub rounds: usize,
    /// About how long a turn is.
    pub turn: Duration,
}

/// Nanoseconds an operation, by round.
#[derive(Clone, Debug)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// The median.
    pub fn nanos(&self) -> f64 {
        median(self.0.clone())
    }

    /// The median, over the rounds, of how many times longer than `other` it took in the same round.
    pub fn over(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(this, other)| this / other).collect())
    }
}

/// Lets each contender run in each round; who is first changes from round to round.
pub fn compare(contenders: &mut [&mut dyn Contender], plan: Plan) -> Vec<Samples> {
    let counts: Vec<u32> = contenders.iter_mut().map(|c| calibrate(&mut **c, plan.turn)).collect();
    let mut samples = vec![Samples(Vec::with_capacity(plan.rounds)); contenders.len()];
    for round in 0..plan.rounds {
        for turn in 0..contenders.len() {
            let i = (round + turn) % contenders.len();
            let time = contenders[i].run(counts[i]);
            samples[i].0.push(time.as_nanos() as f64 / f64::from(counts[i]));
        }
    }
    samples
}

/// How many operations fill a turn; warms the contender up as well.
fn calibrate(contender: &mut dyn Contender, turn: Duration) -> u32 {
    let mut count = 1;
    loop {
        let time = contender.run(count);
        if time * 2 >= turn || count > u32::MAX / 2 {
            let share = turn.as_secs_f64() / time.as_secs_f64();
            return ((f64::from(count) * share) as u32).max(1);
        }
        count *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
