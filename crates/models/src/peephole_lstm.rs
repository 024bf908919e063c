//! The LSTM with peepholes (Gers and Schmidhuber 2000): its gates also see the cell.

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
    lstm::draw_bias,
    matmul::{matmul, with_bias},
    weights::{Form, LayerWeights, WeightsError, array, only, param},
};

pub use crate::lstm::LstmState;

/// What is known about a [`PeepholeLstm`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "peephole_lstm",
    title: "PeepholeLstm",
    parameters: |d_input, d_hidden| d_hidden * (4.0 * (d_input + d_hidden + 1.0) + 3.0),
    ..crate::lstm::DESCRIPTION
};

/// How to build a [`PeepholeLstm`].
///
/// See the examples of [`PeepholeLstm`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct PeepholeLstmConfig {
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
/// [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
///
/// i = σ(ai + pi·c[t-1])   f = σ(af + pf·c[t-1])   g = tanh(ag)
/// c[t] = f·c[t-1] + i·g
/// o = σ(ao + po·c[t])
/// h[t] = o·tanh(c[t])
/// ```
///
/// A peephole `p` is a weight for each cell, so the products with it are elementwise. The state is that of an
/// [`Lstm`](crate::Lstm). PyTorch has no such cell.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{LstmState, PeepholeLstmConfig, RecurrentCell};
///
/// let device = Default::default();
/// let mut cell = PeepholeLstmConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// cell.p = Param::from_data([1.0, 2.0, 3.0], &device); // i, f, o
/// let zero = Tensor::zeros([1, 1], &device);
/// let state = LstmState { hidden: zero.clone(), cell: Tensor::ones([1, 1], &device) };
///
/// // Without input or hidden state, the gates see nothing but the cell, and the candidate is 0.
/// let (h, _) = cell.step(zero.clone(), state.clone());
/// let sigma = |a: f32| 1.0 / (1.0 + (-a).exp());
/// let c = sigma(2.0 * 1.0) * 1.0;
/// assert!((h.clone().into_scalar() - sigma(3.0 * c) * c.tanh()).abs() < 1e-6);
///
/// // A sequence of one step is that step.
/// let (y, _) = cell.forward(zero.unsqueeze_dim(1), Some(state));
/// assert!((y.squeeze_dim(1) - h).abs().into_scalar() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct PeepholeLstm<B: Backend> {
    /// `[d_input, 4·d_hidden]`, gates i, f, g, o
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 4·d_hidden]`, gates i, f, g, o
    pub wh: Param<Tensor<B, 2>>,
    /// `[4·d_hidden]`, gates i, f, g, o
    pub b: Option<Param<Tensor<B, 1>>>,
    /// `[3·d_hidden]`: the peepholes of the gates i, f, o
    pub p: Param<Tensor<B, 1>>,
}

init_methods!(PeepholeLstmConfig -> PeepholeLstm);

impl PeepholeLstmConfig {
    /// Returns a [`PeepholeLstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> PeepholeLstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 4 * h, bound);
        let wh = init.recurrent(h, 4, bound, self.orthogonal_recurrent);
        let bias = self.bias;
        let b = bias.then(|| draw_bias(init, h, bound, self.remember));
        let p = init.uniform(3 * h, bound);
        PeepholeLstm {
            wx: init.param([d, 4 * h], wx),
            wh: init.param([h, 4 * h], wh),
            b: b.map(|b| init.param([4 * h], b)),
            p: init.param([3 * h], p),
        }
    }
}

impl<B: Backend> RecurrentCell<B> for PeepholeLstm<B> {
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
        let [ai, af, ag, ao] = a.chunk(4, 1).try_into().expect("four gates");
        let p = self.p.val().unsqueeze::<2>();
        let [pi, pf, po] = p.chunk(3, 1).try_into().expect("three peepholes");

        let i = sigmoid(ai + pi * cell.clone());
        let f = sigmoid(af + pf * cell.clone());
        let cell = f * cell + i * ag.tanh();
        let o = sigmoid(ao + po * cell.clone());
        let hidden = o * cell.clone().tanh();
        (hidden.clone(), LstmState { hidden, cell })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let kernel = kernels::recurrent::peephole_lstm::KERNEL;
        let mut layer = KernelLayer::new(kernel, &self.wx, &self.wh, &self.b);
        // The kernel finds the peepholes after the bias.
        let b = layer
            .b
            .unwrap_or_else(|| zeros([self.wx.dims()[1]], &self.wx));
        layer.b = Some(Tensor::cat(vec![b, self.p.val()], 0));
        Some(vec![layer])
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        Some(vec![LayerWeights {
            b: self.b.as_ref().map(array),
            p: Some(array(&self.p)),
            ..LayerWeights::new(Form::PeepholeLstm, array(&self.wx), array(&self.wh))
        }])
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let one = only(weights, &[Form::PeepholeLstm])?;
        let p = one.p.ok_or_else(|| WeightsError::missing("p"))?;
        Ok(PeepholeLstm {
            wx: param(one.wx, device),
            wh: param(one.wh, device),
            b: one.b.map(|b| param(b, device)),
            p: param(p, device),
        })
    }
}

impl<B: Backend> Cell<B> for PeepholeLstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let config = PeepholeLstmConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .with_remember(options.remember.or(Remember::Bias(1.0)));
        config.init_with(init)
    }
}
