//! The long short-term memory over a whole sequence.
//!
//! ```text
//! [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
//! i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)
//! c[t] = f·c[t-1] + i·g
//! h[t] = o·tanh(c[t])
//! ```

mod backward;

use std::borrow::Cow;

use pulp::{Simd, WithSimd};

pub use backward::{Backward, Gradients};

use crate::{
    activation::{sigmoid, tanh},
    engine::{Engine, cut},
    gemm::{Sums, load, store},
    sequence::{self, Cell, Input, Shape, Weights},
};

const GATES: usize = 4;

/// A layer with packed weights.
#[derive(Clone, Debug)]
pub struct Lstm<'a>(Weights<'a>);

/// What a sequence leaves for its backward pass, beside its output.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// `[batch, time, 4·d_hidden]`: i, f, g and o.
    gates: Vec<f32>,
    /// `[batch, time + 1, d_hidden]`: c, from the one before the first step.
    cell: Vec<f32>,
    time: usize,
    d_hidden: usize,
}

impl Saved {
    /// `[batch, d_hidden]`: c after the last step.
    pub fn last_cell(&self) -> Vec<f32> {
        let Saved {
            cell,
            time,
            d_hidden,
            ..
        } = self;
        let sequences = cell.chunks_exact(((time + 1) * d_hidden).max(1));
        sequences
            .flat_map(|cell| &cell[time * d_hidden..])
            .copied()
            .collect()
    }
}

impl<'a> Lstm<'a> {
    /// Packs `wx` `[d_input, 4·d_hidden]`, `wh` `[d_hidden, 4·d_hidden]` and `b` `[4·d_hidden]` (or
    /// empty), gates i, f, g, o.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn new(engine: &Engine, d_hidden: usize, wx: &[f32], wh: &[f32], b: &[f32]) -> Self {
        Lstm(Weights::new(engine, GATES, d_hidden, wx, wh, b))
    }

    /// For tokens: `table` `[vocabulary, 4·d_hidden]` has the `x·Wx` of each.
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
        Lstm(Weights::of_tokens(
            engine,
            GATES,
            d_hidden,
            table.into(),
            wh,
            b,
        ))
    }

    /// Runs the layer over sequences: `h` of every step goes to `output` `[batch, time, d_hidden]`;
    /// `cell` `[batch, d_hidden]` is `c` before the first step and becomes that after the last.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree with `shape`, or a token is not in the table.
    pub fn infer(
        &self,
        shape: Shape,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.run(shape, input, h0, cell, 0, &mut [], output);
    }

    /// One step on this thread, without allocating: as [`infer`](Self::infer) with a time of 1.
    pub(crate) fn step(
        &self,
        batch: usize,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.0.check(Shape { batch, time: 1 }, input, h0);
        assert_eq!(cell.len(), h0.len(), "cell: [batch, d_hidden]");
        assert_eq!(output.len(), h0.len(), "output: [batch, d_hidden]");
        let gates = &mut [];
        let weights = &self.0;
        let job = Forward {
            weights,
            time: 1,
            input,
            h0,
            cells_kept: 0,
            cell,
            gates,
            output,
        };
        self.0.engine().isa().run(job);
    }

    /// Runs the layer over sequences, and keeps what [`Backward`] needs.
    ///
    /// # Panics
    ///
    /// Panics if [`infer`](Self::infer) does.
    pub fn forward(&self, shape: Shape, input: Input, h0: &[f32], c0: &[f32]) -> (Vec<f32>, Saved) {
        self.forward_in(Saved::default(), shape, input, h0, c0)
    }

    /// As [`forward`](Self::forward), in the memory of a sequence whose backward pass is done. What is
    /// saved is the most of a sequence's memory, and fresh memory costs the system a page fault for
    /// every four kilobytes.
    ///
    /// # Panics
    ///
    /// Panics if [`infer`](Self::infer) does.
    pub fn forward_in(
        &self,
        spare: Saved,
        shape: Shape,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved) {
        let (Shape { batch, time }, h) = (shape, self.0.d_hidden());
        assert_eq!(c0.len(), batch * h, "c0: [batch, d_hidden]");
        let mut output = vec![0.0; batch * time * h];
        let Saved {
            mut gates,
            mut cell,
            ..
        } = spare;
        gates.resize(batch * time * GATES * h, 0.0);
        cell.resize(batch * (time + 1) * h, 0.0);
        if h > 0 {
            let starts = cell.chunks_exact_mut((time + 1) * h);
            for (cell, c0) in starts.zip(c0.chunks_exact(h)) {
                cell[..h].copy_from_slice(c0);
            }
        }
        self.run(shape, input, h0, &mut cell, time, &mut gates, &mut output);
        let d_hidden = h;
        (
            output,
            Saved {
                gates,
                cell,
                time,
                d_hidden,
            },
        )
    }

    /// `cell` keeps `cells_kept` steps besides the first; `gates` may be empty.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        shape: Shape,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        cells_kept: usize,
        gates: &mut [f32],
        output: &mut [f32],
    ) {
        let (Shape { batch, time }, h) = (shape, self.0.d_hidden());
        self.0.check(shape, input, h0);
        assert_eq!(
            output.len(),
            batch * time * h,
            "output: [batch, time, d_hidden]"
        );
        assert_eq!(
            cell.len(),
            batch * (cells_kept + 1) * h,
            "cell: [batch, d_hidden]"
        );

        let engine = self.0.engine();
        let shares = engine.share(batch);
        let kept = if gates.is_empty() {
            0
        } else {
            time * GATES * h
        };
        let outputs = cut(output, shares.iter().map(|s| s.len() * time * h));
        let cells = cut(cell, shares.iter().map(|s| s.len() * (cells_kept + 1) * h));
        let gates = cut(gates, shares.iter().map(|s| s.len() * kept));
        let mut buffers = outputs.into_iter().zip(cells).zip(gates);
        let jobs = shares.into_iter().map(|share| {
            let ((output, cell), gates) = buffers.next().expect("one for each share");
            Forward {
                weights: &self.0,
                time,
                input: input.of(&share, time * self.0.per_step()),
                h0: &h0[share.start * h..share.end * h],
                cells_kept,
                cell,
                gates,
                output,
            }
        });
        engine.each(jobs.collect());
    }
}

