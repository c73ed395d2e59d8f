//! The latest output of a decompressor, as much as a window holds.

use alloc::vec::Vec;

/// A ring that grows as far as the window, by doubling.
#[derive(Debug)]
pub(super) struct History {
    ring: Vec<u8>,
    /// Where the oldest byte lies, once the ring is full: what comes next is written over it.
    oldest: usize,
    window: usize,
}

impl History {
    pub(super) const fn new(window: usize) -> Self {
        Self { ring: Vec::new(), oldest: 0, window }
    }

    /// Adds `output`, which pushes out what is further back than the window.
    #[inline]
    pub(super) fn push(&mut self, output: &[u8]) {
        let end = self.oldest.saturating_add(output.len());
        if self.ring.len() == self.window && end < self.window {
            if let Some(place) = self.ring.get_mut(self.oldest..end) {
                place.copy_from_slice(output);
                self.oldest = end;
            }
        } else {
            self.push_around(output);
        }
    }

    /// Adds what grows the ring, or goes on at its beginning.
    #[inline(never)]
    #[expect(clippy::arithmetic_side_effects, reason = "`oldest <= ring.len() <= window`")]
    #[expect(
        clippy::indexing_slicing,
        reason = "the ring has the window's length where its end is met"
    )]
    fn push_around(&mut self, output: &[u8]) {
        let output = last(output, self.window);
        let (now, rest) = output.split_at(output.len().min(self.window - self.ring.len()));
        if !now.is_empty() {
            self.grow(now);
        }
        if rest.is_empty() {
            return;
        }
        let (now, rest) = rest.split_at(rest.len().min(self.window - self.oldest));
        self.ring[self.oldest..self.oldest + now.len()].copy_from_slice(now);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.oldest = if rest.is_empty() { self.oldest + now.len() } else { rest.len() };
        if self.oldest == self.window {
            self.oldest = 0;
        }
    }

    #[expect(clippy::arithmetic_side_effects, reason = "twice a window and a piece of one")]
    fn grow(&mut self, bytes: &[u8]) {
        let len = self.ring.len() + bytes.len();
        if len > self.ring.capacity() {
            let capacity = len.max(2 * self.ring.len()).min(self.window);
            self.ring.reserve_exact(capacity - self.ring.len());
        }
        self.ring.extend_from_slice(bytes);
    }

    /// All that is kept, in two parts, the older one first.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (newer, older) = self.ring.split_at(self.oldest);
        [older, newer]
    }
}

/// The last `count` of some bytes, or all of them.
pub(super) fn last(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(count)..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_of_any_pieces_is_kept() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        for piece in [1, 2, 7, 63, 64, 65, 127, 128, 129, 500] {
            let mut history = History::new(128);
            let mut pushed = 0;
            for output in bytes.chunks(piece) {
                history.push(output);
                pushed += output.len();
                assert_eq!(history.parts().concat(), last(&bytes[..pushed], 128), "{piece}");
            }
            assert_eq!(history.ring.capacity(), 128);
        }
    }
}
