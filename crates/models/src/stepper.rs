//! A trained network in real time: one step at a time on slices, with its state inside.
//!
//! ```
//! use burn_ndarray::NdArray;
//! use models::CharLmConfig;
//!
//! let model = CharLmConfig::new(65).init::<NdArray>(&Default::default());
//! let mut stepper = model.stepper(1); // one text
//! let mut logits = vec![0.0; 65];
//! for token in [20, 43, 50] {
//!     stepper.step_tokens(&[token], &mut logits); // `logits` now scores the character after it
//! }
//! assert!(logits.iter().any(|&score| score != 0.0));
//! ```
//!
//! If each layer has a kernel, a step runs on the processor without tensors and without allocating,
//! whatever backend and precision the weights come from. Otherwise it takes the reference path, the
//! cell's own `step`. Slices hold 32-bit floats either way.

use std::fmt;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use kernels::{Input, LayerWeights, Takes};

use crate::{
    bidirectional::CANNOT_STEP,
    cell::{RecurrentCell, RecurrentState},
    fused::KernelLayer,
};

/// A network prepared to run one step at a time.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, Stepper};
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<NdArray>(&device);
/// let mut stepper = Stepper::new(&lstm, 1); // one sequence
/// let mut h = vec![0.0; stepper.output_len()];
/// for _ in 0..5 {
///     stepper.step(&[1.0, 1.0, 1.0], &mut h);
/// }
///
/// let (_, state) = lstm.forward(Tensor::ones([1, 5, 3], &device), None);
/// let expected = state.hidden.into_data().to_vec::<f32>().unwrap();
/// assert!(h.iter().zip(&expected).all(|(h, expected)| (h - expected).abs() < 1e-5));
/// ```
#[derive(Debug)]
pub struct Stepper {
    steps: Steps,
    /// The state that a sequence starts from: the tensors of the state, `[batch, d_hidden]` each.
    initial: Vec<Vec<f32>>,
}

#[derive(Debug)]
enum Steps {
    Kernels(kernels::Stepper),
    Reference(Reference),
}

/// Steps in tensor operations. Between two steps the state is on the host, where it can be read and written.
struct Reference {
    batch: usize,
    takes: Takes,
    step: Box<Step>,
    /// `[batch, d_hidden]` each.
    state: Vec<Vec<f32>>,
    output_len: usize,
}

/// Input and old state to output and new state.
pub(crate) type Step = dyn Fn(Input, &[Vec<f32>]) -> (Vec<f32>, Vec<Vec<f32>>) + Send;

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference").finish_non_exhaustive()
    }
}

impl Stepper {
    /// Prepares a cell to run `batch` sequences one step at a time: `[batch, d_input]` in, `[batch, d_hidden]`
    /// out. A module under autodiff that takes the reference path builds a graph at each step, and its
    /// dropout acts: pass its `valid()` form.
    ///
    /// # Panics
    ///
    /// Panics if the cell cannot run one step at a time: a [`Bidirectional`](crate::Bidirectional) one.
    pub fn new<B: Backend, C>(cell: &C, batch: usize) -> Self
    where
        C: RecurrentCell<B> + Clone + Send + 'static,
    {
        assert!(cell.streams(), "{CANNOT_STEP}");
        let first = cell.initial_state(batch);
        let state = to_host(&first);
        if let Some(layers) = cell.kernel_layers() {
            return Self::of_kernels(batch, Takes::Vectors, &layers, None, state);
        }
        let cell = cell.clone();
        let output_len = host_values(first.hidden()).len();
        let step = move |input: Input, state: &[Vec<f32>]| {
            let Input::Vectors(x) = input else {
                unreachable!("checked by the stepper")
            };
            let zeros = cell.initial_state(batch);
            let like = &zeros.tensors()[0];
            let x = TensorData::new(x.to_vec(), [batch, x.len() / batch.max(1)]);
            let x = Tensor::from_data(x, (&like.device(), like.dtype()));
            let (y, state) = cell.step(x, from_host(zeros, state));
            (host_values(y), to_host(&state))
        };
        Self::of_reference(batch, Takes::Vectors, Box::new(step), state, output_len)
    }

    /// Prepares layers that all have kernels, from the input upwards, and a head, to start from `initial`.
    pub(crate) fn of_kernels<B: Backend>(
        batch: usize,
        takes: Takes,
        layers: &[KernelLayer<B>],
        head: Option<(&[f32], &[f32])>,
        initial: Vec<Vec<f32>>,
    ) -> Self {
        let values = |layer: &KernelLayer<B>| {
            let b = layer.b.clone().map_or(Vec::new(), host_values);
            let wh = layer.wh.clone().map_or(Vec::new(), host_values);
            let wx = host_values(layer.wx.clone());
            (layer.kernel, wx, wh, b, layer.d_hidden())
        };
        let values: Vec<_> = layers.iter().map(values).collect();
        let weights = values
            .iter()
            .map(|(kernel, wx, wh, b, d_hidden)| LayerWeights {
                kernel: *kernel,
                d_hidden: *d_hidden,
                wx,
                wh,
                b,
            });
        let weights: Vec<_> = weights.collect();
        let steps = Steps::Kernels(kernels::Stepper::new(batch, takes, &weights, head));
        let mut stepper = Stepper { steps, initial };
        stepper.reset();
        stepper
    }

