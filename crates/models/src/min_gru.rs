//! The minimal gated recurrent unit (Feng et al. 2024): a gated recurrent unit whose gate does not see the
//! state, so that all steps of a sequence can be computed at once.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::sigmoid,
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    fused::{Input, KernelLayer},
    init::{Init, Initializer, Remember, init_methods, sizes},
    lengths::Lengths,
    linear_scan,
    matmul::{matmul, with_bias},
};

/// What is known about a [`MinGru`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "min_gru",
    title: "MinGru",
    parameters: |d_input, d_hidden| 2.0 * d_hidden * (d_input + 1.0),
    state: |d_hidden| d_hidden,
    recurrent_weights: false,
    saved: |d_hidden| 3.0 * d_hidden,
};

/// How to build a [`MinGru`].
///
/// See the examples of [`MinGru`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct MinGruConfig {
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
    /// How much of its state the cell keeps at first. By default its biases are drawn like the rest. Without
    /// `bias` it has no effect.
    #[config(default = "Remember::ByDefault")]
    pub remember: Remember,
}

/// What a [`MinGru`] remembers.
///
/// See the example of [`MinGru`].
#[derive(Clone, Debug)]
pub struct MinGruState<B: Backend> {
    /// `h`, `[batch, d_hidden]`.
    pub hidden: Tensor<B, 2>,
}

/// ```text
/// z = σ(x[t]·Wz + bz)   update gate: how much of the candidate to take
/// h̃ = x[t]·Wh + bh      candidate
///
/// h[t] = (1 − z)·h[t-1] + z·h̃
/// ```
///
/// Neither gate nor candidate depends on the state, so `h` is a linear recurrence, and a whole sequence is
/// computed in parallel: a product for all steps, then a [`linear_scan`](crate::linear_scan()). PyTorch has no
/// such cell.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{MinGruConfig, MinGruState, RecurrentCell, scan};
///
/// let device = Default::default();
/// let mut cell = MinGruConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// cell.wx = Param::from_data([[0.1, 0.2]], &device); // z, h̃
/// let one = MinGruState { hidden: Tensor::ones([1, 1], &device) };
/// let (h, _) = cell.step(Tensor::ones([1, 1], &device), one.clone());
/// let z = 1.0 / (1.0 + f32::exp(-0.1));
/// assert!((h.into_scalar() - ((1.0 - z) * 1.0 + z * 0.2)).abs() < 1e-6);
///
/// // All steps at once are as one after another.
/// let x = Tensor::ones([1, 9, 1], &device);
/// let (at_once, _) = cell.forward(x.clone(), Some(one.clone()));
/// let (by_steps, _) = scan(x, one, |x, state| cell.step(x, state));
/// assert!((at_once - by_steps).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct MinGru<B: Backend> {
    /// `[d_input, 2·d_hidden]`, gates z and candidate h̃
    pub wx: Param<Tensor<B, 2>>,
    /// `[2·d_hidden]`, gates z and candidate h̃
    pub b: Option<Param<Tensor<B, 1>>>,
}

init_methods!(MinGruConfig -> MinGru);

impl MinGruConfig {
    /// Returns a [`MinGru`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> MinGru<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 2 * h, bound);
        let b = self.bias.then(|| {
            let mut b = init.uniform(2 * h, bound);
            // A gate that keeps is one that takes little.
            init.remember(&mut b[..h], self.remember);
            if self.remember != Remember::ByDefault {
                b[..h].iter_mut().for_each(|z| *z = -*z);
            }
            b
        });
        MinGru {
            wx: init.param([d, 2 * h], wx),
            b: b.map(|b| init.param([2 * h], b)),
        }
    }
}

impl<B: Backend> MinGru<B> {
    /// Returns the `(keep, add)` of `h[t] = keep·h[t-1] + add`: `(1 − z, z·h̃)`.
    fn coefficients(&self, x: Tensor<B, 2>) -> [Tensor<B, 2>; 2] {
        let a = with_bias(matmul(x, self.wx.val()), &self.b);
        let [az, candidate] = a.chunk(2, 1).try_into().expect("a gate and a candidate");
        [sigmoid(-az.clone()), sigmoid(az) * candidate]
    }

    fn d_hidden(&self) -> usize {
        self.wx.dims()[1] / 2
    }
}

impl<B: Backend> RecurrentCell<B> for MinGru<B> {
    type State = MinGruState<B>;

    fn initial_state(&self, batch: usize) -> MinGruState<B> {
        MinGruState {
            hidden: zeros([batch, self.d_hidden()], &self.wx),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: MinGruState<B>) -> (Tensor<B, 2>, MinGruState<B>) {
        let state = state.of_shape(x.dims()[0], &[self.d_hidden()]);
        if let Some(next) = self.step_by_kernels(&x, &state) {
            return next;
        }
        let MinGruState { hidden } = state;
        let [keep, add] = self.coefficients(x);
        let hidden = keep * hidden + add;
        (hidden.clone(), MinGruState { hidden })
    }

    /// The parallel form.
    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: MinGruState<B>,
    ) -> (Tensor<B, 3>, MinGruState<B>) {
        let state = state.of_shape(input.dims()[0], &[self.d_hidden()]);
        let vectors = Input::Vectors(input.clone());
        if let Some(passed) = self.by_kernels(&vectors, None, lengths, &state) {
            return passed;
        }
        let MinGruState { hidden } = state;
        let (y, hidden) = linear_scan::run(input, lengths, hidden, |x| self.coefficients(x));
        (y, MinGruState { hidden })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        Some(vec![KernelLayer {
            kernel: kernels::recurrent::min_gru::KERNEL,
            wx: self.wx.val(),
            wh: None,
            b: self.b.as_ref().map(Param::val),
        }])
    }
}

impl<B: Backend> Cell<B> for MinGru<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        MinGruConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_remember(options.remember)
            .init_with(init)
    }
}

impl<B: Backend> RecurrentState<B> for MinGruState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        MinGruState {
            hidden: f("hidden", self.hidden),
        }
    }
}
