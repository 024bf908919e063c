//! The only loop over time.

use burn::tensor::{Tensor, backend::Backend};

use crate::cell::RecurrentCell;

/// Runs `cell` over a sequence: `[batch, time, d_input]` → `[batch, time, d_hidden]`, and the state after
/// the last step.
///
/// This is the loop:
///
/// ```text
/// for t in 0..time {
///     (y[t], state) = cell.step(x[t], state)
/// }
/// ```
///
/// # Panics
///
/// Panics on a sequence of no steps, or if [`step`](RecurrentCell::step) does.
pub fn scan<B: Backend, C: RecurrentCell<B>>(
    cell: &C,
    input: Tensor<B, 3>,
    mut state: C::State,
) -> (Tensor<B, 3>, C::State) {
    let [_, time, _] = input.dims();
    assert!(
        time > 0,
        "scan: the input [batch, time, d_input] has no time steps"
    );

    let mut outputs = Vec::with_capacity(time);
    for x in input.iter_dim(1) {
        let (y, next) = cell.step(x.squeeze_dim(1), state);
        outputs.push(y);
        state = next;
    }
    (Tensor::stack(outputs, 1), state)
}
