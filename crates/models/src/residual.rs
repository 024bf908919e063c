//! A residual connection around a cell (He et al. 2016).

use std::marker::PhantomData;

use burn::{
    module::Module,
    tensor::{Tensor, backend::Backend},
};

use crate::{
    cell::RecurrentCell,
    lengths::{self, Lengths},
};

/// A cell whose output is added to its input: `y[t] = cell(x[t]) + x[t]`.
///
/// Gradients pass it undiminished, which helps deep [`Stack`](crate::Stack)s. The state is that of the cell.
///
/// ```
/// use burn::{nn::DropoutConfig, tensor::Tensor};
/// use burn_ndarray::NdArray;
/// use models::{GruConfig, RecurrentCell, Residual, Stack};
///
/// type B = NdArray;
/// let device = Default::default();
/// let layer = |_| Residual::new(GruConfig::new(8, 8).init::<B>(&device));
/// let stack = Stack::new((0..4).map(layer).collect(), DropoutConfig::new(0.0).init());
/// let x = Tensor::ones([2, 5, 8], &device);
/// let (y, _) = stack.forward(x.clone(), None);
/// assert_eq!(y.dims(), [2, 5, 8]);
///
/// let layer = &stack.layers[0];
/// let added = layer.forward(x.clone(), None).0 - layer.cell.forward(x, None).0;
/// assert!((added - 1.0).abs().max().into_scalar() < 1e-6); // the input
/// ```
#[derive(Module, Debug)]
pub struct Residual<B: Backend, C> {
    /// The cell, whose output is as wide as its input.
    pub cell: C,
    backend: PhantomData<B>,
}

impl<B: Backend, C> Residual<B, C> {
    /// Returns the cell with a connection around it.
    pub fn new(cell: C) -> Self {
        Residual {
            cell,
            backend: PhantomData,
        }
    }
}

impl<B: Backend, C: RecurrentCell<B>> RecurrentCell<B> for Residual<B, C> {
    type State = C::State;

    fn initial_state(&self, batch: usize) -> C::State {
        self.cell.initial_state(batch)
    }

    /// # Panics
    ///
    /// Panics if the cell's output is not as wide as its input.
    fn step(&self, x: Tensor<B, 2>, state: C::State) -> (Tensor<B, 2>, C::State) {
        let (y, state) = self.cell.step(x.clone(), state);
        (add(y, x), state)
    }

    fn streams(&self) -> bool {
        self.cell.streams()
    }

    fn sequence(
        &self,
        input: Tensor<B, 3>,
        lengths: Option<&Lengths>,
        state: C::State,
    ) -> (Tensor<B, 3>, C::State) {
        let input = lengths::blank(lengths, input);
        let (y, state) = self.cell.sequence(input.clone(), lengths, state);
        (add(y, input), state)
    }
}

fn add<B: Backend, const D: usize>(y: Tensor<B, D>, x: Tensor<B, D>) -> Tensor<B, D> {
    let ([to, from], last) = ([y.dims(), x.dims()], D - 1);
    assert_eq!(
        to[last], from[last],
        "residual: an output of {} numbers cannot be added to an input of {}",
        to[last], from[last]
    );
    y + x
}
