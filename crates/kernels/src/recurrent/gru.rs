//! The gated recurrent unit (Cho et al. 2014), in the form of PyTorch and cuDNN, whose reset gate acts on a
//! product.
//!
//! ```text
//! ar = x[t]·Wxr + h[t-1]·Whr + br     r = σ(ar)
//! az = x[t]·Wxz + h[t-1]·Whz + bz     z = σ(az)
//! an = x[t]·Wxn + bn                  m = h[t-1]·Whn + bhn      n = tanh(an + r·m)
//! h[t] = (1 − z)·n + z·h[t-1]
//! ```
//!
//! On the way back, with `dh` the gradient of `h[t]`:
//!
//! ```text
//! dz = dh·(h[t-1] − n)    dan = dh·(1 − z)·(1 − n²)    dr = dan·m    dm = dan·r
//! dar = dr·r(1 − r)       daz = dz·z(1 − z)            dh[t-1] = dh·z + …
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

/// The gated recurrent unit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gru;

/// The kernels of the cell. Take them from here: generic code is compiled in the crate that names its
/// types, and this crate is compiled without overflow checks, which would cost a third of the speed.
pub static KERNEL: &dyn Kernel = &Gru;

impl Cell for Gru {
    const NAME: &'static str = "gru";
    const GATES: Gates = Gates::ThreeApart;
    const HAS_CELL: bool = false;
    const SAVES_GATES: bool = true;
    const CARRIES_HIDDEN: bool = true;

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
        let zero = simd.splat_f32s(0.0);
        let (mut r, mut z, mut n) = ([zero; M], [zero; M], [zero; M]);
        for (m, [ar, az, an, of_hidden]) in sums.into_iter().enumerate() {
            [r[m], z[m]] = sigmoid(simd, [ar, az]);
            n[m] = simd.mul_add_e_f32s(r[m], of_hidden, an);
        }
        n = tanh(simd, n);
        for m in 0..M {
            let row = first + m;
            let before = match t {
                0 => &steps.h0[row * h..][..h],
                _ => &output[(row * time + t - 1) * h..][..h],
            };
            let change = simd.sub_f32s(load(simd, before, j), n[m]);
            let hidden = simd.mul_add_e_f32s(z[m], change, n[m]);
            store(simd, &mut output[(row * time + t) * h..][..h], j, hidden);

            steps.save(simd, [row, t], j, [n[m], r[m], z[m], sums[m][3]]);
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
        let before = match t {
            0 => &steps.h0[row * h..][..h],
            _ => &steps.output[(row * time + t - 1) * h..][..h],
        };
        let (gates_nr, gates_zm) = gates.split_at_mut(2 * h);
        let (n_row, r_row) = gates_nr.split_at_mut(h);
        let (z_row, m_row) = gates_zm.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let (n, r) = (load(simd, n_row, j), load(simd, r_row, j));
            let (z, m) = (load(simd, z_row, j), load(simd, m_row, j));
            let dh = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            let d_z = mul(dh, simd.sub_f32s(load(simd, before, j), n));
            let d_an = through_tanh(simd, mul(dh, simd.sub_f32s(one, z)), n);
            let d_r = mul(d_an, m);
            store(simd, n_row, j, d_an);
            store(simd, r_row, j, through_sigmoid(simd, d_r, r));
            store(simd, z_row, j, through_sigmoid(simd, d_z, z));
            store(simd, m_row, j, mul(d_an, r));
            store(simd, d_h, j, mul(dh, z));
        }
    }
}
