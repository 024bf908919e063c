//! One training: a network learns a task at a distance.

use burn::{
    module::{AutodiffModule, Module},
    optim::{AdamConfig, GradientsParams, Optimizer},
    tensor::backend::{AutodiffBackend, Backend},
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use train::{
    Clip, Schedule,
    learn::{clip, norms::global_norm},
};

use crate::{
    gradient_reach::{Reach, reach},
    network::{Network, NetworkConfig, NetworkKind},
    task::{Sequences, Task},
};

/// The budget, which is the same for all networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// `d_hidden` of the [`Lstm`](models::Lstm); the other networks get the same number of parameters.
    pub hidden_size: usize,
    /// The most updates; a network that has learned its task stops earlier.
    pub updates: usize,
    /// Sequences in an update.
    pub batch_size: usize,
    /// The highest learning rate of Adam: it rises over the first updates, then falls to 0 along a cosine.
    pub learning_rate: f64,
    /// The Euclidean norm to which gradients are clipped.
    pub grad_clip: f64,
    /// The initial bias of the [`Lstm`](models::Lstm)'s forget gate; `None` derives it from the length of the
    /// sequences ([`LstmConfig::chrono`](models::LstmConfig::chrono)).
    pub forget_bias: Option<f64>,
    /// Whether `Wh` of the [`Rnn`](models::Rnn) starts as a random orthogonal matrix, which preserves the norm
    /// of a gradient (Saxe, McClelland and Ganguli 2013), instead of PyTorch's U(−1/√H, 1/√H).
    pub orthogonal: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            hidden_size: 32,
            updates: 2000,
            batch_size: 32,
            learning_rate: 0.01,
            grad_clip: 1.0,
            forget_bias: None,
            orthogonal: false,
        }
    }
}

/// A training to be done: one row of the report, for one seed.
#[derive(Clone, Copy)]
pub struct Job {
    /// The task.
    pub task: &'static dyn Task,
    /// Its distance.
    pub distance: usize,
    /// The network.
    pub kind: NetworkKind,
    /// Decides weights and sequences.
    pub seed: u64,
}

/// The result of a network on held-out sequences after some updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Updates done.
    pub update: usize,
    /// Mean square error or accuracy at the last step.
    pub result: f64,
}

/// The outcome of a [`Job`].
pub struct Trained<B: Backend> {
    /// What was trained.
    pub job: Job,
    /// Size of the layer.
    pub d_hidden: usize,
    /// Number of trainable parameters.
    pub parameters: usize,
    /// The result on [`TEST`] sequences that it did not learn from.
    pub result: f64,
    /// Results during training, on fewer sequences.
    pub curve: Vec<CurvePoint>,
    /// Updates done.
    pub updates: usize,
    /// How far gradients reached back before and after training.
    pub reach: Option<[Reach; 2]>,
    /// The network.
    pub network: Network<B>,
}

/// How many sequences the final result is the mean over.
pub const TEST: usize = 2000;
/// How many sequences a point of a curve is the mean over.
const HELD_OUT: usize = 500;
/// Points of a curve.
const POINTS: usize = 40;
/// How many sequences gradient norms are the mean over.
pub const GRADIENT: usize = 32;
/// How many sequences are judged at once.
pub(crate) const AT_ONCE: usize = 250;
/// Updates over which the learning rate rises.
const WARMUP: usize = 50;

/// The random streams of a seed, one for each purpose.
#[derive(Clone, Copy)]
pub enum Stream {
    /// Sequences to learn from.
    Train,
    /// Sequences for the curve.
    HeldOut,
    /// Sequences for the final result.
    Test,
    /// Sequences for gradient norms.
    Gradient,
    /// Sequences that are shown.
    Example,
}

impl Stream {
    /// Returns the random numbers of the stream, from its start.
    pub fn of(self, seed: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // The weights are drawn from stream 0.
        rng.set_stream(1 + self as u64);
        rng
    }
}

impl Job {
    /// Returns the number of steps of a sequence.
    pub fn steps(&self) -> usize {
        self.task.steps(self.distance)
    }

