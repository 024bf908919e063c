//! The plain recurrent network (Elman 1990): its hidden state is its whole memory.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState},
    fused::KernelLayer,
    init::{Init, Initializer},
    matmul::matmul,
};

/// What is known about an [`Rnn`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "rnn",
    title: "Rnn",
    parameters: |d_input, d_hidden| d_hidden * (d_input + d_hidden + 1.0),
    state: |d_hidden| d_hidden,
    saved: |d_hidden| 2.0 * d_hidden,
};

/// How to build an [`Rnn`].
#[derive(Config, Debug)]
pub struct RnnConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// Whether there is a bias `b`.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Whether `Wh` is drawn as a random orthogonal matrix instead.
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
    /// Returns an [`Rnn`] with fresh weights, which `B::seed` determines.
    pub fn init<B: Backend>(&self, device: &B::Device) -> Rnn<B> {
        self.init_with(&mut Init::from_backend(device))
    }

    /// Returns an [`Rnn`] with fresh weights: the same on every backend for the same `seed`.
    pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> Rnn<B> {
        self.init_with(&mut Init::from_seed(seed, device))
    }

    /// Returns an [`Rnn`] with weights drawn from `init`.
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
        let mut a = matmul(x, self.wx.val()) + matmul(state.hidden, self.wh.val());
        if let Some(b) = &self.b {
            a = a + b.val().unsqueeze();
        }
        let hidden = a.tanh();
        (hidden.clone(), RnnState { hidden })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let layer = KernelLayer::new(kernels::recurrent::rnn::KERNEL, &self.wx, &self.wh, &self.b);
        Some(vec![layer])
    }
}

impl<B: Backend> Cell<B> for Rnn<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        RnnConfig::new(options.d_input, options.d_hidden)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .init_with(init)
    }
}

impl<B: Backend> RecurrentState<B> for RnnState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        RnnState {
            hidden: f("hidden", self.hidden),
        }
    }
}
