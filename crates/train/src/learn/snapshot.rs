//! A training run at one moment, as tensors by name.

use burn::tensor::{Tensor, TensorData, backend::AutodiffBackend};
use models::{CharLm, RecurrentState, StackState, TrainableCell};

use super::{config::TrainerConfig, progress::Progress};
use crate::disk::tensors::{self, Layout, Tensors};

/// Everything in a [`Trainer`](super::Trainer) that changes from update to update.
pub(crate) struct Snapshot {
    pub(crate) progress: Progress,
    /// The parameters, by path.
    pub(crate) weights: Tensors,
    /// What the optimiser remembers of each parameter.
    pub(crate) moments: Tensors,
    /// The state of each row, layer by layer.
    pub(crate) state: Tensors,
}

/// The names and shapes of a [`Snapshot`]'s tensors.
pub(crate) struct SnapshotLayout {
    pub(crate) weights: Layout,
    pub(crate) moments: Layout,
    pub(crate) state: Layout,
}

impl SnapshotLayout {
    /// Returns what a snapshot of this model has at this point of a run.
    pub(crate) fn new<B: AutodiffBackend, C: TrainableCell<B>>(
        config: &TrainerConfig,
        model: &CharLm<B, C>,
        progress: &Progress,
    ) -> Self {
        let weights = tensors::layout_of_module(model);
        SnapshotLayout {
            moments: match progress.updates_learned() {
                0 => Layout::new(),
                _ => config.optimizer.init::<B, CharLm<B, C>>().layout(&weights),
            },
            state: tensors::layout(&state_tensors::<B, C>(&model.initial_state(progress.rows))),
            weights,
        }
    }
}

/// Returns the tensors of a state by name: `layers.0.hidden`.
pub(super) fn state_tensors<B: AutodiffBackend, C: TrainableCell<B>>(
    state: &StackState<B, C>,
) -> Tensors {
    let mut tensors = Tensors::new();
    state.clone().map(&mut |name, tensor| {
        tensors.insert(format!("layers.{name}"), tensor.to_data());
        tensor
    });
    tensors
}

/// Returns a state of the form of `state` that holds these tensors.
pub(super) fn with_tensors<B: AutodiffBackend, C: TrainableCell<B>>(
    state: StackState<B, C>,
    mut tensors: Tensors,
) -> StackState<B, C> {
    state.map(&mut |name, tensor| {
        let data = tensors.remove(&format!("layers.{name}"));
        let options = (&tensor.device(), tensor.dtype());
        Tensor::from_data(data.expect("checked"), options)
    })
}

/// Returns the state of all rows. `first` has the rows of rank 0, `bytes` the tensors of each rank, one after another.
pub(super) fn joined_rows(first: Tensors, ranks: &[Vec<u8>], n_rows: usize) -> Tensors {
    let row = |data: &TensorData| data.as_bytes().len() / data.shape[0];
    let all_of_row: usize = first.values().map(row).sum();
    let mut before = 0;
    let joined = first.into_iter().map(|(name, data)| {
        let row = row(&data);
        let mut bytes = Vec::with_capacity(n_rows * row);
        for part in ranks {
            let rows = part.len() / all_of_row;
            bytes.extend_from_slice(&part[rows * before..rows * (before + row)]);
        }
        before += row;
        let mut shape = data.shape.clone();
        shape[0] = n_rows;
        (name, TensorData::from_bytes_vec(bytes, shape, data.dtype))
    });
    joined.collect()
}
