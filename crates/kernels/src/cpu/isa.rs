//! Sets of vector instructions, and how to run code compiled for each.

use std::fmt;

use pulp::{Simd, WithSimd};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// x86-64 with AVX-512: 16 numbers per vector, 32 registers.
    Avx512,
    /// x86-64 with AVX2 and FMA: 8 numbers per vector, 16 registers.
    Avx2,
    /// AArch64: 4 numbers per vector, 32 registers.
    Neon,
    /// Plain Rust, for any processor.
    Portable,
}

impl Isa {
    /// Returns the sets that this processor has, the fastest first. `Portable` is always last.
    pub fn available() -> Vec<Isa> {
        let all = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];
        all.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// Returns whether this processor has it.
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

    /// Returns the number of values in a vector.
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
