//! Backends whose tensors lie in main memory.

use std::borrow::Cow;

#[cfg(feature = "ndarray")]
use burn_ndarray::{
    FloatNdArrayElement, IntNdArrayElement, NdArrayTensor, QuantElement, SharedArray,
};

use burn::tensor::{
    DType, Int, Shape, Tensor, TensorData, TensorPrimitive, backend::Backend, ops::FloatTensor,
};

/// A backend whose tensors can be read in place.
///
/// Implement it for a backend of your own, and [`register`](super::register) [`CpuInference`](super::CpuInference) for it and
/// [`CpuAutodiff`](super::CpuAutodiff) for it under `Autodiff`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::fused::CpuBackend;
///
/// type B = NdArray;
/// let x = Tensor::<B, 1>::from_floats([1.0, 2.0], &Default::default());
/// let x = x.into_primitive().tensor(); // the backend's own form
/// assert_eq!(B::values(&x)[..], [1.0, 2.0]);
/// ```
pub trait CpuBackend: Backend {
    /// Whether kernels take single steps of single sequences too. They pack the weights first, which takes
    /// longer than a fast product of a vector and a matrix.
    const KERNELS_FOR_SINGLE_STEPS: bool = true;

    /// Returns the values of a tensor of 32-bit floats in row-major order: borrowed if they are stored that
    /// way, copied otherwise.
    fn values(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]>;
}

#[cfg(feature = "ndarray")]
impl<E, I, Q> CpuBackend for burn_ndarray::NdArray<E, I, Q>
where
    E: FloatNdArrayElement,
    I: IntNdArrayElement,
    Q: QuantElement,
    NdArrayTensor: From<SharedArray<E>> + From<SharedArray<I>>,
{
    fn values(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]> {
        let NdArrayTensor::F32(storage) = tensor else {
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
impl CpuBackend for burn_flex::Flex {
    const KERNELS_FOR_SINGLE_STEPS: bool = false;

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

/// Returns a tensor in its backend's own form.
pub(super) fn primitive<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> FloatTensor<B> {
    tensor.clone().into_primitive().tensor()
}

/// Returns whether all are 32-bit floats, the only type that the kernels support.
pub(super) fn are_f32<const N: usize>(dtypes: [DType; N]) -> bool {
    dtypes.iter().all(|&dtype| dtype == DType::F32)
}

/// Creates a tensor, in its backend's own form, from its values, without a copy if the backend can.
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

/// Returns the tokens of an integer tensor.
pub(super) fn tokens<B: Backend, const D: usize>(tensor: &Tensor<B, D, Int>) -> Vec<u32> {
    tensor.to_data().iter::<u32>().collect()
}
