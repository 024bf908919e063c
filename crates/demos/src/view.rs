//! What people see: lines and samples on standard output, progress bars, charts.

mod bars;
mod fit;
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
mod wrapping;

pub use bars::{download_bar, training_bar};
pub use fit::{filled, hanging, width, wrapped};
pub use numbers::{bytes, grouped, plural, symbol};
pub use run_view::RunView;
pub use say::{note_above, say, tell};
pub use wrapping::Wrapping;
