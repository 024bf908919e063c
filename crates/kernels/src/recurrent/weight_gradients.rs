//! The gradients of a layer's weights: each one product over all steps, after the loop over time.

use std::borrow::Cow;

use super::{
    bptt::first_of_hidden,
    cell::Gates,
    lengths::Lengths,
    weights::{Input, Shape},
};
use crate::{
    cpu::Engine,
    matmul::{Rows, outer_sums, segment_sums},
};

/// Which gradients a backward pass computes besides those of the initial state.
#[derive(Clone, Copy, Debug)]
pub struct NeedsGrad {
    /// The gradient of the input's vectors.
    pub input: bool,
    /// The gradients of `Wx` (for tokens, of the table), `Wh` and `b`.
    pub weights: bool,
}

/// The gradients of a layer's weights and of its input.
#[derive(Clone, Debug, Default)]
pub struct WeightGradients {
    /// `[batch, time, d_input]`; empty if not needed, and for tokens.
    pub input: Vec<f32>,
    /// `[d_input, gates·d_hidden]`, for tokens `[vocabulary, gates·d_hidden]`; empty if not needed.
    pub wx: Vec<f32>,
    /// `[d_hidden, gates·d_hidden]`; empty if not needed.
    pub wh: Vec<f32>,
    /// `[biases·d_hidden]`; empty if not needed.
    pub b: Vec<f32>,
}

/// Returns the gradients of `Wx` (or the table), `Wh` and `b`, given the gradients of all sums, `[batch,
/// time, sums·d_hidden]`. `hidden` is `h0` and the output, or `None` if the sums do not see the hidden state.
#[allow(clippy::too_many_arguments)]
pub(crate) fn weight_gradients(
    engine: &Engine,
    Shape { batch, time }: Shape,
    lengths: Lengths,
    gates: Gates,
    input: Input,
    [wx_rows, h]: [usize; 2],
    hidden: Option<(&[f32], &[f32])>,
    d_sums: &[f32],
) -> WeightGradients {
    let steps = &lengths.steps(Shape { batch, time });
    // h[t-1], which is h0 at the first step.
    let before = |k: usize| match hidden {
        None => &[][..],
        Some((h0, _)) if k.is_multiple_of(time) => &h0[k / time * h..],
        Some((_, output)) => &output[(k - 1) * h..],
    };
    let hidden = Rows {
        width: hidden.map_or(0, |_| h),
        row: &before,
    };
    let (width, stride) = (gates.count() * h, gates.sums() * h);
    // Each matrix has its own part of the sums, unless both have all of them.
    let is_shared = gates.count() == gates.sums();
    let d_sums = |first: usize| (d_sums.get(first * h..).unwrap_or_default(), stride);
    let (of_input, of_hidden) = (d_sums(0), d_sums(first_of_hidden(gates)));
    let [wx, wh, b] = match input {
        Input::Vectors(x) => {
            let d = wx_rows;
            let row = |k: usize| &x[k * d..];
            let input = Rows {
                width: d,
                row: &row,
            };
            let left = [input, hidden];
            if is_shared {
                let (sums, b) = outer_sums(engine, steps, &left, of_input, width);
                let [wx, wh] = sums.try_into().expect("one for each matrix");
                [wx, wh, b]
            } else {
                let [input, hidden] = left;
                let (mut wx, b_input) = outer_sums(engine, steps, &[input], of_input, width);
                let (mut wh, b) = outer_sums(engine, steps, &[hidden], of_hidden, width);
                let b = with_first_sum(&b_input[..h], b);
                [in_order_of_gates(wx.remove(0), h), wh.remove(0), b]
            }
        }
        Input::Tokens(tokens) => {
            let (mut sums, b) = outer_sums(engine, steps, &[hidden], of_hidden, width);
            let wx = segment_sums(engine, steps, tokens, wx_rows, of_input, width);
            let wh = sums.remove(0);
            if is_shared {
                [wx, wh, b]
            } else {
                // The bias of the gate whose sums stay apart: the sum over all tokens.
                let mut first = vec![0.0; h];
                for row in wx.chunks_exact(width.max(1)) {
                    first.iter_mut().zip(row).for_each(|(sum, d)| *sum += d);
                }
                [in_order_of_gates(wx, h), wh, with_first_sum(&first, b)]
            }
        }
    };
    WeightGradients {
        input: Vec::new(),
        wx,
        wh,
        b,
    }
}

/// Returns `wx` with its blocks in the order of the sums: the last one first, if its sums stay apart.
pub(crate) fn in_order_of_sums(gates: Gates, wx: &[f32], h: usize) -> Cow<'_, [f32]> {
    if gates.count() == gates.sums() {
        return wx.into();
    }
    let mut wx = wx.to_vec();
    let width = (gates.count() * h).max(1);
    wx.chunks_exact_mut(width)
        .for_each(|row| row.rotate_right(h));
    wx.into()
}

/// Undoes [`in_order_of_sums`] for three gates.
fn in_order_of_gates(mut wx: Vec<f32>, h: usize) -> Vec<f32> {
    wx.chunks_exact_mut((3 * h).max(1))
        .for_each(|row| row.rotate_left(h));
    wx
}

/// Returns the gradient of the bias, given that of the sum that comes first, and of the three others.
fn with_first_sum(first: &[f32], others: Vec<f32>) -> Vec<f32> {
    let (gates, last) = others.split_at(2 * first.len());
    [gates, first, last].concat()
}

/// Returns the gradients of the peepholes, `[3·d_hidden]`, given those of the sums, `[batch, time, 4·d_hidden]`, and
/// the cell, `[batch, time + 1, d_hidden]`. `steps` are those that are not padding, as `row·time + t`.
pub(crate) fn peephole_gradients(
    steps: &[usize],
    time: usize,
    h: usize,
    d_sums: &[f32],
    cell: &[f32],
) -> Vec<f32> {
    let width = Gates::FourAndPeepholes.sums() * h;
    let mut gradients = vec![0.0; 3 * h];
    let (d_pi_pf, d_po) = gradients.split_at_mut(2 * h);
    let (d_pi, d_pf) = d_pi_pf.split_at_mut(h);
    for &step in steps {
        let (row, t) = (step / time, step % time);
        let d_sums = &d_sums[step * width..][..width];
        let (before, cell) = cell[(row * (time + 1) + t) * h..][..2 * h].split_at(h);
        for (to, gate, seen) in [
            (&mut *d_pi, 0, before),
            (&mut *d_pf, 1, before),
            (&mut *d_po, 3, cell),
        ] {
            let d_gate = &d_sums[gate * h..][..h];
            for ((sum, d), c) in to.iter_mut().zip(d_gate).zip(seen) {
                *sum += d * c;
            }
        }
    }
    gradients
}
