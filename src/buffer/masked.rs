//! A payload that others hold, on its way into the transmit queue: copied and masked in one pass over memory.

use alloc::vec::Vec;

use crate::frame::{mask, masked};

/// Appends a copy of `data` to `out`, masked with `key`. Room for it had better be there.
#[inline]
pub(super) fn extend_masked(out: &mut Vec<u8>, data: &[u8], key: [u8; 4]) {
    if data.len() >= LONG {
        return extend_long(out, data, key);
    }
    let mut blocks = data.chunks_exact(BLOCK);
    for block in &mut blocks {
        extend_first::<BLOCK>(out, block, key);
    }
    let rest = blocks.remainder();
    let rest = extend_first::<64>(out, rest, key);
    let rest = extend_first::<32>(out, rest, key);
    let rest = extend_first::<16>(out, rest, key);
    let rest = extend_first::<8>(out, rest, key);
    let rest = extend_first::<4>(out, rest, key);
    for (byte, key) in rest.iter().zip(key) {
        out.push(byte ^ key);
    }
}

/// What is masked on its way from register to register.
const BLOCK: usize = 128;

/// From this length on, copying first and masking where the copy lies makes up for the second step: both then write whole
/// cache lines, with the widest instructions.
const LONG: usize = 1024;

/// How much is copied before it is masked: it stays in the nearest cache between the two steps.
const PIECE: usize = 8 * 1024;

#[inline(never)]
fn extend_long(out: &mut Vec<u8>, data: &[u8], key: [u8; 4]) {
    // All pieces but the last have a length in fours: the key meets each at its first byte.
    for piece in data.chunks(PIECE) {
        let start = out.len();
        out.extend_from_slice(piece);
        mask(out.get_mut(start..).unwrap_or_default(), key);
    }
}

/// Appends the first `N` bytes, if there are so many, and returns the others.
#[inline(always)]
fn extend_first<'d, const N: usize>(out: &mut Vec<u8>, data: &'d [u8], key: [u8; 4]) -> &'d [u8] {
    let Some((first, rest)) = data.split_first_chunk::<N>() else { return data };
    out.extend_from_slice(&masked(*first, key));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_appended_is_what_masking_in_place_makes(
            before in proptest::collection::vec(any::<u8>(), 0..20),
            data in proptest::collection::vec(any::<u8>(), 0..10_000),
            key in any::<[u8; 4]>(),
        ) {
            let mut expected = [before.clone(), data.clone()].concat();
            crate::frame::mask(&mut expected[before.len()..], key);

            let mut actual = before;
            extend_masked(&mut actual, &data, key);
            prop_assert_eq!(actual, expected);
        }
    }
}
