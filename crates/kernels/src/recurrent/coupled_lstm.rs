//! The LSTM with coupled input and forget gates (Greff et al. 2017).
//!
//! ```text
//! [af ag ao] = x[t]·Wx + h[t-1]·Wh + b
//! f = σ(af)   g = tanh(ag)   o = σ(ao)
//! c[t] = g + f·(c[t-1] − g)
//! h[t] = o·tanh(c[t])
//! ```
//!
//! On the way back, with `dh` and `dc` the gradients of `h[t]` and `c[t]`:
//!
//! ```text
//! do = dh·tanh(c[t])         dc = dc + dh·o·(1 − tanh²(c[t]))
//! df = dc·(c[t-1] − g)       dg = dc·(1 − f)       dc[t-1] = dc·f
//! daf = df·f(1 − f)   dag = dg·(1 − g²)   dao = do·o(1 − o)
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

/// The long short-term memory that takes in as much as it forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoupledLstm;

/// The kernels of the cell. Take them from here, as [`lstm::KERNEL`](super::lstm::KERNEL) explains.
pub static KERNEL: &dyn Kernel = &CoupledLstm;

impl Cell for CoupledLstm {
    const NAME: &'static str = "coupled_lstm";
    const GATES: Gates = Gates::Three;
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
        for (m, [af, ag, ao, _]) in sums.into_iter().enumerate() {
            let row = first + m;
            let [f, sigmoid_o] = sigmoid(simd, [af, ao]);
            let [g] = tanh(simd, [ag]);
            o[m] = sigmoid_o;

            let [from, to] = steps.cells(row, t);
            let before = load(simd, &steps.cell[from..][..h], j);
            c[m] = simd.mul_add_e_f32s(f, simd.sub_f32s(before, g), g);
            store(simd, &mut steps.cell[to..][..h], j, c[m]);

            steps.save(simd, [row, t], j, [f, g, o[m]]);
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
        let one = simd.splat_f32s(1.0);
        let mul = |a, b| simd.mul_f32s(a, b);

        let d_output = &steps.d_output[(row * time + t) * h..][..h];
        let before = &steps.cell[(row * (time + 1) + t) * h..][..h];
        let cell = &steps.cell[(row * (time + 1) + t + 1) * h..][..h];
        let d_c = &mut steps.d_cell[row * h..][..h];
        let (f_row, gates_go) = gates.split_at_mut(h);
        let (g_row, o_row) = gates_go.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let f = load(simd, f_row, j);
            let (g, o) = (load(simd, g_row, j), load(simd, o_row, j));
            let [tanh_c] = tanh(simd, [load(simd, cell, j)]);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            let d_o = mul(d_h, tanh_c);
            let dc = simd.add_f32s(through_tanh(simd, mul(d_h, o), tanh_c), load(simd, d_c, j));
            let d_f = mul(dc, simd.sub_f32s(load(simd, before, j), g));
            let d_g = mul(dc, simd.sub_f32s(one, f));
            store(simd, d_c, j, mul(dc, f));

            store(simd, f_row, j, through_sigmoid(simd, d_f, f));
            store(simd, g_row, j, through_tanh(simd, d_g, g));
            store(simd, o_row, j, through_sigmoid(simd, d_o, o));
        }
    }
}
