//! Sequences on a host backend under `Autodiff`: one node of the graph for a whole sequence.
//!
//! A node has one output. A sequence of an Lstm has two, its output and its last cell: the main node
//! gives the output, and a second one, whose parent is that output, carries the last cell. On the way
//! back the second comes first: it leaves the cell's gradient for the main node, and tells the output
//! of zeros, so that the main node has its turn even where nothing else asks for it.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use burn::tensor::{Int, Tensor, TensorMetadata, ops::FloatTensor};
use burn_autodiff::{
    Autodiff, NodeId,
    checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
    grads::Gradients,
    ops::{Backward, Ops, OpsKind},
};
use kernels::{
    Engine, Shape, Wanted, WeightGradients,
    head::Head,
    lstm::{self, Saved},
    rnn,
};

use super::{
    HostBackend, Input, SequenceKernels, Weights,
    host::{are_f32, from_values, primitive, tensor, tokens},
    plain::{HostInput, Sequence, last_step, lstm},
};

/// The crate [`kernels`](mod@kernels), for a backend of the host under `Autodiff`.
#[derive(Clone, Copy, Debug)]
pub struct HostAutodiff;

/// Memory of sequences whose backward pass is done, for the next ones: a training run takes and leaves
/// the same large pieces at each update.
mod spare {
    use std::sync::Mutex;

    use kernels::lstm::Saved;

    static SPARE: Mutex<Vec<Saved>> = Mutex::new(Vec::new());

    /// As many as a deep network has layers.
    const MOST: usize = 16;

    pub fn take() -> Saved {
        let mut spare = SPARE.lock().expect("no panic while it is held");
        spare.pop().unwrap_or_default()
    }

    pub fn put(saved: Saved) {
        let mut spare = SPARE.lock().expect("no panic while it is held");
        if spare.len() < MOST {
            spare.push(saved);
        }
    }
}

/// The parents of a sequence's node, in this order; a constant stands in for one that is not there.
const INPUT: usize = 0;
const WX: usize = 1;
const WH: usize = 2;
const BIAS: usize = 3;
const H0: usize = 4;
const C0: usize = 5;

type Tracked<B, C> = FloatTensor<Autodiff<B, C>>;
type Parts<B, C> = (Sequence<B>, [Tracked<B, C>; 5]);

/// A sequence's tensors in the form of the backend below, and its parents in the graph.
fn parents<B: HostBackend, C: CheckpointStrategy>(
    weights: &Weights<Autodiff<B, C>>,
    input: &Input<Autodiff<B, C>>,
    hidden: &Tensor<Autodiff<B, C>, 2>,
) -> Option<Parts<B, C>> {
    // Stands in for a parent that is not there: nobody tracks it.
    let constant = || primitive(&hidden.clone().detach());
    let (wx, wh, h0) = (
        primitive(&weights.wx),
        primitive(&weights.wh),
        primitive(hidden),
    );
    let b = weights.b.as_ref().map(primitive);
    let (host_input, x) = match input {
        Input::Vectors(x) => {
            let x = primitive(x);
            (HostInput::Vectors(x.primitive.clone()), x)
        }
        Input::Tokens(t) => (HostInput::Tokens(tokens(t)), constant()),
    };
    let sequence = Sequence {
        shape: input.shape(),
        d_hidden: hidden.dims()[1],
        wx: wx.primitive.clone(),
        wh: wh.primitive.clone(),
        b: b.as_ref().map(|b| b.primitive.clone()),
        input: host_input,
        h0: h0.primitive.clone(),
    };
    let parents = [x, wx, wh, b.unwrap_or_else(constant), h0];
    sequence.is_f32().then_some((sequence, parents))
}

impl<B: HostBackend, C: CheckpointStrategy> SequenceKernels<Autodiff<B, C>> for HostAutodiff {
    fn rnn(
        &self,
        weights: &Weights<Autodiff<B, C>>,
        input: &Input<Autodiff<B, C>>,
        hidden: &Tensor<Autodiff<B, C>, 2>,
    ) -> Option<(Tensor<Autodiff<B, C>, 3>, Tensor<Autodiff<B, C>, 2>)> {
        let (sequence, parents) = parents(weights, input, hidden)?;
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let output = from_values::<B, 3>(sequence.rnn(), [batch, time, h], &hidden.device());
        let output = match RnnNode
            .prepare::<C>(parents.map(|parent| parent.node))
            .compute_bound()
            .stateful()
        {
            OpsKind::Tracked(prep) => {
                let state = RnnState {
                    sequence: Arc::new(sequence),
                    output: output.clone(),
                };
                prep.finish(state, output)
            }
            OpsKind::UnTracked(prep) => prep.finish(output),
        };
        let output = tensor::<Autodiff<B, C>, 3>(output);
        let last = last_step(&output);
        Some((output, last))
    }

