//! How far a gradient reaches back: `‖∂loss_T/∂h_{T−k}‖` for each k.
//!
//! In a plain network, each step back multiplies the gradient by `diag(1 − h²)·Whᵀ`, so it vanishes or
//! explodes exponentially with the distance (Hochreiter 1991; Bengio, Simard and Frasconi 1994). In an LSTM,
//! each step back multiplies the gradient of the cell state by the forget gate, which may stay near 1.

use burn::{
    module::Module,
    tensor::{
        Tensor,
        backend::{AutodiffBackend, Backend},
    },
};
use models::{RecurrentCell, RecurrentState, linear};

use crate::{
    network::{Layer, Network},
    task::{Answer, Sequences},
};

/// Norms of the gradient of the loss at the end, with respect to what each step passes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    norms: Vec<(String, Vec<f64>)>,
}

impl Reach {
    /// Returns `‖∂loss_T/∂h_{T−k}‖` at `k` = 0, 1, …: the mean over a batch, computed for each sequence by
    /// itself.
    pub fn hidden(&self) -> &[f64] {
        &self.norms[0].1
    }

    /// Returns the same for another tensor of the state, by its name: for an [`Lstm`](models::Lstm) the
    /// `cell`, `c_{T−k}`. The tensors are varied one at a time: that `h` is computed from `c` counts at the
    /// step itself, not after it, so at `k` = 0 the gradient of the cell is 0.
    pub fn of(&self, tensor: &str) -> Option<&[f64]> {
        let found = self.norms.iter().find(|(name, _)| name == tensor);
        found.map(|(_, norms)| norms.as_slice())
    }

    /// Returns the names of the state's tensors and their norms.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.norms
            .iter()
            .map(|(name, norms)| (name.as_str(), norms.as_slice()))
    }
}

/// Measures it on sequences that ask for an answer at their end. `None` if the network has no state.
///
/// A gradient below the smallest positive float of the backend is 0.
pub fn reach<B: AutodiffBackend>(
    network: &Network<B>,
    answer: Answer,
    batch: &Sequences<B>,
) -> Option<Reach> {
    // The weights are fixed: gradients are taken with respect to the state only.
    let network = network.clone().no_grad();
    let loss = |hidden| answer.loss(linear(&network.head, hidden), &batch.targets);
    let inputs = batch.inputs.clone().iter_dim(1);
    let inputs = inputs.map(|x| x.squeeze_dim(1)).collect();
    match &network.layer {
        Layer::FeedForward(_) => None,
        Layer::Recurrent(cell) => Some(Reach {
            norms: norms(cell, inputs, loss),
        }),
    }
}

/// Returns, for each of the `N` tensors of a state, of which the hidden state is the first, the norms at
/// k = 0, 1, …
///
/// This is the chain rule, one step after the other from the end:
/// `∂loss/∂s[t-1] = ∂loss/∂s[t] · ∂s[t]/∂s[t-1]`. Each step has a graph of its own, because Burn 0.21 takes
/// time quadratic in the number of steps for a graph of all.
fn norms<B: AutodiffBackend, C: RecurrentCell<B>>(
    cell: &C,
    inputs: Vec<Tensor<B, 2>>,
    loss: impl Fn(Tensor<B, 2>) -> Tensor<B, 1>,
) -> Vec<(String, Vec<f64>)> {
    let size = inputs[0].dims()[0];
    let mut state = cell.initial_state(size);
    let mut states = Vec::with_capacity(inputs.len());
    for x in &inputs {
        (_, state) = cell.step(x.clone(), state);
        states.push(state.clone());
    }

    // The loss is the mean over the sequences: the gradient of each one's own loss is `size` times as large.
    let mut norms = Vec::new();
    state.map(&mut |name, tensor| {
        norms.push((name.to_owned(), Vec::with_capacity(states.len())));
        tensor
    });
    let mut see = |gradient: &[Tensor<B::InnerBackend, 2>]| {
        for ((_, norms), tensor) in norms.iter_mut().zip(gradient) {
            norms.push(sum_of_norms(tensor));
        }
    };
    let mut gradient = None;
    for (t, state) in states.into_iter().enumerate().rev() {
        let mut at = Vec::new();
        let state = state.map(&mut |_, tensor| {
            let tensor = tensor.require_grad();
            at.push(tensor.clone());
            tensor
        });
        let end = match (inputs.get(t + 1), gradient.take()) {
            (Some(x), Some(gradient)) => along(cell.step(x.clone(), state).1, gradient),
            _ => loss(at[0].clone()),
        };
        let grads = end.backward();
        let by = |tensor: &Tensor<B, 2>| {
            tensor
                .grad(&grads)
                .unwrap_or_else(|| tensor.clone().inner().zeros_like())
        };
        let found: Vec<_> = at.iter().map(by).collect();
        see(&found);
        gradient = Some(found);
    }
    norms
}

/// Returns `Σ gradient·s[t]`, whose gradient with respect to `s[t-1]` is the product in the chain rule.
fn along<B: AutodiffBackend, S: RecurrentState<B>>(
    state: S,
    gradient: Vec<Tensor<B::InnerBackend, 2>>,
) -> Tensor<B, 1> {
    let mut gradient = gradient.into_iter();
    let mut sum = None;
    state.map(&mut |_, tensor| {
        let factor = Tensor::from_inner(gradient.next().expect("one for each tensor"));
        let product = (tensor.clone() * factor).sum();
        sum = Some(match sum.take() {
            Some(sum) => sum + product,
            None => product,
        });
        tensor
    });
    sum.expect("a state has a tensor")
}

/// Returns the sum of the norms of the rows, computed in 64 bits on the host: in 32 bits, squares underflow
/// long before the gradient does.
fn sum_of_norms<B: Backend>(gradient: &Tensor<B, 2>) -> f64 {
    let width = gradient.dims()[1];
    let values: Vec<f64> = gradient.to_data().iter::<f64>().collect();
    let norm = |row: &[f64]| row.iter().map(|g| g * g).sum::<f64>().sqrt();
    values.chunks(width).map(norm).sum()
}
