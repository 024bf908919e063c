//! The long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers,
//! Schmidhuber and Cummins 2000): gates decide what the cell keeps, what it takes in and what it shows.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    fused::KernelLayer,
    init::{Init, Initializer, Remember, init_methods, sizes},
    matmul::{matmul, with_bias},
    weights::{Form, LayerWeights, WeightsError, array, only, param},
};

/// What is known about an [`Lstm`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "lstm",
    title: "Lstm",
    parameters: |d_input, d_hidden| 4.0 * d_hidden * (d_input + d_hidden + 1.0),
    state: |d_hidden| 2.0 * d_hidden,
    recurrent_weights: true,
    saved: |d_hidden| 8.0 * d_hidden,
};

/// How to build an [`Lstm`].
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::LstmConfig;
///
/// let config = LstmConfig::new(3, 8).with_chrono(Some(100)); // d_input 3, d_hidden 8
/// let lstm = config.init::<NdArray>(&Default::default());
/// let gates = lstm.b.unwrap().val().chunk(4, 0);
/// let (i, f) = (gates[0].clone(), gates[1].clone());
/// assert!(f.clone().min().into_scalar() >= 0.0); // the forget gate starts open,
/// assert_eq!((i + f).abs().max().into_scalar(), 0.0); // and the input gate as far closed
/// ```
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct LstmConfig {
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
    /// The value that the forget gate's part of `b` starts from: 1 lets a fresh network remember
    /// (Jozefowicz, Zaremba and Sutskever 2015). `None` draws it like the rest, as PyTorch does.
    #[config(default = "Some(1.0)")]
    pub forget_bias: Option<f64>,
    /// The chrono initialisation of Tallec and Ollivier (2018), in place of `forget_bias`: the forget gate's
    /// part of `b` is drawn from `ln U(1, T−1)`, and the input gate's is its negative, so that the cells of a
    /// fresh network remember over 1 to `T` steps. `T`, at least 2, is the longest dependency expected. Like
    /// `forget_bias`, it has no effect without `bias`.
    #[config(default = "None")]
    pub chrono: Option<usize>,
}

/// What an [`Lstm`] remembers.
///
/// It is all that a sequence needs to go on:
///
/// ```
/// use burn::tensor::{Distribution, Tensor};
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell};
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device);
/// let x = Tensor::random([2, 5, 3], Distribution::Default, &device);
/// let (y, _) = lstm.forward(x.clone(), None);
///
/// let (_, state) = lstm.forward(x.clone().narrow(1, 0, 3), None); // three steps,
/// let (rest, _) = lstm.forward(x.narrow(1, 3, 2), Some(state)); // and the other two
/// assert!((rest - y.narrow(1, 3, 2)).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct LstmState<B: Backend> {
    /// `h`, `[batch, d_hidden]`: the output of the last step.
    pub hidden: Tensor<B, 2>,
    /// `c`, `[batch, d_hidden]`: the long-range memory.
    pub cell: Tensor<B, 2>,
}

/// The gates of an [`Lstm`] in one step, each `[batch, d_hidden]`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::LstmConfig;
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device); // its forget_bias is 1
/// let gates = lstm.gates(Tensor::zeros([1, 3], &device), Tensor::zeros([1, 8], &device));
/// let sigma_of_1 = 1.0 / (1.0 + f32::exp(-1.0)); // 0.73
/// assert!((gates.f - sigma_of_1).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct LstmGates<B: Backend> {
    /// Input gate, from 0 to 1: what to take in.
    pub i: Tensor<B, 2>,
    /// Forget gate, from 0 to 1: what to keep.
    pub f: Tensor<B, 2>,
    /// Candidate, from −1 to 1.
    pub g: Tensor<B, 2>,
    /// Output gate, from 0 to 1: what to show.
    pub o: Tensor<B, 2>,
}

