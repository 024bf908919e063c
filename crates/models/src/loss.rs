//! How far scores are from what came.

use burn::tensor::{Int, Tensor, activation::log_softmax, backend::Backend};

/// The mean cross-entropy `[1]` in nats, `−(1/n) Σ ln softmax(logits)[target]`, of `[n, classes]` logits
/// and `[n]` targets.
///
/// # Panics
///
/// Panics if shapes do not agree.
///
/// # The way back
///
/// Its gradient, `(softmax(logits) − onehot(target))/n`, is said outright, as that of the term
/// `linear`, whose value cancels. Autodiff would find it by way of the gradient of a logarithm, and
/// for that one Burn 0.21 takes a reciprocal which NdArray approximates to 12 bits, for some elements
/// and not for others, as the memory happens to lie: no two runs would be the same.
pub fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, targets: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    let n = logits.dims()[0] as f64;
    let targets = targets.unsqueeze_dim(1);
    let log_p = log_softmax(logits.clone().detach(), 1);
    let value = log_p.clone().gather(1, targets.clone()).mean().neg();

    let expected = (logits.clone() * log_p.exp()).sum();
    let linear = (expected - logits.gather(1, targets).sum()) / n;
    value + (linear.clone() - linear.detach())
}
