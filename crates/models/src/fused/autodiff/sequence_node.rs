//! The nodes of a layer over its sequences.
//!
//! A node has one output. A layer has several if its cell has a `c`: its output and the last `c` of each
//! direction. The main node returns the output, and another one for each direction, whose parent is that
//! output, carries the last `c`. In the backward pass these run first: they leave the gradient of `c` for the
//! main node, and pass zeros to the output, so that the main node runs even if nothing else depends on the
//! output.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use burn::tensor::Tensor;
use burn_autodiff::{
    Autodiff, NodeId,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use kernels::{Engine, NeedsGrad, Saved};

use super::deliver::Deliver;
use crate::{
    fused::{
        CpuBackend, Input, KernelLayer, SequenceOutput,
        cpu_backend::{from_values, primitive, tensor, tokens},
        sequence::{Direction, HostInput, Sequence, Values, last_hidden},
    },
    lengths::Lengths,
};

/// The first parent of a layer's node is its input. Then follow, for each direction, those below, in this
/// order; a constant takes the place of an absent one.
const INPUT: usize = 0;
const WX: usize = 1;
const WH: usize = 2;
const BIAS: usize = 3;
const H0: usize = 4;
const C0: usize = 5;
const OF_DIRECTION: usize = 5;

/// The gradient of the last `c` of a direction, once its node has run.
type CellGradient<B> = Arc<Mutex<Option<burn::tensor::ops::FloatTensor<B>>>>;

/// Runs [`SequenceKernels::sequence`](crate::fused::SequenceKernels::sequence).
pub(super) fn forward<B: CpuBackend, C: CheckpointStrategy>(
    layers: &[&KernelLayer<Autodiff<B, C>>],
    input: &Input<Autodiff<B, C>>,
    lengths: Option<&Lengths>,
    states: &[&[Tensor<Autodiff<B, C>, 2>]],
) -> Option<SequenceOutput<Autodiff<B, C>>> {
    match layers.len() {
        1 => forward_of::<B, C, { 1 + OF_DIRECTION }>(layers, input, lengths, states),
        2 => forward_of::<B, C, { 1 + 2 * OF_DIRECTION }>(layers, input, lengths, states),
        _ => None,
    }
}

/// A layer of `N` parents.
fn forward_of<B: CpuBackend, C: CheckpointStrategy, const N: usize>(
    layers: &[&KernelLayer<Autodiff<B, C>>],
    input: &Input<Autodiff<B, C>>,
    lengths: Option<&Lengths>,
    states: &[&[Tensor<Autodiff<B, C>, 2>]],
) -> Option<SequenceOutput<Autodiff<B, C>>> {
    let shape @ [batch, time] = input.shape();
    let [_, h] = states[0][0].dims();
    let direction = |(i, layer): (usize, &&KernelLayer<Autodiff<B, C>>)| {
        let layer = KernelLayer {
            kernel: layer.kernel,
            wx: layer.wx.clone().inner(),
            wh: layer.wh.clone().map(Tensor::inner),
            b: layer.b.clone().map(Tensor::inner),
        };
        let state: Vec<_> = states[i].iter().map(|s| s.clone().inner()).collect();
        Direction::new(&layer, &state, shape, lengths, i > 0)
    };
    let sequence = Sequence {
        directions: layers.iter().enumerate().map(direction).collect(),
        shape,
        d_hidden: h,
        input: match input {
            Input::Vectors(x) => HostInput::Vectors(primitive(&x.clone().inner())),
            Input::Tokens(t) => HostInput::Tokens(tokens(t)),
        },
    };
    if !sequence.is_for_kernels() {
        return None;
    }

    let run = |values: &Values, (), engine: &Engine| {
        let (shape, lengths) = (sequence.kernel_shape(), values.order.lengths());
        let (layer, input) = (values.pack(engine), values.input());
        let (output, saved) = layer.forward_padded(shape, lengths, input, &values.h0, &values.c0);
        let has_cell = values.kernel.has_cell();
        let cell = has_cell.then(|| values.order.put_rows(saved.last_cell(lengths)));
        ((output, saved), cell)
    };
    let (passed, cells): (Vec<_>, Vec<_>) = sequence
        .each(vec![(); layers.len()], run)
        .into_iter()
        .unzip();
    let (mut outputs, saved): (Vec<_>, Vec<_>) = passed.into_iter().unzip();
    let width = sequence.width();
    let (output, outputs) = match sequence.is_natural() {
        true => (outputs.remove(0), None),
        false => (sequence.merge(&outputs), Some(outputs)),
    };
    let device = states[0][0].device();
    let output = from_values::<B, 3>(output, [batch, time, width], &device);

    // Not `detach`, which keeps `require_grad`: no gradient may go to it.
    let hidden = states[0][0].clone().inner();
    let constant = primitive(&Tensor::<Autodiff<B, C>, 2>::from_inner(hidden)).node;
    let node = |tensor: Option<&Tensor<Autodiff<B, C>, 2>>| {
        tensor.map_or(constant.clone(), |tensor| primitive(tensor).node)
    };
    let x = match input {
        Input::Vectors(x) => primitive(x).node,
        Input::Tokens(_) => constant.clone(),
    };
    let of_direction = layers.iter().zip(states).flat_map(|(layer, state)| {
        let b = layer.b.as_ref();
        let b = b.map_or(constant.clone(), |b| primitive(b).node);
        let weights = [node(Some(&layer.wx)), node(layer.wh.as_ref()), b];
        weights
            .into_iter()
            .chain([node(Some(&state[0])), node(state.get(1))])
    });
    let nodes: Vec<_> = [x].into_iter().chain(of_direction).collect();
    let nodes: [_; N] = nodes.try_into().expect("the parents of each direction");

    let d_cells: Vec<_> = layers
        .iter()
        .map(|_| CellGradient::<B>::default())
        .collect();
    let cells = cells.into_iter().map(|cell| {
        let cell = cell?;
        Some(from_values::<B, 2>(cell, [batch, h], &device))
    });
    let cells: Vec<_> = cells.collect();
    let node = SequenceNode.prepare::<C>(nodes).compute_bound().stateful();
    let (output, cells): (_, Vec<_>) = match node {
        OpsKind::Tracked(prep) => {
            let state = SequenceState {
                sequence: Arc::new(sequence),
                output: output.clone(),
                outputs: outputs.map(Arc::new),
                saved,
                d_cells: d_cells.clone(),
            };
            let output = prep.finish(state, output);
            let cell = |(cell, d_cell): (Option<_>, _)| {
                let parent = [output.node.clone()];
                let cell = match CellNode.prepare::<C>(parent).compute_bound().stateful() {
                    OpsKind::Tracked(prep) => prep.finish((d_cell, [batch, time, width]), cell?),
                    OpsKind::UnTracked(prep) => prep.finish(cell?),
                };
                Some(tensor(cell))
            };
            let cells = cells.into_iter().zip(d_cells).map(cell).collect();
            (output, cells)
        }
        OpsKind::UnTracked(prep) => {
            let constant = |cell| Tensor::<Autodiff<B, C>, 2>::from_inner(tensor(cell));
            let cells = cells.into_iter().map(|cell| cell.map(constant)).collect();
            (prep.finish(output), cells)
        }
    };
    let output = tensor::<Autodiff<B, C>, 3>(output);
    let hidden = last_hidden(&output, lengths, layers.len());
    let states = hidden.into_iter().zip(cells);
    let states = states.flat_map(|(hidden, cell)| [hidden].into_iter().chain(cell));
    let states = states.collect();
    Some((output, states))
}

#[derive(Debug)]
struct SequenceNode;

#[derive(Clone)]
struct SequenceState<B: CpuBackend> {
    sequence: Arc<Sequence<B>>,
    output: B::FloatTensorPrimitive,
    /// The output of each direction in its own order, if `output` is not that of the only one.
    outputs: Option<Arc<Vec<Vec<f32>>>>,
    saved: Vec<Saved>,
    d_cells: Vec<CellGradient<B>>,
}

/// Omits the tensors, which are as large as a batch.
impl<B: CpuBackend> fmt::Debug for SequenceState<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SequenceState").finish_non_exhaustive()
    }
}

