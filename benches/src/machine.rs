//! The machine that was measured on, and everyone's version.

use std::process::Command;

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::peers::Peer;

/// The processor, its cores, its instruction set.
pub fn machine() -> String {
    let what = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(what);
    let brand = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let isa = kernels::Isa::available()[0];
    format!("{brand}, {cores} cores, {isa}, {}", std::env::consts::OS)
}

/// The load average over the last minute; 0 if the system has none.
pub fn load() -> f64 {
    System::load_average().one
}

/// The version of the compiler.
pub fn rustc() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let version = output.ok().and_then(|o| String::from_utf8(o.stdout).ok());
    version.map_or("rustc unknown".into(), |version| version.trim().into())
}

/// The version of a peer written in Rust.
pub fn version(peer: Peer) -> String {
    let of = |name: &str| format!("{name} {}", locked(name));
    match peer {
        Peer::Ours | Peer::OursOneThread => of("models"),
        Peer::BurnNdarray => format!("{}, {}", of("burn-nn"), of("burn-ndarray")),
        Peer::BurnFlex => of("burn-flex"),
        Peer::Candle => format!("{}, {}", of("candle-nn"), of("gemm")),
        Peer::Pytorch => "unknown".into(),
    }
}

/// The version of a package in `Cargo.lock`.
fn locked(name: &str) -> &'static str {
    let packages = include_str!("../../Cargo.lock").split("[[package]]");
    let head = format!("name = \"{name}\"\n");
    let mut versions = packages
        .filter_map(|package| package.trim_start().strip_prefix(&head))
        .filter_map(|rest| rest.strip_prefix("version = \"")?.split('"').next());
    versions.next().unwrap_or("unknown")
}
