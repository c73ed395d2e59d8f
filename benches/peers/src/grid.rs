//! Contenders beside each other at several sizes of message.

use std::fmt::Write;

use crate::measure::{Contender, Plan, compare};
use crate::table::Table;

/// A contender in a grid.
pub struct Entry {
    /// Its crate.
    pub name: &'static str,
    /// How it is driven.
    pub how: &'static str,
    /// How many messages one operation deals with.
    pub batch: usize,
    /// The contender.
    pub contender: Box<dyn Contender>,
}

/// A size as the head of a column.
pub fn size_name(size: usize) -> String {
    match size {
        ..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size / 1024),
        _ => format!("{} MiB", size / 1_048_576),
    }
}

/// Measures at each size; returns the table, with a line of what the best of hybi is to the best of the peers.
/// Where that is above 1, it goes to `losses` as well.
pub fn measure(
    place: &str,
    sizes: &[usize],
    plan: Plan,
    losses: &mut String,
    entries: impl Fn(usize) -> Vec<Entry>,
) -> Table {
    let mut table = Table::new(&["", "driven"]);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut best = vec!["**hybi to the best peer**".to_owned(), String::new()];
    for &size in sizes {
        table.head(&[&size_name(size)]);
        let entries = entries(size);
        let told: Vec<_> =
            entries.iter().map(|entry| (entry.name, entry.how, entry.batch)).collect();
        let mut contenders: Vec<_> = entries.into_iter().map(|entry| entry.contender).collect();
        let samples = compare(&mut contenders, plan);
        rows.resize_with(told.len(), Vec::new);
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for (i, (name, how, batch)) in told.iter().enumerate() {
            if rows[i].is_empty() {
                rows[i] = vec![(*name).to_owned(), (*how).to_owned()];
            }
            let nanos = samples[i].nanos() / *batch as f64;
            rows[i].push(if nanos < 100.0 { format!("{nanos:.1}") } else { format!("{nanos:.0}") });
            if *name == "hybi" { &mut ours } else { &mut peer }.push((nanos, i));
        }
        let least = |found: &[(f64, usize)]| {
            found.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0)).expect("there is one").1
        };
        let (ours, peer) = (least(&ours), least(&peer));
        let ratio = samples[ours].over(&samples[peer]) * told[peer].2 as f64 / told[ours].2 as f64;
        best.push(format!("**{ratio:.2}**"));
        if ratio > 1.0 {
            let (name, how, _) = told[peer];
            let size = size_name(size);
            writeln!(losses, "- {place}, {size}: {ratio:.2} of {name} ({how})").expect("a string");
        }
    }
    rows.into_iter().for_each(|row| table.row(row));
    table.row(best);
    table
}

/// The part of a report that says where hybi is slower than a peer.
pub fn losses(found: &str) -> String {
    let found = if found.is_empty() { "Nowhere.\n" } else { found };
    format!("\nWhere the best of hybi is slower than the best peer:\n\n{found}")
}
