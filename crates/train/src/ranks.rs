//! Many processes that train one model together, each on some rows of every batch (data parallelism).
//!
//! ```text
//!            rank 0           rank 1           rank 2
//! batch      rows 0, 1        rows 2, 3        rows 4, 5
//!              │                │                │
//! gradient    g₀               g₁               g₂
//!              └────────────────┼────────────────┘
//!                          g₀ + g₁ + g₂                 summed in this order, a third of the numbers on each rank
//!              ┌────────────────┼────────────────┐
//! weights    clip, step       clip, step       clip, step
//!              └────────────────┼────────────────┘
//!                             all                       the same bits on every rank
//! ```
//!
//! Every rank holds all weights, steps a stretch of them, and sends it to the others. What a rank alone has are the
//! moments of its stretch and the states of its rows. [`Communicator`] is all that training knows of the machines in
//! between; [`Alone`] is the one of a single process.

mod communicator;
mod share;
mod sum;

pub use communicator::{Alone, Communicator, first_other};
pub use share::Share;
pub use sum::{Number, share_of_sum};
