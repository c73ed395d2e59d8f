//! Which endpoint to dial: the first in the list that neither rests nor is held nor has been left for good.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use super::Options;
use crate::time::Instant;

/// One circuit breaker for each endpoint.
///
/// A breaker only says which endpoint is dialed, never when: that is the backoff's matter. A server's own wish to be
/// left alone for a while is kept apart from it, and does delay a dial where there is no other endpoint.
#[derive(Clone, Debug)]
pub(super) struct Endpoints(Vec<Endpoint>);

#[derive(Clone, Copy, Debug, Default)]
struct Endpoint {
    /// Failures in a row.
    failures: u32,
    /// The breaker is open until then.
    rests: Option<Instant>,
    /// The server asked not to be dialed before.
    held: Option<Instant>,
    /// Never to be dialed again.
    retired: bool,
    past: Past,
}

/// Whether an endpoint has ever taken our request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Past {
    #[default]
    NeverOpen,
    OnceOpen,
}

/// There is always one.
impl Default for Endpoints {
    fn default() -> Self {
        Self(vec![Endpoint::default()])
    }
}

impl Endpoints {
    /// Adds one; its number.
    pub(super) fn add(&mut self) -> usize {
        let number = self.0.len();
        self.0.push(Endpoint::default());
        number
    }

    pub(super) fn note_open(&mut self, number: usize) {
        if let Some(endpoint) = self.0.get_mut(number) {
            endpoint.past = Past::OnceOpen;
        }
    }

    pub(super) fn past(&self, number: usize) -> Past {
        self.0.get(number).map(|endpoint| endpoint.past).unwrap_or_default()
    }

    pub(super) fn note_success(&mut self, number: usize) {
        if let Some(endpoint) = self.0.get_mut(number) {
            endpoint.failures = 0;
            endpoint.rests = None;
        }
    }

    pub(super) fn note_failure(&mut self, number: usize, now: Instant, options: &Options) {
        let Some(endpoint) = self.0.get_mut(number) else { return };
        endpoint.failures = endpoint.failures.saturating_add(1);
        if endpoint.failures >= options.breaker_failures {
            endpoint.rests = Some(now + options.breaker_rest);
        }
    }

    pub(super) fn hold(&mut self, number: usize, until: Instant) {
        if let Some(endpoint) = self.0.get_mut(number) {
            endpoint.held = Some(until);
        }
    }

    pub(super) fn retire(&mut self, number: usize) {
        if let Some(endpoint) = self.0.get_mut(number) {
            endpoint.retired = true;
        }
    }

    /// The endpoint to dial and when: at `at` or, where every server asked to be left alone, when the first of them
    /// may be dialed. `None` where all have been left for good.
    pub(super) fn choose(&self, at: Instant) -> Option<(usize, Instant)> {
        let held = |endpoint: &Endpoint| endpoint.held.unwrap_or(at).max(at).since(at);
        let rests = |endpoint: &Endpoint| endpoint.rests.unwrap_or(at).max(at).since(at);
        let (number, endpoint) = self
            .0
            .iter()
            .enumerate()
            .filter(|(_, endpoint)| !endpoint.retired)
            // Held the shortest, then resting the shortest, then first in the list.
            .min_by_key(|(_, endpoint)| -> (Duration, Duration) {
                (held(endpoint), rests(endpoint))
            })?;
        Some((number, at + held(endpoint)))
    }
}
