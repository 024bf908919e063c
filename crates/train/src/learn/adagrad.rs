//! Adagrad (Duchi, Hazan and Singer 2011).

use burn::{
    optim::SimpleOptimizer,
    record::Record,
    tensor::{Tensor, backend::Backend},
};

/// `s ← s + g²`, `θ ← θ − γ·g / (√s + ε)`. The sum of Burn's own Adagrad is private, so no checkpoint could
/// hold it.
#[derive(Clone)]
pub(crate) struct AdaGrad {
    pub(super) epsilon: f64,
}

/// `s`.
#[derive(Record, Clone)]
pub(crate) struct AdaGradState<B: Backend, const D: usize> {
    pub(super) sum: Tensor<B, D>,
}

impl<B: Backend> SimpleOptimizer<B> for AdaGrad {
    type State<const D: usize> = AdaGradState<B, D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        parameter: Tensor<B, D>,
        grad: Tensor<B, D>,
        state: Option<AdaGradState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdaGradState<B, D>>) {
        let square = grad.clone().square();
        let sum = match state {
            Some(state) => state.sum + square,
            None => square,
        };
        let step = grad / (sum.clone().sqrt() + self.epsilon);
        let parameter = parameter - step * learning_rate;
        (parameter, Some(AdaGradState { sum }))
    }

    fn to_device<const D: usize>(
        state: AdaGradState<B, D>,
        device: &B::Device,
    ) -> AdaGradState<B, D> {
        AdaGradState {
            sum: state.sum.to_device(device),
        }
    }
}
