//! The gradients of a layer's weights: each one product over all steps, after the loop over time.

use super::weights::{Input, Shape};
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
    /// `[gates·d_hidden]`; empty if not needed.
    pub b: Vec<f32>,
}

/// Returns the gradients of `Wx` (or the table), `Wh` and `b`, given the gradients of all sums, `[batch,
/// time, width]`.
#[allow(clippy::too_many_arguments)]
pub(crate) fn weight_gradients(
    engine: &Engine,
    Shape { batch, time }: Shape,
    width: usize,
    input: Input,
    [wx_rows, h]: [usize; 2],
    h0: &[f32],
    output: &[f32],
    d_sums: &[f32],
) -> WeightGradients {
    let steps = batch * time;
    // h[t-1], which is h0 at the first step.
    let before = |k: usize| match k % time {
        0 => &h0[k / time * h..],
        _ => &output[(k - 1) * h..],
    };
    let hidden = Rows {
        width: h,
        row: &before,
    };
    let [wx, wh, b] = match input {
        Input::Vectors(x) => {
            let d = wx_rows;
            let row = |k: usize| &x[k * d..];
            let input = Rows {
                width: d,
                row: &row,
            };
            let (sums, b) = outer_sums(engine, steps, &[input, hidden], d_sums, width);
            let [wx, wh] = sums.try_into().expect("one for each matrix");
            [wx, wh, b]
        }
        Input::Tokens(tokens) => {
            let (mut sums, b) = outer_sums(engine, steps, &[hidden], d_sums, width);
            let wx = segment_sums(engine, tokens, wx_rows, d_sums, width);
            [wx, sums.remove(0), b]
        }
    };
    WeightGradients {
        input: Vec::new(),
        wx,
        wh,
        b,
    }
}
