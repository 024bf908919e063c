//! Truncated backpropagation through time (Williams and Peng 1990): the state continues from batch to
//! batch, the gradient stops at the start of each.

use burn::tensor::{ElementConversion, Tensor, TensorData, backend::Backend};
use bytemuck::{bytes_of, pod_read_unaligned};
use models::{Cell, CharLm, StackState};

use crate::{
    batches::{Batch, Batches},
    error::Error,
    ranks::{Alone, Communicator},
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
    let loss = evaluate_unless(|| false, &Alone, model, batches, device)?;
    Ok(loss.expect("nothing stops it"))
}

/// Like [`evaluate`], but each rank evaluates its share of the batches, and it returns `None` on all of them soon after
/// `stop` returns true on one.
pub(crate) fn evaluate_unless<B: Backend, C: Cell<B>>(
    stop: impl Fn() -> bool,
    ranks: &dyn Communicator,
    model: &CharLm<B, C>,
    batches: &Batches,
    device: &B::Device,
) -> Result<Option<f64>, Error> {
    // One process may stop after any batch; many have to agree, which takes time.
    let until_asked = if ranks.size() > 1 { 16 } else { 1 };
    let mut state = None;
    let mut total = 0.0;
    for index in 0..batches.n_batches() {
        if index % until_asked == 0 && any(ranks, stop()) {
            return Ok(None);
        }
        let batch = batches.batch(0, index)?;
        let n = batch.n_targets();
        if n == 0 {
            continue;
        }
        let before = state.take().filter(|_| !batch.begins);
        let (mean, next) = loss(model, &batch, before, device);
        total += mean.into_scalar().elem::<f64>() * n as f64;
        state = Some(next);
    }
    let totals = ranks.all_gather(bytes_of(&total));
    let total: f64 = totals.iter().map(|t| pod_read_unaligned::<f64>(t)).sum();
    Ok(Some(total / batches.targets() as f64))
}

/// Returns whether it is so on any rank.
fn any(ranks: &dyn Communicator, here: bool) -> bool {
    let answers = ranks.all_gather(&[u8::from(here)]);
    answers.iter().any(|answer| answer[0] > 0)
}
