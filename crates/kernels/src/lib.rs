//! Recurrent layers on slices.

mod activation;
pub mod backward;
mod engine;
mod gemm;
mod gradient;
pub mod head;
pub mod lstm;
pub mod rnn;
pub mod sequence;
pub mod stepper;

pub use backward::{Wanted, WeightGradients};
pub use engine::{Engine, Isa};
pub use sequence::{Input, Shape};
