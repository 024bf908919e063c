//! The way back through a plain recurrent network's sequence.

use pulp::{Simd, WithSimd};

use crate::{
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
}

/// The way back through a sequence, from the gradient of its output to that of all that went in.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// The sizes of the batch.
    pub shape: Shape,
    /// `[d_input, d_hidden]`; for tokens the table.
    pub wx: &'a [f32],
    /// `[d_hidden, d_hidden]`
    pub wh: &'a [f32],
    /// What went in.
    pub input: Input<'a>,
    /// `[batch, d_hidden]`
    pub h0: &'a [f32],
    /// `[batch, time, d_hidden]`: what came out.
    pub output: &'a [f32],
    /// `[batch, time, d_hidden]`: its gradient.
    pub d_output: &'a [f32],
}

impl Backward<'_> {
    /// The gradients.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn run(&self, engine: &Engine, wanted: Wanted) -> Gradients {
        let Shape { batch, time } = self.shape;
        let slices = [self.wx, self.wh, self.h0, self.output, self.d_output];
        let h = check(self.shape, 1, slices, self.input);

        let mut d_sums = vec![0.0; batch * time * h];
        let mut d_h0 = vec![0.0; batch * h];
        let d_input_width = match self.input {
            Input::Vectors(_) if wanted.input => self.wx.len() / h.max(1),
            _ => 0,
        };
        let mut d_input = vec![0.0; batch * time * d_input_width];
        let wx = (d_input_width > 0).then_some(self.wx);
        let products = Products::new(engine, h, self.wh, wx);

        let shares = engine.share(batch);
        let by = |n: usize| shares.iter().map(move |share| share.len() * n);
        let mut sums = cut(&mut d_sums, by(time * h)).into_iter();
        let mut d_h = cut(&mut d_h0, by(h)).into_iter();
        let mut inputs = cut(&mut d_input, by(time * d_input_width)).into_iter();
        let mut jobs = Vec::new();
        for share in &shares {
            let steps = share.start * time * h..share.end * time * h;
            jobs.push(BackwardJob {
                products: &products,
                time,
                h,
                output: &self.output[steps.clone()],
                d_output: &self.d_output[steps],
                d_sums: sums.next().expect("one for each share"),
                d_h: d_h.next().expect("one for each share"),
                d_input: inputs.next().expect("one for each share"),
            });
        }
        engine.each(jobs);

        let mut weights = WeightGradients::default();
        if wanted.weights {
            let rows = [self.wx.len() / h.max(1), h];
            let (input, output) = (self.input, self.output);
            weights =
                weight_gradients(engine, self.shape, h, input, rows, self.h0, output, &d_sums);
        }
        weights.input = d_input;
        Gradients { weights, d_h0 }
    }
}

struct BackwardJob<'a> {
    products: &'a Products,
    time: usize,
    h: usize,
    output: &'a [f32],
    d_output: &'a [f32],
    d_sums: &'a mut [f32],
    d_h: &'a mut [f32],
    d_input: &'a mut [f32],
}

impl WithSimd for BackwardJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardJob {
            time,
            h,
            output,
            d_output,
            ..
        } = self;
        let sizes = [self.d_h.len() / h.max(1), time, h, h];
        let mut cell = TanhBack {
            time,
            output,
            d_output,
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

struct TanhBack<'a> {
    time: usize,
    output: &'a [f32],
    d_output: &'a [f32],
}

impl<S: Simd> CellBack<S> for TanhBack<'_> {
    #[inline(always)]
    fn back(&mut self, simd: S, [row, t]: [usize; 2], d_sums: &mut [f32], d_h: &[f32]) {
        let at = (row * self.time + t) * d_h.len();
        let output = &self.output[at..][..d_h.len()];
        let d_output = &self.d_output[at..][..d_h.len()];
        for j in (0..d_h.len()).step_by(S::F32_LANES) {
            let h = load(simd, output, j);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));
            // tanh' = 1 − tanh²
            let slope = simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(h, h));
            store(simd, d_sums, j, simd.mul_f32s(d_h, slope));
        }
    }
}
