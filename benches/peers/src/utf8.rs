//! The check of a text, without anything around it.

use std::hint::black_box;

use crate::grid::{self, Entry, Goal, Side};
use crate::measure::{Local, Plan};

const SIZES: [usize; 6] = [8, 32, 125, 1024, 16 * 1024, 1024 * 1024];

/// Measures and tells.
pub fn report(plan: Plan) -> String {
    let plan = Plan { turn: plan.turn / 3, ..plan };
    let mut text = String::from(HEAD);
    for (title, pattern) in [
        ("ASCII", "{\"price\":42,\"side\":\"buy\"},"),
        ("Two-byte letters", "жди, "),
        ("Three-byte letters", "你好"),
        ("Four-byte letters", "😀"),
    ] {
        let table = grid::measure(&SIZES, plan, &GOALS, |size| entries(pattern, size));
        text += &format!("\n### {title}\n\n{table}");
    }
    text
}

const HEAD: &str = "A text that is valid and whole is checked. Nanoseconds. tungstenite uses the standard library; fastwebsockets,
tokio-websockets, yawc and wtx use simdutf8.
";

const OURS: &str = "utf8::check";

const GOALS: [Goal; 1] =
    [Goal { how: OURS, against: Side::Peer, like: None, at_most: |_| Some(1.0) }];

fn entries(pattern: &str, size: usize) -> Vec<Entry> {
    let mut text = pattern.repeat(size.div_ceil(pattern.len()));
    text.truncate(text.floor_char_boundary(size));
    text += &".".repeat(size - text.len());
    vec![
        entry(&text, "hybi", OURS, |bytes| hybi::utf8::check(bytes) == Ok(bytes.len())),
        entry(&text, "std", "str::from_utf8", |bytes| std::str::from_utf8(bytes).is_ok()),
        entry(&text, "simdutf8", "basic", |bytes| simdutf8::basic::from_utf8(bytes).is_ok()),
        entry(&text, "sockudo-ws", "utf8::validate_utf8", sockudo_ws::utf8::validate_utf8),
    ]
}

fn entry(
    text: &str,
    name: &'static str,
    how: &'static str,
    check: impl Fn(&[u8]) -> bool + 'static,
) -> Entry {
    assert!(check(text.as_bytes()), "{name} finds it valid");
    assert!(!check(b"\xed\xa0\x80"), "{name} checks");
    let text = text.to_owned();
    let contender = Local::new(move |_| {
        assert!(check(black_box(text.as_bytes())));
    });
    Entry { side: Side::of(name), name, how, batch: 1, contender: Box::new(contender) }
}
