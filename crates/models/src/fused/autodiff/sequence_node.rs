//! The nodes of a sequence.
//!
//! A node has one output. A sequence has two if its cell has a `c`: its output and its last `c`. The main
//! node returns the output, and a second one, whose parent is that output, carries the last `c`. In the
//! backward pass the second node runs first: it leaves the gradient of `c` for the main node, and passes
//! zeros to the output, so that the main node runs even if nothing else depends on the output.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use burn::tensor::{Tensor, TensorMetadata};
use burn_autodiff::{
    Autodiff, NodeId,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use kernels::{Engine, NeedsGrad, Saved};

use super::{buffer_pool, deliver::Deliver};
use crate::fused::{
    CpuBackend, Input, KernelLayer, SequenceOutput,
    cpu_backend::{are_f32, from_values, primitive, tensor, tokens},
    inference::{HostInput, Sequence, SequenceValues, last_step},
};

/// The parents of a sequence's node, in this order; a constant takes the place of an absent one.
const INPUT: usize = 0;
const WX: usize = 1;
const WH: usize = 2;
const BIAS: usize = 3;
const H0: usize = 4;
const C0: usize = 5;

/// The gradient of the last `c`, once its node has run.
type CellGradient<B> = Arc<Mutex<Option<burn::tensor::ops::FloatTensor<B>>>>;

/// Runs [`SequenceKernels::sequence`](crate::fused::SequenceKernels::sequence).
pub(super) fn forward<B: CpuBackend, C: CheckpointStrategy>(
    layer: &KernelLayer<Autodiff<B, C>>,
    input: &Input<Autodiff<B, C>>,
    state: &[Tensor<Autodiff<B, C>, 2>],
) -> Option<SequenceOutput<Autodiff<B, C>>> {
    let (hidden, cell) = (&state[0], state.get(1));
    // Not `detach`, which keeps `require_grad`: no gradient may go to it.
    let constant = || {
        primitive(&Tensor::<Autodiff<B, C>, 2>::from_inner(
            hidden.clone().inner(),
        ))
    };
    let (wx, wh, h0) = (
        primitive(&layer.wx),
        primitive(&layer.wh),
        primitive(hidden),
    );
    let b = layer.b.as_ref().map(primitive);
    let c0 = cell.map(primitive);
    let (host_input, x) = match input {
        Input::Vectors(x) => {
            let x = primitive(x);
            (HostInput::Vectors(x.primitive.clone()), x)
        }
        Input::Tokens(t) => (HostInput::Tokens(tokens(t)), constant()),
    };
    let sequence = Sequence {
        kernel: layer.kernel,
        shape: input.shape(),
        d_hidden: hidden.dims()[1],
        wx: wx.primitive.clone(),
        wh: wh.primitive.clone(),
        b: b.as_ref().map(|b| b.primitive.clone()),
        input: host_input,
        h0: h0.primitive.clone(),
    };
    if !sequence.is_f32() || !c0.iter().all(|c0| are_f32([c0.primitive.dtype()])) {
        return None;
    }

    let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
    let c0_values = c0.as_ref().map(|c0| B::values(&c0.primitive));
    let (output, saved) = sequence.with_packed(|layer, shape, input, h0| {
        let c0 = c0_values.as_deref().unwrap_or_default();
        layer.forward_in(buffer_pool::take(), shape, input, h0, c0)
    });
    let device = hidden.device();
    let output = from_values::<B, 3>(output, [batch, time, h], &device);
    let last_cell = c0
        .is_some()
        .then(|| from_values::<B, 2>(saved.last_cell(), [batch, h], &device));

    drop(c0_values);
    let absent = |parent: Option<_>| parent.unwrap_or_else(constant);
    let parents = [x, wx, wh, absent(b), h0, absent(c0)];
    let nodes = parents.map(|parent| parent.node);
    let d_cell = CellGradient::<B>::default();
    let (output, last_cell) = match SequenceNode.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let state = SequenceState {
                sequence: Arc::new(sequence),
                output: output.clone(),
                saved,
                d_cell: d_cell.clone(),
            };
            let output = prep.finish(state, output);
            let cell = last_cell.map(|cell| {
                let parent = [output.node.clone()];
                match CellNode.prepare::<C>(parent).compute_bound().stateful() {
                    OpsKind::Tracked(prep) => prep.finish((d_cell, [batch, time, h]), cell),
                    OpsKind::UnTracked(prep) => prep.finish(cell),
                }
            });
            (output, cell)
        }
        OpsKind::UnTracked(prep) => {
            let cell = last_cell
                .map(|cell| primitive(&Tensor::<Autodiff<B, C>, 2>::from_inner(tensor(cell))));
            (prep.finish(output), cell)
        }
    };
    let output = tensor::<Autodiff<B, C>, 3>(output);
    let mut state = vec![last_step(&output)];
    state.extend(last_cell.map(tensor));
    Some((output, state))
}

