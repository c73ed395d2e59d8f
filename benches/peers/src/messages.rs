//! What is sent.

use bytes::Bytes;

/// A feed's messages, each an array of trades cut to `size` bytes, no two alike: a compressor that keeps its context
/// finds in it the names and what prices have in common, as it would in service, and no message whole.
pub fn json(size: usize) -> Vec<Bytes> {
    let count = (256 * 1024 / size).clamp(16, 256);
    let mut next: u32 = 0;
    let mut message = || {
        let mut text = String::from("[");
        while text.len() < size {
            let price = 40_000 + next.wrapping_mul(2_654_435_761) % 5_000;
            let cents = price % 97;
            text += &format!(r#"{{"s":"BTC-USD","p":"{price}.{cents:02}","q":{next}}},"#);
            next += 1;
        }
        text.truncate(size);
        Bytes::from(text)
    };
    (0..count).map(|_| message()).collect()
}
