//! Sequences on a CPU backend under `Autodiff`: one node of the graph for a whole sequence, and one for
//! the head and its loss.

mod deliver;
mod head_node;
mod sequence_node;

use burn::tensor::{Int, Tensor};
use burn_autodiff::{Autodiff, checkpoint::strategy::CheckpointStrategy};

use super::{CpuBackend, Input, KernelLayer, SequenceKernels, SequenceOutput};
use crate::lengths::Lengths;

/// The kernels of the crate [`kernels`](mod@kernels) for a CPU backend under `Autodiff`.
///
/// ```
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use models::fused::{self, CpuAutodiff};
///
/// // As the feature `ndarray` does by itself:
/// fused::register::<Autodiff<NdArray>>(CpuAutodiff);
/// assert!(fused::kernels::<Autodiff<NdArray>>().is_some());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CpuAutodiff;

impl<B: CpuBackend, C: CheckpointStrategy> SequenceKernels<Autodiff<B, C>> for CpuAutodiff {
    fn sequence(
        &self,
        layers: &[&KernelLayer<Autodiff<B, C>>],
        input: &Input<Autodiff<B, C>>,
        lengths: Option<&Lengths>,
        states: &[&[Tensor<Autodiff<B, C>, 2>]],
    ) -> Option<SequenceOutput<Autodiff<B, C>>> {
        sequence_node::forward(layers, input, lengths, states)
    }

    fn cross_entropy(
        &self,
        hidden: &Tensor<Autodiff<B, C>, 2>,
        weight: &Tensor<Autodiff<B, C>, 2>,
        bias: &Tensor<Autodiff<B, C>, 1>,
        targets: &Tensor<Autodiff<B, C>, 1, Int>,
    ) -> Option<Tensor<Autodiff<B, C>, 1>> {
        head_node::forward(hidden, weight, bias, targets)
    }
}