    /// Prepares a network that starts from `state`, and whose `step` writes `output_len` numbers.
    pub(crate) fn of_reference(
        batch: usize,
        takes: Takes,
        step: Box<Step>,
        state: Vec<Vec<f32>>,
        output_len: usize,
    ) -> Self {
        let initial = state.clone();
        let steps = Steps::Reference(Reference {
            batch,
            takes,
            step,
            state,
            output_len,
        });
        Stepper { steps, initial }
    }

    /// Runs one step: `x` is `[batch, d_input]`; `y` becomes the top layer's output, `[batch, d_hidden]`.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, or this is a network of tokens.
    pub fn step(&mut self, x: &[f32], y: &mut [f32]) {
        match &mut self.steps {
            Steps::Kernels(stepper) => stepper.step(x, y),
            Steps::Reference(reference) => reference.run(Input::Vectors(x), y),
        }
    }

    /// Runs one step: `tokens` is `[batch]`; `y` becomes the scores of what follows, `[batch,
    /// vocab_size]`.
    ///
    /// # Panics
    ///
    /// Panics if lengths do not agree, a token is not in the vocabulary, or this is a network of vectors.
    pub fn step_tokens(&mut self, tokens: &[u32], y: &mut [f32]) {
        match &mut self.steps {
            Steps::Kernels(stepper) => stepper.step_tokens(tokens, y),
            Steps::Reference(reference) => reference.run(Input::Tokens(tokens), y),
        }
    }

    /// Returns the number of values that a step writes.
    pub fn output_len(&self) -> usize {
        match &self.steps {
            Steps::Kernels(stepper) => stepper.output_len(),
            Steps::Reference(reference) => reference.output_len,
        }
    }

    /// Returns the state: the tensors of each layer's state, from the input upwards, `[batch, d_hidden]`
    /// each.
    pub fn state(&self) -> impl Iterator<Item = &[f32]> {
        let state: Vec<&[f32]> = match &self.steps {
            Steps::Kernels(stepper) => stepper.state().collect(),
            Steps::Reference(reference) => reference.state.iter().map(Vec::as_slice).collect(),
        };
        state.into_iter()
    }

    /// Returns the state as mutable slices, in the order of [`state`](Self::state).
    pub fn state_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let state: Vec<&mut [f32]> = match &mut self.steps {
            Steps::Kernels(stepper) => stepper.state_mut().collect(),
            Steps::Reference(reference) => {
                reference.state.iter_mut().map(Vec::as_mut_slice).collect()
            }
        };
        state.into_iter()
    }

    /// Resets the state to the cell's initial one.
    pub fn reset(&mut self) {
        let initial = std::mem::take(&mut self.initial);
        let pairs = self.state_mut().zip(&initial);
        pairs.for_each(|(state, initial)| state.copy_from_slice(initial));
        self.initial = initial;
    }
}

impl Reference {
    fn run(&mut self, input: Input, y: &mut [f32]) {
        match self.takes {
            Takes::Vectors => {
                assert_eq!(input.kind(), self.takes, "this network takes vectors");
            }
            Takes::Tokens => assert_eq!(input.kind(), self.takes, "this network takes tokens"),
        }
        match input {
            Input::Vectors(x) => assert!(
                x.len().is_multiple_of(self.batch.max(1)),
                "x: [batch, d_input], not {} numbers for {} sequences",
                x.len(),
                self.batch
            ),
            Input::Tokens(tokens) => assert_eq!(tokens.len(), self.batch, "tokens: [batch]"),
        }
        assert_eq!(y.len(), self.output_len, "y: [batch, size of the output]");
        let (output, state) = (self.step)(input, &self.state);
        y.copy_from_slice(&output);
        self.state = state;
    }
}

pub(crate) fn to_host<B: Backend>(state: &impl RecurrentState<B>) -> Vec<Vec<f32>> {
    state.tensors().into_iter().map(host_values).collect()
}

pub(crate) fn from_host<B: Backend, S: RecurrentState<B>>(like: S, state: &[Vec<f32>]) -> S {
    let shapes = like.tensors().into_iter().map(|tensor| tensor.dims());
    let data = state.iter().zip(shapes);
    let data = data.map(|(values, shape)| TensorData::new(values.clone(), shape));
    like.with_data(data.collect())
}

pub(crate) fn host_values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
