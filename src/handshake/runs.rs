//! How far a head's bytes are what they should be, many at a time.

use super::fields::is_token_byte;

/// How many bytes of a token (RFC 9110 section 5.6.2) come first.
#[inline]
pub(super) fn token(bytes: &[u8]) -> usize {
    run(bytes, bytes, stops_of_name, is_token_byte)
}

/// How many visible ASCII characters and spaces come first.
pub(super) fn ascii(bytes: &[u8]) -> usize {
    run(bytes, bytes, stops_of_ascii, |byte| matches!(byte, b' '..0x7F))
}

/// How many bytes of a field's value come first: all but controls, with tabs (RFC 9110 section 5.5).
#[inline]
pub(super) fn value(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((piece, behind)) = rest.split_first_chunk::<16>() {
        // Without branches, so that the compiler looks at all of them at once.
        let fits = piece.iter().fold(true, |fits, byte| fits & (b' '..0x7F).contains(byte));
        if !fits {
            break;
        }
        rest = behind;
    }
    run(bytes, rest, stops_of_ascii, |byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F))
}

/// How many bytes come first that are in order, of which those before `rest` are known. `stops` is the short way: it sets
/// the top bit of each byte of a word that has to be asked for one by one, and of what comes behind it whatever it likes.
#[inline]
#[expect(clippy::arithmetic_side_effects, reason = "`rest` is a part of `bytes`")]
fn run(
    bytes: &[u8],
    mut rest: &[u8],
    stops: impl Fn(u64) -> u64,
    fits: impl Fn(u8) -> bool,
) -> usize {
    loop {
        while let Some((word, behind)) = rest.split_first_chunk() {
            let stops = stops(u64::from_le_bytes(*word));
            if stops != 0 {
                let (_, from) = rest.split_at((stops.trailing_zeros() / 8) as usize);
                rest = from;
                break;
            }
            rest = behind;
        }
        match rest {
            [first, behind @ ..] if fits(*first) => rest = behind,
            _ => return bytes.len() - rest.len(),
        }
    }
}

/// All but visible ASCII and the space.
#[inline]
fn stops_of_ascii(word: u64) -> u64 {
    // A byte below 0x20 borrows its top bit, DEL does when it is made zero; the rest have it.
    let low = word.wrapping_sub(0x20 * EACH);
    let del = (word ^ (0x7F * EACH)).wrapping_sub(EACH);
    (word | low | del) & TOP
}

/// All but letters and the hyphen, of which nearly all names consist.
#[inline]
fn stops_of_name(word: u64) -> u64 {
    // With their top bits set, no byte borrows from the next.
    let letters = (word | (0x20 * EACH)) | TOP;
    let from_a = letters.wrapping_sub(u64::from(b'a') * EACH);
    let beyond_z = letters.wrapping_sub(u64::from(b'z' + 1) * EACH);
    let no_hyphen = ((word ^ (u64::from(b'-') * EACH)) | TOP).wrapping_sub(EACH);
    (word | (no_hyphen & !(from_a & !beyond_z))) & TOP
}

const EACH: u64 = u64::from_ne_bytes([1; 8]);
const TOP: u64 = 0x80 * EACH;

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte at each place, behind and before bytes that are in order.
    #[test]
    fn a_run_ends_at_the_first_byte_that_does_not_fit() {
        type Case = (fn(&[u8]) -> usize, fn(u8) -> bool);
        let cases: [Case; 3] = [
            (token, is_token_byte),
            (ascii, |byte| byte.is_ascii_graphic() || byte == b' '),
            (value, |byte| byte == b'\t' || (byte >= b' ' && byte != 0x7F)),
        ];
        for (run, fits) in cases {
            for (byte, at) in (0..=255).flat_map(|byte| (0..20).map(move |at| (byte, at))) {
                for len in at + 1..21 {
                    let mut bytes = [b'a'; 21];
                    bytes[at] = byte;
                    let expected = if fits(byte) { len } else { at };
                    assert_eq!(run(&bytes[..len]), expected, "{byte} at {at} of {len}");
                }
            }
        }
        assert_eq!((token(b""), ascii(b""), value(b"")), (0, 0, 0));
    }
}
