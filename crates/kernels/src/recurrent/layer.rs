//! A layer with packed weights, run over whole sequences or one step at a time. The batch is cut into
//! shares, one for each thread; a thread takes its sequences through all steps without waiting for another.

use std::{borrow::Cow, marker::PhantomData};

use pulp::{Simd, WithSimd};

use super::{
    cell::{Cell, Steps},
    lengths::Lengths,
    saved::Saved,
    scan::scan,
    weights::{Input, Shape, Weights},
};
use crate::cpu::{Buffer, Engine, cut};

/// A layer of the cell `C` with packed weights.
#[derive(Clone, Debug)]
pub struct Layer<'a, C> {
    weights: Weights<'a>,
    cell: PhantomData<C>,
}

impl<'a, C: Cell> Layer<'a, C> {
    /// Packs `wx` `[d_input, gates·d_hidden]`, `wh` `[d_hidden, gates·d_hidden]` and `b`
    /// `[biases·d_hidden]` (or empty). The gates of [`Lstm`](crate::Lstm) are i, f, g, o, those of
    /// [`CoupledLstm`](super::coupled_lstm::CoupledLstm) f, g, o, those of [`Gru`](crate::Gru) r, z, n. A Gru's
    /// `b` ends with the bias of n inside the reset gate, that of a
    /// [`PeepholeLstm`](super::peephole_lstm::PeepholeLstm) with the peepholes of i, f, o.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn new(engine: &Engine, d_hidden: usize, wx: &[f32], wh: &[f32], b: &[f32]) -> Self {
        Layer {
            weights: Weights::new(engine, C::GATES, d_hidden, wx, Some(wh), b),
            cell: PhantomData,
        }
    }

    /// Packs a layer for tokens: `table`, `[vocabulary, gates·d_hidden]`, holds the `x·Wx` of each token.
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
        Layer {
            weights: Weights::of_tokens(engine, C::GATES, d_hidden, table.into(), Some(wh), b),
            cell: PhantomData,
        }
    }

    /// Runs the layer over sequences without keeping anything for a backward pass: `h` of each step goes
    /// to `output`, `[batch, time, d_hidden]`. `cell`, `[batch, d_hidden]`, is `c` before the first step
    /// and becomes `c` after the last; it is empty for a cell without `c`.
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
        self.infer_padded(shape, Lengths::ALL, input, h0, cell, output);
    }

    /// Like [`infer`](Self::infer), for sequences of unequal length: `cell` becomes `c` after each sequence's
    /// own last step, and `output` is left as it is where there is padding.
    ///
    /// # Panics
    ///
    /// Panics if [`infer`](Self::infer) does, or the lengths are not those of the batch.
    pub fn infer_padded(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.run(shape, lengths, input, h0, (cell, 0), &mut [], output);
    }

    /// Runs one step on this thread without allocating: [`infer`](Self::infer) with a time of 1.
    pub(crate) fn step(
        &self,
        batch: usize,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.weights.check(Shape { batch, time: 1 }, input, h0);
        assert_eq!(
            cell.len(),
            h0.len() * usize::from(C::HAS_CELL),
            "cell: [batch, d_hidden]"
        );
        assert_eq!(output.len(), h0.len(), "output: [batch, d_hidden]");
        let job = Forward::<C> {
            weights: &self.weights,
            input,
            lengths: Lengths::ALL,
            steps: Steps {
                time: 1,
                h: self.weights.d_hidden(),
                h0,
                cells_kept: 0,
                cell,
                gates: &mut [],
                peepholes: &self.weights.peepholes,
            },
            output,
            cell: PhantomData,
        };
        self.weights.engine().isa().run(job);
    }

    /// Runs the layer over sequences, and keeps what [`Backward`](crate::Backward) needs. `c0`, `[batch,
    /// d_hidden]`, is empty for a cell without `c`.
    ///
    /// # Panics
    ///
    /// Panics if [`infer`](Self::infer) does.
    pub fn forward(&self, shape: Shape, input: Input, h0: &[f32], c0: &[f32]) -> (Vec<f32>, Saved) {
        self.forward_padded(shape, Lengths::ALL, input, h0, c0)
    }

    /// Like [`forward`](Self::forward), for sequences of unequal length. The output for padding is zero.
    ///
    /// # Panics
    ///
    /// Panics if [`infer_padded`](Self::infer_padded) does.
    pub fn forward_padded(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved) {
        let (Shape { batch, time }, h) = (shape, self.weights.d_hidden());
        let of_cell = usize::from(C::HAS_CELL);
        assert_eq!(c0.len(), batch * h * of_cell, "c0: [batch, d_hidden]");
        let mut output = vec![0.0; batch * time * h];
        let mut cell = Buffer::any(batch * (time + 1) * h * of_cell);
        if C::HAS_CELL && h > 0 {
            let starts = cell.chunks_exact_mut((time + 1) * h);
            for (cell, c0) in starts.zip(c0.chunks_exact(h)) {
                cell[..h].copy_from_slice(c0);
            }
        }
        let of_gates = usize::from(C::SAVES_GATES) * C::GATES.sums() * h;
        let mut gates = Buffer::any(batch * time * of_gates);
        let cells = (&mut cell[..], time);
        self.run(shape, lengths, input, h0, cells, &mut gates, &mut output);
        let saved = Saved {
            gates,
            cell,
            peepholes: self.weights.peepholes.clone(),
            time,
            d_hidden: h,
        };
        (output, saved)
    }

    /// `cell` keeps `cells_kept` steps besides the initial `c`; `gates` may be empty.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        (cell, cells_kept): (&mut [f32], usize),
        gates: &mut [f32],
        output: &mut [f32],
    ) {
        let (Shape { batch, time }, h) = (shape, self.weights.d_hidden());
        self.weights.check(shape, input, h0);
        lengths.check(shape);
        let of_cell = (cells_kept + 1) * h * usize::from(C::HAS_CELL);
        assert_eq!(
            output.len(),
            batch * time * h,
            "output: [batch, time, d_hidden]"
        );
        assert_eq!(cell.len(), batch * of_cell, "cell: [batch, d_hidden]");

        let engine = self.weights.engine();
        let shares = lengths.share(engine, batch);
        let of_gates = match gates.is_empty() {
            true => 0,
            false => time * C::GATES.sums() * h,
        };
        let by = |n: usize| shares.iter().map(move |share| share.len() * n);
        let outputs = cut(output, by(time * h));
        let cells = cut(cell, by(of_cell));
        let gates = cut(gates, by(of_gates));
        let buffers = outputs.into_iter().zip(cells).zip(gates);
        let job = |(share, ((output, cell), gates)): (&std::ops::Range<usize>, _)| Forward::<C> {
            weights: &self.weights,
            input: input.of(share, time * self.weights.per_step()),
            lengths: lengths.among(share),
            steps: Steps {
                time,
                h,
                h0: &h0[share.start * h..share.end * h],
                cells_kept,
                cell,
                gates,
                peepholes: &self.weights.peepholes,
            },
            output,
            cell: PhantomData,
        };
        engine.each(shares.iter().zip(buffers).map(job).collect());
    }
}

/// The forward pass of some sequences.
struct Forward<'a, C> {
    weights: &'a Weights<'a>,
    input: Input<'a>,
    lengths: Lengths<'a>,
    steps: Steps<'a>,
    output: &'a mut [f32],
    cell: PhantomData<C>,
}

impl<C: Cell> WithSimd for Forward<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Forward { weights, input, .. } = self;
        scan::<S, C>(
            simd,
            weights,
            input,
            self.lengths,
            self.output,
            &mut self.steps,
        );
    }
}
