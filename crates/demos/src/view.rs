//! What people see of a run: lines and samples on standard output, a bar on the terminal, charts.

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

/// Prints to standard output. Whoever read it may have gone (`| head`): a run that trains goes on
/// without them.
pub fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
