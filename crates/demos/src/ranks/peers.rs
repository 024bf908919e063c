//! Who the other ranks are.

use std::{env, fmt, fs, process};

use anyhow::{Context, Result};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sysinfo::System;

use crate::exit::UsageError;

/// A process of the run, as it introduces itself.
#[derive(Serialize, Deserialize)]
pub struct Peer {
    host: String,
    /// What no other machine has, nor another container of this one.
    machine: String,
    process: u32,
    /// SHA-256 of its program.
    program: String,
    /// Its command line, without the program's name.
    arguments: Vec<String>,
}

/// `host-a (process 123)`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.host, self.process)
    }
}

impl Peer {
    /// Introduces this process.
    pub fn this() -> Result<Self> {
        let path = env::current_exe().context("this program's own file")?;
        let program = fs::read(&path).with_context(|| path.display().to_string())?;
        let arguments = env::args_os().skip(1);
        Ok(Peer {
            host: System::host_name().unwrap_or_default(),
            machine: machine(),
            process: process::id(),
            program: HEXLOWER.encode(&Sha256::digest(program)),
            arguments: arguments.map(|arg| arg.to_string_lossy().into()).collect(),
        })
    }

    /// Returns whether it is known to have died: it ran on this host, and its process is gone.
    pub fn has_died(&self, here: &Peer) -> bool {
        if (&self.host, &self.machine) != (&here.host, &here.machine) {
            return false;
        }
        // `123 (name) S …`; the name may have parentheses.
        let Ok(status) = fs::read_to_string(format!("/proc/{}/stat", self.process)) else {
            return fs::exists("/proc/self/stat").unwrap_or(false);
        };
        let state = status
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        matches!(state, Some('Z' | 'X'))
    }
}

/// Returns the start of this machine and the space of its process numbers, as Linux identifies them.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}, {}", boot.trim_end(), processes.display())
}

/// Checks that all ranks run the same program with the same command line.
pub fn check_same(peers: &[Peer]) -> Result<()> {
    for (rank, peer) in peers.iter().enumerate() {
        let first = &peers[0];
        let problem = if peer.program != first.program {
            format!(
                "rank {rank}, on {peer}, runs another build of this program than rank 0 (its SHA-256 begins with \
                 {}, not {}); install the same file on every machine",
                &peer.program[..12],
                &first.program[..12],
            )
        } else if peer.arguments != first.arguments {
            let differs = |i: &usize| peer.arguments.get(*i) != first.arguments.get(*i);
            let at = (0..).find(differs).expect("they differ");
            let shown = |peer: &Peer| match (peer.arguments.get(at), at) {
                (None, _) => "nothing".to_owned(),
                (Some(value), 1..) if peer.arguments[at - 1].starts_with('-') => {
                    format!("{} {value}", peer.arguments[at - 1])
                }
                (Some(value), _) => value.clone(),
            };
            format!(
                "rank {rank}, on {peer}, was started with other flags than rank 0: {} instead of {}; start all ranks \
                 with the same command line",
                shown(peer),
                shown(first),
            )
        } else {
            continue;
        };
        return Err(UsageError(problem).into());
    }
    Ok(())
}
