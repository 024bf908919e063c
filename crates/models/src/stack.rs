//! Layers on top of one another: the output of each is the input of the next.

use burn::{
    config::Config,
    module::Module,
    nn::{Dropout, DropoutConfig},
    tensor::{Int, Tensor, backend::Backend},
};
use serde::{Deserialize, Serialize};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    fused::{self, Input},
    init::{Init, Initializer},
    lstm::{Lstm, LstmConfig, LstmState},
    rnn::{Rnn, RnnConfig, RnnState},
};

/// Which recurrent network a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    /// [`Rnn`]
    Rnn,
    /// [`Lstm`]
    Lstm,
}

/// How to build a [`Stack`].
#[derive(Config, Debug)]
pub struct StackConfig {
    /// Which network each layer is.
    pub cell: CellKind,
    /// Size of each input vector of the first layer.
    pub d_input: usize,
    /// Size of each layer's hidden state.
    pub d_hidden: usize,
    /// How many layers.
    #[config(default = 1)]
    pub n_layers: usize,
    /// Probability of zeroing an element of a layer's output, in training.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
}

/// Recurrent layers, with dropout on the output of each (Zaremba, Sutskever and Vinyals 2014: on
/// what goes up, never on what goes on in time).
#[derive(Module, Debug)]
pub struct Stack<B: Backend> {
    /// From the input upwards.
    pub layers: Vec<Layer<B>>,
    /// On the output of each layer; acts on autodiff backends only.
    pub dropout: Dropout,
}

/// One layer of a [`Stack`].
#[derive(Module, Debug)]
pub enum Layer<B: Backend> {
    /// A plain recurrent network.
    Rnn(Rnn<B>),
    /// A long short-term memory.
    Lstm(Lstm<B>),
}

/// What a [`Layer`] remembers.
#[derive(Clone, Debug)]
pub enum LayerState<B: Backend> {
    /// The state of a plain recurrent network.
    Rnn(RnnState<B>),
    /// The state of a long short-term memory.
    Lstm(LstmState<B>),
}

/// What a [`Stack`] remembers: the state of each layer, from the input upwards.
pub type StackState<B> = Vec<LayerState<B>>;

impl StackConfig {
    /// A [`Stack`] with fresh weights. `B::seed` decides which.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Stack<B> {
        self.init_with(&mut Init::from_backend(device))
    }

    /// A [`Stack`] with fresh weights: the same ones on every backend for the same `seed`.
    pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> Stack<B> {
        self.init_with(&mut Init::from_seed(seed, device))
    }

    /// A [`Stack`] whose weights are the next ones of `init`.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> Stack<B> {
        let layer = |i| {
            let d_input = if i == 0 { self.d_input } else { self.d_hidden };
            match self.cell {
                CellKind::Rnn => {
                    let config = RnnConfig::new(d_input, self.d_hidden);
                    Layer::Rnn(config.with_initializer(self.initializer).init_with(init))
                }
                CellKind::Lstm => {
                    let config = LstmConfig::new(d_input, self.d_hidden);
                    Layer::Lstm(config.with_initializer(self.initializer).init_with(init))
                }
            }
        };
        Stack {
            layers: (0..self.n_layers).map(layer).collect(),
            dropout: DropoutConfig::new(self.dropout).init(),
        }
    }
}

impl<B: Backend> Stack<B> {
    /// A whole sequence: `[batch, time, d_input]` → `[batch, time, d_hidden]`, and the state it
    /// ends in. Without a `state` it starts from zeros.
    ///
    /// # Panics
    ///
    /// Panics on a sequence of no steps, or if shapes or kinds of state do not agree.
    pub fn forward(
        &self,
        input: Tensor<B, 3>,
        state: Option<StackState<B>>,
    ) -> (Tensor<B, 3>, StackState<B>) {
        let state = state.unwrap_or_else(|| self.initial_state(input.dims()[0]));
        self.through(input, state, Layer::forward)
    }

