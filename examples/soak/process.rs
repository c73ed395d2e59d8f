//! What the operating system says of a process.

use std::fs;
use std::io;

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// The part of it that no file stands behind: heap, stacks.
    pub(crate) anonymous: u64,
}

/// The memory of the process `pid`, or of `self`.
pub(crate) fn memory(pid: &str) -> io::Result<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let missing = || io::Error::other("no memory figures in /proc");
    Ok(Memory {
        resident: field("VmRSS:").ok_or_else(missing)?,
        anonymous: field("RssAnon:").ok_or_else(missing)?,
    })
}

/// How many descriptors this process has open, the one that looks among them.
pub(crate) fn descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// The slope of the straight line nearest to the points (least squares), and its standard error.
pub(crate) fn slope(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let (x, y) = mean(points);
    let along: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    if points.len() < 3 || along == 0.0 {
        return (0.0, f64::INFINITY);
    }
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / along;
    let rest: f64 = points.iter().map(|p| (p.1 - y - slope * (p.0 - x)).powi(2)).sum();
    (slope, (rest / (count - 2.0) / along).sqrt())
}

/// The point in the middle.
pub(crate) fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    (
        points.iter().map(|p| p.0).sum::<f64>() / count,
        points.iter().map(|p| p.1).sum::<f64>() / count,
    )
}
