//! Recurrent layers on slices: whole sequences forward and backward, and one step at a time.
//!
//! Slices in, slices out: this crate does not know tensors or files. Only its threads outlive a call, and the
//! memory that it used lately ([`release_memory`]). The crate `models` builds its Burn modules on top of it;
//! anything else that has `&[f32]` can do the same.
//!
//! | to read about | see |
//! |---|---|
//! | the long short-term memory, forward and backward | [`recurrent::lstm`] |
//! | the LSTM whose gates see its cell | [`recurrent::peephole_lstm`] |
//! | the LSTM that takes in as much as it forgets | [`recurrent::coupled_lstm`] |
//! | the gated recurrent unit, forward and backward | [`recurrent::gru`] |
//! | the plain recurrent network, forward and backward | [`recurrent::rnn`] |
//! | layers whose gates do not see the state | [`recurrent::linear`], [`recurrent::min_gru`], [`recurrent::min_lstm`] |
//! | a layer over whole sequences | [`Layer`], [`Backward`] |
//! | sequences of unequal length | [`Lengths`] |
//! | a cell chosen at run time | [`Kernel`] |
//! | from hidden states to the cross-entropy, and back | [`linear_cross_entropy`] |
//! | a network in real time | [`stepper`] |
//! | instructions and threads | [`Engine`] |
//!
//! A new cell is a file in `recurrent/` with its equations, forward and backward.
//!
//! # How it is fast
//!
//! - Each thread takes some of the sequences through *all* steps, so no thread waits for another at a
//!   step. After its work a thread stays awake for two milliseconds, because waking a sleeping one takes time.
//! - The recurrent weights are packed once per sequence, in the order in which the innermost loop reads
//!   them. Input and state go through one such product per step, and the gates are computed while its
//!   sums are in registers.
//! - A product takes as many rows at a time as their sums fit into registers: three with AVX2, six with AVX-512.
//! - In the backward pass the gradients of the gates' sums overwrite the gates. The gradient of the
//!   weights is one product over all steps at the end.
//! - A token's `x·Wx` is a row of a table; the gradient of the table is a sum per row.
//!
//! # Guarantees
//!
//! - Slices are row-major and contiguous, and need no alignment. If lengths do not agree, a function
//!   panics and names the slice.
//! - σ is within 9e-8 of its value and tanh within 1.5e-7, at every `f32`; NaN stays NaN.
//! - A result depends on the [instruction set](Isa) (with AVX-512 also on the make of the processor, since
//!   each make estimates reciprocals in its own way) but not on the number of threads, and is bit-identical
//!   from run to run.
//! - The loop over time allocates nothing; a [`stepper`] allocates nothing at all.
//!
//! # An example
//!
//! ```
//! use kernels::{Backward, Engine, Input, Layer, Lengths, Lstm, NeedsGrad, Shape};
//!
//! let (batch, time, d_input, d_hidden) = (2, 5, 3, 8);
//! let shape = Shape { batch, time };
//! let engine = Engine::new();
//! let wx = vec![0.1; d_input * 4 * d_hidden];
//! let wh = vec![-0.1; d_hidden * 4 * d_hidden];
//! let b = vec![0.0; 4 * d_hidden];
//! let x = vec![1.0; batch * time * d_input];
//! let zeros = vec![0.0; batch * d_hidden];
//!
//! let lstm = Layer::<Lstm>::new(&engine, d_hidden, &wx, &wh, &b);
//! let (y, saved) = lstm.forward(shape, Input::Vectors(&x), &zeros, &zeros);
//! assert_eq!(y.len(), batch * time * d_hidden);
//!
//! // The gradients of the sum of all outputs.
//! let back = Backward {
//!     shape,
//!     lengths: Lengths::ALL,
//!     wx: &wx,
//!     wh: &wh,
//!     input: Input::Vectors(&x),
//!     h0: &zeros,
//!     output: &y,
//!     d_output: &vec![1.0; y.len()],
//!     d_cell: &zeros,
//! };
//! let gradients = back.run::<Lstm>(&engine, NeedsGrad { input: true, weights: true }, saved);
//! assert_eq!(gradients.weights.wh.len(), wh.len());
//! ```

mod cpu;
pub mod linear_cross_entropy;
mod matmul;
pub mod recurrent;
pub mod stepper;

pub use cpu::{Engine, Isa, release_memory};
pub use linear_cross_entropy::LinearCrossEntropy;
pub use recurrent::{
    Backward, Gradients, Input, Kernel, Layer, Lengths, NeedsGrad, PackedLayer, Saved, Shape,
    Takes, WeightGradients, gru::Gru, lstm::Lstm, rnn::Rnn,
};
pub use stepper::{LayerWeights, Stepper};
