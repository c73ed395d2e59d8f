//! The file of all tables: a section a subject, each with its day and machine, since one may be measured alone.

use std::fmt;
use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::measure::Plan;
use crate::table::machine;

const HEAD: &str = "# hybi beside its peers

Written by `benches/peers/run`. All take turns, round after round; what is told is medians over the rounds. Figures move from
machine to machine; the ratios, taken within each round, are what counts. Bold marks a goal that is missed.
";

/// What has been measured of one subject.
#[derive(Debug)]
pub struct Section {
    title: String,
    body: String,
}

impl Section {
    /// What was measured today on this machine.
    pub fn new(title: &str, plan: Plan, report: &str) -> Self {
        let Plan { rounds, turn } = plan;
        let body = format!(
            "Measured on {}: {}; up to {rounds} rounds of {} ms or more.\n\n{}\n",
            today(),
            machine(),
            turn.as_millis(),
            report.trim(),
        );
        Self { title: title.to_owned(), body }
    }

    /// The sections of such a file.
    fn parse(text: &str) -> Vec<Self> {
        let parts = text.split("\n## ").skip(1);
        let parts = parts.filter_map(|part| part.split_once('\n'));
        let trim = |body: &str| format!("{}\n", body.trim());
        parts.map(|(title, body)| Self { title: title.to_owned(), body: trim(body) }).collect()
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n## {}\n\n{}", self.title, self.body)
    }
}

/// Puts a section in its place among those of `titles`. Others stay as they are, but those that no longer exist.
pub fn put(path: &str, titles: &[&str], section: Section) -> io::Result<()> {
    let mut sections = Section::parse(&fs::read_to_string(path).unwrap_or_default());
    sections.retain(|kept| kept.title != section.title);
    sections.push(section);
    let mut text = HEAD.to_owned();
    for title in titles {
        for section in sections.iter().filter(|section| section.title == *title) {
            text += &section.to_string();
        }
    }
    fs::write(path, text)
}

/// The day, in UTC, as `2026-01-31`.
fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let mut day = since.as_secs() / 86_400;
    let mut year = 1970;
    let is_leap = |year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for len in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < len {
            break;
        }
        day -= len;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", day + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_measured_anew_leaves_the_others_as_they_were() {
        let path = std::env::temp_dir().join(format!("hybi-peers-{}.md", std::process::id()));
        let path = path.to_str().expect("a path in UTF-8");
        let section = |title: &str, body: &str| Section { title: title.into(), body: body.into() };
        let titles = ["First", "Second"];
        put(path, &titles, section("Second", "### Table\n\n| 1 |\n")).expect("written");
        put(path, &titles, section("Gone", "nothing\n")).expect("written");
        put(path, &titles, section("First", "old\n")).expect("written");
        put(path, &titles, section("First", "new\n")).expect("written");
        let text = fs::read_to_string(path).expect("it is there");
        fs::remove_file(path).expect("it is there");
        assert_eq!(text, format!("{HEAD}\n## First\n\nnew\n\n## Second\n\n### Table\n\n| 1 |\n"));
    }
}
