//! What a row says that is sent back, in words.

use super::outcome::{CLOSE, Outcome};

/// Whether what was sent is what a row says: `close 1000 only, no pong`, `close with empty body`, `pong, same 125 bytes`,
/// `pong for the last ping ..`, `none`. Words that are not understood ask for nothing.
pub(crate) fn is_sent(outcome: &Outcome, expected: &str) -> bool {
    clauses(expected).all(|clause| says(outcome, clause).unwrap_or(true))
}

/// Whether something in it is understood.
pub(crate) fn is_understood(expected: &str) -> bool {
    clauses(expected).any(|clause| says(&Outcome::default(), clause).is_some())
}

fn clauses(expected: &str) -> impl Iterator<Item = &str> {
    let parts = expected.split([',', ';', '.', '(', ')', '+']);
    parts.flat_map(|part| part.split(" and ")).flat_map(|part| part.split(" then ")).map(str::trim)
}

/// Whether a clause is true; `None` where it is not understood.
fn says(outcome: &Outcome, clause: &str) -> Option<bool> {
    let clause = clause.to_lowercase();
    let clause =
        clause.trim_start_matches("then ").trim_start_matches("a ").trim_start_matches("one ");
    let mut words = clause.split(' ').filter(|word| !word.is_empty());
    let mut closes = outcome.sent.iter().filter(|frame| frame.opcode == CLOSE);
    let has_pong = outcome.pongs().next().is_some();
    let alone = !clause.ends_with(" only") || !has_pong;
    Some(match (words.next()?, words.next()) {
        ("close", _) if outcome.closed_first => return None,
        ("close", Some("with")) if clause.contains("empty") => {
            closes.any(|close| close.payload.is_empty())
        }
        ("close", Some("without")) => closes.any(|close| close.payload.is_empty()),
        ("empty", Some("close")) => closes.any(|close| close.payload.is_empty()),
        ("close", Some(code)) if code.parse::<u16>().is_ok() => {
            outcome.close_sent() == code.parse().ok() && alone
        }
        ("close", _) => closes.next().is_some() && alone,
        ("pong" | "pongs", _) => has_pong && outcome.pongs().last() == outcome.last_ping.as_deref(),
        ("no", Some("pong" | "pongs")) => !has_pong,
        ("no", Some("close")) => closes.next().is_none(),
        ("nothing", Some("else" | "more")) => return None,
        ("none" | "nothing", _) | ("no", None | Some("reply" | "answer" | "frame" | "frames")) => {
            outcome.sent.is_empty()
        }
        _ => return None,
    })
}
