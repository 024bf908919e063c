//! What the processor offers: instruction sets, threads, and activation functions on its vectors.

mod activation;
mod buffer;
mod engine;
mod isa;
mod thread_pool;

pub(crate) use activation::{clamp, exp, quotient, sigmoid, tanh, through_sigmoid, through_tanh};
pub(crate) use buffer::Buffer;
pub use buffer::release_memory;
pub use engine::Engine;
pub(crate) use engine::cut;
pub use isa::Isa;
