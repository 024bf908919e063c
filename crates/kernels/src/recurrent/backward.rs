//! The backward pass of whole sequences: from the gradient of their output to the gradients of all
//! their inputs.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::{
    bptt::{Products, through_time},
    cell::{Cell, Gates, StepsBack},
    lengths::Lengths,
    saved::Saved,
    weight_gradients::{
        NeedsGrad, WeightGradients, in_order_of_sums, peephole_gradients, weight_gradients,
    },
    weights::{Input, Shape},
};
use crate::cpu::{Buffer, Engine, cut};

/// The gradients of the inputs of a sequence.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// The gradients of `Wx` (or the table), `Wh`, `b` and the input's vectors.
    pub weights: WeightGradients,
    /// `[batch, d_hidden]`
    pub d_h0: Vec<f32>,
    /// `[batch, d_hidden]`; empty for a cell without `c`.
    pub d_c0: Vec<f32>,
}

/// The inputs of a backward pass.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// The sizes of the batch.
    pub shape: Shape,
    /// Its lengths, those of the forward pass. Gradients of padding are not read, and are zero if returned.
    pub lengths: Lengths<'a>,
    /// `[d_input, gates·d_hidden]`; for tokens, the table.
    pub wx: &'a [f32],
    /// `[d_hidden, gates·d_hidden]`; empty for a cell whose sums do not see the hidden state.
    pub wh: &'a [f32],
    /// The input of the sequence.
    pub input: Input<'a>,
    /// `[batch, d_hidden]`
    pub h0: &'a [f32],
    /// `[batch, time, d_hidden]`: the output of the sequence.
    pub output: &'a [f32],
    /// `[batch, time, d_hidden]`: the gradient of the output.
    pub d_output: &'a [f32],
    /// `[batch, d_hidden]`: the gradient of the last `c`; empty for a cell without `c`.
    pub d_cell: &'a [f32],
}

impl Backward<'_> {
    /// Returns the gradients, given what the forward pass of the cell `C` saved. The gradient of the gates'
    /// sums overwrites it.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn run<C: Cell>(&self, engine: &Engine, needs: NeedsGrad, saved: Saved) -> Gradients {
        let Shape { batch, time } = self.shape;
        self.lengths.check(self.shape);
        let slices = [self.wx, self.wh, self.h0, self.output, self.d_output];
        let h = check(self.shape, C::GATES.count(), slices, self.input);
        let (width, of_sums) = (C::GATES.count() * h, C::GATES.sums() * h);
        let of_cell = h * usize::from(C::HAS_CELL);
        assert_eq!(
            self.d_cell.len(),
            batch * of_cell,
            "d_cell: [batch, d_hidden]"
        );
        let Saved {
            gates,
            cell,
            peepholes,
            time: saved_time,
            d_hidden,
        } = saved;
        let n_sums = batch * time * of_sums;
        let n_saved = if C::SAVES_GATES { gates.len() } else { n_sums };
        assert_eq!(
            (n_saved, cell.len(), saved_time, d_hidden),
            (n_sums, batch * (time + 1) * of_cell, time, h),
            "saved by the same forward pass"
        );
        let mut d_sums = match C::SAVES_GATES {
            true => gates,
            false => Buffer::any(n_sums),
        };

        let mut d_h0 = vec![0.0; batch * h];
        let mut d_c0 = self.d_cell.to_vec();
        let d_input_width = match self.input {
            Input::Vectors(_) if needs.input => self.wx.len() / width.max(1),
            _ => 0,
        };
        let mut d_input = vec![0.0; batch * time * d_input_width];
        let wx = in_order_of_sums(C::GATES, self.wx, h);
        let wx = (d_input_width > 0).then_some(&*wx);
        let products = Products::new(engine, width, self.wh, wx);

        let shares = self.lengths.share(engine, batch);
        let by = |n: usize| shares.iter().map(move |share| share.len() * n);
        let mut sums = cut(&mut d_sums, by(time * of_sums)).into_iter();
        let mut d_h = cut(&mut d_h0, by(h)).into_iter();
        let mut d_cell = cut(&mut d_c0, by(of_cell)).into_iter();
        let mut inputs = cut(&mut d_input, by(time * d_input_width)).into_iter();
        let mut jobs = Vec::new();
        for share in &shares {
            let of = |n: usize| share.start * n..share.end * n;
            jobs.push(BackwardJob::<C> {
                products: &products,
                lengths: self.lengths.among(share),
                steps: StepsBack {
                    time,
                    h,
                    h0: &self.h0[of(h)],
                    output: &self.output[of(time * h)],
                    d_output: &self.d_output[of(time * h)],
                    cell: &cell[of((time + 1) * of_cell)],
                    d_cell: d_cell.next().expect("one for each share"),
                    peepholes: &peepholes,
                },
                d_sums: sums.next().expect("one for each share"),
                d_h: d_h.next().expect("one for each share"),
                d_input: inputs.next().expect("one for each share"),
                cell: PhantomData,
            });
        }
        engine.each(jobs);

        let mut weights = WeightGradients::default();
        if needs.weights {
            let rows = [self.wx.len() / width.max(1), h];
            let (input, output) = (self.input, self.output);
            weights = weight_gradients(
                engine,
                self.shape,
                self.lengths,
                C::GATES,
                input,
                rows,
                Some((self.h0, output)),
                &d_sums,
            );
            if C::GATES == Gates::FourAndPeepholes {
                let steps = self.lengths.steps(self.shape);
                let gradients = peephole_gradients(&steps, time, h, &d_sums, &cell);
                weights.b.extend(gradients);
            }
        }
        weights.input = d_input;
        Gradients {
            weights,
            d_h0,
            d_c0,
        }
    }
}

