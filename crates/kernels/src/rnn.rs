//! The plain recurrent network over a whole sequence: `h[t] = tanh(x[t]·Wx + h[t-1]·Wh + b)`.

use std::borrow::Cow;

use pulp::{Simd, WithSimd};

use crate::{
    activation::tanh,
    backward::{
        CellBack, Products, Wanted, WeightGradients, check, through_time, weight_gradients,
    },
    engine::{Engine, cut},
    gemm::{Sums, VECTORS, load, store},
    sequence::{self, Cell, Input, Shape, Weights},
};

/// A layer with packed weights.
#[derive(Clone, Debug)]
pub struct Rnn<'a>(Weights<'a>);

/// The gradient of what went into a sequence.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Of `Wx` (or the table), `Wh` and `b`, and of the input's vectors.
    pub weights: WeightGradients,
    /// `[batch, d_hidden]`
    pub d_h0: Vec<f32>,
}

impl<'a> Rnn<'a> {
    /// Packs `wx` `[d_input, d_hidden]`, `wh` `[d_hidden, d_hidden]` and `b` `[d_hidden]` (or empty).
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree.
    pub fn new(engine: &Engine, d_hidden: usize, wx: &[f32], wh: &[f32], b: &[f32]) -> Self {
        Rnn(Weights::new(engine, 1, d_hidden, wx, wh, b))
    }

    /// For tokens: `table` `[vocabulary, d_hidden]` has the `x·Wx` of each.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree.
    pub fn of_tokens(
        engine: &Engine,
        d_hidden: usize,
        table: impl Into<Cow<'a, [f32]>>,
        wh: &[f32],
        b: &[f32],
    ) -> Self {
        Rnn(Weights::of_tokens(engine, 1, d_hidden, table.into(), wh, b))
    }

    /// Runs the layer over sequences: `h` of every step goes to `output` `[batch, time, d_hidden]`,
    /// which is all that the backward pass needs.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree with `shape`, or a token is not in the table.
    pub fn forward(&self, shape: Shape, input: Input, h0: &[f32], output: &mut [f32]) {
        let (Shape { batch, time }, h) = (shape, self.0.d_hidden());
        self.0.check(shape, input, h0);
        assert_eq!(
            output.len(),
            batch * time * h,
            "output: [batch, time, d_hidden]"
        );

        let engine = self.0.engine();
        let shares = engine.share(batch);
        let mut outputs = cut(output, shares.iter().map(|s| s.len() * time * h)).into_iter();
        let jobs = shares.iter().map(|share| Forward {
            weights: &self.0,
            time,
            input: input.of(share, time * self.0.per_step()),
            h0: &h0[share.start * h..share.end * h],
            output: outputs.next().expect("one for each share"),
        });
        engine.each(jobs.collect());
    }

    /// One step on this thread, without allocating: as [`forward`](Self::forward) with a time of 1.
    pub(crate) fn step(&self, batch: usize, input: Input, h0: &[f32], output: &mut [f32]) {
        self.0.check(Shape { batch, time: 1 }, input, h0);
        assert_eq!(output.len(), h0.len(), "output: [batch, d_hidden]");
        let job = Forward {
            weights: &self.0,
            time: 1,
            input,
            h0,
            output,
        };
        self.0.engine().isa().run(job);
    }
}

struct Forward<'a> {
    weights: &'a Weights<'a>,
    time: usize,
    input: Input<'a>,
    h0: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward {
            weights,
            time,
            input,
            h0,
            output,
        } = self;
        sequence::forward(
            simd,
            weights,
            time,
            input,
            h0,
            output,
            &mut Tanh {
                time,
                h: weights.d_hidden(),
            },
        );
    }
}

struct Tanh {
    time: usize,
    h: usize,
}

impl<S: Simd> Cell<S> for Tanh {
    #[inline(always)]
    fn show<const M: usize>(
        &mut self,
        simd: S,
        sums: [Sums<S>; M],
        [first, t, panel]: [usize; 3],
        output: &mut [f32],
    ) {
        for (m, sums) in sums.into_iter().enumerate() {
            let row = &mut output[((first + m) * self.time + t) * self.h..][..self.h];
            for (v, h) in tanh(simd, sums).into_iter().enumerate() {
                store(simd, row, (panel * VECTORS + v) * S::F32_LANES, h);
            }
        }
    }
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
    /// Where the lengths do not agree.
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
