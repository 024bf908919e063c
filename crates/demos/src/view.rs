//! What people see: lines and samples on standard output, progress bars, charts.

mod bars;
mod legend;
pub mod loss_curves;
pub mod loss_svg;
pub mod loss_terminal;
mod numbers;
pub mod palette;
pub mod panels;
pub mod png;
mod run_view;

pub use bars::{download_bar, training_bar};
pub use numbers::{bytes, grouped, plural};
pub use run_view::RunView;

use std::io::{self, Write};

/// Prints to standard output. A training run continues even if its reader has gone (`| head`).
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
