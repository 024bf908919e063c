//! The gates' nonlinearities.

use burn::tensor::{DType, Tensor, activation, backend::Backend};

/// `σ(a) = 1/(1 + e⁻ᵃ)`, to the precision of the tensor for small values too.
///
/// Burn 0.21's own sigmoid computes in f32 at most. Its logarithm of σ keeps f64; below −750, where σ is zero
/// in f64, that would become NaN.
pub(crate) fn sigmoid<B: Backend, const D: usize>(a: Tensor<B, D>) -> Tensor<B, D> {
    match a.dtype() {
        DType::F64 => activation::log_sigmoid(a.clamp_min(-750.0)).exp(),
        _ => activation::sigmoid(a),
    }
}

/// `softplus(a) = ln(1 + eᵃ) = −ln σ(−a)`, as `½·a + ½·|a| + ln(1 + e^−|a|)`, which never overflows.
///
/// Its gradient, `σ(a)`, is that of `a·σ(a)` with a constant σ: the backward pass of a logarithm takes a
/// reciprocal, and Burn 0.21's `NdArray` estimates those to 12 bits.
pub(crate) fn softplus<B: Backend, const D: usize>(a: Tensor<B, D>) -> Tensor<B, D> {
    let constant = a.clone().detach();
    let size = constant.clone().abs();
    let rest = size.clone().neg().exp().log1p();
    let value = (constant.clone() + size).mul_scalar(0.5) + rest;

    let tangent = a * sigmoid(constant);
    tangent.clone() + (value - tangent.detach())
}
