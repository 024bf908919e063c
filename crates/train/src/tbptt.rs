//! Truncated backpropagation through time (Williams and Peng 1990): the state goes on from window
//! to window, the gradient stops at the start of each.

use burn::tensor::{
    ElementConversion, Int, Tensor, TensorData, activation::log_softmax, backend::Backend,
};
use models::{CharLm, stack::StackState};

use crate::lanes::{Lanes, Window};

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
    let [lanes, time] = window.shape;
    let ints = |tokens: &[u32]| tokens.iter().map(|&t| i64::from(t)).collect::<Vec<_>>();
    let inputs = TensorData::new(ints(&window.inputs), [lanes, time]);
    let targets = TensorData::new(ints(&window.targets), [lanes * time, 1]);

    let (logits, state) = model.forward(Tensor::from_data(inputs, device), state);
    let targets = Tensor::from_data(targets, device);
    (cross_entropy(logits.flatten(0, 1), targets), state)
}

/// `−(1/n) Σ ln softmax(logits)[target]`, of `[n, vocab_size]` logits and `[n, 1]` targets.
///
/// Its gradient, `(softmax(logits) − onehot(target))/n`, is said outright, as that of the term
/// `linear`, whose value cancels. Autodiff would find it by way of the gradient of a logarithm, and
/// for that one Burn 0.21 takes a reciprocal which NdArray approximates to 12 bits, for some elements
/// and not for others, as the memory happens to lie: no two runs would be the same.
fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, targets: Tensor<B, 2, Int>) -> Tensor<B, 1> {
    let n = logits.dims()[0] as f64;
    let log_p = log_softmax(logits.clone().detach(), 1);
    let value = log_p.clone().gather(1, targets.clone()).mean().neg();

    let expected = (logits.clone() * log_p.exp()).sum();
    let linear = (expected - logits.gather(1, targets).sum()) / n;
    value + (linear.clone() - linear.detach())
}

/// The mean cross-entropy of all of the lanes' targets, in nats, from a state of zeros.
///
/// Take it on a model without autodiff (`model.valid()`): Burn 0.21 keeps a graph that nobody calls
/// `backward` on.
pub fn evaluate<B: Backend>(
    model: &CharLm<B>,
    lanes: &Lanes,
    seq_length: usize,
    device: &B::Device,
) -> f64 {
    let mut state = None;
    let mut total = 0.0;
    for window in lanes.windows(seq_length) {
        let (mean, next) = loss(model, &window, state, device);
        total += mean.into_scalar().elem::<f64>() * window.targets.len() as f64;
        state = Some(next);
    }
    total / lanes.targets() as f64
}
