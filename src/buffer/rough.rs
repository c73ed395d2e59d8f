//! Sizes that need not be exact.

/// A size in one byte, since each connection has one: the three bits behind the highest, and how far they are shifted.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rough(u8);

impl Rough {
    /// Less than anything is worth.
    pub(super) const NONE: Self = Self(0);

    /// `size`, rounded up by an eighth at most.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "`ilog2` is from 3 to 63, `eighths` from 8 to 16"
    )]
    pub(super) fn at_least(size: usize) -> Self {
        let size = size.max(8);
        let shift = size.ilog2() - 3;
        let eighths = size.div_ceil(1 << shift);
        Self(u8::try_from(shift as usize * 8 + eighths - 8).unwrap_or(u8::MAX))
    }

    /// The size.
    pub(super) fn size(self) -> usize {
        (8 + usize::from(self.0 % 8)) << (self.0 / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rough_size_is_an_eighth_too_large_at_most(size in 8usize..1 << 30, more in 0usize..1 << 20) {
            let rough = Rough::at_least(size);
            prop_assert!((size..=size + size / 8).contains(&rough.size()));
            prop_assert!(rough <= Rough::at_least(size + more));
        }
    }
}
