//! The data: series of random values from −1 to 1. In half of them the last value is above the first.

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use rand::{Rng, RngExt};

pub const SHORTEST: usize = 2;
pub const LONGEST: usize = 24;

pub struct Series(Vec<Vec<f32>>);

impl Series {
    pub fn random(lengths: impl IntoIterator<Item = usize>, rng: &mut impl Rng) -> Self {
        let one = |length| (0..length).map(|_| rng.random_range(-1.0..1.0)).collect();
        Series(lengths.into_iter().map(one).collect())
    }

    pub fn lengths(&self) -> Vec<usize> {
        self.0.iter().map(Vec::len).collect()
    }

    /// Returns the values, `[batch, time, 1]`, padded with zeros to `LONGEST` steps.
    pub fn padded<B: Backend>(&self, device: &B::Device) -> Tensor<B, 3> {
        let one = |values: &Vec<f32>| {
            let mut values = values.clone();
            values.resize(LONGEST, 0.0);
            values
        };
        let values: Vec<f32> = self.0.iter().flat_map(one).collect();
        Tensor::from_data(TensorData::new(values, [self.0.len(), LONGEST, 1]), device)
    }

    /// Returns 1 for each series that ends above its start, and 0 for the others.
    pub fn classes<B: Backend>(&self, device: &B::Device) -> Tensor<B, 1, Int> {
        let class = |values: &Vec<f32>| i64::from(values.last() > values.first());
        let classes: Vec<i64> = self.0.iter().map(class).collect();
        Tensor::from_data(TensorData::new(classes, [self.0.len()]), device)
    }
}
