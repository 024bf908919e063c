//! The minimal LSTM (Feng et al. 2024).
//!
//! ```text
//! [af ai h̃] = x[t]·Wx + b      f = σ(af)   i = σ(ai)
//! h[t] = f/(f + i)·h[t-1] + i/(f + i)·h̃
//! ```

use pulp::Simd;

use super::{
    cell::Gates,
    kernel::Kernel,
    linear::{Linear, LinearCell},
};
use crate::{
    cpu::{clamp, exp, quotient, sigmoid},
    matmul::Sums,
};

/// The minimal LSTM.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinLstm;

/// The kernels of the cell. Take them from here, as [`lstm::KERNEL`](super::lstm::KERNEL) explains.
pub static KERNEL: &dyn Kernel = &Linear::<MinLstm>::new();

impl LinearCell for MinLstm {
    const NAME: &'static str = "min_lstm";
    const GATES: Gates = Gates::Three;

    /// `k = f/(f + i)`, `dk/daf = k(1 − k)(1 − f)`, `dk/dai = −k(1 − k)(1 − i)`
    ///
    /// Since `1/f = 1 + exp(−af)`, `k = (1 + exp(−ai))/(2 + exp(−ai) + exp(−af))`. Both sides are multiplied by
    /// `exp(min(af, ai, 0))`, so that no exponential overflows and the divisor is at least 1.
    #[inline(always)]
    fn keep<S: Simd, const M: usize>(simd: S, mut sums: [Sums<S>; M]) -> [Sums<S>; M] {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        let mut least = [zero; M];
        for m in 0..M {
            // The difference of two infinities would be NaN.
            sums[m] = clamp(simd, sums[m], 1e30);
            let [af, ai, ..] = sums[m];
            least[m] = simd.min_f32s(simd.min_f32s(af, ai), zero);
        }
        let of_f = exp(simd, less(simd, least, sums, 0));
        let of_i = exp(simd, less(simd, least, sums, 1));
        let of_1 = exp(simd, least);
        let (mut above, mut below) = (of_f, of_f);
        for m in 0..M {
            above[m] = simd.add_f32s(of_1[m], of_i[m]);
            below[m] = simd.add_f32s(above[m], simd.add_f32s(of_1[m], of_f[m]));
        }
        let keep = quotient(simd, above, below);
        let not_f = sigmoid(simd, less(simd, [zero; M], sums, 0));
        let not_i = sigmoid(simd, less(simd, [zero; M], sums, 1));

        let mut kept = [[zero; 4]; M];
        for m in 0..M {
            let k = keep[m];
            let slope = simd.mul_f32s(k, simd.sub_f32s(one, k));
            let d_f = simd.mul_f32s(slope, not_f[m]);
            let d_i = simd.neg_f32s(simd.mul_f32s(slope, not_i[m]));
            kept[m] = [k, d_f, d_i, zero];
        }
        kept
    }
}

/// `from − a` for the sums `a` of one gate.
#[inline(always)]
fn less<S: Simd, const M: usize>(
    simd: S,
    mut from: [S::f32s; M],
    sums: [Sums<S>; M],
    gate: usize,
) -> [S::f32s; M] {
    for m in 0..M {
        from[m] = simd.sub_f32s(from[m], sums[m][gate]);
    }
    from
}
