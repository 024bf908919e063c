//! Dropout of recurrent weights (Merity, Keskar and Socher 2017), also called DropConnect.

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
    mask::{probability, thinned},
};

/// How to build a [`WeightDropout`].
///
/// See the example of [`WeightDropout`].
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct WeightDropoutConfig {
    /// Probability of zeroing a recurrent weight, from 0 to below 1.
    pub p: f64,
}

/// A cell that loses some of its recurrent weights in training: for each sequence, every element of `Wh` is
/// zero with probability `p`, and the others are divided by `1 − p`.
///
/// One draw serves all sequences of a batch and all their steps, so the kernels are as fast as without. It
/// applies to every parameter `wh` inside the cell. [`step`](RecurrentCell::step) has no beginning of a
/// sequence at which to draw, and drops nothing.
///
/// ```
/// use burn::{module::AutodiffModule, tensor::Tensor};
/// use burn_autodiff::Autodiff;
/// use burn_ndarray::NdArray;
/// use models::{LstmConfig, RecurrentCell, WeightDropoutConfig};
///
/// let device = Default::default();
/// let lstm = LstmConfig::new(3, 8).init::<Autodiff<NdArray>>(&device);
/// let cell = WeightDropoutConfig::new(0.5).init(lstm.clone());
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
pub struct WeightDropout<B: Backend, C> {
    /// The cell.
    pub cell: C,
    /// Probability of zeroing a recurrent weight.
    pub p: f64,
    backend: PhantomData<B>,
}

impl WeightDropoutConfig {
    /// Returns the cell with dropout of its recurrent weights.
    ///
    /// # Panics
    ///
    /// Panics if `p` is not a probability below 1.
    pub fn init<B: Backend, C>(&self, cell: C) -> WeightDropout<B, C> {
        let p = probability("weight dropout", self.p);
        WeightDropout {
            cell,
            p,
            backend: PhantomData,
        }
    }
}

impl<B: Backend, C: Module<B>> WeightDropout<B, C> {
    fn thinned(&self, device: &B::Device) -> C {
        thinned(&self.cell, self.p, device)
    }
}

impl<B: Backend, C: RecurrentCell<B> + Module<B>> RecurrentCell<B> for WeightDropout<B, C> {
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
    /// Panics in training if the cell has no parameter `wh`.
    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: C::State,
    ) -> (Tensor<B, 3>, C::State) {
        self.thinned(&input.device())
            .sequence(input, lengths, state)
    }

    /// With dropout.
    fn by_kernels(
        &self,
        input: &Input<B>,
        table: Option<&dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>>,
        lengths: Option<&Lengths>,
        state: &C::State,
    ) -> Option<(Tensor<B, 3>, C::State)> {
        self.thinned(&state.hidden().device())
            .by_kernels(input, table, lengths, state)
    }

    /// With dropout.
    fn by_kernels_both_ways(
        &self,
        backward: &Self,
        input: &Tensor<B, 3>,
        lengths: Option<&Lengths>,
        states: [&C::State; 2],
    ) -> Option<(Tensor<B, 3>, [C::State; 2])> {
        let device = &input.device();
        let (forward, backward) = (self.thinned(device), backward.thinned(device));
        forward.by_kernels_both_ways(&backward, input, lengths, states)
    }

    /// The layers of the cell, without dropout.
    fn kernel_layers(&self) -> Option<Vec<KernelLayer<B>>> {
        self.cell.kernel_layers()
    }
}
