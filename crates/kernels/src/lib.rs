//! Recurrent layers on slices.

pub mod backward;
mod activation;
mod engine;
mod gemm;
mod gradient;
pub mod lstm;
pub mod sequence;

pub use backward::{Wanted, WeightGradients};
pub use engine::{Engine, Isa};
pub use sequence::{Input, Shape};
