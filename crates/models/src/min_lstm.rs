//! The minimal LSTM (Feng et al. 2024): an LSTM whose gates do not see the state, so that all steps of a
//! sequence can be computed at once.

use burn::{
    config::Config,
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::{
    activation::{sigmoid, softplus},
    cell::{Cell, CellOptions, Description, RecurrentCell, RecurrentState, zeros},
    fused::{Input, KernelLayer},
    init::{Init, Initializer, Remember, init_methods, sizes},
    lengths::Lengths,
    linear_scan,
    matmul::{matmul, with_bias},
};

/// What is known about a [`MinLstm`] before it has weights.
pub const DESCRIPTION: Description = Description {
    name: "min_lstm",
    title: "MinLstm",
    parameters: |d_input, d_hidden| 3.0 * d_hidden * (d_input + 1.0),
    state: |d_hidden| d_hidden,
    recurrent_weights: false,
    saved: |d_hidden| 4.0 * d_hidden,
};

/// How to build a [`MinLstm`].
///
/// See the examples of [`MinLstm`] and [`Remember`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct MinLstmConfig {
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

/// What a [`MinLstm`] remembers.
///
/// See the example of [`MinLstm`].
#[derive(Clone, Debug)]
pub struct MinLstmState<B: Backend> {
    /// `h`, `[batch, d_hidden]`.
    pub hidden: Tensor<B, 2>,
}

/// ```text
/// f = σ(x[t]·Wf + bf)   forget gate      i = σ(x[t]·Wi + bi)   input gate
/// h̃ = x[t]·Wh + bh      candidate
///
/// h[t] = f/(f + i)·h[t-1] + i/(f + i)·h̃
/// ```
///
/// Neither gates nor candidate depend on the state, so `h` is a linear recurrence, and a whole sequence is
/// computed in parallel: a product for all steps, then a [`linear_scan`](crate::linear_scan()). There is no cell
/// apart from the hidden state. PyTorch has no such cell.
///
/// ```
/// use burn::{module::Param, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{MinLstmConfig, MinLstmState, RecurrentCell, scan};
///
/// let device = Default::default();
/// let mut cell = MinLstmConfig::new(1, 1).with_bias(false).init::<NdArray>(&device);
/// cell.wx = Param::from_data([[0.1, 0.2, 0.3]], &device); // f, i, h̃
/// let one = MinLstmState { hidden: Tensor::ones([1, 1], &device) };
/// let (h, _) = cell.step(Tensor::ones([1, 1], &device), one.clone());
/// let sigma = |a: f32| 1.0 / (1.0 + (-a).exp());
/// let (f, i) = (sigma(0.1), sigma(0.2));
/// assert!((h.into_scalar() - (f * 1.0 + i * 0.3) / (f + i)).abs() < 1e-6);
///
/// // All steps at once are as one after another.
/// let x = Tensor::ones([1, 9, 1], &device);
/// let (at_once, _) = cell.forward(x.clone(), Some(one.clone()));
/// let (by_steps, _) = scan(x, one, |x, state| cell.step(x, state));
/// assert!((at_once - by_steps).abs().max().into_scalar() < 1e-6);
/// ```
#[derive(Module, Debug)]
pub struct MinLstm<B: Backend> {
    /// `[d_input, 3·d_hidden]`, gates f, i and candidate h̃
    pub wx: Param<Tensor<B, 2>>,
    /// `[3·d_hidden]`, gates f, i and candidate h̃
    pub b: Option<Param<Tensor<B, 1>>>,
}

init_methods!(MinLstmConfig -> MinLstm);

impl MinLstmConfig {
    /// Returns a [`MinLstm`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if a size is 0, or `remember` is [`Remember::UpTo`] fewer than 2 steps.
    pub fn init_with<B: Backend>(&self, init: &mut Init<B>) -> MinLstm<B> {
        let (d, h) = sizes(self.d_input, self.d_hidden);
        let bound = self.initializer.bound(h);
        let wx = init.uniform(d * 3 * h, bound);
        let b = self.bias.then(|| {
            let mut b = init.uniform(3 * h, bound);
            let (forget, input) = b[..2 * h].split_at_mut(h);
            init.remember_by_both(forget, input, self.remember);
            b
        });
        MinLstm {
            wx: init.param([d, 3 * h], wx),
            b: b.map(|b| init.param([3 * h], b)),
        }
    }
}

impl<B: Backend> MinLstm<B> {
    /// Returns the `(keep, add)` of `h[t] = keep·h[t-1] + add`: `(f/(f + i), i/(f + i)·h̃)`.
    fn coefficients(&self, x: Tensor<B, 2>) -> [Tensor<B, 2>; 2] {
        let a = with_bias(matmul(x, self.wx.val()), &self.b);
        let gates: [_; 3] = a.chunk(3, 1).try_into().expect("two gates and a candidate");
        let [af, ai, candidate] = gates;
        // f/(f + i) = σ(ln f − ln i), which is right even if f and i are too small to tell from zero.
        let ratio = softplus(-ai) - softplus(-af);
        [sigmoid(ratio.clone()), sigmoid(-ratio) * candidate]
    }

    fn d_hidden(&self) -> usize {
        self.wx.dims()[1] / 3
    }
}

impl<B: Backend> RecurrentCell<B> for MinLstm<B> {
    type State = MinLstmState<B>;

    fn initial_state(&self, batch: usize) -> MinLstmState<B> {
        MinLstmState {
            hidden: zeros([batch, self.d_hidden()], &self.wx),
        }
    }

    fn step(&self, x: Tensor<B, 2>, state: MinLstmState<B>) -> (Tensor<B, 2>, MinLstmState<B>) {
        let state = state.of_shape(x.dims()[0], &[self.d_hidden()]);
        if let Some(next) = self.step_by_kernels(&x, &state) {
            return next;
        }
        let MinLstmState { hidden } = state;
        let [keep, add] = self.coefficients(x);
        let hidden = keep * hidden + add;
        (hidden.clone(), MinLstmState { hidden })
    }

    /// The parallel form.
    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: MinLstmState<B>,
    ) -> (Tensor<B, 3>, MinLstmState<B>) {
        let state = state.of_shape(input.dims()[0], &[self.d_hidden()]);
        let vectors = Input::Vectors(input.clone());
        if let Some(passed) = self.by_kernels(&vectors, None, lengths, &state) {
            return passed;
        }
        let MinLstmState { hidden } = state;
        let (y, hidden) = linear_scan::run(input, lengths, hidden, |x| self.coefficients(x));
        (y, MinLstmState { hidden })
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        Some(vec![KernelLayer {
            kernel: kernels::recurrent::min_lstm::KERNEL,
            wx: self.wx.val(),
            wh: None,
            b: self.b.as_ref().map(Param::val),
        }])
    }
}

impl<B: Backend> Cell<B> for MinLstm<B> {
    type Kind = ();

    fn description((): ()) -> &'static Description {
        &DESCRIPTION
    }

    fn init((): (), options: &CellOptions, init: &mut Init<B>) -> Self {
        MinLstmConfig::new(options.d_input, options.d_hidden)
            .with_bias(options.bias)
            .with_initializer(options.initializer)
            .with_remember(options.remember)
            .init_with(init)
    }
}

impl<B: Backend> RecurrentState<B> for MinLstmState<B> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        MinLstmState {
            hidden: f("hidden", self.hidden),
        }
    }
}
