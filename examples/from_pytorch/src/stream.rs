//! The same model in real time: a number in, a number out, and no tensors.

use burn::tensor::backend::Backend;
use models::{
    Lstm, Stack, Stepper,
    weights::{WeightFile, WeightsError},
};

pub struct Stream {
    stepper: Stepper,
    hidden: Vec<f32>,
    /// The decoder: `hidden·weight + bias`.
    weight: Vec<f32>,
    bias: f32,
}

impl Stream {
    /// Returns the model in `file`, before its first value.
    pub fn new<B: Backend>(file: &WeightFile, device: &B::Device) -> Result<Self, WeightsError> {
        let layers: Stack<B, Lstm<B>> = Stack::from_pytorch(file, "encoder.rnn", device)?;
        let stepper = Stepper::new(&layers, 1);
        Ok(Stream {
            hidden: vec![0.0; stepper.output_len()],
            stepper,
            weight: file.read::<f32>("decoder.weight")?.values,
            bias: file.read::<f32>("decoder.bias")?.values[0],
        })
    }

    /// Takes a value, and forecasts the next one.
    pub fn next(&mut self, value: f32) -> f32 {
        self.stepper.step(&[value], &mut self.hidden);
        let products = self.hidden.iter().zip(&self.weight).map(|(h, w)| h * w);
        products.sum::<f32>() + self.bias
    }
}
