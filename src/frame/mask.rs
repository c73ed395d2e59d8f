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
    mask_words(data, key);
}

/// From this length on it pays to ask for wider instructions than every processor has.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
const WIDE_FROM: usize = 256;

/// A word at a time, which is the fastest way up to 125 bytes, where almost all frames lie; the compiler turns the loop
/// into vector instructions for what is longer.
#[inline(always)]
pub(crate) fn mask_words(data: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = data.chunks_exact_mut(8);
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
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
            data in proptest::collection::vec(any::<u8>(), 0..1200),
            key in any::<[u8; 4]>(),
            cut in 0usize..1200,
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
