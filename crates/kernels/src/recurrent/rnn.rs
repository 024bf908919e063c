//! The plain recurrent network (Elman 1990), with tanh or, as [`ReluRnn`], with the rectifier (Le, Jaitly and
//! Hinton 2015).
//!
//! ```text
//! h[t] = tanh(a)      a = x[t]·Wx + h[t-1]·Wh + b      da = dh·(1 − h[t]²)
//! h[t] = max(a, 0)                                     da = dh if h[t] > 0, else 0
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

/// The plain recurrent network with the rectifier instead of tanh.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReluRnn;

/// The kernels of the cell. Take them from here: generic code is compiled in the crate that names its
/// types, and this crate is compiled without overflow checks, which would cost a third of the speed.
pub static KERNEL: &dyn Kernel = &Rnn;

/// The kernels of [`ReluRnn`].
pub static RELU_KERNEL: &dyn Kernel = &ReluRnn;

/// A nonlinearity, and how its slope follows from its value.
trait Activation<S: Simd> {
    fn apply(simd: S, sums: Sums<S>) -> Sums<S>;
    /// Returns the gradient of a sum, given that of `h`.
    fn back(simd: S, d_h: S::f32s, h: S::f32s) -> S::f32s;
}

impl<S: Simd> Activation<S> for Rnn {
    #[inline(always)]
    fn apply(simd: S, sums: Sums<S>) -> Sums<S> {
        tanh(simd, sums)
    }

    #[inline(always)]
    fn back(simd: S, d_h: S::f32s, h: S::f32s) -> S::f32s {
        let slope = simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(h, h));
        simd.mul_f32s(d_h, slope)
    }
}

/// NaN stays NaN.
impl<S: Simd> Activation<S> for ReluRnn {
    #[inline(always)]
    fn apply(simd: S, mut sums: Sums<S>) -> Sums<S> {
        let zero = simd.splat_f32s(0.0);
        for a in &mut sums {
            *a = simd.select_f32s(simd.less_than_f32s(*a, zero), zero, *a);
        }
        sums
    }

    #[inline(always)]
    fn back(simd: S, d_h: S::f32s, h: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        simd.select_f32s(simd.less_than_or_equal_f32s(h, zero), zero, d_h)
    }
}

macro_rules! cell {
    ($cell:ty, $name:literal) => {
        impl Cell for $cell {
            const NAME: &'static str = $name;
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
                    for (v, h) in Self::apply(simd, sums).into_iter().enumerate() {
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
                    let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));
                    let d_sum = Self::back(simd, d_h, load(simd, output, j));
                    store(simd, d_sums, j, d_sum);
                }
            }
        }
    };
}

cell!(Rnn, "rnn");
cell!(ReluRnn, "relu_rnn");
