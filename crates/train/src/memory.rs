//! How much memory a run takes.

/// The most main memory that this process has held at once (its largest resident set), in bytes; `None`
/// where the system does not tell. Linux does, in `/proc/self/status` (`VmHWM`).
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
