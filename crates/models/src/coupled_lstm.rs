//! The LSTM with coupled input and forget gates (Greff et al. 2017): it takes in as much as it forgets.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState},
    fused::KernelLayer,
    init::{Init, Initializer, Remember, init_methods, sizes},
    matmul::{matmul, with_bias},
};

pub use crate::lstm::LstmState;

/// What is known about a [`CoupledLstm`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "coupled_lstm",
    title: "CoupledLstm",
    parameters: |d_input, d_hidden| 3.0 * d_hidden * (d_input + d_hidden + 1.0),
    saved: |d_hidden| 7.0 * d_hidden,
    ..crate::lstm::DESCRIPTION
};

/// How to build a [`CoupledLstm`].
///
/// See the examples of [`CoupledLstm`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct CoupledLstmConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the hidden state and of the cell.
    pub d_hidden: usize,
    /// Whether there is a bias `b`.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Whether each gate's block of `Wh` is drawn as a random orthogonal matrix instead.
    #[config(default = false)]
    pub orthogonal_recurrent: bool,
    /// How far the forget gate is open at first. Without `bias` it has no effect.
    #[config(default = "Remember::Bias(1.0)")]
    pub remember: Remember,
}

/// ```text
/// [af ag ao] = x[t]·Wx + h[t-1]·Wh + b
///
/// f = σ(af)   g = tanh(ag)   o = σ(ao)
/// c[t] = f·c[t-1] + (1 − f)·g
/// h[t] = o·tanh(c[t])
/// ```
///
/// An [`Lstm`](crate::Lstm) with `i = 1 − f`: three quarters of the weights and of the work. The state is that
/// of an `Lstm`. PyTorch has no such cell.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{CoupledLstmConfig, LstmState, RecurrentCell};
///
/// let device = Default::default();
/// let mut cell = CoupledLstmConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// cell.wx = Param::from_data([[0.1, 0.2, 0.3]], &device); // f, g, o
/// let one = Tensor::ones([1, 1], &device);
/// let state = LstmState { hidden: Tensor::zeros([1, 1], &device), cell: one.clone() };
///
/// let (_, state) = cell.step(one, state);
/// let f = 1.0 / (1.0 + f32::exp(-0.1));
/// let c = f * 1.0 + (1.0 - f) * f32::tanh(0.2); // between the old cell and the candidate
/// assert!((state.cell.into_scalar() - c).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct CoupledLstm<B: Backend> {
    /// `[d_input, 3·d_hidden]`, gates f, g, o
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 3·d_hidden]`, gates f, g, o
    pub wh: Param<Tensor<B, 2>>,
    /// `[3·d_hidden]`, gates f, g, o
    pub b: Option<Param<Tensor<B, 1>>>,
}

init_methods!(CoupledLstmConfig -> CoupledLstm);

impl CoupledLstmConfig {
    /// Returns a [`CoupledLstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> CoupledLstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 3 * h, bound);
        let wh = init.recurrent(h, 3, bound, self.orthogonal_recurrent);
        let b = self.bias.then(|| {
            let mut b = init.uniform(3 * h, bound);
            init.remember(&mut b[..h], self.remember);
            b
        });
        CoupledLstm {
            wx: init.param([d, 3 * h], wx),
            wh: init.param([h, 3 * h], wh),
            b: b.map(|b| init.param([3 * h], b)),
        }
    }
}

impl<B: Backend> RecurrentCell<B> for CoupledLstm<B> {
    type State = LstmState<B>;

    fn initial_state(&self, batch: usize) -> LstmState<B> {
        LstmState::zeros(batch, &self.wh)
    }

    fn step(&self, x: Tensor<B, 2>, state: LstmState<B>) -> (Tensor<B, 2>, LstmState<B>) {
        let h = self.wh.dims()[0];
        let state = state.of_shape(x.dims()[0], &[h, h]);
        if let Some(next) = self.step_by_kernels(&x, &state) {
            return next;
        }
        let LstmState { hidden, cell } = state;
        let a = with_bias(
            matmul(x, self.wx.val()) + matmul(hidden, self.wh.val()),
            &self.b,
        );
        let [af, ag, ao] = a.chunk(3, 1).try_into().expect("three gates");
        let (f, g, o) = (sigmoid(af), ag.tanh(), sigmoid(ao));

        let cell = g.clone() + f * (cell - g);
        let hidden = o * cell.clone().tanh();
        (hidden.clone(), LstmState { hidden, cell })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let kernel = kernels::recurrent::coupled_lstm::KERNEL;
        let layer = KernelLayer::new(kernel, &self.wx, &self.wh, &self.b);
        Some(vec![layer])
    }
}

impl<B: Backend> Cell<B> for CoupledLstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let config = CoupledLstmConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .with_remember(options.remember.or(Remember::Bias(1.0)));
        config.init_with(init)
    }
}
