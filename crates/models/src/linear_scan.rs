//! The linear recurrence `h[t] = keep[t]·h[t-1] + add[t]` over a whole sequence, in parallel.

use burn::tensor::{Tensor, backend::Backend};

use crate::{
    fused,
    lengths::{self, Lengths},
};

/// Returns `h[t] = keep[t]·h[t-1] + add[t]` for all steps, `[batch, time, n]`, from `h[-1] = first`,
/// `[batch, n]`. `keep` and `add` are `[batch, time, n]`, and products are elementwise.
///
/// It takes about `log2(time)` operations on whole sequences, because two steps in a row are again a step of
/// this form (Hillis and Steele 1986):
///
/// ```text
/// h[t] = (keep[t]·keep[t-1])·h[t-2] + (keep[t]·add[t-1] + add[t])
/// ```
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::linear_scan;
///
/// let device = Default::default();
/// let keep = Tensor::<NdArray, 3>::full([1, 3, 1], 0.5, &device);
/// let y = linear_scan(keep, Tensor::ones([1, 3, 1], &device), Tensor::zeros([1, 1], &device));
/// assert_eq!(y.into_data().to_vec::<f32>().unwrap(), [1.0, 1.5, 1.75]);
/// ```
///
/// # Panics
///
/// Panics on a sequence of no steps, or if shapes do not agree.
pub fn linear_scan<B: Backend>(
    keep: Tensor<B, 3>,
    add: Tensor<B, 3>,
    first: Tensor<B, 2>,
) -> Tensor<B, 3> {
    let [_, time, _] = add.dims();
    assert!(time > 0, "linear_scan: a sequence of no time steps");
    let first = first.unsqueeze_dim::<3>(1);

    // Both cover one step now, and the last `reach` steps after each round: from `t − reach + 1` to `t`.
    let (mut keep, mut add, mut reach) = (keep, add, 1);
    while reach < time {
        let rest = time - reach;
        let earlier = |x: &Tensor<B, 3>| x.clone().narrow(1, 0, rest);
        let later = |x: &Tensor<B, 3>| x.clone().narrow(1, reach, rest);
        let start = |x: &Tensor<B, 3>| x.clone().narrow(1, 0, reach);
        let added = later(&keep) * earlier(&add) + later(&add);
        let kept = later(&keep) * earlier(&keep);
        add = Tensor::cat(vec![start(&add), added], 1);
        keep = Tensor::cat(vec![start(&keep), kept], 1);
        reach *= 2;
    }
    keep * first + add
}

/// Runs a cell that is such a recurrence over sequences, all steps or `lengths`, from its hidden state:
/// returns the output and the last hidden state. `coefficients` turns inputs `[n, d_input]` into the
/// `(keep, add)` of each, `[n, d_hidden]`.
pub(crate) fn run<B: Backend>(
    input: Tensor<B, 3>,
    lengths: Option<&Lengths>,
    hidden: Tensor<B, 2>,
    coefficients: impl FnOnce(Tensor<B, 2>) -> [Tensor<B, 2>; 2],
) -> (Tensor<B, 3>, Tensor<B, 2>) {
    fused::count(|paths| paths.reference += 1);
    let [batch, time, d_input] = input.dims();
    let [_, d_hidden] = hidden.dims();
    let input = lengths::blank(lengths, input);
    let coefficients = coefficients(input.reshape([batch * time, d_input]));
    let [keep, add] = coefficients.map(|c| c.reshape([batch, time, d_hidden]));
    let y = linear_scan(keep, add, hidden);
    let last = match lengths {
        Some(lengths) => lengths.last(y.clone()),
        None => y.clone().narrow(1, time - 1, 1).squeeze_dim(1),
    };
    (lengths::blank(lengths, y), last)
}
