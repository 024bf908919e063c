//! Layers whose gates do not see the state, so that a sequence is a product over all its steps, and then a
//! linear recurrence, number by number:
//!
//! ```text
//! [gates h̃] = x[t]·Wx + b      for all steps at once
//! h[t] = k·h[t-1] + (1 − k)·h̃      k a function of the gates' sums
//! ```
//!
//! On the way back, with `dh` the gradient of `h[t]`:
//!
//! ```text
//! dk = dh·(h[t-1] − h̃)   da = dk·(dk/da) for each gate   dh̃ = dh·(1 − k)   dh[t-1] = dh·k
//! ```
//!
//! The threads share the steps of the products, and the sequences of the recurrence.

use std::{borrow::Cow, fmt::Debug, marker::PhantomData, ops::Range};

use pulp::{Simd, WithSimd};

use super::{
    backward::{Backward, Gradients, check_input},
    cell::Gates,
    kernel::{Kernel, PackedLayer, Takes},
    lengths::Lengths,
    saved::Saved,
    weight_gradients::{NeedsGrad, WeightGradients, weight_gradients},
    weights::{Input, InputWeights, Shape, Weights},
};
use crate::{
    cpu::{Buffer, Engine, cut},
    matmul::{Packed, Product, Sums, Tile, VECTORS, accumulate, for_each_tile, load, store},
};

/// At most this many steps go through all panels together, so that their inputs stay in the cache.
const BLOCK: usize = 96;

/// What such a cell keeps of its state.
pub trait LinearCell: Copy + Debug + Default + Send + Sync + 'static {
    /// The name of the cell, such as "min_gru".
    const NAME: &'static str;
    /// The blocks of columns: one or two gates, then the candidate h̃.
    const GATES: Gates;

    /// Returns `k` of `M` steps, followed by `dk/da` for the sum `a` of each gate, given their sums.
    fn keep<S: Simd, const M: usize>(simd: S, sums: [Sums<S>; M]) -> [Sums<S>; M];
}

/// The kernels of a [`LinearCell`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Linear<C>(PhantomData<C>);

impl<C: LinearCell> Linear<C> {
    /// Returns the kernels.
    pub const fn new() -> Self {
        Linear(PhantomData)
    }
}

impl<C: LinearCell> Kernel for Linear<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn has_cell(&self) -> bool {
        false
    }

    fn gates(&self) -> Gates {
        C::GATES
    }

    fn pack<'a>(
        &self,
        engine: &Engine,
        takes: Takes,
        d_hidden: usize,
        wx: Cow<'a, [f32]>,
        wh: &[f32],
        b: &[f32],
    ) -> Box<dyn PackedLayer + 'a> {
        assert_eq!(wh.len(), 0, "wh: empty, for the gates do not see the state");
        let weights = match takes {
            Takes::Vectors => Weights::new(engine, C::GATES, d_hidden, &wx, None, b),
            Takes::Tokens => Weights::of_tokens(engine, C::GATES, d_hidden, wx, None, b),
        };
        Box::new(LinearLayer::<C> {
            weights,
            cell: PhantomData,
        })
    }

    fn backward(
        &self,
        engine: &Engine,
        backward: &Backward,
        needs: NeedsGrad,
        saved: Saved,
    ) -> Gradients {
        run_backward(C::GATES, engine, backward, needs, saved)
    }
}

#[derive(Debug)]
struct LinearLayer<'a, C> {
    weights: Weights<'a>,
    cell: PhantomData<C>,
}

impl<C: LinearCell> LinearLayer<'_, C> {
    /// Runs sequences. `keep` is `[batch, time, d_hidden]`; `gates`, `[batch, time, gates·d_hidden]` or empty,
    /// becomes each gate's `dk/da`, and h̃.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        keep: &mut [f32],
        gates: &mut [f32],
        output: &mut [f32],
    ) {
        let (Shape { batch, time }, h) = (shape, self.weights.d_hidden());
        self.weights.check(shape, input, h0);
        lengths.check(shape);
        assert_eq!(
            output.len(),
            batch * time * h,
            "output: [batch, time, d_hidden]"
        );
        let engine = self.weights.engine();
        let steps = lengths.steps(shape);
        let shares = share_steps(engine, &steps, batch * time);
        let by = |n: usize| shares.iter().map(move |(_, rows)| rows.len() * n);
        let of_gates = if gates.is_empty() {
            0
        } else {
            C::GATES.count() * h
        };
        let keeps = cut(keep, by(h)).into_iter();
        let gates = cut(gates, by(of_gates)).into_iter();
        let outputs = cut(output, by(h)).into_iter();
        let buffers = keeps.zip(gates).zip(outputs);
        let job = |((share, rows), ((keep, gates), output)): (&(Range<usize>, Range<usize>), _)| {
            Coefficients::<C> {
                weights: &self.weights,
                input,
                steps: &steps[share.clone()],
                first: rows.start,
                before: None,
                keep,
                gates,
                output,
                cell: PhantomData,
            }
        };
        engine.each(shares.iter().zip(buffers).map(job).collect());

        let shares = lengths.share(engine, batch);
        let outputs = cut(output, shares.iter().map(|share| share.len() * time * h));
        let job = |(share, output): (&Range<usize>, _)| Recurrence {
            shape: Shape {
                batch: share.len(),
                time,
            },
            lengths: lengths.among(share),
            h0: &h0[share.start * h..share.end * h],
            keep: &keep[share.start * time * h..share.end * time * h],
            output,
        };
        engine.each(shares.iter().zip(outputs).map(job).collect());
    }
}

