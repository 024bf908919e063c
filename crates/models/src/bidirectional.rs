//! A layer that reads a sequence in both directions (Schuster and Paliwal 1997).

use std::marker::PhantomData;

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    lengths::Lengths,
    weights::{LayerWeights, WeightsError},
};

/// Why such a layer has no step.
pub(crate) const CANNOT_STEP: &str = "a bidirectional layer cannot run one step at a time: its output \
                                      depends on the future; run whole sequences with forward";

/// How the outputs of both directions become one.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::{Bidirectional, GruConfig, Merge, RecurrentCell};
///
/// let device = Default::default();
/// let gru = || GruConfig::new(3, 8).init::<NdArray>(&device);
/// let layer = Bidirectional::new(gru(), gru()).with_merge(Merge::Sum);
/// let (y, _) = layer.forward(Tensor::zeros([2, 5, 3], &device), None);
/// assert_eq!(y.dims(), [2, 5, 8]); // Merge::Concatenate gives [2, 5, 16]
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Merge {
    /// Side by side: the output is `[batch, time, 2·d_hidden]`, as in PyTorch.
    #[default]
    Concatenate,
    /// Added: the output is `[batch, time, d_hidden]`.
    Sum,
}

/// Two cells, of which one reads the sequence forwards and the other backwards:
///
/// ```text
/// (→y[0], …, →y[T-1]) = forward(x[0], …, x[T-1])
/// (←y[T-1], …, ←y[0]) = backward(x[T-1], …, x[0])
///
/// y[t] = [→y[t] ←y[t]]   or   →y[t] + ←y[t]
/// ```
///
/// Of sequences of unequal [`Lengths`], the backward cell reads each from its own last step. The state after
/// the sequence is that after each cell's own last step, which for the backward one is the first of the
/// sequence.
///
/// It is a [`RecurrentCell`] whose output needs the whole sequence, so it runs sequences and cannot
/// [`step`](RecurrentCell::step).
///
/// ```
/// use burn::{nn::DropoutConfig, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{Bidirectional, LstmConfig, RecurrentCell, Stack};
///
/// type B = NdArray;
/// let device = Default::default();
/// let layer = |d_input| {
///     let config = LstmConfig::new(d_input, 8);
///     Bidirectional::new(config.init::<B>(&device), config.init(&device))
/// };
/// // PyTorch's nn.LSTM(3, 8, num_layers=2, bidirectional=True).
/// let stack = Stack::new(vec![layer(3), layer(16)], DropoutConfig::new(0.0).init());
/// let (y, _) = stack.forward(Tensor::zeros([2, 5, 3], &device), None);
/// assert_eq!(y.dims(), [2, 5, 16]);
/// ```
#[derive(Module, Debug)]
pub struct Bidirectional<B: Backend, C> {
    /// Reads from the first step to the last.
    pub forward: C,
    /// Reads from the last step to the first.
    pub backward: C,
    /// How their outputs become one.
    #[module(skip)]
    pub merge: Merge,
    backend: PhantomData<B>,
}

/// What a [`Bidirectional`] layer remembers.
///
/// ```
/// use burn::tensor::{Distribution, Tensor};
/// use burn_ndarray::NdArray;
/// use models::{Bidirectional, GruConfig, RecurrentCell};
///
/// let device = Default::default();
/// let gru = || GruConfig::new(3, 8).init::<NdArray>(&device);
/// let x = Tensor::random([2, 5, 3], Distribution::Default, &device);
/// let (y, state) = Bidirectional::new(gru(), gru()).forward(x, None);
/// let at = |t: usize| y.clone().narrow(1, t, 1).squeeze_dim::<2>(1).chunk(2, 1);
/// // One cell stops at the last step, the other at the first.
/// assert_eq!(state.forward.hidden.into_data(), at(4)[0].to_data());
/// assert_eq!(state.backward.hidden.into_data(), at(0)[1].to_data());
/// ```
#[derive(Clone, Debug)]
pub struct BidirectionalState<S> {
    /// The state of the cell that reads forwards.
    pub forward: S,
    /// The state of the cell that reads backwards.
    pub backward: S,
}

