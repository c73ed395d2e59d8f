//! Contenders beside each other at several sizes of message, and what was hoped for.

use crate::measure::{Contender, Plan, Samples, compare};
use crate::table::Table;

/// Who a contender is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// hybi.
    Ours,
    /// Another library.
    Peer,
    /// Another library whose mask keys can be predicted, so that goals leave it out.
    Predictable,
    /// What can hardly be done faster, and does less than a library must.
    Floor,
}

impl Side {
    /// Whose side a contender of such a name is on.
    pub fn of(name: &str) -> Self {
        match name {
            "hybi" => Self::Ours,
            "floor" => Self::Floor,
            _ => Self::Peer,
        }
    }
}

/// A contender in a grid.
pub struct Entry {
    /// Who it is.
    pub side: Side,
    /// Its crate.
    pub name: &'static str,
    /// How it is driven.
    pub how: &'static str,
    /// How many messages one operation deals with.
    pub batch: usize,
    /// The contender.
    pub contender: Box<dyn Contender>,
}

/// What one of ours is hoped to cost at most, as a multiple of the best of some others.
pub struct Goal {
    /// How ours is driven.
    pub how: &'static str,
    /// The others.
    pub against: Side,
    /// How they are driven, and what that has in common, where not all of them are driven alike.
    pub like: Option<(&'static [&'static str], &'static str)>,
    /// The multiple at each size, where there is a goal.
    pub at_most: fn(usize) -> Option<f64>,
}

/// A size as the head of a column.
pub fn size_name(size: usize) -> String {
    match size {
        ..1024 => format!("{size} B"),
        1024..1_048_576 => format!("{} KiB", size / 1024),
        _ => format!("{} MiB", size / 1_048_576),
    }
}

/// Measures at each size; below the figures stand the goals and what has become of them.
pub fn measure(
    sizes: &[usize],
    plan: Plan,
    goals: &[Goal],
    entries: impl Fn(usize) -> Vec<Entry>,
) -> Table {
    let mut table = Table::new(&["", "driven"]);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut judged: Vec<_> = goals.iter().map(Goal::title).collect();
    for &size in sizes {
        table.head(&[&size_name(size)]);
        let mut entries = entries(size);
        let mut contenders: Vec<&mut dyn Contender> =
            entries.iter_mut().map(|entry| &mut *entry.contender as _).collect();
        let samples = compare(&mut contenders, plan);
        rows.resize_with(entries.len(), Vec::new);
        for (row, (entry, samples)) in rows.iter_mut().zip(entries.iter().zip(&samples)) {
            if row.is_empty() {
                *row = vec![entry.name.to_owned(), entry.how.to_owned()];
            }
            row.push(nanos(samples.nanos() / entry.batch as f64));
        }
        for (row, goal) in judged.iter_mut().zip(goals) {
            row.push(goal.judge(size, &entries, &samples));
        }
    }
    rows.into_iter().chain(judged).for_each(|row| table.row(row));
    table
}

/// A time with three digits or more.
pub fn nanos(nanos: f64) -> String {
    if nanos < 100.0 { format!("{nanos:.1}") } else { format!("{nanos:.0}") }
}

/// A ratio beside its goal, bold where that is missed.
pub fn verdict(ratio: f64, at_most: Option<f64>) -> String {
    match at_most {
        None => format!("{ratio:.2}"),
        Some(goal) if ratio <= goal => format!("{ratio:.2} (≤ {goal:.2})"),
        Some(goal) => format!("**{ratio:.2}** (≤ {goal:.2})"),
    }
}

impl Goal {
    fn title(&self) -> Vec<String> {
        let against = match (self.like, self.against) {
            (Some((_, name)), _) => name,
            (None, Side::Ours) => "ours",
            (None, Side::Peer) => "the best peer",
            (None, Side::Predictable) => "the best whose keys can be predicted",
            (None, Side::Floor) => "the best floor",
        };
        vec!["*goal*".to_owned(), format!("*{} to {against}*", self.how)]
    }

    fn is_against(&self, other: &Entry) -> bool {
        let alike = self.like.is_none_or(|(driven, _)| driven.contains(&other.how));
        other.side == self.against && alike
    }

    fn judge(&self, size: usize, entries: &[Entry], samples: &[Samples]) -> String {
        let each = |i: usize| samples[i].nanos() / entries[i].batch as f64;
        let ours = entries.iter().position(|e| e.side == Side::Ours && e.how == self.how);
        let ours = ours.expect("a goal is for one of ours");
        let others = (0..entries.len()).filter(|&i| self.is_against(&entries[i]));
        let best = others.min_by(|&a, &b| each(a).total_cmp(&each(b))).expect("there is one");
        let batches = entries[best].batch as f64 / entries[ours].batch as f64;
        verdict(samples[ours].over(&samples[best]) * batches, (self.at_most)(size))
    }
}