/// ```text
/// [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
///
/// i = σ(ai)   input gate: what to take in      f = σ(af)   forget gate: what to keep
/// g = tanh(ag)   candidate                     o = σ(ao)   output gate: what to show
///
/// c[t] = f·c[t-1] + i·g
/// h[t] = o·tanh(c[t])
/// ```
///
/// PyTorch's `nn.LSTM` of one layer has the same weights in the same gate order: `wx` is its
/// `weight_ih` transposed, `wh` its `weight_hh` transposed, `b` its `bias_ih + bias_hh`.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, LstmState, RecurrentCell};
///
/// let device = Default::default();
/// let mut lstm = LstmConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// lstm.wx = Param::from_data([[0.1, 0.2, 0.3, 0.4]], &device); // i, f, g, o
/// lstm.wh = Param::from_data([[0.1, 0.1, 0.1, 0.1]], &device);
///
/// let one = Tensor::ones([1, 1], &device);
/// let (h, _) = lstm.step(one.clone(), LstmState { hidden: one.clone(), cell: one });
/// let sigma = |a: f32| 1.0 / (1.0 + (-a).exp());
/// let c = sigma(0.3) * 1.0 + sigma(0.2) * f32::tanh(0.4); // f·c + i·g
/// assert!((h.into_scalar() - sigma(0.5) * c.tanh()).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct Lstm<B: Backend> {
    /// `[d_input, 4·d_hidden]`, gates i, f, g, o
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 4·d_hidden]`, gates i, f, g, o
    pub wh: Param<Tensor<B, 2>>,
    /// `[4·d_hidden]`, gates i, f, g, o
    pub b: Option<Param<Tensor<B, 1>>>,
}

init_methods!(LstmConfig -> Lstm);

impl LstmConfig {
    /// Returns an [`Lstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `chrono` is below 2.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> Lstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 4 * h, bound);
        let wh = init.recurrent(h, 4, bound, self.orthogonal_recurrent);
        let remember = match (self.chrono, self.forget_bias) {
            (Some(longest), _) => Remember::UpTo(longest),
            (None, Some(bias)) => Remember::Bias(bias),
            (None, None) => Remember::ByDefault,
        };
        let b = self.bias.then(|| draw_bias(init, h, bound, remember));
        Lstm {
            wx: init.param([d, 4 * h], wx),
            wh: init.param([h, 4 * h], wh),
            b: b.map(|b| init.param([4 * h], b)),
        }
    }
}

/// Draws the biases of `h` cells, `[4·h]` with gates i, f, g, o. If they remember over a number of steps, the
/// input gate's is the negative of the forget gate's.
pub(crate) fn draw_bias<B: Backend>(
    init: &mut Init<B>,
    h: usize,
    bound: f64,
    remember: Remember,
) -> Vec<f64> {
    let mut b = init.uniform(4 * h, bound);
    let (input, forget) = b[..2 * h].split_at_mut(h);
    init.remember_by_both(forget, input, remember);
    b
}

impl<B: Backend> Lstm<B> {
    /// Returns the gates of one step, given `x` (`[batch, d_input]`) and the hidden state before it
    /// (`[batch, d_hidden]`).
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn gates(&self, x: Tensor<B, 2>, hidden: Tensor<B, 2>) -> LstmGates<B> {
        let ([batch, _], [d_hidden, _]) = (x.dims(), self.wh.dims());
        assert_eq!(
            hidden.dims(),
            [batch, d_hidden],
            "hidden: [batch, d_hidden]"
        );
        let a = with_bias(
            matmul(x, self.wx.val()) + matmul(hidden, self.wh.val()),
            &self.b,
        );
        let [ai, af, ag, ao] = a.chunk(4, 1).try_into().expect("four gates");
        LstmGates {
            i: sigmoid(ai),
            f: sigmoid(af),
            g: ag.tanh(),
            o: sigmoid(ao),
        }
    }
}

impl<B: Backend> RecurrentCell<B> for Lstm<B> {
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
        let LstmGates { i, f, g, o } = self.gates(x, state.hidden);

        let cell = f * state.cell + i * g;
        let hidden = o * cell.clone().tanh();
        (hidden.clone(), LstmState { hidden, cell })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let layer = KernelLayer::new(
            kernels::recurrent::lstm::KERNEL,
            &self.wx,
            &self.wh,
            &self.b,
        );
        Some(vec![layer])
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        Some(vec![LayerWeights {
            b: self.b.as_ref().map(array),
            ..LayerWeights::new(Form::Lstm, array(&self.wx), array(&self.wh))
        }])
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let one = only(weights, &[Form::Lstm])?;
        Ok(Lstm {
            wx: param(one.wx, device),
            wh: param(one.wh, device),
            b: one.b.map(|b| param(b, device)),
        })
    }
}

impl<B: Backend> Cell<B> for Lstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let config = LstmConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent);
        let config = match options.remember {
            Remember::ByDefault => config,
            Remember::Bias(bias) => config.with_forget_bias(Some(bias)),
            Remember::UpTo(steps) => config.with_chrono(Some(steps)),
        };
        config.init_with(init)
    }
}

impl<B: Backend> LstmState<B> {
    /// Returns the state before the first step of `batch` sequences, for cells whose `Wh` has a row for each
    /// number of the hidden state.
    pub(crate) fn zeros(batch: usize, wh: &Tensor<B, 2>) -> Self {
        let zeros = zeros([batch, wh.dims()[0]], wh);
        LstmState {
            hidden: zeros.clone(),
            cell: zeros,
        }
    }
}

impl<B: Backend> RecurrentState<B> for LstmState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        LstmState {
            hidden: f("hidden", self.hidden),
            cell: f("cell", self.cell),
        }
    }
}
