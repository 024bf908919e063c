//! Random numbers for tests to compute with.

use burn::tensor::{Element, Tensor, TensorData, backend::Backend};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A stream of random tensors.
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Draws from U(−1, 1).
    pub fn tensor<B: Backend, const D: usize>(&mut self, shape: [usize; D]) -> Tensor<B, D> {
        let draw = |_| 2.0 * self.0.random::<f64>() - 1.0;
        let values: Vec<f64> = (0..shape.iter().product()).map(draw).collect();
        let options = (&B::Device::default(), B::FloatElem::dtype());
        Tensor::from_data(TensorData::new(values, shape), options)
    }
}
