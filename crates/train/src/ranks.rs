//! Many processes that train one model together, each on some rows of every batch (data parallelism).
//!
//! ```text
//!            rank 0           rank 1           rank 2
//! batch      rows 0, 1        rows 2, 3        rows 4, 5
//!              │                │                │
//! gradient    g₀               g₁               g₂
//!              └────────────────┼────────────────┘
//!                          g₀ + g₁ + g₂                 summed in this order, the same bits on every rank
//!              ┌────────────────┼────────────────┐
//! weights    clip, step       clip, step       clip, step
//! ```
//!
//! Every rank holds all weights, and makes them equal to the others' by the same steps from the same sums. What a
//! rank alone has are the states of its rows. [`Communicator`] is all that training knows of the machines in
//! between; [`Alone`] is the one of a single process.

mod communicator;
mod share;

pub use communicator::{Alone, Communicator, first_other};
pub use share::Share;
