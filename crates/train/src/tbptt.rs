//! Truncated backpropagation through time (Williams and Peng 1990): the state goes on from window
//! to window, the gradient stops at the start of each.

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};
use models::{CharLm, stack::StackState};

use crate::{error::Error, lanes::Window, windows::Windows};

/// The mean cross-entropy of the window's targets, in nats, and the state after the window:
/// `−(1/n) Σ ln p(target | what the row had before it)`. Padding counts for nothing.
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
    let lengths = window.lengths.as_deref();
    model.loss(ints(&window.inputs), ints(&window.targets), lengths, state)
}

/// The mean cross-entropy of all targets, in nats, from states of zeros.
///
/// Take it on a model without autodiff (`model.valid()`): Burn 0.21 keeps a graph that nobody calls
/// `backward` on.
///
/// # Errors
///
/// Returns an error if the text cannot be read.
pub fn evaluate<B: Backend>(
    model: &CharLm<B>,
    windows: &Windows,
    device: &B::Device,
) -> Result<f64, Error> {
    let loss = evaluate_unless(|| false, model, windows, device)?;
    Ok(loss.expect("nothing stops it"))
}

/// As [`evaluate`], but for `stop`: `None` once that holds.
pub(crate) fn evaluate_unless<B: Backend>(
    stop: impl Fn() -> bool,
    model: &CharLm<B>,
    windows: &Windows,
    device: &B::Device,
) -> Result<Option<f64>, Error> {
    let mut state = None;
    let mut total = 0.0;
    for index in 0..windows.n_windows() {
        if stop() {
            return Ok(None);
        }
        let window = windows.window(0, index)?;
        let before = state.take().filter(|_| !window.begins);
        let (mean, next) = loss(model, &window, before, device);
        total += mean.into_scalar().elem::<f64>() * window.n_targets() as f64;
        state = Some(next);
    }
    Ok(Some(total / windows.targets() as f64))
}
