//! Layers on top of one another: the output of each is the input of the next.

use std::marker::PhantomData;

use burn::{
    config::Config,
    module::Module,
    nn::{Dropout, DropoutConfig},
    tensor::{Int, Tensor, backend::Backend},
};

use crate::{
    cell::{Cell, CellOptions, RecurrentCell},
    cells::AnyCell,
    fused::{Input, KernelLayer},
    init::{Init, Initializer, Remember},
    lengths::Lengths,
};

/// How to build a [`Stack`].
///
/// ```
/// use burn::{module::AutodiffModule, tensor::Tensor};
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use models::{Lstm, RecurrentCell, Stack, StackConfig};
///
/// type B = Autodiff<NdArray>;
/// let device = Default::default();
/// let config = StackConfig::new(3, 8).with_n_layers(2).with_dropout(0.5);
/// let stack: Stack<B, Lstm<B>> = config.init((), &device);
/// let smallest = |y: Tensor<_, 3>| y.abs().min().into_scalar();
///
/// // In training half of the outputs are zero; without autodiff, none is.
/// let (y, _) = stack.forward(Tensor::ones([4, 50, 3], &device), None);
/// assert_eq!(smallest(y.inner()), 0.0);
/// let (y, _) = stack.valid().forward(Tensor::ones([4, 50, 3], &device), None);
/// assert!(smallest(y) > 0.0);
/// ```
///
/// Layers of different sizes, whose forget gates start open:
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::{Lstm, Remember, Stack, StackConfig};
///
/// let config = StackConfig::new(3, 8)
///     .with_layer_sizes(Some(vec![16, 8]))
///     .with_remember(Remember::Bias(2.0));
/// let stack: Stack<NdArray, Lstm<NdArray>> = config.init((), &Default::default());
/// assert_eq!(stack.layers[1].wx.dims(), [16, 4 * 8]);
/// ```
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct StackConfig {
    /// Size of each input vector of the first layer.
    pub d_input: usize,
    /// Size of each layer's hidden state.
    pub d_hidden: usize,
    /// Number of layers.
    #[config(default = 1)]
    pub n_layers: usize,
    /// Probability of zeroing an element of a layer's output during training.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// Size of each layer's hidden state, from the input upwards, in place of `d_hidden` and `n_layers`.
    #[config(default = "None")]
    pub layer_sizes: Option<Vec<usize>>,
    /// Whether there are biases.
    #[config(default = true)]
    pub bias: bool,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
    /// Whether the recurrent weights start as random orthogonal matrices.
    #[config(default = false)]
    pub orthogonal_recurrent: bool,
    /// How far the gates that keep memory are open at first: the bias of the forget gates, or the chrono
    /// initialisation.
    #[config(default = "Remember::ByDefault")]
    pub remember: Remember,
}

/// Recurrent layers of the cell `C`, with dropout on the output of each (Zaremba, Sutskever and Vinyals
/// 2014: between layers, never between steps). A stack is itself a [`RecurrentCell`].
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{AnyCell, CellKind, Lstm, RecurrentCell, Stack, StackConfig};
///
/// type B = NdArray;
/// let device = Default::default();
/// let config = StackConfig::new(3, 8).with_n_layers(2); // d_input 3, d_hidden 8
///
/// let stack: Stack<B, Lstm<B>> = config.init((), &device);
/// let (y, state) = stack.forward(Tensor::zeros([2, 5, 3], &device), None);
/// assert_eq!(y.dims(), [2, 5, 8]);
/// // The output is the top layer's hidden state.
/// assert_eq!(y.slice([0..2, 4..5]).squeeze_dim::<2>(1).into_data(), state[1].hidden.to_data());
///
/// // The cell may be chosen at run time.
/// let kind: CellKind = "rnn".parse()?;
/// let stack: Stack<B, AnyCell<B>> = config.init(kind, &device);
/// assert!(stack.layers.iter().all(|layer| matches!(layer, AnyCell::Rnn(_))));
/// # Ok::<(), models::UnknownCell>(())
/// ```
///
/// # Panics
///
/// A step or a sequence panics if the state is not that of as many layers.
#[derive(Module, Debug)]
pub struct Stack<B: Backend, C = AnyCell<B>> {
    /// The layers, from the input upwards.
    pub layers: Vec<C>,
    /// Dropout on the output of each layer; acts on autodiff backends only.
    pub dropout: Dropout,
    backend: PhantomData<B>,
}

/// What a [`Stack`] remembers: the state of each layer, from the input upwards.
///
/// See the example of [`Stack`].
pub type StackState<B, C = AnyCell<B>> = Vec<<C as RecurrentCell<B>>::State>;

impl StackConfig {
    /// Returns a [`Stack`] of cells of this kind with fresh weights, which `B::seed` determines. The `kind`
    /// is `()` for a single cell such as [`Lstm`](crate::Lstm), and a [`CellKind`](crate::CellKind) for
    /// [`AnyCell`].
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, a size is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init<B: Backend, C: Cell<B>>(&self, kind: C::Kind, device: &B::Device) -> Stack<B, C> {
        self.init_with(kind, &mut Init::from_backend(device))
    }

