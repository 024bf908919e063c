//! The gated recurrent unit (Cho et al. 2014): two gates and no cell apart from the hidden state.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};
use serde::{Deserialize, Serialize};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    fused::KernelLayer,
    init::{Init, Initializer, Remember, init_methods, sizes},
    matmul::{matmul, with_bias},
    weights::{Form, LayerWeights, WeightsError, array, only, param},
};

/// What is known about a [`Gru`] in PyTorch's form before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "gru",
    title: "Gru",
    parameters: |d_input, d_hidden| d_hidden * (3.0 * (d_input + d_hidden + 1.0) + 1.0),
    state: |d_hidden| d_hidden,
    recurrent_weights: true,
    saved: |d_hidden| 5.0 * d_hidden,
};

/// What is known about a [`Gru`] in its original form before it has weights.
pub const ORIGINAL: Description = Description {
    name: "original_gru",
    title: "OriginalGru",
    parameters: |d_input, d_hidden| 3.0 * d_hidden * (d_input + d_hidden + 1.0),
    ..DESCRIPTION
};

/// Whether the reset gate of a [`Gru`] acts after the product with `Wh` or before it.
///
/// PyTorch's form has one more bias, that of the candidate inside the gate:
///
/// ```
/// use burn::module::Module;
/// use burn_ndarray::NdArray;
/// use models::{Gru, GruConfig, Reset};
///
/// let parameters = |reset| {
///     let gru: Gru<NdArray> = GruConfig::new(3, 8).with_reset(reset).init(&Default::default());
///     gru.num_params()
/// };
/// assert_eq!(parameters(Reset::AfterProduct), 3 * 8 * (3 + 8 + 1) + 8);
/// assert_eq!(parameters(Reset::BeforeProduct), 3 * 8 * (3 + 8 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reset {
    /// On the product `h·Whn`: PyTorch's form, which needs one product a step.
    #[default]
    AfterProduct,
    /// On the hidden state before the product: the original form.
    BeforeProduct,
}

/// How to build a [`Gru`].
///
/// See the examples of [`Gru`], [`Reset`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct GruConfig {
    /// Size of each input vector.
    pub d_input: usize,
    /// Size of the hidden state.
    pub d_hidden: usize,
    /// Whether the reset gate acts after the product or before it.
    #[config(default = "Reset::AfterProduct")]
    pub reset: Reset,
    /// Whether there are biases.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Whether each gate's block of `Wh` is drawn as a random orthogonal matrix instead.
    #[config(default = false)]
    pub orthogonal_recurrent: bool,
    /// How far the update gate is open at first, that is how much of the old state it keeps. By default its
    /// bias is drawn like the rest, as PyTorch does. Without `bias` it has no effect.
    #[config(default = "Remember::ByDefault")]
    pub remember: Remember,
}

/// What a [`Gru`] remembers.
///
/// See the example of [`Gru`].
#[derive(Clone, Debug)]
pub struct GruState<B: Backend> {
    /// `h`, `[batch, d_hidden]`.
    pub hidden: Tensor<B, 2>,
}

/// ```text
/// r = σ(x[t]·Wxr + h[t-1]·Whr + br)   reset gate: how much of the old state the candidate sees
/// z = σ(x[t]·Wxz + h[t-1]·Whz + bz)   update gate: how much of the old state to keep
///
/// n = tanh(x[t]·Wxn + bn + r·(h[t-1]·Whn + bhn))   candidate, after the product (PyTorch)
/// n = tanh(x[t]·Wxn + bn + (r·h[t-1])·Whn)         before the product (Cho et al. 2014)
///
/// h[t] = (1 − z)·n + z·h[t-1]
/// ```
///
/// PyTorch's `nn.GRU` of one layer has the same weights in the same gate order: `wx` is its `weight_ih`
/// transposed, `wh` its `weight_hh` transposed, `b` its `bias_ih` plus the r and z of its `bias_hh`, and
/// `bhn` the n of its `bias_hh`.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{GruConfig, GruState, RecurrentCell};
///
/// let device = Default::default();
/// let mut gru = GruConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// gru.wx = Param::from_data([[0.1, 0.2, 0.3]], &device); // r, z, n
/// gru.wh = Param::from_data([[0.4, 0.5, 0.6]], &device);
///
/// let one = Tensor::ones([1, 1], &device);
/// let (h, _) = gru.step(one.clone(), GruState { hidden: one });
/// let sigma = |a: f32| 1.0 / (1.0 + (-a).exp());
/// let (r, z) = (sigma(0.1 + 0.4), sigma(0.2 + 0.5));
/// let n = f32::tanh(0.3 + r * 0.6);
/// assert!((h.into_scalar() - ((1.0 - z) * n + z * 1.0)).abs() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct Gru<B: Backend> {
    /// `[d_input, 3·d_hidden]`, gates r, z, n
    pub wx: Param<Tensor<B, 2>>,
    /// `[d_hidden, 3·d_hidden]`, gates r, z, n
    pub wh: Param<Tensor<B, 2>>,
    /// `[3·d_hidden]`, gates r, z, n
    pub b: Option<Param<Tensor<B, 1>>>,
    /// `[d_hidden]`: the candidate's bias inside the reset gate, in PyTorch's form.
    pub bhn: Option<Param<Tensor<B, 1>>>,
    /// Whether the reset gate acts after the product or before it.
    #[module(skip)]
    pub reset: Reset,
}

