//! What people see of a run: lines and samples on standard output, a bar on the terminal, charts.

pub mod chart;
mod download;
pub mod figure;
mod numbers;
pub mod picture;
mod progress;
pub mod terminal_chart;

pub use download::download;
pub use numbers::{bytes, grouped, plural};
pub use progress::Progress;

use std::io::{self, Write};

/// Prints to standard output. Whoever read it may have gone (`| head`): a run that trains goes on
/// without them.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
