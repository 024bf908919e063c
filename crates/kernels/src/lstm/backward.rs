//! The way back through an LSTM's sequence: each equation of the forward pass, from the last to the first.

use pulp::{Simd, WithSimd};

use super::{GATES, Saved};
use crate::{
    activation::tanh,
    backward::{
        CellBack, Products, Wanted, WeightGradients, check, through_time, weight_gradients,
    },
    engine::{Engine, cut},
    gemm::{load, store},
    sequence::{Input, Shape},
};

/// The gradient of what went into a sequence.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Of `Wx` (or the table), `Wh` and `b`, and of the input's vectors.
    pub weights: WeightGradients,
    /// `[batch, d_hidden]`
    pub d_h0: Vec<f32>,
    /// `[batch, d_hidden]`
    pub d_c0: Vec<f32>,
    /// The memory of what was saved, for [`forward_in`](super::Lstm::forward_in).
    pub spare: Saved,
}

/// The way back through a sequence, from the gradient of its output to that of all that went in.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// The sizes of the batch.
    pub shape: Shape,
    /// `[d_input, 4·d_hidden]`; for tokens the table.
    pub wx: &'a [f32],
    /// `[d_hidden, 4·d_hidden]`
    pub wh: &'a [f32],
    /// What went in.
    pub input: Input<'a>,
    /// `[batch, d_hidden]`
    pub h0: &'a [f32],
    /// `[batch, time, d_hidden]`: what came out.
    pub output: &'a [f32],
    /// `[batch, time, d_hidden]`: its gradient.
    pub d_output: &'a [f32],
    /// `[batch, d_hidden]`: the gradient of the last `c`.
    pub d_cell: &'a [f32],
}

impl Backward<'_> {
    /// The gradients. What the forward pass saved becomes the gradient of the gates' sums, in place.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn run(&self, engine: &Engine, wanted: Wanted, saved: Saved) -> Gradients {
        let Shape { batch, time } = self.shape;
        let slices = [self.wx, self.wh, self.h0, self.output, self.d_output];
        let h = check(self.shape, GATES, slices, self.input);
        let width = GATES * h;
        assert_eq!(self.d_cell.len(), batch * h, "d_cell: [batch, d_hidden]");
        let same = (saved.gates.len(), saved.time, saved.d_hidden);
        assert_eq!(
            same,
            (batch * time * width, time, h),
            "saved by the same forward pass"
        );

        let Saved {
            gates: mut d_sums,
            cell,
            ..
        } = saved;
        let mut d_h0 = vec![0.0; batch * h];
        let mut d_c0 = self.d_cell.to_vec();
        let d_input_width = match self.input {
            Input::Vectors(_) if wanted.input => self.wx.len() / width.max(1),
            _ => 0,
        };
        let mut d_input = vec![0.0; batch * time * d_input_width];
        let wx = (d_input_width > 0).then_some(self.wx);
        let products = Products::new(engine, width, self.wh, wx);

        let shares = engine.share(batch);
        let by = |n: usize| shares.iter().map(move |share| share.len() * n);
        let mut sums = cut(&mut d_sums, by(time * width)).into_iter();
        let mut d_h = cut(&mut d_h0, by(h)).into_iter();
        let mut d_c = cut(&mut d_c0, by(h)).into_iter();
        let mut inputs = cut(&mut d_input, by(time * d_input_width)).into_iter();
        let mut jobs = Vec::new();
        for share in &shares {
            jobs.push(BackwardJob {
                products: &products,
                time,
                h,
                cell: &cell[share.start * (time + 1) * h..share.end * (time + 1) * h],
                d_output: &self.d_output[share.start * time * h..share.end * time * h],
                d_sums: sums.next().expect("one for each share"),
                d_h: d_h.next().expect("one for each share"),
                d_c: d_c.next().expect("one for each share"),
                d_input: inputs.next().expect("one for each share"),
            });
        }
        engine.each(jobs);

        let mut weights = WeightGradients::default();
        if wanted.weights {
            let rows = [self.wx.len() / width.max(1), h];
            let (input, output) = (self.input, self.output);
            weights = weight_gradients(
                engine, self.shape, width, input, rows, self.h0, output, &d_sums,
            );
        }
        weights.input = d_input;
        let spare = Saved {
            gates: d_sums,
            cell,
            time,
            d_hidden: h,
        };
        Gradients {
            weights,
            d_h0,
            d_c0,
            spare,
        }
    }
}

struct BackwardJob<'a> {
    products: &'a Products,
    time: usize,
    h: usize,
    cell: &'a [f32],
    d_output: &'a [f32],
    d_sums: &'a mut [f32],
    d_h: &'a mut [f32],
    d_c: &'a mut [f32],
    d_input: &'a mut [f32],
}

impl WithSimd for BackwardJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardJob {
            time,
            h,
            cell,
            d_output,
            d_c,
            ..
        } = self;
        let sizes = [self.d_h.len() / h.max(1), time, GATES * h, h];
        let mut cell = GatesBack {
            time,
            h,
            cell,
            d_output,
            d_c,
        };
        through_time(
            simd,
            self.products,
            sizes,
            self.d_sums,
            self.d_h,
            self.d_input,
            &mut cell,
        );
    }
}

struct GatesBack<'a> {
    time: usize,
    h: usize,
    cell: &'a [f32],
    d_output: &'a [f32],
    d_c: &'a mut [f32],
}

impl<S: Simd> CellBack<S> for GatesBack<'_> {
    #[inline(always)]
    fn back(&mut self, simd: S, [row, t]: [usize; 2], gates: &mut [f32], d_h: &[f32]) {
        let GatesBack { time, h, .. } = *self;
        let one = simd.splat_f32s(1.0);
        let mul = |a, b| simd.mul_f32s(a, b);
        let through_sigmoid = |d, s| mul(d, mul(s, simd.sub_f32s(one, s)));
        let through_tanh = |d, s| mul(d, simd.sub_f32s(one, mul(s, s)));

        let d_output = &self.d_output[(row * time + t) * h..][..h];
        let before = &self.cell[(row * (time + 1) + t) * h..][..h];
        let cell = &self.cell[(row * (time + 1) + t + 1) * h..][..h];
        let d_c = &mut self.d_c[row * h..][..h];
        let (gates_if, gates_go) = gates.split_at_mut(2 * h);
        let (i_row, f_row) = gates_if.split_at_mut(h);
        let (g_row, o_row) = gates_go.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let (i, f) = (load(simd, i_row, j), load(simd, f_row, j));
            let (g, o) = (load(simd, g_row, j), load(simd, o_row, j));
            let [tanh_c] = tanh(simd, [load(simd, cell, j)]);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            // h = o·tanh(c), and c goes on to the next step.
            let d_o = mul(d_h, tanh_c);
            let dc = simd.add_f32s(through_tanh(mul(d_h, o), tanh_c), load(simd, d_c, j));
            // c = f·c[t-1] + i·g
            let (d_i, d_g) = (mul(dc, g), mul(dc, i));
            let d_f = mul(dc, load(simd, before, j));
            store(simd, d_c, j, mul(dc, f));

            store(simd, i_row, j, through_sigmoid(d_i, i));
            store(simd, f_row, j, through_sigmoid(d_f, f));
            store(simd, g_row, j, through_tanh(d_g, g));
            store(simd, o_row, j, through_sigmoid(d_o, o));
        }
    }
}
