//! A training run at one moment, as tensors by name.

use burn::tensor::backend::AutodiffBackend;
use models::{CharLm, RecurrentState, stack::StackState};

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
    pub(crate) fn new<B: AutodiffBackend>(
        config: &TrainerConfig,
        model: &CharLm<B>,
        progress: &Progress,
    ) -> Self {
        let weights = tensors::layout_of_module(model);
        SnapshotLayout {
            moments: match progress.updates_learned() {
                0 => Layout::new(),
                _ => config.optimizer.init::<B>().layout(&weights),
            },
            state: tensors::layout(&state_tensors(&model.initial_state(progress.rows))),
            weights,
        }
    }
}

/// The names of the tensors of a layer's state, in the order of its fields.
const FIELDS: [&str; 2] = ["hidden", "cell"];

pub(super) fn state_tensors<B: AutodiffBackend>(state: &StackState<B>) -> Tensors {
    let layer = |(i, layer): (usize, &models::LayerState<B>)| {
        let data = layer.to_data().into_iter();
        let name = move |field| format!("layers.{i}.{field}");
        FIELDS.into_iter().map(name).zip(data).collect::<Vec<_>>()
    };
    state.iter().enumerate().flat_map(layer).collect()
}

pub(super) fn with_tensors<B: AutodiffBackend>(
    state: StackState<B>,
    mut tensors: Tensors,
) -> StackState<B> {
    let layer = |(i, layer): (usize, models::LayerState<B>)| {
        let take = |field| tensors.remove(&format!("layers.{i}.{field}"));
        let data = FIELDS.into_iter().map_while(take).collect();
        layer.with_data(data)
    };
    state.into_iter().enumerate().map(layer).collect()
}
