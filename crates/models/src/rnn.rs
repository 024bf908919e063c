//! The plain recurrent network (Elman 1990): its hidden state is its whole memory.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, activation::relu, backend::Backend},
};
use serde::{Deserialize, Serialize};

use crate::{
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    fused::KernelLayer,
    init::{Init, Initializer, init_methods, sizes},
    matmul::{matmul, with_bias},
    weights::{Form, LayerWeights, WeightsError, array, only, param},
};

/// What is known about an [`Rnn`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "rnn",
    title: "Rnn",
    parameters: |d_input, d_hidden| d_hidden * (d_input + d_hidden + 1.0),
    state: |d_hidden| d_hidden,
    recurrent_weights: true,
    saved: |d_hidden| 2.0 * d_hidden,
};

/// What is known about an [`Rnn`] with ReLU and the identity start, before it has weights.
pub const IRNN: Description = Description {
    name: "irnn",
    title: "Irnn",
    ..DESCRIPTION
};

/// The nonlinearity of an [`Rnn`].
///
/// With ReLU, `Wh` the identity and no bias, an [`Rnn`] adds up what comes in:
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{Activation, RecurrentCell, RnnConfig};
///
/// let device = Default::default();
/// let config = RnnConfig::new(2, 2).with_activation(Activation::Relu);
/// let mut rnn = config.with_identity_recurrent(true).init::<NdArray>(&device);
/// rnn.wx = Param::from_tensor(Tensor::eye(2, &device));
/// let (_, state) = rnn.forward(Tensor::ones([1, 7, 2], &device), None);
/// assert_eq!(state.hidden.into_data().to_vec::<f32>().unwrap(), [7.0, 7.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `tanh(a)`
    #[default]
    Tanh,
    /// `max(0, a)`
    Relu,
}

impl Activation {
    fn apply<B: Backend>(self, a: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Activation::Tanh => a.tanh(),
            Activation::Relu => relu(a),
        }
    }
}

/// How to build an [`Rnn`].
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::RnnConfig;
///
/// let device = Default::default();
/// let config = RnnConfig::new(3, 8).with_orthogonal_recurrent(true); // d_input 3, d_hidden 8
/// let wh = config.init::<NdArray>(&device).wh.val();
/// let product = wh.clone().matmul(wh.transpose());
/// assert!((product - Tensor::eye(8, &device)).abs().max().into_scalar() < 1e-5);
/// ```
#[derive(Config, Debug)]
#[non_exhaustive]
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
    /// Whether `Wh` starts as the identity and `b` as zeros instead (Le, Jaitly and Hinton 2015): with ReLU,
    /// a fresh network then keeps what is in its hidden state and adds what comes in.
    #[config(default = false)]
    pub identity_recurrent: bool,
    /// The nonlinearity.
    #[config(default = "Activation::Tanh")]
    pub activation: Activation,
}

/// What an [`Rnn`] remembers.
///
/// See the example of [`Rnn`].
#[derive(Clone, Debug)]
pub struct RnnState<B: Backend> {
    /// `h`, `[batch, d_hidden]`.
    pub hidden: Tensor<B, 2>,
}

/// `h[t] = tanh(x[t]·Wx + h[t-1]·Wh + b)`, or ReLU in place of tanh.
///
/// PyTorch's `nn.RNN` of one layer has the same weights: `wx` is its `weight_ih` transposed, `wh`
/// its `weight_hh` transposed, `b` its `bias_ih + bias_hh`.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{RecurrentCell, RnnConfig, RnnState};
///
/// let device = Default::default();
/// let mut rnn = RnnConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// rnn.wx = Param::from_data([[0.5]], &device);
/// rnn.wh = Param::from_data([[2.0]], &device);
///
/// let state = RnnState { hidden: Tensor::full([1, 1], 0.25, &device) };
/// let (h, _) = rnn.step(Tensor::ones([1, 1], &device), state);
/// assert!((h.into_scalar() - f32::tanh(1.0 * 0.5 + 0.25 * 2.0)).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct Rnn<B: Backend> {
    /// `[d_input, d_hidden]`
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, d_hidden]`
    pub wh: Param<Tensor<B, 2>>,
    /// `[d_hidden]`
    pub b: Option<Param<Tensor<B, 1>>>,
    /// The nonlinearity.
    #[module(skip)]
    pub activation: Activation,
}

init_methods!(RnnConfig -> Rnn);

impl RnnConfig {
    /// Returns an [`Rnn`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> Rnn<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * h, bound);
        let wh = match (self.identity_recurrent, self.orthogonal_recurrent) {
            (true, _) => identity(h),
            (_, true) => init.orthogonal(h, 1),
            _ => init.uniform(h * h, bound),
        };
        let b = self.bias.then(|| match self.identity_recurrent {
            true => vec![0.0; h],
            false => init.uniform(h, bound),
        });
        Rnn {
            wx: init.param([d, h], wx),
            wh: init.param([h, h], wh),
            b: b.map(|b| init.param([h], b)),
            activation: self.activation,
        }
    }
}

/// The identity matrix, `[n, n]`.
fn identity(n: usize) -> Vec<f64> {
    let mut values = vec![0.0; n * n];
    values.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    values
}

impl<B: Backend> RecurrentCell<B> for Rnn<B> {
    type State = RnnState<B>;

    fn initial_state(&self, batch: usize) -> RnnState<B> {
        RnnState {
            hidden: zeros([batch, self.wh.dims()[0]], &self.wh),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: RnnState<B>) -> (Tensor<B, 2>, RnnState<B>) {
        let state = state.of_shape(x.dims()[0], &[self.wh.dims()[0]]);
        if let Some(next) = self.step_by_kernels(&x, &state) {
            return next;
        }
        let a = with_bias(
            matmul(x, self.wx.val()) + matmul(state.hidden, self.wh.val()),
            &self.b,
        );
        let hidden = self.activation.apply(a);
        (hidden.clone(), RnnState { hidden })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let kernel = match self.activation {
            Activation::Tanh => kernels::recurrent::rnn::KERNEL,
            Activation::Relu => kernels::recurrent::rnn::RELU_KERNEL,
        };
        let layer = KernelLayer::new(kernel, &self.wx, &self.wh, &self.b);
        Some(vec![layer])
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        let form = match self.activation {
            Activation::Tanh => Form::TanhRnn,
            Activation::Relu => Form::ReluRnn,
        };
        Some(vec![LayerWeights {
            b: self.b.as_ref().map(array),
            ..LayerWeights::new(form, array(&self.wx), array(&self.wh))
        }])
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let one = only(weights, &[Form::TanhRnn, Form::ReluRnn])?;
        Ok(Rnn {
            wx: param(one.wx, device),
            wh: param(one.wh, device),
            b: one.b.map(|b| param(b, device)),
            activation: match one.form {
                Form::ReluRnn => Activation::Relu,
                _ => Activation::Tanh,
            },
        })
    }
}

impl<B: Backend> Cell<B> for Rnn<B> {
    /// ReLU comes with the identity start.
    type Kind = Activation;

    fn description(kind: Activation) -> &'static Description {
        match kind {
            Activation::Tanh => &DESCRIPTION,
            Activation::Relu => &IRNN,
        }
    }

    fn kind(&self) -> Activation {
        self.activation
    }

    fn init(kind: Activation, options: &CellOptions, init: &mut Init<B>) -> Self {
        RnnConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .with_identity_recurrent(kind == Activation::Relu)
            .with_activation(kind)
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
