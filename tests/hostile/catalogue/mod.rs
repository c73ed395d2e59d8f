//! A catalogue of hostile inputs as data: what comes, and what a strict implementation makes of it.
//!
//! A file holds rows as JSON. Each row is run as often as there are ways to cut its bytes into pieces, and
//! the outcome is compared with what the row expects. The test and the example `hostile` share this module.

mod api;
mod calls;
mod compare;
#[cfg(feature = "deflate")]
mod compression;
mod events;
mod frames;
mod names;
mod opening;
mod outcome;
pub(crate) mod procedures;
mod reply;
mod row;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use outcome::Outcome;
pub(crate) use row::{Row, load};

/// Whether the library is built with permessage-deflate; where it is not, rows about it are skipped.
pub(crate) const COMPRESSION: bool = cfg!(feature = "deflate");

/// The pieces in which the bytes of each row arrive; the last is all of them at once.
pub(crate) const PIECES: [usize; 5] = [1, 2, 3, 7, usize::MAX];

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "ok",
            Self::Fail => "FAIL",
            Self::Skipped => "skipped",
        })
    }
}

/// A row's line in the report.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) verdict: Verdict,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// Where the outcome is right and its description differs, as the name of an error does.
    pub(crate) remarks: Vec<String>,
}

/// Runs a row in every way and compares.
pub(crate) fn judge(row: &Row) -> Report {
    let expected = row.expectation();
    let report = |verdict, got: String| Report {
        verdict,
        expected: expected.clone(),
        got,
        remarks: Vec::new(),
    };
    if let Some(why) = skipped(row) {
        return report(Verdict::Skipped, why);
    }
    match procedures::of(row) {
        Some(procedures::Found::Test(name, test)) => {
            let got = format!("procedure: see test {name}");
            return match catch_unwind(test) {
                Ok(()) => report(Verdict::Pass, got),
                Err(panic) => report(Verdict::Fail, format!("{got}: {}", message(&*panic))),
            };
        }
        Some(procedures::Found::Nothing) => {
            return report(Verdict::Skipped, "procedure without a test of its own".into());
        }
        None => {}
    }
    let mut first: Option<Outcome> = None;
    for piece in PIECES {
        let outcome = match catch_unwind(AssertUnwindSafe(|| run(row, piece))) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(why)) => return report(Verdict::Skipped, why),
            Err(panic) => {
                let got = format!("panic in pieces of {piece}: {}", message(&*panic));
                return report(Verdict::Fail, got);
            }
        };
        let faults = compare::faults(row, &outcome);
        if !faults.is_empty() {
            let got = format!("{outcome} [{}]", faults.join("; "));
            return report(Verdict::Fail, got);
        }
        match &first {
            None => first = Some(outcome),
            Some(first) if first.is_same(&outcome) => {}
            Some(first) => {
                let got = format!("{first}, but {outcome} in pieces of {piece}");
                return report(Verdict::Fail, got);
            }
        }
    }
    let outcome = first.unwrap_or_default();
    let remarks = compare::remarks(row, &outcome);
    Report { remarks, ..report(Verdict::Pass, outcome.to_string()) }
}

/// Runs a row once, its bytes cut into pieces; an error says why there is nothing to run.
pub(crate) fn run(row: &Row, piece: usize) -> Result<Outcome, String> {
    match row.area() {
        "handshake-request" | "permessage-deflate-offer" => opening::server(row, piece),
        "handshake-response" | "permessage-deflate-response" => opening::client(row, piece),
        "url" => Ok(api::url(row)),
        "api-outbound" => api::outbound(row),
        // An area that is not known has a handshake where its rows expect a status, and frames otherwise.
        _ if row.expects("http_status").is_some() => opening::server(row, piece),
        _ => Ok(frames::established(row, piece)),
    }
}

/// Why a row cannot be run, if so.
fn skipped(row: &Row) -> Option<String> {
    #[cfg(feature = "deflate")]
    if compression::is_strange(row) {
        return Some(format!("no way to agree on {}", row.negotiated().unwrap_or_default()));
    }
    let compressed = row.negotiated().is_some()
        || row.offer().is_some()
        || row.area().starts_with("permessage-deflate")
        || row.expects_text("extension").is_some_and(|name| name.starts_with("permessage-deflate"));
    row.fault().or_else(|| (compressed && !COMPRESSION).then(|| "no compression".into()))
}

fn message(panic: &dyn std::any::Any) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
