//! Masking (RFC 6455 section 5.3): the same operation hides and reveals.

/// Applies the masking key to `data` in place; the first byte meets the first byte of the key.
///
/// For a payload that comes in pieces, [`rotate`] the key by the length of each piece before the next.
///
/// ```
/// use hybi::frame::{mask, rotate};
///
/// let key = [0x37, 0xfa, 0x21, 0x3d];
/// let mut payload = *b"\x7f\x9f\x4d\x51\x58";
/// mask(&mut payload[..3], key);
/// mask(&mut payload[3..], rotate(key, 3));
/// assert_eq!(&payload, b"Hello");
/// ```
#[inline]
pub fn mask(data: &mut [u8], key: [u8; 4]) {
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if data.len() >= WIDE_FROM {
        return crate::unchecked::mask_wide(data, key);
    }
    mask_blocks(data, key);
}

/// From this length on it pays to ask for wider instructions than every processor has.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
const WIDE_FROM: usize = 256;

/// From this length on it pays to begin each block with a cache line.
const ALIGN_FROM: usize = 1024;

/// Four wide vectors.
const BLOCK: usize = 128;

/// A cache line.
const LINE: usize = 64;

/// In blocks, and what is left in ever smaller ones.
#[inline(always)]
pub(crate) fn mask_blocks(mut data: &mut [u8], mut key: [u8; 4]) {
    if data.len() >= ALIGN_FROM {
        let before = data.as_ptr().align_offset(LINE).min(LINE);
        let (head, rest) = data.split_at_mut(before);
        mask_rest(head, key);
        (data, key) = (rest, rotate(key, before));
    }
    let mut blocks = data.chunks_exact_mut(BLOCK);
    for block in &mut blocks {
        mask_first::<BLOCK>(block, key);
    }
    mask_rest(blocks.into_remainder(), key);
}

/// Masks less than 128 bytes.
#[inline(always)]
fn mask_rest(data: &mut [u8], key: [u8; 4]) {
    let rest = mask_first::<64>(data, key);
    let rest = mask_first::<32>(rest, key);
    let rest = mask_first::<16>(rest, key);
    let rest = mask_first::<8>(rest, key);
    let rest = mask_first::<4>(rest, key);
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Masks the first `N` bytes, if there are so many, and returns the others.
#[inline(always)]
fn mask_first<const N: usize>(data: &mut [u8], key: [u8; 4]) -> &mut [u8] {
    if data.len() < N {
        return data;
    }
    let (first, rest) = data.split_at_mut(N);
    if let Some(first) = first.first_chunk_mut::<N>() {
        *first = masked(*first, key);
    }
    rest
}

/// A block with the key applied, in as few instructions as the compiler finds for its length.
#[inline(always)]
fn masked<const N: usize>(mut block: [u8; N], key: [u8; 4]) -> [u8; N] {
    let key = u32::from_ne_bytes(key);
    for word in block.chunks_exact_mut(4) {
        if let Some(word) = word.first_chunk_mut() {
            *word = (u32::from_ne_bytes(*word) ^ key).to_ne_bytes();
        }
    }
    block
}

/// The key as it stands after `len` bytes have been masked with it.
#[inline]
#[must_use]
pub const fn rotate(key: [u8; 4], len: usize) -> [u8; 4] {
    let [a, b, c, d] = key;
    match len % 4 {
        0 => key,
        1 => [b, c, d, a],
        2 => [c, d, a, b],
        _ => [d, a, b, c],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn slow_mask(data: &mut [u8], key: [u8; 4], phase: usize) {
        for (i, byte) in data.iter_mut().enumerate() {
            *byte ^= key[(phase + i) % 4];
        }
    }

    proptest! {
        #[test]
        fn any_split_masks_like_one_byte_after_the_other(
            data in proptest::collection::vec(any::<u8>(), 0..2500),
            key in any::<[u8; 4]>(),
            cut in 0usize..2500,
        ) {
            let cut = cut.min(data.len());
            let mut expected: Vec<u8> = data.clone();
            slow_mask(&mut expected, key, 0);

            let mut actual = data;
            let (head, tail) = actual.split_at_mut(cut);
            mask(head, key);
            mask(tail, rotate(key, cut));
            prop_assert_eq!(actual, expected);
        }
    }
}
