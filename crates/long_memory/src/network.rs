//! The networks that are compared: a layer, and a head that reads its last outputs.

use std::fmt;

use burn::{
    module::Module,
    nn::Linear,
    tensor::{Tensor, backend::Backend},
};
use models::{
    FeedForward, FeedForwardConfig, Init, Initializer, Lstm, LstmConfig, RecurrentCell, Rnn,
    RnnConfig, linear,
};
use serde::Serialize;

/// The layer of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A pure function of the current input.
    FeedForward,
    /// A state that is passed on.
    Rnn,
    /// A cell state behind gates.
    Lstm,
}

impl Kind {
    /// From the least memory to the most.
    pub const ALL: [Kind; 3] = [Kind::FeedForward, Kind::Rnn, Kind::Lstm];

    /// Returns the number of parameters of a network with this layer.
    pub fn parameters(self, d_input: usize, d_hidden: usize, d_output: usize) -> usize {
        let layer = match self {
            Kind::FeedForward => d_input + 1,
            Kind::Rnn => d_input + d_hidden + 1,
            Kind::Lstm => 4 * (d_input + d_hidden + 1),
        };
        layer * d_hidden + (d_hidden + 1) * d_output
    }

    /// Returns the `d_hidden` that brings a network closest to this number of parameters.
    pub fn d_hidden(self, d_input: usize, d_output: usize, parameters: usize) -> usize {
        let off = |d_hidden: usize| {
            let has = self.parameters(d_input, d_hidden, d_output);
            has.abs_diff(parameters)
        };
        let too_few = |d_hidden: usize| self.parameters(d_input, d_hidden, d_output) <= parameters;
        let (mut low, mut high) = (1, 2);
        while too_few(high) {
            (low, high) = (high, 2 * high);
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            *if too_few(middle) { &mut low } else { &mut high } = middle;
        }
        if off(high) < off(low) { high } else { low }
    }
}

/// The name of the type in `models`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::FeedForward => "FeedForward",
            Kind::Rnn => "Rnn",
            Kind::Lstm => "Lstm",
        })
    }
}

/// Layer → head.
#[derive(Module, Debug)]
pub struct Network<B: Backend> {
    /// The layer, the only part that may have a memory.
    pub layer: Layer<B>,
    /// From `d_hidden` to an answer.
    pub head: Linear<B>,
}

/// The layer of a [`Network`].
#[derive(Module, Debug)]
pub enum Layer<B: Backend> {
    /// See [`Kind::FeedForward`].
    FeedForward(FeedForward<B>),
    /// See [`Kind::Rnn`].
    Rnn(Rnn<B>),
    /// See [`Kind::Lstm`].
    Lstm(Lstm<B>),
}

/// How to build a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Its layer.
    pub kind: Kind,
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the layer's output.
    pub d_hidden: usize,
    /// Size of an answer.
    pub d_output: usize,
    /// The initial bias of an [`Lstm`]'s forget gate; see [`LstmConfig::chrono`] for `None`.
    pub forget_bias: Option<f64>,
    /// The longest expected dependency, in steps.
    pub longest: usize,
    /// Whether an [`Rnn`]'s `Wh` starts as a random orthogonal matrix.
    pub orthogonal: bool,
}

impl NetworkConfig {
    /// Returns the number of parameters.
    pub fn parameters(&self) -> usize {
        let (d_input, d_output) = (self.d_input, self.d_output);
        self.kind.parameters(d_input, self.d_hidden, d_output)
    }

    /// Creates a network. The same `seed` gives the same weights on every backend.
    pub fn init<B: Backend>(&self, seed: u64, device: &B::Device) -> Network<B> {
        let (d_input, d_hidden) = (self.d_input, self.d_hidden);
        let init = &mut Init::from_seed(seed, device);
        let layer = match self.kind {
            Kind::FeedForward => {
                Layer::FeedForward(FeedForwardConfig::new(d_input, d_hidden).init_with(init))
            }
            Kind::Rnn => {
                let config = RnnConfig::new(d_input, d_hidden);
                let config = config.with_orthogonal_recurrent(self.orthogonal);
                Layer::Rnn(config.init_with(init))
            }
            Kind::Lstm => {
                let config = LstmConfig::new(d_input, d_hidden);
                let config = match self.forget_bias {
                    None => config.with_chrono(Some(self.longest)),
                    bias => config.with_forget_bias(bias),
                };
                Layer::Lstm(config.init_with(init))
            }
        };
        let head = init.linear(d_hidden, self.d_output, Initializer::PyTorch);
        Network { layer, head }
    }
}

impl<B: Backend> Network<B> {
    /// Returns the answers at the last `asked` steps: `[batch, time, d_input]` → `[batch·asked, d_output]`.
    pub fn forward(&self, x: Tensor<B, 3>, asked: usize) -> Tensor<B, 2> {
        let last = |sequence: Tensor<B, 3>| {
            let time = sequence.dims()[1];
            sequence.narrow(1, time - asked, asked).flatten(0, 1)
        };
        let hidden = match &self.layer {
            Layer::FeedForward(layer) => layer.forward(last(x)),
            Layer::Rnn(rnn) => last(rnn.forward(x, None).0),
            Layer::Lstm(lstm) => last(lstm.forward(x, None).0),
        };
        linear(&self.head, hidden)
    }
}
