//! A `Gru` that is trained in tensors, then runs on numbers: one in, one out.

use burn::{
    module::{AutodiffModule, Module},
    nn::Linear,
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use models::{Gru, GruConfig, Init, Initializer, RecurrentCell, Stepper, linear};

use crate::signal::Signal;

const UPDATES: u64 = 200;
const BATCH: usize = 16;
const STEPS: usize = 100;
const D_HIDDEN: usize = 32;

#[derive(Module, Debug)]
struct Network<B: Backend> {
    gru: Gru<B>,
    head: Linear<B>,
}

pub struct Forecaster {
    stepper: Stepper,
    hidden: Vec<f32>,
    /// The head: `hidden·weight + bias`.
    weight: Vec<f32>,
    bias: f32,
}

impl Forecaster {
    /// Trains a network to forecast the next sample, with new signals at each update.
    pub fn train<B: AutodiffBackend>(seed: u64, device: &B::Device) -> Self {
        let mut init = Init::from_seed(seed, device);
        let mut network = Network::<B> {
            gru: GruConfig::new(1, D_HIDDEN).init_with(&mut init),
            head: init.linear(D_HIDDEN, 1, Initializer::PyTorch),
        };
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        for update in 0..UPDATES {
            let signals = signals::<B>(seed + update, device);
            let (hidden, _) = network
                .gru
                .forward(signals.clone().narrow(1, 0, STEPS), None);
            let forecast = linear(&network.head, hidden);
            let error = (forecast - signals.narrow(1, 1, STEPS)).square().mean();
            let grads = GradientsParams::from_grads(error.backward(), &network);
            network = optimizer.step(1e-2, network, grads);
        }
        Self::new(network.valid())
    }

    fn new<B: Backend>(network: Network<B>) -> Self {
        let numbers = |data: TensorData| data.iter::<f32>().collect::<Vec<_>>();
        let bias = network
            .head
            .bias
            .map(|bias| numbers(bias.val().into_data()));
        Forecaster {
            stepper: Stepper::new(&network.gru, 1),
            hidden: vec![0.0; D_HIDDEN],
            weight: numbers(network.head.weight.val().into_data()),
            bias: bias.map_or(0.0, |bias| bias[0]),
        }
    }

    /// Takes a sample, and forecasts the next one.
    pub fn next(&mut self, sample: f32) -> f32 {
        self.stepper.step(&[sample], &mut self.hidden);
        let products = self.hidden.iter().zip(&self.weight).map(|(h, w)| h * w);
        products.sum::<f32>() + self.bias
    }
}

/// Returns signals of random phase, `[batch, time, 1]`, one step longer than the network reads.
fn signals<B: Backend>(seed: u64, device: &B::Device) -> Tensor<B, 3> {
    let signal = |i| Signal::new(seed * BATCH as u64 + i).take(STEPS + 1);
    let values: Vec<f32> = (0..BATCH as u64).flat_map(signal).collect();
    Tensor::from_data(TensorData::new(values, [BATCH, STEPS + 1, 1]), device)
}
