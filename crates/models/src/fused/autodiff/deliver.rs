//! Delivers the gradients that a backward pass computed to the parents of its node.

use burn_autodiff::{NodeId, grads::Gradients};

use crate::fused::{CpuBackend, cpu_backend::from_values};

/// Delivers gradients to the parents that are tracked.
pub(super) struct Deliver<'a, B: CpuBackend> {
    parents: &'a [Option<NodeId>],
    grads: &'a mut Gradients,
    device: B::Device,
}

impl<'a, B: CpuBackend> Deliver<'a, B> {
    /// `near` is a tensor on the device of the gradients.
    pub(super) fn new(
        parents: &'a [Option<NodeId>],
        grads: &'a mut Gradients,
        near: &B::FloatTensorPrimitive,
    ) -> Self {
        let device = B::float_device(near);
        Deliver {
            parents,
            grads,
            device,
        }
    }

    /// Delivers the gradient of parent number `parent`, if it is tracked.
    pub(super) fn to<const D: usize>(
        &mut self,
        parent: usize,
        gradient: Vec<f32>,
        shape: [usize; D],
    ) {
        if let Some(id) = self.parents[parent] {
            let gradient = from_values::<B, D>(gradient, shape, &self.device);
            self.grads.register::<B>(id, gradient);
        }
    }
}
