//! The LSTM with peepholes (Gers and Schmidhuber 2000): its gates also see the cell.
//!
//! ```text
//! [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
//! i = σ(ai + pi·c[t-1])   f = σ(af + pf·c[t-1])   g = tanh(ag)
//! c[t] = f·c[t-1] + i·g
//! o = σ(ao + po·c[t])
//! h[t] = o·tanh(c[t])
//! ```
//!
//! The peepholes `pi`, `pf`, `po` follow `b`. On the way back, with `dh` and `dc` the gradients of `h[t]` and `c[t]`:
//!
//! ```text
//! do = dh·tanh(c[t])   dao = do·o(1 − o)
//! dc = dc + dh·o·(1 − tanh²(c[t])) + dao·po
//! di = dc·g   dg = dc·i   df = dc·c[t-1]
//! dai = di·i(1 − i)   daf = df·f(1 − f)   dag = dg·(1 − g²)
//! dc[t-1] = dc·f + dai·pi + daf·pf
//! dpi = Σ dai·c[t-1]   dpf = Σ daf·c[t-1]   dpo = Σ dao·c[t]     over all sequences and steps
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

/// The long short-term memory with peepholes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PeepholeLstm;

/// The kernels of the cell. Take them from here, as [`lstm::KERNEL`](super::lstm::KERNEL) explains.
pub static KERNEL: &dyn Kernel = &PeepholeLstm;

impl Cell for PeepholeLstm {
    const NAME: &'static str = "peephole_lstm";
    const GATES: Gates = Gates::FourAndPeepholes;
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
        let peephole = |gate: usize| load(simd, &steps.peepholes[gate * h..][..h], j);
        let [pi, pf, po] = [peephole(0), peephole(1), peephole(2)];
        for (m, [ai, af, ag, ao]) in sums.into_iter().enumerate() {
            let row = first + m;
            let [from, to] = steps.cells(row, t);
            let before = load(simd, &steps.cell[from..][..h], j);
            let ai = simd.mul_add_e_f32s(pi, before, ai);
            let af = simd.mul_add_e_f32s(pf, before, af);
            let [i, f] = sigmoid(simd, [ai, af]);
            let [g] = tanh(simd, [ag]);
            let c = simd.mul_add_e_f32s(f, before, simd.mul_f32s(i, g));
            store(simd, &mut steps.cell[to..][..h], j, c);

            let [o] = sigmoid(simd, [simd.mul_add_e_f32s(po, c, ao)]);
            let [tanh_c] = tanh(simd, [c]);
            let hidden = &mut output[(row * time + t) * h..][..h];
            store(simd, hidden, j, simd.mul_f32s(o, tanh_c));

            steps.save(simd, [row, t], j, [i, f, g, o]);
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
        let (pi_pf, po_row) = steps.peepholes.split_at(2 * h);
        let (pi_row, pf_row) = pi_pf.split_at(h);
        let (gates_if, gates_go) = gates.split_at_mut(2 * h);
        let (i_row, f_row) = gates_if.split_at_mut(h);
        let (g_row, o_row) = gates_go.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let (i, f) = (load(simd, i_row, j), load(simd, f_row, j));
            let (g, o) = (load(simd, g_row, j), load(simd, o_row, j));
            let [tanh_c] = tanh(simd, [load(simd, cell, j)]);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            let d_ao = through_sigmoid(simd, mul(d_h, tanh_c), o);
            let dc = simd.add_f32s(through_tanh(simd, mul(d_h, o), tanh_c), load(simd, d_c, j));
            let dc = simd.mul_add_e_f32s(d_ao, load(simd, po_row, j), dc);
            let d_ai = through_sigmoid(simd, mul(dc, g), i);
            let d_af = through_sigmoid(simd, mul(dc, load(simd, before, j)), f);
            let d_before = simd.mul_add_e_f32s(d_ai, load(simd, pi_row, j), mul(dc, f));
            let d_before = simd.mul_add_e_f32s(d_af, load(simd, pf_row, j), d_before);
            store(simd, d_c, j, d_before);

            store(simd, i_row, j, d_ai);
            store(simd, f_row, j, d_af);
            store(simd, g_row, j, through_tanh(simd, mul(dc, i), g));
            store(simd, o_row, j, d_ao);
        }
    }
}
