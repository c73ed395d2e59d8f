//! What people read in a log when something went wrong: every text, as it stands there.
//!
//! Each says what happened and whose doing it was, with the limit that was met and the field that sets it. Of each is
//! asserted, too, that it is one line of bounded length, without controls, and that no source repeats it.

#[cfg(feature = "handshake")]
mod before;
#[path = "../common/mod.rs"]
mod common;
mod connection;

use std::error::Error as StdError;
use std::iter::successors;

/// The texts that were made, and those that are wanted, in order; all that differ are told at once.
#[track_caller]
pub(crate) fn page<const N: usize>(lines: [(String, &str); N]) {
    let differ: Vec<_> = lines.iter().filter(|(is, wanted)| is != wanted).collect();
    assert!(differ.is_empty(), "(is, wanted): {differ:#?}");
}

/// The text of an error: a line like all, and whatever lies behind it says something else.
#[track_caller]
pub(crate) fn of(error: impl StdError) -> String {
    let text = line(&error);
    for source in successors(error.source(), |error| (*error).source()) {
        let source = line(source);
        assert!(!text.contains(&source), "{text:?} is repeated by {source:?}");
    }
    text
}

/// A text that fits into a log.
#[track_caller]
pub(crate) fn line(text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!((1..=400).contains(&text.len()), "{text}");
    assert!(!text.ends_with('.') && !text.contains("secret"), "{text}");
    text
}
