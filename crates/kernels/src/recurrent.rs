//! Recurrent layers over whole sequences, forward and backward.
//!
//! A cell's file holds its equations on vectors ([`rnn`], [`lstm`], [`peephole_lstm`], [`coupled_lstm`], [`gru`]); the rest is the
//! same for all cells: `scan` is the loop forward, `bptt` the loop backward, [`Layer`] and [`Backward`] divide a
//! batch among the threads, and [`Kernel`] puts all of it behind one interface. Cells whose gates do not see the
//! state ([`min_gru`], [`min_lstm`]) need no such loop: [`linear`] is the rest for them.

mod backward;
mod bptt;
mod cell;
pub mod coupled_lstm;
pub mod gru;
mod kernel;
mod layer;
mod lengths;
pub mod linear;
pub mod lstm;
pub mod min_gru;
pub mod min_lstm;
pub mod peephole_lstm;
pub mod rnn;
mod saved;
mod scan;
mod weight_gradients;
mod weights;

pub use backward::{Backward, Gradients};
pub use cell::{Cell, Gates, Steps, StepsBack};
pub use kernel::{Kernel, PackedLayer, Takes};
pub use layer::Layer;
pub use lengths::Lengths;
pub use saved::Saved;
pub use weight_gradients::{NeedsGrad, WeightGradients};
pub use weights::{Input, Shape};