    fn lstm(
        &self,
        weights: &Weights<Autodiff<B, C>>,
        input: &Input<Autodiff<B, C>>,
        [hidden, cell]: [&Tensor<Autodiff<B, C>, 2>; 2],
    ) -> Option<(Tensor<Autodiff<B, C>, 3>, [Tensor<Autodiff<B, C>, 2>; 2])> {
        let (sequence, [x, wx, wh, b, h0]) = parents(weights, input, hidden)?;
        let c0 = primitive(cell);
        if !are_f32([c0.primitive.dtype()]) {
            return None;
        }
        let ([batch, time], h) = (sequence.shape, sequence.d_hidden);
        let (output, saved) = sequence.with(|engine, wx, wh, b, input, h0| {
            let lstm = lstm(engine, h, wx, wh, b, input);
            lstm.forward_in(
                spare::take(),
                Shape { batch, time },
                input,
                h0,
                &B::values(&c0.primitive),
            )
        });
        let device = hidden.device();
        let output = from_values::<B, 3>(output, [batch, time, h], &device);
        let cell = from_values::<B, 2>(saved.last_cell(), [batch, h], &device);

        let nodes = [x, wx, wh, b, h0, c0].map(|parent| parent.node);
        let d_cell = Arc::new(Mutex::new(None));
        let (output, cell) = match LstmNode.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let state = LstmState {
                    sequence: Arc::new(sequence),
                    output: output.clone(),
                    saved,
                    d_cell: d_cell.clone(),
                };
                let output = prep.finish(state, output);
                let parent = [output.node.clone()];
                let cell = match CellNode.prepare::<C>(parent).compute_bound().stateful() {
                    OpsKind::Tracked(prep) => prep.finish((d_cell, [batch, time, h]), cell),
                    OpsKind::UnTracked(prep) => prep.finish(cell),
                };
                (output, cell)
            }
            OpsKind::UnTracked(prep) => {
                let cell = Tensor::<Autodiff<B, C>, 2>::from_inner(tensor(cell));
                (prep.finish(output), primitive(&cell))
            }
        };
        let output = tensor::<Autodiff<B, C>, 3>(output);
        let last = last_step(&output);
        Some((output, [last, tensor(cell)]))
    }

    fn cross_entropy(
        &self,
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
        let (loss, d_logits) = state.head(|head| head.loss(&Engine::new()));
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
}

#[derive(Debug)]
struct RnnNode;

#[derive(Clone)]
struct RnnState<B: HostBackend> {
    sequence: Arc<Sequence<B>>,
    output: B::FloatTensorPrimitive,
}

impl<B: HostBackend> Backward<B, 5> for RnnNode {
    type State = RnnState<B>;

    fn backward(self, ops: Ops<RnnState<B>, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let RnnState { sequence, output } = ops.state;
        let d_output = grads.consume::<B>(&ops.node);
        let [batch, time] = sequence.shape;
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let wanted = wanted(&ids);
        let gradients = sequence.with(|engine, wx, wh, _, input, h0| {
            let backward = rnn::Backward {
                shape: Shape { batch, time },
                wx,
                wh,
                input,
                h0,
                output: &B::values(&output),
                d_output: &B::values(&d_output),
            };
            backward.run(engine, wanted)
        });
        let mut give = Give::new(&ids, grads, &output);
        give.weights(&sequence, gradients.weights);
        give.to(H0, gradients.d_h0, [batch, sequence.d_hidden]);
    }
}

#[derive(Debug)]
struct LstmNode;

#[derive(Clone)]
struct LstmState<B: HostBackend> {
    sequence: Arc<Sequence<B>>,
    output: B::FloatTensorPrimitive,
    saved: Saved,
    /// The gradient of the last cell, once its node has had its turn.
    d_cell: Arc<Mutex<Option<B::FloatTensorPrimitive>>>,
}

impl<B: HostBackend> Backward<B, 6> for LstmNode {
    type State = LstmState<B>;