impl<C: LinearCell> PackedLayer for LinearLayer<'_, C> {
    fn infer(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        assert_eq!(cell.len(), 0, "cell: empty");
        let mut keep = Buffer::any(output.len());
        self.run(shape, lengths, input, h0, &mut keep, &mut [], output);
    }

    fn forward_padded(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved) {
        assert_eq!(c0.len(), 0, "c0: empty");
        let (steps, h) = (shape.batch * shape.time, self.weights.d_hidden());
        let mut output = vec![0.0; steps * h];
        let mut keep = Buffer::any(steps * h);
        let mut gates = Buffer::any(steps * C::GATES.count() * h);
        self.run(
            shape,
            lengths,
            input,
            h0,
            &mut keep,
            &mut gates,
            &mut output,
        );
        let saved = Saved {
            gates,
            cell: keep,
            peepholes: Vec::new(),
            time: shape.time,
            d_hidden: h,
        };
        (output, saved)
    }

    fn step(&self, batch: usize, input: Input, h0: &[f32], cell: &mut [f32], output: &mut [f32]) {
        self.weights.check(Shape { batch, time: 1 }, input, h0);
        assert_eq!(cell.len(), 0, "cell: empty");
        assert_eq!(output.len(), h0.len(), "output: [batch, d_hidden]");
        // One after the other: a list of all of them would be memory to allocate.
        for row in 0..batch {
            self.weights.engine().isa().run(Coefficients::<C> {
                weights: &self.weights,
                input,
                steps: &[row],
                first: 0,
                before: Some(h0),
                keep: &mut [],
                gates: &mut [],
                output,
                cell: PhantomData,
            });
        }
    }
}

/// Cuts `steps` into one range for each thread, with the range of rows, of all `rows`, that it owns.
fn share_steps(engine: &Engine, steps: &[usize], rows: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let shares = engine.share(steps.len());
    let first = |i: usize| match i {
        0 => 0,
        _ => steps.get(i).copied().unwrap_or(rows),
    };
    let owned = |share: Range<usize>| (share.clone(), first(share.start)..first(share.end));
    // Without steps, all rows belong to the only share.
    match steps.is_empty() {
        true => vec![(0..0, 0..rows)],
        false => shares.into_iter().map(owned).collect(),
    }
}

/// The products of some steps, and what follows from them: `k`, and `(1 − k)·h̃` in `output`; or, given the
/// state before, the new state.
struct Coefficients<'a, C> {
    weights: &'a Weights<'a>,
    input: Input<'a>,
    /// Numbers of rows.
    steps: &'a [usize],
    /// The row at which the buffers start.
    first: usize,
    before: Option<&'a [f32]>,
    keep: &'a mut [f32],
    gates: &'a mut [f32],
    output: &'a mut [f32],
    cell: PhantomData<C>,
}

impl<C: LinearCell> WithSimd for Coefficients<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let steps = self.steps;
        for block in steps.chunks(BLOCK) {
            self.steps = block;
            for panel in 0..self.weights.bias.panels() {
                let all = &mut self;
                for_each_tile(simd, block.len(), &mut PanelOf { all, panel });
            }
        }
    }
}

struct PanelOf<'a, 'b, C> {
    all: &'a mut Coefficients<'b, C>,
    panel: usize,
}

