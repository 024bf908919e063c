//! The networks that are compared: a layer, and a head that reads its last outputs.

use std::fmt;

use burn::{
    module::Module,
    nn::Linear,
    tensor::{Tensor, backend::Backend},
};
use models::{
    AnyCell, Cell, CellKind, CellOptions, FeedForward, FeedForwardConfig, Init, Initializer,
    RecurrentCell, Remember, linear,
};
use serde::{Serialize, Serializer};

/// Which layer a [`Network`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// A pure function of the current input.
    FeedForward,
    /// A recurrent cell of the list of [`models`].
    Recurrent(CellKind),
}

impl NetworkKind {
    /// The plain recurrent network.
    pub const RNN: Self = NetworkKind::Recurrent(CellKind::Rnn);
    /// The long short-term memory.
    pub const LSTM: Self = NetworkKind::Recurrent(CellKind::Lstm);

    /// The networks that the article compares, from the least memory to the most.
    pub const ARTICLE: [Self; 3] = [NetworkKind::FeedForward, Self::RNN, Self::LSTM];

    /// Returns all kinds: the feed-forward network and each cell of the list.
    pub fn all() -> Vec<Self> {
        let cells = CellKind::ALL.map(NetworkKind::Recurrent);
        [&[NetworkKind::FeedForward], &cells[..]].concat()
    }

    /// Returns the name on the command line: `feed_forward`, or that of the cell.
    pub fn name(self) -> &'static str {
        match self {
            NetworkKind::FeedForward => "feed_forward",
            NetworkKind::Recurrent(cell) => cell.description().name,
        }
    }

    /// Returns the name of the layer's type in [`models`].
    pub fn title(self) -> &'static str {
        match self {
            NetworkKind::FeedForward => "FeedForward",
            NetworkKind::Recurrent(cell) => cell.description().title,
        }
    }

    /// Returns the number of trainable parameters of a network with this layer.
    pub fn parameters(self, d_input: usize, d_hidden: usize, d_output: usize) -> usize {
        let layer = match self {
            NetworkKind::FeedForward => (d_input + 1) * d_hidden,
            NetworkKind::Recurrent(cell) => {
                (cell.description().parameters)(d_input as f64, d_hidden as f64) as usize
            }
        };
        layer + (d_hidden + 1) * d_output
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

/// Displays [`title`](NetworkKind::title).
impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.title())
    }
}

impl Serialize for NetworkKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.title())
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
    /// A pure function of the current input.
    FeedForward(FeedForward<B>),
    /// A recurrent cell.
    Recurrent(AnyCell<B>),
}

/// How to build a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Its layer.
    pub kind: NetworkKind,
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the layer's output.
    pub d_hidden: usize,
    /// Size of an answer.
    pub d_output: usize,
    /// The initial bias of an [`Lstm`](models::Lstm)'s forget gate; see [`LstmConfig::chrono`](models::LstmConfig::chrono) for `None`.
    pub forget_bias: Option<f64>,
    /// The longest expected dependency, in steps.
    pub longest: usize,
    /// Whether an [`Rnn`](models::Rnn)'s `Wh` starts as a random orthogonal matrix.
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
            NetworkKind::FeedForward => {
                Layer::FeedForward(FeedForwardConfig::new(d_input, d_hidden).init_with(init))
            }
            NetworkKind::Recurrent(cell) => {
                let options = CellOptions::new(d_input, d_hidden)
                    .with_orthogonal_recurrent(self.orthogonal && cell == CellKind::Rnn)
                    .with_remember(match self.forget_bias {
                        None => Remember::UpTo(self.longest),
                        Some(bias) => Remember::Bias(bias),
                    });
                Layer::Recurrent(AnyCell::init(cell, &options, init))
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
            Layer::Recurrent(cell) => last(cell.forward(x, None).0),
        };
        linear(&self.head, hidden)
    }
}
