//! Tables in Markdown, and what they were measured on.

use std::fmt;
use std::process::Command;

/// A table.
#[derive(Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// How many columns are of text; the others are of numbers.
    texts: usize,
}

impl Table {
    /// A table that starts with these columns of text.
    pub fn new(texts: &[&str]) -> Self {
        let head = texts.iter().map(|&text| text.to_owned()).collect();
        Self { head, rows: Vec::new(), texts: texts.len() }
    }

    /// Adds columns of numbers.
    pub fn head(&mut self, names: &[&str]) {
        self.head.extend(names.iter().map(|&name| name.to_owned()));
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.head.len(), "a row has as many cells as the head");
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.head.join(" | "))?;
        for i in 0..self.head.len() {
            f.write_str(if i < self.texts { "|---" } else { "|---:" })?;
        }
        writeln!(f, "|")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// The processor, its cores, the compiler.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    // All of them: this thread may be pinned to one.
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    // Without the commit and its date.
    let rustc = rustc.split(" (").next().unwrap_or_default();
    let model = model.unwrap_or("an unknown processor");
    format!("{model}, {cores} cores, {}, {rustc}", std::env::consts::OS)
}
