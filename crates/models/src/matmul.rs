//! `x·W`, correct on every backend.
//!
//! On GPUs, Burn 0.21 times its matrix multiplication kernels and picks the fastest, but some of them give
//! wrong results: the kernels for a vector, if operations are fused (issue 5122 of tracel-ai/burn), and the
//! kernels that read ahead, if `W` is transposed, as in the backward pass, and the sum takes an odd number of
//! their steps (issue 5626; issue 434 of tracel-ai/cubek). All are right for sizes that are multiples of two
//! steps, so on GPUs other sizes are padded with zeros, which takes time but does not change the result. A
//! `d_hidden` and a batch that are multiples of 32 (of 64 with tensor cores) are not padded.

use burn::{
    module::Param,
    nn::Linear,
    tensor::{Tensor, backend::Backend},
};

/// Returns `x·W`: `[n, d_input]` times `[d_input, d_output]` → `[n, d_output]`.
///
/// # Panics
///
/// Panics if the shapes do not agree.
pub fn matmul<B: Backend>(x: Tensor<B, 2>, w: Tensor<B, 2>) -> Tensor<B, 2> {
    let ([n, d_input], [rows, d_output]) = (x.dims(), w.dims());
    assert_eq!(d_input, rows, "x·W: d_input and the rows of W differ");
    let multiple = multiple::<B>(&x.device());
    let up = |size: usize| size.next_multiple_of(multiple);
    let x = padded(x, [up(n), up(d_input)]);
    let w = padded(w, [up(d_input), up(d_output)]);
    let y = x.matmul(w);
    if y.dims() == [n, d_output] {
        y
    } else {
        y.slice([0..n, 0..d_output])
    }
}

/// Applies Burn's linear layer, `x·W + b`, to vectors in any arrangement: `[…, d_input]` → `[…, d_output]`.
///
/// Use it instead of [`Linear::forward`] in a network for GPUs, above all for a head with one output.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{Init, Initializer, linear};
///
/// let mut init = Init::<NdArray>::from_seed(1, &Default::default());
/// let head = init.linear(8, 1, Initializer::PyTorch);
/// let hidden = Tensor::ones([2, 5, 8], &Default::default());
/// let y = linear(&head, hidden.clone());
/// assert_eq!(y.dims(), [2, 5, 1]);
/// assert!((y - head.forward(hidden)).abs().max().into_scalar() < 1e-6);
/// ```
///
/// # Panics
///
/// Panics if the shapes do not agree.
pub fn linear<B: Backend, const D: usize>(layer: &Linear<B>, x: Tensor<B, D>) -> Tensor<B, D> {
    let [d_input, d_output] = layer.weight.dims();
    let mut dims = x.dims();
    let n = dims[..D - 1].iter().product();
    let y = matmul(x.reshape([n, d_input]), layer.weight.val());
    dims[D - 1] = d_output;
    let y = y.reshape(dims);
    match &layer.bias {
        Some(b) => y + b.val().unsqueeze(),
        None => y,
    }
}

/// Returns `a + b`, the bias added to each row, if there is one.
pub(crate) fn with_bias<B: Backend>(
    a: Tensor<B, 2>,
    b: &Option<Param<Tensor<B, 1>>>,
) -> Tensor<B, 2> {
    match b {
        Some(b) => a + b.val().unsqueeze(),
        None => a,
    }
}

/// Returns the number that sizes are padded to a multiple of.
fn multiple<B: Backend>(device: &B::Device) -> usize {
    let name = B::name(device);
    if !name.contains("cubecl") {
        1
    } else if name.contains("wgsl") {
        32
    } else {
        64
    }
}

/// Returns `tensor` in the upper left corner of a matrix of zeros.
fn padded<B: Backend>(tensor: Tensor<B, 2>, dims: [usize; 2]) -> Tensor<B, 2> {
    let [rows, columns] = tensor.dims();
    if [rows, columns] == dims {
        return tensor;
    }
    // In its own precision: `Tensor::pad` of Burn 0.21 uses the device's default one.
    let zeros = Tensor::zeros(dims, (&tensor.device(), tensor.dtype()));
    zeros.slice_assign([0..rows, 0..columns], tensor)
}
