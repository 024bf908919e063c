//! The processes that a launcher (`mpirun`, `srun`) starts together: ranks.

pub mod launcher;
#[cfg(feature = "mpi")]
mod mpi;
#[cfg(feature = "mpi")]
mod peers;

use std::{
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use anyhow::Result;
use train::ranks::{Alone, Communicator};

use crate::exit;

/// What connects this process to those that were started with it.
pub enum Ranks {
    /// It was started alone.
    One,
    /// A launcher started it.
    #[cfg(feature = "mpi")]
    Many(mpi::Mpi),
}

impl Ranks {
    /// Connects to the other processes, if a launcher started this one. No thread but this one may use the
    /// connection.
    ///
    /// # Errors
    ///
    /// Returns an error if the program was built without MPI, but a launcher started several of it, or if MPI cannot
    /// be initialised.
    pub fn connect() -> Result<Self> {
        let launched = launcher::launched();
        #[cfg(feature = "mpi")]
        if launched.is_some() {
            launcher::use_terminal();
            return Ok(Ranks::Many(mpi::Mpi::connect()?));
        }
        match launched {
            Some(launched) if launched.size > 1 => {
                let problem = format!(
                    "a launcher started this program {} times, but it was built without MPI; build it with \
                     --features mpi, or start it without mpirun or srun",
                    launched.size
                );
                Err(exit::UsageError(problem).into())
            }
            _ => Ok(Ranks::One),
        }
    }

    /// Returns what the processes tell one another by.
    pub fn communicator(&self) -> &dyn Communicator {
        match self {
            Ranks::One => &Alone,
            #[cfg(feature = "mpi")]
            Ranks::Many(mpi) => mpi,
        }
    }

    /// Waits at most this long for another rank.
    pub fn wait_at_most(&self, _timeout: Duration) {
        #[cfg(feature = "mpi")]
        if let Ranks::Many(mpi) = self {
            mpi.wait_at_most(_timeout);
        }
    }

    /// Ends with this advice if a rank is lost.
    pub fn advise(&self, _advice: &str) {
        #[cfg(feature = "mpi")]
        if let Ranks::Many(mpi) = self {
            mpi.advise(_advice);
        }
    }

    /// Waits no longer for a rank that does not answer once `is_asked` says that a signal asked the program to stop.
    pub fn stop_on(&self, _is_asked: impl Fn() -> bool + 'static) {
        #[cfg(feature = "mpi")]
        if let Ranks::Many(mpi) = self {
            mpi.stop_on(_is_asked);
        }
    }

    /// Returns whether an error is ending all ranks, for whoever has something to say from another thread.
    pub fn is_ending(&self) -> Arc<AtomicBool> {
        match self {
            Ranks::One => Arc::default(),
            #[cfg(feature = "mpi")]
            Ranks::Many(mpi) => mpi.is_ending(),
        }
    }

    /// Ends the program: prints the error, if there is one, and gives the exit code for it. An error of one rank ends
    /// all of them.
    pub fn report(self, result: Result<()>) -> ExitCode {
        #[cfg(feature = "mpi")]
        if let (Ranks::Many(mpi), Err(error)) = (&self, &result)
            && !error.is::<exit::Signalled>()
        {
            let (line, code) = exit::line_and_code(error);
            mpi.fail(&line, code);
        }
        exit::report(result)
    }
}
