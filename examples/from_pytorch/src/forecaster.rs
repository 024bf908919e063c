//! The module: what the PyTorch model is, with names of our own.

use burn::{
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Tensor, backend::Backend},
};
use models::{Lstm, RecurrentCell, Stack, StackConfig, linear};

const D_HIDDEN: usize = 16;

#[derive(Module, Debug)]
pub struct Forecaster<B: Backend> {
    lstm: Stack<B, Lstm<B>>,
    head: Linear<B>,
}

impl<B: Backend> Forecaster<B> {
    pub fn init(device: &B::Device) -> Self {
        let config = StackConfig::new(1, D_HIDDEN).with_n_layers(2);
        Forecaster {
            lstm: config.init((), device),
            head: LinearConfig::new(D_HIDDEN, 1).init(device),
        }
    }

    /// Forecasts the value after each step: `[batch, time, 1]` → `[batch, time, 1]`.
    pub fn forward(&self, values: Tensor<B, 3>) -> Tensor<B, 3> {
        let (hidden, _) = self.lstm.forward(values, None);
        linear(&self.head, hidden)
    }
}
