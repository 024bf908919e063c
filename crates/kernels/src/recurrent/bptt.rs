//! Backpropagation through time: the gradient of each step's sums, from the last step to the first.

use pulp::Simd;

use super::{
    cell::{Cell, Gates, StepsBack},
    lengths::Lengths,
};
use crate::{
    cpu::Engine,
    matmul::{Packed, Product},
};

/// The transposed weights, which take the gradient of the sums back to state and input.
pub(crate) struct Products {
    to_hidden: Packed,
    to_input: Option<Packed>,
}

impl Products {
    pub(crate) fn new(engine: &Engine, width: usize, wh: &[f32], wx: Option<&[f32]>) -> Self {
        Products {
            to_hidden: Packed::transposed(engine, wh, width),
            to_input: wx.map(|wx| Packed::transposed(engine, wx, width)),
        }
    }
}

/// Takes the gradient of some sequences back through all steps, from the last to the first. `d_sums`
/// is `[sequences, time, sums·d_hidden]`; `d_h`, `[sequences, d_hidden]`, starts as zeros and becomes the
/// gradient of `h0`.
#[allow(clippy::too_many_arguments)]
#[inline(always)]
pub(crate) fn through_time<S: Simd, C: Cell>(
    simd: S,
    products: &Products,
    sequences: usize,
    lengths: Lengths,
    d_sums: &mut [f32],
    d_h: &mut [f32],
    d_input: &mut [f32],
    steps: &mut StepsBack,
) {
    let StepsBack { time, h, .. } = *steps;
    let width = C::GATES.sums() * h;
    for t in (0..time).rev() {
        let sequences = lengths.running(t, sequences);
        if sequences == 0 {
            continue;
        }
        for row in 0..sequences {
            let d_sums = &mut d_sums[(row * time + t) * width..][..width];
            C::backward(simd, [row, t], steps, d_sums, &mut d_h[row * h..][..h]);
        }
        let rows = &d_sums[t * width..];
        let of_hidden = &rows[first_of_hidden(C::GATES) * h..];
        let stride = time * width;
        let product = Product {
            weights: &products.to_hidden,
            bias: &[],
            rows: of_hidden,
            stride,
            to: d_h,
            to_stride: h,
            add: C::CARRIES_HIDDEN,
        };
        product.run(simd, sequences);
        if let Some(weights) = &products.to_input {
            let d = weights.n();
            let product = Product {
                weights,
                bias: &[],
                rows,
                stride,
                to: &mut d_input[t * d..],
                to_stride: time * d,
                add: false,
            };
            product.run(simd, sequences);
        }
    }
}

/// Returns the first block of a step's sums that `Wh` takes part in; the blocks that `Wx` takes part in start
/// at 0. Where the sums of a gate stay apart, its sum over the input comes first, and all others follow.
pub(crate) const fn first_of_hidden(gates: Gates) -> usize {
    gates.sums() - gates.count()
}