#[derive(Debug)]
struct SequenceNode;

#[derive(Clone)]
struct SequenceState<B: CpuBackend> {
    sequence: Arc<Sequence<B>>,
    output: B::FloatTensorPrimitive,
    saved: Saved,
    d_cell: CellGradient<B>,
}

/// Omits the tensors, which are as large as a batch.
impl<B: CpuBackend> fmt::Debug for SequenceState<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequenceState").finish_non_exhaustive()
    }
}

impl<B: CpuBackend> Backward<B, 6> for SequenceNode {
    type State = SequenceState<B>;

    fn backward(self, ops: Ops<SequenceState<B>, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let SequenceState {
            sequence,
            output,
            saved,
            d_cell,
        } = ops.state;
        let d_output = grads.consume::<B>(&ops.node);
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let d_cell = d_cell.lock().expect("no panic while it is held").take();
        let d_cell = match &d_cell {
            Some(d_cell) => B::values(d_cell),
            None if sequence.kernel.has_cell() => vec![0.0; batch * h].into(),
            None => Default::default(),
        };
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let gradients = sequence.with_values(|values| {
            let SequenceValues { wx, wh, h0, input } = values;
            let backward = kernels::Backward {
                shape: sequence.kernel_shape(),
                wx: &wx,
                wh: &wh,
                input,
                h0: &h0,
                output: &B::values(&output),
                d_output: &B::values(&d_output),
                d_cell: &d_cell,
            };
            let kernel = sequence.kernel;
            kernel.backward(&Engine::new(), &backward, needs_grad(&ids), saved)
        });

        let [d_input, width] = sequence.wx.shape().dims();
        let weights = gradients.weights;
        let mut deliver = Deliver::<B>::new(&ids, grads, &output);
        deliver.to(INPUT, weights.input, [batch, time, d_input]);
        deliver.to(WX, weights.wx, [d_input, width]);
        deliver.to(WH, weights.wh, [h, width]);
        let biases = sequence.kernel.gates().sums() * h;
        deliver.to(BIAS, weights.b, [biases]);
        deliver.to(H0, gradients.d_h0, [batch, h]);
        deliver.to(C0, gradients.d_c0, [batch, h]);
        buffer_pool::put(gradients.spare);
    }
}

/// Returns which gradients the tracked parents of a sequence need.
fn needs_grad(parents: &[Option<NodeId>]) -> NeedsGrad {
    NeedsGrad {
        input: parents[INPUT].is_some(),
        weights: [WX, WH, BIAS].iter().any(|&i| parents[i].is_some()),
    }
}

/// Carries the last `c` of a sequence.
#[derive(Debug)]
struct CellNode;

impl<B: CpuBackend> Backward<B, 1> for CellNode {
    type State = (CellGradient<B>, [usize; 3]);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (d_cell, shape) = ops.state;
        let gradient = grads.consume::<B>(&ops.node);
        let device = B::float_device(&gradient);
        *d_cell.lock().expect("no panic while it is held") = Some(gradient);
        let [output] = ops.parents;
        if let Some(output) = output {
            let zeros = vec![0.0; shape.iter().product()];
            grads.register::<B>(output.id, from_values::<B, 3>(zeros, shape, &device));
        }
    }
}
