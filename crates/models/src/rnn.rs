//! The plain recurrent network (Elman 1990): its hidden state is its whole memory.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    fused::{self, Input},
    init::{Init, Initializer},
    product::product,
    scan,
};

/// How to build an [`Rnn`].
#[derive(Config, Debug)]
pub struct RnnConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// Whether `b` is added.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Draw `Wh` as a random orthogonal matrix instead.
    #[config(default = false)]
    pub orthogonal_recurrent: bool,
}

/// What an [`Rnn`] remembers.
#[derive(Clone, Debug)]
pub struct RnnState<B: Backend> {
    /// `h`, `[batch, d_hidden]`.
    pub hidden: Tensor<B, 2>,
}

/// `h[t] = tanh(x[t]·Wx + h[t-1]·Wh + b)`
///
/// PyTorch's `nn.RNN` of one layer has the same weights: `wx` is its `weight_ih` transposed, `wh`
/// its `weight_hh` transposed, `b` its `bias_ih + bias_hh`.
#[derive(Module, Debug)]
pub struct Rnn<B: Backend> {
    /// `[d_input, d_hidden]`
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, d_hidden]`
    pub wh: Param<Tensor<B, 2>>,
    /// `[d_hidden]`
    pub b: Option<Param<Tensor<B, 1>>>,
}

impl RnnConfig {
    /// An [`Rnn`] with fresh weights. `B::seed` decides which.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Rnn<B> {
        self.init_with(&mut Init::from_backend(device))
    }

    /// An [`Rnn`] with fresh weights: the same ones on every backend for the same `seed`.
    pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> Rnn<B> {
        self.init_with(&mut Init::from_seed(seed, device))
    }

    /// An [`Rnn`] whose weights are the next ones of `init`.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> Rnn<B> {
        let (d, h) = (self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * h, bound);
        let wh = match self.orthogonal_recurrent {
            true => init.orthogonal(h, 1),
            false => init.uniform(h * h, bound),
        };
        let b = self.bias.then(|| init.uniform(h, bound));
        Rnn {
            wx: init.param([d, h], wx),
            wh: init.param([h, h], wh),
            b: b.map(|b| init.param([h], b)),
        }
    }
}

impl<B: Backend> Rnn<B> {
    /// A whole sequence: `[batch, time, d_input]` → `[batch, time, d_hidden]`, and the state it
    /// ends in. Without a `state` it starts from zeros.
    ///
    /// # Panics
    ///
    /// Panics on a sequence of no steps, or if shapes do not agree.
    pub fn forward(
        &self,
        input: Tensor<B, 3>,
        state: Option<RnnState<B>>,
    ) -> (Tensor<B, 3>, RnnState<B>) {
        let state = state.unwrap_or_else(|| self.initial_state(input.dims()[0]));
        self.fused(&Input::Vectors(input.clone()), self.wx.val(), &state)
            .unwrap_or_else(|| scan(self, input, state))
    }

    /// The sequence by kernels, where there are some for it.
    pub(crate) fn fused(
        &self,
        input: &Input<B>,
        wx: Tensor<B, 2>,
        state: &RnnState<B>,
    ) -> Option<(Tensor<B, 3>, RnnState<B>)> {
        let kernels = fused::kernels::<B>()?;
        let weights = fused::Weights::new(&self.wh, &self.b, wx, input)?;
        weights.check(input, &[&state.hidden]);
        let (output, hidden) = kernels.rnn(&weights, input, &state.hidden)?;
        Some((output, RnnState { hidden }))
    }
}

impl<B: Backend> RecurrentCell<B> for Rnn<B> {
    type State = RnnState<B>;

    fn initial_state(&self, batch: usize) -> RnnState<B> {
        let [_, d_hidden] = self.wh.dims();
        let options = (&self.wh.device(), self.wh.dtype());
        RnnState {
            hidden: Tensor::zeros([batch, d_hidden], options),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: RnnState<B>) -> (Tensor<B, 2>, RnnState<B>) {
        let state = state.of_batch(x.dims()[0]);
        let mut a = product(x, self.wx.val()) + product(state.hidden, self.wh.val());
        if let Some(b) = &self.b {
            a = a + b.val().unsqueeze();
        }
        let hidden = a.tanh();
        (hidden.clone(), RnnState { hidden })
    }
}

impl<B: Backend> RecurrentState<B> for RnnState<B> {
    fn map(self, f: &mut impl FnMut(Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        RnnState {
            hidden: f(self.hidden),
        }
    }
}
