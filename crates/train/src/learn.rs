//! How a model learns from one batch after another: truncated BPTT, gradient clipping, an optimiser and its
//! learning rate.
//!
//! ```text
//! batch ─┬─▶ loss ─▶ gradient ─▶ norm ─▶ clip ─▶ optimiser ─▶ weights
//! state ─┘    │
//!   ▲         │
//!   └ detached┘
//! ```

mod adagrad;
mod clip;
mod config;
mod dealt_out;
mod flat;
mod moments;
pub mod norms;
mod optimizer;
mod progress;
mod schedule;
mod snapshot;
pub mod tbptt;
mod trainer;

pub use clip::{Clip, clip};
pub use config::TrainerConfig;
pub use optimizer::OptimizerConfig;
pub use progress::{MEAN_OVER, Progress};
pub use schedule::Schedule;
pub(crate) use snapshot::{Snapshot, SnapshotLayout};
pub use trainer::{Together, Trainer, Update};
