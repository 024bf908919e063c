//! The data: the sum of two sines of random phase, with noise.

use std::f64::consts::TAU;

use burn::tensor::{Distribution, Int, Tensor, backend::Backend};

pub struct Waves<B: Backend> {
    /// The true values, `[batch, time, 1]`.
    pub signal: Tensor<B, 3>,
    /// The observed values: the signal with Gaussian noise of standard deviation 0.1.
    pub noisy: Tensor<B, 3>,
}

impl<B: Backend> Waves<B> {
    pub fn random(batch: usize, time: usize, device: &B::Device) -> Self {
        let t = Tensor::<B, 1, Int>::arange(0..time as i64, device).float();
        let t = t.reshape([1, time, 1]);
        let sine = |period: f64| {
            let phase = Tensor::random([batch, 1, 1], Distribution::Uniform(0.0, TAU), device);
            (t.clone() * (TAU / period) + phase).sin()
        };
        let signal = sine(25.0) + sine(60.0) * 0.5;
        let noise = signal.random_like(Distribution::Normal(0.0, 0.1));
        Waves {
            noisy: signal.clone() + noise,
            signal,
        }
    }
}
