//! Backends whose tensors lie in the memory of the host.

use std::borrow::Cow;

use burn::tensor::{
    DType, Int, Shape, Tensor, TensorData, TensorPrimitive, backend::Backend, ops::FloatTensor,
};
use burn_autodiff::{
    Autodiff,
    checkpoint::strategy::{BalancedCheckpointing, NoCheckpointing},
};

use super::{Host, HostAutodiff, Registry, insert};

/// A backend whose tensors can be read where they lie.
///
/// Implement it for such a backend of yours, and [`register`](super::register) [`Host`] for it and
/// [`HostAutodiff`] for it under `Autodiff`.
pub trait HostBackend: Backend {
    /// The values of a tensor of 32-bit floats, row by row: borrowed if they lie so, else copied.
    fn values(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]>;
}

#[cfg(feature = "ndarray")]
impl HostBackend for burn_ndarray::NdArray {
    fn values(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]> {
        let burn_ndarray::NdArrayTensor::F32(storage) = tensor else {
            unreachable!("32-bit floats were asked for")
        };
        let view = storage.view();
        match view.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(view.iter().copied().collect()),
        }
    }
}

#[cfg(feature = "flex")]
impl HostBackend for burn_flex::Flex {
    fn values(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]> {
        match tensor.as_slice() {
            Some(values) => Cow::Borrowed(values),
            None => {
                let contiguous = tensor.to_contiguous();
                Cow::Owned(contiguous.as_slice().expect("made contiguous").to_vec())
            }
        }
    }
}

/// All that a host backend gets by itself.
pub(super) fn register<B: HostBackend>(registry: &mut Registry) {
    insert::<B>(registry, Host);
    insert::<Autodiff<B, NoCheckpointing>>(registry, HostAutodiff);
    insert::<Autodiff<B, BalancedCheckpointing>>(registry, HostAutodiff);
}

/// A tensor's own form.
pub(super) fn primitive<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> FloatTensor<B> {
    tensor.clone().into_primitive().tensor()
}

/// Whether the kernels, which are made for 32-bit floats, can take them all.
pub(super) fn are_f32<const N: usize>(dtypes: [DType; N]) -> bool {
    dtypes.iter().all(|&dtype| dtype == DType::F32)
}

/// A tensor's own form from its values, without a copy where the backend can.
pub(super) fn from_values<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, Shape::from(shape)), device)
}

pub(super) fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// The tokens of an integer tensor.
pub(super) fn tokens<B: Backend, const D: usize>(tensor: &Tensor<B, D, Int>) -> Vec<u32> {
    tensor.to_data().iter::<u32>().collect()
}