impl<S: Simd, C: LinearCell> Tile<S> for PanelOf<'_, '_, C> {
    #[inline(always)]
    fn rows<const M: usize>(&mut self, simd: S, first: usize) {
        let rows: [usize; M] = std::array::from_fn(|m| self.all.steps[first + m]);
        let (sums, candidate) = match C::GATES {
            Gates::Two => self.sums::<S, M, 2>(simd, rows),
            Gates::Three => self.sums::<S, M, 3>(simd, rows),
            _ => unreachable!("one or two gates and a candidate"),
        };
        let kept = C::keep(simd, sums);

        let all = &mut *self.all;
        let (h, j) = (all.weights.d_hidden, self.panel * S::F32_LANES);
        let n_gates = C::GATES.count() - 1;
        for m in 0..M {
            let row = rows[m] - all.first;
            let [k, slopes @ ..] = kept[m];
            let output = &mut all.output[row * h..][..h];
            let take = simd.sub_f32s(simd.splat_f32s(1.0), k);
            let add = simd.mul_f32s(take, candidate[m]);
            if let Some(before) = all.before {
                let before = load(simd, &before[row * h..][..h], j);
                store(simd, output, j, simd.mul_add_e_f32s(k, before, add));
                continue;
            }
            store(simd, output, j, add);
            store(simd, &mut all.keep[row * h..][..h], j, k);
            if !all.gates.is_empty() {
                let gates = &mut all.gates[row * (n_gates + 1) * h..][..(n_gates + 1) * h];
                let (of_slopes, of_candidate) = gates.split_at_mut(n_gates * h);
                for (gate, slope) in of_slopes.chunks_exact_mut(h).zip(slopes) {
                    store(simd, gate, j, slope);
                }
                store(simd, of_candidate, j, candidate[m]);
            }
        }
    }
}

impl<C: LinearCell> PanelOf<'_, '_, C> {
    /// Returns `x·Wx + b` of the gates, with zeros for those that the cell does not have, and of h̃.
    #[inline(always)]
    fn sums<S: Simd, const M: usize, const V: usize>(
        &self,
        simd: S,
        rows: [usize; M],
    ) -> ([Sums<S>; M], [S::f32s; M]) {
        let (all, panel) = (&*self.all, self.panel);
        let (weights, d, h) = (all.weights, all.weights.d_input, all.weights.d_hidden);
        let mut sums = [weights.bias.panel::<S, V>(panel)[0]; M];
        match (all.input, &weights.input) {
            (Input::Vectors(x), InputWeights::Packed(wx)) => {
                let x = rows.map(|row| &x[row * d..]);
                sums = accumulate(simd, sums, x, wx.panel::<S, V>(panel));
            }
            (Input::Tokens(tokens), InputWeights::Table(table)) => {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let row = &table[tokens[row] as usize * V * h..][..V * h];
                    for (sum, part) in sums.iter_mut().zip(row.chunks_exact(h)) {
                        *sum = simd.add_f32s(*sum, load(simd, part, panel * S::F32_LANES));
                    }
                }
            }
            _ => unreachable!("checked"),
        }
        let mut gates = [[simd.splat_f32s(0.0); VECTORS]; M];
        let mut candidate = [simd.splat_f32s(0.0); M];
        for m in 0..M {
            gates[m][..V - 1].copy_from_slice(&sums[m][..V - 1]);
            candidate[m] = sums[m][V - 1];
        }
        (gates, candidate)
    }
}

/// `h[t] = k[t]·h[t-1] + output[t]`, in the place of `output`.
struct Recurrence<'a> {
    shape: Shape,
    lengths: Lengths<'a>,
    h0: &'a [f32],
    keep: &'a [f32],
    output: &'a mut [f32],
}

impl WithSimd for Recurrence<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape { batch, time } = self.shape;
        let h = self.h0.len() / batch.max(1);
        for sequence in 0..batch {
            for t in 0..self.lengths.of(sequence, time) {
                let at = (sequence * time + t) * h;
                let (earlier, output) = self.output.split_at_mut(at);
                let (before, output) = match t {
                    0 => (&self.h0[sequence * h..][..h], &mut output[..h]),
                    _ => (&earlier[at - h..], &mut output[..h]),
                };
                let keep = &self.keep[at..][..h];
                for j in (0..h).step_by(S::F32_LANES) {
                    let (k, add) = (load(simd, keep, j), load(simd, output, j));
                    let hidden = simd.mul_add_e_f32s(k, load(simd, before, j), add);
                    store(simd, output, j, hidden);
                }
            }
        }
    }
}

