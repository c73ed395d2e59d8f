//! UTF-8 by the table of its specification.

/// The table of RFC 3629 section 4, a byte at a time: how many bytes are whole characters, or that number and
/// the place of the byte that cannot be.
pub fn judge(bytes: &[u8]) -> Result<usize, (usize, usize)> {
    let (mut whole, mut missing, mut range) = (0, 0, 0x80..=0xbf);
    for (at, &byte) in bytes.iter().enumerate() {
        if missing > 0 {
            if !range.contains(&byte) {
                return Err((whole, at));
            }
            (missing, range) = (missing - 1, 0x80..=0xbf);
        } else {
            (missing, range) = match byte {
                0..=0x7f => (0, 0x80..=0xbf),
                0xc2..=0xdf => (1, 0x80..=0xbf),
                0xe0 => (2, 0xa0..=0xbf),
                0xed => (2, 0x80..=0x9f),
                0xe1..=0xef => (2, 0x80..=0xbf),
                0xf0 => (3, 0x90..=0xbf),
                0xf1..=0xf3 => (3, 0x80..=0xbf),
                0xf4 => (3, 0x80..=0x8f),
                _ => return Err((whole, at)),
            };
        }
        if missing == 0 {
            whole = at + 1;
        }
    }
    Ok(whole)
}
