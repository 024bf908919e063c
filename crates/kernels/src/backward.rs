//! What the backward passes of all recurrent layers share: the way back through time, sequence by
//! sequence, and the gradient of the weights from all steps at once.

use pulp::Simd;

use crate::{
    engine::Engine,
    gemm::Packed,
    gradient::{Rows, outer_sums, segment_sums},
    product::Product,
    sequence::{Input, Shape},
};

/// Which gradients are wanted, beside those of `h0` and `c0`.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Of the input's vectors.
    pub input: bool,
    /// Of `Wx`, `Wh` and `b` (tokens: of the table).
    pub weights: bool,
}

/// The gradient of a layer's weights and of its input.
#[derive(Clone, Debug, Default)]
pub struct WeightGradients {
    /// `[batch, time, d_input]`; empty where it was not wanted, and for tokens.
    pub input: Vec<f32>,
    /// `[d_input, gates·d_hidden]`, of tokens `[vocabulary, gates·d_hidden]`; empty where unwanted.
    pub wx: Vec<f32>,
    /// `[d_hidden, gates·d_hidden]`; empty where unwanted.
    pub wh: Vec<f32>,
    /// `[gates·d_hidden]`; empty where unwanted.
    pub b: Vec<f32>,
}

/// Size of the hidden state, once all lengths agree. It follows from `wh`, `[d_hidden,
/// gates·d_hidden]`.
///
/// # Panics
///
/// Panics if they do not.
pub(crate) fn check(
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
    h
}

/// The transposed weights, through which the gradient goes back.
pub(crate) struct Products {
    to_hidden: Packed,
    to_input: Option<Packed>,
}

impl Products {
    pub(crate) fn new(engine: &Engine, width: usize, wh: &[f32], wx: Option<&[f32]>) -> Self {
        Products {
            to_hidden: Packed::transposed(engine, wh, width),
            to_input: wx.map(|wx| Packed::transposed(engine, wx, width)),
        }
    }
}

/// What makes a layer, on the way back.
pub(crate) trait CellBack<S: Simd> {
    /// Makes the gradient of one row's sums of the gradient `d_h` that the next step gives to its
    /// `h`; `at` is (sequence, time).
    fn back(&mut self, simd: S, at: [usize; 2], d_sums: &mut [f32], d_h: &[f32]);
}

/// Takes the gradient of some sequences back through all steps. `d_sums` is `[sequences, time,
/// width]`; `d_h` is `[sequences, d_hidden]`: zeros at first, the gradient of `h0` at last.
#[inline(always)]
pub(crate) fn through_time<S: Simd>(
    simd: S,
    products: &Products,
    [sequences, time, width, h]: [usize; 4],
    d_sums: &mut [f32],
    d_h: &mut [f32],
    d_input: &mut [f32],
    cell: &mut impl CellBack<S>,
) {
    if sequences == 0 {
        return;
    }
    for t in (0..time).rev() {
        for row in 0..sequences {
            let d_sums = &mut d_sums[(row * time + t) * width..][..width];
            cell.back(simd, [row, t], d_sums, &d_h[row * h..][..h]);
        }
        let rows = &d_sums[t * width..];
        let stride = time * width;
        let product = Product {
            weights: &products.to_hidden,
            bias: &[],
            rows,
            stride,
            to: d_h,
            to_stride: h,
        };
        product.run(simd, sequences);
        if let Some(weights) = &products.to_input {
            let d = weights.n();
            let product = Product {
                weights,
                bias: &[],
                rows,
                stride,
                to: &mut d_input[t * d..],
                to_stride: time * d,
            };
            product.run(simd, sequences);
        }
    }
}

/// The gradient of `Wx` (or the table), `Wh` and `b`, from that of all sums, `[batch, time, width]`.
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
    // h[t-1], which for the first step is h0.
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
