//! The plain recurrent network over a whole sequence: `h[t] = tanh(x[t]·Wx + h[t-1]·Wh + b)`.

mod backward;

use std::borrow::Cow;

use pulp::{Simd, WithSimd};

pub use backward::{Backward, Gradients};

use crate::{
    activation::tanh,
    engine::{Engine, cut},
    gemm::{Sums, VECTORS, store},
    sequence::{self, Cell, Input, Shape, Weights},
};

/// A layer with packed weights.
#[derive(Clone, Debug)]
pub struct Rnn<'a>(Weights<'a>);

impl<'a> Rnn<'a> {
    /// Packs `wx` `[d_input, d_hidden]`, `wh` `[d_hidden, d_hidden]` and `b` `[d_hidden]` (or empty).
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn new(engine: &Engine, d_hidden: usize, wx: &[f32], wh: &[f32], b: &[f32]) -> Self {
        Rnn(Weights::new(engine, 1, d_hidden, wx, wh, b))
    }

    /// For tokens: `table` `[vocabulary, d_hidden]` has the `x·Wx` of each.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
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
    /// Panics if the lengths do not agree with `shape`, or a token is not in the table.
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
