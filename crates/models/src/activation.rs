//! The gates' nonlinearities.

use burn::tensor::{Tensor, backend::Backend};

/// `σ(a) = 1/(1 + e⁻ᵃ)`, as `½·tanh(½·a) + ½`.
///
/// Burn 0.21's own sigmoid computes in f32 whatever the precision of the tensor; tanh keeps the precision
/// and never overflows.
pub(crate) fn sigmoid<B: Backend, const D: usize>(a: Tensor<B, D>) -> Tensor<B, D> {
    a.mul_scalar(0.5).tanh().mul_scalar(0.5).add_scalar(0.5)
}

/// `softplus(a) = ln(1 + eᵃ) = −ln σ(−a)`, as `½·a + ½·|a| + ln(1 + e^−|a|)`, which never overflows and whose
/// gradient is right at 0 too.
pub(crate) fn softplus<B: Backend, const D: usize>(a: Tensor<B, D>) -> Tensor<B, D> {
    let size = a.clone().abs();
    let rest = size.clone().neg().exp().log1p();
    (a + size).mul_scalar(0.5) + rest
}
