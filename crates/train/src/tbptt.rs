//! Truncated backpropagation through time (Williams and Peng 1990): the state goes on from window
//! to window, the gradient stops at the start of each.

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};
use models::{CharLm, stack::StackState};

use crate::{
    error::Error,
    lanes::{Lanes, Window},
};

/// The mean cross-entropy of the window's targets, in nats, and the state after the window:
/// `−(1/n) Σ ln p(target | what the lane had before it)`.
///
/// The state comes undetached: [`detach`](models::RecurrentState::detach) it before the next window.
pub fn loss<B: Backend>(
    model: &CharLm<B>,
    window: &Window,
    state: Option<StackState<B>>,
    device: &B::Device,
) -> (Tensor<B, 1>, StackState<B>) {
    let ints = |tokens: &[u32]| {
        let tokens = tokens.iter().map(|&token| i64::from(token)).collect();
        Tensor::from_data(TensorData::new::<i64, _>(tokens, window.shape), device)
    };
    model.loss(ints(&window.inputs), ints(&window.targets), state)
}

/// The mean cross-entropy of all of the lanes' targets, in nats, from a state of zeros.
///
/// Take it on a model without autodiff (`model.valid()`): Burn 0.21 keeps a graph that nobody calls
/// `backward` on.
///
/// # Errors
///
/// Where the text cannot be read.
pub fn evaluate<B: Backend>(
    model: &CharLm<B>,
    lanes: &Lanes,
    seq_length: usize,
    device: &B::Device,
) -> Result<f64, Error> {
    let mut state = None;
    let mut total = 0.0;
    for window in lanes.windows(seq_length) {
        let window = window?;
        let (mean, next) = loss(model, &window, state, device);
        total += mean.into_scalar().elem::<f64>() * window.targets.len() as f64;
        state = Some(next);
    }
    Ok(total / lanes.targets() as f64)
}
