//! What the kernels run on: an instruction set, chosen at run time, and a number of threads.

use std::{fmt, ops::Range};

use pulp::{Simd, WithSimd};

use crate::team;

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512: 16 numbers a vector, 32 registers.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 numbers a vector, 16 registers.
    Avx2,
    /// AArch64: 4 numbers a vector, 32 registers.
    Neon,
    /// Plain Rust, for every processor.
    Portable,
}

impl Isa {
    /// Those that this processor has, the fastest first. `Portable` is always the last.
    pub fn available() -> Vec<Isa> {
        let all = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];
        all.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => pulp::x86::V4::is_available(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => pulp::x86::V3::is_available(),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => pulp::aarch64::Neon::is_available(),
            Isa::Portable => true,
            _ => false,
        }
    }

    /// Numbers in a vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Isa::Avx512 => 16,
            Isa::Avx2 => 8,
            Isa::Neon => 4,
            Isa::Portable => pulp::Scalar256b::F32_LANES,
        }
    }

    /// Runs `op`, compiled for these instructions.
    #[inline]
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        const ABSENT: &str = "an Engine holds instructions that the processor has";
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Simd::vectorize(pulp::x86::V4::try_new().expect(ABSENT), op),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Simd::vectorize(pulp::x86::V3::try_new().expect(ABSENT), op),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Simd::vectorize(pulp::aarch64::Neon::try_new().expect(ABSENT), op),
            Isa::Portable => Simd::vectorize(pulp::Scalar256b, op),
            _ => unreachable!("{ABSENT}"),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Avx512 => "AVX-512",
            Isa::Avx2 => "AVX2",
            Isa::Neon => "NEON",
            Isa::Portable => "portable",
        })
    }
}

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
    /// The fastest instructions of this processor, on as many threads as the present rayon pool has
    /// (`RAYON_NUM_THREADS` sets that of the whole process).
    pub fn new() -> Self {
        let isa = Isa::available()[0];
        Engine {
            isa,
            threads: rayon::current_num_threads(),
        }
    }

    /// With these instructions.
    ///
    /// # Panics
    ///
    /// Panics if the processor lacks them.
    pub fn with_isa(self, isa: Isa) -> Self {
        assert!(isa.is_available(), "this processor has no {isa}");
        Engine { isa, ..self }
    }

    /// With the work cut into this many pieces, which the present rayon pool runs.
    pub fn with_threads(self, threads: usize) -> Self {
        let threads = threads.max(1);
        Engine { threads, ..self }
    }

    /// The instructions.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Cuts `0..n` into one range for each thread, as equal as can be; none is empty.
    pub(crate) fn share(&self, n: usize) -> Vec<Range<usize>> {
        let parts = self.threads.min(n).max(1);
        let cut = |part| n * part / parts;
        (0..parts).map(|part| cut(part)..cut(part + 1)).collect()
    }

    /// Runs each job on a thread of its own and waits for all of them.
    pub(crate) fn each<Job: WithSimd<Output = ()> + Send>(&self, jobs: Vec<Job>) {
        let isa = self.isa;
        team::each(jobs, |job| isa.run(job));
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