impl<B: CpuBackend, const N: usize> Backward<B, N> for SequenceNode {
    type State = SequenceState<B>;

    fn backward(self, ops: Ops<SequenceState<B>, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let SequenceState {
            sequence,
            output,
            outputs,
            saved,
            d_cells,
        } = ops.state;
        let d_output = grads.consume::<B>(&ops.node);
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let taken =
            |d_cell: &CellGradient<B>| d_cell.lock().expect("no panic while it is held").take();
        let d_cells: Vec<_> = d_cells.iter().map(taken).collect();
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));

        let width = sequence.width();
        let natural = B::values(&output);
        let d_output = B::values(&d_output);
        let given = saved.into_iter().enumerate().map(|(i, saved)| {
            let direction = &sequence.directions[i];
            let d_cell = match &d_cells[i] {
                Some(d_cell) => direction.order.take_rows(B::values(d_cell)),
                None if direction.kernel.has_cell() => vec![0.0; batch * h].into(),
                None => Default::default(),
            };
            (i, saved, d_cell)
        });
        let back = |values: &Values, (i, saved, d_cell): (usize, Saved, _), engine: &Engine| {
            let d_cell: std::borrow::Cow<[f32]> = d_cell;
            let output = outputs.as_ref().map_or(&natural[..], |outputs| &outputs[i]);
            let backward = kernels::Backward {
                shape: sequence.kernel_shape(),
                lengths: values.order.lengths(),
                wx: &values.wx,
                wh: &values.wh,
                input: values.input(),
                h0: &values.h0,
                output,
                d_output: &values.order.take(&d_output, width, sequence.columns(i)),
                d_cell: &d_cell,
            };
            values
                .kernel
                .backward(engine, &backward, needs_grad(&ids, i), saved)
        };
        let gradients = sequence.each(given.collect(), back);

        let mut deliver = Deliver::<B>::new(&ids, grads, &output);
        let mut d_input = Vec::new();
        for (i, (direction, gradients)) in sequence.directions.iter().zip(gradients).enumerate() {
            let [d, width] = direction.wx_shape();
            let weights = gradients.weights;
            if i == 0 && direction.order.is_natural() {
                d_input = weights.input;
            } else if !weights.input.is_empty() {
                d_input.resize(batch * time * d, 0.0);
                let sum = &mut d_input;
                direction.order.add_to(sum, d, 0..d, &weights.input);
            }
            let of = |parent: usize| i * OF_DIRECTION + parent;
            deliver.to(of(WX), weights.wx, [d, width]);
            deliver.to(of(WH), weights.wh, [h, width]);
            let biases = direction.kernel.gates().biases() * h;
            deliver.to(of(BIAS), weights.b, [biases]);
            let rows = |rows| direction.order.put_rows(rows);
            deliver.to(of(H0), rows(gradients.d_h0), [batch, h]);
            deliver.to(of(C0), rows(gradients.d_c0), [batch, h]);
        }
        let [d, _] = sequence.directions[0].wx_shape();
        deliver.to(INPUT, d_input, [batch, time, d]);
    }
}

/// Returns which gradients the tracked parents of a direction need.
fn needs_grad(parents: &[Option<NodeId>], direction: usize) -> NeedsGrad {
    let weights = [WX, WH, BIAS].map(|parent| direction * OF_DIRECTION + parent);
    NeedsGrad {
        input: parents[INPUT].is_some(),
        weights: weights.iter().any(|&i| parents[i].is_some()),
    }
}

/// Carries the last `c` of a direction.
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