init_methods!(GruConfig -> Gru);

impl GruConfig {
    /// Returns a [`Gru`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> Gru<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 3 * h, bound);
        let wh = init.recurrent(h, 3, bound, self.orthogonal_recurrent);
        let b = self.bias.then(|| {
            let mut b = init.uniform(3 * h, bound);
            init.remember(&mut b[h..2 * h], self.remember);
            b
        });
        let has_bhn = self.bias && self.reset == Reset::AfterProduct;
        let bhn = has_bhn.then(|| init.uniform(h, bound));
        Gru {
            wx: init.param([d, 3 * h], wx),
            wh: init.param([h, 3 * h], wh),
            b: b.map(|b| init.param([3 * h], b)),
            bhn: bhn.map(|bhn| init.param([h], bhn)),
            reset: self.reset,
        }
    }
}

impl<B: Backend> RecurrentCell<B> for Gru<B> {
    type State = GruState<B>;

    fn initial_state(&self, batch: usize) -> GruState<B> {
        GruState {
            hidden: zeros([batch, self.wh.dims()[0]], &self.wh),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: GruState<B>) -> (Tensor<B, 2>, GruState<B>) {
        let [d_hidden, _] = self.wh.dims();
        let state = state.of_shape(x.dims()[0], &[d_hidden]);
        if let Some(next) = self.step_by_kernels(&x, &state) {
            return next;
        }
        let GruState { hidden } = state;
        let ax = with_bias(matmul(x, self.wx.val()), &self.b);
        let [axr, axz, axn] = ax.chunk(3, 1).try_into().expect("three gates");

        let (r, z, n);
        match self.reset {
            Reset::AfterProduct => {
                let ah = matmul(hidden.clone(), self.wh.val());
                let [ahr, ahz, mut ahn] = ah.chunk(3, 1).try_into().expect("three gates");
                if let Some(bhn) = &self.bhn {
                    ahn = ahn + bhn.val().unsqueeze();
                }
                r = sigmoid(axr + ahr);
                z = sigmoid(axz + ahz);
                n = (axn + r * ahn).tanh();
            }
            Reset::BeforeProduct => {
                let gates = self.wh.val().narrow(1, 0, 2 * d_hidden);
                let candidate = self.wh.val().narrow(1, 2 * d_hidden, d_hidden);
                let ah = matmul(hidden.clone(), gates);
                let [ahr, ahz] = ah.chunk(2, 1).try_into().expect("two gates");
                r = sigmoid(axr + ahr);
                z = sigmoid(axz + ahz);
                n = (axn + matmul(r * hidden.clone(), candidate)).tanh();
            }
        }
        let hidden = n.clone() + z * (hidden - n);
        (hidden.clone(), GruState { hidden })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let b = match (self.reset, &self.b, &self.bhn) {
            (Reset::AfterProduct, Some(b), Some(bhn)) => {
                Some(Tensor::cat(vec![b.val(), bhn.val()], 0))
            }
            (Reset::AfterProduct, None, None) => None,
            _ => return None,
        };
        Some(vec![KernelLayer {
            kernel: kernels::recurrent::gru::KERNEL,
            wx: self.wx.val(),
            wh: Some(self.wh.val()),
            b,
        }])
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        let form = match self.reset {
            Reset::AfterProduct => Form::Gru,
            Reset::BeforeProduct => Form::OriginalGru,
        };
        Some(vec![LayerWeights {
            b: self.b.as_ref().map(array),
            bhn: self.bhn.as_ref().map(array),
            ..LayerWeights::new(form, array(&self.wx), array(&self.wh))
        }])
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        let one = only(weights, &[Form::Gru, Form::OriginalGru])?;
        Ok(Gru {
            wx: param(one.wx, device),
            wh: param(one.wh, device),
            b: one.b.map(|b| param(b, device)),
            bhn: one.bhn.map(|bhn| param(bhn, device)),
            reset: match one.form {
                Form::OriginalGru => Reset::BeforeProduct,
                _ => Reset::AfterProduct,
            },
        })
    }
}

impl<B: Backend> Cell<B> for Gru<B> {
    type Kind = Reset;

    fn description(kind: Reset) -> &'static Description {
        match kind {
            Reset::AfterProduct => &DESCRIPTION,
            Reset::BeforeProduct => &ORIGINAL,
        }
    }

    fn kind(&self) -> Reset {
        self.reset
    }

    fn init(kind: Reset, options: &CellOptions, init: &mut Init<B>) -> Self {
        GruConfig::new(options.d_input, options.d_hidden)
            .with_reset(kind)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_orthogonal_recurrent(options.orthogonal_recurrent)
            .with_remember(options.remember)
            .init_with(init)
    }
}

impl<B: Backend> RecurrentState<B> for GruState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        GruState {
            hidden: f("hidden", self.hidden),
        }
    }
}
