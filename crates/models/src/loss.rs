//! The loss: how far scores are from the targets.

use burn::tensor::{Int, Tensor, activation::log_softmax, backend::Backend};

/// Returns the mean cross-entropy `[1]` in nats, `−(1/n) Σ ln softmax(logits)[target]`, of `[n, classes]`
/// logits and `[n]` targets.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::loss::cross_entropy;
///
/// // Equal scores say nothing: ln 65 = 4.17 nats.
/// let logits = Tensor::<NdArray, 2>::zeros([2, 65], &Default::default());
/// let loss = cross_entropy(logits, Tensor::from_ints([20, 43], &Default::default()));
/// assert!((loss.into_scalar() - 65f32.ln()).abs() < 1e-5);
/// ```
///
/// # Panics
///
/// Panics if shapes do not agree.
///
/// # Gradient
///
/// The gradient, `(softmax(logits) − onehot(target))/n`, is written by hand, as the gradient of a term
/// whose value cancels (`linear` in the source). Autodiff would derive it from the gradient of a logarithm,
/// for which Burn 0.21 takes a reciprocal. NdArray approximates that to 12 bits, but only for some elements,
/// depending on where they lie in memory: no two runs would be the same.
pub fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, targets: Tensor<B, 1, Int>) -> Tensor<B, 1> {
    let n = logits.dims()[0] as f64;
    let targets = targets.unsqueeze_dim(1);
    let log_p = log_softmax(logits.clone().detach(), 1);
    let value = log_p.clone().gather(1, targets.clone()).mean().neg();

    let expected = (logits.clone() * log_p.exp()).sum();
    let linear = (expected - logits.gather(1, targets).sum()) / n;
    value + (linear.clone() - linear.detach())
}
