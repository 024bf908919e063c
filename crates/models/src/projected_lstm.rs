//! The LSTM with a projection (Sak, Senior and Beaufays 2014): many cells, and a hidden state smaller than
//! they are.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    init::{Init, Initializer, Remember, init_methods, sizes},
    lstm::draw_bias,
    matmul::{matmul, with_bias},
    weights::{Form, LayerWeights, WeightsError, array, only, param},
};

pub use crate::lstm::LstmState;

/// What is known about a [`ProjectedLstm`] before it has weights, if it has twice as many cells as numbers in
/// its hidden state.
pub const DESCRIPTION: Description = Description {
    name: "projected_lstm",
    title: "ProjectedLstm",
    parameters: |d_input, d_hidden| d_hidden * (8.0 * (d_input + d_hidden + 1.0) + 2.0 * d_hidden),
    state: |d_hidden| 3.0 * d_hidden,
    recurrent_weights: true,
    saved: |d_hidden| 17.0 * d_hidden,
};

/// How to build a [`ProjectedLstm`].
///
/// See the examples of [`ProjectedLstm`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct ProjectedLstmConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the cell: PyTorch's `hidden_size`.
    pub d_cell: usize,
    /// Size of the hidden state, which is the output: PyTorch's `proj_size`. Smaller than `d_cell`.
    pub d_hidden: usize,
    /// Whether there is a bias `b`.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// How far the forget gate is open at first. Without `bias` it has no effect.
    #[config(default = "Remember::Bias(1.0)")]
    pub remember: Remember,
}

/// ```text
/// [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
///
/// i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)
/// c[t] = f·c[t-1] + i·g
/// h[t] = (o·tanh(c[t]))·Wr
/// ```
///
/// PyTorch's `nn.LSTM` with a `proj_size` has the same weights: `wx` is its `weight_ih` transposed, `wh` its
/// `weight_hh` transposed, `wr` its `weight_hr` transposed, `b` its `bias_ih + bias_hh`. The state has the form
/// of an [`Lstm`](crate::Lstm)'s: `hidden` is `[batch, d_hidden]`, `cell` is `[batch, d_cell]`.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{ProjectedLstmConfig, RecurrentCell};
///
/// let device = Default::default();
/// // PyTorch's nn.LSTM(3, 32, proj_size=8): 32 cells, of which each step shows 8 mixtures.
/// let cell = ProjectedLstmConfig::new(3, 32, 8).init::<NdArray>(&device);
/// assert_eq!(cell.wh.dims(), [8, 4 * 32]); // an `Lstm` of 32 cells has [32, 4 * 32]
///
/// let (y, state) = cell.forward(Tensor::zeros([2, 5, 3], &device), None);
/// assert_eq!(y.dims(), [2, 5, 8]);
/// assert_eq!((state.hidden.dims(), state.cell.dims()), ([2, 8], [2, 32]));
/// ```
#[derive(Module, Debug)]
pub struct ProjectedLstm<B: Backend> {
    /// `[d_input, 4·d_cell]`, gates i, f, g, o
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 4·d_cell]`, gates i, f, g, o
    pub wh: Param<Tensor<B, 2>>,
    /// `[4·d_cell]`, gates i, f, g, o
    pub b: Option<Param<Tensor<B, 1>>>,
    /// `[d_cell, d_hidden]`
    pub wr: Param<Tensor<B, 2>>,
}

init_methods!(ProjectedLstmConfig -> ProjectedLstm);

impl ProjectedLstmConfig {
    /// Returns a [`ProjectedLstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, `d_hidden` is not below `d_cell`, or if `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> ProjectedLstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let c = self.d_cell;
        assert!(
            h < c,
            "projected_lstm: the hidden state (d_hidden {h}) must be smaller than the cell (d_cell {c})"
        );
        let bound = self.initializer.bound(c);
        let wx = init.uniform(d * 4 * c, bound);
        let wh = init.uniform(h * 4 * c, bound);
        let bias = self.bias;
        let b = bias.then(|| draw_bias(init, c, bound, self.remember));
        let wr = init.uniform(c * h, bound);
        ProjectedLstm {
            wx: init.param([d, 4 * c], wx),
            wh: init.param([h, 4 * c], wh),
            b: b.map(|b| init.param([4 * c], b)),
            wr: init.param([c, h], wr),
        }
    }
}

impl<B: Backend> RecurrentCell<B> for ProjectedLstm<B> {
    type State = LstmState<B>;

    fn initial_state(&self, batch: usize) -> LstmState<B> {
        let [d_cell, d_hidden] = self.wr.dims();
        LstmState {
            hidden: zeros([batch, d_hidden], &self.wh),
            cell: zeros([batch, d_cell], &self.wh),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: LstmState<B>) -> (Tensor<B, 2>, LstmState<B>) {
        let [d_cell, d_hidden] = self.wr.dims();
        let sizes = [d_hidden, d_cell];
        let LstmState { hidden, cell } = state.of_shape(x.dims()[0], &sizes);
        let a = with_bias(
            matmul(x, self.wx.val()) + matmul(hidden, self.wh.val()),
            &self.b,
        );
        let [ai, af, ag, ao] = a.chunk(4, 1).try_into().expect("four gates");
        let (i, f, g, o) = (sigmoid(ai), sigmoid(af), ag.tanh(), sigmoid(ao));

        let cell = f * cell + i * g;
        let hidden = matmul(o * cell.clone().tanh(), self.wr.val());
        (hidden.clone(), LstmState { hidden, cell })
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        Some(vec![LayerWeights {
            b: self.b.as_ref().map(array),
            wr: Some(array(&self.wr)),
            ..LayerWeights::new(Form::ProjectedLstm, array(&self.wx), array(&self.wh))
        }])
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let one = only(weights, &[Form::ProjectedLstm])?;
        let wr = one.wr.ok_or_else(|| WeightsError::missing("wr"))?;
        Ok(ProjectedLstm {
            wx: param(one.wx, device),
            wh: param(one.wh, device),
            b: one.b.map(|b| param(b, device)),
            wr: param(wr, device),
        })
    }
}

impl<B: Backend> Cell<B> for ProjectedLstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        let h = options.d_hidden;
        let config = ProjectedLstmConfig::new(options.d_input, 2 * h, h)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_remember(options.remember.or(Remember::Bias(1.0)));
        config.init_with(init)
    }
}
