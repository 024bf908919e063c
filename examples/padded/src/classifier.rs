//! The module: a bidirectional `Lstm`, and a linear layer that sees its outputs at both ends of a series.

use burn::{
    module::{AutodiffModule, Module},
    nn::Linear,
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::{
        ElementConversion, Tensor,
        backend::{AutodiffBackend, Backend},
    },
};
use models::{
    Bidirectional, Init, Initializer, Lengths, Lstm, LstmConfig, RecurrentCell, linear,
    loss::cross_entropy,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::series::{LONGEST, SHORTEST, Series};

const UPDATES: usize = 200;
const BATCH: usize = 32;
const D_HIDDEN: usize = 16;

/// What padding is to the network.
#[derive(Clone, Copy)]
pub enum Padding {
    /// Nothing: it knows where each series ends.
    Skipped,
    /// Input: to it, all series are as long as the longest.
    Read,
}

impl Padding {
    pub fn label(self) -> &'static str {
        match self {
            Padding::Skipped => "with lengths",
            Padding::Read => "without lengths",
        }
    }

    fn lengths(self, series: &Series) -> Lengths {
        let lengths = series.lengths();
        match self {
            Padding::Skipped => Lengths::new(lengths),
            Padding::Read => Lengths::new(vec![LONGEST; lengths.len()]),
        }
    }
}

#[derive(Module, Debug)]
pub struct Classifier<B: Backend> {
    layer: Bidirectional<B, Lstm<B>>,
    head: Linear<B>,
}

impl<B: Backend> Classifier<B> {
    fn init(seed: u64, device: &B::Device) -> Self {
        let mut init = Init::from_seed(seed, device);
        let lstm = LstmConfig::new(1, D_HIDDEN);
        Classifier {
            layer: Bidirectional::new(lstm.init_with(&mut init), lstm.init_with(&mut init)),
            head: init.linear(4 * D_HIDDEN, 2, Initializer::PyTorch),
        }
    }

    /// Scores both classes: `[batch, time, 1]` → `[batch, 2]`.
    fn forward(&self, values: Tensor<B, 3>, lengths: &Lengths) -> Tensor<B, 2> {
        let (y, _) = self.layer.forward_padded(values, lengths, None);
        let first = y.clone().narrow(1, 0, 1).squeeze_dim(1);
        let ends = Tensor::cat(vec![first, lengths.last(y)], 1);
        linear(&self.head, ends)
    }

    /// Returns which series are classified correctly.
    pub fn judge(&self, series: &Series, padding: Padding, device: &B::Device) -> Vec<bool> {
        let scores = self.forward(series.padded(device), &padding.lengths(series));
        let right = scores
            .argmax(1)
            .squeeze_dim(1)
            .equal(series.classes(device));
        right.into_data().iter::<bool>().collect()
    }
}

/// Trains on new series at each update: the same ones for the same seed, whatever padding is.
pub fn train<B: AutodiffBackend>(
    padding: Padding,
    seed: u64,
    device: &B::Device,
) -> Classifier<B::InnerBackend> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut model = Classifier::<B>::init(seed, device);
    let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
    for update in 1..=UPDATES {
        let lengths = [(); BATCH].map(|_| rng.random_range(SHORTEST..=LONGEST));
        let series = Series::random(lengths, &mut rng);
        let scores = model.forward(series.padded(device), &padding.lengths(&series));
        let loss = cross_entropy(scores, series.classes(device));
        if update % 100 == 0 {
            let loss = loss.clone().into_scalar().elem::<f32>();
            println!("update {update:>3}/{UPDATES}: loss {loss:.4}");
        }
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(1e-2, model, grads);
    }
    model.valid()
}
