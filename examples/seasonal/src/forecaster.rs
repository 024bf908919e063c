//! The module: a `Gru` reads a week of values, then a day without values, for which it sees only the clock.
//!
//! ```text
//! hours     the week before   first hour of the day   other hours of the day
//! input     y[t-1]            y[t-1]                  0
//!           1                 1                       0                        whether y[t-1] is known
//!           clock             clock                   clock
//! output    y[t]              y[t]                    y[t]
//! ```
//!
//! All values are relative to the mean of that week: so the trend leads to no values that were never trained.

use burn::{
    module::{AutodiffModule, Module},
    nn::Linear,
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::{
        ElementConversion, Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use models::{Gru, GruConfig, Init, Initializer, RecurrentCell, linear};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::series::{DAY, WEEK, clock};

const UPDATES: usize = 300;
const D_HIDDEN: usize = 32;
const D_INPUT: usize = 6;

#[derive(Module, Debug)]
pub struct Forecaster<B: Backend> {
    gru: Gru<B>,
    head: Linear<B>,
}

impl<B: Backend> Forecaster<B> {
    pub fn init(seed: u64, device: &B::Device) -> Self {
        let mut init = Init::from_seed(seed, device);
        Forecaster {
            gru: GruConfig::new(D_INPUT, D_HIDDEN).init_with(&mut init),
            head: init.linear(D_HIDDEN, 1, Initializer::PyTorch),
        }
    }

    /// Forecasts the value of each hour: `[batch, time, 6]` → `[batch, time, 1]`.
    pub fn forward(&self, input: Tensor<B, 3>) -> Tensor<B, 3> {
        let (hidden, _) = self.gru.forward(input, None);
        linear(&self.head, hidden)
    }

    /// Forecasts the day that begins at each origin, from the values before it.
    pub fn forecast(&self, series: &[f32], origins: &[usize], device: &B::Device) -> Vec<f32> {
        let output = self.forward(input(series, origins, device));
        let ahead = output.narrow(1, WEEK, DAY).into_data();
        let levels = origins
            .iter()
            .flat_map(|&origin| [level(series, origin); DAY]);
        ahead
            .iter::<f32>()
            .zip(levels)
            .map(|(y, l)| y + l)
            .collect()
    }
}

/// Trains on random stretches of the series.
pub fn train<B: AutodiffBackend>(
    series: &[f32],
    seed: u64,
    device: &B::Device,
) -> Forecaster<B::InnerBackend> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut model = Forecaster::<B>::init(seed, device);
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    for update in 1..=UPDATES {
        let origins: Vec<usize> = (0..32)
            .map(|_| rng.random_range(WEEK + 1..=series.len() - DAY))
            .collect();
        let forecast = model.forward(input(series, &origins, device));
        let error = (forecast - target(series, &origins, device))
            .square()
            .mean();
        if update % 100 == 0 {
            let error = error.clone().into_scalar().elem::<f32>();
            println!("update {update:>3}/{UPDATES}: mean squared error {error:.4}");
        }
        let grads = GradientsParams::from_grads(error.backward(), &model);
        let rate = 1e-2 * (1.0 - (update - 1) as f64 / UPDATES as f64);
        model = optimizer.step(rate, model, grads);
    }
    model.valid()
}

/// Returns what the network sees: nothing at or after an origin but the clock.
fn input<B: Backend>(series: &[f32], origins: &[usize], device: &B::Device) -> Tensor<B, 3> {
    let window = |&origin: &usize| {
        let level = level(series, origin);
        (origin - WEEK..origin + DAY).flat_map(move |t| {
            let [a, b, c, d] = clock(t);
            match t <= origin {
                true => [series[t - 1] - level, 1.0, a, b, c, d],
                false => [0.0, 0.0, a, b, c, d],
            }
        })
    };
    let values: Vec<f32> = origins.iter().flat_map(window).collect();
    let shape = [origins.len(), WEEK + DAY, D_INPUT];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Returns what it should say of each hour, `[batch, time, 1]`.
fn target<B: Backend>(series: &[f32], origins: &[usize], device: &B::Device) -> Tensor<B, 3> {
    let window = |&origin: &usize| {
        let level = level(series, origin);
        let values = &series[origin - WEEK..origin + DAY];
        values.iter().map(move |y| y - level)
    };
    let values: Vec<f32> = origins.iter().flat_map(window).collect();
    Tensor::from_data(
        TensorData::new(values, [origins.len(), WEEK + DAY, 1]),
        device,
    )
}

/// Returns the mean of the week before `origin`.
fn level(series: &[f32], origin: usize) -> f32 {
    series[origin - WEEK..origin].iter().sum::<f32>() / WEEK as f32
}