/// Checks that all lengths agree, and returns the size of the hidden state, which follows from `wh`,
/// `[d_hidden, gates·d_hidden]`.
///
/// # Panics
///
/// Panics if they do not agree.
fn check(
    Shape { batch, time }: Shape,
    gates: usize,
    [wx, wh, h0, output, d_output]: [&[f32]; 5],
    input: Input,
) -> usize {
    let (steps, h) = (batch * time, (wh.len() / gates).isqrt());
    let width = gates * h;
    assert_eq!(wh.len(), h * width, "wh: [d_hidden, gates·d_hidden]");
    assert_eq!(h0.len(), batch * h, "h0: [batch, d_hidden]");
    assert_eq!(output.len(), steps * h, "output: [batch, time, d_hidden]");
    assert_eq!(
        d_output.len(),
        steps * h,
        "d_output: [batch, time, d_hidden]"
    );
    let rows = wx.len() / width.max(1);
    assert_eq!(wx.len(), rows * width, "wx: rows of [gates·d_hidden]");
    check_input(steps, rows, input);
    h
}

/// Checks that the input has so many steps, and that `wx` has its `rows` for it.
///
/// # Panics
///
/// Panics if they do not agree.
pub(super) fn check_input(steps: usize, rows: usize, input: Input) {
    match input {
        Input::Vectors(x) => {
            assert_eq!(
                x.len(),
                steps * rows,
                "wx: [d_input, ..] with input: [batch, time, d_input]"
            );
        }
        Input::Tokens(tokens) => {
            assert_eq!(tokens.len(), steps, "tokens: [batch, time]");
            let largest = tokens.iter().max().map_or(0, |&token| token as usize);
            assert!(
                steps == 0 || largest < rows,
                "wx: token {largest} with a table of {rows} rows"
            );
        }
    }
}

/// The backward pass of some sequences.
struct BackwardJob<'a, C> {
    products: &'a Products,
    lengths: Lengths<'a>,
    steps: StepsBack<'a>,
    d_sums: &'a mut [f32],
    d_h: &'a mut [f32],
    d_input: &'a mut [f32],
    cell: PhantomData<C>,
}

impl<C: Cell> WithSimd for BackwardJob<'_, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let h = self.steps.h;
        let sequences = self.d_h.len() / h.max(1);
        through_time::<S, C>(
            simd,
            self.products,
            sequences,
            self.lengths,
            self.d_sums,
            self.d_h,
            self.d_input,
            &mut self.steps,
        );
    }
}
