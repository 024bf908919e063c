//! The minimal gated recurrent unit (Feng et al. 2024).
//!
//! ```text
//! [az h̃] = x[t]·Wx + b      z = σ(az)
//! h[t] = (1 − z)·h[t-1] + z·h̃
//! ```

use pulp::Simd;

use super::{
    cell::Gates,
    kernel::Kernel,
    linear::{Linear, LinearCell},
};
use crate::{cpu::sigmoid, matmul::Sums};

/// The minimal gated recurrent unit.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinGru;

/// The kernels of the cell. Take them from here, as [`lstm::KERNEL`](super::lstm::KERNEL) explains.
pub static KERNEL: &dyn Kernel = &Linear::<MinGru>::new();

impl LinearCell for MinGru {
    const NAME: &'static str = "min_gru";
    const GATES: Gates = Gates::Two;

    /// `k = 1 − z = σ(−az)`, `dk/daz = −k(1 − k)`
    #[inline(always)]
    fn keep<S: Simd, const M: usize>(simd: S, sums: [Sums<S>; M]) -> [Sums<S>; M] {
        let zero = simd.splat_f32s(0.0);
        let mut minus_az = [zero; M];
        for m in 0..M {
            minus_az[m] = simd.neg_f32s(sums[m][0]);
        }
        let mut kept = [[zero; 4]; M];
        for (kept, k) in kept.iter_mut().zip(sigmoid(simd, minus_az)) {
            *kept = [k, simd.mul_add_e_f32s(k, k, simd.neg_f32s(k)), zero, zero];
        }
        kept
    }
}
