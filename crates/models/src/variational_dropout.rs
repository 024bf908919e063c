//! Dropout with one mask for all steps of a sequence (Gal and Ghahramani 2016).

use std::marker::PhantomData;

use burn::{
    config::Config,
    module::Module,
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::{RecurrentCell, RecurrentState},
    fused::{Input, KernelLayer},
    lengths::Lengths,
    mask::{dropout_mask, map_recurrent_weights, probability, training},
};

/// How to build a [`VariationalDropout`]. Probabilities go from 0 to below 1.
///
/// See the example of [`VariationalDropout`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct VariationalDropoutConfig {
    /// Probability of zeroing an element of the input.
    #[config(default = 0.0)]
    pub input: f64,
    /// Probability of zeroing an element of the hidden state where it goes into the next step's product.
    #[config(default = 0.0)]
    pub hidden: f64,
    /// Probability of zeroing an element of the output.
    #[config(default = 0.0)]
    pub output: f64,
}

/// A cell with dropout whose masks stay the same at all steps of a sequence:
///
/// ```text
/// a[t] = (mx∘x[t])·Wx + (mh∘h[t-1])·Wh + b          output = my∘y[t]
/// ```
///
/// An element of a mask is 0 with its probability p, and 1/(1 − p) otherwise. The masks of input and output
/// differ between the sequences of a batch. That of the hidden state is the same for all of them: it zeroes
/// rows of every parameter `wh` inside the cell, so the kernels are as fast as without.
/// [`step`](RecurrentCell::step) has no beginning of a sequence at which to draw, and drops nothing.
///
/// ```
/// use burn::{module::AutodiffModule, tensor::Tensor};
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, VariationalDropoutConfig};
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<Autodiff<NdArray>>(&device);
/// let cell = VariationalDropoutConfig::new().with_input(0.2).with_hidden(0.3).init(lstm.clone());
/// let difference = |[a, b]: [Tensor<NdArray, 3>; 2]| (a - b).abs().max().into_scalar();
///
/// // In training it is not the cell alone; without autodiff it is.
/// let x = Tensor::ones([2, 5, 3], &device);
/// let (y, alone) = (cell.forward(x.clone(), None).0, lstm.forward(x, None).0);
/// assert!(difference([y.inner(), alone.inner()]) > 0.0);
/// let x = Tensor::ones([2, 5, 3], &device);
/// let (y, alone) = (cell.valid().forward(x.clone(), None).0, lstm.valid().forward(x, None).0);
/// assert_eq!(difference([y, alone]), 0.0);
/// ```
#[derive(Module, Debug)]
pub struct VariationalDropout<B: Backend, C> {
    /// The cell.
    pub cell: C,
    /// Probability of zeroing an element of the input.
    pub input: f64,
    /// Probability of zeroing an element of the hidden state.
    pub hidden: f64,
    /// Probability of zeroing an element of the output.
    pub output: f64,
    backend: PhantomData<B>,
}

impl VariationalDropoutConfig {
    /// Returns the cell with dropout.
    ///
    /// # Panics
    ///
    /// Panics if a setting is not a probability below 1.
    pub fn init<B: Backend, C>(&self, cell: C) -> VariationalDropout<B, C> {
        VariationalDropout {
            cell,
            input: probability("variational dropout of the input", self.input),
            hidden: probability("variational dropout of the hidden state", self.hidden),
            output: probability("variational dropout of the output", self.output),
            backend: PhantomData,
        }
    }
}

impl<B: Backend, C: RecurrentCell<B> + Module<B>> RecurrentCell<B> for VariationalDropout<B, C> {
    type State = C::State;

    fn initial_state(&self, batch: usize) -> C::State {
        self.cell.initial_state(batch)
    }

    fn step(&self, x: Tensor<B, 2>, state: C::State) -> (Tensor<B, 2>, C::State) {
        self.cell.step(x, state)
    }

    fn streams(&self) -> bool {
        self.cell.streams()
    }

    /// # Panics
    ///
    /// Panics in training if the hidden state has dropout and the cell has no parameter `wh`.
    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: C::State,
    ) -> (Tensor<B, 3>, C::State) {
        if !training::<B>(&input.device()) {
            return self.cell.sequence(input, lengths, state);
        }
        let input = one_mask(input, self.input);
        let (y, state) = if self.hidden == 0.0 {
            self.cell.sequence(input, lengths, state)
        } else {
            let rows = |wh: Tensor<B, 2>| {
                let mask = dropout_mask(&wh.clone().narrow(1, 0, 1), self.hidden);
                wh * mask
            };
            let thinned = map_recurrent_weights(&self.cell, rows);
            thinned.sequence(input, lengths, state)
        };
        (one_mask(y, self.output), state)
    }

    /// `None` in training: the masks are not the kernels'.
    fn by_kernels(
        &self,
        input: &Input<B>,
        table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
        lengths: Option<&Lengths>,
        state: &C::State,
    ) -> Option<(Tensor<B, 3>, C::State)> {
        match training::<B>(&state.hidden().device()) {
            true => None,
            false => self.cell.by_kernels(input, table, lengths, state),
        }
    }

    /// `None` in training.
    fn by_kernels_both_ways(
        &self,
        backward: &Self,
        input: &Tensor<B, 3>,
        lengths: Option<&Lengths>,
        states: [&C::State; 2],
    ) -> Option<(Tensor<B, 3>, [C::State; 2])> {
        let (forward, backward) = (&self.cell, &backward.cell);
        match training::<B>(&input.device()) {
            true => None,
            false => forward.by_kernels_both_ways(backward, input, lengths, states),
        }
    }

    /// The layers of the cell, without dropout.
    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        self.cell.kernel_layers()
    }
}

/// Multiplies all steps of `[batch, time, n]` by one mask `[batch, 1, n]`.
fn one_mask<B: Backend>(sequence: Tensor<B, 3>, p: f64) -> Tensor<B, 3> {
    if p == 0.0 {
        return sequence;
    }
    let mask = dropout_mask(&sequence.clone().narrow(1, 0, 1), p);
    sequence * mask
}
