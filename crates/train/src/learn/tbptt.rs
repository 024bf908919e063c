//! Truncated backpropagation through time (Williams and Peng 1990): the state continues from batch to
//! batch, the gradient stops at the start of each.

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};
use models::{Cell, CharLm, StackState};

use crate::{
    batches::{Batch, Batches},
    error::Error,
};

/// Returns the mean cross-entropy of the batch's targets, in nats, and the state after the batch:
/// `−(1/n) Σ ln p(target | what precedes it in its row)`. Padding does not count.
///
/// The state is not detached: [`detach`](models::RecurrentState::detach) it before the next batch.
pub fn loss<B: Backend, C: Cell<B>>(
    model: &CharLm<B, C>,
    batch: &Batch,
    state: Option<StackState<B, C>>,
    device: &B::Device,
) -> (Tensor<B, 1>, StackState<B, C>) {
    let ints = |tokens: &[u32]| {
        let tokens = tokens.iter().map(|&token| i64::from(token)).collect();
        Tensor::from_data(TensorData::new::<i64, _>(tokens, batch.shape), device)
    };
    let lengths = batch.lengths.as_deref();
    model.loss(ints(&batch.inputs), ints(&batch.targets), lengths, state)
}

/// Returns the mean cross-entropy of all targets, in nats, starting from states of zeros.
///
/// Evaluate a model without autodiff (`model.valid()`): Burn 0.21 never frees a graph on which nobody calls
/// `backward`.
///
/// # Errors
///
/// Returns an error if the text cannot be read.
pub fn evaluate<B: Backend, C: Cell<B>>(
    model: &CharLm<B, C>,
    batches: &Batches,
    device: &B::Device,
) -> Result<f64, Error> {
    let loss = evaluate_unless(|| false, model, batches, device)?;
    Ok(loss.expect("nothing stops it"))
}

/// Like [`evaluate`], but returns `None` as soon as `stop` returns true.
pub(crate) fn evaluate_unless<B: Backend, C: Cell<B>>(
    stop: impl Fn() -> bool,
    model: &CharLm<B, C>,
    batches: &Batches,
    device: &B::Device,
) -> Result<Option<f64>, Error> {
    let mut state = None;
    let mut total = 0.0;
    for index in 0..batches.n_batches() {
        if stop() {
            return Ok(None);
        }
        let batch = batches.batch(0, index)?;
        let before = state.take().filter(|_| !batch.begins);
        let (mean, next) = loss(model, &batch, before, device);
        total += mean.into_scalar().elem::<f64>() * batch.n_targets() as f64;
        state = Some(next);
    }
    Ok(Some(total / batches.targets() as f64))
}
