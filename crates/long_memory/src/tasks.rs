//! The tasks, each with its source.

mod adding;
mod first_symbol;
mod running_xor;
mod xor;

pub use adding::Adding;
pub use first_symbol::FirstSymbol;
pub use running_xor::RunningXor;
pub use xor::Xor;

use crate::task::Task;

/// All tasks, from the one that needs no memory to the one that needs the most.
pub const ALL: [&dyn Task; 4] = [&Xor, &RunningXor, &Adding, &FirstSymbol];