struct Forward<'a> {
    weights: &'a Weights<'a>,
    time: usize,
    input: Input<'a>,
    h0: &'a [f32],
    cells_kept: usize,
    cell: &'a mut [f32],
    gates: &'a mut [f32],
    output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward {
            weights,
            time,
            cells_kept,
            ..
        } = self;
        let mut cell = Gates {
            time,
            h: weights.d_hidden(),
            cells_kept,
            cell: self.cell,
            gates: self.gates,
        };
        sequence::forward(
            simd,
            weights,
            time,
            self.input,
            self.h0,
            self.output,
            &mut cell,
        );
    }
}

struct Gates<'a> {
    time: usize,
    h: usize,
    cells_kept: usize,
    cell: &'a mut [f32],
    gates: &'a mut [f32],
}

impl<S: Simd> Cell<S> for Gates<'_> {
    #[inline(always)]
    fn show<const M: usize>(
        &mut self,
        simd: S,
        sums: [Sums<S>; M],
        [first, t, panel]: [usize; 3],
        output: &mut [f32],
    ) {
        let Gates {
            time,
            h,
            cells_kept,
            ..
        } = *self;
        let j = panel * S::F32_LANES;
        let mut o = [simd.splat_f32s(0.0); M];
        let mut c = o;
        for (m, [ai, af, ag, ao]) in sums.into_iter().enumerate() {
            let row = first + m;
            let [i, f, sigmoid_o] = sigmoid(simd, [ai, af, ao]);
            let [g] = tanh(simd, [ag]);
            o[m] = sigmoid_o;

            let from = (row * (cells_kept + 1) + t.min(cells_kept)) * h;
            let to = (row * (cells_kept + 1) + (t + 1).min(cells_kept)) * h;
            let before = load(simd, &self.cell[from..][..h], j);
            c[m] = simd.mul_add_e_f32s(f, before, simd.mul_f32s(i, g));
            store(simd, &mut self.cell[to..][..h], j, c[m]);

            if !self.gates.is_empty() {
                let gates = &mut self.gates[(row * time + t) * GATES * h..][..GATES * h];
                for (gate, value) in gates.chunks_exact_mut(h).zip([i, f, g, o[m]]) {
                    store(simd, gate, j, value);
                }
            }
        }
        for (m, tanh_c) in tanh(simd, c).into_iter().enumerate() {
            let row = &mut output[((first + m) * time + t) * h..][..h];
            store(simd, row, j, simd.mul_f32s(o[m], tanh_c));
        }
    }
}
