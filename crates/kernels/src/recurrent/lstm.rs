//! The long short-term memory (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000).
//!
//! ```text
//! [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
//! i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)
//! c[t] = f·c[t-1] + i·g
//! h[t] = o·tanh(c[t])
//! ```
//!
//! On the way back, with `dh` and `dc` the gradients of `h[t]` and `c[t]`:
//!
//! ```text
//! do = dh·tanh(c[t])       dc = dc + dh·o·(1 − tanh²(c[t]))
//! di = dc·g   dg = dc·i    df = dc·c[t-1]    dc[t-1] = dc·f
//! dai = di·i(1 − i)   daf = df·f(1 − f)   dag = dg·(1 − g²)   dao = do·o(1 − o)
//! ```

use pulp::Simd;

use super::{
    cell::{Cell, Gates, Steps, StepsBack},
    kernel::Kernel,
};
use crate::{
    cpu::{sigmoid, tanh, through_sigmoid, through_tanh},
    matmul::{Sums, load, store},
};

/// The long short-term memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lstm;

/// The kernels of the cell. Take them from here: generic code is compiled in the crate that names its
/// types, and this crate is compiled without overflow checks, which would cost a third of the speed.
pub static KERNEL: &dyn Kernel = &Lstm;

impl Cell for Lstm {
    const NAME: &'static str = "lstm";
    const GATES: Gates = Gates::Four;
    const HAS_CELL: bool = true;
    const SAVES_GATES: bool = true;
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
        let j = panel * S::F32_LANES;
        let mut o = [simd.splat_f32s(0.0); M];
        let mut c = o;
        for (m, [ai, af, ag, ao]) in sums.into_iter().enumerate() {
            let row = first + m;
            let [i, f, sigmoid_o] = sigmoid(simd, [ai, af, ao]);
            let [g] = tanh(simd, [ag]);
            o[m] = sigmoid_o;

            let [from, to] = steps.cells(row, t);
            let before = load(simd, &steps.cell[from..][..h], j);
            c[m] = simd.mul_add_e_f32s(f, before, simd.mul_f32s(i, g));
            store(simd, &mut steps.cell[to..][..h], j, c[m]);

            steps.save(simd, [row, t], j, [i, f, g, o[m]]);
        }
        for (m, tanh_c) in tanh(simd, c).into_iter().enumerate() {
            let row = &mut output[((first + m) * time + t) * h..][..h];
            store(simd, row, j, simd.mul_f32s(o[m], tanh_c));
        }
    }

    #[inline(always)]
    fn backward<S: Simd>(
        simd: S,
        [row, t]: [usize; 2],
        steps: &mut StepsBack,
        gates: &mut [f32],
        d_h: &mut [f32],
    ) {
        let StepsBack { time, h, .. } = *steps;
        let mul = |a, b| simd.mul_f32s(a, b);

        let d_output = &steps.d_output[(row * time + t) * h..][..h];
        let before = &steps.cell[(row * (time + 1) + t) * h..][..h];
        let cell = &steps.cell[(row * (time + 1) + t + 1) * h..][..h];
        let d_c = &mut steps.d_cell[row * h..][..h];
        let (gates_if, gates_go) = gates.split_at_mut(2 * h);
        let (i_row, f_row) = gates_if.split_at_mut(h);
        let (g_row, o_row) = gates_go.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let (i, f) = (load(simd, i_row, j), load(simd, f_row, j));
            let (g, o) = (load(simd, g_row, j), load(simd, o_row, j));
            let [tanh_c] = tanh(simd, [load(simd, cell, j)]);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            let d_o = mul(d_h, tanh_c);
            let dc = simd.add_f32s(through_tanh(simd, mul(d_h, o), tanh_c), load(simd, d_c, j));
            let (d_i, d_g) = (mul(dc, g), mul(dc, i));
            let d_f = mul(dc, load(simd, before, j));
            store(simd, d_c, j, mul(dc, f));

            store(simd, i_row, j, through_sigmoid(simd, d_i, i));
            store(simd, f_row, j, through_sigmoid(simd, d_f, f));
            store(simd, g_row, j, through_tanh(simd, d_g, g));
            store(simd, o_row, j, through_sigmoid(simd, d_o, o));
        }
    }
}
