//! How much memory the process has used.

/// Returns the most main memory that this process has held at once (its peak resident set size), in bytes.
/// `None` if the system does not tell; Linux does, as `VmHWM` in `/proc/self/status`.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
