//! The data: sines, squares and sawtooths of random phase and period, with noise.

use std::f32::consts::TAU;

use burn::{
    data::dataloader::batcher::Batcher,
    tensor::{Int, Tensor, TensorData, backend::Backend},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub const CLASSES: usize = 3;
const STEPS: usize = 48;

#[derive(Clone, Debug)]
pub struct Wave {
    values: Vec<f32>,
    /// 0 for a sine, 1 for a square, 2 for a sawtooth.
    class: usize,
}

pub fn random(n: usize, seed: u64) -> Vec<Wave> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let wave = |_| {
        let class = rng.random_range(0..CLASSES);
        let (start, period) = (rng.random::<f32>(), rng.random_range(8.0..24.0f32));
        let value = |t| {
            let phase = (start + t as f32 / period).fract();
            let value = match class {
                0 => (TAU * phase).sin(),
                1 if phase < 0.5 => 1.0,
                1 => -1.0,
                _ => 2.0 * phase - 1.0,
            };
            let noise: f32 = StandardNormal.sample(&mut rng);
            value + 0.3 * noise
        };
        let values = (0..STEPS).map(value).collect();
        Wave { values, class }
    };
    (0..n).map(wave).collect()
}

#[derive(Clone, Debug)]
pub struct WaveBatch<B: Backend> {
    /// `[batch, time, 1]`
    pub values: Tensor<B, 3>,
    /// `[batch]`
    pub classes: Tensor<B, 1, Int>,
}

pub fn batch<B: Backend>(waves: &[Wave], device: &B::Device) -> WaveBatch<B> {
    let n = waves.len();
    let values: Vec<f32> = waves.iter().flat_map(|wave| wave.values.clone()).collect();
    let classes: Vec<i64> = waves.iter().map(|wave| wave.class as i64).collect();
    WaveBatch {
        values: Tensor::from_data(TensorData::new(values, [n, STEPS, 1]), device),
        classes: Tensor::from_data(TensorData::new(classes, [n]), device),
    }
}

/// Makes batches for Burn's data loader.
pub struct WaveBatcher;

impl<B: Backend> Batcher<B, Wave, WaveBatch<B>> for WaveBatcher {
    fn batch(&self, waves: Vec<Wave>, device: &B::Device) -> WaveBatch<B> {
        batch(&waves, device)
    }
}
