//! The plain recurrent network (Elman 1990).
//!
//! ```text
//! h[t] = tanh(a)      a = x[t]·Wx + h[t-1]·Wh + b      da = dh·(1 − h[t]²)
//! ```

use pulp::Simd;

use super::{
    cell::{Cell, Gates, Steps, StepsBack},
    kernel::Kernel,
};
use crate::{
    cpu::tanh,
    matmul::{Sums, VECTORS, load, store},
};

/// The plain recurrent network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rnn;

/// The kernels of the cell. Take them from here: generic code is compiled in the crate that names its
/// types, and this crate is compiled without overflow checks, which would cost a third of the speed.
pub static KERNEL: &dyn Kernel = &Rnn;

impl Cell for Rnn {
    const NAME: &'static str = "rnn";
    const GATES: Gates = Gates::One;
    const HAS_CELL: bool = false;
    const SAVES_GATES: bool = false;
    const CARRIES_HIDDEN: bool = false;

    #[inline(always)]
    fn forward<S: Simd, const M: usize>(
        simd: S,
        sums: [Sums<S>; M],
        [first, t, panel]: [usize; 3],
        steps: &mut Steps,
        output: &mut [f32],
    ) {
        let Steps { time, h, .. } = *steps;
        for (m, sums) in sums.into_iter().enumerate() {
            let row = &mut output[((first + m) * time + t) * h..][..h];
            for (v, h) in tanh(simd, sums).into_iter().enumerate() {
                store(simd, row, (panel * VECTORS + v) * S::F32_LANES, h);
            }
        }
    }

    #[inline(always)]
    fn backward<S: Simd>(
        simd: S,
        [row, t]: [usize; 2],
        steps: &mut StepsBack,
        d_sums: &mut [f32],
        d_h: &mut [f32],
    ) {
        let at = (row * steps.time + t) * d_h.len();
        let output = &steps.output[at..][..d_h.len()];
        let d_output = &steps.d_output[at..][..d_h.len()];
        for j in (0..d_h.len()).step_by(S::F32_LANES) {
            let h = load(simd, output, j);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));
            let slope = simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(h, h));
            store(simd, d_sums, j, simd.mul_f32s(d_h, slope));
        }
    }
}
