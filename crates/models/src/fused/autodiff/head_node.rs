//! The node of a language model's head and its loss.

use std::fmt;

use burn::tensor::{Int, Tensor, TensorMetadata};
use burn_autodiff::{
    Autodiff,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use kernels::{Engine, LinearCrossEntropy};

use super::deliver::Deliver;
use crate::fused::{
    CpuBackend,
    cpu_backend::{are_f32, from_values, primitive, tensor, tokens},
};

/// Runs [`SequenceKernels::cross_entropy`](crate::fused::SequenceKernels::cross_entropy).
pub(super) fn forward<B: CpuBackend, C: CheckpointStrategy>(
    hidden: &Tensor<Autodiff<B, C>, 2>,
    weight: &Tensor<Autodiff<B, C>, 2>,
    bias: &Tensor<Autodiff<B, C>, 1>,
    targets: &Tensor<Autodiff<B, C>, 1, Int>,
) -> Option<Tensor<Autodiff<B, C>, 1>> {
    let device = hidden.device();
    let (hidden, weight, bias) = (primitive(hidden), primitive(weight), primitive(bias));
    if !are_f32([hidden.dtype(), weight.dtype(), bias.dtype()]) {
        return None;
    }
    let nodes = [hidden.node, weight.node, bias.node];
    let mut state = HeadState::<B> {
        hidden: hidden.primitive,
        weight: weight.primitive,
        bias: bias.primitive,
        targets: tokens(targets),
        d_logits: Vec::new(),
    };
    let (loss, d_logits) = state.with_head(|head| head.loss(&Engine::new()));
    let loss = from_values::<B, 1>(vec![loss], [1], &device);
    let loss = match HeadNode.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            state.d_logits = d_logits;
            prep.finish(state, loss)
        }
        OpsKind::UnTracked(prep) => prep.finish(loss),
    };
    Some(tensor(loss))
}

#[derive(Debug)]
struct HeadNode;

#[derive(Clone)]
struct HeadState<B: CpuBackend> {
    hidden: B::FloatTensorPrimitive,
    weight: B::FloatTensorPrimitive,
    bias: B::FloatTensorPrimitive,
    targets: Vec<u32>,
    d_logits: Vec<f32>,
}

/// Omits the tensors, which are as large as a batch.
impl<B: CpuBackend> fmt::Debug for HeadState<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadState").finish_non_exhaustive()
    }
}

impl<B: CpuBackend> HeadState<B> {
    fn with_head<R>(&self, f: impl FnOnce(LinearCrossEntropy) -> R) -> R {
        f(LinearCrossEntropy {
            hidden: &B::values(&self.hidden),
            weight: &B::values(&self.weight),
            bias: &B::values(&self.bias),
            targets: &self.targets,
        })
    }
}

impl<B: CpuBackend> Backward<B, 3> for HeadNode {
    type State = HeadState<B>;

    fn backward(self, ops: Ops<HeadState<B>, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut state = ops.state;
        let d_loss = B::values(&grads.consume::<B>(&ops.node))[0];
        if d_loss != 1.0 {
            state.d_logits.iter_mut().for_each(|d| *d *= d_loss);
        }
        let gradients = state.with_head(|head| head.backward(&Engine::new(), &state.d_logits));
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let (n, vocabulary) = (state.targets.len(), gradients.bias.len());
        let d_hidden = gradients.weight.len() / vocabulary.max(1);
        let mut deliver = Deliver::<B>::new(&ids, grads, &state.hidden);
        deliver.to(0, gradients.hidden, [n, d_hidden]);
        deliver.to(1, gradients.weight, [d_hidden, vocabulary]);
        deliver.to(2, gradients.bias, [vocabulary]);
    }
}
