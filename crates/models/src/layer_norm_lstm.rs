//! The LSTM with layer normalisation (Ba, Kiros and Hinton 2016): what a layer adds up has mean 0 and variance
//! 1 at every step, which keeps long sequences stable.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState},
    init::{Init, Initializer, Remember, init_methods, sizes},
    lstm::draw_bias,
    matmul::{matmul, with_bias},
};

pub use crate::lstm::LstmState;

/// What is known about a [`LayerNormLstm`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "layer_norm_lstm",
    title: "LayerNormLstm",
    parameters: |d_input, d_hidden| d_hidden * (4.0 * (d_input + d_hidden + 1.0) + 10.0),
    saved: |d_hidden| 18.0 * d_hidden,
    ..crate::lstm::DESCRIPTION
};

/// How to build a [`LayerNormLstm`].
///
/// See the examples of [`LayerNormLstm`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct LayerNormLstmConfig {
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
    /// What is added to each variance, so that no division is by zero: PyTorch's `eps`.
    #[config(default = 1e-5)]
    pub epsilon: f64,
}

/// ```text
/// LN(a) = (a − mean(a)) / √(variance(a) + ε)      over the numbers of one sequence at one step
///
/// [ai af ag ao] = LN(x[t]·Wx)·γx + LN(h[t-1]·Wh)·γh + b
///
/// i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)
/// c[t] = f·c[t-1] + i·g
/// h[t] = o·tanh(LN(c[t])·γc + βc)
/// ```
///
/// These are the paper's equations 20 to 22, with its three biases of the gates in one `b`. The gains γ start
/// at 1 and βc at 0. The state is that of an [`Lstm`](crate::Lstm). PyTorch has no such cell.
///
/// Its input may have any scale:
///
/// ```
/// use burn::tensor::{Distribution, Tensor};
/// use burn_ndarray::NdArray;
/// use models::{LayerNormLstmConfig, RecurrentCell};
///
/// let device = Default::default();
/// let cell = LayerNormLstmConfig::new(3, 8).init::<NdArray>(&device);
/// let x = Tensor::random([2, 5, 3], Distribution::Uniform(1.0, 2.0), &device);
/// let (y, _) = cell.forward(x.clone(), None);
/// let (of_larger, _) = cell.forward(x * 100.0, None);
/// assert!((of_larger - y).abs().max().into_scalar() < 0.01);
/// ```
#[derive(Module, Debug)]
pub struct LayerNormLstm<B: Backend> {
    /// `[d_input, 4·d_hidden]`, gates i, f, g, o
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 4·d_hidden]`, gates i, f, g, o
    pub wh: Param<Tensor<B, 2>>,
    /// `[4·d_hidden]`, gates i, f, g, o
    pub b: Option<Param<Tensor<B, 1>>>,
    /// `[4·d_hidden]`: γx
    pub gain_x: Param<Tensor<B, 1>>,
    /// `[4·d_hidden]`: γh
    pub gain_h: Param<Tensor<B, 1>>,
    /// `[d_hidden]`: γc
    pub gain_c: Param<Tensor<B, 1>>,
    /// `[d_hidden]`: βc
    pub bias_c: Param<Tensor<B, 1>>,
    /// ε
    pub epsilon: f64,
}

init_methods!(LayerNormLstmConfig -> LayerNormLstm);

impl LayerNormLstmConfig {
    /// Returns a [`LayerNormLstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> LayerNormLstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 4 * h, bound);
        let wh = init.recurrent(h, 4, bound, self.orthogonal_recurrent);
        let bias = self.bias;
        let b = bias.then(|| draw_bias(init, h, bound, self.remember));
        LayerNormLstm {
            wx: init.param([d, 4 * h], wx),
            wh: init.param([h, 4 * h], wh),
            b: b.map(|b| init.param([4 * h], b)),
            gain_x: init.param([4 * h], vec![1.0; 4 * h]),
            gain_h: init.param([4 * h], vec![1.0; 4 * h]),
            gain_c: init.param([h], vec![1.0; h]),
            bias_c: init.param([h], vec![0.0; h]),
            epsilon: self.epsilon,
        }
    }
}

impl<B: Backend> LayerNormLstm<B> {
    /// `LN(a)·gain`, for each row of `a`.
    fn normalised(&self, a: Tensor<B, 2>, gain: &Param<Tensor<B, 1>>) -> Tensor<B, 2> {
        let centred = a.clone() - a.mean_dim(1);
        let variance = (centred.clone() * centred.clone()).mean_dim(1);
        // Not a division, whose gradient takes a reciprocal: Burn 0.21's `NdArray` estimates those to 12 bits.
        centred * (variance + self.epsilon).powf_scalar(-0.5) * gain.val().unsqueeze()
    }
}

impl<B: Backend> RecurrentCell<B> for LayerNormLstm<B> {
    type State = LstmState<B>;

    fn initial_state(&self, batch: usize) -> LstmState<B> {
        LstmState::zeros(batch, &self.wh)
    }

    fn step(&self, x: Tensor<B, 2>, state: LstmState<B>) -> (Tensor<B, 2>, LstmState<B>) {
        let h = self.wh.dims()[0];
        let LstmState { hidden, cell } = state.of_shape(x.dims()[0], &[h, h]);
        let a = with_bias(
            self.normalised(matmul(x, self.wx.val()), &self.gain_x)
                + self.normalised(matmul(hidden, self.wh.val()), &self.gain_h),
            &self.b,
        );
        let [ai, af, ag, ao] = a.chunk(4, 1).try_into().expect("four gates");
        let (i, f, g, o) = (sigmoid(ai), sigmoid(af), ag.tanh(), sigmoid(ao));

        let cell = f * cell + i * g;
        let shown = self.normalised(cell.clone(), &self.gain_c) + self.bias_c.val().unsqueeze();
        let hidden = o * shown.tanh();
        (hidden.clone(), LstmState { hidden, cell })
    }
}

impl<B: Backend> Cell<B> for LayerNormLstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let config = LayerNormLstmConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .with_remember(options.remember.or(Remember::Bias(1.0)));
        config.init_with(init)
    }
}