    fn backward(self, ops: Ops<LstmState<B>, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let LstmState {
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
            None => vec![0.0; batch * h].into(),
        };
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let wanted = wanted(&ids);
        let gradients = sequence.with(|engine, wx, wh, _, input, h0| {
            let backward = lstm::Backward {
                shape: Shape { batch, time },
                wx,
                wh,
                input,
                h0,
                output: &B::values(&output),
                d_output: &B::values(&d_output),
                d_cell: &d_cell,
            };
            backward.run(engine, wanted, saved)
        });
        let mut give = Give::new(&ids, grads, &output);
        give.weights(&sequence, gradients.weights);
        give.to(H0, gradients.d_h0, [batch, h]);
        give.to(C0, gradients.d_c0, [batch, h]);
        spare::put(gradients.spare);
    }
}

/// What the tracked ones among a sequence's parents ask for.
fn wanted(parents: &[Option<NodeId>]) -> Wanted {
    Wanted {
        input: parents[INPUT].is_some(),
        weights: [WX, WH, BIAS].iter().any(|&i| parents[i].is_some()),
    }
}

/// Hands gradients to the parents that are tracked.
struct Give<'a, B: HostBackend> {
    parents: &'a [Option<NodeId>],
    grads: &'a mut Gradients,
    device: B::Device,
}

impl<'a, B: HostBackend> Give<'a, B> {
    fn new(
        parents: &'a [Option<NodeId>],
        grads: &'a mut Gradients,
        near: &B::FloatTensorPrimitive,
    ) -> Self {
        let device = B::float_device(near);
        Give {
            parents,
            grads,
            device,
        }
    }

    fn to<const D: usize>(&mut self, parent: usize, gradient: Vec<f32>, shape: [usize; D]) {
        if let Some(id) = self.parents[parent] {
            let gradient = from_values::<B, D>(gradient, shape, &self.device);
            self.grads.register::<B>(id, gradient);
        }
    }

    fn weights(&mut self, sequence: &Sequence<B>, gradients: WeightGradients) {
        let [batch, time] = sequence.shape;
        let shape = sequence.wx.shape();
        let (d_input, width) = (shape[0], shape[1]);
        self.to(INPUT, gradients.input, [batch, time, d_input]);
        self.to(WX, gradients.wx, [d_input, width]);
        self.to(WH, gradients.wh, [sequence.d_hidden, width]);
        self.to(BIAS, gradients.b, [width]);
    }
}

#[derive(Debug)]
struct CellNode;

impl<B: HostBackend> Backward<B, 1> for CellNode {
    type State = (Arc<Mutex<Option<B::FloatTensorPrimitive>>>, [usize; 3]);

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

#[derive(Debug)]
struct HeadNode;

#[derive(Clone)]
struct HeadState<B: HostBackend> {
    hidden: B::FloatTensorPrimitive,
    weight: B::FloatTensorPrimitive,
    bias: B::FloatTensorPrimitive,
    targets: Vec<u32>,
    d_logits: Vec<f32>,
}

impl<B: HostBackend> HeadState<B> {
    fn head<R>(&self, f: impl FnOnce(Head) -> R) -> R {
        f(Head {
            hidden: &B::values(&self.hidden),
            weight: &B::values(&self.weight),
            bias: &B::values(&self.bias),
            targets: &self.targets,
        })
    }
}

impl<B: HostBackend> Backward<B, 3> for HeadNode {
    type State = HeadState<B>;

    fn backward(self, ops: Ops<HeadState<B>, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let mut state = ops.state;
        let d_loss = B::values(&grads.consume::<B>(&ops.node))[0];
        if d_loss != 1.0 {
            state.d_logits.iter_mut().for_each(|d| *d *= d_loss);
        }
        let gradients = state.head(|head| head.backward(&Engine::new(), &state.d_logits));
        let ids = ops.parents.map(|parent| parent.map(|parent| parent.id));
        let (n, vocabulary) = (state.targets.len(), gradients.bias.len());
        let d_hidden = gradients.weight.len() / vocabulary.max(1);
        let mut give = Give::<B>::new(&ids, grads, &state.hidden);
        give.to(0, gradients.hidden, [n, d_hidden]);
        give.to(1, gradients.weight, [d_hidden, vocabulary]);
        give.to(2, gradients.bias, [vocabulary]);
    }
}

/// Sizes only: a state is as large as a batch.
macro_rules! debug_by_name {
    ($($state:ident),*) => {$(
        impl<B: HostBackend> fmt::Debug for $state<B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($state)).finish_non_exhaustive()
            }
        }
    )*};
}

debug_by_name!(RnnState, LstmState, HeadState);
