//! What launchers tell the processes that they start, in environment variables.

use std::env;

/// The place of this process among those that were started with it.
#[derive(Clone, Copy)]
pub struct Launched {
    /// Its number, from 0.
    pub rank: usize,
    /// How many there are; 1 if the launcher does not say.
    pub size: usize,
}

/// Returns what a launcher said, if one started this process: Open MPI's, or one that speaks PMIx or PMI, as Slurm and
/// MPICH do.
pub fn launched() -> Option<Launched> {
    let first = |names: &[&str]| {
        let values = names.iter().filter_map(|name| env::var(name).ok());
        values.filter_map(|value| value.parse().ok()).next()
    };
    Some(Launched {
        rank: first(&["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"])?,
        size: first(&["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"]).unwrap_or(1),
    })
}

/// Returns, in the first of the processes that `srun` started together, how many there are, if it did not connect them.
/// It does if `--mpi` says by what, or the cluster has a default.
pub fn unconnected() -> Option<usize> {
    let number = |name| env::var(name).ok()?.parse().ok();
    let tasks = number("SLURM_STEP_NUM_TASKS").filter(|tasks| *tasks > 1)?;
    (launched().is_none() && number("SLURM_PROCID") == Some(0)).then_some(tasks)
}

/// Returns whether this process is the one that speaks for all: rank 0, or the only one.
pub fn is_first() -> bool {
    launched().is_none_or(|launched| launched.rank == 0)
}

/// Returns what stands before a program's name to start so many ranks of it as these were started.
pub fn launch(n: usize) -> String {
    let by_slurm =
        env::var_os("OMPI_COMM_WORLD_RANK").is_none() && env::var_os("SLURM_PROCID").is_some();
    match (n, env::var("SLURM_MPI_TYPE")) {
        (1, _) => String::new(),
        (_, Ok(by)) if by_slurm => format!("srun --mpi={by} -n {n} "),
        _ if by_slurm => format!("srun -n {n} "),
        _ => format!("mpirun -n {n} "),
    }
}

/// Lets rank 0 write to the terminal of its launcher, if that has one here. A launcher passes on what ranks write, but
/// then nobody knows how wide the terminal is, nor what comes first.
#[cfg(unix)]
pub fn use_terminal() {
    use std::{fs::File, io::IsTerminal, os::unix::fs::OpenOptionsExt};

    use rustix::{process, stdio};

    let Some(launcher) = process::getppid().filter(|_| is_first()) else {
        return;
    };
    let terminal = |number| {
        let path = format!("/proc/{}/fd/{number}", launcher.as_raw_nonzero());
        let mut options = File::options();
        let no_control = rustix::fs::OFlags::NOCTTY.bits() as i32;
        let opened = options.write(true).custom_flags(no_control).open(path);
        opened.ok().filter(IsTerminal::is_terminal)
    };
    if let Some(out) = terminal(1) {
        let _ = stdio::dup2_stdout(out);
    }
    if let Some(err) = terminal(2) {
        let _ = stdio::dup2_stderr(err);
    }
}

/// On other systems, launchers pass on what rank 0 writes.
#[cfg(not(unix))]
pub fn use_terminal() {}
