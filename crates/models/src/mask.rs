//! Random masks, which act in training only.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Distribution, Tensor, backend::Backend},
};

/// Returns `p` after checking that it is a probability below 1.
///
/// # Panics
///
/// Panics if it is not, with the name of what it is the probability of; NaN is none.
pub(crate) fn probability(name: &str, p: f64) -> f64 {
    assert!(
        (0.0..1.0).contains(&p),
        "{name}: a probability from 0 to below 1, not {p}"
    );
    p
}

/// Returns whether masks act: on autodiff backends, that is in training.
pub(crate) fn training<B: Backend>(device: &B::Device) -> bool {
    B::ad_enabled(device)
}

/// Zeroes each element of a tensor like `like` with probability `p`, and divides the others by `1 − p`: the
/// mask by which to multiply.
pub(crate) fn dropout_mask<B: Backend, const D: usize>(
    like: &Tensor<B, D>,
    p: f64,
) -> Tensor<B, D> {
    let keep = 1.0 - p;
    like.random_like(Distribution::Bernoulli(keep)) / keep
}

/// Returns the cell with `f` applied to each of its parameters `wh`, the weights of its hidden state.
///
/// # Panics
///
/// Panics if it has no parameter of this name.
pub(crate) fn map_recurrent_weights<B: Backend, C: Module<B>>(
    cell: &C,
    f: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
) -> C {
    let mut mapper = MapRecurrentWeights {
        f,
        path: Vec::new(),
        found: false,
    };
    let cell = cell.clone().map(&mut mapper);
    assert!(
        mapper.found,
        "weight dropout: the cell has no recurrent weights, no parameter wh"
    );
    cell
}

/// Returns the cell without some of its recurrent weights, in training: each element of a parameter `wh` is
/// zero with probability `p`, and the others are divided by `1 − p`.
///
/// # Panics
///
/// Panics in training if `p` is above 0 and the cell has no parameter of this name.
pub(crate) fn thinned<B: Backend, C: Module<B>>(cell: &C, p: f64, device: &B::Device) -> C {
    if p == 0.0 || !training::<B>(device) {
        return cell.clone();
    }
    map_recurrent_weights(cell, |wh| wh.clone() * dropout_mask(&wh, p))
}

struct MapRecurrentWeights<F> {
    f: F,
    path: Vec<String>,
    found: bool,
}

impl<B: Backend, F: Fn(Tensor<B, 2>) -> Tensor<B, 2>> ModuleMapper<B> for MapRecurrentWeights<F> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        if D != 2 || self.path.last().is_none_or(|name| name != "wh") {
            return param;
        }
        self.found = true;
        let (id, tensor, mapper) = param.consume();
        let shape = tensor.dims();
        let tensor = (self.f)(tensor.reshape([shape[0] as i32, -1]));
        Param::from_mapped_value(id, tensor.reshape(shape), mapper)
    }
}