fn run_backward(
    gates: Gates,
    engine: &Engine,
    backward: &Backward,
    needs: NeedsGrad,
    saved: Saved,
) -> Gradients {
    let Backward { shape, lengths, .. } = *backward;
    let Shape { batch, time } = shape;
    let h = (backward.h0.len().checked_div(batch)).unwrap_or(saved.d_hidden);
    let (steps, width) = (batch * time, gates.count() * h);
    let Saved {
        gates: mut d_sums,
        cell: keep,
        ..
    } = saved;
    lengths.check(shape);
    assert_eq!(
        [d_sums.len(), keep.len(), saved.time, saved.d_hidden],
        [steps * width, steps * h, time, h],
        "saved by the same forward pass"
    );
    for (name, values) in [("output", backward.output), ("d_output", backward.d_output)] {
        assert_eq!(values.len(), steps * h, "{name}: [batch, time, d_hidden]");
    }
    assert_eq!(backward.h0.len(), batch * h, "h0: [batch, d_hidden]");
    let d = backward.wx.len() / width.max(1);
    assert_eq!(backward.wx.len(), d * width, "wx: rows of [gates·d_hidden]");
    check_input(steps, d, backward.input);

    let mut d_h0 = vec![0.0; batch * h];
    let shares = lengths.share(engine, batch);
    let by = |n: usize| shares.iter().map(move |share| share.len() * n);
    let buffers = cut(&mut d_h0, by(h)).into_iter();
    let buffers = buffers.zip(cut(&mut d_sums, by(time * width)));
    let job = |(share, (d_h, d_sums)): (&Range<usize>, _)| {
        let of = |n: usize| share.start * n..share.end * n;
        RecurrenceBack {
            shape: Shape {
                batch: share.len(),
                time,
            },
            lengths: lengths.among(share),
            h0: &backward.h0[of(h)],
            keep: &keep[of(time * h)],
            output: &backward.output[of(time * h)],
            d_output: &backward.d_output[of(time * h)],
            d_sums,
            d_h,
        }
    };
    engine.each(shares.iter().zip(buffers).map(job).collect());

    let mut weights = WeightGradients::default();
    if needs.weights {
        weights = weight_gradients(
            engine,
            shape,
            lengths,
            gates,
            backward.input,
            [d, h],
            None,
            &d_sums,
        );
    }
    if needs.input && matches!(backward.input, Input::Vectors(_)) {
        let to_input = Packed::transposed(engine, backward.wx, width);
        weights.input = vec![0.0; steps * d];
        let steps = lengths.steps(shape);
        let shares = share_steps(engine, &steps, batch * time);
        let by = shares.iter().map(|(_, rows)| rows.len() * d);
        let inputs = cut(&mut weights.input, by);
        let job = |((share, rows), d_input): (&(Range<usize>, Range<usize>), _)| InputBack {
            to_input: &to_input,
            steps: &steps[share.clone()],
            first: rows.start,
            d_sums: &d_sums,
            d_input,
        };
        engine.each(shares.iter().zip(inputs).map(job).collect());
    }
    Gradients {
        weights,
        d_h0,
        d_c0: Vec::new(),
    }
}

/// The recurrence of some sequences on the way back: `d_sums` holds what the forward pass saved, and becomes
/// the gradient of the sums.
struct RecurrenceBack<'a> {
    shape: Shape,
    lengths: Lengths<'a>,
    h0: &'a [f32],
    keep: &'a [f32],
    output: &'a [f32],
    d_output: &'a [f32],
    d_sums: &'a mut [f32],
    d_h: &'a mut [f32],
}

impl WithSimd for RecurrenceBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Shape { batch, time } = self.shape;
        let h = self.h0.len() / batch.max(1);
        let width = self.d_sums.len() / (batch * time).max(1);
        let one = simd.splat_f32s(1.0);
        for sequence in 0..batch {
            let d_h = &mut self.d_h[sequence * h..][..h];
            for t in (0..self.lengths.of(sequence, time)).rev() {
                let step = sequence * time + t;
                let before = match t {
                    0 => &self.h0[sequence * h..][..h],
                    _ => &self.output[(step - 1) * h..][..h],
                };
                let d_output = &self.d_output[step * h..][..h];
                let keep = &self.keep[step * h..][..h];
                let d_sums = &mut self.d_sums[step * width..][..width];
                let (gates, candidate) = d_sums.split_at_mut(width - h);
                for j in (0..h).step_by(S::F32_LANES) {
                    let (k, new) = (load(simd, keep, j), load(simd, candidate, j));
                    let dh = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));
                    let d_k = simd.mul_f32s(dh, simd.sub_f32s(load(simd, before, j), new));
                    for gate in gates.chunks_exact_mut(h) {
                        store(simd, gate, j, simd.mul_f32s(d_k, load(simd, gate, j)));
                    }
                    store(simd, candidate, j, simd.mul_f32s(dh, simd.sub_f32s(one, k)));
                    store(simd, d_h, j, simd.mul_f32s(dh, k));
                }
            }
        }
    }
}

/// The gradient of the input of some steps.
struct InputBack<'a> {
    to_input: &'a Packed,
    steps: &'a [usize],
    first: usize,
    d_sums: &'a [f32],
    d_input: &'a mut [f32],
}

impl WithSimd for InputBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (width, d) = (self.to_input.depth(), self.to_input.n());
        for run in self.steps.chunk_by(|a, b| a + 1 == *b) {
            let product = Product {
                weights: self.to_input,
                bias: &[],
                rows: &self.d_sums[run[0] * width..],
                stride: width,
                to: &mut self.d_input[(run[0] - self.first) * d..],
                to_stride: d,
                add: false,
            };
            product.run(simd, run.len());
        }
    }
}
