//! A cell's kernels behind one interface, for callers that choose the cell at run time.

use std::{borrow::Cow, fmt};

use super::{
    backward::{Backward, Gradients},
    cell::{Cell, Gates},
    layer::Layer,
    lengths::Lengths,
    saved::Saved,
    weight_gradients::NeedsGrad,
    weights::{Input, Shape},
};
use crate::cpu::Engine;

/// The kernels of one cell: [`Lstm`](crate::Lstm), [`Rnn`](crate::Rnn), …
pub trait Kernel: fmt::Debug + Send + Sync {
    /// Returns the name of the cell, such as "lstm".
    fn name(&self) -> &'static str;

    /// Returns whether the state has a cell `c` besides the hidden state `h`.
    fn has_cell(&self) -> bool;

    /// Returns the blocks of columns in the weights, the sums, and how many biases and peepholes there are.
    fn gates(&self) -> Gates;

    /// Packs a layer's weights. For tokens, `wx` is the table, and the layer keeps it.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    fn pack<'a>(
        &self,
        engine: &Engine,
        takes: Takes,
        d_hidden: usize,
        wx: Cow<'a, [f32]>,
        wh: &[f32],
        b: &[f32],
    ) -> Box<dyn PackedLayer + 'a>;

    /// Runs [`Backward`].
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    fn backward(
        &self,
        engine: &Engine,
        backward: &Backward,
        needs: NeedsGrad,
        saved: Saved,
    ) -> Gradients;
}

/// What a layer takes in at each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Vectors, `[batch, d_input]`.
    Vectors,
    /// Tokens, `[batch]`: rows of the table that takes the place of `Wx`.
    Tokens,
}

impl Input<'_> {
    /// Returns which kind of input it is.
    pub fn kind(&self) -> Takes {
        match self {
            Input::Vectors(_) => Takes::Vectors,
            Input::Tokens(_) => Takes::Tokens,
        }
    }
}

/// A [`Layer`] of any cell.
pub trait PackedLayer: fmt::Debug + Send + Sync {
    /// Runs [`Layer::infer_padded`].
    fn infer(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    );

    /// Runs [`Layer::forward_padded`].
    fn forward_padded(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved);

    /// Runs one step on this thread, without allocating.
    fn step(&self, batch: usize, input: Input, h0: &[f32], cell: &mut [f32], output: &mut [f32]);
}

impl<C: Cell> Kernel for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn has_cell(&self) -> bool {
        C::HAS_CELL
    }

    fn gates(&self) -> Gates {
        C::GATES
    }

    fn pack<'a>(
        &self,
        engine: &Engine,
        takes: Takes,
        d_hidden: usize,
        wx: Cow<'a, [f32]>,
        wh: &[f32],
        b: &[f32],
    ) -> Box<dyn PackedLayer + 'a> {
        Box::new(match takes {
            Takes::Vectors => Layer::<C>::new(engine, d_hidden, &wx, wh, b),
            Takes::Tokens => Layer::<C>::of_tokens(engine, d_hidden, wx, wh, b),
        })
    }

    fn backward(
        &self,
        engine: &Engine,
        backward: &Backward,
        needs: NeedsGrad,
        saved: Saved,
    ) -> Gradients {
        backward.run::<C>(engine, needs, saved)
    }
}

impl<C: Cell> PackedLayer for Layer<'_, C> {
    fn infer(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.infer_padded(shape, lengths, input, h0, cell, output);
    }

    fn forward_padded(
        &self,
        shape: Shape,
        lengths: Lengths,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved) {
        Layer::forward_padded(self, shape, lengths, input, h0, c0)
    }

    fn step(&self, batch: usize, input: Input, h0: &[f32], cell: &mut [f32], output: &mut [f32]) {
        Layer::step(self, batch, input, h0, cell, output);
    }
}
