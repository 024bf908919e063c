//! Checks that a training run fits into this machine's memory.

use anyhow::Result;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::{exit::UsageError, view};

/// Refuses a run that needs more bytes of memory than the machine has, before the system kills the
/// program without a word. The error names `flags` as those to lower.
///
/// # Errors
///
/// Returns an error if the run does not fit.
pub fn check(needed: f64, flags: &str) -> Result<()> {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(memory);
    // A container may have less.
    let there = system
        .cgroup_limits()
        .map_or(system.total_memory(), |limits| limits.total_memory) as f64;
    if needed > there {
        let (needed, there) = (view::bytes(needed), view::bytes(there));
        let problem = format!(
            "training needs at least {needed} of memory, but this machine has {there}; lower \
             {flags}"
        );
        return Err(UsageError(problem).into());
    }
    Ok(())
}
