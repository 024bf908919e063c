//! Recurrent layers on slices: whole sequences forward and back through time, and one step at a time.
//!
//! No tensors, no files: numbers in, numbers out. All that outlives a call is the threads. The crate
//! `models` puts its Burn modules on top of this; anything else that has `&[f32]` can do the same.
//!
//! | to read | where |
//! |---|---|
//! | the long short-term memory, there and back | [`lstm`] |
//! | the plain recurrent network, there and back | [`rnn`] |
//! | from hidden states to the cross-entropy, and back | [`head`] |
//! | a network in real time | [`stepper`] |
//! | instructions and threads | [`Engine`] |
//!
//! # How it is fast
//!
//! - Each thread takes some of the sequences through *all* steps: nobody waits at a step. After its
//!   work a thread stays awake for two milliseconds, which is sooner ready than one that has to wake.
//! - The recurrent weights are packed once per sequence, in the order in which the innermost loop reads
//!   them; input and state go through one such product per step, and the gates are computed while its
//!   sums are in registers.
//! - On the way back the gradient of the gates' sums takes the place of the gates in memory. The
//!   gradient of the weights is one product over all steps at the end.
//! - A token's `x·Wx` is a row of a table; the gradient of the table is a sum per row.
//!
//! # What can be relied on
//!
//! - Layout: row by row, nothing between rows, no demands on alignment. Lengths that do not agree are
//!   a panic that names the slice.
//! - σ within 9e-8 of its value, tanh within 1.5e-7, at every `f32`; NaN stays NaN.
//! - A result depends on the [instructions](Isa) (with AVX-512 also on the make of the processor, whose
//!   estimate of a reciprocal is its own) but not on the number of threads, and is the same bits at
//!   each run.
//! - Nothing is allocated inside the loop over time; a [`stepper`] allocates nothing at all.
//!
//! # An example
//!
//! ```
//! use kernels::{Engine, Input, Shape, Wanted, lstm::{Backward, Lstm}};
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
//! let lstm = Lstm::new(&engine, d_hidden, &wx, &wh, &b);
//! let (y, saved) = lstm.forward(shape, Input::Vectors(&x), &zeros, &zeros);
//! assert_eq!(y.len(), batch * time * d_hidden);
//!
//! // The gradient of the sum of all outputs.
//! let back = Backward {
//!     shape,
//!     wx: &wx,
//!     wh: &wh,
//!     input: Input::Vectors(&x),
//!     h0: &zeros,
//!     output: &y,
//!     d_output: &vec![1.0; y.len()],
//!     d_cell: &zeros,
//! };
//! let gradients = back.run(&engine, Wanted { input: true, weights: true }, saved);
//! assert_eq!(gradients.weights.wh.len(), wh.len());
//! ```

mod activation;
pub mod backward;
mod engine;
mod gemm;
mod gradient;
pub mod head;
pub mod lstm;
mod product;
pub mod rnn;
pub mod sequence;
pub mod stepper;
mod team;

pub use backward::{Wanted, WeightGradients};
pub use engine::{Engine, Isa};
pub use sequence::{Input, Shape};
