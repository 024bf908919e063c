//! Whether what is asked for fits into this machine.

use anyhow::Result;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::{exit::UsageError, view};

/// Refuses what takes more main memory, in bytes, than there is, before the system ends the program
/// without a word. `flags` are those to lower.
///
/// # Errors
///
/// Returns an error if it does not fit.
pub fn check(needed: f64, flags: &str) -> Result<()> {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let there = System::new_with_specifics(memory).total_memory() as f64;
    if needed > there {
        let (needed, there) = (view::bytes(needed), view::bytes(there));
        let problem = format!(
            "training this takes at least {needed} of memory, and this machine has {there}; lower \
             {flags}"
        );
        return Err(UsageError(problem).into());
    }
    Ok(())
}
