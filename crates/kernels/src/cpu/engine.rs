//! What the kernels run on: an instruction set, chosen at run time, and a number of threads.

use std::ops::Range;

use pulp::WithSimd;

use super::{
    isa::Isa,
    thread_pool::{self, THREADS},
};

/// An instruction set and a number of threads.
///
/// A result depends on the instructions, never on the number of threads: each number is computed by
/// one thread, in one order.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    isa: Isa,
    threads: usize,
}

impl Engine {
    /// Returns an engine with the fastest instructions of this processor, and as many threads as the current
    /// rayon pool has, but no more than the process has for its kernels: `RAYON_NUM_THREADS`, or else the
    /// number of processors.
    pub fn new() -> Self {
        let isa = Isa::available()[0];
        Engine {
            isa,
            threads: rayon::current_num_threads().min(*THREADS),
        }
    }

    /// Returns the engine with these instructions.
    ///
    /// # Panics
    ///
    /// Panics if the processor lacks them.
    pub fn with_isa(self, isa: Isa) -> Self {
        assert!(isa.is_available(), "this processor has no {isa}");
        Engine { isa, ..self }
    }

    /// Returns the engine with work cut into this many pieces, however many threads there are to run them.
    pub fn with_threads(self, threads: usize) -> Self {
        let threads = threads.max(1);
        Engine { threads, ..self }
    }

    /// Returns the instructions.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs two pieces of work and returns what both return. If the number of threads is even, they run side by
    /// side, with half of the threads each; otherwise one after the other, with all of them.
    pub fn join<A: Send, B: Send>(
        &self,
        first: impl FnOnce(&Engine) -> A + Send,
        second: impl FnOnce(&Engine) -> B + Send,
    ) -> (A, B) {
        match self.threads.is_multiple_of(2) {
            true => {
                let half = self.with_threads(self.threads / 2);
                thread_pool::join(|| first(&half), || second(&half))
            }
            false => (first(self), second(self)),
        }
    }

    /// Cuts `0..n` into one range for each thread, as equal as possible; none is empty unless `n` is 0.
    pub(crate) fn share(&self, n: usize) -> Vec<Range<usize>> {
        let parts = self.threads.min(n).max(1);
        let cut = |part| n * part / parts;
        (0..parts).map(|part| cut(part)..cut(part + 1)).collect()
    }

    /// Runs the jobs on different threads and waits for all of them.
    pub(crate) fn each<Job: WithSimd<Output = ()> + Send>(&self, jobs: Vec<Job>) {
        let isa = self.isa;
        thread_pool::each(jobs, |job| isa.run(job));
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

/// Cuts `slice` into pieces of the given lengths.
pub(crate) fn cut<T>(mut slice: &mut [T], lengths: impl Iterator<Item = usize>) -> Vec<&mut [T]> {
    lengths
        .map(|length| {
            slice
                .split_off_mut(..length)
                .expect("lengths within the slice")
        })
        .collect()
}
