//! The module: an `Lstm` and a linear layer, generic over the backend as any Burn module is.

use burn::{
    config::Config,
    module::Module,
    nn::{Linear, LinearConfig},
    tensor::{Tensor, backend::Backend},
};
use models::{Lstm, LstmConfig, LstmState, RecurrentCell, linear};

#[derive(Config, Debug)]
pub struct ForecasterConfig {
    #[config(default = 32)]
    d_hidden: usize,
}

#[derive(Module, Debug)]
pub struct Forecaster<B: Backend> {
    lstm: Lstm<B>,
    head: Linear<B>,
}

impl ForecasterConfig {
    pub fn init<B: Backend>(&self, device: &B::Device) -> Forecaster<B> {
        Forecaster {
            lstm: LstmConfig::new(1, self.d_hidden).init(device),
            head: LinearConfig::new(self.d_hidden, 1).init(device),
        }
    }
}

impl<B: Backend> Forecaster<B> {
    /// Forecasts the value after each step: `[batch, time, 1]` → `[batch, time, 1]`.
    pub fn forward(
        &self,
        values: Tensor<B, 3>,
        state: Option<LstmState<B>>,
    ) -> (Tensor<B, 3>, LstmState<B>) {
        let (hidden, state) = self.lstm.forward(values, state);
        (linear(&self.head, hidden), state)
    }

    /// Forecasts the value after this one: `[batch, 1]` → `[batch, 1]`.
    pub fn step(&self, value: Tensor<B, 2>, state: LstmState<B>) -> (Tensor<B, 2>, LstmState<B>) {
        let (hidden, state) = self.lstm.step(value, state);
        (linear(&self.head, hidden), state)
    }
}
