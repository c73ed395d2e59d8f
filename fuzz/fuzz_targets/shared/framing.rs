//! The rules of RFC 6455 section 5.2, read once more.

use hybi::frame::{Expect, Masking};

/// Each rule on a line of its own, as soon as the bytes show that it is broken.
pub fn breaks_a_rule(bytes: &[u8], expect: Expect) -> bool {
    let byte = |at: usize| bytes.get(at).copied();
    let Some(first) = byte(0) else { return false };
    let (opcode, fin, rsv1) = (first & 15, first & 0x80 != 0, first & 0x40 != 0);
    let control = matches!(opcode, 8..=10);
    let masked = byte(1).map(|second| second & 0x80 != 0);
    let len7 = byte(1).map(|second| second & 0x7f);
    let number =
        |len: usize| Some(bytes.get(2..2 + len)?.iter().fold(0, |n, &b| n << 8 | u64::from(b)));
    first & 0x30 != 0
        || matches!(opcode, 3..=7 | 11..)
        || rsv1 && !(expect.rsv1 && matches!(opcode, 1 | 2))
        || opcode == 0 && !expect.in_message
        || matches!(opcode, 1 | 2) && expect.in_message
        || control && !fin
        || control && len7.is_some_and(|len| len > 125)
        || masked.is_some_and(|masked| masked != (expect.masking == Masking::Required))
        || len7 == Some(126) && number(2).is_some_and(|len| len < 126)
        || len7 == Some(127) && byte(2).is_some_and(|top| top & 0x80 != 0)
        || len7 == Some(127) && number(6) == Some(0)
}