impl<B: Backend, C> Bidirectional<B, C> {
    /// Returns a layer of these cells, whose outputs are concatenated.
    pub fn new(forward: C, backward: C) -> Self {
        Bidirectional {
            forward,
            backward,
            merge: Merge::Concatenate,
            backend: PhantomData,
        }
    }

    /// Returns the layer with outputs merged in this way.
    pub fn with_merge(self, merge: Merge) -> Self {
        Bidirectional { merge, ..self }
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for Bidirectional<B, C> {
    type State = BidirectionalState<C::State>;

    fn initial_state(&self, batch: usize) -> Self::State {
        BidirectionalState {
            forward: self.forward.initial_state(batch),
            backward: self.backward.initial_state(batch),
        }
    }

    /// # Panics
    ///
    /// Always panics: the first output depends on the last input.
    fn step(&self, _: Tensor<B, 2>, _: Self::State) -> (Tensor<B, 2>, Self::State) {
        panic!("{CANNOT_STEP}");
    }

    fn streams(&self) -> bool {
        false
    }

    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: Self::State,
    ) -> (Tensor<B, 3>, Self::State) {
        let states = [&state.forward, &state.backward];
        let both = self
            .forward
            .by_kernels_both_ways(&self.backward, &input, lengths, states);
        if let Some((y, [forward, backward])) = both {
            let y = match self.merge {
                Merge::Concatenate => y,
                Merge::Sum => {
                    let [forward, backward] = y.chunk(2, 2).try_into().expect("both directions");
                    forward + backward
                }
            };
            return (y, BidirectionalState { forward, backward });
        }
        let reverse = |sequence: Tensor<B, 3>| match lengths {
            Some(lengths) => lengths.reverse(sequence),
            None => sequence.flip([1]),
        };
        let reversed = reverse(input.clone());
        let (y, forward) = self.forward.sequence(input, lengths, state.forward);
        let (back, backward) = self.backward.sequence(reversed, lengths, state.backward);
        let back = reverse(back);
        let y = match self.merge {
            Merge::Concatenate => Tensor::cat(vec![y, back], 2),
            Merge::Sum => y + back,
        };
        (y, BidirectionalState { forward, backward })
    }

    fn to_weights(&self) -> Option<Vec<LayerWeights<B::FloatElem>>> {
        if self.merge != Merge::Concatenate {
            return None;
        }
        let [forward, backward] = [self.forward.to_weights()?, self.backward.to_weights()?];
        Some(forward.into_iter().chain(backward).collect())
    }

    fn from_weights(
        weights: &mut Vec<LayerWeights<B::FloatElem>>,
        device: &B::Device,
    ) -> Result<Self, WeightsError> {
        if weights.len() != 2 {
            return Err(WeightsError::NoSuchCell(
                "the weights are those of a layer of one direction".into(),
            ));
        }
        let backward = weights.split_off(1);
        let cell = |mut one: Vec<_>| C::from_weights(&mut one, device);
        let forward = std::mem::take(weights);
        Ok(Bidirectional::new(cell(forward)?, cell(backward)?))
    }
}

/// The direction precedes each name: `forward.hidden`.
impl<B: Backend, S: RecurrentState<B>> RecurrentState<B> for BidirectionalState<S> {
    fn map(self, f: &mut impl FnMut(&str, Tensor<B, 2>) -> Tensor<B, 2>) -> Self {
        let mut named = |direction: &str, state: S| {
            state.map(&mut |name, tensor| f(&format!("{direction}.{name}"), tensor))
        };
        BidirectionalState {
            forward: named("forward", self.forward),
            backward: named("backward", self.backward),
        }
    }
}
