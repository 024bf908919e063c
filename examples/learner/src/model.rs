//! The model: an `Lstm` whose last output a linear layer classifies, with the two steps that a `Learner` takes.

use burn::{
    module::Module,
    nn::Linear,
    tensor::{
        Tensor,
        backend::{AutodiffBackend, Backend},
    },
    train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep},
};
use models::{Init, Initializer, Lstm, LstmConfig, RecurrentCell, linear, loss::cross_entropy};

use crate::waves::{CLASSES, WaveBatch};

const D_HIDDEN: usize = 32;

#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    lstm: Lstm<B>,
    head: Linear<B>,
}

impl<B: Backend> Classifier<B> {
    pub fn init(seed: u64, device: &B::Device) -> Self {
        let mut init = Init::from_seed(seed, device);
        Classifier {
            lstm: LstmConfig::new(1, D_HIDDEN).init_with(&mut init),
            head: init.linear(D_HIDDEN, CLASSES, Initializer::PyTorch),
        }
    }

    /// Scores the classes: `[batch, time, 1]` → `[batch, CLASSES]`.
    pub fn forward(&self, values: Tensor<B, 3>) -> Tensor<B, 2> {
        let (_, state) = self.lstm.forward(values, None);
        linear(&self.head, state.hidden)
    }

    fn classify(&self, batch: WaveBatch<B>) -> ClassificationOutput<B> {
        let scores = self.forward(batch.values);
        let loss = cross_entropy(scores.clone(), batch.classes.clone());
        ClassificationOutput::new(loss, scores, batch.classes)
    }
}

impl<B: AutodiffBackend> TrainStep for Classifier<B> {
    type Input = WaveBatch<B>;
    type Output = ClassificationOutput<B>;

    fn step(&self, batch: WaveBatch<B>) -> TrainOutput<ClassificationOutput<B>> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl<B: Backend> InferenceStep for Classifier<B> {
    type Input = WaveBatch<B>;
    type Output = ClassificationOutput<B>;

    fn step(&self, batch: WaveBatch<B>) -> ClassificationOutput<B> {
        self.classify(batch)
    }
}
