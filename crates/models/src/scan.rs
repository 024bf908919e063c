//! The only loop over time, and the same loop over padded sequences.

use burn::tensor::{Tensor, backend::Backend};

use crate::{cell::RecurrentState, fused, lengths::Lengths};

/// Runs `step` over a sequence: `[batch, time, d_input]` → `[batch, time, d_hidden]`, and the state after
/// the last step.
///
/// This is the loop:
///
/// ```text
/// for t in 0..time {
///     (y[t], state) = step(x[t], state)
/// }
/// ```
///
/// A cell's [`step`](crate::RecurrentCell::step) is such a function:
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{RecurrentCell, RnnConfig, scan};
///
/// let rnn = RnnConfig::new(3, 8).init::<NdArray>(&Default::default());
/// let x = Tensor::zeros([2, 5, 3], &Default::default());
/// let (y, _) = scan(x, rnn.initial_state(2), |x, state| rnn.step(x, state));
/// assert_eq!(y.dims(), [2, 5, 8]);
/// ```
///
/// # Panics
///
/// Panics on a sequence of no steps, or if `step` does.
pub fn scan<B: Backend, S>(
    input: Tensor<B, 3>,
    mut state: S,
    mut step: impl FnMut(Tensor<B, 2>, S) -> (Tensor<B, 2>, S),
) -> (Tensor<B, 3>, S) {
    let [_, time, _] = input.dims();
    assert!(
        time > 0,
        "scan: the input [batch, time, d_input] has no time steps"
    );

    fused::count(|paths| paths.reference += 1);
    let mut outputs = Vec::with_capacity(time);
    for x in input.iter_dim(1) {
        let (y, next) = step(x.squeeze_dim(1), state);
        outputs.push(y);
        state = next;
    }
    (Tensor::stack(outputs, 1), state)
}

/// Runs `step` over padded sequences: [`scan`], except that a sequence that is over keeps its state, and its
/// output is zero from then on.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{Lengths, RecurrentCell, RnnConfig, scan, scan_padded};
///
/// let rnn = RnnConfig::new(3, 8).init::<NdArray>(&Default::default());
/// let (x, lengths) = (Tensor::ones([1, 5, 3], &Default::default()), Lengths::new([2]));
/// let step = |x, state| rnn.step(x, state);
/// let (_, padded) = scan_padded(x.clone(), &lengths, rnn.initial_state(1), step);
/// let (_, short) = scan(x.narrow(1, 0, 2), rnn.initial_state(1), step);
/// assert_eq!(padded.hidden.into_data(), short.hidden.into_data());
/// ```
///
/// # Panics
///
/// Panics if these are the lengths of another batch, or if `step` does.
pub fn scan_padded<B: Backend, S: RecurrentState<B>>(
    input: Tensor<B, 3>,
    lengths: &Lengths,
    state: S,
    mut step: impl FnMut(Tensor<B, 2>, S) -> (Tensor<B, 2>, S),
) -> (Tensor<B, 3>, S) {
    let mut t = 0;
    // What is in the padding must not reach a gradient either: zero times NaN is NaN.
    let input = lengths.blank(input);
    scan(input, state, |x, state| {
        let (mut y, mut next) = step(x, state.clone());
        if let Some(over) = lengths.over(t, &y.device()) {
            let keep = |new: Tensor<B, 2>, old| {
                let over = over.clone().expand(new.dims());
                new.mask_where(over, old)
            };
            let zeros = y.zeros_like();
            y = keep(y, zeros);
            next = next.zip(state, |_, new, old| keep(new, old));
        }
        t += 1;
        (y, next)
    })
}