    /// Returns the network to be trained.
    pub fn network(&self, budget: &Budget) -> NetworkConfig {
        let (d_input, d_output) = (self.task.d_input(), self.task.answer().d_output());
        let parameters = NetworkKind::LSTM.parameters(d_input, budget.hidden_size, d_output);
        NetworkConfig {
            kind: self.kind,
            d_input,
            d_hidden: self.kind.d_hidden(d_input, d_output, parameters),
            d_output,
            forget_bias: budget.forget_bias,
            orthogonal: budget.orthogonal,
            longest: self.steps(),
        }
    }

    /// Draws the first `size` sequences of a stream.
    pub fn batch<B: Backend>(
        &self,
        stream: Stream,
        size: usize,
        device: &B::Device,
    ) -> Sequences<B> {
        let rng = &mut stream.of(self.seed);
        Sequences::draw(self.task, self.distance, size, rng, device)
    }

    /// Trains the network. `None` if `goes_on`, which is called after each update, returns false.
    pub fn train<B: AutodiffBackend>(
        &self,
        budget: &Budget,
        device: &B::Device,
        mut goes_on: impl FnMut() -> bool,
    ) -> Option<Trained<B::InnerBackend>> {
        let answer = self.task.answer();
        let config = self.network(budget);
        let mut network: Network<B> = config.init(self.seed, device);
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        let schedule = Schedule::Cosine {
            warmup: WARMUP.min(budget.updates / 10),
        };
        let limit = Clip::Norm(budget.grad_clip);

        let for_gradient = self.batch(Stream::Gradient, GRADIENT, device).at_the_end();
        let before = reach(&network, answer, &for_gradient);
        let mut rng = Stream::Train.of(self.seed);
        let mut curve = vec![CurvePoint {
            update: 0,
            result: self.judge(&network.valid(), Stream::HeldOut, HELD_OUT, device),
        }];
        let mut updates = 0;
        while updates < budget.updates {
            let mut batch = Sequences::draw(
                self.task,
                self.distance,
                budget.batch_size,
                &mut rng,
                device,
            );
            if self.kind == NetworkKind::FeedForward {
                // The network is the same function at each step, and only the last step is judged.
                batch = batch.at_the_end();
            }
            let outputs = network.forward(batch.inputs, batch.asked);
            let loss = answer.loss(outputs, &batch.targets);
            let mut grads = GradientsParams::from_grads(loss.backward(), &network);
            let norm = global_norm(&network, &grads);
            if norm.is_finite() {
                clip(limit, &network, norm, &mut grads);
                let rate = budget.learning_rate * schedule.factor(updates, 1, budget.updates, 0);
                network = optimizer.step(rate, network, grads);
            }
            updates += 1;
            if !goes_on() {
                return None;
            }
            if (updates * POINTS) % budget.updates < POINTS {
                let result = self.judge(&network.valid(), Stream::HeldOut, HELD_OUT, device);
                curve.push(CurvePoint {
                    update: updates,
                    result,
                });
                if answer.is_learned(result) {
                    break;
                }
            }
        }

        let after = reach(&network, answer, &for_gradient);
        let network = network.valid();
        Some(Trained {
            job: *self,
            d_hidden: config.d_hidden,
            parameters: network.num_params(),
            result: self.judge(&network, Stream::Test, TEST, device),
            curve,
            updates,
            reach: before.zip(after).map(<[Reach; 2]>::from),
            network,
        })
    }

    /// Returns the result at the last step of `size` sequences.
    fn judge<B: Backend>(
        &self,
        network: &Network<B>,
        stream: Stream,
        size: usize,
        device: &B::Device,
    ) -> f64 {
        let rng = &mut stream.of(self.seed);
        let mut sum = 0.0;
        for _ in 0..size / AT_ONCE {
            let batch =
                Sequences::draw(self.task, self.distance, AT_ONCE, rng, device).at_the_end();
            let outputs = network.forward(batch.inputs, batch.asked);
            sum += self.task.answer().judge(outputs, &batch.targets);
        }
        sum / size as f64
    }
}
