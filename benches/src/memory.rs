//! The memory of a training step: the largest resident set of a process that does nothing else.

use anyhow::{Context, Result};

use crate::{case::Case, child::Child};

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Before the first step: the program and its libraries.
    pub before: f64,
    /// The peak.
    pub peak: f64,
}

/// The memory that a few steps of `case` take in a fresh process.
///
/// # Errors
///
/// Returns an error if the peer fails, or if the system has no `/proc` (Linux has).
pub fn measure(mut child: Child, case: Case) -> Result<Memory> {
    let before = largest_resident_set(child.id())?;
    child.time(case, 5)?.context("the peer has no such case")?;
    let peak = largest_resident_set(child.id())?;
    Ok(Memory { before, peak })
}

fn largest_resident_set(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let status =
        std::fs::read_to_string(&path).context("no /proc: memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.and_then(|kib| kib.parse().ok()).context(path)?;
    Ok(kib * 1024.0)
}
