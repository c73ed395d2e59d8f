//! Runs a catalogue of hostile inputs against the library and prints a line for each row.
//!
//! ```sh
//! cargo run --example hostile -- tests/data/bad-inputs.json
//! ```
//!
//! The file holds rows as `tests/data/bad-inputs.json` does: an area, a role, bytes, an expectation. The exit
//! code is 0 where every row that could be run comes to what it expects.

#[path = "../../tests/hostile/catalogue/mod.rs"]
mod catalogue;

use std::process::ExitCode;

use catalogue::{Verdict, judge, load};

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: hostile FILE.json");
        return ExitCode::from(2);
    };
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
    let rows = match text.and_then(|text| load(&text)) {
        Ok(rows) => rows,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::from(2);
        }
    };
    // A panic is told on the row's own line.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for row in &rows {
        let report = judge(row);
        match report.verdict {
            Verdict::Pass => passed += 1,
            Verdict::Fail => failed += 1,
            Verdict::Skipped => skipped += 1,
        }
        let remarks = report.remarks.iter().map(|remark| format!(" ({remark})"));
        let (id, remarks) = (row.id(), remarks.collect::<String>());
        println!(
            "{id:<16} {:<8} expected {} | got {}{remarks}",
            report.verdict, report.expected, report.got
        );
    }
    println!("{} rows: {passed} ok, {failed} FAIL, {skipped} skipped", rows.len());
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
