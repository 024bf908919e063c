//! The data: the sum of two sines of random phase, with noise.

use std::f32::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// An endless noisy wave.
pub struct Signal {
    rng: ChaCha8Rng,
    /// The phase of each sine, from 0 to 1.
    phases: [f32; 2],
}

impl Signal {
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let phases = [rng.random(), rng.random()];
        Signal { rng, phases }
    }
}

impl Iterator for Signal {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        let [fast, slow] = self.phases;
        self.phases = [(fast + 1.0 / 25.0).fract(), (slow + 1.0 / 60.0).fract()];
        let noise: f32 = StandardNormal.sample(&mut self.rng);
        Some((TAU * fast).sin() + 0.5 * (TAU * slow).sin() + 0.1 * noise)
    }
}