    /// A whole sequence of tokens `[batch, time]`, where the first layer has kernels for it: `table`
    /// makes `[vocabulary, gates·d_hidden]`, the `x·Wx` of each token, of that layer's `Wx`.
    pub(crate) fn forward_tokens(
        &self,
        tokens: Tensor<B, 2, Int>,
        table: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
        state: &StackState<B>,
    ) -> Option<(Tensor<B, 3>, StackState<B>)> {
        let (first, above) = self.layers.split_first()?;
        fused::kernels::<B>()?;
        assert_eq!(self.layers.len(), state.len(), "a state for each layer");
        let input = Input::Tokens(tokens);
        let (y, first_state) = match (first, &state[0]) {
            (Layer::Rnn(rnn), LayerState::Rnn(state)) => {
                let (y, state) = rnn.fused(&input, table(rnn.wx.val()), state)?;
                (y, LayerState::Rnn(state))
            }
            (Layer::Lstm(lstm), LayerState::Lstm(state)) => {
                let (y, state) = lstm.fused(&input, table(lstm.wx.val()), state)?;
                (y, LayerState::Lstm(state))
            }
            _ => panic!("{OTHER_KIND}"),
        };
        let mut next = vec![first_state];
        let x = self.dropout.forward(y);
        let y = self.climb(above, x, &state[1..], &mut next, Layer::forward);
        Some((y, next))
    }

    /// From the input upwards, whether with a sequence (`D` = 3) or with one step (`D` = 2).
    fn through<const D: usize>(
        &self,
        x: Tensor<B, D>,
        state: StackState<B>,
        run: impl Fn(&Layer<B>, Tensor<B, D>, LayerState<B>) -> (Tensor<B, D>, LayerState<B>),
    ) -> (Tensor<B, D>, StackState<B>) {
        assert_eq!(self.layers.len(), state.len(), "a state for each layer");
        let mut next = Vec::with_capacity(state.len());
        let y = self.climb(&self.layers, x, &state, &mut next, run);
        (y, next)
    }

    /// Through some of the layers, whose new states go to `next`.
    fn climb<const D: usize>(
        &self,
        layers: &[Layer<B>],
        mut x: Tensor<B, D>,
        states: &[LayerState<B>],
        next: &mut StackState<B>,
        run: impl Fn(&Layer<B>, Tensor<B, D>, LayerState<B>) -> (Tensor<B, D>, LayerState<B>),
    ) -> Tensor<B, D> {
        for (layer, state) in layers.iter().zip(states) {
            let (y, state) = run(layer, x, state.clone());
            next.push(state);
            x = self.dropout.forward(y);
        }
        x
    }
}

impl<B: Backend> RecurrentCell<B> for Stack<B> {
    type State = StackState<B>;

    fn initial_state(&self, batch: usize) -> StackState<B> {
        let layers = self.layers.iter();
        layers.map(|layer| layer.initial_state(batch)).collect()
    }

    fn step(&self, x: Tensor<B, 2>, state: StackState<B>) -> (Tensor<B, 2>, StackState<B>) {
        self.through(x, state, Layer::step)
    }
}

impl<B: Backend> Layer<B> {
    /// A whole sequence, as [`Rnn::forward`] and [`Lstm::forward`] have it.
    ///
    /// # Panics
    ///
    /// Panics if they do, or if `state` belongs to another kind of network.
    pub fn forward(
        &self,
        input: Tensor<B, 3>,
        state: LayerState<B>,
    ) -> (Tensor<B, 3>, LayerState<B>) {
        match (self, state) {
            (Layer::Rnn(rnn), LayerState::Rnn(state)) => {
                let (y, state) = rnn.forward(input, Some(state));
                (y, LayerState::Rnn(state))
            }
            (Layer::Lstm(lstm), LayerState::Lstm(state)) => {
                let (y, state) = lstm.forward(input, Some(state));
                (y, LayerState::Lstm(state))
            }
            _ => panic!("{OTHER_KIND}"),
        }
    }
}

const OTHER_KIND: &str = "the state belongs to another kind of network than the layer";

impl<B: Backend> RecurrentCell<B> for Layer<B> {
    type State = LayerState<B>;

    fn initial_state(&self, batch: usize) -> LayerState<B> {
        match self {
            Layer::Rnn(rnn) => LayerState::Rnn(rnn.initial_state(batch)),
            Layer::Lstm(lstm) => LayerState::Lstm(lstm.initial_state(batch)),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: LayerState<B>) -> (Tensor<B, 2>, LayerState<B>) {
        match (self, state) {
            (Layer::Rnn(rnn), LayerState::Rnn(state)) => {
                let (y, state) = rnn.step(x, state);
                (y, LayerState::Rnn(state))
            }
            (Layer::Lstm(lstm), LayerState::Lstm(state)) => {
                let (y, state) = lstm.step(x, state);
                (y, LayerState::Lstm(state))
            }
            _ => panic!("{OTHER_KIND}"),
        }
    }
}

impl<B: Backend> RecurrentState<B> for LayerState<B> {
    fn map(self, f: &mut impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        match self {
            LayerState::Rnn(state) => LayerState::Rnn(state.map(f)),
            LayerState::Lstm(state) => LayerState::Lstm(state.map(f)),
        }
    }
}
