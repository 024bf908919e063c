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
mod say;

pub use bars::{download_bar, training_bar};
pub use numbers::{bytes, grouped, plural};
pub use run_view::RunView;
pub use say::say;