    /// Returns a [`Stack`] with fresh weights: the same on every backend for the same `seed`.
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, a size is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init_seeded<B: Backend, C: Cell<B>>(
        &self,
        kind: C::Kind,
        seed: u64,
        device: &B::Device,
    ) -> Stack<B, C> {
        self.init_with(kind, &mut Init::from_seed(seed, device))
    }

    /// Returns a [`Stack`] with weights drawn from `init`.
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, a size is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init_with<B: Backend, C: Cell<B>>(
        &self,
        kind: C::Kind,
        init: &mut Init<B>,
    ) -> Stack<B, C> {
        let equal = vec![self.d_hidden; self.n_layers];
        let sizes = self.layer_sizes.as_ref().unwrap_or(&equal);
        assert!(!sizes.is_empty(), "a stack: at least 1 layer, not 0");
        let inputs = [self.d_input].into_iter().chain(sizes.iter().copied());
        let layer = |(d_input, &d_hidden)| {
            let options = CellOptions::new(d_input, d_hidden)
                .with_bias(self.bias)
                .with_initializer(self.initializer)
                .with_orthogonal_recurrent(self.orthogonal_recurrent)
                .with_remember(self.remember);
            C::init(kind, &options, init)
        };
        let layers = inputs.zip(sizes).map(layer).collect();
        Stack::new(layers, DropoutConfig::new(self.dropout).init())
    }
}

impl<B: Backend, C> Stack<B, C> {
    /// Returns a stack of these layers, from the input upwards.
    pub fn new(layers: Vec<C>, dropout: Dropout) -> Self {
        Stack {
            layers,
            dropout,
            backend: PhantomData,
        }
    }
}

impl<B: Backend, C: RecurrentCell<B>> Stack<B, C> {
    /// Runs a sequence of tokens `[batch, time]`, if the first layer has kernels: `table` turns its `Wx` into
    /// `[vocabulary, gates·d_hidden]`, the `x·Wx` of each token.
    pub(crate) fn forward_tokens(
        &self,
        tokens: Tensor<B, 2, Int>,
        table: impl Fn(Tensor<B, 2>) -> Tensor<B, 2>,
        state: &StackState<B, C>,
    ) -> Option<(Tensor<B, 3>, StackState<B, C>)> {
        let (first, above) = self.layers.split_first()?;
        self.check(state);
        let (y, first_state) =
            first.by_kernels(&Input::Tokens(tokens), Some(&table), None, &state[0])?;
        let mut next = vec![first_state];
        let y = self.dropout.forward(y);
        let run = |layer: &C, x, state| layer.sequence(x, None, state);
        let y = self.climb(above, y, &state[1..], &mut next, run);
        Some((y, next))
    }

    /// Runs some of the layers, with a sequence (`D` = 3) or one step (`D` = 2), and appends their new states
    /// to `next`.
    fn climb<const D: usize>(
        &self,
        layers: &[C],
        mut x: Tensor<B, D>,
        states: &[C::State],
        next: &mut StackState<B, C>,
        run: impl Fn(&C, Tensor<B, D>, C::State) -> (Tensor<B, D>, C::State),
    ) -> Tensor<B, D> {
        for (layer, state) in layers.iter().zip(states) {
            let (y, state) = run(layer, x, state.clone());
            next.push(state);
            x = self.dropout.forward(y);
        }
        x
    }

    fn check(&self, state: &StackState<B, C>) {
        assert_eq!(self.layers.len(), state.len(), "a state for each layer");
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for Stack<B, C> {
    type State = StackState<B, C>;

    fn initial_state(&self, batch: usize) -> StackState<B, C> {
        let layers = self.layers.iter();
        layers.map(|layer| layer.initial_state(batch)).collect()
    }

    fn step(&self, x: Tensor<B, 2>, state: StackState<B, C>) -> (Tensor<B, 2>, StackState<B, C>) {
        self.check(&state);
        let mut next = Vec::with_capacity(state.len());
        let y = self.climb(&self.layers, x, &state, &mut next, C::step);
        (y, next)
    }

    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: StackState<B, C>,
    ) -> (Tensor<B, 3>, StackState<B, C>) {
        self.check(&state);
        let mut next = Vec::with_capacity(state.len());
        let run = |layer: &C, x, state| layer.sequence(x, lengths, state);
        let y = self.climb(&self.layers, input, &state, &mut next, run);
        (y, next)
    }

    fn streams(&self) -> bool {
        self.layers.iter().all(C::streams)
    }

    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        let layers: Option<Vec<_>> = self.layers.iter().map(C::kernel_layers).collect();
        Some(layers?.into_iter().flatten().collect())
    }
}

impl<B: Backend, C> Stack<B, C> {
    /// Returns the same layers without dropout.
    pub(crate) fn without_dropout(self) -> Self {
        Stack {
            dropout: DropoutConfig::new(0.0).init(),
            ..self
        }
    }
}
